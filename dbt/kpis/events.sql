{% macro kpis_events() %}
    {% set declarations %}
- common:
    domain: safety
    kind: count
    owner_agency: grid_management
    mart: mart_events
    datasets: {grid_disputes: cases}
  kpis:
  - kpi_id: dispute_escalation_casualties
    name_zh: 调解不及时致伤亡
    name_en: Casualties of disputes not handled in time
    basis: flow
    unit: people
    direction: lower
    measure: overdue_casualties
    formula_zh: 期间受理、逾期办结或逾期未办结的各类纠纷中的死亡与受伤人数
    formula_en: deaths and injuries in disputes of all kinds accepted in the period and handled after their due date, or not at all
    document: D3
    clause: §5
    note: 自应办结日期次日起计入；无应办结日期的不计 / counted from the day after the due date on; disputes without one are left out
  - kpi_id: dispute_channel_coverage
    name_zh: 三调联动
    name_en: Channels of mediation in use
    basis: ytd
    unit: channels
    direction: higher
    numerator: least(disputes_by_people, 1) + least(disputes_by_administration, 1) + least(disputes_by_court, 1)
    denominator: "1"
    low_numerator: >-
      least(disputes_by_people - disputes_by_people_revised, 1)
      + least(disputes_by_administration - disputes_by_administration_revised, 1)
      + least(disputes_by_court - disputes_by_court_revised, 1)
    # A dispute whose channel nobody knows opens one more channel, whichever it is.
    high_numerator: >-
      least(
          least(disputes_by_people + disputes_by_people_doubtful - disputes_by_unknown_channel_doubtful, 1)
          + least(
              disputes_by_administration + disputes_by_administration_doubtful - disputes_by_unknown_channel_doubtful, 1
          )
          + least(disputes_by_court + disputes_by_court_doubtful - disputes_by_unknown_channel_doubtful, 1)
          + disputes_by_unknown_channel_doubtful, 3
      )
    formula_zh: 本年一月以来受理过纠纷的调解渠道数（人民、行政、司法调解）
    formula_en: channels by which disputes were accepted since January, of people's, administrative and judicial mediation
    document: A
    clause: "3.2"
- common:
    domain: safety
    kind: rate
    basis: flow
    unit: percent
    direction: higher
    owner_agency: grid_management
    mart: mart_events
    datasets: {grid_events: cases}
    levels: [grid, community, street, county]
    document: D4
  kpis:
  - kpi_id: grid_event_closure_rate
    name_zh: 网格事件结案率
    name_en: Grid events closed
    measure: events_reported
    formula_zh: 截止日前核查结案的事件 ÷ 期间上报的事件 × 100
    formula_en: events reported in the period and verified closed by its cut-off / reported × 100
    clause: §14
  - kpi_id: grid_event_on_time_rate
    name_zh: 网格事件按期结案率
    name_en: Grid events closed on time
    measure: events_decided
    formula_zh: 处置时限内核查结案的事件 ÷ 已结案或已逾期的事件 × 100
    formula_en: events closed by their due time / events closed or overdue by the cut-off × 100
    clause: §14
    note: 无处置时限的事件不计 / events without a due time are left out
  - kpi_id: supervised_event_closure_rate
    name_zh: 限期督办结案率
    name_en: Supervised events closed in time
    measure: events_supervised
    formula_zh: 督办时限内核查结案的事件 ÷ 限期督办的事件 × 100
    formula_en: events closed by the due time of their supervision / supervised events × 100
    clause: §14
    note: 期间上报、填有督办时限的事件均计入分母 / every event reported in the period that has a due time of supervision counts
  - kpi_id: repeat_verification_failures
    name_zh: 核查超三次未通过事件
    name_en: Events that failed verification more than three times
    kind: count
    unit: cases
    direction: lower
    measure: events_failing_verification
    formula_zh: 期间上报、核查未通过超过三次的事件数
    formula_en: events reported in the period that failed verification more than three times
    clause: §14
    note: 每起应启动限期督办并计入处置部门考核；次数未注日期，以最新报送为准 / each opens supervision and enters its department's assessment; the number of failures is undated, the latest delivery counts
  - kpi_id: repeat_verification_failures_by_department
    name_zh: 核查超三次未通过事件（按处置部门）
    name_en: Events that failed verification more than three times, by department
    kind: count
    unit: cases
    direction: lower
    mart: mart_departments
    measure: events_failing_for_department
    levels: [department]
    formula_zh: 期间上报、核查未通过超过三次、由该部门处置的事件数
    formula_en: events in charge of the department, reported in the period, that failed verification more than three times
    clause: §14
    note: 处置部门按参加年度考核的部门名称或代码对应，其他承办单位不计 / the department in charge is known by the name or code under which it is assessed; others who handle events have no figure
  - kpi_id: verification_by_reporter_rate
    name_zh: 谁上报谁核查率
    name_en: Events verified by their reporter
    measure: events_verified
    formula_zh: 由上报人核查结案的事件 ÷ 截止日前核查结案的事件 × 100
    formula_en: events verified by the person who reported them / events verified closed by the cut-off × 100
    clause: §14
  - kpi_id: micro_event_on_the_spot_rate
    name_zh: 微小事件当场办理率
    name_en: Micro events handled on the spot
    measure: micro_events
    formula_zh: 当场办理的微小事件 ÷ 期间上报的微小事件 × 100
    formula_en: micro events handled on the spot by the cut-off / micro events reported × 100
    clause: §15
  - kpi_id: micro_event_rectification_rate
    name_zh: 微小事件督促整改率
    name_en: Micro events put right when urged
    measure: micro_events_urged
    formula_zh: 督促整改后核查结案的微小事件 ÷ 督促整改的微小事件 × 100
    formula_en: micro events urged to be put right and verified closed by the cut-off / urged × 100
    clause: §15
    note: 督促自处置时间起计，无处置时间的自上报起计 / urged from the time of handling on, or of the report where that is not given
    {% endset %}
    {{ return(fromyaml(declarations)) }}
{% endmacro %}
