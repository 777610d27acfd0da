{#
    Judging a figure against its target, on exact numbers: numerator × scale against target × denominator.

    A target has a floor (the value must reach it), a ceiling (must not pass it), or both: '=' has them at one
    number, a range at two. The bounds of a figure are low_numerator / low_denominator and most_numerator /
    high_denominator, or open: is_low_open tends to 0; is_high_open tends to the scale (more cases may come, and
    all of them may count) and reaches it only where nothing known stands against it; is_high_unbounded has no end.
#}

{# How far a figure is above (+) or below (−) a line, times its denominator #}
{% macro margin(numerator, denominator, line) -%}
    ({{ numerator }} * scale - {{ line }} * {{ denominator }})
{%- endmacro %}

{% macro is_met() -%}
    coalesce({{ margin('numerator', 'denominator', 'target_floor') }} >= 0, true)
    and coalesce({{ margin('numerator', 'denominator', 'target_ceiling') }} <= 0, true)
{%- endmacro %}

{# Within the tolerance of the end that the figure misses #}
{% macro is_near() -%}
    greatest(
        coalesce(-{{ margin('numerator', 'denominator', 'target_floor') }}, 0),
        coalesce({{ margin('numerator', 'denominator', 'target_ceiling') }}, 0)
    ) <= tolerance * denominator
{%- endmacro %}

{# Some outcome meets the target #}
{% macro can_be_met() -%}
    case
        when target_floor is null or is_high_unbounded then true
        when is_high_open
            then target_floor < scale or (target_floor = scale and most_numerator = high_denominator)
        else {{ margin('most_numerator', 'high_denominator', 'target_floor') }} >= 0
    end
    and case
        when target_ceiling is null then true
        when is_low_open then target_ceiling > 0 or (target_ceiling = 0 and low_numerator = 0)
        else {{ margin('low_numerator', 'low_denominator', 'target_ceiling') }} <= 0
    end
{%- endmacro %}

{# Some outcome misses the target #}
{% macro can_be_missed() -%}
    case
        when target_floor is null then false
        when is_low_open then target_floor > 0
        else {{ margin('low_numerator', 'low_denominator', 'target_floor') }} < 0
    end
    or case
        when target_ceiling is null then false
        when is_high_unbounded then true
        when is_high_open then target_ceiling < scale
        else {{ margin('most_numerator', 'high_denominator', 'target_ceiling') }} > 0
    end
{%- endmacro %}

{#
    The smallest number of actions that meets the target, in multiples of shortfall_step. Below the floor each action
    adds to the numerator, or (lever both) to the denominator too; above the ceiling each takes from the numerator.
    Null where no number of actions does: also where the first that reaches one end passes the other.
    Multiplied, or divided as whole numbers: a quotient would not be exact.
#}
{% macro shortfall() -%}
    {%- set below = margin('numerator', 'denominator', 'target_floor') -%}
    {%- set both = whole_quotient('-' ~ below, '(scale - target_floor)') -%}
    {%- set more = steps_to('target_floor') ~ ' * shortfall_step' -%}
    {%- set fewer = steps_to('target_ceiling') ~ ' * shortfall_step' -%}
    case
        when {{ below }} < 0 and lever = 'both'
            then {{ unless_past('target_ceiling', 'numerator + ' ~ both, 'denominator + ' ~ both, '<=', both) }}
        when {{ below }} < 0
            then {{ unless_past('target_ceiling', 'numerator + ' ~ more, 'denominator', '<=', more) }}
        when {{ margin('numerator', 'denominator', 'target_ceiling') }} > 0
            then {{ unless_past('target_floor', 'numerator - ' ~ fewer, 'denominator', '>=', fewer) }}
        else 0
    end
{%- endmacro %}

{# So many actions, where they do not carry the figure past the other end of its target #}
{% macro unless_past(line, numerator, denominator, side, actions) -%}
    case when coalesce({{ margin('(' ~ numerator ~ ')', '(' ~ denominator ~ ')', line) }} {{ side }} 0, true) then {{ actions }} end
{%- endmacro %}

{# How many steps a figure is away from a line, rounded up #}
{% macro steps_to(line) -%}
    ceil(cast(abs({{ margin('numerator', 'denominator', line) }}) as decimal(26, 6)) * steps_per_scaled_unit)
{%- endmacro %}

{# The value that is shown; never judged on #}
{% macro ratio(numerator, denominator) -%}
    cast({{ numerator }} * scale as double) / nullif(cast({{ denominator }} as double), 0)
{%- endmacro %}

{# Whether every outcome that the rows in doubt allow has the same status; null where nothing was judged #}
{% macro certainty() -%}
    case
        when status = 'met' then case when can_be_missed then 'undetermined' else 'confirmed' end
        when status in ('near', 'missed') then case when can_be_met then 'undetermined' else 'confirmed' end
        when status = 'not_applicable'
            then case
                when is_low_open or is_high_open or low_denominator > 0 or high_denominator > 0 then 'undetermined'
                else 'confirmed'
            end
    end
{%- endmacro %}

{# Whether a target is meant for a unit: its area, its class, its level #}
{% macro is_for_unit(target, unit) -%}
    ({{ target }}.area_scope = '*' or left({{ unit }}.unit_code, length({{ target }}.area_scope)) = {{ target }}.area_scope)
    {%- for scope in ['class', 'city_class'] %}
    and ({{ target }}.{{ scope }}_scope = '*' or {{ unit }}.{{ scope }} = {{ target }}.{{ scope }}_scope)
    {%- endfor %}
    and ({{ target }}.level_scope = '*' or {{ unit }}.unit_level = {{ target }}.level_scope)
{%- endmacro %}

{# Whether a target is meant for a figure: for its unit, and for what the KPI says of it (variant) #}
{% macro is_in_scope(target, figure) -%}
    {{ figure }}.kpi_id = {{ target }}.kpi_id
    and {{ is_for_unit(target, figure) }}
    and {{ target }}.variant_scope in ('*', {{ figure }}.variant)
{%- endmacro %}
