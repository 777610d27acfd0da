-- Who stands in the books of a month: registered persons, and holders of a valid temporary registration. Of those in
-- quarantined rows only, nobody knows (is_certain is false).
with persons as (
    {{ with_person(ref('stg_household_persons')) }}
),

entries as (
    select
        month,
        person as person_id,
        case when row_state = 'accepted' then 1 else 0 end as is_certain
    from persons
    where
        (row_state = 'accepted' and is_registered)
        or (row_state = 'quarantined' and coalesce(is_registered, true))
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
