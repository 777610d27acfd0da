"""What the pages ask an edition, and the rows they get: typed, joined, in the order they are shown.

Belongs here: queries over the edition's tables. Does not belong here: wording, rounding, drawing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

import polars as pl

from dashboards.address import Address, NoSuchPage
from dashboards.edition import Edition
from pipelines.errors import Words

# The display state of a judged target: its status, except where data in doubt could turn it.
# From what a leader must see first to what needs no attention.
STATES = ("missed", "near", "undetermined", "no_data", "met", "too_early", "no_target", "not_applicable")
JUDGED = ("met", "near", "missed")


@dataclass(frozen=True)
class Unit:
    """A county, street or community as it was at a period's end."""

    key: str
    code: str
    name: str
    level: str
    parent_key: str | None
    community_class: str | None
    opened: date | None


@dataclass(frozen=True)
class Period:
    """A period and whether it is closed as of the edition."""

    period_type: str
    first: date
    start: date
    end: date
    cutoff: date
    is_closed: bool
    label: Words


@dataclass(frozen=True)
class Kpi:
    """A KPI as declared."""

    kpi_id: str
    name: Words
    kind: str
    unit: str
    scale: int
    decimals: int
    owner_agency: str
    datasets: tuple[str, ...]
    formula: Words


@dataclass(frozen=True)
class Target:
    """A target with the clause it comes from."""

    target_id: str
    pack: str
    operator: str
    value_1: Decimal
    value_2: Decimal | None
    document: str
    clause: str
    text: Words


@dataclass(frozen=True)
class Bound:
    """Numerator and denominator of one bound; either is None where nothing bounds it."""

    numerator: Decimal | None
    denominator: Decimal | None


@dataclass(frozen=True)
class Judgement:
    """One unit, period, KPI and target (None where no target applies). Amounts in the KPI's own units."""

    unit_key: str
    unit_code: str
    unit_level: str
    period: date
    kpi: Kpi
    target: Target | None
    numerator: Decimal | None
    denominator: Decimal | None
    value: float | None
    low: Bound
    high: Bound
    value_low: float | None
    value_high: float | None
    status: str
    certainty: str | None
    shortfall: Decimal | None
    reporting: int
    expected: int

    @property
    def state(self) -> str:
        return "undetermined" if self.certainty == "undetermined" else self.status

    @property
    def is_partial(self) -> bool:
        return self.reporting < self.expected


@dataclass(frozen=True)
class Flag:
    """A missed or near target with its history."""

    judgement: Judgement
    since: date
    in_a_row: int
    movement: str
    owner_agency: str


@dataclass(frozen=True)
class Delivery:
    """One slot: what a supplier should deliver for a month, and what came. Times are UTC."""

    supplier_id: str
    supplier_name: str
    covered_codes: tuple[str, ...]
    dataset: str
    period: date
    due: date | None
    received_at: datetime | None
    status: str
    is_correction_refused: bool
    versions: int
    read: int
    accepted: int
    quarantined: int
    duplicate: int
    skipped: int
    refusal: Words


@dataclass(frozen=True)
class Finding:
    """A rule and how many rows of a dataset failed it in the months asked for."""

    dataset: str
    rule_id: str
    severity: str
    description: Words
    checked: int
    failed: int


@dataclass(frozen=True)
class Column:
    """A column of the heatmap: a KPI as judged by one pack of targets (None where no pack judges it)."""

    kpi: Kpi
    pack: str | None


class Facts:
    """The questions, asked of one edition."""

    def __init__(self, edition: Edition) -> None:
        self.edition = edition

    @cached_property
    def kpis(self) -> dict[str, Kpi]:
        """By id, in the order of their declaration."""
        frame = self.edition.frame(
            "select kpi_id, name_zh, name_en, kind, unit, scale, decimals, owner_agency, datasets, formula_zh,"
            " formula_en from dim_kpi order by rowid"
        )
        return {
            row["kpi_id"]: Kpi(
                row["kpi_id"], _words(row, "name"), row["kind"], row["unit"], row["scale"], row["decimals"],
                row["owner_agency"], tuple(row["datasets"] or ()), _words(row, "formula"),
            )
            for row in frame.iter_rows(named=True)
        }  # fmt: skip

    @cached_property
    def targets(self) -> dict[str, Target]:
        frame = self.edition.frame(
            "select target_id, pack, operator, value_1, value_2, document, clause, text_zh, text_en from dim_target"
        )
        return {
            row["target_id"]: Target(
                row["target_id"], row["pack"], row["operator"], row["value_1"], row["value_2"],
                row["document"] or "", row["clause"] or "", _words(row, "text"),
            )
            for row in frame.iter_rows(named=True)
        }  # fmt: skip

    def periods(self, period_type: str) -> list[Period]:
        """Those with rows, oldest first."""
        frame = self.edition.frame(
            "select period_type, period, start_date, end_date, cutoff_date, is_closed, label_zh, label_en"
            " from dim_period where period_type = ?"
            " and period in (select period from fct_kpi where period_type = ?) order by period",
            (period_type, period_type),
        )
        return [
            Period(
                row["period_type"], row["period"], row["start_date"], row["end_date"], row["cutoff_date"],
                row["is_closed"], _words(row, "label"),
            )
            for row in frame.iter_rows(named=True)
        ]  # fmt: skip

    def period(self, address: Address) -> Period:
        """The period asked for; by default the latest closed one with anything judged, else the latest."""
        periods = self.periods(address.period_type)
        if address.period is not None:
            for period in periods:
                if period.first == address.period:
                    return period
            raise _not_in_edition(Words("期间", "period"), address.period.isoformat()[:7])
        judged = self.edition.frame(
            "select distinct period from fct_kpi where period_type = ? and status in ('met', 'near', 'missed')",
            (address.period_type,),
        )["period"].to_list()
        closed = [period for period in periods if period.is_closed and period.first in judged]
        if not periods:
            raise _not_in_edition(Words("期间类型", "period type"), address.period_type)
        return (closed or periods)[-1]

    def before(self, period: Period) -> Period | None:
        """The period of the same type just before, where the edition has it."""
        earlier = [other for other in self.periods(period.period_type) if other.first < period.first]
        return earlier[-1] if earlier else None

    def units(self, at: date) -> dict[str, Unit]:
        """Units in force on a day by key, in the order of their codes."""
        frame = self.edition.frame(
            "select unit_key, unit_code, unit_name, unit_level, parent_unit_key, class, opened_date from dim_unit"
            " where valid_from <= ? and (valid_to is null or valid_to > ?) order by unit_code",
            (at, at),
        )
        return {
            row["unit_key"]: Unit(
                row["unit_key"], row["unit_code"], row["unit_name"], row["unit_level"], row["parent_unit_key"],
                row["class"], row["opened_date"],
            )
            for row in frame.iter_rows(named=True)
        }  # fmt: skip

    def unit(self, unit_key: str, at: date) -> Unit:
        """The unit in force on a day; NoSuchPage otherwise."""
        unit = self.units(at).get(unit_key)
        if unit is None:
            raise _not_in_edition(Words("单位", "unit"), "")
        return unit

    def judgements(self, period: Period, level: str) -> list[Judgement]:
        """All units of a level, by code and KPI."""
        return self._judgements(
            "period_type = ? and period = ? and unit_level = ?", (period.period_type, period.first, level)
        )

    def judgements_of(self, unit_key: str, period_type: str) -> list[Judgement]:
        """One unit in all periods of a type, oldest first."""
        return self._judgements("period_type = ? and unit_key = ?", (period_type, unit_key))

    def _judgements(self, condition: str, parameters: tuple[object, ...]) -> list[Judgement]:
        frame = self.edition.frame(
            "select unit_key, unit_code, unit_level, period, kpi_id, target_id, numerator, denominator, value,"
            " low_numerator, low_denominator, high_numerator, high_denominator, value_low, value_high, status,"
            " certainty, shortfall, reporting_suppliers, expected_suppliers"
            f" from fct_kpi where unit_basis = 'as_was' and {condition} order by period, unit_code, kpi_id, target_id",
            parameters,
        )
        kpis, targets = self.kpis, self.targets
        return [_judgement(row, kpis, targets) for row in frame.iter_rows(named=True)]

    def flags(self, period: Period, judgements: list[Judgement]) -> list[Flag]:
        """The flags of judgements of a period: confirmed first, then what gets worse, then what lasts longest."""
        judged = {
            (one.unit_key, one.kpi.kpi_id, one.target and one.target.target_id): one for one in judgements
        }
        units = sorted({one.unit_key for one in judgements if one.status in ("missed", "near")})
        frame = self.edition.frame(
            "select unit_key, kpi_id, target_id, since_period, judged_in_a_row, movement, owner_agency from fct_flag"
            " where period_type = ? and period = ? and list_contains(?, unit_key) and status in ('missed', 'near')",
            (period.period_type, period.first, tuple(units)),
        )
        flags = [
            Flag(
                judged[row["unit_key"], row["kpi_id"], row["target_id"]], row["since_period"],
                row["judged_in_a_row"], row["movement"], row["owner_agency"],
            )
            for row in frame.iter_rows(named=True)
        ]  # fmt: skip
        return sorted(flags, key=_urgency)

    def recovered(self, period: Period, level: str) -> int:
        """How many targets of a level were missed or near in the judged period before, and are met now."""
        frame = self.edition.frame(
            "select count(*) as recovered from fct_flag"
            " where period_type = ? and period = ? and unit_level = ? and movement = 'recovered'",
            (period.period_type, period.first, level),
        )
        return int(frame.item())

    def columns(self, judgements: list[Judgement]) -> list[Column]:
        """A column for each KPI and pack that judges it here, in the order of declaration."""
        packs: dict[str, set[str]] = {}
        none: list[str | None] = [None]
        for one in judgements:
            packs.setdefault(one.kpi.kpi_id, set()).update({one.target.pack} if one.target else ())
        return [
            Column(kpi, pack)
            for kpi_id, kpi in self.kpis.items()
            if kpi_id in packs
            for pack in sorted(packs[kpi_id]) or none
        ]

    def deliveries(self, period: Period) -> list[Delivery]:
        """The slots of the months that a period covers, by supplier and dataset."""
        frame = self.edition.frame(
            "select supplier_id, supplier_name, covered_codes, dataset, period, due_date, received_at, delivery_status,"
            " is_correction_refused, versions, rows_read, rows_accepted, rows_quarantined, rows_duplicate, rows_skipped,"
            " refusal_zh, refusal_en from fct_delivery where period between ? and ?"
            " order by supplier_id, dataset, period",
            (period.start, period.end),
        )
        return [_delivery(row) for row in frame.iter_rows(named=True)]

    def findings(self, period: Period, suppliers: tuple[str, ...] | None = None) -> list[Finding]:
        """Failed rules of a period's months over all suppliers or the given ones; errors first, most rows first."""
        chosen = "" if suppliers is None else " and list_contains(?, supplier_id)"
        frame = self.edition.frame(
            "select dataset, rule_id, severity, description_zh, description_en, sum(rows_checked)::bigint as checked,"
            " sum(rows_failed)::bigint as failed from fct_quality"
            f" where period between ? and ?{chosen} group by all having sum(rows_failed) > 0"
            " order by failed desc, dataset, rule_id",
            (period.start, period.end) if suppliers is None else (period.start, period.end, suppliers),
        )
        findings = [
            Finding(
                row["dataset"], row["rule_id"], row["severity"], _words(row, "description"), row["checked"],
                row["failed"],
            )
            for row in frame.iter_rows(named=True)
        ]  # fmt: skip
        return sorted(findings, key=lambda one: one.severity != "error")

    def history(self, period_type: str, level: str, above: Unit) -> pl.DataFrame:
        """How many units below another are in each state: per period × KPI × target × state, oldest period first.

        A unit counts under the one that was above it at the end of the period.
        """
        return self.edition.frame(
            "select fct_kpi.period, kpi_id, target_id,"
            " case when certainty = 'undetermined' then 'undetermined' else status end as state, count(*) as units"
            " from fct_kpi"
            " inner join dim_period on fct_kpi.period_type = dim_period.period_type"
            " and fct_kpi.period = dim_period.period"
            " inner join dim_unit on fct_kpi.unit_key = dim_unit.unit_key and dim_unit.valid_from <= dim_period.end_date"
            " and (dim_unit.valid_to is null or dim_unit.valid_to > dim_period.end_date)"
            " where unit_basis = 'as_was' and fct_kpi.period_type = ? and fct_kpi.unit_level = ?"
            " and dim_unit.parent_unit_key = ?"
            " group by all order by fct_kpi.period",
            (period_type, level, above.key),
        )


def worst(states: list[str]) -> str:
    """The state of a unit as a whole: the first of STATES that any of its targets is in."""
    return min(states, key=STATES.index)


def _urgency(flag: Flag) -> tuple[object, ...]:
    one = flag.judgement
    confirmed = one.state == "undetermined"
    movement = {"worsening": 0, "new": 1, "continuing": 2, "improving": 3}.get(flag.movement, 4)
    return (confirmed, one.status != "missed", movement, -flag.in_a_row, -(one.shortfall or 0), one.unit_code)


def _judgement(row: dict[str, Any], kpis: dict[str, Kpi], targets: dict[str, Target]) -> Judgement:
    target_id = row["target_id"]
    values = {
        name: row[name]
        for name in (
            "unit_key", "unit_code", "unit_level", "period", "numerator", "denominator", "value", "value_low",
            "value_high", "status", "certainty", "shortfall",
        )
    }  # fmt: skip
    return Judgement(
        **values,
        kpi=kpis[row["kpi_id"]],
        target=None if target_id is None else targets[target_id],
        low=Bound(row["low_numerator"], row["low_denominator"]),
        high=Bound(row["high_numerator"], row["high_denominator"]),
        reporting=row["reporting_suppliers"],
        expected=row["expected_suppliers"],
    )


def _delivery(row: dict[str, Any]) -> Delivery:
    return Delivery(
        supplier_id=row["supplier_id"], supplier_name=row["supplier_name"] or row["supplier_id"],
        covered_codes=tuple((row["covered_codes"] or "").split(",")),
        dataset=row["dataset"], period=row["period"], due=row["due_date"], received_at=row["received_at"],
        status=row["delivery_status"], is_correction_refused=bool(row["is_correction_refused"]),
        versions=row["versions"] or 0, read=row["rows_read"] or 0, accepted=row["rows_accepted"] or 0,
        quarantined=row["rows_quarantined"] or 0, duplicate=row["rows_duplicate"] or 0,
        skipped=row["rows_skipped"] or 0, refusal=_words(row, "refusal"),
    )  # fmt: skip


def _words(row: dict[str, Any], stem: str) -> Words:
    zh, en = row[f"{stem}_zh"], row[f"{stem}_en"]
    return Words(str(zh or ""), str(en or zh or ""))


def _not_in_edition(what: Words, asked: str) -> NoSuchPage:
    return NoSuchPage(
        Words(f"本版次没有这个{what.zh}", f"This edition has no such {what.en}"),
        where=f"{what.zh} / {what.en}",
        expected=Words(f"本版次中的{what.zh}", f"a {what.en} of this edition"),
        found=Words(asked or "未知", asked or "unknown"),
        advice=Words("返回总览重新选择", "go back to the overview and choose again"),
    )
