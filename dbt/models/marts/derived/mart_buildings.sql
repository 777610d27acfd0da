-- Derived from dbt/measures/mart_buildings.yml by pipelines.dbt_marts.write_marts: do not edit.
{{ config(
    materialized='incremental',
    pre_hook=['{{ choose_months() }}', '{{ forget_months() }}'],
) }}
{% set datasets = [
    {"name": "civil_facilities", "rows": ref("stg_civil_facilities"), "part": none, "measures": [
        {"name": "safety_platform_m2", "counts": "is_open and kind = 'safety_platform'", "columns": [
            {"name": "safety_platform_m2", "type": "decimal(18,2)", "amount": "floor_area_m2", "where": "safety_platform_m2_counts"},
            {"name": "safety_platform_m2_doubtful", "type": "decimal(18,2)", "amount": "floor_area_m2", "where": "safety_platform_m2_may_count"},
            {"name": "safety_platform_m2_unbounded", "where": "safety_platform_m2_may_count and floor_area_m2 is null"},
        ]},
        {"name": "safety_platform_zones", "counts": "is_open and kind = 'safety_platform'", "columns": [
            {"name": "safety_platform_zones", "type": "decimal(18,2)", "amount": "3", "where": "safety_platform_zones_counts"},
            {"name": "safety_platform_zones_passed", "type": "decimal(18,2)", "amount": "case when has_reception then 1 else 0 end + case when has_mediation_room then 1 else 0 end + case when has_counselling then 1 else 0 end", "where": "safety_platform_zones_counts and true"},
            {"name": "safety_platform_zones_may_pass", "type": "decimal(18,2)", "amount": "3", "where": "safety_platform_zones_may_count and true"},
            {"name": "safety_platform_zones_may_fail", "type": "decimal(18,2)", "amount": "3", "where": "safety_platform_zones_may_count and true"},
            {"name": "safety_platform_zones_unbounded", "where": "safety_platform_zones_may_count and 3 is null"},
        ]},
        {"name": "service_building_m2", "counts": "is_open and kind = 'comprehensive_service'", "columns": [
            {"name": "service_building_m2", "type": "decimal(18,2)", "amount": "floor_area_m2", "where": "service_building_m2_counts"},
            {"name": "service_building_m2_doubtful", "type": "decimal(18,2)", "amount": "floor_area_m2", "where": "service_building_m2_may_count"},
            {"name": "service_building_m2_unbounded", "where": "service_building_m2_may_count and floor_area_m2 is null"},
        ]},
        {"name": "service_building_new_m2", "counts": "is_open and kind = 'comprehensive_service' and acquired_by = 'new_built'", "columns": [
            {"name": "service_building_new_m2", "type": "decimal(18,2)", "amount": "floor_area_m2", "where": "service_building_new_m2_counts"},
            {"name": "service_building_new_m2_doubtful", "type": "decimal(18,2)", "amount": "floor_area_m2", "where": "service_building_new_m2_may_count"},
            {"name": "service_building_new_m2_unbounded", "where": "service_building_new_m2_may_count and floor_area_m2 is null"},
        ]},
        {"name": "elderly_care_m2", "counts": "is_open and kind = 'elderly_care'", "columns": [
            {"name": "elderly_care_m2", "type": "decimal(18,2)", "amount": "floor_area_m2", "where": "elderly_care_m2_counts"},
            {"name": "elderly_care_m2_doubtful", "type": "decimal(18,2)", "amount": "floor_area_m2", "where": "elderly_care_m2_may_count"},
            {"name": "elderly_care_m2_unbounded", "where": "elderly_care_m2_may_count and floor_area_m2 is null"},
        ]},
        {"name": "outdoor_m2", "counts": "is_open and kind = 'outdoor_fitness'", "columns": [
            {"name": "outdoor_m2", "type": "decimal(18,2)", "amount": "outdoor_area_m2", "where": "outdoor_m2_counts"},
            {"name": "outdoor_m2_doubtful", "type": "decimal(18,2)", "amount": "outdoor_area_m2", "where": "outdoor_m2_may_count"},
            {"name": "outdoor_m2_unbounded", "where": "outdoor_m2_may_count and outdoor_area_m2 is null"},
        ]},
        {"name": "county_service_centre_m2", "counts": "is_open and kind = 'county_service_centre'", "columns": [
            {"name": "county_service_centre_m2", "type": "decimal(18,2)", "amount": "floor_area_m2", "where": "county_service_centre_m2_counts"},
            {"name": "county_service_centre_m2_doubtful", "type": "decimal(18,2)", "amount": "floor_area_m2", "where": "county_service_centre_m2_may_count"},
            {"name": "county_service_centre_m2_unbounded", "where": "county_service_centre_m2_may_count and floor_area_m2 is null"},
        ]},
        {"name": "party_service_centres", "counts": "is_open and kind = 'party_service_centre'", "columns": [
            {"name": "party_service_centres", "where": "party_service_centres_counts"},
            {"name": "party_service_centres_passed", "where": "party_service_centres_counts and coalesce(renovated_date <= month_end, false)"},
            {"name": "party_service_centres_may_pass", "where": "party_service_centres_may_count and coalesce(renovated_date <= month_end, true)"},
            {"name": "party_service_centres_may_fail", "where": "party_service_centres_may_count and not coalesce(renovated_date <= month_end, false)"},
        ]},
        {"name": "with_service_hall", "counts": "is_open and has_service_hall", "columns": [
            {"name": "with_service_hall", "aggregate": "max", "where": "with_service_hall_counts"},
            {"name": "with_service_hall_doubtful", "where": "with_service_hall_may_count", "unless": "with_service_hall"},
        ]},
        {"name": "with_mediation_room", "counts": "is_open and has_mediation_room", "columns": [
            {"name": "with_mediation_room", "aggregate": "max", "where": "with_mediation_room_counts"},
            {"name": "with_mediation_room_doubtful", "where": "with_mediation_room_may_count", "unless": "with_mediation_room"},
        ]},
        {"name": "with_library", "counts": "is_open and has_library", "columns": [
            {"name": "with_library", "aggregate": "max", "where": "with_library_counts"},
            {"name": "with_library_doubtful", "where": "with_library_may_count", "unless": "with_library"},
        ]},
        {"name": "with_activity_room", "counts": "is_open and has_activity_room", "columns": [
            {"name": "with_activity_room", "aggregate": "max", "where": "with_activity_room_counts"},
            {"name": "with_activity_room_doubtful", "where": "with_activity_room_may_count", "unless": "with_activity_room"},
        ]},
        {"name": "with_police_room", "counts": "is_open and has_police_room", "columns": [
            {"name": "with_police_room", "aggregate": "max", "where": "with_police_room_counts"},
            {"name": "with_police_room_doubtful", "where": "with_police_room_may_count", "unless": "with_police_room"},
        ]},
        {"name": "with_meeting_room", "counts": "is_open and has_meeting_room", "columns": [
            {"name": "with_meeting_room", "aggregate": "max", "where": "with_meeting_room_counts"},
            {"name": "with_meeting_room_doubtful", "where": "with_meeting_room_may_count", "unless": "with_meeting_room"},
        ]},
        {"name": "with_party_centre", "counts": "is_open and has_party_centre", "columns": [
            {"name": "with_party_centre", "aggregate": "max", "where": "with_party_centre_counts"},
            {"name": "with_party_centre_doubtful", "where": "with_party_centre_may_count", "unless": "with_party_centre"},
        ]},
        {"name": "with_convenience_centre", "counts": "is_open and has_convenience_centre", "columns": [
            {"name": "with_convenience_centre", "aggregate": "max", "where": "with_convenience_centre_counts"},
            {"name": "with_convenience_centre_doubtful", "where": "with_convenience_centre_may_count", "unless": "with_convenience_centre"},
        ]},
        {"name": "with_safety_centre", "counts": "is_open and has_safety_centre", "columns": [
            {"name": "with_safety_centre", "aggregate": "max", "where": "with_safety_centre_counts"},
            {"name": "with_safety_centre_doubtful", "where": "with_safety_centre_may_count", "unless": "with_safety_centre"},
        ]},
        {"name": "with_elderly_care", "counts": "is_open and has_elderly_care", "columns": [
            {"name": "with_elderly_care", "aggregate": "max", "where": "with_elderly_care_counts"},
            {"name": "with_elderly_care_doubtful", "where": "with_elderly_care_may_count", "unless": "with_elderly_care"},
        ]},
        {"name": "with_culture_centre", "counts": "is_open and has_culture_centre", "columns": [
            {"name": "with_culture_centre", "aggregate": "max", "where": "with_culture_centre_counts"},
            {"name": "with_culture_centre_doubtful", "where": "with_culture_centre_may_count", "unless": "with_culture_centre"},
        ]},
        {"name": "with_health_station", "counts": "is_open and has_health_station", "columns": [
            {"name": "with_health_station", "aggregate": "max", "where": "with_health_station_counts"},
            {"name": "with_health_station_doubtful", "where": "with_health_station_may_count", "unless": "with_health_station"},
        ]},
        {"name": "with_volunteer_station", "counts": "is_open and has_volunteer_station", "columns": [
            {"name": "with_volunteer_station", "aggregate": "max", "where": "with_volunteer_station_counts"},
            {"name": "with_volunteer_station_doubtful", "where": "with_volunteer_station_may_count", "unless": "with_volunteer_station"},
        ]},
        {"name": "with_youth_centre", "counts": "is_open and has_youth_centre", "columns": [
            {"name": "with_youth_centre", "aggregate": "max", "where": "with_youth_centre_counts"},
            {"name": "with_youth_centre_doubtful", "where": "with_youth_centre_may_count", "unless": "with_youth_centre"},
        ]},
        {"name": "with_party_office", "counts": "is_open and has_party_office", "columns": [
            {"name": "with_party_office", "aggregate": "max", "where": "with_party_office_counts"},
            {"name": "with_party_office_doubtful", "where": "with_party_office_may_count", "unless": "with_party_office"},
        ]},
        {"name": "with_social_work_station", "counts": "is_open and has_social_work_station", "columns": [
            {"name": "with_social_work_station", "aggregate": "max", "where": "with_social_work_station_counts"},
            {"name": "with_social_work_station_doubtful", "where": "with_social_work_station_may_count", "unless": "with_social_work_station"},
        ]},
        {"name": "with_notice_board", "counts": "is_open and has_notice_board", "columns": [
            {"name": "with_notice_board", "aggregate": "max", "where": "with_notice_board_counts"},
            {"name": "with_notice_board_doubtful", "where": "with_notice_board_may_count", "unless": "with_notice_board"},
        ]},
        {"name": "with_affairs_board", "counts": "is_open and has_affairs_board", "columns": [
            {"name": "with_affairs_board", "aggregate": "max", "where": "with_affairs_board_counts"},
            {"name": "with_affairs_board_doubtful", "where": "with_affairs_board_may_count", "unless": "with_affairs_board"},
        ]},
        {"name": "with_residents_school", "counts": "is_open and has_residents_school", "columns": [
            {"name": "with_residents_school", "aggregate": "max", "where": "with_residents_school_counts"},
            {"name": "with_residents_school_doubtful", "where": "with_residents_school_may_count", "unless": "with_residents_school"},
        ]},
        {"name": "with_outdoor_place", "counts": "is_open and has_outdoor_place", "columns": [
            {"name": "with_outdoor_place", "aggregate": "max", "where": "with_outdoor_place_counts"},
            {"name": "with_outdoor_place_doubtful", "where": "with_outdoor_place_may_count", "unless": "with_outdoor_place"},
        ]},
    ]},
    {"name": "civil_equipment", "rows": ref("stg_civil_equipment"), "part": none, "measures": [
        {"name": "book_sets", "counts": "item = 'books'", "columns": [
            {"name": "book_sets", "type": "decimal(18,2)", "amount": "quantity", "where": "book_sets_counts"},
            {"name": "book_sets_doubtful", "type": "decimal(18,2)", "amount": "quantity", "where": "book_sets_may_count"},
            {"name": "book_sets_unbounded", "where": "book_sets_may_count and quantity is null"},
        ]},
        {"name": "fitness_sets", "counts": "item = 'fitness'", "columns": [
            {"name": "fitness_sets", "type": "decimal(18,2)", "amount": "quantity", "where": "fitness_sets_counts"},
            {"name": "fitness_sets_doubtful", "type": "decimal(18,2)", "amount": "quantity", "where": "fitness_sets_may_count"},
            {"name": "fitness_sets_unbounded", "where": "fitness_sets_may_count and quantity is null"},
        ]},
    ]},
    {"name": "civil_residential_areas", "rows": ref("stg_civil_residential_areas"), "part": none, "measures": [
        {"name": "residential_areas", "counts": "true", "columns": [
            {"name": "residential_areas", "where": "residential_areas_counts"},
            {"name": "residential_areas_passed", "where": "residential_areas_counts and coalesce(has_all_three, false)"},
            {"name": "residential_areas_may_pass", "where": "residential_areas_may_count and coalesce(has_all_three, true)"},
            {"name": "residential_areas_may_fail", "where": "residential_areas_may_count and not coalesce(has_all_three, false)"},
        ]},
        {"name": "housing_areas", "counts": "kind <> 'villager_group'", "columns": [
            {"name": "housing_areas", "where": "housing_areas_counts"},
            {"name": "housing_areas_passed", "where": "housing_areas_counts and coalesce(managed_by_property, false)"},
            {"name": "housing_areas_may_pass", "where": "housing_areas_may_count and coalesce(managed_by_property, true)"},
            {"name": "housing_areas_may_fail", "where": "housing_areas_may_count and not coalesce(managed_by_property, false)"},
        ]},
        {"name": "commodity_areas", "counts": "kind = 'commodity'", "columns": [
            {"name": "commodity_areas", "where": "commodity_areas_counts"},
            {"name": "commodity_areas_passed", "where": "commodity_areas_counts and coalesce(is_rated_in_quarter, false)"},
            {"name": "commodity_areas_may_pass", "where": "commodity_areas_may_count and coalesce(is_rated_in_quarter, true)"},
            {"name": "commodity_areas_may_fail", "where": "commodity_areas_may_count and not coalesce(is_rated_in_quarter, false)"},
        ]},
        {"name": "new_areas", "counts": "is_new_area", "columns": [
            {"name": "new_areas", "where": "new_areas_counts"},
            {"name": "new_areas_passed", "where": "new_areas_counts and coalesce(facility_provided, false)"},
            {"name": "new_areas_may_pass", "where": "new_areas_may_count and coalesce(facility_provided, true)"},
            {"name": "new_areas_may_fail", "where": "new_areas_may_count and not coalesce(facility_provided, false)"},
        ]},
        {"name": "new_area_households", "counts": "is_new_area", "columns": [
            {"name": "new_area_households", "type": "decimal(18,2)", "amount": "households", "where": "new_area_households_counts"},
            {"name": "new_area_households_doubtful", "type": "decimal(18,2)", "amount": "households", "where": "new_area_households_may_count"},
            {"name": "new_area_households_unbounded", "where": "new_area_households_may_count and households is null"},
        ]},
        {"name": "villager_groups", "counts": "kind = 'villager_group'", "columns": [
            {"name": "villager_groups", "where": "villager_groups_counts"},
            {"name": "villager_groups_doubtful", "where": "villager_groups_may_count"},
        ]},
        {"name": "group_cleaners", "counts": "kind = 'villager_group'", "columns": [
            {"name": "group_cleaners", "type": "decimal(18,2)", "amount": "cleaners", "where": "group_cleaners_counts"},
            {"name": "group_cleaners_doubtful", "type": "decimal(18,2)", "amount": "cleaners", "where": "group_cleaners_may_count"},
            {"name": "group_cleaners_unbounded", "where": "group_cleaners_may_count and cleaners is null"},
        ]},
    ]},
    {"name": "grid_grids", "rows": ref("stg_grid_grids"), "part": "grid_code", "measures": [
        {"name": "building_heads_due", "counts": "kind = 'general'", "columns": [
            {"name": "building_heads_due", "type": "decimal(18,2)", "amount": "building_heads_needed", "where": "building_heads_due_counts"},
            {"name": "building_heads_due_passed", "type": "decimal(18,2)", "amount": "building_heads_filled", "where": "building_heads_due_counts and true"},
            {"name": "building_heads_due_may_pass", "type": "decimal(18,2)", "amount": "building_heads_needed", "where": "building_heads_due_may_count and true"},
            {"name": "building_heads_due_may_fail", "type": "decimal(18,2)", "amount": "building_heads_needed", "where": "building_heads_due_may_count and true"},
            {"name": "building_heads_due_unbounded", "where": "building_heads_due_may_count and building_heads_needed is null"},
        ]},
        {"name": "with_police_grid", "counts": "kind = 'police'", "columns": [
            {"name": "with_police_grid", "aggregate": "max", "where": "with_police_grid_counts"},
            {"name": "with_police_grid_doubtful", "where": "with_police_grid_may_count", "unless": "with_police_grid"},
        ]},
        {"name": "with_safety_grid", "counts": "kind = 'safety'", "columns": [
            {"name": "with_safety_grid", "aggregate": "max", "where": "with_safety_grid_counts"},
            {"name": "with_safety_grid_doubtful", "where": "with_safety_grid_may_count", "unless": "with_safety_grid"},
        ]},
        {"name": "with_traffic_grid", "counts": "kind = 'traffic'", "columns": [
            {"name": "with_traffic_grid", "aggregate": "max", "where": "with_traffic_grid_counts"},
            {"name": "with_traffic_grid_doubtful", "where": "with_traffic_grid_may_count", "unless": "with_traffic_grid"},
        ]},
        {"name": "with_environment_water_grid", "counts": "kind = 'environment_water'", "columns": [
            {"name": "with_environment_water_grid", "aggregate": "max", "where": "with_environment_water_grid_counts"},
            {"name": "with_environment_water_grid_doubtful", "where": "with_environment_water_grid_may_count", "unless": "with_environment_water_grid"},
        ]},
        {"name": "with_market_grid", "counts": "kind = 'market'", "columns": [
            {"name": "with_market_grid", "aggregate": "max", "where": "with_market_grid_counts"},
            {"name": "with_market_grid_doubtful", "where": "with_market_grid_may_count", "unless": "with_market_grid"},
        ]},
        {"name": "with_cleaning_grid", "counts": "kind = 'cleaning'", "columns": [
            {"name": "with_cleaning_grid", "aggregate": "max", "where": "with_cleaning_grid_counts"},
            {"name": "with_cleaning_grid_doubtful", "where": "with_cleaning_grid_may_count", "unless": "with_cleaning_grid"},
        ]},
    ]},
] %}

{{ register_mart(datasets, "community_code", has_grids=true) }}
