-- Numerator, denominator and their bounds for every unit, period and KPI. A null bound is no bound.
-- A mart is named here once; a KPI over it is one declaration in kpis/.
with judged_units as (
    select * from {{ ref('judged_units') }}
),

periods as (
    select * from {{ source('control', 'periods') }}
    where is_dirty
),

mart_population as (
    select * from {{ ref('mart_population') }}
),

mart_disputes as (
    select * from {{ ref('mart_disputes') }}
),

mart_facilities as (
    select * from {{ ref('mart_facilities') }}
),

{{ measures_by_period() }}

{{ kpi_figures() }}
