-- Which supplier delivers for which unit code: the unit lies in a subtree that the supplier covers, or contains one. A
-- department is of no area: whoever delivers for its county does for it.
-- An extent of today is delivered for by whoever delivers for a unit of then that it draws on.
-- A table, since every mart reads it several times.
{{ config(materialized='table') }}

with units as (
    select distinct
        unit_code,
        case when unit_level = 'department' then parent_code else unit_code end as covered_code
    from {{ source('control', 'units') }}
    union all
    select
        extent_key as unit_code,
        placed_code as covered_code
    from {{ source('control', 'extent_origins') }}
),

suppliers as (
    select * from {{ source('control', 'suppliers') }}
)

select distinct
    units.unit_code,
    suppliers.supplier_id
from units
inner join suppliers
    on left(units.covered_code, length(suppliers.covered_code)) = suppliers.covered_code
    or left(suppliers.covered_code, length(units.covered_code)) = units.covered_code
