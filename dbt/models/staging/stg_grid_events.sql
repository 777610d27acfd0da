-- Every delivery counts: a later one may tell more of an earlier event. unit_code: the department in charge, if it is
-- one that is assessed; of a quarantined row that names none nobody knows.
with delivered as (
    {{ staged('grid_events', of='events') }}
),

departments as (
    {{ department_names() }}
),

in_charge as (
    select
        delivered.*,
        departments.unit_code
    from delivered
    left join departments
        on delivered.month = departments.month and delivered.department = departments.department
)

select
    *,
    case when row_state <> 'quarantined' or department is not null then unit_code is not null end as is_of_department,
    {{ cohort_month('reported_at') }} as cohort_month,
    {{ is_given('verified_at') }} as is_verified,
    {{ is_given('due_at') }} as has_due_time,
    {{ is_true('verified_at <= due_at') }} as is_in_time,
    -- closed, or overdue without that, whichever comes first; nobody knows which where a quarantined row lacks one
    case
        when row_state <> 'quarantined' or (verified_at is not null and due_at is not null)
            then least(verified_at, due_at)
    end as decided_at,
    {{ is_given('supervision_due_at') }} as is_supervised,
    {{ is_true('verified_at <= supervision_due_at') }} as is_in_supervised_time,
    -- what is urged is urged when it is dealt with
    coalesce(handled_at, reported_at) as urged_at
from in_charge
