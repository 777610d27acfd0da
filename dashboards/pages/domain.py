"""The overview of one domain: a card for each KPI that anybody is judged by, and communities × KPIs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from dashboards import html, tell
from dashboards.address import Address, Lang
from dashboards.components import (
    Attributes,
    KpiCells,
    chip,
    column_name,
    kpi_heads,
    labelled,
    legend,
    link,
    mark,
    matrix,
    state_bar,
    tally,
)
from dashboards.html import Component
from dashboards.pages.view import View
from dashboards.records import JUDGED, STATES, Column, Figure, Judgement, Kpi, Unit
from dashboards.scope import ALL
from dashboards.standing import column_counts, counts_of
from dashboards.summary import Table, by_unit, column_of, shown_kpis
from dashboards.words import LEVEL, LEVELS, name_of, pick, say


def draw(view: View, keys: Sequence[str]) -> tuple[list[Component], str, Callable[[], list[Component]]]:
    """The cards, and the heatmap of the units given with its title; drawn where it is asked for."""
    kpis = view.kpis(view.scope.domain)
    shown, others = shown_kpis(view.stand, kpis, is_closed=view.period.is_closed)
    columns, table = columns_and_table(view, view.address.level, shown, only=view.rows(keys).keys)
    above = view.facts.above(view.period, view.scope)
    rest = [kpi for kpi in kpis if kpi not in shown]
    cards = [*_cards(view, columns, above), *_only_above(view, rest, above)]
    return cards, say("matrix", view.lang), lambda: [*heatmap(view, columns, table, keys), *unjudged(others, view.lang)]


def every_kpi(view: View, keys: Sequence[str]) -> list[Component]:
    """The heatmap over all domains: units × all KPIs that anybody is judged by."""
    shown, others = shown_kpis(view.stand, view.kpis(ALL), is_closed=view.period.is_closed)
    columns, table = columns_and_table(view, view.address.level, shown, only=view.rows(keys).keys)
    return [*heatmap(view, columns, table, keys), *unjudged(others, view.lang)]


def columns_and_table(
    view: View, level: str, shown: Collection[Kpi], above: Unit | None = None, only: frozenset[str] | None = None
) -> tuple[list[Column], Table]:
    """What the heatmap of some KPIs shows, for all units of a level, those below one, or only some."""
    figures = view.facts.figures(view.period, level, view.scope, [kpi.kpi_id for kpi in shown], above)
    columns = view.facts.columns(one for one, _ in figures)
    return columns, by_unit(figures, columns, only)


def _cards(view: View, columns: list[Column], above: list[Judgement]) -> list[Component]:
    """A card per column of the heatmap."""
    if not columns:
        return []
    now = column_counts(view.facts, view.period, view.address.level, view.scope)
    earlier = column_counts(view.facts, view.before, view.address.level, view.scope) if view.before else None
    cards = [
        _card(
            html.H2([html.Span(mark(place), className="mark"), _named(column, columns, view)]),
            column, counts_of(column, now), None if earlier is None else counts_of(column, earlier),
            [one for one in above if column in column_of(one, columns)], view.address,
        )
        for place, column in enumerate(columns)
    ]  # fmt: skip
    return [html.Section(cards, className="cards", **labelled(say("cards", view.lang)))]


def _only_above(view: View, kpis: list[Kpi], above: list[Judgement]) -> list[Component]:
    """KPIs without figures of the level shown, or that only higher levels are judged by: those levels' figures."""
    missing = {kpi.kpi_id for kpi in kpis} - set(view.stand.kpis)
    judged = {one.kpi.kpi_id for one in above if one.status in JUDGED} & {kpi.kpi_id for kpi in kpis}
    higher = [one for one in above if one.kpi.kpi_id in missing | judged]
    known = {one.kpi.kpi_id for one in higher}
    streets: list[Figure] = []
    counts = column_counts(view.facts, view.period, "street", view.scope) if missing else {}
    if view.address.level == "community" and missing - known:
        streets = [one for one, _ in view.facts.figures(view.period, "street", view.scope, missing - known)]
    columns = view.facts.columns([*higher, *streets])
    if not columns:
        return []
    cards = [
        _card(
            html.H2(_named(column, columns, view)), column,
            Counter() if column.kpi.kpi_id in known else counts_of(column, counts), None,
            [one for one in higher if column in column_of(one, columns)], view.address, level="street",
        )
        for column in columns
    ]  # fmt: skip
    return [
        html.H2(say("only_above", view.lang), className="sub-head"),
        html.Section(cards, className="cards", id="above"),
    ]


def _named(column: Column, columns: Sequence[Column], view: View) -> Component:
    return link(column_name(column, columns, view.lang), view.address.to("kpi", kpi_id=column.kpi.kpi_id))


def _card(
    title: Component, column: Column, counts: Counter[str], before: Counter[str] | None, above: list[Judgement],
    address: Address, *, level: str = "",
) -> Component:  # fmt: skip
    lang = address.lang
    states = (
        [
            html.P(name_of(LEVELS, level, lang), className="goal") if level else None,
            state_bar(counts),
            tally(counts, before, lang),
        ]
        if counts
        else []
    )
    return html.Article(
        [title, _goal(column, lang), *states, *(_higher_line(one, address) for one in _once(above))],
        className="card",
        **_of_kpi(column),
    )


def _of_kpi(column: Column) -> Attributes:
    return {"data-kpi": column.kpi.kpi_id, "data-packs": "/".join(column.packs)}


def _goal(column: Column, lang: Lang) -> Component:
    """What is asked, and by which clauses; each in full on hovering."""
    goals = sorted(column.targets, key=lambda goal: goal.target_id)
    asked = " / ".join(dict.fromkeys(tell.target(goal, column.kpi, lang) for goal in goals)) or say("no_target", lang)
    clauses = "、" if lang == "zh" else ", "
    return html.P(
        [
            f"{say('target', lang)} {asked}",
            html.Span(
                clauses.join(dict.fromkeys(tell.clause_brief(goal) for goal in goals)),
                className="clause",
                title="\n".join(dict.fromkeys(tell.clause(goal, lang) for goal in goals)),
            ),
        ],
        className="goal",
    )


def _once(above: Sequence[Judgement]) -> list[Judgement]:
    """One of those by which several documents ask the same of a unit."""
    return list({(one.unit_key, one.target.line if one.target else None): one for one in above}.values())


def _higher_line(one: Judgement, address: Address) -> Component:
    lang = address.lang
    whole = say("whole", lang) if one.unit_level == "county" else name_of(LEVEL, one.unit_level, lang)
    more = [] if one.kpi.kind == "count" else [html.Span(tell.ratio(one), className="ratio")]
    goal = [] if one.target is None or one.unit_level == "county" else [html.Span(tell.target(one.target, one.kpi, lang), className="ratio")]  # fmt: skip
    return html.P(
        [
            link(whole, address.to("unit", unit_key=one.unit_key)), html.B(tell.value(one, lang)), *more, *goal,
            chip(one.state, lang),
        ],
        className="whole",
    )  # fmt: skip


def heatmap(view: View, columns: list[Column], table: Table, keys: Sequence[str]) -> list[Component]:
    """Units × KPIs."""
    lang = view.lang
    if not columns:
        return [html.P(say("nobody_judged", lang))]
    cells = KpiCells(table, columns, lang)
    present = {one.state for row in table.values() for one in row.values()}
    rows = view.rows([key for key in keys if key in table])
    heads = kpi_heads(columns, view.address)
    if cells.is_dense:
        heads = [replace(head, mark="") for head in heads]
    return [
        legend([state for state in STATES if state in present], lang),
        matrix(rows.groups, heads, cells, cells.is_missed, view.address, rows.beside),
        html.P(say("matrix_help", lang), className="help"),
    ]


def unjudged(others: dict[str, list[Kpi]], lang: Lang, title: str = "unjudged") -> list[Component]:
    """'未设目标：…；缺数据：…': KPIs that would be empty columns."""
    if not others:
        return []
    colon, comma, stop = ("：", "、", "；") if lang == "zh" else (": ", ", ", "; ")
    said = stop.join(
        f"{say(f'unjudged_{reason}', lang)}{colon}{comma.join(dict.fromkeys(pick(kpi.name, lang) for kpi in kpis))}"
        for reason, kpis in sorted(others.items(), key=lambda item: STATES.index(item[0]))
    )
    return [html.P([html.B(f"{say(title, lang)}{colon}"), said], className="unjudged")]
