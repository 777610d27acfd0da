-- What became of units. Of household numbers, which stand for persons' homes, only how many were listed.
select
    change_date,
    change_kind,
    unit_level,
    from_unit_key,
    from_code,
    to_unit_key,
    to_code,
    document_no,
    moved_grids,
    cast(cardinality(moved_households) as integer) as households_moved,
    source
from {{ source('control', 'lineage') }}
