{% macro kpis_programmes() %}
    {% set declarations %}
- common:
    <<: &programmes
      domain: programmes
      basis: stock
      direction: higher
      owner_agency: civil_affairs
      mart: mart_programmes
    kind: rate
    unit: percent
    levels: [community, street, county, city, province]
    datasets: {civil_programmes: cases}
    document: C
  kpis:
  - kpi_id: gap_listed_standard_rate
    name_zh: 集镇社区用房达标率
    name_en: Listed premises in towns up to standard
    measure: premises_listed
    formula_zh: 建成且不少于300平方米的集镇社区用房 ÷ 列入清单的集镇社区用房 × 100
    formula_en: listed premises completed with at least 300 m² / listed × 100
    clause: "2.4"
    note: 取消的项目不计；全省清单158处 / cancelled ones do not count; the province lists 158
  - kpi_id: town_service_centre_coverage
    name_zh: 集镇便民服务下沉率
    name_en: Former town seats with a service point
    measure: town_services
    formula_zh: 已启用便民服务点的原集镇 ÷ 列入清单的原集镇 × 100
    formula_en: former town seats with a service point in use / listed × 100
    clause: "2.2"
    note: 全省清单764处 / the province lists 764
- common:
    <<: *programmes
    datasets: {civil_programmes: cases}
    document: C
    clause: "2.6"
  kpis:
  - kpi_id: social_work_stations
    name_zh: 社工站数
    name_en: Social work stations
    kind: count
    unit: stations
    measure: social_work_stations
    levels: [street, county, city, province]
    formula_zh: 期末已启用的社工站数
    formula_en: social work stations in use at period end
    note: 目标针对全省 / the target is for the province as a whole
  - kpi_id: social_work_stations_adjusted_share
    name_zh: 涉改乡镇社工站占比
    name_en: Social work stations in adjusted towns
    kind: rate
    unit: percent
    measure: adjusted_stations
    levels: [county, city, province]
    formula_zh: 涉改乡镇（街道）的社工站 ÷ 已启用的社工站 × 100
    formula_en: social work stations in adjusted towns and streets / in use × 100
    note: 目标针对全省 / the target is for the province as a whole
  - kpi_id: social_work_service_coverage_rate
    name_zh: 社会工作服务覆盖率
    name_en: Towns and streets with social work services
    kind: rate
    unit: percent
    numerator: streets_served
    denominator: streets
    high_numerator: least(streets_served + streets_served_doubtful, streets)
    levels: [street, county]
    datasets: {civil_programmes: numerator}
    formula_zh: 有社会工作服务的乡镇（街道） ÷ 全部乡镇（街道） × 100
    formula_en: towns and streets with a social work service / all × 100
- common:
    <<: *programmes
    kind: count
    levels: [county, city, province]
    datasets: {civil_programmes: cases}
    document: C
    note: 目标针对全省 / the target is for the province as a whole
  kpis:
  - kpi_id: gap_projects_completed
    name_zh: 补短板项目完成数
    name_en: Gap projects completed
    unit: projects
    measure: gap_projects
    formula_zh: 截至期末累计完成的补短板项目数
    formula_en: gap projects completed by the end of the period, cumulative
    clause: "1, 2.4"
  - kpi_id: smart_communities
    name_zh: 智慧社区数
    name_en: Smart communities supported
    unit: communities
    measure: smart_communities
    formula_zh: 实施中或已完成的智慧社区数
    formula_en: smart communities under way or completed
    clause: "2.5"
  - kpi_id: smart_communities_adjusted
    name_zh: 涉改智慧社区数
    name_en: Smart communities supported, adjusted ones
    unit: communities
    measure: smart_communities_adjusted
    formula_zh: 实施中或已完成的智慧社区中建制调整涉改的社区数
    formula_en: smart communities under way or completed that the reform of units concerned
    clause: "2.5"
- common:
    <<: *programmes
    datasets: {civil_programmes: cases}
  kpis:
  - kpi_id: smart_pilot_communities
    name_zh: 智慧社区试点数
    name_en: Pilots of smart communities
    kind: count
    unit: communities
    measure: smart_pilots
    levels: [county]
    formula_zh: 实施中或已完成的智慧社区试点数
    formula_en: pilots of smart communities under way or completed
    document: B
    clause: "2.2.3"
  - kpi_id: governance_pilots
    name_zh: 治理试点完成数
    name_en: Governance pilots completed
    kind: count
    unit: projects
    measure: governance_pilots_completed
    levels: [county, city, province]
    formula_zh: 截至期末累计完成的社区治理试点数
    formula_en: governance pilots completed by the end of the period, cumulative
    document: D1
    clause: —
    note: 目标针对全市 / the target is for the city as a whole
  - kpi_id: pilot_acceptance_rate
    name_zh: 治理试点验收率
    name_en: Governance pilots accepted
    kind: rate
    unit: percent
    measure: governance_pilots_listed
    levels: [community, street, county, city, province]
    formula_zh: 走完自查、县级审核、专家评审、居民测评、命名各阶段并验收的试点 ÷ 试点 × 100
    formula_en: >-
      pilots accepted and named after all stages (self-check, county review, experts, residents, naming) / pilots × 100
    document: D1
    clause: —
    note: 跳过阶段的行不予接受 / a row that skips a stage is refused
- common:
    <<: *programmes
    kind: rate
    unit: percent
    datasets: {civil_programmes: cases}
    document: B
    clause: "2"
  kpis:
  - kpi_id: model_community_share
    name_zh: 示范社区创建成功率
    name_en: Model communities
    measure: model_creations
    levels: [street, county]
    formula_zh: 已命名的示范社区 ÷ 创建示范社区的社区 × 100
    formula_en: communities named as models / communities aiming at that tier × 100
  - kpi_id: featured_community_share
    name_zh: 特色社区占比
    name_en: Featured communities
    measure: featured_creations
    levels: [street, county]
    formula_zh: 已命名的特色社区 ÷ 创建特色社区的社区 × 100
    formula_en: communities named as featured / communities aiming at that tier × 100
  - kpi_id: community_standard_attainment_rate
    name_zh: 社区达标率
    name_en: Communities up to standard
    measure: standard_creations
    formula_zh: 已验收达标的社区 ÷ 创建达标社区的社区 × 100
    formula_en: communities accepted as up to standard / communities aiming at that tier × 100
- common:
    <<: *programmes
    kind: rate
    unit: percent
    datasets: {civil_programmes: cases}
  kpis:
  - kpi_id: first_inspection_pass
    name_zh: 一次性通过验收率
    name_en: Accepted at the first inspection
    measure: creations_inspected
    formula_zh: 一次性通过验收的创建 ÷ 已接受验收的创建 × 100
    formula_en: accreditations accepted at the first inspection / inspected × 100
    document: E
    clause: "4.3"
    note: 社区自身一次通过即为100% / of one community, 100 % is one that passed at once
  - kpi_id: small_livelihood_projects_rate
    name_zh: 民生微实事按期完成率
    name_en: Small livelihood projects finished on time
    measure: livelihood_projects_due
    formula_zh: 按期完成并走完征集、议事、决策、实施、验收各阶段的项目 ÷ 到期的项目 × 100
    formula_en: projects finished on time after all stages (collect, discuss, decide, carry out, accept) / due × 100
    document: D4
    clause: §32
  - kpi_id: task_node_on_time_rate
    name_zh: 任务节点按期率
    name_en: Task nodes done on time
    measure: task_nodes_due
    levels: [community, street, county, city, province]
    formula_zh: 按计划日期完成的任务节点 ÷ 到期的任务节点 × 100
    formula_en: task nodes done by their planned date / due × 100
    document: C
    clause: —
    note: 各文件自定的日期作为任务节点报送 / the documents' own dates are delivered as task nodes
- common:
    <<: *programmes
    kind: rate
    unit: percent
    shortfall_step: 0.01
    datasets: {civil_assessments: cases}
    document: D4
    clause: §11
  kpis:
  - kpi_id: seconded_team_assessment_weight
    name_zh: 社区党委考核比重（社区提升、消防安全队）
    name_en: Community's weight in assessing teams for improvement and fire safety
    measure: team_weights
    formula_zh: 社区考核权重 ÷ 考核总权重 × 100（社区提升、消防安全队，最近年度）
    formula_en: >-
      weight given by the community / total × 100, of the teams for community improvement and fire safety in the latest year
  - kpi_id: seconded_team_assessment_weight_other
    name_zh: 社区党委考核比重（其余六支队伍）
    name_en: Community's weight in assessing the other six teams
    measure: other_team_weights
    formula_zh: 社区考核权重 ÷ 考核总权重 × 100（其余六支队伍，最近年度）
    formula_en: weight given by the community / total × 100, of the other six teams in the latest year
- common:
    <<: *programmes
  kpis:
  - kpi_id: assessment_score
    name_zh: 年度考核综合得分
    name_en: Score of the annual assessment
    kind: ratio
    unit: points
    numerator: assessment_points
    denominator: assessment_weights
    low_denominator: >-
      case when assessment_weights_unbounded = 0 then assessment_weights + assessment_weights_doubtful end
    high_numerator: >-
      case when assessment_weights_unbounded = 0 then assessment_points + 200 * assessment_weights_doubtful end
    high_denominator: assessment_weights + assessment_weights_doubtful
    levels: [street, department]
    datasets: {civil_assessments: cases}
    formula_zh: 各项权重 × 得分之和 ÷ 权重之和（最近年度）
    formula_en: sum of weight × score over the items / sum of weights, in the latest year
    document: D7
    clause: —
    note: >-
      权重以百分之一计；存疑指标的得分可为0至200；名次与奖项见 fct_assessment / weights in hundredths; the score of an item in doubt may be 0 to 200; ranks and awards stand in fct_assessment
    {% endset %}
    {{ return(fromyaml(declarations)) }}
{% endmacro %}
