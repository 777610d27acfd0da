-- Every evaluated month stands in the marts, every period in fct_kpi with every unit and KPI, and no run of missed
-- targets begins before the first period. Whatever fails here is mended by a full refresh.
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
    cross join {{ ref('dim_kpi') }} as kpis
    group by periods.period_type, periods.period
),

given as (
    select
        period_type,
        period,
        count(*) as figures
    from (select distinct period_type, period, unit_key, kpi_id from {{ ref('fct_kpi') }}) as fct_kpi
    group by period_type, period
)

select 'mart_population' as table_name, cast(month as {{ dbt.type_string() }}) as missing
from months where month not in (select month from {{ ref('mart_population') }})
union all
select 'mart_facilities', cast(month as {{ dbt.type_string() }})
from months where month not in (select month from {{ ref('mart_facilities') }})
union all
select 'fct_kpi', periods.period_type || ' ' || cast(periods.period as {{ dbt.type_string() }})
from wanted
left join given on wanted.period_type = given.period_type and wanted.period = given.period
left join periods on wanted.period_type = periods.period_type and wanted.period = periods.period
where coalesce(given.figures, 0) <> wanted.figures
union all
select 'fct_flag', flags.period_type || ' ' || cast(flags.since_period as {{ dbt.type_string() }})
from (select distinct period_type, since_period from {{ ref('fct_flag') }}) as flags
left join periods on flags.period_type = periods.period_type and flags.since_period = periods.period
where periods.period is null
