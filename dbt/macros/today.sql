{#
    Any figure as it was and as it is now: rows of months before a change, placed in today's units (see
    pipelines.units.today), and what cannot be placed there.
#}

{#
    Where rows lie in today's units (see pipelines.units.today): today_code is null where nothing moved. `part` is the
    column, grid_code or household_no, that says where in its community a row lies; without it only the community does.
#}
{% macro join_today(rows, part=none, place='community_code') -%}
    left join {{ source('control', 'placements') }} as whole
        on {{ rows }}.place_month = whole.placed_month
        and {{ rows }}.{{ place }} = whole.placed_code
        and whole.placed_part is null
    {%- if part %}
    left join {{ source('control', 'placements') }} as listed
        on {{ rows }}.place_month = listed.placed_month
        and {{ rows }}.{{ place }} = listed.placed_code
        and {{ rows }}.{{ part }} = listed.placed_part
    {%- endif %}
{%- endmacro %}

{% macro today_code(rows, part=none) -%}
    {%- if part -%}
    {%- set others = {'grid_code': 'place_today_of_other_grids', 'household_no': 'place_today_of_other_households'} -%}
    case
            when {{ rows }}.{{ part }} is null then whole.place_today
            else coalesce(listed.place_today, whole.{{ others[part] }})
        end
    {%- else -%}
    whole.place_today
    {%- endif -%}
{%- endmacro %}

{# Sums by place and today_code as sums by place: where the rows were then, and, but for grids, where they lie today #}
{% macro in_both_bases(sums, columns, place='community_code') %}
    select place_month, supplier_id, {{ place }}, {{ columns | join(', ') }}
    from {{ sums }}
    {%- if place != 'grid_place' %}
    union all
    select place_month, supplier_id, today_code as {{ place }}, {{ columns | join(', ') }}
    from {{ sums }}
    where today_code is not null
    {%- endif %}
{% endmacro %}

{#
    What cannot be placed in one of today's units may belong to any that the remainder is in doubt for: the sums of the
    figures of remainders, one row per extent, period and KPI, where there is anything in them.
#}
{% macro remainders_of(figures) %}
    select
        doubts.extent_key,
        figures.period_type,
        figures.period,
        figures.kpi_id,
        {%- for name in ['low_numerator', 'low_denominator', 'high_numerator'] %}
        case when count({{ name }}) = count(*) then sum({{ name }}) end as {{ name }},
        {%- endfor %}
        max(case when figures.is_incomplete then 1 else 0 end) = 1 as is_incomplete
    from {{ figures }} as figures
    inner join {{ source('control', 'doubtful_extents') }} as doubts on figures.unit_key = doubts.remainder_key
    where
        figures.is_incomplete
        or coalesce(figures.numerator + figures.low_numerator + figures.high_numerator <> 0, true)
        or (
            figures.kind <> 'count'
            and coalesce(figures.denominator + figures.low_denominator + figures.high_denominator <> 0, true)
        )
    group by doubts.extent_key, figures.period_type, figures.period, figures.kpi_id
{% endmacro %}

{# The same columns where nothing is in doubt #}
{% macro no_remainders() %}
    select
        cast(null as {{ dbt.type_string() }}) as extent_key,
        cast(null as {{ dbt.type_string() }}) as period_type,
        cast(null as date) as period,
        cast(null as {{ dbt.type_string() }}) as kpi_id,
        {%- for name in ['low_numerator', 'low_denominator', 'high_numerator'] %}
        cast(null as decimal(38, 2)) as {{ name }},
        {%- endfor %}
        cast(null as boolean) as is_incomplete
    where 1 = 0
{% endmacro %}

{#
    Figures with bounds that hold wherever the remainders belong: all that passes in them may count above, all that
    fails below. Where figures do not add up, nothing holds them. is_unplaced: something may belong here or elsewhere.
#}
{% macro widened(figures) %}
    select
        {%- for name in [
            'unit_key', 'unit_basis', 'registered_key', 'is_moved', 'unit_code', 'unit_level', 'class', 'city_class',
            'coverage_code', 'period_type', 'period', 'end_date', 'is_too_early', 'kpi_id', 'kind', 'lever', 'variant',
            'scale', 'shortfall_step', 'steps_per_scaled_unit', 'numerator', 'denominator', 'low_numerator',
            'has_chance', 'has_no_rows', 'is_withheld',
        ] %}
        figures.{{ name }},
        {%- endfor %}
        cast(case
            when remainders.kpi_id is null or (figures.kind = 'count' and figures.is_additive)
                then figures.low_denominator
            when not figures.is_additive then null
            when figures.kind = 'rate'
                then figures.low_denominator + remainders.low_denominator - remainders.low_numerator
            else figures.low_denominator + remainders.low_denominator
        end as decimal(18, 2)) as low_denominator,
        cast(case
            when remainders.kpi_id is null or (figures.kind = 'rate' and not figures.is_additive)
                then figures.high_numerator
            when figures.is_additive then figures.high_numerator + remainders.high_numerator
        end as decimal(18, 2)) as high_numerator,
        cast(case
            when remainders.kpi_id is not null and figures.kind = 'rate' and figures.is_additive
                then figures.high_denominator + remainders.high_numerator
            else figures.high_denominator
        end as decimal(18, 2)) as high_denominator,
        figures.is_incomplete
        or coalesce(remainders.is_incomplete or (remainders.kpi_id is not null and not figures.is_additive), false)
        as is_incomplete,
        remainders.kpi_id is not null as is_unplaced
    from {{ figures }} as figures
    left join {{ ref('kpi_remainders') }} as remainders
        on figures.unit_key = remainders.extent_key
        and figures.period_type = remainders.period_type
        and figures.period = remainders.period
        and figures.kpi_id = remainders.kpi_id
{% endmacro %}

{# Extents that are not today's in a month that a period counts: of its last one, its own, or those since January #}
{% macro moved_extents() %}
    select
        extents.extent_key,
        periods.period_type,
        periods.period,
        max(case when extents.month = periods.last_month then 1 else 0 end) = 1 as is_moved_stock,
        max(case when extents.month >= periods.start_date then 1 else 0 end) = 1 as is_moved_flow
    from {{ source('control', 'extents') }} as extents
    inner join periods on extents.month between date_trunc('year', periods.last_month) and periods.last_month
    where extents.is_moved
    group by extents.extent_key, periods.period_type, periods.period
{% endmacro %}

{# Whether a figure can be held against later ones: of the same extent, placed anew, or neither #}
{% macro comparability() -%}
    case
        when unit_basis = 'as_was' then case when is_moved then 'break' else 'comparable' end
        when is_unplaced then 'break'
        else 'rebased'
    end
{%- endmacro %}

{# Whether anything cannot be placed; asked for when a model is compiled, so that it does no work where nothing is #}
{% macro is_anything_in_doubt() %}
    {% set doubts %}select 1 from {{ source('control', 'doubtful_extents') }} limit 1{% endset %}
    {{ return(execute and run_query(doubts).rows | length > 0) }}
{% endmacro %}

{# Rows of the months to compute that cannot be placed, by dataset and unit then #}
{% macro unplaced_rows() %}
    {% set datasets = [] %}
    {% if is_anything_in_doubt() %}
        {% do datasets.extend(graph.sources.values() | selectattr('source_name', 'equalto', 'lake')) %}
    {% endif %}
    {%- for dataset in datasets %}
    {%- for place in ['community_code', 'unit_code'] if place in dataset.columns %}
    {%- set part = ['grid_code', 'household_no'] | select('in', dataset.columns) | first | default(none) %}
    select
        '{{ dataset.name }}' as dataset,
        rows.place_month as month,
        rows.{{ place }} as unit_code,
        sum(case when rows.row_state = 'accepted' then 1 else 0 end) as rows_accepted,
        sum(case when rows.row_state = 'quarantined' then 1 else 0 end) as rows_quarantined
    from (
        select *, month as place_month from ({{ current_rows(dataset.name) }}) as delivered
    ) as rows
    {{ join_today('rows', part, place) }}
    where {{ today_code('rows', part) }} like 'remainder:%' and rows.row_state <> 'duplicate'
    group by rows.place_month, rows.{{ place }}
    union all
    {%- endfor %}
    {%- endfor %}
    select
        cast(null as varchar) as dataset,
        cast(null as date) as month,
        cast(null as varchar) as unit_code,
        0 as rows_accepted,
        0 as rows_quarantined
    where 1 = 0
{% endmacro %}

{# How many communities a unit had in a month, and of how many of then the rows lie in an extent of today #}
{% macro communities_of_then() %}
    select month, unit_key, count(*) as communities
    from {{ ref('place_paths') }}
    where
        place_level = 'community'
        and unit_key not in (select extent_key from {{ source('control', 'today_places') }})
    group by month, unit_key
    union all
    select places.month, places.extent_key as unit_key, count(*) as communities
    from {{ source('control', 'placements') }} as whole
    inner join {{ source('control', 'today_places') }} as places
        on whole.placed_month = places.month and whole.place_today = places.place_code
    inner join {{ ref('unit_months') }} as units
        on whole.placed_month = units.month and whole.placed_code = units.unit_code
    where whole.placed_part is null and units.unit_level = 'community'
    group by places.month, places.extent_key
{% endmacro %}
