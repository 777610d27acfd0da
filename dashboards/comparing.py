"""What the page of a KPI compares: the units of a level within another unit, in one KPI and period.

Belongs here: which units these are, and their ranking as rows of a file. How the page looks stands in `pages/kpi.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from dashboards import tell
from dashboards.address import Address
from dashboards.facts import AS_WAS, Facts
from dashboards.ranking import Placed, Ranking, rank
from dashboards.records import Judgement, Kpi, Period, Unit, listed_under
from dashboards.words import period_short, pick

PARTS = {"county": ("street", "community", "grid"), "street": ("community", "grid"), "community": ("grid",)}


@dataclass(frozen=True)
class Compared:
    """The units that are compared in a KPI: those of a level within another unit, in one period."""

    kpi: Kpi
    period: Period
    within: Unit
    level: str
    here: Unit
    units: dict[str, Unit]
    judgements: tuple[Judgement, ...]

    @cached_property
    def ranking(self) -> Ranking:
        return rank(self.judgements, self.kpi.direction)

    @property
    def is_ranked(self) -> bool:
        """Counts are only put in order: units differ in size."""
        return self.kpi.kind != "count"


def compare(facts: Facts, address: Address) -> Compared:
    """What the page of a KPI compares. NoSuchPage where the edition has no such KPI, unit or period.

    Of a unit its parts: of the county its streets, communities or grids, of a community its grids. Of one that has no
    parts with a figure those of the unit above it, itself among them.
    """
    kpi, period, scope = facts.kpi(address.kpi_id), facts.period(address), facts.scope(address)
    units = facts.units(period.end if address.unit_basis == AS_WAS else facts.edition.info.as_of_date)
    county = next(unit for unit in units.values() if unit.level == "county")
    here = facts.unit_of(units, address.unit_key) if address.unit_key else county
    within = here if _parts(here, kpi, units) else units.get(here.parent_key or "", county)
    within = within if within.level in PARTS else county
    levels = _parts(within, kpi, units)
    level = address.level if address.level in levels else next(iter(levels), "")
    found = facts.judgements_by(kpi, period, level, scope, address.unit_basis) if level else []
    inside = [one for one in found if one.unit_key in units and _is_inside(units[one.unit_key], within, units)]
    return Compared(kpi, period, within, level, here, units, tuple(inside))


def _parts(unit: Unit, kpi: Kpi, units: dict[str, Unit]) -> list[str]:
    """The levels of the units in another of which a KPI has figures."""
    levels = [level for level in PARTS.get(unit.level, ()) if level in kpi.levels]
    return [level for level in levels if any(one.level == level and _is_inside(one, unit, units) for one in units.values())]


def _is_inside(unit: Unit, above: Unit, units: dict[str, Unit]) -> bool:
    parent = units.get(unit.parent_key or "")
    while parent is not None and parent is not above:
        parent = units.get(parent.parent_key or "")
    return parent is above


def ranking_rows(facts: Facts, address: Address) -> tuple[Compared, list[dict[str, object]]]:
    """The ranking as rows of a file: placed units first, then those left out with their reason."""
    lang = address.lang
    compared = compare(facts, address)
    found: list[tuple[Placed | None, Judgement]] = [(one, one.one) for one in compared.ranking.placed]
    for left in compared.ranking.left_out.values():
        found += [(None, one) for one in left]
    rows: list[dict[str, object]] = []
    for placed, one in found:
        unit = compared.units[one.unit_key]
        parent = listed_under(unit, compared.units)
        rows.append(
            {
                "period": period_short(address.period_type, one.period),
                "kpi": pick(one.kpi.name, lang),
                "place": placed.place if placed and compared.is_ranked else None,
                "place_best": placed.best if placed and compared.is_ranked else None,
                "place_worst": placed.worst if placed and compared.is_ranked else None,
                "street": parent.name if parent and parent.level == "street" else "",
                "unit": unit.name,
                "unit_code": one.unit_code,
                "status": tell.status(one, lang),
                "value": tell.value(one, lang),
                "numerator": one.numerator,
                "denominator": one.denominator,
                "target": tell.target(one.target, one.kpi, lang),
                "clause": tell.clause(one.target, lang),
                "low": tell.low(one, lang),
                "high": tell.high(one, lang),
                "shortfall": one.shortfall,
            }
        )
    return compared, rows
