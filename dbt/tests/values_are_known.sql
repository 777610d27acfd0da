-- Codes have one of their known values.
{{ unknown_values(ref('fct_kpi'), 'status', [
    'too_early', 'no_data', 'not_applicable', 'no_target', 'met', 'near', 'missed',
], dirty='periods') }}
union all
{{ unknown_values(ref('fct_kpi'), 'certainty', ['confirmed', 'undetermined'], nullable=true, dirty='periods') }}
union all
{{ unknown_values(ref('fct_kpi'), 'unit_basis', ['as_was', 'as_now'], dirty='periods') }}
union all
{{ unknown_values(ref('fct_kpi'), 'comparability', ['comparable', 'rebased', 'break'], dirty='periods') }}
union all
{{ unknown_values(ref('dim_lineage'), 'change_kind', [
    'renamed', 'recoded', 'split', 'merged', 'part_moved', 'new', 'closed',
]) }}
union all
{{ unknown_values(ref('fct_flag'), 'movement', [
    'new', 'continuing', 'worsening', 'improving', 'recovered',
], dirty='periods') }}
union all
{{ unknown_values(ref('fct_trend'), 'trend', ['improving', 'worsening', 'none']) }}
union all
{{ unknown_values(ref('fct_trend'), 'reliability', ['reliably_met', 'hit_and_miss', 'reliably_missed']) }}
union all
{{ unknown_values(ref('fct_delivery'), 'delivery_status', ['on_time', 'late', 'missing', 'not_due', 'refused']) }}
union all
{{ unknown_values(ref('fct_quality'), 'severity', ['error', 'warning', 'duplicate']) }}
union all
{{ unknown_values(ref('dim_unit'), 'unit_level', [
    'province', 'city', 'county', 'street', 'community', 'grid', 'department',
]) }}
union all
{{ unknown_values(ref('dim_period'), 'period_type', ['month', 'quarter', 'year', 'ytd']) }}
union all
{{ unknown_values(ref('dim_kpi'), 'kind', ['rate', 'ratio', 'count']) }}
union all
{{ unknown_values(ref('dim_kpi'), 'basis', ['stock', 'flow', 'ytd']) }}
union all
{{ unknown_values(ref('dim_kpi'), 'direction', ['higher', 'lower']) }}
union all
{{ unknown_values(ref('fct_assessment'), 'award', ['excellent', 'advanced', 'innovation', 'none']) }}
union all
{{ unknown_values(ref('fct_assessment'), 'exclusion', ['revoked', 'veto', 'no_score'], nullable=true) }}
