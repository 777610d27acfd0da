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
    unit_key,
    month,
    cast(activities_held as bigint) as activities_held,
    cast(activities_held_for_certain as bigint) as activities_held_for_certain,
    cast(activities_possibly_held as bigint) as activities_possibly_held,
    cast(activities_unclear as bigint) as activities_unclear,
    cast(contest_communities as bigint) as contest_communities,
    cast(contest_communities_for_certain as bigint) as contest_communities_for_certain,
    cast(contest_communities_possible as bigint) as contest_communities_possible,
    cast(contests_unclear as bigint) as contests_unclear,
    cast(stationed_staff as bigint) as stationed_staff,
    cast(stationed_volunteers as bigint) as stationed_volunteers,
    cast(stationed_volunteers_least as bigint) as stationed_volunteers_least,
    cast(stationed_staff_most as bigint) as stationed_staff_most,
    cast(stationed_staff_idle_least as bigint) as stationed_staff_idle_least,
    cast(stationed_staff_unbounded as bigint) as stationed_staff_unbounded,
    cast(stationed_staff_unplaced as bigint) as stationed_staff_unplaced
from counted
