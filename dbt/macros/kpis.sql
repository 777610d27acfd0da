{# KPI declarations, and what derives from them. #}

{# The documents that KPIs come from, by the id that targets and counties know them by as packs #}
{% macro documents() %}
    {{ return({
        'A': '县城社区建设规划（2023） / county-town community plan (2023)',
        'B': '人文社区·温馨家园意见（2015） / opinions on humane communities and warm homes (2015)',
        'C': '四川省城乡治理规划（2021，征求意见稿） / Sichuan urban-rural governance plan (2021 draft for comment)',
        'D1': '昆明社区治理试点方案 / Kunming community pilots',
        'D2': '社区文化建设方案 / community culture plan',
        'D3': '社区平安建设方案 / community safety plan',
        'D4': "街道治理方案（宝安） / street governance plan (Bao'an)",
        'D5': '社区文体活动方案 / community culture and sports plan',
        'D6': '美丽乡村建设方案 / beautiful village plan',
        'D7': '年度社会建设考核办法 / annual social-development assessment',
        'E': '宜兴和谐社区建设方案（2012） / Yixing harmonious-community plan (2012)',
    }) }}
{% endmacro %}

{#
    What a unit of the value implies, unless a KPI says otherwise: value = numerator × scale / denominator, the decimals
    shown, and the step of the numerator in which a shortfall is told (0.01: of an amount, not of things counted).
#}
{% macro units_of_measure() %}
    {% set things = {'scale': 1, 'decimals': 0, 'shortfall_step': 1} %}
    {% set amounts = {'scale': 1, 'decimals': 2, 'shortfall_step': 0.01} %}
    {{ return({
        'cases': things,
        'channels': things,
        'communities': things,
        'organizations': things,
        'people': things,
        'projects': things,
        'rooms': things,
        'sets': things,
        'stations': things,
        'toilets': things,
        'm2': amounts,
        'points': amounts,
        'yuan': amounts,
        'percent': {'scale': 100, 'decimals': 1, 'shortfall_step': 1},
        'm2_per_100_households': {'scale': 100, 'decimals': 2, 'shortfall_step': 0.01},
        'per_person': {'scale': 1, 'decimals': 2, 'shortfall_step': 1},
        'cleaners_per_group': {'scale': 1, 'decimals': 1, 'shortfall_step': 1},
    }) }}
{% endmacro %}

{#
    Every KPI in full, in the order of the catalogue. A file declares groups: `kpis`, and what these have in `common`.
    A declaration that is not understood is an error with the file or the KPI.
#}
{% macro kpis() %}
    {% set files = {
        'population': kpis_population(),
        'disputes': kpis_disputes(),
        'safety': kpis_safety(),
        'events': kpis_events(),
        'facilities': kpis_facilities(),
        'buildings': kpis_buildings(),
        'organisation': kpis_organisation(),
        'activities': kpis_activities(),
        'programmes': kpis_programmes(),
        'villages': kpis_villages(),
    } %}
    {% set kpis = [] %}
    {% for file, groups in files.items() %}
        {% for group in groups or [{}] %}
            {% if group | sort != ['common', 'kpis'] %}
                {% do exceptions.raise_compiler_error(
                    'kpis/' ~ file ~ '.sql: expected a list of groups in YAML, each with common and kpis, found '
                    ~ (group | join(', ') or 'none')
                ) %}
            {% endif %}
            {% for declaration in group.kpis %}
                {% do kpis.append(kpi_in_full(group.common, declaration)) %}
            {% endfor %}
        {% endfor %}
    {% endfor %}
    {{ return(kpis) }}
{% endmacro %}

{#
    A KPI with all its keys: what it says itself goes before what its group has in common, and that before what follows
    from its unit. Keys and names that are missing or not known are an error.
#}
{% macro kpi_in_full(common, declaration) %}
    {% set declared = dict(common, **declaration) %}
    {% set known = {'unit': units_of_measure(), 'document': documents()} %}
    {% set required = [
        'kpi_id', 'name_zh', 'name_en', 'domain', 'kind', 'basis', 'unit', 'direction', 'owner_agency', 'mart',
        'datasets', 'formula_zh', 'formula_en', 'document', 'clause',
    ] %}
    {% do required.extend(['denominator'] if 'numerator' in declared else ['measure']) %}
    {% do required.extend(['per'] if 'measure' in declared and declared.kind == 'ratio' else []) %}
    {% set optional = [
        'measure', 'per', 'numerator', 'denominator', 'low_numerator', 'low_denominator', 'high_numerator',
        'high_denominator', 'incomplete', 'is_of_cases', 'is_additive', 'rows', 'levels', 'lever', 'variant',
        'scale', 'decimals', 'shortfall_step', 'tolerance', 'note', 'withheld',
    ] %}
    {% set wrong = [] %}
    {% for key in required if key not in declared %}
        {% do wrong.append('lacks ' ~ key) %}
    {% endfor %}
    {% for key in declared if key not in required and key not in optional %}
        {% do wrong.append('has an unknown key ' ~ key) %}
    {% endfor %}
    {% for key, values in known.items() if key in declared and declared[key] not in values %}
        {% do wrong.append('has an unknown ' ~ key ~ ' ' ~ declared[key]) %}
    {% endfor %}
    {% if 'measure' in declared and 'numerator' in declared %}
        {% do wrong.append('has both a measure and a numerator') %}
    {% endif %}
    {% if wrong %}
        {% do exceptions.raise_compiler_error('KPI ' ~ declared.get('kpi_id') ~ ' ' ~ wrong | join('; ')) %}
    {% endif %}
    {{ return(dict(
        dict({'levels': ['community', 'street', 'county'], 'lever': 'numerator'}, **known.unit[declared.unit]),
        **dict(declared, document=known.document[declared.document])
    )) }}
{% endmacro %}

{# The catalogue: one row per KPI #}
{% macro kpi_catalogue() %}
    {%- set texts = [
        'kpi_id', 'name_zh', 'name_en', 'domain', 'kind', 'basis', 'unit', 'direction', 'owner_agency',
        'formula_zh', 'formula_en', 'clause', 'note', 'document', 'lever',
    ] %}
    {%- set columns = {} %}
    {%- for kpi in kpis() %}
        {%- set cells = {} %}
        {%- for name in texts %}{% do cells.update({name: text_or_null(kpi.get(name))}) %}{% endfor %}
        {%- do cells.update({
            'position': loop.index,
            'scale': kpi.scale,
            'tolerance': kpi.get('tolerance', 0),
            'decimals': kpi.decimals,
            'levels': array_of(kpi.levels),
            'datasets': array_of(kpi.datasets),
        }) %}
        {%- do add_row(columns, cells) %}
    {%- endfor %}
    {{ stacked('(select 1) as one', [], columns) }}
{% endmacro %}

{# What each KPI needs: one row per dataset, with the part it plays (cases, numerator, amount, denominator) #}
{% macro kpi_needs() %}
    {%- set columns = {} %}
    {%- for kpi in kpis() %}
        {%- for dataset, role in kpi.datasets.items() %}
            {%- do add_row(columns, {
                'kpi_id': text_or_null(kpi.kpi_id),
                'basis': text_or_null(kpi.basis),
                'dataset': text_or_null(dataset),
                'role': text_or_null(role),
            }) %}
        {%- endfor %}
    {%- endfor %}
    {{ stacked('(select 1) as one', [], columns) }}
{% endmacro %}

{#
    Slots that a KPI of a period rests on, by dataset and supplier, over the CTE `needs` (kpi_needs): how many were expected, how many arrived.
    stock: the period's last month; flow: every evaluated month of the period; ytd: every one from January on.
#}
{% macro kpi_slots() %}
    select
        periods.period_type,
        periods.period,
        needs.kpi_id,
        needs.dataset,
        needs.role,
        expected.supplier_id,
        count(*) as expected_slots,
        count(arrived.supplier_id) as arrived_slots
    from needs
    inner join {{ source('control', 'expected') }} as expected on needs.dataset = expected.dataset
    inner join {{ source('control', 'periods') }} as periods
        on periods.is_dirty
        and expected.period <= periods.last_month
        and expected.period >= case needs.basis
            when 'stock' then periods.last_month
            when 'ytd' then cast(date_trunc('year', periods.last_month) as date)
            else periods.start_date
        end
    left join (
        select distinct dataset, supplier_id, period from {{ source('control', 'current_batches') }}
    ) as arrived
        on expected.dataset = arrived.dataset
        and expected.supplier_id = arrived.supplier_id
        and expected.period = arrived.period
    group by
        periods.period_type, periods.period, needs.kpi_id, needs.dataset, needs.role, expected.supplier_id
{% endmacro %}
