"""KPIs in grids, against numbers worked out by hand beside each test: what lies in a grid, what may, and whom it shows."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest

from tests.support.lake import DEFAULT_UNITS, STREET_1, A, B, C, Lake, Unit

GRID_1 = f"grid_{STREET_1}"
A1, A2, A3, B1, C1 = f"{A}-001", f"{A}-002", f"{A}-003", f"{B}-001", f"{C}-001"
SPECIALISED = f"{A}-901"
UNITS = (*DEFAULT_UNITS, *(Unit(code, "grid", code[:12], "urban") for code in (A1, A2, A3, B1, C1)))
JANUARY = "2026-01"
REPORTED, VERIFIED = datetime(2026, 1, 5, 9), datetime(2026, 1, 9, 9)
NO_GRID, NO_COMMUNITY = ("grid_code.required", "error"), ("community_code.required", "error")
BAD_STATUS, TIED = ("status.known_value", "error"), ("person_in_two_places", "error")


def event(number: str, community: str | None, grid: str | None, *verdicts: tuple[str, str], closed: bool = True) -> dict[str, Any]:
    return {
        "event_no": number, "community_code": community, "grid_code": grid, "reported_at": REPORTED,
        "verified_at": VERIFIED if closed else None, "micro_event": False, "verdicts": verdicts,
    }  # fmt: skip


def patrols(grid: str, due: int, done: int, *verdicts: tuple[str, str]) -> dict[str, Any]:
    return {
        "grid_code": grid, "community_code": grid[:12], "kind": "general", "patrols_due": due, "patrols_done": done,
        "verdicts": verdicts,
    }  # fmt: skip


def listed(grid: str, kind: str, needed: int, there: int) -> dict[str, Any]:
    return {
        "grid_code": grid, "community_code": grid[:12], "kind": kind, "households": 1, "building_heads_needed": needed,
        "building_heads": there,
    }  # fmt: skip


def resident(person: str, grid: str | None, *verdicts: tuple[str, str], community: str = A) -> dict[str, Any]:
    return {
        "person_id": person, "community_code": community, "grid_code": grid, "residence_type": "temporary",
        "arrived_date": date(2025, 5, 1), "verdicts": verdicts,
    }  # fmt: skip


def registration(person: str) -> dict[str, Any]:
    return {"person_id": person, "community_code": A, "registered_date": date(2025, 6, 1)}


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = Lake(tmp_path_factory.mktemp("grids"), units=UNITS)
    lake.deliver("grid_events", GRID_1, JANUARY, [
        event("e1", A, A1),
        event("e2", A, A1, closed=False),
        event("e3", A, A2),
        event("e4", A, SPECIALISED),
        # in one of the three grids of A, closed; in any grid of the street, closed or not
        event("q1", A, None, NO_GRID),
        event("q2", None, None, NO_COMMUNITY, NO_GRID, closed=False),
        # in doubt for something else: e3 lies in the first grid, it says
        event("e3", A, A1, BAD_STATUS),
        # in no grid that is a unit, in doubt or not
        event("q3", A, SPECIALISED, BAD_STATUS),
    ])  # fmt: skip
    lake.deliver("grid_patrols", GRID_1, JANUARY, [
        patrols(A1, 10, 8), patrols(A2, 5, 7), patrols(A2, 4, 1, ("kind.known_value", "error")), patrols(B1, 3, 3),
    ])  # fmt: skip
    lake.deliver("grid_grids", GRID_1, JANUARY, [
        listed(A1, "general", 4, 3), listed(A2, "general", 2, 5), listed(SPECIALISED, "police", 9, 0),
    ])  # fmt: skip
    people = {A1: 12, A2: 9, A3: 40, B1: 3}
    named = [(f"{grid}-{number}", grid) for grid, count in people.items() for number in range(count)]
    lake.deliver("grid_residents", GRID_1, JANUARY, [
        *(resident(person, grid, community=grid[:12]) for person, grid in named),
        # somewhere in A; in one grid of A or one of B
        resident("q4", None, NO_GRID),
        resident("t1", A3, TIED),
        resident("t1", B1, TIED, community=B),
    ])  # fmt: skip
    without = {f"{A1}-0", f"{A3}-0", f"{A3}-1"}
    lake.deliver("police_residence_registrations", "county_police", JANUARY, [
        registration(person) for person, _ in named if person not in without
    ])  # fmt: skip
    lake.deliver_empty(JANUARY)
    lake.build()
    return lake


def bounds(figure: dict[str, Any]) -> list[tuple[int, int]]:
    """(numerator, denominator) of the low end, the figure and the high end."""
    return [(int(figure[f"{end}numerator"]), int(figure[f"{end}denominator"])) for end in ("low_", "", "high_")]


def test_an_event_counts_in_the_grid_that_it_names(delivered: Lake) -> None:
    # A1: e1 closed, e2 open. Low: q2 is open. High: q1 and q2 are closed and here, and so is e3.
    assert bounds(delivered.figure("grid_event_closure_rate", A1)) == [(1, 3), (1, 2), (4, 5)]
    # A2: e3 is closed. Low: what is said of it since may be that it is not, and q2 is open. High: with q1 and q2.
    assert bounds(delivered.figure("grid_event_closure_rate", A2)) == [(0, 2), (1, 1), (3, 3)]


def test_a_grid_without_events_has_what_may_lie_in_any_grid_in_its_bounds(delivered: Lake) -> None:
    empty = delivered.figure("grid_event_closure_rate", A3)
    assert bounds(empty) == [(0, 1), (0, 0), (2, 2)]
    assert (empty["status"], empty["certainty"]) == ("not_applicable", "undetermined")
    # q1 lies in A for certain
    assert bounds(delivered.figure("grid_event_closure_rate", B1)) == [(0, 1), (0, 0), (1, 1)]
    # another supplier's
    elsewhere = delivered.figure("grid_event_closure_rate", C1)
    assert bounds(elsewhere) == [(0, 0), (0, 0), (0, 0)]
    assert elsewhere["certainty"] == "confirmed"


def test_the_community_has_what_lies_in_none_of_its_grids(delivered: Lake) -> None:
    # e1, e3 and e4 are closed, e2 is not. High: q1, q2 and q3 are closed.
    assert bounds(delivered.figure("grid_event_closure_rate", A))[1:] == [(3, 4), (6, 7)]


def test_patrols_and_building_heads_of_a_grid(delivered: Lake) -> None:
    assert bounds(delivered.figure("patrol_frequency_rate", A1)) == [(8, 10), (8, 10), (8, 10)]
    # seven done of five due are five; in doubt another four, of which one was done: all of them may fail or pass
    assert bounds(delivered.figure("patrol_frequency_rate", A2)) == [(5, 9), (5, 5), (9, 9)]
    # eight and five of fifteen
    assert bounds(delivered.figure("patrol_frequency_rate", A))[1] == (13, 15)
    assert bounds(delivered.figure("building_head_rate", A1))[1] == (3, 4)
    # too many in one make up for none in another: two of two, and five of six in A
    assert bounds(delivered.figure("building_head_rate", A2))[1] == (2, 2)
    assert bounds(delivered.figure("building_head_rate", A))[1] == (5, 6)


def test_a_person_counts_in_the_grid_where_they_were_found(delivered: Lake) -> None:
    # 40 found, two without registration. Low: with q4 and t1, who has none. High: q4 has one.
    figure = delivered.figure("temporary_resident_registration_rate", A3)
    assert bounds(figure) == [(38, 42), (38, 40), (39, 41)]
    # 38 of 40 are 95 %
    assert (figure["status"], figure["certainty"], figure["is_withheld"]) == ("met", "undetermined", False)


def test_of_few_people_the_verdict_alone_is_given(delivered: Lake) -> None:
    amounts = ("numerator", "denominator", "value", "low_denominator", "high_numerator", "value_low", "value_high", "chance_low", "failures_allowed", "shortfall")
    # Nine in A2. The twelve in A1 are more than nine, but these could be told from A's figure without them.
    for grid, status in ((A2, "met"), (A1, "missed"), (B1, "met")):
        figure = delivered.figure("temporary_resident_registration_rate", grid)
        assert (figure["status"], figure["is_withheld"]) == (status, True)
        assert [figure[name] for name in amounts] == [None] * len(amounts)
    # 61 in A: 11 + 9 + 38 of 12 + 9 + 40
    assert bounds(delivered.figure("temporary_resident_registration_rate", A))[1] == (58, 61)
    # cases and patrols are no people
    assert not delivered.figure("patrol_frequency_rate", B1)["is_withheld"]


def test_only_indicators_whose_data_name_a_grid_have_figures_of_grids(delivered: Lake) -> None:
    found = {kpi for (kpi,) in delivered.rows("select distinct kpi_id from fct_kpi where unit_level = 'grid'")}
    assert found == {
        "temporary_resident_registration_rate", "actual_population_link_rate", "grid_event_closure_rate",
        "grid_event_on_time_rate", "supervised_event_closure_rate", "repeat_verification_failures",
        "verification_by_reporter_rate", "micro_event_on_the_spot_rate", "micro_event_rectification_rate",
        "patrol_frequency_rate", "building_head_rate",
    }  # fmt: skip
