-- Which supplier delivers for which unit code: the unit lies in a subtree that the supplier covers, or contains one.
-- Joined on equal prefixes, not on "starts with", which would compare every unit with every supplier.
with units as (
    select distinct unit_code from {{ source('control', 'units') }}
),

suppliers as (
    select distinct
        supplier_id,
        covered_code
    from {{ source('control', 'suppliers') }}
),

covered_lengths as (
    select distinct length(covered_code) as digits from suppliers
),

unit_lengths as (
    select distinct length(unit_code) as digits from units
),

inside as (
    select
        units.unit_code,
        suppliers.supplier_id
    from units
    cross join covered_lengths
    inner join suppliers on left(units.unit_code, covered_lengths.digits) = suppliers.covered_code
),

around as (
    select
        units.unit_code,
        suppliers.supplier_id
    from suppliers
    cross join unit_lengths
    inner join units on left(suppliers.covered_code, unit_lengths.digits) = units.unit_code
)

select * from inside
union distinct
select * from around
