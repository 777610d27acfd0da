-- Targets as lines that a figure is held against: a floor it must reach, a ceiling it must not pass, or both.
-- Of a range both ends bind, unless it is declared that only one does. One that waits for its date is none yet.
-- target_no: for whoever sorts by the million.
select
    target_id,
    cast(row_number() over (order by target_id) as integer) as target_no,
    kpi_id,
    pack,
    area_scope,
    class_scope,
    city_class_scope,
    level_scope,
    variant_scope,
    phase,
    effective_from,
    effective_to,
    plan_end,
    document,
    clause,
    case when operator <> '<=' and coalesce(binding <> 'upper', true) then value_1 end as target_floor,
    case
        when operator = 'range' and coalesce(binding <> 'lower', true) then value_2
        when operator in ('<=', '=') then value_1
    end as target_ceiling
from {{ ref('dim_target') }}
where due_months is null or effective_from is not null
