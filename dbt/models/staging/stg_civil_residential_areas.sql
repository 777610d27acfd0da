-- A new area is commodity housing that was accepted. It counts as rated in the quarter where that was in the month or
-- in the two before it, which in the last month of a quarter is the quarter.
with areas as (
    {{ staged('civil_residential_areas') }}
)

select
    *,
    kind = 'commodity' and accepted_date <= month_end as is_new_area,
    has_group_leader and has_security_aide and has_cleaner as has_all_three,
    12 * (year(month_end) - year(rated_date)) + month(month_end) - month(rated_date)
    between 0 and 2 as is_rated_in_quarter
from areas
