"""What an overview looks at: an edition's figures of one period and level, within one domain and pack or over all."""

from __future__ import annotations

from dataclasses import dataclass

from dashboards.address import Address, Lang
from dashboards.facts import Facts, Scope
from dashboards.records import Kpi, Period, Unit
from dashboards.standing import Standing, standing


@dataclass(frozen=True)
class View:
    """The choice of a reader with what every part of the page needs of it."""

    facts: Facts
    address: Address
    period: Period
    before: Period | None
    scope: Scope
    stand: Standing
    units: dict[str, Unit]

    @property
    def lang(self) -> Lang:
        return self.address.lang

    def kpis(self, domain: str) -> list[Kpi]:
        return [kpi for kpi in self.facts.kpis.values() if kpi.domain == domain]


def look(facts: Facts, address: Address) -> View:
    """NoSuchPage where the edition does not have what is asked for."""
    period, scope = facts.period(address), facts.scope(address)
    return View(
        facts, address, period, facts.before(period), scope, standing(facts, period, address.level, scope),
        facts.units(period.end),
    )  # fmt: skip
