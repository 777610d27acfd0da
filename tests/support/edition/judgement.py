"""A small evaluator: status, certainty, chance and shortfall follow from the numbers of a cell."""

from __future__ import annotations

import math
from decimal import Decimal

from tests.support.edition.shapes import Cell, Goal, Kpi


def wilson(cell: Cell) -> tuple[float, float]:
    """Wilson's interval at 95 %, in percent."""
    z, n = 1.959963984540054, float(cell.denominator)
    p = float(cell.numerator) / n
    middle, spread = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return 100 * (middle - spread) / (1 + z * z / n), 100 * (middle + spread) / (1 + z * z / n)


def value_of(kpi: Kpi, numerator: Decimal, denominator: Decimal) -> float | None:
    return float(numerator * kpi.scale / denominator) if denominator else None


def _meets(kpi: Kpi, goal: Goal, numerator: Decimal, denominator: Decimal) -> bool:
    reached = numerator * kpi.scale
    is_low = goal.floor is not None and reached < goal.floor * denominator
    return not is_low and not (goal.ceiling is not None and reached > goal.ceiling * denominator)


def status_of(kpi: Kpi, goal: Goal, cell: Cell) -> str:
    if _meets(kpi, goal, cell.numerator, cell.denominator):
        return "met"
    gap = abs(goal.value * cell.denominator - cell.numerator * kpi.scale)
    return "near" if gap <= kpi.tolerance * cell.denominator else "missed"


def certainty_of(kpi: Kpi, goal: Goal, cell: Cell) -> str:
    all_in = cell.denominator + (0 if kpi.kind == "count" else cell.doubt)
    ends = {_meets(kpi, goal, cell.numerator, all_in), _meets(kpi, goal, cell.numerator + cell.doubt, all_in)}
    known = _meets(kpi, goal, cell.numerator, cell.denominator)
    return "confirmed" if ends == {known} else "undetermined"


def shortfall_of(kpi: Kpi, goal: Goal, cell: Cell) -> Decimal:
    if _meets(kpi, goal, cell.numerator, cell.denominator):
        return Decimal(0)
    missing = abs(goal.value * cell.denominator / kpi.scale - cell.numerator)
    step = Decimal("0.01") if kpi.kind == "ratio" else Decimal(1)
    return math.ceil(missing / step) * step


def failures_of(kpi: Kpi, goal: Goal, cell: Cell) -> int | None:
    return math.floor((100 - goal.value) * cell.denominator / 100) if kpi.kind == "rate" else None
