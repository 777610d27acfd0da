"""The page of one unit, from a grid to the province: every KPI with its target, certainty, chance and history.

Belongs here: the page and what stands around the KPIs. A KPI itself is drawn by `unit_kpi.py`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date

import polars as pl

from dashboards import figures, html
from dashboards.address import Address, StewardView
from dashboards.checks import REGISTRATION, Unplaced, changes, unplaced
from dashboards.choices import bar, basis_choice, domain_choice, pack_choice, period_choices
from dashboards.components import bulletin_menu, chart, chip, downloads, link, mark
from dashboards.deliveries import delivery_table, finding_table, needs_attention, slots_sentence
from dashboards.facts import Facts
from dashboards.figures import Drawing
from dashboards.html import Component
from dashboards.pages import domain as one_domain
from dashboards.pages import whole
from dashboards.pages.checks import estimate_note
from dashboards.pages.crumbs import breadcrumb
from dashboards.pages.unit_kpi import Asked, asked_of, domain_section, states_in_cards
from dashboards.pages.view import View
from dashboards.records import STATES, Delivery, Judgement, Period, Unit
from dashboards.scope import ALL, Scope
from dashboards.standing import history, standing
from dashboards.summary import shown_kpis, tone
from dashboards.words import (
    CHANGES,
    CLASSES,
    DATASETS,
    DOMAINS,
    LEVEL,
    name_of,
    period_short,
    period_ticks,
    pick,
    say,
)
from dashboards.words import STATES as LOOKS

FEW = 12
NAMED = 8  # KPIs that the headline names
BELOW = {"county": "street", "street": "community", "community": "grid"}
WITH_BULLETIN = ("county", "street")


def content(facts: Facts, address: Address) -> tuple[str, list[Component]]:
    """Title and content of one unit's page; NoSuchPage where the unit is not in force in the period."""
    period, scope = facts.period(address), facts.scope(address)
    units = facts.units(period.end)
    unit = facts.unit(address.unit_key, period.end)
    asked = asked_of(facts, unit, period, scope, address.unit_basis)
    rate = facts.kpis.get(REGISTRATION)
    beside = {rate.domain: estimate_note(facts, unit, period, address)} if rate else {}
    now = [judgement for one in asked for judgement in one.now]
    in_cards = states_in_cards(asked, address)
    parts = [
        breadcrumb(unit, units, address),
        bar(
            [
                *period_choices(facts, address, period), basis_choice(facts, address), pack_choice(facts, address),
                downloads("profile", address), bulletin_menu(address) if unit.level in WITH_BULLETIN else None,
            ]
        ),
        bar([domain_choice(facts, address)]),
        _headline(unit, asked, period, address),
        *(
            domain_section(
                domain, [one for one in asked if one.column.kpi.domain == domain], in_cards, address, beside.get(domain)
            )
            for domain in dict.fromkeys(one.column.kpi.domain for one in asked)
        ),
        _extent(facts, unit, address),
        _children(facts, unit, units, period, scope, address),
        _behind(facts, unit, now, period, address),
    ]
    return f"{unit.name} · {pick(period.label, address.lang)}", [part for part in parts if part is not None]


def _extent(facts: Facts, unit: Unit, address: Address) -> Component | None:
    """What became of the unit within the edition's periods, and the rows that nothing places in the units of today."""
    lang = address.lang
    told = [
        say(
            "lineage", lang, date=f"{one.day:%Y-%m-%d}", kind=name_of(CHANGES, one.kind, lang), before=one.before,
            after=one.after, document=f" · {one.document}" if one.document else "",
        )
        for one in changes(facts, unit)
    ]  # fmt: skip
    left = [
        say(
            "unplaced", lang, months=_months(one), dataset=name_of(DATASETS, one.dataset, lang),
            rows=f"{one.rows:,}", unit=one.unit_name,
        )
        for one in unplaced(facts, unit)
    ]  # fmt: skip
    if not told and not left:
        return None
    head = [html.H2(say("unit_changes", lang)), html.Span(say("unit_changes_help", lang), className="help")]
    items = [html.Li(text) for text in told] + [html.Li(text, className="unplaced") for text in left]
    return html.Section([html.Div(head, className="section-head"), html.Ul(items, className="changes")], id="extent")


def _months(one: Unplaced) -> str:
    return f"{one.first:%Y-%m}" if one.first == one.last else f"{one.first:%Y-%m} … {one.last:%Y-%m}"


def _headline(unit: Unit, asked: list[Asked], period: Period, address: Address) -> Component:
    lang = address.lang
    states = Counter(one.state for one in asked if one.is_asked)
    how = tone(states)
    colon, comma = ("：", "、") if lang == "zh" else (": ", ", ")
    bad = [one for one in asked if one.is_asked and one.state in ("missed", "near")]
    names = list(dict.fromkeys(pick(one.column.kpi.name, lang) for one in bad))
    sentence = say(f"unit_{how}", lang, total=states["met"] if how == "good" else states.total(), bad=len(bad))
    if names:
        sentence += colon + comma.join(names[:NAMED]) + ("…" if len(names) > NAMED else "")
    where = "" if address.domain == ALL else f" · {name_of(DOMAINS, address.domain, lang)}"
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
    also += [_to_rows(unit, period, address)] if states["undetermined"] else []
    return html.Section(
        [
            html.P(unit.name, className="unit-name"),
            html.H1(
                [html.Span(f"{pick(period.label, lang)}{where}{colon}", className="when"), html.Strong(sentence)],
                className=f"verdict {how}",
            ),
            html.P(also, className="also"),
            html.P(" · ".join(part for part in about if part), className="about"),
        ],
        className="headline",
    )


def _to_rows(unit: Unit, period: Period, address: Address) -> Component:
    """The way to the rows that leave verdicts of the unit undetermined; out of sight of who may not see rows."""
    rows = address.to("steward", period=period.first, steward=StewardView(unit=unit.code))
    return link(say("st_behind", address.lang), rows, class_name="button small")


def _children(
    facts: Facts, unit: Unit, units: dict[str, Unit], period: Period, scope: Scope, address: Address
) -> Component | None:
    level = BELOW.get(unit.level)
    if level is None:
        return None
    stand = standing(facts, period, level, scope, above=unit)
    if not stand.stands:
        return None
    view = View(facts, replace(address, level=level), period, None, scope, stand, units)
    keys = list(stand.stands)
    counts = history(facts, address.period_type, level, unit, scope)
    if scope.domain == ALL:
        body = whole.heatmap(view, keys)
        names = {(domain, ""): name_of(DOMAINS, domain, view.lang) for domain in facts.domains if stand.counts(domain)}
    else:
        shown, others = shown_kpis(stand, view.kpis(scope.domain), is_closed=period.is_closed)
        columns, table = one_domain.columns_and_table(view, level, shown, above=unit)
        body = [*one_domain.heatmap(view, columns, table, keys), *one_domain.unjudged(others, view.lang)]
        marks = {column.kpi.kpi_id: mark(place) for place, column in reversed(list(enumerate(columns)))}
        names = {
            (kpi.domain, kpi.kpi_id): f"{marks.get(kpi.kpi_id, '')} {pick(kpi.name, view.lang)}" for kpi in shown
        }
    titles = [html.H2(say(f"children_{unit.level}", view.lang)), downloads("figures", view.address)]
    head = html.Div(titles, className="section-head")
    return html.Section([head, *body, _history(counts, names, address)], id="matrix")


def _history(counts: pl.DataFrame, names: dict[tuple[str, str], str], address: Address) -> Component:
    """How many of the units below are in each state, period by period: a chart for each domain or KPI."""
    lang = address.lang
    firsts = counts["period"].unique().sort().to_list()
    ticks = dict(zip(firsts, period_ticks(address.period_type, firsts, lang), strict=True))
    charts = [
        html.Div([html.H3(name), chart(_states(counts, domain, kpi_id, ticks, address))])
        for (domain, kpi_id), name in names.items()
    ]
    head = [html.H2(say("history", lang)), html.Span(say("history_help", lang), className="help")]
    return html.Div(
        [html.Div(head, className="section-head"), html.Div(charts, className="histories")],
        className="history",
    )


def _states(counts: pl.DataFrame, domain: str, kpi_id: str, ticks: dict[date, str], address: Address) -> Drawing:
    rows = [
        {
            "label": period_short(address.period_type, row["period"]),
            "tick": ticks[row["period"]],
            "state": row["state"],
            "units": row["units"],
        }
        for row in counts.iter_rows(named=True)
        if (row["domain"], row["kpi_id"]) == (domain, kpi_id)
    ]
    schema = {"label": pl.String, "tick": pl.String, "state": pl.String, "units": pl.Int64}
    return figures.history(pl.DataFrame(rows, schema=schema), address.lang)


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
    trouble = [slot for slot in slots if needs_attention(slot)]
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
