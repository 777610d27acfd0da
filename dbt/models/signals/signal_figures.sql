-- What the monitors of figures look at: each community's figures of the last closed months, once however many targets
-- they have. most_denominator: with rows in doubt, null where a delivery is missing; where it is below the usual one of
-- the months before, that stands beside it. Many, so by number, a table; after {{ ref('fct_flag') }}: memory is scarce.
{{ config(materialized='table') }}
{% set figure = ['unit_no', 'position'] %}
with last_closed as (
    select max(period) as last_month from {{ source('control', 'periods') }}
    where period_type = 'month' and is_closed
),

figures as (
    select
        units.unit_no,
        units.name_no,
        kpis.position,
        figures.period as month,
        figures.period > {{ months_before('last_closed.last_month', signal_months()) }} as is_recent,
        max(cast(figures.numerator as double)) as numerator,
        max(cast(figures.denominator as double)) as denominator,
        max(case
            when figures.low_denominator is not null and figures.high_denominator is not null
                then cast(greatest(figures.denominator, figures.low_denominator, figures.high_denominator) as double)
        end) as most_denominator
    from {{ ref('fct_kpi') }} as figures
    inner join {{ ref('unit_numbers') }} as units
        on figures.unit_key = units.unit_key and figures.unit_code = units.unit_code and units.unit_level = 'community'
    inner join {{ ref('dim_kpi') }} as kpis on figures.kpi_id = kpis.kpi_id
    inner join last_closed
        on figures.period <= last_closed.last_month
        and figures.period > {{ months_before('last_closed.last_month', signal_months() + signal_lookback()) }}
    where
        figures.period_type = 'month' and figures.unit_basis = 'as_was' and figures.unit_level = 'community'
        and figures.status not in ('too_early', 'no_data')
        and kpis.kind in ('rate', 'ratio') and kpis.basis in ('stock', 'flow')
    group by all
),

usual as (
    select
        later.unit_no,
        later.position,
        later.month,
        count(*) as months_before,
        median(earlier.numerator) as usual_numerator,
        median(earlier.denominator) as usual_denominator
    from figures as later
    inner join figures as earlier on {{ is_looked_back_on('later', 'earlier', figure) }}
    where later.is_recent
    group by later.unit_no, later.position, later.month
    having median(earlier.denominator) > max(later.most_denominator)
),

deviations as (
    select
        usual.*,
        median(abs(earlier.denominator - usual.usual_denominator)) as deviation
    from usual
    inner join figures as earlier on {{ is_looked_back_on('usual', 'earlier', figure) }}
    group by all
)

select
    units.unit_key,
    units.unit_code,
    kpis.kpi_id,
    kpis.kind,
    kpis.basis,
    kpis.domain,
    figures.*,
    coalesce(usual.months_before, 0) as months_before,
    usual.usual_numerator,
    usual.usual_denominator,
    usual.deviation,
    previous.denominator as previous_denominator
from figures
inner join {{ ref('unit_numbers') }} as units on figures.name_no = units.name_no
inner join {{ ref('dim_kpi') }} as kpis on figures.position = kpis.position
left join deviations as usual on {{ is_same_figure('figures', 'usual', figure) }} and figures.month = usual.month
left join figures as previous
    on {{ is_same_figure('figures', 'previous', figure) }} and {{ months_before('figures.month', 1) }} = previous.month
