-- Derived from dbt/measures/mart_villages.yml by pipelines.dbt_marts.write_marts: do not edit.
{{ config(
    materialized='incremental',
    pre_hook=['{{ choose_months() }}', '{{ forget_months() }}'],
) }}
{% set datasets = [
    {"name": "civil_village_works", "rows": ref("stg_civil_village_works"), "part": none, "measures": [
        {"name": "dry_toilets", "counts": "true", "columns": [
            {"name": "dry_toilets", "type": "decimal(18,2)", "amount": "dry_toilets", "where": "dry_toilets_counts"},
            {"name": "dry_toilets_doubtful", "type": "decimal(18,2)", "amount": "dry_toilets", "where": "dry_toilets_may_count"},
            {"name": "dry_toilets_unbounded", "where": "dry_toilets_may_count and dry_toilets is null"},
        ]},
        {"name": "village_returns", "counts": "true", "columns": [
            {"name": "village_returns", "where": "village_returns_counts"},
            {"name": "village_returns_doubtful", "where": "village_returns_may_count"},
        ]},
        {"name": "cultural_items", "counts": "true", "columns": [
            {"name": "cultural_items", "type": "decimal(18,2)", "amount": "5", "where": "cultural_items_counts"},
            {"name": "cultural_items_passed", "type": "decimal(18,2)", "amount": "cultural_items_present", "where": "cultural_items_counts and true"},
            {"name": "cultural_items_may_pass", "type": "decimal(18,2)", "amount": "5", "where": "cultural_items_may_count and true"},
            {"name": "cultural_items_may_fail", "type": "decimal(18,2)", "amount": "5", "where": "cultural_items_may_count and true"},
            {"name": "cultural_items_unbounded", "where": "cultural_items_may_count and 5 is null"},
        ]},
        {"name": "waste_days", "counts": "true", "columns": [
            {"name": "waste_days", "type": "decimal(18,2)", "amount": "waste_days_due", "where": "waste_days_counts"},
            {"name": "waste_days_passed", "type": "decimal(18,2)", "amount": "waste_days_cleared", "where": "waste_days_counts and true"},
            {"name": "waste_days_may_pass", "type": "decimal(18,2)", "amount": "waste_days_due", "where": "waste_days_may_count and true"},
            {"name": "waste_days_may_fail", "type": "decimal(18,2)", "amount": "waste_days_due", "where": "waste_days_may_count and true"},
            {"name": "waste_days_unbounded", "where": "waste_days_may_count and waste_days_due is null"},
        ]},
        {"name": "lanes_to_harden", "counts": "true", "columns": [
            {"name": "lanes_to_harden", "type": "decimal(18,2)", "amount": "lanes", "where": "lanes_to_harden_counts"},
            {"name": "lanes_to_harden_passed", "type": "decimal(18,2)", "amount": "lanes_hardened", "where": "lanes_to_harden_counts and true"},
            {"name": "lanes_to_harden_may_pass", "type": "decimal(18,2)", "amount": "lanes", "where": "lanes_to_harden_may_count and true"},
            {"name": "lanes_to_harden_may_fail", "type": "decimal(18,2)", "amount": "lanes", "where": "lanes_to_harden_may_count and true"},
            {"name": "lanes_to_harden_unbounded", "where": "lanes_to_harden_may_count and lanes is null"},
        ]},
        {"name": "lanes_to_light", "counts": "true", "columns": [
            {"name": "lanes_to_light", "type": "decimal(18,2)", "amount": "lanes", "where": "lanes_to_light_counts"},
            {"name": "lanes_to_light_passed", "type": "decimal(18,2)", "amount": "lanes_lit", "where": "lanes_to_light_counts and true"},
            {"name": "lanes_to_light_may_pass", "type": "decimal(18,2)", "amount": "lanes", "where": "lanes_to_light_may_count and true"},
            {"name": "lanes_to_light_may_fail", "type": "decimal(18,2)", "amount": "lanes", "where": "lanes_to_light_may_count and true"},
            {"name": "lanes_to_light_unbounded", "where": "lanes_to_light_may_count and lanes is null"},
        ]},
    ]},
] %}

{{ register_mart(datasets, "community_code") }}
