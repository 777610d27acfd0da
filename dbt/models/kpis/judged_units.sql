-- Units and periods to judge: every unit in force on the last day of a period to compute. communities, streets: how
-- many it has then; months: how many of the period are evaluated; year_months: how many from January on.
with periods as (
    select * from {{ source('control', 'periods') }}
    where is_dirty
),

unit_months as (
    select * from {{ ref('unit_months') }}
),

contents as (
    select
        month,
        unit_key,
        sum(case when place_level = 'community' then 1 else 0 end) as communities,
        sum(case when place_level = 'street' then 1 else 0 end) as streets
    from {{ ref('place_paths') }}
    group by month, unit_key
),

evaluated as (
    select
        periods.period_type,
        periods.period,
        sum(case when months.month >= periods.start_date then 1 else 0 end) as months,
        count(*) as year_months
    from periods
    inner join {{ source('control', 'months') }} as months
        on months.month between date_trunc('year', periods.last_month) and periods.last_month
    group by periods.period_type, periods.period
)

select
    unit_months.unit_key,
    unit_months.unit_code,
    unit_months.unit_level,
    unit_months.class,
    unit_months.city_class,
    unit_months.coverage_code,
    periods.period_type,
    periods.period,
    periods.start_date,
    periods.end_date,
    periods.last_month,
    not periods.is_closed or coalesce(unit_months.opened_date > periods.last_month, false) as is_too_early,
    coalesce(contents.communities, 0) as communities,
    coalesce(contents.streets, 0) as streets,
    evaluated.months,
    evaluated.year_months
from periods
inner join unit_months on periods.last_month = unit_months.month
inner join evaluated on periods.period_type = evaluated.period_type and periods.period = evaluated.period
left join contents
    on unit_months.unit_key = contents.unit_key and unit_months.month = contents.month
