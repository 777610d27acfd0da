-- Derived from dbt/measures/mart_disputes.yml by pipelines.dbt_marts.write_marts: do not edit.
-- Built anew each time: a delivery may tell more of events of any earlier month.
{% set datasets = [
    {"name": "grid_disputes", "rows": ref("stg_grid_disputes"), "part": none, "key": "dispute_no", "measures": [
        {"name": "civil_disputes", "counts": "kind = 'civil'", "columns": [
            {"name": "civil_disputes", "type": "bigint", "aggregate": "sum", "amount": "1", "where": "civil_disputes_counts", "known_on": none},
            {"name": "civil_disputes_passed", "type": "bigint", "aggregate": "sum", "amount": "1", "where": "civil_disputes_counts and coalesce(is_handled, false)", "known_on": "handled_date"},
            {"name": "civil_disputes_may_pass", "type": "bigint", "aggregate": "sum", "amount": "1", "where": "civil_disputes_is_own and coalesce(is_handled, true)", "known_on": "handled_date"},
            {"name": "civil_disputes_may_fail", "type": "bigint", "aggregate": "sum", "amount": "1", "where": "civil_disputes_is_own", "known_on": none},
            {"name": "civil_disputes_may_fail", "type": "bigint", "aggregate": "sum", "amount": "-1", "where": "civil_disputes_is_own and coalesce(is_handled, false) and handled_date is not null", "known_on": "handled_date"},
            {"name": "civil_disputes_revised", "type": "bigint", "aggregate": "sum", "amount": "1", "where": "civil_disputes_is_revised", "known_on": none},
            {"name": "civil_disputes_revised_counted", "type": "bigint", "aggregate": "sum", "amount": "1", "where": "civil_disputes_is_revised", "known_on": none},
            {"name": "civil_disputes_revised_passed", "type": "bigint", "aggregate": "sum", "amount": "1", "where": "civil_disputes_is_revised and coalesce(is_handled, false)", "known_on": "handled_date"},
        ]},
        {"name": "civil_disputes_handled", "counts": "kind = 'civil' and is_handled", "columns": [
            {"name": "civil_disputes_handled", "type": "bigint", "aggregate": "sum", "amount": "1", "where": "civil_disputes_handled_counts", "known_on": "handled_date"},
            {"name": "civil_disputes_handled_passed", "type": "bigint", "aggregate": "sum", "amount": "1", "where": "civil_disputes_handled_counts and coalesce(result = 'success', false)", "known_on": "handled_date"},
            {"name": "civil_disputes_handled_may_pass", "type": "bigint", "aggregate": "sum", "amount": "1", "where": "civil_disputes_handled_is_own and coalesce(result = 'success', true)", "known_on": "handled_date"},
            {"name": "civil_disputes_handled_may_fail", "type": "bigint", "aggregate": "sum", "amount": "1", "where": "civil_disputes_handled_is_own and not coalesce(result = 'success', false)", "known_on": "handled_date"},
            {"name": "civil_disputes_handled_revised", "type": "bigint", "aggregate": "sum", "amount": "1", "where": "civil_disputes_handled_is_revised", "known_on": none},
            {"name": "civil_disputes_handled_revised_counted", "type": "bigint", "aggregate": "sum", "amount": "1", "where": "civil_disputes_handled_is_revised", "known_on": "handled_date"},
            {"name": "civil_disputes_handled_revised_passed", "type": "bigint", "aggregate": "sum", "amount": "1", "where": "civil_disputes_handled_is_revised and coalesce(result = 'success', false)", "known_on": "handled_date"},
        ]},
    ]},
] %}

{{ event_mart(datasets) }}
