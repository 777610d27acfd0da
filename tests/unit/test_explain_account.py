"""The account of changed figures: whatever way lies between two editions, its causes add up to the whole change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.explain_account import (
    KEY,
    Segment,
    are_different,
    find_changed,
    find_changed_targets,
    make_account,
)

FIGURE = KEY.split(", ")
AMOUNT = pl.Decimal(18, 2)
SCHEMA: dict[str, Any] = {
    "unit_key": pl.String, "period_type": pl.String, "period": pl.Date, "unit_basis": pl.String, "kpi_id": pl.String,
    "target_id": pl.String, "numerator": AMOUNT, "denominator": AMOUNT, "status": pl.String, "certainty": pl.String,
    "shortfall": AMOUNT,
}  # fmt: skip
Row = dict[str, Any]


def figure(
    unit: str, numerator: Any, denominator: Any, status: str = "met", *, target: str | None = "T", shortfall: int = 0
) -> Row:
    place = (unit, "month", date(2026, 1, 1), "as_was", "kpi")
    amounts = [None if amount is None else Decimal(str(amount)) for amount in (numerator, denominator, shortfall)]
    return dict(zip(SCHEMA, (*place, target, *amounts[:2], status, "confirmed", amounts[2]), strict=True))


@dataclass
class Way:
    """The figures at both ends and between, written as a replay writes them."""

    folder: Path
    connection: duckdb.DuckDBPyConnection
    number: int = 0

    def write(self, rows: list[Row]) -> Path:
        self.number += 1
        path = self.folder / f"{self.number}.parquet"
        pl.DataFrame(rows, SCHEMA).write_parquet(path)
        return path

    def account(self, start: list[Row], *stops: tuple[str, list[Row]], targets: set[str] | None = None) -> None:
        first = self.write(start)
        segments = [Segment(cause, self.write(rows)) for cause, rows in stops]
        find_changed(self.connection, first, segments[-1].figures)
        make_account(self.connection, first, segments, targets or set())

    def causes(self) -> list[tuple[Any, ...]]:
        query = "select unit_key, cause, delta_numerator, delta_denominator, changes_judgement from causes"
        return self.connection.execute(f"{query} order by all").fetchall()

    def figures(self) -> pl.DataFrame:
        return self.connection.sql("from figures").pl()


@pytest.fixture
def way(tmp_path: Path) -> Iterator[Way]:
    with duckdb.connect() as connection:
        yield Way(tmp_path, connection)


def test_each_cause_has_what_happened_in_its_own_step(way: Way) -> None:
    way.account(
        [figure("A", 12, 20), figure("B", 1, 2)],
        ("late_data", [figure("A", 13, 21), figure("B", 1, 2)]),
        ("corrections", [figure("A", 14, 21), figure("B", 1, 2)]),
    )
    assert way.causes() == [("A", "corrections", 1, 0, False), ("A", "late_data", 1, 1, False)]
    assert way.figures().select("unit_key", "older_numerator", "older_denominator", "newer_numerator", "newer_denominator").rows() == [
        ("A", 12, 20, 14, 21)
    ]


def test_areas_keep_their_decimals(way: Way) -> None:
    way.account([figure("A", "0.10", 1)], ("new_data", [figure("A", "0.30", 1)]))
    assert way.causes() == [("A", "new_data", Decimal("0.20"), 0, False)]


def test_a_cause_that_comes_twice_is_summed(way: Way) -> None:
    way.account(
        [figure("A", 10, 10)],
        ("definition", [figure("A", 7, 10)]),
        ("late_data", [figure("A", 8, 10)]),
        ("definition", [figure("A", 12, 10)]),
    )
    assert way.causes() == [("A", "definition", 1, 0, False), ("A", "late_data", 1, 0, False)]


def test_causes_that_cancel_each_other_are_both_told_where_the_figure_changed(way: Way) -> None:
    way.account(
        [figure("A", 10, 10)],
        ("late_data", [figure("A", 12, 13)]),
        ("corrections", [figure("A", 10, 11)]),
    )
    assert way.causes() == [("A", "corrections", -2, -2, False), ("A", "late_data", 2, 3, False)]


def test_a_figure_that_is_the_same_at_both_ends_is_not_named_whatever_lies_between(way: Way) -> None:
    way.account([figure("A", 10, 10)], ("late_data", [figure("A", 12, 12)]), ("corrections", [figure("A", 10, 10)]))
    assert way.causes() == []
    assert way.figures().is_empty()


def test_a_figure_that_appears_or_vanishes_is_explained_from_or_to_nothing(way: Way) -> None:
    way.account([figure("gone", 3, 4)], ("unit_change", [figure("come", 5, 6)]))
    assert way.causes() == [("come", "unit_change", 5, 6, True), ("gone", "unit_change", -3, -4, True)]
    ends = way.figures().select("unit_key", "older_numerator", "newer_numerator", "older_status", "newer_status")
    assert ends.sort("unit_key").rows() == [("come", None, 5, None, "met"), ("gone", 3, None, "met", None)]


def test_a_figure_without_data_counts_as_nothing_and_still_shows_that_it_had_none(way: Way) -> None:
    way.account([figure("A", None, None, "no_data")], ("new_data", [figure("A", 12, 20)]))
    assert way.causes() == [("A", "new_data", 12, 20, True)]
    assert way.figures()["older_numerator"].to_list() == [None]


def test_a_nought_where_nothing_was_known_is_a_change_though_nothing_is_added(way: Way) -> None:
    way.account([figure("A", None, None, "too_early")], ("new_data", [figure("A", 0, 0, "too_early")]))
    assert way.causes() == [("A", "new_data", 0, 0, True)]


def test_a_figure_that_comes_without_data_is_named_too(way: Way) -> None:
    way.account([], ("settings", [figure("A", None, None, "no_data", target=None)]))
    assert way.causes() == [("A", "settings", 0, 0, True)]


@pytest.mark.parametrize("after", [figure("A", 9, 10, "missed"), figure("A", 9, 10, shortfall=1), figure("A", 9, 10) | {"certainty": "undetermined"}])
def test_another_judgement_of_the_same_numbers_is_a_change(way: Way, after: Row) -> None:
    way.account([figure("A", 9, 10)], ("settings", [after]))
    assert way.causes() == [("A", "settings", 0, 0, True)]


def test_a_judgement_by_another_target_is_the_targets_doing_and_the_numbers_are_not(way: Way) -> None:
    way.account(
        [figure("A", 9, 10, "met"), figure("B", 9, 10, "met", target="U")],
        ("definition", [figure("A", 8, 10, "missed"), figure("B", 9, 10, "near", target="U")]),
        targets={"T"},
    )
    assert way.causes() == [
        ("A", "definition", -1, 0, False), ("A", "target", 0, 0, True), ("B", "definition", 0, 0, True),
    ]  # fmt: skip


def test_a_first_target_explains_that_a_figure_is_no_longer_without_one(way: Way) -> None:
    way.account([figure("A", 9, 10, "no_target", target=None)], ("settings", [figure("A", 9, 10)]), targets={"T"})
    assert way.causes() == [("A", "target", 0, 0, True)]
    assert way.figures().select("target_id", "older_status", "newer_status").rows() == [
        ("T", None, "met"), (None, "no_target", None),
    ]  # fmt: skip


def test_data_that_turn_a_judgement_do_so_though_the_target_changed_as_well(way: Way) -> None:
    way.account(
        [figure("A", 9, 10, "met")],
        ("settings", [figure("A", 9, 10, "near")]),
        ("late_data", [figure("A", 5, 10, "missed")]),
        targets={"T"},
    )
    assert way.causes() == [("A", "late_data", -4, 0, True), ("A", "target", 0, 0, True)]


def test_a_figure_with_several_targets_counts_once_in_the_numbers(way: Way) -> None:
    before = [figure("A", 9, 10, target=target) for target in ("T", "U")]
    after = [figure("A", 12, 14, target=target) for target in ("T", "U")]
    way.account(before, ("late_data", after))
    assert way.causes() == [("A", "late_data", 3, 4, False)]
    assert way.figures()["target_id"].to_list() == ["T", "U"]


amounts = st.one_of(st.none(), st.integers(0, 3).map(lambda whole: Decimal(whole) / 4))
states = st.dictionaries(
    st.tuples(st.sampled_from("AB"), st.sampled_from(["T", "U", None])),
    st.sampled_from(["met", "missed", "no_data"]), max_size=5,
)  # fmt: skip
causes = st.sampled_from(["definition", "settings", "late_data", "corrections"])


@st.composite
def stops(draw: st.DrawFn) -> list[Row]:
    """Any figures: of a unit the same numbers for each of its targets."""
    numbers = {unit: (draw(amounts), draw(amounts)) for unit in "AB"}
    return [figure(unit, *numbers[unit], status, target=target) for (unit, target), status in draw(states).items()]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=stops(), walked=st.lists(st.tuples(causes, stops()), min_size=1, max_size=4), targets=st.sets(st.sampled_from("TU")))
def test_whatever_lies_between_the_causes_add_up_with_nothing_left_over(
    way: Way, start: list[Row], walked: list[tuple[str, list[Row]]], targets: set[str]
) -> None:
    way.account(start, *walked, targets=targets)

    def numbers(rows: list[Row]) -> dict[str, tuple[Decimal, Decimal]]:
        return {row["unit_key"]: (row["numerator"] or Decimal(0), row["denominator"] or Decimal(0)) for row in rows}

    end = walked[-1][1]
    before, after = numbers(start), numbers(end)
    nothing = (Decimal(0), Decimal(0))
    changed = {unit for unit in "AB" if _rows_of(unit, start) != _rows_of(unit, end)}
    found: dict[str, tuple[Decimal, Decimal]] = {}
    for unit, _, numerator, denominator, _ in way.causes():
        done = found.get(unit, nothing)
        found[unit] = (done[0] + numerator, done[1] + denominator)
    assert set(found) == changed == set(way.figures()["unit_key"])
    for unit in changed:
        older, newer = before.get(unit, nothing), after.get(unit, nothing)
        assert found[unit] == (newer[0] - older[0], newer[1] - older[1])


def _rows_of(unit: str, rows: list[Row]) -> set[tuple[Any, ...]]:
    return {tuple(row.values()) for row in rows if row["unit_key"] == unit}


# --- targets and units ---------------------------------------------------------------------------------------


def targets_file(path: Path, **columns: Any) -> Path:
    rows = {"target_id": ["T", "U"], "pack": ["C", "D"], "value_1": [95, 90], "text_en": ["a", "b"]} | columns
    pl.DataFrame(rows).write_parquet(path)
    return path


@pytest.mark.parametrize(
    ("change", "packs", "changed"),
    [
        ({}, ({"C", "D"}, {"C", "D"}), set()),
        ({"value_1": [95, 91]}, ({"C", "D"}, {"C", "D"}), {"U"}),
        ({"text_en": ["other", "words"]}, ({"C", "D"}, {"C", "D"}), set()),
        ({"target_id": ["T", "V"]}, ({"C", "D"}, {"C", "D"}), {"U", "V"}),
        ({"phase": [1, 2]}, ({"C", "D"}, {"C", "D"}), set()),
        ({}, ({"C"}, {"C", "D"}), {"U"}),
        ({}, ({"C", "D"}, {"D"}), {"T"}),
    ],
)
def test_a_target_changed_where_what_it_demands_or_its_being_chosen_changed(
    tmp_path: Path, change: dict[str, Any], packs: tuple[set[str], set[str]], changed: set[str]
) -> None:
    older = targets_file(tmp_path / "older.parquet")
    newer = targets_file(tmp_path / "newer.parquet", **change)
    with duckdb.connect() as connection:
        assert find_changed_targets(connection, older, newer, packs) == changed


def test_tables_are_compared_by_the_columns_that_both_have(tmp_path: Path) -> None:
    older = targets_file(tmp_path / "older.parquet")
    with duckdb.connect() as connection:
        assert not are_different(connection, older, targets_file(tmp_path / "newer.parquet", further=[1, 2]))
        assert are_different(connection, older, targets_file(tmp_path / "newer.parquet", pack=["C", "E"]))
        assert are_different(connection, older, targets_file(tmp_path / "newer.parquet", pack=["C", None]))
