-- Judged figures, and how far each lies from its target (0 where met), in the unit of the KPI.
with kpis as (
    select * from {{ ref('fct_kpi') }}
    where unit_basis = 'as_was' and status in ('met', 'near', 'missed')
),

targets as (
    select * from {{ ref('target_lines') }}
)

select
    kpis.unit_key,
    kpis.unit_code,
    kpis.unit_level,
    kpis.period_type,
    kpis.period,
    kpis.kpi_id,
    kpis.target_id,
    kpis.status,
    case when kpis.status = 'met' then 1 else 0 end as is_met,
    kpis.certainty,
    kpis.value,
    kpis.shortfall,
    greatest(
        coalesce(cast(targets.target_floor as double) - kpis.value, 0),
        coalesce(kpis.value - cast(targets.target_ceiling as double), 0),
        0
    ) as distance
from kpis
inner join targets on kpis.target_id = targets.target_id
