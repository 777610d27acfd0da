select
    dataset,
    period,
    supplier_id,
    rule_id,
    rule_version,
    severity,
    zh as description_zh,
    en as description_en,
    rows_checked,
    rows_failed
from {{ source('control', 'rule_results') }}
