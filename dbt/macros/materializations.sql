{#
    How tables are written on DuckDB: replaced in one statement, or added to, in one transaction. The adapter's own
    materialisations copy, rename, look up and drop around that, which takes several times as long for small tables
    and gains nothing here: no indexes, no foreign keys, one writer. Other engines use their adapter's own.
#}

{% macro replace_table(relation, sql) %}
    {%- if config.get('contract').enforced -%}
        {{ get_assert_columns_equivalent(sql) }}
        create or replace table {{ relation }} {{ get_table_columns_and_constraints() }};
        insert into {{ relation }} by name ({{ sql }})
    {%- else -%}
        create or replace table {{ relation }} as ({{ sql }})
    {%- endif -%}
{% endmacro %}

{% materialization table, adapter='duckdb' %}
    {%- set target = this.incorporate(type='table') -%}
    {{ run_hooks(pre_hooks) }}
    {% call statement('main') %}{{ replace_table(target, sql) }}{% endcall %}
    {{ run_hooks(post_hooks) }}
    {% do adapter.commit() %}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}

{# Rows are added; a hook before says which ones make way for them. #}
{% materialization incremental, adapter='duckdb' %}
    {%- set target = this.incorporate(type='table') -%}
    {{ run_hooks(pre_hooks) }}
    {% call statement('main') %}
        {%- if is_incremental() -%}
            {{ get_assert_columns_equivalent(sql) }}
            insert into {{ target }} by name ({{ sql }})
        {%- else -%}
            {{ replace_table(target, sql) }}
        {%- endif -%}
    {% endcall %}
    {{ run_hooks(post_hooks) }}
    {% do adapter.commit() %}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}
