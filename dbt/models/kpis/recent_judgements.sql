-- The last judged months and quarters of every unit and target, at most twelve; place 1 is the last; equals: how many
-- of these have the same value. Figures of two years ago (quarters: five) say nothing about how things go now.
with last_periods as (
    select
        period_type,
        max(period) as last_period
    from {{ source('control', 'periods') }}
    where period_type in ('month', 'quarter')
    group by period_type
),

judged as (
    select
        judgements.*,
        row_number() over (
            partition by judgements.unit_key, judgements.period_type, judgements.kpi_id, judgements.target_id
            order by judgements.period desc
        ) as place
    from {{ ref('judgements') }} as judgements
    inner join last_periods on judgements.period_type = last_periods.period_type
    where
        judgements.period >= case
            when judgements.period_type = 'month' then last_periods.last_period - interval 2 year
            else last_periods.last_period - interval 5 year
        end
)

select
    judged.*,
    case when kpis.direction = 'higher' then 1 else -1 end as better,
    count(*) over (
        partition by judged.unit_key, judged.period_type, judged.kpi_id, judged.target_id, judged.value
    ) as equals
from judged
inner join {{ ref('dim_kpi') }} as kpis on judged.kpi_id = kpis.kpi_id
where judged.place <= 12
