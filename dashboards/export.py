"""Tables of the pages as files: the same rows in the same words, written by what `warehouse export` writes with.

Belongs here: which tables there are, and what stands in their columns. How a file looks stands in `pipelines/exports.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from dashboards import tell
from dashboards.address import Address, Lang
from dashboards.checks import estimates, rows_for_review, signals
from dashboards.comparing import ranking_rows
from dashboards.deliveries import Totals, totals, totals_by
from dashboards.facts import Facts
from dashboards.flag_list import listed
from dashboards.history import home_of, past_editions, taken_changes
from dashboards.pages.unit_kpi import asked_of
from dashboards.records import Delivery, Figure, Unit, listed_under
from dashboards.scope import ALL
from dashboards.words import (
    AGENCIES,
    DATASETS,
    DELIVERY,
    DOMAINS,
    LEVELS,
    MOVEMENT,
    RELIABILITY,
    SEVERITIES,
    TREND,
    UNIT_BASES,
    name_of,
    period_short,
    pick,
    say,
)
from pipelines.errors import WarehouseError, Words
from pipelines.explain_steps import CAUSES
from pipelines.exports import WRITERS, file_stem
from pipelines.steward import SIGNALS

MOST_FIGURES = 200_000  # rows of a file made while a reader waits

Row = dict[str, object]


@dataclass(frozen=True)
class Sheet:
    """A table: the key of its name, the area it is about, and rows by the keys of their heads."""

    name: str
    area: str
    rows: Sequence[Row]


def table_file(facts: Facts, address: Address, table: str, kind: str, encoding: str = "utf-8-sig") -> tuple[str, bytes]:
    """File name and content of one of TABLES, `kind` being one of WRITERS. NoSuchPage as the page itself."""
    info, lang = facts.edition.info, address.lang
    sheet, period = TABLES[table](facts, address), facts.period(address)
    stem = file_stem(
        [
            info.county_name, say(sheet.name, lang), period_short(address.period_type, period.first), sheet.area,
            info.edition_id, *([say("sample", lang)] if info.is_sample else []),
        ]
    )  # fmt: skip
    mark = {"mark": say("sample" if info.is_sample else "real", lang), "edition": info.edition_id}
    return f"{stem}.{kind}", WRITERS[kind](_frame([{**mark, **row} for row in sheet.rows], lang), encoding, {})


def _frame(rows: Sequence[Row], lang: Lang) -> pl.DataFrame:
    """Columns under their heads in the reader's language."""
    names = list(rows[0]) if rows else ["mark", "edition"]
    return pl.DataFrame({say(name, lang): [row[name] for row in rows] for name in names})


def _flags(facts: Facts, address: Address) -> Sheet:
    """One row per missed or near target of the period and level, in the order of the page."""
    lang, period = address.lang, facts.period(address)
    units = facts.units(period.end)
    rows: list[Row] = []
    for flag in listed(facts, address):
        one, known = flag.judgement, flag.trend
        rows.append(
            {
                "period": pick(period.label, lang), **_unit_of(units.get(one.unit_key), one.unit_code, units),
                **_figure(one, lang),
                "since": period_short(address.period_type, flag.since), "in_a_row": flag.in_a_row,
                "movement": name_of(MOVEMENT, flag.movement, lang), "certainty": tell.certainty(one, lang),
                "low": tell.low(one, lang), "high": tell.high(one, lang), "chance": tell.chance_range(one),
                "no_failure": say("no_failure", lang) if one.failures_allowed == 0 else "",
                "trend_word": name_of(TREND, known.trend, lang) if known else "",
                "reliability": name_of(RELIABILITY, known.reliability, lang) if known else "",
                "basis": tell.expired(one, lang)[0], "owner": name_of(AGENCIES, flag.owner_agency, lang),
            }
        )  # fmt: skip
    return Sheet("list", _area(address), rows)


def _figures(facts: Facts, address: Address) -> Sheet:
    """Every figure of a level behind the heatmap, on the page of a unit of those right below it: unit × KPI × target."""
    lang, period = address.lang, facts.period(address)
    units = facts.units(period.end)
    above = facts.unit_of(units, address.unit_key) if address.unit_key else None
    found = [
        one for one in facts.judgements(period, address.level, facts.scope(address))
        if above is None or (one.unit_key in units and units[one.unit_key].parent_key == above.key)
    ]  # fmt: skip
    if len(found) > MOST_FIGURES:
        raise WarehouseError(
            Words("这张表太大，不能在页面上导出", "This table is too large to be made while you wait"),
            where="figures",
            expected=Words(f"至多 {MOST_FIGURES} 行", f"{MOST_FIGURES} rows at most"),
            found=Words(f"{len(found)} 行", f"{len(found)} rows"),
            advice=Words("选一个领域，或用 warehouse export fct_kpi", "choose a domain, or use warehouse export fct_kpi"),
        )
    rows: list[Row] = [
        {
            "period": pick(period.label, lang), **_unit_of(units.get(one.unit_key), one.unit_code, units),
            **_figure(one, lang), "certainty": tell.certainty(one, lang), "low": tell.low(one, lang),
            "high": tell.high(one, lang), "chance": tell.chance_range(one),
        }
        for one in found
    ]  # fmt: skip
    return Sheet("figures", "_".join([*([above.name] if above else []), _area(address)]), rows)


def _profile(facts: Facts, address: Address) -> Sheet:
    """Every KPI of one unit, as on its page."""
    lang, period = address.lang, facts.period(address)
    units = facts.units(period.end)
    unit = facts.unit_of(units, address.unit_key)
    rows: list[Row] = []
    for asked in asked_of(facts, unit, period, facts.scope(address), address.unit_basis):
        one, peers, flag = asked.one, asked.peers, asked.flag
        rows.append(
            {
                "period": pick(period.label, lang), **_unit_of(unit, unit.code, units), **_figure(one, lang),
                "certainty": tell.certainty(one, lang), "low": tell.low(one, lang), "high": tell.high(one, lang),
                "chance": tell.chance_range(one),
                "since": period_short(address.period_type, flag.since) if flag else "",
                "in_a_row": flag.in_a_row if flag else None,
                "trend_word": tell.trend_brief(asked.trend, lang),
                "peers_better": peers.better if peers else None, "peers_equal": peers.equal if peers else None,
                "peers_worse": peers.worse if peers else None,
                "peers_median": tell.amount(peers.median, one.kpi, one.target, lang) if peers else "",
                "owner": name_of(AGENCIES, one.kpi.owner_agency, lang),
            }
        )  # fmt: skip
    return Sheet("profile", unit.name, rows)


def _ranking(facts: Facts, address: Address) -> Sheet:
    compared, rows = ranking_rows(facts, address)
    return Sheet("ranking", f"{pick(compared.kpi.name, address.lang)}_{compared.within.name}", rows)


def _targets(facts: Facts, address: Address) -> Sheet:
    lang, kpi = address.lang, facts.kpi(address.kpi_id)
    rows: list[Row] = [
        {
            "kpi": pick(kpi.name, lang), "pack": goal.pack, "document": tell.document(goal, lang), "clause": goal.clause,
            "target": tell.target(goal, kpi, lang), "applies_to": tell.applies_to(goal, lang), "wording": pick(goal.text, lang),
            "strength": tell.strength(goal, lang),
        }
        for goal in facts.targets_of(kpi)
    ]  # fmt: skip
    return Sheet("targets", pick(kpi.name, lang), rows)


def _slots(facts: Facts, address: Address) -> Sheet:
    lang = address.lang
    rows: list[Row] = [
        {
            "month": f"{slot.period:%Y-%m}", "supplier": slot.supplier_name, "dataset": name_of(DATASETS, slot.dataset, lang),
            "due": slot.due, "received": slot.received_at, "status": _delivery_word(slot, lang),
            "communities_expected": slot.communities_expected, "communities_delivered": slot.communities_delivered,
            "rows_read": slot.read, "rows_accepted": slot.accepted, "rows_quarantined": slot.quarantined,
            "rows_duplicate": slot.duplicate, "rows_skipped": slot.skipped, "remark": pick(slot.refusal, lang),
        }
        for slot in facts.deliveries(facts.period(address))
    ]  # fmt: skip
    return Sheet("deliveries", _everywhere(address), rows)


def _delivery_word(slot: Delivery, lang: Lang) -> str:
    return pick(DELIVERY[slot.status][1], lang) if slot.status in DELIVERY else slot.status


def _suppliers(facts: Facts, address: Address) -> Sheet:
    slots = facts.deliveries(facts.period(address))
    return _totals("by_supplier", "supplier", totals_by(slots, lambda slot: slot.supplier_name), slots, address)


def _datasets(facts: Facts, address: Address) -> Sheet:
    slots = sorted(facts.deliveries(facts.period(address)), key=lambda slot: slot.dataset)
    named = totals_by(slots, lambda slot: name_of(DATASETS, slot.dataset, address.lang))
    return _totals("by_dataset", "dataset", named, slots, address)


def _totals(name: str, key: str, found: Iterable[Totals], slots: Sequence[Delivery], address: Address) -> Sheet:
    rows: list[Row] = [
        {
            key: one.name, "slots_due": one.due, "on_time": one.on_time, "late": one.late, "missing": one.missing,
            "refused": one.refused, "communities_expected": one.communities_expected,
            "communities_delivered": one.communities_delivered, "rows_read": one.read, "rows_accepted": one.accepted,
            "rows_quarantined": one.quarantined, "rows_duplicate": one.duplicate, "rows_skipped": one.skipped,
        }
        for one in (*found, totals(slots, say("all_of_them", address.lang)))
    ]  # fmt: skip
    return Sheet(name, _everywhere(address), rows)


def _quality(facts: Facts, address: Address) -> Sheet:
    lang = address.lang
    rows: list[Row] = [
        {
            "dataset": name_of(DATASETS, one.dataset, lang), "rule": one.rule_id, "explanation": pick(one.description, lang),
            "severity": name_of(SEVERITIES, one.severity, lang), "rows_failed": one.failed, "rows_checked": one.checked,
        }
        for one in facts.findings(facts.period(address))
    ]  # fmt: skip
    return Sheet("quality", _everywhere(address), rows)


def _editions(facts: Facts, address: Address) -> Sheet:
    rows: list[Row] = [
        {
            "edition_id": one.edition_id, "published": one.published, "as_of": one.as_of, "figures_count": one.figures,
            "code_version": one.code_version,
        }
        for one in past_editions(home_of(facts.edition.path), facts.edition.info.edition_id)
    ]  # fmt: skip
    return Sheet("editions", _everywhere(address), rows)


def _changes(facts: Facts, address: Address) -> Sheet:
    """Every part of the figures that changed most: what one cause did to numerator and denominator."""
    lang = address.lang
    rows: list[Row] = [
        {
            "kpi": change[f"kpi_{lang}"], "unit": change["unit_name"] or "", "unit_code": change["unit_code"] or "",
            "period": change[f"period_{lang}"], "unit_basis": name_of(UNIT_BASES, change["unit_basis"], lang),
            **{f"{side}_{part}": change[f"{side}_{part}"] for side in ("older", "newer") for part in ("numerator", "denominator")},
            "cause": name_of(CAUSES, cause, lang), "delta_numerator": moved[0], "delta_denominator": moved[1],
        }
        for change in taken_changes(home_of(facts.edition.path), facts.edition.info.edition_id)
        for cause, moved in change["causes"].items()
    ]  # fmt: skip
    return Sheet("changes", _everywhere(address), rows)


def _signals(facts: Facts, address: Address) -> Sheet:
    lang, period = address.lang, facts.period(address)
    units = facts.units(period.end)
    rows: list[Row] = [
        {
            "month": f"{one.month:%Y-%m}", "signal": name_of(SIGNALS, one.signal, lang),
            **_unit_of(units.get(one.unit_key), one.unit_code, units), "explanation": pick(one.explanation, lang),
            "observed": one.observed, "usual": one.expected,
        }
        for one in signals(facts, period)
    ]  # fmt: skip
    return Sheet("signals", _everywhere(address), rows)


def _links(facts: Facts, address: Address) -> Sheet:
    rows: list[Row] = [
        {"month": f"{month:%Y-%m}", "supplier": name, "rows_waiting": waiting}
        for (month, name), waiting in rows_for_review(facts, facts.period(address)).items()
    ]
    return Sheet("links_waiting", _everywhere(address), rows)


def _estimates(facts: Facts, address: Address) -> Sheet:
    period = facts.period(address)
    units = facts.units(period.end)
    rows: list[Row] = [
        {
            "month": f"{one.month:%Y-%m}", **_unit_of(units.get(one.unit_key), one.unit_key.partition("@")[0], units),
            "found_by_grid": one.n1, "registered_by_police": one.n2, "on_both": one.m, "estimated": one.estimate,
            "low": one.low, "high": one.high, "unseen": one.unseen,
        }
        for one in estimates(facts, period)
    ]  # fmt: skip
    return Sheet("estimates", _everywhere(address), rows)


def _unit_of(unit: Unit | None, code: str, units: dict[str, Unit]) -> Row:
    street = listed_under(unit, units) if unit else None
    return {"street": street.name if street else "", "unit": unit.name if unit else "", "unit_code": code}


def _figure(one: Figure, lang: Lang) -> Row:
    return {
        "domain": name_of(DOMAINS, one.kpi.domain, lang), "kpi": pick(one.kpi.name, lang), "status": tell.status(one, lang),
        "value": tell.value(one, lang), "numerator": one.numerator, "denominator": one.denominator,
        "target": tell.target(one.target, one.kpi, lang), "clause": tell.clause(one.target, lang), "shortfall": one.shortfall,
    }  # fmt: skip


def _area(address: Address) -> str:
    """The level and what else was chosen."""
    chosen = [name_of(DOMAINS, address.domain, address.lang)] if address.domain != ALL else []
    chosen += [address.pack] if address.pack != ALL else []
    return "_".join([name_of(LEVELS, address.level, address.lang), *chosen])


def _everywhere(address: Address) -> str:
    return say("whole", address.lang)


# By the name in the address of the file.
TABLES: dict[str, Callable[[Facts, Address], Sheet]] = {
    "flags": _flags, "figures": _figures, "profile": _profile, "ranking": _ranking, "slots": _slots,
    "suppliers": _suppliers, "datasets": _datasets, "quality": _quality, "signals": _signals, "links_waiting": _links,
    "estimates": _estimates, "targets": _targets, "editions": _editions, "changes": _changes,
}  # fmt: skip
