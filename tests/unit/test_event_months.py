"""Versions of events over all months: which months they fall in, and when these are summed again."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from expectations.contract import load_contract
from pipelines.control import sum_digests
from pipelines.county import County
from pipelines.event_months import EventMonth, EventVersions
from pipelines.kept_rows import KeptRows
from pipelines.settings import Home
from tests.support.current_lake import IN_A, IN_B, A, CurrentLake, dispute


@pytest.fixture
def lake(home: Home, county: County) -> CurrentLake:
    return CurrentLake(home, county)


def events(lake: CurrentLake, dataset: str = "grid_disputes") -> dict[date, EventMonth]:
    batches = [batch for batch in lake.batches.values() if batch.slot.dataset == dataset]
    found = lake.evaluate()
    across = [found[place].verdicts_file for place in found if place[0] == dataset]
    return EventVersions(KeptRows(lake.home), load_contract(dataset), batches).by_month(across)


def digests(lake: CurrentLake) -> dict[date, str]:
    return {month: found.digest for month, found in events(lake).items()}


def test_a_late_event_touches_the_month_in_which_it_was_accepted_and_no_other(lake: CurrentLake) -> None:
    january, february, march = (date(2026, month, 1) for month in (1, 2, 3))
    lake.add("1", "grid_disputes", IN_A, "2026-01", dispute("D1", accepted_date=date(2026, 1, 5)))
    lake.add("2", "grid_disputes", IN_A, "2026-02", dispute("D2", accepted_date=date(2026, 2, 5)))
    before = digests(lake)
    late = [dispute("D3", accepted_date=date(2026, 1, 20)), dispute("D4", accepted_date=date(2026, 3, 2))]
    lake.add("3", "grid_disputes", IN_A, "2026-03", *late)
    after = digests(lake)
    assert before.keys() == {january, february}
    assert after.keys() == {january, february, march}
    assert after[february] == before[february]
    assert after[january] != before[january]


def test_an_event_that_moves_to_another_month_touches_both(lake: CurrentLake) -> None:
    lake.add("1", "grid_disputes", IN_A, "2026-01", dispute("D1", accepted_date=date(2026, 1, 5)))
    before = digests(lake)
    lake.add("2", "grid_disputes", IN_A, "2026-02", dispute("D1", accepted_date=date(2026, 2, 1)))
    after = digests(lake)
    assert after.keys() == {date(2026, 1, 1), date(2026, 2, 1)}
    assert after[date(2026, 1, 1)] != before[date(2026, 1, 1)]


def test_an_event_without_a_believable_date_belongs_to_the_delivered_month(lake: CurrentLake) -> None:
    rows = [dispute("D1", accepted_date=None), dispute("D2", accepted_date=date(2026, 5, 1))]
    lake.add("1", "grid_disputes", IN_A, "2026-02", *rows)
    assert digests(lake).keys() == {date(2026, 2, 1)}
    assert EventVersions(KeptRows(lake.home), load_contract("grid_disputes"), []).by_month([]) == {}


def test_an_event_reported_in_the_last_hours_of_a_month_belongs_to_that_month(lake: CurrentLake) -> None:
    moments = [datetime(2026, 1, 31, 23, 59), datetime(2026, 2, 28, 23, 59), datetime(2026, 3, 1)]
    rows = [{"event_no": str(moment), "community_code": A, "reported_at": moment} for moment in moments]
    lake.add("1", "grid_events", IN_A, "2026-02", *rows)
    # one that is reported after the month is refused by a rule, and judged with the month that it came in
    assert events(lake, "grid_events").keys() == {date(2026, 1, 1), date(2026, 2, 1)}


def test_a_month_knows_for_which_months_its_events_were_delivered_and_which_days_they_name(lake: CurrentLake) -> None:
    january, february = date(2026, 1, 1), date(2026, 2, 1)
    lake.add("1", "grid_disputes", IN_A, "2026-01", dispute("D1"), dispute("D2", accepted_date=date(2026, 1, 7)))
    lake.add("2", "grid_disputes", IN_A, "2026-02", dispute("D1", handled_date=date(2026, 3, 9)))
    found = events(lake)
    assert found.keys() == {january}
    assert found[january].delivered == (january, february)
    assert found[january].days == (date(2026, 1, 5), date(2026, 1, 7), date(2026, 3, 9))


def test_a_refused_event_touches_the_month_that_it_was_delivered_for_as_well(lake: CurrentLake) -> None:
    lake.add("1", "grid_disputes", IN_A, "2026-03", dispute("D1", accepted_date=date(2026, 1, 5)))
    lake.add("2", "grid_disputes", IN_B, "2026-03", dispute("D1", accepted_date=date(2026, 1, 5)))
    assert lake.failing() != set()
    assert events(lake).keys() == {date(2026, 1, 1), date(2026, 3, 1)}


def test_a_batch_of_an_earlier_contract_names_the_days_that_it_has(lake: CurrentLake) -> None:
    lake.add("1", "grid_disputes", IN_A, "2026-01", dispute("D1"), lacks=("handled_date",))
    lake.add("2", "grid_disputes", IN_A, "2026-02", dispute("D2", handled_date=date(2026, 1, 9)))
    assert events(lake)[date(2026, 1, 1)].days == (date(2026, 1, 5), date(2026, 1, 9))


# --- when a month is summed again ---------------------------------------------------------------------------

JANUARY, FEBRUARY, MARCH = (date(2026, month, 1) for month in (1, 2, 3))
CUTOFFS = [date(2026, 2, 10), date(2026, 3, 10), date(2027, 1, 10)]  # of January, February and the year
REGISTERS = {JANUARY: "one", FEBRUARY: "two"}


def of_january(*days: date, digest: str = "events", delivered: tuple[date, ...] = (JANUARY,)) -> dict[date, dict[str, EventMonth]]:
    return {JANUARY: {"grid_disputes": EventMonth(digest, delivered, days)}}


def test_a_further_month_leaves_events_alone_whose_days_were_all_known() -> None:
    before = sum_digests(of_january(date(2026, 1, 5), date(2026, 3, 10)), REGISTERS, CUTOFFS)
    with_march = sorted([*CUTOFFS, date(2026, 4, 10)])
    assert sum_digests(of_january(date(2026, 1, 5), date(2026, 3, 10)), REGISTERS | {MARCH: "three"}, with_march) == before


def test_a_day_that_a_further_month_makes_known_earlier_changes_its_events() -> None:
    before = sum_digests(of_january(date(2026, 3, 11)), REGISTERS, CUTOFFS)
    assert sum_digests(of_january(date(2026, 3, 11)), REGISTERS, sorted([*CUTOFFS, date(2026, 4, 10)])) != before


def test_a_day_after_every_cut_off_counts_from_the_first_one_after_it() -> None:
    late = of_january(date(2027, 1, 11))
    assert sum_digests(late, REGISTERS, CUTOFFS) != sum_digests(late, REGISTERS, [*CUTOFFS, date(2027, 2, 10)])


def test_units_of_a_month_that_events_were_delivered_for_change_their_sums_and_others_do_not() -> None:
    again = of_january(delivered=(JANUARY, FEBRUARY))
    other = REGISTERS | {FEBRUARY: "units moved"}
    assert sum_digests(again, REGISTERS, CUTOFFS) != sum_digests(again, other, CUTOFFS)
    assert sum_digests(of_january(), REGISTERS, CUTOFFS) == sum_digests(of_january(), other, CUTOFFS)
    assert sum_digests(of_january(), REGISTERS, CUTOFFS) != sum_digests(of_january(digest="more"), REGISTERS, CUTOFFS)
