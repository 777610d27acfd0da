"""What the steward looks into: signals, estimates, links that wait, and what became of units.

Belongs here: the records and the questions for them. None of it enters a judgement, a flag or an order of units.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from dashboards.facts import Facts
from dashboards.records import Period, Unit
from pipelines.errors import Words

REGISTRATION = "temporary_resident_registration_rate"


@dataclass(frozen=True)
class Signal:
    """Something worth a look: what was found, what was to be expected, and how many times its threshold it is off."""

    signal: str
    month: date
    unit_key: str
    unit_code: str
    dataset: str | None
    supplier_id: str | None
    observed: float
    expected: float
    explanation: Words


@dataclass(frozen=True)
class Estimate:
    """A unit's temporary residents by two lists: n1 found by the grid, n2 registered, m on both. None where not estimated."""

    unit_key: str
    month: date
    n1: int
    n2: int
    m: int
    estimate: float | None
    low: float | None
    high: float | None
    unseen: float | None


@dataclass(frozen=True)
class Change:
    """What became of a unit on a day; names are null where the edition holds no such unit."""

    day: date
    kind: str
    before: str
    after: str
    document: str | None


@dataclass(frozen=True)
class Unplaced:
    """Rows of some months that cannot be placed in the units of today, by the unit that they were delivered for."""

    first: date
    last: date
    dataset: str
    unit_name: str
    rows: int


def signals(facts: Facts, period: Period) -> list[Signal]:
    """Those of a period's months, the furthest beyond their thresholds first."""
    frame = facts.edition.frame(
        "select signal, period, unit_key, unit_code, dataset, supplier_id, observed, expected, explanation_zh,"
        " explanation_en from fct_signal where period between ? and ?"
        " order by score / threshold desc, signal, unit_code",
        (period.start, period.end),
    )
    return [
        Signal(
            row["signal"], row["period"], row["unit_key"], row["unit_code"], row["dataset"], row["supplier_id"],
            row["observed"], row["expected"], Words(row["explanation_zh"], row["explanation_en"]),
        )
        for row in frame.iter_rows(named=True)
    ]  # fmt: skip


def estimates(facts: Facts, period: Period) -> list[Estimate]:
    """Of the last month of a period that has any: the county first, then its streets by code."""
    frame = facts.edition.frame(
        "select unit_key, month, n1, n2, m, estimate, low, high, unseen from fct_estimate"
        " where month = (select max(month) from fct_estimate where month between ? and ?)"
        " order by unit_level, unit_code",
        (period.start, period.end),
    )
    return [Estimate(**row) for row in frame.iter_rows(named=True)]


def rows_for_review(facts: Facts, period: Period) -> dict[tuple[date, str], int]:
    """By month and supplier's name, the rows that may be of a known person and that nobody has looked at."""
    frame = facts.edition.frame(
        "select period, supplier_name, sum(rows_for_review)::bigint as waiting from fct_delivery"
        " where period between ? and ? group by all having waiting > 0 order by period, supplier_name",
        (period.start, period.end),
    )
    return {(row["period"], row["supplier_name"]): row["waiting"] for row in frame.iter_rows(named=True)}


def changes(facts: Facts, unit: Unit) -> list[Change]:
    """What became of a unit, and of those inside it, since the first month of the edition."""
    names = "(select unit_key, max_by(unit_name, valid_from) as unit_name from dim_unit group by unit_key)"
    frame = facts.edition.frame(
        "select distinct change_date, change_kind, coalesce(older.unit_name, from_code) as before,"
        " coalesce(newer.unit_name, to_code) as after, document_no from dim_lineage"
        f" left join {names} as older on older.unit_key = from_unit_key"
        f" left join {names} as newer on newer.unit_key = to_unit_key"
        " where change_date > (select min(start_date) from dim_period)"
        " and (from_unit_key = ? or to_unit_key = ? or from_code like ? || '%' or to_code like ? || '%')"
        " order by change_date, before, after",
        (unit.key, unit.key, unit.code, unit.code),
    )
    return [
        Change(row["change_date"], row["change_kind"], row["before"] or "–", row["after"] or "–", row["document_no"])
        for row in frame.iter_rows(named=True)
    ]


def unplaced(facts: Facts, unit: Unit) -> list[Unplaced]:
    """Rows of a unit, of those inside it and of those that it took from, which nothing places in the units of today."""
    frame = facts.edition.frame(
        "with names as (select unit_key, max_by(unit_name, valid_from) as unit_name from dim_unit group by unit_key)"
        " select min(month) as first, max(month) as last, dataset, coalesce(unit_name, unit_code) as unit_name,"
        " sum(rows_accepted + rows_quarantined)::bigint as rows from fct_unplaced left join names using (unit_key)"
        " where unit_code like ? || '%' or unit_key in (select from_unit_key from dim_lineage where to_unit_key = ?)"
        " group by dataset, unit_key, unit_code, unit_name order by unit_code, dataset",
        (unit.code, unit.key),
    )
    return [Unplaced(**row) for row in frame.iter_rows(named=True)]
