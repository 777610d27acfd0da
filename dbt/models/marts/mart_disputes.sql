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
    {%- for measure in measures %}
    cast({{ measure }} as bigint) as {{ measure }}{{ "," if not loop.last }}
    {%- endfor %}
from counted
