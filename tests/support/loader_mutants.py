"""A loader with one fault, wherever between the landed file and the audited edition the fault is.

Belongs here: the faults, each one function of the real loader that does something wrong, and what the failed run says.
Does not belong here: which files are taken in (see `tiny_county`), and running a mutant.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from expectations import runner
from pipelines import accounted, control_tables, cross_file, current_batches, ingest, store
from pipelines.cross_file import CrossFile, RowStates
from pipelines.ingest import Ingest
from pipelines.reading import csv_source, deliveries
from pipelines.reading.csv_source import CsvSource
from pipelines.reading.workbook_source import SheetSource
from pipelines.store import Slot, Store
from tests.support.tiny_county import DISPUTES, LINES, OTHER_DISPUTES, TEXT, WORKBOOK

protect = import_module("pipelines.protection.protect")  # its package has a function of that name

Fault = Callable[[pytest.MonkeyPatch], None]
Change = Callable[[Any], Any]

GRIDS = (TEXT, WORKBOOK)
ALL = tuple(LINES)
UNBALANCED = r"row_accounts: grid_610629101/grid_grids/2026-01: "
SHOWN_WRONG = r"dbt_tests: row_accounts_balance: "
COUNTED_TWICE = r"one accepted version of each event"
WRITTEN = r"the \d+ verdicts written; found: others"
REFUSED = r"Every file was refused: .*: The rows do not add up\."


@dataclass(frozen=True)
class Mutant:
    """A fault, what the failed run says, and which files are delivered.

    `is_taken`: the files were taken in before, by a sound loader. `is_corrected`: the text corrects an older file.
    `has_accounts`: dbt computes the account of each slot.
    """

    fault: Fault
    red: str
    slots: tuple[Slot, ...] = GRIDS
    is_taken: bool = False
    is_corrected: bool = False
    has_accounts: bool = False


# --- faults -----------------------------------------------------------------------------------------------------


def call_of(owner: Any, name: str, call: Callable[..., Any]) -> Fault:
    """`call` gets the sound function, and then what it was called with."""

    def fault(patch: pytest.MonkeyPatch) -> None:
        sound = getattr(owner, name)
        patch.setattr(owner, name, lambda *given, **named: call(sound, *given, **named))

    return fault


def result_of(owner: Any, name: str, change: Change) -> Fault:
    """What a function returns is changed."""
    return call_of(owner, name, lambda sound, *given, **named: change(sound(*given, **named)))


def but_last(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.head(-1)


def last_twice(frame: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([frame, frame.tail(1)])


def without_end(place: int) -> Change:
    """Records without the end of one of them."""

    def changed(records: Any) -> Any:
        kept = [index for index in range(len(records)) if index != place % len(records)]
        return replace(records, ends=records.ends[kept], widths=records.widths[kept])

    return changed


def not_counting_continuations(sound: Callable[..., None], source: CsvSource, data: bytes) -> None:
    sound(source, data)
    source.continuation_count = 0


def keeping_what_was_skipped(sound: Callable[..., Any], body: Any, header: Any) -> Any:
    return replace(sound(body, header), data=body.regular)


def where_written(call: Callable[..., Any]) -> Fault:
    """`call` as of `call_of`, wherever batches or verdicts are written."""

    def fault(patch: pytest.MonkeyPatch) -> None:
        for owner in (ingest, accounted):
            call_of(owner, "write_parquets", call)(patch)

    return fault


def written(folder: str, change: Change) -> Fault:
    """The frames that are written to a zone of the data root are others than those that were judged."""

    def call(sound: Callable[..., Any], frames: dict[Path, pl.DataFrame]) -> Any:
        return sound({path: change(frame) if folder in path.parts else frame for path, frame in frames.items()})

    return where_written(call)


def lost(folder: str) -> Fault:
    """The files of a zone are gone once they were written."""

    def changed(hashes: dict[Path, str]) -> dict[Path, str]:
        for path in hashes:
            if folder in path.parts:
                path.unlink()
        return hashes

    return where_written(lambda sound, frames: changed(sound(frames)))


def exchanged(sound: Callable[..., Any], frames: dict[Path, pl.DataFrame]) -> Any:
    """Each file gets the rows of the next one."""
    return sound(dict(zip(frames, [*frames.values()][1:] + [*frames.values()][:1], strict=True)))


def moved_on(batches: list[Any]) -> list[Any]:
    """The last row of one file's batch stands in the batch of the next file."""
    first, second, *others = batches
    row = first.batch.tail(1)
    return [replace(first, batch=but_last(first.batch)), replace(second, batch=pl.concat([row, second.batch])), *others]


def accounts_exchanged(sound: Callable[..., Any], self: Ingest, group: Any) -> Any:
    prepared = sound(self, group)
    accounts = [item.kept.account for item in prepared]
    return [
        replace(item, kept=replace(item.kept, account=account))
        for item, account in zip(prepared, reversed(accounts), strict=True)
    ]


def exchanged_batches(sound: Callable[..., Any], frames: dict[Path, pl.DataFrame]) -> Any:
    return exchanged(sound, frames) if "lake" in next(iter(frames)).parts else sound(frames)


def without_last_line(decoded: tuple[bytes, str]) -> tuple[bytes, str]:
    text, encoding = decoded
    return text[: text.rindex(b"\n", 0, -1) + 1], encoding


def judging_the_first(sound: Callable[..., Any], frames: list[pl.DataFrame], *others: Any, **named: Any) -> Any:
    return sound(frames[:1], *others, **named)


def recording_others(sound: Callable[..., None], self: Ingest, transaction: Any, item: Any, *others: Any) -> None:
    if item.file.slot != TEXT:
        sound(self, transaction, item, *others)


def keeping_the_corrected(sound: Callable[..., Any], entry: dict[str, Any]) -> Any:
    return {} if (Slot.of(entry), entry["file_name"]) == (TEXT, "grids.csv") else sound(entry)


def in_ledger(**more: int) -> Fault:
    """The ledger has other numbers of lines than were read."""

    def call(sound: Callable[..., None], self: Ingest, transaction: Any, item: Any, kept: Any, *others: Any) -> None:
        account = replace(kept.account, **{kind: getattr(kept.account, kind) + count for kind, count in more.items()})
        sound(self, transaction, item, replace(kept, account=account), *others)

    return call_of(Ingest, "_record_batch", call)


def with_superseded(sound: Callable[..., Any], self: Store) -> Any:
    current = sound(self)
    known = {row["batch_id"] for row in current}
    others = [row | {"is_correction_refused": False} for row in self.all_batches() if row["batch_id"] not in known]
    return [*current, *others]


def states(change: Callable[[RowStates], RowStates]) -> Fault:
    """The rows of each batch are counted otherwise."""
    return result_of(CrossFile, "_row_states", lambda found: {name: change(state) for name, state in found.items()})


def for_all(**values: Any) -> Change:
    """These values in every row of a frame."""
    return lambda frame: frame.with_columns(**{name: pl.lit(value).cast(frame.schema[name]) for name, value in values.items()})


# --- what is seen while a file is read: the file is refused -------------------------------------------------------

READING = {
    "the last line is lost while cells are parsed": Mutant(result_of(pl, "read_csv", but_last), REFUSED, (TEXT,)),
    "a line is parsed twice": Mutant(result_of(pl, "read_csv", last_twice), REFUSED, (TEXT,)),
    "two records are taken for one": Mutant(
        result_of(csv_source, "find_records", without_end(4)), REFUSED, (TEXT,)
    ),
    "lines that continue a cell are not counted": Mutant(
        call_of(CsvSource, "__init__", not_counting_continuations), REFUSED, (TEXT,)
    ),
    "rows of another width are forgotten": Mutant(
        result_of(CsvSource, "body", lambda body: replace(body, odd=[])), REFUSED, (TEXT,)
    ),
    "the title is forgotten": Mutant(
        result_of(deliveries, "find_header", lambda header: replace(header, rows_before=header.rows_before[1:])), REFUSED, (TEXT,)
    ),
    "blank lines above the header are forgotten": Mutant(
        result_of(
            deliveries, "find_header",
            lambda header: replace(header, rows_before=tuple(row for row in header.rows_before if row.filled)),
        ), REFUSED, (TEXT,),
    ),
    "a header that is repeated is skipped and not counted": Mutant(
        result_of(deliveries, "classify", lambda rows: replace(rows, header=0)), REFUSED, (TEXT,)
    ),
    "a note is counted twice": Mutant(
        result_of(deliveries, "classify", lambda rows: replace(rows, note=rows.note + 1)), REFUSED, (TEXT,)
    ),
    "totals are skipped and not counted": Mutant(
        result_of(deliveries, "classify", lambda rows: replace(rows, totals=0)), REFUSED, (TEXT,)
    ),
    "blank lines are skipped and not counted": Mutant(
        result_of(deliveries, "classify", lambda rows: replace(rows, blank=0)), REFUSED, (TEXT,)
    ),
    "skipped lines are counted and taken for data": Mutant(
        call_of(deliveries, "classify", keeping_what_was_skipped), REFUSED, (TEXT,)
    ),
    "the row below the header of a sheet is left out": Mutant(
        result_of(SheetSource, "body", lambda body: replace(body, regular=body.regular.slice(1))), REFUSED, (WORKBOOK,)
    ),
    "empty cells below a sheet's last row are not counted": Mutant(
        result_of(SheetSource, "body", lambda body: replace(body, trailing_blank=0)), REFUSED, (WORKBOOK,)
    ),
    "the last line is lost before records are found": Mutant(
        result_of(csv_source, "as_utf8", without_last_line), REFUSED, (TEXT,)
    ),
    "the last record has no end": Mutant(result_of(csv_source, "find_records", without_end(-1)), REFUSED, (TEXT,)),
    "the last rows of a sheet are lost on the way": Mutant(
        result_of(pl, "read_ipc", lambda frame: frame.head(-3)), REFUSED, (WORKBOOK,)
    ),
    "a row of a sheet comes twice": Mutant(
        result_of(pl, "read_ipc", lambda frame: pl.concat([frame.head(6), frame.slice(5)])), REFUSED, (WORKBOOK,)
    ),
}  # fmt: skip

# --- what is seen where rows are counted in the batch, against the ledger ------------------------------------------

TAKING_IN = {
    "a row is lost when columns are named": Mutant(result_of(deliveries, "_named", but_last), UNBALANCED),
    "a row is doubled when columns are named": Mutant(result_of(deliveries, "_named", last_twice), UNBALANCED),
    "a row is lost when columns are completed": Mutant(result_of(protect, "_complete", but_last), r"row_accounts: "),
    "rows with a text that cannot be cast are left out": Mutant(
        result_of(protect, "_batch", lambda rows: rows.filter(pl.col("households").is_not_null())), UNBALANCED
    ),
    "a row is protected twice": Mutant(result_of(protect, "_batch", last_twice), UNBALANCED),
    "a row stands in the batch of another file": Mutant(result_of(ingest, "protect_all", moved_on), UNBALANCED),
    "two files have each other's account": Mutant(call_of(Ingest, "prepare", accounts_exchanged), UNBALANCED),
    "a row is not written": Mutant(written("lake", but_last), UNBALANCED),
    "a row is written twice": Mutant(written("lake", last_twice), UNBALANCED),
    "an empty batch is written": Mutant(written("lake", lambda frame: frame.clear()), UNBALANCED),
    "two files have each other's rows": Mutant(where_written(exchanged), WRITTEN),
    "a batch is not there": Mutant(lost("lake"), "DiskTrouble: A file of the data root cannot be read or written"),
    "the verdicts on a batch are not there": Mutant(lost("verdicts"), "DiskTrouble: A file of the data root cannot be read or written"),
    "a verdict is lost when rows are judged": Mutant(
        result_of(runner, "_verdicts", but_last), r"two counts of rows that fail rule .* differ"
    ),
    "a verdict is given twice when rows are judged": Mutant(
        result_of(runner, "_verdicts", last_twice), r"two counts of rows that fail rule .* differ"
    ),
    "verdicts are given for another rule": Mutant(
        result_of(runner, "_verdicts", for_all(rule_id="grid_inside_community")), r"two counts of rows that fail rule .* differ"
    ),
    "the ledger has a data row too many": Mutant(in_ledger(data=1, blank=-1), UNBALANCED),
    "the ledger has a line too few": Mutant(in_ledger(read=-1), UNBALANCED),
    "the ledger has no continuations": Mutant(in_ledger(continuation=-1), UNBALANCED),
    "a verdict is not written": Mutant(written("verdicts", but_last), WRITTEN),
    "verdicts are written as warnings": Mutant(written("verdicts", for_all(severity="warning")), WRITTEN),
    "verdicts are written for rows that are not there": Mutant(written("verdicts", for_all(row_number=1)), WRITTEN),
    "verdicts are written for another row": Mutant(written("verdicts", for_all(row_number=5)), WRITTEN),
    "only the first file of a month is judged": Mutant(call_of(ingest, "judge", judging_the_first), "8 rows judged; found: 5"),
    "a landed file is forgotten": Mutant(
        result_of(ingest, "_grouped", lambda groups: [group[:-1] for group in groups]), "2 new files; found: 1 dealt with"
    ),
    "two files of as many rows have each other's rows": Mutant(
        where_written(exchanged_batches), r"row_accounts: ", (DISPUTES, OTHER_DISPUTES)
    ),
}  # fmt: skip

# --- what is seen of batches that are sound -----------------------------------------------------------------------

JUDGING = {
    "totals are no lines that are skipped": Mutant(
        lambda patch: patch.setattr(current_batches, "SKIPPED_KINDS", current_batches.SKIPPED_KINDS - {"rows_totals"}),
        "row_accounts: ", is_taken=True,
    ),
    "quarantined rows are accepted, too": Mutant(
        states(lambda state: replace(state, accepted=state.accepted + state.quarantined)), "row_accounts: ", is_taken=True
    ),
    "duplicates are subtracted twice": Mutant(
        states(lambda state: replace(state, accepted=state.accepted - state.duplicate)), "row_accounts: ", is_taken=True
    ),
    "a month is not evaluated": Mutant(result_of(CrossFile, "evaluate", lambda found: found[1:]), COUNTED_TWICE, is_taken=True),
    "rows that contradict other files are found twice": Mutant(
        result_of(CrossFile, "_failing", last_twice), "one verdict per row and rule", ALL, is_taken=True
    ),
    "the verdicts of rules across files are not kept": Mutant(
        call_of(cross_file, "as_parquet", lambda sound, frame: sound(frame.clear())), COUNTED_TWICE, ALL, is_taken=True
    ),
    "events that are corrected later stay": Mutant(
        result_of(CrossFile, "_corrected", lambda _: {}), COUNTED_TWICE, ALL, is_taken=True
    ),
}  # fmt: skip

# --- what is seen where dbt counts the rows of every state again ---------------------------------------------------

SHOWING = {
    "quarantined rows are counted as accepted": Mutant(
        states(lambda state: RowStates(state.accepted + state.quarantined, 0, state.duplicate)), SHOWN_WRONG
    ),
    "duplicates are counted as quarantined": Mutant(
        states(lambda state: RowStates(state.accepted, state.quarantined + state.duplicate, 0)), SHOWN_WRONG
    ),
    "rows that other files contradict are counted as accepted": Mutant(
        call_of(CrossFile, "_row_states", lambda sound, self, frame, batches: sound(self, frame.clear(), batches)), SHOWN_WRONG
    ),
    "the verdicts of rules across files are not handed on": Mutant(
        result_of(control_tables, "verdicts", lambda found: found.filter(~pl.col("is_cross_file"))), SHOWN_WRONG
    ),
    "the verdicts of rules inside files are not handed on": Mutant(
        result_of(control_tables, "verdicts", lambda found: found.filter("is_cross_file")), SHOWN_WRONG
    ),
    "skipped lines are not handed on": Mutant(
        result_of(control_tables, "batch_accounts", for_all(rows_skipped=0)), SHOWN_WRONG
    ),
    "a file and the one that corrects it are both current": Mutant(
        call_of(Store, "current_batches", with_superseded), SHOWN_WRONG
    ),
}  # fmt: skip
SHOWING = {name: replace(mutant, slots=ALL, is_taken=True, has_accounts=True) for name, mutant in SHOWING.items()}
SHOWING |= {
    "a batch is not in the ledger": Mutant(
        call_of(Ingest, "_record_batch", recording_others), SHOWN_WRONG, has_accounts=True
    ),
    "a slot keeps the file that was corrected": Mutant(
        call_of(store, "_slot_after", keeping_the_corrected), SHOWN_WRONG, is_corrected=True, has_accounts=True
    ),
    "one row is lost and another doubled": Mutant(
        result_of(deliveries, "_named", lambda frame: pl.concat([frame.head(-1), frame.head(1)])), SHOWN_WRONG, has_accounts=True
    ),
}  # fmt: skip
MUTANTS = READING | TAKING_IN | JUDGING | SHOWING
