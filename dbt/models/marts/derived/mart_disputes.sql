-- Derived from dbt/measures/mart_disputes.yml by pipelines.dbt_marts.write_marts: do not edit.
-- Built anew each time: a delivery may tell more of events of any earlier month.
with -- a day is known with the first month whose cut-off is on or after it
cutoffs as (
    select
        month,
        cutoff_date,
        lag(cutoff_date) over (order by month) as previous_cutoff_date
    from {{ ref('calendar') }}
    where cutoff_date is not null
),

grid_disputes_rows as (
    select
        *,
        month as place_month,
        row_state = 'accepted' and coalesce(kind = 'civil', false) as civil_disputes_counts,
        row_state = 'quarantined' and coalesce(kind = 'civil', true) as civil_disputes_may_count,
        row_state = 'accepted' and coalesce(kind = 'civil' and is_handled, false) as civil_disputes_handled_counts,
        row_state = 'quarantined' and coalesce(kind = 'civil' and is_handled, true) as civil_disputes_handled_may_count
    from {{ ref('stg_grid_disputes') }}
),

grid_disputes_compared as (
    select
        *,
        civil_disputes_counts and max(case when civil_disputes_may_count then 1 else 0 end) over (partition by dispute_no) = 1 as civil_disputes_is_revised,
        civil_disputes_may_count and not (dispute_no is not null and max(case when civil_disputes_counts then 1 else 0 end) over (partition by dispute_no) = 1) as civil_disputes_is_own,
        civil_disputes_handled_counts and max(case when civil_disputes_handled_may_count then 1 else 0 end) over (partition by dispute_no) = 1 as civil_disputes_handled_is_revised,
        civil_disputes_handled_may_count and not (dispute_no is not null and max(case when civil_disputes_handled_counts then 1 else 0 end) over (partition by dispute_no) = 1) as civil_disputes_handled_is_own
    from grid_disputes_rows
),

grid_disputes_at_once as (
    select
        rows.place_month,
        rows.supplier_id,
        rows.community_code,
        {{ today_code('rows') }} as today_code,
        rows.cohort_month as month,
        rows.cohort_month as known_month,
        sum(case when civil_disputes_counts then 1 else 0 end) as civil_disputes,
        sum(case when civil_disputes_is_own and coalesce(is_handled, true) then 1 else 0 end) as civil_disputes_may_pass,
        sum(case when civil_disputes_is_own and not coalesce(is_handled, false) then 1 else 0 end) as civil_disputes_may_fail,
        sum(case when civil_disputes_is_revised then 1 else 0 end) as civil_disputes_revised,
        sum(case when civil_disputes_is_revised then 1 else 0 end) as civil_disputes_revised_counted,
        sum(case when civil_disputes_handled_is_own and coalesce(result = 'success', true) then 1 else 0 end) as civil_disputes_handled_may_pass,
        sum(case when civil_disputes_handled_is_own and not coalesce(result = 'success', false) then 1 else 0 end) as civil_disputes_handled_may_fail,
        sum(case when civil_disputes_handled_is_revised then 1 else 0 end) as civil_disputes_handled_revised
    from grid_disputes_compared as rows
    {{ join_today('rows') }}
    group by rows.place_month, rows.supplier_id, rows.community_code, today_code, rows.cohort_month
),

grid_disputes_handled_date as (
    select
        rows.place_month,
        rows.supplier_id,
        rows.community_code,
        {{ today_code('rows') }} as today_code,
        rows.cohort_month as month,
        greatest(cutoffs.month, rows.cohort_month) as known_month,
        sum(case when civil_disputes_counts and coalesce(is_handled, false) then 1 else 0 end) as civil_disputes_passed,
        sum(case when civil_disputes_is_revised and coalesce(is_handled, false) then 1 else 0 end) as civil_disputes_revised_passed,
        sum(case when civil_disputes_handled_counts then 1 else 0 end) as civil_disputes_handled,
        sum(case when civil_disputes_handled_counts and coalesce(result = 'success', false) then 1 else 0 end) as civil_disputes_handled_passed,
        sum(case when civil_disputes_handled_is_revised then 1 else 0 end) as civil_disputes_handled_revised_counted,
        sum(case when civil_disputes_handled_is_revised and coalesce(result = 'success', false) then 1 else 0 end) as civil_disputes_handled_revised_passed
    from grid_disputes_compared as rows
    inner join cutoffs
        on cast(rows.handled_date as date) <= cutoffs.cutoff_date
        and (cutoffs.previous_cutoff_date is null or cast(rows.handled_date as date) > cutoffs.previous_cutoff_date)
    {{ join_today('rows') }}
    group by rows.place_month, rows.supplier_id, rows.community_code, today_code, rows.cohort_month, cutoffs.month
),

sums as (
    select
        place_month,
        supplier_id,
        community_code,
        today_code,
        month,
        known_month,
        civil_disputes,
        0 as civil_disputes_passed,
        civil_disputes_may_pass,
        civil_disputes_may_fail,
        civil_disputes_revised,
        civil_disputes_revised_counted,
        0 as civil_disputes_revised_passed,
        0 as civil_disputes_handled,
        0 as civil_disputes_handled_passed,
        civil_disputes_handled_may_pass,
        civil_disputes_handled_may_fail,
        civil_disputes_handled_revised,
        0 as civil_disputes_handled_revised_counted,
        0 as civil_disputes_handled_revised_passed
    from grid_disputes_at_once
    union all
    select
        place_month,
        supplier_id,
        community_code,
        today_code,
        month,
        known_month,
        0 as civil_disputes,
        civil_disputes_passed,
        0 as civil_disputes_may_pass,
        0 as civil_disputes_may_fail,
        0 as civil_disputes_revised,
        0 as civil_disputes_revised_counted,
        civil_disputes_revised_passed,
        civil_disputes_handled,
        civil_disputes_handled_passed,
        0 as civil_disputes_handled_may_pass,
        0 as civil_disputes_handled_may_fail,
        0 as civil_disputes_handled_revised,
        civil_disputes_handled_revised_counted,
        civil_disputes_handled_revised_passed
    from grid_disputes_handled_date
),

places as (
    {{ in_both_bases('sums', [
        'month',
        'known_month',
        'civil_disputes',
        'civil_disputes_passed',
        'civil_disputes_may_pass',
        'civil_disputes_may_fail',
        'civil_disputes_revised',
        'civil_disputes_revised_counted',
        'civil_disputes_revised_passed',
        'civil_disputes_handled',
        'civil_disputes_handled_passed',
        'civil_disputes_handled_may_pass',
        'civil_disputes_handled_may_fail',
        'civil_disputes_handled_revised',
        'civil_disputes_handled_revised_counted',
        'civil_disputes_handled_revised_passed',
    ]) }}
),

counted as (
    {{ sum_by_unit('places', ['month', 'known_month'], [
        'civil_disputes',
        'civil_disputes_passed',
        'civil_disputes_may_pass',
        'civil_disputes_may_fail',
        'civil_disputes_revised',
        'civil_disputes_revised_counted',
        'civil_disputes_revised_passed',
        'civil_disputes_handled',
        'civil_disputes_handled_passed',
        'civil_disputes_handled_may_pass',
        'civil_disputes_handled_may_fail',
        'civil_disputes_handled_revised',
        'civil_disputes_handled_revised_counted',
        'civil_disputes_handled_revised_passed',
    ]) }}
)

select
    unit_key,
    month,
    known_month,
    cast(civil_disputes as bigint) as civil_disputes,
    cast(civil_disputes_passed as bigint) as civil_disputes_passed,
    cast(civil_disputes_may_pass as bigint) as civil_disputes_may_pass,
    cast(civil_disputes_may_fail as bigint) as civil_disputes_may_fail,
    cast(civil_disputes_revised as bigint) as civil_disputes_revised,
    cast(civil_disputes_revised_counted as bigint) as civil_disputes_revised_counted,
    cast(civil_disputes_revised_passed as bigint) as civil_disputes_revised_passed,
    cast(civil_disputes_handled as bigint) as civil_disputes_handled,
    cast(civil_disputes_handled_passed as bigint) as civil_disputes_handled_passed,
    cast(civil_disputes_handled_may_pass as bigint) as civil_disputes_handled_may_pass,
    cast(civil_disputes_handled_may_fail as bigint) as civil_disputes_handled_may_fail,
    cast(civil_disputes_handled_revised as bigint) as civil_disputes_handled_revised,
    cast(civil_disputes_handled_revised_counted as bigint) as civil_disputes_handled_revised_counted,
    cast(civil_disputes_handled_revised_passed as bigint) as civil_disputes_handled_revised_passed
from counted
