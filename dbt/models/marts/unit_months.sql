with units as (
    select * from {{ source('control', 'units') }}
),

calendar as (
    select * from {{ ref('calendar') }}
),

coverage as (
    {{ coverage_codes() }}
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
