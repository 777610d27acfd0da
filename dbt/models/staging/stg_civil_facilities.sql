with delivered as (
    {{ current_rows('civil_facilities') }}
)

select
    *,
    opened_date <= month_end and (closed_date is null or closed_date > month_end) as is_open,
    coalesce(opened_date <= month_end, true) and coalesce(closed_date > month_end, true) as could_be_open,
    {{ could_be('civil_facilities', 'kind', 'comprehensive_service') }} as could_be_comprehensive_service,
    {{ is_in_range('civil_facilities', 'floor_area_m2') }} as is_floor_area_usable
from delivered
