{# Where engines differ. Everything else is SQL that DuckDB and Spark read alike. #}

{% macro array_of(values) %}{{ return(adapter.dispatch('array_of')(values)) }}{% endmacro %}

{% macro duckdb__array_of(values) %}[{{ quoted(values) }}]{% endmacro %}

{% macro default__array_of(values) %}array({{ quoted(values) }}){% endmacro %}

{# 'a', 'b' … as SQL literals #}
{% macro quoted(values) -%}
    {%- for value in values %}'{{ value | replace("'", "''") }}'{{ ", " if not loop.last }}{% endfor -%}
{%- endmacro %}

{# A text literal, or a null of type text #}
{% macro text_or_null(value) -%}
    {%- if value is none or value is undefined -%}
        cast(null as {{ dbt.type_string() }})
    {%- else -%}
        '{{ value | string | replace("'", "''") }}'
    {%- endif -%}
{%- endmacro %}
