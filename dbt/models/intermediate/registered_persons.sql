-- Persons with a valid temporary registration anywhere in the county at the end of the month.
select distinct
    month,
    person_id
from {{ ref('stg_police_residence_registrations') }}
where row_state = 'accepted' and is_valid and person_id is not null
