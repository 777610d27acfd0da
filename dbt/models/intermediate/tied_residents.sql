-- People listed in several communities with the same date of arrival: they live in one of them, nobody knows which.
-- A unit that contains all of these has them for certain; one that contains only some may or may not have them.
with residents as (
    select * from {{ ref('stg_grid_residents') }}
    where is_in_two_places
),

registered_persons as (
    select * from {{ ref('registered_persons') }}
),

unit_paths as (
    select * from {{ ref('unit_paths') }}
),

persons as (
    select
        month,
        person_id,
        count(*) as row_count,
        max(case when is_tied and residence_type = 'temporary' then 1 else 0 end) as is_temporary
    from residents
    group by month, person_id
),

placed as (
    select
        residents.month,
        residents.person_id,
        unit_paths.unit_key,
        count(*) as row_count
    from residents
    inner join unit_paths
        on residents.month = unit_paths.month and residents.community_code = unit_paths.community_code
    where residents.is_tied
    group by residents.month, residents.person_id, unit_paths.unit_key
),

judged as (
    select
        placed.month,
        placed.unit_key,
        placed.row_count = persons.row_count as is_certain,
        registered_persons.person_id is not null as is_registered
    from placed
    inner join persons
        on placed.month = persons.month and placed.person_id = persons.person_id
    left join registered_persons
        on placed.month = registered_persons.month and placed.person_id = registered_persons.person_id
    where persons.is_temporary = 1
)

select
    month,
    unit_key,
    sum(case when is_certain then 1 else 0 end) as temporary_residents,
    sum(case when is_certain and is_registered then 1 else 0 end) as temporary_residents_registered,
    sum(case when not is_certain and is_registered then 1 else 0 end) as tied_persons_registered,
    sum(case when not is_certain and not is_registered then 1 else 0 end) as tied_persons_unregistered
from judged
group by month, unit_key
