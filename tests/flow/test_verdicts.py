"""Bounds and certainty from rows to fct_kpi, against brute force over everything that the rows in doubt may turn out to be.

Forty-eight communities are forty-eight small cases, built by dbt at once. The brute force knows nothing of the SQL: of a
row in doubt it fills in every unknown cell with every value, asks what the row would then add, and tries all rows
together. Where a measure is defined wider than that (see `as_defined`), both are held against the figure: it must be
exactly what the definition says, and hold everything that can be.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from functools import partial
from itertools import product
from typing import Any, Literal

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pipelines.control_tables import COUNTY_PACK, TARGET_SCHEMA
from pipelines.settings import add_months, month_end
from tests.support.lake import COUNTY, Lake, Unit, run_dbt
from tests.unit.test_verdict_judgement import INPUT_TYPES, MANY, Target

STREETS = [f"{COUNTY}{number:03}" for number in range(1, 7)]
PLACES = {street: [f"{street}{number:03}" for number in range(1, 9)] for street in STREETS}
JANUARY, FEBRUARY = date(2026, 1, 1), date(2026, 2, 1)

Cells = Mapping[str, Any]
Outcome = tuple[Fraction, Fraction]
NOTHING: Outcome = (Fraction(0), Fraction(0))


# --- rows ------------------------------------------------------------------------------------------------------


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


# --- what a row adds to a figure -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kpi:
    """One KPI: what a row adds to (numerator, denominator) if all of it is known.

    as_defined: of a row in doubt, the outcomes that the measure's definition allows where these are more than what its
    worlds add: its passed amount counts as unknown, its amounts as independent of each other.
    """

    kpi_id: str
    scale: int
    adds: Mapping[str, Callable[[Cells], Outcome]]
    as_defined: Callable[[Outcome], Iterable[Outcome]] | None = None
    base: Outcome = NOTHING

    def outcomes(self, row: Row, *, is_definition: bool) -> set[Outcome]:
        """What a row in doubt may add; it may always turn out not to belong at all."""
        adds = self.adds[row.dataset]
        found = {adds(world) for world in row.worlds()}
        if is_definition and self.as_defined is not None:
            found = {wider for one in found for wider in self.as_defined(one)}
        return found | {NOTHING}


def in_force(begun: Any, ended: Any) -> bool:
    return bool(begun <= LAST_DAY and (ended is None or ended > LAST_DAY))


def fraction(numerator: Any, denominator: Any) -> Outcome:
    return Fraction(numerator), Fraction(denominator)


def of_households(row: Cells) -> Outcome:
    return fraction(int(row["has_door_plate"]), 1) if in_force(row["registered_date"], row["cancelled_date"]) else NOTHING


def of_police_rooms(row: Cells) -> Outcome:
    return fraction(int(in_force(row["opened_date"], row["closed_date"])), 0)


def of_patrols(row: Cells) -> Outcome:
    return fraction(min(row["patrols_done"], row["patrols_due"]), row["patrols_due"])


def of_budgets(row: Cells) -> Outcome:
    return fraction(row["budgeted_yuan"] if row["year"] == 2026 else 0, 0)


def of_disbursements(row: Cells) -> Outcome:
    return fraction(min(row["disbursed_yuan"], row["budgeted_yuan"]), row["budgeted_yuan"]) if row["year"] == 2026 else NOTHING


def of_elderly_care(row: Cells) -> Outcome:
    is_open = row["kind"] == "elderly_care" and in_force(row["opened_date"], row["closed_date"])
    return fraction(row["floor_area_m2"] if is_open else 0, 0)


def of_new_areas(row: Cells) -> Outcome:
    is_new = row["kind"] == "commodity" and row["accepted_date"] is not None and row["accepted_date"] <= LAST_DAY
    return fraction(0, row["households"] if is_new else 0)


def of_villager_groups(row: Cells) -> Outcome:
    return fraction(row["cleaners"], 1) if row["kind"] == "villager_group" else NOTHING


def any_part_passes(one: Outcome) -> Iterable[Outcome]:
    return [(Fraction(0), one[1]), (one[1], one[1])]


def either_alone(one: Outcome) -> Iterable[Outcome]:
    return [(one[0], Fraction(0)), (Fraction(0), one[1]), one]


ONE: Outcome = (Fraction(0), Fraction(1))
SUMS = [
    Kpi("door_plate_rate", 100, {"household_households": of_households}),
    Kpi("police_room_count", 1, {"police_rooms": of_police_rooms}, base=ONE),
    Kpi("patrol_frequency_rate", 100, {"grid_patrols": of_patrols}, any_part_passes),
    Kpi("annual_funding_yuan", 1, {"civil_funding": of_budgets}, base=ONE),
    Kpi("funding_disbursement_rate", 100, {"civil_funding": of_disbursements}, any_part_passes),
    Kpi("elderly_care_area_per_100_households", 100, {"civil_facilities": of_elderly_care, "civil_residential_areas": of_new_areas}),
    Kpi("village_group_cleaners", 1, {"civil_residential_areas": of_villager_groups}, either_alone),
]


def units_of(row: Row) -> set[str]:
    """The units that a row may count in: of one from nowhere all that its supplier covers."""
    places = PLACES[row.street] if row.community is None else [row.community]
    return {*places, row.street, COUNTY}


def combined(base: Outcome, parts: Iterable[set[Outcome]]) -> set[Outcome]:
    """All sums of one outcome of each part. Of very many only those on the convex hull: no other is an extreme."""
    found = {base}
    for part in parts:
        found = {(n + dn, d + dd) for n, d in found for dn, dd in part}
        if len(found) > 1000:
            found = hull(found)
    return found


def hull(points: set[Outcome]) -> set[Outcome]:
    """The corners of the smallest convex area that holds all points."""
    ordered = sorted(points)
    found: set[Outcome] = set()
    for line in (ordered, ordered[::-1]):
        chain: list[Outcome] = []
        for point in line:
            while len(chain) > 1 and turn(chain[-2], chain[-1], point) <= 0:
                chain.pop()
            chain.append(point)
        found.update(chain)
    return found


def turn(a: Outcome, b: Outcome, c: Outcome) -> Fraction:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


@dataclass(frozen=True)
class Expected:
    """What is counted for certain, and everything that can be: as defined, and as it can be in truth."""

    figure: Outcome
    outcomes: set[Outcome]
    in_truth: set[Outcome]


def expected_sum(kpi: Kpi, rows: Iterable[Row]) -> Expected:
    concerned = [row for row in rows if row.dataset in kpi.adds]
    certain = [kpi.adds[row.dataset](row.known) for row in concerned if row.is_accepted]
    figure = (kpi.base[0] + sum(n for n, _ in certain), kpi.base[1] + sum(d for _, d in certain))
    doubtful = [row for row in concerned if not row.is_accepted]
    defined, truth = (combined(figure, [kpi.outcomes(row, is_definition=is_definition) for row in doubtful]) for is_definition in (True, False))
    return Expected(figure, defined, truth)


# --- events ----------------------------------------------------------------------------------------------------

Measured = Literal["grid_event_closure_rate", "verification_by_reporter_rate", "repeat_verification_failures"]
EVENT_KPIS: list[Measured] = ["grid_event_closure_rate", "verification_by_reporter_rate", "repeat_verification_failures"]
EVENT_PERIODS = [("month", JANUARY), ("month", FEBRUARY), ("ytd", FEBRUARY)]


def cutoff(month: date) -> date:
    return add_months(month, 1).replace(day=10)


def belongs_to(row: Row, reported: datetime | None) -> date:
    """The month of its report; the delivered one where that is not known or had not come."""
    if reported is None or reported.date() > month_end(row.month):
        return row.month
    return reported.date().replace(day=1)


def does_count(kpi: Measured, row: Cells) -> bool:
    if kpi == "repeat_verification_failures":
        return row["failed_verifications"] is not None and row["failed_verifications"] > 3
    return kpi == "grid_event_closure_rate" or row["verified_at"] is not None


def does_pass(kpi: Measured, row: Cells) -> bool:
    return bool(row["verified_by_reporter"]) if kpi == "verification_by_reporter_rate" else row["verified_at"] is not None


def stands(kpi: Measured, row: Cells, end: date) -> Outcome:
    """What an event with these cells adds at the cut-off day `end`."""
    if not does_count(kpi, row):
        return NOTHING
    if kpi == "repeat_verification_failures":
        return fraction(1, 0)
    is_verified = row["verified_at"] is not None and row["verified_at"].date() <= end
    if kpi == "verification_by_reporter_rate" and not is_verified:
        return NOTHING
    return fraction(int(is_verified and does_pass(kpi, row)), 1)


def expected_event(kpi: Measured, unit: str, rows: Sequence[Row], months: tuple[date, date]) -> Expected:
    """An event as it stands at the cut-off. `rows` are all of the county, as a revision may stand elsewhere.

    As defined, a listing that counts and has a revision in doubt may be gone or anything; a refused one is a case of its
    own where its event does not count yet, and in counts always. In truth an event is what one of its listings says.
    """
    end, is_count = cutoff(months[1]), kpi == "repeat_verification_failures"
    current = {row.key: row for row in rows if row.is_accepted and not row.is_superseded}
    # a later accepted listing counts, whatever an earlier one was to say
    refused = [row for row in rows if not row.is_accepted and (row.key not in current or row.month >= current[row.key].month)]
    doubted = {row.key for row in refused}

    def month_of(row: Row) -> date:
        reported = row.cells["reported_at"]
        return belongs_to(row, reported[0] if len(reported) == 1 else None)

    def is_here(row: Row) -> bool:
        return unit in units_of(row) and months[0] <= month_of(row) <= months[1]

    figure = ONE if is_count else NOTHING
    defined: list[set[Outcome]] = []
    truth: dict[Any, set[Outcome]] = {}
    for key, row in current.items():
        one = stands(kpi, row.known, end) if is_here(row) else NOTHING
        figure = (figure[0] + one[0], figure[1] + one[1])
        truth[key] = {one}
        if key in doubted and does_count(kpi, row.known) and is_here(row):
            anything = [NOTHING, fraction(1, 0)] if is_count else [NOTHING, fraction(0, 1), fraction(1, 1)]
            defined.append({(n - one[0], d - one[1]) for n, d in anything})
    for number, row in enumerate(refused):
        ways = {stands(kpi, world, end) for world in row.worlds()} if is_here(row) else {NOTHING}
        listed = current.get(row.key)
        counts_there = (
            listed is not None and does_count(kpi, listed.known)
            and (listed.community, month_of(listed)) == (row.community, month_of(row))
        )  # fmt: skip
        if is_count or not counts_there:
            defined.append({NOTHING} | ways)
        # one without a place may lie outside of a community; without a listing that counts it may be nothing at all
        perhaps = {NOTHING} if listed is None or (row.community is None and len(unit) == len(PLACES[row.street][0])) else set()
        truth.setdefault(row.key or number, set()).update(ways | perhaps)
    outcomes = combined(figure, defined)
    return Expected(figure, outcomes, combined(ONE if is_count else NOTHING, truth.values()))


# --- places ----------------------------------------------------------------------------------------------------

KINDS = COLUMNS["grid_grids"]["kind"].values[1:]


def is_secretary_and_director(row: Cells) -> bool:
    return bool(row["post"] == "secretary" and row["secretary_is_director"] and in_force(row["started_date"], row["ended_date"]))


def is_grid_of(kind: str, row: Cells) -> bool:
    return bool(row["kind"] == kind)


PLACE_KPIS: dict[str, tuple[str, tuple[Callable[[Cells], bool], ...]]] = {
    "one_shoulder_rate": ("civil_staff", (is_secretary_and_director,)),
    "specialised_grid_coverage": ("grid_grids", tuple(partial(is_grid_of, kind) for kind in KINDS)),
}


def expected_places(kpi_id: str, unit: str, rows: Iterable[Row]) -> Expected:
    """In how many communities of the unit there is something of each sort.

    As defined, a row from nowhere is one community more, up to all of the unit; a grid of an unknown kind is one of each.
    In truth it is one of its supplier's, perhaps one that has it already, and of one kind.
    """
    dataset, sorts = PLACE_KPIS[kpi_id]
    within = [place for street in STREETS for place in communities_in(unit, street)]
    concerned = [row for row in rows if row.dataset == dataset]
    certain, most, reachable = 0, 0, {0}
    for has in sorts:
        known = {row.community for row in concerned if row.is_accepted and has(row.known)}
        doubtful = [row for row in concerned if not row.is_accepted and any(has(world) for world in row.worlds())]
        placed = {row.community for row in doubtful if row.community} - known
        nowhere = sum(row.community is None for row in doubtful)
        certain += len(known)
        most += min(len(known) + len(placed) + nowhere, len(within))
        for street in STREETS:
            sizes = sizes_in(communities_in(unit, street), known, [row for row in doubtful if row.street == street])
            reachable = {before + size for before in reachable for size in sizes}
    total = len(within) * len(sorts)
    if len(sorts) > 1 and len(within) == 1:
        kinds = {frozenset(row.known["kind"] for row in concerned if row.is_accepted and row.known["kind"] in KINDS)}
        for row in concerned:
            if not row.is_accepted:
                kinds |= {found | {kind} for found in kinds for kind in row.cells["kind"] if kind in KINDS}
        reachable = {len(found) for found in kinds}
    defined = {fraction(number, total) for number in range(certain, most + 1)}
    return Expected(fraction(certain, total), defined, {fraction(number, total) for number in reachable})


def sizes_in(within: Sequence[str], known: set[str | None], doubtful: Iterable[Row]) -> set[int]:
    """How many of a street's communities may have something: every row in doubt in one of those it may be in."""
    reachable = {frozenset(known & set(within))}
    for row in doubtful:
        places = within if row.community is None else [row.community]
        reachable |= {found | {place} for found in reachable for place in places}
    return {len(found) for found in reachable}


def communities_in(unit: str, street: str) -> list[str]:
    """The communities of a street that the unit holds."""
    return [place for place in PLACES[street] if place.startswith(unit)]


# --- targets ---------------------------------------------------------------------------------------------------

PERCENT = [
    Target(">=", Fraction(95)), Target(">=", Fraction(50)), Target("<=", Fraction(40)), Target("=", Fraction(100)),
    Target("=", Fraction(0)), Target("<=", Fraction(0)), Target("range", Fraction(30), Fraction(70)),
    Target("range", Fraction("33.3333"), Fraction(60), "both"), Target("range", Fraction(30), Fraction(70), "lower"),
    Target("range", Fraction(30), Fraction(70), "upper"),
]  # fmt: skip
NUMBERS = [
    Target(">=", Fraction(2)), Target("<=", Fraction(1)), Target("=", Fraction(0)), Target("=", Fraction(2)),
    Target(">=", Fraction(0)), Target("range", Fraction(1), Fraction(3)), Target("range", Fraction(2), Fraction(3), "lower"),
    Target("range", Fraction(1), Fraction(2), "upper"),
]  # fmt: skip
MONEY = [
    Target(">=", Fraction(500)), Target("<=", Fraction("300.25")), Target("=", Fraction(0)), Target("range", Fraction(100), Fraction(400)),
    Target("range", Fraction(100), Fraction(400), "lower"), Target("range", Fraction(100), Fraction(400), "upper"),
]  # fmt: skip
AREAS = [
    Target(">=", Fraction(30)), Target(">=", Fraction("12.34")), Target("<=", Fraction(20)), Target("=", Fraction(0)),
    Target("range", Fraction(20), Fraction(30)), Target("range", Fraction(20), Fraction(30), "lower"),
    Target("range", Fraction(20), Fraction(30), "upper"),
]  # fmt: skip
TARGETS: dict[str, tuple[str, list[Target]]] = {
    "door_plate_rate": ("percent", PERCENT), "police_room_count": ("rooms", NUMBERS), "patrol_frequency_rate": ("percent", PERCENT),
    "annual_funding_yuan": ("yuan", MONEY), "funding_disbursement_rate": ("percent", PERCENT),
    "elderly_care_area_per_100_households": ("m2_per_100_households", AREAS), "village_group_cleaners": ("cleaners_per_group", NUMBERS),
    "one_shoulder_rate": ("percent", PERCENT), "specialised_grid_coverage": ("percent", PERCENT),
    "grid_event_closure_rate": ("percent", PERCENT), "verification_by_reporter_rate": ("percent", PERCENT),
    "repeat_verification_failures": ("cases", NUMBERS),
}  # fmt: skip


# Targets of one KPI that are meant for different figures; those of January in the first street are the first two.
SCOPED = "property_management_rate"
SCOPES: dict[str, dict[str, Any]] = {
    "for all": {},
    "second step": {"phase": 2, "effective_from": date(2026, 1, 1), "effective_to": date(2026, 6, 29)},
    "first step": {"phase": 1, "effective_from": date(2025, 1, 1), "effective_to": date(2025, 12, 31)},
    "third step": {"phase": 3, "effective_from": date(2026, 6, 30)},
    "rural": {"class_scope": "rural"},
    "megacity": {"city_class_scope": "megacity_centre"},
    "streets": {"level_scope": "street"},
    "second street": {"area_scope": STREETS[1]},
    "variant": {"variant_scope": "new_built"},
    "expired": {"effective_to": date(2026, 1, 30)},
    "to come": {"effective_from": date(2026, 2, 1)},
    "pack not chosen": {"pack": "D4"},
}


def county_targets() -> Iterator[tuple[Any, ...]]:
    anywhere = dict.fromkeys(TARGET_SCHEMA) | {
        "pack": COUNTY_PACK, "area_scope": "*", "class_scope": "*", "city_class_scope": "*", "level_scope": "*",
        "variant_scope": "*", "document": "县 / county", "clause": "—", "strength": "stated", "text_zh": "目标", "text_en": "target",
    }  # fmt: skip
    for kpi_id, (unit, found) in TARGETS.items():
        for number, target in enumerate(found):
            row = anywhere | {
                "target_id": f"{kpi_id}-{number}", "kpi_id": kpi_id, "operator": target.operator, "unit": unit,
                "value_1": decimal(target.value_1), "value_2": decimal(target.value_2), "binding": target.binding,
            }  # fmt: skip
            yield tuple(row.values())
    for name, scope in SCOPES.items():
        row = anywhere | {"target_id": name, "kpi_id": SCOPED, "operator": ">=", "unit": "percent", "value_1": Decimal(50)} | scope
        yield tuple(row.values())


def decimal(number: Fraction | None) -> Decimal | None:
    return None if number is None else Decimal(number.numerator) / Decimal(number.denominator)


# --- the build, and what is held against it --------------------------------------------------------------------


@dataclass
class Built:
    lake: Lake
    rows: list[Row]
    figures: dict[tuple[str, str, str, date], dict[int, dict[str, Any]]] = field(default_factory=dict)

    def of(self, unit: str) -> list[Row]:
        return [row for row in self.rows if unit in units_of(row)]


def collected() -> list[Row]:
    """The rows of every community, always the same."""
    places = [community for communities in PLACES.values() for community in communities]
    found: list[list[Row]] = []

    @settings(max_examples=len(places), phases=[Phase.generate], derandomize=True, database=None, deadline=None,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(st.data())
    def collect(data: st.DataObject) -> None:
        found.append(data.draw(cases(places[len(found)])))

    collect()
    assert len(found) == len(places)
    return [row for rows in found for row in rows]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    rows = collected()
    units = [Unit(COUNTY, "county"), *(Unit(street, "street", COUNTY) for street in STREETS)]
    units += [Unit(code, "community", street, "urban") for street, codes in PLACES.items() for code in codes]
    lake = Lake(
        tmp_path_factory.mktemp("verdicts"), months=("2026-01", "2026-02"), units=units, packs=[], county_targets=list(county_targets()),
        suppliers={f"of_{street}": [street] for street in STREETS}, expected={f"of_{street}": list(COLUMNS) for street in STREETS},
    )  # fmt: skip
    for street, dataset, month in product(STREETS, COLUMNS, (JANUARY, FEBRUARY)):
        delivered = [row.delivered for row in rows if (row.street, row.dataset, row.month) == (street, dataset, month)]
        lake.deliver(dataset, f"of_{street}", f"{month:%Y-%m}", delivered)
    lake.build()
    found = Built(lake, rows)
    with lake.connect() as connection:
        for figure in connection.sql(
            "select * from fct_kpi where period_type in ('month', 'ytd') and kpi_id = any(?)", params=[list(TARGETS)]
        ).pl().iter_rows(named=True):
            place = (figure["kpi_id"], figure["unit_code"], figure["period_type"], figure["period"])
            number = int(figure["target_id"].rpartition("-")[2]) if figure["target_id"] else -1
            found.figures.setdefault(place, {})[number] = figure
    return found


UNITS = [COUNTY, *STREETS, *(code for codes in PLACES.values() for code in codes)]


def close_to(number: float | None, expected: Fraction) -> bool:
    """Equal but for rounding; what only tends to its bound comes as near as anything can."""
    return number is not None and (number == pytest.approx(float(expected), rel=1e-12) or abs(Fraction(number) - expected) < Fraction(1, 10**6))


def held_against(expected: Expected, figures: dict[int, dict[str, Any]], kpi_id: str, scale: int) -> Counter[str]:
    """Compares the figure with every target; returns what was seen."""
    seen: Counter[str] = Counter()
    n, d = expected.figure
    if d == 0:
        (row,) = figures.values() if len(figures) == 1 else [figures[0]]
        is_open = any(other for _, other in expected.outcomes)
        assert (row["status"], row["certainty"]) == ("not_applicable", "undetermined" if is_open else "confirmed"), (row, expected)
        return Counter({f"not_applicable {row['certainty']}": 1})
    values, in_truth = ({one * scale / other for one, other in found if other} for found in (expected.outcomes, expected.in_truth))
    value, least, most = n * scale / d, min(values), max(values)
    for number, target in enumerate(TARGETS[kpi_id][1]):
        row = figures[number]
        assert (Fraction(row["numerator"]), Fraction(row["denominator"])) == expected.figure, (row, expected)
        assert close_to(row["value_low"], least), (row, least, expected)
        assert (row["value_high"] is None and most > 10**6) or close_to(row["value_high"], most), (row, most, expected)
        is_met = target.is_met_by(value)
        assert row["status"] == ("met" if is_met else "missed"), (row, target)
        is_open = any(target.is_met_by(other) != is_met for other in values)
        if target.has_two_ends and not is_met:
            # outcomes that jump over the target leave it undetermined: the extremes do not tell so
            is_open = most >= target.ends[0] and least <= target.ends[1]
        assert row["certainty"] == ("undetermined" if is_open else "confirmed"), (row, target, expected)
        if row["certainty"] == "confirmed":
            assert all(target.is_met_by(other) == is_met for other in in_truth), (row, target, expected)
        seen[f"{row['status']} {row['certainty']}"] += 1
    seen["wider"] += (least, most) != (min(in_truth), max(in_truth))
    assert least <= min(in_truth) and max(in_truth) <= most
    return seen


EVERYTHING = ("met confirmed", "met undetermined", "missed confirmed", "missed undetermined")


@pytest.mark.parametrize("kpi", SUMS, ids=lambda kpi: kpi.kpi_id)
def test_sums_of_rows_are_bounded_by_all_that_rows_in_doubt_may_be(built: Built, kpi: Kpi) -> None:
    seen: Counter[str] = Counter()
    for unit in UNITS:
        figures = built.figures[kpi.kpi_id, unit, "month", JANUARY]
        seen += held_against(expected_sum(kpi, built.of(unit)), figures, kpi.kpi_id, kpi.scale)
    assert all(seen[one] >= 5 for one in EVERYTHING), seen
    assert (seen["wider"] > 0) == (kpi.as_defined is not None)


@pytest.mark.parametrize("kpi_id", PLACE_KPIS)
def test_places_are_bounded_by_all_that_rows_in_doubt_may_be(built: Built, kpi_id: str) -> None:
    seen: Counter[str] = Counter()
    for unit in UNITS:
        figures = built.figures[kpi_id, unit, "month", JANUARY]
        seen += held_against(expected_places(kpi_id, unit, built.of(unit)), figures, kpi_id, 100)
    assert all(seen[one] >= 5 for one in EVERYTHING), seen
    if kpi_id == "specialised_grid_coverage":
        assert seen["wider"] > 0


@pytest.mark.parametrize("kpi_id", EVENT_KPIS)
def test_events_are_bounded_by_all_that_doubt_and_revisions_may_be(built: Built, kpi_id: Measured) -> None:
    events = [row for row in built.rows if row.dataset == "grid_events"]
    seen: Counter[str] = Counter()
    for unit, (period_type, month) in product(UNITS, EVENT_PERIODS):
        months = (JANUARY if period_type == "ytd" else month, month)
        expected = expected_event(kpi_id, unit, events, months)
        figures = built.figures.get((kpi_id, unit, period_type, month)) or {}
        seen += held_against(expected, figures, kpi_id, 1 if kpi_id == "repeat_verification_failures" else 100)
    assert all(seen[one] >= 5 for one in EVERYTHING), seen
    assert seen["wider"] > 0


def test_a_judgement_that_no_target_stands_behind_stops_the_build(built: Built) -> None:
    """The check of every build (dbt/tests/judgements_resolve.sql), on what was built and on what must never be."""
    outcome = run_dbt(built.lake.home, "compile", "--select", "judgements_resolve")
    assert outcome.exception is None, outcome.exception
    (check,) = [one.node.compiled_code for one in outcome.result.results if one.node.name == "judgements_resolve"]
    figure = f"kpi_id = '{SCOPED}' and unit_code = '{PLACES[STREETS[0]][0]}' and period_type = 'month' and period = '2026-01-01'"
    with duckdb.connect(str(built.lake.home.warehouse)) as connection:
        connection.execute(f"set file_search_path = '{built.lake.root}'")

        def found_after(change: str) -> set[str | None]:
            """The targets that the check complains of after a change, which is taken back."""
            connection.execute("begin")
            connection.execute(change)
            complaints = {target_id for *_, target_id in connection.execute(check).fetchall()}
            connection.execute("rollback")
            return complaints

        held = {one for (one,) in connection.execute(f"select target_id from fct_kpi where {figure}").fetchall()}
        assert held == {"for all", "second step"}
        assert connection.execute(check).fetchall() == []
        for target_id in SCOPES:
            copied = f"select * replace ('{target_id}' as target_id) from fct_kpi where {figure} and target_id = 'for all'"
            # held against another target, or against the same one twice
            assert found_after(f"insert into fct_kpi {copied}") == {target_id}
        for target_id in held:
            assert found_after(f"delete from fct_kpi where {figure} and target_id = '{target_id}'") == {target_id}
        assert found_after(f"update fct_kpi set target_id = null, status = 'met' where {figure} and target_id = 'for all'") == {"for all", None}
        assert found_after(f"update fct_kpi set status = 'no_target' where {figure} and target_id = 'for all'") == {"for all"}
        assert found_after(f"update fct_kpi set unit_code = '{PLACES[STREETS[0]][1]}' where {figure}") >= {"not in force"}


def test_the_view_of_inputs_has_the_types_that_judgements_are_proved_on(built: Built) -> None:
    types = {name: kind for name, kind, *_ in built.lake.rows("describe kpi_inputs")}
    assert {name: types[name] for name in INPUT_TYPES} == INPUT_TYPES
