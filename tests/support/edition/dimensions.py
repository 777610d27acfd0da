"""Units, periods, KPIs, targets and the row about the edition itself."""

from __future__ import annotations

from datetime import date, datetime

from dashboards.format import short_name
from tests.support.edition.kpis import KPIS
from tests.support.edition.shapes import (
    AS_OF,
    COUNTY,
    GIVER,
    MONTHS,
    MOVED_ON,
    TAKER,
    Goal,
    Kpi,
    Period,
    Row,
    Shape,
    Unit,
)


def code_of(streets: dict[str, tuple[str, ...]], name: str) -> str:
    index = list(streets).index(name)
    return f"{COUNTY}{1 if index == 0 else 100 + index:03d}"


def all_units(shape: Shape) -> list[Unit]:
    above = [Unit("61", "陕西省", "province"), Unit("6106", "延安市", "city")] if shape.has_units_above else []
    units = [*above, Unit(COUNTY, shape.county_name, "county")]
    for street, communities in shape.streets.items():
        code = code_of(shape.streets, street)
        units.append(Unit(code, street, "street"))
        for number, name in enumerate(communities, start=1):
            opened = date(2026, 6, 15) if name in shape.new else date(2016, 1, 1)
            kind = "rural" if name in shape.rural else "urban"
            community = Unit(f"{code}{number if '居' in name else 199 + number:03d}", name, "community", kind, opened)
            units.append(community)
            if name in shape.divided:
                units += [
                    Unit(f"{community.code}-{grid:03d}", f"{short_name(name)}第{grid}网格", "grid", kind, opened)
                    for grid in (1, 2, 3)
                ]
    return units


def all_periods() -> list[Period]:
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


def unit_named(units: list[Unit], name: str) -> Unit:
    return next(unit for unit in units if unit.name == name)


def edition_row(shape: Shape) -> Row:
    return {
        "edition_id": shape.edition_id, "county_code": COUNTY, "county_name": shape.county_name,
        "is_sample": shape.is_sample, "as_of_date": AS_OF, "published_at": datetime(2026, 7, 15, 1, 30),
        "code_version": "0.1.0", "inputs_hash": "5f" * 32, "content_hash": "c0" * 32,
    }  # fmt: skip


def unit_row(unit: Unit, units: list[Unit]) -> Row:
    parent = next((other for other in units if other.code == unit.parent_code), None)
    return {
        "unit_key": unit.key, "unit_code": unit.code, "unit_name": unit.name, "unit_level": unit.level,
        "parent_unit_key": parent.key if parent else None, "parent_code": unit.parent_code,
        "street_code": unit.code[:9] if unit.level in ("street", "community", "grid") else None, "class": unit.community_class,
        "city_class": "other", "is_adjusted": False, "opened_date": unit.opened, "valid_from": unit.opened,
        "valid_to": None, "source": "fixture",
    }  # fmt: skip


def period_row(period: Period) -> Row:
    return {
        "period_type": period.kind, "period": period.first, "start_date": period.months[0], "end_date": period.end,
        "last_month": period.months[-1], "cutoff_date": period.cutoff, "is_closed": period.is_closed,
        "label_zh": period.label_zh, "label_en": period.label_en,
    }  # fmt: skip


def kpi_row(kpi: Kpi) -> Row:
    return {
        "kpi_id": kpi.kpi_id, "position": KPIS.index(kpi) + 1, "name_zh": kpi.name_zh, "name_en": kpi.name_en,
        "domain": kpi.domain, "kind": kpi.kind, "basis": kpi.basis, "unit": kpi.unit, "scale": kpi.scale, "direction": kpi.direction,
        "tolerance": kpi.tolerance, "decimals": kpi.decimals, "owner_agency": kpi.owner, "lever": "numerator",
        "levels": list(kpi.levels), "datasets": list(kpi.datasets), "formula_zh": f"{kpi.name_zh} = 分子 ÷ 分母 × {kpi.scale}",
        "formula_en": f"numerator / denominator × {kpi.scale}", "clause": None, "source_document": None, "note": None,
    }  # fmt: skip


def target_row(kpi: Kpi, goal: Goal) -> Row:
    return {
        "target_id": goal.target_id, "pack": goal.pack, "kpi_id": kpi.kpi_id, "operator": goal.operator,
        "value_1": goal.value, "value_2": goal.value_2, "binding": goal.binding, "unit": kpi.unit, "area_scope": "*",
        "class_scope": goal.class_scope, "city_class_scope": "*", "level_scope": goal.level_scope, "variant_scope": "*",
        "phase": None, "due_months": None, "effective_from": None, "effective_to": None, "plan_end": goal.plan_end, "document": goal.pack,
        "clause": goal.clause, "strength": "stated", "text_zh": f"{kpi.name_zh}达到规定标准",
        "text_en": f"{kpi.name_en}: as the document sets",
    }  # fmt: skip


def lineage_rows(units: list[Unit]) -> list[Row]:
    giver, taker = unit_named(units, GIVER), unit_named(units, TAKER)
    return [{
        "change_date": MOVED_ON, "change_kind": "part_moved", "unit_level": "community", "from_unit_key": giver.key,
        "from_code": giver.code, "to_unit_key": taker.key, "to_code": taker.code, "document_no": "洛民发〔2026〕3号",
        "moved_grids": [f"{giver.code}003"], "households_moved": 12, "source": "civil",
    }]  # fmt: skip
