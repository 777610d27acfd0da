with delivered as (
    {{ staged('civil_surveys') }}
)

select
    *,
    surveyed_date between date_trunc('year', month_end) and month_end as is_of_this_year
from delivered
