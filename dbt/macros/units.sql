{# Rows summed by where they are, before they are counted in units: one row per place and keys. #}
{% macro sum_by_place(rows, keys, measures) %}
    select
        place_month,
        supplier_id,
        community_code,
        {{ keys | join(', ') }},
        {%- for measure in measures %}
        sum({{ measure }}) as {{ measure }}{{ "," if not loop.last }}
        {%- endfor %}
    from {{ rows }}
    group by place_month, supplier_id, community_code, {{ keys | join(', ') }}
{% endmacro %}

{#
    Places counted for every unit they concern: one row per unit_key and keys, with the sum of each measure.

    `places` comes from sum_by_place. A place with a community in force in place_month counts there and in every unit
    above it. Any other (missing, malformed or unknown code; only doubtful rows can have one) counts once in every
    unit that its supplier covers.
#}
{% macro sum_by_unit(places, keys, measures) %}
    select
        unit_key,
        {{ keys | join(', ') }},
        {%- for measure in measures %}
        sum({{ measure }}) as {{ measure }}{{ "," if not loop.last }}
        {%- endfor %}
    from (
        select paths.unit_key, placed.*
        from {{ places }} as placed
        inner join {{ ref('unit_paths') }} as paths
            on placed.place_month = paths.month and placed.community_code = paths.community_code
        union all
        select reached.unit_key, unplaced.*
        from {{ places }} as unplaced
        left join {{ ref('unit_months') }} as communities
            on unplaced.place_month = communities.month
            and unplaced.community_code = communities.unit_code
            and communities.unit_level = 'community'
        inner join {{ ref('unit_suppliers') }} as covers
            on unplaced.supplier_id = covers.supplier_id
        inner join {{ ref('unit_months') }} as reached
            on covers.unit_code = reached.unit_code and unplaced.place_month = reached.month
        where communities.unit_key is null
    ) as counted
    group by unit_key, {{ keys | join(', ') }}
{% endmacro %}
