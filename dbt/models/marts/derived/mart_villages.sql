-- Derived from dbt/measures/mart_villages.yml by pipelines.dbt_marts.write_marts: do not edit.
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

civil_village_works_rows as (
    select
        *,
        month as place_month,
        row_state = 'accepted' and coalesce(true, false) as dry_toilets_counts,
        row_state = 'quarantined' and coalesce(true, true) as dry_toilets_may_count,
        row_state = 'accepted' and coalesce(true, false) as village_returns_counts,
        row_state = 'quarantined' and coalesce(true, true) as village_returns_may_count,
        row_state = 'accepted' and coalesce(true, false) as cultural_items_counts,
        row_state = 'quarantined' and coalesce(true, true) as cultural_items_may_count,
        row_state = 'accepted' and coalesce(true, false) as waste_days_counts,
        row_state = 'quarantined' and coalesce(true, true) as waste_days_may_count,
        row_state = 'accepted' and coalesce(true, false) as lanes_to_harden_counts,
        row_state = 'quarantined' and coalesce(true, true) as lanes_to_harden_may_count,
        row_state = 'accepted' and coalesce(true, false) as lanes_to_light_counts,
        row_state = 'quarantined' and coalesce(true, true) as lanes_to_light_may_count
    from {{ ref('stg_civil_village_works') }}
),

civil_village_works_sums as (
    select
        rows.place_month,
        rows.supplier_id,
        rows.community_code,
        {{ today_code('rows') }} as today_code,
        sum(case when dry_toilets_counts then dry_toilets else 0 end) as dry_toilets,
        sum(case when dry_toilets_may_count then dry_toilets else 0 end) as dry_toilets_doubtful,
        sum(case when dry_toilets_may_count and dry_toilets is null then 1 else 0 end) as dry_toilets_unbounded,
        sum(case when village_returns_counts then 1 else 0 end) as village_returns,
        sum(case when village_returns_may_count then 1 else 0 end) as village_returns_doubtful,
        sum(case when cultural_items_counts then 5 else 0 end) as cultural_items,
        sum(case when cultural_items_counts and true then cultural_items_present else 0 end) as cultural_items_passed,
        sum(case when cultural_items_may_count and true then 5 else 0 end) as cultural_items_may_pass,
        sum(case when cultural_items_may_count and true then 5 else 0 end) as cultural_items_may_fail,
        sum(case when cultural_items_may_count and 5 is null then 1 else 0 end) as cultural_items_unbounded,
        sum(case when waste_days_counts then waste_days_due else 0 end) as waste_days,
        sum(case when waste_days_counts and true then waste_days_cleared else 0 end) as waste_days_passed,
        sum(case when waste_days_may_count and true then waste_days_due else 0 end) as waste_days_may_pass,
        sum(case when waste_days_may_count and true then waste_days_due else 0 end) as waste_days_may_fail,
        sum(case when waste_days_may_count and waste_days_due is null then 1 else 0 end) as waste_days_unbounded,
        sum(case when lanes_to_harden_counts then lanes else 0 end) as lanes_to_harden,
        sum(case when lanes_to_harden_counts and true then lanes_hardened else 0 end) as lanes_to_harden_passed,
        sum(case when lanes_to_harden_may_count and true then lanes else 0 end) as lanes_to_harden_may_pass,
        sum(case when lanes_to_harden_may_count and true then lanes else 0 end) as lanes_to_harden_may_fail,
        sum(case when lanes_to_harden_may_count and lanes is null then 1 else 0 end) as lanes_to_harden_unbounded,
        sum(case when lanes_to_light_counts then lanes else 0 end) as lanes_to_light,
        sum(case when lanes_to_light_counts and true then lanes_lit else 0 end) as lanes_to_light_passed,
        sum(case when lanes_to_light_may_count and true then lanes else 0 end) as lanes_to_light_may_pass,
        sum(case when lanes_to_light_may_count and true then lanes else 0 end) as lanes_to_light_may_fail,
        sum(case when lanes_to_light_may_count and lanes is null then 1 else 0 end) as lanes_to_light_unbounded
    from civil_village_works_rows as rows
    {{ join_today('rows') }}
    group by rows.place_month, rows.supplier_id, rows.community_code, today_code
),

civil_village_works_places as (
    {{ in_both_bases('civil_village_works_sums', [
        'dry_toilets',
        'dry_toilets_doubtful',
        'dry_toilets_unbounded',
        'village_returns',
        'village_returns_doubtful',
        'cultural_items',
        'cultural_items_passed',
        'cultural_items_may_pass',
        'cultural_items_may_fail',
        'cultural_items_unbounded',
        'waste_days',
        'waste_days_passed',
        'waste_days_may_pass',
        'waste_days_may_fail',
        'waste_days_unbounded',
        'lanes_to_harden',
        'lanes_to_harden_passed',
        'lanes_to_harden_may_pass',
        'lanes_to_harden_may_fail',
        'lanes_to_harden_unbounded',
        'lanes_to_light',
        'lanes_to_light_passed',
        'lanes_to_light_may_pass',
        'lanes_to_light_may_fail',
        'lanes_to_light_unbounded',
    ]) }}
),

civil_village_works as (
    select
        place_month,
        supplier_id,
        community_code,
        place_month as month,
        dry_toilets,
        dry_toilets_doubtful,
        dry_toilets_unbounded,
        village_returns,
        village_returns_doubtful,
        cultural_items,
        cultural_items_passed,
        cultural_items_may_pass,
        cultural_items_may_fail,
        cultural_items_unbounded,
        waste_days,
        waste_days_passed,
        waste_days_may_pass,
        waste_days_may_fail,
        waste_days_unbounded,
        lanes_to_harden,
        lanes_to_harden_passed,
        lanes_to_harden_may_pass,
        lanes_to_harden_may_fail,
        lanes_to_harden_unbounded,
        lanes_to_light,
        lanes_to_light_passed,
        lanes_to_light_may_pass,
        lanes_to_light_may_fail,
        lanes_to_light_unbounded
    from civil_village_works_places
),

places as (
    select
        place_month,
        supplier_id,
        community_code,
        month,
        dry_toilets,
        dry_toilets_doubtful,
        dry_toilets_unbounded,
        village_returns,
        village_returns_doubtful,
        cultural_items,
        cultural_items_passed,
        cultural_items_may_pass,
        cultural_items_may_fail,
        cultural_items_unbounded,
        waste_days,
        waste_days_passed,
        waste_days_may_pass,
        waste_days_may_fail,
        waste_days_unbounded,
        lanes_to_harden,
        lanes_to_harden_passed,
        lanes_to_harden_may_pass,
        lanes_to_harden_may_fail,
        lanes_to_harden_unbounded,
        lanes_to_light,
        lanes_to_light_passed,
        lanes_to_light_may_pass,
        lanes_to_light_may_fail,
        lanes_to_light_unbounded
    from civil_village_works
),

counted as (
    {{ sum_by_unit('places', ['month'], [
        'dry_toilets',
        'dry_toilets_doubtful',
        'dry_toilets_unbounded',
        'village_returns',
        'village_returns_doubtful',
        'cultural_items',
        'cultural_items_passed',
        'cultural_items_may_pass',
        'cultural_items_may_fail',
        'cultural_items_unbounded',
        'waste_days',
        'waste_days_passed',
        'waste_days_may_pass',
        'waste_days_may_fail',
        'waste_days_unbounded',
        'lanes_to_harden',
        'lanes_to_harden_passed',
        'lanes_to_harden_may_pass',
        'lanes_to_harden_may_fail',
        'lanes_to_harden_unbounded',
        'lanes_to_light',
        'lanes_to_light_passed',
        'lanes_to_light_may_pass',
        'lanes_to_light_may_fail',
        'lanes_to_light_unbounded',
    ]) }}
)

select
    placed_units.unit_key,
    placed_units.month,
    cast(coalesce(counted.dry_toilets, 0) as decimal(18,2)) as dry_toilets,
    cast(coalesce(counted.dry_toilets_doubtful, 0) as decimal(18,2)) as dry_toilets_doubtful,
    cast(coalesce(counted.dry_toilets_unbounded, 0) as bigint) as dry_toilets_unbounded,
    cast(coalesce(counted.village_returns, 0) as bigint) as village_returns,
    cast(coalesce(counted.village_returns_doubtful, 0) as bigint) as village_returns_doubtful,
    cast(coalesce(counted.cultural_items, 0) as decimal(18,2)) as cultural_items,
    cast(coalesce(counted.cultural_items_passed, 0) as decimal(18,2)) as cultural_items_passed,
    cast(coalesce(counted.cultural_items_may_pass, 0) as decimal(18,2)) as cultural_items_may_pass,
    cast(coalesce(counted.cultural_items_may_fail, 0) as decimal(18,2)) as cultural_items_may_fail,
    cast(coalesce(counted.cultural_items_unbounded, 0) as bigint) as cultural_items_unbounded,
    cast(coalesce(counted.waste_days, 0) as decimal(18,2)) as waste_days,
    cast(coalesce(counted.waste_days_passed, 0) as decimal(18,2)) as waste_days_passed,
    cast(coalesce(counted.waste_days_may_pass, 0) as decimal(18,2)) as waste_days_may_pass,
    cast(coalesce(counted.waste_days_may_fail, 0) as decimal(18,2)) as waste_days_may_fail,
    cast(coalesce(counted.waste_days_unbounded, 0) as bigint) as waste_days_unbounded,
    cast(coalesce(counted.lanes_to_harden, 0) as decimal(18,2)) as lanes_to_harden,
    cast(coalesce(counted.lanes_to_harden_passed, 0) as decimal(18,2)) as lanes_to_harden_passed,
    cast(coalesce(counted.lanes_to_harden_may_pass, 0) as decimal(18,2)) as lanes_to_harden_may_pass,
    cast(coalesce(counted.lanes_to_harden_may_fail, 0) as decimal(18,2)) as lanes_to_harden_may_fail,
    cast(coalesce(counted.lanes_to_harden_unbounded, 0) as bigint) as lanes_to_harden_unbounded,
    cast(coalesce(counted.lanes_to_light, 0) as decimal(18,2)) as lanes_to_light,
    cast(coalesce(counted.lanes_to_light_passed, 0) as decimal(18,2)) as lanes_to_light_passed,
    cast(coalesce(counted.lanes_to_light_may_pass, 0) as decimal(18,2)) as lanes_to_light_may_pass,
    cast(coalesce(counted.lanes_to_light_may_fail, 0) as decimal(18,2)) as lanes_to_light_may_fail,
    cast(coalesce(counted.lanes_to_light_unbounded, 0) as bigint) as lanes_to_light_unbounded
from placed_units
inner join months on placed_units.month = months.month
left join counted
    on placed_units.unit_key = counted.unit_key and placed_units.month = counted.month
