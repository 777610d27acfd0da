"""Any figure as it was and as it is now: a community split by grids across streets, another merged into its neighbour.

January is before both changes, February after the split, March after the merger. Every number is worked out by hand.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.support.lake import COUNTY, STREET_1, STREET_2, A, B, C, Lake, Unit

GRID_1, GRID_2 = f"grid_{STREET_1}", f"grid_{STREET_2}"
SPLIT, MERGED = date(2026, 2, 15), date(2026, 3, 1)
# A becomes A1, in its own street, and A2, in the other; D goes into C.
A1, A2, D = "610629001011", "610629100012", "610629100002"
UNITS = (
    Unit(COUNTY, "county"),
    Unit(STREET_1, "street", COUNTY),
    Unit(STREET_2, "street", COUNTY),
    Unit(A, "community", STREET_1, "urban", valid_to=SPLIT),
    Unit(A1, "community", STREET_1, "urban", opened=SPLIT),
    Unit(A2, "community", STREET_2, "urban", opened=SPLIT),
    Unit(B, "community", STREET_1, "urban"),
    Unit(C, "community", STREET_2, "rural"),
    Unit(D, "community", STREET_2, "rural", valid_to=MERGED),
)
KEYS = {unit.code: unit.key for unit in UNITS}
BAD_HOUSEHOLDS = ("households.range", "error")
TIED = ("person_in_two_places", "error")
UNKNOWN_COMMUNITY = ("community_code.exists", "error")


def change(day: date, kind: str, before: str, after: str, *grids: str) -> dict[str, Any]:
    return {
        "change_date": day, "change_kind": kind, "from_unit_key": KEYS[before], "from_code": before,
        "to_unit_key": KEYS[after], "to_code": after, "document_no": "文〔2026〕1号", "moved_grids": list(grids),
    }  # fmt: skip


CHANGES = (
    change(SPLIT, "split", A, A1, f"{A}-001", f"{A}-002"),
    change(SPLIT, "split", A, A2, f"{A}-003"),
    change(MERGED, "merged", D, C),
)


def grid(code: str, number: str, households: int | None, *verdicts: tuple[str, str]) -> dict[str, Any]:
    return {"grid_code": f"{code}-{number}", "community_code": code, "kind": "general", "households": households, "verdicts": verdicts}


def facility(number: str, community: str, area: int) -> dict[str, Any]:
    return {
        "facility_no": number, "community_code": community, "kind": "comprehensive_service", "floor_area_m2": Decimal(area),
        "opened_date": date(2020, 1, 1),
    }  # fmt: skip


def household(number: str, community: str | None, has_plate: bool, *verdicts: tuple[str, str]) -> dict[str, Any]:
    return {
        "household_no": number, "community_code": community, "has_door_plate": has_plate, "registered_date": date(2020, 1, 1),
        "verdicts": verdicts,
    }  # fmt: skip


def event(number: str, code: str, grid_number: str | None, closed: bool) -> dict[str, Any]:
    return {
        "event_no": number, "community_code": code, "grid_code": grid_number and f"{code}-{grid_number}",
        "reported_at": datetime(2026, 1, 5, 9), "verified_at": datetime(2026, 1, 8, 9) if closed else None,
    }  # fmt: skip


def resident(person: str, code: str, number: str, *verdicts: tuple[str, str]) -> dict[str, Any]:
    return {
        "person_id": person, "community_code": code, "grid_code": f"{code}-{number}", "residence_type": "temporary",
        "arrived_date": date(2025, 5, 1), "verdicts": verdicts,
    }  # fmt: skip


def room(number: str, community: str) -> dict[str, Any]:
    return {"room_no": number, "community_code": community, "opened_date": date(2020, 1, 1)}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = Lake(
        tmp_path_factory.mktemp("changed"), months=("2026-01", "2026-02", "2026-03"), units=UNITS, changes=CHANGES
    )
    lake.deliver("grid_grids", GRID_1, "2026-01", [
        grid(A, "001", 100), grid(A, "002", 50), grid(A, "003", 30), grid(A, "004", 7), grid(B, "001", 200),
    ])  # fmt: skip
    lake.deliver("grid_grids", GRID_2, "2026-01", [grid(C, "001", 80), grid(D, "001", 20, BAD_HOUSEHOLDS), grid(D, "002", 40)])
    after = {GRID_1: [grid(A1, "001", 150), grid(B, "001", 200)], GRID_2: [grid(A2, "001", 37), grid(C, "001", 80)]}
    for supplier_id, rows in after.items():
        lake.deliver("grid_grids", supplier_id, "2026-03", rows)
    after[GRID_2] += [grid(D, "002", 60)]
    for supplier_id, rows in after.items():
        lake.deliver("grid_grids", supplier_id, "2026-02", rows)
    lake.deliver("grid_events", GRID_1, "2026-01", [
        event("E1", A, "001", True), event("E2", A, "001", False), event("E3", A, "003", True), event("E4", A, None, True),
        event("E5", A, "004", False), event("E6", B, "001", True),
    ])  # fmt: skip
    lake.deliver("grid_residents", GRID_1, "2026-01", [
        resident("P1", A, "001"), resident("P2", A, "001"), resident("P3", A, "003"), resident("P4", A, "002", TIED),
        resident("P4", B, "001", TIED),
    ])  # fmt: skip
    lake.deliver("police_residence_registrations", "county_police", "2026-01", [
        {"person_id": person, "community_code": A, "registered_date": date(2025, 6, 1)} for person in ("P1", "P3")
    ])  # fmt: skip
    for month in lake.months:
        lake.deliver("civil_facilities", "county_civil", month, [
            facility("F1", A if month == "2026-01" else A1, 300), facility("F2", B, 100), facility("F3", C, 60),
            *([facility("F4", D, 90)] if month != "2026-03" else []),
        ])  # fmt: skip
        lake.deliver("police_rooms", "county_police", month, [
            room("R1", C), *([room("R2", D)] if month != "2026-03" else []),
        ])  # fmt: skip
    lake.deliver("household_households", "county_household", "2026-01", [
        household("H1", A, True), household("H2", A, False), household("H3", A, False), household("H4", B, True),
        household("H5", C, True), household("H6", D, False), household("H7", "610629999999", True, UNKNOWN_COMMUNITY),
    ])  # fmt: skip
    for month in lake.months:
        lake.deliver_empty(month)
    lake.build()
    return lake


def bounds(figure: dict[str, Any]) -> tuple[Decimal | None, ...]:
    names = ("numerator", "denominator", "low_numerator", "low_denominator", "high_numerator", "high_denominator")
    return tuple(figure[name] for name in names)


AREA = "facility_area_per_100_households"


def test_rows_of_a_split_community_are_placed_by_their_grid(lake: Lake) -> None:
    # E1 and E2 in A1, E3 in A2; E4 without a grid and E5 in a grid that nobody listed may be in either: one closed, one not
    assert bounds(lake.figure("grid_event_closure_rate", A1, basis="as_now")) == (1, 2, 1, 3, 2, 3)
    assert bounds(lake.figure("grid_event_closure_rate", A2, basis="as_now")) == (1, 1, 1, 2, 2, 2)
    assert lake.figure("grid_event_closure_rate", A1, basis="as_now")["comparability"] == "break"


def test_what_cannot_be_placed_counts_in_the_bounds_of_every_unit_it_may_belong_to(lake: Lake) -> None:
    # The facility of A says no grid: 300 m² in A1 or A2. Of its households 150 and 30 are placed, 7 of grid 004 are not.
    assert bounds(lake.figure(AREA, A1, basis="as_now")) == (0, 150, 0, 157, 300, 150)
    assert bounds(lake.figure(AREA, A2, basis="as_now")) == (0, 30, 0, 37, 300, 30)
    # of A one household has a door plate and two have none; one with a plate may be anywhere
    assert bounds(lake.figure("door_plate_rate", A1, basis="as_now")) == (0, 0, 0, 2, 2, 2)


def test_people_are_placed_by_their_grid_and_those_tied_between_places_by_both(lake: Lake) -> None:
    registration = "temporary_resident_registration_rate"
    # P1, registered, and P2; P4 lives here or in B
    assert bounds(lake.figure(registration, A1, basis="as_now")) == (1, 2, 1, 3, 1, 2)
    assert bounds(lake.figure(registration, A2, basis="as_now")) == (1, 1, 1, 1, 1, 1)
    # in the street P4 lives for certain, and P3 no more
    assert bounds(lake.figure(registration, STREET_1, basis="as_now")) == (1, 3, 1, 3, 1, 3)
    assert bounds(lake.figure(registration, STREET_1)) == (2, 4, 2, 4, 2, 4)
    assert lake.figure(registration, A1, basis="as_now")["comparability"] == "rebased"


def test_a_merged_community_brings_its_rows_whole(lake: Lake) -> None:
    merged = lake.figure(AREA, C, basis="as_now")
    assert bounds(merged) == (150, 120, 150, None, 150, 120)
    assert merged["comparability"] == "rebased"
    february = lake.figure(AREA, C, "2026-02", basis="as_now")
    assert bounds(february)[:2] == (150, 140)


def test_streets_are_rebased_where_communities_moved_between_them(lake: Lake) -> None:
    # the second street: C, D and A2, of which the facility and grid 004 may be part
    assert bounds(lake.figure(AREA, STREET_2, basis="as_now")) == (150, 150, 150, None, 450, 150)
    assert bounds(lake.figure(AREA, STREET_2)) == (150, 120, 150, None, 150, 120)


def test_figures_as_they_were_stay_and_say_that_the_extent_changed(lake: Lake) -> None:
    assert bounds(lake.figure(AREA, A))[:2] == (300, 187)
    marks = {(code, month): lake.figure(AREA, code, month)["comparability"] for code, month in [
        (A, "2026-01"), (B, "2026-01"), (C, "2026-01"), (C, "2026-02"), (C, "2026-03"), (A1, "2026-02"), (STREET_2, "2026-02"),
        (STREET_1, "2026-01"), (COUNTY, "2026-01"),
    ]}  # fmt: skip
    assert marks == {
        (A, "2026-01"): "break", (B, "2026-01"): "comparable", (C, "2026-01"): "break", (C, "2026-02"): "break",
        (C, "2026-03"): "comparable", (A1, "2026-02"): "comparable", (STREET_2, "2026-02"): "comparable",
        (STREET_1, "2026-01"): "break", (COUNTY, "2026-01"): "comparable",
    }  # fmt: skip


def test_as_now_stands_only_where_it_is_another_placement(lake: Lake) -> None:
    found = lake.rows("""
        select distinct unit_code, period from fct_kpi
        where unit_basis = 'as_now' and kpi_id = 'facility_area_per_100_households' and period_type = 'month'
        order by all""")
    january, february = date(2026, 1, 1), date(2026, 2, 1)
    assert found == sorted([(A1, january), (STREET_1, january), (STREET_2, january), (A2, january), (C, january), (C, february)])


def test_a_quarter_in_which_a_unit_changed_adds_up_its_months_in_today_s_units(lake: Lake) -> None:
    # events were reported in January only: the quarter says what January says
    quarter = lake.figure("grid_event_closure_rate", A1, "2026-01", "quarter", basis="as_now")
    assert bounds(quarter) == (1, 2, 1, 3, 2, 3)
    assert lake.figure("grid_event_closure_rate", A1, "2026-01", "quarter")["comparability"] == "break"
    assert lake.figure("grid_event_closure_rate", B, "2026-01", "quarter")["comparability"] == "comparable"


def test_the_streets_of_today_add_up_to_the_county_whose_boundary_did_not_change(lake: Lake) -> None:
    """Numerators and denominators of what is placed, and the remainder that may be in one street or the other."""
    assert lake.rows("select count(*) from fct_kpi where unit_code = '610629' and unit_basis = 'as_now'") == [(0,)]
    (placed,) = lake.rows("""
        select sum(households), sum(service_area_m2) from mart_facilities
        inner join placed_units using (unit_key, month)
        where month = '2026-01-01' and (unit_basis = 'as_now' and unit_level = 'street' or unit_basis = 'unplaced')""")
    (county,) = lake.rows("""
        select households, service_area_m2 from mart_facilities
        where month = '2026-01-01' and unit_key like '610629@%'""")
    assert placed == county == (507, 550)


def test_rows_that_cannot_be_placed_are_a_line_of_their_own(lake: Lake) -> None:
    assert lake.rows("select dataset, month, unit_code, rows_accepted, rows_quarantined from fct_unplaced order by all") == [
        ("civil_facilities", date(2026, 1, 1), A, 1, 0),
        ("grid_events", date(2026, 1, 1), A, 2, 0),
        ("grid_grids", date(2026, 1, 1), A, 1, 0),
        ("household_households", date(2026, 1, 1), A, 3, 0),
        ("police_residence_registrations", date(2026, 1, 1), A, 2, 0),
    ]


def test_the_edition_tells_every_change(lake: Lake) -> None:
    assert lake.rows("select change_kind, from_code, to_code, moved_grids from dim_lineage order by all") == [
        ("merged", D, C, []), ("split", A, A1, [f"{A}-001", f"{A}-002"]), ("split", A, A2, [f"{A}-003"]),
    ]  # fmt: skip


def test_flags_and_trends_follow_units_as_they_were(lake: Lake) -> None:
    assert lake.rows("""
        select count(*) from fct_flag anti join (
            select unit_key, period_type, period, kpi_id, target_id from fct_kpi where unit_basis = 'as_was'
        ) using (unit_key, period_type, period, kpi_id, target_id)""") == [(0,)]


def test_without_changes_nothing_is_added(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.deliver_empty("2026-01")
    lake.build()
    assert lake.rows("select distinct unit_basis, comparability from fct_kpi") == [("as_was", "comparable")]
    assert lake.rows("select count(*) from mart_facilities where unit_key not in (select unit_key from dim_unit)") == [(0,)]
