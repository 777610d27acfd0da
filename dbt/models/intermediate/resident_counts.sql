-- One row per row of the lake that counts, or may count, for temporary residents.
with residents as (
    -- also implied by the conditions below; said first, it spares every other row the joins
    select * from {{ ref('stg_grid_residents') }}
    where could_be_temporary
),

registrations as (
    select * from {{ ref('stg_police_residence_registrations') }}
),

registered_persons as (
    select * from {{ ref('registered_persons') }}
),

found as (
    select
        residents.month,
        residents.supplier_id,
        residents.community_code,
        case when residents.row_state = 'accepted' then 1 else 0 end as temporary_residents,
        case
            when residents.row_state = 'accepted' and registered_persons.person_id is not null then 1 else 0
        end as temporary_residents_registered,
        case
            when residents.row_state = 'accepted' and residents.person_id is null then 1 else 0
        end as temporary_residents_unlinked,
        case when residents.row_state = 'quarantined' then 1 else 0 end as temporary_residents_doubtful,
        0 as registrations_doubtful
    from residents
    left join registered_persons
        on residents.month = registered_persons.month and residents.person_id = registered_persons.person_id
    where
        (residents.row_state = 'accepted' and residents.residence_type = 'temporary' and residents.lives_here)
        or (residents.row_state = 'quarantined' and residents.could_live_here and not residents.is_tied)
),

doubtful_registrations as (
    select
        month,
        supplier_id,
        community_code,
        0 as temporary_residents,
        0 as temporary_residents_registered,
        0 as temporary_residents_unlinked,
        0 as temporary_residents_doubtful,
        1 as registrations_doubtful
    from registrations
    where row_state = 'quarantined' and could_be_valid
),

counted as (
    select * from found
    union all
    select * from doubtful_registrations
)

select
    *,
    month as place_month
from counted
