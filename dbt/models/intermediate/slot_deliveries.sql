-- What was delivered to each slot: one row per supplier, dataset and month with at least one file, taken or refused.
with deliveries as (
    select
        *,
        outcome in ('accepted', 'reinstated') as is_taken
    from {{ source('control', 'deliveries') }}
    where period in (select months.month from {{ source('control', 'months') }} as months)
),

slots as (
    select
        supplier_id,
        dataset,
        period,
        sum(case when outcome = 'accepted' then 1 else 0 end) as versions,
        min(case when is_taken then received_date end) as first_taken_date,
        max(case when is_current then received_at end) as current_received_at,
        max(received_at) as last_received_at,
        max(case when is_current then delivery_number end) as current_number,
        max(case when outcome = 'refused' then delivery_number end) as refused_number
    from deliveries
    group by supplier_id, dataset, period
)

select
    slots.supplier_id,
    slots.dataset,
    slots.period,
    slots.versions,
    slots.first_taken_date,
    coalesce(slots.current_received_at, slots.last_received_at) as received_at,
    coalesce(slots.refused_number > slots.current_number, false) as is_correction_refused,
    refused.refusal_zh,
    refused.refusal_en,
    coverage.communities_expected,
    coverage.communities_delivered
from slots
left join {{ ref('mart_coverage') }} as coverage
    on slots.supplier_id = coverage.supplier_id
    and slots.dataset = coverage.dataset
    and slots.period = coverage.month
left join deliveries as refused
    on slots.supplier_id = refused.supplier_id
    and slots.dataset = refused.dataset
    and slots.period = refused.period
    and slots.refused_number = refused.delivery_number
    and (slots.current_number is null or slots.refused_number > slots.current_number)
