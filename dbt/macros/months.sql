{# Which months and periods a build computes. The control tables say so; a full refresh computes all of them. #}

{% macro dirty_only() %}{% if not flags.FULL_REFRESH %}where is_dirty{% endif %}{% endmacro %}

{#
    The folders of the months to compute, such as '2026-01', as SQL literals: constants, because only constants
    keep the files of other months from being opened.
#}
{% macro folders_to_read() %}
    {% set folders = [""] %}
    {% if execute %}
        {% set query %}
            select substr(cast(month as {{ dbt.type_string() }}), 1, 7) as folder
            from {{ source('control', 'months') }} {{ dirty_only() }}
        {% endset %}
        {% do folders.extend(run_query(query).columns[0].values()) %}
    {% endif %}
    {{ return(quoted(folders)) }}
{% endmacro %}

{# Before an incremental build: takes away what is computed again, and what is no longer evaluated. #}
{% macro forget_months() %}
    {% if is_incremental() %}
        delete from {{ this }} where month not in (
            select month from {{ source('control', 'months') }} where not is_dirty
        )
    {% endif %}
{% endmacro %}

{% macro forget_periods() %}
    {% if is_incremental() %}
        delete from {{ this }} where not exists (
            select 1 from {{ source('control', 'periods') }} as periods
            where not periods.is_dirty
                and periods.period_type = {{ this.identifier }}.period_type
                and periods.period = {{ this.identifier }}.period
        )
    {% endif %}
{% endmacro %}

{# As forget_periods, for what depends on earlier periods: all periods of a type from the first dirty one on. #}
{% macro forget_periods_from_first_dirty() %}
    {% if is_incremental() %}
        delete from {{ this }} where not exists (
            select 1 from {{ source('control', 'periods') }} as periods
            where periods.period_type = {{ this.identifier }}.period_type
                and periods.period = {{ this.identifier }}.period
        ) or exists (
            select 1 from {{ source('control', 'periods') }} as periods
            where periods.is_dirty
                and periods.period_type = {{ this.identifier }}.period_type
                and periods.period <= {{ this.identifier }}.period
        )
    {% endif %}
{% endmacro %}
