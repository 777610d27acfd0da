"""The page of one unit: a community, a street or the county. Every KPI with its target, certainty and history."""

from __future__ import annotations

from collections import Counter
from datetime import date

import plotly.graph_objects as go
import polars as pl
from dash import html
from dash.development.base_component import Component

from dashboards import figures, tell
from dashboards.address import Address, Lang
from dashboards.choices import bar, period_choices
from dashboards.components import Attributes, chart, chip, legend, link, mark, matrix
from dashboards.deliveries import delivery_table, finding_table, slots_sentence
from dashboards.facts import STATES, Column, Delivery, Facts, Flag, Judgement, Period, Unit
from dashboards.summary import by_unit, tone
from dashboards.words import (
    AGENCIES,
    CLASSES,
    LEVEL,
    MOVEMENT,
    name_of,
    period_short,
    period_ticks,
    pick,
    say,
)
from dashboards.words import STATES as LOOKS

FEW = 12
HERE: Attributes = {"aria-current": "page"}
BELOW = {"county": "street", "street": "community"}


def content(facts: Facts, address: Address) -> tuple[str, list[Component]]:
    """Title and content of one unit's page; NoSuchPage where the unit is not in force in the period."""
    lang = address.lang
    period = facts.period(address)
    units = facts.units(period.end)
    unit = facts.unit(address.unit_key, period.end)
    every = facts.judgements_of(unit.key, address.period_type)
    now = [one for one in every if one.period == period.first]
    flags = {(flag.judgement.kpi.kpi_id, flag.judgement.target): flag for flag in facts.flags(period, now)}
    kpis = [
        _kpi(place, one, every, flags.get((one.kpi.kpi_id, one.target)), address)
        for place, one in enumerate(sorted(now, key=lambda one: list(facts.kpis).index(one.kpi.kpi_id)))
    ]
    parts = [
        _breadcrumb(unit, units, address),
        bar(period_choices(facts, address, period)),
        _headline(unit, now, period, lang),
        html.Section(kpis, className="kpis"),
        _children(facts, unit, units, period, address),
        _behind(facts, unit, now, period, address),
    ]
    return f"{unit.name} · {pick(period.label, lang)}", [part for part in parts if part is not None]


def _breadcrumb(unit: Unit, units: dict[str, Unit], address: Address) -> Component:
    above: list[Unit] = []
    parent = units.get(unit.parent_key) if unit.parent_key else None
    while parent is not None and parent not in above:
        above.insert(0, parent)
        parent = units.get(parent.parent_key) if parent.parent_key else None
    steps = [link(say("overview", address.lang), address.to("overview"))]
    steps += [link(parent.name, address.to("unit", unit_key=parent.key)) for parent in above]
    items = [html.Li(step) for step in steps]
    items.append(html.Li(html.Span(unit.name, **HERE)))
    return html.Nav(html.Ol(items), className="crumbs")


def _headline(unit: Unit, now: list[Judgement], period: Period, lang: Lang) -> Component:
    states = Counter(one.state for one in now)
    how = tone(states)
    colon, comma = ("：", "、") if lang == "zh" else (": ", ", ")
    bad = [pick(one.kpi.name, lang) for one in now if one.state in ("missed", "near")]
    sentence = say(f"unit_{how}", lang, total=states["met"] if how == "good" else len(now), bad=len(bad))
    if bad:
        sentence += colon + comma.join(bad)
    about = [
        name_of(LEVEL, unit.level, lang),
        name_of(CLASSES, unit.community_class, lang) if unit.community_class else "",
        f"{say('code', lang)} {unit.code}",
        f"{say('opened', lang)} {unit.opened:%Y-%m-%d}" if unit.opened else "",
    ]
    also = [
        chip(state, lang, f"{pick(LOOKS[state].words, lang)} {states[state]}")
        for state in STATES
        if state != "missed" and states[state]
    ]
    return html.Section(
        [
            html.P(unit.name, className="unit-name"),
            html.H1(
                [html.Span(f"{pick(period.label, lang)}{colon}", className="when"), html.Strong(sentence)],
                className=f"verdict {how}",
            ),
            html.P(also, className="also"),
            html.P(" · ".join(part for part in about if part), className="about"),
        ],
        className="headline",
    )


def _kpi(
    place: int, one: Judgement, every: list[Judgement], flag: Flag | None, address: Address
) -> Component:
    lang = address.lang
    past = [other for other in every if other.kpi == one.kpi and _same_goal(other, one)]
    facts_told = [
        (say("ratio", lang), tell.ratio(one), "ratio"),
        (say("target", lang), f"{tell.target(one.target, one.kpi, lang)}", "target"),
        (say("shortfall", lang), tell.shortfall(one, lang), "shortfall"),
        (say("certainty", lang), _certainty(one, lang), "certainty"),
        (say("since", lang), _since(flag, address.period_type, lang), "since"),
        (say("owner", lang), name_of(AGENCIES, one.kpi.owner_agency, lang), "owner"),
        (say("clause", lang), _clause(one, lang), "clause"),
        (say("definition", lang), pick(one.kpi.formula, lang), "definition"),
    ]
    described = [
        html.Div([html.Dt(term), html.Dd(text, className=name)]) for term, text, name in facts_told if text
    ]
    return html.Article(
        [
            html.Div(
                [
                    html.H2([html.Span(mark(place), className="mark"), pick(one.kpi.name, lang)]),
                    html.P([_big(one, lang), chip(one.state, lang, tell.status(one, lang))], className="now"),
                    html.Dl(described),
                ],
                className="told",
            ),
            chart(_trend(past, one, address.period_type, lang)),
        ],
        className=f"kpi k-{one.state}",
        **_of_kpi(one),
    )  # fmt: skip


def _big(one: Judgement, lang: Lang) -> Component:
    sign = "" if one.value is None else tell.unit_sign(one.kpi, lang)
    return html.B([tell.bare_value(one), html.Span(sign, className="sign")], className="big")


def _of_kpi(one: Judgement) -> Attributes:
    return {"data-kpi": one.kpi.kpi_id}


def _same_goal(other: Judgement, one: Judgement) -> bool:
    """The same target, or another of the same pack that applied at the time; a period without target also belongs."""
    return other.target is None or one.target is None or other.target.pack == one.target.pack


def _certainty(one: Judgement, lang: Lang) -> str:
    word, reason = tell.certainty(one, lang), tell.certainty_reason(one, lang)
    dash, stop = ("：", "；") if lang == "zh" else (": ", "; ")
    said = f"{word}{dash}{reason}" if reason else ""
    return stop.join(part for part in (said, tell.partial(one, lang)) if part)


def _since(flag: Flag | None, period_type: str, lang: Lang) -> str:
    if flag is None:
        return ""
    since = period_short(period_type, flag.since)
    movement = name_of(MOVEMENT, flag.movement, lang)
    return say(
        "flagged_since",
        lang,
        since=since,
        count=flag.in_a_row,
        movement=movement if lang == "zh" else movement.lower(),
    )


def _clause(one: Judgement, lang: Lang) -> str:
    if one.target is None:
        return ""
    return f"{tell.clause(one.target, lang)}  {pick(one.target.text, lang)}".strip()


def _trend(past: list[Judgement], one: Judgement, period_type: str, lang: Lang) -> go.Figure:
    ticks = period_ticks(period_type, [other.period for other in past], lang)
    rows = [
        {
            "label": period_short(period_type, other.period),
            "tick": tick,
            "value": other.value,
            "printed": "" if other.value is None else tell.bare_value(other),
            "hover": tell.card(other, period_short(period_type, other.period), lang).replace("\n", "<br>"),
            "state": other.state,
            "is_doubtful": tell.has_doubt(other),
            "value_low": other.value_low,
            "value_high": other.value_high,
            "target_1": float(other.target.value_1) if other.target else None,
            "target_2": float(other.target.value_2)
            if other.target and other.target.value_2 is not None
            else None,
        }
        for other, tick in zip(past, ticks, strict=True)
    ]
    schema = {
        "label": pl.String, "tick": pl.String, "value": pl.Float64, "printed": pl.String, "hover": pl.String, "state": pl.String,
        "is_doubtful": pl.Boolean, "value_low": pl.Float64, "value_high": pl.Float64, "target_1": pl.Float64,
        "target_2": pl.Float64,
    }  # fmt: skip
    return figures.trend(
        pl.DataFrame(rows, schema=schema),
        lang,
        goal=tell.target(one.target, one.kpi, lang),
        sign=tell.unit_sign(one.kpi, lang),
        is_rate=one.kpi.kind == "rate",
    )


def _children(
    facts: Facts, unit: Unit, units: dict[str, Unit], period: Period, address: Address
) -> Component | None:
    level = BELOW.get(unit.level)
    if level is None:
        return None
    lang = address.lang
    inside = [one for one in facts.judgements(period, level) if units[one.unit_key].parent_key == unit.key]
    if not inside:
        return None
    columns = facts.columns(inside)
    table = by_unit(inside, columns)
    members = sorted((units[key] for key in table), key=lambda member: member.code)
    present = {one.state for one in inside}
    return html.Section(
        [
            html.Div(html.H2(say(f"children_{unit.level}", lang)), className="section-head"),
            legend([state for state in STATES if state in present], lang),
            matrix([(None, members)], table, columns, address),
            _history(facts, unit, level, columns, address),
        ],
        id="matrix",
    )


def _history(facts: Facts, unit: Unit, level: str, columns: list[Column], address: Address) -> Component:
    """How many of the units below are in each state, period by period: a chart for each KPI."""
    lang = address.lang
    counts = facts.history(address.period_type, level, unit)
    firsts = counts["period"].unique().sort().to_list()
    ticks = dict(zip(firsts, period_ticks(address.period_type, firsts, lang), strict=True))
    charts = [
        html.Div([html.H3(f"{mark(place)} {pick(column.kpi.name, lang)}"), chart(_states(facts, counts, column, ticks, address))])
        for place, column in enumerate(columns)
    ]  # fmt: skip
    head = [html.H2(say("history", lang)), html.Span(say("history_help", lang), className="help")]
    return html.Div(
        [html.Div(head, className="section-head"), html.Div(charts, className="histories")],
        className="history",
    )


def _states(
    facts: Facts, counts: pl.DataFrame, column: Column, ticks: dict[date, str], address: Address
) -> go.Figure:
    units: Counter[tuple[date, str]] = Counter()
    for row in counts.iter_rows(named=True):
        if row["kpi_id"] == column.kpi.kpi_id and _pack(facts, row["target_id"]) in (None, column.pack):
            units[row["period"], row["state"]] += row["units"]
    rows = [
        {
            "label": period_short(address.period_type, first),
            "tick": ticks[first],
            "state": state,
            "units": count,
        }
        for (first, state), count in sorted(units.items())
    ]
    schema = {"label": pl.String, "tick": pl.String, "state": pl.String, "units": pl.Int64}
    return figures.history(pl.DataFrame(rows, schema=schema), address.lang)


def _pack(facts: Facts, target_id: str | None) -> str | None:
    return None if target_id is None else facts.targets[target_id].pack


def _behind(facts: Facts, unit: Unit, now: list[Judgement], period: Period, address: Address) -> Component:
    lang = address.lang
    datasets = {dataset for one in now for dataset in one.kpi.datasets}
    slots = [
        slot
        for slot in facts.deliveries(period)
        if slot.dataset in datasets and concerns(slot.covered_codes, unit.code)
    ]
    suppliers = tuple(sorted({slot.supplier_id for slot in slots}))
    findings = [one for one in facts.findings(period, suppliers) if one.dataset in datasets]
    return html.Section(
        [
            html.Div(html.H2(say("deliveries_of", lang)), className="section-head"),
            *_slots(slots, address),
            html.Div(
                [html.H2(say("quality", lang)), html.Span(say("quality_whole", lang), className="help")],
                className="section-head",
            ),
            finding_table(findings[:FEW], lang),
            html.P(link(say("all_findings", lang, count=len(findings)), address.to("data")))
            if len(findings) > FEW
            else None,
        ],
        className="behind",
    )


def _slots(slots: list[Delivery], address: Address) -> list[Component]:
    """All slots of a small unit; of a large one what is not in order, and a link to the rest."""
    if len(slots) <= FEW:
        return [delivery_table(slots, address.lang)]
    trouble = [slot for slot in slots if slot.status != "on_time"]
    told = html.P(
        [
            slots_sentence(slots, address.lang),
            " ",
            link(say("all_deliveries", address.lang), address.to("data")),
        ]
    )
    return [told, *([delivery_table(trouble, address.lang)] if trouble else [])]


def concerns(covered_codes: tuple[str, ...], unit_code: str) -> bool:
    """Whether a supplier that covers these subtrees may deliver rows of a unit."""
    return any(unit_code.startswith(code) or code.startswith(unit_code) for code in covered_codes)
