"""Tables of deliveries and of rules that rows failed, for the unit page and the data page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from dash import html
from dash.development.base_component import Component

from dashboards.address import Lang
from dashboards.components import UNREAD
from dashboards.format import number
from dashboards.records import Delivery, Finding
from dashboards.words import DATASETS, DELIVERY, SEVERITIES, name_of, pick, say

CHINA = timedelta(hours=8)  # the edition keeps UTC; readers are in Asia/Shanghai, which has no summer time


def delivery_chip(status: str, lang: Lang, text: str = "") -> Component:
    icon, words = DELIVERY.get(status, ("", None))
    word = pick(words, lang) if words else status
    return html.Span(
        [html.Span(icon, className="icon", **UNREAD), text or word], className=f"chip d-{status}"
    )


def needs_attention(slot: Delivery) -> bool:
    return slot.status != "on_time" or slot.is_correction_refused or slot.is_incomplete


def completeness(slots: Sequence[Delivery], lang: Lang, *, is_brief: bool = False) -> list[Component]:
    """Marks for a month missing between months that came, and for communities that are not in the file."""
    marks: list[Component] = []
    if any(slot.is_gap for slot in slots):
        marks.append(html.Span(say("gap", lang), className="chip d-gap", title=say("gap_help", lang)))
    thin = [slot for slot in slots if slot.is_incomplete]
    if thin:
        slot = min(thin, key=lambda slot: (slot.communities_delivered or 0) / (slot.communities_expected or 1))
        counts = {"delivered": slot.communities_delivered, "expected": slot.communities_expected}
        text = say("coverage_brief" if is_brief else "coverage", lang, **counts)
        marks.append(html.Span(text, className="chip d-thin", title=say("coverage", lang, **counts)))
    return marks


def delivery_table(slots: Sequence[Delivery], lang: Lang) -> Component:
    """One row per slot: what was due, what came, and what became of its rows."""
    if not slots:
        return html.P(say("deliveries_none", lang))
    head = ("supplier", "dataset", "month", "due", "received", "status", "rows")
    rows = [
        html.Tr(
            [
                html.Th(slot.supplier_name, scope="row"),
                html.Td(name_of(DATASETS, slot.dataset, lang)),
                html.Td(f"{slot.period:%Y-%m}"),
                html.Td(f"{slot.due:%m-%d}" if slot.due else "–"),
                html.Td(f"{slot.received_at + CHINA:%m-%d %H:%M}" if slot.received_at else "–"),
                html.Td([delivery_chip(slot.status, lang), *completeness([slot], lang), _remark(slot, lang)]),
                html.Td(_account(slot), className="number"),
            ]
        )
        for slot in slots
    ]
    return _table([say(name, lang) for name in head], rows)


def slots_sentence(slots: Sequence[Delivery], lang: Lang) -> str:
    """How many of the slots that were due did not arrive."""
    due = [slot for slot in slots if slot.status != "not_due"]
    bad = sum(1 for slot in due if slot.status in ("missing", "refused"))
    if not due:
        return say("deliveries_none", lang)
    return say("slots_bad" if bad else "slots_good", lang, total=len(due), bad=bad)


def finding_table(findings: Sequence[Finding], lang: Lang) -> Component:
    """One row per rule that rows failed."""
    if not findings:
        return html.P(say("quality_none", lang))
    head = ("dataset", "rule", "severity", "failed")
    rows = [
        html.Tr(
            [
                html.Td(name_of(DATASETS, one.dataset, lang)),
                html.Td([pick(one.description, lang), html.Code(one.rule_id)]),
                html.Td(
                    html.Span(name_of(SEVERITIES, one.severity, lang), className=f"chip q-{one.severity}")
                ),
                html.Td(f"{number(one.failed)} / {number(one.checked)}", className="number"),
            ]
        )
        for one in findings
    ]
    return _table([say(name, lang) for name in head], rows)


def _table(head: Sequence[str], rows: Sequence[Component]) -> Component:
    return html.Div(
        html.Table(
            [html.Thead(html.Tr([html.Th(text, scope="col") for text in head])), html.Tbody(list(rows))],
            className="plain",
        ),
        className="scroll",
        tabIndex=0,
    )


def _account(slot: Delivery) -> str:
    if not slot.read:
        return "–"
    parts = (slot.accepted, slot.quarantined, slot.duplicate, slot.skipped)
    return f"{number(slot.read)} = {' + '.join(number(part) for part in parts)}"


def _remark(slot: Delivery, lang: Lang) -> Component | None:
    remarks = [pick(slot.refusal, lang)]
    if slot.is_correction_refused:
        remarks.append(say("correction_refused", lang))
    text = "；".join(remark for remark in remarks if remark)
    return html.Span(text, className="remark") if text else None
