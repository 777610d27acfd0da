"""What rows add to a figure, and all figures that rows in doubt leave open: brute force that knows nothing of the SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Any, Literal

from pipelines.control_tables import COUNTY_PACK, TARGET_SCHEMA
from pipelines.settings import add_months, month_end
from tests.support.doubtful_rows import (
    COLUMNS,
    FEBRUARY,
    JANUARY,
    LAST_DAY,
    NOTHING,
    PLACES,
    STREETS,
    Cells,
    Outcome,
    Row,
)
from tests.support.judgements import Target
from tests.support.lake import COUNTY

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
