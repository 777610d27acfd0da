{% macro kpis_disputes() %}
    {% set declarations %}
- common:
    domain: safety
    kind: rate
    basis: flow
    unit: percent
    direction: higher
    owner_agency: grid_management
    mart: mart_disputes
    datasets: {grid_disputes: cases}
    document: D3
    clause: §5
  kpis:
  - kpi_id: dispute_handling_rate
    name_zh: 民事纠纷调处率
    name_en: Civil disputes handled
    measure: civil_disputes
    formula_zh: 截止日前办结的民事纠纷 ÷ 期间受理的民事纠纷 × 100
    formula_en: civil disputes accepted in the period and handled by its cut-off / accepted × 100
  - kpi_id: dispute_mediation_success_rate
    name_zh: 调解成功率
    name_en: Mediations that succeeded
    measure: civil_disputes_handled
    formula_zh: 调解成功的民事纠纷 ÷ 截止日前办结的民事纠纷 × 100
    formula_en: civil disputes handled with success / civil disputes handled by the cut-off × 100
    {% endset %}
    {{ return(fromyaml(declarations)) }}
{% endmacro %}
