"""KPIs over facilities, equipment, residential areas and grids, against numbers worked out by hand beside each test."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from math import ceil
from typing import Any

import pytest

from tests.support.lake import COUNTY, STREET_1, STREET_2, A, B, C, Lake, Unit

D = "610629001003"
EARLY, FIRST_STEP, MONTH = "2021-11", "2021-12", "2022-12"
GRID_1, CIVIL = f"grid_{STREET_1}", "county_civil"
UNITS = (
    Unit(COUNTY, "county"),
    Unit(STREET_1, "street", COUNTY),
    Unit(STREET_2, "street", COUNTY),
    Unit(A, "community", STREET_1, "urban", city_class="other"),
    Unit(B, "community", STREET_1, "urban", city_class="megacity_centre"),
    Unit(D, "community", STREET_1, "urban", city_class="other"),
    Unit(C, "community", STREET_2, "rural", city_class="other"),
)
KIND_UNKNOWN, UNKNOWN_COMMUNITY = ("kind.known_value", "error"), ("community_code.exists", "error")
REPEATED = ("key.repeated", "duplicate")


def facility(community: str, kind: str | None, area: str, *verdicts: tuple[str, str], **values: Any) -> dict[str, Any]:
    return {
        "community_code": community, "kind": kind, "floor_area_m2": Decimal(area), "opened_date": date(2020, 1, 1),
        "verdicts": verdicts, **values,
    }  # fmt: skip


def centre(community: str, renovated: date | None, *verdicts: tuple[str, str]) -> dict[str, Any]:
    return facility(community, "party_service_centre", "200", *verdicts, renovated_date=renovated)


def area(community: str, kind: str | None, *verdicts: tuple[str, str], **values: Any) -> dict[str, Any]:
    return {
        "community_code": community, "kind": kind, "households": 100, "managed_by_property": False,
        "has_group_leader": True, "has_security_aide": True, "has_cleaner": True, "verdicts": verdicts, **values,
    }  # fmt: skip


def group(community: str, cleaners: int, *verdicts: tuple[str, str]) -> dict[str, Any]:
    return area(community, "villager_group", *verdicts, cleaners=cleaners, has_cleaner=cleaners > 0)


def grid(
    community: str, kind: str | None, needed: int | None, heads: int | None, *verdicts: tuple[str, str]
) -> dict[str, Any]:
    return {
        "community_code": community, "kind": kind, "households": 1, "building_heads_needed": needed,
        "building_heads": heads, "verdicts": verdicts,
    }  # fmt: skip


def items(community: str, item: str | None, quantity: int, *verdicts: tuple[str, str]) -> dict[str, Any]:
    return {"community_code": community, "item": item, "quantity": quantity, "verdicts": verdicts}


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """One month with something of everything, and two in which the first step of the renovation falls due."""
    lake = Lake(tmp_path_factory.mktemp("buildings"), months=(EARLY, FIRST_STEP, MONTH), units=UNITS)
    # areas of the second street are delivered by its own office, too
    lake.suppliers |= {"town_civil": [STREET_2]}
    lake.expected |= {"town_civil": ["civil_residential_areas"]}
    deliver_facilities(lake)
    deliver_areas(lake)
    deliver_grids_and_equipment(lake)
    deliver_first_step(lake)
    lake.deliver_empty(EARLY, but=["civil_equipment"])
    lake.deliver_empty(FIRST_STEP, but=["civil_residential_areas"])
    lake.deliver_empty(MONTH)
    lake.build()
    return lake


def deliver_facilities(lake: Lake) -> None:
    service, platform, outdoor = "comprehensive_service", "safety_platform", "outdoor_fitness"
    lake.deliver("civil_facilities", CIVIL, MONTH, [
        facility(A, service, "320.50", acquired_by="purchased", rooms=["一站式服务大厅", "调解室", "阅览室"]),
        facility(A, service, "100", acquired_by="new_built", closed_date=date(2022, 12, 31), rooms=["警务室"]),
        facility(A, platform, "310.25", rooms=["群众接待室", "纠纷调处室"]),
        facility(A, platform, "310.25", REPEATED),
        facility(A, platform, "250", ("closed_after_opened", "error"), closed_date=date(2019, 1, 1)),
        facility(A, None, "40", KIND_UNKNOWN),
        facility(A, outdoor, "10", outdoor_area_m2=Decimal("800.50")),
        facility(A, outdoor, "10"),
        facility(A, "elderly_care", "90"),
        facility(A, "county_service_centre", "1500"),
        centre(A, date(2021, 6, 1)),
        centre(A, None),
        centre(A, None, ("renovated_date.readable", "error")),
        facility(B, service, "400", acquired_by="new_built", rooms=["图书室", "活动室"]),
        facility(B, service, "150", acquired_by="leased"),
        facility(D, service, "450", acquired_by="new_built"),
        facility(D, platform, "520", rooms=["一站式服务大厅", "调解室", "心理咨询室"]),
        # somewhere in the county
        facility("610629001777", service, "70", UNKNOWN_COMMUNITY, acquired_by="leased", rooms=["警务室"]),
    ])  # fmt: skip


def deliver_areas(lake: Lake) -> None:
    lake.deliver("civil_residential_areas", CIVIL, MONTH, [
        area(A, "commodity", accepted_date=date(2022, 5, 1), households=300, facility_provided=True,
             managed_by_property=True, rated_date=date(2022, 10, 1)),
        area(A, "commodity", households=200, managed_by_property=True, has_cleaner=False, rated_date=date(2022, 9, 30)),
        area(A, "old"),
        area(A, "commodity", accepted_date=date(2022, 12, 31), facility_provided=False, rated_date=date(2022, 12, 31)),
        area(A, "commodity", ("accepted_date.readable", "error"), households=50, facility_provided=True,
             managed_by_property=True, has_group_leader=None, has_cleaner=False),
        area(B, "commodity", ("households.range", "error"), households=60_000, accepted_date=date(2022, 1, 1)),
        group(C, 3),
        group(C, 0),
        group(C, 5000, ("cleaners.range", "error")),
    ])  # fmt: skip


def deliver_grids_and_equipment(lake: Lake) -> None:
    lake.deliver("grid_grids", GRID_1, MONTH, [
        grid(A, "general", 5, 3),
        grid(A, "general", 4, 6),
        grid(A, "general", 2, None),
        grid(A, "police", 9, 9),
        grid(A, "cleaning", None, None),
        grid(A, "general", 10, 1, ("households.range", "error")),
        grid(A, None, 0, 0, KIND_UNKNOWN),
        grid(B, "general", 3, 3),
        grid(B, "general", 5000, 3, ("building_heads_needed.range", "error")),
        # of which community nobody can tell
        grid(B, "police", 1, 1, ("grid_inside_community", "error")),
    ])  # fmt: skip
    lake.deliver("civil_equipment", CIVIL, MONTH, [
        items(A, "books", 12),
        items(A, "fitness", 2),
        items(A, None, 7, ("item.known_value", "error")),
        items(B, "books", 30),
        items(B, "fitness", -3, ("quantity.range", "error")),
    ])  # fmt: skip


def deliver_first_step(lake: Lake) -> None:
    lake.deliver("civil_facilities", CIVIL, EARLY, [centre(A, None)])
    lake.deliver("civil_facilities", CIVIL, FIRST_STEP, [
        centre(A, date(2021, 12, 31)), centre(A, date(2022, 1, 1)), centre(A, None),
        *(centre(B, date(2021, 3, 1) if number < 33 else None) for number in range(100)),
        facility(D, "comprehensive_service", "250", acquired_by="new_built"),
        facility(D, "comprehensive_service", "250", acquired_by="leased"),
    ])  # fmt: skip
    lake.deliver("civil_residential_areas", CIVIL, FIRST_STEP, [group(A, 3)])


def figures(lake: Lake, kpi_id: str, code: str, month: str = MONTH) -> dict[str | None, dict[str, Any]]:
    """The month's figure of a unit, judged by each target."""
    with lake.connect() as connection:
        found = connection.sql(
            "select * from fct_kpi where kpi_id = ? and unit_code = ? and strftime(period, '%Y-%m') = ? "
            "and period_type = 'month'",
            params=[kpi_id, code, month],
        ).pl()
    return {row["target_id"]: row for row in found.iter_rows(named=True)}


def figure(lake: Lake, kpi_id: str, code: str, month: str = MONTH) -> dict[str, Any]:
    (only,) = figures(lake, kpi_id, code, month).values()
    return only


def fractions(figure: dict[str, Any]) -> list[tuple[Any, Any]]:
    """The figure, its lower and its upper bound."""
    return [(figure[f"{bound}numerator"], figure[f"{bound}denominator"]) for bound in ("", "low_", "high_")]


def judged(figure: dict[str, Any]) -> tuple[Any, ...]:
    return figure["target_id"], figure["status"], figure["certainty"], figure["shortfall"]


# --- safety platforms -----------------------------------------------------------------------------------------------


def test_a_safety_platform_has_between_300_and_500_m2(delivered: Lake) -> None:
    within = figure(delivered, "safety_platform_area_m2", A)
    # in doubt: 250 m² with impossible dates, 40 m² of an unknown kind
    most = Decimal("310.25") + 250 + 40
    assert fractions(within) == [(Decimal("310.25"), 1), (Decimal("310.25"), 1), (most, 1)]
    # 600.25 m² would be too much
    assert judged(within) == ("D4-SPA", "met", "undetermined", 0)
    none = figure(delivered, "safety_platform_area_m2", B)
    assert (none["numerator"], *judged(none)) == (0, "D4-SPA", "missed", "confirmed", 300)
    large = figure(delivered, "safety_platform_area_m2", D)
    # 20 m² above the upper end, and nothing in doubt takes them away
    assert (large["numerator"], *judged(large)) == (520, "D4-SPA", "missed", "confirmed", 20)


def test_the_sum_of_communities_has_no_target(delivered: Lake) -> None:
    street = figure(delivered, "safety_platform_area_m2", STREET_1)
    assert (street["numerator"], street["high_numerator"]) == (Decimal("830.25"), Decimal("1120.25"))
    assert judged(street) == (None, "no_target", None, None)


def test_three_zones_are_due_on_each_platform(delivered: Lake) -> None:
    two = figure(delivered, "safety_platform_zones_rate", A)
    # reception and mediation of three; two more rows may be platforms with three zones each, or with none
    assert fractions(two) == [(2, 3), (2, 3 + 6), (2 + 6, 3 + 6)]
    assert judged(two) == ("D4-SPZ", "missed", "confirmed", 1)
    # a service hall is a reception
    all_three = figure(delivered, "safety_platform_zones_rate", D)
    assert (fractions(all_three)[0], judged(all_three)) == ((3, 3), ("D4-SPZ", "met", "confirmed", 0))
    none = figure(delivered, "safety_platform_zones_rate", B)
    assert judged(none) == ("D4-SPZ", "not_applicable", "confirmed", None)


# --- service buildings, elderly care, other areas -------------------------------------------------------------------


def test_service_buildings_are_held_to_more_where_they_are_new(delivered: Lake) -> None:
    bought = figures(delivered, "service_building_area_m2", A)
    # 100 m² were closed at the end of the month; in doubt: 40 of an unknown kind, 70 somewhere in the county
    assert set(bought) == {"B-SBA", "C-SBA-OLD"}
    assert fractions(bought["B-SBA"]) == [
        (Decimal("320.50"), 1), (Decimal("320.50"), 1), (Decimal("430.50"), 1),
    ]  # fmt: skip
    assert judged(bought["C-SBA-OLD"]) == ("C-SBA-OLD", "met", "confirmed", 0)
    new = figures(delivered, "service_building_area_m2", D)
    assert set(new) == {"B-SBA", "C-SBA-NEW"}
    # 450 of 500 m², and perhaps 70 more
    assert judged(new["C-SBA-NEW"]) == ("C-SBA-NEW", "missed", "undetermined", 50)
    in_megacity = figures(delivered, "service_building_area_m2", B)
    # 400 of 550 m² are new-built: 600 m² are due, and with 70 more there would be 620
    assert set(in_megacity) == {"B-SBA", "C-SBA-MEG"}
    assert judged(in_megacity["C-SBA-MEG"]) == ("C-SBA-MEG", "missed", "undetermined", 50)


def test_half_of_the_area_does_not_make_a_building_new(delivered: Lake) -> None:
    half = figures(delivered, "service_building_area_m2", D, FIRST_STEP)
    assert set(half) == {"B-SBA", "C-SBA-OLD"}
    assert judged(half["C-SBA-OLD"]) == ("C-SBA-OLD", "met", "confirmed", 0)


def test_villages_and_larger_units_have_no_target_for_urban_service_buildings(delivered: Lake) -> None:
    # 70 m² at best
    assert judged(figure(delivered, "service_building_area_m2", C)) == ("B-SBA", "missed", "confirmed", 300)
    county = figure(delivered, "service_building_area_m2", COUNTY)
    # 320.50 + 400 + 150 + 450
    assert (county["numerator"], county["status"]) == (Decimal("1320.50"), "no_target")


def test_elderly_care_is_measured_by_the_households_of_new_areas(delivered: Lake) -> None:
    found = figure(delivered, "elderly_care_area_per_100_households", A)
    # 90 m² for 300 + 100 households; perhaps for 50 more, perhaps 40 m² more
    assert fractions(found) == [(90, 400), (90, 450), (130, 400)]
    assert (found["value"], found["value_low"], found["value_high"]) == (22.5, 20.0, 32.5)
    # 20 is reached with 450 households, too, and more than 30 is no miss
    assert judged(found) == ("B-ECA", "met", "confirmed", 0)


def test_households_that_nobody_knows_leave_the_lower_end_open(delivered: Lake) -> None:
    found = figure(delivered, "elderly_care_area_per_100_households", B)
    assert fractions(found) == [(0, 0), (0, None), (0, 0)]
    assert judged(found) == ("B-ECA", "not_applicable", "undetermined", None)


def test_outdoor_area_is_that_of_fitness_places(delivered: Lake) -> None:
    found = figure(delivered, "outdoor_area_m2", A)
    # one place does not say its area; the facility of an unknown kind may have any
    assert fractions(found) == [(Decimal("800.50"), 1), (Decimal("800.50"), 1), (None, 1)]
    assert judged(found) == (None, "no_target", None, None)


def test_the_service_centre_is_the_countys_alone(delivered: Lake) -> None:
    county = figure(delivered, "county_service_centre_area_m2", COUNTY)
    assert (county["numerator"], county["high_numerator"], county["status"]) == (1500, 1540, "no_target")
    assert figures(delivered, "county_service_centre_area_m2", A) == {}


# --- rooms and centres ----------------------------------------------------------------------------------------------


def test_a_room_counts_once_in_a_community_under_any_usual_name(delivered: Lake) -> None:
    found = figure(delivered, "rooms_complete_rate", A)
    # hall, mediation (twice), library; the police room was closed; lists that are not known may hold the other three
    assert fractions(found) == [(3, 6), (3, 6), (6, 6)]
    assert judged(found) == ("B-RCR", "missed", "undetermined", 3)
    other = figure(delivered, "rooms_complete_rate", B)
    # library and activities, perhaps the police room that is somewhere in the county
    assert fractions(other) == [(2, 6), (2, 6), (3, 6)]
    assert judged(other) == ("B-RCR", "missed", "confirmed", 4)


def test_rooms_of_a_county_are_those_of_its_communities(delivered: Lake) -> None:
    county = figure(delivered, "rooms_complete_rate", COUNTY)
    # A 3, B 2, D 2 of 4 × 6; in A perhaps three more, and one police room in any community
    assert fractions(county) == [(7, 24), (7, 24), (7 + 3 + 1, 24)]
    assert judged(county) == ("B-RCR", "missed", "confirmed", 17)


def test_a_facility_of_its_kind_is_a_centre(delivered: Lake) -> None:
    found = figure(delivered, "rooms_complete_rate_centres", A)
    # party service, safety, elderly care; lists that are not known may hold the other five
    assert fractions(found) == [(3, 8), (3, 8), (8, 8)]
    assert judged(found) == ("B-RCC", "missed", "undetermined", 5)
    assert fractions(figure(delivered, "rooms_complete_rate_centres", B)) == [(0, 8), (0, 8), (0, 8)]


def test_lists_of_the_county_are_counted_without_target(delivered: Lake) -> None:
    # library; perhaps a police room
    assert fractions(figure(delivered, "rooms_complete_rate_a", B)) == [(1, 7), (1, 7), (2, 7)]
    # library, activities; perhaps a police room
    assert fractions(figure(delivered, "rooms_complete_rate_e", B)) == [(2, 14), (2, 14), (3, 14)]
    # mediation, library, elderly care, outdoor place
    found = figure(delivered, "rooms_complete_rate_e", A)
    assert (fractions(found)[0], judged(found)) == ((4, 14), (None, "no_target", None, None))


# --- renovation -----------------------------------------------------------------------------------------------------


def test_a_third_is_due_first_and_then_all(delivered: Lake) -> None:
    early = figure(delivered, "centre_renovation_rate", A, EARLY)
    assert judged(early) == (None, "too_early", None, None)
    third = figure(delivered, "centre_renovation_rate", A, FIRST_STEP)
    # one on the last day of the month, one after it
    assert (fractions(third)[0], judged(third)) == ((1, 3), ("C-CRR-1", "met", "confirmed", 0))
    below = figure(delivered, "centre_renovation_rate", B, FIRST_STEP)
    # a third of 100 are 34
    assert (fractions(below)[0], judged(below)) == ((33, 100), ("C-CRR-1", "missed", "confirmed", 1))
    last = figure(delivered, "centre_renovation_rate", A)
    # one of two; two rows more may be centres, renovated or not
    assert fractions(last) == [(1, 2), (1, 4), (3, 4)]
    assert judged(last) == ("C-CRR-2", "missed", "confirmed", 1)


def test_the_third_as_it_is_stored_decides_as_one_third_does(delivered: Lake) -> None:
    ((stored,),) = delivered.rows("select value_1 from dim_target where target_id = 'C-CRR-1'")

    def fewest(centres: int) -> int:
        return ceil(Fraction(stored) * centres / 100)

    centres: Iterable[int] = [*range(1, 4000), *range(999_000, 1_000_000)]
    assert [count for count in centres if fewest(count) != -(-count // 3)] == []
    # it would not beyond that
    assert fewest(3_000_001) != -(-3_000_001 // 3)


# --- residential areas ----------------------------------------------------------------------------------------------


def test_an_area_has_all_three_or_not(delivered: Lake) -> None:
    found = figure(delivered, "residential_area_trio_rate", A)
    # one of four has no cleaner; nor has the one in doubt, whoever leads it
    assert fractions(found) == [(3, 4), (3, 5), (3, 4)]
    assert judged(found) == ("A-RAT", "missed", "confirmed", 1)


def test_new_areas_come_with_a_facility(delivered: Lake) -> None:
    found = figures(delivered, "new_area_facility_provision_rate", A)
    assert set(found) == {"A-NAF", "B-NAF", "C-NAF"}
    # two were accepted, one with a facility; the one in doubt has one, too
    assert fractions(found["C-NAF"]) == [(1, 2), (1, 2), (2, 3)]
    assert {judged(row)[1:] for row in found.values()} == {("missed", "confirmed", 1)}
    # one in doubt, which does not say whether it has one
    assert fractions(figures(delivered, "new_area_facility_provision_rate", B)["A-NAF"]) == [(0, 0), (0, 1), (1, 1)]


def test_property_companies_manage_areas_but_no_villager_groups(delivered: Lake) -> None:
    assert fractions(figure(delivered, "property_management_rate", A)) == [(2, 4), (2, 4), (3, 5)]
    assert figure(delivered, "property_management_rate", C)["status"] == "not_applicable"


def test_a_rating_is_of_the_quarter_or_too_old(delivered: Lake) -> None:
    found = figure(delivered, "property_quarterly_rating_rate", A)
    # 1 October and 31 December, not 30 September; one in doubt may have been rated
    assert fractions(found) == [(2, 3), (2, 4), (3, 4)]
    assert judged(found) == ("D4-PQR", "missed", "confirmed", 1)


def test_cleaners_are_counted_per_villager_group(delivered: Lake) -> None:
    found = figure(delivered, "village_group_cleaners", C)
    # three in two groups; a third group may have any number
    assert fractions(found) == [(3, 2), (3, 3), (None, 2)]
    assert judged(found) == ("D6-VGC", "missed", "undetermined", 1)


def test_a_missing_supplier_leaves_a_ratio_open_at_both_ends(delivered: Lake) -> None:
    found = figure(delivered, "village_group_cleaners", COUNTY, FIRST_STEP)
    assert fractions(found) == [(3, 1), (3, None), (None, 1)]
    assert (found["value_low"], found["value_high"]) == (0, None)
    assert judged(found) == ("D6-VGC", "met", "undetermined", 0)


# --- equipment and grids --------------------------------------------------------------------------------------------


def test_equipment_is_counted_in_sets(delivered: Lake) -> None:
    # 7 more may be of either
    assert fractions(figure(delivered, "library_book_sets", A)) == [(12, 1), (12, 1), (19, 1)]
    gear = figure(delivered, "outdoor_fitness_sets", A)
    assert (fractions(gear)[2], judged(gear)) == ((9, 1), ("A-OFS", "met", "confirmed", 0))
    unknown = figure(delivered, "outdoor_fitness_sets", B)
    assert (fractions(unknown)[2], judged(unknown)) == ((None, 1), ("A-OFS", "missed", "undetermined", 1))
    assert judged(figure(delivered, "outdoor_fitness_sets", C)) == ("A-OFS", "missed", "confirmed", 1)
    assert judged(figure(delivered, "outdoor_fitness_sets", COUNTY)) == (None, "no_target", None, None)
    assert figure(delivered, "library_book_sets", A, EARLY)["status"] == "no_data"


def test_too_many_building_heads_in_one_grid_do_not_help_another(delivered: Lake) -> None:
    found = figure(delivered, "building_head_rate", A)
    # 3 of 5, 4 of 4 (six are there), none said of 2; ten more in doubt
    assert fractions(found) == [(7, 11), (7, 21), (17, 21)]
    assert judged(found) == (None, "no_target", None, None)
    unknown = figure(delivered, "building_head_rate", B)
    assert fractions(unknown) == [(3, 3), (3, None), (None, None)]


def test_six_kinds_of_specialised_grids_are_due_in_each_community(delivered: Lake) -> None:
    found = figure(delivered, "specialised_grid_coverage", A)
    # police and cleaning; the grid of an unknown kind may be any of the other four
    assert fractions(found) == [(2, 6), (2, 6), (6, 6)]
    assert judged(found) == ("D4-SGC", "missed", "undetermined", 4)
    # a police grid is somewhere in the street
    assert fractions(figure(delivered, "specialised_grid_coverage", B))[2] == (1, 6)
    street = figure(delivered, "specialised_grid_coverage", STREET_1)
    # three communities: of police two at most, cleaning one, of each of the others one
    assert fractions(street) == [(2, 18), (2, 18), (2 + 1 + 4, 18)]
    assert judged(street) == ("D4-SGC", "missed", "confirmed", 16)
