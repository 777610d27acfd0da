-- Units by number: judgements are sorted by the million, and numbers are narrower than keys. unit_no is the unit's;
-- name_no is another where its code or level is.
select
    unit_key,
    unit_code,
    unit_level,
    cast(dense_rank() over (order by unit_key) as integer) as unit_no,
    cast(row_number() over (order by unit_key, unit_code, unit_level) as integer) as name_no
from (
    select distinct
        unit_key,
        unit_code,
        unit_level
    from {{ source('control', 'units') }}
) as names
