{#
    Marts that follow from declared measures (see dbt/measures): rows → what each measure makes of them → sums by place
    → sums by unit → columns. Between sums by place and columns a sum is a row (column_no: the number of its column,
    amount), so that statements stay short however many columns there are. A derived model lists its datasets; each is

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
{%- set columns = columns_of(datasets) %}
{%- set in_grids = saying_grids(datasets) if has_grids else [] %}
{%- set are_places_counted = columns | selectattr('unless', 'defined') | list != [] %}
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
{% endfor %}
{%- for dataset in in_grids %}
{{ dataset.name }}_in_grids as (
    {{ by_grid(dataset.name ~ '_rows') }}
),
{% endfor %}
{{ register_sums('sums', datasets, '_rows', columns, place) }}
{%- if in_grids %}
{{ register_sums('grid_sums', in_grids, '_in_grids', columns, 'grid_place') }}
{%- endif %}

places as (
    {{ in_both_bases('sums', ['month', 'column_no', 'amount'], place) }}
),

{%- if are_places_counted %}

{{ each_place_once('places', columns, place) }}
{%- endif %}

counted as (
    {{ sum_by_unit(
        'places_once' if are_places_counted else 'places', ['month', 'column_no'], ['amount'], least(columns), place
    ) }}
    {%- if in_grids %}
    union all
    {{ sum_by_unit('grid_sums', ['month', 'column_no'], ['amount'], least(columns), 'grid_place') }}
    {%- endif %}
)

select
    placed_units.unit_key,
    placed_units.month,
    {{ as_columns('counted', columns) }}
from placed_units
inner join months on placed_units.month = months.month
left join counted
    on placed_units.unit_key = counted.unit_key and placed_units.month = counted.month
{%- if not has_grids %}
where placed_units.unit_level <> 'grid'
{%- endif %}
group by placed_units.unit_key, placed_units.month
{% endmacro %}

{# CTE `sums`: the rows of registers summed by where they are, then and today #}
{% macro register_sums(sums, datasets, rows, columns, place) %}
{%- set parts = [] %}
{%- for dataset in datasets %}
{%- set part = dataset.name ~ '_of_' ~ sums %}
{%- set own = columns_of([dataset]) %}
{%- do parts.append([part, own]) %}
{{ part }} as (
    select
        place_month, supplier_id, {{ place }}, today_code, place_month as month,
        {{ aggregates(own) }}
    from {{ dataset.name }}{{ rows }} as rows
    group by place_month, supplier_id, {{ place }}, today_code
),
{% endfor %}
{{ as_rows(sums, parts, [place, 'month'], columns) }}
{% endmacro %}

{#
    Events: one row per unit, month that events belong to and month from which on something of them is known; of the
    months whose events are others than at the last build. Every version of these is read, whatever it was delivered for.
#}
{% macro event_mart(datasets, place='community_code', has_grids=false) %}
{%- set columns = columns_of(datasets) %}
{%- set in_grids = saying_grids(datasets) if has_grids else [] %}
{%- set keys = ['month', 'known_month', 'column_no'] %}
with months as (
    select month from {{ source('control', 'months') }}
    where has_other_events
),

-- a day is known with the first month whose cut-off is on or after it
cutoffs as (
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
{%- if in_grids %}
{{ event_sums('grid_sums', in_grids, '_in_grids', columns, 'grid_place') }}
{%- endif %}

places as (
    {{ in_both_bases('sums', keys + ['amount'], place) }}
),

counted as (
    {{ sum_by_unit('places', keys, ['amount'], place=place) }}
    {%- if in_grids %}
    union all
    {{ sum_by_unit('grid_sums', keys, ['amount'], place='grid_place') }}
    {%- endif %}
)

select
    unit_key,
    month,
    known_month,
    {{ as_columns('counted', columns) }}
from counted
group by unit_key, month, known_month
{% endmacro %}

{# Datasets whose rows say in which grid they lie #}
{% macro saying_grids(datasets) %}
    {{ return(datasets | selectattr('part', 'equalto', 'grid_code') | list) }}
{% endmacro %}

{# CTE `sums`: events compared in each place, and what is known of them from each day on #}
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
{{ as_rows(sums, parts, [place, 'month', 'known_month'], columns) }}
{% endmacro %}

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
        place_month, supplier_id, {{ place }}, today_code, months.month,
        {{ 'greatest(cutoffs.month, cohort_month)' if day else 'cohort_month' }} as known_month,
        {{ aggregates(columns) }}
    from {{ rows }} as rows
    inner join months on rows.cohort_month = months.month
    {%- if day %}
    inner join cutoffs
        on {{ known_on }} <= cutoffs.cutoff_date
        and coalesce({{ known_on }} > cutoffs.previous_cutoff_date, true)
    {%- endif %}
    group by place_month, supplier_id, {{ place }}, today_code, months.month, cohort_month{{ ', cutoffs.month' if day }}
{% endmacro %}

{#
    CTE places_once: places of one or of several suppliers, each once: a row without a place may be in any, each such row
    in one. Of a place that is known, a sum `unless` something holds is 1 where that does not.
#}
{% macro each_place_once(places, columns, place) %}
{#- a unit of any level need not be one of the county's -#}
{%- set found = 'known.community_code' if place == 'community_code' else 'places.' ~ place -%}
{%- set most = columns | selectattr('aggregate', 'equalto', 'max') | list -%}
{%- set names = columns | map(attribute='name') | list -%}
sums_once as (
    select
        places.place_month,
        min(places.supplier_id) as supplier_id,
        places.{{ place }},
        places.month,
        places.column_no,
        case
            when places.column_no in ({{ numbers_of(most, columns) | join(', ') }}) then max(places.amount)
            else {{ total('places.amount', least(columns)) }}
        end as amount,
        case
            when max({{ found }}) is null then null
            {%- for column in columns if column.unless %}
            when places.column_no = {{ names.index(column.name) + 1 }} then {{ names.index(column.unless) + 1 }}
            {%- endfor %}
        end as unless_no
    from {{ places }} as places
    {%- if place == 'community_code' %}
    left join ({{ known_places() }}) as known
        on places.place_month = known.month and places.community_code = known.community_code
    {%- endif %}
    group by
        places.place_month, places.{{ place }}, places.month, places.column_no,
        case when {{ found }} is null then places.supplier_id end
),

places_once as (
    select
        sums.place_month,
        sums.supplier_id,
        sums.{{ place }},
        sums.month,
        sums.column_no,
        case when sums.unless_no is null then sums.amount else 1 end as amount
    from sums_once as sums
    left join sums_once as held
        on sums.place_month = held.place_month
        and sums.{{ place }} = held.{{ place }}
        and sums.month = held.month
        and sums.unless_no = held.column_no
    where held.column_no is null and (sums.unless_no is null or sums.amount > 0)
),
{% endmacro %}

{# CTE `sums`: every sum of some relations, each with its own columns, as a row; what there is no row for is no row #}
{% macro as_rows(sums, parts, keys, columns) -%}
{{ sums }} as (
    select *
    from (
        {%- for part, own in parts %}
        {{ stacked(part, ['place_month', 'supplier_id', 'today_code'] + keys, {
            'column_no': numbers_of(own, columns), 'amount': own | map(attribute='name') | list,
        }) }}
        {{ "union all" if not loop.last }}
        {%- endfor %}
    ) as stacked
    where amount is not null
),
{%- endmacro %}

{# Rows of sums as the columns of the mart in the types of its contract, 0 where there is nothing #}
{% macro as_columns(sums, columns) -%}
    {%- for column in columns %}
    cast(
        coalesce(sum(case when {{ sums }}.column_no = {{ loop.index }} then {{ sums }}.amount end), 0) as {{ column.type }}
    ) as {{ column.name }}{{ "," if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{# The numbers of some columns among all those of a mart #}
{% macro numbers_of(some, columns) %}
    {% set names = columns | map(attribute='name') | list %}
    {% set numbers = [] %}
    {% for column in some %}{% do numbers.append(names.index(column.name) + 1) %}{% endfor %}
    {{ return(numbers) }}
{% endmacro %}

{# Which rows of sums count with the least instead of the sum, as a condition; none where there are none #}
{% macro least(columns) %}
    {% set own = columns | selectattr('aggregate', 'equalto', 'min') | list %}
    {{ return('column_no in (' ~ numbers_of(own, columns) | join(', ') ~ ')' if own else none) }}
{% endmacro %}

{% macro aggregates(columns) -%}
    {%- for column in columns %}
        cast({{ column.aggregate }}(case when {{ column.where }} then {{ column.amount }} end) as decimal(18, 2))
        as {{ column.name }}{{ "," if not loop.last }}
    {%- endfor %}
{%- endmacro %}
