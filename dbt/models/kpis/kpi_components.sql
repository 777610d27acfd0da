-- Numerator, denominator and their bounds for every unit, period and KPI. A null bound is no bound.
-- A mart is named here once; a KPI over it is one declaration in kpis/.
with judged_units as (
    select * from {{ ref('judged_units') }}
),

periods as (
    select * from {{ source('control', 'periods') }} where is_dirty
),

mart_population as (
    select * from {{ ref('mart_population') }}
),

mart_disputes as (
    select * from {{ ref('mart_disputes') }}
),

mart_facilities as (
    select * from {{ ref('mart_facilities') }}
),
{% for mart, basis in kpi_marts() %}
{{ mart }}_{{ basis }} as (
    {{ measures_by_period(mart, basis) }}
){{ "," if not loop.last }}
{% endfor %}
{% for kpi in kpis() %}
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
    cast({{ kpi.numerator }} as decimal(18, 2)) as numerator,
    cast({{ kpi.denominator }} as decimal(18, 2)) as denominator,
    cast({{ kpi.get('low_numerator', kpi.numerator) }} as decimal(18, 2)) as low_numerator,
    cast({{ kpi.get('low_denominator', kpi.denominator) }} as decimal(18, 2)) as low_denominator,
    cast({{ kpi.get('high_numerator', kpi.numerator) }} as decimal(18, 2)) as high_numerator,
    cast({{ kpi.get('high_denominator', kpi.denominator) }} as decimal(18, 2)) as high_denominator
from {{ kpi.mart }}_{{ kpi.basis }}
{{ "union all" if not loop.last }}
{% endfor %}
