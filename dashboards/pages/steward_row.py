"""One delivered row: where it stands, what is wrong with it, what it says with what identifies people masked, the verdicts that
hang on it, and what can be done about it.

Belongs here: the page and its forms. What they send is taken in `dashboards/steward_routes.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from dashboards import html, tell
from dashboards.address import Lang
from dashboards.components import Node, chip, link
from dashboards.data_docs import data_docs_href
from dashboards.facts import Facts
from dashboards.html import Component, element
from dashboards.html_pages import field
from dashboards.pages.follow_up_forms import Filled, refusal
from dashboards.pages.follow_up_pieces import data
from dashboards.pages.steward_pieces import (
    breadcrumb,
    choice,
    decision_item,
    due_field,
    form,
    href,
    names,
    reason_field,
    row_chip,
    row_href,
    source,
)
from dashboards.records import Judgement
from dashboards.steward_desk import StewardDesk, rows_of
from dashboards.words import DATASETS, name_of, period_short, pick, say
from expectations.rules import COMMUNITY_REGISTER
from pipelines.errors import Words
from pipelines.steward import REVIEW_REASONS
from pipelines.stewardship.open_rows import UNLINKED
from pipelines.stewardship.row_view import Cell, RowView
from pipelines.stewardship.tickets import Subject, Ticket
from pipelines.template import labels_of

SHOWN_VERDICTS = 12
COMPARED = 5  # rows with the same key that are shown beside this one
LONGEST_CELL = 500
COMMUNITIES = "communities"  # the list of codes that fields of communities offer
HEADS = ("unit", "kpi", "period", "value", "bounds", "target", "status", "st_hangs_on")


def content(facts: Facts, desk: StewardDesk, filled: Filled) -> tuple[str, list[Component]]:
    """NoSuchRow where it is not there."""
    lang = desk.address.lang
    _, batch_id, number = desk.address.steward.part.split("/")
    view = desk.row(batch_id, int(number))
    open_row, decided = (one.filter(batch_id=batch_id, row_number=int(number)) for one in (desk.work.list.rows, desk.work.decided))
    known = open_row if open_row.height else decided
    state: str = known["state"][0] if known.height else ""
    rules: list[str] = known["rules"][0].to_list() if known.height else []
    tickets = _tickets(view, rules, desk)
    title = say("st_row", lang, line=number)
    return f"{title} · {source(desk, view.row.slot.supplier_id, view.row.slot.dataset, lang)}", [
        breadcrumb([_ticket_link(one, desk) for one in tickets[:1]], title, desk.address),
        *refusal(filled.error, lang),
        _headline(view, rules, state, [] if state == "open" else _next(tickets, desk), desk),
        html.Div([*_settling(view, rules, facts, desk, filled), _content(view, lang)], className="side-by-side"),
        *_hanging(open_row, facts, desk),
        *_decisions(view, desk, filled),
    ]


def _tickets(view: RowView, rules: list[str], desk: StewardDesk) -> list[Ticket]:
    """The tickets that the row belongs to."""
    slot = view.row.slot
    known = (desk.tickets_by_subject.get(Subject(slot.supplier_id, slot.dataset, rule_id)) for rule_id in rules)
    return [one for one in known if one is not None]


def _ticket_link(ticket: Ticket, desk: StewardDesk) -> Component:
    return link(say("st_ticket", desk.address.lang, ticket=ticket.ticket_id), href(desk.address, f"ticket/{ticket.ticket_id}"))


def _next(tickets: list[Ticket], desk: StewardDesk) -> list[Component]:
    """The way to the next row of the same ticket, once this one is decided on."""
    waiting = (rows_of(desk.work.list, one.subject).filter(state="open") for one in tickets)
    row = next((found.row(0, named=True) for found in waiting if found.height), None)
    if row is None:
        return []
    return [link(say("st_next", desk.address.lang, line=row["row_number"]), row_href(desk.address, row), class_name="button small")]


def _headline(view: RowView, rules: list[str], state: str, onward: list[Component], desk: StewardDesk) -> Component:
    lang, slot = desk.address.lang, view.row.slot
    colon = "：" if lang == "zh" else ": "
    counted = say("st_row_problem", lang) if len(rules) == 1 else say("st_row_problems", lang, count=len(rules))
    across = {one.rule.id for one in view.broken if one.is_across}
    problems = [
        html.Li([pick(desk.rule(slot.dataset, rule_id), lang), *([html.Span(say("st_across", lang), className="remark")] if rule_id in across else [])])
        for rule_id in rules
    ]
    where: list[tuple[str, Node]] = [
        (say("st_month", lang), html.A(slot.period, href=data_docs_href(slot.dataset, slot.period), target="_blank")), (say("st_file", lang), view.file_name or "–"),
        (say("st_line", lang), f"{view.row.row_number}"), (say("st_batch", lang), view.delivered_id),
    ]  # fmt: skip
    return html.Section(
        [
            html.P(source(desk, slot.supplier_id, slot.dataset, lang), className="unit-name"),
            html.H1(
                [
                    html.Span(say("st_row", lang, line=view.row.row_number) + colon, className="when"),
                    html.Strong(counted if rules else say("st_row_none", lang)),
                ],
                className=f"verdict {'open' if rules else 'good'}",
            ),
            html.Ul(problems, className="problems") if rules else html.P(say("st_row_none_help", lang), className="about"),
            html.P([*([row_chip(state, lang)] if state else []), *onward], className="also") if state or onward else None,
            html.Dl([html.Div([html.Dt(term), html.Dd(text)]) for term, text in where], className="where"),
        ],
        className="headline",
    )


# --- what the row says ----------------------------------------------------------------------------------------------


def _content(view: RowView, lang: Lang) -> Component:
    head = [html.H2(say("st_content", lang)), html.Span(say("st_content_help", lang), className="help")]
    body = [_cell(cell, view, lang) for cell in sorted(view.cells, key=lambda one: not one.is_doubted)]
    heads = [html.Th(say(name, lang), scope="col") for name in ("st_column", "st_value", "st_problem")]
    table = html.Table([html.Thead(html.Tr(heads)), html.Tbody(body)], className="plain cells")
    return html.Section([html.Div(head, className="section-head"), html.Div(table, className="scroll", tabIndex=0)], id="content-of-row")


def _cell(cell: Cell, view: RowView, lang: Lang) -> Component:
    rules = [one.rule for one in view.broken if cell.column.name in one.rule.columns]
    told = [Words(rule.zh, rule.en) for rule in rules] or ([cell.finding] if cell.finding else [])
    stop = "；" if lang == "zh" else "; "
    return html.Tr(
        [
            html.Th(title_of(cell, lang), scope="row"),
            html.Td(cell.shown or say("st_empty", lang), className="written"),
            html.Td(stop.join(pick(words, lang) for words in told), className="wraps"),
        ],
        className="doubted" if cell.is_doubted else None,
        **data(column=cell.column.name),
    )


def title_of(cell: Cell, lang: Lang) -> str:
    return cell.column.title_en if lang == "en" else cell.column.title_zh


# --- what hangs on it -----------------------------------------------------------------------------------------------


def _hanging(open_row: pl.DataFrame, facts: Facts, desk: StewardDesk) -> list[Component]:
    """The undetermined verdicts that settling the row brings nearer, as every page prints them."""
    if open_row.is_empty():
        return []
    lang = desk.address.lang
    verdicts = desk.work.list.verdicts_of(open_row["row_id"])
    figures = verdicts.group_by("unit_key", "period", "kpi_id", maintain_order=True).agg("target_id", pl.col("hangs_on").first())
    shown = figures.head(SHOWN_VERDICTS)
    is_cut = shown.height < figures.height
    help_ = say("st_hanging_cut" if is_cut else "st_hanging_help", lang, shown=shown.height, count=f"{figures.height:,}")
    head = html.Div([html.H2(say("st_hanging", lang)), html.Span(help_, className="help")], className="section-head")
    if shown.is_empty():
        return [html.Section([head, html.P(say("st_hanging_none", lang), className="about")])]
    known = facts.judgements_about(desk.address.period_type, shown.explode("target_id").select("unit_key", "period", "kpi_id", "target_id").rows())
    heads = [html.Th(say(name, lang), scope="col") for name in HEADS]
    body = []
    for unit_key, period, kpi_id, target_ids, rows in shown.iter_rows():
        judged = [known[key] for target_id in target_ids if (key := (unit_key, period, kpi_id, target_id)) in known]
        body += [_verdict(judged, rows, facts, desk)] if judged else []
    table = html.Table([html.Thead(html.Tr(heads)), html.Tbody(body)], className="plain tasks")
    return [html.Section([head, html.Div(table, className="scroll", tabIndex=0)], id="verdicts")]


def _verdict(judged: list[Judgement], rows: int, facts: Facts, desk: StewardDesk) -> Component:
    """A figure with the targets that it is undetermined against."""
    lang, address, one = desk.address.lang, desk.address, judged[0]
    targets = dict.fromkeys(tell.target(each.target, each.kpi, lang) for each in judged)
    comma = "、" if lang == "zh" else ", "
    unit = address.to("unit", unit_key=one.unit_key, period=one.period, domain=one.kpi.domain)
    cells: list[tuple[str, Node]] = [
        ("unit", link(names(facts).get(one.unit_code, one.unit_code), unit)),
        ("kpi", pick(one.kpi.name, lang)),
        ("period", period_short(address.period_type, one.period)),
        ("value", tell.value(one, lang)),
        ("bounds", tell.bounds(one, lang)),
        ("target", comma.join(targets)),
        ("status", chip(one.state, lang)),
        ("st_hangs_on", say("st_alone", lang) if rows == 1 else say("st_hangs_rows", lang, count=rows)),
    ]
    return html.Tr(
        [html.Td(html.Div(text), className="wraps" if name in ("unit", "kpi") else None, **data(label=say(name, lang))) for name, text in cells]
    )


# --- what can be done about it --------------------------------------------------------------------------------------


def _settling(view: RowView, rules: list[str], facts: Facts, desk: StewardDesk, filled: Filled) -> list[Component]:
    """A form for each thing that can be done, the most fitting one unfolded; none while another decision stands."""
    if not rules:
        return []
    lang, decided = desk.address.lang, view.open_decision
    if decided is not None and decided.draft.kind not in ("send_back", "other_person"):
        told = link(say("st_decided_already", lang, decision=decided.decision_id), "#decisions")
        return [html.Section([html.Div(html.H2(say("st_do", lang)), className="section-head"), html.P(told)], id="do")]
    asked = filled.values.get("to", "")
    typed = {to: filled.values if to == asked else {} for to in ("same_person", "other_person", "correct", "merge", "accept", "send_back", "reject")}
    pairs = desk.pairs(view) if UNLINKED in rules else []
    is_sent = decided is not None and decided.draft.kind == "send_back"
    forms = [
        *((to, _link(to, pairs, typed[to], desk) if pairs else None) for to in ("same_person", "other_person")),
        ("correct", _correct(view, typed["correct"], facts, desk)),
        ("merge", _merge(view, typed["merge"], desk) if view.rows_of_key else None),
        ("accept", form("accept", desk, [reason_field(typed["accept"], lang)]) if _is_acceptable(view) else None),
        ("send_back", form("send_back", desk, [due_field(typed["send_back"], desk), reason_field(typed["send_back"], lang)]) if not is_sent else None),
        ("reject", form("reject", desk, [reason_field(typed["reject"], lang)])),
    ]
    offered = {to: made for to, made in forms if made is not None}
    first = asked if asked in offered else _most_fitting(view, list(offered))
    folded = [
        html.Details(
            [html.Summary(say(f"st_do_{to}", lang)), html.P(say(f"st_help_{to}", lang), className="about"), made], open=to == first, **data(form=to)
        )
        for to, made in sorted(offered.items(), key=lambda one: one[0] != first)
    ]
    return [html.Section([html.Div(html.H2(say("st_do", lang)), className="section-head"), *folded], className="steps", id="do")]


def _is_acceptable(view: RowView) -> bool:
    return bool(view.broken) and all(one.rule.is_acceptable for one in view.broken)


def _most_fitting(view: RowView, offered: list[str]) -> str:
    """A repeated row is merged, an uncertain link is looked at; what is wrong in columns that identify nobody is corrected; the
    rest goes back to its supplier."""
    doubted = [cell for cell in view.cells if cell.is_doubted]
    for to in ("merge", "same_person"):
        if to in offered:
            return to
    can_correct = bool(doubted) and not any(cell.is_identifying for cell in doubted)
    return "correct" if can_correct or "send_back" not in offered else "send_back"


def _correct(view: RowView, typed: Mapping[str, str], facts: Facts, desk: StewardDesk) -> Component:
    """The columns that identify nobody, filled with what the row says; the others of them folded away."""
    lang = desk.address.lang
    own = [cell for cell in view.cells if not cell.is_identifying]
    doubted = [_input(cell, typed, lang) for cell in own if cell.is_doubted]
    others = [_input(cell, typed, lang) for cell in own if not cell.is_doubted]
    more = html.Details([html.Summary(say("st_other_columns", lang)), html.Div(others, className="columns")], open=not doubted)
    return form(
        "correct", desk,
        [html.Div(doubted, className="columns"), *([more] if others else []), *_communities(own, facts), reason_field(typed, lang)],
    )  # fmt: skip


def _communities(own: list[Cell], facts: Facts) -> list[Component]:
    """What a code of a community may be, offered while it is typed."""
    if not any(_is_community(cell) for cell in own):
        return []
    at = facts.edition.info.as_of_date
    known = [html.Option(unit.name, value=unit.code) for unit in facts.units(at).values() if unit.level == "community"]
    return [element("datalist", known, id=COMMUNITIES)]


def _is_community(cell: Cell) -> bool:
    return cell.column.references == COMMUNITY_REGISTER


def _input(cell: Cell, typed: Mapping[str, str], lang: Lang) -> Component:
    name = f"cell.{cell.column.name}"
    value = typed.get(name, cell.shown)
    labels = labels_of(cell.column)
    if labels:
        known = [("", say("st_empty", lang)), *((label, label) for label in labels)]
        kept = [] if cell.shown in ("", *labels) else [(cell.shown, say("st_now", lang, value=cell.shown))]
        return choice(name, title_of(cell, lang), [*kept, *known], value)
    offered = {"list": COMMUNITIES} if _is_community(cell) else {}
    return html.Label([html.Span(title_of(cell, lang)), field("text", name, value=value, maxLength=LONGEST_CELL, **offered)])


def corrected_cells(view: RowView, values: Mapping[str, str]) -> dict[str, str]:
    """What a form of `_correct` was sent with that is not as it was."""
    shown = {f"cell.{cell.column.name}": cell for cell in view.cells}
    return {
        shown[name].column.name: text
        for name, text in values.items()
        if name in shown and text.strip() != shown[name].shown.strip()
    }


def _merge(view: RowView, typed: Mapping[str, str], desk: StewardDesk) -> Component:
    """The rows with the same key, each with what it says otherwise than this one."""
    lang, number = desk.address.lang, view.row.row_number
    others = {other: desk.row(view.row.batch_id, other) for other in view.rows_of_key[:COMPARED]}
    told = [
        html.Div(
            [html.Dt(say("st_line_of", lang, line=other)), html.Dd([html.Div(text) for text in _differences(view, known, lang)])]
        )
        for other, known in others.items()
    ]
    lines = [(f"{other}", say("st_line_of", lang, line=other)) for other in view.rows_of_key if other != number]
    return form(
        "merge", desk,
        [html.Dl(told, className="facts written"), choice("into", say("st_stays", lang), lines, typed.get("into", "")), reason_field(typed, lang)],
    )  # fmt: skip


def _link(to: str, pairs: list[dict[str, Any]], typed: Mapping[str, str], desk: StewardDesk) -> Component:
    """The rows of the books that may be of the same person, with the way to what each says."""
    lang = desk.address.lang
    options, told = [], []
    for pair in pairs:
        line = f"{name_of(DATASETS, pair['list'], lang)} {say('st_line_of', lang, line=pair['entry_row_number'])}"
        entry = {"batch_id": pair["entry_batch_id"], "row_number": pair["entry_row_number"]}
        why = f"{pick(REVIEW_REASONS[pair['reason']], lang)} · {say('st_likely', lang, share=format(pair['probability'], '.0%'))}"
        options.append((name_of_pair(pair), line))
        told.append(html.Div([html.Dt(link(line, row_href(desk.address, entry))), html.Dd(why)]))
    asked = choice("pair", say("st_entry", lang), options, typed.get("pair", ""))
    return form(to, desk, [html.Dl(told, className="facts"), asked, reason_field(typed, lang)])


def name_of_pair(pair: Mapping[str, Any]) -> str:
    """By which a form says which row of the books is meant."""
    return f"{pair['entry_batch_id']}/{pair['entry_row_number']}"


def _differences(view: RowView, other: RowView, lang: Lang) -> list[str]:
    colon = "：" if lang == "zh" else ": "
    empty = say("st_empty", lang)
    return [
        f"{title_of(own, lang)}{colon}{own.shown or empty} → {its.shown or empty}"
        for own, its in zip(view.cells, other.cells, strict=True)
        if own.shown != its.shown
    ] or [say("st_same", lang)]


def _decisions(view: RowView, desk: StewardDesk, filled: Filled) -> list[Component]:
    lang = desk.address.lang
    if not view.decisions:
        return []
    items = [decision_item(one, desk, filled, shows_row=False) for one in reversed(view.decisions)]
    return [html.Section([html.Div(html.H2(say("st_decisions", lang)), className="section-head"), html.Ol(items, className="decisions")], id="decisions")]
