with delivered as (
    {{ current_rows('civil_communities') }}
)

select
    *,
    opened_date <= month_end and (closed_date is null or closed_date > month_end) as is_open
from delivered
