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

{# [mart, basis] of every KPI, each pair once #}
{% macro kpi_marts() %}
    {% set pairs = [] %}
    {% for kpi in kpis() if [kpi.mart, kpi.basis] not in pairs %}
        {% do pairs.append([kpi.mart, kpi.basis]) %}
    {% endfor %}
    {{ return(pairs) }}
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
{% macro measures_by_period(mart, basis) %}
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
