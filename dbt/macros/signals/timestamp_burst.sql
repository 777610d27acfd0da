{#
    Rule: of a community's events (or disputes) listed in a month, so many bear one and the same time (or date) of one
    step that it exceeds what falls together by chance by threshold spreads: k of n, where n spread over the working
    days (of times, over their minutes) give n / days each; spread is the root of that, at least one. A time that is
    exactly midnight is a date. Of several the one that stands out most.
#}
{% macro signal_timestamp_burst() %}
    {%- set rule = signal_rule('timestamp_burst') %}
    {%- set moments = {'step': listed_steps(), 'moment': []} %}
    {%- for number in listed_steps() %}{% do moments.moment.append('moment_' ~ number) %}{% endfor %}
    with moments as (
        select
            dataset,
            community_code,
            month,
            step,
            moment,
            min(supplier_id) as supplier_id,
            count(*) as cases
        from (
            select
                dataset,
                step,
                community_code,
                item_no,
                moment,
                min(month) as month,
                min(supplier_id) as supplier_id
            from (
                {{ stacked('listings', ['dataset', 'community_code', 'item_no', 'month', 'supplier_id'], moments) }}
            ) as named
            where moment is not null
            group by dataset, step, community_code, item_no, moment
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
        {{ step_name('ranked.dataset', 'ranked.step') }} || ' ' || substr({{ text_of('ranked.moment') }}, 1, 16) as subject
    from ranked
    inner join communities
        on ranked.month = communities.month and ranked.community_code = communities.unit_code
    where ranked.place = 1
{% endmacro %}
