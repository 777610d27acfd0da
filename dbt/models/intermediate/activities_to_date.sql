-- Activities as they stand in every month of their year from their own on: one row per delivered row and such month
-- (as_of_month; year_months: how many of the year are evaluated by then).
with activities as (
    select * from {{ ref('stg_civil_activities') }}
    where row_state <> 'duplicate'
),

-- kinds that quarantined rows give for an activity; null where nobody knows
revisions as (
    select distinct
        activity_no,
        kind
    from activities
    where row_state = 'quarantined' and activity_no is not null
),

revised as (
    select distinct activities.activity_no
    from activities
    inner join revisions
        on activities.activity_no = revisions.activity_no
        and coalesce(activities.kind = revisions.kind, true)
    where activities.row_state = 'accepted'
),

months as (
    select
        calendar.month,
        count(evaluated.month) as year_months
    from {{ ref('calendar') }} as calendar
    left join {{ source('control', 'months') }} as evaluated
        on evaluated.month between date_trunc('year', calendar.month) and calendar.month
    group by calendar.month
)

select
    months.month as as_of_month,
    months.year_months,
    activities.*,
    activities.row_state = 'accepted' as is_accepted,
    communities.unit_key is not null as is_placed,
    revised.activity_no is not null as is_revised
from activities
inner join months
    on activities.cohort_month <= months.month
    and date_trunc('year', activities.cohort_month) = date_trunc('year', months.month)
left join {{ ref('unit_months') }} as communities
    on activities.month = communities.month
    and activities.community_code = communities.unit_code
    and communities.unit_level = 'community'
left join revised on activities.activity_no = revised.activity_no
