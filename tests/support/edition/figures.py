"""Figures: cells summed up for every unit and period, as units were and as they are now."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from tests.support.edition.dimensions import unit_named
from tests.support.edition.judgement import (
    certainty_of,
    failures_of,
    shortfall_of,
    status_of,
    value_of,
    wilson,
)
from tests.support.edition.kpis import KPIS
from tests.support.edition.shapes import (
    GIVER,
    MONTHS,
    MOVED_ON,
    TAKER,
    Cell,
    Goal,
    Kpi,
    Period,
    Row,
    Shape,
    Unit,
)

# What names the grid of a row can be placed in the units of today.
PLACED_BY_GRID = ("grid_residents", "grid_events", "grid_grids")


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


def figure_rows(shape: Shape, units: list[Unit], periods: list[Period]) -> list[Row]:
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
                if unit.level == "grid":
                    parts = [_of_grid(unit, cells[unit.code[:12], kpi.kpi_id, m]) for m in months]
                cell = _sum(parts, kpi)
                goals = _goals(unit, kpi) or (None,)
                rows += [_fact(unit, period, kpi, goal, cell) for goal in goals]
                if shape.is_moved and unit.name in (GIVER, TAKER) and period.end < MOVED_ON:
                    own = {name: cells[unit_named(units, name).code, kpi.kpi_id, months[-1]] for name in (GIVER, TAKER)}
                    rows += [_rebased(_fact(unit, period, kpi, goal, _today(unit, own)), kpi) for goal in goals]
    if shape.is_moved:
        _mark_breaks(rows)
    return rows


def _of_grid(unit: Unit, cell: Cell) -> Cell:
    """What of a community's cell lies in one of its grids."""
    if cell.status is not None:
        return cell
    sizes = [min(Decimal(12), cell.denominator), min(Decimal(8), max(Decimal(0), cell.denominator - 12))]
    passed = [min(sizes[0], cell.numerator), min(sizes[1], max(Decimal(0), cell.numerator - 12))]
    number = int(unit.code[-1])
    if number < 3:
        return Cell(passed[number - 1], sizes[number - 1])
    return Cell(cell.numerator - sum(passed), cell.denominator - sum(sizes), cell.doubt)


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
        # eight people, and the twelve without whom they could be told
        "is_withheld": unit.level == "grid" and unit.code[-1] < "3" and kpi.domain == "population",
        "is_basis_expired": bool(goal and goal.plan_end and goal.plan_end < period.end),
    }  # fmt: skip
    if cell.status == "no_data":
        return row | _measures(kpi, None) | {"status": "no_data" if period.is_closed else "too_early"}
    row |= _measures(kpi, None if row["is_withheld"] else cell)
    too_new = unit.opened > period.months[-1]
    if not period.is_closed or too_new:
        return row | {"status": "too_early"}
    if cell.denominator == 0:
        return row | {"status": "not_applicable", "certainty": "undetermined" if cell.doubt else "confirmed"}
    if goal is None:
        return row | {"status": "no_target"}
    return row | {
        "status": status_of(kpi, goal, cell), "certainty": certainty_of(kpi, goal, cell),
        **(
            {} if row["is_withheld"]
            else {"shortfall": shortfall_of(kpi, goal, cell), "failures_allowed": failures_of(kpi, goal, cell)}
        ),
    }  # fmt: skip


def _measures(kpi: Kpi, cell: Cell | None) -> Row:
    if cell is None:
        names = ("numerator", "denominator", "value", "low_numerator", "low_denominator", "high_numerator",
                 "high_denominator", "value_low", "value_high", "chance_low", "chance_high")  # fmt: skip
        return dict.fromkeys(names)
    more = 0 if kpi.kind == "count" else cell.doubt
    low, high = (cell.numerator, cell.denominator + more), (cell.numerator + cell.doubt, cell.denominator + more)
    chance = wilson(cell) if kpi.kind == "rate" and cell.denominator else (None, None)
    return {
        "numerator": cell.numerator, "denominator": cell.denominator,
        "value": value_of(kpi, cell.numerator, cell.denominator),
        "low_numerator": low[0], "low_denominator": low[1], "high_numerator": high[0], "high_denominator": high[1],
        "value_low": value_of(kpi, *low), "value_high": value_of(kpi, *high),
        "chance_low": chance[0], "chance_high": chance[1],
    }  # fmt: skip


def unplaced_rows(units: list[Unit]) -> list[Row]:
    giver = unit_named(units, GIVER)
    common = {"unit_key": giver.key, "unit_code": giver.code, "unit_level": "community", "dataset": "grid_disputes"}
    return [
        common | {"month": month, "rows_accepted": 2, "rows_quarantined": 1} for month in MONTHS if month < MOVED_ON
    ]  # fmt: skip
