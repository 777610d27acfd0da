"""A figure's course as a small picture with a text: values joined by a line, a mark per state, the target dashed.

An SVG image, so that ninety of them cost a page next to nothing; what it shows stands in its text as well.
Belongs here: drawing. What the text says is given by the caller.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from dashboards import html
from dashboards.html import Component

WIDTH, HEIGHT, EDGE = 112, 30, 5
INKS = {"missed": "#b3261e", "near": "#b26a00", "undetermined": "#5b3f99", "met": "#1b7a43"}
OTHER, GOAL = "#52606d", "#1d4e89"


@dataclass(frozen=True)
class Point:
    """The value of a period (None where there is none), its state, and the first line of its target."""

    value: float | None
    state: str
    goal: float | None


def sparkline(points: Sequence[Point], told: str) -> Component:
    """The picture; `told` is what a screen reader says and hovering shows."""
    picture = quote(_svg(points), safe=" =/:")
    return html.Img(
        src=f"data:image/svg+xml,{picture}", alt=told, title=told, width=WIDTH, height=HEIGHT, className="spark"
    )


def _svg(points: Sequence[Point]) -> str:
    known = [level for point in points for level in (point.value, point.goal) if level is not None]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    low, high = (low - 1.0, high + 1.0) if low == high else (low, high)
    step = (WIDTH - 2 * EDGE) / max(len(points) - 1, 1)

    def y(level: float) -> float:
        return round(HEIGHT - EDGE - (level - low) / (high - low) * (HEIGHT - 2 * EDGE), 1)

    places = [(round(EDGE + place * step, 1), point) for place, point in enumerate(points)]
    drawn = [f"<polyline points='{goal}' stroke='{GOAL}' stroke-dasharray='3 2'/>"
             for goal in _runs([(x, y(point.goal)) if point.goal is not None else None for x, point in places])]  # fmt: skip
    drawn += [f"<polyline points='{run}' stroke='{OTHER}'/>"
              for run in _runs([(x, y(point.value)) if point.value is not None else None for x, point in places])]  # fmt: skip
    drawn += [_mark(x, y(point.value), point.state) for x, point in places if point.value is not None]
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {HEIGHT}' fill='none' stroke-width='1.4'>"
        f"{''.join(drawn)}</svg>"
    )


def _runs(places: Sequence[tuple[float, float] | None]) -> list[str]:
    """Points of lines, broken where a value is missing."""
    runs: list[list[str]] = [[]]
    for place in places:
        if place is None:
            runs.append([])
        else:
            runs[-1].append(f"{place[0]},{place[1]}")
    return [" ".join(run) for run in runs if len(run) > 1]


def _mark(x: float, y: float, state: str) -> str:
    """A cross for missed, an open ring for undetermined, a dot for the rest: told apart without colour."""
    ink = INKS.get(state, OTHER)
    if state == "missed":
        return f"<path d='M{x - 2.6},{y - 2.6}l5.2,5.2m0,-5.2l-5.2,5.2' stroke='{ink}' stroke-width='1.8'/>"
    fill = "#fff" if state == "undetermined" else ink
    return f"<circle cx='{x}' cy='{y}' r='2.4' fill='{fill}' stroke='{ink}'/>"
