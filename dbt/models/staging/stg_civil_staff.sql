with delivered as (
    {{ staged('civil_staff') }}
)

select
    *,
    {{ is_in_force('started_date', 'ended_date') }} as is_in_post,
    -- who works for the community itself: not those who serve it from outside or are seconded to it
    post in ('secretary', 'director', 'deputy', 'social_worker', 'drug_social_worker', 'office') as is_community_staff
from delivered
