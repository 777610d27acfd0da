"""The routes of the steward's work: its pages as plain HTML with forms, what these send, and correction sheets.

Belongs here: requests and answers. What pages show stands in `pages/steward*.py`, what may be decided in
`pipelines/stewardship`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from urllib.parse import quote

import polars as pl
from flask import Flask, Response, redirect, request
from werkzeug.wrappers import Response as Answer

from dashboards import html_pages
from dashboards.address import Address, NoSuchPage, language_of, parse
from dashboards.components import page
from dashboards.doors import STYLE_SHEET
from dashboards.edition import EditionReader, EditionUnreadable, NoEdition
from dashboards.facts import Facts
from dashboards.files import TYPES
from dashboards.html import Component
from dashboards.pages import problem, steward, steward_decisions, steward_row, steward_ticket
from dashboards.pages.follow_up_forms import Filled
from dashboards.steward_desk import StewardDesk, WorkBench, rows_of, steward_desk
from dashboards.visitor import strip, visitor
from pipelines.errors import WarehouseError, Words
from pipelines.settings import Home, month_start
from pipelines.stewardship import decided_links, settling
from pipelines.stewardship.correction_sheet import sheet_name, write_sheet
from pipelines.stewardship.decisions import DecisionError, Draft
from pipelines.stewardship.row_view import NoSuchRow, RowView
from pipelines.stewardship.tickets import TicketError

Step = Callable[[StewardDesk, Mapping[str, str]], None]


def add_steward(server: Flask, reader: EditionReader, home: Home) -> None:
    """Adds the pages under /steward, and what their forms send."""
    bench = WorkBench(home)

    def show(**_part: object) -> Answer:
        return _answered(reader, bench, request.path, Filled())

    def row_sent(**_part: object) -> Answer:
        return _taken(reader, bench, request.path, _decide)

    def ticket_sent(**_part: object) -> Answer:
        return _taken(reader, bench, request.path, _work_on)

    def decision_sent(decision: int) -> Answer:
        # back to the page on which the form stood
        return _taken(reader, bench, f"/steward/{request.form.get('at', '')}", lambda desk, values: _settle(desk, decision, values))

    def sheet(ticket: int, month: str) -> Answer:
        return _sheet(reader, bench, ticket, month)

    for path, name, take in (
        ("/steward", "steward", None),
        ("/steward/decisions", "steward_decisions", None),
        ("/steward/ticket/<int:ticket>", "steward_ticket", ticket_sent),
        ("/steward/row/<batch>/<int:number>", "steward_row", row_sent),
    ):
        server.add_url_rule(path, name, show, methods=["GET"])
        if take is not None:
            server.add_url_rule(path, f"{name}_sent", take, methods=["POST"])
    server.add_url_rule("/steward/decisions/<int:decision>", "steward_decision_sent", decision_sent, methods=["POST"])
    server.add_url_rule("/steward/ticket/<int:ticket>/<month>.xlsx", "correction_sheet", sheet, methods=["GET"])


# --- what forms ask for ---------------------------------------------------------------------------------------------


def _decide(desk: StewardDesk, values: Mapping[str, str]) -> None:
    """Makes the decision on a row that a form of its page asks for."""
    _, batch_id, number = desk.address.steward.part.split("/")
    desk.decisions.make([_draft(desk, desk.row(batch_id, int(number)), values)], desk.visitor.actor)


def _draft(desk: StewardDesk, view: RowView, values: Mapping[str, str]) -> Draft:
    reason = values.get("reason", "")
    match values.get("to"):
        case "accept":
            return settling.accept(view, reason, is_sample=desk.county.sample)
        case "reject":
            return settling.reject(view, reason)
        case "merge":
            return settling.merge(view, _number(values, "into"), reason)
        case "correct":
            return settling.correct(view, steward_row.corrected_cells(view, values), reason)
        case "send_back":
            return settling.send_back(view, _day(values), desk.today, reason)
        case "same_person" | "other_person" as kind:
            pair = next((one for one in desk.pairs(view) if steward_row.name_of_pair(one) == values.get("pair")), None)
            if pair is not None:
                return decided_links.draft(desk.home, desk.store, pair, reason, is_same=kind == "same_person")
    raise _malformed("to")


def _settle(desk: StewardDesk, decision_id: int, values: Mapping[str, str]) -> None:
    """Approves, refuses or withdraws a decision, or has its effect computed."""
    actor, reason = desk.visitor.actor, values.get("reason", "")
    match values.get("to"):
        case "approve":
            desk.decisions.approve(decision_id, actor, reason)
        case "refuse":
            desk.decisions.refuse(decision_id, actor, reason)
        case "withdraw":
            desk.decisions.withdraw(decision_id, actor, reason)
        case "preview":
            desk.preview(decision_id)
        case _:
            raise _malformed("to")


def _work_on(desk: StewardDesk, values: Mapping[str, str]) -> None:
    """Assigns a ticket, adds a note to it, or sends back all its rows about which nothing was decided."""
    ticket = desk.tickets.ticket(int(desk.address.steward.part.partition("/")[2]))
    actor, note = desk.visitor.actor, values.get("note", "")
    match values.get("to"):
        case "assign":
            due = _day(values) if values.get("due") else None
            desk.tickets.assign(ticket.ticket_id, actor, desk.today, assignee=values.get("assignee", ""), due=due, note=note)
        case "note":
            desk.tickets.note(ticket.ticket_id, actor, note)
        case "send_all":
            due, reason = _day(values), values.get("reason", "")
            views = desk.rows(rows_of(desk.work.list, ticket.subject).filter(state="open"))
            desk.decisions.make([settling.send_back(view, due, desk.today, reason) for view in views], actor)
        case _:
            raise _malformed("to")


def _day(values: Mapping[str, str]) -> date:
    try:
        return date.fromisoformat(values.get("due", ""))
    except ValueError as error:
        raise _malformed("due") from error


def _number(values: Mapping[str, str], name: str) -> int:
    text = values.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise _malformed(name)
    return int(text)


def _malformed(where: str) -> DecisionError:
    return DecisionError(
        Words("表单填写不完整", "The form is incomplete"),
        where=where,
        expected=Words("页面上的表单", "the form as the page gives it"),
        found=Words("无法识别的值", "a value that is not known"),
        advice=Words("改正后重新提交", "correct it and submit again"),
    )


# --- answers --------------------------------------------------------------------------------------------------------


def _taken(reader: EditionReader, bench: WorkBench, path: str, step: Step) -> Answer:
    """Takes a step, and shows the page of `path` with what it made, or with why it was not taken."""
    values = request.form.to_dict()
    try:
        address = parse(path, _search())
        edition, _ = reader.current_or_last()
        with steward_desk(bench, edition, visitor(), address, read_only=False) as desk:
            step(desk, values)
    except (DecisionError, TicketError) as error:
        return _answered(reader, bench, path, Filled(values, error), 400)
    except WarehouseError as error:
        return _problem(error)
    return redirect(address.href, 303)


def _answered(reader: EditionReader, bench: WorkBench, path: str, filled: Filled, status: int = 200) -> Answer:
    try:
        address = parse(path, _search())
        edition, is_stale = reader.current_or_last()
        with steward_desk(bench, edition, visitor(), address, read_only=True) as desk:
            title, content = _content(Facts(edition), desk, filled)
    except WarehouseError as error:
        return _problem(error)
    return _html(title, page(edition.info, address, content, is_stale=is_stale), address, status)


def _content(facts: Facts, desk: StewardDesk, filled: Filled) -> tuple[str, list[Component]]:
    match desk.address.steward.part.partition("/")[0]:
        case "ticket":
            return steward_ticket.content(facts, desk, filled)
        case "row":
            return steward_row.content(facts, desk, filled)
        case "decisions":
            return steward_decisions.content(facts, desk, filled)
        case _:
            return steward.content(facts, desk)


def _sheet(reader: EditionReader, bench: WorkBench, ticket_id: int, month: str) -> Answer:
    """The workbook on which a supplier corrects the rows of a ticket and month."""
    try:
        address = parse(f"/steward/ticket/{ticket_id}", _search())
        edition, _ = reader.current_or_last()
        with steward_desk(bench, edition, visitor(), address, read_only=True) as desk:
            rows = steward_ticket.for_supplier(rows_of(desk.work.list, desk.tickets.ticket(ticket_id).subject))
            views = desk.rows(rows.filter(pl.col("period") == _month(month)))
            if not views:
                raise _no_sheet(month)
            content, name = write_sheet(views, is_sample=desk.county.sample), sheet_name(views[0].row.slot)
    except WarehouseError as error:
        return _problem(error)
    answer = Response(content, mimetype=TYPES["xlsx"])
    answer.headers["Content-Disposition"] = f"attachment; filename=\"correction.xlsx\"; filename*=UTF-8''{quote(name)}"
    return answer


def _month(text: str) -> date:
    try:
        return month_start(text)
    except ValueError as error:
        raise _no_sheet(text) from error


def _no_sheet(month: str) -> NoSuchPage:
    return NoSuchPage(
        Words("没有这份更正表", "There is no such correction sheet"),
        where=month[:10],
        expected=Words("工单页所列的月份", "a month that the page of the ticket lists"),
        found=Words("这个月没有需更正的行", "no row of this month to correct"),
        advice=Words("从工单页下载", "download it from the page of the ticket"),
    )


def _problem(error: WarehouseError) -> Response:
    """What cannot be shown, or that nothing was taken in yet."""
    address = Address(lang=language_of(_search()))
    title, content = problem.content(error, address.lang)
    is_missing = isinstance(error, NoSuchPage | NoSuchRow | TicketError)
    status = 503 if isinstance(error, NoEdition | EditionUnreadable) else 404 if is_missing else 200
    return _html(title, problem.alone(content, address.lang), address, status)


def _html(title: str, frame: Component, address: Address, status: int) -> Response:
    return Response(html_pages.document(title, frame, address.lang, STYLE_SHEET, strip()), status, mimetype="text/html")


def _search() -> str:
    return request.query_string.decode("ascii", "replace")
