{#
    The judgements that runs of missed or near targets are counted over: those of the periods to compute and of all
    later ones (is_due). In an incremental build also the last one of every run that was open before these: so that
    runs go on without reading all history again.
#}
{% macro judgement_history() %}
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
        open_runs.since_period,
        open_runs.judged_in_a_row,
        false as is_due
    from judgements
    inner join ({{ open_runs() }}) as open_runs using (name_no, target_no, period_type, period)
    {%- endif %}
{% endmacro %}

{# The last flag of every unit and target, unless it was met again; flags of later periods were taken away before #}
{% macro open_runs() %}
    select
        units.name_no,
        targets.target_no,
        flags.period_type,
        flags.period,
        flags.since_period,
        flags.judged_in_a_row
    from {{ this }} as flags
    inner join (
        select unit_key, period_type, target_id, max(period) as period
        from {{ this }}
        group by unit_key, period_type, target_id
    ) as last_flags using (unit_key, period_type, target_id, period)
    inner join units
        on flags.unit_key = units.unit_key and flags.unit_code = units.unit_code and flags.unit_level = units.unit_level
    inner join targets on flags.target_id = targets.target_id
    where flags.status <> 'met'
{% endmacro %}
