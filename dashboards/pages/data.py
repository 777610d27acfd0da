"""The data page: what was delivered by whom, which rules rows failed, which edition this is and what it changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from dashboards import html
from dashboards.address import Address, Lang
from dashboards.choices import bar, period_choices
from dashboards.components import downloads
from dashboards.deliveries import (
    CHINA,
    completeness,
    delivery_chip,
    delivery_table,
    finding_table,
    needs_attention,
    share,
    slots_sentence,
    totals,
    totals_by,
    totals_table,
)
from dashboards.edition import EditionInfo
from dashboards.facts import Facts
from dashboards.format import number
from dashboards.history import TAKEN_CHANGES, Account, Past, home_of, last_change, past_editions
from dashboards.html import Component
from dashboards.records import Delivery
from dashboards.words import DATASETS, DELIVERY, day, name_of, pick, say, state_word
from pipelines.explain_steps import CAUSES

MOST_FINDINGS = 30
# From what must be acted on to what is in order: a cell that stands for several months shows the first.
ORDER = ("missing", "refused", "late", "not_due", "on_time")


def content(facts: Facts, address: Address) -> tuple[str, list[Component]]:
    """Title and content of the data page for the months of one period."""
    lang = address.lang
    period = facts.period(address)
    slots = facts.deliveries(period)
    findings = facts.findings(period)
    trouble = [slot for slot in slots if needs_attention(slot)]
    home, edition_id = home_of(facts.edition.path), facts.edition.info.edition_id
    parts = [
        bar(period_choices(facts, address, period)),
        _headline(slots, pick(period.label, lang), lang),
        _section(
            "deliveries", "slots", [_slots(slots, lang), *([delivery_table(trouble, lang)] if trouble else [])], address,
            is_empty=not slots,
        ),
        _section(
            "by_supplier", "suppliers",
            [totals_table("supplier", totals_by(slots, lambda slot: slot.supplier_name), totals(slots, say("all_of_them", lang)), lang)],
            address,
        ),
        _section(
            "by_dataset", "datasets",
            [totals_table("dataset", totals_by(_by_dataset(slots), lambda slot: name_of(DATASETS, slot.dataset, lang)), totals(slots, say("all_of_them", lang)), lang)],
            address,
        ),
        _section(
            "quality", "quality", [finding_table(findings[:MOST_FINDINGS], lang), *_more(len(findings), lang)], address,
            is_empty=not findings,
        ),
        _changes(last_change(home, edition_id), address),
        _history(past_editions(home, edition_id), address),
        _edition(facts.edition.info, lang),
    ]  # fmt: skip
    return f"{say('data', lang)} · {pick(period.label, lang)}", [part for part in parts if part is not None]


def _by_dataset(slots: list[Delivery]) -> list[Delivery]:
    return sorted(slots, key=lambda slot: slot.dataset)


def _section(
    title: str, table: str, body: list[Component], address: Address, *, is_empty: bool = False
) -> Component:
    """A part of the page whose table can be taken away, unless it is empty, under the name that is also its anchor."""
    head = [html.H2(say(title, address.lang)), *([] if is_empty else [downloads(table, address)])]
    return html.Section([html.Div(head, className="section-head"), *body], id=table)


def _more(found: int, lang: Lang) -> list[Component]:
    if found <= MOST_FINDINGS:
        return []
    return [html.P(say("findings_more", lang, shown=MOST_FINDINGS, total=found), className="help")]


def _changes(account: Account | None, address: Address) -> Component:
    """What is otherwise than in the edition before, in counts that add up and by cause."""
    lang = address.lang
    offered = [downloads("changes", address)] if account is not None and account.is_explained else []
    head = html.Div([html.H2(say("changes", lang)), *offered], className="section-head")
    if account is None:
        return html.Section([head, html.P(say("changes_first", lang))], id="changes")
    told: list[Component] = [
        html.P(say("changes_count", lang, older=account.older, newer=account.newer, count=number(account.changed)))
    ]
    if not account.is_explained:
        command = f"warehouse editions diff {account.older} {account.newer}"
        return html.Section([head, *told, html.P([say("changes_unexplained", lang), html.Code(command)])], id="changes")
    told += [html.P(pick(note, lang), className="help") for note in account.notes]
    together = [
        html.Li([html.B(number(count)), f" {' + '.join(name_of(CAUSES, cause, lang) for cause in causes)}"])
        for causes, count in account.by_causes.items()
    ]
    told.append(html.Ul(together, className="details"))
    if account.largest:
        told += [html.P(say("changes_help", lang, shown=len(account.largest), taken=number(TAKEN_CHANGES)), className="help"), _change_table(account.largest, lang)]
    return html.Section([head, *told], id="changes")


def _change_table(changes: Sequence[Mapping[str, Any]], lang: Lang) -> Component:
    heads = [html.Th(say(name, lang), scope="col") for name in ("kpi", "unit", "period", "was_and_is", "by_cause", "verdict_change")]
    rows = [
        html.Tr(
            [
                html.Th(change[f"kpi_{lang}"], scope="row"),
                html.Td(change["unit_name"] or change["unit_key"]),
                html.Td(change[f"period_{lang}"]),
                html.Td(f"{_amounts(change, 'older')} → {_amounts(change, 'newer')}", className="number"),
                html.Td([html.Div(_part(cause, parts, lang)) for cause, parts in change["causes"].items()]),
                html.Td([html.Div(text) for text in _verdicts(change["judgements"], lang)]),
            ]
        )
        for change in changes
    ]
    table = html.Table([html.Thead(html.Tr(heads)), html.Tbody(rows)], className="plain changes-table")
    return html.Div(table, className="scroll", tabIndex=0)


def _amounts(change: Mapping[str, Any], side: str) -> str:
    return f"{number(change[f'{side}_numerator'])} / {number(change[f'{side}_denominator'])}"


def _part(cause: str, parts: Sequence[Decimal], lang: Lang) -> str:
    numerator, denominator = parts
    moved = f"{_signed(numerator)} / {_signed(denominator)}" if numerator or denominator else say("judgement_only", lang)
    return f"{name_of(CAUSES, cause, lang)} {moved}"


def _signed(amount: Decimal) -> str:
    return f"+{number(amount)}" if amount > 0 else number(amount)


def _verdicts(judgements: Sequence[Mapping[str, Any]], lang: Lang) -> list[str]:
    """By target the status that was and is, where it is another one."""
    return [
        f"{judged['target_id'] or ''} {_status(judged['older_status'], lang)} → {_status(judged['newer_status'], lang)}".strip()
        for judged in judgements
        if judged["older_status"] != judged["newer_status"]
    ]


def _status(status: str | None, lang: Lang) -> str:
    return "–" if status is None else state_word(status, lang)


def _history(editions: Sequence[Past], address: Address) -> Component:
    lang = address.lang
    heads = [html.Th(say(name, lang), scope="col") for name in ("edition", "published", "as_of", "figures_count", "code_version")]
    rows = [
        html.Tr(
            [
                html.Th([one.edition_id, *([html.Span(say("shown_now", lang), className="chip s-met")] if one.is_current else [])], scope="row"),
                html.Td(f"{one.published + CHINA:%Y-%m-%d %H:%M}"),
                html.Td(day(one.as_of, lang)),
                html.Td(number(one.figures), className="number"),
                html.Td(html.Code(one.code_version)),
            ]
        )
        for one in editions
    ]  # fmt: skip
    table = html.Table([html.Thead(html.Tr(heads)), html.Tbody(rows)], className="plain")
    head = [html.H2(say("editions", lang)), html.Span(say("editions_help", lang), className="help"), downloads("editions", address)]
    return html.Section(
        [html.Div(head, className="section-head"), html.Div(table, className="scroll", tabIndex=0)], id="editions"
    )


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
        told.append(
            say(
                "rows_summary", lang, read=number(read), quarantined=number(quarantined),
                share=share(quarantined, read, 2),
            )
        )  # fmt: skip
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
