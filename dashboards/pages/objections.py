"""Objections to figures (异议): their list, an objection with its history and its next steps, and the page that opens one.

Belongs here: what is shown. Forms stand in `objection_forms.py`, requests in `dashboards/objection_routes.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date

from dashboards import html, tell
from dashboards.address import PATHS, Address, Lang, NoSuchPage, TaskView
from dashboards.components import Attributes, Node, chip, link
from dashboards.facts import Facts
from dashboards.html import Component, element
from dashboards.html_pages import field as form_field
from dashboards.objection_desk import ObjectionDesk
from dashboards.objection_links import state_told
from dashboards.pages.follow_up_forms import Filled, refusal
from dashboards.pages.follow_up_pieces import as_shown, data, lamp_chip
from dashboards.pages.objection_forms import next_steps, open_form
from dashboards.records import Figure
from dashboards.words import AGENCIES, DATASETS, name_of, period_short, pick, say
from pipelines.errors import Words
from pipelines.objection_edition import said_now
from pipelines.objection_rows import sources_of
from pipelines.objections import (
    LIVE,
    OUTCOMES,
    STATES,
    Contested,
    Event,
    NamedRows,
    Objection,
    Said,
    State,
    Subject,
    by_urgency,
)
from pipelines.settings import local_time

MOST_LISTED = 200  # objections; who has more filters
WRAPPED = ("unit", "kpi", "ob_then", "ob_now", "fu_agency")
LISTED = ("fu_lamp", "fu_number", "unit", "kpi", "ob_period", "ob_then", "ob_now", "fu_agency", "ob_due", "fu_state")


def content(facts: Facts, address: Address, desk: ObjectionDesk, filled: Filled) -> tuple[str, list[Component]]:
    """Title and content of a page of objections. NoSuchPage or ObjectionError where what is asked for is not there."""
    view = address.tasks
    if view.task == "new":
        return _new(facts, address, desk, filled)
    if view.task:
        return _one(facts, address, desk, filled)
    return _list(facts, address, desk)


def subject_asked(address: Address) -> Subject:
    """The figure that an address names, to be contested. NoSuchPage where it names none."""
    view = address.tasks
    if not (view.unit and view.kpi and address.period):
        raise NoSuchPage(
            Words("没有指明有异议的数据", "No figure to contest is named"),
            where="unit, kpi, period",
            expected=Words("从单位页面或指标页面的数据进入", "come from a figure on the page of a unit or KPI"),
            found=Words("地址不完整", "an incomplete address"),
            advice=Words("返回后选择数据", "go back and choose a figure"),
        )
    return Subject(view.unit, view.kpi, view.target, address.period_type, address.period)


# --- the list -----------------------------------------------------------------------------------------------


def _list(facts: Facts, address: Address, desk: ObjectionDesk) -> tuple[str, list[Component]]:
    lang, today = address.lang, desk.today
    every = by_urgency(desk.objections(), today)
    fitting = [one for one in every if _fits(one, address.tasks)]
    shown = fitting[:MOST_LISTED]
    now = said_now(facts.edition.frame, (one.subject for one in shown))
    body: Component = (
        html.Div(
            html.Table(
                [
                    html.Thead(html.Tr([html.Th(say(name, lang), scope="col") for name in LISTED])),
                    html.Tbody([_row(one, now.get(one.subject), facts, today, address) for one in shown]),
                ],
                className="plain tasks",
            ),
            className="scroll",
            tabIndex=0,
        )
        if shown
        else html.P(say("ob_empty", lang), className="about")
    )
    is_cut = len(fitting) > len(shown)
    help_ = say("ob_list_cut" if is_cut else "ob_list_help", lang, shown=len(shown), count=len(fitting))
    head = [html.H2(say("ob_list", lang)), html.Span(help_, className="help")]
    return say("objections", lang), [
        _headline(every, today, lang),
        _filters(every, address),
        html.Section([html.Div(head, className="section-head"), body], id="objections"),
    ]


def _fits(one: Objection, view: TaskView) -> bool:
    return (
        (view.state in ("all", one.state) or (view.state == "open" and one.state in LIVE))
        and view.agency in ("all", one.claim.contested.owner_agency)
        and view.unit in ("", one.subject.unit_key)
    )


def _headline(objections: Sequence[Objection], today: date, lang: Lang) -> Component:
    lamps, states = Counter(one.lamp(today) for one in objections), Counter(one.state for one in objections)
    late = lamps["overdue"]
    key, tone = ("ob_overdue", "bad") if late else ("ob_open", "open") if states["open"] else ("ob_none", "none")
    told = [("ob_soon", lamps["soon"]), ("ob_answered", states["answered"])]
    also = [say(name, lang, count=count) for name, count in told if count]
    colon, stop = ("：", "；") if lang == "zh" else (": ", "; ")
    return html.Section(
        [
            html.H1(
                [
                    html.Span(f"{say('objections', lang)}{colon}", className="when"),
                    html.Strong(say(key, lang, open=states["open"], late=late)),
                ],
                className=f"verdict {tone}",
            ),
            html.P(stop.join(also), className="details") if also else None,
            _way(None, lang),
            html.P(say("ob_how", lang), className="about"),
        ],
        className="headline",
    )


def _filters(objections: Sequence[Objection], address: Address) -> Component:
    lang, view = address.lang, address.tasks
    states = [("open", say("ob_all_live", lang)), ("all", say("fu_all", lang))]
    states += [(state, pick(words, lang)) for state, words in STATES.items() if state != "open"]
    agencies = sorted({one.claim.contested.owner_agency for one in objections})
    units = sorted({(one.claim.contested.unit_code, one.subject.unit_key, one.claim.contested.unit_name) for one in objections})
    named = [("all", say("fu_all", lang)), *((one, name_of(AGENCIES, one, lang)) for one in agencies)]
    return html.Form(
        [
            form_field("hidden", "lang", value=lang),
            _choice("state", say("fu_state", lang), states, view.state),
            _choice("agency", say("fu_agency", lang), named, view.agency),
            _choice("unit", say("unit", lang), [("", say("fu_all", lang)), *((key, name) for _, key, name in units)], view.unit),
            html.Button(say("fu_filter", lang), type="submit", className="button"),
        ],
        action=PATHS["objections"], method="get", className="filters",
    )  # fmt: skip


def _choice(name: str, label: str, choices: Sequence[tuple[str, str]], chosen: str) -> Component:
    options = [html.Option(text, value=value, selected=value == chosen) for value, text in choices]
    return html.Label([label, html.Select(options, name=name)])


def _row(one: Objection, now: Said | None, facts: Facts, today: date, address: Address) -> Component:
    lang, contested = address.lang, one.claim.contested
    href = address.to(tasks=TaskView(str(one.objection_id)))
    cells: list[tuple[str, Node | list[Node]]] = [
        ("fu_lamp", lamp_chip(one.lamp(today), lang)),
        ("fu_number", link(str(one.objection_id), href)),
        ("unit", link(contested.unit_name, _unit_href(facts, one.subject, address))),
        ("kpi", link(_kpi_name(facts, one.subject, lang), href)),
        ("ob_period", period_short(one.subject.period_type, one.subject.period)),
        ("ob_then", _brief(facts, one.subject, contested.said, lang)),
        ("ob_now", _since(facts, one, now, lang)),
        ("fu_agency", name_of(AGENCIES, contested.owner_agency, lang)),
        ("ob_due", f"{one.claim.due}" if one.state == "open" else "–"),
        ("fu_state", _state_chip(one, lang)),
    ]
    # On a phone the table has no head: each cell says what it is.
    written = [
        element("td", element("div", text), className="wraps" if name in WRAPPED else None, **data(label=say(name, lang)))
        for name, text in cells
    ]
    return element("tr", written, **data(objection=f"{one.objection_id}"))


def _since(facts: Facts, one: Objection, now: Said | None, lang: Lang) -> Node | list[Node]:
    """What the edition says now, marked where that is something else."""
    if one.claim.contested.said.agrees_with(now):
        return say("ob_unchanged", lang)
    mark = html.Span(say("ob_changed", lang), className="chip ob-changed")
    return [mark, " ", *(_brief(facts, one.subject, now, lang) if now else [say("ob_now_none", lang)])]


def _brief(facts: Facts, subject: Subject, said: Said, lang: Lang) -> list[Node]:
    shown = _shown(facts, subject, said)
    return [_bare(said)] if shown is None else [chip(shown.state, lang), " ", tell.value_of_cases(shown, lang)]


# --- one objection ------------------------------------------------------------------------------------------


def _one(facts: Facts, address: Address, desk: ObjectionDesk, filled: Filled) -> tuple[str, list[Component]]:
    lang = address.lang
    one, events = desk.objection(int(address.tasks.task))
    now = said_now(facts.edition.frame, [one.subject]).get(one.subject)
    title = say("ob_one", lang, objection=one.objection_id)
    lamp = one.lamp(desk.today)
    also: list[Node] = [_state_chip(one, lang)]
    if one.state == "open":
        also += [lamp_chip(lamp, lang), html.Span(f"{say('ob_due', lang)} {one.claim.due}")]
    return f"{title} · {one.claim.contested.unit_name}", [
        _breadcrumb(title, address),
        *refusal(filled.error, lang),
        _about(one.claim.contested, facts, also, one.state, address, is_late=lamp == "overdue"),
        _then_and_now(facts, one.claim.contested, now, address),
        _claimed(one, desk, lang),
        next_steps(one, desk, address, filled),
        _history(events, lang),
    ]


def _about(
    contested: Contested, facts: Facts, also: list[Node], here: State | None, address: Address, *, is_late: bool = False
) -> Component:
    lang, subject = address.lang, contested.subject
    period = period_short(subject.period_type, subject.period)
    return html.Section(
        [
            html.P(link(contested.unit_name, _unit_href(facts, subject, address)), className="unit-name"),
            html.H1(
                [html.Span(f"{period} · ", className="when"), html.Strong(_kpi_name(facts, subject, lang))],
                className=f"verdict {'bad' if is_late else 'none'}",
            ),
            html.P(also, className="also") if also else None,
            html.P(f"{say('fu_agency', lang)} {name_of(AGENCIES, contested.owner_agency, lang)}", className="about"),
            _way(here, lang),
        ],
        className="headline",
    )


def _way(here: State | None, lang: Lang) -> Component:
    """The way of an objection from state to state, with the one that it is in."""
    current: Attributes = {"aria-current": "step"}
    states: tuple[State, ...] = (*LIVE, "closed")
    return html.Ol([html.Li(pick(STATES[state], lang), **(current if state == here else {})) for state in states], className="way")


def _then_and_now(facts: Facts, contested: Contested, now: Said | None, address: Address) -> Component:
    """What was contested and what the current edition says, side by side; once where both say the same."""
    lang = address.lang
    is_same = contested.said.agrees_with(now)
    then = [
        html.H3(say("ob_then_and_now" if is_same else "ob_then", lang)),
        *_figure(facts, contested.subject, contested.said, lang),
        html.P(link(say("ob_figure", lang), _unit_href(facts, contested.subject, address))),
    ]
    if is_same:
        return html.Section(html.Div(then), className="then-and-now")
    said = _figure(facts, contested.subject, now, lang) if now else [html.P(say("ob_now_none", lang))]
    changed = html.Span(say("ob_changed", lang), className="chip ob-changed")
    return html.Section([html.Div(then), html.Div([html.H3([say("ob_now", lang), " ", changed]), *said])], className="then-and-now")


def _figure(facts: Facts, subject: Subject, said: Said, lang: Lang) -> list[Component]:
    told = html.P(
        say("fu_figure_of", lang, period=period_short(subject.period_type, subject.period), edition=said.edition_id), className="about"
    )
    shown = _shown(facts, subject, said)
    if shown is None:  # the edition knows the KPI or its target no more
        return [html.P(_bare(said)), told]
    terms = [
        (say("ratio", lang), "" if shown.kpi.kind == "count" else tell.ratio(shown)),
        (say("target", lang), tell.target(shown.target, shown.kpi, lang) if shown.target else ""),
        (say("clause", lang), tell.clause(shown.target, lang) if shown.target else ""),
    ]
    return [
        html.P([html.B(tell.value(shown, lang), className="big"), chip(shown.state, lang, tell.status(shown, lang))], className="now"),
        html.Dl([html.Div([html.Dt(term), html.Dd(text)]) for term, text in terms if text]),
        told,
    ]


def _claimed(one: Objection, desk: ObjectionDesk, lang: Lang) -> Component:
    rows: list[Node] = [html.Div(_rows_named(named, desk, lang)) for named in one.claim.rows]
    terms: list[tuple[str, Node | list[Node]]] = [
        ("ob_claim", one.claim.words),
        ("ob_by", f"{one.by.name} · {local_time(one.at)}"),
        ("ob_rows_named", rows or say("ob_rows_none", lang)),
        ("ob_answer", f"{pick(OUTCOMES[one.outcome], lang)}\n{one.answer}" if one.outcome else ""),
    ]
    described = [html.Div([html.Dt(say(name, lang)), html.Dd(text)]) for name, text in terms if text]
    return html.Section(html.Dl(described, className="facts written"))


def _rows_named(named: NamedRows, desk: ObjectionDesk, lang: Lang) -> list[Node]:
    """A file and its rows; for who settles rows each leads to it."""
    slot = named.slot
    told: list[Node] = [f"{slot.supplier_id} · {name_of(DATASETS, slot.dataset, lang)} ", html.Code(slot.dataset), f" {slot.period}: "]
    for row in named.rows:
        text = say("ob_row", lang, row=row)
        told += [link(text, f"/steward/row/{named.batch_id}/{row}") if desk.sees_rows else text, " "]
    return told


def _history(events: Sequence[Event], lang: Lang) -> Component:
    return html.Section(
        [
            html.Div(html.H2(say("ob_history", lang)), className="section-head"),
            html.Ol([_event(event, lang) for event in events], className="history-of-task"),
        ]
    )


def _event(event: Event, lang: Lang) -> Component:
    word = say("ob_opened", lang) if event.state == "open" else pick(STATES[event.state], lang)
    outcome = [html.Span(pick(OUTCOMES[event.outcome], lang))] if event.outcome else []
    head = [html.Span(word, className=f"chip t-{event.state}"), *outcome]
    head.append(html.Span(f"{local_time(event.at)} · {event.actor.name}", className="about"))
    note = [html.P(event.note, className="written")] if event.note else []
    return html.Li([html.P(head, className="also"), *note], **data(event=f"{event.number}"))


# --- a new one ----------------------------------------------------------------------------------------------


def _new(facts: Facts, address: Address, desk: ObjectionDesk, filled: Filled) -> tuple[str, list[Component]]:
    lang = address.lang
    contested = desk.contested(subject_asked(address))
    earlier = desk.about(contested.subject)
    title = say("ob_contest", lang)
    return f"{title} · {contested.unit_name}", [
        _breadcrumb(title, address),
        *refusal(filled.error, lang),
        _about(contested, facts, [], None, address),
        html.Section(html.Div(_figure(facts, contested.subject, contested.said, lang)), className="then-and-now"),
        *_earlier(earlier, address),
        open_form(earlier, sources_of(desk.ask, contested), contested, desk, address, filled),
    ]


def _earlier(objections: Sequence[Objection], address: Address) -> list[Component]:
    lang = address.lang
    if not objections:
        return []
    told = [
        html.Li(
            link(
                say("ob_known", lang, objection=one.objection_id, state=state_told(one, lang)),
                address.to(tasks=TaskView(str(one.objection_id))),
            )
        )
        for one in objections
    ]
    return [html.Section([html.Div(html.H2(say("ob_earlier", lang)), className="section-head"), html.Ul(told)])]


# --- pieces -------------------------------------------------------------------------------------------------


def _breadcrumb(title: str, address: Address) -> Component:
    here: Attributes = {"aria-current": "page"}
    items = [html.Li(link(say("objections", address.lang), address.to("objections"))), html.Li(html.Span(title, **here))]
    return html.Nav(html.Ol(items), className="crumbs")


def _state_chip(one: Objection, lang: Lang) -> Component:
    return html.Span(state_told(one, lang), className=f"chip t-{one.state}")


def _shown(facts: Facts, subject: Subject, said: Said) -> Figure | None:
    """A figure as every page prints it; None where the edition knows the KPI or its target no more."""
    kpi, target = facts.kpis.get(subject.kpi_id), facts.targets.get(subject.target_id)
    if kpi is None or (subject.target_id and target is None):
        return None
    return as_shown(
        kpi, target, said.numerator, said.denominator, status=said.status, certainty=said.certainty, is_withheld=said.is_withheld
    )


def _bare(said: Said) -> str:
    return "–" if said.numerator is None else f"{said.numerator} / {said.denominator}"


def _kpi_name(facts: Facts, subject: Subject, lang: Lang) -> str:
    kpi = facts.kpis.get(subject.kpi_id)
    return pick(kpi.name, lang) if kpi else subject.kpi_id


def _unit_href(facts: Facts, subject: Subject, address: Address) -> str:
    """The unit's page in the period of the figure, at the domain of the KPI."""
    kpi = facts.kpis.get(subject.kpi_id)
    return address.to(
        "unit", unit_key=subject.unit_key, period_type=subject.period_type, period=subject.period,
        domain=kpi.domain if kpi else None,
    )  # fmt: skip
