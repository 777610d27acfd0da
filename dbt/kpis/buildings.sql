{% macro kpis_buildings() %}
    {# Lists that documents ask for, as measures of the mart: communities with each; the last two are the county's #}
    {% set specialised = [
        'with_police_grid', 'with_safety_grid', 'with_traffic_grid', 'with_environment_water_grid', 'with_market_grid',
        'with_cleaning_grid',
    ] %}
    {% set one_hall_five_rooms = [
        'with_service_hall', 'with_mediation_room', 'with_library', 'with_activity_room', 'with_police_room',
        'with_meeting_room',
    ] %}
    {% set eight_centres = [
        'with_party_centre', 'with_convenience_centre', 'with_safety_centre', 'with_elderly_care',
        'with_culture_centre', 'with_health_station', 'with_volunteer_station', 'with_youth_centre',
    ] %}
    {% set one_office_three_rooms_three_stations = [
        'with_party_office', 'with_police_room', 'with_mediation_room', 'with_library', 'with_health_station',
        'with_elderly_care', 'with_volunteer_station',
    ] %}
    {% set six_rooms_four_stations = [
        'with_party_office', 'with_police_room', 'with_mediation_room', 'with_library', 'with_activity_room',
        'with_meeting_room', 'with_health_station', 'with_elderly_care', 'with_volunteer_station',
        'with_social_work_station', 'with_notice_board', 'with_affairs_board', 'with_residents_school',
        'with_outdoor_place',
    ] %}
    {% set declarations %}
- common:
    domain: safety
    basis: stock
    direction: higher
    owner_agency: civil_affairs
    mart: mart_buildings
  kpis:
  - kpi_id: safety_platform_area_m2
    name_zh: 综治平台面积
    name_en: Floor area of the safety platform
    kind: count
    unit: m2
    measure: safety_platform_m2
    datasets: {civil_facilities: amount}
    formula_zh: 期末在用综治平台建筑面积
    formula_en: floor area of open safety platforms at period end
    document: D4
    clause: §16
    note: 街道、县为各社区之和，目标只对社区 / streets and the county have the sum of their communities; the target is for communities
  - kpi_id: safety_platform_zones_rate
    name_zh: 综治平台功能区配置率
    name_en: Zones of the safety platform
    kind: rate
    unit: percent
    measure: safety_platform_zones
    datasets: {civil_facilities: cases}
    formula_zh: 综治平台已有功能区（群众接待、纠纷调处、心理咨询）÷（在用综治平台 × 3）× 100
    formula_en: zones present (reception, mediation, counselling) / (open safety platforms × 3) × 100
    document: D4
    clause: §16
    note: 一站式服务大厅算群众接待，调解室算纠纷调处；没有综治平台的单位不适用 / a service hall is a reception, a mediation room is for mediation; not applicable where there is no platform
  - kpi_id: residential_area_trio_rate
    name_zh: 小区组长、治安协管员、卫生保洁员配备率
    name_en: Areas with group leader, security aide and cleaner
    kind: rate
    unit: percent
    measure: residential_areas
    datasets: {civil_residential_areas: cases}
    formula_zh: 三员齐备的小区 ÷ 小区 × 100
    formula_en: areas with all three / areas × 100
    document: A
    clause: "2"
    note: 小区含村民小组 / villager groups are areas too
- common:
    domain: safety
    kind: rate
    basis: stock
    unit: percent
    direction: higher
    owner_agency: grid_management
    mart: mart_buildings
    document: D4
  kpis:
  - kpi_id: building_head_rate
    levels: [grid, community, street, county]
    name_zh: 楼栋长配备率
    name_en: Building heads in post
    measure: building_heads_due
    datasets: {grid_grids: cases}
    formula_zh: 综合网格实配楼栋长（不超过应配数）÷ 应配楼栋长 × 100
    formula_en: building heads in post in general grids, at most those needed / needed × 100
    clause: §23
    note: 出租屋、厂区专职，商品房小区兼职；一个网格多配的不补另一个网格所缺 / full-time in rental and industrial buildings, part-time in commodity housing; too many in one grid do not make up for too few in another
  - kpi_id: specialised_grid_coverage
    name_zh: 专业网格覆盖率
    name_en: Specialised grids in place
    numerator: "{{ found_in(specialised) }}"
    denominator: communities * 6
    high_numerator: "{{ perhaps_in(specialised) }}"
    datasets: {grid_grids: numerator}
    formula_zh: 各社区已设专业网格类型数（警、安、交、环水、市监、洁）之和 ÷（社区数 × 6）× 100
    formula_en: kinds of specialised grids present in each community (police, safety, traffic, environment and water, market, cleaning), summed / (communities × 6) × 100
    clause: §13
- common:
    domain: facilities
    basis: stock
    direction: higher
    owner_agency: civil_affairs
    mart: mart_buildings
  kpis:
  - kpi_id: service_building_area_m2
    name_zh: 社区用房面积
    name_en: Floor area of service buildings
    kind: count
    unit: m2
    measure: service_building_m2
    variant: >-
      case when service_building_new_m2 * 2 > service_building_m2 then 'new_built' else 'other' end
    datasets: {civil_facilities: amount}
    formula_zh: 期末在用综合服务设施建筑面积
    formula_en: floor area of open comprehensive-service facilities at period end
    document: B
    clause: 2.1.2
    note: 新建面积过半的按新建判，其余按改建、购置、租赁等判；街道、县为各社区之和，目标只对社区 / judged as new-built where more than half of the area is, otherwise as rebuilt, bought or leased; streets and the county have the sum of their communities, the targets are for communities
  - kpi_id: elderly_care_area_per_100_households
    name_zh: 每百户养老服务设施面积
    name_en: Elderly-care area per 100 households of new areas
    kind: ratio
    unit: m2_per_100_households
    measure: elderly_care_m2
    per: new_area_households
    datasets: {civil_facilities: amount, civil_residential_areas: denominator}
    formula_zh: 期末在用养老服务设施建筑面积 × 100 ÷ 新建小区户数
    formula_en: floor area of open elderly-care facilities × 100 / households of new areas
    document: B
    clause: 2.1.2
    note: 新建小区指已验收的商品房小区 / new areas are those of commodity housing that were accepted
  - kpi_id: rooms_complete_rate
    name_zh: 一厅五室配置率
    name_en: One hall and five rooms present
    kind: rate
    unit: percent
    numerator: "{{ found_in(one_hall_five_rooms) }}"
    denominator: communities * 6
    high_numerator: "{{ perhaps_in(one_hall_five_rooms) }}"
    datasets: {civil_facilities: numerator}
    formula_zh: 各社区已有的一厅五室数之和 ÷（社区数 × 6）× 100
    formula_en: rooms present of one hall and five, summed over communities / (communities × 6) × 100
    document: B
    clause: 2.1.3
    note: 一站式服务大厅；调解室、图书室、活动室、警务室、会议室 / service hall; rooms for mediation, reading, activities, police and meetings
  - kpi_id: rooms_complete_rate_centres
    name_zh: 八个中心配置率
    name_en: Eight centres present
    kind: rate
    unit: percent
    numerator: "{{ found_in(eight_centres) }}"
    denominator: communities * 8
    high_numerator: "{{ perhaps_in(eight_centres) }}"
    datasets: {civil_facilities: numerator}
    formula_zh: 各社区已有的中心数之和 ÷（社区数 × 8）× 100
    formula_en: centres present of eight, summed over communities / (communities × 8) × 100
    document: B
    clause: 2.1.3
    note: 党群服务、便民服务、综治、养老服务、文体活动、卫生服务、志愿服务、未成年人活动；单设的同类设施也算 / party service, convenience service, safety, elderly care, culture and sports, health, volunteers, youth; a facility of that kind counts as well
  - kpi_id: rooms_complete_rate_a
    name_zh: 一部三室三站配置率
    name_en: One office, three rooms and three stations present
    kind: rate
    unit: percent
    numerator: "{{ found_in(one_office_three_rooms_three_stations) }}"
    denominator: communities * 7
    high_numerator: "{{ perhaps_in(one_office_three_rooms_three_stations) }}"
    datasets: {civil_facilities: numerator}
    formula_zh: 各社区已有的一部三室三站数之和 ÷（社区数 × 7）× 100
    formula_en: present of one office, three rooms and three stations, summed over communities / (communities × 7) × 100
    document: A
    clause: —
    note: 名单由县定，默认为党支部；警务室、调解室、图书室；卫生、养老、志愿服务站 / the list is the county's; by default a party office; rooms for police, mediation and reading; stations for health, elderly care and volunteers
  - kpi_id: rooms_complete_rate_e
    name_zh: 六室四站两栏一校一场所配置率
    name_en: Six rooms, four stations, two boards, a school and a place present
    kind: rate
    unit: percent
    numerator: "{{ found_in(six_rooms_four_stations) }}"
    denominator: communities * 14
    high_numerator: "{{ perhaps_in(six_rooms_four_stations) }}"
    datasets: {civil_facilities: numerator}
    formula_zh: 各社区已有的六室四站两栏一校一场所数之和 ÷（社区数 × 14）× 100
    formula_en: present of six rooms, four stations, two boards, one school and one place, summed over communities / (communities × 14) × 100
    document: E
    clause: "3.2"
    note: 名单由县定，默认为党支部、警务室、调解室、图书室、活动室、会议室；卫生、养老、志愿服务站与社工站；宣传栏、公开栏；市民学校；室外活动场所 / the list is the county's; by default a party office, rooms for police, mediation, reading, activities and meetings; stations for health, elderly care, volunteers and social work; boards for notices and public affairs; a residents' school; an outdoor place
  - kpi_id: centre_renovation_rate
    name_zh: 党群服务中心亲民化改造率
    name_en: Centres renovated
    kind: rate
    unit: percent
    measure: party_service_centres
    datasets: {civil_facilities: cases}
    formula_zh: 已亲民化改造的党群服务中心 ÷ 在用党群服务中心 × 100
    formula_en: party service centres renovated / open ones × 100
    document: C
    clause: "1, 2.4"
    note: 三分之一以 33.3333 % 判定，中心不足一百万个时与三分之一无异 / one third is judged as 33.3333 %, which for fewer than a million centres decides and counts as one third does
  - kpi_id: new_area_facility_provision_rate
    name_zh: 新建小区配建率
    name_en: New areas with a community facility
    kind: rate
    unit: percent
    measure: new_areas
    datasets: {civil_residential_areas: cases}
    formula_zh: 已配建并移交社区用房的新建小区 ÷ 新建小区 × 100
    formula_en: new areas with the facility built and handed over / new areas × 100
    document: A
    clause: "1.2"
    note: 新建小区指已验收的商品房小区 / new areas are those of commodity housing that were accepted
  - kpi_id: outdoor_area_m2
    name_zh: 室外健身活动面积
    name_en: Outdoor area for fitness
    kind: count
    unit: m2
    measure: outdoor_m2
    datasets: {civil_facilities: amount}
    formula_zh: 期末在用室外健身场地的室外面积
    formula_en: outdoor area of open outdoor-fitness facilities at period end
    document: A
    clause: "1.2"
  - kpi_id: county_service_centre_area_m2
    name_zh: 县级服务中心面积
    name_en: Floor area of the county's service centre
    kind: count
    unit: m2
    measure: county_service_centre_m2
    levels: [county]
    datasets: {civil_facilities: amount}
    formula_zh: 期末在用县级服务中心建筑面积
    formula_en: floor area of the county's open service centres at period end
    document: A
    clause: "1.2"
  - kpi_id: library_book_sets
    name_zh: 图书套数
    name_en: Sets of books
    kind: count
    unit: sets
    measure: book_sets
    datasets: {civil_equipment: amount}
    formula_zh: 期末图书套数
    formula_en: sets of books at period end
    document: A
    clause: "1.2"
  - kpi_id: outdoor_fitness_sets
    name_zh: 室外健身器材套数
    name_en: Sets of outdoor fitness gear
    kind: count
    unit: sets
    measure: fitness_sets
    datasets: {civil_equipment: amount}
    formula_zh: 期末室外健身器材套数
    formula_en: sets of outdoor fitness gear at period end
    document: A
    clause: "1.2"
  - kpi_id: property_management_rate
    name_zh: 物业管理服务覆盖率
    name_en: Areas with property management
    kind: rate
    unit: percent
    measure: housing_areas
    datasets: {civil_residential_areas: cases}
    formula_zh: 有物业管理的小区 ÷ 小区 × 100
    formula_en: areas managed by a property company / areas × 100
    document: C
    clause: "2.8"
    note: 不含村民小组 / villager groups are left out
  - kpi_id: property_quarterly_rating_rate
    name_zh: 物业服务每季评比率
    name_en: Areas whose property company was rated in the quarter
    kind: rate
    unit: percent
    measure: commodity_areas
    datasets: {civil_residential_areas: cases}
    formula_zh: 近三个月（含当月）内评定过的商品房小区 ÷ 商品房小区 × 100
    formula_en: areas of commodity housing rated in the period's last three months / such areas × 100
    document: D4
    clause: §22
    note: 季末即为本季；季中月份看前两月与当月 / at the end of a quarter that is the quarter; months before it look back over two months
- common:
    domain: organisation
    basis: stock
    direction: higher
    owner_agency: civil_affairs
    mart: mart_buildings
  kpis:
  - kpi_id: village_group_cleaners
    name_zh: 村组保洁员
    name_en: Cleaners per villager group
    kind: ratio
    unit: cleaners_per_group
    measure: group_cleaners
    per: villager_groups
    datasets: {civil_residential_areas: cases}
    formula_zh: 期末村组保洁员数 ÷ 村民小组数
    formula_en: cleaners of villager groups / villager groups, at period end
    document: D6
    clause: "1.2"
    {% endset %}
    {{ return(fromyaml(declarations)) }}
{% endmacro %}

{# How many of these things communities have for certain, each once in a community; and how many they may have #}
{% macro found_in(places) %}{{ return(places | join(' + ')) }}{% endmacro %}

{% macro perhaps_in(places) %}
    {% set most = [] %}
    {% for place in places %}
        {% do most.append('least(' ~ place ~ ' + ' ~ place ~ '_doubtful, communities)') %}
    {% endfor %}
    {{ return(most | join(' + ')) }}
{% endmacro %}
