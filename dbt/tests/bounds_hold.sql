-- A rate does not pass its whole; a figure lies between its bounds; a shortfall is positive where a target is missed.
with kpis as (
    select
        fct_kpi.*,
        dim_kpi.kind
    from {{ ref('fct_kpi') }} as fct_kpi
    inner join {{ ref('dim_kpi') }} as dim_kpi on fct_kpi.kpi_id = dim_kpi.kpi_id
    {{ of_dirty('periods') }}
)

select
    unit_key,
    period_type,
    period,
    kpi_id,
    target_id
from kpis
where
    numerator < 0
    or denominator < 0
    or (kind = 'rate' and numerator > denominator)
    or (kind = 'rate' and high_numerator > high_denominator)
    or low_numerator < 0
    -- compared as products: quotients would be rounded; two amounts of money need more than 18 digits
    or cast(low_numerator as decimal(20, 2)) * denominator > cast(numerator as decimal(20, 2)) * low_denominator
    or cast(numerator as decimal(20, 2)) * high_denominator > cast(high_numerator as decimal(20, 2)) * denominator
    or shortfall < 0
    or (shortfall = 0) <> (status = 'met')
    or (status in ('met', 'near', 'missed')) <> (certainty is not null and status <> 'not_applicable')
    or expected_suppliers < reporting_suppliers
