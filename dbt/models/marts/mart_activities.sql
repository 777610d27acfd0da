-- Year to date: what activities since January amount to in each unit at the end of a month. What is due, and the
-- latest report, are a community's own: sums are over communities. Built anew, as a delivery may tell of any month.
{{ config(meta={'year_to_date': true}) }}

{% set measures = [
    'activities_held', 'activities_held_for_certain', 'activities_possibly_held', 'activities_unclear',
    'contest_communities', 'contest_communities_for_certain', 'contest_communities_possible', 'contests_unclear',
    'stationed_staff', 'stationed_volunteers', 'stationed_volunteers_least', 'stationed_staff_most',
    'stationed_staff_idle_least', 'stationed_staff_unbounded', 'stationed_staff_unplaced',
] %}

with places as (
    select * from {{ ref('activity_counts') }}
),

counted as (
    {{ sum_by_unit('places', ['month'], measures) }}
)

select
    {% for measure in measures %}
        cast({{ measure }} as bigint) as {{ measure }},
    {% endfor %}
    unit_key,
    month
from counted
