{#
    Rule: people found by the grid, divided by those in the books who live there (registered persons at home, temporary
    residents with a registration), move one way: Mann–Kendall's test over the last six months, two-sided, 5 %, and a
    change over them (Theil–Sen slope of the logarithm) of at least threshold spreads, one spread being what chance
    does to a count of that size, at least `floor`.
#}
{% macro signal_sources_drift() %}
    {%- set rule = signal_rule('sources_drift') %}
    select
        drifts.unit_key,
        drifts.unit_code,
        'community' as unit_level,
        drifts.month,
        'actual_population_link_rate' as kpi_id,
        {{ text_or_null(none) }} as dataset,
        {{ text_or_null(none) }} as supplier_id,
        exp(drifts.log_ratio) as observed,
        exp(drifts.log_ratio - drifts.slope * drifts.span) as expected,
        abs(drifts.slope * drifts.span) / greatest(1 / sqrt(drifts.found), {{ rule.floor }}) as score,
        {{ text_or_null(none) }} as subject
    from (
        select
            latest.unit_key,
            latest.unit_code,
            latest.month,
            latest.found,
            latest.log_ratio,
            max(latest.number - earlier.number) as span,
            count(distinct earlier.month) as months,
            median((later.log_ratio - earlier.log_ratio) / (later.number - earlier.number)) as slope,
            sum(sign(later.log_ratio - earlier.log_ratio)) as s
        from ({{ source_ratios() }}) as latest
        inner join ({{ source_ratios() }}) as later
            on latest.unit_key = later.unit_key and later.number between latest.number - 5 and latest.number
        inner join ({{ source_ratios() }}) as earlier
            on later.unit_key = earlier.unit_key and earlier.number between latest.number - 5 and later.number - 1
        where latest.is_recent
        group by latest.unit_key, latest.unit_code, latest.month, latest.found, latest.log_ratio
    ) as drifts
    where
        drifts.months + 1 >= {{ rule.months }}
        and abs({{ mann_kendall('drifts.s', '(drifts.months + 1)', 0) }}) >= 1.96
{% endmacro %}

{# By community and month, the logarithm of people found / people in the books who live there #}
{% macro source_ratios() %}
    select
        found.unit_key,
        found.unit_code,
        found.month,
        found.is_recent,
        year(found.month) * 12 + month(found.month) as number,
        found.denominator as found,
        ln(found.denominator / (at_home.numerator + temporary.numerator)) as log_ratio
    from figures as found
    inner join figures as at_home
        on found.unit_key = at_home.unit_key
        and found.month = at_home.month
        and at_home.kpi_id = 'registered_address_residence_rate'
    inner join figures as temporary
        on found.unit_key = temporary.unit_key
        and found.month = temporary.month
        and temporary.kpi_id = 'temporary_resident_registration_rate'
    where
        found.kpi_id = 'actual_population_link_rate'
        and found.denominator >= {{ signal_rule('sources_drift').least }}
        and at_home.numerator + temporary.numerator >= {{ signal_rule('sources_drift').least }}
{% endmacro %}
