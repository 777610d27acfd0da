-- Over the last judged months and quarters; figures of two years ago (quarters: five) say nothing about how things go.
{% set most, least = 12, 5 %}
{% set better = "counted.rises * case when kpis.direction = 'higher' then 1 else -1 end" %}

with last_periods as (
    select
        period_type,
        max(period) as last_period
    from {{ source('control', 'periods') }}
    where period_type in ('month', 'quarter')
    group by period_type
),

judged as (
    select
        judgements.*,
        row_number() over latest_first as place,
        {{ earlier_values('judgements.value', most, 'latest_first') }}
    from {{ ref('judgements') }} as judgements
    inner join last_periods on judgements.period_type = last_periods.period_type
    where
        judgements.period >= case
            when judgements.period_type = 'month' then last_periods.last_period - interval 2 year
            else last_periods.last_period - interval 5 year
        end
    window latest_first as (
        partition by judgements.unit_no, judgements.target_no, judgements.period_type
        order by judgements.period desc
    )
),

counted as (
    select
        max(case when place = 1 then name_no end) as name_no,
        target_no,
        period_type,
        max(period) as period,
        min(period) as first_period,
        count(*) as judged_periods,
        sum(is_met) as met_periods,
        sum({{ rises('value', most) }}) as rises,
        sum({{ ties('value', most) }}) as ties
    from judged
    where place <= {{ most }}
    group by unit_no, target_no, period_type
    having count(*) >= {{ least }}
),

tested as (
    select
        counted.*,
        targets.kpi_id,
        targets.target_id,
        {{ mann_kendall(better, 'counted.judged_periods', 'counted.ties') }} as z
    from counted
    inner join {{ ref('target_lines') }} as targets on counted.target_no = targets.target_no
    inner join {{ ref('dim_kpi') }} as kpis on targets.kpi_id = kpis.kpi_id
)

select
    units.unit_key,
    units.unit_code,
    units.unit_level,
    tested.period_type,
    tested.period,
    tested.first_period,
    tested.kpi_id,
    tested.target_id,
    cast(tested.judged_periods as integer) as judged_periods,
    cast(tested.met_periods as integer) as met_periods,
    tested.z,
    case when tested.z >= 1.96 then 'improving' when tested.z <= -1.96 then 'worsening' else 'none' end as trend,
    case
        when tested.met_periods = tested.judged_periods then 'reliably_met'
        when tested.met_periods = 0 then 'reliably_missed'
        else 'hit_and_miss'
    end as reliability
from tested
inner join {{ ref('unit_numbers') }} as units on tested.name_no = units.name_no
