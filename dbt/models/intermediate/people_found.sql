-- People that the grid found living in a place, or may have found (quarantined), with what the books say of them: in
-- force (is_registered, is_known), or in quarantined entries only (is_perhaps_registered, is_perhaps_known). Of the
-- months to compute, and a table: three models read it, and looking everyone up in the books is the dearest step of a
-- month.
{{ config(materialized='table', pre_hook='{{ choose_months() }}') }}

with residents as (
    {{ with_person(ref('stg_grid_residents')) }}
),

registered_persons as (
    select * from {{ ref('registered_persons') }}
),

known_persons as (
    select * from {{ ref('known_persons') }}
)

select
    residents.month,
    residents.month as place_month,
    residents.supplier_id,
    -- nothing but a code is kept, whatever was delivered for one
    case
        when length(residents.community_code) = 12 and try_cast(residents.community_code as bigint) is not null
            then residents.community_code
    end as community_code,
    case when coalesce(residents.doubted, '') not like '%,grid_code,%' then residents.grid_code end as grid_code,
    residents.person as person_id,
    residents.residence_type = 'temporary' as is_temporary,
    residents.could_be_temporary,
    residents.row_state = 'accepted' as is_found,
    residents.is_tied,
    residents.is_in_two_places,
    coalesce(registered_persons.is_certain, false) as is_registered,
    not coalesce(registered_persons.is_certain, true) as is_perhaps_registered,
    coalesce(known_persons.is_certain, false) as is_known,
    not coalesce(known_persons.is_certain, true) as is_perhaps_known
from residents
left join registered_persons
    on residents.month = registered_persons.month and residents.person = registered_persons.person_id
left join known_persons
    on residents.month = known_persons.month and residents.person = known_persons.person_id
where
    (residents.row_state = 'accepted' and residents.lives_here)
    or (residents.row_state = 'quarantined' and residents.could_live_here)
    or residents.is_in_two_places
