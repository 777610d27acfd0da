-- What activities of the year to date add to sums by unit, month by month: each community by what it held and was told,
-- each quarantined row without a known community by what it may be anywhere.
with communities as (
    {{ known_places() }}
),

placed as (
    select
        communities.month as place_month,
        cast(null as varchar) as supplier_id,
        communities.community_code,
        communities.month,
        coalesce(cadence.activities_held, 0) as activities_held,
        coalesce(cadence.activities_held_for_certain, 0) as activities_held_for_certain,
        coalesce(cadence.activities_possibly_held, 0) as activities_possibly_held,
        coalesce(cadence.activities_unclear, 0) as activities_unclear,
        coalesce(cadence.contest, 0) as contest_communities,
        coalesce(cadence.contest_for_certain, 0) as contest_communities_for_certain,
        coalesce(cadence.contest_possible, 0) as contest_communities_possible,
        coalesce(cadence.activities_unclear, 0) as contests_unclear,
        coalesce(staff.stationed_staff, 0) as stationed_staff,
        coalesce(staff.stationed_volunteers, 0) as stationed_volunteers,
        coalesce(staff.stationed_volunteers_least, 0) as stationed_volunteers_least,
        coalesce(staff.stationed_staff_most, 0) as stationed_staff_most,
        coalesce(staff.stationed_staff_idle_least, 0) as stationed_staff_idle_least,
        coalesce(staff.stationed_staff_unbounded, 0) as stationed_staff_unbounded,
        0 as stationed_staff_unplaced
    from communities
    left join {{ ref('activity_cadence') }} as cadence
        on communities.month = cadence.month and communities.community_code = cadence.place_code
    left join {{ ref('stationed_staff') }} as staff
        on communities.month = staff.month and communities.community_code = staff.place_code
),

unplaced as (
    select
        month as place_month,
        supplier_id,
        community_code,
        as_of_month as month,
        0 as activities_held,
        0 as activities_held_for_certain,
        0 as activities_possibly_held,
        case when kind in ('volunteering', 'other') then 0 else 1 end as activities_unclear,
        0 as contest_communities,
        0 as contest_communities_for_certain,
        0 as contest_communities_possible,
        case when kind <> 'sports_contest' then 0 else 1 end as contests_unclear,
        0 as stationed_staff,
        0 as stationed_volunteers,
        0 as stationed_volunteers_least,
        0 as stationed_staff_most,
        0 as stationed_staff_idle_least,
        case when kind <> 'volunteering' then 0 else 1 end as stationed_staff_unbounded,
        case when kind <> 'volunteering' then 0 else 1 end as stationed_staff_unplaced
    from {{ ref('activities_to_date') }}
    where not is_placed
)

select * from placed
union all
select * from unplaced
