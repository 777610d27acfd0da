-- Activities that a community held since January, of each kind up to the number due by the month: for certain where no
-- quarantined row says otherwise, possibly where one does. Of quarantined rows without a kind: how many.
with activities as (
    select
        *,
        cast(floor(year_months / case kind
            when 'sports_contest' then 1
            when 'show' then 3
            when 'civility_month' then 6
            when 'games' then 12
        end) as bigint) as due
    from {{ ref('activities_to_date') }}
    where is_placed and (kind is null or kind in ('sports_contest', 'show', 'civility_month', 'games'))
),

by_kind as (
    select
        as_of_month,
        place_code,
        kind,
        due,
        sum(case when is_accepted then 1 else 0 end) as held,
        sum(case when is_accepted and not is_revised then 1 else 0 end) as held_for_certain,
        count(*) as possibly_held
    from activities
    group by as_of_month, place_code, kind, due
)

select
    as_of_month as month,
    place_code,
    sum(case when kind is null then 0 else least(held, due) end) as activities_held,
    sum(case when kind is null then 0 else least(held_for_certain, due) end) as activities_held_for_certain,
    sum(case when kind is null then 0 else least(possibly_held, due) end) as activities_possibly_held,
    sum(case when kind is null then possibly_held else 0 end) as activities_unclear,
    max(case when kind = 'sports_contest' and held > 0 then 1 else 0 end) as contest,
    max(case when kind = 'sports_contest' and held_for_certain > 0 then 1 else 0 end) as contest_for_certain,
    max(case when kind = 'sports_contest' then 1 else 0 end) as contest_possible
from by_kind
group by as_of_month, place_code
