-- Staff of the units stationed in a community, and those of them who served this year, as its latest volunteering
-- activity tells. A quarantined row may be the latest one instead: most staff, fewest volunteers, fewest idle.
with told as (
    select
        *,
        row_number() over (
            partition by as_of_month, place_code, is_accepted
            order by held_date desc, activity_no desc
        ) as place
    from {{ ref('activities_to_date') }}
    where
        is_placed
        and coalesce(kind = 'volunteering', not is_accepted)
        and (stationed_unit_staff is not null or not is_accepted)
),

options as (
    select
        as_of_month as month,
        place_code,
        is_accepted,
        stationed_unit_staff as staff,
        stationed_unit_volunteers as volunteers
    from told
    where not is_accepted or place = 1
)

select
    month,
    place_code,
    sum(case when is_accepted then staff else 0 end) as stationed_staff,
    sum(case when is_accepted then volunteers else 0 end) as stationed_volunteers,
    max(coalesce(staff, 0)) as stationed_staff_most,
    -- without an accepted row nobody may have said anything
    max(case when is_accepted then 1 else 0 end) * min(coalesce(volunteers, 0)) as stationed_volunteers_least,
    max(case when is_accepted then 1 else 0 end)
    * min(greatest(coalesce(staff - volunteers, 0), 0)) as stationed_staff_idle_least,
    sum(case when staff is null then 1 else 0 end) as stationed_staff_unbounded
from options
group by month, place_code
