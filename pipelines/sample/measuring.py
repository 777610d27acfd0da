"""How the truth of a KPI is declared: what rows count, what they add up to, what figure that makes.

The evaluation (see `evaluating`) is exact and knows nothing of the warehouse's SQL. Belongs here: the declarations, and
the figures that follow from them by kind. Does not belong here: any one KPI (see `domains`), targets (see `judging`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from typing import Literal

import polars as pl

from pipelines.sample.judging import Figure, Kind, Lever, Terms
from pipelines.sample.ledger import Ledger
from pipelines.settings import month_end

Level = Literal["province", "city", "county", "street", "community", "grid", "department"]
Role = Literal["cases", "numerator", "amount", "denominator"]
Basis = Literal["stock", "flow", "ytd"]
LEVELS: tuple[Level, ...] = ("county", "street", "community")
LEVELS_WITH_GRIDS: tuple[Level, ...] = (*LEVELS, "grid")


@dataclass(frozen=True)
class Moment:
    """The delivered month of the rows asked about: its first day and its cut-off day."""

    month: date
    cutoff: date

    @property
    def end(self) -> date:
        return month_end(self.month)

    @property
    def quarter_start(self) -> date:
        return self.month.replace(month=3 * ((self.month.month - 1) // 3) + 1)

    @property
    def year_start(self) -> date:
        return self.month.replace(month=1)


# A condition over the cells of one row, in three values: true, false, and null where a cell that matters is not known.
# Decimals are hundredths: 300 m² is 30_000.
Condition = Callable[[Moment], pl.Expr]
# The rows that a measure is over, where they are not simply those of a dataset in the month asked about.
Rows = Callable[[Ledger, Moment], pl.DataFrame]
# A number column of the dataset, or whole numbers computed from its columns (null where one of them is not known).
Amount = str | pl.Expr


def every_row(_: Moment) -> pl.Expr:
    return pl.lit(True)


@dataclass(frozen=True)
class Measure:
    """What the rows of one dataset add up to in a unit.

    count: rows, or `amount`, over rows that fulfil `counts`. rate: the same, and how much of it `passes`, or the
    `passed_amount` of it. places: different places with a row that fulfils `counts`. minimum: the least `amount` of the
    rows that fulfil `counts` (of registers, for stocks).

    Of events, `counted_on` is the day on which a row begins to count (default: at once), `passed_on` that on which it
    passed (default: when it counts); columns or expressions of dates or timestamps. Null: never, of a refused row: unknown.

    `place` is the column with the unit's code; a row counts in that unit and in those above it. A number column of the
    contract's type decimal is divided by 100; an expression by `divisor`. A book's helper column may be the place, too.

    `rows` makes the month's rows of one's own from all sheets of the datasets that it `reads` (another dataset joined,
    events as they stand at a month's end): columns as in the ledger, those the measure names, and `_supplier`, `_state`.
    Such a measure is evaluated like that of a register; is_to_date: each month's rows tell of the whole year up to it, so
    that those of a period's last month are the period's.
    """

    name: str
    dataset: str
    kind: Literal["count", "rate", "places", "minimum"]
    counts: Condition = every_row
    amount: Amount | None = None
    passes: Condition | None = None
    passed_amount: Amount | None = None
    counted_on: Amount | None = None
    passed_on: Amount | None = None
    place: str = "community_code"
    divisor: int = 1
    rows: Rows | None = None
    reads: tuple[str, ...] = ()
    is_to_date: bool = False

    def __post_init__(self) -> None:
        if (self.kind == "rate") != (self.passes is not None or self.passed_amount is not None):
            raise ValueError(f"{self.name}: a rate, and only that, says what passes")
        if self.passed_amount is not None and (self.passes is not None or self.amount is None):
            raise ValueError(f"{self.name}: passed_amount is a part of an amount, and stands instead of passes")
        if self.kind == "places" and self.amount is not None:
            raise ValueError(f"{self.name}: places are counted, not summed")
        if self.kind == "minimum" and self.amount is None:
            raise ValueError(f"{self.name}: a minimum is one of amounts")


@dataclass(frozen=True)
class Amounts:
    """What the measures of a KPI amount to in one unit and period.

    `amounts["m"]` is what counts for certain, and `amounts["m_doubtful"]`, "m_unbounded", "m_passed", "m_may_pass",
    "m_may_fail", "m_revised", "m_revised_counted", "m_revised_passed" what else is known of measure m; 0 where it has no
    such part. Of a minimum, "m" and "m_doubtful" are the least of "m_rows" and "m_doubtful_rows" amounts.
    `communities` and `streets`: how many are in force in the unit at the period's end. `months`: how many evaluated
    months the figure is over; `returns_due`: one of each community in force in each of them. `each()`: the same of every community of the unit; a row without a community is
    doubtful in each of them.
    """

    values: Mapping[str, Fraction]
    communities: int
    streets: int
    months: int
    returns_due: int
    each: Callable[[], Sequence[Amounts]] = tuple

    def __getitem__(self, name: str) -> Fraction:
        return self.values.get(name, Fraction(0))


@dataclass(frozen=True)
class Kpi:
    """The truth of one KPI.

    `measures`: of a rate and a count the first one is its figure; of a ratio the first per the second. Others are for
    `figure`, which makes the figure where none of the three forms does (None: no data), and for `rows`.
    `needs`: dataset → what a delivery of it that is missing leaves open; applied to every figure, own ones too.
    `rows`: the name of the measure whose accepted rows are expected one per community and month.
    `lever`: what an action adds to: the numerator, or `both`, the denominator too. `step`: by how much.
    `variant`: which of several targets concerns the figure; targets for all variants always do.
    """

    kpi_id: str
    kind: Kind
    needs: Mapping[str, Role]
    measures: tuple[Measure, ...]
    levels: tuple[Level, ...] = LEVELS
    scale: int = 1
    basis: Basis = "stock"
    step: Fraction = Fraction(1)
    lever: Lever = "numerator"
    figure: Callable[[Amounts], Figure | None] | None = None
    rows: str | None = None
    variant: str | Callable[[Amounts], str] = "*"

    def __post_init__(self) -> None:
        names = [measure.name for measure in self.measures]
        if len(set(names)) != len(names):
            raise ValueError(f"{self.kpi_id}: a measure's name stands twice")
        if self.rows is not None and self.rows not in names:
            raise ValueError(f"{self.kpi_id}: {self.rows!r} is none of its measures")
        unknown = {measure.dataset for measure in self.measures} - set(self.needs)
        if unknown:
            raise ValueError(f"{self.kpi_id}: needs does not name {sorted(unknown)}")
        if self.basis != "stock" and any(measure.kind == "minimum" for measure in self.measures):
            raise ValueError(f"{self.kpi_id}: the least of several months is not their sum")
        if self.figure is None:
            self._refuse_unfit(tuple(measure.kind for measure in self.measures))

    @property
    def terms(self) -> Terms:
        return Terms(self.kind, self.step, self.lever)

    def _refuse_unfit(self, kinds: tuple[str, ...]) -> None:
        wanted = {"rate": 1, "count": 1, "ratio": 2}[self.kind]
        fits = len(kinds) >= wanted and all(
            (kind == "rate") == (self.kind == "rate") and kind != "minimum" for kind in kinds[:wanted]
        )
        if not fits:
            raise ValueError(f"{self.kpi_id}: a {self.kind} is not made of measures {kinds}")


# --- figures ---------------------------------------------------------------------------------------------------


def figure_of(kpi: Kpi, amounts: Amounts, missing: frozenset[Role]) -> Figure | None:
    """The figure with its bounds; None where there is no data. `missing`: the roles of deliveries that did not arrive."""
    if kpi.rows is not None:
        if amounts[kpi.rows] == 0:
            return None
        if amounts[kpi.rows] < amounts.returns_due:
            missing |= {"cases"}
    figure = kpi.figure(amounts) if kpi.figure else _FORMS[kpi.kind](kpi, amounts)
    if figure is None:
        return None
    figure = replace(figure, scale=kpi.scale)
    for role in sorted(missing):
        figure = _opened(figure, kpi.kind, role)
    return figure


def _rate(kpi: Kpi, amounts: Amounts) -> Figure:
    m = kpi.measures[0].name
    counted, passed = amounts[m], amounts[f"{m}_passed"]
    doubted, doubted_passed = amounts[f"{m}_revised"], amounts[f"{m}_revised_passed"]
    open_still = doubted - amounts[f"{m}_revised_counted"]
    figure = Figure(
        passed,
        counted,
        passed - doubted_passed,
        counted + open_still + amounts[f"{m}_may_fail"],
        passed + doubted - doubted_passed + amounts[f"{m}_may_pass"],
        counted + open_still + amounts[f"{m}_may_pass"],
    )
    return _opened(figure, "rate", "cases") if amounts[f"{m}_unbounded"] else figure


def _count(kpi: Kpi, amounts: Amounts) -> Figure:
    m, one = kpi.measures[0].name, Fraction(1)
    low = amounts[m] - amounts[f"{m}_revised"]
    return Figure(amounts[m], one, low, one, _most(m, amounts), one)


def _per(kpi: Kpi, amounts: Amounts) -> Figure:
    a, b = (measure.name for measure in kpi.measures[:2])
    return Figure(amounts[a], amounts[b], amounts[a], _most(b, amounts), _most(a, amounts), amounts[b])


def _most(m: str, amounts: Amounts) -> Fraction | None:
    return None if amounts[f"{m}_unbounded"] else amounts[m] + amounts[f"{m}_doubtful"]


_FORMS: dict[Kind, Callable[[Kpi, Amounts], Figure]] = {"rate": _rate, "count": _count, "ratio": _per}


def _opened(figure: Figure, kind: Kind, role: Role) -> Figure:
    """The figure where a part of the rows that play this role is not known."""
    is_open = figure.high_denominator is None
    if role == "denominator":
        return replace(figure, low_denominator=None)
    if role == "cases" and kind == "rate":
        is_complete = figure.may_be_complete if is_open else figure.high_numerator == figure.high_denominator
        return replace(
            figure, low_denominator=None, high_numerator=None, high_denominator=None, may_be_complete=is_complete
        )
    if role == "numerator" and kind == "rate":
        whole = figure if is_open else replace(figure, high_numerator=figure.high_denominator)
        return replace(whole, may_be_complete=True)
    most = figure.denominator if figure.high_denominator is None else figure.high_denominator
    without_limit = replace(figure, high_numerator=None, high_denominator=most)
    return replace(without_limit, low_denominator=None) if (role, kind) == ("cases", "ratio") else without_limit
