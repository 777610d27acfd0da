"""What the warehouse must find: every KPI's exact value, bounds, status and shortfall, computed from the sheets.

Independent of dbt and of the validation: it knows which rows are clean because it knows which were planted.
Belongs here: counting per unit and period. Does not belong here: judging one figure (see `judging`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl

from pipelines.county import County
from pipelines.sample.judging import SCALE, TARGETS, Figure, Judgement, Target, judge
from pipelines.sample.sheets import STATE, SUPPLIER, Sheet
from pipelines.settings import add_months, month_end

KPIS = tuple(target.kpi_id for target in TARGETS)
REGISTRATION, HANDLING, MEDIATION, AREA = KPIS
# The datasets that a KPI needs, and what a missing delivery leaves open.
NEEDS: dict[str, dict[str, str]] = {
    REGISTRATION: {"grid_residents": "cases", "police_residence_registrations": "numerator"},
    HANDLING: {"grid_disputes": "cases"},
    MEDIATION: {"grid_disputes": "cases"},
    AREA: {"civil_facilities": "amount", "grid_grids": "denominator"},
}
LARGEST_AREA = 10_000_000  # hundredths of m², the contract's range
MOST_HOUSEHOLDS = 20_000
_DECIMAL = pl.Decimal(18, 2)
TRUTH_SCHEMA: dict[str, Any] = {
    "unit_code": pl.String, "unit_level": pl.String, "period_type": pl.String, "period": pl.Date,
    "kpi_id": pl.String, "target_id": pl.String, "numerator": _DECIMAL, "denominator": _DECIMAL,
    "low_numerator": _DECIMAL, "low_denominator": _DECIMAL, "high_numerator": _DECIMAL, "high_denominator": _DECIMAL,
    "value": pl.Float64, "value_low": pl.Float64, "value_high": pl.Float64, "status": pl.String,
    "certainty": pl.String, "shortfall": _DECIMAL, "reporting_suppliers": pl.Int64, "expected_suppliers": pl.Int64,
}  # fmt: skip


@dataclass(frozen=True)
class Span:
    """A period: its first month, its last month, and how it is named."""

    period_type: str
    period: date
    first_month: date
    last_month: date

    @property
    def end(self) -> date:
        return month_end(self.last_month)

    def holds(self, month: date) -> bool:
        return self.first_month <= month <= self.last_month


def spans_of(months: list[date]) -> list[Span]:
    """Every month, and the quarters, years and years to date that contain one."""
    spans: dict[tuple[str, date], Span] = {}
    for month in months:
        quarter = month.replace(month=3 * ((month.month - 1) // 3) + 1)
        year = month.replace(month=1)
        for span in (
            Span("month", month, month, month),
            Span("quarter", quarter, quarter, add_months(quarter, 2)),
            Span("year", year, year, add_months(year, 11)),
            Span("ytd", month, year, month),
        ):
            spans[span.period_type, span.period] = span
    return list(spans.values())


@dataclass
class Tally:
    """Counts of one kind of thing per unit code."""

    counts: dict[str, defaultdict[str, Fraction]] = field(default_factory=dict)

    def add(self, what: str, units: Iterable[str], amount: Fraction | int = 1) -> None:
        per_unit = self.counts.setdefault(what, defaultdict(Fraction))
        for unit in units:
            per_unit[unit] += amount

    def get(self, what: str, unit: str) -> Fraction:
        per_unit = self.counts.get(what)
        return per_unit.get(unit, Fraction(0)) if per_unit else Fraction(0)


@dataclass(frozen=True)
class Unit:
    code: str
    level: str
    opened_date: date | None


class Area:
    """The units in force on one day, and which of them a row acts on."""

    def __init__(self, units: pl.DataFrame, county: County, day: date) -> None:
        in_force = units.filter(
            (pl.col("valid_from") <= day) & (pl.col("valid_to").is_null() | (pl.col("valid_to") > day))
        ).sort("unit_code")
        self.units = [
            Unit(row["unit_code"], row["unit_level"], row["opened_date"])
            for row in in_force.iter_rows(named=True)
            if row["unit_level"] in ("county", "street", "community")
        ]
        self.communities = [unit.code for unit in self.units if unit.level == "community"]
        self._known = set(self.communities)
        self.county = county
        self._under: dict[str, list[str]] = {}

    def touched(self, community: str | None, supplier: str) -> list[str]:
        """The row's own community, its street and the county; where it has none, all of its supplier's area."""
        if community in self._known:
            return above(str(community))
        if supplier not in self._under:
            covers = self.county.supplier(supplier).covers
            own = [code for code in self.communities if code.startswith(tuple(covers))]
            self._under[supplier] = sorted({unit for code in own for unit in above(code)})
        return self._under[supplier]


def above(community: str) -> list[str]:
    """A community with its street and its county."""
    return [community, community[:9], community[:6]]


@dataclass(frozen=True)
class Found:
    """What one month's sheets of register data amount to, per unit."""

    area: Area
    registration: Tally
    facilities: Tally


class Truth:
    """Collects the settled sheets month by month, and gives the figures at the end."""

    def __init__(self, county: County, units: pl.DataFrame, as_of: date) -> None:
        self.county, self.units, self.as_of = county, units, as_of
        self.months: dict[date, Found] = {}
        self.disputes: list[pl.DataFrame] = []
        self.arrived: set[tuple[str, str, date]] = set()

    def note_arrival(self, supplier: str, dataset: str, month: date) -> None:
        """A slot has a current batch."""
        self.arrived.add((supplier, dataset, month))

    def note_disputes(self, sheet: Sheet) -> None:
        columns = ["dispute_no", "community_code", "kind", "accepted_date", "handled_date", "result", SUPPLIER, STATE]
        self.disputes.append(sheet.rows.select(*columns).with_columns(delivered=pl.lit(sheet.month)))

    def note_month(self, month: date, sheets: dict[str, Sheet]) -> None:
        """The sheets of residents, registrations, facilities and grids of one month."""
        area = Area(self.units, self.county, month_end(month))
        registration, facilities = Tally(), Tally()
        residents, registrations = sheets.get("grid_residents"), sheets.get("police_residence_registrations")
        if residents is not None and registrations is not None:
            _count_registration(registration, area, _with_ties(residents), registrations.rows, month_end(month))
        for dataset, count in (("civil_facilities", _count_facilities), ("grid_grids", _count_grids)):
            if dataset in sheets:
                count(facilities, area, sheets[dataset], month_end(month))
        self.months[month] = Found(area, registration, facilities)

    def table(self, last_delivered: date) -> pl.DataFrame:
        """One row per unit, period, KPI and target, in the columns of fct_kpi."""
        evaluated = self.county.evaluated_months(last_delivered, self.as_of)
        versions = _versions(self.disputes)
        rows: list[tuple[Any, ...]] = []
        for span in spans_of(evaluated):
            area = Area(self.units, self.county, span.end)
            events = _count_disputes(area, versions, span, self.county.cutoff_date(span.last_month))
            for kpi in KPIS:
                needed = [month for month in evaluated if self._is_needed(kpi, span, month)]
                for unit in area.units:
                    rows += self._rows(unit, span, kpi, needed, events)
        return pl.DataFrame(rows, schema=TRUTH_SCHEMA, orient="row")

    # --- one unit, period and KPI ------------------------------------------------------------------------------

    def _is_needed(self, kpi: str, span: Span, month: date) -> bool:
        """Stocks are taken in the period's last month, flows over all of its months."""
        return span.holds(month) if kpi in (HANDLING, MEDIATION) else month == span.last_month

    def _rows(self, unit: Unit, span: Span, kpi: str, needed: list[date], events: Tally) -> list[tuple[Any, ...]]:
        slots = self._slots(unit.code, kpi, needed)
        figure = self._figure(unit.code, span, kpi, slots, events)
        is_open = self.as_of <= self.county.cutoff_date(span.last_month)
        is_new = unit.opened_date is not None and unit.opened_date > span.last_month
        suppliers = {supplier for per_dataset in slots.values() for supplier, _, _ in per_dataset}
        silent = {slot[0] for per_dataset in slots.values() for slot in per_dataset if slot not in self.arrived}
        tolerance = Fraction(self.county.parameters.tolerances.get(kpi, Decimal(0)))
        rows = []
        for target in self._targets(kpi):
            judgement = judge(figure, target, tolerance, is_too_early=is_open or is_new)
            counts = (len(suppliers - silent), len(suppliers))
            rows.append(_row(unit, span, kpi, target, figure, judgement, counts))
        return rows

    def _targets(self, kpi: str) -> list[Target | None]:
        chosen: list[Target | None] = [
            target for target in TARGETS if target.kpi_id == kpi and target.pack in self.county.packs
        ]
        return chosen or [None]

    def _slots(self, code: str, kpi: str, months: list[date]) -> dict[str, list[tuple[str, str, date]]]:
        """The deliveries expected for a unit, by dataset that the KPI needs."""
        return {
            dataset: [
                (supplier, dataset, month)
                for expected in self.county.expected
                if expected.dataset == dataset
                for supplier in expected.suppliers
                if any(code.startswith(prefix) or prefix.startswith(code) for prefix in self.county.supplier(supplier).covers)
                for month in months
            ]
            for dataset in NEEDS[kpi]
        }

    def _figure(
        self, code: str, span: Span, kpi: str, slots: dict[str, list[tuple[str, str, date]]], events: Tally
    ) -> Figure | None:
        """The figure with its bounds; None where a needed dataset is wholly absent."""
        arrived = {dataset: sum(slot in self.arrived for slot in expected) for dataset, expected in slots.items()}
        if not all(arrived.values()):
            return None
        partial = {NEEDS[kpi][dataset] for dataset, expected in slots.items() if arrived[dataset] < len(expected)}
        if kpi == REGISTRATION:
            return _registration_figure(self.months[span.last_month].registration, code, partial)
        if kpi == AREA:
            return _area_figure(self.months[span.last_month].facilities, code, partial)
        return _dispute_figure(events, code, kpi, partial)


def _row(
    unit: Unit, span: Span, kpi: str, target: Target | None, figure: Figure | None, judgement: Judgement,
    suppliers: tuple[int, int],
) -> tuple[Any, ...]:  # fmt: skip
    named = (unit.code, unit.level, span.period_type, span.period, kpi, target.target_id if target else None)
    judged = (judgement.status, judgement.certainty, _decimal(judgement.shortfall), *suppliers)
    if figure is None:
        return (*named, *[None] * 9, *judged)
    amounts = (
        figure.numerator, figure.denominator, figure.low_numerator, figure.low_denominator,
        figure.high_numerator, figure.high_denominator,
    )  # fmt: skip
    values = (figure.value, figure.value_low, figure.value_high)
    return (*named, *map(_decimal, amounts), *(None if value is None else float(value) for value in values), *judged)


def _decimal(amount: Fraction | None) -> Decimal | None:
    return None if amount is None else Decimal(amount.numerator) / Decimal(amount.denominator)


# --- temporary residents ---------------------------------------------------------------------------------------


def _count_registration(tally: Tally, area: Area, residents: pl.DataFrame, police: pl.DataFrame, end: date) -> None:
    """Found, registered, and everything doubtful about either, per unit."""
    valid = police.filter(
        (pl.col(STATE) == "accepted")
        & (pl.col("registered_date") <= end)
        & (pl.col("valid_to").is_null() | (pl.col("valid_to") >= end))
        & (pl.col("cancelled_date").is_null() | (pl.col("cancelled_date") > end))
    )
    registered = set(valid.get_column("_person").to_list())
    is_there = pl.col("left_date").is_null() | (pl.col("left_date") > end)
    planted = residents.filter(pl.col(STATE) != "accepted")
    found = residents.filter(
        (pl.col(STATE) == "accepted") & (pl.col("residence_type") == "temporary") & (pl.col("arrived_date") <= end) & is_there
    ).select("community_code", "id_type", person="_person")
    _count_found(tally, found, registered)

    doubtful = planted.filter((pl.col(STATE) == "quarantined") & is_there)
    is_case = ~pl.col("_is_tied") & pl.col("residence_type").ne_missing("registered")
    for row in doubtful.filter(is_case).iter_rows(named=True):
        tally.add("case", area.touched(row["community_code"], row[SUPPLIER]))
    _count_tied(tally, doubtful.filter(pl.col("_is_tied")), registered)
    runs_on = ~(pl.col("cancelled_date") <= end).fill_null(False) & ~(pl.col("valid_to") < end).fill_null(False)
    for row in police.filter((pl.col(STATE) == "quarantined") & runs_on).iter_rows(named=True):
        tally.add("registrable", area.touched(row["community_code"], row[SUPPLIER]))


def _with_ties(sheet: Sheet) -> pl.DataFrame:
    """The rows, with those marked that are refused only because someone seems to live in two places."""
    tied = [number for number, planted in sheet.planted.items() if planted.rules == ("person_in_two_places",)]
    marks = pl.Series("_is_tied", [False]).new_from_index(0, sheet.rows.height).scatter(tied, True)
    return sheet.rows.with_columns(marks)


def _count_found(tally: Tally, found: pl.DataFrame, registered: set[int]) -> None:
    """People with a document once each; without one, each row for itself and never registered."""
    has_person = pl.col("id_type") != "none"
    counted = found.with_columns(
        is_registered=has_person & pl.col("person").is_in(list(registered)), is_unlinked=~has_person
    )
    by_community = counted.group_by("community_code").agg(
        pl.len(), pl.col("is_registered").sum(), pl.col("is_unlinked").sum()
    )
    for code, people, with_registration, unlinked in by_community.iter_rows():
        for what, amount in (("found", people), ("registered", with_registration), ("unlinked", unlinked)):
            if amount:
                tally.add(what, above(code), amount)


def _count_tied(tally: Tally, rows: pl.DataFrame, registered: set[int]) -> None:
    """Someone in two communities at once is certain where a unit holds both, doubtful where it holds one."""
    for (person,), own in rows.group_by("_person", maintain_order=True):
        if "temporary" not in own["residence_type"].to_list():
            continue
        places = [set(above(code)) for code in own["community_code"]]
        certain = set.intersection(*places)
        tally.add("found", certain)
        if person in registered:
            tally.add("registered", certain)
        what = "tied_registered" if person in registered else "tied_unregistered"
        tally.add(what, set.union(*places) - certain)


def _registration_figure(tally: Tally, code: str, partial: set[str]) -> Figure:
    def count(what: str) -> Fraction:
        return tally.get(what, code)

    numerator, denominator, case = count("registered"), count("found"), count("case")
    high_numerator = min(numerator + count("unlinked") + count("registrable"), denominator) + case + count("tied_registered")
    high_denominator = denominator + case + count("tied_registered")
    if "numerator" in partial:
        high_numerator = high_denominator
    return _with_missing_cases(
        Figure(
            numerator, denominator, numerator, denominator + case + count("tied_unregistered"),
            high_numerator, high_denominator, is_partial=bool(partial),
        ),
        partial,
    )  # fmt: skip


def _with_missing_cases(figure: Figure, partial: set[str]) -> Figure:
    """Where a supplier of cases is missing, any number of cases of any outcome may be."""
    if "cases" not in partial:
        return figure
    return Figure(
        figure.numerator, figure.denominator, figure.low_numerator, None, None, None,
        is_partial=True, may_be_complete=figure.high_numerator == figure.high_denominator,
    )  # fmt: skip


# --- disputes --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Versions:
    """The dispute rows that count: of each dispute the latest accepted one, and the doubtful rows beside them."""

    accepted: list[dict[str, Any]]
    # accepted disputes of which a doubtful row says something else
    revised: set[str]
    doubtful: list[dict[str, Any]]


def _versions(sheets: list[pl.DataFrame]) -> Versions:
    if not sheets:
        return Versions([], set(), [])
    rows = pl.concat(sheets)
    accepted = rows.filter(pl.col(STATE) == "accepted").sort("delivered").unique("dispute_no", keep="last", maintain_order=True)
    numbers = set(accepted["dispute_no"])
    quarantined = rows.filter(pl.col(STATE) == "quarantined")
    revisions = quarantined.filter(pl.col("dispute_no").is_in(list(numbers)).fill_null(False))
    others = quarantined.filter(~pl.col("dispute_no").is_in(list(numbers)).fill_null(False))
    matters = pl.col("kind").is_null() | (pl.col("kind") == "civil")
    return Versions(
        accepted.filter(pl.col("kind") == "civil").to_dicts(),
        set(revisions.filter(matters)["dispute_no"]),
        others.filter(matters).to_dicts(),
    )


def _count_disputes(area: Area, versions: Versions, span: Span, cutoff: date) -> Tally:
    """Disputes accepted in the period with their outcome as known at its cut-off, and what is doubtful of them."""
    tally = Tally()
    for row in versions.accepted:
        if not span.holds(row["accepted_date"].replace(day=1)):
            continue
        units = above(row["community_code"])
        is_handled = row["handled_date"] is not None and row["handled_date"] <= cutoff
        is_success = is_handled and row["result"] == "success"
        kind = "success" if is_success else "failure" if is_handled else "open"
        tally.add(kind, units)
        if row["dispute_no"] in versions.revised:
            tally.add(f"revised_{kind}", units)
    for row in versions.doubtful:
        accepted = row["accepted_date"]
        is_plausible = accepted is not None and accepted <= month_end(row["delivered"])
        month = accepted.replace(day=1) if is_plausible else row["delivered"]
        if span.holds(month):
            tally.add("case", area.touched(row["community_code"], row[SUPPLIER]))
    return tally


def _dispute_figure(tally: Tally, code: str, kpi: str, partial: set[str]) -> Figure:
    success, failure, still_open, case, doubt_success, doubt_failure, doubt_open = (
        tally.get(what, code)
        for what in ("success", "failure", "open", "case", "revised_success", "revised_failure", "revised_open")
    )
    handled = success + failure
    if kpi == HANDLING:
        denominator = handled + still_open
        doubt_handled = doubt_success + doubt_failure
        figure = Figure(
            handled, denominator, handled - doubt_handled, denominator + case,
            handled + doubt_open + case, denominator + case, is_partial=bool(partial),
        )  # fmt: skip
    else:
        figure = Figure(
            success, handled, success - doubt_success, handled + doubt_open + case,
            success + doubt_open + doubt_failure + case, handled + doubt_open + case, is_partial=bool(partial),
        )  # fmt: skip
    return _with_missing_cases(figure, partial)


# --- facilities ------------------------------------------------------------------------------------------------


def _count_facilities(tally: Tally, area: Area, sheet: Sheet, end: date) -> None:
    """Floor area of the service facilities that are open, in hundredths of m²."""
    for row in sheet.rows.iter_rows(named=True):
        if row["kind"] not in (None, "comprehensive_service"):
            continue
        is_closed = row["closed_date"] is not None and row["closed_date"] <= end
        is_not_open_yet = row["opened_date"] is not None and row["opened_date"] > end
        if is_closed or is_not_open_yet:
            continue
        units = area.touched(row["community_code"], row[SUPPLIER])
        size = row["floor_area_m2"]
        if row[STATE] == "accepted":
            tally.add("area", units, size)
        elif row[STATE] == "quarantined" and size is not None and 0 <= size <= LARGEST_AREA:
            tally.add("doubtful_area", units, size)
        elif row[STATE] == "quarantined":
            tally.add("area_without_limit", units)


def _count_grids(tally: Tally, area: Area, sheet: Sheet, _: date) -> None:
    """Households of the general grids."""
    for row in sheet.rows.iter_rows(named=True):
        if row["kind"] not in (None, "general"):
            continue
        units = area.touched(row["community_code"], row[SUPPLIER])
        households = row["households"]
        if row[STATE] == "accepted":
            tally.add("households", units, households)
        elif row[STATE] == "quarantined" and households is not None and 0 <= households <= MOST_HOUSEHOLDS:
            tally.add("doubtful_households", units, households)
        elif row[STATE] == "quarantined":
            tally.add("households_without_limit", units)


def _area_figure(tally: Tally, code: str, partial: set[str]) -> Figure:
    size, households = tally.get("area", code) / SCALE, tally.get("households", code)
    has_no_low = "denominator" in partial or tally.get("households_without_limit", code) > 0
    has_no_high = "amount" in partial or tally.get("area_without_limit", code) > 0
    return Figure(
        numerator=size,
        denominator=households,
        low_numerator=size,
        low_denominator=None if has_no_low else households + tally.get("doubtful_households", code),
        high_numerator=None if has_no_high else size + tally.get("doubtful_area", code) / SCALE,
        high_denominator=households,
        is_partial=bool(partial),
    )
