-- All that a judgement needs, one row per unit, period, KPI and target in force (one without target where none is).
{% set scopes = 'kpi_id, area_scope, class_scope, city_class_scope, level_scope, variant_scope' %}

with components as (
    {{ widened(ref('kpi_components')) }}
),

targets as (
    select targets.*
    from {{ ref('target_lines') }} as targets
    inner join {{ source('control', 'county') }} as county on array_contains(county.packs, targets.pack)
),

first_steps as (
    select
        {{ scopes }},
        min(effective_from) as effective_from
    from targets
    where phase is not null
    group by pack, {{ scopes }}
),

-- times before the first step of a phased target, for each unit that it is for; of several the one for every variant
awaited as (
    select distinct
        units.unit_key,
        units.period_type,
        units.period,
        first_steps.kpi_id,
        first_steps.variant_scope
    from {{ ref('judged_units') }} as units
    inner join first_steps
        on {{ is_for_unit('first_steps', 'units') }} and units.end_date < first_steps.effective_from
),

early as (
    select *
    from (
        select
            *,
            max(case when variant_scope = '*' then 1 else 0 end) over (
                partition by unit_key, period_type, period, kpi_id
            ) as is_for_every_variant
        from awaited
    ) as awaited
    where variant_scope = '*' or is_for_every_variant = 0
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
inner join {{ ref('dim_kpi') }} as kpis on components.kpi_id = kpis.kpi_id
left join {{ ref('kpi_presence') }} as presence
    on components.coverage_code = presence.coverage_code
    and components.period_type = presence.period_type
    and components.period = presence.period
    and components.kpi_id = presence.kpi_id
left join targets
    on {{ is_in_scope('targets', 'components') }}
    and coalesce(components.end_date >= targets.effective_from, true)
    and coalesce(components.end_date <= targets.effective_to, true)
left join early
    on components.unit_key = early.unit_key
    and components.period_type = early.period_type
    and components.period = early.period
    and components.kpi_id = early.kpi_id
    and early.variant_scope in ('*', components.variant)
