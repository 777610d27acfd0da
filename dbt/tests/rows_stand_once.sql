-- Every table has one row per key.
{{ repeated_keys(ref('dim_unit'), ['unit_key', 'valid_from']) }}
union all
{{ repeated_keys(ref('dim_period'), ['period_type', 'period']) }}
union all
{{ repeated_keys(ref('dim_kpi'), ['kpi_id']) }}
union all
{{ repeated_keys(ref('dim_target'), ['target_id']) }}
union all
{{ repeated_keys(ref('fct_delivery'), ['supplier_id', 'dataset', 'period']) }}
union all
{{ repeated_keys(ref('fct_assessment'), ['unit_code', 'year']) }}
union all
{{ repeated_keys(ref('fct_estimate'), ['unit_key', 'month'], dirty='months') }}
union all
{{ repeated_keys(ref('fct_quality'), ['supplier_id', 'dataset', 'period', 'rule_id']) }}
union all
{{ repeated_keys(ref('fct_trend'), ['unit_key', 'period_type', 'kpi_id', 'target_id']) }}
union all
{{ repeated_keys(ref('dim_lineage'), ['change_date', 'unit_level', 'from_unit_key', 'to_unit_key', 'change_kind']) }}
union all
{{ repeated_keys(ref('fct_unplaced'), ['dataset', 'month', 'unit_key']) }}
union all
{{ repeated_keys(ref('placed_units'), ['unit_key', 'month']) }}
union all
{{ repeated_keys(ref('unit_months'), ['unit_key', 'month']) }}
union all
{{ repeated_keys(ref('unit_months'), ['unit_code', 'month']) }}
union all
{{ repeated_keys(ref('mart_population'), ['unit_key', 'month'], dirty='months') }}
union all
{{ repeated_keys(ref('mart_facilities'), ['unit_key', 'month'], dirty='months') }}
union all
{{ repeated_keys(ref('mart_disputes'), ['unit_key', 'month', 'known_month']) }}
union all
{{ repeated_keys(
    ref('fct_kpi'), ['unit_key', 'period_type', 'period', 'unit_basis', 'kpi_id', 'target_id'], dirty='periods'
) }}
union all
{{ repeated_keys(ref('fct_flag'), ['unit_key', 'period_type', 'period', 'kpi_id', 'target_id'], dirty='periods') }}
