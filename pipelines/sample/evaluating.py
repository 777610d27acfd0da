"""What declared measures amount to, per unit and period, counted from the sheets with what is planted in them.

Belongs here: the semantics of registers and events. Does not belong here: declarations and figures (see `measuring`),
which deliveries arrived (see `truth`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from fractions import Fraction
from functools import cached_property
from typing import Any

import polars as pl

from expectations.contract import Contract, load_contract
from pipelines.county import County
from pipelines.sample.areas import Area, Span, Tally, Unit
from pipelines.sample.doubts import known_cells
from pipelines.sample.ledger import Ledger
from pipelines.sample.measuring import Amount, Amounts, Basis, Kpi, Measure, Moment
from pipelines.sample.sheets import STATE, SUPPLIER, Sheet
from pipelines.settings import month_end

_HUNDRED = 100
_PLACE = ("delivered", "place", "supplier")
_COUNTS = pl.col("is_accepted") & pl.col("counts")
_MAY_COUNT = ~pl.col("is_accepted") & pl.col("counts").fill_null(True)
# what may become of a refused row, whenever that is
_PASSES = {"may_pass": pl.col("passes").fill_null(True), "may_fail": ~pl.col("passes").fill_null(False)}


class Evaluation:
    """Collects the sheets of a county, and gives the amounts of every KPI declared."""

    def __init__(self, kpis: Iterable[Kpi], county: County, units: pl.DataFrame) -> None:
        self.kpis, self.county, self.units = tuple(kpis), county, units
        self._areas: dict[date, Area] = {}
        measures = [measure for kpi in self.kpis for measure in kpi.measures]
        self.ledger = Ledger({dataset for measure in measures for dataset in measure.reads})
        self._counters = {id(measure): _Counter(measure, self) for measure in measures}
        in_grids = [measure for kpi in self.kpis if "grid" in kpi.levels for measure in kpi.measures]
        self._grid_counters = {id(measure): _GridCounter(measure, self) for measure in in_grids}

    def note(self, sheet: Sheet) -> None:
        """A settled sheet: of a register at once, of events when all months are settled."""
        all_counters = (*self._counters.values(), *self._grid_counters.values())
        counters = [one for one in all_counters if one.measure.dataset == sheet.dataset]
        if not counters and not self.ledger.reads(sheet.dataset):
            return
        rows = known_cells(sheet)
        self.ledger.note(sheet.dataset, sheet.month, rows)
        for counter in counters:
            counter.note(rows, self.moment(sheet.month))

    def moment(self, month: date) -> Moment:
        return Moment(month, self.county.cutoff_date(month))

    def amounts(self, kpi: Kpi, unit: Unit, span: Span, months: tuple[date, ...]) -> Amounts:
        """The measures of a KPI in one unit, over the evaluated months of a period that it is over."""
        area = self.area(span.last_month)

        def each() -> list[Amounts]:
            communities = [one for one in area.units if one.level == "community" and unit.code in area.holding(one.code)]
            return [self.amounts(kpi, one, span, months) for one in communities]

        counters: Mapping[int, _Counter] = self._grid_counters if unit.level == "grid" else self._counters
        values = {
            measure.name + part: per_unit[unit.code]
            for measure in kpi.measures
            for part, per_unit in counters[id(measure)].tally(kpi.basis, span, months).counts.items()
            if unit.code in per_unit
        }
        due = sum(self.area(month).communities_in.get(unit.code, 0) for month in months)
        return Amounts(values, area.communities_in[unit.code], area.streets_in[unit.code], len(months), due, each)

    def area(self, month: date) -> Area:
        """The units in force at the end of a month."""
        if month not in self._areas:
            self._areas[month] = Area(self.units, self.county, month_end(month))
        return self._areas[month]


def first_month_of(basis: Basis, span: Span) -> date:
    """The month with which the figure of a period begins."""
    match basis:
        case "stock":
            return span.last_month
        case "flow":
            return span.first_month
        case "ytd":
            return span.last_month.replace(month=1)


class _Counter:
    """One measure: of a register a tally per month, of events their rows, from which a tally per period is made."""

    def __init__(self, measure: Measure, evaluation: Evaluation) -> None:
        self.measure, self.evaluation = measure, evaluation
        self._months: dict[date, Tally] = {}
        self._rows: list[pl.DataFrame] = []
        self._tallies: dict[tuple[date, ...], Tally] = {}

    @cached_property
    def contract(self) -> Contract:
        return load_contract(self.measure.dataset)

    @cached_property
    def is_event(self) -> bool:
        return self.contract.kind == "event" and self.measure.rows is None

    @cached_property
    def is_community(self) -> bool:
        """Whether the place can be a community only."""
        named = [column for column in self.contract.columns if column.name == self.measure.place]
        return not named or named[0].references is not None

    def note(self, rows: pl.DataFrame, moment: Moment) -> None:
        if self.measure.rows is not None:
            return  # made from the ledger, when all sheets are known
        measured = self._measured(rows, moment)
        self._tallies.clear()
        if self.is_event:
            self._rows.append(measured)
            self.__dict__.pop("_settled", None)
        else:
            self._months[moment.month] = self._sums_of_month(measured)

    def tally(self, basis: Basis, span: Span, months: tuple[date, ...]) -> Tally:
        """What counts in a period, per unit. Of events also what belongs to months that are not evaluated."""
        if self.measure.is_to_date:
            months = months[-1:]
        key = (first_month_of(basis, span), span.last_month) if self.is_event else months
        if key not in self._tallies:
            self._tallies[key] = (
                self._sums_of_events(*key)
                if self.is_event
                else _added([self._of_month(month) for month in months])
            )
        return self._tallies[key]

    def _of_month(self, month: date) -> Tally:
        if month not in self._months and self.measure.rows is not None:
            moment = self.evaluation.moment(month)
            rows = self.measure.rows(self.evaluation.ledger, moment)
            self._months[month] = self._sums_of_month(self._measured(rows, moment))
        return self._months.get(month, Tally())

    def _sums_of_month(self, measured: pl.DataFrame) -> Tally:
        certain = measured.filter(_COUNTS).with_columns(
            is_counted=pl.lit(True), is_passed=pl.col("passes").fill_null(False), is_revised=pl.lit(False)
        )
        return self._sums(certain, measured.filter(_MAY_COUNT).with_columns(is_own=pl.lit(True), **_PASSES))

    # --- what the measure makes of a row -----------------------------------------------------------------------

    def _measured(self, rows: pl.DataFrame, moment: Moment) -> pl.DataFrame:
        """place, supplier, delivered; is_accepted; counts and passes in three values; base and passed, the amounts; month,
        which it belongs to; of events key_0 …, counted_on and passed_on, too."""
        measure = self.measure
        passes = pl.lit(True) if measure.passes is None else measure.passes(moment)
        base = pl.lit(1) if measure.amount is None else _column(measure.amount)
        measured = rows.filter(pl.col(STATE) != "duplicate").select(
            place=pl.col(measure.place),
            supplier=pl.col(SUPPLIER),
            delivered=pl.lit(moment.month),
            is_accepted=pl.col(STATE) == "accepted",
            counts=measure.counts(moment).cast(pl.Boolean),
            passes=passes.cast(pl.Boolean),
            base=base,
            passed=base if measure.passed_amount is None else _column(measure.passed_amount),
            **(self._days(moment) if self.is_event else {"month": pl.lit(moment.month)}),
        )
        for name in ("base", "passed"):
            if not measured.schema[name].is_integer():
                raise ValueError(f"{measure.name}: an amount is {measured.schema[name]}, not a whole number")
        return measured

    def _days(self, moment: Moment) -> dict[str, pl.Expr]:
        """To which month an event belongs, and since when it counts and has passed."""
        day = pl.col(self.contract.cohort_date or "").cast(pl.Date)
        month = pl.when(day <= moment.end).then(day.dt.month_start()).otherwise(pl.lit(moment.month))
        counted_on = _day(self.measure.counted_on, month)
        keys = {f"key_{place}": pl.col(name) for place, name in enumerate(self.contract.key)}
        return {
            **keys,
            "month": month,
            "counted_on": counted_on,
            "passed_on": _day(self.measure.passed_on, counted_on),
        }

    # --- events ------------------------------------------------------------------------------------------------

    def _sums_of_events(self, first: date, last: date) -> Tally:
        """The events that belong to a period, as known at its cut-off."""
        if not self._rows:
            return Tally()
        counting, doubtful = self._settled
        cutoff = self.evaluation.county.cutoff_date(last)
        is_in_period = pl.col("month").is_between(first, last)
        # What has no day never comes; of a refused row nobody knows when it came.
        has_begun, has_passed = pl.col("counted_on") <= cutoff, pl.col("passed_on") <= cutoff
        is_counted = has_begun.fill_null(False)
        certain = counting.filter(is_in_period).with_columns(
            is_counted=is_counted, is_passed=is_counted & (pl.col("passes") & has_passed).fill_null(False)
        )
        doubtful = doubtful.filter(is_in_period & has_begun.fill_null(True)).with_columns(**_PASSES)
        if self.measure.passed_on is not None:
            doubtful = doubtful.with_columns(
                may_pass=pl.col("may_pass") & has_passed.fill_null(True),
                may_fail=pl.col("may_fail") | ~has_passed.fill_null(False),
            )
        return self._sums(certain, doubtful)

    @cached_property
    def _settled(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Of every event that counts the latest accepted listing, and whether a refused one may put another in its
        place; and the refused rows that may count, and whether they do so where and when their event does not yet."""
        rows = pl.concat(self._rows, how="vertical_relaxed")
        keys = [f"key_{place}" for place in range(len(self.contract.key))]
        latest = (
            rows.filter("is_accepted")
            .sort("delivered", maintain_order=True)
            .unique(keys, keep="last", maintain_order=True)
        )
        # What was refused before a later listing was accepted is settled by that. A row without its number says nothing
        # of any other: null joins nothing.
        refused = rows.filter(~pl.col("is_accepted")).join(latest.select(*keys, settled="delivered"), on=keys, how="left")
        refused = refused.filter((pl.col("delivered") >= pl.col("settled")).fill_null(True)).drop("settled")
        counting, doubtful = latest.filter(_COUNTS).with_row_index("row"), refused.filter(_MAY_COUNT).with_row_index("row")
        revised = counting.join(refused, on=keys, how="semi").get_column("row")
        revisions = doubtful.join(counting, on=[*keys, "place", "month"], how="semi").get_column("row")
        return (
            counting.with_columns(is_revised=pl.col("row").is_in(revised.to_list())),
            doubtful.with_columns(is_own=~pl.col("row").is_in(revisions.to_list())),
        )

    # --- sums --------------------------------------------------------------------------------------------------

    def _sums(self, certain: pl.DataFrame, doubtful: pl.DataFrame) -> Tally:
        """Per unit: accepted rows that fulfil `counts`, with is_counted, is_passed and is_revised; rows that may count,
        with is_own, may_pass and may_fail."""
        tally = Tally()
        if self.measure.kind == "places":
            self._add_places(tally, certain, doubtful)
            return tally
        if self.measure.kind == "minimum":
            self._add_least(tally, certain, doubtful)
            return tally
        self._add_certain(tally, certain)
        for row in doubtful.iter_rows(named=True):
            self._add_doubtful(tally, row)
        return tally

    def _add_certain(self, tally: Tally, rows: pl.DataFrame) -> None:
        is_rate = self.measure.kind == "rate"
        is_doubted = pl.col("is_revised") if is_rate else pl.col("is_revised") & pl.col("is_counted")
        base, passed = (Fraction(1, divisor) for divisor in self._divisors)
        parts = {
            "": ("base", pl.col("is_counted"), base),
            "_revised": ("base", is_doubted, base),
        }
        if is_rate:
            parts |= {
                "_passed": ("passed", pl.col("is_passed"), passed),
                "_revised_counted": ("base", pl.col("is_revised") & pl.col("is_counted"), base),
                "_revised_passed": ("passed", pl.col("is_revised") & pl.col("is_passed"), passed),
            }
        sums = rows.group_by(*_PLACE, maintain_order=True).agg(
            pl.col(column).filter(condition).sum().cast(pl.Int64).alias(part)
            for part, (column, condition, _) in parts.items()
        )
        for delivered, place, supplier, *amounts in sums.iter_rows():
            units = self._units(delivered, place, supplier) or []
            for (part, (_, _, unit)), amount in zip(parts.items(), amounts, strict=True):
                if amount:
                    tally.add(part, units, amount * unit)

    def _add_doubtful(self, tally: Tally, row: dict[str, Any]) -> None:
        if self.measure.kind == "rate" and not row["is_own"]:
            return
        units = self._reached(row)
        if row["base"] is None:
            tally.add("_unbounded", units)
            return
        base = Fraction(row["base"], self._divisors[0])
        if self.measure.kind == "count":
            tally.add("_doubtful", units, base)
            return
        if self.measure.passed_amount is not None or row["may_pass"]:
            tally.add("_may_pass", units, base)
        if self.measure.passed_amount is not None or row["may_fail"]:
            tally.add("_may_fail", units, base)

    def _add_places(self, tally: Tally, certain: pl.DataFrame, doubtful: pl.DataFrame) -> None:
        """Each place once a month, in doubt where only refused rows name it; a row without a place may be in any."""
        counted = certain.filter("is_counted").group_by("month", "place", maintain_order=True)
        known = set()
        for month, place, delivered, supplier, is_doubted in counted.agg(
            pl.col("delivered", "supplier").first(), pl.col("is_revised").all()
        ).iter_rows():
            known.add((month, place))
            units = self._units(delivered, place, supplier) or []
            tally.add("", units)
            if is_doubted:
                tally.add("_revised", units)
        for row in doubtful.iter_rows(named=True):
            is_placed = self._units(row["delivered"], row["place"], row["supplier"]) is not None
            if (row["month"], row["place"]) not in known:
                tally.add("_doubtful", self._reached(row))
            if is_placed:
                known.add((row["month"], row["place"]))

    def _add_least(self, tally: Tally, certain: pl.DataFrame, doubtful: pl.DataFrame) -> None:
        """The least amount that is known and how many there are, of rows that count and of those that may."""
        for part, rows in (("", certain), ("_doubtful", doubtful)):
            for row in rows.iter_rows(named=True):
                units = self._reached(row)
                if row["base"] is not None:
                    tally.least(part, units, Fraction(row["base"], self._divisors[0]))
                    tally.add(f"{part}_rows", units)
                elif part:
                    tally.add("_unbounded", units)

    def _units(self, delivered: date, place: str | None, supplier: str) -> list[str] | None:
        return self.evaluation.area(delivered).located(place, supplier, is_community=self.is_community)

    def _reached(self, row: dict[str, Any]) -> list[str]:
        area = self.evaluation.area(row["delivered"])
        return area.reached(row["place"], row["supplier"], is_community=self.is_community)

    @cached_property
    def _divisors(self) -> tuple[int, int]:
        """By what amounts are divided: decimals are hundredths in a sheet."""
        base = self.measure.amount
        passed = base if self.measure.passed_amount is None else self.measure.passed_amount
        return self._divisor(base), self._divisor(passed)

    def _divisor(self, amount: Amount | None) -> int:
        if isinstance(amount, str):
            return _HUNDRED if self.contract.column(amount).type == "decimal" else 1
        return 1 if amount is None else self.measure.divisor


class _GridCounter(_Counter):
    """One measure in grids: a row's place is its grid, or its community where it may be any grid of that."""

    def _measured(self, rows: pl.DataFrame, moment: Moment) -> pl.DataFrame:
        measured = super()._measured(rows, moment)
        area, grids = self.evaluation.area(moment.month), rows.filter(pl.col(STATE) != "duplicate").get_column("grid_code")
        stated = zip(measured["place"], grids, measured["is_accepted"], strict=True)
        places = [area.grid_place(place, grid, is_doubtful=not accepted) for place, grid, accepted in stated]
        return measured.with_columns(pl.Series("place", places, pl.String)).filter(pl.col("place").ne_missing(""))

    def _units(self, delivered: date, place: str | None, supplier: str) -> list[str] | None:
        return self.evaluation.area(delivered).grids_reached(place, supplier)

    def _reached(self, row: dict[str, Any]) -> list[str]:
        return self.evaluation.area(row["delivered"]).grids_reached(row["place"], row["supplier"])


def _column(amount: Amount) -> pl.Expr:
    return pl.col(amount) if isinstance(amount, str) else amount


def _day(day: Amount | None, default: pl.Expr) -> pl.Expr:
    return default if day is None else _column(day).cast(pl.Date)


def _added(tallies: list[Tally]) -> Tally:
    if len(tallies) == 1:
        return tallies[0]
    total = Tally()
    for tally in tallies:
        for what, per_unit in tally.counts.items():
            for unit, amount in per_unit.items():
                total.add(what, [unit], amount)
    return total
