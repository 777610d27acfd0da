"""Follow-up (督办): the list of tasks, a task with its history and its next steps, and the form that opens one.

Belongs here: what is shown. Requests and who may write stand in `follow_up_routes.py` and `desk.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from dash import html
from dash.development.base_component import Component

from dashboards import tell
from dashboards.address import Address, Lang, NoSuchPage, TaskView
from dashboards.components import Attributes, Node, chip, link
from dashboards.desk import Desk
from dashboards.facts import Facts
from dashboards.markup import element
from dashboards.markup import field as form_field
from dashboards.records import Bound
from dashboards.records import Figure as Shown
from dashboards.words import AGENCIES, name_of, period_short, pick, say
from pipelines.errors import WarehouseError, Words
from pipelines.follow_up import (
    LAMPS,
    LONGEST,
    OPEN,
    STATES,
    STEPS,
    Event,
    Figure,
    Flag,
    Key,
    Lamp,
    State,
    Task,
    by_urgency,
)
from pipelines.follow_up_edition import figures_now, flag_of
from pipelines.settings import SHANGHAI

MOST_LISTED = 200  # tasks; who has more open looks at them by agency and street
STREET_DIGITS = 9  # of a unit's code: the street that it is or lies in
DUE_DAYS = 30  # that a new assignment proposes
LAMP_ICONS: dict[Lamp, str] = {"overdue": "✕", "soon": "◷", "on_time": "✓", "none": ""}
WRAPPED = ("unit", "kpi", "fu_now", "fu_agency")
LISTED = ("fu_lamp", "fu_number", "unit", "street", "kpi", "target", "fu_issued", "fu_now", "fu_agency", "fu_due", "fu_state")


@dataclass(frozen=True)
class Filled:
    """What a form was sent with, and why it was not taken; empty where it is opened first."""

    values: Mapping[str, str] = field(default_factory=dict)
    error: WarehouseError | None = None


def content(facts: Facts, address: Address, desk: Desk, filled: Filled = Filled()) -> tuple[str, list[Component]]:
    """Title and content of a page of follow-up. NoSuchPage or FollowUpError where what is asked for is not there."""
    view = address.tasks
    if view.task == "new":
        return _new(facts, address, desk, filled)
    if view.task:
        return _task(facts, address, desk, filled)
    return _list(facts, address, desk)


# --- the list -----------------------------------------------------------------------------------------------


def _list(facts: Facts, address: Address, desk: Desk) -> tuple[str, list[Component]]:
    lang, today = address.lang, desk.today
    every = by_urgency(desk.tasks(), today)
    fitting = [task for task in every if _fits(task, address.tasks)]
    shown = fitting[:MOST_LISTED]
    now = _now(facts, shown)
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
        and view.street in ("all", task.flag.unit_code[:STREET_DIGITS])
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
            _choice("street", say("street", lang), [every, *streets.items()], view.street),
            html.Button(say("fu_filter", lang), type="submit", className="button"),
        ],
        action=TaskView().path, method="get", className="filters",
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
    kpi, target = _kpi_name(facts, flag, lang), _target(facts, flag, lang)
    cells: list[tuple[str, Node | list[Node]]] = [
        ("fu_lamp", _lamp(task.lamp(today), lang)),
        ("fu_number", link(str(task.task_id), href)),
        ("unit", link(flag.unit_name, _unit_href(facts, flag, address))),
        ("street", streets.get(flag.unit_code[:STREET_DIGITS], "–")),
        ("kpi", link(kpi, href)),
        ("target", target),
        ("fu_issued", _ratio(facts, flag, flag.figure, lang)),
        ("fu_now", _state(facts, flag, figure, lang)),
        ("fu_agency", f"{name_of(AGENCIES, flag.owner_agency, lang)} {task.assignee}"),
        ("fu_due", f"{task.due}" if task.due else "–"),
        ("fu_state", _task_state(task.state, lang)),
    ]
    # On a phone the table has no head: each cell says what it is.
    written = [
        element("td", element("div", text), className="wraps" if name in WRAPPED else None, **_data(label=say(name, lang)))
        for name, text in cells
    ]
    return element("tr", written, **_data(task=f"{task.task_id}"))


def _data(**values: str) -> Attributes:
    return {f"data-{name}": value for name, value in values.items()}


# --- one task -----------------------------------------------------------------------------------------------


def _task(facts: Facts, address: Address, desk: Desk, filled: Filled) -> tuple[str, list[Component]]:
    lang = address.lang
    task, events = desk.task(int(address.tasks.task))
    title = say("fu_task", lang, task=task.task_id)
    assigned = next((event for event in reversed(events) if event.state == "assigned"), None)
    return f"{title} · {task.flag.unit_name}", [
        _breadcrumb(title, address),
        *_refusal(filled.error, lang),
        _about(task, facts, desk.today, address),
        _figures(facts, task.flag, _now(facts, [task]).get(task.task_id), address),
        _assigned(task, assigned, lang),
        _next_steps(task, desk, address, filled),
        _history(facts, task, events, lang),
    ]


def _way(here: State | None, lang: Lang) -> Component:
    """The way of a task from state to state, with the one that it is in."""
    current: Attributes = {"aria-current": "step"}
    return html.Ol(
        [html.Li(pick(STATES[state], lang), **(current if state == here else {})) for state in (*OPEN, "closed")], className="way"
    )


def _breadcrumb(title: str, address: Address) -> Component:
    here: Attributes = {"aria-current": "page"}
    items = [html.Li(link(say("follow_up", address.lang), address.to("follow_up"))), html.Li(html.Span(title, **here))]
    return html.Nav(html.Ol(items), className="crumbs")


def _about(task: Task, facts: Facts, today: date, address: Address) -> Component:
    lang, flag, lamp = address.lang, task.flag, task.lamp(today)
    return html.Section(
        [
            html.P(link(flag.unit_name, _unit_href(facts, flag, address)), className="unit-name"),
            html.H1(html.Strong(_kpi_name(facts, flag, lang)), className=f"verdict {'bad' if lamp == 'overdue' else 'none'}"),
            html.P(
                [
                    _task_state(task.state, lang),
                    _lamp(lamp, lang) if lamp != "none" else None,
                    html.Span(f"{say('fu_due', lang)} {task.due}") if task.due and task.is_open else None,
                ],
                className="also",
            ),
            _way(task.state, lang),
        ],
        className="headline",
    )


def _figures(facts: Facts, flag: Flag, now: Figure | None, address: Address) -> Component:
    """What was found and what the current edition says, side by side; once where nothing has changed in between."""
    lang = address.lang
    is_same = now == flag.figure
    found = html.Div(
        [
            html.H3(say("fu_issued_and_now" if is_same else "fu_issued", lang)),
            *_figure(facts, flag, flag.figure, lang),
            html.P(say("fu_since", lang, since=period_short(flag.period_type, flag.since)), className="about"),
            html.P(link(say("fu_flag", lang), _unit_href(facts, flag, address))),
        ]
    )
    said = _figure(facts, flag, now, lang) if now else [html.P(say("fu_now_none", lang))]
    since = [] if is_same else [html.Div([html.H3(say("fu_now", lang)), *said])]
    return html.Section([found, *since], className="then-and-now")


def _figure(facts: Facts, flag: Flag, figure: Figure, lang: Lang) -> list[Component]:
    shown = _shown(facts, flag, figure)
    period = period_short(flag.period_type, figure.period)
    told = [html.P(say("fu_figure_of", lang, period=period, edition=figure.edition_id), className="about")]
    if shown is None:  # the edition knows the KPI or its target no more
        return [html.P(_bare_ratio(figure)), *told]
    terms = [
        (say("ratio", lang), "" if shown.kpi.kind == "count" else tell.ratio(shown)),
        (say("target", lang), tell.target(shown.target, shown.kpi, lang)),
        (say("clause", lang), tell.clause(shown.target, lang)),
        (say("shortfall", lang), tell.shortfall(shown, lang)),
    ]
    return [
        html.P([html.B(tell.value(shown, lang), className="big"), chip(shown.state, lang, tell.status(shown, lang))], className="now"),
        html.Dl([html.Div([html.Dt(term), html.Dd(text)]) for term, text in terms if text]),
        *told,
    ]


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
    at = _local(event.at)
    is_again = event.state == "found" and event.figure is not None
    word = say("fu_reopened", lang) if is_again else pick(STATES[event.state], lang)
    told: list[Component] = []
    if event.figure is not None:
        told.append(
            html.P(
                say(
                    "fu_reopened_by" if is_again else "fu_closed_by", lang, edition=event.figure.edition_id,
                    period=period_short(task.flag.period_type, event.figure.period),
                    ratio=_ratio(facts, task.flag, event.figure, lang),
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
    return html.Li([html.P(head, className="also"), *told], **_data(event=f"{event.number}"))


# --- forms --------------------------------------------------------------------------------------------------


def _new(facts: Facts, address: Address, desk: Desk, filled: Filled) -> tuple[str, list[Component]]:
    lang, view = address.lang, address.tasks
    key = Key(view.unit, view.kpi, view.target)
    if not all(vars(key).values()):
        raise _no_target()
    flag = flag_of(facts.edition.frame, key, address.period_type, address.period)
    known = desk.about(key)
    title = say("fu_new", lang)
    return f"{title} · {flag.unit_name}", [
        _breadcrumb(title, address),
        *_refusal(filled.error, lang),
        html.Section(
            [
                html.P(link(flag.unit_name, _unit_href(facts, flag, address)), className="unit-name"),
                html.H1(html.Strong(_kpi_name(facts, flag, lang)), className="verdict none"),
                html.P(f"{say('fu_agency', lang)} {name_of(AGENCIES, flag.owner_agency, lang)}", className="about"),
            ],
            className="headline",
        ),
        _figures(facts, flag, _latest(facts, flag), address),
        _open_form(known, desk, address, filled),
    ]


def _open_form(known: Task | None, desk: Desk, address: Address, filled: Filled) -> Component:
    lang = address.lang
    if known is not None and known.is_open:
        said = say("fu_known", lang, task=known.task_id, state=pick(STATES[known.state], lang))
        return html.Section(html.P(link(said, address.to(tasks=TaskView(str(known.task_id))), class_name="button")))
    if not desk.is_writable:
        return _read_only(lang)
    return html.Section(_form("assigned", say("fu_do_assigned", lang), desk, address, filled), className="steps")


def _next_steps(task: Task, desk: Desk, address: Address, filled: Filled) -> Component:
    lang = address.lang
    if not task.is_open:
        return html.Section(html.P(say("fu_closed_help" if task.state == "closed" else "fu_ended", lang), className="about"))
    if not desk.is_writable:
        return _read_only(lang)
    allowed = [to for to, sources in STEPS.items() if task.state in sources]
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
    kept = {"to": to, "token": desk.token} | ({"seen": f"{task.events}"} if task else {})
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
        action=address.href, method="post", className="step-form", **_data(step=to),
    )  # fmt: skip


def _line(name: str, lang: Lang, control: Component) -> Component:
    return html.Label([html.Span(say(name, lang)), control])


def _area(name: str, typed: Mapping[str, str], *, required: bool) -> Component:
    return html.Textarea(typed.get(name, ""), name=name, rows=3, maxLength=LONGEST[name], required=required)


def _read_only(lang: Lang) -> Component:
    return html.Section(html.P(say("fu_read_only", lang), className="about"))


def _refusal(error: WarehouseError | None, lang: Lang) -> list[Component]:
    """Why a form was not taken, and what to do."""
    if error is None:
        return []
    stop = "；" if lang == "zh" else "; "
    told = [pick(error.what, lang), pick(error.expected, lang), pick(error.found, lang), pick(error.advice, lang)]
    return [html.Div(html.Span(stop.join(told)), className="banner stale", role="alert")]


# --- pieces -------------------------------------------------------------------------------------------------


def _now(facts: Facts, tasks: list[Task]) -> dict[int, Figure]:
    """By task, what the edition says of the latest judged period."""
    figures = figures_now(facts.edition.frame, [task.flag.key for task in tasks])
    about = {task.task_id: (task.flag.key, task.flag.period_type) for task in tasks}
    return {task_id: figures[key] for task_id, key in about.items() if key in figures}


def _latest(facts: Facts, flag: Flag) -> Figure | None:
    return figures_now(facts.edition.frame, [flag.key]).get((flag.key, flag.period_type))


def _shown(facts: Facts, flag: Flag, figure: Figure) -> Shown | None:
    """A figure as every page prints it; None where the edition knows the KPI or its target no more."""
    kpi, target = facts.kpis.get(flag.key.kpi_id), facts.targets.get(flag.key.target_id)
    if kpi is None or target is None:
        return None
    here = Bound(figure.numerator, figure.denominator)
    value = float(figure.numerator * kpi.scale / figure.denominator) if figure.numerator is not None and figure.denominator else None
    return Shown(
        kpi=kpi, target=target, numerator=figure.numerator, denominator=figure.denominator, value=value, low=here, high=here,
        value_low=value, value_high=value, status=figure.status, certainty=figure.certainty, shortfall=figure.shortfall,
        chance_low=None, chance_high=None, failures_allowed=None, is_basis_expired=False, reporting=0, expected=0,
    )  # fmt: skip


def _ratio(facts: Facts, flag: Flag, figure: Figure, lang: Lang) -> str:
    """'88.4% (510 / 577)'; of a count the number alone."""
    shown = _shown(facts, flag, figure)
    if shown is None:
        return _bare_ratio(figure)
    return tell.value(shown, lang) if shown.kpi.kind == "count" else f"{tell.value(shown, lang)} ({tell.ratio(shown)})"


def _bare_ratio(figure: Figure) -> str:
    return f"{figure.numerator} / {figure.denominator}"


def _state(facts: Facts, flag: Flag, figure: Figure | None, lang: Lang) -> list[Node]:
    if figure is None:
        return ["–"]
    shown = _shown(facts, flag, figure)
    marked: list[Node] = [chip(shown.state, lang), " "] if shown else []
    return [*marked, f"{_ratio(facts, flag, figure, lang)} {period_short(flag.period_type, figure.period)}"]


def _lamp(lamp: Lamp, lang: Lang) -> Component:
    """A lamp as colour, icon and word."""
    unread: Attributes = {"aria-hidden": "true"}
    return html.Span([html.Span(LAMP_ICONS[lamp], className="icon", **unread), pick(LAMPS[lamp], lang)], className=f"chip l-{lamp}")


def _task_state(state: State, lang: Lang) -> Component:
    return html.Span(pick(STATES[state], lang), className=f"chip t-{state}")


def _kpi_name(facts: Facts, flag: Flag, lang: Lang) -> str:
    kpi = facts.kpis.get(flag.key.kpi_id)
    return pick(kpi.name, lang) if kpi else flag.key.kpi_id


def _target(facts: Facts, flag: Flag, lang: Lang) -> str:
    kpi, target = facts.kpis.get(flag.key.kpi_id), facts.targets.get(flag.key.target_id)
    return tell.target(target, kpi, lang) if kpi and target else flag.key.target_id


def _unit_href(facts: Facts, flag: Flag, address: Address) -> str:
    """The unit's page in the period of the flag, at the domain of the KPI."""
    kpi = facts.kpis.get(flag.key.kpi_id)
    return address.to(
        "unit", unit_key=flag.key.unit_key, period_type=flag.period_type, period=flag.figure.period,
        domain=kpi.domain if kpi else None,
    )  # fmt: skip


def _local(at: str) -> str:
    """When something happened, by the county's clock."""
    return f"{datetime.fromisoformat(at).astimezone(SHANGHAI):%Y-%m-%d %H:%M}"


def _no_target() -> NoSuchPage:
    return NoSuchPage(
        Words("没有指明要督办的目标", "No target to follow up is named"),
        where="unit, kpi, target",
        expected=Words("从单位页面未达标的指标进入", "come from a missed indicator on a unit's page"),
        found=Words("地址不完整", "an incomplete address"),
        advice=Words("返回总览选择单位", "go back to the overview and choose a unit"),
    )
