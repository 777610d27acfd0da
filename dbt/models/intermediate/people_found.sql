-- People that the grid found living in a place, or may have found (quarantined), with what the books say of them.
-- is_known: they stand in the books; is_perhaps_known: only in quarantined entries.
with residents as (
    select * from {{ ref('stg_grid_residents') }}
),

registered_persons as (
    select * from {{ ref('registered_persons') }}
),

known_persons as (
    select * from {{ ref('known_persons') }}
)

select
    residents.month,
    residents.supplier_id,
    residents.community_code,
    residents.person_id,
    residents.residence_type = 'temporary' as is_temporary,
    residents.could_be_temporary,
    residents.row_state = 'accepted' as is_found,
    residents.is_tied,
    residents.is_in_two_places,
    registered_persons.person_id is not null as is_registered,
    coalesce(known_persons.is_certain, false) as is_known,
    not coalesce(known_persons.is_certain, true) as is_perhaps_known
from residents
left join registered_persons
    on residents.month = registered_persons.month and residents.person_id = registered_persons.person_id
left join known_persons
    on residents.month = known_persons.month and residents.person_id = known_persons.person_id
where
    (residents.row_state = 'accepted' and residents.lives_here)
    or (residents.row_state = 'quarantined' and residents.could_live_here)
    or residents.is_in_two_places
