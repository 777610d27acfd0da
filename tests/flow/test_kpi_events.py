"""KPIs over grid events and over disputes of all kinds, against numbers worked out by hand beside each test."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from pipelines.dbt_measures import Mart
from tests.support.lake import COUNTY, DEFAULT_UNITS, STREET_1, STREET_2, A, B, C, Lake, Unit

GRID_1, GRID_2 = f"grid_{STREET_1}", f"grid_{STREET_2}"
# An error in a cell that no KPI here asks for, so that every other cell of the row is trusted.
BAD_EVENT = ("status.known_value", "error")
BAD_DISPUTE = ("result.known_value", "error")
SUPERSEDED = ("key.corrected_later", "duplicate")


def event(number: str | None, community: str | None, reported: datetime | None, *verdicts: tuple[str, str], **values: Any) -> dict[str, Any]:
    return {
        "event_no": number, "community_code": community, "reported_at": reported, "micro_event": False,
        "verdicts": verdicts, **values,
    }  # fmt: skip


def dispute(number: str | None, accepted: date | None, *verdicts: tuple[str, str], **values: Any) -> dict[str, Any]:
    return {
        "dispute_no": number, "community_code": A, "kind": "other", "channel": "people", "accepted_date": accepted,
        "verdicts": verdicts, **values,
    }  # fmt: skip


def january(day: int, hour: int = 9) -> datetime:
    return datetime(2026, 1, day, hour)


def february(day: int, hour: int = 9) -> datetime:
    return datetime(2026, 2, day, hour)


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = Lake(tmp_path_factory.mktemp("events"), months=("2026-01", "2026-02", "2026-03"))
    deliver_events(lake)
    deliver_disputes(lake)
    # the second street delivers nothing for January
    for name in ("grid_events", "grid_disputes"):
        for month in ("2026-02", "2026-03"):
            lake.deliver(name, GRID_2, month, [])
    for month in lake.months:
        lake.deliver_empty(month, but=("grid_events", "grid_disputes"))
        for name in ("grid_events", "grid_disputes"):
            if (name, GRID_1, month) not in lake.batches:
                lake.deliver(name, GRID_1, month, [])
    lake.build()
    return lake


def deliver_events(lake: Lake) -> None:
    e4 = {"due_at": february(11, 18), "failed_verifications": 4, "supervision_due_at": february(12)}
    lake.deliver("grid_events", GRID_1, "2026-01", [
        event("e1", A, january(5), handled_at=january(6), due_at=january(8), verified_at=january(7),
              verified_by_reporter=True, micro_event=True, disposal="on_the_spot"),
        event("e2", A, january(6), handled_at=january(10), due_at=january(9), verified_at=january(12),
              verified_by_reporter=False, micro_event=True, disposal="urged"),
        # due on the cut-off day of January, and not closed
        event("e3", A, january(20), handled_at=january(25), due_at=february(10, 17), micro_event=True, disposal="urged"),
        event("e4", A, january(21), SUPERSEDED, due_at=february(11, 18)),
        # without a due time
        event("e5", A, january(22), handled_at=january(29), verified_at=january(30), verified_by_reporter=True,
              failed_verifications=3),
        # nobody knows whether it was verified, whether it is a micro event, or supervised
        event("q1", A, january(10), BAD_EVENT, due_at=january(15), micro_event=None),
    ])  # fmt: skip
    lake.deliver("grid_events", GRID_1, "2026-02", [
        # closed the day after January's cut-off, in time
        event("e4", A, january(21), handled_at=february(10), verified_at=february(11, 12), verified_by_reporter=True, **e4),
        # a revision of e2 in doubt
        event("e2", A, january(6), BAD_EVENT, handled_at=january(10), due_at=january(9), verified_at=january(12),
              verified_by_reporter=False, micro_event=True, disposal="urged"),
        event("b1", B, february(3), verified_at=february(4), verified_by_reporter=True),
        # somewhere in the street, closed in time
        event("q2", None, february(3), ("community_code.required", "error"), due_at=february(9), verified_at=february(4),
              verified_by_reporter=True),
    ])  # fmt: skip


def fraction(figure: dict[str, Any], which: str = "") -> tuple[Any, Any]:
    return figure[f"{which}numerator"], figure[f"{which}denominator"]


def bounds(figure: dict[str, Any]) -> tuple[Any, ...]:
    return fraction(figure), fraction(figure, "low_"), fraction(figure, "high_")


def test_events_closed_by_the_cut_off_of_those_reported(delivered: Lake) -> None:
    # reported: e1 to e5; closed by 10 February: e1, e2, e5
    # low: e2 may be open, q1 too; high: q1 is closed
    assert bounds(delivered.figure("grid_event_closure_rate", A)) == ((3, 5), (2, 6), (4, 6))
    # by 10 April e4 is closed too; q2 may be in A, and is closed
    quarter = delivered.figure("grid_event_closure_rate", A, period_type="quarter")
    assert bounds(quarter) == ((4, 5), (3, 6), (6, 7))
    assert (quarter["status"], quarter["target_id"]) == ("no_target", None)


def test_events_closed_on_time_of_those_closed_or_overdue(delivered: Lake) -> None:
    # with a due time: e1 to e4; closed or overdue by 10 February: e1, e2, e3; in time: e1
    # low: q1 late; high: e2 and q1 in time
    assert bounds(delivered.figure("grid_event_on_time_rate", A)) == ((1, 3), (1, 4), (3, 4))
    # e4 is closed in time on 11 February
    assert fraction(delivered.figure("grid_event_on_time_rate", A, period_type="quarter")) == (2, 4)
    # b1 has no due time; q2 may be in B: not yet anything to judge
    in_b = delivered.figure("grid_event_on_time_rate", B, "2026-02")
    assert bounds(in_b) == ((0, 0), (0, 0), (1, 1))
    assert (in_b["status"], in_b["certainty"]) == ("not_applicable", "undetermined")


def test_supervised_events_closed_in_time(delivered: Lake) -> None:
    # e4, closed after January's cut-off; q1 and the doubtful listing of e2 may be supervised: two cases more
    assert bounds(delivered.figure("supervised_event_closure_rate", A)) == ((0, 1), (0, 3), (2, 3))
    assert fraction(delivered.figure("supervised_event_closure_rate", A, period_type="quarter")) == (1, 1)


def test_the_department_in_charge_answers_for_events_that_failed_verification(tmp_path: Path) -> None:
    lake = Lake(tmp_path, units=(*DEFAULT_UNITS, Unit("D001", "department", COUNTY), Unit("D002", "department", COUNTY)))
    lake.deliver("grid_events", GRID_1, "2026-01", [
        event("e1", A, january(5), department="名称 D001", failed_verifications=4),
        event("e2", B, january(6), department="D001", failed_verifications=5),
        event("e3", A, january(7), department="名称 D002", failed_verifications=3),
        event("e4", A, january(8), department="镇综合办", failed_verifications=4),
        event("e5", A, january(8), failed_verifications=4),
        # nobody knows in whose charge it is; nobody knows how often it failed
        event("q1", A, january(9), ("department.required", "error"), failed_verifications=4),
        event("q2", A, january(9), ("failed_verifications.range", "error"), department="D002"),
    ])  # fmt: skip
    lake.deliver("grid_events", GRID_2, "2026-01", [event("e6", C, january(5), department="D001", failed_verifications=4)])
    lake.deliver_empty("2026-01", but=("grid_events",))
    lake.build()
    of_department = {code: lake.figure("repeat_verification_failures_by_department", code) for code in ("D001", "D002")}
    # by name e1, by code e2 and e6; q1 may be one more of either, q2 one of D002. e4's office is not assessed, e5 has none
    assert bounds(of_department["D001"]) == ((3, 1), (3, 1), (4, 1))
    assert bounds(of_department["D002"]) == ((0, 1), (0, 1), (2, 1))
    assert {(one["status"], one["expected_suppliers"]) for one in of_department.values()} == {("no_target", 2)}
    # in communities all of them count: e1, e4, e5 and perhaps q1 and q2
    assert bounds(lake.figure("repeat_verification_failures", A)) == ((3, 1), (3, 1), (5, 1))
    assert lake.rows("select distinct kpi_id from fct_kpi where unit_level = 'department' order by 1") == [
        ("assessment_score",), ("repeat_verification_failures_by_department",),
    ]  # fmt: skip


def test_events_that_failed_verification_more_than_three_times(delivered: Lake) -> None:
    # e4 failed four times, e5 three times; nobody knows it of q1 and of the doubtful listing of e2
    assert bounds(delivered.figure("repeat_verification_failures", A)) == ((1, 1), (1, 1), (3, 1))
    # February in the street: q2, of which nobody knows it
    assert bounds(delivered.figure("repeat_verification_failures", STREET_1, "2026-02")) == ((0, 1), (0, 1), (1, 1))


def test_events_verified_by_their_reporter(delivered: Lake) -> None:
    figure = delivered.figure("verification_by_reporter_rate", A)
    # verified by 10 February: e1, e2, e5; by their reporter: e1, e5
    # low: q1 verified by somebody else; high: e2 and q1 by their reporter
    assert bounds(figure) == ((2, 3), (2, 4), (4, 4))
    assert (figure["status"], figure["certainty"], figure["shortfall"]) == ("missed", "undetermined", 1)
    in_b = delivered.figure("verification_by_reporter_rate", B, "2026-02")
    # b1, and perhaps q2: both by their reporter
    assert bounds(in_b) == ((1, 1), (1, 1), (2, 2))
    assert (in_b["status"], in_b["certainty"], in_b["target_id"]) == ("met", "confirmed", "D4-VBR")


def test_micro_events_handled_on_the_spot_and_put_right(delivered: Lake) -> None:
    # micro: e1, e2, e3; on the spot: e1. low: q1 not; high: e2 and q1
    assert bounds(delivered.figure("micro_event_on_the_spot_rate", A)) == ((1, 3), (1, 4), (3, 4))
    # urged: e2, e3; put right: e2. low: e2 and q1 not; high: q1 too
    assert bounds(delivered.figure("micro_event_rectification_rate", A)) == ((1, 2), (0, 3), (2, 3))


def test_a_unit_above_counts_every_event_once(delivered: Lake) -> None:
    county = delivered.figure("grid_event_closure_rate", COUNTY, "2026-03", "ytd")
    # ytd: A's five and b1; q1 and q2 once each: as in A, with b1 and q2
    assert fraction(county) == (5, 6)
    assert bounds(delivered.figure("grid_event_closure_rate", COUNTY, "2026-02")) == ((1, 1), (1, 1), (2, 2))
    assert delivered.figure("grid_event_closure_rate", C, "2026-02")["status"] == "not_applicable"


def deliver_disputes(lake: Lake) -> None:
    lake.deliver("grid_disputes", GRID_1, "2026-01", [
        dispute("d1", date(2026, 1, 5), kind="civil", due_date=date(2026, 1, 15), handled_date=date(2026, 1, 15), injuries=5),
        dispute("d2", date(2026, 1, 6), channel="administrative", due_date=date(2026, 1, 20),
                handled_date=date(2026, 1, 25), deaths=1, injuries=2),
        # late from 11 February on, the day after January's cut-off
        dispute("d3", date(2026, 1, 11), due_date=date(2026, 2, 10), injuries=1),
        dispute("d5", date(2026, 1, 12), deaths=1),  # never due
        # nobody knows how many were hurt
        dispute("q1", date(2026, 1, 3), BAD_DISPUTE, channel=None, due_date=date(2026, 1, 10), deaths=1),
        dispute("q2", date(2026, 1, 3), BAD_DISPUTE, community_code=B, channel="judicial", due_date=date(2026, 1, 5),
                handled_date=date(2026, 1, 6), deaths=0, injuries=2),
        # handled in time
        dispute("q3", date(2026, 1, 3), BAD_DISPUTE, community_code=B, channel="judicial", due_date=date(2026, 1, 5),
                handled_date=date(2026, 1, 5), deaths=0, injuries=9),
    ])  # fmt: skip
    d6 = {"channel": "judicial", "due_date": date(2026, 2, 10)}
    lake.deliver("grid_disputes", GRID_1, "2026-02", [
        dispute("d6", date(2026, 2, 3), handled_date=date(2026, 2, 12), injuries=2, **d6),
        dispute("d6", date(2026, 2, 3), BAD_DISPUTE, deaths=0, injuries=1, **d6),
    ])  # fmt: skip


def test_nobody_is_hurt_because_a_dispute_was_left_alone(delivered: Lake) -> None:
    kpi = "dispute_escalation_casualties"
    in_a = delivered.figure(kpi, A)
    # d2: 1 + 2; q1 leaves the upper end open
    assert bounds(in_a) == ((3, 1), (3, 1), (None, 1))
    assert (in_a["status"], in_a["certainty"], in_a["shortfall"]) == ("missed", "confirmed", 3)
    in_b = delivered.figure(kpi, B)
    # q2 may add 2; q3 was handled on its last day
    assert bounds(in_b) == ((0, 1), (0, 1), (2, 1))
    assert (in_b["status"], in_b["certainty"], in_b["target_id"]) == ("met", "undetermined", "D3-DEC")
    of_february = delivered.figure(kpi, A, "2026-02")
    # d6: 2; low: it is in doubt; high: its doubtful listing adds 1
    assert bounds(of_february) == ((2, 1), (0, 1), (3, 1))
    # d2 3, d3 1, d6 2
    assert fraction(delivered.figure(kpi, A, period_type="quarter")) == (6, 1)
    assert delivered.figure(kpi, C, "2026-02")["certainty"] == "confirmed"


def test_three_channels_of_mediation_since_january(delivered: Lake) -> None:
    kpi = "dispute_channel_coverage"
    in_a = delivered.figure(kpi, A)
    # people's and administrative; q1 may be the third
    assert bounds(in_a) == ((2, 1), (2, 1), (3, 1))
    assert (in_a["status"], in_a["certainty"], in_a["shortfall"]) == ("missed", "undetermined", 1)
    # d6 brings the third in February; its doubtful listing makes it uncertain
    of_february = delivered.figure(kpi, A, "2026-02")
    assert bounds(of_february) == ((3, 1), (2, 1), (3, 1))
    assert (of_february["status"], of_february["target_id"], of_february["is_basis_expired"]) == ("met", "A-DCC", True)
    # q2 and q3 are one channel more
    in_b = delivered.figure(kpi, B, "2026-02")
    assert bounds(in_b) == ((0, 1), (0, 1), (1, 1))
    assert (in_b["status"], in_b["certainty"], in_b["shortfall"]) == ("missed", "confirmed", 3)


def test_an_unreported_street_leaves_no_upper_end(delivered: Lake) -> None:
    assert delivered.figure("grid_event_closure_rate", STREET_2)["status"] == "no_data"
    assert bounds(delivered.figure("grid_event_closure_rate", COUNTY)) == ((3, 5), (2, None), (None, None))
    # a count has no upper end
    assert bounds(delivered.figure("repeat_verification_failures", COUNTY)) == ((1, 1), (1, 1), (None, 1))
    # of February both streets delivered, but the year to date begins in January
    channels = delivered.figure("dispute_channel_coverage", COUNTY, "2026-02")
    assert (channels["reporting_suppliers"], channels["expected_suppliers"]) == (1, 2)
    assert (channels["status"], channels["high_numerator"]) == ("met", None)


# --- what quarantined rows say of days and places --------------------------------------------------------------


@pytest.fixture(scope="module")
def doubted(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = Lake(tmp_path_factory.mktemp("doubted"), months=("2026-01", "2026-02", "2026-03"))
    lake.deliver("grid_events", GRID_1, "2026-01", [
        event("e1", A, january(5), due_at=january(8), verified_at=january(7), verified_by_reporter=True),
        # verified after the cut-off of January, in time
        event("late", A, january(5), BAD_EVENT, due_at=february(20), verified_at=february(12), verified_by_reporter=True),
        event("moved", B, january(6), due_at=january(8), verified_at=january(7), verified_by_reporter=True),
        event("later", B, january(7), due_at=january(9), verified_at=january(8), verified_by_reporter=True),
        # put right in February
        event("settled", B, january(8), BAD_EVENT, due_at=january(12)),
    ])  # fmt: skip
    lake.deliver("grid_events", GRID_1, "2026-02", [
        # a revision that moves an event to another community, where it is open still
        event("moved", A, january(6), BAD_EVENT, due_at=january(8), verified_by_reporter=True),
        # and one that moves it to another month
        event("later", B, february(3), BAD_EVENT, due_at=february(5), verified_at=february(4), verified_by_reporter=True),
        event("settled", A, january(8), due_at=january(12), verified_at=january(9), verified_by_reporter=True),
    ])  # fmt: skip
    lake.deliver("grid_disputes", GRID_1, "2026-01", [
        dispute("d1", date(2026, 1, 5), kind="civil"),
        dispute("d2", date(2026, 1, 5), kind="civil", handled_date=date(2026, 1, 6), result="success"),
        # handled after the cut-off of January, with success
        dispute("late", date(2026, 1, 6), BAD_DISPUTE, kind="civil", handled_date=date(2026, 2, 11)),
    ])  # fmt: skip
    lake.deliver("grid_disputes", GRID_1, "2026-02", [
        # not handled, but perhaps no civil dispute
        dispute("d1", date(2026, 1, 5), BAD_DISPUTE, kind="other"),
    ])  # fmt: skip
    for month in lake.months:
        lake.deliver_empty(month)
    lake.build()
    return lake


def test_a_doubtful_event_fails_until_the_day_on_which_it_says_that_it_passed(doubted: Lake) -> None:
    kpi = "grid_event_closure_rate"
    # e1 and the settled one, closed; low: the late one is not closed by 10 February, the moved one not at all; nothing
    # more can be closed but the moved one, whose verification nobody knows
    assert bounds(doubted.figure(kpi, A)) == ((2, 2), (2, 4), (3, 3))
    # by 10 April the late one is closed if it counts
    assert bounds(doubted.figure(kpi, A, period_type="quarter")) == ((2, 2), (2, 3), (4, 4))
    # nobody has verified it by 10 February, so that it does not count yet
    by_reporter = "verification_by_reporter_rate"
    assert bounds(doubted.figure(by_reporter, A)) == ((2, 2), (2, 2), (3, 3))
    assert bounds(doubted.figure(by_reporter, A, period_type="quarter")) == ((2, 2), (2, 2), (4, 4))
    # neither verified nor overdue by then
    on_time = "grid_event_on_time_rate"
    assert bounds(doubted.figure(on_time, A)) == ((2, 2), (2, 3), (3, 3))
    assert bounds(doubted.figure(on_time, A, period_type="quarter")) == ((2, 2), (2, 3), (4, 4))
    # disputes: d2 of two; low: the late one is not handled by 10 February; high: d1 is, or is none of these
    disputes = doubted.figure("dispute_handling_rate", A)
    assert bounds(disputes) == ((1, 2), (1, 3), (2, 2))
    assert (disputes["status"], disputes["certainty"]) == ("missed", "undetermined")


def test_a_revision_puts_the_old_place_in_doubt_and_is_a_case_of_its_own_in_the_new_one(doubted: Lake) -> None:
    kpi = "grid_event_closure_rate"
    # two listings that count, and both may count elsewhere or otherwise; what was refused of the settled one does not
    in_b = doubted.figure(kpi, B)
    assert bounds(in_b) == ((2, 2), (0, 2), (2, 2))
    # what is moved to February passes there
    assert bounds(doubted.figure(kpi, B, "2026-02")) == ((0, 0), (0, 0), (1, 1))
    # a unit that holds both places counts both: wider than need be
    assert bounds(doubted.figure(kpi, STREET_1)) == ((4, 4), (2, 6), (5, 5))


def test_a_rate_of_events_counts_them() -> None:
    measure = {
        "name": "hurt", "of": "grid_disputes", "kind": "rate", "amount": "casualties", "passes": "is_handled",
        "zh": "死伤", "en": "casualties",
    }  # fmt: skip
    with pytest.raises(ValueError, match="a rate of events counts them"):
        Mart.model_validate({"mart": "m", "title_zh": "表", "title_en": "mart", "rows": "events", "measures": [measure]})
