-- Numerator, denominator and their bounds for every unit, period and KPI. A null bound is no bound.
-- A KPI over an existing mart is one declaration in kpis/.
with {{ kpi_figures(kpis(), "unit_basis <> 'unplaced' and " ~ is_in_slice('slice_no')) }}

select * from figures
