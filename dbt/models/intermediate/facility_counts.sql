-- One row per facility or grid that counts, or may count, for service area or households.
with facilities as (
    select * from {{ ref('stg_civil_facilities') }}
),

grids as (
    select * from {{ ref('stg_grid_grids') }}
),

areas as (
    select
        month,
        supplier_id,
        community_code,
        case when row_state = 'accepted' then floor_area_m2 else 0 end as service_area_m2,
        case
            when row_state = 'quarantined' and is_floor_area_usable then floor_area_m2 else 0
        end as service_area_doubtful_m2,
        case when row_state = 'quarantined' and not is_floor_area_usable then 1 else 0 end as service_area_unbounded,
        0 as households,
        0 as households_doubtful,
        0 as households_unbounded
    from facilities
    where
        (row_state = 'accepted' and kind = 'comprehensive_service' and is_open)
        or (row_state = 'quarantined' and could_be_comprehensive_service and could_be_open)
),

households as (
    select
        month,
        supplier_id,
        community_code,
        0 as service_area_m2,
        0 as service_area_doubtful_m2,
        0 as service_area_unbounded,
        case when row_state = 'accepted' then households else 0 end as households,
        case when row_state = 'quarantined' and are_households_usable then households else 0 end as households_doubtful,
        case when row_state = 'quarantined' and not are_households_usable then 1 else 0 end as households_unbounded
    from grids
    where
        (row_state = 'accepted' and kind = 'general')
        or (row_state = 'quarantined' and could_be_general)
),

counted as (
    select * from areas
    union all
    select * from households
)

select
    *,
    month as place_month
from counted
