"""KPI values, bounds and judgements as dbt computes them, against numbers worked out by hand beside each test."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.support.lake import COUNTY, STREET_1, STREET_2, A, B, C, Lake, Unit

REGISTRATION = "temporary_resident_registration_rate"
HANDLING = "dispute_handling_rate"
SETTLED = "dispute_mediation_success_rate"
AREA = "facility_area_per_100_households"

GRID_1, GRID_2 = f"grid_{STREET_1}", f"grid_{STREET_2}"
TIED = ("person_in_two_places", "error")
BAD_ROW = ("birth_date.out_of_range", "error")
UNKNOWN_COMMUNITY = ("community_code.exists", "error")
SUPERSEDED = ("key.corrected_later", "duplicate")


def resident(person: str | None, community: str | None, *verdicts: tuple[str, str], **values: Any) -> dict[str, Any]:
    return {
        "person_id": person, "community_code": community, "residence_type": "temporary",
        "arrived_date": date(2025, 5, 1), "verdicts": verdicts, **values,
    }  # fmt: skip


def registration(person: str | None, community: str | None, *verdicts: tuple[str, str], **values: Any) -> dict[str, Any]:
    return {
        "person_id": person, "community_code": community, "registered_date": date(2025, 6, 1),
        "verdicts": verdicts, **values,
    }  # fmt: skip


def dispute(
    number: str | None, community: str | None, accepted: date | None, handled: date | None,
    *verdicts: tuple[str, str], **values: Any,
) -> dict[str, Any]:  # fmt: skip
    return {
        "dispute_no": number, "community_code": community, "kind": "civil", "accepted_date": accepted,
        "handled_date": handled, "result": "success" if handled else "pending", "verdicts": verdicts, **values,
    }  # fmt: skip


def facility(community: str | None, area: str | None, *verdicts: tuple[str, str], **values: Any) -> dict[str, Any]:
    return {
        "community_code": community, "kind": "comprehensive_service", "opened_date": date(2020, 1, 1),
        "floor_area_m2": None if area is None else Decimal(area), "verdicts": verdicts, **values,
    }  # fmt: skip


def grid(community: str | None, households: int | None, *verdicts: tuple[str, str], **values: Any) -> dict[str, Any]:
    return {"community_code": community, "kind": "general", "households": households, "verdicts": verdicts, **values}


def fraction(figure: dict[str, Any], which: str = "") -> tuple[Any, Any]:
    return figure[f"{which}numerator"], figure[f"{which}denominator"]


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Everything was delivered for three months; people and facilities in January only."""
    lake = Lake(tmp_path_factory.mktemp("delivered"), months=("2026-01", "2026-02", "2026-03"))
    deliver_people(lake, "2026-01")
    deliver_disputes(lake)
    deliver_facilities(lake, "2026-01")
    for month in lake.months:
        lake.deliver_empty(month)
    lake.build()
    return lake


def deliver_people(lake: Lake, january: str) -> None:
    lake.deliver("grid_residents", GRID_1, january, [
        resident("p1", A),
        resident("p2", A),
        resident("p3", A),
        resident(None, A),  # has no document: found, never registered, may be one of those in the register
        resident("p1", A, ("key.repeated", "duplicate")),
        resident("left", A, left_date=date(2026, 1, 31)),
        resident("local", A, residence_type="registered"),
        resident("bad-1", A, BAD_ROW),
        resident("bad-2", A, BAD_ROW, residence_type="不明"),
        resident("bad-local", A, BAD_ROW, residence_type="registered"),
        resident("bad-left", A, BAD_ROW, left_date=date(2026, 1, 15)),
        resident("bad-3", "999999999999", UNKNOWN_COMMUNITY),
        resident("p4", B),
        resident("tied-1", A, TIED),
        resident("tied-1", B, TIED),
        resident("tied-2", B, TIED),
        resident("tied-local", A, TIED, residence_type="registered"),
        resident("tied-local", B, TIED, residence_type="registered"),
    ])  # fmt: skip
    lake.deliver("grid_residents", GRID_2, january, [resident("tied-2", C, TIED, residence_type="registered")])
    lake.deliver("police_residence_registrations", "county_police", january, [
        registration("p1", C),  # registered in another community of the county
        registration("p2", A, cancelled_date=date(2026, 1, 31)),
        registration("p3", A, valid_to=date(2026, 1, 30)),
        registration("p4", B, valid_to=date(2026, 1, 31)),
        registration("p4", B, cancelled_date=date(2026, 2, 1)),
        registration("tied-1", A),
        registration(None, A, ("id_number.wrong_length", "error")),
        registration(None, A, ("id_number.wrong_length", "error"), valid_to=date(2026, 1, 30)),
        registration(None, A, ("id_number.wrong_length", "error"), cancelled_date=date(2026, 1, 31)),
    ])  # fmt: skip


def test_temporary_residents_of_a_community_are_counted_with_every_doubt(delivered: Lake) -> None:
    figure = delivered.figure(REGISTRATION, A)
    # found: p1, p2, p3 and one without document; registered: p1
    assert fraction(figure) == (1, 4)
    # low: bad-1, bad-2 and bad-3 (somewhere in the street) live here unregistered; tied-1 lives elsewhere
    assert fraction(figure, "low_") == (1, 4 + 3)
    # high: the nameless one and the bad registration register two more; the three and tied-1 are registered
    assert fraction(figure, "high_") == (1 + 2 + 3 + 1, 4 + 3 + 1)
    assert (figure["value"], figure["value_low"], figure["value_high"]) == (25.0, 100 / 7, 87.5)
    # 95 % of 4 is 3.8, so 4 are needed; not even 87.5 % is enough
    assert (figure["status"], figure["certainty"], figure["shortfall"]) == ("missed", "confirmed", 3)


def test_a_person_tied_between_two_communities_is_in_doubt_in_each(delivered: Lake) -> None:
    figure = delivered.figure(REGISTRATION, B)
    assert fraction(figure) == (1, 1)
    # low: bad-3 and tied-2 live here unregistered; high: bad-3 and tied-1 do, registered
    assert fraction(figure, "low_") == (1, 3)
    assert fraction(figure, "high_") == (3, 3)
    assert (figure["status"], figure["certainty"], figure["shortfall"]) == ("met", "undetermined", 0)


def test_a_person_counts_for_certain_in_a_unit_that_holds_all_his_places(delivered: Lake) -> None:
    street = delivered.figure(REGISTRATION, STREET_1)
    # 4 + 1 and tied-1, who lives in the street whichever community it is; tied-2 may live in the other street
    assert fraction(street) == (3, 6)
    assert fraction(street, "low_") == (3, 6 + 3 + 1)
    # high: two more registered, then bad-1, bad-2, bad-3 once
    assert fraction(street, "high_") == (3 + 2 + 3, 6 + 3)


def test_a_level_counts_its_doubtful_rows_once_and_not_as_the_sum_of_its_communities(delivered: Lake) -> None:
    county = delivered.figure(REGISTRATION, COUNTY)
    # both tied persons live in the county
    assert fraction(county) == (3, 7)
    assert fraction(county, "low_") == (3, 7 + 3)
    assert fraction(county, "high_") == (3 + 2 + 3, 7 + 3)
    # 95 % of 7 is 6.65
    assert (county["status"], county["certainty"], county["shortfall"]) == ("missed", "confirmed", 7 - 3)


def test_nobody_found_is_not_applicable_and_open_while_someone_may_live_there(delivered: Lake) -> None:
    figure = delivered.figure(REGISTRATION, C)
    assert fraction(figure) == (0, 0)
    assert figure["value"] is None
    # tied-2 may live here, unregistered
    assert fraction(figure, "low_") == (0, 1)
    assert (figure["status"], figure["certainty"], figure["shortfall"]) == ("not_applicable", "undetermined", None)


def deliver_disputes(lake: Lake) -> None:
    lake.deliver("grid_disputes", GRID_1, "2026-01", [
        dispute("d1", A, date(2026, 1, 5), date(2026, 1, 9)),
        dispute("d2", A, date(2026, 1, 6), date(2026, 1, 20), result="failure"),
        dispute("d3", A, date(2026, 1, 7), None, SUPERSEDED),
        dispute("d4", A, date(2026, 1, 8), None, SUPERSEDED),
        dispute("d5", A, date(2026, 1, 9), None),
        dispute("d6", A, date(2026, 1, 9), date(2026, 1, 30)),
        dispute("labour", A, date(2026, 1, 9), None, kind="labour"),
        dispute("labour-bad", A, date(2026, 1, 9), None, BAD_ROW, kind="labour"),
    ])  # fmt: skip
    lake.deliver("grid_disputes", GRID_1, "2026-02", [
        dispute("d3", A, date(2026, 1, 7), date(2026, 2, 10)),  # the cut-off day of January
        dispute("d4", A, date(2026, 1, 8), date(2026, 2, 11)),  # one day later
        dispute("d5", A, date(2026, 1, 9), date(2026, 2, 3), BAD_ROW),  # a revision in doubt, twice
        dispute("d5", A, date(2026, 1, 9), date(2026, 2, 4), BAD_ROW),
        dispute("d6", A, date(2026, 1, 9), None, BAD_ROW),
        dispute("d7", B, date(2026, 2, 2), date(2026, 2, 3)),
        dispute("d8", B, None, None, ("accepted_date.readable", "error")),  # falls in the delivered month
        dispute("d9", B, date(2026, 1, 31), None, BAD_ROW, kind="不明"),
        dispute(None, "6106", date(2026, 3, 1), None, UNKNOWN_COMMUNITY),  # had not come yet; somewhere in the street
    ])  # fmt: skip


def test_disputes_count_as_known_at_the_cut_off_of_the_period(delivered: Lake) -> None:
    january = delivered.figure(HANDLING, A)
    # accepted: d1 to d6; handled by 10 February: d1, d2, d3, d6
    assert fraction(january) == (4, 6)
    # low: d6 may be unhandled; high: d5 may be handled (two rows, one dispute)
    assert fraction(january, "low_") == (3, 6)
    assert fraction(january, "high_") == (5, 6)
    assert (january["status"], january["certainty"], january["shortfall"]) == ("missed", "confirmed", 2)
    quarter = delivered.figure(HANDLING, A, period_type="quarter")
    # by 10 April d4 is handled too; the row without a place may be a dispute of February in A
    assert fraction(quarter) == (5, 6)
    assert fraction(quarter, "low_") == (4, 7)
    assert fraction(quarter, "high_") == (7, 7)
    assert (quarter["status"], quarter["certainty"], quarter["shortfall"]) == ("missed", "undetermined", 1)


def test_the_year_to_date_knows_what_its_own_cut_off_knows(delivered: Lake) -> None:
    to_january = delivered.figure(HANDLING, A, period_type="ytd")
    to_february = delivered.figure(HANDLING, A, "2026-02", "ytd")
    assert fraction(to_january) == (4, 6)
    assert fraction(to_february) == (5, 6)


def test_a_doubtful_dispute_acts_in_its_own_month_and_place(delivered: Lake) -> None:
    february = delivered.figure(HANDLING, B, "2026-02")
    # d7; in doubt: d8 and the one somewhere in the street
    assert fraction(february) == (1, 1)
    assert fraction(february, "low_") == (1, 3)
    assert fraction(february, "high_") == (3, 3)
    assert (february["status"], february["certainty"]) == ("met", "undetermined")
    january = delivered.figure(HANDLING, B)
    # d9 alone, of a kind that nobody knows
    assert fraction(january) == (0, 0)
    assert fraction(january, "high_") == (1, 1)
    assert (january["status"], january["certainty"]) == ("not_applicable", "undetermined")
    elsewhere = delivered.figure(HANDLING, C, "2026-02")
    assert fraction(elsewhere, "high_") == (0, 0)
    assert (elsewhere["status"], elsewhere["certainty"]) == ("not_applicable", "confirmed")


def test_settled_disputes_are_held_against_the_handled_ones(delivered: Lake) -> None:
    january = delivered.figure(SETTLED, A)
    # handled: d1, d2, d3, d6; without success: d2
    assert fraction(january) == (3, 4)
    # low: d6 fails; high: each of the two rows of d5, which says that it was handled with success
    assert fraction(january, "low_") == (2, 4)
    assert fraction(january, "high_") == (5, 6)
    # 95 % of 4 is 3.8; at best 83 %
    assert (january["status"], january["certainty"], january["shortfall"]) == ("missed", "confirmed", 1)


def deliver_facilities(lake: Lake, january: str) -> None:
    lake.deliver("civil_facilities", "county_civil", january, [
        facility(A, "100.10"),
        facility(A, "20.05"),
        facility(A, "500", kind="elderly_care"),
        facility(A, "500", closed_date=date(2026, 1, 31)),
        facility(A, "500", opened_date=date(2026, 2, 1)),
        facility(A, "50", BAD_ROW),
        facility(A, "60", BAD_ROW, kind="不明"),
        facility(A, "500", BAD_ROW, kind="elderly_care"),
        facility(A, "500", BAD_ROW, closed_date=date(2025, 1, 1)),
        facility(A, "500", BAD_ROW, opened_date=date(2026, 2, 1)),
        facility(C, "30"),
        facility(C, None, ("floor_area_m2.readable", "error")),
    ])  # fmt: skip
    lake.deliver("grid_grids", GRID_1, january, [
        grid(A, 401), grid(A, 70, kind="police"), grid(A, 99, BAD_ROW), grid(A, 99, BAD_ROW, kind="police"),
        grid(B, 10), grid(B, 30000, ("households.range", "error")),
    ])  # fmt: skip
    lake.deliver("grid_grids", GRID_2, january, [grid(C, 100)])


def test_service_area_is_given_per_100_households(delivered: Lake) -> None:
    figure = delivered.figure(AREA, A)
    assert fraction(figure) == (Decimal("120.15"), 401)
    # low: 99 more households; high: 50 and 60 m² more
    assert fraction(figure, "low_") == (Decimal("120.15"), 500)
    assert fraction(figure, "high_") == (Decimal("230.15"), 401)
    assert (figure["value"], figure["value_low"]) == (12015 / 401, 24.03)
    # 30 m² for each of 4.01 hundreds are 120.30 m²
    assert (figure["status"], figure["certainty"], figure["shortfall"]) == ("missed", "undetermined", Decimal("0.15"))


def test_an_amount_that_cannot_be_used_leaves_its_bound_open(delivered: Lake) -> None:
    without_area = delivered.figure(AREA, C)
    assert fraction(without_area) == (30, 100)
    assert fraction(without_area, "high_") == (None, 100)
    assert without_area["value_high"] is None
    # exactly 30 m²: no doubt can take it away
    assert (without_area["status"], without_area["certainty"]) == ("met", "confirmed")
    without_households = delivered.figure(AREA, B)
    assert fraction(without_households, "low_") == (0, None)
    assert without_households["value_low"] == 0
    assert (without_households["status"], without_households["certainty"]) == ("missed", "confirmed")
    assert without_households["shortfall"] == 3


@pytest.fixture(scope="module")
def half_delivered(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = Lake(tmp_path_factory.mktemp("half"))
    january = "2026-01"
    lake.deliver("grid_residents", GRID_1, january, [resident("p1", A), resident("p2", A)])
    lake.deliver("grid_disputes", GRID_1, january, [
        dispute("d1", A, date(2026, 1, 5), date(2026, 1, 9)), dispute("d2", B, date(2026, 1, 5), None),
        dispute("d3", B, date(2026, 1, 5), date(2026, 1, 9)),
    ])  # fmt: skip
    lake.deliver("grid_grids", GRID_1, january, [grid(A, 100)])
    lake.deliver("civil_facilities", "county_civil", january, [facility(A, "45")])
    lake.deliver("police_residence_registrations", "county_police", january, [registration("p1", A)])
    lake.build()
    return lake


def test_a_unit_from_which_nothing_arrived_has_no_data(half_delivered: Lake) -> None:
    figure = half_delivered.figure(HANDLING, C)
    assert (figure["status"], figure["certainty"], fraction(figure)) == ("no_data", None, (None, None))
    assert (figure["expected_suppliers"], figure["reporting_suppliers"]) == (1, 0)


def test_a_missing_supplier_of_cases_opens_both_ends_of_a_rate(half_delivered: Lake) -> None:
    county = half_delivered.figure(REGISTRATION, COUNTY)
    assert fraction(county) == (1, 2)
    assert fraction(county, "low_") == (1, None)
    assert fraction(county, "high_") == (None, None)
    assert (county["value_low"], county["value_high"]) == (0, 100)
    assert (county["status"], county["certainty"]) == ("missed", "undetermined")
    assert (county["expected_suppliers"], county["reporting_suppliers"]) == (3, 2)


def test_one_unhandled_dispute_is_enough_whatever_the_missing_supplier_brings(half_delivered: Lake) -> None:
    county = half_delivered.figure(HANDLING, COUNTY)
    assert fraction(county) == (2, 3)
    assert (county["status"], county["certainty"], county["shortfall"]) == ("missed", "confirmed", 1)


def test_missing_households_leave_only_the_lower_end_open(half_delivered: Lake) -> None:
    county = half_delivered.figure(AREA, COUNTY)
    assert fraction(county) == (45, 100)
    assert fraction(county, "low_") == (45, None)
    assert fraction(county, "high_") == (45, 100)
    assert (county["status"], county["certainty"]) == ("met", "undetermined")


def test_a_missing_register_opens_the_upper_end_only(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.suppliers |= {"town_police": [STREET_2]}
    lake.expected |= {"town_police": ["police_residence_registrations"]}
    lake.deliver("grid_residents", GRID_1, "2026-01", [resident("p1", A), resident("p2", A)])
    lake.deliver("police_residence_registrations", "county_police", "2026-01", [registration("p1", A)])
    lake.deliver_empty("2026-01", but=["police_residence_registrations"])
    lake.build()
    county = lake.figure(REGISTRATION, COUNTY)
    assert (fraction(county, "low_"), fraction(county, "high_")) == ((1, 2), (2, 2))
    assert (county["status"], county["certainty"]) == ("missed", "undetermined")
    assert (county["expected_suppliers"], county["reporting_suppliers"]) == (4, 3)
    # the town's police does not deliver for the other street
    assert lake.figure(REGISTRATION, A)["certainty"] == "confirmed"


def test_too_early_comes_before_everything_and_still_shows_what_is_there(tmp_path: Path) -> None:
    new = Unit("610629001003", "community", STREET_1, "urban", opened=date(2026, 1, 2))
    lake = Lake(tmp_path, as_of=date(2026, 2, 11), units=[*Lake(tmp_path).units, new], months=("2026-01", "2026-02"))
    lake.deliver("grid_disputes", GRID_1, "2026-01", [
        dispute("d1", new.code, date(2026, 1, 5), date(2026, 1, 9)), dispute("d2", A, date(2026, 1, 5), None),
    ])  # fmt: skip
    lake.deliver("grid_disputes", GRID_1, "2026-02", [dispute("d3", A, date(2026, 2, 5), None)])
    lake.build()
    assert lake.figure(HANDLING, new.code)["status"] == "too_early"  # opened after the first of the month
    assert lake.figure(HANDLING, A)["status"] == "missed"  # the cut-off was yesterday
    open_month = lake.figure(HANDLING, A, "2026-02")
    assert (open_month["status"], open_month["certainty"], fraction(open_month)) == ("too_early", None, (0, 1))
    year = lake.figure(HANDLING, A, "2026-01", "year")
    assert (year["status"], fraction(year)) == ("too_early", (0, 2))


def test_a_tolerance_of_the_county_makes_a_miss_near(tmp_path: Path) -> None:
    lake = Lake(tmp_path, tolerances={SETTLED: Decimal("5")}, packs=["D3"])
    handled = date(2026, 1, 9)
    lake.deliver("grid_disputes", GRID_1, "2026-01", [
        *(dispute(f"a{n}", A, handled, handled, result="failure" if n == 0 else "success") for n in range(10)),
        *(dispute(f"b{n}", B, handled, handled, result="failure" if n == 0 else "success") for n in range(9)),
    ])  # fmt: skip
    lake.deliver("civil_facilities", "county_civil", "2026-01", [facility(A, "45")])
    lake.deliver("grid_grids", GRID_1, "2026-01", [grid(A, 100)])
    lake.deliver_empty("2026-01")
    lake.build()
    # 90.0 % is 5 points below 95 %, 88.9 % is more
    assert lake.figure(SETTLED, A)["status"] == "near"
    assert lake.figure(SETTLED, B)["status"] == "missed"
    # the pack that sets a target for service area was not chosen
    area = lake.figure(AREA, A)
    assert (area["status"], area["target_id"], area["certainty"], area["value"]) == ("no_target", None, None, 45.0)
