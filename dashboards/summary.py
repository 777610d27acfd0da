"""What a leader is told first: counts and orders over what stands where. Pure functions from records to numbers.

Belongs here: counting and choosing. Queries stand in `facts.py` and `standing.py`, wording in `words.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from dashboards.records import STATES, Column, Figure, Kpi, Unit, listed_under
from dashboards.standing import Standing

NAMED = 3  # streets and units that the headline names
JUDGED_STATES = ("missed", "near", "undetermined", "met")

Table = dict[str, dict[Column, Figure]]


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
    most_missed: tuple[str, int] | None
    worst_streets: tuple[StreetCount, ...]
    worst_units: tuple[tuple[str, int], ...]
    is_judged: bool

    @property
    def tone(self) -> str:
        """Where every unit lacks some data but meets what is known, that is open, and not nothing."""
        how = tone(self.units)
        return "open" if how == "none" and self.is_judged else how


def tone(states: Counter[str]) -> str:
    """How a whole may be spoken of: bad, open, good or none.

    Good is only what is met without doubt or gap: no green light may rest on rows that are missing.
    """
    if states["missed"] or states["near"]:
        return "bad"
    if states["undetermined"] or (states["met"] and states["no_data"]):
        return "open"
    return "good" if states["met"] else "none"


def column_of(one: Figure, columns: list[Column]) -> list[Column]:
    """The columns a figure stands in: its pack's; every column of the KPI where no target applies."""
    pack = one.target.pack if one.target else None
    return [column for column in columns if column.kpi is one.kpi and (pack is None or pack in column.packs)]


def by_unit(
    figures: Iterable[tuple[Figure, list[str]]], columns: list[Column], only: frozenset[str] | None = None
) -> Table:
    """unit_key → column → figure; the worst one where a unit has several targets in a column. Of all units or some."""
    table: Table = {}
    for one, unit_keys in figures:
        places = column_of(one, columns)
        rank = STATES.index(one.state)
        for key in unit_keys if only is None else only.intersection(unit_keys):
            row = table.setdefault(key, {})
            for column in places:
                known = row.get(column)
                if known is None or rank < STATES.index(known.state):
                    row[column] = one
    return table


def overall(stand: Standing, units: dict[str, Unit]) -> Overall:
    """Counts of a whole level, with the KPI, the streets and the units that most misses concern."""
    states = stand.units
    missed = {kpi_id: counts["missed"] for kpi_id, counts in stand.kpis.items()}
    kpi_id = min(missed, key=lambda kpi_id: (-missed[kpi_id], kpi_id), default=None)
    by_misses = sorted(((stand.missed(key), key) for key in states), key=lambda pair: (-pair[0], pair[1]))
    return Overall(
        total=len(states),
        units=Counter(states.values()),
        most_missed=(kpi_id, missed[kpi_id]) if kpi_id is not None and missed[kpi_id] else None,
        worst_streets=_worst_streets(states, units),
        worst_units=tuple((key, count) for count, key in by_misses[:NAMED] if count),
        is_judged=any(stand.is_judged(kpi_id) for kpi_id in stand.kpis),
    )


def most_missed(stand: Standing, kpis: Iterable[Kpi]) -> tuple[Kpi, int] | None:
    """Of some KPIs the one that most units miss."""
    counted = [(stand.kpis[kpi.kpi_id]["missed"], kpi) for kpi in kpis if kpi.kpi_id in stand.kpis]
    count, kpi = max(counted, key=lambda pair: pair[0], default=(0, None))
    return (kpi, count) if kpi is not None and count else None


def shown_kpis(stand: Standing, kpis: Iterable[Kpi], *, is_closed: bool) -> tuple[list[Kpi], dict[str, list[Kpi]]]:
    """The KPIs that anybody is judged by (or will be, in a period still open), and the others by the reason why not."""
    shown: list[Kpi] = []
    others: dict[str, list[Kpi]] = {}
    for kpi in kpis:
        counts = stand.kpis.get(kpi.kpi_id)
        if counts is None:
            continue
        if any(counts[state] for state in JUDGED_STATES) or (counts["too_early"] and not is_closed):
            shown.append(kpi)
        else:
            reason = next(
                (state for state in ("no_data", "not_applicable", "no_target") if counts[state]), "too_early"
            )
            others.setdefault(reason, []).append(kpi)
    return shown, others


def by_street(keys: Iterable[str], units: dict[str, Unit]) -> list[tuple[Unit | None, list[Unit]]]:
    """Units under those they are listed under, both in the order of their codes; None where that is not known."""
    groups: dict[str, tuple[Unit | None, list[Unit]]] = {}
    for unit in sorted((units[key] for key in keys if key in units), key=lambda unit: unit.code):
        street = listed_under(unit, units)
        groups.setdefault(street.key if street else "", (street, []))[1].append(unit)
    return sorted(groups.values(), key=lambda group: group[1][0].code)


def _worst_streets(states: dict[str, str], units: dict[str, Unit]) -> tuple[StreetCount, ...]:
    totals: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    for key, state in states.items():
        street = listed_under(units[key], units) if key in units else None
        if street and street.level == "street":
            totals[street.key] += 1
            missed[street.key] += state == "missed"
    ranked = sorted(
        missed, key=lambda parent: (-missed[parent], -missed[parent] / totals[parent], units[parent].code)
    )
    return tuple(
        StreetCount(units[parent], totals[parent], missed[parent])
        for parent in ranked[:NAMED]
        if missed[parent]
    )
