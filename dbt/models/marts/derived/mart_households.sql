-- Derived from dbt/measures/mart_households.yml by pipelines.dbt_marts.write_marts: do not edit.
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

household_households_rows as (
    select
        *,
        month as place_month,
        row_state = 'accepted' and coalesce(is_registered, false) as households_registered_counts,
        row_state = 'quarantined' and coalesce(is_registered, true) as households_registered_may_count
    from {{ ref('stg_household_households') }}
),

household_households_sums as (
    select
        rows.place_month,
        rows.supplier_id,
        rows.community_code,
        {{ today_code('rows', 'household_no') }} as today_code,
        sum(case when households_registered_counts then 1 else 0 end) as households_registered,
        sum(case when households_registered_counts and coalesce(has_door_plate, false) then 1 else 0 end) as households_registered_passed,
        sum(case when households_registered_may_count and coalesce(has_door_plate, true) then 1 else 0 end) as households_registered_may_pass,
        sum(case when households_registered_may_count and not coalesce(has_door_plate, false) then 1 else 0 end) as households_registered_may_fail
    from household_households_rows as rows
    {{ join_today('rows', 'household_no') }}
    group by rows.place_month, rows.supplier_id, rows.community_code, today_code
),

household_households_places as (
    {{ in_both_bases('household_households_sums', [
        'households_registered',
        'households_registered_passed',
        'households_registered_may_pass',
        'households_registered_may_fail',
    ]) }}
),

household_households as (
    select
        place_month,
        supplier_id,
        community_code,
        place_month as month,
        households_registered,
        households_registered_passed,
        households_registered_may_pass,
        households_registered_may_fail
    from household_households_places
),

household_persons_rows as (
    select
        *,
        month as place_month,
        row_state = 'accepted' and coalesce(is_registered, false) as persons_registered_counts,
        row_state = 'quarantined' and coalesce(is_registered, true) as persons_registered_may_count
    from {{ ref('persons_at_home') }}
),

household_persons_sums as (
    select
        rows.place_month,
        rows.supplier_id,
        rows.community_code,
        {{ today_code('rows', 'household_no') }} as today_code,
        sum(case when persons_registered_counts then 1 else 0 end) as persons_registered,
        sum(case when persons_registered_counts and coalesce(lives_here, false) then 1 else 0 end) as persons_registered_passed,
        sum(case when persons_registered_may_count and coalesce(lives_here, true) then 1 else 0 end) as persons_registered_may_pass,
        sum(case when persons_registered_may_count and not coalesce(lives_here, false) then 1 else 0 end) as persons_registered_may_fail
    from household_persons_rows as rows
    {{ join_today('rows', 'household_no') }}
    group by rows.place_month, rows.supplier_id, rows.community_code, today_code
),

household_persons_places as (
    {{ in_both_bases('household_persons_sums', [
        'persons_registered',
        'persons_registered_passed',
        'persons_registered_may_pass',
        'persons_registered_may_fail',
    ]) }}
),

household_persons as (
    select
        place_month,
        supplier_id,
        community_code,
        place_month as month,
        persons_registered,
        persons_registered_passed,
        persons_registered_may_pass,
        persons_registered_may_fail
    from household_persons_places
),

places as (
    select
        place_month,
        supplier_id,
        community_code,
        month,
        households_registered,
        households_registered_passed,
        households_registered_may_pass,
        households_registered_may_fail,
        0 as persons_registered,
        0 as persons_registered_passed,
        0 as persons_registered_may_pass,
        0 as persons_registered_may_fail
    from household_households
    union all
    select
        place_month,
        supplier_id,
        community_code,
        month,
        0 as households_registered,
        0 as households_registered_passed,
        0 as households_registered_may_pass,
        0 as households_registered_may_fail,
        persons_registered,
        persons_registered_passed,
        persons_registered_may_pass,
        persons_registered_may_fail
    from household_persons
),

counted as (
    {{ sum_by_unit('places', ['month'], [
        'households_registered',
        'households_registered_passed',
        'households_registered_may_pass',
        'households_registered_may_fail',
        'persons_registered',
        'persons_registered_passed',
        'persons_registered_may_pass',
        'persons_registered_may_fail',
    ]) }}
)

select
    placed_units.unit_key,
    placed_units.month,
    cast(coalesce(counted.households_registered, 0) as bigint) as households_registered,
    cast(coalesce(counted.households_registered_passed, 0) as bigint) as households_registered_passed,
    cast(coalesce(counted.households_registered_may_pass, 0) as bigint) as households_registered_may_pass,
    cast(coalesce(counted.households_registered_may_fail, 0) as bigint) as households_registered_may_fail,
    cast(coalesce(counted.persons_registered, 0) as bigint) as persons_registered,
    cast(coalesce(counted.persons_registered_passed, 0) as bigint) as persons_registered_passed,
    cast(coalesce(counted.persons_registered_may_pass, 0) as bigint) as persons_registered_may_pass,
    cast(coalesce(counted.persons_registered_may_fail, 0) as bigint) as persons_registered_may_fail
from placed_units
inner join months on placed_units.month = months.month
left join counted
    on placed_units.unit_key = counted.unit_key and placed_units.month = counted.month
