"""The steps between two editions' inputs: each changed slot and setting in exactly one, and nothing where none is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from pipelines.county import County
from pipelines.explain_steps import CAUSES, Inputs, Step, first_taken_dates, steps_between
from pipelines.store import Slot

JANUARY, FEBRUARY = Slot("county_civil", "civil_facilities", "2026-01"), Slot("county_civil", "civil_facilities", "2026-02")
UNITS = Slot("county_civil", "civil_communities", "2026-02")
AS_OF = date(2026, 3, 11)  # a day after February closes
ON_TIME, LATE = date(2026, 3, 10), date(2026, 3, 11)


def walk(
    older: Inputs, newer: Inputs, taken: Mapping[Slot, date] | None = None, *, are_units_changed: bool = False
) -> list[Step]:
    first_taken = dict.fromkeys(newer.batches, ON_TIME) | dict(taken or {})
    return steps_between(older, newer, first_taken, are_units_changed=are_units_changed)


@pytest.fixture
def older(county: County) -> Inputs:
    return Inputs({JANUARY: "b1"}, county, AS_OF)


def with_batches(inputs: Inputs, **batches: str) -> Inputs:
    named = {"january": JANUARY, "february": FEBRUARY, "units": UNITS}
    return replace(inputs, batches={named[name]: batch_id for name, batch_id in batches.items()})


def with_county(inputs: Inputs, **settings: Any) -> Inputs:
    return replace(inputs, county=County.model_validate(inputs.county.model_dump() | settings))


def test_where_nothing_changed_there_is_no_step(older: Inputs) -> None:
    assert walk(older, older) == []


@pytest.mark.parametrize(("taken", "cause"), [(ON_TIME, "new_data"), (LATE, "late_data")])
def test_a_slot_that_had_nothing_is_new_until_the_cut_off_and_late_after_it(older: Inputs, taken: date, cause: str) -> None:
    newer = with_batches(older, january="b1", february="b2")
    assert walk(older, newer, {FEBRUARY: taken}) == [Step(cause, newer)]


def test_another_batch_in_a_slot_or_none_any_more_is_a_correction(older: Inputs) -> None:
    other, none = with_batches(older, january="b9"), with_batches(older)
    assert walk(older, other) == [Step("corrections", other)]
    assert walk(older, none) == [Step("corrections", none)]


def test_steps_come_one_after_the_other_and_end_at_the_newer_inputs(older: Inputs) -> None:
    newer = with_county(with_batches(older, january="b9", february="b2", units="u1"), cutoff_day=12)
    steps = walk(older, newer, {FEBRUARY: LATE}, are_units_changed=True)
    assert [step.cause for step in steps] == ["settings", "unit_change", "new_data", "corrections"]
    assert [sorted(step.inputs.batches.values()) for step in steps] == [
        ["b1"], ["b1", "u1"], ["b1", "b2", "u1"], ["b2", "b9", "u1"],
    ]  # fmt: skip
    assert all(step.inputs.county == newer.county for step in steps)
    assert steps[-1].inputs == newer


def test_the_steps_keep_the_order_of_the_causes(older: Inputs) -> None:
    march = Slot("county_civil", "civil_facilities", "2026-03")
    newer = replace(with_county(older, packs=["C"]), batches={JANUARY: "b9", FEBRUARY: "b2", march: "b3", UNITS: "u1"})
    walked = [step.cause for step in walk(older, newer, {FEBRUARY: LATE}, are_units_changed=True)]
    assert walked == ["settings", "unit_change", "new_data", "late_data", "corrections"]
    assert [cause for cause in CAUSES if cause in walked] == walked


def test_the_register_of_communities_is_data_like_any_other_where_no_unit_changed(older: Inputs) -> None:
    newer = with_batches(older, january="b1", units="u1")
    assert [step.cause for step in walk(older, newer)] == ["new_data"]
    assert [step.cause for step in walk(older, newer, are_units_changed=True)] == ["unit_change"]


def test_units_may_change_by_another_register_of_divisions_alone(older: Inputs) -> None:
    assert walk(older, older, are_units_changed=True) == [Step("unit_change", older)]


@pytest.mark.parametrize(
    "settings",
    [
        {"cutoff_day": 15},
        {"parameters": {"tolerances": {"kpi": Decimal(1)}}},
        {"parameters": {"targets": [{"kpi_id": "kpi", "value_1": 1}]}},
        {"packs": ["C"]},
        {"first_period": "2025-12"},
    ],
)
def test_whatever_setting_decides_figures_is_a_step(older: Inputs, settings: dict[str, Any]) -> None:
    newer = with_county(older, **settings)
    assert walk(older, newer) == [Step("settings", newer)]


def test_names_the_head_of_bulletins_and_the_time_that_landing_is_kept_are_no_step(older: Inputs) -> None:
    settings = {"name_zh": "别名", "name_en": "Other", "retention_days": 30, "bulletin": {"office": "某办公室"}}
    assert walk(older, with_county(older, **settings)) == []


def test_a_later_day_is_a_step_only_where_it_closes_or_opens_a_period(older: Inputs) -> None:
    assert walk(older, replace(older, as_of=date(2026, 4, 10))) == []
    closed = replace(older, as_of=date(2026, 4, 11))  # March is closed, with or without deliveries
    assert walk(older, closed) == [Step("settings", closed)]


def test_rows_of_a_month_that_had_not_begun_before_are_new_data_and_not_the_later_days_doing(older: Inputs) -> None:
    april = Slot("county_civil", "civil_facilities", "2026-04")
    newer = replace(older, batches={JANUARY: "b1", april: "b4"}, as_of=date(2026, 5, 20))
    steps = walk(older, newer, {april: date(2026, 5, 4)})
    assert [step.cause for step in steps] == ["settings", "new_data"]
    months = {period.period for period, _ in steps[0].inputs.evaluated() if period.period_type == "month"}
    assert date(2026, 4, 1) in months


def test_a_slot_counts_from_its_first_file_that_was_taken_by_the_day_in_china() -> None:
    def entry(outcome: str, received_at: str) -> dict[str, Any]:
        return {**vars(FEBRUARY), "outcome": outcome, "received_at": received_at}

    log = [
        entry("refused", "2026-03-01T00:00:00+00:00"),
        entry("accepted", "2026-03-10T15:59:00+00:00"),
        entry("accepted", "2026-03-20T00:00:00+00:00"),
    ]
    assert first_taken_dates(log) == {FEBRUARY: date(2026, 3, 10)}
    assert first_taken_dates([entry("accepted", "2026-03-10T16:00:00+00:00")]) == {FEBRUARY: date(2026, 3, 11)}
