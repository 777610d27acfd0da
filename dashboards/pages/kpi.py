"""The page of one KPI within a county or street: what it is, how each part stands, how the whole has gone.

Belongs here: the page. Places are found in `ranking.py`, charts are drawn by `figures.py`, the card by `unit_kpi.py`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import polars as pl

from dashboards import figures, html, tell
from dashboards.address import Address, Lang
from dashboards.chance import limits
from dashboards.choices import bar, basis_switch, level_choice, pack_choice, period_choices
from dashboards.comparing import Compared, compare
from dashboards.components import Attributes, Node, chart, chip, downloads, link
from dashboards.deliveries import slots_sentence
from dashboards.facts import Facts
from dashboards.follow_up_links import follow_up_link
from dashboards.format import short_name
from dashboards.html import Component
from dashboards.pages.crumbs import breadcrumb
from dashboards.pages.unit_kpi import asked_of, card, comparability, expired_mark
from dashboards.ranking import Placed, Ranking
from dashboards.records import STATES, Judgement, Kpi, Target
from dashboards.words import (
    AGENCIES,
    BASES,
    DATASETS,
    DIRECTIONS,
    KINDS,
    LEVEL,
    LEVELS,
    name_of,
    pick,
    say,
)
from dashboards.words import STATES as LOOKS

MOST_ROWS = 400  # of the ranking; more are taken away as a file or looked at street by street
BARS = 12
FEW = 5  # units from which a distribution or a funnel shows anything


def content(facts: Facts, address: Address) -> tuple[str, list[Component]]:
    """Title and content of the page of a KPI."""
    lang = address.lang
    compared = compare(facts, address)
    kpi, period = compared.kpi, compared.period
    parts = [
        breadcrumb(compared.here, compared.units, address),
        bar(
            [
                *period_choices(facts, address, period),
                level_choice(address) if compared.within.level == "county" else None,
                basis_switch(facts, address),
                pack_choice(facts, address),
            ]
        ),
        _headline(compared, address),
        _grid_note(compared, address),
        _here(facts, compared, address),
        _charts(compared, address),
        _ranked(facts, compared, address),
        _definition(facts, compared, address),
    ]
    return f"{pick(kpi.name, lang)} · {compared.here.name} · {pick(period.label, lang)}", [
        part for part in parts if part is not None
    ]


def _headline(compared: Compared, address: Address) -> Component:
    lang = address.lang
    states = Counter(one.one.state for one in compared.ranking.placed)
    states.update({state: len(left) for state, left in compared.ranking.left_out.items()})
    where = f"{compared.within.name} · {name_of(LEVELS, compared.level, lang)}" if compared.level else compared.here.name
    told = [chip(state, lang, f"{pick(LOOKS[state].words, lang)} {states[state]}") for state in STATES if states[state]]
    about = say("kpi_of_units", lang, total=states.total(), where=where) if compared.level else say("kpi_no_parts", lang)
    return html.Section(
        [
            html.H1(
                [html.Span(f"{pick(compared.period.label, lang)} · ", className="when"), html.Strong(pick(compared.kpi.name, lang))],
                className="verdict none",
            ),
            html.P(pick(compared.kpi.formula, lang), className="formula"),
            html.P([html.Span(about), *told], className="also"),
        ],
        className="headline",
    )


def _grid_note(compared: Compared, address: Address) -> Component | None:
    """Why the way down ends at the community; nothing where figures go further down."""
    if compared.here.level != "community" or "grid" in compared.kpi.levels:
        return None
    return html.P(say("no_grids", address.lang), className="help", id="grids")


def _here(facts: Facts, compared: Compared, address: Address) -> Component:
    """The figure of the unit itself, as on its own page, with its course."""
    lang = address.lang
    unit_address = replace(address, page="unit", unit_key=compared.here.key)
    scope = facts.scope(address)
    asked = [
        one
        for one in asked_of(facts, compared.here, compared.period, scope, address.unit_basis)
        if one.column.kpi is compared.kpi
    ]
    head = [
        html.H2(link(compared.here.name, unit_address.href)),
        html.Span(name_of(LEVEL, compared.here.level, lang), className="help"),
    ]
    body: list[Component] = [html.Div([card(one, unit_address) for one in asked], className="kpis")] if asked else [
        html.P(say("kpi_not_here", lang, levels=_levels(compared.kpi, lang)))
    ]  # fmt: skip
    return html.Section([html.Div(head, className="section-head"), *body], id="here")


def _levels(kpi: Kpi, lang: Lang) -> str:
    comma = ", " if lang == "en" else "、"
    return comma.join(name_of(LEVEL, level, lang) for level in kpi.levels)


def _charts(compared: Compared, address: Address) -> Component | None:
    lang = address.lang
    placed = [one.one for one in compared.ranking.placed]
    if len(placed) < FEW:
        return None
    goals = sorted({float(line) for one in placed if one.target for line in (one.target.value_1, one.target.value_2) if line is not None})
    bars = _bars(placed, is_rate=compared.kpi.kind == "rate")
    sign = tell.unit_sign(compared.kpi, lang).strip()
    drawn = [
        _figure("distribution", chart(figures.distribution(bars, lang, goals=goals, sign=sign)), say("distribution_help", lang), address),
        _funnel(compared, placed, address),
    ]
    return html.Section(html.Div([one for one in drawn if one is not None], className="charts"), id="charts")


def _figure(key: str, body: Component, help_text: str, address: Address) -> Component:
    head = [html.H2(say(key, address.lang)), html.Span(help_text, className="help")]
    return html.Div([html.Div(head, className="section-head"), body], className="chart", id=key)


def _bars(placed: Sequence[Judgement], *, is_rate: bool) -> pl.DataFrame:
    """Units by value and state: a bar for every value where there are few, else about a dozen of equal width."""
    values = sorted({one.value for one in placed if one.value is not None})
    counts: Counter[tuple[float, float, str]] = Counter()
    span = values[-1] - values[0]
    if len(values) <= BARS:
        for one in placed:
            counts[one.value or 0.0, one.value or 0.0, one.state] += 1
        gaps = [after - before for before, after in pairwise(values)]
        width = 0.8 * min(gaps, default=1.0)
    else:
        step = _round_step(span / BARS)
        for one in placed:
            left = math.floor((one.value or 0.0) / step) * step
            left = min(left, 100.0 - step) if is_rate else left  # 100 % belongs to the last bar
            counts[left, left + step, one.state] += 1
        width = step
    rows = [
        {"left": left, "right": right, "state": state, "units": units, "width": width}
        for (left, right, state), units in sorted(counts.items())
    ]
    return pl.DataFrame(rows)


def _round_step(least: float) -> float:
    """1, 2 or 5 times a power of ten."""
    power = float(10 ** math.floor(math.log10(least)))
    return next(times * power for times in (1.0, 2.0, 5.0, 10.0) if times * power >= least)


def _funnel(compared: Compared, placed: Sequence[Judgement], address: Address) -> Component | None:
    """Rates of cases by how many cases they rest on; none of shares of areas or hours, or where all is asked."""
    lang = address.lang
    rates = [one for one in placed if one.chance_low is not None and one.denominator]
    if len(rates) < FEW:
        return None
    goals = Counter(one.target for one in rates if one.target is not None)
    goal = goals.most_common(1)[0][0] if goals else None
    if goal is None or not 0 < goal.value_1 < compared.kpi.scale:
        return _figure("funnel", html.P(say("funnel_all" if goal else "funnel_no_target", lang)), "", address)
    sizes = [float(one.denominator or 1) for one in rates]
    rows = [
        {
            "state": one.state, "denominator": float(one.denominator or 1), "value": one.value,
            "hover": f"{short_name(compared.units[one.unit_key].name)}<br>{tell.value_of_cases(one, lang)}",
        }
        for one in rates
    ]  # fmt: skip
    lines = limits(float(goal.value_1), max(1.0, min(sizes) * 0.9), max(sizes) * 1.1)
    drawing = figures.funnel(pl.DataFrame(rows), lines, lang, goal=float(goal.value_1))
    return _figure(
        "funnel", chart(drawing), say("funnel_help", lang, target=tell.target(goal, compared.kpi, lang)), address
    )


RANKING_HEAD = ("place", "unit", "status", "value", "ratio", "target", "bounds", "shortfall")


def _ranked(facts: Facts, compared: Compared, address: Address) -> Component | None:
    """The units in order, ties on one place; apart from them those that cannot be placed, by reason."""
    lang = address.lang
    if not compared.level:
        return None
    ranking = compared.ranking
    head = [
        html.H2(say("ranking" if compared.is_ranked else "in_order", lang)),
        html.Span(say("ranking_help" if compared.is_ranked else "in_order_help", lang), className="help"),
        downloads("ranking", address),
    ]
    shown = ranking.placed[:MOST_ROWS]
    names = [name for name in RANKING_HEAD if name != "place" or compared.is_ranked]
    heads = [html.Th(say(name, lang), scope="col", className=_class_of(name)) for name in names]
    rows = [_row(one, names, facts, compared, address) for one in shown]
    table: Component = html.Div(
        html.Table([html.Thead(html.Tr(heads)), html.Tbody(rows)], className="plain ranking"), className="scroll ranking-scroll", tabIndex=0
    ) if rows else html.P(say("ranking_none", lang))  # fmt: skip
    more = html.P(say("ranking_more", lang, shown=len(shown), total=len(ranking.placed)), className="help")
    return html.Section(
        [
            html.Div(head, className="section-head"),
            table,
            more if len(ranking.placed) > len(shown) else None,
            *_left_out(ranking, compared, address),
        ],
        id="ranking",
    )


def _class_of(name: str) -> str | None:
    return "number" if name in ("place", "value", "ratio") else None


def _row(placed: Placed, names: Sequence[str], facts: Facts, compared: Compared, address: Address) -> Component:
    one, lang = placed.one, address.lang
    task = facts.task_about(one)
    cells: dict[str, Node | list[Node]] = {
        "place": place_told(placed, lang),
        "status": [chip(one.state, lang), follow_up_link(one, task, address)] if task else chip(one.state, lang),
        "value": tell.value(one, lang),
        "ratio": "" if one.kpi.kind == "count" else tell.ratio(one),
        "target": tell.target(one.target, one.kpi, lang),
        "bounds": [tell.bounds(one, lang) if tell.has_doubt(one) else "", *comparability([one], address.period_type, lang)],
        "shortfall": tell.shortfall_brief(one, lang),
    }
    unit = compared.units[one.unit_key]
    named = html.Th(link(short_name(unit.name), address.to(unit_key=unit.key), title=unit.name), scope="row")
    own: Attributes = {"data-unit": unit.key}
    return html.Tr(
        [named if name == "unit" else html.Td(cells[name], className=_class_of(name)) for name in names],
        className="here" if unit is compared.here else None,
        **own,
    )


def place_told(placed: Placed, lang: Lang) -> str:
    """'3', '3 =' where several share it, '3 (2–5)' where doubt leaves it open."""
    told = f"{placed.place}{' =' if placed.sharing > 1 else ''}"
    if (placed.best, placed.worst) == (placed.place, placed.place):
        return told
    return f"{told} ({placed.best}–{placed.worst})" if lang == "en" else f"{told}（{placed.best}–{placed.worst}）"


def _left_out(ranking: Ranking, compared: Compared, address: Address) -> list[Component]:
    """Who has no place, reason by reason."""
    lang = address.lang
    told = []
    for state in sorted(ranking.left_out, key=STATES.index):
        units = [compared.units[one.unit_key] for one in ranking.left_out[state]]
        names = [link(short_name(unit.name), address.to(unit_key=unit.key)) for unit in units[:MOST_ROWS]]
        spaced: list[Node] = [piece for name in names for piece in (name, " ")]
        spaced += ["…"] if len(units) > MOST_ROWS else []
        told.append(
            html.Details(
                [
                    html.Summary([chip(state, lang), f" {len(units)} · {pick(LOOKS[state].meaning, lang)}"]),
                    html.P(spaced, className="names"),
                ],
                className="left-out",
                open=len(units) <= BARS,
                **_of_state(state),
            )
        )
    head = [html.H3(say("left_out", lang), className="sub-head")] if told else []
    return [*head, *told]


def _of_state(state: str) -> Attributes:
    return {"data-left-out": state}


def _definition(facts: Facts, compared: Compared, address: Address) -> Component:
    """What the KPI is, what it is made from, and what each document asks."""
    lang, kpi = address.lang, compared.kpi
    comma = ", " if lang == "en" else "、"
    sources: list[Node] = []
    for dataset in kpi.datasets:
        name = name_of(DATASETS, dataset, lang)
        sources += [html.A(name, href=f"/help/dictionary.html#dataset-{dataset}", target="_blank"), html.Code(dataset), " "]
    slots = [slot for slot in facts.deliveries(compared.period) if slot.dataset in kpi.datasets]
    terms: list[tuple[str, Node | list[Node]]] = [
        ("definition", pick(kpi.formula, lang)),
        ("kind", comma.join([name_of(KINDS, kpi.kind, lang), name_of(BASES, kpi.basis, lang)])),
        ("better", name_of(DIRECTIONS, kpi.direction, lang)),
        ("tolerance", f"{kpi.tolerance.normalize():f}" if kpi.tolerance else ""),
        ("levels_of", _levels(kpi, lang)),
        ("owner", name_of(AGENCIES, kpi.owner_agency, lang)),
        ("sources", sources),
        ("deliveries", [slots_sentence(slots, lang), " ", link(say("data", lang), address.to("data"))]),
        ("source_document", f"{tell.in_language(kpi.document, lang)} {kpi.clause}".strip()),
        ("note", pick(kpi.note, lang)),
        ("kpi_id", [html.Code(kpi.kpi_id), " ", html.A(say("in_dictionary", lang), href=f"/help/dictionary.html#kpi-{kpi.kpi_id}", target="_blank")]),
    ]  # fmt: skip
    described = [html.Div([html.Dt(say(term, lang)), html.Dd(text)]) for term, text in terms if text]
    targets = facts.targets_of(kpi)
    body: Component = _targets(targets, kpi, compared, address) if targets else html.P(say("no_target_set", lang))
    return html.Section(
        [
            html.Div(html.H2(say("definition_of", lang)), className="section-head"),
            html.Dl(described, className="facts"),
            html.Div(
                [html.H3(say("targets", lang)), *([downloads("targets", address)] if targets else [])], className="section-head"
            ),
            body,
        ],
        id="definition",
    )


def _targets(targets: Sequence[Target], kpi: Kpi, compared: Compared, address: Address) -> Component:
    lang = address.lang
    used = {one.target: one for one in compared.judgements if one.target is not None}
    rows = [
        html.Tr(
            [
                html.Th(goal.pack, scope="row"),
                html.Td([tell.clause(goal, lang), *([expired_mark(used[goal], lang)] if goal in used else [])]),
                html.Td(" ".join(part for part in (tell.target(goal, kpi, lang), tell.binding(goal, lang)) if part)),
                html.Td(tell.applies_to(goal, lang)),
                html.Td([pick(goal.text, lang), " ", html.Span(tell.strength(goal, lang), className="help")]),
            ]
        )
        for goal in targets
    ]
    heads = [html.Th(say(name, lang), scope="col") for name in ("pack", "clause", "target", "applies_to", "wording")]
    return html.Div(
        html.Table([html.Thead(html.Tr(heads)), html.Tbody(rows)], className="plain targets"), className="scroll", tabIndex=0
    )
