"""The forms of follow-up: the one that opens a task, and one for each step that a task may take.

Belongs here: forms. What they send is taken in `dashboards/follow_up_routes.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from dashboards import html
from dashboards.address import Address, Lang, TaskView
from dashboards.components import link
from dashboards.desk import Desk
from dashboards.html import Component
from dashboards.html_pages import field as form_field
from dashboards.pages.follow_up_pieces import data
from dashboards.words import pick, say
from pipelines.errors import WarehouseError
from pipelines.follow_up import LONGEST, STATES, STEPS, State, Task

DUE_DAYS = 30  # that a new assignment proposes


@dataclass(frozen=True)
class Filled:
    """What a form was sent with, and why it was not taken; empty where it is opened first."""

    values: Mapping[str, str] = field(default_factory=dict)
    error: WarehouseError | None = None


def open_form(known: Task | None, desk: Desk, address: Address, filled: Filled) -> Component:
    lang = address.lang
    if known is not None and known.is_open:
        said = say("fu_known", lang, task=known.task_id, state=pick(STATES[known.state], lang))
        return html.Section(html.P(link(said, address.to(tasks=TaskView(str(known.task_id))), class_name="button")))
    if not desk.may("assigned"):
        return _read_only(lang)
    return html.Section(_form("assigned", say("fu_do_assigned", lang), desk, address, filled), className="steps")


def next_steps(task: Task, desk: Desk, address: Address, filled: Filled) -> Component:
    lang = address.lang
    if not task.is_open:
        return html.Section(html.P(say("fu_closed_help" if task.state == "closed" else "fu_ended", lang), className="about"))
    allowed = [to for to, sources in STEPS.items() if task.state in sources and desk.may(to, task)]
    if not allowed:
        return _read_only(lang)
    allowed.sort(key=lambda to: (to == "withdrawn", to == "assigned" and task.state != "found"))  # what comes next first
    forms = [
        html.Details(
            [html.Summary(_step_name(task, to, lang)), _form(to, _step_name(task, to, lang), desk, address, filled, task)],
            open=to == filled.values.get("to", allowed[0]),
        )
        for to in allowed
    ]  # fmt: skip
    return html.Section([html.Div(html.H2(say("fu_steps", lang)), className="section-head"), *forms], className="steps")


def _step_name(task: Task, to: State, lang: Lang) -> str:
    if to == "assigned" and task.state != "found":
        return say("fu_do_reassigned", lang)
    return say("fu_do_sent_back" if _is_sent_back(task, to) else f"fu_do_{to}", lang)


def _is_sent_back(task: Task | None, to: State) -> bool:
    return task is not None and (task.state, to) == ("answered", "rectifying")


def _form(to: State, name: str, desk: Desk, address: Address, filled: Filled, task: Task | None = None) -> Component:
    """The form of one step. What was typed into it stands there again where it was refused."""
    lang = address.lang
    typed = filled.values if filled.values.get("to") == to else {}
    kept = {"to": to, "token": desk.visitor.form_token} | ({"seen": f"{task.events}"} if task else {})
    needs_reason = to == "withdrawn" or _is_sent_back(task, to)
    if to == "assigned":
        proposed = (task.due if task else None) or desk.today + timedelta(days=DUE_DAYS)
        fields = [
            _line("fu_due", lang, form_field("date", "due", value=typed.get("due", f"{proposed}"), min=f"{desk.today}", required=True)),
            _line("fu_assignee", lang, form_field(
                "text", "assignee", value=typed.get("assignee", task.assignee if task else ""), maxLength=LONGEST["assignee"],
            )),
            _line("fu_instructions", lang, _area("instructions", typed, required=True)),
        ]  # fmt: skip
    else:
        fields = [_line("fu_reason" if needs_reason else "fu_note", lang, _area("note", typed, required=needs_reason))]
        if to == "answered":
            document = form_field("text", "document", value=typed.get("document", ""), maxLength=LONGEST["document"])
            fields.append(_line("fu_document", lang, document))
    return html.Form(
        [
            *(form_field("hidden", key, value=value) for key, value in kept.items()),
            *fields,
            html.P([html.Button(name, type="submit", className="button main"), html.Span(say("fu_no_numbers", lang), className="help")]),
        ],
        action=address.href, method="post", className="step-form", **data(step=to),
    )  # fmt: skip


def _line(name: str, lang: Lang, control: Component) -> Component:
    return html.Label([html.Span(say(name, lang)), control])


def _area(name: str, typed: Mapping[str, str], *, required: bool) -> Component:
    return html.Textarea(typed.get(name, ""), name=name, rows=3, maxLength=LONGEST[name], required=required)


def _read_only(lang: Lang) -> Component:
    return html.Section(html.P(say("fu_read_only", lang), className="about"))


def refusal(error: WarehouseError | None, lang: Lang) -> list[Component]:
    """Why a form was not taken, and what to do."""
    if error is None:
        return []
    stop = "；" if lang == "zh" else "; "
    told = [pick(error.what, lang), pick(error.expected, lang), pick(error.found, lang), pick(error.advice, lang)]
    return [html.Div(html.Span(stop.join(told)), className="banner stale", role="alert")]
