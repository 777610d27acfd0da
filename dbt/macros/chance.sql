{#
    What chance alone may do to a figure, beside what rows in doubt may: another mark, shown apart.
    Wilson's interval for a share of independent cases (E. B. Wilson, 1927), 95 %: for rates that count cases.
    Mann–Kendall's test for a trend over a row of periods, two-sided, 5 %, with the correction for ties.
#}

{# At 0 where none passed, at the scale where all did: there both terms are equal, which rounding would hide. #}
{% macro wilson(numerator, denominator, bound) -%}
    {%- set z = 1.959963984540054 -%}
    {%- set p = '(cast(' ~ numerator ~ ' as double) / nullif(cast(' ~ denominator ~ ' as double), 0))' -%}
    {%- set n = 'cast(' ~ denominator ~ ' as double)' -%}
    {%- set spread = 'sqrt(' ~ p ~ ' * (1 - ' ~ p ~ ') / ' ~ n ~ ' + ' ~ z * z / 4 ~ ' / (' ~ n ~ ' * ' ~ n ~ '))' -%}
    case
        when {{ p }} = {{ '0 then 0' if bound == 'low' else '1 then scale' }}
        else
            scale * ({{ p }} + {{ z * z / 2 }} / {{ n }} {{ '-' if bound == 'low' else '+' }} {{ z }} * {{ spread }})
            / (1 + {{ z * z }} / {{ n }})
    end
{%- endmacro %}

{# How many cases may fail before a floor is missed; 0 is "no failure allowed" #}
{% macro failures_allowed() -%}
    floor((scale - target_floor) * denominator * cast(1.0 / scale as decimal(9, 8)))
{%- endmacro %}

{# The statistic of Mann–Kendall: s over n values, `ties` the sum of t (t − 1) (2 t + 5) over groups of t equal ones #}
{% macro mann_kendall(s, n, ties) -%}
    ({{ s }} - sign({{ s }})) / sqrt(nullif(({{ n }} * ({{ n }} - 1) * (2 * {{ n }} + 5) - {{ ties }}) / 18.0, 0))
{%- endmacro %}

{#
    A trend over the last values of a series, by place (1 is the last): earlier_values() gives those before each, the
    next one as earlier_1; of these so many are lower less so many higher (rises), or equal. t equal values add
    t (t - 1) (2 t + 5) to the ties, of which the one with e equals before it adds 6 e (e + 2).
#}
{% macro earlier_values(value, most, latest_first) -%}
    {%- for number in range(1, most) %}
        lead({{ value }}, {{ number }}) over {{ latest_first }} as earlier_{{ number }}{{ ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{% macro rises(value, most) -%}
    {{ over_earlier('cast(sign(' ~ value ~ ' - {earlier}) as integer)', most) }}
{%- endmacro %}

{% macro ties(value, most) -%}
    {%- set equals = over_earlier('case when ' ~ value ~ ' = {earlier} then 1 end', most) -%}
    6 * {{ equals }} * ({{ equals }} + 2)
{%- endmacro %}

{% macro over_earlier(outcome, most) -%}
    (
        {%- for number in range(1, most) %}
        {{ '+ ' if not loop.first -}}
        case when place <= {{ most - number }} then coalesce({{ outcome.replace('{earlier}', 'earlier_' ~ number) }}, 0) else 0 end
        {%- endfor %}
    )
{%- endmacro %}
