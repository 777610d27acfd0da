"""What an overview looks at: an edition's figures of one period and level, within one domain and pack or over all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboards.address import Address, Lang
from dashboards.facts import Facts
from dashboards.records import Kpi, Period, Unit
from dashboards.scope import ALL, Scope
from dashboards.standing import Standing, pressing, standing
from dashboards.unit_rows import Rows, rows


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
    earlier: Standing | None = None

    @property
    def lang(self) -> Lang:
        return self.address.lang

    def kpis(self, domain: str) -> list[Kpi]:
        return [kpi for kpi in self.facts.kpis.values() if domain in (kpi.domain, ALL)]

    def rows(self, keys: Sequence[str]) -> Rows:
        """Some of the units, as the address sorts them."""
        needed = self.address.sort != "code"
        found = pressing(self.facts, self.period, self.address.level, self.scope) if needed else {}
        return rows(keys, self.units, found, self.address)


def look(facts: Facts, address: Address) -> View:
    """NoSuchPage where the edition does not have what is asked for."""
    period, scope = facts.period(address), facts.scope(address)
    before = facts.before(period)
    return View(
        facts, address, period, before, scope, standing(facts, period, address.level, scope),
        facts.units(period.end), standing(facts, before, address.level, scope) if before else None,
    )  # fmt: skip
