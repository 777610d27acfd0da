{#
    Which months and periods a build computes: those that the control tables mark as dirty. With --full-refresh all
    of them have to be marked.
#}

{#
    Before an incremental build: takes away what is computed again (`mark`: the column of months that says so), and what
    is no longer evaluated.
#}
{% macro forget_months(mark='is_dirty') %}
    {% if is_incremental() %}
        delete from {{ this }} where month not in (
            select month from {{ source('control', 'months') }} where not {{ mark }}
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

{#
    The slices that a model is computed in, one after the other, so that memory does not grow with how many periods
    there are to compute: `sliced_by` in its config names the model that has their numbers (slice_no). The first slice
    alone where it has none.
#}
{% macro slices() %}
    {% set slices = [0] %}
    {% if config.get('sliced_by') and execute %}
        {% set query %}select distinct slice_no from {{ this.incorporate(path={'identifier': config.get('sliced_by')}) }} order by slice_no{% endset %}
        {% set slices = run_query(query).columns[0].values() %}
    {% endif %}
    {{ return(slices) }}
{% endmacro %}

{# How many months of each period are evaluated, and how many from January on #}
{% macro evaluated_months(periods) %}
    select
        periods.period_type,
        periods.period,
        sum(case when months.month >= periods.start_date then 1 else 0 end) as months,
        count(*) as year_months
    from {{ periods }} as periods
    inner join {{ source('control', 'months') }} as months
        on months.month between date_trunc('year', periods.last_month) and periods.last_month
    group by periods.period_type, periods.period
{% endmacro %}

{#
    How many returns each unit owes for a period where every community makes one a month: of its last month, of its months,
    and from January on. Communities come and go meanwhile, so they are counted month by month.
#}
{% macro returns_due(periods) %}
    select
        periods.period_type,
        periods.period,
        communities.unit_key,
        sum(case when months.month = periods.last_month then communities.communities else 0 end) as due_stock,
        sum(case when months.month >= periods.start_date then communities.communities else 0 end) as due_flow,
        sum(communities.communities) as due_ytd
    from {{ periods }} as periods
    inner join {{ source('control', 'months') }} as months
        on months.month between date_trunc('year', periods.last_month) and periods.last_month
    inner join (
        {{ communities_of_then() }}
    ) as communities
        on months.month = communities.month
    group by periods.period_type, periods.period, communities.unit_key
{% endmacro %}
