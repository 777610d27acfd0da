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
