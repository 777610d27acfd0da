"""A KPI on the page of one unit: as a card with its history, or as a line of the unit's profile.

Belongs here: what is said of one KPI of one unit. Single texts and numbers are composed in `tell.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import polars as pl

from dashboards import figures, html, tell
from dashboards.address import Address, Lang
from dashboards.components import Attributes, Node, chart, chip, column_name, labelled, link
from dashboards.facts import AS_WAS, Facts
from dashboards.figures import Drawing
from dashboards.follow_up_links import follow_up_link
from dashboards.html import Component
from dashboards.objection_links import objection_links
from dashboards.peers import Peers, peers_of
from dashboards.records import STATES, Column, Flag, Judgement, Period, Target, Trend, Unit
from dashboards.scope import ALL, Scope
from dashboards.sparkline import Point, sparkline
from dashboards.summary import JUDGED_STATES, column_of
from dashboards.words import (
    AGENCIES,
    COMPARABILITY,
    DOMAINS,
    MOVEMENT,
    name_of,
    period_short,
    period_ticks,
    pick,
    say,
    state_word,
)
from pipelines.follow_up import Task
from pipelines.objections import Objection

ATTENTION = ("missed", "near", "undetermined")
MOST_CARDS = 12  # of a page over all domains; where more needs attention, lines give the better view
# After the value of a point, as in its words below the chart.
MARKS = {"comparable": "", "rebased": " ↻", "break": " ∥"}
WITH_PEERS = ("street", "community", "grid")


@dataclass(frozen=True)
class Asked:
    """What is asked of a unit by a KPI: its judgements now (one per target), before, their course, and its peers."""

    column: Column
    name_zh: str
    name_en: str
    now: tuple[Judgement, ...]
    past: tuple[Judgement, ...]
    flag: Flag | None
    trend: Trend | None
    peers: Peers | None = None
    task: Task | None = None  # of follow-up, if one is open
    objection: Objection | None = None  # to the figure, if one has not ended
    is_as_was: bool = True

    def name(self, lang: Lang) -> str:
        return self.name_en if lang == "en" else self.name_zh

    @property
    def one(self) -> Judgement:
        """The judgement that the KPI is shown by: the worst."""
        return min(self.now, key=lambda judgement: STATES.index(judgement.state))

    @property
    def state(self) -> str:
        return self.one.state

    @property
    def is_asked(self) -> bool:
        """Whether any target applies."""
        return self.one.target is not None


def asked_of(
    facts: Facts, unit: Unit, period: Period, scope: Scope, unit_basis: str = AS_WAS
) -> list[Asked]:
    """All KPIs of a unit, in the order of the domains; packs that ask the same are one.

    Flags, trends and peers are of units as they were, and say nothing of figures as they are now.
    """
    every = facts.judgements_of(unit.key, period.period_type, scope, unit_basis)
    now = [one for one in every if one.period == period.first]
    columns = facts.columns(now)
    is_as_was = unit_basis == AS_WAS or unit.key not in facts.moved_units
    known = facts.flags_of(unit.key, period, scope) if is_as_was else []
    flags = {(flag.judgement.kpi.kpi_id, flag.judgement.target): flag for flag in known}
    trends = facts.trends(unit.key, period.period_type) if is_as_was else {}
    peers = peers_of(facts, unit, period) if is_as_was and unit.level in WITH_PEERS else {}
    by_kpi: dict[str, list[Judgement]] = {}
    for one in every:
        by_kpi.setdefault(one.kpi.kpi_id, []).append(one)
    return [
        replace(
            _asked(facts, column, columns, by_kpi[column.kpi.kpi_id], period, flags, trends, peers.get(column.kpi.kpi_id)),
            is_as_was=is_as_was,
        )
        for column in columns
    ]


def _asked(
    facts: Facts, column: Column, columns: list[Column], every: Sequence[Judgement], period: Period,
    flags: dict[tuple[str, Target | None], Flag], trends: dict[str, Trend], peers: Peers | None,
) -> Asked:  # fmt: skip
    now = [one for one in every if one.period == period.first and column in column_of(one, columns)]
    shown = min(now, key=lambda one: STATES.index(one.state))
    target_id = shown.target.target_id if shown.target else ""
    return Asked(
        column, column_name(column, columns, "zh"), column_name(column, columns, "en"), tuple(now),
        tuple(_line(every, shown.target)), flags.get((column.kpi.kpi_id, shown.target)), trends.get(target_id), peers,
        facts.task_about(shown), facts.objection_to(shown, period.period_type),
    )  # fmt: skip


def _line(every: Sequence[Judgement], goal: Target | None) -> list[Judgement]:
    """One judgement per period: against the same target, else one of its pack, else without any."""
    best: dict[date, tuple[int, Judgement]] = {}
    for one in every:
        near = _nearness(one.target, goal)
        if near is not None and (one.period not in best or near < best[one.period][0]):
            best[one.period] = (near, one)
    return [one for _, (_, one) in sorted(best.items())]


def _nearness(target: Target | None, goal: Target | None) -> int | None:
    if target is goal:
        return 0
    if target is None or goal is None:
        return 2
    return 1 if target.pack == goal.pack else None


def states_in_cards(asked: Sequence[Asked], address: Address) -> tuple[str, ...]:
    """The states whose KPIs are shown as cards: in one domain all judged ones, over all domains what needs attention."""
    if address.domain != ALL:
        return (*ATTENTION, "met")
    return ATTENTION if sum(one.is_asked and one.state in ATTENTION for one in asked) <= MOST_CARDS else ()


def domain_section(
    domain: str, asked: Sequence[Asked], in_cards: tuple[str, ...], address: Address, beside: Component | None = None
) -> Component:
    """The KPIs of a domain: some as cards, all others as lines of a table.

    `beside`: what stands beside its figures without being one.
    """
    lang = address.lang
    cards = [one for one in asked if one.is_asked and one.state in in_cards]
    lines = [one for one in asked if one not in cards]
    states = Counter(one.state for one in asked if one.is_asked)
    judged = sum(states[state] for state in JUDGED_STATES)
    head: list[Node] = [html.H2(name_of(DOMAINS, domain, lang))]
    if judged:
        head.append(html.Span(say("domain_bad", lang, bad=states["missed"] + states["near"], judged=judged), className="help"))
    head += [chip(state, lang, f"{state_word(state, lang)} {states[state]}") for state in STATES if states[state]]
    is_alone = address.domain != ALL
    parts = [
        html.Summary(head, className="section-head"),
        html.Div([card(one, address) for one in _ordered(cards)], className="kpis") if cards else None,
        _table(_ordered(lines), address) if lines else None,
        beside,
    ]
    # Folded on a small screen only (assets/pages.css), where nothing in it needs attention.
    folded = html.Details([part for part in parts if part is not None], open=is_alone or any(states[state] for state in ATTENTION))
    alone = [] if is_alone else [link(say("domain_alone", lang), address.to(domain=domain), class_name="alone", **_named_domain(domain, lang))]
    return html.Section([folded, *alone], className="domain", **_of_domain(domain))


def _named_domain(domain: str, lang: Lang) -> Attributes:
    """For who hears the link without seeing where it stands."""
    return labelled(f"{say('domain_alone', lang)} {name_of(DOMAINS, domain, lang)}")


def _ordered(asked: Sequence[Asked]) -> list[Asked]:
    """The worst first, those of whom nothing is asked last."""
    return sorted(asked, key=lambda one: (not one.is_asked, STATES.index(one.state)))


def _of_domain(domain: str) -> Attributes:
    return {"data-domain": domain}


def _of_kpi(one: Asked) -> Attributes:
    return {"data-kpi": one.column.kpi.kpi_id, "data-packs": "/".join(one.column.packs)}


def card(asked: Asked, address: Address) -> Component:
    """A KPI with all that is said of it and its history."""
    lang, one = address.lang, asked.one
    terms: list[tuple[str, Node | list[Node], str]] = [
        (say("ratio", lang), "" if one.kpi.kind == "count" else tell.ratio(one), "ratio"),
        (say("target", lang), _targets(asked, lang), "target"),
        (say("shortfall", lang), tell.shortfall(one, lang), "shortfall"),
        (say("certainty", lang), _certainty(one, lang), "certainty"),
        (say("chance", lang), _chance(one, lang), "chance"),
        (say("since", lang), _since(asked.flag, address.period_type, lang), "since"),
        (say("trend_word", lang), tell.trend(asked.trend, address.period_type, lang), "trend"),
        (say("peers", lang), _peers(asked, lang), "peers"),
        (say("owner", lang), _owner(asked, address), "owner"),
        (say("clause", lang), _clauses(asked, lang), "clause"),
        (say("definition", lang), pick(one.kpi.formula, lang), "definition"),
    ]
    described = [html.Div([html.Dt(term), html.Dd(text, className=name)]) for term, text, name in terms if text]
    return html.Article(
        [
            html.Div(
                [
                    html.H3(_named(asked, address)),
                    html.P([_big(one, lang), chip(one.state, lang, tell.status(one, lang))], className="now"),
                    html.Dl(described),
                ],
                className="told",
            ),
            html.Div(
                [
                    chart(_trend(asked.past, one, address.period_type, lang)),
                    *comparability(asked.past, address.period_type, lang),
                ]
            ),
        ],
        className=f"kpi-card k-{one.state}",
        **_of_kpi(asked),
    )


def _big(one: Judgement, lang: Lang) -> Component:
    text, bare = tell.value(one, lang), tell.bare_value(one)
    return html.B([bare, html.Span(text.removeprefix(bare), className="sign")], className="big")


def _targets(asked: Asked, lang: Lang) -> list[Node]:
    """Every different target with the end that binds, and a mark where the plan it rests on is over."""
    told: list[Node] = []
    for one in {tell.target(one.target, one.kpi, lang): one for one in asked.now}.values():
        text = tell.target(one.target, one.kpi, lang)
        ends = tell.binding(one.target, lang)
        told.append(html.Span(f"{text}（{ends}）" if ends and lang == "zh" else f"{text} ({ends})" if ends else text))
        if all(other.is_basis_expired for other in asked.now if other.target is not None):
            told.append(expired_mark(one, lang))
    return told


def expired_mark(one: Judgement, lang: Lang) -> Component:
    word, meaning = tell.expired(one, lang)
    return html.Span(word, className="expired", title=meaning) if word else html.Span()


def _clauses(asked: Asked, lang: Lang) -> list[Node]:
    told: list[Node] = []
    for one in asked.now:
        if one.target is None:
            continue
        kind = tell.strength(one.target, lang)
        text = f"{tell.clause(one.target, lang)}  {pick(one.target.text, lang)}{f'〔{kind}〕' if kind else ''}"
        told.append(html.Div([text.strip(), expired_mark(one, lang)]))
    return told


def _certainty(one: Judgement, lang: Lang) -> str:
    word, reason = tell.certainty(one, lang), tell.certainty_reason(one, lang)
    dash, stop = ("：", "；") if lang == "zh" else (": ", "; ")
    said = f"{word}{dash}{reason}" if reason else ""
    return stop.join(part for part in (said, tell.partial(one, lang)) if part)


def _chance(one: Judgement, lang: Lang) -> list[Node]:
    """What chance alone could do, marked otherwise than doubt about the data."""
    text = tell.chance(one, lang)
    if not text:
        return []
    return [html.Span(text, className="by-chance"), html.Span(tell.chance_reason(one, lang), className="why")]


def _owner(asked: Asked, address: Address) -> list[Node]:
    """The agency that owns the KPI, the task about it or, where its target is missed, the way to open one, and how to contest
    the figure. Objections are about figures as they were, for which somebody answered then.
    """
    told: list[Node] = [name_of(AGENCIES, asked.one.kpi.owner_agency, address.lang)]
    is_missed = asked.flag is not None and asked.flag.judgement.target is not None
    if is_missed or asked.task:
        told += [" ", follow_up_link(asked.one, asked.task, address)]
    return [*told, *objection_links(asked.one, asked.name(address.lang), asked.objection, address)] if asked.is_as_was else told


def _since(flag: Flag | None, period_type: str, lang: Lang) -> str:
    if flag is None:
        return ""
    movement = name_of(MOVEMENT, flag.movement, lang)
    return say(
        "flagged_since",
        lang,
        since=period_short(period_type, flag.since),
        count=flag.in_a_row,
        movement=movement if lang == "zh" else movement.lower(),
    )


def _named(asked: Asked, address: Address) -> Component:
    """The KPI's name, leading to its page among the parts of this unit, or where it has none among its like."""
    kpi_id = asked.column.kpi.kpi_id
    return link(asked.name(address.lang), address.to("kpi", kpi_id=kpi_id, unit_key=asked.one.unit_key))


HEAD = ("kpi", "status", "value", "target", "trend_word", "bounds", "peers", "shortfall", "owner")


def _table(lines: Sequence[Asked], address: Address) -> Component:
    lang = address.lang
    names = [name for name in HEAD if name != "peers" or any(one.peers for one in lines)]
    heads = [html.Th(say(name, lang), scope="col", className=f"c-{name}") for name in names]
    return html.Table(
        [html.Thead(html.Tr(heads)), html.Tbody([_line_of(asked, names, address) for asked in lines])],
        className="plain kpi-lines",
    )


def _line_of(asked: Asked, names: Sequence[str], address: Address) -> Component:
    one, lang = asked.one, address.lang
    cells: dict[str, list[Node]] = {
        "status": [chip(one.state, lang), *_small(tell.partial(one, lang)), *comparability([one], address.period_type, lang)],
        "value": [html.B(tell.value(one, lang)), *_small("" if one.kpi.kind == "count" else tell.ratio(one), "ratio")],
        "target": _targets(asked, lang),
        "trend_word": [_spark(asked, address), *_small(tell.trend_brief(asked.trend, lang))],
        "bounds": [*_small(_bounds(one, lang), "doubt"), *_small(tell.chance(one, lang), "by-chance")],
        "peers": _peers(asked, lang),
        "shortfall": [
            *([html.Span(tell.shortfall_brief(one, lang), className="shortfall")] if one.shortfall else []),
            *_small(_since(asked.flag, address.period_type, lang)),
        ],
        "owner": _owner(asked, address),
    }
    named = html.Th(
        [_named(asked, address), *_small(_clauses_brief(asked), "clause")], scope="row"
    )
    labels: list[tuple[str, Attributes]] = [(name, {"data-label": say(name, lang)}) for name in names if name in cells]
    return html.Tr(
        [named, *(html.Td(cells[name], className=f"c-{name}", **label) for name, label in labels)],
        className=None if asked.state in ATTENTION else "quiet", **_of_kpi(asked),
    )


def _small(text: str, class_name: str = "") -> list[Node]:
    """A second line of a cell; nothing where there is nothing to say."""
    return [html.Span(text, className=f"below {class_name}".strip())] if text else []


def _clauses_brief(asked: Asked) -> str:
    return " · ".join(dict.fromkeys(tell.clause_brief(one.target) for one in asked.now if one.target))


def _spark(asked: Asked, address: Address) -> Component:
    lang, one = address.lang, asked.one
    comma, colon = ("，", "：") if lang == "zh" else (", ", ": ")
    told = comma.join(f"{period_short(address.period_type, other.period)} {tell.value(other, lang)}" for other in asked.past)
    points = [Point(other.value, other.state, _ends(other.target)["target_1"]) for other in asked.past]
    return sparkline(points, f"{say('course', lang)}{colon}{told}{comma}{say('target', lang)} {tell.target(one.target, one.kpi, lang)}")


def _peers(asked: Asked, lang: Lang) -> list[Node]:
    """Its place among its like (counts are not ranked: units differ in size), and what is usual there."""
    peers, one = asked.peers, asked.one
    if peers is None:
        return []
    spread = {
        name: tell.amount(bound, one.kpi, one.target, lang)
        for name, bound in (("low", peers.lower_quartile), ("median", peers.median), ("high", peers.upper_quartile))
    }
    told = say("peers_told", lang, total=peers.total, better=peers.better, equal=peers.equal, worse=peers.worse)
    place = say("peers_place", lang, place=peers.place, total=peers.total)
    if peers.equal:
        place += say("peers_tied", lang, count=peers.equal + 1)
    ranked: list[Node] = [] if one.kpi.kind == "count" else [html.Span(place, className="place", title=told)]
    return [*ranked, *_small(say("peers_spread", lang, **spread))]


def comparability(past: Sequence[Judgement], period_type: str, lang: Lang) -> list[Component]:
    """In words which periods cannot be compared with today's extent, and which were placed anew; nothing where all can."""
    told = []
    for mark in ("break", "rebased"):
        named = [period_short(period_type, one.period) for one in past if one.comparability == mark]
        if named:
            periods = named[0] if len(named) == 1 else f"{named[0]} … {named[-1]}"
            told.append(html.Span(say(f"marked_{mark}", lang, periods=periods), className=f"mark-{mark}"))
    return [html.P(told, className="comparability")] if told else []


def _bounds(one: Judgement, lang: Lang) -> str:
    said = tell.bounds(one, lang)
    return "" if said in ("–", tell.value(one, lang)) else said  # too little to be seen in the decimals shown


def _trend(past: Sequence[Judgement], one: Judgement, period_type: str, lang: Lang) -> Drawing:
    ticks = period_ticks(period_type, [other.period for other in past], lang)
    rows = [
        {
            "label": period_short(period_type, other.period),
            "tick": tick,
            "value": other.value,
            "printed": "" if other.value is None else tell.bare_value(other) + MARKS[other.comparability],
            "hover": _hover(other, period_type, lang),
            "state": other.state,
            "is_doubtful": tell.has_doubt(other),
            "value_low": other.value_low,
            "value_high": other.value_high,
            **_ends(other.target),
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
        goal=tell.target(one.target, one.kpi, lang) if one.target else "",
        sign=tell.unit_sign(one.kpi, lang),
        is_rate=one.kpi.kind == "rate",
    )


def _hover(one: Judgement, period_type: str, lang: Lang) -> str:
    told = [period_short(period_type, one.period), tell.card(one, lang)]
    if one.comparability != "comparable":
        told.append(name_of(COMPARABILITY, one.comparability, lang))
    return "\n".join(told).replace("\n", "<br>")


def _ends(goal: Target | None) -> dict[str, float | None]:
    """The lines of a target in the chart."""
    if goal is None:
        return {"target_1": None, "target_2": None}
    return {"target_1": float(goal.value_1), "target_2": None if goal.value_2 is None else float(goal.value_2)}
