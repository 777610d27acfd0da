"""A ticket: its rows, who sees to it until when, what happened to it, and the sheets on which its supplier corrects them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import polars as pl

from dashboards import html
from dashboards.address import Lang, StewardView
from dashboards.components import Node, link
from dashboards.facts import Facts
from dashboards.html import Component, element
from dashboards.html_pages import field
from dashboards.pages.follow_up_forms import Filled, refusal
from dashboards.pages.follow_up_pieces import data
from dashboards.pages.steward import age, due_cell, ticket_chip
from dashboards.pages.steward_pieces import (
    ANSWER_DAYS,
    breadcrumb,
    due_field,
    form,
    labelled_field,
    place_of,
    reason_field,
    row_chip,
    row_href,
    shortened,
    source,
)
from dashboards.steward_desk import StewardDesk, rows_of
from dashboards.words import pick, say
from pipelines.settings import local_time
from pipelines.stewardship.tickets import STEPS, Ticket

MOST_LISTED = 200  # rows; settling some brings up others
COLUMNS = ("st_month", "st_line", "st_place", "st_other_rules", "st_verdicts", "st_state")


def content(facts: Facts, desk: StewardDesk, filled: Filled) -> tuple[str, list[Component]]:
    """TicketError where there is none of this number."""
    lang, address = desk.address.lang, desk.address
    ticket = desk.tickets.ticket(int(address.steward.part.partition("/")[2]))
    rows = rows_of(desk.work.list, ticket.subject)
    title = say("st_ticket", lang, ticket=ticket.ticket_id)
    return f"{title} · {pick(desk.rule(ticket.subject.dataset, ticket.subject.rule_id), lang)}", [
        breadcrumb([], title, address),
        *refusal(filled.error, lang),
        _headline(ticket, rows, desk),
        _rows(ticket, rows, facts, desk),
        *_sheets(rows, desk),
        _steps(ticket, rows, desk, filled),
        _history(ticket, desk),
    ]


def _headline(ticket: Ticket, rows: pl.DataFrame, desk: StewardDesk) -> Component:
    lang, subject = desk.address.lang, ticket.subject
    colon = "：" if lang == "zh" else ": "
    due: list[Node] = [f"{say('st_due', lang)} ", *due_cell(ticket, desk.today, lang)] if ticket.due else []
    about: list[Node | list[Node]] = [
        say("st_rows_then", lang, rows=f"{rows.height:,}"),
        f"{say('st_age', lang)} {say('st_days', lang, count=age(ticket, desk.today))}" if ticket.is_open else "",
        f"{say('st_assignee', lang)}{colon}{ticket.assignee or say('st_nobody', lang)}" if ticket.is_open else "",
        due,
    ]
    alike = desk.address.to("steward", steward=StewardView(dataset=subject.dataset, rule=subject.rule_id, state="all"))
    return html.Section(
        [
            html.P(source(desk, subject.supplier_id, subject.dataset, lang), className="unit-name"),
            html.H1(html.Strong(pick(desk.rule(subject.dataset, subject.rule_id), lang)), className=f"verdict {'open' if rows.height else 'good'}"),
            html.P([ticket_chip(ticket, lang), *(html.Span(one) for one in about if one)], className="also"),
            html.P(link(say("st_same_rule", lang), alike), className="about"),
        ],
        className="headline",
    )


def _rows(ticket: Ticket, rows: pl.DataFrame, facts: Facts, desk: StewardDesk) -> Component:
    lang = desk.address.lang
    if rows.is_empty():
        return html.Section(html.P(say("st_ticket_done" if ticket.is_open else "st_ticket_closed", lang), className="about"))
    hanging = desk.work.list.touches.group_by("row_id").len()
    ordered = rows.join(hanging, on="row_id", how="left").with_columns(pl.col("len").fill_null(0))
    ordered = ordered.sort(pl.col("state") != "open", "len", "row_id", descending=[False, True, False])
    shown = ordered.head(MOST_LISTED)
    help_ = say("st_tickets_cut", lang, shown=shown.height, count=rows.height) if shown.height < rows.height else say("st_ticket_rows_help", lang)
    heads = [html.Th(say(name, lang), scope="col", className="number" if name == "st_verdicts" else None) for name in COLUMNS]
    body = [_row(row, ticket, facts, desk) for row in shown.iter_rows(named=True)]
    return html.Section(
        [
            html.Div([html.H2(say("st_ticket_rows", lang)), html.Span(help_, className="help")], className="section-head"),
            html.Div(html.Table([html.Thead(html.Tr(heads)), html.Tbody(body)], className="plain tasks"), className="scroll", tabIndex=0),
        ],
        id="rows",
    )


def _row(row: dict[str, Any], ticket: Ticket, facts: Facts, desk: StewardDesk) -> Component:
    lang, subject = desk.address.lang, ticket.subject
    others = [pick(desk.rule(subject.dataset, rule_id), lang) for rule_id in row["rules"] if rule_id != subject.rule_id]
    cells: list[tuple[str, Node]] = [
        ("st_month", f"{row['period']:%Y-%m}"),
        ("st_line", link(say("st_line_of", lang, line=row["row_number"]), row_href(desk.address, row))),
        ("st_place", place_of(facts, row["community_code"], lang)),
        ("st_other_rules", shortened(others, 2, lang) if others else "–"),
        ("st_verdicts", f"{row['len']:,}"),
        ("st_state", row_chip(row["state"], lang)),
    ]
    classes = {"st_verdicts": "number", "st_other_rules": "wraps"}
    return element(
        "tr",
        [element("td", element("div", text), className=classes.get(name), **data(label=say(name, lang))) for name, text in cells],
        **data(row=f"{row['row_number']}"),
    )


def _sheets(rows: pl.DataFrame, desk: StewardDesk) -> list[Component]:
    """The workbook of each month, for the rows that were sent back or that nothing was decided on."""
    lang = desk.address.lang
    asked = for_supplier(rows)
    if asked.is_empty():
        return []
    months = asked.group_by("period").len().sort("period")
    links = [
        html.A(
            say("st_sheet", lang, month=f"{period:%Y-%m}", rows=count), className="button small", download="",
            href=f"{desk.address.steward.path}/{period:%Y-%m}.xlsx",
        )
        for period, count in months.iter_rows()
    ]  # fmt: skip
    head = [html.H2(say("st_sheets", lang)), html.Span(say("st_sheets_help", lang), className="help")]
    return [html.Section([html.Div(head, className="section-head"), html.P(links, className="also")], id="sheets")]


def for_supplier(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows that a correction sheet asks for: not those that wait for a second person."""
    return rows.filter(pl.col("state").is_in(["open", "sent_back"]))


def _steps(ticket: Ticket, rows: pl.DataFrame, desk: StewardDesk, filled: Filled) -> Component:
    lang, to = desk.address.lang, filled.values.get("to", "")
    typed = filled.values
    proposed = f"{ticket.due or desk.today + timedelta(days=ANSWER_DAYS)}"
    assign = [
        labelled_field("st_assignee", lang, field("text", "assignee", value=typed.get("assignee", ticket.assignee), maxLength=60, required=True)),
        labelled_field("st_due", lang, field("date", "due", value=typed.get("due", proposed), min=f"{desk.today}")),
    ]
    note = labelled_field("st_note", lang, html.Textarea(typed.get("note", ""), name="note", rows=2, maxLength=500))
    untouched = rows.filter(state="open").height
    send_all = say("st_do_send_all", lang, rows=untouched)
    forms = [
        ("send_all", send_all, form("send_all", desk, [due_field(typed if to == "send_all" else {}, desk), reason_field(typed, lang)], label=send_all))
    ] if untouched else []  # fmt: skip
    forms += [("assign", say("st_do_assign", lang), form("assign", desk, [*assign, note]))] if ticket.is_open else []
    forms += [("note", say("st_do_note", lang), form("note", desk, [note]))]
    folded = [
        html.Details([html.Summary(name), *([_help(lang)] if key == "send_all" else []), made], open=key == to)
        for key, name, made in forms
    ]
    return html.Section([html.Div(html.H2(say("st_do", lang)), className="section-head"), *folded], className="steps")


def _help(lang: Lang) -> Component:
    return html.P(say("st_help_send_back", lang), className="about")


def _history(ticket: Ticket, desk: StewardDesk) -> Component:
    lang = desk.address.lang
    return html.Section(
        [
            html.Div(html.H2(say("st_history", lang)), className="section-head"),
            html.Ol([_event(step, desk) for step in reversed(desk.tickets.steps(ticket.ticket_id))], className="history-of-task"),
        ]
    )


def _event(step: dict[str, Any], desk: StewardDesk) -> Component:
    lang, detail = desk.address.lang, step["detail"]
    known = {str(name): words for name, words in STEPS.items()}
    who = say("st_by_run", lang) if step["actor_kind"] == "run" else step["actor"]
    head = [
        html.Span(pick(known[step["step"]], lang), className=f"chip e-{step['step']}"),
        html.Span(f"{local_time(step['at'])} · {who}", className="about"),
    ]
    written = [
        ("st_rows", say("st_rows_then", lang, rows=detail["rows"]) if detail.get("rows") else ""),
        ("st_assignee", detail.get("assignee") or ""), ("st_due", detail.get("due_date") or ""), ("st_note", detail.get("note") or ""),
    ]  # fmt: skip
    told = [html.P([html.Span(say(name, lang), className="label"), text], className="written") for name, text in written if text]
    return html.Li([html.P(head, className="also"), *told])
