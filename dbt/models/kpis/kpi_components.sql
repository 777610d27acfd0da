-- Numerator, denominator and their bounds for every unit, period and KPI. A null bound is no bound.
-- A KPI over an existing mart is one declaration in kpis/.
with judged_units as (
    select * from {{ ref('judged_units') }}
    where unit_basis <> 'unplaced'
),

periods as (
    select * from {{ source('control', 'periods') }}
    where is_dirty
),

{{ measures_by_period() }}

{{ kpi_figures() }}
