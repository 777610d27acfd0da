"""Units, periods, and which units a row acts on.

Belongs here: what every truth counts by. Does not belong here: what is counted (see `counting`, `evaluating`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from functools import cached_property

import polars as pl

from pipelines.county import County
from pipelines.settings import month_end

_LEVELS, _WIDE_LEVELS = ("county", "street", "community", "grid", "department"), ("province", "city")
_DIGITS = (12, 9, 6, 4, 2)


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


@dataclass
class Tally:
    """Counts of one kind of thing per unit code."""

    counts: dict[str, defaultdict[str, Fraction]] = field(default_factory=dict)

    def add(self, what: str, units: Iterable[str], amount: Fraction | int = 1) -> None:
        per_unit = self.counts.setdefault(what, defaultdict(Fraction))
        for unit in units:
            per_unit[unit] += amount

    def least(self, what: str, units: Iterable[str], amount: Fraction) -> None:
        """Keeps the smallest amount of each unit."""
        per_unit = self.counts.setdefault(what, defaultdict(Fraction))
        for unit in units:
            per_unit[unit] = min(per_unit.get(unit, amount), amount)

    def get(self, what: str, unit: str) -> Fraction:
        per_unit = self.counts.get(what)
        return per_unit.get(unit, Fraction(0)) if per_unit else Fraction(0)


@dataclass(frozen=True)
class Unit:
    code: str
    level: str
    opened_date: date | None
    unit_class: str | None = None
    city_class: str | None = None
    name: str | None = None


class Area:
    """The units in force on one day, and which of them a row acts on.

    The county's city and province are units where some supplier covers more than the county.
    """

    def __init__(self, units: pl.DataFrame, county: County, day: date) -> None:
        in_force = units.filter(
            (pl.col("valid_from") <= day) & (pl.col("valid_to").is_null() | (pl.col("valid_to") > day))
        ).sort("unit_code")
        covers = [prefix for supplier in county.suppliers for prefix in supplier.covers]
        is_wide = any(len(prefix) < len(county.county_code) for prefix in covers)
        levels = (*_WIDE_LEVELS, *_LEVELS) if is_wide else _LEVELS
        self.units = [
            Unit(
                row["unit_code"],
                row["unit_level"],
                row["opened_date"],
                row.get("class"),
                row.get("city_class"),
                row.get("unit_name"),
            )
            for row in in_force.iter_rows(named=True)
            if row["unit_level"] in levels
        ]
        self.communities = [unit.code for unit in self.units if unit.level == "community"]
        self._known = set(self.communities)
        self._codes = {unit.code for unit in self.units}
        self._wide = [unit.code for unit in self.units if unit.level in _WIDE_LEVELS]
        self._departments = {unit.name or unit.code: unit.code for unit in self.units if unit.level == "department"}
        streets = (unit.code for unit in self.units if unit.level == "street")
        self._grids = {unit.code for unit in self.units if unit.level == "grid"}
        self.communities_in = Counter(unit for code in self.communities for unit in self.holding(code))
        self.streets_in = Counter(unit for code in streets for unit in self.holding(code))
        self.county = county
        self._under: dict[str, list[str]] = {}

    def holding(self, code: str) -> list[str]:
        """The units that hold the one with this code, itself included if it is one."""
        return [code[:digits] for digits in _DIGITS if digits <= len(code) and code[:digits] in self._codes]

    def located(self, code: str | None, supplier: str, *, is_community: bool) -> list[str] | None:
        """The units in which a row counts that names this code; None where that names nothing.

        A unit outside the county for which the supplier delivers is known, and counts in the city and province at
        most; so does, where it need not be a community, one above the county. A department goes by its name, too.
        """
        if code is None:
            return None
        code = code if is_community else self._departments.get(code, code)
        own = self.county.county_code
        is_outside = not code.startswith(own) and code.startswith(self.county.supplier(supplier).covers)
        is_named = code in self._codes or own.startswith(code) or not code[:1].isdigit()
        if is_outside or (code in self._known if is_community else is_named):
            return self.holding(code)
        return None

    def reached(self, code: str | None, supplier: str, *, is_community: bool) -> list[str]:
        """The same, and where the code names nothing all of the supplier's area, and all departments."""
        own = self.located(code, supplier, is_community=is_community)
        return [*self.touched(None, supplier), *self._wide, *self._departments.values()] if own is None else own

    def touched(self, community: str | None, supplier: str) -> list[str]:
        """The row's own community, its street and the county; where it has none, all of its supplier's area."""
        if community in self._known:
            return above(str(community))
        if supplier not in self._under:
            covers = self.county.supplier(supplier).covers
            own = [code for code in self.communities if code.startswith(tuple(covers))]
            self._under[supplier] = sorted({unit for code in own for unit in above(code)})
        return self._under[supplier]

    # --- grids -------------------------------------------------------------------------------------------------

    def grid_place(self, community: str | None, grid: str | None, *, is_doubtful: bool) -> str | None:
        """The grid that a row counts in; its community (or whatever stands there) where it may be in several; "" if in none."""
        if community in self._known:
            if grid in self._grids and community_of(grid) == community:
                return grid
            return community if is_doubtful and grid is None else ""
        return community if is_doubtful else ""

    def grids_reached(self, place: str | None, supplier: str) -> list[str]:
        """The grids that something at a `grid_place` acts on."""
        if place in self._grids or place == "":
            return [place] if place else []
        if place in self._known:
            return self._grids_under[place]
        if self.located(place, supplier, is_community=True) is not None:
            return []
        covers = self.county.supplier(supplier).covers
        return [grid for grid in sorted(self._grids) if grid.startswith(covers)]

    @cached_property
    def _grids_under(self) -> defaultdict[str, list[str]]:
        under: defaultdict[str, list[str]] = defaultdict(list)
        for grid in sorted(self._grids):
            under[community_of(grid)].append(grid)
        return under


class GridLists:
    """Which grids the lists of grid management have shown, month by month."""

    def __init__(self) -> None:
        self._lists: defaultdict[str, set[date]] = defaultdict(set)
        self._seen: defaultdict[str, set[date]] = defaultdict(set)
        self._general: set[str] = set()

    def note(self, month: date, codes: Iterable[str], general: Iterable[str]) -> None:
        """All grids that a month's list has, and those of them that are general ones without doubt."""
        for code in codes:
            self._lists[community_of(code)].add(month)
            self._seen[code].add(month)
        self._general.update(general)

    def has(self, grid: str, month: date) -> bool:
        """Whether a grid is a unit at the end of a month: listed since its community's first list, or since that month;
        not after a list that lacks it for good."""
        if grid not in self._general:
            return False
        lists, seen = self._lists[community_of(grid)], self._seen[grid]
        has_begun = min(seen) == min(lists) or min(seen) <= month
        return has_begun and not any(max(seen) < later <= month for later in lists)


def community_of(grid: str) -> str:
    """A grid is numbered inside its community."""
    return grid.partition("-")[0]


def above(community: str) -> list[str]:
    """A community with its street and its county."""
    return [community, community[:9], community[:6]]
