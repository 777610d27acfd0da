{% macro kpis_population() %}
    {% set declarations %}
- common:
    domain: population
    kind: rate
    basis: stock
    unit: percent
    direction: higher
  kpis:
  - kpi_id: temporary_resident_registration_rate
    levels: [grid, community, street, county]
    withheld: temporary_residents_withheld > 0
    name_zh: 暂住人口登记率
    name_en: Temporary residents registered
    owner_agency: police
    mart: mart_population
    is_of_cases: true
    numerator: temporary_residents_registered
    denominator: temporary_residents
    low_denominator: temporary_residents + temporary_residents_doubtful + tied_persons_unregistered
    # A doubtful registration can only register its own person; one of nobody in particular someone found who has none.
    high_numerator: >-
      least(
      temporary_residents_registered + temporary_residents_perhaps_registered + temporary_residents_unlinked
      + registrations_doubtful, temporary_residents
      ) + temporary_residents_doubtful + tied_persons_registered
    high_denominator: temporary_residents + temporary_residents_doubtful + tied_persons_registered
    datasets: {grid_residents: cases, police_residence_registrations: numerator}
    formula_zh: 期末有有效暂住登记的暂住人口 ÷ 网格发现的暂住人口 × 100
    formula_en: temporary residents found by the grid with a valid police registration at period end / found × 100
    document: D3
    clause: §4
    note: 登记在县内任一社区均算 / a registration anywhere in the county counts
  - kpi_id: door_plate_rate
    name_zh: 门牌设置率
    name_en: Households with a door plate
    owner_agency: household_registration
    mart: mart_households
    measure: households_registered
    datasets: {household_households: cases}
    formula_zh: 已设门牌的户籍户 ÷ 户籍户 × 100
    formula_en: registered households with a door plate / registered households × 100
    document: A
    clause: "3.2"
  - kpi_id: registered_address_residence_rate
    name_zh: 人户一致率
    name_en: Persons living where registered
    owner_agency: household_registration
    mart: mart_households
    measure: persons_registered
    datasets: {household_persons: cases, household_households: cases}
    formula_zh: 居住在户籍地的户籍人口 ÷ 户籍人口 × 100
    formula_en: registered persons who live where registered / registered persons × 100
    document: A
    clause: "3.2"
  - kpi_id: actual_population_link_rate
    levels: [grid, community, street, county]
    withheld: residents_withheld > 0
    name_zh: 实有人口关联率
    name_en: People found who stand in the books
    owner_agency: grid_management
    mart: mart_population
    is_of_cases: true
    numerator: residents_known
    denominator: residents
    low_denominator: residents + residents_doubtful + tied_residents_unknown
    # A quarantined entry without a number may be of someone who was found and stands nowhere else.
    high_numerator: >-
      least(residents_known + residents_perhaps_known + residents_unlinked + entries_doubtful, residents)
      + residents_doubtful + tied_residents_known
    high_denominator: residents + residents_doubtful + tied_residents_known
    datasets: {grid_residents: cases, household_persons: numerator, police_residence_registrations: numerator}
    formula_zh: 网格发现且在户籍或有效暂住登记中在册的人口 ÷ 网格发现的实有人口 × 100
    formula_en: people found by the grid who are registered persons or hold a valid registration / found × 100
    document: D4
    clause: §17
    {% endset %}
    {{ return(fromyaml(declarations)) }}
{% endmacro %}
