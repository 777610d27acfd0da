-- Targets of the documents, and those that the county sets where a document leaves the number open.
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
    effective_from,
    effective_to,
    plan_end,
    document,
    clause,
    strength,
    text_zh,
    text_en
from targets
