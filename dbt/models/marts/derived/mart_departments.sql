-- Derived from dbt/measures/mart_departments.yml by pipelines.dbt_marts.write_marts: do not edit.
-- A delivery may tell more of events of any earlier month: those months are computed again.
{{ config(
    materialized='incremental',
    pre_hook=['{{ choose_months("events") }}', '{{ forget_months("has_other_events") }}'],
) }}
{% set datasets = [
    {"name": "grid_events", "rows": ref("stg_grid_events"), "part": "grid_code", "key": "event_no", "measures": [
        {"name": "events_failing_for_department", "counts": "failed_verifications > 3 and is_of_department", "columns": [
            {"name": "events_failing_for_department", "where": "events_failing_for_department_counts"},
            {"name": "events_failing_for_department_doubtful", "where": "events_failing_for_department_may_count"},
            {"name": "events_failing_for_department_revised", "where": "events_failing_for_department_is_revised"},
        ]},
    ]},
] %}

{{ event_mart(datasets, "unit_code") }}
