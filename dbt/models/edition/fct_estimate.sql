-- Temporary residents whom neither list holds: Chapman's (1951) estimate from the grid's and the police's list, with
-- Seber's (1970) variance. It holds where being on one list says nothing of being on the other. None where fewer than
-- seven people are on both, whom it takes to be nearly free of bias (Robson and Regier, 1964), or a list is missing.
{{ config(
    materialized='incremental',
    pre_hook=['{{ choose_months() }}', '{{ forget_months() }}'],
) }}

{% set fewest = 7 %}
{% set z = 1.959963984540054 %}

with months as (
    select month from {{ source('control', 'months') }}
    where is_dirty
),

mart_population as (
    select * from {{ ref('mart_population') }}
),

-- the figures of the registration rate say whether both lists have arrived whole
units as (
    select distinct
        unit_key,
        unit_code,
        unit_level,
        period as month,
        reporting_suppliers = expected_suppliers as is_whole
    from {{ ref('fct_kpi') }}
    where
        kpi_id = 'temporary_resident_registration_rate'
        and period_type = 'month'
        and unit_basis = 'as_was'
        and unit_level in ('street', 'county')
),

counted as (
    select
        units.*,
        mart_population.temporary_residents - mart_population.temporary_residents_unlinked as n1,
        coalesce(list_overlaps.registered, 0) as n2,
        coalesce(list_overlaps.registered_and_found, 0) as m,
        mart_population.temporary_residents_unlinked as left_out
    from units
    inner join months on units.month = months.month
    inner join mart_population on units.unit_key = mart_population.unit_key and units.month = mart_population.month
    left join {{ ref('list_overlaps') }} as list_overlaps
        on units.unit_key = list_overlaps.unit_key and units.month = list_overlaps.month
),

estimated as (
    select
        *,
        n1 + n2 - m as listed,
        case
            when is_whole and m >= {{ fewest }}
                then cast(n1 + 1 as double) * cast(n2 + 1 as double) / (m + 1) - 1
        end as estimate,
        cast(n1 + 1 as double) * cast(n2 + 1 as double) * (n1 - m) * (n2 - m)
        / (cast(m + 1 as double) * (m + 1) * (m + 2)) as variance
    from counted
)

select
    unit_key,
    unit_code,
    unit_level,
    month,
    cast(n1 as bigint) as n1,
    cast(n2 as bigint) as n2,
    cast(m as bigint) as m,
    cast(left_out as bigint) as left_out,
    estimate,
    -- nobody who was seen is missing
    case when estimate is not null then greatest(estimate - {{ z }} * sqrt(variance), listed) end as low,
    estimate + {{ z }} * sqrt(variance) as high,
    estimate - listed as unseen
from estimated
