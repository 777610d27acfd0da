-- People listed in several communities with the same date of arrival: they live in one of them, nobody knows which.
-- A unit that contains all of these has them for certain; one that contains only some may or may not have them. A grid
-- contains one of them at most.
with residents as (
    select * from {{ ref('people_found') }}
    where is_in_two_places
),

in_grids as (
    {{ by_grid('residents', 'is_tied') }}
),

places as (
    {{ units_of_people('residents', 'in_grids') }}
),

persons as (
    select
        month,
        person_id,
        count(*) as row_count,
        max(case when is_tied and is_temporary then 1 else 0 end) as is_temporary,
        max(case when is_registered then 1 else 0 end) as is_registered,
        max(case when is_registered or is_perhaps_registered then 1 else 0 end) as may_be_registered,
        max(case when is_known then 1 else 0 end) as is_known,
        max(case when is_known or is_perhaps_known then 1 else 0 end) as may_be_known
    from residents
    group by month, person_id
),

placed as (
    select
        month,
        person_id,
        unit_key,
        count(*) as row_count
    from places
    where is_tied
    group by month, person_id, unit_key
),

judged as (
    select
        placed.month,
        placed.unit_key,
        persons.is_temporary,
        persons.is_registered,
        persons.may_be_registered,
        persons.is_known,
        persons.may_be_known,
        case when placed.row_count = persons.row_count then 1 else 0 end as is_certain
    from placed
    inner join persons on placed.month = persons.month and placed.person_id = persons.person_id
)

select
    month,
    unit_key,
    sum(is_temporary * is_certain) as temporary_residents,
    sum(is_temporary * is_certain * is_registered) as temporary_residents_registered,
    sum(is_temporary * is_certain * (may_be_registered - is_registered)) as temporary_residents_perhaps_registered,
    sum(is_temporary * (1 - is_certain) * may_be_registered) as tied_persons_registered,
    sum(is_temporary * (1 - is_certain) * (1 - is_registered)) as tied_persons_unregistered,
    sum(is_certain) as residents,
    sum(is_certain * is_known) as residents_known,
    sum(is_certain * (may_be_known - is_known)) as residents_perhaps_known,
    sum((1 - is_certain) * may_be_known) as tied_residents_known,
    sum((1 - is_certain) * (1 - is_known)) as tied_residents_unknown
from judged
group by month, unit_key
