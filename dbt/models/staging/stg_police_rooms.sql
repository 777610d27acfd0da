with delivered as (
    {{ staged('police_rooms') }}
)

select
    *,
    {{ is_in_force('opened_date', 'closed_date') }} as is_open
from delivered
