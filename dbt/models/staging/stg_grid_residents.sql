with delivered as (
    {{ current_rows('grid_residents', rule='person_in_two_places') }}
)

select
    *,
    arrived_date <= month_end and (left_date is null or left_date > month_end) as lives_here,
    coalesce(left_date > month_end, true) as could_live_here,
    {{ could_be('grid_residents', 'residence_type', 'temporary') }} as could_be_temporary,
    has_rule as is_in_two_places,
    -- nothing else is wrong with the row than that the person is also listed elsewhere
    only_rule as is_tied
from delivered
