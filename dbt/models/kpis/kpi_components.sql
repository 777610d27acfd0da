-- Numerator, denominator and their bounds for every unit, period and KPI. A null bound is no bound.
-- A KPI over an existing mart is one declaration in kpis/.
with judged_units as (
    select * from {{ ref('judged_units') }}
    where unit_basis <> 'unplaced' and {{ is_in_slice('slice_no') }}
),

periods as (
    select distinct
        period_type,
        period,
        start_date,
        last_month
    from judged_units
),

{{ measures_by_period() }}

{{ kpi_figures() }}
