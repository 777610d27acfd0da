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
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl

COUNTY = "610629"
MONTHS = tuple(date(2026, month, 1) for month in range(1, 7))
AS_OF = date(2026, 7, 15)

# table → (comment, ((column, type, comment), …)): the shape every reader may rely on.
TABLES: dict[str, tuple[str, tuple[tuple[str, str, str], ...]]] = {
    "edition": (
        "一行：本版次 / one row: this edition",
        (
            ("edition_id", "varchar", "版次号 / id of the edition"),
            ("county_code", "varchar", "县代码 / county code"),
            ("county_name", "varchar", "县名 / county name"),
            ("is_sample", "boolean", "示例数据 / made of sample data"),
            ("as_of_date", "date", "计算日期 / day on which periods were judged closed or not"),
            ("published_at", "timestamp", "发布时间 UTC / published, UTC"),
            ("code_version", "varchar", "程序版本 / version of the code"),
            ("inputs_hash", "varchar", "输入摘要 / hash of the inputs"),
            ("content_hash", "varchar", "内容摘要 / hash of the content"),
        ),
    ),
    "dim_unit": (
        "单位的每个有效期一行 / one row per unit and stretch of validity",
        (
            ("unit_key", "varchar", "首个代码@首次名册日期 / first code @ first register date"),
            ("unit_code", "varchar", "代码 / division code"),
            ("unit_name", "varchar", "名称 / name"),
            ("unit_level", "varchar", "county, street, community"),
            ("parent_unit_key", "varchar", "上级 / parent"),
            ("parent_code", "varchar", "上级代码 / code of the parent"),
            ("street_code", "varchar", "街道代码 / code of the street or town"),
            ("class", "varchar", "urban, town, rural"),
            ("city_class", "varchar", "城市类别 / class of the city"),
            ("is_adjusted", "boolean", "建制调整涉改 / part of the reform of divisions"),
            ("opened_date", "date", "设立日期 / opened"),
            ("valid_from", "date", "有效起 / in force from"),
            ("valid_to", "date", "有效止（不含）/ in force until, exclusive; null = open"),
            ("source", "varchar", "来源 / register"),
        ),
    ),
    "dim_period": (
        "每个期间一行 / one row per period",
        (
            ("period_type", "varchar", "month, quarter, year, ytd"),
            ("period", "date", "期间首日 / first day; ytd: first day of the month it runs to"),
            ("start_date", "date", "起 / first day"),
            ("end_date", "date", "止 / last day"),
            ("last_month", "date", "最后一个月 / first day of the last month"),
            ("cutoff_date", "date", "截止日 / cut-off day"),
            ("is_closed", "boolean", "已截止 / closed on the as-of date"),
            ("label_zh", "varchar", "中文名 / label in Chinese"),
            ("label_en", "varchar", "英文名 / label in English"),
        ),
    ),
    "dim_kpi": (
        "每个指标一行 / one row per KPI",
        (
            ("kpi_id", "varchar", "指标 / id"),
            ("name_zh", "varchar", "中文名 / name in Chinese"),
            ("name_en", "varchar", "英文名 / name in English"),
            ("domain", "varchar", "领域 / domain"),
            ("kind", "varchar", "rate, ratio, count"),
            ("basis", "varchar", "stock, flow"),
            ("unit", "varchar", "percent, m2_per_100_households"),
            ("scale", "integer", "倍数 / numerator is multiplied by this"),
            ("direction", "varchar", "higher, lower"),
            ("tolerance", "decimal(18,4)", "接近的容差 / tolerance of near, in the unit of the KPI"),
            ("decimals", "integer", "显示小数位 / decimals shown"),
            ("owner_agency", "varchar", "责任单位 / owner agency"),
            ("datasets", "varchar[]", "所需数据集 / datasets it rests on"),
            ("formula_zh", "varchar", "公式 / formula in Chinese"),
            ("formula_en", "varchar", "公式 / formula in English"),
            ("clause", "varchar", "条款 / clause"),
            ("source_document", "varchar", "文件 / document"),
            ("note", "varchar", "说明 / note"),
        ),
    ),
    "dim_target": (
        "每个目标一行 / one row per target",
        (
            ("target_id", "varchar", "目标 / id"),
            ("pack", "varchar", "目标包 / pack of targets"),
            ("kpi_id", "varchar", "指标 / KPI"),
            ("operator", "varchar", ">=, <=, =, range"),
            ("value_1", "decimal(18,4)", "值 / value"),
            ("value_2", "decimal(18,4)", "区间上限 / upper end of a range"),
            ("unit", "varchar", "单位 / unit"),
            ("area_scope", "varchar", "适用地区 / area"),
            ("class_scope", "varchar", "适用类别 / class of community"),
            ("effective_from", "date", "起 / from"),
            ("effective_to", "date", "止 / to"),
            ("document", "varchar", "文件 / document"),
            ("clause", "varchar", "条款 / clause"),
            ("strength", "varchar", "stated, soft, inferred"),
            ("text_zh", "varchar", "摘要 / paraphrase in Chinese"),
            ("text_en", "varchar", "摘要 / paraphrase in English"),
        ),
    ),
    "fct_kpi": (
        "单位×期间×指标×目标一行 / one row per unit, period, KPI and target",
        (
            ("unit_key", "varchar", "单位 / unit"),
            ("unit_code", "varchar", "期末代码 / code at the end of the period"),
            ("unit_level", "varchar", "county, street, community"),
            ("period_type", "varchar", "month, quarter, year, ytd"),
            ("period", "date", "期间首日 / first day"),
            ("unit_basis", "varchar", "as_was"),
            ("kpi_id", "varchar", "指标 / KPI"),
            ("target_id", "varchar", "目标，无则空 / target, null where none"),
            ("numerator", "decimal(18,2)", "分子 / numerator"),
            ("denominator", "decimal(18,2)", "分母 / denominator"),
            ("scale", "integer", "倍数 / scale"),
            ("value", "double", "值 / value"),
            ("low_numerator", "decimal(18,2)", "下界分子 / numerator of the lower bound"),
            ("low_denominator", "decimal(18,2)", "下界分母 / denominator of the lower bound"),
            ("high_numerator", "decimal(18,2)", "上界分子 / numerator of the upper bound"),
            ("high_denominator", "decimal(18,2)", "上界分母 / denominator of the upper bound"),
            ("value_low", "double", "下界 / lower bound"),
            ("value_high", "double", "上界 / upper bound"),
            ("status", "varchar", "too_early … missed"),
            ("certainty", "varchar", "confirmed, undetermined, null"),
            ("shortfall", "decimal(18,2)", "差额 / shortfall"),
            ("reporting_suppliers", "integer", "已报单位数 / suppliers that delivered"),
            ("expected_suppliers", "integer", "应报单位数 / suppliers expected"),
        ),
    ),
    "fct_flag": (
        "未达标、接近、恢复各一行 / one row per missed, near or recovered target",
        (
            ("unit_key", "varchar", "单位 / unit"),
            ("unit_code", "varchar", "代码 / code"),
            ("unit_level", "varchar", "county, street, community"),
            ("period_type", "varchar", "month, quarter, year, ytd"),
            ("period", "date", "期间首日 / first day"),
            ("kpi_id", "varchar", "指标 / KPI"),
            ("target_id", "varchar", "目标 / target"),
            ("status", "varchar", "missed, near, met (recovered)"),
            ("certainty", "varchar", "confirmed, undetermined"),
            ("shortfall", "decimal(18,2)", "差额 / shortfall"),
            ("since_period", "date", "自何期起 / since which period"),
            ("judged_in_a_row", "integer", "连续期数 / judged periods in a row"),
            ("movement", "varchar", "new, continuing, worsening, improving, recovered"),
            ("owner_agency", "varchar", "责任单位 / owner agency"),
            ("document", "varchar", "文件 / document"),
            ("clause", "varchar", "条款 / clause"),
        ),
    ),
    "fct_delivery": (
        "应报或已报的每个槽位一行 / one row per slot expected or delivered",
        (
            ("supplier_id", "varchar", "供数单位 / supplier"),
            ("supplier_name", "varchar", "名称 / name"),
            ("covered_codes", "varchar", "管辖范围 / code prefixes covered"),
            ("dataset", "varchar", "数据集 / dataset"),
            ("period", "date", "月份 / month"),
            ("due_date", "date", "应报日 / due"),
            ("received_at", "timestamp", "收到 UTC / received, UTC"),
            ("delivery_status", "varchar", "on_time, late, missing, not_due, refused"),
            ("is_correction_refused", "boolean", "更正件被拒收 / a correction was refused"),
            ("versions", "integer", "版本数 / versions"),
            ("rows_read", "bigint", "读取行 / rows read"),
            ("rows_accepted", "bigint", "采用行 / accepted"),
            ("rows_quarantined", "bigint", "隔离行 / quarantined"),
            ("rows_duplicate", "bigint", "重复行 / duplicate"),
            ("rows_skipped", "bigint", "跳过行 / skipped"),
            ("refusal_zh", "varchar", "拒收原因 / why refused, Chinese"),
            ("refusal_en", "varchar", "拒收原因 / why refused, English"),
        ),
    ),
    "fct_quality": (
        "每条规则×批次一行 / one row per rule, dataset, month and supplier",
        (
            ("dataset", "varchar", "数据集 / dataset"),
            ("period", "date", "月份 / month"),
            ("supplier_id", "varchar", "供数单位 / supplier"),
            ("rule_id", "varchar", "规则 / rule"),
            ("rule_version", "integer", "规则版本 / version"),
            ("severity", "varchar", "error, warning, duplicate"),
            ("description_zh", "varchar", "说明 / description in Chinese"),
            ("description_en", "varchar", "说明 / description in English"),
            ("rows_checked", "bigint", "检查行 / rows checked"),
            ("rows_failed", "bigint", "不合格行 / rows that failed"),
        ),
    ),
}

Row = dict[str, object]


@dataclass(frozen=True)
class Kpi:
    """A KPI of the fixture with its one target."""

    kpi_id: str
    name_zh: str
    name_en: str
    kind: str
    basis: str
    unit: str
    owner: str
    datasets: tuple[str, ...]
    target_id: str
    pack: str
    operator: str
    target: Decimal
    clause: str
    decimals: int = 1
    tolerance: Decimal = Decimal(0)
    class_scope: str = "*"


KPIS = (
    Kpi(
        "temporary_resident_registration_rate", "暂住人口登记率", "Temporary residents registered",
        "rate", "stock", "percent", "police", ("grid_residents", "police_residence_registrations"),
        "D3-TRR", "D3", ">=", Decimal(95), "§4", tolerance=Decimal("0.5"),
    ),
    Kpi(
        "dispute_handling_rate", "民事纠纷调处率", "Civil disputes handled",
        "rate", "flow", "percent", "grid_management", ("grid_disputes",),
        "D3-DHR", "D3", "=", Decimal(100), "§5",
    ),
    Kpi(
        "dispute_mediation_success_rate", "调解成功率", "Mediations that succeeded",
        "rate", "flow", "percent", "grid_management", ("grid_disputes",),
        "D3-DMS", "D3", ">=", Decimal(95), "§5",
    ),
    Kpi(
        "facility_area_per_100_households", "每百户综合服务设施面积", "Service area per 100 households",
        "ratio", "stock", "m2_per_100_households", "civil_affairs", ("civil_facilities", "grid_grids"),
        "C-FAH", "C", ">=", Decimal(30), "2.4", class_scope="urban",
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
        return {"county": None, "street": self.code[:6], "community": self.code[:9]}[self.level]


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
    edition_id: str = "2026-07-15-001"
    names: dict[str, str] = field(default_factory=dict)


def _small_cell(unit: Unit, kpi: Kpi, month: date) -> Cell:
    """Every status stands somewhere in June 2026; the numbers are small enough to check by hand."""
    place = (unit.name, kpi.target_id)
    latest = month == MONTHS[-1]
    if kpi.target_id == "D3-TRR":
        if place[0] == "南关社区居委会":
            return Cell(Decimal(188 - month.month), Decimal(202))
        if place[0] == "解放路社区居委会":
            return Cell(Decimal(188), Decimal(197), doubt=6)
        if place[0] == "东关社区居委会" and latest:
            return Cell(Decimal(113), Decimal(119))
        return Cell(Decimal(97), Decimal(100))
    if kpi.target_id == "D3-DHR":
        if place[0] == "东关村委会" and latest:
            return Cell(Decimal(0), Decimal(0))
        if place[0] == "桐堤村委会" and month.month >= 5:
            return Cell(Decimal(11), Decimal(12))
        return Cell(Decimal(12), Decimal(12))
    if kpi.target_id == "D3-DMS":
        if place[0] == "姚苌村委会" and latest:
            return Cell(Decimal(0), Decimal(8))
        if place[0] == "桐堤村委会" and month.month == 5:
            return Cell(Decimal(9), Decimal(11))
        return Cell(Decimal(12), Decimal(12))
    if place[0] == "桐树底居委会" and latest:
        return Cell(Decimal(0), Decimal(0), status="no_data", reporting=0)
    if place[0] == "南关社区居委会":
        return Cell(Decimal("236.50"), Decimal(860))
    return Cell(Decimal("390.00"), Decimal(1000))


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
        draw = random.Random(f"{seed}/{unit.code}/{kpi.target_id}")
        weak = draw.random() < 0.09
        size = draw.randint(24, 260)
        drift = random.Random(f"{seed}/{unit.code}/{kpi.target_id}/{month}")
        doubt = drift.choice((0, 0, 0, 0, 1, 2, 6)) if drift.random() < 0.35 else 0
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
        for name, (comment, columns) in TABLES.items():
            definition = ", ".join(f'"{column}" {kind}' for column, kind, _ in columns)
            connection.execute(f"create table {name} ({definition})")
            connection.execute(f"comment on table {name} is '{comment}'")
            for column, _, text in columns:
                connection.execute(f"comment on column {name}.\"{column}\" is '{text}'")
            names = [column for column, _, _ in columns]
            rows = [{column: row[column] for column in names} for row in tables[name]]
            if rows:
                connection.register("filled", pl.DataFrame(rows, infer_schema_length=None))
                connection.execute(f"insert into {name} select * from filled")
            connection.execute(f"copy {name} to '{folder / name}.parquet' (format parquet)")
    manifest = {"edition_id": shape.edition_id, "tables": {name: len(rows) for name, rows in tables.items()}}
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
        "dim_target": [_target_row(kpi) for kpi in KPIS],
        "fct_kpi": facts,
        "fct_flag": _flags(facts),
        "fct_delivery": _deliveries(shape),
        "fct_quality": _quality(shape),
    }


def _code_of(streets: dict[str, tuple[str, ...]], name: str) -> str:
    index = list(streets).index(name)
    return f"{COUNTY}{1 if index == 0 else 100 + index:03d}"


def _units(shape: Shape) -> list[Unit]:
    units = [Unit(COUNTY, shape.county_name, "county")]
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


def _sum(cells: list[Cell]) -> Cell:
    known = [cell for cell in cells if cell.status is None]
    if not known:
        return Cell(Decimal(0), Decimal(0), status="no_data", reporting=0, expected=2)
    return Cell(
        sum((cell.numerator for cell in known), Decimal(0)),
        sum((cell.denominator for cell in known), Decimal(0)),
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
                months = (
                    delivered if kpi.basis == "flow" else [m for m in (period.months[-1],) if m in MONTHS]
                )
                parts = [
                    cells[other.code, kpi.kpi_id, m]
                    for other in inside
                    for m in months
                    if other.opened <= period.end
                ]
                rows.append(_fact(unit, period, kpi, _sum(parts)))
    return rows


def _fact(unit: Unit, period: Period, kpi: Kpi, cell: Cell) -> Row:
    row: Row = {
        "unit_key": unit.key, "unit_code": unit.code, "unit_level": unit.level,
        "period_type": period.kind, "period": period.first, "unit_basis": "as_was", "kpi_id": kpi.kpi_id,
        "scale": 100, "reporting_suppliers": cell.reporting, "expected_suppliers": cell.expected,
    }  # fmt: skip
    has_target = kpi.class_scope == "*" or unit.community_class in (None, kpi.class_scope)
    row["target_id"] = kpi.target_id if has_target else None
    if cell.status == "no_data":
        return (
            row
            | _measures(None)
            | {"status": "too_early" if not period.is_closed else "no_data", "certainty": None}
        )
    row |= _measures(cell)
    too_new = unit.opened > period.months[-1]
    if not period.is_closed or too_new:
        return row | {"status": "too_early", "certainty": None, "shortfall": None}
    if cell.denominator == 0:
        certainty = "undetermined" if cell.doubt else "confirmed"
        return row | {"status": "not_applicable", "certainty": certainty, "shortfall": None}
    if not has_target:
        return row | {"status": "no_target", "certainty": None, "shortfall": None}
    status = _status(kpi, cell)
    return row | {"status": status, "certainty": _certainty(kpi, cell), "shortfall": _shortfall(kpi, cell)}


def _measures(cell: Cell | None) -> Row:
    if cell is None:
        names = ("numerator", "denominator", "value", "low_numerator", "low_denominator", "high_numerator",
                 "high_denominator", "value_low", "value_high", "shortfall")  # fmt: skip
        return dict.fromkeys(names)
    low, high = (
        (cell.numerator, cell.denominator + cell.doubt),
        (cell.numerator + cell.doubt, cell.denominator + cell.doubt),
    )
    return {
        "numerator": cell.numerator, "denominator": cell.denominator,
        "value": _value(cell.numerator, cell.denominator),
        "low_numerator": low[0], "low_denominator": low[1], "high_numerator": high[0], "high_denominator": high[1],
        "value_low": _value(*low), "value_high": _value(*high), "shortfall": None,
    }  # fmt: skip


def _value(numerator: Decimal, denominator: Decimal) -> float | None:
    return float(numerator * 100 / denominator) if denominator else None


def _meets(kpi: Kpi, numerator: Decimal, denominator: Decimal) -> bool:
    reached, needed = numerator * 100, kpi.target * denominator
    return reached == needed if kpi.operator == "=" else reached >= needed


def _status(kpi: Kpi, cell: Cell) -> str:
    if _meets(kpi, cell.numerator, cell.denominator):
        return "met"
    gap = kpi.target * cell.denominator - cell.numerator * 100
    return "near" if gap <= kpi.tolerance * cell.denominator else "missed"


def _certainty(kpi: Kpi, cell: Cell) -> str:
    all_in = cell.denominator + cell.doubt
    ends = {_meets(kpi, cell.numerator, all_in), _meets(kpi, cell.numerator + cell.doubt, all_in)}
    return "confirmed" if ends == {_meets(kpi, cell.numerator, cell.denominator)} else "undetermined"


def _shortfall(kpi: Kpi, cell: Cell) -> Decimal:
    missing = kpi.target * cell.denominator / 100 - cell.numerator
    if missing <= 0:
        return Decimal(0)
    step = Decimal(1) if kpi.kind == "rate" else Decimal("0.01")
    return math.ceil(missing / step) * step


def _flags(facts: list[Row]) -> list[Row]:
    flags: list[Row] = []
    runs: dict[tuple[object, ...], list[Row]] = {}
    owners = {kpi.kpi_id: kpi for kpi in KPIS}
    for row in sorted(facts, key=lambda row: str(row["period"])):
        if row["status"] not in ("met", "near", "missed"):
            continue
        run = runs.setdefault((row["unit_key"], row["period_type"], row["kpi_id"], row["target_id"]), [])
        before = run[-1] if run else None
        if row["status"] == "met":
            movement = "recovered"
        elif before is None:
            movement = "new"
        else:
            movement = _movement(float(str(row["value"])), float(str(before["value"])))
        if row["status"] == "met" and before is None:
            continue
        since = (run or [row])[0]["period"]
        names = ("unit_key", "unit_code", "unit_level", "period_type", "period", "kpi_id", "target_id", "status",
                 "certainty", "shortfall")  # fmt: skip
        kpi = owners[str(row["kpi_id"])]
        flags.append({name: row[name] for name in names} | {
            "since_period": since, "judged_in_a_row": len(run) + 1, "movement": movement,
            "owner_agency": kpi.owner, "document": kpi.pack, "clause": kpi.clause,
        })  # fmt: skip
        if row["status"] == "met":
            run.clear()
        else:
            run.append(row)
    return flags


def _movement(value: float, before: float) -> str:
    if value == before:
        return "continuing"
    return "improving" if value > before else "worsening"


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
        "street_code": unit.code[:9] if unit.level != "county" else None, "class": unit.community_class,
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
        "kpi_id": kpi.kpi_id, "name_zh": kpi.name_zh, "name_en": kpi.name_en, "domain": "safety", "kind": kpi.kind,
        "basis": kpi.basis, "unit": kpi.unit, "scale": 100, "direction": "higher", "tolerance": kpi.tolerance,
        "decimals": kpi.decimals, "owner_agency": kpi.owner, "datasets": list(kpi.datasets),
        "formula_zh": f"{kpi.name_zh} = 分子 ÷ 分母 × 100", "formula_en": "numerator / denominator × 100",
        "clause": kpi.clause, "source_document": kpi.pack, "note": None,
    }  # fmt: skip


def _target_row(kpi: Kpi) -> Row:
    return {
        "target_id": kpi.target_id, "pack": kpi.pack, "kpi_id": kpi.kpi_id, "operator": kpi.operator,
        "value_1": kpi.target, "value_2": None, "unit": kpi.unit, "area_scope": "*", "class_scope": kpi.class_scope,
        "effective_from": None, "effective_to": None, "document": kpi.pack, "clause": kpi.clause,
        "strength": "stated", "text_zh": f"{kpi.name_zh}达到规定标准", "text_en": f"{kpi.name_en}: as the document sets",
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
                    "versions": 0 if missing else 1,
                    **dict(zip(("rows_read", "rows_accepted", "rows_quarantined", "rows_duplicate", "rows_skipped"),
                               counts, strict=True)),
                    "refusal_zh": "没有可识别的表头" if refused else None,
                    "refusal_en": "no header row was found" if refused else None,
                })  # fmt: skip
    return rows


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
