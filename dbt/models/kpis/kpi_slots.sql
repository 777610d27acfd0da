-- Slots that a KPI of a period rests on, by dataset and supplier: how many were expected, how many arrived.
-- stock: the period's last month; flow: every evaluated month of the period; ytd: every one from January on.
with periods as (
    select * from {{ source('control', 'periods') }}
    where is_dirty
),

needed as (
    {{ kpi_needs() }}
),

expected as (
    select * from {{ source('control', 'expected') }}
),

arrived as (
    select distinct
        dataset,
        supplier_id,
        period
    from {{ source('control', 'current_batches') }}
)

select
    periods.period_type,
    periods.period,
    needed.kpi_id,
    needed.dataset,
    needed.role,
    expected.supplier_id,
    count(*) as expected_slots,
    count(arrived.supplier_id) as arrived_slots
from needed
inner join expected on needed.dataset = expected.dataset
inner join periods
    on expected.period <= periods.last_month
    and expected.period >= case needed.basis
        when 'stock' then periods.last_month
        when 'ytd' then cast(date_trunc('year', periods.last_month) as date)
        else periods.start_date
    end
left join arrived
    on expected.dataset = arrived.dataset
    and expected.supplier_id = arrived.supplier_id
    and expected.period = arrived.period
group by
    periods.period_type, periods.period, needed.kpi_id, needed.dataset, needed.role, expected.supplier_id
