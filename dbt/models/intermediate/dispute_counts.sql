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
        case when row_state = 'accepted' then 1 else 0 end as civil_disputes,
        0 as civil_disputes_handled,
        0 as civil_disputes_settled,
        case when row_state = 'quarantined' then 1 else 0 end as civil_disputes_doubtful,
        case when row_state = 'accepted' then is_revised else 0 end as revised_disputes,
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
    where row_state = 'accepted' and known_month is not null
)

select * from accepted
union all
select * from handled
