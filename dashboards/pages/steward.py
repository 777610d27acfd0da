"""The steward's work list: what to settle first, and the tickets behind it.

Belongs here: the page. What hangs on which rows is worked out in `pipelines/stewardship/work_list.py`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import polars as pl

from dashboards import html
from dashboards.address import PERIOD_TYPES, STEWARD_STATES, Lang, StewardView
from dashboards.components import Attributes, Node, link
from dashboards.data_docs import data_docs_href
from dashboards.facts import Facts
from dashboards.html import Component, element
from dashboards.html_pages import field
from dashboards.pages.follow_up_pieces import data
from dashboards.pages.steward_pieces import (
    choice,
    href,
    names,
    place_of,
    row_chip,
    row_href,
    shortened,
    source,
)
from dashboards.steward_desk import StewardDesk, narrowed, rows_by_subject
from dashboards.words import DATASETS, name_of, period_short, pick, say
from dashboards.words import PERIOD_TYPES as PERIOD_WORDS
from pipelines.settings import SHANGHAI, month_name
from pipelines.stewardship.open_rows import UNLINKED
from pipelines.stewardship.tickets import Subject, Ticket
from pipelines.stewardship.work_list import Bundle, WorkList

SHOWN_STEPS = 6
SHOWN_TICKETS = 15  # the others of those listed are folded away
MOST_LISTED = 60  # tickets; who looks for others filters
MOST_ROWS = 40  # of a step that are listed
NAMED = 4
COLUMNS = ("st_verdicts", "st_rows", "st_supplier", "dataset", "st_rule", "st_age", "st_assignee", "st_due", "st_state")
FIGURES = ("st_verdicts", "st_rows", "st_age")
WRAPPED = ("st_supplier", "dataset", "st_rule")


def content(facts: Facts, desk: StewardDesk) -> tuple[str, list[Component]]:
    """Title and content of the work list."""
    firsts = [one.first for one in facts.periods(desk.address.period_type)]
    if desk.address.period not in firsts:  # chosen for another kind of period
        desk = replace(desk, address=replace(desk.address, period=None))
    shown = narrowed(desk.work.list, desk.address)
    return say("steward", desk.address.lang), [
        _headline(shown, desk),
        *_narrowed_to(facts, desk),
        _filters(firsts, desk),
        *_rows_of_rule(shown, facts, desk),
        *_first(shown, facts, desk),
        _tickets(shown, desk),
    ]


def _headline(shown: WorkList, desk: StewardDesk) -> Component:
    lang, address = desk.address.lang, desk.address
    colon = "：" if lang == "zh" else ": "
    rows, verdicts = shown.rows.height, shown.verdicts.height
    sentence = say("st_open", lang, rows=f"{rows:,}", verdicts=f"{verdicts:,}") if rows else say("st_none", lang)
    tickets = [one for one in desk.tickets_by_subject.values() if one.is_open]
    late = sum(one.is_overdue(desk.today) for one in tickets)
    waiting = sum(one.state == "proposed" for one in desk.decisions.all())
    told: list[Node] = [link(say("st_tickets_count", lang, count=f"{len(tickets):,}"), "#tickets")]
    told += [say("st_overdue_count", lang, count=late)] if late else []
    sent = shown.rows.filter(state="sent_back").height
    told += [say("st_sent_count", lang, count=f"{sent:,}")] if sent else []
    decided = desk.work.decided.height
    told += [say("st_decided_count", lang, count=f"{decided:,}")] if decided else []
    told += [link(say("st_waiting_count", lang, count=waiting) if waiting else say("st_decisions_all", lang), href(address, "decisions"))]
    told += _elsewhere(desk)
    return html.Section(
        [
            html.H1(
                [html.Span(f"{say('steward', lang)}{colon}", className="when"), html.Strong(sentence)],
                className=f"verdict {'open' if rows else 'good'}",
            ),
            html.P([html.Span(one) for one in told], className="also"),
            html.P(say("st_how", lang), className="about") if rows else None,
        ],
        className="headline",
    )


def _elsewhere(desk: StewardDesk) -> list[Node]:
    """Other pages about the same rows."""
    lang = desk.address.lang
    return [
        link(say("checks", lang), desk.address.to("checks")),
        link(say("rules", lang), desk.address.to("steward", steward=StewardView("rules", dataset=desk.address.steward.dataset))),
        html.A(say("data_docs", lang), href=data_docs_href(), target="_blank"),
    ]


def _narrowed_to(facts: Facts, desk: StewardDesk) -> list[Component]:
    """What else than the filters show the list is narrowed to, and the way back."""
    lang, view = desk.address.lang, desk.address.steward
    told = [("unit", say("st_in_unit", lang, unit=names(facts).get(view.unit, view.unit)))] if view.unit else []
    told += [("rule", say("st_in_rule", lang, rule=pick(desk.rule(view.dataset, view.rule), lang)))] if view.rule else []
    return [
        html.P([text, " · ", link(say("st_show_all", lang), desk.address.to(steward=replace(view, **{name: ""})))], className="note")
        for name, text in told
    ]


def _filters(firsts: list[date], desk: StewardDesk) -> Component:
    lang, address = desk.address.lang, desk.address
    view, rows = address.steward, desk.work.list.rows
    every = [("", say("st_all", lang))]
    tickets = desk.tickets_by_subject.values()
    suppliers = sorted({*rows["supplier_id"], *(one.subject.supplier_id for one in tickets)})
    datasets = sorted({*rows["dataset"], *(one.subject.dataset for one in tickets)})
    people = sorted({one.assignee for one in tickets if one.assignee})
    kept = {"lang": lang, "unit": view.unit, "rule": view.rule}
    return html.Form(
        [
            *(field("hidden", name, value=value) for name, value in kept.items() if value),
            choice("supplier", say("st_supplier", lang), every + [(one, desk.supplier(one)) for one in suppliers], view.supplier),
            choice("dataset", say("st_dataset", lang), every + [(one, name_of(DATASETS, one, lang)) for one in datasets], view.dataset),
            choice("period_type", say("period_type", lang), [(one, name_of(PERIOD_WORDS, one, lang)) for one in PERIOD_TYPES], address.period_type),
            choice(
                "period", say("st_period", lang),
                every + [(month_name(one), period_short(address.period_type, one)) for one in reversed(firsts)],
                month_name(address.period) if address.period else "",
            ),
            choice("state", say("st_state", lang), [(one, say(f"st_state_{one}", lang)) for one in STEWARD_STATES], view.state),
            choice("assignee", say("st_assignee", lang), every + [(one, one) for one in people], view.assignee) if people else None,
            html.Button(say("st_filter", lang), type="submit", className="button"),
        ],
        action=StewardView().path, method="get", className="filters",
    )  # fmt: skip


# --- what to settle first -------------------------------------------------------------------------------------------


def _first(shown: WorkList, facts: Facts, desk: StewardDesk) -> list[Component]:
    lang = desk.address.lang
    if not shown.bundles:
        is_filtered = shown.rows.is_empty() and not desk.work.list.rows.is_empty()
        return [html.P(say("st_none_here", lang), className="about")] if is_filtered else []
    steps = [_step(bundle, shown, facts, desk) for bundle in shown.bundles]
    later = steps[SHOWN_STEPS:]
    head = [html.H2(say("st_first", lang)), html.Span(say("st_first_help", lang), className="help")]
    more: Attributes = {"start": SHOWN_STEPS + 1}
    rest = html.Details([html.Summary(say("st_more_steps", lang, count=len(later))), html.Ol(later, className="first-steps", **more)])
    shown_first = html.Ol(steps[:SHOWN_STEPS], className="first-steps")
    return [html.Section([html.Div(head, className="section-head"), shown_first, *([rest] if later else [])], id="first")]


def _step(bundle: Bundle, shown: WorkList, facts: Facts, desk: StewardDesk) -> Component:
    """A bundle: how many rows, what they decide, what is wrong with them, and the way to them."""
    lang = desk.address.lang
    rows = shown.rows.filter(pl.col("row_id").is_in(list(bundle.rows)))
    verdicts = shown.verdicts.filter(pl.col("verdict_id").is_in(list(bundle.verdicts)))
    key = "st_step_one" if len(bundle.rows) == 1 else "st_step"
    title = say(key, lang, rows=f"{len(bundle.rows):,}", verdicts=f"{len(bundle.verdicts):,}")
    told = [(say("st_problem", lang), _problems(rows, desk)), (say("st_decides", lang), _decided(verdicts, facts, lang))]
    return html.Li(
        [
            html.H3(title),
            html.Dl([html.Div([html.Dt(term), html.Dd(text)]) for term, text in told]),
            _rows(rows, facts, desk),
        ],
        **data(step=f"{len(bundle.rows)}"),
    )


def _problems(rows: pl.DataFrame, desk: StewardDesk) -> list[Component]:
    """Whose rows of what, and the rules that they break in words."""
    lang = desk.address.lang
    grouped: dict[tuple[str, str], Counter[str]] = {}
    for supplier_id, dataset, rules in rows.select("supplier_id", "dataset", "rules").iter_rows():
        grouped.setdefault((supplier_id, dataset), Counter()).update(rules)
    stop = "；" if lang == "zh" else "; "
    return [
        html.Div([
            html.Span(source(desk, supplier_id, dataset, lang), className="label"),
            stop.join(pick(desk.rule(dataset, rule_id), lang) for rule_id, _ in rules.most_common(2)),
        ])
        for (supplier_id, dataset), rules in list(grouped.items())[:NAMED]
    ]  # fmt: skip


def _decided(verdicts: pl.DataFrame, facts: Facts, lang: Lang) -> str:
    """'12 个单位：甲社区、乙社区等；2 项指标：…；2026-01–2026-06'."""
    codes = verdicts["unit_code"].unique(maintain_order=True).to_list()
    kpis = verdicts["kpi_id"].unique(maintain_order=True).to_list()
    called = [names(facts).get(code, code) for code in codes]
    indicators = [pick(facts.kpis[one].name, lang) if one in facts.kpis else one for one in kpis]
    period_type = verdicts["period_type"][0]
    ends = [period_short(period_type, one) for one in (verdicts["period"].min(), verdicts["period"].max()) if isinstance(one, date)]
    colon, stop = ("：", "；") if lang == "zh" else (": ", "; ")
    parts = [
        _counted("st_unit", codes, lang) + colon + shortened(called, NAMED, lang),
        _counted("st_kpi", kpis, lang) + colon + shortened(indicators, NAMED, lang),
        " – ".join(dict.fromkeys(ends)),
    ]
    return stop.join(parts)


def _counted(key: str, of: list[str], lang: Lang) -> str:
    return say(f"{key}_one", lang) if len(of) == 1 else say(f"{key}s", lang, count=len(of))


def _rows(rows: pl.DataFrame, facts: Facts, desk: StewardDesk) -> Component:
    lang, address = desk.address.lang, desk.address
    if rows.height == 1:
        (row,) = rows.iter_rows(named=True)
        state = [] if row["state"] == "open" else [row_chip(row["state"], lang)]
        return html.P([link(say("st_step_open", lang), row_href(address, row), class_name="button small"), *state], className="also")
    items = [
        html.Li([link(_row_name(row, facts, lang), row_href(address, row)), row_chip(row["state"], lang) if row["state"] != "open" else None])
        for row in rows.head(MOST_ROWS).iter_rows(named=True)
    ]
    cut = [html.Li(say("st_and_more", lang))] if rows.height > MOST_ROWS else []
    return html.Details([html.Summary(say("st_step_rows", lang, rows=rows.height)), html.Ul([*items, *cut], className="row-links")])


def _rows_of_rule(shown: WorkList, facts: Facts, desk: StewardDesk) -> list[Component]:
    """The rows themselves where one rule is looked at: also those that nothing hangs on."""
    if not desk.address.steward.rule or shown.rows.is_empty():
        return []
    head = html.Div(html.H2(say("st_ticket_rows", desk.address.lang)), className="section-head")
    return [html.Section([head, _rows(shown.rows, facts, desk)], className="steps")]


def _row_name(row: dict[str, Any], facts: Facts, lang: Lang) -> str:
    line = say("st_line_of", lang, line=row["row_number"])
    return f"{name_of(DATASETS, row['dataset'], lang)} {row['period']:%Y-%m} {line} · {place_of(facts, row['community_code'], lang)}"


# --- tickets --------------------------------------------------------------------------------------------------------


def _tickets(shown: WorkList, desk: StewardDesk) -> Component:
    lang = desk.address.lang
    rows, verdicts = rows_by_subject(shown), shown.verdicts_by_ticket()
    subjects = [one for one in {**desk.tickets_by_subject, **rows} if _is_asked(one, one in rows, desk)]
    subjects.sort(key=lambda one: (-verdicts.get(one, 0), -rows.get(one, 0), *vars(one).values()))
    listed = subjects[:MOST_LISTED]
    is_cut = len(subjects) > len(listed)
    help_ = [say("st_tickets_cut" if is_cut else "st_tickets_help", lang, shown=len(listed), count=len(subjects))]
    # People whom nothing links are no ticket: their rows are listed by the rule.
    unlinked = sum(one.rule_id == UNLINKED for one in subjects)
    help_ += [say("st_tickets_unlinked", lang, count=unlinked)] if unlinked else []
    head = [html.H2(say("st_tickets", lang)), html.Span(("；" if lang == "zh" else "; ").join(help_), className="help")]
    body = [_ticket(one, rows.get(one, 0), verdicts.get(one, 0), desk) for one in listed]
    first, others = body[:SHOWN_TICKETS], body[SHOWN_TICKETS:]
    return html.Section(
        [
            html.Div(head, className="section-head"),
            _table(first, lang) if first else html.P(say("st_tickets_none", lang), className="about"),
            *([html.Details([html.Summary(say("st_more_tickets", lang, count=len(others))), _table(others, lang)])] if others else []),
        ],
        id="tickets",
    )


def _table(rows: list[Component], lang: Lang) -> Component:
    heads = [html.Th(say(name, lang), scope="col", className="number" if name in FIGURES else None) for name in COLUMNS]
    return html.Div(html.Table([html.Thead(html.Tr(heads)), html.Tbody(rows)], className="plain tasks"), className="scroll", tabIndex=0)


def _is_asked(subject: Subject, has_rows: bool, desk: StewardDesk) -> bool:
    """Whether the filters let a ticket through: one that is open by its rows, which a unit or period may leave it none of."""
    view, address = desk.address.steward, desk.address
    known = desk.tickets_by_subject.get(subject)
    is_open = known is None or known.is_open
    return (
        view.supplier in ("", subject.supplier_id)
        and view.dataset in ("", subject.dataset)
        and view.rule in ("", subject.rule_id)
        and view.assignee in ("", known.assignee if known else "")
        and view.state in ("all", "open" if is_open else "closed")
        and (has_rows or not (view.unit or address.period))
    )


def _ticket(subject: Subject, rows: int, verdicts: int, desk: StewardDesk) -> Component:
    lang, known = desk.address.lang, desk.tickets_by_subject.get(subject)
    rule = pick(desk.rule(subject.dataset, subject.rule_id), lang)
    alone = StewardView(supplier=subject.supplier_id, dataset=subject.dataset, rule=subject.rule_id)
    leads_to = href(desk.address, f"ticket/{known.ticket_id}") if known else desk.address.to("steward", steward=alone)
    cells: list[tuple[str, Node | list[Node]]] = [
        ("st_verdicts", f"{verdicts:,}"),
        ("st_rows", f"{rows:,}"),
        ("st_supplier", desk.supplier(subject.supplier_id)),
        ("dataset", name_of(DATASETS, subject.dataset, lang)),
        ("st_rule", link(rule, leads_to)),
        ("st_age", say("st_days", lang, count=age(known, desk.today)) if known and known.is_open else "–"),
        ("st_assignee", known.assignee or "–" if known else "–"),
        ("st_due", due_cell(known, desk.today, lang) if known else "–"),
        ("st_state", ticket_chip(known, lang) if known else say("st_row_links", lang) if subject.rule_id == UNLINKED else "–"),
    ]
    written = [
        element("td", element("div", text), className=_class_of(name, is_empty=text in ("–", ["–"])), **data(label=say(name, lang)))
        for name, text in cells
    ]
    return element("tr", written, **data(ticket=f"{known.ticket_id}" if known else subject.rule_id))


def _class_of(column: str, *, is_empty: bool) -> str | None:
    """`empty` is left out on a phone, where every cell takes a line."""
    return "number" if column in FIGURES else "wraps" if column in WRAPPED else "empty" if is_empty else None


def ticket_chip(known: Ticket, lang: Lang) -> Component:
    state = "open" if known.is_open else "closed"
    return html.Span(say(f"st_state_{state}", lang), className=f"chip k-{state}")


def due_cell(known: Ticket, today: date, lang: Lang) -> list[Node]:
    if known.due is None:
        return ["–"]
    late: list[Node] = [html.Span(say("st_overdue", lang), className="chip l-overdue"), " "] if known.is_overdue(today) else []
    return [*late, f"{known.due}"]


def age(known: Ticket, today: date) -> int:
    """Days since it was opened, for the last time."""
    return (today - datetime.fromisoformat(known.opened_at).astimezone(SHANGHAI).date()).days
