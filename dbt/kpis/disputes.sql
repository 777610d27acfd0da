{% macro kpis_disputes() %}
    {% set declarations %}
- kpi_id: dispute_handling_rate
  name_zh: 民事纠纷调处率
  name_en: Civil disputes handled
  domain: safety
  kind: rate
  basis: flow
  unit: percent
  scale: 100
  direction: higher
  decimals: 1
  shortfall_step: 1
  owner_agency: grid_management
  mart: mart_disputes
  measure: civil_disputes
  datasets:
    grid_disputes: cases
  formula_zh: 截止日前办结的民事纠纷 ÷ 期间受理的民事纠纷 × 100
  formula_en: civil disputes accepted in the period and handled by its cut-off / accepted × 100
  document: 社区平安建设方案 / community safety plan
  clause: §5
- kpi_id: dispute_mediation_success_rate
  name_zh: 调解成功率
  name_en: Mediations that succeeded
  domain: safety
  kind: rate
  basis: flow
  unit: percent
  scale: 100
  direction: higher
  decimals: 1
  shortfall_step: 1
  owner_agency: grid_management
  mart: mart_disputes
  measure: civil_disputes_handled
  datasets:
    grid_disputes: cases
  formula_zh: 调解成功的民事纠纷 ÷ 截止日前办结的民事纠纷 × 100
  formula_en: civil disputes handled with success / civil disputes handled by the cut-off × 100
  document: 社区平安建设方案 / community safety plan
  clause: §5
    {% endset %}
    {{ return(fromyaml(declarations)) }}
{% endmacro %}
