"""Tables of deliveries and of rules that rows failed, for the unit page and the data page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction

from dashboards import html
from dashboards.address import Lang
from dashboards.components import UNREAD
from dashboards.format import number, round_beside
from dashboards.html import Component
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


@dataclass(frozen=True)
class Totals:
    """What came of the slots of one supplier (or dataset): counts that add up over suppliers."""

    name: str
    due: int
    on_time: int
    late: int
    missing: int
    refused: int
    communities_expected: int
    communities_delivered: int
    read: int
    accepted: int
    quarantined: int
    duplicate: int
    skipped: int


def totals(slots: Sequence[Delivery], name: str) -> Totals:
    """Slots not due yet count for their rows only."""
    count = Counter(slot.status for slot in slots)
    known = [slot for slot in slots if slot.communities_expected and slot.read]
    return Totals(
        name, len(slots) - count["not_due"], count["on_time"], count["late"], count["missing"], count["refused"],
        sum(slot.communities_expected or 0 for slot in known), sum(slot.communities_delivered or 0 for slot in known),
        sum(slot.read for slot in slots), sum(slot.accepted for slot in slots), sum(slot.quarantined for slot in slots),
        sum(slot.duplicate for slot in slots), sum(slot.skipped for slot in slots),
    )  # fmt: skip


def totals_by(slots: Sequence[Delivery], named: Callable[[Delivery], str]) -> list[Totals]:
    """One for each name, in the order in which names first come."""
    groups: dict[str, list[Delivery]] = {}
    for slot in slots:
        groups.setdefault(named(slot), []).append(slot)
    return [totals(members, name) for name, members in groups.items()]


def share(part: int, whole: int, decimals: int = 1) -> str:
    """'98.6%' of a whole, never 0 or 100 % unless it is; '–' of nothing."""
    if not whole:
        return "–"
    return f"{round_beside(Fraction(part * 100, whole), decimals, [Fraction(0), Fraction(100)]):f}%"


def totals_table(key: str, rows: Sequence[Totals], whole: Totals, lang: Lang) -> Component:
    """Each supplier (or dataset, as `key` says) and all of them together: on time, whole, and what became of the rows."""
    head = (key, "slots_due", "on_time", "late", "missing", "refused", "communities_covered", "rows", "quarantined_share")
    body = [
        html.Tr(
            [
                html.Th(one.name, scope="row"),
                *(
                    html.Td(cell, className="number")
                    for cell in (
                        number(one.due), f"{share(one.on_time, one.due)} ({one.on_time} / {one.due})" if one.due else "–",
                        number(one.late), number(one.missing), number(one.refused),
                        f"{share(one.communities_delivered, one.communities_expected)}"
                        f" ({number(one.communities_delivered)} / {number(one.communities_expected)})"
                        if one.communities_expected else "–",
                        f"{number(one.read)} = " + " + ".join(
                            number(part) for part in (one.accepted, one.quarantined, one.duplicate, one.skipped)
                        ),
                        share(one.quarantined, one.read, 2),
                    )
                ),
            ],
            className="sum" if one is whole else None,
        )
        for one in (*rows, whole)
    ]  # fmt: skip
    return _table([say(name, lang) for name in head], body)


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
