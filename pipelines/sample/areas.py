"""Units, periods, and which units a row acts on.

Belongs here: what every truth counts by. Does not belong here: what is counted (see `counting`, `evaluating`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

import polars as pl

from pipelines.county import County
from pipelines.settings import month_end

_LEVELS, _WIDE_LEVELS = ("county", "street", "community", "department"), ("province", "city")
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


def above(community: str) -> list[str]:
    """A community with its street and its county."""
    return [community, community[:9], community[:6]]
