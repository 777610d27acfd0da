-- Every delivery counts: a later one may tell more of an earlier dispute.
with delivered as (
    {{ current_rows('grid_disputes', all_months=true) }}
)

select
    *,
    {{ could_be('grid_disputes', 'kind', 'civil') }} as could_be_civil,
    -- a date that cannot be read, or that had not come yet, leaves the delivered month
    cast(
        case when accepted_date <= month_end then date_trunc('month', accepted_date) else month end as date
    ) as cohort_month
from delivered
