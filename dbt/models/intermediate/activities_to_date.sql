-- Activities as they stand in every month of their year from their own on: one row per delivered row and such month
-- (as_of_month; year_months: how many of the year are evaluated by then), and one more where its community lies today.
with delivered as (
    select
        *,
        month as place_month
    from {{ ref('stg_civil_activities') }}
    where row_state <> 'duplicate'
),

activities as (
    select
        rows.*,
        rows.community_code as place_code
    from delivered as rows
    union all
    select
        rows.*,
        {{ today_code('rows') }} as place_code
    from delivered as rows
    {{ join_today('rows') }}
    where whole.place_today is not null
),

-- kinds that quarantined rows give for an activity; null where nobody knows
revisions as (
    select distinct
        activity_no,
        kind
    from delivered
    where row_state = 'quarantined' and activity_no is not null
),

revised as (
    select distinct delivered.activity_no
    from delivered
    inner join revisions
        on delivered.activity_no = revisions.activity_no
        and coalesce(delivered.kind = revisions.kind, true)
    where delivered.row_state = 'accepted'
),

known as (
    {{ known_places() }}
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
    known.community_code is not null as is_placed,
    revised.activity_no is not null as is_revised
from activities
inner join months
    on activities.cohort_month <= months.month
    and date_trunc('year', activities.cohort_month) = date_trunc('year', months.month)
left join known
    on activities.month = known.month and activities.place_code = known.community_code
left join revised on activities.activity_no = revised.activity_no
