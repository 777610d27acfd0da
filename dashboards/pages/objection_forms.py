"""The forms of objections: the one that opens an objection, and one for each step that it may take.

Belongs here: forms. What they send is taken in `dashboards/objection_routes.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dashboards import html
from dashboards.address import Address, Lang, TaskView
from dashboards.components import Attributes, Node, link
from dashboards.html import Component
from dashboards.html_pages import field as form_field
from dashboards.objection_desk import ObjectionDesk
from dashboards.objection_links import state_told
from dashboards.pages.follow_up_forms import Filled
from dashboards.pages.follow_up_pieces import data
from dashboards.words import DATASETS, name_of, pick, say
from pipelines.objection_rows import Source
from pipelines.objections import LIVE, LONGEST, OUTCOMES, STEPS, Contested, Objection, State
from pipelines.settings import month_name


def open_form(
    earlier: Sequence[Objection], sources: Sequence[Source], contested: Contested, desk: ObjectionDesk, address: Address, filled: Filled
) -> Component:
    """The form that opens an objection; the way to the one that waits for its answer, where there is one."""
    lang = address.lang
    waiting = next((one for one in earlier if one.state == "open"), None)
    if waiting is not None:
        said = say("ob_known", lang, objection=waiting.objection_id, state=state_told(waiting, lang))
        return html.Section(html.P(link(said, address.to(tasks=TaskView(str(waiting.objection_id))), class_name="button")))
    month = month_name(contested.subject.period)
    lines = [f"{one.supplier_id} {one.dataset} {month}" for one in sources]
    fields: list[Component] = [_line("ob_claim", lang, _area("claim", filled.values, required=True))]
    if sources:
        example = say("ob_rows_help", lang, example=f"{lines[0]} 12, 15-18")
        fields += [
            _line("ob_rows", lang, _area("rows", filled.values, described_by="rows-help")),
            html.P(html.Span(example, className="help"), id="rows-help"),
            html.Details([html.Summary(say("ob_sources", lang)), html.Ul([_source(*one, lang) for one in zip(sources, lines, strict=True)])]),
        ]
    form = _form("open", fields, desk, address, {})
    return html.Section(form, className="steps")


def _source(source: Source, line: str, lang: Lang) -> Component:
    told: list[Node] = [html.Code(line), f" {source.supplier_name} · {name_of(DATASETS, source.dataset, lang)}"]
    return html.Li(told)


def next_steps(one: Objection, desk: ObjectionDesk, address: Address, filled: Filled) -> Component:
    """A form for every step that the visitor may take."""
    lang = address.lang
    if one.state not in LIVE:
        return html.Section(html.P(say("ob_ended", lang), className="about"))
    allowed = [to for to, sources in STEPS.items() if one.state in sources and desk.may(to, one)]
    if not allowed:
        return html.Section(html.P(say("ob_read_only", lang), className="about"))
    forms = [
        html.Details(
            [
                html.Summary(say(f"ob_do_{to}", lang)),
                _form(to, _fields(to, filled.values if filled.values.get("to") == to else {}, lang), desk, address, {"seen": f"{one.events}"}),
            ],
            open=to == filled.values.get("to", allowed[0]),
        )
        for to in allowed
    ]
    return html.Section([html.Div(html.H2(say("ob_steps", lang)), className="section-head"), *forms], className="steps")


def _fields(to: State, typed: Mapping[str, str], lang: Lang) -> list[Component]:
    if to != "answered":
        return [_line("ob_note", lang, _area("note", typed))]
    chosen = typed.get("outcome", "")
    options = [html.Option("", value="", selected=not chosen)]
    options += [html.Option(pick(words, lang), value=name, selected=name == chosen) for name, words in OUTCOMES.items()]
    return [
        _line("ob_outcome", lang, html.Select(options, name="outcome", required=True)),
        _line("ob_answer", lang, _area("answer", typed, required=True)),
    ]


def _form(to: State, fields: Sequence[Component], desk: ObjectionDesk, address: Address, kept: Mapping[str, str]) -> Component:
    """The form of one step. What was typed into it stands there again where it was refused."""
    lang = address.lang
    hidden = {"to": to, "token": desk.visitor.form_token, **kept}
    submit = html.Button(say(f"ob_do_{to}", lang), type="submit", className="button main")
    return html.Form(
        [
            *(form_field("hidden", name, value=value) for name, value in hidden.items()),
            *fields,
            html.P([submit, html.Span(say("fu_no_numbers", lang), className="help")]),
        ],
        action=address.href, method="post", className="step-form", **data(step=to),
    )  # fmt: skip


def _line(name: str, lang: Lang, control: Component) -> Component:
    return html.Label([html.Span(say(name, lang)), control])


def _area(name: str, typed: Mapping[str, str], *, required: bool = False, described_by: str = "") -> Component:
    more: Attributes = {"aria-describedby": described_by} if described_by else {}
    return html.Textarea(typed.get(name, ""), name=name, rows=3, maxLength=LONGEST[name], required=required, **more)
