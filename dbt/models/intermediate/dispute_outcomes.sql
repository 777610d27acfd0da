-- Accepted civil disputes, one row each, with the month by whose cut-off their outcome was known (null: not yet)
-- and whether a quarantined delivery says something else about them.
with disputes as (
    select * from {{ ref('stg_grid_disputes') }} where row_state = 'accepted' and kind = 'civil'
),

revised as (
    select distinct dispute_no
    from {{ ref('stg_grid_disputes') }}
    where row_state = 'quarantined' and could_be_civil and dispute_no is not null
),

known as (
    select
        disputes.handled_date,
        min(calendar.month) as month
    from (select distinct handled_date from disputes) as disputes
    inner join {{ ref('calendar') }} as calendar on disputes.handled_date <= calendar.cutoff_date
    group by disputes.handled_date
)

select
    disputes.dispute_no,
    disputes.month as place_month,
    disputes.supplier_id,
    disputes.community_code,
    disputes.cohort_month as month,
    -- never before the month that the dispute belongs to
    case when known.month is not null then greatest(known.month, disputes.cohort_month) end as known_month,
    case when disputes.result = 'success' then 1 else 0 end as is_settled,
    case when revised.dispute_no is not null then 1 else 0 end as is_revised
from disputes
left join revised on disputes.dispute_no = revised.dispute_no
left join known on disputes.handled_date = known.handled_date
