"""The overview: what is wrong, where, since when, and whether the figures hold."""

from __future__ import annotations

from collections import Counter

from dash import html
from dash.development.base_component import Component

from dashboards import tell
from dashboards.address import Address, Lang
from dashboards.choices import bar, level_choice, period_choices
from dashboards.components import (
    UNREAD,
    Attributes,
    Node,
    chip,
    labelled,
    legend,
    link,
    mark,
    matrix,
    options,
)
from dashboards.facts import STATES, Column, Facts, Flag, Judgement, Period, Unit
from dashboards.flag_list import flag_grid
from dashboards.summary import LONG, Overall, by_street, by_unit, column_of, count_states, lasting, overall
from dashboards.words import STATES as LOOKS
from dashboards.words import day, pick, say

PROBLEMS = ("missed", "near", "undetermined", "no_data")

Table = dict[str, dict[Column, Judgement]]


def content(facts: Facts, address: Address) -> tuple[str, list[Component]]:
    """Title and content of the overview of one period and level."""
    lang = address.lang
    period = facts.period(address)
    before = facts.before(period)
    judgements = facts.judgements(period, address.level)
    units = facts.units(period.end)
    columns = facts.columns(judgements)
    table = by_unit(judgements, columns)
    flags = facts.flags(period, judgements)
    earlier = by_unit(facts.judgements(before, address.level), columns) if before else {}
    info = facts.edition.info
    title = f"{info.county_name} · {pick(period.label, lang)}"
    parts = [
        bar([*period_choices(facts, address, period), level_choice(address)]),
        _headline(overall(table, columns, units), flags, facts, address, period, before),
        _cards(facts, address, period, columns, table, earlier),
        _matrix(table, columns, units, address),
        _list(flags, units, address, period),
    ]
    return title, parts


def _headline(
    whole: Overall, flags: list[Flag], facts: Facts, address: Address, period: Period, before: Period | None
) -> Component:
    lang = address.lang
    units = say(f"units_{address.level}", lang)
    missed = whole.units["missed"] + whole.units["near"]
    key = {
        "bad": "headline_bad",
        "open": "headline_open",
        "good": "headline_good",
        "none": "headline_judged_none",
    }
    sentence = say(key[whole.tone], lang, total=whole.total, bad=missed, units=units)
    colon = "：" if lang == "zh" else ": "
    heading = html.H1(
        [html.Span(f"{pick(period.label, lang)}{colon}", className="when"), html.Strong(sentence)],
        className=f"verdict {whole.tone}",
    )
    return html.Section(
        [heading, _also(whole, lang), _details(whole, flags, facts, address, period, before)],
        className="headline",
    )


def _also(whole: Overall, lang: Lang) -> Component:
    keys = {
        "near": "also_near",
        "undetermined": "also_undetermined",
        "no_data": "also_no_data",
        "met": "also_met",
    }
    return html.P(
        [
            chip(state, lang, say(key, lang, count=whole.units[state]))
            for state, key in keys.items()
            if whole.units[state]
        ],
        className="also",
    )


def _details(
    whole: Overall, flags: list[Flag], facts: Facts, address: Address, period: Period, before: Period | None
) -> Component:
    lang = address.lang
    facts_told: list[Node] = []
    if not period.is_closed:
        facts_told.append(say("not_closed", lang, day=day(period.cutoff, lang)))
    if whole.most_missed:
        column, count = whole.most_missed
        facts_told.append(say("most_kpi", lang, kpi=pick(column.kpi.name, lang), count=count))
    if whole.worst_streets:
        facts_told.append(html.Span([say("most_streets", lang), *_streets(whole, address)]))
    if count := lasting(flags):
        facts_told.append(say("lasting", lang, count=count, periods=LONG))
    if before is not None and whole.tone != "none":
        moves = Counter(flag.movement for flag in flags)
        recovered = facts.recovered(period, address.level)
        text = say(
            "change",
            lang,
            period=pick(before.label, lang),
            new=moves["new"],
            worse=moves["worsening"],
            recovered=recovered,
        )
        facts_told.append(text)
    return html.Ul([html.Li(told) for told in facts_told], className="details")


def _streets(whole: Overall, address: Address) -> list[Node]:
    return [
        html.Span(
            [
                link(place.unit.name, address.to("unit", unit_key=place.unit.key)),
                f" {place.missed}/{place.total}",
            ],
            className="street-count",
        )
        for place in whole.worst_streets
    ]


def _cards(
    facts: Facts, address: Address, period: Period, columns: list[Column], table: Table, earlier: Table
) -> Component:
    county = {
        (one.kpi.kpi_id, column): one
        for one in facts.judgements(period, "county")
        for column in column_of(one, columns)
    }
    cards = [
        _card(place, column, table, earlier, county.get((column.kpi.kpi_id, column)), address.lang)
        for place, column in enumerate(columns)
    ]
    return html.Section(cards, className="cards", **labelled(say("cards", address.lang)))


def _card(
    place: int, column: Column, table: Table, earlier: Table, county: Judgement | None, lang: Lang
) -> Component:
    counts = count_states(table, column)
    before = count_states(earlier, column) if earlier else None
    goals = {one.target for row in table.values() if (one := row.get(column)) and one.target}
    goal = " / ".join(sorted(tell.target(goal, column.kpi, lang) for goal in goals)) or say("no_target", lang)
    clauses = "、".join(sorted({tell.clause_brief(goal) for goal in goals}))
    in_full = "\n".join(sorted({tell.clause(goal, lang) for goal in goals}))
    total = counts.total()
    bar_parts = [
        html.Span(className=f"part s-{state}", style={"flexGrow": counts[state]})
        for state in STATES
        if counts[state]
    ]
    tally = [
        html.Li(
            [html.Span(LOOKS[state].icon, className=f"swatch s-{state}", **UNREAD),
             html.Span(pick(LOOKS[state].words, lang), className="word"),
             html.B(str(counts[state]), **_of_state(state)), _delta(state, counts, before, lang)],
        )
        for state in STATES
        if counts[state] or (state == "missed")
    ]  # fmt: skip
    return html.Article(
        [
            html.H2([html.Span(mark(place), className="mark"), pick(column.kpi.name, lang)]),
            html.P(
                [f"{say('target', lang)} {goal}", html.Span(clauses, className="clause", title=in_full)],
                className="goal",
            ),
            html.Div(bar_parts, className="bar", role="img", **labelled(f"{counts['missed']} / {total}")),
            html.Ul(tally, className="tally"),
            _county_line(county, lang),
        ],
        className="card",
        **_of_kpi(column),
    )


def _of_kpi(column: Column) -> Attributes:
    return {"data-kpi": column.kpi.kpi_id}


def _of_state(state: str) -> Attributes:
    return {"data-state": state}


def _delta(state: str, counts: Counter[str], before: Counter[str] | None, lang: Lang) -> Component:
    if before is None:
        return html.Span("", className="delta")
    change = counts[state] - before[state]
    arrow = "▲" if change > 0 else "▼"
    text = f"{arrow}{abs(change)}" if change else say("unchanged", lang) if state == "missed" else ""
    tone = "" if change == 0 or state != "missed" else " worse" if change > 0 else " better"
    return html.Span(text, className=f"delta{tone}", title=f"{say('before', lang)} {before[state]}")


def _county_line(county: Judgement | None, lang: Lang) -> Component | None:
    if county is None:
        return None
    return html.P(
        [html.Span(say("whole", lang)), html.B(tell.value(county, lang)), html.Span(tell.ratio(county), className="ratio"),
         chip(county.state, lang)],
        className="whole",
    )  # fmt: skip


def _matrix(table: Table, columns: list[Column], units: dict[str, Unit], address: Address) -> Component:
    lang = address.lang
    keys = [key for key, row in table.items() if address.show == "all" or _has_problem(row)]
    present = {one.state for row in table.values() for one in row.values()}
    show = options(
        say("show", lang),
        [
            (say("show_all", lang), address.to(show="all"), address.show == "all"),
            (say("show_problems", lang), address.to(show="problems"), address.show == "problems"),
        ],
    )
    body = (
        matrix(by_street(keys, units), table, columns, address) if keys else html.P(say("no_problems", lang))
    )
    return html.Section(
        [
            html.Div([html.H2(say("matrix", lang)), show], className="section-head"),
            legend([state for state in STATES if state in present], lang),
            body,
            html.P(say("matrix_help", lang), className="help"),
        ],
        id="matrix",
    )


def _has_problem(row: dict[Column, Judgement]) -> bool:
    return any(one.state in PROBLEMS for one in row.values())


def _list(flags: list[Flag], units: dict[str, Unit], address: Address, period: Period) -> Component:
    lang = address.lang
    head: list[Component] = [html.H2(say("list", lang))]
    if not flags:
        return html.Section([*head, html.P(say("list_empty", lang))], id="list")
    query = Address(
        lang=lang, period_type=period.period_type, period=period.first, level=address.level
    ).query()
    save = html.A(
        say("download", lang, count=len(flags)),
        href=f"/export/flags.csv{query}",
        className="button",
        download="",
    )
    return html.Section(
        [
            html.Div(
                [*head, html.Span(say("list_help", lang), className="help"), save], className="section-head"
            ),
            flag_grid(flags, units, address),
        ],
        id="list",
    )
