-- Who stands in the books of a month: registered persons, and holders of a valid temporary registration. Of those in
-- quarantined rows only, nobody knows (is_certain is false).
with entries as (
    select
        month,
        person_id,
        1 as is_certain
    from {{ ref('stg_household_persons') }}
    where row_state = 'accepted' and is_registered
    union all
    select
        month,
        person_id,
        1 as is_certain
    from {{ ref('registered_persons') }}
    union all
    select
        month,
        person_id,
        0 as is_certain
    from {{ ref('stg_household_persons') }}
    where row_state = 'quarantined' and coalesce(is_registered, true)
    union all
    select
        month,
        person_id,
        0 as is_certain
    from {{ ref('stg_police_residence_registrations') }}
    where row_state = 'quarantined' and could_be_valid
)

select
    month,
    person_id,
    max(is_certain) = 1 as is_certain
from entries
where person_id is not null
group by month, person_id
