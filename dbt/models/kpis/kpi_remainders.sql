-- What cannot be placed in today's units, for every extent, period and KPI that it may belong to (see remainders_of).
-- A table, computed where something is in doubt: that is asked for when the model is compiled.
{{ config(materialized='table') }}

with judged_units as (
    select * from {{ ref('judged_units') }}
    where unit_basis = 'unplaced'
),

periods as (
    select * from {{ source('control', 'periods') }}
    where is_dirty
),

{{ measures_by_period() }},

figures as (
    {{ kpi_figures() }}
)

{{ remainders_of('figures') if is_anything_in_doubt() else no_remainders() }}
