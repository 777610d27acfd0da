"""The routes of objections: pages with forms as plain HTML, and the requests that these forms send.

Belongs here: requests and answers. What the pages show stands in `pages/objections.py`, who may write in `objection_desk.py`.
"""

from __future__ import annotations

from collections.abc import Mapping

from flask import Flask, Response, redirect, request
from werkzeug.wrappers import Response as Answer

from dashboards import answers
from dashboards.address import Address, NoSuchPage, TaskView, parse
from dashboards.components import page
from dashboards.desk import NotAllowed
from dashboards.edition import Edition, EditionReader
from dashboards.facts import Facts
from dashboards.objection_desk import ObjectionDesk
from dashboards.pages import objections
from dashboards.pages.follow_up_forms import Filled
from dashboards.visitor import visitor
from pipelines.errors import WarehouseError
from pipelines.objections import OUTCOMES, STEPS, ContestedAlready, ObjectionError, Outcome, State, Step
from pipelines.settings import Home


def add_objections(server: Flask, reader: EditionReader, home: Home) -> None:
    """Adds the pages under /objections and what their forms send."""

    def answer(**_view: str) -> Answer:
        query = answers.search()
        try:
            address = parse(request.path, query)
            edition, is_stale = reader.current_or_last()
            desk = ObjectionDesk(home, visitor(), edition.frame)
            if request.method == "POST":
                return _changed(edition, desk, address, is_stale=is_stale)
            return _shown(edition, desk, address, Filled(), 200, is_stale=is_stale)
        except NotAllowed as error:
            return answers.problem_told(error, query, 403)
        except (NoSuchPage, ObjectionError) as error:
            return answers.problem_told(error, query, 404)
        except WarehouseError as error:
            return answers.problem_told(error, query, 503)

    server.add_url_rule("/objections", "objections", answer, methods=["GET"])
    server.add_url_rule("/objections/<view>", "objections_view", answer, methods=["GET"])
    server.add_url_rule("/objections/<view>", "objections_change", answer, methods=["POST"])


def _changed(edition: Edition, desk: ObjectionDesk, address: Address, *, is_stale: bool) -> Answer:
    """Does what a form asks for, and leads to the objection; or shows the form again, with what is wrong with it."""
    values = request.form.to_dict()
    try:
        number = _done(desk, address, values)
    except ContestedAlready as known:
        number = known.objection_id
    except (ObjectionError, answers.Malformed) as error:
        return _shown(edition, desk, address, Filled(values, error), 400, is_stale=is_stale)
    return redirect(address.to(tasks=TaskView(str(number))), 303)


def _done(desk: ObjectionDesk, address: Address, values: Mapping[str, str]) -> int:
    """Opens the objection that the address asks for, or takes a step of the one that it names; the objection's number."""
    if address.tasks.task == "new":
        return desk.contest(objections.subject_asked(address), values.get("claim", ""), values.get("rows", ""))
    known, _ = desk.objection(int(address.tasks.task))
    to = _state(values)
    note = values.get("answer" if to == "answered" else "note", "")
    desk.step(known, Step(to, note, _outcome(values)), answers.number_of(values, "seen"))
    return known.objection_id


def _shown(edition: Edition, desk: ObjectionDesk, address: Address, filled: Filled, status: int, *, is_stale: bool) -> Response:
    """A page of objections over the current edition."""
    title, content = objections.content(Facts(edition), address, desk, filled)
    return answers.document(title, page(edition.info, address, content, is_stale=is_stale), address, status)


def _state(values: Mapping[str, str]) -> State:
    known: dict[str, State] = {name: name for name in STEPS}
    if values.get("to") not in known:
        raise answers.Malformed("to")
    return known[values["to"]]


def _outcome(values: Mapping[str, str]) -> Outcome | None:
    known: dict[str, Outcome] = {name: name for name in OUTCOMES}
    return known.get(values.get("outcome", ""))
