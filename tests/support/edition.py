"""Builds a small published edition (DuckDB file, manifest, Parquet, pointer) for tests of what reads editions.

The tables have the columns of a real edition. Statuses, bounds and shortfalls follow from the numbers
given here by a small evaluator, so that a fixture cannot contradict itself.
Does not belong here: the KPI semantics of the warehouse (dbt and the generator's truth hold those).
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import duckdb
import polars as pl
import yaml

from pipelines.settings import REPO

COUNTY = "610629"
MONTHS = tuple(date(2026, month, 1) for month in range(1, 7))
AS_OF = date(2026, 7, 15)

MODELS = [REPO / "dbt" / "models" / folder for folder in ("edition", "signals")]
EDITION = {
    "edition_id": "varchar", "county_code": "varchar", "county_name": "varchar", "is_sample": "boolean",
    "as_of_date": "date", "published_at": "timestamp", "code_version": "varchar", "inputs_hash": "varchar",
    "content_hash": "varchar",
}  # fmt: skip


def _declared() -> dict[str, dict[str, str]]:
    """table → column → type, as the models of the edition declare them."""
    models = [
        model
        for folder in MODELS
        for path in sorted(folder.glob("*.yml"))
        for model in yaml.safe_load(path.read_text("utf-8")).get("models", [])
    ]
    return {
        model["name"]: {column["name"]: column["data_type"] for column in model["columns"]}
        for model in models
        if "columns" in model  # what other models build on has none declared
    }


TABLES = {"edition": EDITION, **_declared()}

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


KPIS = (
    Kpi(
        "temporary_resident_registration_rate", "暂住人口登记率", "Temporary residents registered", "population",
        "rate", "stock", "percent", "police", ("grid_residents", "police_residence_registrations"),
        (Goal("D3-TRR", "D3", ">=", Decimal(95), "§4"),), tolerance=Decimal("0.5"),
    ),
    Kpi(
        "dispute_handling_rate", "民事纠纷调处率", "Civil disputes handled", "safety",
        "rate", "flow", "percent", "grid_management", ("grid_disputes",),
        (Goal("D3-DHR", "D3", "=", Decimal(100), "§5"),),
    ),
    Kpi(
        "dispute_mediation_success_rate", "调解成功率", "Mediations that succeeded", "safety",
        "rate", "flow", "percent", "grid_management", ("grid_disputes",),
        (Goal("D3-DMS", "D3", ">=", Decimal(95), "§5"),),
    ),
    Kpi(
        "criminal_cases", "刑事案件", "Criminal cases", "safety",
        "count", "flow", "cases", "police", ("police_case_returns",),
        (Goal("D3-CRC", "D3", "=", Decimal(0), "§2"),), decimals=0,
    ),
    Kpi(
        "police_room_count", "警务室数", "Police rooms", "safety",
        "count", "stock", "rooms", "police", ("police_rooms",),
        (
            Goal("D4-PRC", "D4", ">=", Decimal(1), "§13", level_scope="community"),
            Goal("B-PRC", "B", ">=", Decimal(1), "2.3", level_scope="community", plan_end=date(2020, 12, 31)),
        ), decimals=0,
    ),
    Kpi(
        "grid_event_closure_rate", "网格事件结案率", "Grid events closed", "safety",
        "rate", "flow", "percent", "grid_management", ("grid_events",),
    ),
    Kpi(
        "facility_area_per_100_households", "每百户综合服务设施面积", "Service area per 100 households", "facilities",
        "ratio", "stock", "m2_per_100_households", "civil_affairs", ("civil_facilities", "grid_grids"),
        (Goal("C-FAH", "C", ">=", Decimal(30), "2.4", class_scope="urban"),),
    ),
    Kpi(
        "elderly_care_area_per_100_households", "每百户养老服务设施面积", "Elderly-care area per 100 households",
        "facilities", "ratio", "stock", "m2_per_100_households", "civil_affairs", ("civil_facilities",),
        (Goal("B-ECA", "B", "range", Decimal(20), "2.1.2", Decimal(30), "lower", plan_end=date(2020, 12, 31)),),
    ),
    Kpi(
        "staff_pay_floor_yuan", "最低月报酬", "Lowest monthly pay", "organisation",
        "count", "stock", "yuan", "civil_affairs", ("civil_staff",), decimals=2,
    ),
    Kpi(
        "smart_pilot_communities", "智慧社区试点数", "Pilots of smart communities", "programmes",
        "count", "stock", "communities", "civil_affairs", ("civil_programmes",),
        (Goal("B-SPC", "B", "=", Decimal(1), "2.2.3", level_scope="county"),), decimals=0, levels=("county",),
    ),
)  # fmt: skip


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
        return {"province": None, "city": self.code[:2], "county": None, "street": self.code[:6], "community": self.code[:9]}[self.level]


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
        return _month_end(self.months[-1])

    @property
    def cutoff(self) -> date:
        return _next_month(self.months[-1]).replace(day=10)

    @property
    def is_closed(self) -> bool:
        return self.cutoff < AS_OF


MOVED_ON = date(2026, 4, 1)
GIVER, TAKER = "南关社区居委会", "解放路社区居委会"
# What names the grid of a row can be placed in the units of today.
PLACED_BY_GRID = ("grid_residents", "grid_events", "grid_grids")
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
    # whether a part of 南关 (with one in five of its cases) went to 解放路 on the first of April
    is_moved: bool = False
    # whether the city and the province are units, as where a supplier delivers for all of them
    has_units_above: bool = False
    edition_id: str = "2026-07-15-001"
    names: dict[str, str] = field(default_factory=dict)


def _small_cell(unit: Unit, kpi: Kpi, month: date) -> Cell:
    """Every status stands somewhere in June 2026; the numbers are small enough to check by hand."""
    special = _SMALL_CELLS.get(kpi.kpi_id)
    return (special(unit.name, month.month) if special else None) or _USUAL[kpi.kpi_id]


def _registrations(name: str, month: int) -> Cell | None:
    if name == "南关社区居委会":
        return Cell(Decimal(188 - month), Decimal(202))
    if name == "解放路社区居委会":
        return Cell(Decimal(188), Decimal(197), doubt=6)
    return Cell(Decimal(113), Decimal(119)) if name == "东关社区居委会" and month == 6 else None


def _handling(name: str, month: int) -> Cell | None:
    if name == "东关村委会" and month == 6:
        return Cell(Decimal(0), Decimal(0))
    return Cell(Decimal(11), Decimal(12)) if name == "桐堤村委会" and month >= 5 else None


def _mediation(name: str, month: int) -> Cell | None:
    if name == "姚苌村委会" and month == 6:
        return Cell(Decimal(0), Decimal(8))
    return Cell(Decimal(9), Decimal(11)) if name == "桐堤村委会" and month == 5 else None


def _facilities(name: str, month: int) -> Cell | None:
    if name == "桐树底居委会" and month == 6:
        return Cell(Decimal(0), Decimal(0), status="no_data", reporting=0)
    return Cell(Decimal("236.50"), Decimal(860)) if name == "南关社区居委会" else None


def _cases(name: str, month: int) -> Cell | None:
    return Cell(Decimal(2), Decimal(1)) if name == "姚苌村委会" and month == 6 else None


def _rooms(name: str, month: int) -> Cell | None:
    return Cell(Decimal(0), Decimal(1)) if name == "桐堤村委会" else None


_SMALL_CELLS: dict[str, Callable[[str, int], Cell | None]] = {
    "temporary_resident_registration_rate": _registrations,
    "dispute_handling_rate": _handling,
    "dispute_mediation_success_rate": _mediation,
    "criminal_cases": _cases,
    "police_room_count": _rooms,
    "facility_area_per_100_households": _facilities,
}
_USUAL = {
    "temporary_resident_registration_rate": Cell(Decimal(97), Decimal(100)),
    "dispute_handling_rate": Cell(Decimal(12), Decimal(12)),
    "dispute_mediation_success_rate": Cell(Decimal(12), Decimal(12)),
    "criminal_cases": Cell(Decimal(0), Decimal(1)),
    "police_room_count": Cell(Decimal(1), Decimal(1)),
    "grid_event_closure_rate": Cell(Decimal(40), Decimal(50)),
    "facility_area_per_100_households": Cell(Decimal("390.00"), Decimal(1000)),
    "elderly_care_area_per_100_households": Cell(Decimal("45.00"), Decimal(100)),
    "staff_pay_floor_yuan": Cell(Decimal("3280.50"), Decimal(1)),
    "smart_pilot_communities": Cell(Decimal(0), Decimal(1)),
}


SMALL = Shape(
    county_name="洛川县",
    streets={
        "凤栖街道": ("南关社区居委会", "解放路社区居委会", "东关社区居委会", "东关村委会"),
        "旧县镇": ("姚苌村委会", "桐堤村委会", "安东村委会", "西武村委会"),
        "交口河镇": ("桐树底居委会", "交口河村委会", "水渭村委会", "甘罗村委会"),
    },
    cell=_small_cell,
    rural=frozenset({"水渭村委会"}),
    new=frozenset({"甘罗村委会"}),
)


def county_shape(streets: dict[str, tuple[str, ...]], *, is_sample: bool = True, seed: int = 7) -> Shape:
    """A whole county with plausible numbers: a few units miss, a few are in doubt, one street did not deliver."""
    silent = list(streets)[-1]

    def cell(unit: Unit, kpi: Kpi, month: date) -> Cell:
        draw = random.Random(f"{seed}/{unit.code}/{kpi.kpi_id}")
        weak = draw.random() < 0.09
        size = draw.randint(24, 260)
        drift = random.Random(f"{seed}/{unit.code}/{kpi.kpi_id}/{month}")
        doubt = drift.choice((0, 0, 0, 0, 1, 2, 6)) if drift.random() < 0.35 else 0
        if kpi.kind == "count":
            few = int(weak and drift.random() < 0.7)
            usual = {"police_room_count": 1 - few, "staff_pay_floor_yuan": 3000 + 10 * size, "criminal_cases": few}
            return Cell(Decimal(usual.get(kpi.kpi_id, 0)), Decimal(1))
        if kpi.kind == "ratio":
            households = Decimal(draw.randint(180, 900))
            per_hundred = Decimal(draw.randint(18, 29) if weak else draw.randint(31, 64))
            if unit.parent_code == _code_of(streets, silent) and month == MONTHS[-1]:
                return Cell(Decimal(0), Decimal(0), status="no_data", reporting=0)
            return Cell((households * per_hundred / 100).quantize(Decimal("0.01")), households, doubt=0)
        if kpi.basis == "flow":
            size = drift.randint(0, 14)
            lost = drift.randint(1, 2) if (weak and drift.random() < 0.7 and size > 1) else 0
            return Cell(Decimal(size - lost), Decimal(size), doubt=1 if doubt > 2 else 0)
        lost = math.ceil(size * (0.11 if weak else 0.022)) + (drift.randint(0, 3) if weak else 0)
        return Cell(Decimal(size - lost), Decimal(size), doubt=doubt)

    return Shape(county_name="洛川县", streets=streets, cell=cell, is_sample=is_sample)


def build_edition(published: Path, shape: Shape = SMALL) -> Path:
    """Publishes one edition under `published` and points `warehouse.duckdb` at it. Returns the edition's folder."""
    folder = published / "editions" / shape.edition_id
    folder.mkdir(parents=True, exist_ok=True)
    tables = _tables(shape)
    database = folder / "warehouse.duckdb"
    with duckdb.connect(str(database)) as connection:
        for name, columns in TABLES.items():
            definition = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
            connection.execute(f"create table {name} ({definition})")
            rows = [{column: row[column] for column in columns} for row in tables.get(name, [])]
            if rows:
                connection.register("filled", pl.DataFrame(rows, infer_schema_length=None))
                connection.execute(f"insert into {name} select * from filled")
            connection.execute(f"copy {name} to '{folder / name}.parquet' (format parquet)")
    manifest = {
        **{name: str(value) if isinstance(value, date) else value for name, value in _edition(shape).items()},
        "tables": {name: len(rows) for name, rows in tables.items()},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1), "utf-8")
    switch(published, shape.edition_id)
    return folder


def switch(published: Path, edition_id: str) -> None:
    """Points `warehouse.duckdb` at this edition, atomically, by a relative symlink."""
    pointer, fresh = published / "warehouse.duckdb", published / ".warehouse.duckdb.new"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(Path("editions") / edition_id / "warehouse.duckdb")
    fresh.replace(pointer)


def _tables(shape: Shape) -> dict[str, list[Row]]:
    units, periods = _units(shape), _periods()
    facts = _facts(shape, units, periods)
    return {
        "edition": [_edition(shape)],
        "dim_unit": [_unit_row(unit, units) for unit in units],
        "dim_period": [_period_row(period) for period in periods],
        "dim_kpi": [_kpi_row(kpi) for kpi in KPIS],
        "dim_target": [_target_row(kpi, goal) for kpi in KPIS for goal in kpi.goals],
        "fct_kpi": facts,
        "fct_flag": _flags(facts),
        "fct_trend": _trends(facts),
        "fct_delivery": _deliveries(shape),
        "fct_quality": _quality(shape),
        "fct_signal": _signals(units),
        "fct_estimate": _estimates(units),
        "dim_lineage": _lineage(units) if shape.is_moved else [],
        "fct_unplaced": _unplaced(units) if shape.is_moved else [],
    }


def _code_of(streets: dict[str, tuple[str, ...]], name: str) -> str:
    index = list(streets).index(name)
    return f"{COUNTY}{1 if index == 0 else 100 + index:03d}"


def _units(shape: Shape) -> list[Unit]:
    above = [Unit("61", "陕西省", "province"), Unit("6106", "延安市", "city")] if shape.has_units_above else []
    units = [*above, Unit(COUNTY, shape.county_name, "county")]
    for street, communities in shape.streets.items():
        code = _code_of(shape.streets, street)
        units.append(Unit(code, street, "street"))
        for number, name in enumerate(communities, start=1):
            opened = date(2026, 6, 15) if name in shape.new else date(2016, 1, 1)
            kind = "rural" if name in shape.rural else "urban"
            units.append(
                Unit(f"{code}{number if '居' in name else 199 + number:03d}", name, "community", kind, opened)
            )
    return units


def _month_end(month: date) -> date:
    return date.fromordinal(_next_month(month).toordinal() - 1)


def _next_month(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def _periods() -> list[Period]:
    periods = []
    for index, month in enumerate(MONTHS):
        zh, en = f"{month.year}年{month.month}月", f"{month:%B %Y}"
        periods.append(Period("month", month, (month,), zh, en))
        so_far = MONTHS[: index + 1]
        periods.append(
            Period("ytd", month, so_far, f"{month.year}年1–{month.month}月", f"{month.year} to {month:%B}")
        )
    for quarter in (0, 1):
        months = MONTHS[3 * quarter : 3 * quarter + 3]
        year = months[0].year
        periods.append(
            Period("quarter", months[0], months, f"{year}年第{quarter + 1}季度", f"Q{quarter + 1} {year}")
        )
    year_months = tuple(date(2026, month, 1) for month in range(1, 13))
    periods.append(Period("year", MONTHS[0], year_months, "2026年", "2026"))
    return periods


def _sum(cells: list[Cell], kpi: Kpi) -> Cell:
    known = [cell for cell in cells if cell.status is None]
    if not known:
        return Cell(Decimal(0), Decimal(0), status="no_data", reporting=0, expected=2)
    denominator = Decimal(1) if kpi.kind == "count" else sum((cell.denominator for cell in known), Decimal(0))
    return Cell(
        sum((cell.numerator for cell in known), Decimal(0)),
        denominator,
        sum(cell.doubt for cell in known),
        reporting=2 if len(known) == len(cells) else 1,
        expected=2,
    )


def _facts(shape: Shape, units: list[Unit], periods: list[Period]) -> list[Row]:
    communities = [unit for unit in units if unit.level == "community"]
    cells = {
        (unit.code, kpi.kpi_id, month): shape.cell(unit, kpi, month)
        for unit in communities for kpi in KPIS for month in MONTHS
    }  # fmt: skip
    rows: list[Row] = []
    for period in periods:
        delivered = [month for month in period.months if month in MONTHS]
        for unit in units:
            if unit.opened > period.end:
                continue
            inside = [other for other in communities if other.code.startswith(unit.code)]
            for kpi in KPIS:
                if unit.level not in kpi.levels:
                    continue
                months = (
                    delivered if kpi.basis == "flow" else [m for m in (period.months[-1],) if m in MONTHS]
                )
                parts = [
                    cells[other.code, kpi.kpi_id, m]
                    for other in inside
                    for m in months
                    if other.opened <= period.end
                ]
                cell = _sum(parts, kpi)
                goals = _goals(unit, kpi) or (None,)
                rows += [_fact(unit, period, kpi, goal, cell) for goal in goals]
                if shape.is_moved and unit.name in (GIVER, TAKER) and period.end < MOVED_ON:
                    own = {name: cells[_unit(units, name).code, kpi.kpi_id, months[-1]] for name in (GIVER, TAKER)}
                    rows += [_rebased(_fact(unit, period, kpi, goal, _today(unit, own)), kpi) for goal in goals]
    if shape.is_moved:
        _mark_breaks(rows)
    return rows


def _unit(units: list[Unit], name: str) -> Unit:
    return next(unit for unit in units if unit.name == name)


def _today(unit: Unit, own: dict[str, Cell]) -> Cell:
    """What a month's figure is in the units of today: a fifth of the giver's goes to the taker."""
    cell, gone = own[unit.name], [own[GIVER].numerator // 5, own[GIVER].denominator // 5]
    sign = -1 if unit.name == GIVER else 1
    return replace(cell, numerator=cell.numerator + sign * gone[0], denominator=cell.denominator + sign * gone[1])


def _rebased(row: Row, kpi: Kpi) -> Row:
    mark = "rebased" if set(kpi.datasets) & set(PLACED_BY_GRID) else "break"
    return row | {"unit_basis": "as_now", "comparability": mark}


def _mark_breaks(rows: list[Row]) -> None:
    """Figures as they were are a break wherever there are others as they are now."""
    moved = {(row["unit_key"], row["period_type"], row["period"]) for row in rows if row["unit_basis"] == "as_now"}
    for row in rows:
        if row["unit_basis"] == "as_was" and (row["unit_key"], row["period_type"], row["period"]) in moved:
            row["comparability"] = "break"


def _goals(unit: Unit, kpi: Kpi) -> list[Goal]:
    """The targets that are meant for a unit."""
    return [
        goal
        for goal in kpi.goals
        if (goal.class_scope == "*" or unit.community_class in (None, goal.class_scope))
        and goal.level_scope in ("*", unit.level)
    ]


def _fact(unit: Unit, period: Period, kpi: Kpi, goal: Goal | None, cell: Cell) -> Row:
    row: Row = {
        "unit_key": unit.key, "unit_code": unit.code, "unit_level": unit.level,
        "period_type": period.kind, "period": period.first, "unit_basis": "as_was", "comparability": "comparable", "kpi_id": kpi.kpi_id,
        "scale": kpi.scale, "reporting_suppliers": cell.reporting, "expected_suppliers": cell.expected,
        "target_id": goal.target_id if goal else None, "certainty": None, "shortfall": None, "failures_allowed": None,
        "is_basis_expired": bool(goal and goal.plan_end and goal.plan_end < period.end),
    }  # fmt: skip
    if cell.status == "no_data":
        return row | _measures(kpi, None) | {"status": "no_data" if period.is_closed else "too_early"}
    row |= _measures(kpi, cell)
    too_new = unit.opened > period.months[-1]
    if not period.is_closed or too_new:
        return row | {"status": "too_early"}
    if cell.denominator == 0:
        return row | {"status": "not_applicable", "certainty": "undetermined" if cell.doubt else "confirmed"}
    if goal is None:
        return row | {"status": "no_target"}
    return row | {
        "status": _status(kpi, goal, cell), "certainty": _certainty(kpi, goal, cell),
        "shortfall": _shortfall(kpi, goal, cell), "failures_allowed": _failures(kpi, goal, cell),
    }  # fmt: skip


def _measures(kpi: Kpi, cell: Cell | None) -> Row:
    if cell is None:
        names = ("numerator", "denominator", "value", "low_numerator", "low_denominator", "high_numerator",
                 "high_denominator", "value_low", "value_high", "chance_low", "chance_high")  # fmt: skip
        return dict.fromkeys(names)
    more = 0 if kpi.kind == "count" else cell.doubt
    low, high = (cell.numerator, cell.denominator + more), (cell.numerator + cell.doubt, cell.denominator + more)
    chance = _wilson(cell) if kpi.kind == "rate" and cell.denominator else (None, None)
    return {
        "numerator": cell.numerator, "denominator": cell.denominator,
        "value": _value(kpi, cell.numerator, cell.denominator),
        "low_numerator": low[0], "low_denominator": low[1], "high_numerator": high[0], "high_denominator": high[1],
        "value_low": _value(kpi, *low), "value_high": _value(kpi, *high),
        "chance_low": chance[0], "chance_high": chance[1],
    }  # fmt: skip


def _wilson(cell: Cell) -> tuple[float, float]:
    """Wilson's interval at 95 %, in percent."""
    z, n = 1.959963984540054, float(cell.denominator)
    p = float(cell.numerator) / n
    middle, spread = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return 100 * (middle - spread) / (1 + z * z / n), 100 * (middle + spread) / (1 + z * z / n)


def _value(kpi: Kpi, numerator: Decimal, denominator: Decimal) -> float | None:
    return float(numerator * kpi.scale / denominator) if denominator else None


def _meets(kpi: Kpi, goal: Goal, numerator: Decimal, denominator: Decimal) -> bool:
    reached = numerator * kpi.scale
    is_low = goal.floor is not None and reached < goal.floor * denominator
    return not is_low and not (goal.ceiling is not None and reached > goal.ceiling * denominator)


def _status(kpi: Kpi, goal: Goal, cell: Cell) -> str:
    if _meets(kpi, goal, cell.numerator, cell.denominator):
        return "met"
    gap = abs(goal.value * cell.denominator - cell.numerator * kpi.scale)
    return "near" if gap <= kpi.tolerance * cell.denominator else "missed"


def _certainty(kpi: Kpi, goal: Goal, cell: Cell) -> str:
    all_in = cell.denominator + (0 if kpi.kind == "count" else cell.doubt)
    ends = {_meets(kpi, goal, cell.numerator, all_in), _meets(kpi, goal, cell.numerator + cell.doubt, all_in)}
    known = _meets(kpi, goal, cell.numerator, cell.denominator)
    return "confirmed" if ends == {known} else "undetermined"


def _shortfall(kpi: Kpi, goal: Goal, cell: Cell) -> Decimal:
    if _meets(kpi, goal, cell.numerator, cell.denominator):
        return Decimal(0)
    missing = abs(goal.value * cell.denominator / kpi.scale - cell.numerator)
    step = Decimal("0.01") if kpi.kind == "ratio" else Decimal(1)
    return math.ceil(missing / step) * step


def _failures(kpi: Kpi, goal: Goal, cell: Cell) -> int | None:
    return math.floor((100 - goal.value) * cell.denominator / 100) if kpi.kind == "rate" else None


def _trends(facts: list[Row]) -> list[Row]:
    """Months and quarters with at least five judged periods; trend by the two ends, which is enough for a fixture."""
    series: dict[tuple[object, ...], list[Row]] = {}
    for row in sorted(_as_was(facts), key=lambda row: str(row["period"])):
        if row["status"] in ("met", "near", "missed") and row["period_type"] in ("month", "quarter"):
            series.setdefault((row["unit_key"], row["period_type"], row["kpi_id"], row["target_id"]), []).append(row)
    trends = []
    for rows in series.values():
        if len(rows) < 5:
            continue
        met = sum(row["status"] == "met" for row in rows)
        steps = [float(str(b["value"])) - float(str(a["value"])) for a, b in pairwise(rows)]
        trend = "worsening" if all(step < 0 for step in steps) else "improving" if all(step > 0 for step in steps) else "none"
        names = ("unit_key", "unit_code", "unit_level", "period_type", "period", "kpi_id", "target_id")
        trends.append({name: rows[-1][name] for name in names} | {
            "first_period": rows[0]["period"], "judged_periods": len(rows), "met_periods": met, "z": None,
            "trend": trend, "reliability": "reliably_met" if met == len(rows) else "hit_and_miss" if met else "reliably_missed",
        })  # fmt: skip
    return trends


def _as_was(facts: list[Row]) -> list[Row]:
    return [row for row in facts if row["unit_basis"] == "as_was"]


def _flags(facts: list[Row]) -> list[Row]:
    flags: list[Row] = []
    runs: dict[tuple[object, ...], list[Row]] = {}
    owners = {kpi.kpi_id: kpi for kpi in KPIS}
    goals = {goal.target_id: goal for kpi in KPIS for goal in kpi.goals}
    for row in sorted(_as_was(facts), key=lambda row: str(row["period"])):
        if row["status"] not in ("met", "near", "missed"):
            continue
        run = runs.setdefault((row["unit_key"], row["period_type"], row["kpi_id"], row["target_id"]), [])
        before = run[-1] if run else None
        if row["status"] == "met":
            movement = "recovered"
        elif before is None:
            movement = "new"
        else:
            better = owners[str(row["kpi_id"])].direction == "higher"
            movement = _movement(float(str(row["value"])), float(str(before["value"])), better=better)
        if row["status"] == "met" and before is None:
            continue
        since = (run or [row])[0]["period"]
        names = ("unit_key", "unit_code", "unit_level", "period_type", "period", "kpi_id", "target_id", "status",
                 "certainty", "shortfall")  # fmt: skip
        kpi, goal = owners[str(row["kpi_id"])], goals[str(row["target_id"])]
        flags.append({name: row[name] for name in names} | {
            "since_period": since, "judged_in_a_row": len(run) + 1, "movement": movement,
            "owner_agency": kpi.owner, "document": goal.pack, "clause": goal.clause,
        })  # fmt: skip
        if row["status"] == "met":
            run.clear()
        else:
            run.append(row)
    return flags


def _movement(value: float, before: float, *, better: bool) -> str:
    """`better`: more is better."""
    if value == before:
        return "continuing"
    return "improving" if (value > before) is better else "worsening"


def _edition(shape: Shape) -> Row:
    return {
        "edition_id": shape.edition_id, "county_code": COUNTY, "county_name": shape.county_name,
        "is_sample": shape.is_sample, "as_of_date": AS_OF, "published_at": datetime(2026, 7, 15, 1, 30),
        "code_version": "0.1.0", "inputs_hash": "5f" * 32, "content_hash": "c0" * 32,
    }  # fmt: skip


def _unit_row(unit: Unit, units: list[Unit]) -> Row:
    parent = next((other for other in units if other.code == unit.parent_code), None)
    return {
        "unit_key": unit.key, "unit_code": unit.code, "unit_name": unit.name, "unit_level": unit.level,
        "parent_unit_key": parent.key if parent else None, "parent_code": unit.parent_code,
        "street_code": unit.code[:9] if unit.level in ("street", "community") else None, "class": unit.community_class,
        "city_class": "other", "is_adjusted": False, "opened_date": unit.opened, "valid_from": unit.opened,
        "valid_to": None, "source": "fixture",
    }  # fmt: skip


def _period_row(period: Period) -> Row:
    return {
        "period_type": period.kind, "period": period.first, "start_date": period.months[0], "end_date": period.end,
        "last_month": period.months[-1], "cutoff_date": period.cutoff, "is_closed": period.is_closed,
        "label_zh": period.label_zh, "label_en": period.label_en,
    }  # fmt: skip


def _kpi_row(kpi: Kpi) -> Row:
    return {
        "kpi_id": kpi.kpi_id, "position": KPIS.index(kpi) + 1, "name_zh": kpi.name_zh, "name_en": kpi.name_en,
        "domain": kpi.domain, "kind": kpi.kind, "basis": kpi.basis, "unit": kpi.unit, "scale": kpi.scale, "direction": kpi.direction,
        "tolerance": kpi.tolerance, "decimals": kpi.decimals, "owner_agency": kpi.owner, "lever": "numerator",
        "levels": list(kpi.levels), "datasets": list(kpi.datasets), "formula_zh": f"{kpi.name_zh} = 分子 ÷ 分母 × {kpi.scale}",
        "formula_en": f"numerator / denominator × {kpi.scale}", "clause": None, "source_document": None, "note": None,
    }  # fmt: skip


def _target_row(kpi: Kpi, goal: Goal) -> Row:
    return {
        "target_id": goal.target_id, "pack": goal.pack, "kpi_id": kpi.kpi_id, "operator": goal.operator,
        "value_1": goal.value, "value_2": goal.value_2, "binding": goal.binding, "unit": kpi.unit, "area_scope": "*",
        "class_scope": goal.class_scope, "city_class_scope": "*", "level_scope": goal.level_scope, "variant_scope": "*",
        "phase": None, "due_months": None, "effective_from": None, "effective_to": None, "plan_end": goal.plan_end, "document": goal.pack,
        "clause": goal.clause, "strength": "stated", "text_zh": f"{kpi.name_zh}达到规定标准",
        "text_en": f"{kpi.name_en}: as the document sets",
    }  # fmt: skip


def _suppliers(shape: Shape) -> list[tuple[str, str, tuple[str, ...]]]:
    grids = [
        (
            f"grid_{_code_of(shape.streets, street)}",
            f"{street}网格办",
            ("grid_residents", "grid_grids", "grid_disputes"),
        )
        for street in shape.streets
    ]
    return [
        ("county_police", "县公安局", ("police_residence_registrations",)),
        ("county_civil", "县民政局", ("civil_facilities",)),
        *grids,
    ]


def _deliveries(shape: Shape) -> list[Row]:
    rows: list[Row] = []
    for supplier_id, name, datasets in _suppliers(shape):
        for dataset in datasets:
            for month in MONTHS:
                missing = dataset == "grid_grids" and supplier_id.endswith("02") and month == MONTHS[-1]
                late = dataset == "grid_disputes" and month.month == 4
                refused = dataset == "civil_facilities" and month.month == 2
                day = _next_month(month).replace(day=8 if late else 3)
                status = "missing" if missing else "refused" if refused else "late" if late else "on_time"
                counts = (0, 0, 0, 0, 0) if missing or refused else (412, 400, 6, 3, 3)
                rows.append({
                    "supplier_id": supplier_id, "supplier_name": name,
                    "covered_codes": supplier_id.removeprefix("grid_") if supplier_id.startswith("grid_") else COUNTY,
                    "dataset": dataset, "period": month,
                    "due_date": _next_month(month).replace(day=5),
                    "received_at": None if missing else datetime(day.year, day.month, day.day, 2, 0),
                    "delivery_status": status, "is_correction_refused": dataset == "grid_residents" and month.month == 6,
                    "is_gap": refused, "communities_expected": 4 if dataset == "grid_grids" else None,
                    "communities_delivered": _delivered(dataset, month, missing=missing),
                    "versions": 0 if missing else 1,
                    "rows_for_review": 3 if (supplier_id, dataset) == (f"grid_{COUNTY}001", "grid_residents") else 0,
                    **dict(zip(("rows_read", "rows_accepted", "rows_quarantined", "rows_duplicate", "rows_skipped"),
                               counts, strict=True)),
                    "refusal_zh": "没有可识别的表头" if refused else None,
                    "refusal_en": "no header row was found" if refused else None,
                })  # fmt: skip
    return rows


def _delivered(dataset: str, month: date, *, missing: bool) -> int | None:
    """Communities in the file: of the four of each street one is not there in March."""
    if dataset != "grid_grids" or missing:
        return None
    return 3 if month.month == 3 else 4


def _quality(shape: Shape) -> list[Row]:
    rules = (
        (
            "grid_residents",
            "id_number.bad_check_digit",
            "error",
            "证件号码校验位错误",
            "the check digit is wrong",
            4,
        ),
        (
            "grid_residents",
            "community_code.exists",
            "error",
            "社区代码不在名册中",
            "the community is not in the register",
            2,
        ),
        (
            "grid_residents",
            "id_number.lower_case_x",
            "warning",
            "校验位小写 x 已改为大写",
            "a lower-case x was read as X",
            3,
        ),
        (
            "grid_disputes",
            "handled_after_accepted",
            "error",
            "办结早于受理",
            "handled before it was accepted",
            1,
        ),
        ("grid_disputes", "key.repeated", "duplicate", "重复行", "the row stands twice", 3),
    )
    return [
        {
            "dataset": dataset, "period": month, "supplier_id": supplier_id, "rule_id": rule, "rule_version": 1,
            "severity": severity, "description_zh": zh, "description_en": en, "rows_checked": 409, "rows_failed": failed,
        }
        for supplier_id, _, datasets in _suppliers(shape)
        for dataset, rule, severity, zh, en, failed in rules
        if dataset in datasets
        for month in MONTHS
    ]  # fmt: skip


def _signals(units: list[Unit]) -> list[Row]:
    """Two in June: a community whose figure jumped, and the county's values that bunch."""
    county = next(unit for unit in units if unit.level == "county")
    community = next(unit for unit in reversed(units) if unit.level == "community")
    common = {"period_type": "month", "period": MONTHS[-1], "supplier_id": None, "dataset": None}
    return [
        common | {
            "signal": "jump", "unit_key": community.key, "unit_code": community.code, "unit_level": "community",
            "kpi_id": "temporary_resident_registration_rate", "observed": 102.0, "expected": 51.0, "score": 9.5,
            "threshold": 5.0, "explanation_zh": "暂住人口登记率的分母由上月的51变为102。请核对是否重复。",
            "explanation_en": "The denominator of Temporary residents registered went from 51 to 102. Check for repeats.",
        },
        common | {
            "signal": "bunching", "unit_key": county.key, "unit_code": county.code, "unit_level": "county",
            "kpi_id": "dispute_mediation_success_rate", "observed": 25.0, "expected": 16.28, "score": 2.9,
            "threshold": 2.326, "explanation_zh": "25个社区中25个刚好达到目标。请抽查。",
            "explanation_en": "Of 25 communities 25 lie just above the target. Check a sample.",
        },
    ]  # fmt: skip


def _estimates(units: list[Unit]) -> list[Row]:
    """The county 360 of 340 listed, each month; of the last street too few people are on both lists."""
    streets = [unit for unit in units if unit.level in ("county", "street")]
    rows: list[Row] = []
    for unit in streets:
        few = unit is streets[-1]
        known = {"estimate": None, "low": None, "high": None, "unseen": None} if few else {
            "estimate": 360.4, "low": 344.0, "high": 391.8, "unseen": 20.4,
        }  # fmt: skip
        rows += [
            {"unit_key": unit.key, "unit_code": unit.code, "unit_level": unit.level, "month": month, "n1": 5 if few else 300,
             "n2": 4 if few else 280, "m": 3 if few else 240, "left_out": 2, **known}
            for month in MONTHS
        ]  # fmt: skip
    return rows


def _lineage(units: list[Unit]) -> list[Row]:
    giver, taker = _unit(units, GIVER), _unit(units, TAKER)
    return [{
        "change_date": MOVED_ON, "change_kind": "part_moved", "unit_level": "community", "from_unit_key": giver.key,
        "from_code": giver.code, "to_unit_key": taker.key, "to_code": taker.code, "document_no": "洛民发〔2026〕3号",
        "moved_grids": [f"{giver.code}003"], "households_moved": 12, "source": "civil",
    }]  # fmt: skip


def _unplaced(units: list[Unit]) -> list[Row]:
    giver = _unit(units, GIVER)
    common = {"unit_key": giver.key, "unit_code": giver.code, "unit_level": "community", "dataset": "grid_disputes"}
    return [
        common | {"month": month, "rows_accepted": 2, "rows_quarantined": 1} for month in MONTHS if month < MOVED_ON
    ]  # fmt: skip
