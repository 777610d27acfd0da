-- What cannot be placed in today's units, for every extent, period and KPI that it may belong to (see remainders_of).
-- A table, computed where something is in doubt: that is asked for when the model is compiled.
{{ config(materialized='table') }}

{#- dbt learns what a model rests on when it parses, before anything can be asked for #}
{% if not execute or is_anything_in_doubt() %}
    with {{ kpi_figures(kpis(), "unit_basis = 'unplaced'") }}

    {{ remainders_of('figures') }}
{% else %}
    {{ no_remainders() }}
{% endif %}
