-- What each dispute adds, and from which month on it is known: being accepted, being handled, being in doubt.
with outcomes as (
    select * from {{ ref('dispute_outcomes') }}
),

accepted as (
    select
        place_month,
        supplier_id,
        community_code,
        month,
        month as known_month,
        1 as civil_disputes,
        0 as civil_disputes_handled,
        0 as civil_disputes_settled,
        0 as civil_disputes_doubtful,
        is_revised as revised_disputes,
        0 as revised_disputes_handled,
        0 as revised_disputes_settled
    from outcomes
),

handled as (
    select
        place_month,
        supplier_id,
        community_code,
        month,
        known_month,
        0 as civil_disputes,
        1 as civil_disputes_handled,
        is_settled as civil_disputes_settled,
        0 as civil_disputes_doubtful,
        0 as revised_disputes,
        is_revised as revised_disputes_handled,
        is_revised * is_settled as revised_disputes_settled
    from outcomes
    where known_month is not null
),

doubtful as (
    select
        disputes.month as place_month,
        disputes.supplier_id,
        disputes.community_code,
        disputes.cohort_month as month,
        disputes.cohort_month as known_month,
        0 as civil_disputes,
        0 as civil_disputes_handled,
        0 as civil_disputes_settled,
        1 as civil_disputes_doubtful,
        0 as revised_disputes,
        0 as revised_disputes_handled,
        0 as revised_disputes_settled
    from {{ ref('stg_grid_disputes') }} as disputes
    left join outcomes on disputes.dispute_no = outcomes.dispute_no
    where disputes.row_state = 'quarantined' and disputes.could_be_civil and outcomes.dispute_no is null
)

select * from accepted
union all
select * from handled
union all
select * from doubtful
