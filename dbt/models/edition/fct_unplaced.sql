{{ config(
    materialized='incremental',
    pre_hook=['{{ choose_months() }}', '{{ forget_months() }}'],
) }}

-- Rows that may lie in one of several of today's units: of a unit that was split or lost a part, without the grid or
-- household that says which. In the figures as_now they are in the bounds of each.
with unplaced as (
    {{ unplaced_rows() }}
)

select
    unplaced.dataset,
    unplaced.month,
    units.unit_key,
    units.unit_code,
    units.unit_level,
    cast(unplaced.rows_accepted as bigint) as rows_accepted,
    cast(unplaced.rows_quarantined as bigint) as rows_quarantined
from unplaced
inner join {{ ref('unit_months') }} as units
    on unplaced.month = units.month and unplaced.unit_code = units.unit_code
