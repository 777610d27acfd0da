-- is_adjusted: whether the reform of units concerned the organization's community, of one in another county as stated;
-- null where nobody knows which community that is.
with delivered as (
    {{ staged('civil_organizations') }}
),

communities as (
    select * from {{ source('control', 'units') }}
    where unit_level = 'community'
),

placed as (
    select
        delivered.*,
        case
            when delivered.community_code is not null then coalesce(communities.is_adjusted, delivered.adjusted)
        end as is_adjusted
    from delivered
    left join communities
        on delivered.community_code = communities.unit_code
        and delivered.month_end >= communities.valid_from
        and (communities.valid_to is null or delivered.month_end < communities.valid_to)
)

select
    *,
    ended_date is null or ended_date > month_end as is_active,
    -- the others are committees of the community itself
    kind in ('functional', 'interest_volunteer', 'other') as is_social_organization,
    kind in (
        'mediation_committee', 'security_committee', 'health_committee', 'environment_committee'
    ) as is_committee,
    filed_date <= month_end as is_filed,
    registered_date <= month_end as is_registered,
    incubated_date between date_trunc('year', month_end) and month_end as is_incubated_this_year
from placed
