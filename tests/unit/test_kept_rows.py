"""Rows of all batches kept in one file: read once, and again where a batch, its verdicts, the code or the file are others."""

from __future__ import annotations

import os

import polars as pl
import pytest

from pipelines.current_batches import CurrentBatch
from pipelines.kept_rows import KeptRows
from pipelines.lake import kept_path, verdicts_path, write_parquet
from pipelines.settings import Home
from pipelines.store import Slot


class Reading:
    """Reads two rows of each batch, the later one first, and notes of which."""

    def __init__(self) -> None:
        self.read: list[list[str]] = []

    def __call__(self, batches: list[CurrentBatch]) -> pl.DataFrame:
        self.read.append([batch.batch_id for batch in batches])
        rows = [(batch.batch_id, number) for batch in batches for number in (2, 1)]
        return pl.DataFrame(rows, {"batch_id": pl.String, "row_number": pl.Int32}, orient="row")


def batch(home: Home, name: str) -> CurrentBatch:
    found = CurrentBatch(name, name, Slot("s", "grid_events", "2026-01"), "", 4, 3, 1, False)
    write_parquet(pl.DataFrame({"rule_id": [name]}), verdicts_path(home, found.slot, name))
    return found


def rows(home: Home, reading: Reading, *batches: CurrentBatch) -> list[tuple[str, int]]:
    return KeptRows(home).of("grid_events", list(batches), reading).rows()


def test_a_batch_is_read_once_and_rows_come_in_the_order_of_batches(home: Home) -> None:
    first, second, reading = batch(home, "b"), batch(home, "a"), Reading()
    assert rows(home, reading, first) == [("b", 1), ("b", 2)]
    assert rows(home, reading, second, first) == [("a", 1), ("a", 2), ("b", 1), ("b", 2)]
    assert rows(home, reading, second, first) == [("a", 1), ("a", 2), ("b", 1), ("b", 2)]
    assert reading.read == [["b"], ["a"]]


def test_a_batch_that_is_no_longer_current_is_gone(home: Home) -> None:
    first, second, reading = batch(home, "a"), batch(home, "b"), Reading()
    rows(home, reading, first, second)
    assert rows(home, reading, second) == [("b", 1), ("b", 2)]
    assert rows(home, reading, first, second) == [("a", 1), ("a", 2), ("b", 1), ("b", 2)]
    assert reading.read == [["a", "b"], ["a"]]


def test_a_batch_that_was_judged_anew_is_read_again(home: Home) -> None:
    first, second, reading = batch(home, "a"), batch(home, "b"), Reading()
    rows(home, reading, first, second)
    path = verdicts_path(home, first.slot, "a")
    write_parquet(pl.DataFrame({"rule_id": ["other", "rules"]}), path)
    os.utime(path, (1, 1))
    rows(home, reading, first, second)
    assert reading.read == [["a", "b"], ["a"]]


def test_other_code_reads_all_again(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    first, reading = batch(home, "a"), Reading()
    rows(home, reading, first)
    monkeypatch.setattr("pipelines.kept_rows.code_version", lambda: "other")
    rows(home, reading, first)
    assert reading.read == [["a"], ["a"]]


def test_a_damaged_file_costs_nothing_but_reading_again(home: Home) -> None:
    first, reading = batch(home, "a"), Reading()
    rows(home, reading, first)
    kept = kept_path(home, "grid_events")
    kept.write_bytes(kept.read_bytes()[:40])
    assert rows(home, reading, first) == [("a", 1), ("a", 2)]
    assert reading.read == [["a"], ["a"]]
    rows(home, reading, first)
    assert len(reading.read) == 2


def test_without_batches_there_are_no_rows(home: Home) -> None:
    assert rows(home, Reading()) == []
