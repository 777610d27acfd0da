-- Persons with a valid temporary registration anywhere in the county at the end of the month. Of those in quarantined
-- rows only, nobody knows (is_certain is false).
with registrations as (
    {{ with_person(ref('stg_police_residence_registrations')) }}
)

select
    month,
    person as person_id,
    max(case when row_state = 'accepted' then 1 else 0 end) = 1 as is_certain
from registrations
where
    person is not null
    and ((row_state = 'accepted' and is_valid) or (row_state = 'quarantined' and could_be_valid))
group by month, person
