{{ config(
    materialized='incremental',
    pre_hook=['{{ choose_months() }}', '{{ forget_months() }}'],
) }}

{% set measures = [
    'temporary_residents', 'temporary_residents_registered', 'temporary_residents_perhaps_registered',
    'temporary_residents_unlinked', 'temporary_residents_doubtful', 'registrations_doubtful', 'residents',
    'residents_known', 'residents_perhaps_known', 'residents_unlinked', 'residents_doubtful', 'entries_doubtful',
] %}
{% set tied_measures = [
    'temporary_residents', 'temporary_residents_registered', 'temporary_residents_perhaps_registered', 'residents',
    'residents_known', 'residents_perhaps_known',
] %}
{% set tied_only = [
    'tied_persons_registered', 'tied_persons_unregistered', 'tied_residents_known', 'tied_residents_unknown',
] %}

with placed_units as (
    select * from {{ ref('placed_units') }}
),

months as (
    select month from {{ source('control', 'months') }}
    where is_dirty
),

tied as (
    select * from {{ ref('tied_residents') }}
),

-- read twice, worked out once
resident_counts as (
    select * from {{ ref('resident_counts') }}
),

places as (
    {{ sum_by_place('resident_counts', ['month'], measures, part='grid_code') }}
),

people_in_grids as (
    {{ by_grid('resident_counts', 'is_found = false') }}
),

grids as (
    {{ sum_by_grid('people_in_grids', ['month'], measures) }}
),

counted as (
    {{ sum_by_unit('places', ['month'], measures) }}
    union all
    {{ sum_by_unit('grids', ['month'], measures, place='grid_place') }}
)

select
    {% for measure in measures %}
        cast(
            coalesce(counted.{{ measure }}, 0)
            {{- ' + coalesce(tied.' ~ measure ~ ', 0)' if measure in tied_measures }} as bigint
        ) as {{ measure }},
    {% endfor %}
    {% for measure in tied_only %}
        cast(coalesce(tied.{{ measure }}, 0) as bigint) as {{ measure }},
    {% endfor %}
    {% for measure in ['temporary_residents', 'residents'] %}
        {{ is_small_group('counted.' ~ measure) }} as {{ measure }}_withheld,
    {% endfor %}
    placed_units.unit_key,
    placed_units.month
from placed_units
inner join months on placed_units.month = months.month
left join counted
    on placed_units.unit_key = counted.unit_key and placed_units.month = counted.month
left join tied
    on placed_units.unit_key = tied.unit_key and placed_units.month = tied.month
