-- Everything that rows are summed for, in a month: units as they were (as_was); today's units where they had another
-- extent then (as_now), so that sums of then can be held against those of today; and what cannot be placed in them
-- (unplaced). unit_key is the key of the sums, registered_key that of the unit.
-- A table, since every mart reads it several times.
{{ config(materialized='table') }}

with coverage as (
    {{ coverage_codes() }}
),

extents as (
    select * from {{ source('control', 'extents') }}
)

select
    units.unit_key,
    units.month,
    'as_was' as unit_basis,
    units.unit_key as registered_key,
    units.unit_code as place_code,
    units.unit_code,
    units.unit_level,
    units.class,
    units.city_class,
    units.opened_date,
    units.coverage_code
from {{ ref('unit_months') }} as units
union all
select
    extents.extent_key as unit_key,
    extents.month,
    extents.unit_basis,
    extents.unit_key as registered_key,
    extents.extent_key as place_code,
    extents.unit_code,
    extents.unit_level,
    extents.class,
    extents.city_class,
    extents.opened_date,
    coverage.coverage_code
from extents
left join coverage on extents.extent_key = coverage.unit_code
where extents.unit_basis <> 'as_was'
