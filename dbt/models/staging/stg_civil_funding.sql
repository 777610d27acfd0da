with delivered as (
    {{ staged('civil_funding') }}
)

select
    *,
    year = extract(year from month_end) as is_of_this_year
from delivered
