-- Persons with a valid temporary registration anywhere in the county at the end of the month. Of those in quarantined
-- rows only, nobody knows (is_certain is false).
with registrations as (
    select * from {{ ref('stg_police_residence_registrations') }}
),

links as (
    select * from {{ source('control', 'links') }}
),

identified as (
    select
        registrations.month,
        coalesce(registrations.person_id, links.person_id) as person_id,
        case when registrations.row_state = 'accepted' then 1 else 0 end as is_certain
    from registrations
    left join links
        on registrations.batch_id = links.batch_id and registrations.row_number = links.row_number
    where
        (registrations.row_state = 'accepted' and registrations.is_valid)
        or (registrations.row_state = 'quarantined' and registrations.could_be_valid)
)

select
    month,
    person_id,
    max(is_certain) = 1 as is_certain
from identified
where person_id is not null
group by month, person_id
