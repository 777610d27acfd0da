with delivered as (
    {{ staged('civil_programmes') }}
)

select
    *,
    status <> 'cancelled' as is_listed,
    status in ('active', 'completed', 'accepted') as is_under_way,
    status in ('completed', 'accepted') and completed_date <= month_end as is_done,
    planned_date <= month_end as is_due,
    completed_date <= planned_date as is_on_time,
    -- an empty cell of a quarantined row says nothing
    case
        when row_state <> 'quarantined' or accepted_first_time is not null then accepted_first_time is not null
    end as is_inspected
from delivered
