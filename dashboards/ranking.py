"""Units in the order of one KPI: places with ties, the places that doubt leaves open, and who cannot be placed and why.

Belongs here: ordering. Pure functions of judgements; wording stands in the pages.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dashboards.records import STATES, Judgement

UNPLACED = ("no_data", "too_early", "not_applicable")
INFINITE = float("inf")


@dataclass(frozen=True)
class Placed:
    """A unit with its place by accepted rows, how many share it, and the best and worst place that doubt allows."""

    one: Judgement
    place: int
    sharing: int
    best: int
    worst: int


@dataclass(frozen=True)
class Ranking:
    """Units with a value, the best first; and by state those that cannot be placed, by code."""

    placed: tuple[Placed, ...]
    left_out: dict[str, tuple[Judgement, ...]]


def rank(judgements: Iterable[Judgement], direction: str) -> Ranking:
    """Each unit once, by the worst of its targets; its value is the same against all of them."""
    units: dict[str, Judgement] = {}
    for one in judgements:
        known = units.get(one.unit_key)
        if known is None or STATES.index(one.state) < STATES.index(known.state):
            units[one.unit_key] = one
    with_value = [one for one in units.values() if one.value is not None and one.status not in UNPLACED]
    sign = 1.0 if direction == "lower" else -1.0  # what is smaller comes first
    spans = {one.unit_key: _span(one, sign) for one in with_value}
    firsts = sorted(spans[one.unit_key][0] for one in with_value)
    lasts = sorted(spans[one.unit_key][2] for one in with_value)
    values = sorted(spans[one.unit_key][1] for one in with_value)
    placed = [_placed(one, spans[one.unit_key], firsts, values, lasts) for one in with_value]
    left_out: dict[str, tuple[Judgement, ...]] = {}
    for one in sorted((one for one in units.values() if one.unit_key not in spans), key=lambda one: one.unit_code):
        left_out[one.state] = (*left_out.get(one.state, ()), one)
    return Ranking(tuple(sorted(placed, key=lambda one: (one.place, one.one.unit_code))), left_out)


def _span(one: Judgement, sign: float) -> tuple[float, float, float]:
    """The best, the present and the worst value, smaller being better; without limit where nothing bounds it."""
    low = -INFINITE if one.value_low is None else one.value_low
    high = INFINITE if one.value_high is None else one.value_high
    value = one.value if one.value is not None else INFINITE
    ends = sorted((sign * low, sign * high))
    return min(ends[0], sign * value), sign * value, max(ends[1], sign * value)


def _placed(
    one: Judgement, span: tuple[float, float, float], firsts: Sequence[float], values: Sequence[float],
    lasts: Sequence[float],
) -> Placed:  # fmt: skip
    best, value, worst = span
    before = bisect_left(values, value)
    surely_before = bisect_left(lasts, best)  # better even at their worst
    perhaps_before = bisect_left(firsts, worst) - (best < worst)  # better at their best, but not the unit itself
    return Placed(
        one, before + 1, bisect_right(values, value) - before, min(surely_before, before) + 1, max(perhaps_before, before) + 1
    )
