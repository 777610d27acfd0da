{# What every staging model starts from, and what it may ask of the contracts. #}

{#
    Rows of current batches of a dataset with their state. of: what the dataset is, registers or events, of which those
    months are read that choose_months() chose for the session; or all, whatever was chosen.
    month is the first day of the delivered month (the lake's folder), month_end its last day.
    With a rule: has_rule (the row failed it) and only_rule (and no other error).
    doubted: the columns that failing rules name, as ',one,two,'; null where no error was found.
#}
{% macro current_rows(dataset, of='registers', rule=none) %}
    select
        delivered.*,
        {{ month_of('delivered.period') }} as month,
        last_day({{ month_of('delivered.period') }}) as month_end,
        coalesce(states.row_state, 'accepted') as row_state,
        ',' || states.doubted || ',' as doubted
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
            end as row_state,
            {{ dbt.listagg("case when severity = 'error' then columns end", "','") }} as doubted
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
    {% if of != 'all' -%}
    where {{ is_month_chosen('delivered.period', of) }}
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

{#
    The rows of current_rows with what can be relied on: a cell of a quarantined row is null where a failing rule names
    its column, its choice is not one of the contract's or its number is out of range. Nothing about a person is kept
    but the pseudonym.
#}
{% macro staged(dataset, of='registers') %}
    select
        batch_id,
        row_number,
        supplier_id,
        month,
        month_end,
        row_state
        {%- for column in delivered_columns(dataset) %},
        {{ reliable(dataset, column) }} as {{ column }}
        {%- endfor %}
    from (
        {{ current_rows(dataset, of) }}
    ) as delivered
{% endmacro %}

{# A dataset's own columns, without what batches all have, findings and unreadable texts #}
{% macro delivered_columns(dataset) %}
    {% if not execute %}{{ return([]) }}{% endif %}
    {% set names = graph.sources['source.' ~ project_name ~ '.lake.' ~ dataset].columns.keys() | list %}
    {% set own = [] %}
    {% for name in names[6:] if not (name.endswith('_check') or (name.endswith('_text') and name[:-5] in names)) %}
        {% do own.append(name) %}
    {% endfor %}
    {{ return(own) }}
{% endmacro %}

{% macro reliable(dataset, column) -%}
    {%- set contract = contract_of(dataset, column) -%}
    case
        when row_state <> 'quarantined' then {{ column }}
        when doubted like '%,{{ column }},%' then null
        {%- if contract.get('values') %}
        when {{ column }} not in ({{ quoted(contract['values']) }}) then null
        {%- endif %}
        {%- if contract.get('minimum') is not none %}
        when {{ column }} < {{ contract['minimum'] }} then null
        {%- endif %}
        {%- if contract.get('maximum') is not none %}
        when {{ column }} > {{ contract['maximum'] }} then null
        {%- endif %}
        else {{ column }}
    end
{%- endmacro %}

{# In force at the end of the month: begun, and not ended yet #}
{% macro is_in_force(begun, ended) -%}
    {{ begun }} <= month_end and ({{ ended }} is null or {{ ended }} > month_end)
{%- endmacro %}

{# The month that an event belongs to: its own, or the delivered one where that is unknown or had not come yet #}
{% macro cohort_month(day) -%}
    cast(
        case when cast({{ day }} as date) <= month_end then date_trunc('month', {{ day }}) else month end as date
    )
{%- endmacro %}

{#
    Two conditions in three values. Of an accepted row an empty cell is empty; of a quarantined one nobody knows what
    it would hold, so that whatever depends on it is null.
#}
{% macro is_given(column) -%}
    case when {{ column }} is not null then true when row_state <> 'quarantined' then false end
{%- endmacro %}

{% macro is_true(condition) -%}
    case when row_state = 'quarantined' then {{ condition }} else coalesce({{ condition }}, false) end
{%- endmacro %}
