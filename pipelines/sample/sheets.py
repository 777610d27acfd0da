"""What the agencies hold of a sample county at the end of each month: one table per dataset, all suppliers together.

Belongs here: the tables as they would be without errors, and the means of planting errors in them.
Does not belong here: which errors (see `dirt`), how files look (see `deliver`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Literal

import numpy as np
import polars as pl

from expectations.contract import load_contract
from pipelines.sample.affairs import KNOWN_AFTER_DAYS
from pipelines.sample.chance import Flags, Integers
from pipelines.sample.world import Book, World
from pipelines.settings import month_end

State = Literal["accepted", "quarantined", "duplicate"]
SUPPLIER, ORDER, STATE = "_supplier", "_order", "_state"
# How long an agency keeps a registration on its list after it ran out.
EXPIRED_KEPT_DAYS = 60


@dataclass(frozen=True)
class Planted:
    """What was planted in one row, which rules it breaks, and what becomes of the row."""

    kind: str
    rules: tuple[str, ...]
    state: State


@dataclass
class Sheet:
    """One dataset in one month, over all suppliers: what the delivered files say once they are read.

    `rows` has the contract's columns, typed as stored but for identifying ones (plain text and dates); beside
    them the supplier, the place in the file, and helper columns, all of whose names begin with `_`.
    `texts`: by column and row, what stands in the file where it is not simply the value written out.
    """

    dataset: str
    month: date
    rows: pl.DataFrame
    texts: dict[str, dict[int, str]] = field(default_factory=dict)
    planted: dict[int, Planted] = field(default_factory=dict)
    _values: dict[str, dict[int, Any]] = field(default_factory=dict)
    _added: list[dict[str, Any]] = field(default_factory=list)
    _taken: Flags = field(default_factory=lambda: np.zeros(0, dtype=bool))

    def __post_init__(self) -> None:
        self._taken = np.zeros(self.rows.height, dtype=bool)

    def free(self, condition: pl.Expr) -> Integers:
        """The rows that fulfil the condition and in which nothing was planted yet."""
        fits = self.rows.select(condition.fill_null(False)).to_series().to_numpy()
        return np.flatnonzero(fits & ~self._taken)

    def row(self, number: int) -> dict[str, Any]:
        if number >= self.rows.height:
            return self._added[number - self.rows.height]
        return self.rows.row(number, named=True)

    def take(self, number: int) -> None:
        """Nothing else may be planted in this row."""
        if number < self.rows.height:
            self._taken[number] = True

    def put(self, number: int, column: str, value: Any, text: str | None = None) -> None:
        """The cell now holds `value`; `text` is what the file says, where that cannot be read as the value."""
        if number >= self.rows.height:
            self._added[number - self.rows.height][column] = value
        else:
            self._values.setdefault(column, {})[number] = value
        if text is not None:
            self.texts.setdefault(column, {})[number] = text

    def repeat(self, number: int, **changes: Any) -> int:
        """A further row like row `number`, right behind it in the file unless `changes` move it elsewhere."""
        original = self.row(number)
        self._added.append({**original, ORDER: original[ORDER] + 0.5, **changes})
        return self.rows.height + len(self._added) - 1

    def mark(self, number: int, kind: str, rules: Iterable[str], state: State) -> None:
        self.take(number)
        self.planted[number] = Planted(kind, tuple(sorted(rules)), state)

    def settle(self) -> None:
        """Write everything planted into `rows`, which gets a column with each row's state."""
        rows = self.rows.with_columns(
            _scattered(self.rows.get_column(column), values) for column, values in self._values.items()
        )
        if self._added:
            rows = pl.concat([rows, pl.DataFrame(self._added, schema=rows.schema)])
        states = pl.Series(STATE, ["accepted"], dtype=pl.String).new_from_index(0, rows.height)
        self.rows = rows.with_columns(
            _scattered(states, {number: planted.state for number, planted in self.planted.items()})
        )
        self._values, self._added = {}, []

    def without(self, suppliers: Iterable[str]) -> Sheet:
        """The same, before anything is planted, without what these suppliers fail to deliver."""
        return Sheet(self.dataset, self.month, self.rows.filter(~pl.col(SUPPLIER).is_in(list(suppliers))))


def _scattered(series: pl.Series, values: dict[int, Any]) -> pl.Series:
    if not values:
        return series
    if series.dtype.is_nested():
        # polars scatters no lists
        cells = series.to_list()
        for number, value in values.items():
            cells[number] = value
        return pl.Series(series.name, cells, dtype=series.dtype)
    return series.scatter(list(values), pl.Series(list(values.values()), dtype=series.dtype))


class Agencies:
    """Gives every agency's table for any month of the sample: the first eight datasets, and the domains' books."""

    def __init__(self, world: World, registrations: pl.DataFrame, books: Mapping[str, Book]) -> None:
        self.county, self.places, self.grids = world.county, world.places, world.grids
        self.population, self.facilities, self.disputes = world.population, world.facilities, world.disputes
        self.registrations = registrations
        self.books: dict[str, Book] = {
            **books,
            "civil_communities": self._communities,
            "civil_facilities": self._facilities,
            "grid_disputes": self._disputes,
            "grid_grids": self._grids,
            "grid_residents": self._residents,
            "household_households": self._households,
            "household_persons": self._persons,
            "police_residence_registrations": self._registrations,
        }

    def sheet(self, dataset: str, month: date) -> Sheet:
        """The dataset at the end of `month`; KeyError for one that has no book."""
        rows = self.books[dataset](month, month_end(month))
        rows = rows.with_columns(self._supplier(dataset, rows.get_column("_place")))
        rows = rows.filter(pl.col(SUPPLIER).is_not_null()).with_columns(
            pl.int_range(pl.len()).cast(pl.Float64).alias(ORDER)
        )
        names = [column.name for column in load_contract(dataset).columns]
        helpers = [name for name in rows.columns if name.startswith("_")]
        return Sheet(dataset, month, rows.select(*names, *helpers))

    def _supplier(self, dataset: str, places: pl.Series) -> pl.Series:
        """Who delivers each row, by the unit that it concerns (`_place`)."""
        ids = [
            supplier
            for expected in self.county.expected
            if expected.dataset == dataset
            for supplier in expected.suppliers
        ]
        covers = {prefix: supplier for supplier in ids for prefix in self.county.supplier(supplier).covers}
        # Of two that cover the unit, the one that covers less.
        found = {
            code: covers[prefix]
            for code in places.drop_nulls().unique()
            for prefix in sorted(covers, key=len)
            if code.startswith(prefix)
        }
        return places.replace_strict(found, default=None, return_dtype=pl.String).alias(SUPPLIER)

    def _code(self, column: str) -> pl.Expr:
        """The community code for a place in `places`; null for -1."""
        known = dict(enumerate(self.places.codes))
        return pl.col(column).replace_strict(known, default=None, return_dtype=pl.String)

    def _communities(self, _: date, end: date) -> pl.DataFrame:
        # no community of the sample was ever divided
        moved = {name: pl.lit(None, pl.List(pl.String)) for name in ("moved_grids", "moved_households")}
        return self.places.communities.filter(pl.col("opened_date") <= end).with_columns(_place="code", **moved)

    def _facilities(self, _: date, end: date) -> pl.DataFrame:
        rows = self.facilities.filter(pl.col("opened_date") <= end).with_columns(_place="community_code")
        return rows.with_columns(_known_by("closed_date", end), _known_by("renovated_date", end))

    def _grids(self, month: date, end: date) -> pl.DataFrame:
        # A household more or less from month to month.
        change = (pl.int_range(pl.len()) + month.month) % 7 == 0
        rows = self.grids.register.with_columns(
            pl.col("households") + change.cast(pl.Int64), _place="community_code"
        )
        open_now = self._communities(month, end).get_column("code")
        return rows.filter(pl.col("community_code").is_in(open_now.to_list()))

    def _residents(self, month: date, end: date) -> pl.DataFrame:
        left = pl.col("left_date")
        stays = self.population.stays.filter(
            (pl.col("arrived_date") <= end) & (left.is_null() | (left >= month))
        )
        persons = self.population.persons[stays["person"].to_numpy()]
        rows = pl.concat([stays, persons], how="horizontal").with_columns(
            _known_by("left_date", end), community_code=self._code("community"), _person="person"
        )
        rows = rows.with_columns(_place="community_code", _is_only_row=~pl.col("person").is_duplicated())
        return rows.sort("grid_code", maintain_order=True)

    def _households(self, _: date, end: date) -> pl.DataFrame:
        rows = self.population.households.filter(pl.col("registered_date") <= end)
        rows = rows.with_columns(community_code=self._code("community"), _members="members")
        return rows.with_columns(_place="community_code").sort("community_code", maintain_order=True)

    def _persons(self, month: date, end: date) -> pl.DataFrame:
        cancelled, moved = pl.col("cancelled_date"), pl.col("moved_date")
        rows = self.population.memberships.filter(
            (pl.col("registered_date") <= end) & (cancelled.is_null() | (cancelled >= month))
        )
        persons = self.population.persons[rows["person"].to_numpy()]
        books = self.population.households[rows["household"].to_numpy()].select("household_no")
        has_moved = moved.is_not_null() & (moved <= end)
        return pl.concat([rows, persons, books], how="horizontal").with_columns(
            _known_by("cancelled_date", end),
            lives_here=(pl.col("lives_in") == pl.col("home")) & ~has_moved,
            current_community_code=pl.when(~has_moved).then(self._code("lives_in")),
            _place=self._code("home"),
            _person=pl.col("person"),
        )

    def _registrations(self, month: date, end: date) -> pl.DataFrame:
        cancelled = pl.col("cancelled_date")
        kept_until = pl.col("valid_to") + timedelta(days=EXPIRED_KEPT_DAYS)
        rows = self.registrations.filter(
            (pl.col("registered_date") <= end)
            & (cancelled.is_null() | (cancelled >= month))
            & (kept_until >= month)
        )
        persons = self.population.persons[rows["person"].to_numpy()]
        rows = pl.concat([rows, persons], how="horizontal").filter(pl.col("id_type") != "none")
        rows = rows.with_columns(_known_by("cancelled_date", end), community_code=self._code("community"))
        return rows.with_columns(_place="community_code", _person="person")

    def _disputes(self, month: date, end: date) -> pl.DataFrame:
        """Accepted in the month; and accepted before, still pending when last listed, settled since then."""
        known = end + timedelta(days=KNOWN_AFTER_DAYS)
        known_before = month - timedelta(days=1) + timedelta(days=KNOWN_AFTER_DAYS)
        accepted, handled = pl.col("accepted_date"), pl.col("handled_date")
        listed_first = accepted.dt.month_end() + timedelta(days=KNOWN_AFTER_DAYS)
        is_new = accepted.is_between(month, end)
        is_settled = (accepted < month) & (handled > known_before) & (handled <= known)
        rows = self.disputes.filter(is_new | is_settled)
        is_open = handled.is_null() | (handled > known)
        return rows.with_columns(
            _known_by("handled_date", known),
            result=pl.when(is_open).then(pl.lit("pending")).otherwise("result"),
            _place="community_code",
            # Listed once only, so that no other delivery says anything about it.
            _is_only_listing=is_new & (handled.is_null() | (handled <= listed_first)),
            _is_settled_later=is_settled,
        )


def _known_by(column: str, day: date) -> pl.Expr:
    """The date where it is not after `day`: nobody knows of what is to come."""
    return pl.when(pl.col(column) <= day).then(pl.col(column)).alias(column)
