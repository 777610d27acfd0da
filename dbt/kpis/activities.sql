{% macro kpis_activities() %}
    {% set declarations %}
- common:
    domain: organisation
    kind: rate
    basis: ytd
    unit: percent
    direction: higher
    owner_agency: civil_affairs
    mart: mart_activities
    datasets: {civil_activities: cases}
  kpis:
  - kpi_id: activity_cadence_rate
    name_zh: 活动开展率
    name_en: Activities held as often as due
    numerator: activities_held
    # Contests one a month, shows one a quarter, civility months one each half-year, games one a year.
    denominator: >-
      communities * (year_months + floor(year_months / 3) + floor(year_months / 6) + floor(year_months / 12))
    low_numerator: activities_held_for_certain
    # An activity of which nobody knows the kind or the community may be any that is missing.
    high_numerator: >-
      least(
          activities_possibly_held + activities_unclear,
          communities * (year_months + floor(year_months / 3) + floor(year_months / 6) + floor(year_months / 12))
      )
    formula_zh: 本年一月以来各社区应办且已办的活动 ÷ 应办的活动 × 100；超出应办数的不计
    formula_en: activities held since January up to the number due, kind by kind and community by community / due × 100
    document: D2
    clause: —
    note: 应办：体育竞赛每月一次、综合晚会每季一次、文明礼貌月每半年一次、运动会每年一次，按本年已评估的整月数计；年内新设的社区同样自一月起计 / due by the months of the year evaluated, a contest monthly, a show quarterly, a civility month half-yearly, games yearly; also in communities that opened during the year
  - kpi_id: yearly_contest_rate
    name_zh: 年度文体竞赛举办率
    name_en: Communities that held a contest in the year
    numerator: contest_communities * floor(year_months / 12)
    denominator: communities * floor(year_months / 12)
    low_numerator: contest_communities_for_certain * floor(year_months / 12)
    high_numerator: >-
      least(contest_communities_possible + contests_unclear, communities) * floor(year_months / 12)
    formula_zh: 本年举办过体育竞赛的社区 ÷ 社区 × 100
    formula_en: communities that held a contest in the year / communities × 100
    document: D5
    clause: —
    note: 全年十二个月均已评估后才适用 / applies once all twelve months of the year are evaluated
  - kpi_id: stationed_unit_volunteering_rate
    name_zh: 驻区单位志愿服务率
    name_en: Staff of stationed units who volunteered
    numerator: stationed_volunteers
    denominator: stationed_staff
    low_numerator: stationed_volunteers_least
    low_denominator: stationed_staff_most
    # An activity without a known community may tell that everybody served, wherever it was.
    high_numerator: >-
      stationed_staff_most - case when stationed_staff_unplaced > 0 then 0 else stationed_staff_idle_least end
    high_denominator: stationed_staff_most
    incomplete: stationed_staff_unbounded > 0
    formula_zh: 各社区本年最近一次志愿服务活动所报的驻区单位已服务人数之和 ÷ 职工总数之和 × 100
    formula_en: staff of stationed units who served at least once this year / all their staff, each community as its latest volunteering activity of the year tells × 100
    document: B
    clause: "2.2.1"
    note: 单位报送的是本年累计人数，故各社区以最近一次为准 / units report the year's running total, so of each community the latest report counts
    {% endset %}
    {{ return(fromyaml(declarations)) }}
{% endmacro %}
