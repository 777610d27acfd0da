{# Rows summed by where they are, before they are counted in units: one row per place and keys, in both bases. #}
{% macro sum_by_place(rows, keys, measures, part=none) %}
    with sums as (
        select
            rows.place_month,
            rows.supplier_id,
            rows.community_code,
            {{ today_code('rows', part) }} as today_code,
            {{ keys | join(', ') }},
            {%- for measure in measures %}
            sum({{ measure }}) as {{ measure }}{{ "," if not loop.last }}
            {%- endfor %}
        from {{ rows }} as rows
        {{ join_today('rows', part) }}
        group by rows.place_month, rows.supplier_id, rows.community_code, today_code, {{ keys | join(', ') }}
    )
    {{ in_both_bases('sums', keys + measures) }}
{% endmacro %}

{# What by_grid gives, summed by place: one row per place and keys. A grid is what it was then. #}
{% macro sum_by_grid(rows, keys, measures) %}
    select
        place_month,
        supplier_id,
        grid_place,
        {{ keys | join(', ') }},
        {%- for measure in measures %}
        sum({{ measure }}) as {{ measure }}{{ "," if not loop.last }}
        {%- endfor %}
    from {{ rows }}
    group by place_month, supplier_id, grid_place, {{ keys | join(', ') }}
{% endmacro %}

{# What the departments in force in a month are called: by name, and by code #}
{% macro department_names() %}
    select
        calendar.month,
        names.department,
        min(names.unit_code) as unit_code
    from {{ ref('calendar') }} as calendar
    inner join (
        select unit_code as department, unit_code, unit_level, valid_from, valid_to from {{ source('control', 'units') }}
        union
        select unit_name as department, unit_code, unit_level, valid_from, valid_to from {{ source('control', 'units') }}
    ) as names
        on names.unit_level = 'department'
        and calendar.month_end >= names.valid_from
        and (names.valid_to is null or calendar.month_end < names.valid_to)
    group by calendar.month, names.department
{% endmacro %}

{#
    Every place that rows may name by this column: communities in force and places of today, or (unit_code) any unit, or
    (grid_place) communities and grids in force.
#}
{% macro known_places(place='community_code') %}
    {%- if place == 'grid_place' %}
    select month, unit_code as grid_place from {{ ref('unit_months') }}
    where unit_level in ('community', 'grid')
    {%- else %}
    select distinct month, {{ 'place_code as unit_code' if place == 'unit_code' else 'community_code' }}
    from {{ ref('place_paths' if place == 'unit_code' else 'unit_paths') }}
    {%- endif %}
{%- endmacro %}

{# From a place, as this column names it, to every unit it counts in: month, the column, unit_key #}
{% macro paths_from(place) -%}
    {%- if place == 'grid_place' -%} ({{ grid_paths() }})
    {%- elif place == 'unit_code' -%} (select month, place_code as unit_code, unit_key from {{ ref('place_paths') }})
    {%- else -%} {{ ref('unit_paths') }}
    {%- endif -%}
{%- endmacro %}

{# From a grid to itself; and from a community to each of its grids, for what may lie in any of them #}
{% macro grid_paths() %}
    select month, unit_code as grid_place, unit_key from {{ ref('unit_months') }}
    where unit_level = 'grid'
    union all
    select month, left(unit_code, 12) as grid_place, unit_key from {{ ref('unit_months') }}
    where unit_level = 'grid'
{%- endmacro %}

{#
    Rows that count, or may count, in grids, with grid_place: the grid, or the community where the row does not say which
    of its grids. One that names what is no grid of its community (a specialised one, or one that no register has) counts
    in none.
#}
{% macro by_grid(rows, is_doubtful="row_state = 'quarantined'") %}
    select
        rows.*,
        coalesce(grids.unit_code, rows.community_code) as grid_place
    from {{ rows }} as rows
    left join {{ ref('unit_months') }} as grids
        on rows.place_month = grids.month
        and rows.grid_code = grids.unit_code
        and rows.community_code = left(grids.unit_code, 12)
        and grids.unit_level = 'grid'
    left join {{ ref('unit_months') }} as communities
        on rows.place_month = communities.month
        and rows.community_code = communities.unit_code
        and communities.unit_level = 'community'
    where grids.unit_code is not null
        or (rows.{{ is_doubtful }} and (rows.grid_code is null or communities.unit_code is null))
{%- endmacro %}

{#
    Places counted for every unit they concern: one row per unit_key and keys, with the sum of each measure, or the
    least of it in rows where the condition `least` over the keys holds. `place` is the column that names a place: a
    community's code, that of a unit of any level (unit_code), or, for figures of grids, what by_grid makes of a row
    (grid_place).

    `places` comes from sum_by_place. A unit in force in place_month counts there and in every unit above it; a place of
    today in the extents of today (see placed_units). One of another county counts in the city and province that both
    share, if these are units; so does the county's own city or province where it is none itself. A department that
    nobody named counts in none. Any other code (missing, malformed, unknown inside the county or outside the supplier's
    area; only doubtful rows can have one) counts once in every unit that its supplier covers.
#}
{% macro sum_by_unit(places, keys, measures, least=none, place='community_code') %}
    select
        unit_key,
        {{ keys | join(', ') }},
        {%- for measure in measures %}
        {{ total(measure, least) }} as {{ measure }}{{ "," if not loop.last }}
        {%- endfor %}
    from (
        select paths.unit_key, {{ columns_from('placed', keys + measures) }}
        from {{ places }} as placed
        inner join {{ paths_from(place) }} as paths
            on placed.place_month = paths.month and placed.{{ place }} = paths.{{ place }}
        {%- if place != 'grid_place' %}
        union all
        select above.unit_key, {{ columns_from('elsewhere', keys + measures) }}
        from {{ places }} as elsewhere
        {{ named_place('elsewhere', place) }}
        inner join {{ ref('unit_months') }} as above
            on elsewhere.place_month = above.month
            and above.unit_level in ('city', 'province')
            and left(elsewhere.{{ place }}, length(above.unit_code)) = above.unit_code
        where named.{{ place }} is null and {{ is_elsewhere('elsewhere', place) }}
        {%- endif %}
        union all
        select reached.unit_key, {{ columns_from('unplaced', keys + measures) }}
        from (
            {{ unplaced_sums(places, keys, measures, least) }}
            {{ named_place('places', place) }}
            where named.{{ place }} is null and not {{ is_elsewhere('places', place) }}
            group by places.place_month, places.supplier_id, places.{{ keys | join(', places.') }}
        ) as unplaced
        {{ all_of_supplier('unplaced', place) }}
    ) as counted
    group by unit_key, {{ keys | join(', ') }}
{% endmacro %}

{% macro columns_from(relation, columns) -%}
    {{ relation }}.{{ columns | join(', ' ~ relation ~ '.') }}
{%- endmacro %}

{# The sum of a measure in a group of rows, or the least of it where `least`, a condition over the group, holds #}
{% macro total(measure, least=none) -%}
    {%- if least -%} case when {{ least }} then min({{ measure }}) else sum({{ measure }}) end
    {%- else -%} sum({{ measure }})
    {%- endif -%}
{%- endmacro %}

{#
    What stands nowhere matters by its supplier only. Summed before it meets the units: the engine would otherwise join
    all places with all units of their suppliers first.
#}
{% macro unplaced_sums(places, keys, measures, least=none) -%}
    select
                places.place_month,
                places.supplier_id,
                {% for key in keys %}places.{{ key }}, {% endfor %}
                {%- for measure in measures %}
                {{ total('places.' ~ measure, least) }} as {{ measure }}{{ "," if not loop.last }}
                {%- endfor %}
            from {{ places }} as places
{%- endmacro %}

{# Every unit that a supplier covers, and every extent of today that draws on one; or (grid_place) every grid #}
{% macro all_of_supplier(rows, place='community_code') -%}
    inner join {{ ref('unit_suppliers') }} as covers
            on {{ rows }}.supplier_id = covers.supplier_id
        inner join {{ ref('placed_units') }} as reached
            on covers.unit_code = reached.place_code
            and {{ rows }}.place_month = reached.month
            and reached.unit_level {{ '=' if place == 'grid_place' else '<>' }} 'grid'
{%- endmacro %}

{# The place that a row names, if any; and the county #}
{% macro named_place(rows, place) -%}
    left join ({{ known_places(place) }}) as named
            on {{ rows }}.place_month = named.month and {{ rows }}.{{ place }} = named.{{ place }}
        cross join {{ source('control', 'county') }} as county
{%- endmacro %}

{# A unit that is known, though not in the register: of another county in the supplier's area, above it, or no area #}
{% macro is_elsewhere(rows, place) -%}
    coalesce(
            {%- if place == 'unit_code' %}
            left({{ rows }}.unit_code, 1) = 'D'
            or left(county.county_code, length({{ rows }}.unit_code)) = {{ rows }}.unit_code
            or {% endif -%}
            left({{ rows }}.{{ place }}, 6) <> county.county_code and exists (
                select 1 from {{ source('control', 'suppliers') }} as suppliers
                where suppliers.supplier_id = {{ rows }}.supplier_id
                    and left({{ rows }}.{{ place }}, length(suppliers.covered_code)) = suppliers.covered_code
            ),
            false
        )
{%- endmacro %}

{#
    Units with the same suppliers are named after one of them: unit_code (of a unit, or the key of an extent of today)
    and coverage_code.
#}
{% macro coverage_codes() %}
    select
        unit_code,
        min(unit_code) over (partition by suppliers) as coverage_code
    from (
        select
            unit_code,
            {{ listed('supplier_id') }} as suppliers
        from {{ ref('unit_suppliers') }}
        group by unit_code
    ) as supplier_sets
{% endmacro %}

{#
    1 where people counted in a grid (of placed_units) are so few that no figure of them is shown: fewer than ten. So is the next larger
    grid of the community while those smaller have fewer than ten together, since these could be told from the
    community's own figure otherwise.
#}
{% macro is_small_group(people) -%}
    cast(case
            when placed_units.unit_level <> 'grid' or coalesce({{ people }}, 0) = 0 then 0
            when {{ people }} < 10 then 1
            when coalesce(sum({{ people }}) over (
                partition by placed_units.month, placed_units.unit_level, left(placed_units.unit_code, 12)
                order by {{ people }}, placed_units.unit_key
                rows between unbounded preceding and 1 preceding
            ), 0) between 1 and 9 then 1
            else 0
        end as bigint)
{%- endmacro %}

{# Every unit that people count in, one row per row and unit: then, in the places of today, and in grids (see by_grid) #}
{% macro units_of_people(people, in_grids) %}
    select rows.month, rows.person_id, rows.is_tied, paths.unit_key
    from {{ people }} as rows
    inner join {{ ref('unit_paths') }} as paths
        on rows.month = paths.month and rows.community_code = paths.community_code
    union all
    select rows.month, rows.person_id, rows.is_tied, paths.unit_key
    from {{ people }} as rows
    {{ join_today('rows', 'grid_code') }}
    inner join {{ ref('unit_paths') }} as paths
        on rows.month = paths.month and {{ today_code('rows', 'grid_code') }} = paths.community_code
    union all
    select rows.month, rows.person_id, rows.is_tied, paths.unit_key
    from {{ in_grids }} as rows
    inner join {{ paths_from('grid_place') }} as paths
        on rows.month = paths.month and rows.grid_place = paths.grid_place
{%- endmacro %}
