with delivered as (
    {{ current_rows('grid_grids') }}
)

select
    *,
    {{ could_be('grid_grids', 'kind', 'general') }} as could_be_general,
    {{ is_in_range('grid_grids', 'households') }} as are_households_usable
from delivered
