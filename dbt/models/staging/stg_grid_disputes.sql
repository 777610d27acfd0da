-- Disputes of all kinds with their reliable cells. Every delivery counts: a later one may tell more of an earlier one.
with delivered as (
    {{ staged('grid_disputes', of='events') }}
)

select
    *,
    {{ cohort_month('accepted_date') }} as cohort_month,
    {{ is_given('handled_date') }} as is_handled,
    -- handled after its due date, or not at all; of a quarantined row an empty cell is not known
    case
        when row_state = 'accepted' then due_date is not null and coalesce(handled_date > due_date, true)
        else handled_date > due_date
    end as is_late,
    cast(due_date + interval 1 day as date) as overdue_on,
    case
        when row_state = 'accepted' then coalesce(deaths, 0) + coalesce(injuries, 0)
        else deaths + injuries
    end as casualties
from delivered
