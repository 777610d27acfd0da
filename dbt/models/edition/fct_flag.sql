{{ config(
    materialized='incremental',
    pre_hook='{{ forget_periods_from_first_dirty() }}',
) }}

{% set target_of_unit = 'unit_key, period_type, kpi_id, target_id' %}

with judgements as (
    select * from {{ ref('judgements') }}
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
    {{ judgement_history(target_of_unit) }}
),

-- a met target ends a run: what follows it has another number
numbered as (
    select
        *,
        lag(status) over (partition by {{ target_of_unit }} order by period) as previous_status,
        lag(distance) over (partition by {{ target_of_unit }} order by period) as previous_distance,
        sum(is_met) over (partition by {{ target_of_unit }} order by period) - is_met as run
    from history
),

runs as (
    select
        *,
        min(since_period) over (partition by {{ target_of_unit }}, run) as run_since,
        sum(judged_in_a_row * (1 - is_met)) over (
            partition by {{ target_of_unit }}, run order by period
        ) as run_length
    from numbered
)

select
    runs.unit_key,
    runs.unit_code,
    runs.unit_level,
    runs.period_type,
    runs.period,
    runs.kpi_id,
    runs.target_id,
    runs.status,
    runs.certainty,
    runs.shortfall,
    runs.run_since as since_period,
    cast(runs.run_length as integer) as judged_in_a_row,
    case
        when runs.status = 'met' then 'recovered'
        when coalesce(runs.previous_status, 'met') = 'met' then 'new'
        when runs.distance > runs.previous_distance then 'worsening'
        when runs.distance < runs.previous_distance then 'improving'
        else 'continuing'
    end as movement,
    kpis.owner_agency,
    targets.document,
    targets.clause
from runs
inner join {{ ref('dim_kpi') }} as kpis on runs.kpi_id = kpis.kpi_id
inner join {{ ref('dim_target') }} as targets on runs.target_id = targets.target_id
where runs.is_due and (runs.status <> 'met' or runs.previous_status in ('near', 'missed'))
