-- Which supplier delivers for which unit code: the unit lies in a subtree that the supplier covers, or contains one.
with units as (
    select distinct unit_code from {{ source('control', 'units') }}
),

suppliers as (
    select * from {{ source('control', 'suppliers') }}
)

select distinct
    units.unit_code,
    suppliers.supplier_id
from units
inner join suppliers
    on left(units.unit_code, length(suppliers.covered_code)) = suppliers.covered_code
    or left(suppliers.covered_code, length(units.unit_code)) = units.unit_code
