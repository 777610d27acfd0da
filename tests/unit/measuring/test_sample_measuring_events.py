"""What declared measures of events amount to, with revisions and what is in doubt, counted by hand."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import polars as pl

from pipelines.county import County
from pipelines.sample.areas import Span
from pipelines.sample.measuring import Kpi, Measure
from pipelines.sample.sheets import Sheet
from tests.support.measured import (
    CLOSED,
    CUTOFF,
    FEBRUARY,
    LATER,
    MARCH,
    QUARTER,
    REPORTED,
    STREET,
    A,
    B,
    amounts,
    event,
    kpi_of,
    of_month,
    sheet,
)


def of_events(kpi: Kpi, county: County, *sheets: Sheet, span: Span | None = None, unit: str = A) -> dict[str, Any]:
    return amounts(kpi, county, *sheets, span=span, unit=unit)


def test_an_event_has_passed_in_a_period_if_that_was_known_by_its_cut_off(county: County) -> None:
    kpi = kpi_of(CLOSED, basis="flow")
    rows = sheet(
        "grid_events", event("1", REPORTED, CUTOFF), event("2", REPORTED, LATER), event("3", REPORTED),
        event("4", datetime(2025, 12, 31, 23, 59), REPORTED),
    )  # fmt: skip
    assert of_events(kpi, county, rows) == {"events": 3, "events_passed": 1}
    # Nothing of February is delivered, but what is known of January by the quarter's cut-off counts.
    assert of_events(kpi, county, rows, span=QUARTER) == {"events": 3, "events_passed": 2}
    assert of_events(kpi, county, rows, span=of_month(FEBRUARY)) == {}


def test_an_event_counts_from_the_day_on_which_it_begins_to(county: County) -> None:
    due = datetime(2026, 2, 20)
    judged = Measure(
        "judged", "grid_events", "rate", passes=lambda _: pl.col("verified_at") <= pl.col("due_at"),
        counted_on=pl.min_horizontal("verified_at", "due_at"),
    )  # fmt: skip
    rows = sheet(
        "grid_events", event("1", REPORTED, CUTOFF, due_at=due), event("2", REPORTED, due_at=due), event("3", REPORTED)
    )
    kpi = kpi_of(judged, basis="flow")
    assert of_events(kpi, county, rows) == {"judged": 1, "judged_passed": 1}
    assert of_events(kpi, county, rows, span=QUARTER) == {"judged": 2, "judged_passed": 1}


def test_of_several_listings_the_latest_accepted_one_counts(county: County) -> None:
    january = sheet("grid_events", event("1", REPORTED), event("2", REPORTED, CUTOFF))
    february = sheet(
        "grid_events", event("1", REPORTED, CUTOFF), event("2", REPORTED, community_code=B), month=FEBRUARY
    )
    kpi = kpi_of(CLOSED, basis="flow")
    for sheets in ((january, february), (february, january)):
        assert of_events(kpi, county, *sheets) == {"events": 1, "events_passed": 1}
        assert of_events(kpi, county, *sheets, unit=B) == {"events": 1}


def test_a_refused_event_belongs_to_its_month_where_that_is_known_else_to_the_delivered_one(county: County) -> None:
    refused = ["department.required"]
    rows = sheet(
        "grid_events",
        event("1", REPORTED, rules=refused),
        event("2", None, rules=["reported_at.readable"]),
        event("3", datetime(2026, 3, 1), rules=["reported_by_period_end"]),
        event("4", datetime(2026, 4, 1), rules=refused),
        month=FEBRUARY,
    )
    kpi = kpi_of(CLOSED, basis="flow")
    assert of_events(kpi, county, rows) == {"events_may_fail": 1}
    assert of_events(kpi, county, rows, span=of_month(FEBRUARY)) == {"events_may_fail": 3}
    assert of_events(kpi, county, rows, span=of_month(MARCH)) == {}


def test_a_refused_listing_of_an_event_that_counts_is_a_revision_and_no_case_of_its_own(county: County) -> None:
    counted_once_closed = Measure("events", "grid_events", "rate", passes=CLOSED.passes, counted_on="verified_at")
    january = sheet("grid_events", event("1", REPORTED, CUTOFF), event("2", REPORTED), event("3", REPORTED))
    february = sheet(
        "grid_events",
        event("1", REPORTED, rules=["department.required"]),
        event("2", REPORTED, rules=["department.required"]),
        event("4", REPORTED, rules=["department.required"]),
        event("3", REPORTED, rules=["key.unique"]),  # whose number is in doubt
        month=FEBRUARY,
    )
    assert of_events(kpi_of(CLOSED, basis="flow"), county, january, february) == {
        "events": 3, "events_passed": 1, "events_may_fail": 2,
        "events_revised": 2, "events_revised_counted": 2, "events_revised_passed": 1,
    }  # fmt: skip
    assert of_events(kpi_of(counted_once_closed, basis="flow"), county, january, february) == {
        "events": 1, "events_passed": 1, "events_may_fail": 2,
        "events_revised": 2, "events_revised_counted": 1, "events_revised_passed": 1,
    }  # fmt: skip


def test_a_refused_event_may_fail_until_it_passed_and_counts_from_the_day_that_it_says(county: County) -> None:
    refused = {"rules": ["department.required"]}
    rows = sheet(
        "grid_events", event("1", REPORTED, CUTOFF, **refused), event("2", REPORTED, LATER, **refused),
        event("3", REPORTED, **refused, status=None),
    )  # fmt: skip
    kpi = kpi_of(CLOSED, basis="flow")
    assert of_events(kpi, county, rows) == {"events_may_pass": 2, "events_may_fail": 2}
    assert of_events(kpi, county, rows, span=QUARTER) == {"events_may_pass": 3, "events_may_fail": 1}
    # Where nobody knows the day it may be any; what counts when it has passed never fails.
    once_closed = kpi_of(Measure("events", "grid_events", "rate", passes=CLOSED.passes, counted_on="verified_at"), basis="flow")
    assert of_events(once_closed, county, rows) == {"events_may_pass": 2, "events_may_fail": 1}
    assert of_events(once_closed, county, rows, span=QUARTER) == {"events_may_pass": 3, "events_may_fail": 1}
    closings = kpi_of(Measure("closed", "grid_events", "count", counted_on="verified_at"), basis="flow")
    assert of_events(closings, county, rows) == {"closed_doubtful": 2}
    assert of_events(closings, county, rows, span=QUARTER) == {"closed_doubtful": 3}


def test_a_revision_that_names_another_place_or_month_is_a_case_of_its_own_there(county: County) -> None:
    refused = {"rules": ["department.required"]}
    january = sheet("grid_events", event("1", REPORTED), event("2", REPORTED), event("3", REPORTED))
    february = sheet(
        "grid_events",
        event("1", REPORTED, **refused, community_code=B),
        event("2", datetime(2026, 2, 3), **refused),
        event("3", REPORTED, **refused),
        month=FEBRUARY,
    )
    kpi = kpi_of(CLOSED, basis="flow")
    doubted = {"events": 3, "events_revised": 3, "events_revised_counted": 3}
    assert of_events(kpi, county, january, february) == doubted
    assert of_events(kpi, county, january, february, unit=B) == {"events_may_fail": 1}
    assert of_events(kpi, county, january, february, span=of_month(FEBRUARY)) == {"events_may_fail": 1}
    # A unit and a period that hold both count both: wider than need be.
    assert of_events(kpi, county, january, february, span=QUARTER, unit=STREET) == {**doubted, "events_may_fail": 2}


def test_what_is_refused_before_a_later_listing_is_accepted_is_settled(county: County) -> None:
    january = sheet("grid_events", event("1", REPORTED, community_code=B, rules=["department.required"]))
    february = sheet("grid_events", event("1", REPORTED, CUTOFF), month=FEBRUARY)
    kpi = kpi_of(CLOSED, basis="flow")
    assert of_events(kpi, county, january, february) == {"events": 1, "events_passed": 1}
    assert of_events(kpi, county, january, february, unit=B) == {}
    assert of_events(kpi, county, january, unit=B) == {"events_may_fail": 1}


def test_a_listing_is_in_doubt_too_where_its_revision_does_not_count(county: County) -> None:
    small = Measure("small", "grid_events", "count", lambda _: pl.col("micro_event"))
    january = sheet("grid_events", event("1", REPORTED, micro_event=True))
    february = sheet("grid_events", event("1", REPORTED, micro_event=False, rules=["department.required"]), month=FEBRUARY)
    assert of_events(kpi_of(small, basis="flow"), county, january, february) == {"small": 1, "small_revised": 1}


def test_a_refused_listing_of_an_event_that_does_not_count_is_a_case_of_its_own(county: County) -> None:
    small = Measure("small", "grid_events", "count", lambda _: pl.col("micro_event"))
    january = sheet("grid_events", event("1", REPORTED, micro_event=False))
    february = sheet("grid_events", event("1", REPORTED, rules=["micro_event.readable"]), month=FEBRUARY)
    assert of_events(kpi_of(small, basis="flow"), county, january, february) == {"small_doubtful": 1}


def test_a_count_of_events_has_what_is_revised_and_the_revision_beside_it(county: County) -> None:
    failures = Measure(
        "failures", "grid_events", "count", lambda _: pl.col("failed_verifications") > 3,
        amount="failed_verifications", counted_on="handled_at",
    )  # fmt: skip
    january = sheet(
        "grid_events",
        event("1", REPORTED, failed_verifications=5, handled_at=CUTOFF),
        event("2", REPORTED, failed_verifications=7, handled_at=LATER),
        event("3", REPORTED, failed_verifications=2, handled_at=CUTOFF),
    )
    february = sheet(
        "grid_events",
        event("1", REPORTED, failed_verifications=6, rules=["department.required"]),
        event("2", REPORTED, rules=["failed_verifications.readable"]),
        event("4", REPORTED, failed_verifications=2, rules=["department.required"]),
        month=FEBRUARY,
    )
    kpi = kpi_of(failures, basis="flow")
    assert of_events(kpi, county, january, february) == {
        "failures": 5, "failures_revised": 5, "failures_doubtful": 6, "failures_unbounded": 1,
    }  # fmt: skip
    assert of_events(kpi, county, january, february, span=QUARTER) == {
        "failures": 12, "failures_revised": 12, "failures_doubtful": 6, "failures_unbounded": 1,
    }  # fmt: skip


def test_places_of_events_count_once_a_month(county: County) -> None:
    kpi = kpi_of(Measure("active", "grid_events", "places"), basis="flow")
    january = sheet("grid_events", event("1", REPORTED), event("2", REPORTED), event("3", REPORTED, community_code=B))
    february = sheet(
        "grid_events", event("4", datetime(2026, 2, 3)), event("5", datetime(2026, 2, 3), community_code=B, rules=["department.required"]),
        event("3", REPORTED, community_code=B, rules=["department.required"]), month=FEBRUARY,
    )  # fmt: skip
    assert of_events(kpi, county, january, february) == {"active": 1}
    assert of_events(kpi, county, january, february, span=QUARTER) == {"active": 2}
    assert of_events(kpi, county, january, february, span=QUARTER, unit=STREET) == {
        "active": 3, "active_doubtful": 1, "active_revised": 1,
    }  # fmt: skip
