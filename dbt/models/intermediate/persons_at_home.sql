-- Registered persons in the community of their household. One whose household cannot be used is in doubt everywhere.
with persons as (
    select * from {{ ref('stg_household_persons') }}
),

households as (
    select
        month,
        household_no,
        community_code
    from {{ ref('stg_household_households') }}
    where row_state = 'accepted'
)

select
    persons.month,
    persons.batch_id,
    persons.row_number,
    persons.supplier_id,
    persons.household_no,
    households.community_code,
    case
        when persons.row_state = 'accepted' and households.community_code is null then 'quarantined'
        else persons.row_state
    end as row_state,
    persons.person_id,
    persons.is_registered,
    persons.lives_here
from persons
left join households
    on persons.month = households.month and persons.household_no = households.household_no
