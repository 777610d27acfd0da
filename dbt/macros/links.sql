{# Who a row is of. #}

{# Rows, each with the person that it is of: by its number, or without a usable one whom it was linked to, if to anyone #}
{% macro with_person(rows) %}
    select
        delivered.*,
        coalesce(delivered.person_id, links.person_id) as person
    from {{ rows }} as delivered
    left join {{ source('control', 'links') }} as links
        on delivered.batch_id = links.batch_id and delivered.row_number = links.row_number
{% endmacro %}
