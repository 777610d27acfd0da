{#
    Marts that follow from declared measures (see dbt/measures): rows → what each measure makes of them → sums by place
    → sums by unit. A derived model lists its datasets; each is

        name, rows     the dataset, and the model with its rows
        part           the column that says where in its community a row lies, or none
        key            of events: the column with the event's number
        measures       name, counts (a condition in three values), columns: the columns that the measure becomes

    and a column is the `aggregate` (sum, min, max) of `amount` over the rows `where` a condition holds, as `type`; of
    events known from the day `known_on`. Unless it says otherwise: the sum of 1, a bigint, known at once. A maximum tells whether a place has such a row at all; a sum
    `unless` there is one counts a place once, and only where that maximum does not count it. Conditions may name the
    flags <measure>_counts (an accepted row counts) and <measure>_may_count (a quarantined one may), and of events
    <measure>_is_own and <measure>_is_revised (see rows_compared). A mart that `has_grids` sums the datasets that say in
    which grid a row lies for grids as well, by a pass of their own: an event may move from one grid of a community to
    another.
#}

{# Registers: one row per unit in force, then or today, and month to compute; 0 where nothing was delivered. #}
{% macro register_mart(datasets, place='community_code', has_grids=false) %}
{%- set in_grids = saying_grids(datasets) if has_grids else [] %}
with placed_units as (
    select * from {{ ref('placed_units') }}
),

months as (
    select month from {{ source('control', 'months') }}
    where is_dirty
),
{% for dataset in datasets %}
{{ dataset.name }}_rows as (
    {{ rows_with_flags(dataset, place) }}
),

{{ dataset.name }}_sums as (
    {{ register_sums(dataset.name ~ '_rows', dataset, place) }}
),
{% endfor %}
{%- for dataset in in_grids %}
{{ dataset.name }}_in_grids as (
    {{ by_grid(dataset.name ~ '_rows') }}
),

{{ dataset.name }}_grid_sums as (
    {{ register_sums(dataset.name ~ '_in_grids', dataset, 'grid_place') }}
),
{% endfor %}
{%- set columns = columns_of(datasets) %}
{%- set names = columns | map(attribute='name') | list %}
sums as (
    {%- for dataset in datasets %}
    {{ padded(dataset.name ~ '_sums', [place, 'month'], columns_of([dataset]), columns) }}
    {{ "union all" if not loop.last }}
    {%- endfor %}
),

{%- set least = columns | selectattr('aggregate', 'equalto', 'min') | map(attribute='name') | list %}

places as (
    {{ in_both_bases('sums', ['month'] + names, place) }}
),

places_once as (
    {{ each_place_once('places', columns, place) }}
),

{%- if has_grids %}

grid_sums as (
    {%- for dataset in in_grids %}
    {{ padded(dataset.name ~ '_grid_sums', ['grid_place', 'month'], columns_of([dataset]), columns) }}
    {{ "union all" if not loop.last }}
    {%- endfor %}
),

grids as (
    {{ in_both_bases('grid_sums', ['month'] + names, 'grid_place') }}
),
{%- endif %}

counted as (
    {{ sum_by_unit('places_once', ['month'], names, least, place) }}
    {%- if has_grids %}
    union all
    {{ sum_by_unit('grids', ['month'], names, least, 'grid_place') }}
    {%- endif %}
)

select
    placed_units.unit_key,
    placed_units.month,
    {{ typed(columns) }}
from placed_units
inner join months on placed_units.month = months.month
left join counted
    on placed_units.unit_key = counted.unit_key and placed_units.month = counted.month
{%- if not has_grids %}
where placed_units.unit_level <> 'grid'
{%- endif %}
{% endmacro %}

{# The rows of a register summed by where they are, then and today #}
{% macro register_sums(rows, dataset, place) %}
    select
        place_month, supplier_id, {{ place }}, today_code, place_month as month,
        {{ aggregates(columns_of([dataset])) }}
    from {{ rows }} as rows
    group by place_month, supplier_id, {{ place }}, today_code
{% endmacro %}

{# Events: one row per unit, month that events belong to and month from which on something of them is known. #}
{% macro event_mart(datasets, place='community_code', has_grids=false) %}
{%- set columns = columns_of(datasets) %}
{%- set names = columns | map(attribute='name') | list %}
{%- set in_grids = saying_grids(datasets) if has_grids else [] %}
-- a day is known with the first month whose cut-off is on or after it
with cutoffs as (
    select
        month,
        cutoff_date,
        lag(cutoff_date) over (order by month) as previous_cutoff_date
    from {{ ref('calendar') }}
    where cutoff_date is not null
),
{% for dataset in datasets %}
{{ dataset.name }}_listings as (
    {{ listings_in_question(dataset) }}
),

{{ dataset.name }}_rows as (
    {{ rows_with_flags(dict(dataset, rows=dataset.name ~ '_listings'), place) }}
),
{% endfor %}
{%- for dataset in in_grids %}
{{ dataset.name }}_in_grids as (
    {{ by_grid(dataset.name ~ '_rows') }}
),
{% endfor %}
{{ event_sums('sums', datasets, '_rows', columns, place) }}
{%- if has_grids %}
{{ event_sums('grid_sums', in_grids, '_in_grids', columns, 'grid_place') }}

grids as (
    {{ in_both_bases('grid_sums', ['month', 'known_month'] + names, 'grid_place') }}
),
{%- endif %}

places as (
    {{ in_both_bases('sums', ['month', 'known_month'] + names, place) }}
),

counted as (
    {{ sum_by_unit('places', ['month', 'known_month'], names, place=place) }}
    {%- if has_grids %}
    union all
    {{ sum_by_unit('grids', ['month', 'known_month'], names, place='grid_place') }}
    {%- endif %}
)

select
    unit_key,
    month,
    known_month,
    {{ typed(columns) }}
from counted
{% endmacro %}

{# Datasets whose rows say in which grid they lie #}
{% macro saying_grids(datasets) %}
    {{ return(datasets | selectattr('part', 'equalto', 'grid_code') | list) }}
{% endmacro %}

{# CTEs: events compared in each place, what is known of them from each day on, and all of that under the name `sums`. #}
{% macro event_sums(sums, datasets, rows, columns, place) %}
{%- set parts = [] %}
{%- for dataset in datasets %}
{%- set events = dataset.name ~ '_of_' ~ sums %}
{{ events }} as (
    {{ rows_compared(dataset.name ~ rows, dataset, place) }}
),
{% for day in all_columns_of([dataset]) | map(attribute='known_on') | unique %}
{%- set part = events ~ '_' ~ loop.index %}
{%- set known = all_columns_of([dataset]) | selectattr('known_on', 'equalto', day) | list %}
{%- do parts.append([part, known]) %}
{{ part }} as (
    {{ known_sums(events, day, known, place) }}
),
{% endfor %}
{%- endfor %}
{{ sums }} as (
    {%- for part, known in parts %}
    {{ padded(part, [place, 'month', 'known_month'], known, columns) }}
    {{ "union all" if not loop.last }}
    {%- endfor %}
),
{%- endmacro %}

{# The columns of some datasets, each with all its parts: what is known of an event may change from one day to another #}
{% macro all_columns_of(datasets) %}
    {% set usual = {'type': 'bigint', 'aggregate': 'sum', 'amount': '1', 'known_on': none} %}
    {% set columns = [] %}
    {% for measure in datasets | map(attribute='measures') | sum(start=[]) %}
        {% for column in measure.columns %}
            {% do columns.append(dict(usual, **column)) %}
        {% endfor %}
    {% endfor %}
    {{ return(columns) }}
{% endmacro %}

{# The same, each name once #}
{% macro columns_of(datasets) %}
    {{ return(all_columns_of(datasets) | unique(attribute='name') | list) }}
{% endmacro %}

{# The rows of a dataset with their place of today, and for each measure whether a row counts or may count #}
{% macro rows_with_flags(dataset, place='community_code') %}
    select
        rows.*,
        {{ today_code('rows', dataset.part) }} as today_code
        {%- for measure in dataset.measures %},
        row_state = 'accepted' and coalesce({{ measure.counts }}, false) as {{ measure.name }}_counts,
        row_state = 'quarantined' and coalesce({{ measure.counts }}, true) as {{ measure.name }}_may_count
        {%- endfor %}
    from (
        select *, month as place_month from {{ dataset.rows }}
    ) as rows
    {{ join_today('rows', dataset.part, place) }}
{% endmacro %}

{# Listings of events without quarantined ones before a later accepted one: that counts, whatever they were to say. #}
{% macro listings_in_question(dataset) %}
    select *
    from (
        select
            *,
            max(case when row_state = 'accepted' then month end) over (partition by {{ dataset.key }}) as settled_month
        from {{ dataset.rows }}
    ) as listings
    where row_state <> 'quarantined' or month >= coalesce(settled_month, month)
{% endmacro %}

{#
    Events with what quarantined rows make of them. is_revised: the listing counts, and a quarantined one of the same
    event says something else of it, be it that it counts elsewhere or not at all. is_own: a quarantined row that may
    count where and when no listing of its event does; so does one without a number.
#}
{% macro rows_compared(rows, dataset, place) %}
    select
        *
        {%- for name in dataset.measures | map(attribute='name') %},
        {{ name }}_counts
        and max(case when row_state = 'quarantined' then 1 else 0 end) over event = 1 as {{ name }}_is_revised,
        {{ name }}_may_count and (
            {{ dataset.key }} is null or max(case when {{ name }}_counts then 1 else 0 end) over listing = 0
        ) as {{ name }}_is_own
        {%- endfor %}
    from {{ rows }} as rows
    window
        event as (partition by {{ dataset.key }}),
        listing as (partition by {{ dataset.key }}, {{ place }}, cohort_month)
{% endmacro %}

{#
    What is known from a day on, by place, month that the events belong to and month from which on it is known. A day
    that a quarantined row does not say may be any: that of the event itself.
#}
{% macro known_sums(rows, day, columns, place) %}
    {%- set known_on -%}
        coalesce(cast({{ day }} as date), case when row_state = 'quarantined' then cohort_month end)
    {%- endset %}
    select
        place_month, supplier_id, {{ place }}, today_code, cohort_month as month,
        {{ 'greatest(cutoffs.month, cohort_month)' if day else 'cohort_month' }} as known_month,
        {{ aggregates(columns) }}
    from {{ rows }} as rows
    {%- if day %}
    inner join cutoffs
        on {{ known_on }} <= cutoffs.cutoff_date
        and coalesce({{ known_on }} > cutoffs.previous_cutoff_date, true)
    {%- endif %}
    group by place_month, supplier_id, {{ place }}, today_code, cohort_month{{ ', cutoffs.month' if day }}
{% endmacro %}

{# Places of one or of several suppliers, each once: a row without a place may be in any, each such row in one. #}
{% macro each_place_once(places, columns, place) %}
    {#- a unit of any level need not be one of the county's -#}
    {%- set found = 'known.community_code' if place == 'community_code' else 'places.' ~ place %}
    select
        places.place_month,
        min(places.supplier_id) as supplier_id,
        places.{{ place }},
        places.month
        {%- for column in columns %},
        {%- if column.unless %}
        case
            when max({{ found }}) is null then sum(places.{{ column.name }})
            when max(places.{{ column.unless }}) is null and sum(places.{{ column.name }}) > 0 then 1
        end as {{ column.name }}
        {%- else %}
        {{ column.aggregate }}(places.{{ column.name }}) as {{ column.name }}
        {%- endif %}
        {%- endfor %}
    from {{ places }} as places
    {%- if place == 'community_code' %}
    left join ({{ known_places() }}) as known
        on places.place_month = known.month and places.community_code = known.community_code
    {%- endif %}
    group by
        places.place_month, places.{{ place }}, places.month,
        case when {{ found }} is null then places.supplier_id end
{% endmacro %}

{# One part of a union: the columns that it has, and null for all the others #}
{% macro padded(relation, keys, own, columns) %}
    {%- set names = own | map(attribute='name') | list %}
    select
        place_month, supplier_id, today_code, {{ keys | join(', ') }}
        {%- for column in columns %},
        {{ column.name if column.name in names else 'null as ' ~ column.name }}
        {%- endfor %}
    from {{ relation }}
{% endmacro %}

{% macro aggregates(columns) -%}
    {%- for column in columns %}
        {{ column.aggregate }}(case when {{ column.where }} then {{ column.amount }} end) as {{ column.name }}
        {{- "," if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{# The columns in the types of their contract, 0 where there is nothing #}
{% macro typed(columns) -%}
    {%- for column in columns %}
    cast(coalesce({{ column.name }}, 0) as {{ column.type }}) as {{ column.name }}{{ "," if not loop.last }}
    {%- endfor %}
{%- endmacro %}
