{#
    Integrity signals: quiet monitors for the data steward. A signal says that a figure should be looked at, never that
    somebody did wrong; it enters no KPI, no flag, no score and no rank, and says nothing about a person.

    Every monitor is one macro signal_<name>() (see signals/) that selects, over CTEs of fct_signal (figures,
    communities, counties, listings): unit_key, unit_code, unit_level, month, kpi_id, dataset, supplier_id, observed,
    expected, score, and subject, a text that its words name. fct_signal raises a signal where score ≥ threshold. Spreads
    are robust: 1.4826 × the median absolute deviation, which for normal values is their standard deviation, and never
    less than a floor, since the deviation of a few equal months is 0.

    threshold: see the monitor. least: figures below it say nothing by themselves (people, households, rows, values).
#}
{% macro signal_rules() %}
    {{ return({
        'denominator_drop': {'threshold': 5, 'least': 20, 'months': 3, 'floor': 0.01},
        'bunching': {'threshold': 2.326, 'least': 12, 'width': 0.1},
        'timestamp_burst': {'threshold': 5, 'days': 22, 'minutes': 480},
        'reopened': {'threshold': 1},
        'sources_drift': {'threshold': 4, 'least': 50, 'months': 5, 'floor': 0.02},
        'jump': {'threshold': 5, 'least': 20, 'months': 3, 'peers': 8, 'floor': 0.01},
    }) }}
{% endmacro %}

{% macro signal_monitors() %}{{ return(signal_rules().keys() | list) }}{% endmacro %}

{% macro signal_rule(monitor) %}{{ return(signal_rules()[monitor]) }}{% endmacro %}

{# A CTE per monitor, of its name #}
{% macro signal_ctes() %}
    {%- for monitor in signal_monitors() %}
{{ monitor }} as (
    {{ context['signal_' ~ monitor]() }}
){{ "," if not loop.last }}
    {%- endfor %}
{% endmacro %}

{# What all monitors found, rounded so that the same rows give the same figures whatever order they were added up in #}
{% macro all_signals() %}
    {%- for monitor in signal_monitors() %}
    select
        '{{ monitor }}' as signal,
        unit_key,
        unit_code,
        unit_level,
        month as period,
        kpi_id,
        dataset,
        supplier_id,
        {%- for number in ['observed', 'expected', 'score'] %}
        round(cast({{ number }} as double), 6) as {{ number }},
        {%- endfor %}
        cast({{ signal_rule(monitor).threshold }} as double) as threshold,
        subject
    from {{ monitor }}
    {{ "union all" if not loop.last }}
    {%- endfor %}
{% endmacro %}

{# --- windows: the cost of a build does not grow with history ------------------------------------------------- #}

{# Months that signals are given for, the last one included; and months before each that it is compared with #}
{% macro signal_months() %}{{ return(6) }}{% endmacro %}

{% macro signal_lookback() %}{{ return(6) }}{% endmacro %}

{% macro months_before(month, number) -%}
    cast({{ month }} - interval {{ number }} month as date)
{%- endmacro %}

{# The same figure of the same unit in the months that are looked back on #}
{% macro is_looked_back_on(later, earlier, keys=['unit_key', 'kpi_id']) -%}
    {{ is_same_figure(later, earlier, keys) }}
        and {{ earlier }}.month < {{ later }}.month
        and {{ earlier }}.month >= {{ months_before(later ~ '.month', signal_lookback()) }}
{%- endmacro %}

{% macro is_same_figure(one, other, keys) -%}
    {%- for key in keys %}{{ one }}.{{ key }} = {{ other }}.{{ key }}{{ ' and ' if not loop.last }}{% endfor -%}
{%- endmacro %}

{% macro robust_spread(deviation, floor) -%}
    greatest(1.4826 * {{ deviation }}, {{ floor }})
{%- endmacro %}

{#
    Which rows of the lake are read: those delivered for the last months (and the months looked back on, for what came
    again), and the files of slots that were corrected. As choose_months(), constants for the session.
#}
{% macro choose_signal_rows() %}{{ return(adapter.dispatch('choose_signal_rows')()) }}{% endmacro %}

{% macro duckdb__choose_signal_rows() %}
    set variable signal_since = (
        select {{ months_before('max(month)', signal_months() + signal_lookback()) }} from {{ source('control', 'months') }}
    );
    set variable lake_folders = (
        select list(strftime(month, '%Y-%m')) from {{ source('control', 'months') }}
        where {{ is_signal_row('month') }}
    );
    set variable corrected_folders = coalesce((
        select list(distinct strftime(period, '%Y-%m')) from ({{ corrected_slots() }}) as slots
    ), [])
{% endmacro %}

{% macro default__choose_signal_rows() %}{% endmacro %}

{% macro is_signal_row(month) %}{{ return(adapter.dispatch('is_signal_row')(month)) }}{% endmacro %}

{% macro duckdb__is_signal_row(month) -%}
    {{ month }} > getvariable('signal_since')
{%- endmacro %}

{% macro default__is_signal_row(month) -%}
    {{ month }} > (
        select {{ months_before('max(month)', signal_months() + signal_lookback()) }} from {{ source('control', 'months') }}
    )
{%- endmacro %}

{% macro is_corrected_folder(folder) %}{{ return(adapter.dispatch('is_corrected_folder')(folder)) }}{% endmacro %}

{% macro duckdb__is_corrected_folder(folder) -%}
    array_contains(getvariable('corrected_folders'), {{ folder }})
{%- endmacro %}

{% macro default__is_corrected_folder(folder) -%}
    {{ folder }} in (select substr({{ text_of('period') }}, 1, 7) from ({{ corrected_slots() }}) as slots)
{%- endmacro %}

{# --- words --------------------------------------------------------------------------------------------------- #}

{# What a signal says: what was found, what was to be expected, what to look at. {kpi} is its name in the language. #}
{% macro signal_texts() %}
    {% set declared %}
denominator_drop:
  zh: "{kpi}的分母为{observed}，此前数月的中位数为{expected}，分子却未随之减少。请核对是否漏报了未达标的对象。"
  en: "The denominator of {kpi} is {observed}; the median of the months before is {expected}, and the numerator did not fall with it. Check whether cases that fail were left out."
corrected:
  zh: "更正文件中本社区为{observed}行，首次报送为{expected}行；更正在截止日前{subject}天收到（负数为之后）。请核对删去的行。"
  en: "The corrected file has {observed} rows of this community, the first one had {expected}; it came {subject} days before the cut-off (negative: after it). Check the rows that were taken out."
bunching:
  zh: "{kpi}：数值接近目标的{subject}个社区中，{observed}个刚好达到或略超目标，按偶然约为{expected}个。请抽查这些社区的原始数据。"
  en: "{kpi}: of {subject} communities close to the target, {observed} lie at or just above it, about {expected} by chance. Check a sample of their source records."
timestamp_burst:
  zh: "{observed}条记录的时间完全相同（{subject}），按偶然约为{expected}条。请核对是否事后集中补录。"
  en: "{observed} records bear one and the same time ({subject}), about {expected} by chance. Check whether they were entered all at once afterwards."
reopened:
  zh: "{observed}件先报为已办结、后又报为未办结。请核对当初的办结依据。"
  en: "{observed} cases were listed as closed and later as open again. Check on what grounds they were closed."
sources_drift:
  zh: "网格发现人口与在册居住人口之比在近六个月中由{expected}变为{observed}，且持续同向。请核对网格与公安登记的口径和更新。"
  en: "People found by the grid per person in the books who lives there went from {expected} to {observed} over the last six months, keeping one direction. Check how both sources are kept up."
jump:
  zh: "{kpi}的分母由上月的{expected}变为{observed}，超出本社区以往和其他社区同月的变化。请核对是否重复、遗漏或区划调整。"
  en: "The denominator of {kpi} went from {expected} to {observed} within a month, unlike this community before and others in that month. Check for repeats, omissions or changed boundaries."
    {% endset %}
    {{ return(fromyaml(declared)) }}
{% endmacro %}

{# The words of every signal as SQL over the columns of fct_signal; a drop between two files has words of its own #}
{% macro signal_explanation(language) -%}
    {%- set texts = signal_texts() -%}
    case
        when signal = 'denominator_drop' and dataset is not null
            then {{ filled_in(texts['corrected'][language], language) }}
        {%- for monitor in signal_monitors() %}
        when signal = '{{ monitor }}' then {{ filled_in(texts[monitor][language], language) }}
        {%- endfor %}
    end
{%- endmacro %}

{% macro filled_in(text, language) -%}
    {%- set values = {
        'kpi': 'name_' ~ language, 'observed': short_number('observed'), 'expected': short_number('expected'),
        'subject': 'subject',
    } -%}
    {%- set parts = [] -%}
    {%- for part in text.split('{') -%}
        {%- if loop.first -%}
            {%- do parts.append("'" ~ part ~ "'") -%}
        {%- else -%}
            {%- do parts.append(values[part.split('}')[0]]) -%}
            {%- do parts.append("'" ~ part.split('}')[1] ~ "'") -%}
        {%- endif -%}
    {%- endfor -%}
    {{ parts | join(' || ') }}
{%- endmacro %}

{# A number for reading: whole where it is, otherwise with two decimals #}
{% macro short_number(value) -%}
    case
        when {{ value }} = floor({{ value }}) then {{ text_of('cast(' ~ value ~ ' as bigint)') }}
        else {{ text_of('cast(' ~ value ~ ' as decimal(18, 2))') }}
    end
{%- endmacro %}
