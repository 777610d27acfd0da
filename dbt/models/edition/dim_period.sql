select
    period_type,
    period,
    start_date,
    end_date,
    last_month,
    cutoff_date,
    is_closed,
    label_zh,
    label_en
from {{ source('control', 'periods') }}
