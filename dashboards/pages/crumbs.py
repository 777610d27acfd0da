"""The way down to a unit, above its page and above a KPI's."""

from __future__ import annotations

from dashboards import html
from dashboards.address import Address
from dashboards.components import Attributes, labelled, link
from dashboards.html import Component
from dashboards.records import Unit
from dashboards.words import say

HERE: Attributes = {"aria-current": "page"}
OUTSIDE = ("province", "city")


def breadcrumb(unit: Unit, units: dict[str, Unit], address: Address) -> Component:
    """The way from the overview down to a unit; each step is the same page of the unit above."""
    above = _above(unit, units)
    steps = [link(say("overview", address.lang), address.to("overview"))]
    steps += [link(parent.name, address.to(unit_key=parent.key)) for parent in above]
    items = [html.Li(step) for step in steps]
    items.append(html.Li(html.Span(unit.name, **HERE)))
    return html.Nav(html.Ol(items), className="crumbs", **labelled(say("way_down", address.lang)))


def _above(unit: Unit, units: dict[str, Unit]) -> list[Unit]:
    """What a unit lies in, from the province down: up to the county by its tree, whose first it is, above it by code."""
    tree: list[Unit] = []
    parent = units.get(unit.parent_key) if unit.parent_key else None
    while parent is not None and parent not in tree:
        tree.insert(0, parent)
        parent = units.get(parent.parent_key) if parent.parent_key else None
    first = (tree or [unit])[0]
    outside = [other for other in units.values() if other.level in OUTSIDE and other is not first]
    return [*sorted((one for one in outside if first.code.startswith(one.code)), key=lambda one: len(one.code)), *tree]
