-- From a community to every unit it counts in: itself, its street, its county, and what is above that. So, too, from
-- where rows lie today, be it in one community or in one of several (a remainder).
select
    month,
    place_code as community_code,
    unit_key
from {{ ref('place_paths') }}
where place_level in ('community', 'remainder')
