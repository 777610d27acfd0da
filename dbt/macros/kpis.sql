{# KPI declarations, and what derives from them. #}

{# Every declaration, in the order of the catalogue; a key that is missing or not known is an error. #}
{% macro kpis() %}
    {% set declared = kpis_population() + kpis_disputes() + kpis_facilities() %}
    {% set required = [
        'kpi_id', 'name_zh', 'name_en', 'domain', 'kind', 'basis', 'unit', 'scale', 'direction', 'decimals',
        'shortfall_step', 'owner_agency', 'mart', 'numerator', 'denominator', 'datasets', 'formula_zh',
        'formula_en', 'document', 'clause',
    ] %}
    {% set optional = [
        'low_numerator', 'low_denominator', 'high_numerator', 'high_denominator', 'tolerance', 'note',
    ] %}
    {% for kpi in declared %}
        {% for key in required if key not in kpi %}
            {% do exceptions.raise_compiler_error('KPI ' ~ kpi.get('kpi_id') ~ ' lacks ' ~ key) %}
        {% endfor %}
        {% for key in kpi if key not in required + optional %}
            {% do exceptions.raise_compiler_error('KPI ' ~ kpi.kpi_id ~ ' has an unknown key ' ~ key) %}
        {% endfor %}
    {% endfor %}
    {{ return(declared) }}
{% endmacro %}

{# The catalogue: one row per KPI #}
{% macro kpi_catalogue() %}
    {%- for kpi in kpis() %}
    select
        {%- for name in [
            'kpi_id', 'name_zh', 'name_en', 'domain', 'kind', 'basis', 'unit', 'direction', 'owner_agency',
            'formula_zh', 'formula_en', 'clause', 'note', 'document',
        ] %}
        {{ text_or_null(kpi.get(name)) }} as {{ name }},
        {%- endfor %}
        {{ kpi.scale }} as scale,
        {{ kpi.get('tolerance', 0) }} as tolerance,
        {{ kpi.decimals }} as decimals,
        {{ array_of(kpi.datasets) }} as datasets
    {{ "union all" if not loop.last }}
    {%- endfor %}
{% endmacro %}

{# What each KPI needs: one row per dataset, with the part it plays (cases, numerator, amount, denominator) #}
{% macro kpi_needs() %}
    {%- for kpi in kpis() %}{% set is_last_kpi = loop.last %}
    {%- for dataset, role in kpi.datasets.items() %}
    select '{{ kpi.kpi_id }}' as kpi_id, '{{ kpi.basis }}' as basis, '{{ dataset }}' as dataset, '{{ role }}' as role
    {{ "union all" if not (loop.last and is_last_kpi) }}
    {%- endfor %}
    {%- endfor %}
{% endmacro %}

{#
    Numerator, denominator and bounds: for each KPI one select from its mart's measures by period. A bound that is not
    declared is the figure itself; one that is null is open. steps_per_scaled_unit is what one unit of
    numerator × scale is in steps of the shortfall.
#}
{% macro kpi_figures() %}
    {%- for kpi in kpis() %}
    select
        unit_key,
        unit_code,
        unit_level,
        class,
        coverage_code,
        period_type,
        period,
        end_date,
        is_too_early,
        '{{ kpi.kpi_id }}' as kpi_id,
        '{{ kpi.kind }}' as kind,
        cast({{ kpi.scale }} as integer) as scale,
        cast({{ kpi.shortfall_step }} as decimal(4, 2)) as shortfall_step,
        cast({{ '%.4f' % (1 / (kpi.scale * kpi.shortfall_step)) }} as decimal(9, 4)) as steps_per_scaled_unit,
        {%- for name in ['numerator', 'denominator'] %}
        cast({{ kpi[name] }} as decimal(18, 2)) as {{ name }},
        cast({{ kpi.get('low_' ~ name, kpi[name]) }} as decimal(18, 2)) as low_{{ name }},
        cast({{ kpi.get('high_' ~ name, kpi[name]) }} as decimal(18, 2)) as high_{{ name }}{{ "," if not loop.last }}
        {%- endfor %}
    from {{ kpi.mart }}_{{ kpi.basis }}
    {{ "union all" if not loop.last }}
    {%- endfor %}
{% endmacro %}

{# CTEs <mart>_<basis>, one for each pair that some KPI is declared over #}
{% macro measures_by_period() %}
    {%- set pairs = [] %}
    {%- for kpi in kpis() if [kpi.mart, kpi.basis] not in pairs %}
        {%- do pairs.append([kpi.mart, kpi.basis]) %}
    {%- endfor %}
    {%- for mart, basis in pairs %}
{{ mart }}_{{ basis }} as (
    {{ measures_of_units(mart, basis) }}
){{ "," if not loop.last }}
    {%- endfor %}
{% endmacro %}

{# The measures of a mart: every column of its contract that is no key #}
{% macro measures_of(mart) %}
    {% if not execute %}{{ return([]) }}{% endif %}
    {% set columns = graph.nodes['model.' ~ project_name ~ '.' ~ mart].columns %}
    {{ return(columns | reject('in', ['unit_key', 'month', 'known_month']) | list) }}
{% endmacro %}

{#
    A mart's measures for every unit and period judged, 0 where the mart has no row.
    stock: of the period's last month. flow: of its months, as known by the cut-off of the last one.
#}
{% macro measures_of_units(mart, basis) %}
    select
        judged_units.*
        {%- for measure in measures_of(mart) %},
        coalesce(measured.{{ measure }}, 0) as {{ measure }}
        {%- endfor %}
    from judged_units
    {% if basis == 'stock' -%}
    left join {{ mart }} as measured
        on judged_units.unit_key = measured.unit_key and judged_units.last_month = measured.month
    {%- else -%}
    left join (
        select
            {{ mart }}.unit_key,
            periods.period_type,
            periods.period
            {%- for measure in measures_of(mart) %},
            sum({{ mart }}.{{ measure }}) as {{ measure }}
            {%- endfor %}
        from {{ mart }}
        inner join periods
            on {{ mart }}.month between periods.start_date and periods.last_month
            and {{ mart }}.known_month <= periods.last_month
        group by {{ mart }}.unit_key, periods.period_type, periods.period
    ) as measured
        on judged_units.unit_key = measured.unit_key
        and judged_units.period_type = measured.period_type
        and judged_units.period = measured.period
    {%- endif %}
{% endmacro %}
