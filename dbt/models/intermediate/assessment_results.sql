-- What the last delivery that tells of a year says of every unit assessed for it, as a whole (not by team): the sums
-- of its items, weights in hundredths, and what its own row states. doubtful_rows: quarantined ones that may differ.
with delivered as (
    {{ staged('civil_assessments', of='all') }}
),

whole as (
    select
        delivered.*,
        max(case when delivered.row_state = 'accepted' then delivered.month end)
            over (partition by delivered.year) as last_month
    from delivered
    inner join {{ source('control', 'months') }} as months on delivered.month = months.month
    where delivered.row_state in ('accepted', 'quarantined') and coalesce(delivered.team = 'all', true)
),

doubts as (
    select
        unit_code,
        month,
        year,
        count(*) as doubtful_rows
    from whole
    where row_state = 'quarantined'
    group by unit_code, month, year
),

results as (
    select
        unit_code,
        year,
        assessment_group,
        month,
        max(unit_name) as unit_name,
        sum(case when kpi_code <> 'all' then 1 else 0 end) as items,
        sum(case when kpi_code <> 'all' then cast(weight * 100 as decimal(18, 2)) end) as weights,
        sum(case when kpi_code <> 'all' then cast(weight * 100 * score as decimal(18, 2)) end) as points,
        max(case when kpi_code = 'all' then score end) as stated_score,
        max(case when kpi_code = 'all' then rank end) as stated_rank,
        max(case when kpi_code = 'all' then city_rank end) as city_rank,
        max(case when kpi_code = 'all' then veto_items end) as veto_items,
        max(case when kpi_code = 'all' then award end) as stated_award,
        max(case when kpi_code = 'all' and revoked then 1 else 0 end) = 1 as is_revoked
    from whole
    where row_state = 'accepted' and month = last_month
    group by unit_code, year, assessment_group, month
),

-- a quarantined row without a usable unit or year may concern any
summed_doubts as (
    select
        results.unit_code,
        results.year,
        sum(doubts.doubtful_rows) as doubtful_rows
    from results
    inner join doubts
        on results.month = doubts.month
        and coalesce(results.unit_code = doubts.unit_code, true)
        and coalesce(results.year = doubts.year, true)
    group by results.unit_code, results.year
)

select
    results.*,
    coalesce(summed_doubts.doubtful_rows, 0) as doubtful_rows
from results
left join summed_doubts
    on results.unit_code = summed_doubts.unit_code and results.year = summed_doubts.year
