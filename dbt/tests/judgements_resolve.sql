-- A figure belongs to a unit in force at the end of its period; a judged one to a target of a chosen pack that was in
-- force then; one without target to none; and only missed or near ones, or recoveries, are flagged.
with kpis as (
    select fct_kpi.*
    from {{ ref('fct_kpi') }} as fct_kpi
    {{ of_dirty('periods') }}
),

periods as (
    select * from {{ ref('dim_period') }}
),

units as (
    select * from {{ ref('unit_months') }}
),

targets as (
    select targets.*
    from {{ ref('dim_target') }} as targets
    inner join {{ source('control', 'county') }} as county on array_contains(county.packs, targets.pack)
),

resolved as (
    select
        kpis.unit_key,
        kpis.kpi_id,
        kpis.status,
        kpis.target_id,
        units.unit_key is not null and units.unit_code = kpis.unit_code as is_in_force,
        targets.target_id is not null
        and coalesce(targets.effective_from <= periods.end_date, true)
        and coalesce(targets.effective_to >= periods.end_date, true) as has_target
    from kpis
    inner join periods on kpis.period_type = periods.period_type and kpis.period = periods.period
    left join units on kpis.unit_key = units.unit_key and periods.last_month = units.month
    left join targets on kpis.target_id = targets.target_id and kpis.kpi_id = targets.kpi_id
)

select
    unit_key,
    kpi_id,
    status,
    target_id
from resolved
where
    not is_in_force
    or (target_id is not null) <> has_target
    or (status in ('met', 'near', 'missed') and not has_target)
    or (status = 'no_target' and has_target)
