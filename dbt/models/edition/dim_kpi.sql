with declared as (
    {% for kpi in kpis() -%}
    select
        '{{ kpi.kpi_id }}' as kpi_id,
        {%- for name in ['name_zh', 'name_en', 'domain', 'kind', 'basis', 'unit', 'direction', 'owner_agency'] %}
        {{ text_or_null(kpi[name]) }} as {{ name }},
        {%- endfor %}
        {{ kpi.scale }} as scale,
        {{ kpi.get('tolerance', 0) }} as tolerance,
        {{ kpi.decimals }} as decimals,
        {{ array_of(kpi.datasets) }} as datasets,
        {%- for name in ['formula_zh', 'formula_en', 'clause', 'note'] %}
        {{ text_or_null(kpi.get(name)) }} as {{ name }},
        {%- endfor %}
        {{ text_or_null(kpi.document) }} as source_document
    {{ "union all" if not loop.last }}
    {% endfor %}
),

tolerances as (
    select * from {{ source('control', 'tolerances') }}
)

select
    declared.kpi_id,
    declared.name_zh,
    declared.name_en,
    declared.domain,
    declared.kind,
    declared.basis,
    declared.unit,
    cast(declared.scale as integer) as scale,
    declared.direction,
    cast(coalesce(tolerances.tolerance, declared.tolerance) as decimal(18, 4)) as tolerance,
    cast(declared.decimals as integer) as decimals,
    declared.owner_agency,
    declared.datasets,
    declared.formula_zh,
    declared.formula_en,
    declared.clause,
    declared.source_document,
    declared.note
from declared
left join tolerances on declared.kpi_id = tolerances.kpi_id
