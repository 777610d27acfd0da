-- Derived from dbt/measures/mart_facilities.yml by pipelines.dbt_marts.write_marts: do not edit.
{{ config(
    materialized='incremental',
    pre_hook=['{{ choose_months() }}', '{{ forget_months() }}'],
) }}
{% set datasets = [
    {"name": "civil_facilities", "rows": ref("stg_civil_facilities"), "part": none, "measures": [
        {"name": "service_area_m2", "counts": "kind = 'comprehensive_service' and is_open", "columns": [
            {"name": "service_area_m2", "type": "decimal(18,2)", "amount": "floor_area_m2", "where": "service_area_m2_counts"},
            {"name": "service_area_m2_doubtful", "type": "decimal(18,2)", "amount": "floor_area_m2", "where": "service_area_m2_may_count"},
            {"name": "service_area_m2_unbounded", "where": "service_area_m2_may_count and floor_area_m2 is null"},
        ]},
    ]},
    {"name": "grid_grids", "rows": ref("stg_grid_grids"), "part": "grid_code", "measures": [
        {"name": "households", "counts": "kind = 'general'", "columns": [
            {"name": "households", "type": "decimal(18,2)", "amount": "households", "where": "households_counts"},
            {"name": "households_doubtful", "type": "decimal(18,2)", "amount": "households", "where": "households_may_count"},
            {"name": "households_unbounded", "where": "households_may_count and households is null"},
        ]},
    ]},
] %}

{{ register_mart(datasets, "community_code") }}
