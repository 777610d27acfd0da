-- Targets as lines that a figure is held against: a floor it must reach, a ceiling it must not pass, or both.
select
    target_id,
    kpi_id,
    pack,
    area_scope,
    class_scope,
    effective_from,
    effective_to,
    document,
    clause,
    case when operator <> '<=' then value_1 end as target_floor,
    case
        when operator = 'range' then value_2
        when operator <> '>=' then value_1
    end as target_ceiling
from {{ ref('dim_target') }}
