-- Organizations, and whether the reform of units concerned their community; null where nobody knows which that is.
with organizations as (
    select * from {{ ref('stg_civil_organizations') }}
),

communities as (
    select * from {{ source('control', 'units') }}
    where unit_level = 'community'
)

select
    organizations.*,
    communities.is_adjusted
from organizations
left join communities
    on organizations.community_code = communities.unit_code
    and organizations.month_end >= communities.valid_from
    and (communities.valid_to is null or organizations.month_end < communities.valid_to)
