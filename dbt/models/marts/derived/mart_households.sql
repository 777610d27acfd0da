-- Derived from dbt/measures/mart_households.yml by pipelines.dbt_marts.write_marts: do not edit.
{{ config(
    materialized='incremental',
    pre_hook=['{{ choose_months() }}', '{{ forget_months() }}'],
) }}
{% set datasets = [
    {"name": "household_households", "rows": ref("stg_household_households"), "part": "household_no", "measures": [
        {"name": "households_registered", "counts": "is_registered", "columns": [
            {"name": "households_registered", "where": "households_registered_counts"},
            {"name": "households_registered_passed", "where": "households_registered_counts and coalesce(has_door_plate, false)"},
            {"name": "households_registered_may_pass", "where": "households_registered_may_count and coalesce(has_door_plate, true)"},
            {"name": "households_registered_may_fail", "where": "households_registered_may_count and not coalesce(has_door_plate, false)"},
        ]},
    ]},
    {"name": "household_persons", "rows": ref("persons_at_home"), "part": "household_no", "measures": [
        {"name": "persons_registered", "counts": "is_registered", "columns": [
            {"name": "persons_registered", "where": "persons_registered_counts"},
            {"name": "persons_registered_passed", "where": "persons_registered_counts and coalesce(lives_here, false)"},
            {"name": "persons_registered_may_pass", "where": "persons_registered_may_count and coalesce(lives_here, true)"},
            {"name": "persons_registered_may_fail", "where": "persons_registered_may_count and not coalesce(lives_here, false)"},
        ]},
    ]},
] %}

{{ register_mart(datasets, "community_code") }}
