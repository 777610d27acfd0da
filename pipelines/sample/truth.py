"""What the warehouse must find: every KPI's exact value, bounds, status and shortfall, computed from the sheets.

Independent of dbt and of the validation: it knows which rows are clean because it knows which were planted.
Belongs here: counting per unit and period. Does not belong here: judging one figure (see `judging`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl

from pipelines.county import County
from pipelines.sample.counting import (
    AREA,
    HANDLING,
    KPIS,
    MEDIATION,
    REGISTRATION,
    Area,
    Span,
    Tally,
    Unit,
    area_figure,
    count_disputes,
    count_facilities,
    count_grids,
    count_registration,
    dispute_figure,
    registration_figure,
    versions,
    with_ties,
)
from pipelines.sample.judging import TARGETS, Figure, Judgement, Target, judge
from pipelines.sample.sheets import STATE, SUPPLIER, Sheet
from pipelines.settings import add_months, month_end

# The datasets that a KPI needs, and what a missing delivery leaves open.
NEEDS: dict[str, dict[str, str]] = {
    REGISTRATION: {"grid_residents": "cases", "police_residence_registrations": "numerator"},
    HANDLING: {"grid_disputes": "cases"},
    MEDIATION: {"grid_disputes": "cases"},
    AREA: {"civil_facilities": "amount", "grid_grids": "denominator"},
}
_DECIMAL = pl.Decimal(18, 2)
TRUTH_SCHEMA: dict[str, Any] = {
    "unit_code": pl.String, "unit_level": pl.String, "period_type": pl.String, "period": pl.Date,
    "kpi_id": pl.String, "target_id": pl.String, "numerator": _DECIMAL, "denominator": _DECIMAL,
    "low_numerator": _DECIMAL, "low_denominator": _DECIMAL, "high_numerator": _DECIMAL, "high_denominator": _DECIMAL,
    "value": pl.Float64, "value_low": pl.Float64, "value_high": pl.Float64, "status": pl.String,
    "certainty": pl.String, "shortfall": _DECIMAL, "reporting_suppliers": pl.Int64, "expected_suppliers": pl.Int64,
}  # fmt: skip


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
        columns = [
            "dispute_no",
            "community_code",
            "kind",
            "accepted_date",
            "handled_date",
            "result",
            SUPPLIER,
            STATE,
        ]
        self.disputes.append(sheet.rows.select(*columns).with_columns(delivered=pl.lit(sheet.month)))

    def note_month(self, month: date, sheets: dict[str, Sheet]) -> None:
        """The sheets of residents, registrations, facilities and grids of one month."""
        area = Area(self.units, self.county, month_end(month))
        registration, facilities = Tally(), Tally()
        residents, registrations = sheets.get("grid_residents"), sheets.get("police_residence_registrations")
        if residents is not None and registrations is not None:
            count_registration(registration, area, with_ties(residents), registrations.rows, month_end(month))
        for dataset, count in (("civil_facilities", count_facilities), ("grid_grids", count_grids)):
            if dataset in sheets:
                count(facilities, area, sheets[dataset], month_end(month))
        self.months[month] = Found(area, registration, facilities)

    def table(self, last_delivered: date) -> pl.DataFrame:
        """One row per unit, period, KPI and target, in the columns of fct_kpi."""
        evaluated = self.county.evaluated_months(last_delivered, self.as_of)
        counted = versions(self.disputes)
        rows: list[tuple[Any, ...]] = []
        for span in spans_of(evaluated):
            area = Area(self.units, self.county, span.end)
            events = count_disputes(area, counted, span, self.county.cutoff_date(span.last_month))
            for kpi in KPIS:
                needed = [month for month in evaluated if self._is_needed(kpi, span, month)]
                for unit in area.units:
                    rows += self._rows(unit, span, kpi, needed, events)
        return pl.DataFrame(rows, schema=TRUTH_SCHEMA, orient="row")

    # --- one unit, period and KPI ------------------------------------------------------------------------------

    def _is_needed(self, kpi: str, span: Span, month: date) -> bool:
        """Stocks are taken in the period's last month, flows over all of its months."""
        return span.holds(month) if kpi in (HANDLING, MEDIATION) else month == span.last_month

    def _rows(
        self, unit: Unit, span: Span, kpi: str, needed: list[date], events: Tally
    ) -> list[tuple[Any, ...]]:
        slots = self._slots(unit.code, kpi, needed)
        figure = self._figure(unit.code, span, kpi, slots, events)
        is_open = self.as_of <= self.county.cutoff_date(span.last_month)
        is_new = unit.opened_date is not None and unit.opened_date > span.last_month
        suppliers = {supplier for per_dataset in slots.values() for supplier, _, _ in per_dataset}
        silent = {
            slot[0] for per_dataset in slots.values() for slot in per_dataset if slot not in self.arrived
        }
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
                if any(
                    code.startswith(prefix) or prefix.startswith(code)
                    for prefix in self.county.supplier(supplier).covers
                )
                for month in months
            ]
            for dataset in NEEDS[kpi]
        }

    def _figure(
        self, code: str, span: Span, kpi: str, slots: dict[str, list[tuple[str, str, date]]], events: Tally
    ) -> Figure | None:
        """The figure with its bounds; None where a needed dataset is wholly absent."""
        arrived = {
            dataset: sum(slot in self.arrived for slot in expected) for dataset, expected in slots.items()
        }
        if not all(arrived.values()):
            return None
        partial = {
            NEEDS[kpi][dataset] for dataset, expected in slots.items() if arrived[dataset] < len(expected)
        }
        if kpi == REGISTRATION:
            return registration_figure(self.months[span.last_month].registration, code, partial)
        if kpi == AREA:
            return area_figure(self.months[span.last_month].facilities, code, partial)
        return dispute_figure(events, code, kpi, partial)


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
    return (
        *named,
        *map(_decimal, amounts),
        *(None if value is None else float(value) for value in values),
        *judged,
    )


def _decimal(amount: Fraction | None) -> Decimal | None:
    return None if amount is None else Decimal(amount.numerator) / Decimal(amount.denominator)
