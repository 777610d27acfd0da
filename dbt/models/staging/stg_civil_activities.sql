-- Every delivery counts: a later one may tell more of an earlier event.
with delivered as (
    {{ staged('civil_activities', of='all') }}
)

select
    *,
    {{ cohort_month('held_date') }} as cohort_month
from delivered
