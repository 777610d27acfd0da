-- Units and periods to judge: every unit in force on the last day of a period to compute.
with periods as (
    select * from {{ source('control', 'periods') }}
    where is_dirty
),

unit_months as (
    select * from {{ ref('unit_months') }}
)

select
    unit_months.unit_key,
    unit_months.unit_code,
    unit_months.unit_level,
    unit_months.class,
    unit_months.coverage_code,
    periods.period_type,
    periods.period,
    periods.start_date,
    periods.end_date,
    periods.last_month,
    not periods.is_closed or coalesce(unit_months.opened_date > periods.last_month, false) as is_too_early
from periods
inner join unit_months on periods.last_month = unit_months.month
