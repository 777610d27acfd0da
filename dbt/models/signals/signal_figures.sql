-- What the monitors of figures look at: every community's monthly numerator and denominator of the last closed months,
-- each beside what was usual in the months before it (median, median absolute deviation). Figures of rates and ratios
-- that are not year to date; those of no data, of open months and of units that are too new are left out.
with last_closed as (
    select max(period) as last_month
    from {{ source('control', 'periods') }}
    where period_type = 'month' and is_closed
),

-- a figure stands once, however many targets judge it
figures as (
    select
        figures.unit_key,
        figures.unit_code,
        figures.period as month,
        figures.kpi_id,
        kpis.kind,
        kpis.basis,
        kpis.domain,
        figures.period > {{ months_before('last_closed.last_month', signal_months()) }} as is_recent,
        max(cast(figures.numerator as double)) as numerator,
        max(cast(figures.denominator as double)) as denominator,
        -- with the rows in doubt that may count; null where a delivery is missing
        max(case
            when figures.low_denominator is not null and figures.high_denominator is not null
                then cast(greatest(figures.denominator, figures.low_denominator, figures.high_denominator) as double)
        end) as most_denominator
    from {{ ref('fct_kpi') }} as figures
    inner join {{ ref('dim_kpi') }} as kpis on figures.kpi_id = kpis.kpi_id
    inner join last_closed
        on figures.period <= last_closed.last_month
        and figures.period > {{ months_before('last_closed.last_month', signal_months() + signal_lookback()) }}
    where
        figures.period_type = 'month'
        and figures.unit_basis = 'as_was'
        and figures.unit_level = 'community'
        and figures.status not in ('too_early', 'no_data')
        and kpis.kind in ('rate', 'ratio')
        and kpis.basis in ('stock', 'flow')
    group by all
),

usual as (
    select
        later.unit_key,
        later.kpi_id,
        later.month,
        count(*) as months_before,
        median(earlier.numerator) as usual_numerator,
        median(earlier.denominator) as usual_denominator
    from figures as later
    inner join figures as earlier on {{ is_looked_back_on('later', 'earlier') }}
    group by later.unit_key, later.kpi_id, later.month
),

deviations as (
    select
        usual.unit_key,
        usual.kpi_id,
        usual.month,
        median(abs(earlier.denominator - usual.usual_denominator)) as deviation
    from usual
    inner join figures as earlier on {{ is_looked_back_on('usual', 'earlier') }}
    group by usual.unit_key, usual.kpi_id, usual.month
)

select
    figures.*,
    coalesce(usual.months_before, 0) as months_before,
    usual.usual_numerator,
    usual.usual_denominator,
    deviations.deviation,
    previous.denominator as previous_denominator
from figures
left join usual on {{ is_same_figure('figures', 'usual') }}
left join deviations on {{ is_same_figure('figures', 'deviations') }}
left join figures as previous
    on figures.unit_key = previous.unit_key
    and figures.kpi_id = previous.kpi_id
    and {{ months_before('figures.month', 1) }} = previous.month
