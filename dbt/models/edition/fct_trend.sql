{% set series = 'unit_key, period_type, kpi_id, target_id' %}

with recent as (
    select * from {{ ref('recent_judgements') }}
),

counted as (
    select
        {{ series }},
        max(case when place = 1 then unit_code end) as unit_code,
        max(case when place = 1 then unit_level end) as unit_level,
        max(period) as period,
        min(period) as first_period,
        count(*) as judged_periods,
        sum(is_met) as met_periods,
        sum((equals - 1) * (2 * equals + 5)) as ties
    from recent
    group by {{ series }}
),

-- every pair of periods: the later one better, worse or equal
pairs as (
    select
        later.unit_key,
        later.period_type,
        later.kpi_id,
        later.target_id,
        sum(later.better * sign(later.value - earlier.value)) as s
    from recent as later
    inner join recent as earlier
        on later.unit_key = earlier.unit_key
        and later.period_type = earlier.period_type
        and later.kpi_id = earlier.kpi_id
        and later.target_id = earlier.target_id
        and later.place < earlier.place
    group by later.unit_key, later.period_type, later.kpi_id, later.target_id
),

tested as (
    select
        counted.*,
        {{ mann_kendall('pairs.s', 'counted.judged_periods', 'counted.ties') }} as z
    from counted
    inner join pairs
        on counted.unit_key = pairs.unit_key
        and counted.period_type = pairs.period_type
        and counted.kpi_id = pairs.kpi_id
        and counted.target_id = pairs.target_id
    where counted.judged_periods >= 5
)

select
    unit_key,
    unit_code,
    unit_level,
    period_type,
    period,
    first_period,
    kpi_id,
    target_id,
    cast(judged_periods as integer) as judged_periods,
    cast(met_periods as integer) as met_periods,
    z,
    case when z >= 1.96 then 'improving' when z <= -1.96 then 'worsening' else 'none' end as trend,
    case
        when met_periods = judged_periods then 'reliably_met'
        when met_periods = 0 then 'reliably_missed'
        else 'hit_and_miss'
    end as reliability
from tested
