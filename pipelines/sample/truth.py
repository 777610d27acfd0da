"""What the warehouse must find: every KPI's exact value, bounds, status and shortfall, computed from the sheets.

Independent of dbt and of the validation: it knows which rows are clean because it knows which were planted.
Belongs here: counting per unit and period. Does not belong here: judging one figure (see `judging`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl

from pipelines.county import County
from pipelines.sample.areas import Area, GridLists, Span, Tally, Unit, community_of
from pipelines.sample.counting import FOUND, LINKS, PERSONS, POLICE, REGISTRATION, count_people, people_figure
from pipelines.sample.evaluating import Evaluation, first_month_of
from pipelines.sample.judging import Figure, Judgement, Line, Terms, judge
from pipelines.sample.measuring import LEVELS_WITH_GRIDS, Basis, Kpi, Level, Role, figure_of
from pipelines.sample.sheets import STATE, Sheet
from pipelines.sample.targets import ANY, Subject, Target, choose, load_targets, targets_of
from pipelines.settings import add_months, month_end

GRIDS = "grid_grids"
# people, of whom a grid's figure is shown
FEWEST_SHOWN = 10
Slot = tuple[str, str, date]  # supplier, dataset, month


@dataclass(frozen=True)
class FirstKpi:
    """One of the KPIs that are counted by code of their own; the attributes mean what those of `Kpi` do."""

    kpi_id: str
    basis: Basis
    needs: Mapping[str, Role]
    terms: Terms
    levels: tuple[Level, ...] = LEVELS_WITH_GRIDS


FIRST_KPIS = (
    FirstKpi(REGISTRATION, "stock", {FOUND: "cases", POLICE: "numerator"}, Terms("rate")),
    FirstKpi(LINKS, "stock", {FOUND: "cases", PERSONS: "numerator", POLICE: "numerator"}, Terms("rate")),
)
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


class Truth:
    """Collects the settled sheets month by month, and gives the figures at the end."""

    def __init__(
        self, county: County, units: pl.DataFrame, as_of: date, *,
        kpis: Iterable[Kpi] = (), stated: Iterable[Target] | None = None,
    ) -> None:  # fmt: skip
        """`kpis`: those declared beside the first ones. `stated`: the targets of all packs, by default those shipped."""
        self.county, self.units, self.as_of = county, units, as_of
        declared = tuple(kpis)
        self.kpis: tuple[FirstKpi | Kpi, ...] = (*FIRST_KPIS, *declared)
        self.evaluation = Evaluation(declared, county, units)
        self.tolerances = {kpi: Fraction(value) for kpi, value in county.parameters.tolerances.items()}
        self.targets: dict[str, list[Target]] = {}
        for target in targets_of(county, load_targets() if stated is None else stated):
            self.targets.setdefault(target.kpi_id, []).append(target)
        self.people: dict[date, dict[str, Tally]] = {}
        self.grids = GridLists()
        self.arrived: set[Slot] = set()
        self._suppliers: dict[tuple[str, str], list[str]] = {}

    def note_arrival(self, supplier: str, dataset: str, month: date) -> None:
        """A slot has a current batch."""
        self.arrived.add((supplier, dataset, month))

    def note_events(self, sheet: Sheet) -> None:
        """A sheet of events, in which those that a later month corrects are marked."""
        self.evaluation.note(sheet)

    def note_month(self, month: date, sheets: dict[str, Sheet]) -> None:
        """The sheets of all registers of one month."""
        end = month_end(month)
        self.people[month] = count_people(sheets, Area(self.units, self.county, end), end)
        for sheet in sheets.values():
            self.evaluation.note(sheet)
        if GRIDS in sheets:
            listed = sheets[GRIDS].rows
            general = listed.filter((pl.col(STATE) == "accepted") & (pl.col("kind") == "general"))
            self.grids.note(month, listed["grid_code"].drop_nulls(), general["grid_code"])

    def table(self, last_delivered: date) -> pl.DataFrame:
        """One row per unit, period, KPI and target, in the columns of fct_kpi."""
        evaluated = self.county.evaluated_months(last_delivered, self.as_of)
        rows: list[tuple[Any, ...]] = []
        for span in spans_of(evaluated):
            units = [
                unit
                for unit in Area(self.units, self.county, span.end).units
                if unit.level != "grid" or self.grids.has(unit.code, span.last_month)
            ]
            for kpi in self.kpis:
                first = first_month_of(kpi.basis, span)
                needed = tuple(month for month in evaluated if first <= month <= span.last_month)
                withheld = self._withheld(units, span, kpi)
                for unit in units:
                    if unit.level in kpi.levels:
                        rows += self._rows(unit, span, kpi, needed, is_withheld=unit.code in withheld)
        return pl.DataFrame(rows, schema=TRUTH_SCHEMA, orient="row")

    def _withheld(self, units: Iterable[Unit], span: Span, kpi: FirstKpi | Kpi) -> set[str]:
        """The grids with so few people that no figure of them is shown, and of each community the next larger one while
        the smaller ones have fewer than that together."""
        people = self.people.get(span.last_month, {}).get(kpi.kpi_id)
        if people is None:
            return set()
        sizes = sorted((people.get("found", unit.code), unit.code) for unit in units if unit.level == "grid")
        withheld, smaller = set(), Counter[str]()
        for size, grid in sizes:
            if 0 < size < FEWEST_SHOWN or (size and 0 < smaller[community_of(grid)] < FEWEST_SHOWN):
                withheld.add(grid)
            smaller[community_of(grid)] += int(size)
        return withheld

    # --- one unit, period and KPI ------------------------------------------------------------------------------

    def _rows(
        self, unit: Unit, span: Span, kpi: FirstKpi | Kpi, needed: tuple[date, ...], *, is_withheld: bool
    ) -> list[tuple[Any, ...]]:
        # a department is of no area: whoever delivers for its county does for it
        area_code = self.county.county_code if unit.level == "department" else unit.code
        slots = {dataset: self._slots(area_code, dataset, needed) for dataset in kpi.needs}
        figure, variant = self._figure(unit, span, kpi, slots, needed)
        suppliers = {supplier for per_dataset in slots.values() for supplier, _, _ in per_dataset}
        silent = {
            slot[0] for per_dataset in slots.values() for slot in per_dataset if slot not in self.arrived
        }
        counts = (len(suppliers - silent), len(suppliers))
        tolerance = self.tolerances.get(kpi.kpi_id, Fraction(0))
        subject = Subject(unit.code, unit.level, unit.unit_class, unit.city_class, variant)
        chosen = choose(self.targets.get(kpi.kpi_id, ()), subject, span.end)
        is_open = self.as_of <= self.county.cutoff_date(span.last_month)
        is_new = unit.opened_date is not None and unit.opened_date > span.last_month
        is_too_early = is_open or is_new or chosen.is_before_first
        rows = []
        for target in chosen.targets or (None,):
            line: Line | None = target.line if target else None
            judgement = judge(figure, line, kpi.terms, tolerance, is_too_early=is_too_early)
            shown = (None, replace(judgement, shortfall=None)) if is_withheld else (figure, judgement)
            rows.append(_row(unit, span, kpi.kpi_id, target, *shown, counts))
        return rows

    def _slots(self, code: str, dataset: str, months: Iterable[date]) -> list[Slot]:
        """The deliveries of a dataset expected for a unit."""
        if (code, dataset) not in self._suppliers:
            self._suppliers[code, dataset] = [
                supplier
                for expected in self.county.expected
                if expected.dataset == dataset
                for supplier in expected.suppliers
                if any(
                    code.startswith(prefix) or prefix.startswith(code)
                    for prefix in self.county.supplier(supplier).covers
                )
            ]
        return [(supplier, dataset, month) for supplier in self._suppliers[code, dataset] for month in months]

    def _figure(
        self, unit: Unit, span: Span, kpi: FirstKpi | Kpi, slots: dict[str, list[Slot]], needed: tuple[date, ...]
    ) -> tuple[Figure | None, str]:  # fmt: skip
        """The figure with its bounds, None where a needed dataset is wholly absent; and its variant."""
        arrived = {
            dataset: sum(slot in self.arrived for slot in expected) for dataset, expected in slots.items()
        }
        missing = frozenset(
            kpi.needs[dataset] for dataset, expected in slots.items() if arrived[dataset] < len(expected)
        )
        is_absent = not all(arrived.values())
        if isinstance(kpi, FirstKpi):
            return None if is_absent else self._first_figure(unit.code, span, kpi.kpi_id, set(missing)), ANY
        amounts = self.evaluation.amounts(kpi, unit, span, needed)
        variant = kpi.variant if isinstance(kpi.variant, str) else kpi.variant(amounts)
        return None if is_absent else figure_of(kpi, amounts, missing), variant

    def _first_figure(self, code: str, span: Span, kpi_id: str, missing: set[str]) -> Figure:
        return people_figure(self.people[span.last_month][kpi_id], code, missing)


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
