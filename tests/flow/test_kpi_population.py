"""People found, whom the books hold and whom neither list holds, against numbers worked out by hand beside each test."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.support.lake import COUNTY, STREET_1, STREET_2, A, B, C, Lake

REGISTRATION, LINKS = "temporary_resident_registration_rate", "actual_population_link_rate"
AT_HOME, DOOR_PLATES = "registered_address_residence_rate", "door_plate_rate"
GRID_1, GRID_2 = f"grid_{STREET_1}", f"grid_{STREET_2}"
TIED = ("person_in_two_places", "error")
NO_NUMBER = ("id_number.absent", "error")
BAD_DATE = ("registered_date.readable", "error")
JANUARY = "2026-01"


def resident(person: str | None, community: str, *verdicts: tuple[str, str]) -> dict[str, Any]:
    return {
        "person_id": person, "community_code": community, "residence_type": "temporary",
        "arrived_date": date(2025, 5, 1), "verdicts": verdicts,
    }  # fmt: skip


def registration(person: str | None, community: str, *verdicts: tuple[str, str]) -> dict[str, Any]:
    return {
        "person_id": person, "community_code": community, "registered_date": date(2025, 6, 1), "verdicts": verdicts,
    }  # fmt: skip


def bounds(figure: dict[str, Any]) -> list[tuple[int, int]]:
    """(numerator, denominator) of the low end, the figure and the high end."""
    return [(int(figure[f"{end}numerator"]), int(figure[f"{end}denominator"])) for end in ("low_", "", "high_")]


# --- in the books ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = Lake(tmp_path_factory.mktemp("books"))
    found = lake.deliver("grid_residents", GRID_1, JANUARY, [
        resident("p1", A),
        resident(None, A),  # 3, linked to p2
        resident(None, A),  # 4, linked to nobody
        resident("p3", A),
        resident("p4", B),
        resident(None, B),  # 7, linked to a registration without a number
        resident("p6", A, TIED),
    ])  # fmt: skip
    lake.deliver("grid_residents", GRID_2, JANUARY, [resident("p5", C), resident("p6", C, TIED)])
    police = lake.deliver("police_residence_registrations", "county_police", JANUARY, [
        registration("p1", A),
        registration("p2", C),
        registration("p3", C, BAD_DATE),
        registration(None, C, NO_NUMBER),  # 5, whose person was found: row 7
        registration(None, B, NO_NUMBER),  # 6, of nobody in particular
        registration("p9", A, BAD_DATE),  # whom nobody found
        registration("p6", B, BAD_DATE),
    ])  # fmt: skip
    own = {"household_no": "h1", "registered_date": date(2001, 1, 1), "lives_here": True}
    lake.deliver("household_households", "county_household", JANUARY, [
        {"household_no": "h1", "community_code": B, "registered_date": date(2001, 1, 1), "has_door_plate": True},
        {"household_no": "h2", "community_code": B, "registered_date": date(2001, 1, 1), "has_door_plate": False},
        {"household_no": "h3", "community_code": B, "registered_date": date(2001, 1, 1), "verdicts": [("has_door_plate.required", "error")]},
    ])  # fmt: skip
    lake.deliver("household_persons", "county_household", JANUARY, [
        {"person_id": "p4", **own},
        {"person_id": "p10", **own, "lives_here": False},
        {"person_id": "p11", **own, "household_no": "gone", "verdicts": [("household_exists", "error")]},
    ])  # fmt: skip
    row = f"{police.batch_id}:5"
    lake.links = [(found.batch_id, 3, "p2"), (found.batch_id, 7, row), (police.batch_id, 5, row)]
    lake.for_review = {found.batch_id: 2}
    lake.deliver_empty(JANUARY)
    lake.build()
    return lake


def test_a_delivery_says_how_many_of_its_rows_wait_for_somebody_to_look(delivered: Lake) -> None:
    rows = delivered.rows("select dataset, rows_for_review from fct_delivery where rows_for_review > 0")
    assert rows == [("grid_residents", 2)]


def test_whoever_is_linked_is_registered_where_the_person_is(delivered: Lake) -> None:
    # Found in A: p1, p2 by a link, someone without a number, p3. Registered: p1 and p2, anywhere in the county. p3 has a
    # refused registration, the one without a number may have any; p6 lives here or in C, and may be registered.
    assert bounds(delivered.figure(REGISTRATION, A)) == [(2, 5), (2, 4), (5, 5)]


def test_a_refused_registration_registers_its_own_person_wherever_he_is_and_nobody_else(delivered: Lake) -> None:
    # B: p4, and the person of the refused registration in C; of the one without a number here it may be anyone's, p4's.
    # p6's in B registers no one in B.
    assert bounds(delivered.figure(REGISTRATION, B)) == [(0, 2), (0, 2), (2, 2)]
    # C: p5, who is not registered; the refused ones in C are those of p3 and of someone in B. p6 may live here.
    assert bounds(delivered.figure(REGISTRATION, C)) == [(0, 2), (0, 1), (1, 2)]


def test_the_county_counts_each_person_and_each_doubt_once(delivered: Lake) -> None:
    # Found: 7 and p6. Registered: p1, p2. Perhaps: p3, p6, row 7; the one linked to nobody; the registration of nobody.
    assert bounds(delivered.figure(REGISTRATION, COUNTY)) == [(2, 8), (2, 8), (7, 8)]


def test_people_in_the_books_are_those_of_both(delivered: Lake) -> None:
    assert bounds(delivered.figure(LINKS, A)) == [(2, 5), (2, 4), (5, 5)]
    assert bounds(delivered.figure(LINKS, B)) == [(1, 2), (1, 2), (2, 2)]
    assert bounds(delivered.figure(LINKS, C)) == [(0, 2), (0, 1), (1, 2)]
    assert bounds(delivered.figure(LINKS, COUNTY)) == [(3, 8), (3, 8), (8, 8)]


def test_a_registered_person_counts_where_the_household_is_and_without_it_anywhere(delivered: Lake) -> None:
    # p4 lives at home in B, p10 does not; p11, who does, may belong to any community.
    assert bounds(delivered.figure(AT_HOME, B)) == [(1, 2), (1, 2), (2, 3)]
    assert bounds(delivered.figure(AT_HOME, C)) == [(0, 0), (0, 0), (1, 1)]


def test_a_household_has_a_door_plate_or_may_have_one(delivered: Lake) -> None:
    assert bounds(delivered.figure(DOOR_PLATES, B)) == [(1, 3), (1, 2), (2, 3)]


# --- on neither list -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def estimated(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """January whole, February without the second street's list."""
    lake = Lake(tmp_path_factory.mktemp("lists"), months=(JANUARY, "2026-02"))
    for month in lake.months:
        lake.deliver("grid_residents", GRID_1, month, [
            *(resident(f"q{number}", A) for number in range(1, 8)),
            resident("q8", A, TIED), resident("q8", B, TIED),
            *(resident(f"q{number}", B) for number in range(9, 13)),
            resident(None, A),
        ])  # fmt: skip
        lake.deliver("police_residence_registrations", "county_police", month, [
            *(registration(f"q{number}", A) for number in range(1, 9)),
            registration("q1", B), registration("x1", A), registration("x2", B),
            registration("q9", C), registration("q10", A, BAD_DATE),
        ])  # fmt: skip
    lake.deliver("grid_residents", GRID_2, JANUARY, [resident("c1", C)])
    lake.deliver_empty(JANUARY)
    lake.deliver_empty("2026-02", but=["grid_residents"])
    lake.build()
    return lake


def estimate(lake: Lake, code: str, month: str = JANUARY) -> dict[str, Any]:
    columns = ("n1", "n2", "m", "left_out", "estimate", "low", "high", "unseen")
    (row,) = lake.rows(f"select {', '.join(columns)} from fct_estimate where unit_code = '{code}' and month = '{month}-01'")
    return dict(zip(columns, row, strict=True))


def test_two_lists_tell_how_many_are_on_neither(estimated: Lake) -> None:
    # Twelve found, q8 in one of two places in the street; ten registered in it, q1 twice; eight on both.
    street = estimate(estimated, STREET_1)
    assert [street[name] for name in ("n1", "n2", "m", "left_out")] == [12, 10, 8, 1]
    # 13 × 11 / 9 − 1; variance 13 × 11 × 4 × 2 / (9² × 10) = 1.4123; nobody of the 14 who are listed is missing
    assert street["estimate"] == pytest.approx(14.8889, abs=1e-4)
    assert street["low"] == 14
    assert street["high"] == pytest.approx(14.8889 + 1.96 * 1.18842, abs=1e-3)
    assert street["unseen"] == pytest.approx(0.8889, abs=1e-4)


def test_the_county_is_estimated_from_its_own_people_and_not_as_a_sum(estimated: Lake) -> None:
    # c1 too was found; q9's registration in C is one of the county's: 14 × 12 / 10 − 1
    county = estimate(estimated, COUNTY)
    assert [county[name] for name in ("n1", "n2", "m", "left_out")] == [13, 11, 9, 1]
    assert county["estimate"] == pytest.approx(15.8)
    assert county["unseen"] == pytest.approx(0.8)


def test_too_small_an_overlap_gives_no_estimate(estimated: Lake) -> None:
    street = estimate(estimated, STREET_2)
    assert [street[name] for name in ("n1", "n2", "m")] == [1, 1, 0]
    assert [street[name] for name in ("estimate", "low", "high", "unseen")] == [None] * 4


def test_a_missing_list_gives_no_estimate_where_it_matters(estimated: Lake) -> None:
    assert estimate(estimated, COUNTY, "2026-02")["estimate"] is None
    assert estimate(estimated, STREET_1, "2026-02")["estimate"] == pytest.approx(14.8889, abs=1e-4)


def test_there_are_estimates_for_streets_and_county_only(estimated: Lake) -> None:
    assert estimated.rows("select distinct unit_level from fct_estimate order by 1") == [("county",), ("street",)]


def test_a_month_computed_again_leaves_the_estimates_of_the_others(estimated: Lake) -> None:
    before = estimated.rows("select * from fct_estimate order by month, unit_key")
    estimated.build(["2026-02"])
    assert estimated.rows("select * from fct_estimate order by month, unit_key") == before
