"""The units of an overview: which are shown, in which order, and how many at once. Pure functions over what stands where.

Does not belong here: what is said of a unit (`standing.py`), what a row looks like (`components.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dashboards.address import Address, Lang
from dashboards.records import Unit
from dashboards.standing import Pressing, Standing
from dashboards.summary import by_street
from dashboards.words import say

PROBLEMS = ("missed", "near", "undetermined", "no_data")
MOST = 420  # rows: more are slow to draw and read by nobody
NONE_MISSED = Pressing(0, 0.0, 0, 0, 0, 0)


@dataclass(frozen=True)
class Rows:
    """Units in the order of the page, under their streets or in one list; `beside`: what a list is sorted by, in words."""

    groups: Sequence[tuple[Unit | None, Sequence[Unit]]]
    beside: Mapping[str, str]
    total: int

    @property
    def keys(self) -> frozenset[str]:
        """Of the units that are shown."""
        return frozenset(unit.key for _, members in self.groups for unit in members)


def chosen(stand: Standing, show: str) -> list[str]:
    """The keys of the units that a reader asked for by their state."""
    if show == "all":
        return list(stand.stands)
    if show == "problems":
        return [key for key, state in stand.units.items() if state in PROBLEMS]
    return [key for key, states in stand.states.items() if show in states]


def rows(keys: Sequence[str], units: Mapping[str, Unit], pressing: Mapping[str, Pressing], address: Address) -> Rows:
    """By street and code, or in one list from the most to the least; of more than MOST the first."""
    present = [key for key in keys if key in units]
    if address.sort == "code":
        return Rows(_first(by_street(present, dict(units))), {}, len(present))
    found = {key: pressing.get(key, NONE_MISSED) for key in present}
    ordered = sorted(present, key=lambda key: (*(-number for number in _order(found[key], address.sort)), units[key].code))
    first = ordered[:MOST]
    beside = {key: _measure(found[key], address.sort, address.lang) for key in first}
    return Rows([(None, [units[key] for key in first])], beside, len(present))


def _first(groups: list[tuple[Unit | None, list[Unit]]]) -> list[tuple[Unit | None, list[Unit]]]:
    """As many streets as there is room for, the last one perhaps in part."""
    kept: list[tuple[Unit | None, list[Unit]]] = []
    room = MOST
    for street, members in groups:
        if room <= 0:
            break
        kept.append((street, members[:room]))
        room -= len(members)
    return kept


def _order(one: Pressing, sort: str) -> tuple[float, ...]:
    if sort == "shortfall":
        return (one.gap, one.missed)
    return (one.longest, one.lasting, one.missed) if sort == "persistence" else (one.worsening, one.new, one.missed)


def _measure(one: Pressing, sort: str, lang: Lang) -> str:
    """What a unit is sorted by: '合计缺 2.4 项', '最长 6 期，4 项满 3 期', '恶化 2，新出现 1'."""
    if not one.missed:
        return ""
    return say(
        f"sorted_{sort}", lang, gap=f"{one.gap:.1f}", missed=one.missed, longest=one.longest, lasting=one.lasting,
        worsening=one.worsening, new=one.new,
    )  # fmt: skip
