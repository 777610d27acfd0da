{% macro kpis_population() %}
    {% set declarations %}
- kpi_id: temporary_resident_registration_rate
  name_zh: 暂住人口登记率
  name_en: Temporary residents registered
  domain: population
  kind: rate
  basis: stock
  unit: percent
  scale: 100
  direction: higher
  decimals: 1
  shortfall_step: 1
  owner_agency: police
  mart: mart_population
  numerator: temporary_residents_registered
  denominator: temporary_residents
  low_denominator: temporary_residents + temporary_residents_doubtful + tied_persons_unregistered
  # A doubtful registration can only register someone who was found and has none.
  high_numerator: >-
    least(temporary_residents_registered + temporary_residents_unlinked + registrations_doubtful, temporary_residents)
    + temporary_residents_doubtful + tied_persons_registered
  high_denominator: temporary_residents + temporary_residents_doubtful + tied_persons_registered
  datasets:
    grid_residents: cases
    police_residence_registrations: numerator
  formula_zh: 期末有有效暂住登记的暂住人口 ÷ 网格发现的暂住人口 × 100
  formula_en: temporary residents found by the grid with a valid police registration at period end / found × 100
  document: 社区平安建设方案 / community safety plan
  clause: §4
  note: 登记在县内任一社区均算 / a registration anywhere in the county counts
    {% endset %}
    {{ return(fromyaml(declarations)) }}
{% endmacro %}
