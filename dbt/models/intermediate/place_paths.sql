-- From the code of any unit to every unit that it counts in: itself, its street and county by parent, its city and
-- province by code. These two exist only where a supplier delivers for more than the county. Places of today count in
-- the extents of today. Grids are apart (see grid_paths): rows count in them beside the community that they lie in.
-- A table, since every mart reads it several times.
{{ config(materialized='table') }}

with unit_months as (
    select * from {{ ref('unit_months') }}
    where unit_level <> 'grid'
),

parents as (
    select
        units.month,
        units.unit_code,
        units.unit_level,
        parents.unit_key,
        parents.parent_unit_key
    from unit_months as units
    inner join unit_months as parents
        on units.parent_unit_key = parents.unit_key and units.month = parents.month
    where units.unit_level in ('community', 'street')
)

select
    month,
    unit_code as place_code,
    unit_level as place_level,
    unit_key
from unit_months
union all
select
    month,
    unit_code as place_code,
    unit_level as place_level,
    unit_key
from parents
union all
select
    parents.month,
    parents.unit_code as place_code,
    parents.unit_level as place_level,
    grandparents.unit_key
from parents
inner join unit_months as grandparents
    on parents.parent_unit_key = grandparents.unit_key and parents.month = grandparents.month
union all
select
    units.month,
    units.unit_code as place_code,
    units.unit_level as place_level,
    above.unit_key
from unit_months as units
inner join unit_months as above
    on units.month = above.month
    and above.unit_level in ('city', 'province')
    and length(above.unit_code) < length(units.unit_code)
    and left(units.unit_code, length(above.unit_code)) = above.unit_code
union all
select
    month,
    place_code,
    place_level,
    extent_key as unit_key
from {{ source('control', 'today_places') }}
