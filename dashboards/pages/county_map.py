"""The map of the county: its units as polygons where it supplied them, else as tiles under their streets.

Each unit is a link with the colour, icon and word of its worst state and how many KPIs are in it. It is markup like the rest
of the page: nothing is fetched for it, it prints, and it can be walked through by keyboard.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from dashboards import html
from dashboards.components import UNREAD, labelled, legend, link
from dashboards.format import short_name
from dashboards.html import Component, element
from dashboards.pages import problem
from dashboards.pages.view import View
from dashboards.records import STATES, Unit
from dashboards.shapes import Shape, Shapes, ShapesInvalid, read_shapes
from dashboards.summary import by_street
from dashboards.unit_rows import MOST
from dashboards.words import STATES as LOOKS
from dashboards.words import say, state_word

NAMED_FROM = 74.0  # how wide a shape must be for its name to fit
HATCH, DOTS = "map-undetermined", "map-no_data"


def draw(view: View, keys: Sequence[str]) -> list[Component]:
    """The map of the units given, with what its colours mean and the way to the same as a table."""
    lang = view.lang
    states = view.stand.units
    present = {states[key] for key in keys}
    head = [
        legend([state for state in STATES if state in present], lang),
        html.P([say("map_help", lang), " ", link(say("map_as_table", lang), view.address.to(view="heatmap"))], className="help"),
    ]  # fmt: skip
    try:
        shapes = read_shapes(view.facts.edition.shapes)
    except ShapesInvalid as error:
        return [*head, problem.box(error, lang), *_tiles(view, keys)]
    if shapes is None:
        return [*head, html.P(say("map_schematic", lang), className="note"), *_tiles(view, keys)]
    drawn = [key for key in keys if view.units[key].code in shapes.by_code]
    missing = [key for key in keys if view.units[key].code not in shapes.by_code]
    if not drawn:
        return [*head, html.P(say("map_none_of_these", lang), className="note"), *_tiles(view, keys)]
    rest = [html.H3(say("map_without_shape", lang)), *_tiles(view, missing)] if missing else []
    return [*head, _picture(view, drawn, shapes), *rest]


def _picture(view: View, keys: Sequence[str], shapes: Shapes) -> Component:
    shown = {view.units[key].code for key in keys}
    others = [element("path", d=shape.path, className="beside") for code, shape in shapes.by_code.items() if code not in shown]
    pieces = [_shape(view, view.units[key], shapes.by_code[view.units[key].code]) for key in keys]
    picture = element(
        "svg", [_patterns(), *others, *pieces], viewBox=f"-4 -4 {shapes.width + 8:.0f} {shapes.height + 8:.0f}",
        role="group", className="county", **labelled(say("view_map", view.lang)),
    )  # fmt: skip
    return html.Div(picture, className="map")


def _shape(view: View, unit: Unit, shape: Shape) -> Component:
    state = view.stand.units[unit.key]
    x, y = shape.middle
    mark = f"{LOOKS[state].icon}{view.stand.missed(unit.key) or ''}"
    labels = [element("text", mark, x=f"{x:.1f}", y=f"{y:.1f}", className="sign", fill=LOOKS[state].ink, **UNREAD)]
    if shape.width >= NAMED_FROM:
        name = element("text", short_name(unit.name), x=f"{x:.1f}", y=f"{y + 14:.1f}", className="name", fill=LOOKS[state].ink, **UNREAD)  # fmt: skip
        labels.append(name)
    outline = element("path", d=shape.path, fill=_fill(state), className=f"m-{state}")
    told = _told(view, unit)
    return element("a", [element("title", told), outline, *labels], href=view.address.to("unit", unit_key=unit.key), **labelled(told))


def _patterns() -> Component:
    """What colour alone would not tell apart, hatched and dotted as everywhere."""
    hatch = [
        element("rect", width=8, height=8, fill=LOOKS["undetermined"].fill),
        element("path", d="M-2 2L2 -2M0 8L8 0M6 10L10 6", stroke="#8f7bc0", **{"stroke-width": 1.5}),
    ]
    dots = [
        element("rect", width=8, height=8, fill=LOOKS["no_data"].fill),
        element("circle", cx=4, cy=4, r=1, fill="#7b8794"),
    ]
    size: dict[str, Any] = {"width": 8, "height": 8, "patternUnits": "userSpaceOnUse"}
    return element("defs", [element("pattern", hatch, id=HATCH, **size), element("pattern", dots, id=DOTS, **size)])


def _fill(state: str) -> str:
    return {"undetermined": f"url(#{HATCH})", "no_data": f"url(#{DOTS})"}.get(state) or LOOKS[state].fill


def _tiles(view: View, keys: Sequence[str]) -> list[Component]:
    """A block per street, a tile per unit; of a very large county a tile per street."""
    groups = by_street(keys, view.units)
    if len(keys) > MOST:
        return [html.Ul([html.Li(_street_tile(view, street, members)) for street, members in groups if street], className="tiles")]
    blocks = [
        html.Section(
            [
                html.H3([link(street.name, view.address.to("unit", unit_key=street.key)), _count(view, members)]) if street else None,
                html.Ul([html.Li(_tile(view, unit)) for unit in members], className="tiles"),
            ],
            className="tile-block",
        )
        for street, members in groups
    ]  # fmt: skip
    return [html.Div(blocks, className="tile-map")]


def _tile(view: View, unit: Unit) -> Component:
    state = view.stand.units[unit.key]
    missed = view.stand.missed(unit.key)
    return link(
        [html.Span(f"{LOOKS[state].icon}{missed or ''}", className="icon"), html.Span(short_name(unit.name), className="tile-name")],
        view.address.to("unit", unit_key=unit.key), class_name=f"tile s-{state}", title=_told(view, unit),
        **labelled(_told(view, unit)),
    )  # fmt: skip


def _street_tile(view: View, street: Unit, members: Sequence[Unit]) -> Component:
    states = Counter(view.stand.units[unit.key] for unit in members)
    state = next(state for state in STATES if states[state])
    told = f"{street.name}: {state_word(state, view.lang)} {states[state]} / {len(members)}"
    return link(
        [html.Span(f"{LOOKS[state].icon} {states[state]}/{len(members)}", className="icon"), html.Span(street.name, className="tile-name")],
        view.address.to(street=street.key), class_name=f"tile s-{state}", title=told, **labelled(told),
    )  # fmt: skip


def _count(view: View, members: Sequence[Unit]) -> Component:
    missed = sum(1 for unit in members if view.stand.units[unit.key] == "missed")
    return html.Span(f"{LOOKS['missed'].icon} {missed} / {len(members)}", className="count")


def _told(view: View, unit: Unit) -> str:
    """'南关社区居委会：未达标 5 项'."""
    colon = "：" if view.lang == "zh" else ": "
    state, missed = view.stand.units[unit.key], view.stand.missed(unit.key)
    count = f" {say('map_missed', view.lang, count=missed)}" if missed else ""
    return f"{unit.name}{colon}{state_word(state, view.lang)}{count}"

