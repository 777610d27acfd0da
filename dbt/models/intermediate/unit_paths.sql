-- From a community to every unit it counts in: itself, its street, its county.
with unit_months as (
    select * from {{ ref('unit_months') }}
),

communities as (
    select * from unit_months
    where unit_level = 'community'
),

parents as (
    select
        communities.month,
        communities.unit_code as community_code,
        parents.unit_key,
        parents.parent_unit_key
    from communities
    inner join unit_months as parents
        on communities.parent_unit_key = parents.unit_key and communities.month = parents.month
)

select
    month,
    unit_code as community_code,
    unit_key
from communities
union all
select
    month,
    community_code,
    unit_key
from parents
union all
select
    parents.month,
    parents.community_code,
    grandparents.unit_key
from parents
inner join unit_months as grandparents
    on parents.parent_unit_key = grandparents.unit_key and parents.month = grandparents.month
