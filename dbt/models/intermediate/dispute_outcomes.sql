-- Civil disputes: accepted ones, with the month by whose cut-off their outcome was known (null: not yet) and whether
-- a quarantined row says something else about them; and quarantined rows that may be a dispute of their own.
with disputes as (
    select * from {{ ref('stg_grid_disputes') }}
    where (row_state = 'accepted' and kind = 'civil') or (row_state = 'quarantined' and could_be_civil)
),

compared as (
    select
        *,
        max(case when row_state = 'accepted' then 1 else 0 end) over (partition by dispute_no) as is_accepted,
        max(case when row_state = 'quarantined' then 1 else 0 end) over (partition by dispute_no) as is_revised
    from disputes
),

known as (
    select
        handled.handled_date,
        min(calendar.month) as month
    from (select distinct disputes.handled_date from disputes) as handled
    inner join {{ ref('calendar') }} as calendar on handled.handled_date <= calendar.cutoff_date
    group by handled.handled_date
)

select
    compared.row_state,
    compared.month as place_month,
    compared.supplier_id,
    compared.community_code,
    compared.cohort_month as month,
    -- never before the month that the dispute belongs to
    case when known.month is not null then greatest(known.month, compared.cohort_month) end as known_month,
    case when compared.result = 'success' then 1 else 0 end as is_settled,
    compared.is_revised
from compared
left join known on compared.handled_date = known.handled_date
where
    compared.row_state = 'accepted'
    -- a quarantined row without a number can be no revision of anything
    or compared.dispute_no is null
    or compared.is_accepted = 0
