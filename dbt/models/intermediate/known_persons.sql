-- Who stands in the books of a month: registered persons, and holders of a valid temporary registration. Of those in
-- quarantined rows only, nobody knows (is_certain is false).
with persons as (
    select * from {{ ref('stg_household_persons') }}
),

links as (
    select * from {{ source('control', 'links') }}
),

entries as (
    select
        persons.month,
        coalesce(persons.person_id, links.person_id) as person_id,
        case when persons.row_state = 'accepted' then 1 else 0 end as is_certain
    from persons
    left join links
        on persons.batch_id = links.batch_id and persons.row_number = links.row_number
    where
        (persons.row_state = 'accepted' and persons.is_registered)
        or (persons.row_state = 'quarantined' and coalesce(persons.is_registered, true))
    union all
    select
        month,
        person_id,
        case when is_certain then 1 else 0 end as is_certain
    from {{ ref('registered_persons') }}
)

select
    month,
    person_id,
    max(is_certain) = 1 as is_certain
from entries
where person_id is not null
group by month, person_id
