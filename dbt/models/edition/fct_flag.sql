{{ config(materialized='incremental', pre_hook='{{ forget_periods_from_first_dirty() }}', sliced_by='unit_numbers') }}

{% set target_of_unit = 'unit_no, target_no, period_type' %}

with judgements as (
    select * from {{ ref('judgements') }}
    where {{ is_in_slice('slice_no') }}
),

units as (
    select * from {{ ref('unit_numbers') }}
),

targets as (
    select * from {{ ref('target_lines') }}
),

first_dirty as (
    select
        period_type,
        min(period) as first_period
    from {{ source('control', 'periods') }}
    where is_dirty
    group by period_type
),

history as (
    {{ judgement_history() }}
),

-- a met target ends a run: what follows it has another number. earlier_distance: where the one before was not met
numbered as (
    select
        *,
        lag(case when is_met = 0 then distance end) over periods as earlier_distance,
        sum(is_met) over periods - is_met as run
    from history
    window periods as (partition by {{ target_of_unit }} order by period)
),

runs as (
    select
        *,
        min(since_period) over periods as run_since,
        sum(judged_in_a_row * (1 - is_met)) over periods as run_length
    from numbered
    where is_met = 0 or earlier_distance is not null
    window periods as (partition by {{ target_of_unit }}, run order by period)
)

select
    units.unit_key,
    units.unit_code,
    units.unit_level,
    runs.period_type,
    runs.period,
    targets.kpi_id,
    targets.target_id,
    runs.status,
    runs.certainty,
    runs.shortfall,
    runs.run_since as since_period,
    cast(runs.run_length as integer) as judged_in_a_row,
    case
        when runs.is_met = 1 then 'recovered'
        when runs.earlier_distance is null then 'new'
        when runs.distance > runs.earlier_distance then 'worsening'
        when runs.distance < runs.earlier_distance then 'improving'
        else 'continuing'
    end as movement,
    kpis.owner_agency,
    targets.document,
    targets.clause
from runs
inner join units on runs.name_no = units.name_no
inner join targets on runs.target_no = targets.target_no
inner join {{ ref('dim_kpi') }} as kpis on targets.kpi_id = kpis.kpi_id
where runs.is_due
