-- One row per row of the lake that counts, or may count, for people found by the grid: temporary residents and their
-- registration, everyone and their entry in the books; and quarantined entries that may be of someone found.
with residents as (
    select * from {{ ref('people_found') }}
    where not is_tied
),

links as (
    select * from {{ source('control', 'links') }}
),

-- entries of nobody in particular: they may be of anyone in their place
entries as (
    select
        month,
        batch_id,
        row_number,
        supplier_id,
        community_code,
        1 as registrations_doubtful
    from {{ ref('stg_police_residence_registrations') }}
    where row_state = 'quarantined' and could_be_valid and person_id is null
    union all
    select
        month,
        batch_id,
        row_number,
        supplier_id,
        community_code,
        0 as registrations_doubtful
    from {{ ref('persons_at_home') }}
    where row_state = 'quarantined' and coalesce(is_registered, true) and person_id is null
)

select
    month as place_month,
    supplier_id,
    community_code,
    grid_code,
    month,
    is_found,
    case when is_found and is_temporary then 1 else 0 end as temporary_residents,
    case when is_found and is_temporary and is_registered then 1 else 0 end as temporary_residents_registered,
    case when is_found and is_temporary and is_perhaps_registered then 1 else 0 end
        as temporary_residents_perhaps_registered,
    case when is_found and is_temporary and person_id is null then 1 else 0 end as temporary_residents_unlinked,
    case when not is_found and could_be_temporary then 1 else 0 end as temporary_residents_doubtful,
    0 as registrations_doubtful,
    case when is_found then 1 else 0 end as residents,
    case when is_found and is_known then 1 else 0 end as residents_known,
    case when is_found and is_perhaps_known then 1 else 0 end as residents_perhaps_known,
    case when is_found and person_id is null then 1 else 0 end as residents_unlinked,
    case when not is_found then 1 else 0 end as residents_doubtful,
    0 as entries_doubtful
from residents
union all
select
    entries.month as place_month,
    entries.supplier_id,
    entries.community_code,
    cast(null as varchar) as grid_code,
    entries.month,
    false as is_found,
    0 as temporary_residents,
    0 as temporary_residents_registered,
    0 as temporary_residents_perhaps_registered,
    0 as temporary_residents_unlinked,
    0 as temporary_residents_doubtful,
    entries.registrations_doubtful,
    0 as residents,
    0 as residents_known,
    0 as residents_perhaps_known,
    0 as residents_unlinked,
    0 as residents_doubtful,
    1 as entries_doubtful
from entries
left join links on entries.batch_id = links.batch_id and entries.row_number = links.row_number
where links.person_id is null
