{# What the tests ask of several tables alike. A test gives rows where something is wrong. #}

{# How many keys stand more than once in a relation, among its rows of dirty months or periods if asked so #}
{% macro repeated_keys(relation, keys, dirty=none) %}
    select
        '{{ relation.identifier }}' as table_name,
        count(*) as keys
    from (
        select {{ keys | join(', ') }}
        from {{ relation }}
        {{ of_dirty(dirty) }}
        group by {{ keys | join(', ') }}
        having count(*) > 1
    ) as repeated
    having count(*) > 0
{% endmacro %}

{# The part of a relation that was just computed: its dirty 'months' or 'periods'; all of it where none is named #}
{% macro of_dirty(dirty) %}
    {%- if dirty == 'months' -%}
        where month in (select month from {{ source('control', 'months') }} where is_dirty)
    {%- elif dirty == 'periods' -%}
        inner join (
            select period_type, period from {{ source('control', 'periods') }} where is_dirty
        ) as dirty_periods using (period_type, period)
    {%- endif -%}
{% endmacro %}

{# Values of a column that are not among the known ones; null is known where `nullable` #}
{% macro unknown_values(relation, column, known, nullable=false, dirty=none) %}
    select distinct
        '{{ relation.identifier }}.{{ column }}' as column_name,
        {{ text_of(column) }} as value
    from (select {{ column }} from {{ relation }} {{ of_dirty(dirty) }}) as checked
    where {{ column }} not in ({{ quoted(known) }}) {{ 'or ' ~ column ~ ' is null' if not nullable }}
{% endmacro %}

{#
    Rows of every batch in the lake, each counted once, for the months to compute and without staging. The folders are asked for when
    the test is compiled, since constants alone keep other folders unopened.
#}
{% macro lake_row_counts() %}
    {% set folders = ['none'] %}
    {% set datasets = [] %}
    {% if execute %}
        {% set query %}
            select substr({{ text_of('month') }}, 1, 7) as folder
            from {{ source('control', 'months') }}
            where is_dirty
        {% endset %}
        {% do folders.extend(run_query(query).columns[0].values()) %}
        {% do datasets.extend(graph.sources.values() | selectattr('source_name', 'equalto', 'lake')) %}
    {% endif %}
    {%- for dataset in datasets %}
    select batch_id, count(distinct row_number) as row_count
    from {{ source('lake', dataset.name) }}
    where period in ({{ quoted(folders) }})
    group by batch_id
    {{ "union all" if not loop.last }}
    {%- endfor %}
{% endmacro %}
