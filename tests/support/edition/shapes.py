"""What a fixture is made of: units, periods, KPIs with their goals, what a community reports, and the whole of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

COUNTY = "610629"

MONTHS = tuple(date(2026, month, 1) for month in range(1, 7))

AS_OF = date(2026, 7, 15)

Row = dict[str, object]


@dataclass(frozen=True)
class Goal:
    """A target of the fixture."""

    target_id: str
    pack: str
    operator: str
    value: Decimal
    clause: str
    value_2: Decimal | None = None
    binding: str | None = None
    class_scope: str = "*"
    level_scope: str = "*"
    plan_end: date | None = None

    @property
    def floor(self) -> Decimal | None:
        return self.value if self.operator in (">=", "=", "range") else None

    @property
    def ceiling(self) -> Decimal | None:
        if self.operator == "range":
            return None if self.binding == "lower" else self.value_2
        return self.value if self.operator in ("<=", "=") else None


@dataclass(frozen=True)
class Kpi:
    """A KPI of the fixture with its targets."""

    kpi_id: str
    name_zh: str
    name_en: str
    domain: str
    kind: str
    basis: str
    unit: str
    owner: str
    datasets: tuple[str, ...]
    goals: tuple[Goal, ...] = ()
    decimals: int = 1
    tolerance: Decimal = Decimal(0)
    levels: tuple[str, ...] = ("community", "street", "county")

    @property
    def scale(self) -> int:
        return 1 if self.kind == "count" else 100

    @property
    def direction(self) -> str:
        return "lower" if any(goal.floor == 0 for goal in self.goals) else "higher"


@dataclass(frozen=True)
class Cell:
    """What one community reports for one KPI and month; `doubt` rows may or may not count in both numbers."""

    numerator: Decimal
    denominator: Decimal
    doubt: int = 0
    status: str | None = None
    reporting: int = 2
    expected: int = 2


@dataclass(frozen=True)
class Unit:
    """A unit of the fixture; the code is also its place in the tree."""

    code: str
    name: str
    level: str
    community_class: str | None = None
    opened: date = date(2016, 1, 1)

    @property
    def key(self) -> str:
        return f"{self.code}@{self.opened:%Y-%m-%d}"

    @property
    def parent_code(self) -> str | None:
        return {
            "province": None, "city": self.code[:2], "county": None, "street": self.code[:6], "community": self.code[:9],
            "grid": self.code[:12],
        }[self.level]


@dataclass(frozen=True)
class Period:
    """A period and the months it covers."""

    kind: str
    first: date
    months: tuple[date, ...]
    label_zh: str
    label_en: str

    @property
    def end(self) -> date:
        return month_end(self.months[-1])

    @property
    def cutoff(self) -> date:
        return next_month(self.months[-1]).replace(day=10)

    @property
    def is_closed(self) -> bool:
        return self.cutoff < AS_OF

MOVED_ON = date(2026, 4, 1)

GIVER, TAKER = "南关社区居委会", "解放路社区居委会"

CellMaker = Callable[[Unit, Kpi, date], Cell]


@dataclass(frozen=True)
class Shape:
    """What to build: the tree of units and what each reports."""

    county_name: str
    streets: dict[str, tuple[str, ...]]
    cell: CellMaker
    is_sample: bool = True
    rural: frozenset[str] = frozenset()
    new: frozenset[str] = frozenset()
    # communities with three grids: twelve cases in the first, eight in the second, all others in the third
    divided: frozenset[str] = frozenset()
    # whether a part of 南关 (with one in five of its cases) went to 解放路 on the first of April
    is_moved: bool = False
    # whether the city and the province are units, as where a supplier delivers for all of them
    has_units_above: bool = False
    edition_id: str = "2026-07-15-001"
    names: dict[str, str] = field(default_factory=dict)


def month_end(month: date) -> date:
    return date.fromordinal(next_month(month).toordinal() - 1)


def next_month(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)
