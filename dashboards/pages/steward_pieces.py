"""What the steward's pages share: chips, places and names of rows, decisions with their history, forms.

Belongs here: pieces built from rows, tickets and decisions. The pages stand in `steward.py`, `steward_ticket.py`,
`steward_row.py` and `steward_decisions.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from dashboards import html
from dashboards.address import Address, Lang, StewardView
from dashboards.components import Attributes, Node, link
from dashboards.facts import Facts
from dashboards.html import Component
from dashboards.html_pages import field
from dashboards.pages.figures_changed import figures_changed
from dashboards.pages.follow_up_forms import Filled
from dashboards.pages.follow_up_pieces import data
from dashboards.steward_desk import StewardDesk
from dashboards.words import DATASETS, name_of, pick, say
from expectations.contract import load_contract
from pipelines.settings import local_time
from pipelines.stewardship.decisions import KINDS, Decision
from pipelines.stewardship.preview import kept_preview
from pipelines.stewardship.proposals import LONGEST_REASON, STATES
from pipelines.stewardship.row_states import ROW_STATES

ANSWER_DAYS = 14  # that a supplier is given to answer, unless it is said otherwise


def breadcrumb(steps: Sequence[Component], title: str, address: Address) -> Component:
    here: Attributes = {"aria-current": "page"}
    start = link(say("steward", address.lang), href(address, ""))
    return html.Nav(html.Ol([html.Li(step) for step in (start, *steps, html.Span(title, **here))]), className="crumbs")


def href(address: Address, part: str) -> str:
    """A page of the steward's. Filters go with it, so that the way back leads to the list as it was."""
    return address.to("steward", steward=replace(address.steward, part=part))


def row_href(address: Address, row: Mapping[str, Any]) -> str:
    return href(address, f"row/{row['batch_id']}/{row['row_number']}")


def place_of(facts: Facts, code: str | None, lang: Lang) -> str:
    """The name of the community that a row lies in; of one that the register does not know the code."""
    if code is None:
        return say("st_no_place", lang)
    return names(facts).get(code, code)


def names(facts: Facts) -> dict[str, str]:
    """Units by code as they are called now."""
    at = facts.edition.info.as_of_date
    return facts.edition.derived(("names", at), lambda: {unit.code: unit.name for unit in facts.units(at).values()})


def source(desk: StewardDesk, supplier_id: str, dataset: str, lang: Lang) -> str:
    """Whose delivery of what: '县公安局 · 流动人口登记'."""
    return f"{desk.supplier(supplier_id)} · {name_of(DATASETS, dataset, lang)}"


def row_chip(state: str, lang: Lang) -> Component:
    known = {str(name): words for name, words in ROW_STATES.items()}
    return html.Span(pick(known[state], lang), className=f"chip r-{state}")


def shortened(listed: Sequence[str], most: int, lang: Lang) -> str:
    """The first names of a list, and that there are others."""
    comma = "、" if lang == "zh" else ", "
    return comma.join(listed[:most]) + (say("st_and_more", lang) if len(listed) > most else "")


def choice(name: str, label: str, choices: Sequence[tuple[str, str]], chosen: str) -> Component:
    options = [html.Option(text, value=value, selected=value == chosen) for value, text in choices]
    return html.Label([label, html.Select(options, name=name)])


# --- forms ----------------------------------------------------------------------------------------------------------


def form(
    to: str, desk: StewardDesk, fields: Sequence[Component], *, action: str = "", label: str = "", kept: Mapping[str, str] | None = None
) -> Component:
    """A form that asks for one step. `action`: where it is sent, by default the page it stands on."""
    lang, address = desk.address.lang, desk.address
    hidden = {"to": to, "token": desk.visitor.form_token} | dict(kept or {})
    submit = html.Button(label or say(f"st_do_{to}", lang), type="submit", className="button main")
    return html.Form(
        [
            *(field("hidden", name, value=value) for name, value in hidden.items()),
            *fields,
            html.P([submit, html.Span(say("st_no_numbers", lang), className="help")]),
        ],
        action=action or address.href, method="post", className="step-form", **data(step=to),
    )  # fmt: skip


def labelled_field(name: str, lang: Lang, control: Component) -> Component:
    return html.Label([html.Span(say(name, lang)), control])


def reason_field(typed: Mapping[str, str], lang: Lang, name: str = "st_reason", *, required: bool = True) -> Component:
    area = html.Textarea(typed.get("reason", ""), name="reason", rows=2, maxLength=LONGEST_REASON, required=required)
    return labelled_field(name, lang, area)


def due_field(typed: Mapping[str, str], desk: StewardDesk, proposed: date | None = None) -> Component:
    start = typed.get("due", f"{proposed or desk.today + timedelta(days=ANSWER_DAYS)}")
    return labelled_field("st_answer_by", desk.address.lang, field("date", "due", value=start, min=f"{desk.today}", required=True))


# --- decisions ------------------------------------------------------------------------------------------------------


def decision_item(one: Decision, desk: StewardDesk, filled: Filled, *, shows_row: bool) -> Component:
    """A decision with who, when and why, and the steps that it may take."""
    lang, draft = desk.address.lang, one.draft
    head: list[Node] = [
        html.Span(pick(STATES[one.state], lang), className=f"chip x-{one.state}"),
        html.B(f"{say('st_decision', lang, decision=one.decision_id)} · {pick(KINDS[draft.kind], lang)}"),
        html.Span(f"{local_time(one.at)} · {one.by.name}", className="about"),
    ]
    about: list[Node] = []
    if shows_row:
        where = f"{source(desk, draft.row.slot.supplier_id, draft.row.slot.dataset, lang)} · {draft.row.slot.period}"
        row = {"batch_id": draft.row.batch_id, "row_number": draft.row.row_number}
        about = [where, " · ", link(say("st_line_of", lang, line=draft.row.row_number), row_href(desk.address, row))]
    told = [html.P(about)] if about else []
    told += [html.P(text, className="written") for text in content_of(one, desk)]
    told.append(html.P([html.Span(say("st_reason", lang), className="label"), draft.reason], className="written"))
    if one.settled_at and one.settled_by:
        settled = f"{pick(STATES[one.state], lang)} · {local_time(one.settled_at)} · {one.settled_by.name}"
        told.append(html.P([html.Span(settled, className="label"), one.note], className="written"))
    told += _previewed(one, desk)
    return html.Li([html.P(head, className="also"), *told, *_steps(one, desk, filled)], id=f"d{one.decision_id}", **data(decision=f"{one.decision_id}"))


def content_of(one: Decision, desk: StewardDesk) -> list[str]:
    """What exactly was decided, in words."""
    lang, content, dataset = desk.address.lang, one.draft.content, one.draft.row.slot.dataset
    match one.draft.kind:
        case "correct":
            titles = {column.name: column.title_en if lang == "en" else column.title_zh for column in load_contract(dataset).columns}
            return [f"{titles.get(name, name)} → {text or say('st_empty', lang)}" for name, text in content["cells"].items()]
        case "accept":
            return [pick(desk.rule(dataset, rule_id), lang) for rule_id in content["rules"]]
        case "merge":
            return [say("st_into", lang, line=content["into"])]
        case "send_back":
            return [say("st_due_by", lang, due=content["due"])]
        case "replace":
            return [say("st_of_correction", lang, batch=content["batch_id"][:8], line=content["row_number"])]
        case "same_person" | "other_person":
            entry = content["entry"]
            return [f"{source(desk, entry['supplier_id'], entry['dataset'], lang)} · {entry['period']} · {say('st_line_of', lang, line=entry['row_number'])}"]
        case _:
            return []


def _steps(one: Decision, desk: StewardDesk, filled: Filled) -> list[Component]:
    """Approving is for somebody else; withdrawing for any steward."""
    if one.state not in ("proposed", "in_force"):
        return []
    lang, is_own = desk.address.lang, one.by == desk.visitor.actor
    told = [html.P(say("st_own_decision", lang), className="about")] if one.state == "proposed" and is_own else []
    steps = ["withdraw"] if one.state == "in_force" or is_own else ["approve", "refuse", "withdraw"]
    typed = filled.values if filled.values.get("decision") == f"{one.decision_id}" else {}
    kept = {"decision": f"{one.decision_id}", "at": desk.address.steward.part}
    action = f"{StewardView('decisions').path}/{one.decision_id}{desk.address.query()}"
    if one.draft.kind != "send_back":  # which changes nothing by itself
        told.append(_preview(desk, action, kept))
    for to in steps:
        own = typed if typed.get("to") == to else {}
        asked = reason_field(own, lang, "st_opinion" if to == "approve" else "st_reason", required=to != "approve")
        made = form(to, desk, [asked], action=action, kept=kept)
        told.append(html.Details([html.Summary(say(f"st_do_{to}", lang)), made], open=bool(own) or to == "approve"))
    return told


def _preview(desk: StewardDesk, action: str, kept: Mapping[str, str]) -> Component:
    """Asks for what the decision changes; or says that this is being computed."""
    lang = desk.address.lang
    if desk.previews.is_running:
        return html.P(say("rules_preview_runs", lang), className="banner stale", role="status")
    hidden = {"to": "preview", "token": desk.visitor.form_token, **kept}
    asked = [field("hidden", name, value=value) for name, value in hidden.items()]
    button = html.Button(say("rules_preview", lang), type="submit", className="button small")
    return html.Form([*asked, button], action=action, method="post", **data(step="preview"))


def _previewed(one: Decision, desk: StewardDesk) -> list[Component]:
    """What the decision changes, before and after, where somebody asked."""
    found, lang = kept_preview(desk.home, one.decision_id), desk.address.lang
    if found is None:
        return []
    facts = Facts(desk.edition)
    kpis = {kpi_id: pick(kpi.name, lang) for kpi_id, kpi in facts.kpis.items()}
    said = say("st_previewed", lang, figures=found.figures.height, edition=found.edition_id)
    return [html.P(html.B(said)), *figures_changed(found.figures, lang, units=names(facts), kpis=kpis)]
