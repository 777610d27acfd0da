with declared as (
    {{ kpi_catalogue() }}
),

tolerances as (
    select * from {{ source('control', 'tolerances') }}
)

select
    declared.kpi_id,
    cast(declared.position as integer) as position,
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
    declared.lever,
    declared.levels,
    declared.datasets,
    declared.formula_zh,
    declared.formula_en,
    declared.clause,
    declared.document as source_document,
    declared.note
from declared
left join tolerances on declared.kpi_id = tolerances.kpi_id
