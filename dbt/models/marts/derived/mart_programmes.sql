-- Derived from dbt/measures/mart_programmes.yml by pipelines.dbt_marts.write_marts: do not edit.
{{ config(
    materialized='incremental',
    pre_hook=['{{ choose_months() }}', '{{ forget_months() }}'],
) }}
{% set datasets = [
    {"name": "civil_programmes", "rows": ref("stg_civil_programmes"), "part": none, "measures": [
        {"name": "premises_listed", "counts": "kind = 'town_premises' and is_listed", "columns": [
            {"name": "premises_listed", "where": "premises_listed_counts"},
            {"name": "premises_listed_passed", "where": "premises_listed_counts and coalesce(is_done and floor_area_m2 >= 300, false)"},
            {"name": "premises_listed_may_pass", "where": "premises_listed_may_count and coalesce(is_done and floor_area_m2 >= 300, true)"},
            {"name": "premises_listed_may_fail", "where": "premises_listed_may_count and not coalesce(is_done and floor_area_m2 >= 300, false)"},
        ]},
        {"name": "town_services", "counts": "kind = 'town_service' and is_listed", "columns": [
            {"name": "town_services", "where": "town_services_counts"},
            {"name": "town_services_passed", "where": "town_services_counts and coalesce(is_done, false)"},
            {"name": "town_services_may_pass", "where": "town_services_may_count and coalesce(is_done, true)"},
            {"name": "town_services_may_fail", "where": "town_services_may_count and not coalesce(is_done, false)"},
        ]},
        {"name": "social_work_stations", "counts": "kind = 'social_work_station' and is_done", "columns": [
            {"name": "social_work_stations", "where": "social_work_stations_counts"},
            {"name": "social_work_stations_doubtful", "where": "social_work_stations_may_count"},
        ]},
        {"name": "adjusted_stations", "counts": "kind = 'social_work_station' and is_done", "columns": [
            {"name": "adjusted_stations", "where": "adjusted_stations_counts"},
            {"name": "adjusted_stations_passed", "where": "adjusted_stations_counts and coalesce(adjusted, false)"},
            {"name": "adjusted_stations_may_pass", "where": "adjusted_stations_may_count and coalesce(adjusted, true)"},
            {"name": "adjusted_stations_may_fail", "where": "adjusted_stations_may_count and not coalesce(adjusted, false)"},
        ]},
        {"name": "streets_served", "counts": "kind = 'social_work_service' and is_done and length(unit_code) = 9", "columns": [
            {"name": "streets_served", "aggregate": "max", "where": "streets_served_counts"},
            {"name": "streets_served_doubtful", "where": "streets_served_may_count", "unless": "streets_served"},
        ]},
        {"name": "gap_projects", "counts": "kind = 'gap_project' and is_done", "columns": [
            {"name": "gap_projects", "where": "gap_projects_counts"},
            {"name": "gap_projects_doubtful", "where": "gap_projects_may_count"},
        ]},
        {"name": "smart_communities", "counts": "kind = 'smart_community' and is_under_way", "columns": [
            {"name": "smart_communities", "where": "smart_communities_counts"},
            {"name": "smart_communities_doubtful", "where": "smart_communities_may_count"},
        ]},
        {"name": "smart_communities_adjusted", "counts": "kind = 'smart_community' and is_under_way and adjusted", "columns": [
            {"name": "smart_communities_adjusted", "where": "smart_communities_adjusted_counts"},
            {"name": "smart_communities_adjusted_doubtful", "where": "smart_communities_adjusted_may_count"},
        ]},
        {"name": "smart_pilots", "counts": "kind = 'smart_pilot' and is_under_way", "columns": [
            {"name": "smart_pilots", "where": "smart_pilots_counts"},
            {"name": "smart_pilots_doubtful", "where": "smart_pilots_may_count"},
        ]},
        {"name": "governance_pilots_completed", "counts": "kind = 'governance_pilot' and is_done", "columns": [
            {"name": "governance_pilots_completed", "where": "governance_pilots_completed_counts"},
            {"name": "governance_pilots_completed_doubtful", "where": "governance_pilots_completed_may_count"},
        ]},
        {"name": "governance_pilots_listed", "counts": "kind = 'governance_pilot' and is_listed", "columns": [
            {"name": "governance_pilots_listed", "where": "governance_pilots_listed_counts"},
            {"name": "governance_pilots_listed_passed", "where": "governance_pilots_listed_counts and coalesce(status = 'accepted' and stage = 'named', false)"},
            {"name": "governance_pilots_listed_may_pass", "where": "governance_pilots_listed_may_count and coalesce(status = 'accepted' and stage = 'named', true)"},
            {"name": "governance_pilots_listed_may_fail", "where": "governance_pilots_listed_may_count and not coalesce(status = 'accepted' and stage = 'named', false)"},
        ]},
        {"name": "model_creations", "counts": "kind = 'model_creation' and tier = 'model' and is_listed", "columns": [
            {"name": "model_creations", "where": "model_creations_counts"},
            {"name": "model_creations_passed", "where": "model_creations_counts and coalesce(stage = 'named', false)"},
            {"name": "model_creations_may_pass", "where": "model_creations_may_count and coalesce(stage = 'named', true)"},
            {"name": "model_creations_may_fail", "where": "model_creations_may_count and not coalesce(stage = 'named', false)"},
        ]},
        {"name": "featured_creations", "counts": "kind = 'model_creation' and tier = 'featured' and is_listed", "columns": [
            {"name": "featured_creations", "where": "featured_creations_counts"},
            {"name": "featured_creations_passed", "where": "featured_creations_counts and coalesce(stage = 'named', false)"},
            {"name": "featured_creations_may_pass", "where": "featured_creations_may_count and coalesce(stage = 'named', true)"},
            {"name": "featured_creations_may_fail", "where": "featured_creations_may_count and not coalesce(stage = 'named', false)"},
        ]},
        {"name": "standard_creations", "counts": "kind = 'model_creation' and tier = 'standard' and is_listed", "columns": [
            {"name": "standard_creations", "where": "standard_creations_counts"},
            {"name": "standard_creations_passed", "where": "standard_creations_counts and coalesce(status = 'accepted', false)"},
            {"name": "standard_creations_may_pass", "where": "standard_creations_may_count and coalesce(status = 'accepted', true)"},
            {"name": "standard_creations_may_fail", "where": "standard_creations_may_count and not coalesce(status = 'accepted', false)"},
        ]},
        {"name": "creations_inspected", "counts": "kind = 'model_creation' and is_listed and is_inspected", "columns": [
            {"name": "creations_inspected", "where": "creations_inspected_counts"},
            {"name": "creations_inspected_passed", "where": "creations_inspected_counts and coalesce(accepted_first_time, false)"},
            {"name": "creations_inspected_may_pass", "where": "creations_inspected_may_count and coalesce(accepted_first_time, true)"},
            {"name": "creations_inspected_may_fail", "where": "creations_inspected_may_count and not coalesce(accepted_first_time, false)"},
        ]},
        {"name": "livelihood_projects_due", "counts": "kind = 'livelihood_project' and is_listed and is_due", "columns": [
            {"name": "livelihood_projects_due", "where": "livelihood_projects_due_counts"},
            {"name": "livelihood_projects_due_passed", "where": "livelihood_projects_due_counts and coalesce(is_done and stage = 'accept' and is_on_time, false)"},
            {"name": "livelihood_projects_due_may_pass", "where": "livelihood_projects_due_may_count and coalesce(is_done and stage = 'accept' and is_on_time, true)"},
            {"name": "livelihood_projects_due_may_fail", "where": "livelihood_projects_due_may_count and not coalesce(is_done and stage = 'accept' and is_on_time, false)"},
        ]},
        {"name": "task_nodes_due", "counts": "kind = 'task_node' and is_listed and is_due", "columns": [
            {"name": "task_nodes_due", "where": "task_nodes_due_counts"},
            {"name": "task_nodes_due_passed", "where": "task_nodes_due_counts and coalesce(is_done and is_on_time, false)"},
            {"name": "task_nodes_due_may_pass", "where": "task_nodes_due_may_count and coalesce(is_done and is_on_time, true)"},
            {"name": "task_nodes_due_may_fail", "where": "task_nodes_due_may_count and not coalesce(is_done and is_on_time, false)"},
        ]},
    ]},
    {"name": "civil_assessments", "rows": ref("stg_civil_assessments"), "part": none, "measures": [
        {"name": "team_weights", "counts": "team in ('community_improvement', 'fire_safety') and kpi_code = 'all' and is_latest_year", "columns": [
            {"name": "team_weights", "type": "decimal(18,2)", "amount": "total_weight", "where": "team_weights_counts"},
            {"name": "team_weights_passed", "type": "decimal(18,2)", "amount": "community_weight", "where": "team_weights_counts and true"},
            {"name": "team_weights_may_pass", "type": "decimal(18,2)", "amount": "total_weight", "where": "team_weights_may_count and true"},
            {"name": "team_weights_may_fail", "type": "decimal(18,2)", "amount": "total_weight", "where": "team_weights_may_count and true"},
            {"name": "team_weights_unbounded", "where": "team_weights_may_count and total_weight is null"},
        ]},
        {"name": "other_team_weights", "counts": "team not in ('all', 'community_improvement', 'fire_safety') and kpi_code = 'all' and is_latest_year", "columns": [
            {"name": "other_team_weights", "type": "decimal(18,2)", "amount": "total_weight", "where": "other_team_weights_counts"},
            {"name": "other_team_weights_passed", "type": "decimal(18,2)", "amount": "community_weight", "where": "other_team_weights_counts and true"},
            {"name": "other_team_weights_may_pass", "type": "decimal(18,2)", "amount": "total_weight", "where": "other_team_weights_may_count and true"},
            {"name": "other_team_weights_may_fail", "type": "decimal(18,2)", "amount": "total_weight", "where": "other_team_weights_may_count and true"},
            {"name": "other_team_weights_unbounded", "where": "other_team_weights_may_count and total_weight is null"},
        ]},
        {"name": "assessment_weights", "counts": "team = 'all' and kpi_code <> 'all' and is_of_assessed_unit and is_latest_year", "columns": [
            {"name": "assessment_weights", "type": "decimal(18,2)", "amount": "weight_parts", "where": "assessment_weights_counts"},
            {"name": "assessment_weights_doubtful", "type": "decimal(18,2)", "amount": "weight_parts", "where": "assessment_weights_may_count"},
            {"name": "assessment_weights_unbounded", "where": "assessment_weights_may_count and weight_parts is null"},
        ]},
        {"name": "assessment_points", "counts": "team = 'all' and kpi_code <> 'all' and is_of_assessed_unit and is_latest_year", "columns": [
            {"name": "assessment_points", "type": "decimal(18,2)", "amount": "points", "where": "assessment_points_counts"},
            {"name": "assessment_points_doubtful", "type": "decimal(18,2)", "amount": "points", "where": "assessment_points_may_count"},
            {"name": "assessment_points_unbounded", "where": "assessment_points_may_count and points is null"},
        ]},
    ]},
] %}

{{ register_mart(datasets, "unit_code") }}
