{{ config(
    materialized='incremental',
    pre_hook=['{{ choose_months() }}', '{{ forget_months() }}'],
) }}

{% set measures = [
    'service_area_m2', 'service_area_doubtful_m2', 'service_area_unbounded',
    'households', 'households_doubtful', 'households_unbounded',
] %}

with unit_months as (
    select * from {{ ref('unit_months') }}
),

months as (
    select month from {{ source('control', 'months') }}
    where is_dirty
),

places as (
    {{ sum_by_place(ref('facility_counts'), ['month'], measures) }}
),

counted as (
    {{ sum_by_unit('places', ['month'], measures) }}
)

select
    unit_months.unit_key,
    unit_months.month,
    cast(coalesce(counted.service_area_m2, 0) as decimal(18, 2)) as service_area_m2,
    cast(coalesce(counted.service_area_doubtful_m2, 0) as decimal(18, 2)) as service_area_doubtful_m2,
    cast(coalesce(counted.service_area_unbounded, 0) as bigint) as service_area_unbounded,
    cast(coalesce(counted.households, 0) as bigint) as households,
    cast(coalesce(counted.households_doubtful, 0) as bigint) as households_doubtful,
    cast(coalesce(counted.households_unbounded, 0) as bigint) as households_unbounded
from unit_months
inner join months on unit_months.month = months.month
left join counted
    on unit_months.unit_key = counted.unit_key and unit_months.month = counted.month
