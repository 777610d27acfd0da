-- All that a judgement needs, one row per unit, period, KPI and target in force (one without target where none is).
with components as (
    select * from {{ ref('kpi_components') }}
),

presence as (
    select * from {{ ref('kpi_presence') }}
),

kpis as (
    select * from {{ ref('dim_kpi') }}
),

targets as (
    select targets.*
    from {{ ref('target_lines') }} as targets
    inner join {{ source('control', 'county') }} as county on array_contains(county.packs, targets.pack)
)

select
    components.*,
    kpis.tolerance,
    targets.target_id,
    targets.target_floor,
    targets.target_ceiling,
    not coalesce(presence.has_arrived, false) as is_no_data,
    coalesce(presence.is_cases_partial, false) as is_cases_partial,
    coalesce(presence.is_numerator_partial, false) as is_numerator_partial,
    coalesce(presence.is_amount_partial, false) as is_amount_partial,
    coalesce(presence.is_denominator_partial, false) as is_denominator_partial,
    coalesce(presence.expected_suppliers, 0) as expected_suppliers,
    coalesce(presence.reporting_suppliers, 0) as reporting_suppliers
from components
inner join kpis on components.kpi_id = kpis.kpi_id
left join presence
    on components.coverage_code = presence.coverage_code
    and components.period_type = presence.period_type
    and components.period = presence.period
    and components.kpi_id = presence.kpi_id
left join targets
    on components.kpi_id = targets.kpi_id
    and (targets.area_scope = '*' or left(components.unit_code, length(targets.area_scope)) = targets.area_scope)
    and (targets.class_scope = '*' or components.class = targets.class_scope)
    and (targets.effective_from is null or components.end_date >= targets.effective_from)
    and (targets.effective_to is null or components.end_date <= targets.effective_to)
