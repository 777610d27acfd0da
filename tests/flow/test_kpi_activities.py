"""KPIs over community activities, against numbers worked out by hand beside each test."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.support.lake import COUNTY, STREET_1, A, B, C, Lake

CADENCE = "activity_cadence_rate"
CONTEST = "yearly_contest_rate"
VOLUNTEERING = "stationed_unit_volunteering_rate"
# An error in a cell that no KPI here asks for, so that every other cell of the row is trusted.
BAD_ROW = ("participants.range", "error")
UNKNOWN_KIND = ("kind.known_value", "error")
UNKNOWN_COMMUNITY = ("community_code.exists", "error")


def activity(number: str, community: str, kind: str, held: date, *verdicts: tuple[str, str], **values: Any) -> dict[str, Any]:
    return {
        "activity_no": number, "community_code": community, "kind": kind, "held_date": held, "verdicts": verdicts, **values,
    }  # fmt: skip


def volunteering(number: str, community: str, held: date, staff: int | None, served: int | None, *verdicts: tuple[str, str]) -> dict[str, Any]:
    told = {"stationed_unit_staff": staff, "stationed_unit_volunteers": served}
    return activity(number, community, "volunteering", held, *verdicts, **told)


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = Lake(tmp_path_factory.mktemp("activities"), months=tuple(f"2026-{month:02d}" for month in range(1, 13)))
    lake.deliver("civil_activities", "county_civil", "2026-01", [
        activity("a1", A, "sports_contest", date(2026, 1, 10)),
        activity("a2", A, "sports_contest", date(2026, 1, 20)),
        activity("a3", A, "other", date(2026, 1, 21)),
        activity("b1", B, "sports_contest", date(2026, 1, 5)),
    ])  # fmt: skip
    lake.deliver("civil_activities", "county_civil", "2026-02", [
        activity("b2", B, "sports_contest", date(2026, 2, 5)),
        activity("b3", B, "show", date(2026, 2, 1)),
        activity("c1", C, "sports_contest", date(2026, 2, 8), BAD_ROW),
        volunteering("b4", B, date(2026, 2, 1), 50, 50),
    ])  # fmt: skip
    lake.deliver("civil_activities", "county_civil", "2026-03", [
        activity("a4", A, "sports_contest", date(2026, 3, 5)),
        activity("a5", A, "show", date(2026, 3, 20)),
        activity("a5", A, "评比", date(2026, 3, 20), UNKNOWN_KIND),  # a revision of the show in doubt
        activity("b5", B, "sports_contest", date(2026, 3, 5)),
        activity("c2", C, "联欢", date(2026, 3, 9), UNKNOWN_KIND),
        activity("x1", "610629998998", "sports_contest", date(2026, 3, 9), UNKNOWN_COMMUNITY),
        volunteering("a6", A, date(2026, 3, 1), 100, 20),
    ])  # fmt: skip
    lake.deliver("civil_activities", "county_civil", "2026-05", [volunteering("b6", B, date(2026, 5, 4), 80, 70, BAD_ROW)])
    lake.deliver("civil_activities", "county_civil", "2026-06", [volunteering("a7", A, date(2026, 6, 1), 100, 60)])
    lake.deliver("civil_activities", "county_civil", "2026-07", [
        volunteering("x2", "610629998998", date(2026, 7, 1), 10, 10, UNKNOWN_COMMUNITY)
    ])  # fmt: skip
    for month in lake.months:
        lake.deliver_empty(month)
    lake.build()
    return lake


def bounds(figure: dict[str, Any]) -> tuple[Any, ...]:
    return tuple((figure[f"{which}numerator"], figure[f"{which}denominator"]) for which in ("", "low_", "high_"))


def test_what_a_community_holds_beyond_what_is_due_does_not_count(delivered: Lake) -> None:
    # one contest due in each community: A held two, B one, C none
    assert bounds(delivered.figure(CADENCE, COUNTY)) == ((2, 3), (2, 3), (2, 3))
    in_a = delivered.figure(CADENCE, A)
    assert (bounds(in_a)[0], in_a["status"], in_a["target_id"]) == ((1, 1), "met", "D2-ACR")
    in_c = delivered.figure(CADENCE, C)
    assert (bounds(in_c)[0], in_c["status"], in_c["certainty"], in_c["shortfall"]) == ((0, 1), "missed", "confirmed", 1)
    # a show is not due before March
    assert bounds(delivered.figure(CADENCE, COUNTY, "2026-02")) == ((4, 6), (4, 6), (5, 6))


def test_doubtful_activities_fill_what_is_missing(delivered: Lake) -> None:
    # three contests and a show due: A 3 + 1, B 3 + 1, C none
    # low: A's show is in doubt; high: c1 in C, and a5 (of no known kind), c2 and x1 wherever something is missing
    assert bounds(delivered.figure(CADENCE, COUNTY, "2026-03")) == ((8, 12), (7, 12), (12, 12))
    in_a = delivered.figure(CADENCE, A, "2026-03")
    assert bounds(in_a) == ((4, 4), (3, 4), (4, 4))
    assert (in_a["status"], in_a["certainty"]) == ("met", "undetermined")
    in_c = delivered.figure(CADENCE, C, "2026-03")
    # c1 a contest, c2 of any kind, x1 a contest: three of four at most
    assert bounds(in_c) == ((0, 4), (0, 4), (3, 4))
    assert (in_c["status"], in_c["certainty"], in_c["shortfall"]) == ("missed", "confirmed", 4)


def test_the_year_to_date_is_the_same_whatever_the_period_type(delivered: Lake) -> None:
    # 12 contests, 4 shows, 2 civility months, games: 19 due in each; contests A 3, B 3, shows A 1, B 1
    for period_type, period in (("month", "2026-12"), ("quarter", "2026-10"), ("year", "2026-01"), ("ytd", "2026-12")):
        assert bounds(delivered.figure(CADENCE, STREET_1, period, period_type))[0] == (8, 38)


def test_a_contest_in_the_year_is_due_at_its_end(delivered: Lake) -> None:
    november = delivered.figure(CONTEST, COUNTY, "2026-11")
    assert (bounds(november), november["status"]) == (((0, 0), (0, 0), (0, 0)), "not_applicable")
    december = delivered.figure(CONTEST, COUNTY, "2026-12")
    # A and B; C perhaps
    assert bounds(december) == ((2, 3), (2, 3), (3, 3))
    assert (december["status"], december["certainty"], december["shortfall"]) == ("missed", "undetermined", 1)
    in_a = delivered.figure(CONTEST, A, "2026-01", "year")
    assert (bounds(in_a)[0], in_a["status"], in_a["certainty"], in_a["target_id"]) == ((1, 1), "met", "confirmed", "D5-YCR")


def test_volunteers_are_a_running_total_of_which_the_latest_counts(delivered: Lake) -> None:
    in_b = delivered.figure(VOLUNTEERING, B, "2026-02")
    assert (bounds(in_b)[0], in_b["status"], in_b["certainty"]) == ((50, 50), "met", "confirmed")
    assert bounds(delivered.figure(VOLUNTEERING, COUNTY, "2026-02"))[0] == (50, 50)
    assert delivered.figure(VOLUNTEERING, A, "2026-02")["status"] == "not_applicable"
    # A 60 of 100 at last (not 80 of 200), B 50 of 50
    assert bounds(delivered.figure(VOLUNTEERING, STREET_1, "2026-06"))[0] == (110, 150)


def test_a_doubtful_report_may_be_the_latest(delivered: Lake) -> None:
    in_b = delivered.figure(VOLUNTEERING, B, "2026-05")
    # b6 says 70 of 80. Low: the fewest served, 50, of the most staff, 80; high: nobody idle, as b4 says
    assert bounds(in_b) == ((50, 50), (50, 80), (80, 80))
    assert (in_b["status"], in_b["certainty"]) == ("met", "undetermined")
    # the row of no known kind may be a report about any number of staff
    in_a = delivered.figure(VOLUNTEERING, A, "2026-03")
    assert bounds(in_a) == ((20, 100), (0, None), (None, None))
    assert (in_a["status"], in_a["certainty"], in_a["shortfall"]) == ("missed", "undetermined", 80)
    # from July on, a report of no known community may be about any
    assert bounds(delivered.figure(VOLUNTEERING, B, "2026-06"))[1] == (50, 80)
    assert bounds(delivered.figure(VOLUNTEERING, B, "2026-07")) == ((50, 50), (50, None), (None, None))
