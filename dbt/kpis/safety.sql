{% macro kpis_safety() %}
    {% set declarations %}
- common:
    domain: safety
    kind: count
    basis: flow
    unit: cases
    direction: lower
    owner_agency: police
    mart: mart_safety
    datasets: {police_case_returns: cases}
    document: D3
    clause: §2
    note: 月报缺报为缺数据，不算零；有社区或月份缺报时无上限 / a return that is absent is no data, not 0; where one of several is, there is no upper limit
  kpis:
  - kpi_id: criminal_cases
    name_zh: 刑事案件
    name_en: Criminal cases
    measure: criminal_cases
    rows: criminal_returns
    formula_zh: 期间案件月报中的刑事案件数
    formula_en: criminal cases in the returns of the period
  - kpi_id: public_order_cases
    name_zh: 治安案件
    name_en: Public-order cases
    measure: public_order_cases
    rows: public_order_returns
    formula_zh: 期间案件月报中的治安案件数
    formula_en: public-order cases in the returns of the period
  - kpi_id: safety_disasters
    name_zh: 治安灾害事故
    name_en: Public-safety disasters
    measure: safety_disasters
    rows: safety_disaster_returns
    formula_zh: 期间案件月报中的治安灾害事故数
    formula_en: public-safety disasters in the returns of the period
  - kpi_id: resident_offences
    name_zh: 居民犯罪
    name_en: Offences by residents
    measure: resident_offences
    rows: resident_offence_returns
    formula_zh: 期间案件月报中的居民犯罪数
    formula_en: offences by residents in the returns of the period
  - kpi_id: vice_cases
    name_zh: 黄赌毒案件
    name_en: Vice cases
    measure: vice_cases
    rows: vice_returns
    formula_zh: 期间案件月报中的黄赌毒案件数
    formula_en: vice cases in the returns of the period
- common:
    domain: safety
    direction: higher
    mart: mart_safety
    document: D4
  kpis:
  - kpi_id: police_room_count
    name_zh: 警务室数
    name_en: Police rooms
    kind: count
    basis: stock
    unit: rooms
    owner_agency: police
    measure: police_rooms_open
    datasets: {police_rooms: cases}
    formula_zh: 期末在用警务室数
    formula_en: police rooms open at period end
    clause: §13
    note: 每个社区至少一间，街道和县只列合计 / at least one in each community; of streets and counties the sum is shown
  - kpi_id: patrol_frequency_rate
    levels: [grid, community, street, county]
    name_zh: 巡查频次达标率
    name_en: Patrols done
    kind: rate
    basis: flow
    unit: percent
    owner_agency: grid_management
    measure: patrols
    datasets: {grid_patrols: cases}
    formula_zh: 已完成的应巡查次数 ÷ 应巡查次数 × 100
    formula_en: patrols done of those due / patrols due × 100
    clause: §14
    note: 每个网格每类巡查以应巡查次数为限，超出部分不补其他网格 / of each grid and kind no more than were due, so that surplus makes up for no other grid
  - kpi_id: duty_coverage_rate
    name_zh: 值守覆盖率
    name_en: Hours on duty
    kind: rate
    basis: flow
    unit: percent
    shortfall_step: 0.01
    owner_agency: grid_management
    measure: duty_hours
    rows: duty_returns
    datasets: {grid_duty: cases}
    formula_zh: 有人值守小时数 ÷ 应值守小时数 × 100
    formula_en: hours staffed / hours due × 100
    clause: §16
    note: 社区缺报为缺数据 / a community without a return is no data
    {% endset %}
    {{ return(fromyaml(declarations)) }}
{% endmacro %}
