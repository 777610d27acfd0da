select
    target_id,
    pack,
    kpi_id,
    operator,
    value_1,
    value_2,
    unit,
    area_scope,
    class_scope,
    effective_from,
    effective_to,
    document,
    clause,
    strength,
    text_zh,
    text_en
from {{ ref('targets') }}
