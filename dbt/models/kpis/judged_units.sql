-- Units and periods to judge: every unit in force on the last day of a period to compute, today's where they had
-- another extent then, and what cannot be placed (see placed_units). communities, streets: how many it has then;
-- months: how many of the period are evaluated; year_months: from January on. due_<basis>: how many returns of
-- communities a figure of that basis rests on. is_moved_<basis>: a month that counts for such a figure has another
-- extent than today's. A table: the figures of every mart start from it.
{{ config(materialized='table') }}

with periods as (
    select * from {{ source('control', 'periods') }}
    where is_dirty
),

units as (
    select * from {{ ref('placed_units') }}
),

moved as (
    {{ moved_extents() }}
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
    {{ evaluated_months('periods') }}
),

due as (
    {{ returns_due('periods') }}
)

select
    units.unit_key,
    units.unit_basis,
    units.registered_key,
    units.unit_code,
    units.unit_level,
    units.class,
    units.city_class,
    units.coverage_code,
    periods.period_type,
    periods.period,
    periods.start_date,
    periods.end_date,
    periods.last_month,
    not periods.is_closed or coalesce(
        units.opened_date > periods.last_month and units.unit_basis = 'as_was', false
    ) as is_too_early,
    coalesce(contents.communities, 0) as communities,
    coalesce(contents.streets, 0) as streets,
    evaluated.months,
    evaluated.year_months,
    coalesce(due.due_stock, 0) as due_stock,
    coalesce(due.due_flow, 0) as due_flow,
    coalesce(due.due_ytd, 0) as due_ytd,
    coalesce(moved.is_moved_stock, false) as is_moved_stock,
    coalesce(moved.is_moved_flow, false) as is_moved_flow,
    moved.extent_key is not null as is_moved_ytd,
    cast(floor(
        rank() over (order by periods.last_month, periods.period_type) / {{ var('figures_at_a_time') }}
    ) as integer) as slice_no
from periods
inner join units on periods.last_month = units.month
inner join evaluated on periods.period_type = evaluated.period_type and periods.period = evaluated.period
left join contents
    on units.unit_key = contents.unit_key and units.month = contents.month
left join due
    on units.unit_key = due.unit_key and periods.period_type = due.period_type and periods.period = due.period
left join moved
    on units.unit_key = moved.extent_key
    and periods.period_type = moved.period_type
    and periods.period = moved.period
where units.unit_basis = 'as_was' or moved.extent_key is not null
