{# From declared KPIs and the measures of marts to figures with bounds. #}

{#
    The figure of a KPI and its bounds as SQL over the columns of its mart. Declared in full, or by a `measure` of the
    mart (see pipelines.dbt_marts for its columns): a rate of what passes, a count, or so many `per` another measure.
    A bound that is not declared is the figure itself; one that is null is open. incomplete: rows may be missing.
#}
{% macro figure_of(kpi) %}
    {% set m = kpi.get('measure') %}
    {% set columns = measures_of(kpi.mart) %}
    {% set figure = {} %}
    {% if m and kpi.kind == 'rate' %}
        {% set is_event = m ~ '_revised_counted' in columns %}
        {% set passed_revised = ' - ' ~ m ~ '_revised_passed' if is_event else '' %}
        {% set open = ' + ' ~ m ~ '_revised - ' ~ m ~ '_revised_counted' if is_event else '' %}
        {% set may_pass = (' + ' ~ m ~ '_revised' if is_event else '') ~ passed_revised ~ ' + ' ~ m ~ '_may_pass' %}
        {% do figure.update({
            'numerator': m ~ '_passed',
            'denominator': m,
            'low_numerator': m ~ '_passed' ~ passed_revised,
            'low_denominator': m ~ open ~ ' + ' ~ m ~ '_may_fail',
            'high_numerator': m ~ '_passed' ~ may_pass,
            'high_denominator': m ~ open ~ ' + ' ~ m ~ '_may_pass',
        }) %}
        {% if m ~ '_unbounded' in columns %}{% do figure.update({'incomplete': m ~ '_unbounded > 0'}) %}{% endif %}
    {% elif m and kpi.kind == 'count' %}
        {% set high = m ~ ' + ' ~ m ~ '_doubtful' %}
        {% do figure.update({
            'numerator': m,
            'denominator': '1',
            'low_numerator': m ~ (' - ' ~ m ~ '_revised' if m ~ '_revised' in columns else ''),
            'high_numerator': bounded(m, high, columns),
        }) %}
    {% elif m %}
        {% set d = kpi.per %}
        {% if m ~ '_revised' in columns or d ~ '_revised' in columns %}
            {% do exceptions.raise_compiler_error('KPI ' ~ kpi.kpi_id ~ ' is a ratio of events, which may be revised') %}
        {% endif %}
        {% do figure.update({
            'numerator': m,
            'denominator': d,
            'low_denominator': bounded(d, d ~ ' + ' ~ d ~ '_doubtful', columns),
            'high_numerator': bounded(m, m ~ ' + ' ~ m ~ '_doubtful', columns),
        }) %}
    {% endif %}
    {% do figure.update(kpi) %}
    {% for name in ['numerator', 'denominator'] %}
        {% for bound in ['low_', 'high_'] if bound ~ name not in figure %}
            {% do figure.update({bound ~ name: figure[name]}) %}
        {% endfor %}
    {% endfor %}
    {{ return(figure) }}
{% endmacro %}

{# Whether chance is told of: a rate of cases, not of square metres, hours or rooms that are present #}
{% macro has_chance(kpi, figure) %}
    {{ return(kpi.get('is_of_cases', kpi.kind == 'rate' and 'measure' in kpi and 'incomplete' not in figure) | lower) }}
{% endmacro %}

{#
    Whether the figure of a whole is the sum of its parts' numerators and denominators: a declared measure is, unless
    it is a minimum; a figure declared in full where it says so.
#}
{% macro is_additive(kpi) %}
    {{ return(kpi.get('is_additive', 'measure' in kpi and kpi.measure ~ '_rows' not in measures_of(kpi.mart)) | lower) }}
{% endmacro %}

{# A bound of a measure's column that is open while a doubtful row has no usable amount #}
{% macro bounded(measure, bound, columns) %}
    {% set unbounded = measure ~ '_unbounded' %}
    {{ return('case when ' ~ unbounded ~ ' = 0 then ' ~ bound ~ ' end' if unbounded in columns else bound) }}
{% endmacro %}

{#
    CTE of this name: numerator, denominator and bounds of some KPIs for some of the judged units (a condition), from
    their mart's measures by period, for the levels of units that they have figures for. All KPIs over the same measures
    are rows of one select: with one each, planning the statement took longer than running it.
#}
{% macro kpi_figures(kpis, units, name='figures') %}
    {%- set relations = {} %}
    {%- for kpi in kpis %}
        {%- do relations.setdefault((kpi.mart, kpi.basis), []).append(dict(kpi, kpi_no=loop.index)) %}
    {%- endfor %}
judged_units as (
    select * from {{ ref('judged_units') }}
    where {{ units }}
),

periods as (
    select distinct
        period_type,
        period,
        start_date,
        last_month
    from judged_units
),
    {% for (mart, basis), own in relations.items() %}
{{ mart }}_{{ basis }} as (
    {{ measures_of_units(mart, basis, own | map(attribute='levels') | sum(start=[]) | unique | sort) }}
),
    {% endfor %}
measured as (
    {%- for (mart, basis), own in relations.items() %}
    {{ stacked(mart ~ '_' ~ basis, [
        'unit_key', 'unit_basis', 'registered_key', 'is_moved_' ~ basis ~ ' as is_moved', 'unit_code', 'unit_level',
        'class', 'city_class', 'coverage_code', 'period_type', 'period', 'end_date', 'is_too_early',
    ], figures_of(own)) }}
    {{ "union all" if not loop.last }}
    {%- endfor %}
),

terms as (
    {{ kpi_terms(kpis) }}
),

{{ name }} as (
    select
        measured.*,
        {%- for name in [
            'kpi_id', 'kind', 'lever', 'scale', 'shortfall_step', 'steps_per_scaled_unit', 'has_chance', 'is_additive'
        ] %}
        terms.{{ name }}{{ "," if not loop.last }}
        {%- endfor %}
    from measured
    inner join terms on measured.kpi_no = terms.kpi_no
    where
        measured.unit_basis = 'unplaced'
        or (array_contains(terms.levels, measured.unit_level) and (measured.unit_basis = 'as_was' or measured.is_moved))
)
{% endmacro %}

{#
    The figures of some KPIs over the same measures, as columns for `stacked`. rows: a measure of rows of which one is
    expected per community and month.
#}
{% macro figures_of(kpis) %}
    {%- set columns = {} %}
    {%- for kpi in kpis %}
        {%- set figure = figure_of(kpi) %}
        {%- set incomplete = figure.get('incomplete', 'false') %}
        {%- set rows = kpi.get('rows') %}
        {%- set cells = {
            'kpi_no': kpi.kpi_no,
            'variant': kpi.get('variant', "'*'"),
            'is_withheld': kpi.get('withheld', 'false'),
            'has_no_rows': rows ~ ' = 0' if rows else 'false',
            'is_incomplete': rows ~ ' < due_' ~ kpi.basis ~ ' or ' ~ incomplete if rows else incomplete,
        } %}
        {%- for name in ['numerator', 'denominator'] %}
            {%- for bound in ['', 'low_', 'high_'] %}
                {%- do cells.update({bound ~ name: 'cast(' ~ figure[bound ~ name] ~ ' as decimal(18, 2))'}) %}
            {%- endfor %}
        {%- endfor %}
        {%- do add_row(columns, cells) %}
    {%- endfor %}
    {{ return(columns) }}
{% endmacro %}

{#
    What does not change of each KPI's figures. steps_per_scaled_unit is what one unit of numerator × scale is in steps
    of the shortfall.
#}
{% macro kpi_terms(kpis) %}
    {%- set columns = {} %}
    {%- for kpi in kpis %}
        {%- do add_row(columns, {
            'kpi_no': loop.index,
            'kpi_id': text_or_null(kpi.kpi_id),
            'kind': text_or_null(kpi.kind),
            'lever': text_or_null(kpi.lever),
            'levels': array_of(kpi.levels),
            'scale': 'cast(' ~ kpi.scale ~ ' as integer)',
            'shortfall_step': 'cast(' ~ kpi.shortfall_step ~ ' as decimal(4, 2))',
            'steps_per_scaled_unit':
                'cast(' ~ '%.4f' % (1 / (kpi.scale * kpi.shortfall_step)) ~ ' as decimal(9, 4))',
            'has_chance': has_chance(kpi, figure_of(kpi)),
            'is_additive': is_additive(kpi),
        }) %}
    {%- endfor %}
    {{ stacked('(select 1) as one', [], columns) }}
{% endmacro %}

{# The measures of a mart: every column of its contract that is no key #}
{% macro measures_of(mart) %}
    {% if not execute %}{{ return([]) }}{% endif %}
    {% set columns = graph.nodes['model.' ~ project_name ~ '.' ~ mart].columns %}
    {{ return(columns | reject('in', ['unit_key', 'month', 'known_month']) | list) }}
{% endmacro %}

{# What a measure's contract says it is: sums stay that narrow, where engines would make them twice as wide #}
{% macro type_of_measure(mart, measure) %}
    {% if not execute %}{{ return('bigint') }}{% endif %}
    {{ return(graph.nodes['model.' ~ project_name ~ '.' ~ mart].columns[measure].data_type) }}
{% endmacro %}

{#
    A mart's measures for every unit and period judged, 0 where the mart has no row.
    stock: of the period's last month. flow: of its months, ytd: from the year's first month on; of events, as known by
    the cut-off of the last one. A mart that is year to date itself says so of the last month. levels: those of units that
    some KPI over them has figures for.
#}
{% macro measures_of_units(mart, basis, levels) %}
    select
        judged_units.*
        {%- for measure in measures_of(mart) %},
        coalesce(measured.{{ measure }}, 0) as {{ measure }}
        {%- endfor %}
    from (
        select * from judged_units
        where unit_basis = 'unplaced' or unit_level in ({{ quoted(levels) }})
    ) as judged_units
    {% if basis == 'stock' or is_year_to_date(mart) -%}
    left join {{ ref(mart) }} as measured
        on judged_units.unit_key = measured.unit_key and judged_units.last_month = measured.month
    {%- else -%}
    left join (
        select
            mart.unit_key,
            periods.period_type,
            periods.period
            {%- for measure in measures_of(mart) %},
            cast(sum(mart.{{ measure }}) as {{ type_of_measure(mart, measure) }}) as {{ measure }}
            {%- endfor %}
        from {{ ref(mart) }} as mart
        inner join periods
            on mart.month <= periods.last_month
            and mart.month >= {{ 'periods.start_date' if basis == 'flow' else "date_trunc('year', periods.last_month)" }}
            {%- if has_known_month(mart) %}
            and mart.known_month <= periods.last_month
            {%- endif %}
        group by mart.unit_key, periods.period_type, periods.period
    ) as measured
        on judged_units.unit_key = measured.unit_key
        and judged_units.period_type = measured.period_type
        and judged_units.period = measured.period
    {%- endif %}
{% endmacro %}

{# Whether a mart is over events, of which more becomes known from month to month #}
{% macro has_known_month(mart) %}
    {% if not execute %}{{ return(false) }}{% endif %}
    {{ return('known_month' in graph.nodes['model.' ~ project_name ~ '.' ~ mart].columns) }}
{% endmacro %}

{# Whether a mart's measures are year to date already, so that those of the last month say it all #}
{% macro is_year_to_date(mart) %}
    {% if not execute %}{{ return(false) }}{% endif %}
    {{ return(graph.nodes['model.' ~ project_name ~ '.' ~ mart].config.meta.get('year_to_date', false)) }}
{% endmacro %}
