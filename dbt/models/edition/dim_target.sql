-- Targets of the documents, and those that the county sets where a document leaves the number open. A step that is due
-- so many months after a programme began takes effect on the last day of that time, once the county says when it began;
-- until then it has no date and binds nobody (see target_lines). A step ends where the next one takes effect.
with stated as (
    select * from {{ ref('targets') }}
),

own as (
    select * from {{ source('control', 'county_targets') }}
),

targets as (
    select * from stated
    union all
    select * from own
),

dated as (
    select
        targets.*,
        coalesce(
            cast(starts.start_date + targets.due_months * interval 1 month - interval 1 day as date),
            targets.effective_from
        ) as takes_effect_on
    from targets
    left join {{ source('control', 'programme_starts') }} as starts on targets.pack = starts.pack
),

stepped as (
    select
        *,
        lead(takes_effect_on) over (
            partition by
                kpi_id, pack, area_scope, class_scope, city_class_scope, level_scope, variant_scope, phase is null
            order by phase
        ) as next_takes_effect_on
    from dated
)

select
    target_id,
    pack,
    kpi_id,
    operator,
    cast(value_1 as decimal(18, 4)) as value_1,
    cast(value_2 as decimal(18, 4)) as value_2,
    binding,
    unit,
    area_scope,
    class_scope,
    city_class_scope,
    level_scope,
    variant_scope,
    cast(phase as integer) as phase,
    cast(due_months as integer) as due_months,
    takes_effect_on as effective_from,
    case
        when phase is null then effective_to
        else coalesce(effective_to, cast(next_takes_effect_on - interval 1 day as date))
    end as effective_to,
    plan_end,
    document,
    clause,
    strength,
    text_zh,
    text_en
from stepped
