"""Follow-up (督办): the list of tasks, a task with its history and its next steps, and the page that opens one.

Belongs here: what is shown. Forms stand in `follow_up_forms.py`, requests in `dashboards/follow_up_routes.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date

from dashboards import html
from dashboards.address import PATHS, Address, Lang, NoSuchPage, TaskView
from dashboards.components import Attributes, Node, link
from dashboards.desk import Desk
from dashboards.facts import Facts
from dashboards.html import Component, element
from dashboards.html_pages import field as form_field
from dashboards.pages.follow_up_forms import Filled, next_steps, open_form, refusal
from dashboards.pages.follow_up_pieces import (
    breadcrumb,
    data,
    figure_state,
    figures_by_task,
    kpi_name,
    lamp_chip,
    latest_figure,
    ratio,
    state_chip,
    target_of,
    then_and_now,
    unit_href,
)
from dashboards.words import AGENCIES, name_of, period_short, pick, say
from pipelines.errors import Words
from pipelines.follow_up import OPEN, STATES, Event, Figure, Key, State, Task, by_urgency
from pipelines.follow_up_edition import flag_of
from pipelines.settings import local_time

MOST_LISTED = 200  # tasks; who has more open looks at them by agency and street
STREET_DIGITS = 9  # of a unit's code: the street that it is or lies in
WRAPPED = ("unit", "kpi", "fu_now", "fu_agency")
LISTED = ("fu_lamp", "fu_number", "unit", "street", "kpi", "target", "fu_issued", "fu_now", "fu_agency", "fu_due", "fu_state")


def content(facts: Facts, address: Address, desk: Desk, filled: Filled) -> tuple[str, list[Component]]:
    """Title and content of a page of follow-up. NoSuchPage or FollowUpError where what is asked for is not there."""
    view = address.tasks
    if view.task == "new":
        return _new(facts, address, desk, filled)
    if view.task:
        return _task(facts, address, desk, filled)
    return _list(facts, address, desk)


def _list(facts: Facts, address: Address, desk: Desk) -> tuple[str, list[Component]]:
    lang, today = address.lang, desk.today
    every = by_urgency(desk.tasks(), today)
    fitting = [task for task in every if _fits(task, address.tasks)]
    shown = fitting[:MOST_LISTED]
    now = figures_by_task(facts, shown)
    streets = _streets(facts, every)
    body: Component = (
        html.Div(
            html.Table(
                [
                    html.Thead(html.Tr([html.Th(say(name, lang), scope="col") for name in LISTED])),
                    html.Tbody([_row(task, now.get(task.task_id), facts, streets, today, address) for task in shown]),
                ],
                className="plain tasks",
            ),
            className="scroll",
            tabIndex=0,
        )
        if shown
        else html.P(say("fu_empty", lang), className="about")
    )
    is_cut = len(fitting) > len(shown)
    help_ = say("fu_list_cut" if is_cut else "fu_list_help", lang, shown=len(shown), count=len(fitting))
    head = [html.H2(say("fu_list", lang)), html.Span(help_, className="help")]
    return say("follow_up", lang), [
        _headline(every, today, lang),
        _filters(every, streets, address),
        html.Section([html.Div(head, className="section-head"), body], id="tasks"),
    ]


def _fits(task: Task, view: TaskView) -> bool:
    return (
        (view.state in ("all", task.state) or (view.state == "open" and task.is_open))
        and view.agency in ("all", task.flag.owner_agency)
        and view.area in ("all", task.flag.unit_code[:STREET_DIGITS])
    )


def _headline(tasks: list[Task], today: date, lang: Lang) -> Component:
    is_open = [task for task in tasks if task.is_open]
    lamps = Counter(task.lamp(today) for task in is_open)
    states = Counter(task.state for task in is_open)
    late = lamps["overdue"]
    key, tone = ("fu_overdue", "bad") if late else ("fu_open", "open") if is_open else ("fu_none", "none")
    also = [
        say(name, lang, count=count)
        for name, count in (
            ("fu_soon", lamps["soon"]), ("fu_unassigned", states["found"]), ("fu_answered", states["answered"])
        )
        if count
    ]  # fmt: skip
    colon, stop = ("：", "；") if lang == "zh" else (": ", "; ")
    return html.Section(
        [
            html.H1(
                [
                    html.Span(f"{say('follow_up', lang)}{colon}", className="when"),
                    html.Strong(say(key, lang, open=len(is_open), late=late)),
                ],
                className=f"verdict {tone}",
            ),
            html.P(stop.join(also), className="details") if also else None,
            _way(None, lang),
            html.P(say("fu_how", lang), className="about"),
        ],
        className="headline",
    )


def _filters(tasks: list[Task], streets: Mapping[str, str], address: Address) -> Component:
    lang, view = address.lang, address.tasks
    states = [("open", say("fu_all_open", lang)), ("all", say("fu_all", lang))]
    states += [(state, pick(words, lang)) for state, words in STATES.items()]
    agencies = sorted({task.flag.owner_agency for task in tasks})
    every = ("all", say("fu_all", lang))
    return html.Form(
        [
            form_field("hidden", "lang", value=lang),
            _choice("state", say("fu_state", lang), states, view.state),
            _choice("agency", say("fu_agency", lang), [every, *((one, name_of(AGENCIES, one, lang)) for one in agencies)], view.agency),
            _choice("area", say("street", lang), [every, *streets.items()], view.area),
            html.Button(say("fu_filter", lang), type="submit", className="button"),
        ],
        action=PATHS["follow_up"], method="get", className="filters",
    )  # fmt: skip


def _choice(name: str, label: str, choices: Sequence[tuple[str, str]], chosen: str) -> Component:
    return html.Label(
        [
            label,
            html.Select([html.Option(text, value=value, selected=value == chosen) for value, text in choices], name=name),
        ]
    )


def _streets(facts: Facts, tasks: list[Task]) -> dict[str, str]:
    """The names of the streets that have tasks, by code, in the order of the codes."""
    names = {unit.code: unit.name for unit in facts.units(facts.edition.info.as_of_date).values() if unit.level == "street"}
    codes = sorted({task.flag.unit_code[:STREET_DIGITS] for task in tasks})
    return {code: names[code] for code in codes if code in names}


def _row(
    task: Task, figure: Figure | None, facts: Facts, streets: Mapping[str, str], today: date, address: Address
) -> Component:
    lang, flag = address.lang, task.flag
    href = address.to(tasks=TaskView(str(task.task_id)))
    kpi, target = kpi_name(facts, flag, lang), target_of(facts, flag, lang)
    cells: list[tuple[str, Node | list[Node]]] = [
        ("fu_lamp", lamp_chip(task.lamp(today), lang)),
        ("fu_number", link(str(task.task_id), href)),
        ("unit", link(flag.unit_name, unit_href(facts, flag, address))),
        ("street", streets.get(flag.unit_code[:STREET_DIGITS], "–")),
        ("kpi", link(kpi, href)),
        ("target", target),
        ("fu_issued", ratio(facts, flag, flag.figure, lang)),
        ("fu_now", figure_state(facts, flag, figure, lang)),
        ("fu_agency", f"{name_of(AGENCIES, flag.owner_agency, lang)} {task.assignee}"),
        ("fu_due", f"{task.due}" if task.due else "–"),
        ("fu_state", state_chip(task.state, lang)),
    ]
    # On a phone the table has no head: each cell says what it is.
    written = [
        element("td", element("div", text), className="wraps" if name in WRAPPED else None, **data(label=say(name, lang)))
        for name, text in cells
    ]
    return element("tr", written, **data(task=f"{task.task_id}"))


def _task(facts: Facts, address: Address, desk: Desk, filled: Filled) -> tuple[str, list[Component]]:
    lang = address.lang
    task, events = desk.task(int(address.tasks.task))
    title = say("fu_task", lang, task=task.task_id)
    assigned = next((event for event in reversed(events) if event.state == "assigned"), None)
    return f"{title} · {task.flag.unit_name}", [
        breadcrumb(title, address),
        *refusal(filled.error, lang),
        _about(task, facts, desk.today, address),
        then_and_now(facts, task.flag, figures_by_task(facts, [task]).get(task.task_id), address),
        _assigned(task, assigned, lang),
        next_steps(task, desk, address, filled),
        _history(facts, task, events, lang),
    ]


def _way(here: State | None, lang: Lang) -> Component:
    """The way of a task from state to state, with the one that it is in."""
    current: Attributes = {"aria-current": "step"}
    return html.Ol(
        [html.Li(pick(STATES[state], lang), **(current if state == here else {})) for state in (*OPEN, "closed")], className="way"
    )


def _about(task: Task, facts: Facts, today: date, address: Address) -> Component:
    lang, flag, lamp = address.lang, task.flag, task.lamp(today)
    return html.Section(
        [
            html.P(link(flag.unit_name, unit_href(facts, flag, address)), className="unit-name"),
            html.H1(html.Strong(kpi_name(facts, flag, lang)), className=f"verdict {'bad' if lamp == 'overdue' else 'none'}"),
            html.P(
                [
                    state_chip(task.state, lang),
                    lamp_chip(lamp, lang) if lamp != "none" else None,
                    html.Span(f"{say('fu_due', lang)} {task.due}") if task.due and task.is_open else None,
                ],
                className="also",
            ),
            _way(task.state, lang),
        ],
        className="headline",
    )


def _assigned(task: Task, assigned: Event | None, lang: Lang) -> Component:
    terms: list[tuple[str, str]] = [(say("fu_agency", lang), name_of(AGENCIES, task.flag.owner_agency, lang))]
    if assigned is not None and task.state != "found":
        terms += [
            (say("fu_assignee", lang), assigned.assignee),
            (say("fu_due", lang), f"{assigned.due or ''}"),
            (say("fu_instructions", lang), assigned.instructions),
        ]
    described = [html.Div([html.Dt(term), html.Dd(text)]) for term, text in terms if text]
    return html.Section(html.Dl(described, className="facts written"))


def _history(facts: Facts, task: Task, events: list[Event], lang: Lang) -> Component:
    return html.Section(
        [
            html.Div(html.H2(say("fu_history", lang)), className="section-head"),
            html.Ol([_event(facts, task, event, lang) for event in events], className="history-of-task"),
        ]
    )


def _event(facts: Facts, task: Task, event: Event, lang: Lang) -> Component:
    who = say("fu_by_run", lang) if event.actor.kind == "run" else event.actor.name
    at = local_time(event.at)
    is_again = event.state == "found" and event.figure is not None
    word = say("fu_reopened", lang) if is_again else pick(STATES[event.state], lang)
    told: list[Component] = []
    if event.figure is not None:
        told.append(
            html.P(
                say(
                    "fu_reopened_by" if is_again else "fu_closed_by", lang, edition=event.figure.edition_id,
                    period=period_short(task.flag.period_type, event.figure.period),
                    ratio=ratio(facts, task.flag, event.figure, lang),
                )
            )
        )  # fmt: skip
    written = [
        ("fu_due", f"{event.due or ''}"), ("fu_assignee", event.assignee), ("fu_instructions", event.instructions),
        ("fu_note", event.note), ("fu_document", event.document),
    ]  # fmt: skip
    told += [
        html.P([html.Span(say(name, lang), className="label"), text], className="written") for name, text in written if text
    ]
    head = [html.Span(word, className=f"chip t-{event.state}"), html.Span(f"{at} · {who}", className="about")]
    return html.Li([html.P(head, className="also"), *told], **data(event=f"{event.number}"))


def _new(facts: Facts, address: Address, desk: Desk, filled: Filled) -> tuple[str, list[Component]]:
    lang, view = address.lang, address.tasks
    key = Key(view.unit, view.kpi, view.target)
    if not all(vars(key).values()):
        raise _no_target()
    flag = flag_of(facts.edition.frame, key, address.period_type, address.period)
    if not desk.covers(flag.unit_code):
        raise _no_target()
    known = desk.about(key)
    title = say("fu_new", lang)
    return f"{title} · {flag.unit_name}", [
        breadcrumb(title, address),
        *refusal(filled.error, lang),
        html.Section(
            [
                html.P(link(flag.unit_name, unit_href(facts, flag, address)), className="unit-name"),
                html.H1(html.Strong(kpi_name(facts, flag, lang)), className="verdict none"),
                html.P(f"{say('fu_agency', lang)} {name_of(AGENCIES, flag.owner_agency, lang)}", className="about"),
            ],
            className="headline",
        ),
        then_and_now(facts, flag, latest_figure(facts, flag), address),
        open_form(known, desk, address, filled),
    ]


def _no_target() -> NoSuchPage:
    return NoSuchPage(
        Words("没有指明要督办的目标", "No target to follow up is named"),
        where="unit, kpi, target",
        expected=Words("从单位页面未达标的指标进入", "come from a missed indicator on a unit's page"),
        found=Words("地址不完整", "an incomplete address"),
        advice=Words("返回总览选择单位", "go back to the overview and choose a unit"),
    )
