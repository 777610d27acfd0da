"""The routes of follow-up: pages with forms as plain HTML, and the requests that these forms send.

Belongs here: requests and answers. What the pages show stands in `pages/follow_up.py`, who may write in `desk.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from flask import Flask, Response, redirect, request
from werkzeug.wrappers import Response as Answer

from dashboards import answers
from dashboards.address import Address, NoSuchPage, TaskView, parse
from dashboards.components import page
from dashboards.desk import Desk, NotAllowed
from dashboards.edition import EditionReader, EditionUnreadable, NoEdition
from dashboards.facts import Facts
from dashboards.pages import follow_up
from dashboards.pages.follow_up_forms import Filled
from dashboards.visitor import visitor
from pipelines.errors import WarehouseError
from pipelines.follow_up import STEPS, AlreadyOpen, Assignment, FollowUpError, Key, State, Step
from pipelines.follow_up_edition import flag_of
from pipelines.settings import Home


def add_follow_up(server: Flask, reader: EditionReader, home: Home) -> None:
    """Adds the pages under /follow-up and what their forms send."""

    def show(**_view: str) -> Response:
        search = answers.search()
        try:
            return _shown(reader, Desk(home, visitor()), parse(request.path, search), Filled(), 200)
        except NoSuchPage as error:
            return answers.problem_told(error, search, 404)

    def change(**_view: str) -> Answer:
        search, values, desk = answers.search(), request.form.to_dict(), Desk(home, visitor())
        try:
            address = parse(request.path, search)
        except NoSuchPage as error:
            return answers.problem_told(error, search, 404)
        try:
            task_id = _changed(reader, desk, address, values)
        except AlreadyOpen as known:
            task_id = known.task_id
        except NotAllowed as error:
            return answers.problem_told(error, search, 403)
        except (FollowUpError, answers.Malformed) as error:
            return _shown(reader, desk, address, Filled(values, error), 400)
        except (NoEdition, EditionUnreadable) as error:
            return answers.problem_told(error, search, 503)
        return redirect(address.to(tasks=TaskView(str(task_id))), 303)

    server.add_url_rule("/follow-up", "follow_up", show, methods=["GET"])
    server.add_url_rule("/follow-up/<view>", "follow_up_view", show, methods=["GET"])
    server.add_url_rule("/follow-up/<view>", "follow_up_change", change, methods=["POST"])


def _changed(reader: EditionReader, desk: Desk, address: Address, values: Mapping[str, str]) -> int:
    """Opens the task that the address asks for, or takes a step of the one that it names; the task's number."""
    view, actor = address.tasks, desk.visitor.actor
    if view.task == "new":
        edition, _ = reader.current_or_last()
        flag = flag_of(edition.frame, Key(view.unit, view.kpi, view.target), address.period_type, address.period)
        with desk.writing("assigned", flag.unit_code) as tasks:
            return tasks.open(flag, actor, desk.today, _assignment(values))
    task, _ = desk.task(int(view.task))
    step = Step(_state(values), values.get("note", ""), values.get("document", ""), _assignment(values))
    with desk.writing(step.to, task.flag.unit_code, task) as tasks:
        tasks.step(task.task_id, step, actor, desk.today, seen=answers.number_of(values, "seen"))
    return task.task_id


def _shown(reader: EditionReader, desk: Desk, address: Address, filled: Filled, status: int) -> Response:
    """A page of follow-up over the current edition; what cannot be shown becomes a page that says so."""
    try:
        edition, is_stale = reader.current_or_last()
        title, content = follow_up.content(Facts(edition), address, desk, filled)
    except WarehouseError as error:
        return answers.problem_told(error, f"?lang={address.lang}", 503 if isinstance(error, NoEdition | EditionUnreadable) else 404)
    frame = page(edition.info, address, content, is_stale=is_stale)
    return answers.document(title, frame, address, status)


def _state(values: Mapping[str, str]) -> State:
    known: dict[str, State] = {name: name for name in STEPS}
    if values.get("to") not in known:
        raise answers.Malformed("to")
    return known[values["to"]]


def _assignment(values: Mapping[str, str]) -> Assignment | None:
    if values.get("to") != "assigned":
        return None
    try:
        due = date.fromisoformat(values.get("due", ""))
    except ValueError as error:
        raise answers.Malformed("due") from error
    return Assignment(due, values.get("instructions", ""), values.get("assignee", ""))
