"""Sentences and numbers about one judgement: value, target, bounds, certainty, shortfall; plain text, both languages.

Belongs here: how a judgement reads. The heatmap, the list, the unit page and the CSV all print it through here,
so that the same figure is never printed in two ways.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from dashboards.address import Lang
from dashboards.facts import Bound, Judgement, Kpi, Target
from dashboards.format import exact_value, number, round_beside
from dashboards.words import CERTAINTY, UNITS, name_of, pick, say, state_word


def unit_sign(kpi: Kpi, lang: Lang) -> str:
    return name_of(UNITS, kpi.unit, lang) if kpi.unit in UNITS else f" {kpi.unit}"


def rounded(exact: Fraction | None, one: Judgement) -> Decimal | None:
    """A value of this KPI as printed: beside its targets, and never 0 or 100 % unless it is."""
    if exact is None:
        return None
    return round_beside(exact, one.kpi.decimals, _lines(one))


def bare_value(one: Judgement) -> str:
    """The printed value without its unit, '–' where there is none."""
    value = rounded(exact_value(one.numerator, one.denominator, one.kpi.scale), one)
    return "–" if value is None else f"{value:f}"


def value(one: Judgement, lang: Lang) -> str:
    text = bare_value(one)
    return text if text == "–" else text + unit_sign(one.kpi, lang)


def ratio(one: Judgement) -> str:
    """'188 / 202'; '–' where nothing was delivered."""
    if one.numerator is None or one.denominator is None:
        return "–"
    return f"{number(one.numerator)} / {number(one.denominator)}"


def target(goal: Target | None, kpi: Kpi, lang: Lang) -> str:
    """'≥ 95%', '20–30 m²/百户'; 'no target' where there is none."""
    if goal is None:
        return say("no_target", lang)
    sign = unit_sign(kpi, lang)
    if goal.operator == "range" and goal.value_2 is not None:
        return f"{number(goal.value_1)}–{number(goal.value_2)}{sign}"
    operator = {">=": "≥", "<=": "≤"}.get(goal.operator, goal.operator)
    return f"{operator} {number(goal.value_1)}{sign}"


def clause(goal: Target | None, lang: Lang) -> str:
    """The document and its clause in full: '社区平安建设方案 §5'."""
    return "–" if goal is None else f"{_in_language(goal.document, lang)} {goal.clause}".strip()


def clause_brief(goal: Target) -> str:
    """The pack and the clause: 'D3 §5'."""
    return f"{goal.pack} {goal.clause}".strip()


def low(one: Judgement, lang: Lang) -> str:
    """The lowest possible value; a denominator without limit lets it tend to 0."""
    return _bound(one, one.low, one.value_low, lang)


def high(one: Judgement, lang: Lang) -> str:
    return _bound(one, one.high, one.value_high, lang)


def bounds(one: Judgement, lang: Lang) -> str:
    """'92.6%–95.6%'; '–' where the figure is exact or nothing is known."""
    if not has_doubt(one):
        return "–"
    lowest, highest = low(one, lang), high(one, lang)
    return lowest if lowest == highest else f"{lowest}–{highest}"


def has_doubt(one: Judgement) -> bool:
    """Whether rows in doubt or absent suppliers let the value move at all."""
    if one.status == "no_data" or one.value is None:
        return False
    here = Bound(one.numerator, one.denominator)
    return one.low != here or one.high != here


def certainty(one: Judgement, lang: Lang) -> str:
    return "–" if one.certainty is None else pick(CERTAINTY[one.certainty], lang)


def certainty_reason(one: Judgement, lang: Lang) -> str:
    """Why the verdict holds or not, in one sentence; '' where nothing was judged."""
    if one.certainty is None:
        return ""
    if one.value is None:
        return say("sum_zero" if one.certainty == "undetermined" else "sum_all_sure", lang)
    if not has_doubt(one):
        return say("sum_all_sure", lang)
    key = "sum_unsure" if one.certainty == "undetermined" else "sum_sure"
    return say(key, lang, low=low(one, lang), high=high(one, lang), target=target(one.target, one.kpi, lang))


def partial(one: Judgement, lang: Lang) -> str:
    """'应报 3 家，已报 2 家' where a supplier is absent, else ''."""
    return say("partial", lang, expected=one.expected, reporting=one.reporting) if one.is_partial else ""


def shortfall(one: Judgement, lang: Lang) -> str:
    """What is still needed, '' where nothing is or where it cannot be said."""
    if not one.shortfall:
        return ""
    key = "area_needed" if one.kpi.unit.startswith("m2") else "more_needed"
    return say(key, lang, count=number(one.shortfall))


def shortfall_brief(one: Judgement, lang: Lang) -> str:
    """The shortfall where there is little room: '还差 14'."""
    if not one.shortfall:
        return ""
    key = "short_area" if one.kpi.unit.startswith("m2") else "short_more"
    return say(key, lang, count=number(one.shortfall))


def certainty_brief(one: Judgement, lang: Lang) -> str:
    """'已确认', or with the range that is possible: '存疑 92.6%–95.6%'."""
    return f"{certainty(one, lang)} {bounds(one, lang)}" if has_doubt(one) else certainty(one, lang)


def status(one: Judgement, lang: Lang) -> str:
    """The state in words; an undetermined one also says which way the accepted rows point."""
    word = state_word(one.state, lang)
    if one.state != "undetermined":
        return word
    leaning = say("looks", lang, status=state_word(one.status, lang).lower())
    return f"{word}（{leaning}）" if lang == "zh" else f"{word} ({leaning})"


def card(one: Judgement, unit_name: str, lang: Lang) -> str:
    """All of a judgement in a few lines: what hovering over its cell shows."""
    colon = "：" if lang == "zh" else ": "
    lines = [
        unit_name,
        f"{pick(one.kpi.name, lang)}{colon}{value(one, lang)}  ({ratio(one)})",
        f"{say('target', lang)}{colon}{target(one.target, one.kpi, lang)}  {clause(one.target, lang)}".rstrip(
            "– "
        ),
        f"{say('status', lang)}{colon}{status(one, lang)}",
        f"{say('shortfall', lang)}{colon}{shortfall(one, lang)}" if one.shortfall else "",
        f"{say('bounds', lang)}{colon}{bounds(one, lang)}" if has_doubt(one) else "",
        partial(one, lang),
    ]
    return "\n".join(line for line in lines if line)


def _bound(one: Judgement, bound: Bound, known: float | None, lang: Lang) -> str:
    exact = exact_value(bound.numerator, bound.denominator, one.kpi.scale)
    if exact is None and known is not None:
        exact = Fraction(known)
    printed = rounded(exact, one)
    return say("unbounded", lang) if printed is None else f"{printed:f}{unit_sign(one.kpi, lang)}"


def _lines(one: Judgement) -> list[Fraction]:
    goal = one.target
    targets = [] if goal is None else [goal.value_1, goal.value_2]
    lines = [Fraction(line) for line in targets if line is not None]
    return [*lines, Fraction(0), Fraction(one.kpi.scale)] if one.kpi.kind == "rate" else [*lines, Fraction(0)]


def _in_language(text: str, lang: Lang) -> str:
    """One half of a name given as '中文 / English'; the whole where it is given once."""
    zh, _, en = text.partition(" / ")
    return en if lang == "en" and en else zh
