"""Places in an order of values that data in doubt may still move.

Belongs here: ranks of spans. Who is ranked by what stands in `chapters.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction

from dashboards.format import exact_value
from dashboards.records import Bound, Figure

Span = tuple[Fraction | float, Fraction | float]


def places(spans: Mapping[str, Span]) -> dict[str, tuple[int, int]]:
    """The best and the worst place that each may hold, the highest value first; equal values share a place.

    >>> places({"a": (90, 90), "b": (80, 95), "c": (70, 70)})
    {'a': (1, 2), 'b': (1, 2), 'c': (3, 3)}
    """
    return {
        name: (
            1 + sum(other_low > high for other_low, _ in spans.values()),
            1 + sum(other_high > low for other, (_, other_high) in spans.items() if other != name),
        )
        for name, (low, high) in spans.items()
    }


def place_text(place: tuple[int, int] | None) -> str:
    """'2', or '2–4' where data in doubt decide; '–' where nothing can be ranked."""
    if place is None:
        return "–"
    best, last = place
    return f"{best}" if best == last else f"{best}–{last}"


def span(one: Figure, *, is_lower_better: bool) -> Span | None:
    """The lowest and highest value of a figure, turned round where lower is better; None where it has no value."""
    if exact_value(one.numerator, one.denominator, one.kpi.scale) is None:
        return None
    low, high = _bound(one.low, one, Fraction(0)), _bound(one.high, one, math.inf)
    return (-high, -low) if is_lower_better else (low, high)


def _bound(bound: Bound, one: Figure, unbounded: Fraction | float) -> Fraction | float:
    exact = exact_value(bound.numerator, bound.denominator, one.kpi.scale)
    return unbounded if exact is None else exact
