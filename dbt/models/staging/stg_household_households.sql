with delivered as (
    {{ current_rows('household_households') }}
)

select
    *,
    registered_date <= month_end and (cancelled_date is null or cancelled_date > month_end) as is_registered
from delivered
