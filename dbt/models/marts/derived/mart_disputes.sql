-- Derived from dbt/measures/mart_disputes.yml by pipelines.dbt_marts.write_marts: do not edit.
-- A delivery may tell more of events of any earlier month: those months are computed again.
{{ config(
    materialized='incremental',
    pre_hook=['{{ choose_months("events") }}', '{{ forget_months("has_other_events") }}'],
) }}
{% set datasets = [
    {"name": "grid_disputes", "rows": ref("stg_grid_disputes"), "part": none, "key": "dispute_no", "measures": [
        {"name": "civil_disputes", "counts": "kind = 'civil'", "columns": [
            {"name": "civil_disputes", "where": "civil_disputes_counts"},
            {"name": "civil_disputes_passed", "where": "civil_disputes_counts and coalesce(is_handled, false)", "known_on": "handled_date"},
            {"name": "civil_disputes_may_pass", "where": "civil_disputes_is_own and coalesce(is_handled, true)", "known_on": "handled_date"},
            {"name": "civil_disputes_may_fail", "where": "civil_disputes_is_own"},
            {"name": "civil_disputes_may_fail", "amount": "-1", "where": "civil_disputes_is_own and coalesce(is_handled, false) and handled_date is not null", "known_on": "handled_date"},
            {"name": "civil_disputes_revised", "where": "civil_disputes_is_revised"},
            {"name": "civil_disputes_revised_counted", "where": "civil_disputes_is_revised"},
            {"name": "civil_disputes_revised_passed", "where": "civil_disputes_is_revised and coalesce(is_handled, false)", "known_on": "handled_date"},
        ]},
        {"name": "civil_disputes_handled", "counts": "kind = 'civil' and is_handled", "columns": [
            {"name": "civil_disputes_handled", "where": "civil_disputes_handled_counts", "known_on": "handled_date"},
            {"name": "civil_disputes_handled_passed", "where": "civil_disputes_handled_counts and coalesce(result = 'success', false)", "known_on": "handled_date"},
            {"name": "civil_disputes_handled_may_pass", "where": "civil_disputes_handled_is_own and coalesce(result = 'success', true)", "known_on": "handled_date"},
            {"name": "civil_disputes_handled_may_fail", "where": "civil_disputes_handled_is_own and not coalesce(result = 'success', false)", "known_on": "handled_date"},
            {"name": "civil_disputes_handled_revised", "where": "civil_disputes_handled_is_revised"},
            {"name": "civil_disputes_handled_revised_counted", "where": "civil_disputes_handled_is_revised", "known_on": "handled_date"},
            {"name": "civil_disputes_handled_revised_passed", "where": "civil_disputes_handled_is_revised and coalesce(result = 'success', false)", "known_on": "handled_date"},
        ]},
    ]},
] %}

{{ event_mart(datasets, "community_code") }}
