{% macro kpis_organisation() %}
    {% set declarations %}
- common:
    <<: &organisation
      domain: organisation
      basis: stock
      direction: higher
      owner_agency: civil_affairs
      mart: mart_organisation
    kind: count
    unit: people
    datasets: {civil_staff: cases}
    document: D4
    clause: §16
  kpis:
  - kpi_id: legal_advisers
    name_zh: 法律顾问数
    name_en: Legal advisers
    measure: legal_advisers
    formula_zh: 期末在岗的法律顾问人数
    formula_en: legal advisers in post at period end
  - kpi_id: psychological_counsellors
    name_zh: 心理咨询师数
    name_en: Psychological counsellors
    measure: psychological_counsellors
    formula_zh: 期末在岗的心理咨询师人数
    formula_en: psychological counsellors in post at period end
  - kpi_id: drug_social_workers
    name_zh: 禁毒社工数
    name_en: Drug social workers
    measure: drug_social_workers
    formula_zh: 期末在岗的禁毒社工人数
    formula_en: drug social workers in post at period end
  - kpi_id: certified_social_workers
    name_zh: 持证社工数
    name_en: Certified social workers
    measure: certified_social_workers
    formula_zh: 期末在岗且持证的社工人数
    formula_en: social workers in post at period end who hold a certificate
    document: B
    clause: 2.2.1
    note: 只计岗位为社工的人员 / only people whose post is that of a social worker
- common:
    <<: *organisation
    kind: count
    unit: organizations
    datasets: {civil_organizations: cases}
    document: B
    clause: 2.2.1
    note: 不含四个下属委员会 / the four committees are not counted
  kpis:
  - kpi_id: filed_organizations
    name_zh: 备案社会组织数
    name_en: Filed community organizations
    measure: filed_organizations
    formula_zh: 期末已备案且未终止的社区社会组织数
    formula_en: community organizations filed and not ended at period end
  - kpi_id: registered_organizations
    name_zh: 登记社会组织数
    name_en: Registered community organizations
    measure: registered_organizations
    formula_zh: 期末已登记且未终止的社区社会组织数
    formula_en: community organizations registered and not ended at period end
- common:
    <<: *organisation
    kind: count
    unit: organizations
    levels: [community, street, county, city, province]
    datasets: {civil_organizations: cases}
    document: C
    clause: "2.6"
    note: 双千工程，目标针对全省；自一月起累计，孵化后终止的也计入 / the target is for the province as a whole; counted from January on, even if it ended afterwards
  kpis:
  - kpi_id: incubated_functional_organizations
    name_zh: 孵化功能服务型组织数
    name_en: Functional organizations incubated
    measure: incubated_functional
    formula_zh: 期末所在年度内已孵化的功能服务型组织数
    formula_en: functional organizations incubated from January to period end
  - kpi_id: incubated_interest_organizations
    name_zh: 孵化兴趣爱好志愿服务型组织数
    name_en: Interest and volunteer organizations incubated
    measure: incubated_interest
    formula_zh: 期末所在年度内已孵化的兴趣爱好志愿服务型组织数
    formula_en: interest and volunteer organizations incubated from January to period end
- common:
    <<: *organisation
    kind: rate
    unit: percent
    levels: [street, county, city, province]
    lever: both
    datasets: {civil_organizations: cases}
    document: C
    clause: "2.6"
    note: 目标针对全省 / the target is for the province as a whole
  kpis:
  - kpi_id: incubated_functional_adjusted_share
    name_zh: 涉改社区孵化占比（功能服务型）
    name_en: Functional organizations incubated in reformed communities
    measure: incubated_functional_share
    formula_zh: 年初至期末在涉改社区孵化的功能服务型组织 ÷ 同期孵化的功能服务型组织 × 100
    formula_en: functional organizations incubated this year in communities affected by the reform / incubated this year × 100
  - kpi_id: incubated_interest_adjusted_share
    name_zh: 涉改社区孵化占比（兴趣爱好志愿服务型）
    name_en: Interest organizations incubated in reformed communities
    measure: incubated_interest_share
    formula_zh: 年初至期末在涉改社区孵化的兴趣爱好志愿服务型组织 ÷ 同期孵化的兴趣爱好志愿服务型组织 × 100
    formula_en: interest and volunteer organizations incubated this year in communities affected by the reform / incubated this year × 100
- common:
    <<: *organisation
    kind: rate
    unit: percent
  kpis:
  - kpi_id: subcommittee_complete_rate
    name_zh: 下属委员会健全率
    name_en: Committees in place
    numerator: mediation_committees + security_committees + health_committees + environment_committees
    denominator: 4 * communities
    # A community has no more than one of a kind, and a row is no more than one committee, whichever it is.
    high_numerator: >-
      least(
        least(mediation_committees + mediation_committees_doubtful, communities)
        + least(security_committees + security_committees_doubtful, communities)
        + least(health_committees + health_committees_doubtful, communities)
        + least(environment_committees + environment_committees_doubtful, communities),
        mediation_committees + security_committees + health_committees + environment_committees
        + committees_doubtful
      )
    datasets: {civil_organizations: numerator}
    formula_zh: 期末有人民调解、治安保卫、公共卫生、环境和物业委员会的社区数之和 ÷ （4 × 社区数） × 100
    formula_en: committees for mediation, security, health, and environment and property in place at period end / (4 × communities) × 100
    document: C
    clause: "2.7"
    note: 同一社区同类委员会只计一个 / of a kind one committee counts in a community
  - kpi_id: one_shoulder_rate
    name_zh: 书记主任一肩挑率
    name_en: Communities whose secretary is director
    numerator: secretaries_as_directors
    denominator: communities
    high_numerator: least(secretaries_as_directors + secretaries_as_directors_doubtful, communities)
    datasets: {civil_staff: numerator}
    formula_zh: 期末在岗书记兼任主任的社区数 ÷ 社区数 × 100
    formula_en: communities whose secretary in post is director as well at period end / communities × 100
    document: C
    clause: "2.1"
  - kpi_id: seconded_staff_certified_rate
    name_zh: 下沉人员持证上岗率
    name_en: Seconded staff with a certificate
    measure: seconded_staff
    datasets: {civil_staff: cases}
    formula_zh: 期末在岗且持证的下沉人员 ÷ 在岗下沉人员 × 100
    formula_en: seconded staff in post with a certificate at period end / seconded staff in post × 100
    document: D4
    clause: §12
- common:
    <<: *organisation
    document: A
    clause: "2"
  kpis:
  - kpi_id: community_staff
    name_zh: 社区工作人员数
    name_en: Community staff
    kind: count
    unit: people
    measure: community_staff
    datasets: {civil_staff: cases}
    formula_zh: 期末在岗的书记、主任、副职、社工、禁毒社工和其他工作人员人数
    formula_en: secretaries, directors, deputies, social workers and office staff in post at period end
    note: 不含法律顾问、心理咨询师和下沉人员 / without legal advisers, counsellors and seconded staff
  - kpi_id: staff_pay_floor_yuan
    name_zh: 最低月报酬
    name_en: Lowest monthly pay
    kind: count
    unit: yuan
    # The least of several is lowered by what may still come, and raised by nothing: missing staff leave the low end
    # open (role denominator). 0 / 0 where nobody's pay is known.
    numerator: staff_pay
    denominator: case when staff_pay_rows > 0 then 1 else 0 end
    low_numerator: >-
      case
        when staff_pay_unbounded > 0 then 0
        when staff_pay_doubtful_rows = 0 then staff_pay
        when staff_pay_rows = 0 then staff_pay_doubtful
        else least(staff_pay, staff_pay_doubtful)
      end
    low_denominator: case when staff_pay_rows + staff_pay_doubtful_rows + staff_pay_unbounded > 0 then 1 else 0 end
    high_numerator: case when staff_pay_rows > 0 or staff_pay_doubtful_rows + staff_pay_unbounded = 0 then staff_pay end
    high_denominator: case when staff_pay_rows + staff_pay_doubtful_rows + staff_pay_unbounded > 0 then 1 else 0 end
    datasets: {civil_staff: denominator}
    formula_zh: 期末在岗社区工作人员月报酬的最低值
    formula_en: lowest monthly pay of the community's staff in post at period end
    note: 人员范围同社区工作人员数；未填报酬的不计 / of the same people as the number of staff; those without a stated pay are left out
  - kpi_id: annual_funding_yuan
    name_zh: 年度经费
    name_en: Funding of the year
    kind: count
    unit: yuan
    measure: funding_budgeted
    datasets: {civil_funding: cases}
    formula_zh: 期末所在年度的预算经费合计
    formula_en: funding budgeted for the year of the period's end
    note: 省、市、县各级出资合计 / of province, city and county together
  - kpi_id: funding_disbursement_rate
    name_zh: 经费拨付率
    name_en: Funding disbursed
    kind: rate
    unit: percent
    shortfall_step: 0.01
    measure: funding
    datasets: {civil_funding: cases}
    formula_zh: 期末所在年度已拨付经费 ÷ 预算经费 × 100
    formula_en: funding disbursed / budgeted for the year of the period's end × 100
    note: 差额以元计 / the shortfall is in yuan
- common:
    <<: *organisation
  kpis:
  - kpi_id: computers_per_staff
    name_zh: 人均办公电脑
    name_en: Office computers per staff member
    kind: ratio
    unit: per_person
    measure: office_computers
    per: community_staff
    variant: case when smart_pilots > 0 then 'pilot' else 'other' end
    datasets: {civil_equipment: amount, civil_staff: denominator, civil_programmes: amount}
    formula_zh: 期末办公电脑台数 ÷ 在岗社区工作人员人数
    formula_en: office computers / staff of the community in post at period end
    document: B
    clause: 2.2.3
    note: 目标只对承担智慧社区试点的社区；人员范围同社区工作人员数 / the target is for communities that carry out a smart-community pilot; of the same people as the number of staff
  - kpi_id: resident_satisfaction_rate
    name_zh: 居民满意率
    name_en: Residents satisfied
    kind: rate
    unit: percent
    measure: people_surveyed
    datasets: {civil_surveys: cases}
    formula_zh: 年初至期末完成的各轮调查满意人数 ÷ 有效样本数 × 100
    formula_en: people satisfied / people asked in the surveys completed from January to period end × 100
    document: E
    clause: "3.3"
    note: 一年多轮的合并计算 / the waves of a year count together
    {% endset %}
    {{ return(fromyaml(declarations)) }}
{% endmacro %}
