"""The data page: what was delivered by whom, which rules rows failed, and which edition this is."""

from __future__ import annotations

from fractions import Fraction

from dash import html
from dash.development.base_component import Component

from dashboards.address import Address, Lang
from dashboards.choices import bar, period_choices
from dashboards.deliveries import (
    CHINA,
    completeness,
    delivery_chip,
    delivery_table,
    finding_table,
    needs_attention,
    slots_sentence,
)
from dashboards.edition import EditionInfo
from dashboards.facts import Facts
from dashboards.format import number, round_beside
from dashboards.records import Delivery
from dashboards.words import DATASETS, DELIVERY, day, name_of, pick, say

# From what must be acted on to what is in order: a cell that stands for several months shows the first.
ORDER = ("missing", "refused", "late", "not_due", "on_time")


def content(facts: Facts, address: Address) -> tuple[str, list[Component]]:
    """Title and content of the data page for the months of one period."""
    lang = address.lang
    period = facts.period(address)
    slots = facts.deliveries(period)
    findings = facts.findings(period)
    trouble = [slot for slot in slots if needs_attention(slot)]
    parts = [
        bar(period_choices(facts, address, period)),
        _headline(slots, pick(period.label, lang), lang),
        html.Section(
            [html.Div(html.H2(say("deliveries", lang)), className="section-head"), _slots(slots, lang)],
            id="slots",
        ),
        html.Section(delivery_table(trouble, lang)) if trouble else None,
        html.Section(
            [
                html.Div(html.H2(say("quality", lang)), className="section-head"),
                finding_table(findings[:30], lang),
            ],
            id="quality",
        ),
        _edition(facts.edition.info, lang),
    ]
    return f"{say('data', lang)} · {pick(period.label, lang)}", [part for part in parts if part is not None]


def _headline(slots: list[Delivery], label: str, lang: Lang) -> Component:
    due = [slot for slot in slots if slot.status != "not_due"]
    bad = sum(1 for slot in due if slot.status in ("missing", "refused"))
    late = sum(1 for slot in due if slot.status == "late")
    read, quarantined = sum(slot.read for slot in slots), sum(slot.quarantined for slot in slots)
    told = [say("late_count", lang, count=late)] if late else []
    gaps, incomplete = sum(slot.is_gap for slot in slots), sum(slot.is_incomplete for slot in slots)
    told += [say("gap_count", lang, count=gaps)] if gaps else []
    told += [say("incomplete_count", lang, count=incomplete)] if incomplete else []
    if read:
        share = f"{round_beside(Fraction(quarantined * 100, read), 2, [Fraction(0), Fraction(100)]):f}%"
        told.append(
            say("rows_summary", lang, read=number(read), quarantined=number(quarantined), share=share)
        )
    colon = "：" if lang == "zh" else ": "
    return html.Section(
        [
            html.H1(
                [html.Span(f"{label}{colon}", className="when"), html.Strong(slots_sentence(slots, lang))],
                className=f"verdict {'bad' if bad else 'good' if due else 'none'}",
            ),
            html.Ul([html.Li(text) for text in told], className="details"),
        ],
        className="headline",
    )  # fmt: skip


def _slots(slots: list[Delivery], lang: Lang) -> Component:
    """Suppliers × datasets; a cell shows the worst status of its months and how many of them arrived."""
    datasets = sorted({slot.dataset for slot in slots})
    cells: dict[tuple[str, str], list[Delivery]] = {}
    for slot in slots:
        cells.setdefault((slot.supplier_id, slot.dataset), []).append(slot)
    names = {slot.supplier_id: slot.supplier_name for slot in slots}
    head = [html.Th(say("supplier", lang), scope="col")]
    head += [
        html.Th(html.Span(name_of(DATASETS, dataset, lang)), scope="col", className="across") for dataset in datasets
    ]
    rows = [
        html.Tr(
            [
                html.Th(name, scope="row"),
                *(_slot(cells.get((supplier, dataset), []), lang) for dataset in datasets),
            ]
        )
        for supplier, name in names.items()
    ]
    return html.Div(
        html.Table([html.Thead(html.Tr(head)), html.Tbody(rows)], className="plain slots"),
        className="scroll",
        tabIndex=0,
    )


def _slot(slots: list[Delivery], lang: Lang) -> Component:
    if not slots:
        return html.Td("")
    status = min(
        (slot.status for slot in slots), key=lambda status: ORDER.index(status) if status in ORDER else -1
    )
    bad = [slot for slot in slots if slot.status == status]
    word = pick(DELIVERY[status][1], lang) if status in DELIVERY else status
    text = word if len(slots) == 1 else f"{word} {len(bad)}/{len(slots)}"
    return html.Td([delivery_chip(status, lang, text), *completeness(slots, lang, is_brief=True)])


def _edition(info: EditionInfo, lang: Lang) -> Component:
    published = info.published_at + CHINA
    told = (
        ("edition", info.edition_id),
        ("as_of", day(info.as_of_date, lang)),
        ("published", f"{published:%Y-%m-%d %H:%M}"),
        ("code_version", info.code_version),
        ("inputs_hash", info.inputs_hash),
        ("content_hash", info.content_hash),
        ("mark", say("sample" if info.is_sample else "real", lang)),
    )
    return html.Section(
        [
            html.Div(html.H2(say("edition_info", lang)), className="section-head"),
            html.Dl(
                [html.Div([html.Dt(say(key, lang)), html.Dd(text)]) for key, text in told], className="facts"
            ),
        ],
        id="edition",
    )
