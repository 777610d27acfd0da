{% macro kpis_facilities() %}
    {% set declarations %}
- common:
    domain: facilities
    basis: stock
    direction: higher
    owner_agency: civil_affairs
    mart: mart_facilities
  kpis:
  - kpi_id: facility_area_per_100_households
    name_zh: 每百户综合服务设施面积
    name_en: Service facility area per 100 households
    kind: ratio
    unit: m2_per_100_households
    measure: service_area_m2
    per: households
    datasets: {civil_facilities: amount, grid_grids: denominator}
    formula_zh: 期末在用综合服务设施建筑面积 × 100 ÷ 居住户数
    formula_en: floor area of open comprehensive-service facilities × 100 / households living there
    document: C
    clause: "2.4"
    note: 居住户数为期末综合网格户数之和 / households are those of the general grids at period end
    {% endset %}
    {{ return(fromyaml(declarations)) }}
{% endmacro %}
