-- Derived from dbt/measures/mart_safety.yml by pipelines.dbt_marts.write_marts: do not edit.
{{ config(
    materialized='incremental',
    pre_hook=['{{ choose_months() }}', '{{ forget_months() }}'],
) }}
{% set datasets = [
    {"name": "police_case_returns", "rows": ref("stg_police_case_returns"), "part": none, "measures": [
        {"name": "criminal_cases", "counts": "category = 'criminal'", "columns": [
            {"name": "criminal_cases", "type": "decimal(18,2)", "amount": "cases", "where": "criminal_cases_counts"},
            {"name": "criminal_cases_doubtful", "type": "decimal(18,2)", "amount": "cases", "where": "criminal_cases_may_count"},
            {"name": "criminal_cases_unbounded", "where": "criminal_cases_may_count and cases is null"},
        ]},
        {"name": "criminal_returns", "counts": "category = 'criminal'", "columns": [
            {"name": "criminal_returns", "where": "criminal_returns_counts"},
            {"name": "criminal_returns_doubtful", "where": "criminal_returns_may_count"},
        ]},
        {"name": "public_order_cases", "counts": "category = 'public_order'", "columns": [
            {"name": "public_order_cases", "type": "decimal(18,2)", "amount": "cases", "where": "public_order_cases_counts"},
            {"name": "public_order_cases_doubtful", "type": "decimal(18,2)", "amount": "cases", "where": "public_order_cases_may_count"},
            {"name": "public_order_cases_unbounded", "where": "public_order_cases_may_count and cases is null"},
        ]},
        {"name": "public_order_returns", "counts": "category = 'public_order'", "columns": [
            {"name": "public_order_returns", "where": "public_order_returns_counts"},
            {"name": "public_order_returns_doubtful", "where": "public_order_returns_may_count"},
        ]},
        {"name": "safety_disasters", "counts": "category = 'safety_disaster'", "columns": [
            {"name": "safety_disasters", "type": "decimal(18,2)", "amount": "cases", "where": "safety_disasters_counts"},
            {"name": "safety_disasters_doubtful", "type": "decimal(18,2)", "amount": "cases", "where": "safety_disasters_may_count"},
            {"name": "safety_disasters_unbounded", "where": "safety_disasters_may_count and cases is null"},
        ]},
        {"name": "safety_disaster_returns", "counts": "category = 'safety_disaster'", "columns": [
            {"name": "safety_disaster_returns", "where": "safety_disaster_returns_counts"},
            {"name": "safety_disaster_returns_doubtful", "where": "safety_disaster_returns_may_count"},
        ]},
        {"name": "resident_offences", "counts": "category = 'resident_offence'", "columns": [
            {"name": "resident_offences", "type": "decimal(18,2)", "amount": "cases", "where": "resident_offences_counts"},
            {"name": "resident_offences_doubtful", "type": "decimal(18,2)", "amount": "cases", "where": "resident_offences_may_count"},
            {"name": "resident_offences_unbounded", "where": "resident_offences_may_count and cases is null"},
        ]},
        {"name": "resident_offence_returns", "counts": "category = 'resident_offence'", "columns": [
            {"name": "resident_offence_returns", "where": "resident_offence_returns_counts"},
            {"name": "resident_offence_returns_doubtful", "where": "resident_offence_returns_may_count"},
        ]},
        {"name": "vice_cases", "counts": "category = 'vice'", "columns": [
            {"name": "vice_cases", "type": "decimal(18,2)", "amount": "cases", "where": "vice_cases_counts"},
            {"name": "vice_cases_doubtful", "type": "decimal(18,2)", "amount": "cases", "where": "vice_cases_may_count"},
            {"name": "vice_cases_unbounded", "where": "vice_cases_may_count and cases is null"},
        ]},
        {"name": "vice_returns", "counts": "category = 'vice'", "columns": [
            {"name": "vice_returns", "where": "vice_returns_counts"},
            {"name": "vice_returns_doubtful", "where": "vice_returns_may_count"},
        ]},
    ]},
    {"name": "police_rooms", "rows": ref("stg_police_rooms"), "part": none, "measures": [
        {"name": "police_rooms_open", "counts": "is_open", "columns": [
            {"name": "police_rooms_open", "where": "police_rooms_open_counts"},
            {"name": "police_rooms_open_doubtful", "where": "police_rooms_open_may_count"},
        ]},
    ]},
    {"name": "grid_patrols", "rows": ref("stg_grid_patrols"), "part": "grid_code", "measures": [
        {"name": "patrols", "counts": "true", "columns": [
            {"name": "patrols", "type": "decimal(18,2)", "amount": "patrols_due", "where": "patrols_counts"},
            {"name": "patrols_passed", "type": "decimal(18,2)", "amount": "least(patrols_done, patrols_due)", "where": "patrols_counts and true"},
            {"name": "patrols_may_pass", "type": "decimal(18,2)", "amount": "patrols_due", "where": "patrols_may_count and true"},
            {"name": "patrols_may_fail", "type": "decimal(18,2)", "amount": "patrols_due", "where": "patrols_may_count and true"},
            {"name": "patrols_unbounded", "where": "patrols_may_count and patrols_due is null"},
        ]},
    ]},
    {"name": "grid_duty", "rows": ref("stg_grid_duty"), "part": none, "measures": [
        {"name": "duty_hours", "counts": "true", "columns": [
            {"name": "duty_hours", "type": "decimal(18,2)", "amount": "hours_due", "where": "duty_hours_counts"},
            {"name": "duty_hours_passed", "type": "decimal(18,2)", "amount": "hours_staffed", "where": "duty_hours_counts and true"},
            {"name": "duty_hours_may_pass", "type": "decimal(18,2)", "amount": "hours_due", "where": "duty_hours_may_count and true"},
            {"name": "duty_hours_may_fail", "type": "decimal(18,2)", "amount": "hours_due", "where": "duty_hours_may_count and true"},
            {"name": "duty_hours_unbounded", "where": "duty_hours_may_count and hours_due is null"},
        ]},
        {"name": "duty_returns", "counts": "true", "columns": [
            {"name": "duty_returns", "where": "duty_returns_counts"},
            {"name": "duty_returns_doubtful", "where": "duty_returns_may_count"},
        ]},
    ]},
] %}

{{ register_mart(datasets, "community_code", has_grids=true) }}
