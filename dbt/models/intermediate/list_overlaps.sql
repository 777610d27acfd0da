-- How many people have a valid temporary registration in a street or county, and how many of them the grid found there
-- as temporary residents. Someone tied between places is in a unit that holds all of them.
with unit_paths as (
    select paths.*
    from {{ ref('unit_paths') }} as paths
    inner join {{ ref('unit_months') }} as units on paths.unit_key = units.unit_key and paths.month = units.month
    where units.unit_level in ('street', 'county')
),

registrations as (
    select * from {{ ref('stg_police_residence_registrations') }}
    where row_state = 'accepted' and is_valid
),

holders as (
    select distinct
        month,
        person_id
    from registrations
),

-- most of those found have no registration, and are of no account here
residents as (
    select
        people.*,
        count(*) over (partition by people.month, people.person_id, people.is_found) as places
    from {{ ref('people_found') }} as people
    inner join holders on people.month = holders.month and people.person_id = holders.person_id
    where people.is_found or people.is_in_two_places
),

found as (
    select
        unit_paths.unit_key,
        residents.month,
        residents.person_id
    from residents
    inner join unit_paths
        on residents.month = unit_paths.month and residents.community_code = unit_paths.community_code
    group by unit_paths.unit_key, residents.month, residents.person_id, residents.is_found, residents.places
    having
        count(*) = residents.places
        and max(case when residents.is_temporary and (residents.is_found or residents.is_tied) then 1 else 0 end) = 1
),

registered as (
    select distinct
        unit_paths.unit_key,
        registrations.month,
        registrations.person_id
    from registrations
    inner join unit_paths
        on registrations.month = unit_paths.month and registrations.community_code = unit_paths.community_code
)

select
    registered.unit_key,
    registered.month,
    count(*) as registered,
    count(found.person_id) as registered_and_found
from registered
left join found
    on registered.unit_key = found.unit_key
    and registered.month = found.month
    and registered.person_id = found.person_id
group by registered.unit_key, registered.month
