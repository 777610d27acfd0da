-- What arrived of what a KPI needs, by set of suppliers (coverage_code) and period: has_arrived where every dataset did
-- at least in part, and the roles of those that did in part only. No row: nothing was expected. Every figure is joined
-- with it: a table, so that the engine knows how many rows there are.
{{ config(materialized='table') }}
with needs as (
    {{ kpi_needs() }}
),

needed as (
    select
        kpi_id,
        count(*) as dataset_count
    from needs
    group by kpi_id
),

slots as (
    select
        coverage.unit_code as coverage_code,
        supplied.*
    from ({{ kpi_slots() }}) as supplied
    inner join {{ ref('unit_suppliers') }} as coverage on supplied.supplier_id = coverage.supplier_id
    where coverage.unit_code in (select units.coverage_code from {{ ref('placed_units') }} as units)
),

datasets as (
    select
        coverage_code,
        period_type,
        period,
        kpi_id,
        role,
        dataset,
        sum(arrived_slots) > 0 as has_arrived,
        sum(arrived_slots) < sum(expected_slots) as is_partial
    from slots
    group by coverage_code, period_type, period, kpi_id, role, dataset
),

arrival as (
    select
        coverage_code,
        period_type,
        period,
        kpi_id,
        sum(case when has_arrived then 1 else 0 end) as arrived_datasets,
        max(case when is_partial and role = 'cases' then 1 else 0 end) = 1 as is_cases_partial,
        max(case when is_partial and role = 'numerator' then 1 else 0 end) = 1 as is_numerator_partial,
        max(case when is_partial and role = 'amount' then 1 else 0 end) = 1 as is_amount_partial,
        max(case when is_partial and role = 'denominator' then 1 else 0 end) = 1 as is_denominator_partial
    from datasets
    group by coverage_code, period_type, period, kpi_id
),

suppliers as (
    select
        coverage_code,
        period_type,
        period,
        kpi_id,
        count(distinct supplier_id) as expected_suppliers,
        count(distinct case when arrived_slots < expected_slots then supplier_id end) as incomplete_suppliers
    from slots
    group by coverage_code, period_type, period, kpi_id
)

select
    arrival.*,
    arrival.arrived_datasets = needed.dataset_count as has_arrived,
    suppliers.expected_suppliers,
    suppliers.expected_suppliers - suppliers.incomplete_suppliers as reporting_suppliers
from arrival
inner join needed on arrival.kpi_id = needed.kpi_id
inner join suppliers
    on arrival.coverage_code = suppliers.coverage_code and arrival.kpi_id = suppliers.kpi_id
    and arrival.period_type = suppliers.period_type and arrival.period = suppliers.period
