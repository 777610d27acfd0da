with expected as (
    select * from {{ source('control', 'expected') }}
),

delivered as (
    select * from {{ ref('slot_deliveries') }}
),

accounts as (
    select * from {{ source('control', 'batch_accounts') }}
),

suppliers as (
    select
        supplier_id,
        name_zh,
        {{ listed('covered_code') }} as covered_codes
    from {{ source('control', 'suppliers') }}
    group by supplier_id, name_zh
),

slots as (
    select
        supplier_id,
        dataset,
        period
    from expected
    union distinct
    select
        supplier_id,
        dataset,
        period
    from delivered
)

select
    slots.supplier_id,
    suppliers.name_zh as supplier_name,
    suppliers.covered_codes,
    slots.dataset,
    slots.period,
    expected.due_date,
    delivered.received_at,
    case
        when accounts.batch_id is not null and delivered.first_taken_date > expected.due_date then 'late'
        when accounts.batch_id is not null then 'on_time'
        when delivered.supplier_id is not null then 'refused'
        when expected.is_due then 'missing'
        else 'not_due'
    end as delivery_status,
    coalesce(delivered.is_correction_refused, false) as is_correction_refused,
    -- nothing came, though something of a later month did
    coalesce(accounts.batch_id is null and max(accounts.period) over (
        partition by slots.supplier_id, slots.dataset
    ) > slots.period, false) as is_gap,
    delivered.communities_expected,
    delivered.communities_delivered,
    cast(coalesce(delivered.versions, 0) as integer) as versions,
    coalesce(accounts.rows_read, 0) as rows_read,
    coalesce(accounts.rows_accepted, 0) as rows_accepted,
    coalesce(accounts.rows_quarantined, 0) as rows_quarantined,
    coalesce(accounts.rows_duplicate, 0) as rows_duplicate,
    coalesce(accounts.rows_skipped, 0) as rows_skipped,
    coalesce(accounts.rows_for_review, 0) as rows_for_review,
    delivered.refusal_zh,
    delivered.refusal_en
from slots
left join expected
    on slots.supplier_id = expected.supplier_id
    and slots.dataset = expected.dataset
    and slots.period = expected.period
left join delivered
    on slots.supplier_id = delivered.supplier_id
    and slots.dataset = delivered.dataset
    and slots.period = delivered.period
left join accounts
    on slots.supplier_id = accounts.supplier_id
    and slots.dataset = accounts.dataset
    and slots.period = accounts.period
left join suppliers on slots.supplier_id = suppliers.supplier_id
