{#
    Every listing of an event or a dispute in the months looked at, for the monitors of listings: community_code, item_no,
    month, supplier_id, whether it is listed as closed (settled), and the moments that its steps name (null where there
    is no such step).
#}
{% macro signal_listings() %}
    {%- for dataset, listed in listed_datasets().items() %}
    select
        '{{ dataset }}' as dataset,
        supplier_id,
        community_code,
        {{ listed.item_no }} as item_no,
        month,
        coalesce({{ listed.is_done }}, false) as is_done
        {%- for number in listed_steps() %},
        cast({{ listed.steps[number - 1] or 'null' }} as timestamp) as moment_{{ number }}
        {%- endfor %}
    from {{ ref('stg_' ~ dataset) }}
    where {{ is_signal_row('month') }} and row_state <> 'quarantined'
    {{ 'union all' if not loop.last }}
    {%- endfor %}
{% endmacro %}

{# Steps in the order of their names #}
{% macro listed_datasets() %}
    {{ return({
        'grid_events': {
            'item_no': 'event_no', 'is_done': "status = 'closed'", 'steps': ['handled_at', 'reported_at', 'verified_at'],
        },
        'grid_disputes': {
            'item_no': 'dispute_no', 'is_done': "result in ('success', 'failure')",
            'steps': ['accepted_date', 'handled_date'],
        },
    }) }}
{% endmacro %}

{% macro listed_steps() %}{{ return([1, 2, 3]) }}{% endmacro %}

{# What the contract calls a step of a dataset, in both languages #}
{% macro step_name(dataset, step) -%}
    case
        {%- for name, listed in listed_datasets().items() %}
        {%- for column in listed.steps %}
        when {{ dataset }} = '{{ name }}' and {{ step }} = {{ loop.index }} then {{ text_or_null(name_of(name, column)) }}
        {%- endfor %}
        {%- endfor %}
    end
{%- endmacro %}

{% macro name_of(dataset, column) %}
    {% if not execute %}{{ return(column) }}{% endif %}
    {{ return(graph.sources['source.' ~ project_name ~ '.lake.' ~ dataset].columns[column].description) }}
{% endmacro %}
