-- Organizations, and whether the reform of units concerned their community: of one in another county as stated, null
-- where nobody knows which community that is.
with organizations as (
    select * from {{ ref('stg_civil_organizations') }}
),

communities as (
    select * from {{ source('control', 'units') }}
    where unit_level = 'community'
)

select
    organizations.*,
    case
        when organizations.community_code is not null then coalesce(communities.is_adjusted, organizations.adjusted)
    end as is_adjusted
from organizations
left join communities
    on organizations.community_code = communities.unit_code
    and organizations.month_end >= communities.valid_from
    and (communities.valid_to is null or organizations.month_end < communities.valid_to)
