-- Derived from dbt/measures/mart_safety.yml by pipelines.dbt_marts.write_marts: do not edit.
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

police_case_returns_rows as (
    select
        *,
        month as place_month,
        row_state = 'accepted' and coalesce(category = 'criminal', false) as criminal_cases_counts,
        row_state = 'quarantined' and coalesce(category = 'criminal', true) as criminal_cases_may_count,
        row_state = 'accepted' and coalesce(category = 'criminal', false) as criminal_returns_counts,
        row_state = 'quarantined' and coalesce(category = 'criminal', true) as criminal_returns_may_count,
        row_state = 'accepted' and coalesce(category = 'public_order', false) as public_order_cases_counts,
        row_state = 'quarantined' and coalesce(category = 'public_order', true) as public_order_cases_may_count,
        row_state = 'accepted' and coalesce(category = 'public_order', false) as public_order_returns_counts,
        row_state = 'quarantined' and coalesce(category = 'public_order', true) as public_order_returns_may_count,
        row_state = 'accepted' and coalesce(category = 'safety_disaster', false) as safety_disasters_counts,
        row_state = 'quarantined' and coalesce(category = 'safety_disaster', true) as safety_disasters_may_count,
        row_state = 'accepted' and coalesce(category = 'safety_disaster', false) as safety_disaster_returns_counts,
        row_state = 'quarantined' and coalesce(category = 'safety_disaster', true) as safety_disaster_returns_may_count,
        row_state = 'accepted' and coalesce(category = 'resident_offence', false) as resident_offences_counts,
        row_state = 'quarantined' and coalesce(category = 'resident_offence', true) as resident_offences_may_count,
        row_state = 'accepted' and coalesce(category = 'resident_offence', false) as resident_offence_returns_counts,
        row_state = 'quarantined' and coalesce(category = 'resident_offence', true) as resident_offence_returns_may_count,
        row_state = 'accepted' and coalesce(category = 'vice', false) as vice_cases_counts,
        row_state = 'quarantined' and coalesce(category = 'vice', true) as vice_cases_may_count,
        row_state = 'accepted' and coalesce(category = 'vice', false) as vice_returns_counts,
        row_state = 'quarantined' and coalesce(category = 'vice', true) as vice_returns_may_count
    from {{ ref('stg_police_case_returns') }}
),

police_case_returns_sums as (
    select
        rows.place_month,
        rows.supplier_id,
        rows.community_code,
        {{ today_code('rows') }} as today_code,
        sum(case when criminal_cases_counts then cases else 0 end) as criminal_cases,
        sum(case when criminal_cases_may_count then cases else 0 end) as criminal_cases_doubtful,
        sum(case when criminal_cases_may_count and cases is null then 1 else 0 end) as criminal_cases_unbounded,
        sum(case when criminal_returns_counts then 1 else 0 end) as criminal_returns,
        sum(case when criminal_returns_may_count then 1 else 0 end) as criminal_returns_doubtful,
        sum(case when public_order_cases_counts then cases else 0 end) as public_order_cases,
        sum(case when public_order_cases_may_count then cases else 0 end) as public_order_cases_doubtful,
        sum(case when public_order_cases_may_count and cases is null then 1 else 0 end) as public_order_cases_unbounded,
        sum(case when public_order_returns_counts then 1 else 0 end) as public_order_returns,
        sum(case when public_order_returns_may_count then 1 else 0 end) as public_order_returns_doubtful,
        sum(case when safety_disasters_counts then cases else 0 end) as safety_disasters,
        sum(case when safety_disasters_may_count then cases else 0 end) as safety_disasters_doubtful,
        sum(case when safety_disasters_may_count and cases is null then 1 else 0 end) as safety_disasters_unbounded,
        sum(case when safety_disaster_returns_counts then 1 else 0 end) as safety_disaster_returns,
        sum(case when safety_disaster_returns_may_count then 1 else 0 end) as safety_disaster_returns_doubtful,
        sum(case when resident_offences_counts then cases else 0 end) as resident_offences,
        sum(case when resident_offences_may_count then cases else 0 end) as resident_offences_doubtful,
        sum(case when resident_offences_may_count and cases is null then 1 else 0 end) as resident_offences_unbounded,
        sum(case when resident_offence_returns_counts then 1 else 0 end) as resident_offence_returns,
        sum(case when resident_offence_returns_may_count then 1 else 0 end) as resident_offence_returns_doubtful,
        sum(case when vice_cases_counts then cases else 0 end) as vice_cases,
        sum(case when vice_cases_may_count then cases else 0 end) as vice_cases_doubtful,
        sum(case when vice_cases_may_count and cases is null then 1 else 0 end) as vice_cases_unbounded,
        sum(case when vice_returns_counts then 1 else 0 end) as vice_returns,
        sum(case when vice_returns_may_count then 1 else 0 end) as vice_returns_doubtful
    from police_case_returns_rows as rows
    {{ join_today('rows') }}
    group by rows.place_month, rows.supplier_id, rows.community_code, today_code
),

police_case_returns_places as (
    {{ in_both_bases('police_case_returns_sums', [
        'criminal_cases',
        'criminal_cases_doubtful',
        'criminal_cases_unbounded',
        'criminal_returns',
        'criminal_returns_doubtful',
        'public_order_cases',
        'public_order_cases_doubtful',
        'public_order_cases_unbounded',
        'public_order_returns',
        'public_order_returns_doubtful',
        'safety_disasters',
        'safety_disasters_doubtful',
        'safety_disasters_unbounded',
        'safety_disaster_returns',
        'safety_disaster_returns_doubtful',
        'resident_offences',
        'resident_offences_doubtful',
        'resident_offences_unbounded',
        'resident_offence_returns',
        'resident_offence_returns_doubtful',
        'vice_cases',
        'vice_cases_doubtful',
        'vice_cases_unbounded',
        'vice_returns',
        'vice_returns_doubtful',
    ]) }}
),

police_case_returns as (
    select
        place_month,
        supplier_id,
        community_code,
        place_month as month,
        criminal_cases,
        criminal_cases_doubtful,
        criminal_cases_unbounded,
        criminal_returns,
        criminal_returns_doubtful,
        public_order_cases,
        public_order_cases_doubtful,
        public_order_cases_unbounded,
        public_order_returns,
        public_order_returns_doubtful,
        safety_disasters,
        safety_disasters_doubtful,
        safety_disasters_unbounded,
        safety_disaster_returns,
        safety_disaster_returns_doubtful,
        resident_offences,
        resident_offences_doubtful,
        resident_offences_unbounded,
        resident_offence_returns,
        resident_offence_returns_doubtful,
        vice_cases,
        vice_cases_doubtful,
        vice_cases_unbounded,
        vice_returns,
        vice_returns_doubtful
    from police_case_returns_places
),

police_rooms_rows as (
    select
        *,
        month as place_month,
        row_state = 'accepted' and coalesce(is_open, false) as police_rooms_open_counts,
        row_state = 'quarantined' and coalesce(is_open, true) as police_rooms_open_may_count
    from {{ ref('stg_police_rooms') }}
),

police_rooms_sums as (
    select
        rows.place_month,
        rows.supplier_id,
        rows.community_code,
        {{ today_code('rows') }} as today_code,
        sum(case when police_rooms_open_counts then 1 else 0 end) as police_rooms_open,
        sum(case when police_rooms_open_may_count then 1 else 0 end) as police_rooms_open_doubtful
    from police_rooms_rows as rows
    {{ join_today('rows') }}
    group by rows.place_month, rows.supplier_id, rows.community_code, today_code
),

police_rooms_places as (
    {{ in_both_bases('police_rooms_sums', [
        'police_rooms_open',
        'police_rooms_open_doubtful',
    ]) }}
),

police_rooms as (
    select
        place_month,
        supplier_id,
        community_code,
        place_month as month,
        police_rooms_open,
        police_rooms_open_doubtful
    from police_rooms_places
),

grid_patrols_rows as (
    select
        *,
        month as place_month,
        row_state = 'accepted' and coalesce(true, false) as patrols_counts,
        row_state = 'quarantined' and coalesce(true, true) as patrols_may_count
    from {{ ref('stg_grid_patrols') }}
),

grid_patrols_sums as (
    select
        rows.place_month,
        rows.supplier_id,
        rows.community_code,
        {{ today_code('rows', 'grid_code') }} as today_code,
        sum(case when patrols_counts then patrols_due else 0 end) as patrols,
        sum(case when patrols_counts and true then least(patrols_done, patrols_due) else 0 end) as patrols_passed,
        sum(case when patrols_may_count and true then patrols_due else 0 end) as patrols_may_pass,
        sum(case when patrols_may_count and true then patrols_due else 0 end) as patrols_may_fail,
        sum(case when patrols_may_count and patrols_due is null then 1 else 0 end) as patrols_unbounded
    from grid_patrols_rows as rows
    {{ join_today('rows', 'grid_code') }}
    group by rows.place_month, rows.supplier_id, rows.community_code, today_code
),

grid_patrols_places as (
    {{ in_both_bases('grid_patrols_sums', [
        'patrols',
        'patrols_passed',
        'patrols_may_pass',
        'patrols_may_fail',
        'patrols_unbounded',
    ]) }}
),

grid_patrols as (
    select
        place_month,
        supplier_id,
        community_code,
        place_month as month,
        patrols,
        patrols_passed,
        patrols_may_pass,
        patrols_may_fail,
        patrols_unbounded
    from grid_patrols_places
),

grid_duty_rows as (
    select
        *,
        month as place_month,
        row_state = 'accepted' and coalesce(true, false) as duty_hours_counts,
        row_state = 'quarantined' and coalesce(true, true) as duty_hours_may_count,
        row_state = 'accepted' and coalesce(true, false) as duty_returns_counts,
        row_state = 'quarantined' and coalesce(true, true) as duty_returns_may_count
    from {{ ref('stg_grid_duty') }}
),

grid_duty_sums as (
    select
        rows.place_month,
        rows.supplier_id,
        rows.community_code,
        {{ today_code('rows') }} as today_code,
        sum(case when duty_hours_counts then hours_due else 0 end) as duty_hours,
        sum(case when duty_hours_counts and true then hours_staffed else 0 end) as duty_hours_passed,
        sum(case when duty_hours_may_count and true then hours_due else 0 end) as duty_hours_may_pass,
        sum(case when duty_hours_may_count and true then hours_due else 0 end) as duty_hours_may_fail,
        sum(case when duty_hours_may_count and hours_due is null then 1 else 0 end) as duty_hours_unbounded,
        sum(case when duty_returns_counts then 1 else 0 end) as duty_returns,
        sum(case when duty_returns_may_count then 1 else 0 end) as duty_returns_doubtful
    from grid_duty_rows as rows
    {{ join_today('rows') }}
    group by rows.place_month, rows.supplier_id, rows.community_code, today_code
),

grid_duty_places as (
    {{ in_both_bases('grid_duty_sums', [
        'duty_hours',
        'duty_hours_passed',
        'duty_hours_may_pass',
        'duty_hours_may_fail',
        'duty_hours_unbounded',
        'duty_returns',
        'duty_returns_doubtful',
    ]) }}
),

grid_duty as (
    select
        place_month,
        supplier_id,
        community_code,
        place_month as month,
        duty_hours,
        duty_hours_passed,
        duty_hours_may_pass,
        duty_hours_may_fail,
        duty_hours_unbounded,
        duty_returns,
        duty_returns_doubtful
    from grid_duty_places
),

places as (
    select
        place_month,
        supplier_id,
        community_code,
        month,
        criminal_cases,
        criminal_cases_doubtful,
        criminal_cases_unbounded,
        criminal_returns,
        criminal_returns_doubtful,
        public_order_cases,
        public_order_cases_doubtful,
        public_order_cases_unbounded,
        public_order_returns,
        public_order_returns_doubtful,
        safety_disasters,
        safety_disasters_doubtful,
        safety_disasters_unbounded,
        safety_disaster_returns,
        safety_disaster_returns_doubtful,
        resident_offences,
        resident_offences_doubtful,
        resident_offences_unbounded,
        resident_offence_returns,
        resident_offence_returns_doubtful,
        vice_cases,
        vice_cases_doubtful,
        vice_cases_unbounded,
        vice_returns,
        vice_returns_doubtful,
        0 as police_rooms_open,
        0 as police_rooms_open_doubtful,
        0 as patrols,
        0 as patrols_passed,
        0 as patrols_may_pass,
        0 as patrols_may_fail,
        0 as patrols_unbounded,
        0 as duty_hours,
        0 as duty_hours_passed,
        0 as duty_hours_may_pass,
        0 as duty_hours_may_fail,
        0 as duty_hours_unbounded,
        0 as duty_returns,
        0 as duty_returns_doubtful
    from police_case_returns
    union all
    select
        place_month,
        supplier_id,
        community_code,
        month,
        0 as criminal_cases,
        0 as criminal_cases_doubtful,
        0 as criminal_cases_unbounded,
        0 as criminal_returns,
        0 as criminal_returns_doubtful,
        0 as public_order_cases,
        0 as public_order_cases_doubtful,
        0 as public_order_cases_unbounded,
        0 as public_order_returns,
        0 as public_order_returns_doubtful,
        0 as safety_disasters,
        0 as safety_disasters_doubtful,
        0 as safety_disasters_unbounded,
        0 as safety_disaster_returns,
        0 as safety_disaster_returns_doubtful,
        0 as resident_offences,
        0 as resident_offences_doubtful,
        0 as resident_offences_unbounded,
        0 as resident_offence_returns,
        0 as resident_offence_returns_doubtful,
        0 as vice_cases,
        0 as vice_cases_doubtful,
        0 as vice_cases_unbounded,
        0 as vice_returns,
        0 as vice_returns_doubtful,
        police_rooms_open,
        police_rooms_open_doubtful,
        0 as patrols,
        0 as patrols_passed,
        0 as patrols_may_pass,
        0 as patrols_may_fail,
        0 as patrols_unbounded,
        0 as duty_hours,
        0 as duty_hours_passed,
        0 as duty_hours_may_pass,
        0 as duty_hours_may_fail,
        0 as duty_hours_unbounded,
        0 as duty_returns,
        0 as duty_returns_doubtful
    from police_rooms
    union all
    select
        place_month,
        supplier_id,
        community_code,
        month,
        0 as criminal_cases,
        0 as criminal_cases_doubtful,
        0 as criminal_cases_unbounded,
        0 as criminal_returns,
        0 as criminal_returns_doubtful,
        0 as public_order_cases,
        0 as public_order_cases_doubtful,
        0 as public_order_cases_unbounded,
        0 as public_order_returns,
        0 as public_order_returns_doubtful,
        0 as safety_disasters,
        0 as safety_disasters_doubtful,
        0 as safety_disasters_unbounded,
        0 as safety_disaster_returns,
        0 as safety_disaster_returns_doubtful,
        0 as resident_offences,
        0 as resident_offences_doubtful,
        0 as resident_offences_unbounded,
        0 as resident_offence_returns,
        0 as resident_offence_returns_doubtful,
        0 as vice_cases,
        0 as vice_cases_doubtful,
        0 as vice_cases_unbounded,
        0 as vice_returns,
        0 as vice_returns_doubtful,
        0 as police_rooms_open,
        0 as police_rooms_open_doubtful,
        patrols,
        patrols_passed,
        patrols_may_pass,
        patrols_may_fail,
        patrols_unbounded,
        0 as duty_hours,
        0 as duty_hours_passed,
        0 as duty_hours_may_pass,
        0 as duty_hours_may_fail,
        0 as duty_hours_unbounded,
        0 as duty_returns,
        0 as duty_returns_doubtful
    from grid_patrols
    union all
    select
        place_month,
        supplier_id,
        community_code,
        month,
        0 as criminal_cases,
        0 as criminal_cases_doubtful,
        0 as criminal_cases_unbounded,
        0 as criminal_returns,
        0 as criminal_returns_doubtful,
        0 as public_order_cases,
        0 as public_order_cases_doubtful,
        0 as public_order_cases_unbounded,
        0 as public_order_returns,
        0 as public_order_returns_doubtful,
        0 as safety_disasters,
        0 as safety_disasters_doubtful,
        0 as safety_disasters_unbounded,
        0 as safety_disaster_returns,
        0 as safety_disaster_returns_doubtful,
        0 as resident_offences,
        0 as resident_offences_doubtful,
        0 as resident_offences_unbounded,
        0 as resident_offence_returns,
        0 as resident_offence_returns_doubtful,
        0 as vice_cases,
        0 as vice_cases_doubtful,
        0 as vice_cases_unbounded,
        0 as vice_returns,
        0 as vice_returns_doubtful,
        0 as police_rooms_open,
        0 as police_rooms_open_doubtful,
        0 as patrols,
        0 as patrols_passed,
        0 as patrols_may_pass,
        0 as patrols_may_fail,
        0 as patrols_unbounded,
        duty_hours,
        duty_hours_passed,
        duty_hours_may_pass,
        duty_hours_may_fail,
        duty_hours_unbounded,
        duty_returns,
        duty_returns_doubtful
    from grid_duty
),

counted as (
    {{ sum_by_unit('places', ['month'], [
        'criminal_cases',
        'criminal_cases_doubtful',
        'criminal_cases_unbounded',
        'criminal_returns',
        'criminal_returns_doubtful',
        'public_order_cases',
        'public_order_cases_doubtful',
        'public_order_cases_unbounded',
        'public_order_returns',
        'public_order_returns_doubtful',
        'safety_disasters',
        'safety_disasters_doubtful',
        'safety_disasters_unbounded',
        'safety_disaster_returns',
        'safety_disaster_returns_doubtful',
        'resident_offences',
        'resident_offences_doubtful',
        'resident_offences_unbounded',
        'resident_offence_returns',
        'resident_offence_returns_doubtful',
        'vice_cases',
        'vice_cases_doubtful',
        'vice_cases_unbounded',
        'vice_returns',
        'vice_returns_doubtful',
        'police_rooms_open',
        'police_rooms_open_doubtful',
        'patrols',
        'patrols_passed',
        'patrols_may_pass',
        'patrols_may_fail',
        'patrols_unbounded',
        'duty_hours',
        'duty_hours_passed',
        'duty_hours_may_pass',
        'duty_hours_may_fail',
        'duty_hours_unbounded',
        'duty_returns',
        'duty_returns_doubtful',
    ]) }}
)

select
    placed_units.unit_key,
    placed_units.month,
    cast(coalesce(counted.criminal_cases, 0) as decimal(18,2)) as criminal_cases,
    cast(coalesce(counted.criminal_cases_doubtful, 0) as decimal(18,2)) as criminal_cases_doubtful,
    cast(coalesce(counted.criminal_cases_unbounded, 0) as bigint) as criminal_cases_unbounded,
    cast(coalesce(counted.criminal_returns, 0) as bigint) as criminal_returns,
    cast(coalesce(counted.criminal_returns_doubtful, 0) as bigint) as criminal_returns_doubtful,
    cast(coalesce(counted.public_order_cases, 0) as decimal(18,2)) as public_order_cases,
    cast(coalesce(counted.public_order_cases_doubtful, 0) as decimal(18,2)) as public_order_cases_doubtful,
    cast(coalesce(counted.public_order_cases_unbounded, 0) as bigint) as public_order_cases_unbounded,
    cast(coalesce(counted.public_order_returns, 0) as bigint) as public_order_returns,
    cast(coalesce(counted.public_order_returns_doubtful, 0) as bigint) as public_order_returns_doubtful,
    cast(coalesce(counted.safety_disasters, 0) as decimal(18,2)) as safety_disasters,
    cast(coalesce(counted.safety_disasters_doubtful, 0) as decimal(18,2)) as safety_disasters_doubtful,
    cast(coalesce(counted.safety_disasters_unbounded, 0) as bigint) as safety_disasters_unbounded,
    cast(coalesce(counted.safety_disaster_returns, 0) as bigint) as safety_disaster_returns,
    cast(coalesce(counted.safety_disaster_returns_doubtful, 0) as bigint) as safety_disaster_returns_doubtful,
    cast(coalesce(counted.resident_offences, 0) as decimal(18,2)) as resident_offences,
    cast(coalesce(counted.resident_offences_doubtful, 0) as decimal(18,2)) as resident_offences_doubtful,
    cast(coalesce(counted.resident_offences_unbounded, 0) as bigint) as resident_offences_unbounded,
    cast(coalesce(counted.resident_offence_returns, 0) as bigint) as resident_offence_returns,
    cast(coalesce(counted.resident_offence_returns_doubtful, 0) as bigint) as resident_offence_returns_doubtful,
    cast(coalesce(counted.vice_cases, 0) as decimal(18,2)) as vice_cases,
    cast(coalesce(counted.vice_cases_doubtful, 0) as decimal(18,2)) as vice_cases_doubtful,
    cast(coalesce(counted.vice_cases_unbounded, 0) as bigint) as vice_cases_unbounded,
    cast(coalesce(counted.vice_returns, 0) as bigint) as vice_returns,
    cast(coalesce(counted.vice_returns_doubtful, 0) as bigint) as vice_returns_doubtful,
    cast(coalesce(counted.police_rooms_open, 0) as bigint) as police_rooms_open,
    cast(coalesce(counted.police_rooms_open_doubtful, 0) as bigint) as police_rooms_open_doubtful,
    cast(coalesce(counted.patrols, 0) as decimal(18,2)) as patrols,
    cast(coalesce(counted.patrols_passed, 0) as decimal(18,2)) as patrols_passed,
    cast(coalesce(counted.patrols_may_pass, 0) as decimal(18,2)) as patrols_may_pass,
    cast(coalesce(counted.patrols_may_fail, 0) as decimal(18,2)) as patrols_may_fail,
    cast(coalesce(counted.patrols_unbounded, 0) as bigint) as patrols_unbounded,
    cast(coalesce(counted.duty_hours, 0) as decimal(18,2)) as duty_hours,
    cast(coalesce(counted.duty_hours_passed, 0) as decimal(18,2)) as duty_hours_passed,
    cast(coalesce(counted.duty_hours_may_pass, 0) as decimal(18,2)) as duty_hours_may_pass,
    cast(coalesce(counted.duty_hours_may_fail, 0) as decimal(18,2)) as duty_hours_may_fail,
    cast(coalesce(counted.duty_hours_unbounded, 0) as bigint) as duty_hours_unbounded,
    cast(coalesce(counted.duty_returns, 0) as bigint) as duty_returns,
    cast(coalesce(counted.duty_returns_doubtful, 0) as bigint) as duty_returns_doubtful
from placed_units
inner join months on placed_units.month = months.month
left join counted
    on placed_units.unit_key = counted.unit_key and placed_units.month = counted.month
