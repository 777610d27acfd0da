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
