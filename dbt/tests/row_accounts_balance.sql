-- Each row of a current batch is accepted, quarantined or duplicate: counted here in the lake and in the verdicts of
-- the months just computed, and held against the account that is shown. Of the last file taken in each slot the rows
-- are current.
with lake as (
    {{ lake_row_counts() }}
),

verdicts as (
    select
        batch_id,
        row_number,
        max(case when severity = 'error' then 1 else 0 end) as is_quarantined,
        max(case when severity = 'duplicate' then 1 else 0 end) as is_duplicate
    from {{ source('control', 'verdicts') }}
    group by batch_id, row_number
),

states as (
    select
        batch_id,
        sum(is_quarantined) as rows_quarantined,
        sum(is_duplicate * (1 - is_quarantined)) as rows_duplicate
    from verdicts
    group by batch_id
),

accounts as (
    select
        batches.batch_id,
        delivery.*
    from {{ ref('fct_delivery') }} as delivery
    inner join {{ source('control', 'current_batches') }} as batches
        on delivery.supplier_id = batches.supplier_id
        and delivery.dataset = batches.dataset
        and delivery.period = batches.period
    inner join {{ source('control', 'months') }} as months on delivery.period = months.month
    where months.is_dirty
)

select accounts.batch_id
from accounts
left join lake on accounts.batch_id = lake.batch_id
left join states on accounts.batch_id = states.batch_id
where
    coalesce(lake.row_count, 0) <> accounts.rows_accepted + accounts.rows_quarantined + accounts.rows_duplicate
    or coalesce(lake.row_count, 0) <> accounts.rows_read - accounts.rows_skipped
    or coalesce(states.rows_quarantined, 0) <> accounts.rows_quarantined
    or coalesce(states.rows_duplicate, 0) <> accounts.rows_duplicate
union all
select batch_id
from (
    select
        batch_id,
        is_current,
        row_number() over (partition by supplier_id, dataset, period order by delivery_number desc) as from_last
    from {{ source('control', 'deliveries') }}
    where outcome in ('accepted', 'reinstated')
) as taken
where from_last = 1 and not is_current
