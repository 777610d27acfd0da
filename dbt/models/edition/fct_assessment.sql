-- The annual assessment: ranks inside each group, ties included, and the awards that follow from them. The score is
-- that of the items where there are any, else the one stated. Who is excluded has no rank, and others move up. In a
-- county without public ranking awards follow from ranks all the same, but no rank is given.
with scored as (
    select
        *,
        case
            when weights > 0 then cast(points as double) / cast(weights as double)
            when items = 0 then cast(stated_score as double)
        end as score
    from {{ ref('assessment_results') }}
),

judged as (
    select
        *,
        case
            when is_revoked then 'revoked'
            when cardinality(veto_items) > 0 then 'veto'
            when score is null then 'no_score'
        end as exclusion
    from scored
),

ranked as (
    select
        *,
        case
            when exclusion is null
                then rank() over (partition by year, assessment_group, exclusion is null order by score desc)
        end as group_rank,
        sum(case when exclusion is null then 1 else 0 end) over (partition by year, assessment_group) as units_ranked,
        -- departments: the first in the city, of whom rank 1 and 2 are excellent, 3 and 4 advanced; others: 1, and 2
        assessment_group <> 'departments' or coalesce(city_rank = 1, false) as is_eligible,
        case when assessment_group = 'departments' then 2 else 1 end as excellent_to
    from judged
)

select
    ranked.unit_code,
    units.unit_key,
    ranked.unit_name,
    cast(ranked.year as integer) as year,
    ranked.assessment_group,
    ranked.month,
    cast(ranked.items as integer) as items,
    cast(ranked.weights as decimal(18, 2)) as weights,
    cast(ranked.points as decimal(18, 2)) as points,
    ranked.score,
    ranked.stated_score,
    cast(case when county.is_ranking_public then ranked.group_rank end as integer) as group_rank,
    cast(ranked.units_ranked as integer) as units_ranked,
    cast(case when county.is_ranking_public then ranked.stated_rank end as integer) as stated_rank,
    cast(case when county.is_ranking_public then ranked.city_rank end as integer) as city_rank,
    ranked.veto_items,
    ranked.is_revoked,
    ranked.exclusion,
    case
        when ranked.exclusion is not null then 'none'
        when ranked.is_eligible and ranked.group_rank <= ranked.excellent_to then 'excellent'
        when ranked.is_eligible and ranked.group_rank <= 2 * ranked.excellent_to then 'advanced'
        when ranked.stated_award = 'innovation' then 'innovation'
        else 'none'
    end as award,
    ranked.stated_award,
    cast(case when county.is_ranking_public then previous.group_rank end as integer) as previous_rank,
    cast(case when county.is_ranking_public then previous.group_rank - ranked.group_rank end as integer) as rank_change,
    cast(ranked.doubtful_rows as bigint) as doubtful_rows
from ranked
cross join {{ source('control', 'county') }} as county
left join ranked as previous
    on ranked.unit_code = previous.unit_code
    and ranked.assessment_group = previous.assessment_group
    and ranked.year = previous.year + 1
left join {{ ref('unit_months') }} as units
    on ranked.unit_code = units.unit_code and ranked.month = units.month
