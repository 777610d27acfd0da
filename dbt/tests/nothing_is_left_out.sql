-- Every evaluated month stands in the marts, every period in fct_kpi, those just computed with every unit and KPI, and
-- no run of missed targets begins before the first period. What fails here is mended by a full refresh.
with months as (
    select * from {{ source('control', 'months') }}
),

periods as (
    select * from {{ source('control', 'periods') }}
),

wanted as (
    select
        periods.period_type,
        periods.period,
        count(*) as figures
    from periods
    inner join {{ ref('unit_months') }} as units on periods.last_month = units.month
    inner join {{ ref('dim_kpi') }} as kpis on periods.is_dirty and array_contains(kpis.levels, units.unit_level)
    group by periods.period_type, periods.period
),

given as (
    select
        period_type,
        period,
        count(distinct case when unit_basis = 'as_was' then unit_key || kpi_id end) as figures
    from {{ ref('fct_kpi') }}
    {{ of_dirty('periods') }}
    group by period_type, period
),

computed as (
    select distinct
        period_type,
        period
    from {{ ref('fct_kpi') }}
)

select
    'mart_population' as table_name,
    {{ text_of('months.month') }} as missing
from months
where months.month not in (select mart.month from {{ ref('mart_population') }} as mart)
union all
select
    'mart_facilities' as table_name,
    {{ text_of('months.month') }} as missing
from months
where months.month not in (select mart.month from {{ ref('mart_facilities') }} as mart)
union all
select
    'fct_kpi' as table_name,
    wanted.period_type || ' ' || {{ text_of('wanted.period') }} as missing
from wanted
left join given on wanted.period_type = given.period_type and wanted.period = given.period
where coalesce(given.figures, 0) <> wanted.figures
union all
select
    'fct_kpi' as table_name,
    periods.period_type || ' ' || {{ text_of('periods.period') }} as missing
from periods
left join computed on periods.period_type = computed.period_type and periods.period = computed.period
where computed.period is null
union all
select
    'fct_flag' as table_name,
    flags.period_type || ' ' || {{ text_of('flags.since_period') }} as missing
from (
    select distinct
        flag.period_type,
        flag.since_period
    from {{ ref('fct_flag') }} as flag
) as flags
left join periods on flags.period_type = periods.period_type and flags.since_period = periods.period
where periods.period is null
