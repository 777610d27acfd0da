-- All that a judgement needs, one row per unit, period, KPI and target in force (one without target where none is).
with figures as (
    select * from {{ ref('kpi_components') }}
),

components as (
    {{ widened('figures') }}
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
),

first_steps as (
    select
        kpi_id,
        area_scope,
        class_scope,
        city_class_scope,
        level_scope,
        variant_scope,
        min(effective_from) as effective_from
    from targets
    where phase is not null
    group by pack, kpi_id, area_scope, class_scope, city_class_scope, level_scope, variant_scope
),

-- figures of a time before the first step of a phased target
early as (
    select distinct
        components.unit_key,
        components.period_type,
        components.period,
        components.kpi_id
    from components
    inner join first_steps
        on {{ is_in_scope('first_steps') }} and components.end_date < first_steps.effective_from
)

select
    components.*,
    kpis.tolerance,
    targets.target_id,
    targets.target_floor,
    targets.target_ceiling,
    targets.target_id is null and early.kpi_id is not null as is_before_first_step,
    coalesce(components.end_date > targets.plan_end, false) as is_basis_expired,
    not coalesce(presence.has_arrived, false) or components.has_no_rows as is_no_data,
    coalesce(presence.is_cases_partial, false) or components.is_incomplete as is_cases_partial,
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
    on {{ is_in_scope('targets') }}
    and coalesce(components.end_date >= targets.effective_from, true)
    and coalesce(components.end_date <= targets.effective_to, true)
left join early
    on components.unit_key = early.unit_key
    and components.period_type = early.period_type
    and components.period = early.period
    and components.kpi_id = early.kpi_id
