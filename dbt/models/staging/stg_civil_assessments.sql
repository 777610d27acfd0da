-- Weights in hundredths, so that weight × score is exact to two decimals.
with delivered as (
    {{ staged('civil_assessments') }}
)

select
    *,
    year = max(case when row_state = 'accepted' then year end) over (partition by month) as is_latest_year,
    -- a community's score is none of its street's
    length(unit_code) = 9 or left(unit_code, 1) = 'D' as is_of_assessed_unit,
    cast(weight * 100 as decimal(18, 2)) as weight_parts,
    cast(weight * 100 * score as decimal(18, 2)) as points
from delivered
