{#
    How models are written on DuckDB: replaced in one statement, or added to, in one transaction. The adapter's own
    materialisations copy, rename, look up and drop around that, which takes several times as long for small tables
    and gains nothing here: no indexes, no foreign keys, one writer. Other engines use their adapter's own.
#}

{# A name that was a view becomes a table, or the other way round: what is there cannot be replaced, only dropped. #}
{% macro make_way_for(target) %}
    {% set existing = load_cached_relation(this) %}
    {% if existing is not none and existing.type != target.type %}
        {% do adapter.drop_relation(existing) %}
    {% endif %}
{% endmacro %}

{# Columns against the contract. They follow from the code, and with other code everything is computed afresh. #}
{% macro assert_contract(sql) %}
    {%- if flags.FULL_REFRESH -%}{{ get_assert_columns_equivalent(sql) }}{%- endif -%}
{% endmacro %}

{% macro replace_table(target, sql) %}
    {%- if config.get('contract').enforced -%}
        {{ new_table(target, sql) }};
        insert into {{ target }} by name ({{ sql }})
    {%- else -%}
        create or replace table {{ target }} as ({{ sql }})
    {%- endif -%}
{% endmacro %}

{# An empty table as its contract says #}
{% macro new_table(target, sql) %}
    {{ assert_contract(sql) }}
    create or replace table {{ target }} {{ get_table_columns_and_constraints() }}
{% endmacro %}

{% materialization view, adapter='duckdb' %}
    {%- set target = this.incorporate(type='view') -%}
    {% do make_way_for(target) %}
    {{ run_hooks(pre_hooks) }}
    {% call statement('main') %}create or replace view {{ target }} as ({{ sql }}){% endcall %}
    {{ run_hooks(post_hooks) }}
    {% do adapter.commit() %}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}

{% materialization table, adapter='duckdb' %}
    {%- set target = this.incorporate(type='table') -%}
    {% do make_way_for(target) %}
    {{ run_hooks(pre_hooks) }}
    {% call statement('main') %}{{ replace_table(target, sql) }}{% endcall %}
    {{ run_hooks(post_hooks) }}
    {% do adapter.commit() %}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}

{# Rows are added, slice by slice; a hook before says which ones make way for them. #}
{% materialization incremental, adapter='duckdb' %}
    {%- set target = this.incorporate(type='table') -%}
    {% do make_way_for(target) %}
    {{ run_hooks(pre_hooks) }}
    {% call statement('main') %}
        {% if not is_incremental() %}{{ new_table(target, sql) }};{% endif %}
        {% for slice in slices() %}
        {{ choose_slice(slice) }};
        insert into {{ target }} by name ({{ sql }});
        {% endfor %}
    {% endcall %}
    {{ run_hooks(post_hooks) }}
    {% do adapter.commit() %}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}
