"""The list of missed targets as CSV: UTF-8 with BOM, marked as sample data where it is, without live formulas."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

from dashboards import tell
from dashboards.address import Address
from dashboards.facts import Facts
from dashboards.flag_list import listed
from dashboards.scope import ALL
from dashboards.words import (
    AGENCIES,
    DOMAINS,
    LEVELS,
    MOVEMENT,
    RELIABILITY,
    TREND,
    name_of,
    period_short,
    pick,
    say,
)
from pipelines.exports import harmless

HEAD = (
    "mark", "edition", "period", "street", "unit", "unit_code", "domain", "kpi", "status", "value", "numerator", "denominator",
    "target", "clause", "shortfall", "since", "in_a_row", "movement", "certainty", "low", "high", "chance", "no_failure",
    "trend_word", "reliability", "basis", "owner",
)  # fmt: skip


def flags_csv(facts: Facts, address: Address) -> tuple[str, bytes]:
    """File name and content: one row per missed or near target of the period and level, in the order of the page."""
    lang, info = address.lang, facts.edition.info
    period = facts.period(address)
    units = facts.units(period.end)
    mark = say("sample" if info.is_sample else "real", lang)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([say(name, lang) for name in HEAD])
    for flag in listed(facts, address):
        one = flag.judgement
        unit = units.get(one.unit_key)
        parent = units.get(unit.parent_key) if unit and unit.parent_key else None
        writer.writerow(
            safe(cell)
            for cell in (
                mark, info.edition_id, pick(period.label, lang), parent.name if parent else "",
                unit.name if unit else "", one.unit_code, name_of(DOMAINS, one.kpi.domain, lang),
                pick(one.kpi.name, lang), tell.status(one, lang),
                tell.value(one, lang), one.numerator, one.denominator, tell.target(one.target, one.kpi, lang),
                tell.clause(one.target, lang), one.shortfall, period_short(address.period_type, flag.since), flag.in_a_row,
                name_of(MOVEMENT, flag.movement, lang), tell.certainty(one, lang), tell.low(one, lang),
                tell.high(one, lang), tell.chance_range(one), say("no_failure", lang) if one.failures_allowed == 0 else "",
                name_of(TREND, flag.trend.trend, lang) if flag.trend else "",
                name_of(RELIABILITY, flag.trend.reliability, lang) if flag.trend else "",
                tell.expired(one, lang)[0], name_of(AGENCIES, flag.owner_agency, lang),
            )
        )  # fmt: skip
    chosen = [name_of(DOMAINS, address.domain, lang)] if address.domain != ALL else []
    chosen += [address.pack] if address.pack != ALL else []
    parts = [info.county_name, say("list", lang), period_short(address.period_type, period.first),
             name_of(LEVELS, address.level, lang), *chosen, *([mark] if info.is_sample else [])]  # fmt: skip
    return "_".join(part.replace(" ", "-") for part in parts) + ".csv", text.getvalue().encode("utf-8-sig")


def safe(cell: object) -> str:
    """A cell that no spreadsheet runs: text beginning like a formula gets an apostrophe, numbers stay numbers."""
    if cell is None:
        return ""
    if isinstance(cell, int | Decimal):
        return f"{cell:f}" if isinstance(cell, Decimal) else str(cell)
    return harmless(str(cell))
