"""Which deliveries do not go as they should: missing, late, corrected, repeated, refused.

Belongs here: when each file arrives and which slots get more than one file, or none.
Does not belong here: what the files hold.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from pipelines.county import County
from pipelines.sample.chance import stream
from pipelines.settings import SHANGHAI, add_months, month_start

# What happens in a slot beside, or instead of, one file that is on time and taken.
Incident = Literal["missing", "late", "corrected", "repeated", "header_missing", "too_many_bad_rows"]
Slot = tuple[str, str, date]  # supplier, dataset, first day of the month
USUAL_DAYS = (3, 5)
LATE_DAYS = 4  # after the cut-off
CORRECTION_DAY, SECOND_CORRECTION_DAY = 7, 8


@dataclass(frozen=True)
class Wish:
    """An incident to be planted: with which supplier of the dataset (by number) in which month (by number)."""

    incident: Incident
    dataset: str
    supplier: int
    month: int


# Suppliers and months are counted modulo what there is; of two wishes for one slot the first is granted.
WISHES = (
    Wish("missing", "grid_residents", 2, 2),
    Wish("missing", "grid_disputes", 4, 3),
    Wish("missing", "grid_grids", 6, 4),
    Wish("late", "grid_disputes", 1, 1),
    Wish("late", "grid_residents", 5, 1),
    Wish("corrected", "grid_residents", 3, 0),
    Wish("corrected", "civil_facilities", 0, 3),
    Wish("repeated", "police_residence_registrations", 0, 1),
    Wish("header_missing", "grid_grids", 0, 1),
    Wish("too_many_bad_rows", "grid_residents", 1, 0),
    Wish("missing", "grid_events", 3, 2),
    Wish("missing", "grid_duty", 5, 1),
    Wish("late", "civil_staff", 0, 2),
    Wish("corrected", "grid_events", 1, 1),
    Wish("corrected", "civil_organizations", 0, 3),
    Wish("repeated", "police_rooms", 0, 2),
)
# Later wishes would otherwise leave a county of one supplier without any delivery.
FEWEST_SUPPLIERS_TO_MISS = 2


@dataclass(frozen=True)
class Plan:
    """The slots of a sample in which something happens, and when each file arrives."""

    incidents: dict[Slot, Incident]
    cutoff_day: int
    seed: int

    def incident(self, supplier: str, dataset: str, month: date) -> Incident | None:
        return self.incidents.get((supplier, dataset, month))

    def missing(self, dataset: str, month: date) -> list[str]:
        """The suppliers that do not deliver the dataset for this month."""
        return [
            supplier
            for (supplier, name, day), incident in self.incidents.items()
            if incident == "missing" and (name, day) == (dataset, month)
        ]

    def arrival(self, supplier: str, dataset: str, month: date) -> datetime:
        """When the first file of a slot arrives."""
        following = add_months(month, 1)
        if self.incident(supplier, dataset, month) == "late":
            return _at(following + timedelta(days=self.cutoff_day - 1 + LATE_DAYS), 9, 0)
        chance = stream(self.seed, "arrival", supplier, dataset, month)
        day = int(chance.integers(USUAL_DAYS[0], USUAL_DAYS[1] + 1))
        return _at(following.replace(day=day), 9, int(chance.integers(0, 50)))

    def second_arrival(self, month: date) -> datetime:
        return _at(add_months(month, 1).replace(day=CORRECTION_DAY), 14, 30)

    def third_arrival(self, month: date) -> datetime:
        return _at(add_months(month, 1).replace(day=SECOND_CORRECTION_DAY), 10, 0)


def make_plan(county: County, first_month: str, months: int, seed: int) -> Plan:
    """The plan for a county's sample. Small samples get what fits them."""
    granted: dict[Slot, Incident] = {}
    for wish in WISHES:
        suppliers = sorted(suppliers_of(county, wish.dataset))
        is_possible = len(suppliers) >= (FEWEST_SUPPLIERS_TO_MISS if wish.incident == "missing" else 1)
        if is_possible:
            month = add_months(month_start(first_month), min(wish.month, months - 1))
            slot = (suppliers[wish.supplier % len(suppliers)], wish.dataset, month)
            granted.setdefault(slot, wish.incident)
    return Plan(granted, county.cutoff_day, seed)


def suppliers_of(county: County, dataset: str) -> Iterable[str]:
    """Who is expected to deliver a dataset."""
    return [
        supplier
        for expected in county.expected
        if expected.dataset == dataset
        for supplier in expected.suppliers
    ]


def _at(day: date, hour: int, minute: int) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=SHANGHAI)
