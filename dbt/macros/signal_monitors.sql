{#
    The monitors of integrity, one macro signal_<name>() each with its statistical rule; thresholds, windows and words
    are in signals.sql.
#}

{# --- 1. denominators that fall ------------------------------------------------------------------------------- #}

{#
    Rule: the denominator of a rate lies further below the median of the months before it (three to six of them) than
    threshold spreads, while the numerator keeps at least half of that pace: cases that fail were left out. The spread
    of a figure of a period's events is at least that of a count (its root), of a stock `floor` of it, or one. Rows in
    doubt are taken as if they counted, and nothing is said while a delivery is missing.
    Or: a delivery that corrected an earlier one of the same month leaves out rows of a community, counted alike.
#}
{% macro signal_denominator_drop() %}
    {%- set rule = signal_rule('denominator_drop') %}
    select
        figures.unit_key,
        figures.unit_code,
        'community' as unit_level,
        figures.month,
        figures.kpi_id,
        {{ text_or_null(none) }} as dataset,
        {{ text_or_null(none) }} as supplier_id,
        figures.denominator as observed,
        figures.usual_denominator as expected,
        (figures.usual_denominator - figures.most_denominator) / {{ robust_spread(
            'figures.deviation',
            "case when figures.basis = 'flow' then sqrt(figures.usual_denominator)"
            ~ " else greatest(" ~ rule.floor ~ " * figures.usual_denominator, 1) end"
        ) }} as score,
        {{ text_or_null(none) }} as subject
    from figures
    where
        figures.is_recent
        and figures.kind = 'rate'
        and figures.months_before >= {{ rule.months }}
        and figures.usual_denominator >= {{ rule.least }}
        and (figures.usual_numerator - figures.numerator) * figures.usual_denominator
        <= 0.5 * (figures.usual_denominator - figures.most_denominator) * figures.usual_numerator
    union all
    select
        communities.unit_key,
        communities.unit_code,
        communities.unit_level,
        communities.month,
        {{ text_or_null(none) }} as kpi_id,
        versions.dataset,
        versions.supplier_id,
        versions.rows_now as observed,
        versions.rows_first as expected,
        (versions.rows_first - versions.rows_now) / greatest({{ rule.floor }} * versions.rows_first, 1) as score,
        {{ text_of('versions.days_before_cutoff') }} as subject
    from ({{ corrected_rows() }}) as versions
    inner join communities
        on versions.period = communities.month and versions.community_code = communities.unit_code
{% endmacro %}

{# Slots of the last months of which the current file is not the first one that was taken #}
{% macro corrected_slots() %}
    select
        deliveries.supplier_id,
        deliveries.dataset,
        deliveries.period,
        min_by(deliveries.batch_id, deliveries.delivery_number) as first_batch_id,
        max(case when deliveries.is_current then deliveries.batch_id end) as current_batch_id,
        max(case when deliveries.is_current then deliveries.received_date end) as corrected_date
    from {{ source('control', 'deliveries') }} as deliveries
    where
        deliveries.outcome in ('accepted', 'reinstated')
        and deliveries.batch_id is not null
        and deliveries.period > (
            select {{ months_before('max(month)', signal_months()) }} from {{ source('control', 'months') }}
        )
    group by deliveries.supplier_id, deliveries.dataset, deliveries.period
    having
        min_by(deliveries.batch_id, deliveries.delivery_number)
        <> max(case when deliveries.is_current then deliveries.batch_id end)
{% endmacro %}

{# Rows of each community in the first and in the current file of a corrected slot, for what rates are counted over #}
{% macro corrected_rows() %}
    {%- set datasets = [
        'civil_residential_areas', 'grid_disputes', 'grid_events', 'grid_grids', 'grid_residents',
        'household_households',
    ] %}
    select
        slots.supplier_id,
        slots.dataset,
        slots.period,
        counted.community_code,
        sum(case when counted.batch_id = slots.first_batch_id then counted.row_count else 0 end) as rows_first,
        sum(case when counted.batch_id = slots.current_batch_id then counted.row_count else 0 end) as rows_now,
        {{ dbt.datediff('max(slots.corrected_date)', 'max(months.cutoff_date)', 'day') }} as days_before_cutoff
    from ({{ corrected_slots() }}) as slots
    inner join {{ source('control', 'months') }} as months on slots.period = months.month
    inner join (
        {%- for dataset in datasets %}
        select batch_id, community_code, count(*) as row_count
        from {{ source('lake', dataset) }}
        where {{ is_corrected_folder('period') }}
        group by batch_id, community_code
        {{ 'union all' if not loop.last }}
        {%- endfor %}
    ) as counted on counted.batch_id in (slots.first_batch_id, slots.current_batch_id)
    group by slots.supplier_id, slots.dataset, slots.period, counted.community_code
    having max(case when counted.batch_id = slots.first_batch_id then 1 else 0 end) = 1
{% endmacro %}

{# --- 2. values just above the target ------------------------------------------------------------------------- #}

{#
    Rule: of a county's communities in a month whose value lies within `width` of the target (of the target itself; of
    a rate at most half of what is left to 100 %), more lie at or just above it than below it than chance allows:
    binomial test, one-sided, p < 0.01, by its normal approximation with correction for continuity (which never says
    more than the exact test does). Chance is one half where every value can be reached, as of areas; of counted cases
    it is the share of reachable values that lie above. It is raised where values further out slope that way, as far as
    a straight line on the logarithm of the density says (the cube root of their odds, over three times the distance).
    A target that is a ceiling is looked at from below, in a mirror.
#}
{% macro signal_bunching() %}
    {%- set rule = signal_rule('bunching') %}
    select
        counties.unit_key,
        counties.unit_code,
        counties.unit_level,
        counted.month,
        counted.kpi_id,
        {{ text_or_null(none) }} as dataset,
        {{ text_or_null(none) }} as supplier_id,
        max(counted.good) as observed,
        max_by(counted.total * counted.chance, counted.score) as expected,
        max(counted.score) as score,
        max_by({{ text_of('counted.total') }}, counted.score) as subject
    from (
        select
            tested.*,
            (tested.good - 0.5 - tested.total * tested.chance)
            / sqrt(tested.total * tested.chance * (1 - tested.chance)) as score
        from (
            select
                sums.*,
                greatest(
                    sums.reachable,
                    sums.slope * sums.reachable / (1 - sums.reachable + sums.slope * sums.reachable)
                ) as chance
            from (
                select
                    county_code,
                    month,
                    kpi_id,
                    target_id,
                    sum(case when distance >= 0 and distance < 1 then 1 else 0 end) as good,
                    sum(case when distance >= -1 and distance < 1 then 1 else 0 end) as total,
                    avg(case when distance >= -1 and distance < 1 then reachable end) as reachable,
                    power(
                        (1.0 + sum(case when distance >= 1 and distance < 2 and not is_full then 1 else 0 end))
                        / (1.0 + sum(case when distance >= -2 and distance < -1 then 1 else 0 end)),
                        1.0 / 3
                    ) as slope
                from ({{ target_distances() }}) as distances
                group by county_code, month, kpi_id, target_id
            ) as sums
            where sums.total >= {{ rule.least }}
        ) as tested
    ) as counted
    inner join counties on counted.county_code = counties.unit_code and counted.month = counties.month
    group by counties.unit_key, counties.unit_code, counties.unit_level, counted.month, counted.kpi_id
{% endmacro %}

{#
    How far each community's value lies from its target, in widths (good: 0 and more); and by what chance a value
    within one width is a good one, from the numbers of cases that reach either side.
#}
{% macro target_distances() %}
    select
        bands.*,
        case when bands.is_area then 0.5 else bands.cases_above / nullif(bands.cases_above + bands.cases_below, 0) end
            as reachable
    from (
        select
            widths.*,
            widths.value = widths.scale and widths.kind = 'rate' as is_full,
            case when widths.is_floor then widths.value - widths.line else widths.line - widths.value end
            / widths.width as distance,
            case
                when widths.is_floor then ceil((widths.line + widths.width) * widths.n - 1e-9) - ceil(widths.line * widths.n - 1e-9)
                else floor(widths.line * widths.n + 1e-9) - floor((widths.line - widths.width) * widths.n + 1e-9)
            end as cases_above,
            case
                when widths.is_floor then ceil(widths.line * widths.n - 1e-9) - ceil((widths.line - widths.width) * widths.n - 1e-9)
                else floor((widths.line + widths.width) * widths.n + 1e-9) - floor(widths.line * widths.n + 1e-9)
            end as cases_below
        from (
            select
                left(figures.unit_code, 6) as county_code,
                figures.month,
                figures.kpi_id,
                figures.kind,
                judged.target_id,
                kpis.scale,
                kpis.unit like 'm2%' as is_area,
                figures.numerator * kpis.scale / figures.denominator as value,
                figures.denominator / kpis.scale as n,
                lines.target_floor is not null as is_floor,
                cast(coalesce(lines.target_floor, lines.target_ceiling) as double) as line,
                case
                    when figures.kind = 'rate' then least(
                        {{ signal_rule('bunching').width }} * cast(coalesce(lines.target_floor, lines.target_ceiling) as double),
                        (kpis.scale - cast(coalesce(lines.target_floor, lines.target_ceiling) as double)) / 2
                    )
                    else {{ signal_rule('bunching').width }} * cast(coalesce(lines.target_floor, lines.target_ceiling) as double)
                end as width
            from figures
            inner join {{ ref('fct_kpi') }} as judged
                on figures.unit_key = judged.unit_key
                and figures.kpi_id = judged.kpi_id
                and figures.month = judged.period
                and judged.period_type = 'month'
                and judged.unit_basis = 'as_was'
            inner join {{ ref('dim_kpi') }} as kpis on figures.kpi_id = kpis.kpi_id
            inner join {{ ref('target_lines') }} as lines on judged.target_id = lines.target_id
            where figures.is_recent and figures.denominator > 0
        ) as widths
        where widths.width > 0
    ) as bands
    where bands.is_area or (bands.cases_above > 0 and bands.cases_below > 0)
{% endmacro %}

{# --- 3. many at one moment ----------------------------------------------------------------------------------- #}

{#
    Rule: of a community's events (or disputes) listed in a month, so many bear one and the same time (or date) of one
    step that it exceeds what falls together by chance by threshold spreads: k of n, where n spread over the working
    days (of times, over their minutes) give n / days each; spread is the root of that, at least one. A time that is
    exactly midnight is a date. Of several the one that stands out most.
#}
{% macro signal_timestamp_burst() %}
    {%- set rule = signal_rule('timestamp_burst') %}
    {%- set steps = {
        'grid_events': ['reported_at', 'handled_at', 'verified_at'],
        'grid_disputes': ['accepted_date', 'handled_date'],
    } %}
    with moments as (
        select
            dataset,
            community_code,
            month,
            step,
            moment,
            min(step_name) as step_name,
            min(supplier_id) as supplier_id,
            count(*) as cases
        from (
            {%- for dataset, columns in steps.items() %}{% set is_last = loop.last %}
            {%- for column in columns %}
            select
                '{{ dataset }}' as dataset,
                '{{ column }}' as step,
                {{ text_or_null(name_of(dataset, column)) }} as step_name,
                community_code,
                {{ item_no(dataset) }} as item_no,
                cast({{ column }} as timestamp) as moment,
                min(month) as month,
                min(supplier_id) as supplier_id
            from {{ ref('stg_' ~ dataset) }}
            where {{ is_signal_row('month') }} and row_state <> 'quarantined' and {{ column }} is not null
            group by community_code, {{ item_no(dataset) }}, cast({{ column }} as timestamp)
            {{ 'union all' if not (loop.last and is_last) }}
            {%- endfor %}
            {%- endfor %}
        ) as listed
        group by dataset, community_code, month, step, moment
    ),

    totals as (
        select dataset, community_code, month, step, sum(cases) as cases
        from moments
        group by dataset, community_code, month, step
    ),

    compared as (
        select
            moments.*,
            totals.cases / cast({{ rule.days }} * case
                when cast(moments.moment as timestamp) = date_trunc('day', moments.moment) then 1
                else {{ rule.minutes }}
            end as double) as expected
        from moments
        inner join totals
            on moments.dataset = totals.dataset
            and moments.community_code = totals.community_code
            and moments.month = totals.month
            and moments.step = totals.step
        -- fewer cannot stand out, whatever is expected
        where moments.cases >= {{ rule.threshold }}
    ),

    scored as (
        select
            *,
            (cases - expected) / sqrt(greatest(expected, 1)) as score
        from compared
    ),

    ranked as (
        select
            *,
            row_number() over (
                partition by dataset, community_code, month order by score desc, step asc, moment asc
            ) as place
        from scored
        where score >= {{ rule.threshold }}
    )

    select
        communities.unit_key,
        communities.unit_code,
        communities.unit_level,
        communities.month,
        {{ text_or_null(none) }} as kpi_id,
        ranked.dataset,
        ranked.supplier_id,
        ranked.cases as observed,
        ranked.expected,
        ranked.score,
        ranked.step_name || ' ' || substr({{ text_of('ranked.moment') }}, 1, 16) as subject
    from ranked
    inner join communities
        on ranked.month = communities.month and ranked.community_code = communities.unit_code
    where ranked.place = 1
{% endmacro %}

{# What a contract calls a column, in both languages #}
{% macro name_of(dataset, column) %}
    {% if not execute %}{{ return(column) }}{% endif %}
    {{ return(graph.sources['source.' ~ project_name ~ '.lake.' ~ dataset].columns[column].description) }}
{% endmacro %}

{% macro item_no(dataset) -%}
    {{ {'grid_events': 'event_no', 'grid_disputes': 'dispute_no'}[dataset] }}
{%- endmacro %}

{# --- 4. closed, and open again ------------------------------------------------------------------------------- #}

{#
    Rule: any event or dispute that one delivery lists as closed (settled) and a later one as open. Counted in the
    community of the later listing.
#}
{% macro signal_reopened() %}
    {%- set is_done = {'grid_events': "status = 'closed'", 'grid_disputes': "result in ('success', 'failure')"} %}
    select
        communities.unit_key,
        communities.unit_code,
        communities.unit_level,
        communities.month,
        {{ text_or_null(none) }} as kpi_id,
        listed.dataset,
        min(listed.supplier_id) as supplier_id,
        count(*) as observed,
        0 as expected,
        count(*) as score,
        {{ text_or_null(none) }} as subject
    from (
        {%- for dataset, condition in is_done.items() %}
        select
            '{{ dataset }}' as dataset,
            supplier_id,
            community_code,
            month,
            coalesce({{ condition }}, false) as is_done,
            lag(coalesce({{ condition }}, false)) over (partition by {{ item_no(dataset) }} order by month) as was_done
        from {{ ref('stg_' ~ dataset) }}
        where {{ is_signal_row('month') }} and row_state <> 'quarantined'
        {{ 'union all' if not loop.last }}
        {%- endfor %}
    ) as listed
    inner join communities
        on listed.month = communities.month and listed.community_code = communities.unit_code
    where listed.was_done and not listed.is_done
    group by
        communities.unit_key, communities.unit_code, communities.unit_level, communities.month, listed.dataset
{% endmacro %}

{# --- 5. sources that drift apart ----------------------------------------------------------------------------- #}

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

{# --- 6. jumps ------------------------------------------------------------------------------------------------ #}

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
