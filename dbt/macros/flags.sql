{#
    In an incremental build: for every unit and target the last judgement before the periods to compute, with the
    run of missed or near judgements that it stands in, so that runs go on without reading all history again.
#}
{% macro carried_judgements(target_of_unit) %}
    select
        judgements.*,
        coalesce(flags.since_period, judgements.period) as since_period,
        coalesce(flags.judged_in_a_row, 1) as judged_in_a_row,
        false as is_due
    from judgements
    inner join (
        select
            {{ target_of_unit }},
            max(period) as period
        from judgements
        inner join first_dirty using (period_type)
        where period < first_period
        group by {{ target_of_unit }}
    ) as before using ({{ target_of_unit }}, period)
    left join (
        select * from {{ this }} where status <> 'met'
    ) as flags using ({{ target_of_unit }}, period)
{% endmacro %}
