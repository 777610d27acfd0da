-- Twenty questions that analysts ask, each with the query that answers it: docs/questions.md is made of this file.
-- A question begins with a line of question mark, Chinese and English; lines of comment below it say how to read it.
-- The month asked about is a variable: set variable month = date '2026-06-01';

-- ? 本版本最新的月份是哪个，多少个社区被评价？ / Which month is the latest, and how many communities are judged?
-- 同一表中有月、季、年、本年累计四类期间，查询时总要写明 period_type。 / One table has months, quarters, years and years to date: always name the period_type.
select max(period) as latest_month, count(distinct unit_key) filter (period = (select max(period) from fct_kpi where period_type = 'month')) as communities
from fct_kpi
where period_type = 'month' and unit_level = 'community' and unit_basis = 'as_was';

-- ? 全县各指标本期完成值与目标 / What are the county's figures against their targets?
-- unit_basis = 'as_was' 是当时的区划；同一指标有几份文件的目标时各有一行。 / as_was: units as they were; a row for each target of a KPI.
select kpis.name_zh, figures.numerator, figures.denominator, round(figures.value, 2) as value, targets.operator, targets.value_1, figures.status, figures.certainty
from fct_kpi as figures
inner join dim_kpi as kpis using (kpi_id)
inner join dim_target as targets using (target_id)
where figures.period_type = 'month' and figures.period = getvariable('month') and figures.unit_level = 'county' and figures.unit_basis = 'as_was'
order by figures.status, kpis.kpi_id, targets.target_id
limit 10;

-- ? 哪些社区的暂住人口登记率没有达标，差多少？ / Which communities miss the registration rate, and by how much?
-- dim_unit 每段有效期一行，按期末日期取名称。 / dim_unit has a row per stretch of validity: take the name that held at the period's end.
select units.unit_name, flags.shortfall, flags.since_period, flags.judged_in_a_row, flags.certainty
from fct_flag as flags
inner join dim_period as periods using (period_type, period)
inner join dim_unit as units
    on units.unit_key = flags.unit_key and units.valid_from <= periods.end_date and (units.valid_to is null or units.valid_to > periods.end_date)
where flags.kpi_id = 'temporary_resident_registration_rate' and flags.status = 'missed'
    and flags.period_type = 'month' and flags.period = getvariable('month') and flags.unit_level = 'community'
order by flags.shortfall desc, units.unit_code
limit 10;

-- ? 哪些未达标的结论已经确认，哪些还可能被推翻？ / Which misses are confirmed, and which could still be overturned?
select unit_level, certainty, count(*) as flags
from fct_flag
where status = 'missed' and period_type = 'month' and period = getvariable('month')
group by unit_level, certainty
order by unit_level, certainty;

-- ? 未达标连续时间最长的是哪些？ / Which misses have lasted longest?
select kpis.name_zh, flags.unit_code, flags.since_period, flags.judged_in_a_row
from fct_flag as flags
inner join dim_kpi as kpis using (kpi_id)
where flags.status = 'missed' and flags.period_type = 'month' and flags.period = getvariable('month') and flags.unit_level = 'street'
order by flags.judged_in_a_row desc, flags.kpi_id, flags.unit_code, flags.target_id
limit 10;

-- ? 与上月相比，各领域新出现、恶化、好转、恢复各多少？ / What is new, worse, better or met again since the month before?
select kpis.domain, flags.movement, count(*) as flags
from fct_flag as flags
inner join dim_kpi as kpis using (kpi_id)
where flags.period_type = 'month' and flags.period = getvariable('month') and flags.unit_level = 'community'
group by kpis.domain, flags.movement
order by kpis.domain, flags.movement;

-- ? 未达标指标最多的十个社区 / Which ten communities miss most indicators?
select units.unit_name, count(distinct flags.kpi_id) as kpis_missed
from fct_flag as flags
inner join dim_period as periods using (period_type, period)
inner join dim_unit as units
    on units.unit_key = flags.unit_key and units.valid_from <= periods.end_date and (units.valid_to is null or units.valid_to > periods.end_date)
where flags.status = 'missed' and flags.certainty = 'confirmed'
    and flags.period_type = 'month' and flags.period = getvariable('month') and flags.unit_level = 'community'
group by units.unit_code, units.unit_name
order by kpis_missed desc, units.unit_code
limit 10;

-- ? 各街道（镇）的民事纠纷调处率 / How do streets and towns handle disputes?
-- 上级的值由记录重新汇总，不是下级比率的平均。 / A level is summed anew from rows; it is no mean of rates.
select units.unit_name, figures.numerator, figures.denominator, round(figures.value, 1) as value, round(figures.value_low, 1) as low, round(figures.value_high, 1) as high
from fct_kpi as figures
inner join dim_period as periods using (period_type, period)
inner join dim_unit as units
    on units.unit_key = figures.unit_key and units.valid_from <= periods.end_date and (units.valid_to is null or units.valid_to > periods.end_date)
where figures.kpi_id = 'dispute_handling_rate' and figures.unit_level = 'street' and figures.unit_basis = 'as_was'
    and figures.period_type = 'month' and figures.period = getvariable('month')
order by units.unit_code;

-- ? 一个指标各月的走势（环比） / How has one indicator gone from month to month?
select period, numerator, denominator, round(value, 2) as value, round(value - lag(value) over (order by period), 2) as change
from fct_kpi
where kpi_id = 'temporary_resident_registration_rate' and unit_level = 'county' and period_type = 'month' and unit_basis = 'as_was'
order by period;

-- ? 本年累计的案件数 / How many cases since January?
-- period_type = 'ytd' 的 period 是所截至月份的首日。 / Of a year to date, period is the first day of the month it runs to.
select kpis.name_zh, figures.numerator as cases, figures.status
from fct_kpi as figures
inner join dim_kpi as kpis using (kpi_id)
where figures.period_type = 'ytd' and figures.period = getvariable('month') and figures.unit_level = 'county' and figures.unit_basis = 'as_was'
    and figures.kpi_id in ('criminal_cases', 'public_order_cases', 'vice_cases')
order by figures.kpi_id;

-- ? 目标出自哪份文件、哪一条？ / Which document and clause does a target come from?
select target_id, document, clause, operator, value_1, value_2, strength
from dim_target
where kpi_id in ('temporary_resident_registration_rate', 'dispute_handling_rate', 'facility_area_per_100_households')
order by target_id;

-- ? 哪些指标没有目标？ / Which indicators have no target?
select domain, count(*) as kpis
from dim_kpi
where kpi_id not in (select kpi_id from dim_target)
group by domain
order by domain;

-- ? 哪些结论因存疑数据无法判定，可能的范围有多大？ / Which verdicts are open, and how wide is the doubt?
select kpis.name_zh, count(*) as communities, round(min(figures.value_low), 1) as lowest, round(max(figures.value_high), 1) as highest
from fct_kpi as figures
inner join dim_kpi as kpis using (kpi_id)
where figures.certainty = 'undetermined' and figures.target_id is not null and figures.unit_basis = 'as_was'
    and figures.period_type = 'month' and figures.period = getvariable('month') and figures.unit_level = 'community'
group by kpis.kpi_id, kpis.name_zh
order by communities desc, kpis.kpi_id
limit 10;

-- ? 各供数单位报送是否按时、完整？ / Do suppliers deliver on time and in full?
select delivery_status, count(*) as slots, count(*) filter (communities_delivered < communities_expected) as incomplete, count(*) filter (is_gap) as gaps
from fct_delivery
group by delivery_status
order by delivery_status;

-- ? 读取的每一行去了哪里？ / What became of every row?
-- 读取 = 采用 + 隔离 + 重复 + 跳过，每份报送都成立。 / read = accepted + quarantined + duplicate + skipped, for every delivery.
select sum(rows_read) as read, sum(rows_accepted) as accepted, sum(rows_quarantined) as quarantined, sum(rows_duplicate) as duplicate, sum(rows_skipped) as skipped,
    sum(rows_read) = sum(rows_accepted) + sum(rows_quarantined) + sum(rows_duplicate) + sum(rows_skipped) as is_balanced
from fct_delivery;

-- ? 最常见的数据错误是什么？ / Which rules do rows fail most?
select dataset, rule_id, description_zh, sum(rows_failed) as rows_failed
from fct_quality
where severity = 'error'
group by dataset, rule_id, description_zh
having sum(rows_failed) > 0
order by rows_failed desc, dataset, rule_id
limit 10;

-- ? 未登记的暂住人口估计有多少？ / How many temporary residents are in neither list?
-- n1、n2 为两份名单的人数，m 为同在两份名单的人数；前提是两份名单相互独立。 / n1 and n2 people in the two lists, m in both; it holds where the lists are independent.
select units.unit_name, estimates.month, estimates.n1, estimates.n2, estimates.m, round(estimates.estimate, 1) as estimate, round(estimates.low, 1) as low,
    round(estimates.high, 1) as high, round(estimates.unseen, 1) as unseen
from fct_estimate as estimates
inner join dim_unit as units on units.unit_key = estimates.unit_key and units.valid_to is null
where estimates.unit_level = 'county'
order by estimates.month;

-- ? 暂住人口登记率：社区在几个月里达标？ / In how many months do communities meet the registration rate?
-- 走势和稳定性（fct_trend）要有至少五个已判定的期间。 / Trend and reliability (fct_trend) need five judged periods.
with months as (
    select unit_key, count(*) filter (status in ('met', 'near', 'missed')) as judged_months, count(*) filter (status = 'met') as met_months
    from fct_kpi
    where kpi_id = 'temporary_resident_registration_rate' and period_type = 'month' and unit_level = 'community' and unit_basis = 'as_was'
    group by unit_key
)
select judged_months, met_months, count(*) as communities
from months
group by judged_months, met_months
order by judged_months desc, met_months desc;

-- ? 区划代码换过主人吗？ / Have codes changed hands?
-- unit_key 从不换主人；unit_code 会被重新使用。 / A unit_key never changes hands; a unit_code may be used again.
select unit_code, unit_key, unit_name, valid_from, valid_to
from dim_unit
where unit_code in (select unit_code from dim_unit group by unit_code having count(distinct unit_key) > 1)
order by unit_code, valid_from
limit 10;

-- ? 年度考核各组的名次与奖项 / Which ranks and awards does the annual assessment give?
select year, assessment_group, unit_name, round(score, 2) as score, group_rank, award
from fct_assessment
where year = (select max(year) from fct_assessment)
order by assessment_group, group_rank nulls last, unit_code
limit 10;
