-- A figure belongs to a unit in force at the end of its period, or (as_now) to one of today. It is held against every
-- target of a chosen pack that was in force then and is meant for it (area, class, city class, level, variant; of
-- phased ones the last step passed), once each and against no other; a judged one against one at least.
{% set figure = ['unit_key', 'unit_basis', 'period_type', 'period', 'kpi_id'] %}
{% set scopes = ['area_scope', 'class_scope', 'city_class_scope', 'level_scope', 'variant_scope'] %}

with kpis as (
    select fct_kpi.* from {{ ref('fct_kpi') }} as fct_kpi
    {{ of_dirty('periods') }}
),

variants as (
    select * from {{ ref('kpi_components') }}
    where variant <> '*'
),

figures as (
    select distinct
        kpis.unit_code,
        kpis.{{ figure | join(', kpis.') }},
        periods.end_date,
        units.unit_level,
        units.class,
        units.city_class,
        variants.variant,
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

in_force as (
    select
        figures.*,
        targets.target_id,
        targets.phase,
        targets.pack,
        {{ scopes | join(', ') }}
    from figures
    inner join {{ ref('dim_target') }} as targets on figures.kpi_id = targets.kpi_id
    inner join {{ source('control', 'county') }} as county on array_contains(county.packs, targets.pack)
    where
        (targets.area_scope = '*' or left(figures.unit_code, length(targets.area_scope)) = targets.area_scope)
        and targets.class_scope in ('*', figures.class) and targets.city_class_scope in ('*', figures.city_class)
        and targets.level_scope in ('*', figures.unit_level)
        and targets.variant_scope in ('*', figures.variant)
        and coalesce(targets.effective_from <= figures.end_date, targets.due_months is null)
        and coalesce(targets.effective_to >= figures.end_date, true)
),

-- few: a window over all targets would cost more than the rest of this test
in_phases as (
    select
        *,
        max(phase) over (partition by {{ figure | join(', ') }}, pack, {{ scopes | join(', ') }}) as last_phase
    from in_force
    where phase is not null
),

answers as (
    select {{ figure | join(', ') }}, target_id, 0 as held, 1 as meant
    from in_force
    where phase is null
    union all
    select {{ figure | join(', ') }}, target_id, 0 as held, 1 as meant
    from in_phases
    where phase = last_phase
    union all
    select {{ figure | join(', ') }}, target_id, 1 as held, 0 as meant
    from kpis
    where target_id is not null
    union all
    select {{ figure | join(', ') }}, 'not in force' as target_id, 0 as held, 0 as meant
    from figures
    where not is_in_force
)

select {{ figure | join(', ') }}, target_id
from answers
group by {{ figure | join(', ') }}, target_id
having sum(held) <> 1 or sum(meant) <> 1
union all
select {{ figure | join(', ') }}, target_id
from kpis
where (target_id is null and status in ('met', 'near', 'missed')) or (target_id is not null and status = 'no_target')
