{% macro kpis_villages() %}
    {% set declarations %}
- common:
    domain: villages
    kind: rate
    basis: stock
    unit: percent
    direction: higher
    owner_agency: civil_affairs
    mart: mart_villages
    datasets: {civil_village_works: cases}
    document: D6
  kpis:
  - kpi_id: dry_toilets_remaining
    name_zh: 旱厕数
    name_en: Dry toilets left
    kind: count
    unit: toilets
    direction: lower
    measure: dry_toilets
    rows: village_returns
    formula_zh: 期末尚存旱厕数
    formula_en: dry toilets left at period end
    clause: "3.3"
    note: 文件要求两年内清零而未署日期，起算日由县设定；缺报不算零 / the document asks for none within two years but bears no date, which the county sets; a return that is absent is not 0
  - kpi_id: cultural_five_ones_rate
    name_zh: 文化五个一达标率
    name_en: Cultural five ones present
    measure: cultural_items
    formula_zh: 已有项数 ÷（村数 × 5）× 100
    formula_en: items present / (villages × 5) × 100
    clause: "4.2"
  - kpi_id: daily_waste_clearance_rate
    name_zh: 日产日清率
    name_en: Waste cleared daily
    basis: flow
    measure: waste_days
    formula_zh: 期间日清天数 ÷ 应清运天数 × 100
    formula_en: days cleared in the period / days due × 100
    clause: "1.2"
  - kpi_id: lane_hardening_rate
    name_zh: 巷道硬化率
    name_en: Lanes hardened
    measure: lanes_to_harden
    formula_zh: 期末已硬化巷道 ÷ 巷道 × 100
    formula_en: lanes hardened at period end / lanes × 100
    clause: "3.1"
  - kpi_id: lane_lighting_rate
    name_zh: 巷道亮化率
    name_en: Lanes lit
    measure: lanes_to_light
    formula_zh: 期末已亮化巷道 ÷ 巷道 × 100
    formula_en: lanes lit at period end / lanes × 100
    clause: "3.1"
    {% endset %}
    {{ return(fromyaml(declarations)) }}
{% endmacro %}
