with units as (
    select * from {{ source('control', 'units') }}
),

calendar as (
    select * from {{ ref('calendar') }}
),

supplier_sets as (
    select
        unit_code,
        {{ listed('supplier_id') }} as suppliers
    from {{ ref('unit_suppliers') }}
    group by unit_code
),

-- units with the same suppliers are named after one of them
coverage as (
    select
        unit_code,
        min(unit_code) over (partition by suppliers) as coverage_code
    from supplier_sets
)

select
    units.unit_key,
    calendar.month,
    units.unit_code,
    units.unit_level,
    units.parent_unit_key,
    units.class,
    units.city_class,
    units.opened_date,
    coverage.coverage_code
from calendar
inner join units
    on calendar.month_end >= units.valid_from
    and (units.valid_to is null or calendar.month_end < units.valid_to)
left join coverage on units.unit_code = coverage.unit_code
