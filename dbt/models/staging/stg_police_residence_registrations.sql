with delivered as (
    {{ current_rows('police_residence_registrations') }}
)

select
    *,
    registered_date <= month_end
    and (valid_to is null or valid_to >= month_end)
    and (cancelled_date is null or cancelled_date > month_end) as is_valid,
    coalesce(valid_to >= month_end, true) and coalesce(cancelled_date > month_end, true) as could_be_valid
from delivered
