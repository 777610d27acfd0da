{#
    Rule: the change of a stock of people or households since the month before lies further than threshold spreads both
    from the community's own changes (three to six before it) and from those of the county's other communities in
    the same month; one spread is at least what chance does to a count of that size, or `floor`. A denominator that
    several KPIs share is told of once.
#}
{% macro signal_jump() %}
    {%- set rule = signal_rule('jump') %}
    select
        scored.unit_key,
        scored.unit_code,
        'community' as unit_level,
        scored.month,
        min(scored.kpi_id) as kpi_id,
        {{ text_or_null(none) }} as dataset,
        {{ text_or_null(none) }} as supplier_id,
        scored.denominator as observed,
        scored.previous_denominator as expected,
        max(scored.score) as score,
        {{ text_or_null(none) }} as subject
    from (
        select
            own.*,
            least(
                abs(own.change - own.usual_change) / {{ robust_spread('own.own_deviation', 'own.least_spread') }},
                abs(own.change - peers.usual_change) / {{ robust_spread('peers.deviation', 'own.least_spread') }}
            ) as score
        from ({{ own_changes() }}) as own
        inner join ({{ peer_changes() }}) as peers
            on left(own.unit_code, 6) = peers.county_code and own.kpi_id = peers.kpi_id and own.month = peers.month
        where own.months >= {{ rule.months }} and peers.communities >= {{ rule.peers }}
    ) as scored
    group by scored.unit_key, scored.unit_code, scored.month, scored.denominator, scored.previous_denominator
{% endmacro %}

{# Stocks of people and households, with their change since the month before #}
{% macro stock_changes() %}
    select
        *,
        denominator / previous_denominator - 1 as change,
        greatest(1 / sqrt(previous_denominator), {{ signal_rule('jump').floor }}) as least_spread
    from figures
    where
        basis = 'stock'
        and (domain = 'population' or kpi_id = 'facility_area_per_100_households')
        and previous_denominator >= {{ signal_rule('jump').least }}
{% endmacro %}

{# Every change beside the median of the community's own before it, and the median distance from that #}
{% macro own_changes() %}
    select
        usual.*,
        median(abs(earlier.change - usual.usual_change)) as own_deviation
    from (
        select
            later.unit_key,
            later.unit_code,
            later.month,
            later.kpi_id,
            later.denominator,
            later.previous_denominator,
            later.least_spread,
            later.change,
            count(*) as months,
            median(earlier.change) as usual_change
        from ({{ stock_changes() }}) as later
        inner join ({{ stock_changes() }}) as earlier on {{ is_looked_back_on('later', 'earlier') }}
        where later.is_recent
        group by
            later.unit_key, later.unit_code, later.month, later.kpi_id, later.denominator,
            later.previous_denominator, later.least_spread, later.change
    ) as usual
    inner join ({{ stock_changes() }}) as earlier on {{ is_looked_back_on('usual', 'earlier') }}
    group by all
{% endmacro %}

{# The median change of a county's communities in a month, and the median distance from it #}
{% macro peer_changes() %}
    select
        usual.county_code,
        usual.kpi_id,
        usual.month,
        usual.usual_change,
        count(*) as communities,
        median(abs(own.change - usual.usual_change)) as deviation
    from (
        select
            left(unit_code, 6) as county_code,
            kpi_id,
            month,
            median(change) as usual_change
        from ({{ stock_changes() }}) as changes
        group by left(unit_code, 6), kpi_id, month
    ) as usual
    inner join ({{ stock_changes() }}) as own
        on left(own.unit_code, 6) = usual.county_code and own.kpi_id = usual.kpi_id and own.month = usual.month
    group by usual.county_code, usual.kpi_id, usual.month, usual.usual_change
{% endmacro %}
