-- A figure belongs to a unit in force at the end of its period, or (as_now) to one of today. It is held against every
-- target of a chosen pack that was in force then and is meant for it (area, class, city class, level, variant; of
-- phased ones the last step passed), once each and against no other; a judged one against one at least.
{% set figure = ['unit_key', 'unit_basis', 'period_type', 'period', 'kpi_id'] %}
{% set scopes = ['area_scope', 'class_scope', 'city_class_scope', 'level_scope', 'variant_scope'] %}

with kpis as (
    select fct_kpi.* from {{ ref('fct_kpi') }} as fct_kpi
    {{ of_dirty('periods') }}
),

{{ kpi_figures(kpis() | selectattr('variant', 'defined') | list, "unit_basis <> 'unplaced'", 'variants') }},

figures as (
    select distinct
        kpis.unit_code,
        kpis.{{ figure | join(', kpis.') }},
        periods.end_date,
        units.unit_level,
        units.class,
        units.city_class,
        coalesce(variants.variant, '*') as variant,
        coalesce(units.unit_code = kpis.unit_code, false) as is_in_force
    from kpis
    inner join {{ ref('dim_period') }} as periods
        on kpis.period_type = periods.period_type and kpis.period = periods.period
    left join {{ ref('placed_units') }} as units
        on kpis.unit_key = units.registered_key
        and kpis.unit_basis = units.unit_basis and periods.last_month = units.month
    left join variants
        on kpis.unit_key = variants.registered_key and kpis.unit_basis = variants.unit_basis
        and kpis.kpi_id = variants.kpi_id and kpis.period_type = variants.period_type
        and kpis.period = variants.period
),

ends as (
    select distinct end_date from figures
),

-- which targets are in force at the end of a period, and of phased ones which step was passed last, says no figure
in_force as (
    select
        targets.*,
        ends.end_date,
        max(targets.phase) over (
            partition by ends.end_date, targets.kpi_id, targets.pack, targets.{{ scopes | join(', targets.') }}
        ) as last_phase
    from {{ ref('dim_target') }} as targets
    inner join {{ source('control', 'county') }} as county on array_contains(county.packs, targets.pack)
    inner join ends
        on coalesce(targets.effective_from <= ends.end_date, targets.due_months is null)
        and coalesce(targets.effective_to >= ends.end_date, true)
),

answers as (
    select figures.{{ figure | join(', figures.') }}, in_force.target_id, 0 as held, 1 as meant
    from figures
    inner join in_force on figures.kpi_id = in_force.kpi_id and figures.end_date = in_force.end_date
    where
        (in_force.area_scope = '*' or left(figures.unit_code, length(in_force.area_scope)) = in_force.area_scope)
        and in_force.class_scope in ('*', figures.class) and in_force.city_class_scope in ('*', figures.city_class)
        and in_force.level_scope in ('*', figures.unit_level) and in_force.variant_scope in ('*', figures.variant)
        and coalesce(in_force.phase = in_force.last_phase, true)
    union all
    select {{ figure | join(', ') }}, target_id, 1 as held, 0 as meant
    from kpis
    where target_id is not null
    union all
    select {{ figure | join(', ') }}, 'not in force' as target_id, 0 as held, 0 as meant
    from figures
    where not is_in_force
)

select {{ figure | join(', ') }}, target_id from answers
group by {{ figure | join(', ') }}, target_id
having sum(held) <> 1 or sum(meant) <> 1
union all
select {{ figure | join(', ') }}, target_id
from kpis
where (target_id is null and status in ('met', 'near', 'missed')) or (target_id is not null and status = 'no_target')
