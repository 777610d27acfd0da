-- Facilities with what can be relied on of each row, and the rooms and centres that documents ask for: a facility has
-- one that it lists under a usual name, or that it is by its kind. Three-valued: a list that is not known may hold any.
with facilities as (
    {{ staged('civil_facilities') }}
)

select
    *,
    {{ is_in_force('opened_date', 'closed_date') }} as is_open,
    array_contains(rooms, '一站式服务大厅') or array_contains(rooms, '便民服务大厅')
    or array_contains(rooms, '服务大厅') as has_service_hall,
    array_contains(rooms, '调解室') or array_contains(rooms, '人民调解室')
    or array_contains(rooms, '纠纷调处室') or array_contains(rooms, '纠纷调处') as has_mediation_room,
    array_contains(rooms, '图书室') or array_contains(rooms, '阅览室')
    or array_contains(rooms, '图书阅览室') as has_library,
    array_contains(rooms, '活动室') or array_contains(rooms, '文体活动室')
    or array_contains(rooms, '多功能活动室') as has_activity_room,
    array_contains(rooms, '警务室') or array_contains(rooms, '社区警务室') as has_police_room,
    array_contains(rooms, '会议室') or array_contains(rooms, '多功能会议室') as has_meeting_room,
    array_contains(rooms, '党支部') or array_contains(rooms, '党总支')
    or array_contains(rooms, '党支部办公室') or array_contains(rooms, '党组织办公室') as has_party_office,
    array_contains(rooms, '群众接待') or array_contains(rooms, '群众接待室')
    or array_contains(rooms, '群众接待区') or array_contains(rooms, '一站式服务大厅') as has_reception,
    array_contains(rooms, '心理咨询') or array_contains(rooms, '心理咨询室')
    or array_contains(rooms, '心理咨询区') as has_counselling,
    kind = 'party_service_centre' or array_contains(rooms, '党群服务中心') as has_party_centre,
    kind = 'convenience_service' or array_contains(rooms, '便民服务中心') as has_convenience_centre,
    kind = 'safety_platform' or array_contains(rooms, '综治中心') as has_safety_centre,
    kind = 'elderly_care' or array_contains(rooms, '养老服务中心')
    or array_contains(rooms, '养老服务站') or array_contains(rooms, '居家养老服务站') as has_elderly_care,
    array_contains(rooms, '文体活动中心') or array_contains(rooms, '文化活动中心') as has_culture_centre,
    array_contains(rooms, '卫生服务中心') or array_contains(rooms, '卫生服务站') as has_health_station,
    array_contains(rooms, '志愿服务中心') or array_contains(rooms, '志愿服务站') as has_volunteer_station,
    array_contains(rooms, '未成年人活动中心') or array_contains(rooms, '青少年活动中心') as has_youth_centre,
    array_contains(rooms, '社会工作服务站') or array_contains(rooms, '社工站') as has_social_work_station,
    array_contains(rooms, '宣传栏') as has_notice_board,
    array_contains(rooms, '公开栏') or array_contains(rooms, '居务公开栏') as has_affairs_board,
    array_contains(rooms, '市民学校') or array_contains(rooms, '居民学校') as has_residents_school,
    kind = 'outdoor_fitness' or array_contains(rooms, '室外活动场所') as has_outdoor_place
from facilities
