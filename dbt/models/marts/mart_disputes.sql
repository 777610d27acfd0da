-- Built anew each time: a delivery may tell more of disputes of any earlier month.
{% set measures = [
    'civil_disputes', 'civil_disputes_handled', 'civil_disputes_settled', 'civil_disputes_doubtful',
    'revised_disputes', 'revised_disputes_handled', 'revised_disputes_settled',
] %}

with places as (
    {{ sum_by_place(ref('dispute_counts'), ['month', 'known_month'], measures) }}
),

counted as (
    {{ sum_by_unit('places', ['month', 'known_month'], measures) }}
)

select
    unit_key,
    month,
    known_month,
    cast(civil_disputes as bigint) as civil_disputes,
    cast(civil_disputes_handled as bigint) as civil_disputes_handled,
    cast(civil_disputes_settled as bigint) as civil_disputes_settled,
    cast(civil_disputes_doubtful as bigint) as civil_disputes_doubtful,
    cast(revised_disputes as bigint) as revised_disputes,
    cast(revised_disputes_handled as bigint) as revised_disputes_handled,
    cast(revised_disputes_settled as bigint) as revised_disputes_settled
from counted
