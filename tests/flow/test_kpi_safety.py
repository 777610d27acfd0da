"""Cases, police rooms, patrols, duty and village works as dbt computes them, against numbers worked out by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tests.support.lake import COUNTY, STREET_1, STREET_2, A, B, C, Lake

GRID_1, GRID_2 = f"grid_{STREET_1}", f"grid_{STREET_2}"
GRID_DATASETS = ["grid_patrols", "grid_duty"]
EXPECTED = {
    "county_police": ["police_case_returns", "police_rooms"],
    "county_civil": ["civil_village_works"],
    GRID_1: GRID_DATASETS,
    GRID_2: GRID_DATASETS,
}
JANUARY, FEBRUARY, MARCH = "2026-01", "2026-02", "2026-03"
CATEGORIES = {
    "criminal": "criminal_cases",
    "public_order": "public_order_cases",
    "safety_disaster": "safety_disasters",
    "resident_offence": "resident_offences",
    "vice": "vice_cases",
}
Verdict = tuple[str, str]


def cases(community: str, category: str, number: int | None, *verdicts: Verdict) -> dict[str, Any]:
    return {"community_code": community, "category": category, "cases": number, "verdicts": verdicts}


def room(number: str, community: str, *verdicts: Verdict, **values: Any) -> dict[str, Any]:
    return {
        "room_no": number, "community_code": community, "opened_date": date(2020, 1, 1), "verdicts": verdicts, **values,
    }  # fmt: skip


def patrols(grid: str, due: int | None, done: int, *verdicts: Verdict, kind: str = "general") -> dict[str, Any]:
    return {
        "grid_code": grid, "community_code": grid[:12], "kind": kind, "patrols_due": due, "patrols_done": done,
        "verdicts": verdicts,
    }  # fmt: skip


def duty(community: str, due: str | None, staffed: str, *verdicts: Verdict) -> dict[str, Any]:
    return {
        "community_code": community, "hours_due": None if due is None else Decimal(due),
        "hours_staffed": Decimal(staffed), "verdicts": verdicts,
    }  # fmt: skip


def village(
    community: str, toilets: int, lanes: tuple[int, int, int], days: tuple[int, int], items: int, *verdicts: Verdict
) -> dict[str, Any]:
    """lanes: all, hardened, lit; days: cleared, due."""
    return {
        "community_code": community, "dry_toilets": toilets, "lanes": lanes[0], "lanes_hardened": lanes[1],
        "lanes_lit": lanes[2], "waste_days_cleared": days[0], "waste_days_due": days[1],
        "cultural_items_present": items, "verdicts": verdicts,
    }  # fmt: skip


def fraction(figure: dict[str, Any], which: str = "") -> tuple[Any, Any]:
    return figure[f"{which}numerator"], figure[f"{which}denominator"]


def judged(figure: dict[str, Any]) -> tuple[Any, Any, Any]:
    return figure["status"], figure["certainty"], figure["shortfall"]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Everything arrives in January and February; in March neither case returns nor the patrols of one street."""
    lake = Lake(
        tmp_path_factory.mktemp("safety"), months=(JANUARY, FEBRUARY, MARCH), packs=("A", "B", "D3", "D4", "D6"),
        programme_starts={"D6": date(2023, 6, 1)},
        expected=EXPECTED,
    )  # fmt: skip
    deliver_cases(lake)
    deliver_rooms(lake)
    deliver_patrols(lake)
    deliver_duty(lake)
    deliver_villages(lake)
    lake.deliver_empty(JANUARY)
    lake.deliver_empty(FEBRUARY)
    lake.deliver_empty(MARCH, but=["police_case_returns", "grid_patrols"])
    lake.build()
    return lake


def deliver_cases(lake: Lake) -> None:
    lake.deliver("police_case_returns", "county_police", JANUARY, [
        cases(A, "criminal", 0), cases(B, "criminal", 2), cases(C, "criminal", 0),
        cases(A, "public_order", None, ("cases.readable", "error")),
        cases(B, "public_order", 0), cases(C, "public_order", 1),
        cases(A, "safety_disaster", 0), cases(B, "safety_disaster", 0), cases(C, "safety_disaster", 0),
        cases(A, "resident_offence", 1), cases(B, "resident_offence", 0),  # and nothing of C
        cases(A, "vice", 0), cases(B, "vice", 0), cases(C, "vice", 0),
        cases(A, "交通事故", 3, ("category.known_value", "error")),
        cases("610629999999", "vice", 1, ("community_code.exists", "error")),
    ])  # fmt: skip
    lake.deliver("police_case_returns", "county_police", FEBRUARY, [
        cases(A, "criminal", 0), cases(B, "criminal", 0), cases(C, "criminal", 0),
        cases(A, "criminal", 0, ("key.repeated", "duplicate")),
    ])  # fmt: skip


def deliver_rooms(lake: Lake) -> None:
    bad = ("officers.range", "error")
    lake.deliver("police_rooms", "county_police", JANUARY, [
        room("open", A),
        room("closed", A, closed_date=date(2026, 1, 31)),
        room("later", A, opened_date=date(2026, 2, 1)),
        room("bad", A, bad),
        room("bad-closed", B, bad, closed_date=date(2025, 1, 1)),
        # when it was opened or closed nobody knows
        room("bad-days", B, ("closed_after_opened", "error"), closed_date=date(2019, 1, 1)),
    ])  # fmt: skip


def deliver_patrols(lake: Lake) -> None:
    lake.deliver("grid_patrols", GRID_1, JANUARY, [
        patrols(f"{A}-001", 60, 60),
        patrols(f"{A}-001", 8, 10, ("done_above_due", "warning"), kind="fixed_point"),
        patrols(f"{A}-002", 30, 12),
        patrols(f"{A}-003", 20, -3, ("patrols_done.range", "error")),
        patrols(f"{A}-004", 4, 4, ("kind.known_value", "error"), kind="夜间"),
        patrols(f"{B}-001", 60, 60),
        patrols(f"{B}-002", None, 5, ("patrols_due.readable", "error")),
    ])  # fmt: skip
    lake.deliver("grid_patrols", GRID_1, FEBRUARY, [patrols(f"{B}-001", 0, 0)])
    lake.deliver("grid_patrols", GRID_1, MARCH, [patrols(f"{B}-001", 62, 62)])


def deliver_duty(lake: Lake) -> None:
    lake.deliver("grid_duty", GRID_1, JANUARY, [duty(A, "744", "743.5"), duty(B, "744", "744")])
    lake.deliver("grid_duty", GRID_2, JANUARY, [duty(C, "700", "744", ("staffed_within_due", "error"))])
    lake.deliver("grid_duty", GRID_1, FEBRUARY, [
        duty(A, "672", "672"), duty(A, None, "10", ("hours_due.readable", "error")), duty(B, "672", "672"),
    ])  # fmt: skip


def deliver_villages(lake: Lake) -> None:
    lake.deliver("civil_village_works", "county_civil", JANUARY, [
        village(A, 0, (20, 20, 19), (31, 31), 5),
        village(B, 12, (30, 27, 30), (30, 31), 4),
        village(C, -1, (10, 10, 10), (31, 31), 5, ("dry_toilets.range", "error")),
    ])  # fmt: skip
    lake.deliver("civil_village_works", "county_civil", FEBRUARY, [village(A, 0, (20, 20, 20), (27, 28), 5)])


# --- cases: targets of zero, a return expected of everyone ---------------------------------------------------------


def test_no_case_is_wanted_and_each_is_one_too_many(lake: Lake) -> None:
    b, c = lake.figure("criminal_cases", B), lake.figure("criminal_cases", C)
    assert (fraction(b), fraction(b, "low_"), fraction(b, "high_")) == ((2, 1), (2, 1), (2, 1))
    assert judged(b) == ("missed", "confirmed", 2)
    assert (fraction(c), fraction(c, "high_"), judged(c)) == ((0, 1), (0, 1), ("met", "confirmed", 0))


@pytest.mark.parametrize("category", list(CATEGORIES))
def test_cases_of_a_category_that_nobody_knows_may_be_of_any(lake: Lake, category: str) -> None:
    figure = lake.figure(CATEGORIES[category], STREET_1)
    # A and B: 0 + 2 criminal cases, 1 + 0 offences, none of the others
    certain = {"criminal": 2, "resident_offence": 1}.get(category, 0)
    # 3 of an unknown category in A; of vice 1 more somewhere in the county; A's public-order cases have no number
    doubtful = {"vice": 3 + 1}.get(category, 3)
    high = None if category == "public_order" else certain + doubtful
    assert fraction(figure) == (certain, 1)
    assert (figure["low_numerator"], figure["high_numerator"]) == (certain, high)
    assert judged(figure) == (("missed", "confirmed", certain) if certain else ("met", "undetermined", 0))


def test_a_return_that_is_absent_or_refused_is_no_data_and_not_zero(lake: Lake) -> None:
    assert (lake.figure("public_order_cases", A)["status"], lake.figure("public_order_cases", C)["status"]) == (
        "no_data", "missed",
    )  # fmt: skip
    absent = lake.figure("resident_offences", C)
    assert (judged(absent), fraction(absent)) == (("no_data", None, None), (None, None))
    assert lake.figure("resident_offences", STREET_2)["status"] == "no_data"
    county = lake.figure("resident_offences", COUNTY)
    # two of three communities returned 1 + 0; what the third has is open
    assert (fraction(county), county["high_numerator"], county["value_high"]) == ((1, 1), None, None)
    assert judged(county) == ("missed", "confirmed", 1)


def test_a_longer_period_needs_the_returns_of_all_its_months(lake: Lake) -> None:
    quarter = lake.figure("criminal_cases", C, period_type="quarter")
    # 0 + 0; of three months two were returned
    assert (fraction(quarter), fraction(quarter, "low_"), quarter["high_numerator"]) == ((0, 1), (0, 1), None)
    assert judged(quarter) == ("met", "undetermined", 0)
    # 2 + 0 are too many, whatever March brings
    assert judged(lake.figure("criminal_cases", B, period_type="quarter")) == ("missed", "confirmed", 2)
    february = lake.figure("criminal_cases", COUNTY, FEBRUARY)
    assert (fraction(february), fraction(february, "high_")) == ((0, 1), (0, 1))
    assert judged(february) == ("met", "confirmed", 0)
    assert lake.figure("criminal_cases", COUNTY, MARCH)["status"] == "no_data"


# --- police rooms: a count with a floor for communities, set by several documents ---------------------------------


def rooms(lake: Lake, code: str) -> dict[str | None, tuple[Any, ...]]:
    """Target → numerator and its bounds, status, certainty, shortfall, whether the plan period is over."""
    found = lake.rows(f"""
        select target_id, numerator, low_numerator, high_numerator, status, certainty, shortfall, is_basis_expired
        from fct_kpi where kpi_id = 'police_room_count' and unit_code = '{code}' and period_type = 'month'
            and period = date '2026-01-01'""")
    return {target: tuple(rest) for target, *rest in found}


def test_each_community_has_an_open_police_room(lake: Lake) -> None:
    # A: one is open, another may be; B: the one without reliable days may be; C: none
    assert rooms(lake, A)["D4-PRC"] == (1, 1, 2, "met", "confirmed", 0, False)
    assert rooms(lake, B)["D4-PRC"] == (0, 0, 1, "missed", "undetermined", 1, False)
    assert rooms(lake, C)["D4-PRC"] == (0, 0, 0, "missed", "confirmed", 1, False)


def test_documents_whose_plan_is_over_still_demand_a_police_room(lake: Lake) -> None:
    found = rooms(lake, A)
    assert {target: row[-1] for target, row in found.items()} == {"A-PRC": True, "B-PRC": True, "D4-PRC": False}
    assert {row[:-1] for row in found.values()} == {(1, 1, 2, "met", "confirmed", 0)}


def test_the_rooms_of_streets_and_county_are_added_up_and_not_judged(lake: Lake) -> None:
    # street: 1 + 0, in doubt 1 + 1
    assert rooms(lake, STREET_1) == {None: (1, 1, 3, "no_target", None, None, False)}
    assert rooms(lake, COUNTY) == {None: (1, 1, 3, "no_target", None, None, False)}


# --- patrols, duty: parts of an amount -----------------------------------------------------------------------------


def test_patrols_beyond_the_due_make_up_for_no_other_grid(lake: Lake) -> None:
    figure = lake.figure("patrol_frequency_rate", A)
    # done 60 + 8 (not 10) + 12 of 60 + 8 + 30
    assert fraction(figure) == (80, 98)
    # in doubt: 20 due of the negative number, 4 of an unknown kind, all of them done or none
    assert fraction(figure, "low_") == (80, 98 + 20 + 4)
    assert fraction(figure, "high_") == (80 + 20 + 4, 98 + 20 + 4)
    assert judged(figure) == ("no_target", None, None)


def test_patrols_whose_due_nobody_knows_leave_everything_open(lake: Lake) -> None:
    figure = lake.figure("patrol_frequency_rate", B)
    assert (fraction(figure), fraction(figure, "low_"), fraction(figure, "high_")) == ((60, 60), (60, None), (None, None))
    assert (figure["value_low"], figure["value"], figure["value_high"]) == (0, 100, 100)
    # nothing was due in February: not a number
    assert judged(lake.figure("patrol_frequency_rate", B, FEBRUARY)) == ("not_applicable", "confirmed", None)
    # in March the other street's patrols did not arrive
    march = lake.figure("patrol_frequency_rate", COUNTY, MARCH)
    assert (fraction(march), fraction(march, "low_"), march["reporting_suppliers"]) == ((62, 62), (62, None), 1)


def test_half_an_hour_without_anyone_on_duty_is_missed(lake: Lake) -> None:
    assert judged(lake.figure("duty_coverage_rate", A)) == ("missed", "confirmed", Decimal("0.5"))
    assert judged(lake.figure("duty_coverage_rate", B)) == ("met", "confirmed", 0)
    street = lake.figure("duty_coverage_rate", STREET_1)
    # 743.5 + 744 of 744 + 744
    assert (fraction(street), judged(street)) == ((Decimal("1487.5"), 1488), ("missed", "confirmed", Decimal("0.5")))


def test_a_community_that_says_nothing_of_its_hours_has_no_data(lake: Lake) -> None:
    assert lake.figure("duty_coverage_rate", C)["status"] == "no_data"
    county = lake.figure("duty_coverage_rate", COUNTY)
    # C's hours are open, but 0.5 missing hours stay missing
    assert (fraction(county, "low_"), fraction(county, "high_")) == ((Decimal("1487.5"), None), (None, None))
    assert judged(county) == ("missed", "confirmed", Decimal("0.5"))


def test_hours_that_cannot_be_read_keep_full_duty_in_doubt_although_every_return_came(lake: Lake) -> None:
    figure = lake.figure("duty_coverage_rate", A, FEBRUARY)
    assert (fraction(figure), fraction(figure, "low_"), fraction(figure, "high_")) == ((672, 672), (672, None), (None, None))
    assert judged(figure) == ("met", "undetermined", 0)


# --- village works -------------------------------------------------------------------------------------------------


def test_dry_toilets_are_to_disappear_and_silence_is_no_zero(lake: Lake) -> None:
    assert judged(lake.figure("dry_toilets_remaining", A)) == ("met", "confirmed", 0)
    assert judged(lake.figure("dry_toilets_remaining", B)) == ("missed", "confirmed", 12)
    assert lake.figure("dry_toilets_remaining", C)["status"] == "no_data"
    street, county = (lake.figure("dry_toilets_remaining", code) for code in (STREET_1, COUNTY))
    # 0 + 12; C's number is none
    assert (fraction(street), fraction(street, "high_")) == ((12, 1), (12, 1))
    assert (fraction(county), fraction(county, "low_"), county["high_numerator"]) == ((12, 1), (12, 1), None)
    # of February only A is known; the stock of the quarter is that of March, of which nothing is
    assert judged(lake.figure("dry_toilets_remaining", STREET_1, FEBRUARY)) == ("met", "undetermined", 0)
    assert lake.figure("dry_toilets_remaining", A, period_type="quarter")["status"] == "no_data"


def test_lanes_are_hardened_and_lit(lake: Lake) -> None:
    # B: 27 of 30; A: 19 of 20 lit
    assert judged(lake.figure("lane_hardening_rate", B)) == ("missed", "confirmed", 3)
    assert judged(lake.figure("lane_lighting_rate", A)) == ("missed", "confirmed", 1)
    assert fraction(lake.figure("lane_lighting_rate", STREET_1)) == (19 + 30, 20 + 30)
    c, county = (lake.figure("lane_hardening_rate", code) for code in (C, COUNTY))
    # C's row is refused for its toilets; its 10 lanes may count, hardened or not
    assert (fraction(c), fraction(c, "low_"), fraction(c, "high_")) == ((0, 0), (0, 10), (10, 10))
    assert judged(c) == ("not_applicable", "undetermined", None)
    assert (fraction(county), fraction(county, "low_"), fraction(county, "high_")) == ((47, 50), (47, 60), (57, 60))
    assert judged(county) == ("missed", "confirmed", 3)


def test_cultural_items_are_five_in_each_village(lake: Lake) -> None:
    assert judged(lake.figure("cultural_five_ones_rate", B)) == ("missed", "confirmed", 1)
    county = lake.figure("cultural_five_ones_rate", COUNTY)
    # 5 + 4 of 2 × 5; C's 5 may count
    assert (fraction(county), fraction(county, "low_"), fraction(county, "high_")) == ((9, 10), (9, 15), (14, 15))


def test_days_of_clearance_add_up_over_the_months(lake: Lake) -> None:
    quarter = lake.figure("daily_waste_clearance_rate", A, period_type="quarter")
    # January 31 of 31, February 27 of 28
    assert (fraction(quarter), judged(quarter)) == ((58, 59), ("missed", "confirmed", 1))
    assert judged(lake.figure("daily_waste_clearance_rate", A)) == ("met", "confirmed", 0)
    county = lake.figure("daily_waste_clearance_rate", COUNTY)
    # 31 + 30 of 62; C's 31 may count
    assert (fraction(county), fraction(county, "low_"), fraction(county, "high_")) == ((61, 62), (61, 93), (92, 93))
