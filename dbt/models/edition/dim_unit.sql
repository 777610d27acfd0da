select
    unit_key,
    unit_code,
    unit_name,
    unit_level,
    parent_unit_key,
    parent_code,
    street_code,
    class,
    city_class,
    is_adjusted,
    opened_date,
    valid_from,
    valid_to,
    source
from {{ source('control', 'units') }}
