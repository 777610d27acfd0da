with delivered as (
    {{ staged('civil_organizations') }}
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
from delivered
