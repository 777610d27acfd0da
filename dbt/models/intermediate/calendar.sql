-- Every month that something is placed in: evaluated months, months that a period ends with though they are not
-- over yet (a year), and delivered months. cutoff_date is null where no period ends with the month.
with evaluated as (
    select
        month,
        month_end,
        cutoff_date
    from {{ source('control', 'months') }}
),

closing as (
    select
        last_month as month,
        end_date as month_end,
        cutoff_date
    from {{ source('control', 'periods') }}
),

delivered as (
    select
        period as month,
        last_day(period) as month_end,
        cast(null as date) as cutoff_date
    from {{ source('control', 'current_batches') }}
),

all_months as (
    select * from evaluated
    union all
    select * from closing
    union all
    select * from delivered
)

select
    month,
    max(month_end) as month_end,
    max(cutoff_date) as cutoff_date
from all_months
group by month
