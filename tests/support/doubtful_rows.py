"""Rows of small communities, accepted and in doubt, as hypothesis draws them; of those in doubt, everything they may turn out to be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from itertools import product
from typing import Any

from hypothesis import strategies as st

from tests.support.judgements import MANY
from tests.support.lake import COUNTY

STREETS = [f"{COUNTY}{number:03}" for number in range(1, 7)]
PLACES = {street: [f"{street}{number:03}" for number in range(1, 9)] for street in STREETS}
JANUARY, FEBRUARY = date(2026, 1, 1), date(2026, 2, 1)

Cells = Mapping[str, Any]
Outcome = tuple[Fraction, Fraction]
NOTHING: Outcome = (Fraction(0), Fraction(0))


@dataclass(frozen=True)
class Column:
    """A cell that some measure asks for: values that are delivered, the rule that may doubt it, one that is none."""

    values: tuple[Any, ...]
    rule: str
    strange: Any = None
    is_nullable: bool = False
    # an unknown amount may be anything
    is_amount: bool = False

    @property
    def possible(self) -> tuple[Any, ...]:
        anything = (0, 1, MANY) if self.is_amount else ()
        return (*self.values, *anything, *([None] if self.is_nullable else []))


OLD, LAST_DAY, NEXT_DAY = date(2025, 5, 1), date(2026, 1, 31), date(2026, 2, 1)
BEGUN = (OLD, LAST_DAY, NEXT_DAY)
ENDED = (LAST_DAY, NEXT_DAY)
# the cut-off days of January and February, and the days after
MOMENTS = (datetime(2026, 1, 20, 9), datetime(2026, 2, 10, 23), datetime(2026, 2, 11, 0), datetime(2026, 3, 11, 9))

COLUMNS: dict[str, dict[str, Column]] = {
    "household_households": {
        "has_door_plate": Column((True, False), "readable"),
        "registered_date": Column(BEGUN, "readable"),
        "cancelled_date": Column(ENDED, "readable", is_nullable=True),
    },
    "police_rooms": {
        "opened_date": Column(BEGUN, "readable"),
        "closed_date": Column(ENDED, "readable", is_nullable=True),
    },
    "grid_patrols": {
        "patrols_due": Column((0, 1, 4, 7), "range", -1, is_amount=True),
        "patrols_done": Column((0, 2, 4, 9), "range", 10_001),
    },
    "civil_funding": {
        "year": Column((2025, 2026), "range", 1999),
        "budgeted_yuan": Column((Decimal("100.25"), Decimal("200"), Decimal("399.99")), "range", Decimal("-1"), is_amount=True),
        "disbursed_yuan": Column((Decimal("0"), Decimal("60.05"), Decimal("100.25")), "readable"),
    },
    "civil_facilities": {
        "kind": Column(("elderly_care", "elderly_care", "outdoor_fitness"), "known_value", "不明"),
        "floor_area_m2": Column((Decimal("12.34"), Decimal("30"), Decimal("0.01")), "range", Decimal("100000.01"), is_amount=True),
        "opened_date": Column(BEGUN, "readable"),
        "closed_date": Column(ENDED, "readable", is_nullable=True),
    },
    "civil_residential_areas": {
        "kind": Column(("commodity", "commodity", "villager_group", "old"), "known_value", "不明"),
        "accepted_date": Column((OLD, OLD, NEXT_DAY), "readable", is_nullable=True),
        "households": Column((60, 100), "range", 50_001, is_amount=True),
        "cleaners": Column((0, 2, 3), "range", -1, is_amount=True),
    },
    "civil_staff": {
        "post": Column(("secretary", "social_worker"), "known_value", "不明"),
        "secretary_is_director": Column((True, False), "readable"),
        "started_date": Column((OLD, NEXT_DAY), "readable"),
        "ended_date": Column(ENDED, "readable", is_nullable=True),
    },
    "grid_grids": {"kind": Column(("general", "police", "safety", "traffic", "environment_water", "market", "cleaning"), "known_value", "不明")},
    "grid_events": {
        "reported_at": Column((datetime(2026, 1, 5, 9), datetime(2026, 2, 3, 9)), "readable"),
        "verified_at": Column(MOMENTS, "readable", is_nullable=True),
        "verified_by_reporter": Column((True, False), "readable"),
        "failed_verifications": Column((0, 3, 4), "range", 101, is_nullable=True),
    },
}  # fmt: skip
# A rule on a cell that no measure here asks for: it puts a row in doubt and leaves all that matters trusted.
HARMLESS = {
    "household_households": "household_type.known_value", "police_rooms": "officers.range", "grid_patrols": "grid_exists",
    "civil_funding": "payer.known_value", "civil_facilities": "renovated_date.readable", "civil_residential_areas": "built_date.readable",
    "civil_staff": "team.known_value", "grid_grids": "households.range", "grid_events": "status.known_value",
}  # fmt: skip
# Ways not to say where a row belongs: codes that are none, with or without a rule that says so; the last one names a
# community, but a rule does not believe it.
NOWHERE = [(None, "community_code.required"), ("6106", "community_code.format"), ("999999999999", "community_code.exists"),
           (None, None), ("6106", None), ("999999999999", None), ("here", "outside_supplier_area")]  # fmt: skip


@dataclass(frozen=True)
class Row:
    """A delivered row, and what can be known of it: of every cell the values that it may have."""

    dataset: str
    street: str
    community: str | None
    is_accepted: bool
    cells: Mapping[str, tuple[Any, ...]]
    delivered: Mapping[str, Any]
    month: date = JANUARY
    key: str | None = None
    is_superseded: bool = False

    def worlds(self) -> Iterator[Cells]:
        """The row with every unknown cell filled in, in every way."""
        for values in product(*self.cells.values()):
            yield dict(zip(self.cells, values, strict=True))

    @property
    def known(self) -> Cells:
        """The cells of an accepted row."""
        return {name: values[0] for name, values in self.cells.items()}


@st.composite
def rows_of(draw: st.DrawFn, dataset: str, community: str, *, is_accepted: bool, is_placed: bool = True) -> Row:
    cells, delivered, verdicts = {}, {}, []
    for name, column in COLUMNS[dataset].items():
        if is_accepted:
            value = draw(st.sampled_from((*column.values, *([None] if column.is_nullable else []))))
            cells[name], delivered[name] = (value,), value
            continue
        way = draw(st.sampled_from(["known"] * 8 + ["empty", "doubted"] + (["strange"] if column.strange is not None else [])))
        value = draw(st.sampled_from(column.values))
        cells[name] = (value,) if way == "known" else column.possible
        delivered[name] = {"empty": None, "strange": column.strange}.get(way, value)
        if way == "doubted":
            verdicts.append((f"{name}.{column.rule}", "error"))
    code: str | None = community
    if not is_placed:
        code, rule = draw(st.sampled_from(NOWHERE))
        code = community if code == "here" else code
        verdicts += [(rule, "error")] if rule else []
    if not is_accepted and not verdicts:
        verdicts.append((HARMLESS[dataset], "error"))
    return Row(
        dataset, community[:9], community if is_placed else None, is_accepted, cells,
        {**delivered, "community_code": code, "verdicts": verdicts},
    )  # fmt: skip


@st.composite
def cases(draw: st.DrawFn, community: str) -> list[Row]:
    """The rows of one community: of every dataset some for certain and up to four in doubt, one of them perhaps nowhere."""
    found: list[Row] = []
    for dataset in COLUMNS:
        if dataset == "grid_events":
            found += draw(events_of(community))
            continue
        found += [draw(rows_of(dataset, community, is_accepted=True)) for _ in range(draw(st.integers(0, 3)))]
        found += [draw(rows_of(dataset, community, is_accepted=False)) for _ in range(draw(st.integers(0, 3)))]
        if draw(st.integers(0, 4)) == 0:
            found.append(draw(rows_of(dataset, community, is_accepted=False, is_placed=False)))
    return found


@st.composite
def events_of(draw: st.DrawFn, community: str) -> list[Row]:
    """Events of two months: accepted once or corrected a month later, revised in doubt there or elsewhere, or in doubt of
    their own."""
    found: list[Row] = []
    for number in range(draw(st.integers(0, 3))):
        key = f"{community}-{number}"
        versions = draw(st.sampled_from([[JANUARY], [FEBRUARY], [JANUARY, FEBRUARY]]))
        for month in versions:
            row = draw(rows_of("grid_events", community, is_accepted=True))
            found.append(event(row, month, key, is_superseded=month != versions[-1]))
        for _ in range(draw(st.sampled_from([0, 0, 1, 2]))):
            row = draw(rows_of("grid_events", community, is_accepted=False, is_placed=draw(st.integers(0, 3)) > 0))
            places = [*[community] * 4, *PLACES[row.street][:2]]
            month, place = draw(st.sampled_from(list(product((JANUARY, FEBRUARY), places))))
            found.append(event(moved(row, place), month, key))
    for number in range(draw(st.integers(0, 2))):
        row = draw(rows_of("grid_events", community, is_accepted=False, is_placed=draw(st.integers(0, 4)) > 0))
        found.append(event(row, draw(st.sampled_from([JANUARY, FEBRUARY])), draw(st.sampled_from([None, f"{community}-own-{number}"]))))
    return found


def moved(row: Row, community: str) -> Row:
    if row.community is None:
        return row
    return replace(row, community=community, delivered={**row.delivered, "community_code": community})


def event(row: Row, month: date, key: str | None, *, is_superseded: bool = False) -> Row:
    verdicts = [("key.corrected_later", "duplicate")] if is_superseded else row.delivered["verdicts"]
    delivered = {**row.delivered, "event_no": key, "verdicts": verdicts}
    return Row(row.dataset, row.street, row.community, row.is_accepted, row.cells, delivered, month, key, is_superseded)
