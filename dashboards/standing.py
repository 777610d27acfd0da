"""How many units stand how: counts over a whole level, made by DuckDB so that no page builds thousands of records for them.

Belongs here: counting queries and what they return. A unit is counted once, in the worst state of its targets;
a figure without a target counts as having none, whatever else is said of it, since nothing is asked of it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from dashboards.facts import Facts
from dashboards.records import STATES, Column, Period, Unit, worst
from dashboards.scope import BELOW, EVERYTHING, GAP, Scope

LONG = 3  # judged periods in a row from which a miss counts as lasting

_RANK = (
    f"list_position({list(STATES)!r}, case when target_id is null then 'no_target'"
    " when certainty = 'undetermined' then 'undetermined' else status end) - 1"
)
_FIGURES = "fct_kpi.unit_basis = 'as_was' and fct_kpi.period_type = ? and fct_kpi.unit_level = ?"


@dataclass(frozen=True)
class Stand:
    """A unit's worst state in a domain, and the KPIs that are in it."""

    state: str
    kpi_ids: tuple[str, ...]


@dataclass(frozen=True)
class Standing:
    """How the units of a level stand in one period, domain by domain."""

    stands: dict[str, dict[str, Stand]]
    kpis: dict[str, Counter[str]]
    states: dict[str, frozenset[str]]  # of each unit every state that any of its KPIs is in

    @cached_property
    def units(self) -> dict[str, str]:
        """The worst state of each unit over all domains."""
        return {key: worst(stand.state for stand in row.values()) for key, row in self.stands.items()}

    def counts(self, domain: str) -> Counter[str]:
        """How many units are in which worst state in one domain."""
        return Counter(row[domain].state for row in self.stands.values() if domain in row)

    def missed(self, unit_key: str) -> int:
        """How many KPIs a unit misses."""
        return sum(len(stand.kpi_ids) for stand in self.stands[unit_key].values() if stand.state == "missed")

    def figures(self, state: str) -> int:
        """How many units × KPIs are in a state."""
        return sum(counts[state] for counts in self.kpis.values())

    def is_judged(self, kpi_id: str) -> bool:
        return any(self.kpis[kpi_id][state] for state in ("missed", "near", "undetermined", "met"))


@dataclass(frozen=True)
class Movements:
    """Flags of a level: how many came, grew, lasted or ended since the judged period before."""

    missed: int
    near: int
    new: int
    worsening: int
    recovered: int
    lasting: int
    confirmed: int


@dataclass(frozen=True)
class Pressing:
    """What a unit misses for certain: how many targets, the sum of what is missing of each (0 to 1), for how many periods in
    a row at most, and how many have lasted, got worse, or are new."""

    missed: int
    gap: float
    longest: int
    lasting: int
    worsening: int
    new: int


def standing(facts: Facts, period: Period, level: str, scope: Scope = EVERYTHING, above: Unit | None = None) -> Standing:
    """All units of a level (below `above`, if given), each domain in its worst state; and each KPI's units by state."""
    key = ("standing", period, level, scope, above)
    return facts.edition.derived(key, lambda: _standing(facts, period, level, scope, above))


def _standing(facts: Facts, period: Period, level: str, scope: Scope, above: Unit | None) -> Standing:
    figures, parameters = _states(period, level, scope, above)
    frame = facts.edition.frame(
        f"with {figures} select unit_key, domain, rank, list(kpi_id order by kpi_id) as kpi_ids from states"
        " group by all order by unit_key, rank",
        parameters,
    )
    stands: dict[str, dict[str, Stand]] = {}
    kpis: dict[str, Counter[str]] = {}
    states: dict[str, set[str]] = {}
    for unit_key, domain, rank, kpi_ids in frame.iter_rows():
        state = STATES[rank]
        stands.setdefault(unit_key, {}).setdefault(domain, Stand(state, tuple(kpi_ids)))  # the worst comes first
        states.setdefault(unit_key, set()).add(state)
        for kpi_id in kpi_ids:
            kpis.setdefault(kpi_id, Counter())[state] += 1
    return Standing(stands, kpis, {key: frozenset(found) for key, found in states.items()})


def _states(
    period: Period, level: str, scope: Scope, above: Unit | None
) -> tuple[str, tuple[object, ...]]:
    """A CTE `states`: unit × domain × KPI with the rank of its worst state."""
    inside, more = scope.condition()
    below = ""
    parameters: tuple[object, ...] = (period.period_type, level, period.first, *more)
    if above is not None:
        below = BELOW
        parameters += (above.key, period.end, period.end)
    return (
        f"states as (select unit_key, domain, kpi_id, min({_RANK}) as rank from fct_kpi"
        f" inner join dim_kpi using (kpi_id) where {_FIGURES} and fct_kpi.period = ?{inside}{below} group by all)"
    ), parameters


def column_counts(facts: Facts, period: Period, level: str, scope: Scope) -> dict[tuple[str, str | None], Counter[str]]:
    """How many units are in which state, by KPI and pack; under no pack those to whom no target applies."""
    inside, more = scope.condition()
    frame = facts.edition.frame(
        "with ranks as (select kpi_id, pack, unit_key, min(list_position("
        f"{list(STATES)!r}, case when certainty = 'undetermined' and target_id is not null then 'undetermined'"
        " else status end) - 1) as rank from (select * from fct_kpi where unit_basis = 'as_was' and period_type = ?"
        f" and unit_level = ? and period = ?{inside}) left join (select target_id, pack from dim_target)"
        " using (target_id) group by all)"
        " select kpi_id, pack, rank, count(*) as units from ranks group by all",
        (period.period_type, level, period.first, *more),
    )
    counts: dict[tuple[str, str | None], Counter[str]] = {}
    for kpi_id, pack, rank, units in frame.iter_rows():
        counts.setdefault((kpi_id, pack), Counter())[STATES[rank]] = units
    return counts


def counts_of(column: Column, counts: dict[tuple[str, str | None], Counter[str]]) -> Counter[str]:
    """The counts of one column: its packs ask the same, so one stands for all; and those without a target."""
    judged = next((counts[column.kpi.kpi_id, pack] for pack in column.packs if (column.kpi.kpi_id, pack) in counts), Counter())
    return judged + counts.get((column.kpi.kpi_id, None), Counter())


def movements(facts: Facts, period: Period, level: str, scope: Scope = EVERYTHING) -> Movements:
    """What became of the targets of a level since the judged period before."""
    inside, more = scope.condition()
    frame = facts.edition.frame(
        "select count(*) filter (status = 'missed') as missed, count(*) filter (status = 'near') as near,"
        " count(*) filter (movement = 'new') as new, count(*) filter (movement = 'worsening') as worsening,"
        " count(*) filter (movement = 'recovered') as recovered,"
        f" count(*) filter (judged_in_a_row >= {LONG} and status = 'missed' and certainty = 'confirmed') as lasting,"
        " count(*) filter (status in ('missed', 'near') and certainty = 'confirmed') as confirmed"
        f" from fct_flag where period_type = ? and period = ? and unit_level = ?{inside}",
        (period.period_type, period.first, level, *more),
    )
    row = frame.row(0, named=True)
    return Movements(**{name: int(row[name]) for name in Movements.__dataclass_fields__})


def history(facts: Facts, period_type: str, level: str, above: Unit, scope: Scope) -> pl.DataFrame:
    """How many units below another are in each state: per period × domain × KPI × state, oldest period first.

    KPI '' stands for the domain as a whole, each unit in its worst state. A unit counts under the one that was above
    it at the end of the period.
    """
    inside, more = scope.condition()
    return facts.edition.frame(
        f"with states as (select fct_kpi.period, unit_key, domain, kpi_id, min({_RANK}) as rank from fct_kpi"
        " inner join dim_kpi using (kpi_id)"
        " inner join (select period_type, period, end_date from dim_period) using (period_type, period)"
        " inner join (select unit_key, parent_unit_key, valid_from, valid_to from dim_unit) as dim_unit using (unit_key)"
        f" where {_FIGURES} and parent_unit_key = ? and valid_from <= end_date"
        f" and (valid_to is null or valid_to > end_date){inside} group by all),"
        " wholes as (select period, unit_key, domain, '' as kpi_id, min(rank) as rank from states group by all)"
        " select period, domain, kpi_id, list_extract("
        f"{list(STATES)!r}, (rank + 1)::bigint) as state, count(*) as units"
        " from (from states union all from wholes) group by all order by period, state",
        (period_type, level, above.key, *more),
    )


def pressing(facts: Facts, period: Period, level: str, scope: Scope = EVERYTHING) -> dict[str, Pressing]:
    """By key, the units of a level that miss anything for certain."""
    inside, more = scope.condition()
    frame = facts.edition.frame(
        "with figures as (select unit_key, kpi_id, target_id, numerator, shortfall from fct_kpi where unit_basis = 'as_was'"
        f" and period_type = ? and period = ? and unit_level = ? and status = 'missed' and certainty = 'confirmed'{inside}),"
        " past as (select unit_key, kpi_id, target_id, judged_in_a_row, movement from fct_flag where period_type = ?"
        " and period = ?), asked as (select target_id, operator, value_1, value_2, binding from dim_target)"
        f" select unit_key, count(*) as missed, sum({GAP}) as gap, max(judged_in_a_row) as longest,"
        f" count(*) filter (judged_in_a_row >= {LONG}) as lasting, count(*) filter (movement = 'worsening') as worsening,"
        " count(*) filter (movement = 'new') as new from figures inner join past using (unit_key, kpi_id, target_id)"
        " inner join asked using (target_id) group by unit_key order by unit_key",
        (period.period_type, period.first, level, *more, period.period_type, period.first),
    )
    return {row.pop("unit_key"): Pressing(**row) for row in frame.iter_rows(named=True)}
