{#
    The judgements that runs of missed or near targets are counted over: those of the periods to compute and of all
    later ones (is_due). In an incremental build also, for every unit and target, the one before these, with the run
    that it stands in: so that runs go on without reading all history again.
#}
{% macro judgement_history(target_of_unit) %}
    select
        judgements.*,
        judgements.period as since_period,
        1 as judged_in_a_row,
        true as is_due
    from judgements
    inner join first_dirty on judgements.period_type = first_dirty.period_type
    where judgements.period >= first_dirty.first_period
    {% if is_incremental() -%}
    union all
    select
        judgements.*,
        coalesce(flags.since_period, judgements.period) as since_period,
        coalesce(flags.judged_in_a_row, 1) as judged_in_a_row,
        false as is_due
    from judgements
    inner join (
        select {{ target_of_unit }}, max(period) as period
        from judgements
        inner join first_dirty using (period_type)
        where period < first_period
        group by {{ target_of_unit }}
    ) as before using ({{ target_of_unit }}, period)
    left join (
        select * from {{ this }} where status <> 'met'
    ) as flags using ({{ target_of_unit }}, period)
    {%- endif %}
{% endmacro %}
