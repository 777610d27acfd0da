-- Grids with what can be relied on of each row. Of more building heads than are needed only the needed ones count.
with grids as (
    {{ staged('grid_grids') }}
)

select
    *,
    case
        when building_heads < building_heads_needed then building_heads
        when building_heads >= building_heads_needed then building_heads_needed
    end as building_heads_filled
from grids
