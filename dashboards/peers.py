"""How a unit stands among others of its level and class: its place as counts, and quartiles that are figures of units.

Belongs here: counting over peers. A peer without a value (no data, nothing to judge, too new) is not counted.
"""

from __future__ import annotations

from dataclasses import dataclass

from dashboards.facts import Facts
from dashboards.records import Bound, Period, Unit

QUARTILES = (0.25, 0.5, 0.75)


@dataclass(frozen=True)
class Peers:
    """Of all units of a class with a value, this one among them: how many are better, equal (without it), worse.

    The quartiles are what some unit has, so they are exact: a quarter, a half, three quarters of the units have
    this value or a lower one.
    """

    better: int
    equal: int
    worse: int
    lower_quartile: Bound
    median: Bound
    upper_quartile: Bound

    @property
    def total(self) -> int:
        return self.better + self.equal + self.worse + 1

    @property
    def place(self) -> int:
        """The best one is 1; equal units share a place."""
        return self.better + 1


def peers_of(facts: Facts, unit: Unit, period: Period) -> dict[str, Peers]:
    """By KPI, the place of a unit among those of its level and class; nothing of KPIs of which it has no value."""
    frame = facts.edition.frame(
        "with peers as (select distinct kpi_id, unit_key, value, numerator, denominator from fct_kpi"
        " where unit_basis = 'as_was' and period_type = ? and period = ? and unit_level = ? and value is not null"
        " and unit_key in (select unit_key from dim_unit where unit_level = ? and class is not distinct from ?"
        " and valid_from <= ? and (valid_to is null or valid_to > ?))),"
        " own as (select kpi_id, value as own_value from peers where unit_key = ?)"
        " select kpi_id, count(*) filter (case when direction = 'lower' then value < own_value else value > own_value end)"
        " as better, count(*) filter (value = own_value) - 1 as equal,"
        " count(*) filter (case when direction = 'lower' then value > own_value else value < own_value end) as worse,"
        " quantile_disc({'value': value, 'numerator': numerator, 'denominator': denominator},"
        f" {list(QUARTILES)}) as quartiles"
        " from peers inner join own using (kpi_id) inner join dim_kpi using (kpi_id) group by kpi_id order by kpi_id",
        (
            period.period_type, period.first, unit.level, unit.level, unit.community_class, period.end, period.end,
            unit.key,
        ),
    )  # fmt: skip
    found = {}
    for row in frame.iter_rows(named=True):
        low, middle, high = (Bound(one["numerator"], one["denominator"]) for one in row["quartiles"])
        found[row["kpi_id"]] = Peers(row["better"], row["equal"], row["worse"], low, middle, high)
    return found
