-- Units by number: judgements are sorted by the million, and numbers are narrower than keys. unit_no is the unit's;
-- name_no is another where its code or level is; slice_no is for whoever sorts all judgements of a part of the units
-- at a time.
select
    unit_key,
    unit_code,
    unit_level,
    cast(dense_rank() over (order by unit_key) as integer) as unit_no,
    cast(row_number() over (order by unit_key, unit_code, unit_level) as integer) as name_no,
    cast(floor(dense_rank() over (order by unit_key) / {{ var('flags_at_a_time') }}) as integer) as slice_no
from (
    select distinct
        unit_key,
        unit_code,
        unit_level
    from {{ source('control', 'units') }}
) as names
