{# What every staging model starts from, and what it may ask of the contracts. #}

{#
    Rows of current batches of a dataset with their state: those of the months that choose_months() chose for the
    session, or of all months.
    month is the first day of the delivered month (the lake's folder), month_end its last day.
    With a rule: has_rule (the row failed it) and only_rule (and no other error).
#}
{% macro current_rows(dataset, all_months=false, rule=none) %}
    select
        delivered.*,
        {{ month_of('delivered.period') }} as month,
        last_day({{ month_of('delivered.period') }}) as month_end,
        coalesce(states.row_state, 'accepted') as row_state
        {%- if rule %},
        coalesce(states.has_rule, false) as has_rule,
        coalesce(states.only_rule, false) as only_rule
        {%- endif %}
    from {{ source('lake', dataset) }} as delivered
    inner join {{ source('control', 'current_batches') }} as batches
        on delivered.batch_id = batches.batch_id
    left join (
        select
            batch_id,
            row_number,
            case
                when max(case when severity = 'error' then 1 else 0 end) = 1 then 'quarantined'
                when max(case when severity = 'duplicate' then 1 else 0 end) = 1 then 'duplicate'
                else 'accepted'
            end as row_state
            {%- if rule %},
            max(case when rule_id = '{{ rule }}' then 1 else 0 end) = 1 as has_rule,
            max(case when rule_id = '{{ rule }}' then 1 else 0 end) = 1
            and max(case when severity = 'error' and rule_id <> '{{ rule }}' then 1 else 0 end) = 0 as only_rule
            {%- endif %}
        from {{ source('control', 'verdicts') }}
        where dataset = '{{ dataset }}'
        group by batch_id, row_number
    ) as states
        on delivered.batch_id = states.batch_id and delivered.row_number = states.row_number
    {% if not all_months -%}
    where {{ is_month_chosen('delivered.period') }}
    {%- endif %}
{% endmacro %}

{# The first day of a month from the name of its folder, as 2026-01; null for the folder of the empty schema file #}
{% macro month_of(folder) -%}
    try_cast({{ folder }} || '-01' as date)
{%- endmacro %}

{# What the contract says of a column (see lake.yml): values of a choice, minimum and maximum of a number. #}
{% macro contract_of(dataset, column) %}
    {% if not execute %}{{ return({'values': [], 'minimum': 0, 'maximum': 0}) }}{% endif %}
    {% set source_id = 'source.' ~ project_name ~ '.lake.' ~ dataset %}
    {{ return(graph.sources[source_id].columns[column].config.meta) }}
{% endmacro %}

{# True where a choice may be `value`: it is, or it is missing or not known, so that nobody can tell. #}
{% macro could_be(dataset, column, value) -%}
    coalesce({{ column }} not in (
        {{ quoted(contract_of(dataset, column)['values'] | reject('equalto', value)) }}
    ), true)
{%- endmacro %}

{# True where a number is there and within the contract's range. #}
{% macro is_in_range(dataset, column) -%}
    {%- set contract = contract_of(dataset, column) -%}
    coalesce({{ column }} between {{ contract['minimum'] }} and {{ contract['maximum'] }}, false)
{%- endmacro %}
