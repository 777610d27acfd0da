-- A target judges a KPI that exists, in that KPI's unit, with an operator that is known and the values it needs.
with targets as (
    select * from {{ ref('dim_target') }}
),

kpis as (
    select * from {{ ref('dim_kpi') }}
)

select targets.target_id
from targets
left join kpis on targets.kpi_id = kpis.kpi_id
where
    kpis.kpi_id is null
    or targets.unit <> kpis.unit
    or targets.operator not in ('>=', '<=', '=', 'range')
    or targets.value_1 is null
    or (targets.operator = 'range') <> (targets.value_2 is not null)
    or targets.value_2 < targets.value_1
    or targets.strength not in ('stated', 'soft', 'inferred')
    or targets.effective_to < targets.effective_from
    or targets.due_months <= 0
    -- which step binds follows from the phases
    or (targets.due_months is not null and targets.phase is null)
    or targets.pack is null
    or targets.area_scope is null
    or targets.class_scope not in ('*', 'urban', 'town', 'rural')
    or targets.document is null
    or targets.clause is null
    or targets.text_zh is null
    or targets.text_en is null
