{# Where engines differ. Everything else is SQL that DuckDB and Spark read alike. #}

{% macro array_of(values) %}{{ return(adapter.dispatch('array_of')(values)) }}{% endmacro %}

{% macro duckdb__array_of(values) %}[{{ quoted(values) }}]{% endmacro %}

{% macro default__array_of(values) %}array({{ quoted(values) }}){% endmacro %}

{# 'a', 'b' … as SQL literals #}
{% macro quoted(values) -%}
    {%- for value in values %}'{{ value | replace("'", "''") }}'{{ ", " if not loop.last }}{% endfor -%}
{%- endmacro %}

{# One more row of the columns for `stacked`, by its cells (name: SQL) #}
{% macro add_row(columns, cells) %}
    {%- for name, value in cells.items() %}{% do columns.setdefault(name, []).append(value) %}{% endfor -%}
{% endmacro %}

{#
    Several rows of each row of a relation: its keys, and of every other column (name: SQL, one for each of the rows) the
    first, the second and so on.
#}
{% macro stacked(relation, keys, columns) %}{{ return(adapter.dispatch('stacked')(relation, keys, columns)) }}{% endmacro %}

{% macro duckdb__stacked(relation, keys, columns) -%}
    select
        {%- for key in keys %}
        {{ key }},
        {%- endfor %}
        {%- for name, values in columns.items() %}
        unnest([{{ values | join(', ') }}]) as {{ name }}{{ "," if not loop.last }}
        {%- endfor %}
    from {{ relation }}
{%- endmacro %}

{% macro default__stacked(relation, keys, columns) -%}
    select
        {%- for key in keys %}
        {{ key }},
        {%- endfor %}
        {{ columns | join(', ') }}
    from {{ relation }}
    lateral view inline(arrays_zip(
        {%- for values in columns.values() %}
        array({{ values | join(', ') }}){{ "," if not loop.last }}
        {%- endfor %}
    )) as {{ columns | join(', ') }}
{%- endmacro %}

{% macro text_of(expression) -%}
    cast({{ expression }} as {{ dbt.type_string() }})
{%- endmacro %}

{# The values of a group as one text, in order, separated by commas #}
{% macro listed(column) -%}
    {{ dbt.listagg(column, "','", "order by " ~ column) }}
{%- endmacro %}

{# A text literal, or a null of type text #}
{% macro text_or_null(value) -%}
    {%- if value is none or value is undefined -%}
        cast(null as {{ dbt.type_string() }})
    {%- else -%}
        '{{ value | string | replace("'", "''") }}'
    {%- endif -%}
{%- endmacro %}

{# The quotient of two positive decimals, rounded up to a whole number; null where there is none #}
{% macro whole_quotient(dividend, divisor) -%}
    {%- set parts -%}
        (cast({{ dividend }} * 1000000 as bigint) + cast({{ divisor }} * 1000000 as bigint) - 1)
    {%- endset -%}
    {{ adapter.dispatch('integer_division')(parts, 'nullif(cast(' ~ divisor ~ ' * 1000000 as bigint), 0)') }}
{%- endmacro %}

{% macro duckdb__integer_division(dividend, divisor) -%} {{ dividend }} // {{ divisor }} {%- endmacro %}

{% macro default__integer_division(dividend, divisor) -%} {{ dividend }} div {{ divisor }} {%- endmacro %}

{#
    Reading only the folders of the months to compute; of events, those with any version of an event of the months to sum
    again. DuckDB skips a file unopened only where it can tell by a constant: choose_months(), a hook before every model
    over rows of the lake, sets one for the session. Without it all months are read. Spark prunes partitions by the query
    itself; of events it reads all, since who looks at them otherwise than by month (signals) has no constant to set.
#}
{% macro choose_months(of='registers') %}{{ return(adapter.dispatch('choose_months')(of)) }}{% endmacro %}

{% macro duckdb__choose_months(of) %}
    set variable lake_folders = coalesce((
        select list(strftime(month, '%Y-%m')) from {{ months_to_read(of) }}
    ), [])
{% endmacro %}

{% macro default__choose_months(of) %}{% endmacro %}

{% macro is_month_chosen(folder, of) %}{{ return(adapter.dispatch('is_month_chosen')(folder, of)) }}{% endmacro %}

{% macro duckdb__is_month_chosen(folder, of) -%}
    coalesce(array_contains(getvariable('lake_folders'), {{ folder }}), true)
{%- endmacro %}

{% macro default__is_month_chosen(folder, of) -%}
    {%- if of == 'events' -%} true
    {%- else -%} {{ folder }} in (select substr({{ text_of('month') }}, 1, 7) from {{ months_to_read(of) }})
    {%- endif -%}
{%- endmacro %}

{% macro months_to_read(of) -%}
    {%- if of == 'events' -%} {{ source('control', 'event_deliveries') }}
    {%- else -%} {{ source('control', 'months') }} where is_dirty
    {%- endif -%}
{%- endmacro %}

{#
    Computing a part of the rows only, where materialisations.sql does so slice by slice. A constant for the session, as
    months are; without it, all rows.
#}
{% macro choose_slice(slice_no) -%}
    set variable slice_no = {{ slice_no }}
{%- endmacro %}

{% macro is_in_slice(slice_no) %}{{ return(adapter.dispatch('is_in_slice')(slice_no)) }}{% endmacro %}

{% macro duckdb__is_in_slice(slice_no) -%}
    coalesce({{ slice_no }} = getvariable('slice_no'), true)
{%- endmacro %}

{% macro default__is_in_slice(slice_no) -%} true {%- endmacro %}
