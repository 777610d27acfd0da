"""What a leader is told first: counts over judgements. Pure functions from rows to numbers.

Belongs here: counting. Wording stands in `words.py`, printing of single figures in `tell.py`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from dashboards.facts import STATES, Column, Flag, Judgement, Unit, worst

NAMED_STREETS = 3
LONG = 3  # judged periods in a row from which a miss counts as lasting


@dataclass(frozen=True)
class StreetCount:
    """A street (or the county) with its units and how many of them miss a target."""

    unit: Unit
    total: int
    missed: int


@dataclass(frozen=True)
class Overall:
    """How the units of one level stand: each unit counted once, in the worst state of its targets."""

    total: int
    units: Counter[str]
    most_missed: tuple[Column, int] | None
    worst_streets: tuple[StreetCount, ...]

    @property
    def tone(self) -> str:
        return tone(self.units)


def tone(states: Counter[str]) -> str:
    """How a whole may be spoken of: bad, open, good or none.

    Good is only what is met without doubt or gap: no green light may rest on rows that are missing.
    """
    if states["missed"] or states["near"]:
        return "bad"
    if states["undetermined"] or (states["met"] and states["no_data"]):
        return "open"
    return "good" if states["met"] else "none"


def column_of(one: Judgement, columns: list[Column]) -> list[Column]:
    """The columns a judgement stands in: its pack's; every column of the KPI where no target applies."""
    pack = one.target.pack if one.target else None
    return [column for column in columns if column.kpi == one.kpi and pack in (None, column.pack)]


def by_unit(judgements: list[Judgement], columns: list[Column]) -> dict[str, dict[Column, Judgement]]:
    """unit_key → column → judgement; the worst one where a pack sets several targets for a KPI."""
    table: dict[str, dict[Column, Judgement]] = {}
    for one in judgements:
        row = table.setdefault(one.unit_key, {})
        for column in column_of(one, columns):
            known = row.get(column)
            if known is None or _is_worse(one, known):
                row[column] = one
    return table


def count_states(table: dict[str, dict[Column, Judgement]], column: Column) -> Counter[str]:
    """How many units are in each state in one column."""
    return Counter(row[column].state for row in table.values() if column in row)


def overall(
    table: dict[str, dict[Column, Judgement]], columns: list[Column], units: dict[str, Unit]
) -> Overall:
    """Counts of a whole level, with the KPI and the street that most misses concern."""
    states = {key: worst([one.state for one in row.values()]) for key, row in table.items() if row}
    missed = {column: count_states(table, column)["missed"] for column in columns}
    column = max(columns, key=lambda column: missed[column], default=None)
    return Overall(
        total=len(states),
        units=Counter(states.values()),
        most_missed=(column, missed[column]) if column is not None and missed[column] else None,
        worst_streets=_worst_streets(states, units),
    )


def by_street(keys: list[str], units: dict[str, Unit]) -> list[tuple[Unit | None, list[Unit]]]:
    """Units under their parents, both in the order of their codes; None as parent where it is not known."""
    groups: dict[str | None, list[Unit]] = {}
    for key in keys:
        unit = units.get(key)
        if unit is not None:
            groups.setdefault(unit.parent_key, []).append(unit)
    listed = [(units.get(parent) if parent else None, members) for parent, members in groups.items()]
    return sorted(listed, key=lambda group: group[1][0].code)


def lasting(flags: list[Flag]) -> int:
    """How many confirmed misses have lasted for LONG judged periods or more."""
    return sum(1 for flag in flags if flag.in_a_row >= LONG and flag.judgement.state == "missed")


def _worst_streets(states: dict[str, str], units: dict[str, Unit]) -> tuple[StreetCount, ...]:
    totals: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    for key, state in states.items():
        parent = units[key].parent_key if key in units else None
        if parent in units and units[parent].level == "street":
            totals[parent] += 1
            missed[parent] += state == "missed"
    ranked = sorted(
        missed, key=lambda parent: (-missed[parent], -missed[parent] / totals[parent], units[parent].code)
    )
    return tuple(
        StreetCount(units[parent], totals[parent], missed[parent])
        for parent in ranked[:NAMED_STREETS]
        if missed[parent]
    )


def _is_worse(one: Judgement, other: Judgement) -> bool:
    return STATES.index(one.state) < STATES.index(other.state)
