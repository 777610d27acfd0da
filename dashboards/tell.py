"""Sentences and numbers about one judgement: value, target, bounds, certainty, shortfall; plain text, both languages.

Belongs here: how a judgement reads. The heatmap, the list, the unit page and the CSV all print it through here,
so that the same figure is never printed in two ways.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from dashboards.address import Lang
from dashboards.format import exact_value, number, round_beside
from dashboards.records import Bound, Figure, Kpi, Target, Trend
from dashboards.words import (
    ACTIONS,
    BINDING,
    CERTAINTY,
    ONE,
    RELIABILITY,
    SCOPE_WORDS,
    SCOPES,
    STRENGTH,
    TREND,
    UNITS,
    day,
    name_of,
    period_short,
    pick,
    say,
    state_word,
)

WHOLE = Decimal(1)


def unit_sign(kpi: Kpi, lang: Lang, count: Decimal | None = None) -> str:
    """What follows a value: '%', ' m²', ' 间'; in English the singular after one."""
    if lang == "en" and count == WHOLE and kpi.unit in ONE:
        return ONE[kpi.unit]
    return name_of(UNITS, kpi.unit, lang) if kpi.unit in UNITS else f" {kpi.unit}"


def bare_value(one: Figure) -> str:
    """The printed value without its unit, '–' where there is none."""
    value = _printed(one)
    return "–" if value is None else f"{value:,f}"


def value(one: Figure, lang: Lang) -> str:
    printed = _printed(one)
    if one.is_withheld:
        return f"–{say('withheld', lang)}"
    return "–" if printed is None else f"{printed:,f}{unit_sign(one.kpi, lang, printed)}"


def amount(bound: Bound, kpi: Kpi, goal: Target | None, lang: Lang) -> str:
    """What some unit has, printed beside the target that it is compared with."""
    printed = _rounded(bound.numerator, bound.denominator, kpi, goal)
    return "–" if printed is None else f"{printed:,f}{unit_sign(kpi, lang, printed)}"


def ratio(one: Figure) -> str:
    """'188 / 202', of a count the number alone; '–' where nothing was delivered."""
    if one.numerator is None or one.denominator is None:
        return "–"
    if one.kpi.kind == "count" and one.denominator == 1:
        return number(one.numerator)
    return f"{number(one.numerator)} / {number(one.denominator)}"


def target(goal: Target | None, kpi: Kpi, lang: Lang) -> str:
    """'≥ 95%', '20–30 m²/百户'; 'no target' where there is none."""
    return say("no_target", lang) if goal is None else _target(goal, kpi, lang)


@lru_cache(4096)
def _target(goal: Target, kpi: Kpi, lang: Lang) -> str:
    if goal.operator == "range" and goal.value_2 is not None:
        return f"{_line(goal.value_1)}–{_line(goal.value_2)}{unit_sign(kpi, lang)}"
    operator = {">=": "≥", "<=": "≤"}.get(goal.operator, goal.operator)
    return f"{operator} {_line(goal.value_1)}{unit_sign(kpi, lang, goal.value_1)}"


def _line(value: Decimal) -> str:
    """An end of a target; a third is written as 33.33."""
    return number(value.quantize(Decimal("0.01")))


def binding(goal: Target | None, lang: Lang) -> str:
    """Which ends of a range bind, '' for other targets."""
    return pick(BINDING[goal.binding or "both"], lang) if goal and goal.operator == "range" else ""


def strength(goal: Target, lang: Lang) -> str:
    """How binding the wording is, '' where the document states the figure."""
    return pick(STRENGTH[goal.strength], lang) if goal.strength in STRENGTH else ""


def applies_to(goal: Target, lang: Lang) -> str:
    """Whom a target applies to: '社区类别 城镇'; all where it names nobody."""
    named = [
        f"{name_of(SCOPES, scope, lang)} {name_of(SCOPE_WORDS.get(scope, {}), value, lang)}"
        for scope, value in zip(SCOPES, goal.scopes, strict=True)
        if value != "*"
    ]
    return ("、" if lang == "zh" else ", ").join(named) or say("applies_to_all", lang)


def expired(one: Figure, lang: Lang) -> tuple[str, str]:
    """'依据已过期' and what that means, or twice nothing."""
    if one.target is None or not one.is_basis_expired:
        return "", ""
    return say("basis_expired", lang), say("basis_expired_help", lang, day=day(one.target.plan_end, lang))


@lru_cache(4096)
def clause(goal: Target | None, lang: Lang) -> str:
    """The document and its clause in full: '社区平安建设方案 §5'."""
    return "–" if goal is None else f"{in_language(goal.document, lang)} {goal.clause}".strip()


def document(goal: Target, lang: Lang) -> str:
    return in_language(goal.document, lang)


def clause_brief(goal: Target) -> str:
    """The pack and the clause: 'D3 §5'."""
    return f"{goal.pack} {goal.clause}".strip()


def low(one: Figure, lang: Lang) -> str:
    """The lowest possible value; a denominator without limit lets it tend to 0."""
    return _bound(one, one.low, one.value_low, lang)


def high(one: Figure, lang: Lang) -> str:
    return _bound(one, one.high, one.value_high, lang)


def bounds(one: Figure, lang: Lang) -> str:
    """'92.6%–95.6%'; '–' where the figure is exact or nothing is known."""
    if not has_doubt(one):
        return "–"
    lowest, highest = low(one, lang), high(one, lang)
    return lowest if lowest == highest else f"{lowest}–{highest}"


def has_doubt(one: Figure) -> bool:
    """Whether rows in doubt or absent suppliers let the value move at all."""
    if one.status == "no_data" or one.value is None:
        return False
    here = Bound(one.numerator, one.denominator)
    return one.low != here or one.high != here


def certainty(one: Figure, lang: Lang) -> str:
    return "–" if one.certainty is None else pick(CERTAINTY[one.certainty], lang)


def certainty_reason(one: Figure, lang: Lang) -> str:
    """Why the verdict holds or not, in one sentence; '' where nothing was judged."""
    if one.certainty is None:
        return ""
    if one.is_withheld:
        return say("withheld_reason", lang)
    if one.value is None:
        return say("sum_zero" if one.certainty == "undetermined" else "sum_all_sure", lang)
    if not has_doubt(one):
        return say("sum_all_sure", lang)
    key = "sum_unsure" if one.certainty == "undetermined" else "sum_sure"
    return say(key, lang, low=low(one, lang), high=high(one, lang), target=target(one.target, one.kpi, lang))


def partial(one: Figure, lang: Lang) -> str:
    """'应报 3 家，已报 2 家' where a supplier is absent, else ''."""
    return say("partial", lang, expected=one.expected, reporting=one.reporting) if one.is_partial else ""


def shortfall(one: Figure, lang: Lang) -> str:
    """What is still needed, or what is too much; '' where nothing is or where it cannot be said."""
    if not one.shortfall:
        return ""
    if is_above(one):
        return say("over_limit", lang, count=_actions(one, lang))
    needed = _actions(one, lang)
    if one.kpi.unit.startswith("m2"):
        return say("area_needed", lang, count=needed)
    return say("more_needed", lang, count=f"{needed} " if lang == "zh" and needed[-1].isdigit() else needed)


def shortfall_brief(one: Figure, lang: Lang) -> str:
    """The shortfall where there is little room: '还差 14', '超出 2 件'."""
    if not one.shortfall:
        return ""
    key = "over" if is_above(one) else "short_more"
    return say(key, lang, count=_actions(one, lang))


def is_above(one: Figure) -> bool:
    """Whether the value passes a ceiling, so that less is needed and not more."""
    exact = exact_value(one.numerator, one.denominator, one.kpi.scale)
    ceiling = one.target.ceiling if one.target else None
    return exact is not None and ceiling is not None and exact > Fraction(ceiling)


def _actions(one: Figure, lang: Lang) -> str:
    """'14' of a rate (cases of whatever it counts), '2 件', '21.5 m²'."""
    count = one.shortfall or Decimal(0)
    if one.kpi.unit == "percent":
        return number(count)
    sign = pick(ACTIONS[one.kpi.unit], lang) if one.kpi.unit in ACTIONS else unit_sign(one.kpi, lang, count)
    return f"{number(count)}{sign}"


def chance(one: Figure, lang: Lang) -> str:
    """'随机区间 91.2%–97.0%', and '不得有一件未达' where the target allows no failure; '' where chance plays no part."""
    said = [] if chance_range(one) == "" else [_chance_words(one, lang)]
    if one.failures_allowed == 0:
        said.append(say("no_failure", lang))
    return ("；" if lang == "zh" else "; ").join(said)


def chance_range(one: Figure) -> str:
    """'91.2%–97.0%', '' where there is none."""
    ends = _chance(one)
    return "" if ends is None else f"{ends[0]}%–{ends[1]}%"


def chance_reason(one: Figure, lang: Lang) -> str:
    """Why chance matters here, in one sentence."""
    if one.failures_allowed == 0 and one.target is not None and one.denominator is not None:
        if one.target.value_1 >= one.kpi.scale:
            return say("no_failure_all", lang)
        return say(
            "no_failure_help", lang, count=number(one.denominator), target=target(one.target, one.kpi, lang)
        )
    return say("chance_help", lang) if chance_range(one) else ""


def trend(known: Trend | None, period_type: str, lang: Lang) -> str:
    """'稳定达标，无明显走势（…）'; '' where too few periods were judged."""
    if known is None:
        return ""
    return say(
        "trend_told", lang, reliability=pick(RELIABILITY[known.reliability], lang), trend=pick(TREND[known.trend], lang),
        first=period_short(period_type, known.first), last=period_short(period_type, known.last),
        judged=known.judged, met=known.met,
    )  # fmt: skip


def trend_brief(known: Trend | None, lang: Lang) -> str:
    """'持续未达标，变好' where there is little room; a trend only where there is one."""
    if known is None:
        return ""
    moves = [] if known.trend == "none" else [pick(TREND[known.trend], lang)]
    return ("，" if lang == "zh" else ", ").join([pick(RELIABILITY[known.reliability], lang), *moves])


def certainty_brief(one: Figure, lang: Lang) -> str:
    """'已确认', or with the range that is possible: '存疑 92.6%–95.6%'."""
    return f"{certainty(one, lang)} {bounds(one, lang)}" if has_doubt(one) else certainty(one, lang)


def status(one: Figure, lang: Lang) -> str:
    """The state in words; an undetermined one also says which way the accepted rows point."""
    word = state_word(one.state, lang)
    if one.state != "undetermined":
        return word
    leaning = say("looks", lang, status=state_word(one.status, lang).lower())
    return f"{word}（{leaning}）" if lang == "zh" else f"{word} ({leaning})"


def card(one: Figure, lang: Lang) -> str:
    """All of a judgement in a few lines: what hovering over its cell shows below the name of the unit."""
    colon = "：" if lang == "zh" else ": "
    told = value_of_cases(one, lang)
    lines = [
        f"{pick(one.kpi.name, lang)}{colon}{told}",
        f"{say('target', lang)}{colon}{target(one.target, one.kpi, lang)}  {clause(one.target, lang)}".rstrip(
            "– "
        ),
        f"{say('status', lang)}{colon}{status(one, lang)}",
        f"{say('shortfall', lang)}{colon}{shortfall(one, lang)}" if one.shortfall else "",
        f"{say('bounds', lang)}{colon}{bounds(one, lang)}" if has_doubt(one) else "",
        chance(one, lang),
        partial(one, lang),
        expired(one, lang)[0],
    ]
    return "\n".join(line for line in lines if line)


def line(one: Figure, lang: Lang) -> str:
    """A judgement in one line, where a page shows thousands: '暂住人口登记率：未达标 90.1%  (182 / 202)，目标 ≥ 95%'."""
    colon, comma = ("：", "，") if lang == "zh" else (": ", ", ")
    told = value_of_cases(one, lang)
    goal = f"{say('target', lang)} {target(one.target, one.kpi, lang)}"
    return f"{pick(one.kpi.name, lang)}{colon}{state_word(one.state, lang)} {told}{comma}{goal}"


def value_of_cases(one: Figure, lang: Lang) -> str:
    """'90.1%  (182 / 202)'; of a count, and where numbers are withheld, the value alone."""
    return value(one, lang) if one.kpi.kind == "count" or one.is_withheld else f"{value(one, lang)}  ({ratio(one)})"


def _bound(one: Figure, bound: Bound, known: float | None, lang: Lang) -> str:
    printed = _rounded(bound.numerator, bound.denominator, one.kpi, one.target)
    if printed is None and known is not None:
        printed = _round(Fraction(known), one.kpi, one.target)
    return say("unbounded", lang) if printed is None else f"{printed:,f}{unit_sign(one.kpi, lang, printed)}"


def _printed(one: Figure) -> Decimal | None:
    return _rounded(one.numerator, one.denominator, one.kpi, one.target)


@lru_cache(1 << 16)
def _rounded(
    numerator: Decimal | None, denominator: Decimal | None, kpi: Kpi, goal: Target | None
) -> Decimal | None:
    """A value as printed. Kept, since most figures of a county are equal to another's."""
    exact = exact_value(numerator, denominator, kpi.scale)
    return None if exact is None else _round(exact, kpi, goal)


def _round(exact: Fraction, kpi: Kpi, goal: Target | None) -> Decimal:
    """Beside the ends of the target; never 0 or 100 % unless it is."""
    targets = () if goal is None else (goal.value_1, goal.value_2)
    lines = [Fraction(line) for line in targets if line is not None]
    ends = [Fraction(0), Fraction(kpi.scale)] if kpi.kind == "rate" else [Fraction(0)]
    return round_beside(exact, kpi.decimals, [*lines, *ends])


def _chance(one: Figure) -> tuple[str, str] | None:
    if one.chance_low is None or one.chance_high is None:
        return None
    return f"{one.chance_low:.1f}", f"{one.chance_high:.1f}"


def _chance_words(one: Figure, lang: Lang) -> str:
    low, high = _chance(one) or ("", "")
    return say("chance_range", lang, low=f"{low}%", high=f"{high}%")


def in_language(text: str, lang: Lang) -> str:
    """One half of a name given as '中文 / English'; the whole where it is given once."""
    zh, _, en = text.partition(" / ")
    return en if lang == "en" and en else zh
