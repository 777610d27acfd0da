"""Every row is accounted for: a loader with one fault ends its run without an edition, wherever between the landed file and
the audited edition the fault is.

Each mutant is the real loader with one function that does something wrong. A run with it has to raise, which the command line
answers with an exit code other than 0, has to be recorded as failed with a reason, and has to leave the published edition and
the pointer as they were, to the byte. Files of which every line's kind is known, and the same runs without a fault, say that
this is not so for another reason.

The models of dbt are not computed, but for the account of each slot and its test, where a fault shows only there.
"""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from pipelines.settings import Home
from pipelines.store import Slot, Store
from tests.flow.conftest import copied
from tests.support.kept import files_in
from tests.support.loader_mutants import GRIDS, MUTANTS, Mutant
from tests.support.tiny_county import (
    LINES,
    STATES,
    TEXT,
    WORKBOOK,
    deliver,
    make_county,
    run_once,
    take_in_once,
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A county with an edition. Not to be changed."""
    home = Home(tmp_path_factory.mktemp("made") / "data")
    make_county(home)
    take_in_once(home)  # nothing yet: what a first run prepares is there
    return home


@pytest.fixture(scope="module")
def taken(made: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The same, with all files taken in by a sound loader, and nothing computed from them. Not to be changed."""
    home = copied(made, tmp_path_factory.mktemp("taken"))
    deliver(home, is_corrected=True)
    take_in_once(home)
    return home


def published(home: Home) -> tuple[Path, dict[str, bytes]]:
    """Where readers are pointed to, and every byte of every edition."""
    return home.pointer.readlink(), files_in(home.editions)


def assert_is_red(
    mutant: Mutant, made: Home, taken: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That a run with the fault fails, says so, and leaves the published edition as it was."""
    home = copied(taken if mutant.is_taken else made, tmp_path)
    if not mutant.is_taken:
        deliver(home, mutant.slots, is_corrected=mutant.is_corrected)
    before = published(home)
    mutant.fault(monkeypatch)
    with pytest.raises(Exception) as failure:  # whatever it is: the command line fails with any
        run_once(home, monkeypatch, has_accounts=mutant.has_accounts)
    monkeypatch.undo()
    assert re.search(mutant.red, f"{type(failure.value).__name__}: {failure.value}", re.DOTALL), failure.value
    assert published(home) == before
    with closing(Store.of(home)) as opened:
        (last,) = opened.runs()
    assert (last["outcome"], last["edition_id"]) == ("failed", None)
    assert last["message_en"]


@pytest.mark.parametrize("name", MUTANTS)
def test_a_loader_with_a_fault_publishes_nothing(
    name: str, made: Home, taken: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_is_red(MUTANTS[name], made, taken, tmp_path, monkeypatch)


@pytest.mark.parametrize("slots", [(TEXT,), (WORKBOOK,), GRIDS], ids=["text", "workbook", "both"])
def test_without_a_fault_the_same_files_make_an_edition(
    slots: tuple[Slot, ...], made: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = copied(made, tmp_path)
    deliver(home, slots)
    before = published(home)
    done = run_once(home, monkeypatch, has_accounts=False)
    assert done.publication is not None and done.publication.is_new
    assert published(home) != before


def test_of_every_file_every_line_is_accounted_for(taken: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = copied(taken, tmp_path)
    done = run_once(home, monkeypatch, has_accounts=True)
    assert done.publication is not None and done.publication.is_new
    with closing(Store.of(home)) as opened:
        batches = {Slot.of(row): row for row in opened.current_batches()}
    lines = {slot: {kind: row[f"rows_{kind}"] for kind in LINES[slot]} for slot, row in batches.items()}
    assert lines == LINES
    assert all(kinds["read"] == sum(kinds.values()) - kinds["read"] for kinds in lines.values())
    with duckdb.connect(str(home.pointer), read_only=True) as edition:
        shown = edition.execute("""
            select supplier_id, dataset, strftime(period, '%Y-%m'), rows_accepted, rows_quarantined, rows_duplicate,
                rows_read, rows_skipped
            from fct_delivery where rows_read > 0""").fetchall()
    assert {Slot(*row[:3]): row[3:6] for row in shown} == STATES
    assert all(sum(row[3:6]) == row[6] - row[7] == LINES[Slot(*row[:3])]["data"] for row in shown)


def test_there_are_thirty_mutants_at_the_least() -> None:
    assert len(MUTANTS) >= 30
