-- Derived from dbt/measures/mart_facilities.yml by pipelines.dbt_marts.write_marts: do not edit.
{{ config(
    materialized='incremental',
    pre_hook=['{{ choose_months() }}', '{{ forget_months() }}'],
) }}

with placed_units as (
    select * from {{ ref('placed_units') }}
),

months as (
    select month from {{ source('control', 'months') }}
    where is_dirty
),

civil_facilities_rows as (
    select
        *,
        month as place_month,
        row_state = 'accepted' and coalesce(kind = 'comprehensive_service' and is_open, false) as service_area_m2_counts,
        row_state = 'quarantined' and coalesce(kind = 'comprehensive_service' and is_open, true) as service_area_m2_may_count
    from {{ ref('stg_civil_facilities') }}
),

civil_facilities_sums as (
    select
        rows.place_month,
        rows.supplier_id,
        rows.community_code,
        {{ today_code('rows') }} as today_code,
        sum(case when service_area_m2_counts then floor_area_m2 else 0 end) as service_area_m2,
        sum(case when service_area_m2_may_count then floor_area_m2 else 0 end) as service_area_m2_doubtful,
        sum(case when service_area_m2_may_count and floor_area_m2 is null then 1 else 0 end) as service_area_m2_unbounded
    from civil_facilities_rows as rows
    {{ join_today('rows') }}
    group by rows.place_month, rows.supplier_id, rows.community_code, today_code
),

civil_facilities_places as (
    {{ in_both_bases('civil_facilities_sums', [
        'service_area_m2',
        'service_area_m2_doubtful',
        'service_area_m2_unbounded',
    ]) }}
),

civil_facilities as (
    select
        place_month,
        supplier_id,
        community_code,
        place_month as month,
        service_area_m2,
        service_area_m2_doubtful,
        service_area_m2_unbounded
    from civil_facilities_places
),

grid_grids_rows as (
    select
        *,
        month as place_month,
        row_state = 'accepted' and coalesce(kind = 'general', false) as households_counts,
        row_state = 'quarantined' and coalesce(kind = 'general', true) as households_may_count
    from {{ ref('stg_grid_grids') }}
),

grid_grids_sums as (
    select
        rows.place_month,
        rows.supplier_id,
        rows.community_code,
        {{ today_code('rows', 'grid_code') }} as today_code,
        sum(case when households_counts then households else 0 end) as households,
        sum(case when households_may_count then households else 0 end) as households_doubtful,
        sum(case when households_may_count and households is null then 1 else 0 end) as households_unbounded
    from grid_grids_rows as rows
    {{ join_today('rows', 'grid_code') }}
    group by rows.place_month, rows.supplier_id, rows.community_code, today_code
),

grid_grids_places as (
    {{ in_both_bases('grid_grids_sums', [
        'households',
        'households_doubtful',
        'households_unbounded',
    ]) }}
),

grid_grids as (
    select
        place_month,
        supplier_id,
        community_code,
        place_month as month,
        households,
        households_doubtful,
        households_unbounded
    from grid_grids_places
),

places as (
    select
        place_month,
        supplier_id,
        community_code,
        month,
        service_area_m2,
        service_area_m2_doubtful,
        service_area_m2_unbounded,
        0 as households,
        0 as households_doubtful,
        0 as households_unbounded
    from civil_facilities
    union all
    select
        place_month,
        supplier_id,
        community_code,
        month,
        0 as service_area_m2,
        0 as service_area_m2_doubtful,
        0 as service_area_m2_unbounded,
        households,
        households_doubtful,
        households_unbounded
    from grid_grids
),

counted as (
    {{ sum_by_unit('places', ['month'], [
        'service_area_m2',
        'service_area_m2_doubtful',
        'service_area_m2_unbounded',
        'households',
        'households_doubtful',
        'households_unbounded',
    ]) }}
)

select
    placed_units.unit_key,
    placed_units.month,
    cast(coalesce(counted.service_area_m2, 0) as decimal(18,2)) as service_area_m2,
    cast(coalesce(counted.service_area_m2_doubtful, 0) as decimal(18,2)) as service_area_m2_doubtful,
    cast(coalesce(counted.service_area_m2_unbounded, 0) as bigint) as service_area_m2_unbounded,
    cast(coalesce(counted.households, 0) as decimal(18,2)) as households,
    cast(coalesce(counted.households_doubtful, 0) as decimal(18,2)) as households_doubtful,
    cast(coalesce(counted.households_unbounded, 0) as bigint) as households_unbounded
from placed_units
inner join months on placed_units.month = months.month
left join counted
    on placed_units.unit_key = counted.unit_key and placed_units.month = counted.month
