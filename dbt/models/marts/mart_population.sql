{{ config(
    materialized='incremental',
    pre_hook=['{{ choose_months() }}', '{{ forget_months() }}'],
) }}

{% set measures = [
    'temporary_residents', 'temporary_residents_registered', 'temporary_residents_unlinked',
    'temporary_residents_doubtful', 'registrations_doubtful',
] %}

with unit_months as (
    select * from {{ ref('unit_months') }}
),

months as (
    select month from {{ source('control', 'months') }}
    where is_dirty
),

tied as (
    select * from {{ ref('tied_residents') }}
),

places as (
    {{ sum_by_place(ref('resident_counts'), ['month'], measures) }}
),

counted as (
    {{ sum_by_unit('places', ['month'], measures) }}
),

filled as (
    select
        unit_months.unit_key,
        unit_months.month,
        {%- for measure in measures %}
            coalesce(counted.{{ measure }}, 0) as {{ measure }},
        {%- endfor %}
        coalesce(tied.temporary_residents, 0) as tied_persons,
        coalesce(tied.temporary_residents_registered, 0) as tied_persons_known_registered,
        coalesce(tied.tied_persons_registered, 0) as tied_persons_registered,
        coalesce(tied.tied_persons_unregistered, 0) as tied_persons_unregistered
    from unit_months
    inner join months on unit_months.month = months.month
    left join counted
        on unit_months.unit_key = counted.unit_key and unit_months.month = counted.month
    left join tied
        on unit_months.unit_key = tied.unit_key and unit_months.month = tied.month
)

select
    unit_key,
    month,
    cast(temporary_residents + tied_persons as bigint) as temporary_residents,
    cast(temporary_residents_registered + tied_persons_known_registered as bigint) as temporary_residents_registered,
    cast(temporary_residents_unlinked as bigint) as temporary_residents_unlinked,
    cast(temporary_residents_doubtful as bigint) as temporary_residents_doubtful,
    cast(registrations_doubtful as bigint) as registrations_doubtful,
    cast(tied_persons_registered as bigint) as tied_persons_registered,
    cast(tied_persons_unregistered as bigint) as tied_persons_unregistered
from filled
