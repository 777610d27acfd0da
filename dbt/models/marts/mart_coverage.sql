{{ config(
    materialized='incremental',
    pre_hook=['{{ choose_months() }}', '{{ forget_months() }}'],
) }}

-- the datasets whose contract says every_community
{% set datasets = [
    'grid_duty', 'grid_grids', 'grid_residents', 'household_households', 'police_case_returns',
] %}

with units as (
    select
        unit_months.month,
        unit_months.unit_code,
        suppliers.supplier_id
    from {{ ref('unit_months') }} as unit_months
    inner join {{ ref('unit_suppliers') }} as suppliers on unit_months.unit_code = suppliers.unit_code
    inner join {{ source('control', 'months') }} as months on unit_months.month = months.month
    where unit_months.unit_level = 'community' and months.is_dirty
),

delivered as (
    {% for dataset in datasets %}
        select distinct
            '{{ dataset }}' as dataset,
            supplier_id,
            month,
            community_code
        from {{ ref('stg_' ~ dataset) }}
        where row_state <> 'duplicate'
        {{ "union all" if not loop.last }}
    {% endfor %}
),

slots as (
    select distinct
        dataset,
        supplier_id,
        month
    from delivered
)

select
    slots.dataset,
    slots.supplier_id,
    slots.month,
    cast(count(*) as integer) as communities_expected,
    cast(count(delivered.community_code) as integer) as communities_delivered
from slots
inner join units on slots.supplier_id = units.supplier_id and slots.month = units.month
left join delivered
    on slots.dataset = delivered.dataset
    and slots.supplier_id = delivered.supplier_id
    and slots.month = delivered.month
    and units.unit_code = delivered.community_code
group by slots.dataset, slots.supplier_id, slots.month
