-- Built anew each time, over a bounded window: signals of the last months; those of earlier ones stand in the editions
-- of their time. Nothing is computed from them. Thresholds are in macros/signals.sql, the rules in macros/signals/.
{{ config(pre_hook='{{ choose_signal_rows() }}') }}

with figures as (
    select * from {{ ref('signal_figures') }}
),

communities as (
    select * from {{ ref('unit_months') }}
    where unit_level = 'community'
),

counties as (
    select * from {{ ref('unit_months') }}
    where unit_level = 'county'
),

listings as (
    {{ signal_listings() }}
),

{{ signal_ctes() }},

signals as (
    {{ all_signals() }}
)

select
    signals.signal,
    signals.unit_key,
    signals.unit_code,
    signals.unit_level,
    'month' as period_type,
    signals.period,
    signals.kpi_id,
    signals.dataset,
    signals.supplier_id,
    signals.observed,
    signals.expected,
    signals.score,
    signals.threshold,
    {{ signal_explanation('zh') }} as explanation_zh,
    {{ signal_explanation('en') }} as explanation_en
from signals
left join {{ ref('dim_kpi') }} as kpis on signals.kpi_id = kpis.kpi_id
where
    signals.score >= signals.threshold
    and signals.period > (
        select {{ months_before('max(months.month)', signal_months()) }}
        from {{ source('control', 'months') }} as months
    )
