with delivered as (
    {{ staged('household_persons') }}
)

select
    *,
    {{ is_in_force('registered_date', 'cancelled_date') }} as is_registered
from delivered
