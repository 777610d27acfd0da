-- Judged figures of units as they were, and how far each lies from its target (0 where met), in the unit of the KPI.
-- Units and targets by number: see unit_numbers, target_lines.
with kpis as (
    select * from {{ ref('fct_kpi') }}
    where unit_basis = 'as_was' and status in ('met', 'near', 'missed')
)

select
    units.unit_no,
    units.name_no,
    units.slice_no,
    targets.target_no,
    kpis.period_type,
    kpis.period,
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
inner join {{ ref('unit_numbers') }} as units
    on kpis.unit_key = units.unit_key and kpis.unit_code = units.unit_code and kpis.unit_level = units.unit_level
inner join {{ ref('target_lines') }} as targets on kpis.target_id = targets.target_id
