"""Batches as decisions and tuned rules leave them: what a run reads of a slot is its delivered batch with the decisions on
its rows, judged by the rules that hold for its month.

A decided batch is derived from the delivered one, the decisions whose rows it has, in the order in which they were made,
and the changes of rules in force; a delivered batch is always as the shipped contract reads and judges it, so that it is
current again as soon as none of these is left. It is a batch like any other (rows, linking keys, verdicts, an entry in the ledger), so that everything after it
needs to know of no decision. Its rows keep their numbers. It is judged anew by every rule: what was corrected is held to
them as if it had been delivered so, and a row that was accepted passes the rules that it was accepted with, no others.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import duckdb
import polars as pl

from expectations.contract import Contract
from pipelines.county import County
from pipelines.judging import judge, rule_values
from pipelines.lake import (
    WAIVED,
    batch_frames,
    batch_path,
    linking_path,
    read_batch,
    verdicts_path,
    write_parquets,
)
from pipelines.protection import Protected, respell, store_cells
from pipelines.settings import Home
from pipelines.stewardship.decision_store import Decisions
from pipelines.stewardship.decisions import ON_BATCHES, Decision
from pipelines.stewardship.row_content import digests
from pipelines.stewardship.rule_change_store import RuleChanges
from pipelines.stewardship.rule_changes import RulesInForce
from pipelines.store import Slot, Store, append_delivery, batch, rule_result


@dataclass(frozen=True)
class Decided:
    """What the decisions on a slot's rows gave: the batch that is current now, and which of them found their row."""

    slot: Slot
    batch_id: str
    applied: tuple[int, ...]
    without_row: tuple[int, ...]


@dataclass
class _Rows:
    """The rows of a batch while decisions are applied to them, one after the other.

    `digests` of each row: as it was delivered, and as spellings that were added since read it.
    """

    contract: Contract
    frame: pl.DataFrame
    linking: pl.DataFrame | None
    digests: dict[int, set[str]]
    waived: dict[int, Mapping[str, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, home: Home, slot: Slot, batch_id: str, contract: Contract) -> _Rows:
        delivered, linking = read_batch(home, slot, batch_id)
        frame = respell(delivered, contract)
        known: dict[int, set[str]] = {}
        for rows in (delivered,) if frame is delivered else (delivered, frame):
            for number, digest in digests(rows, contract).iter_rows():
                known.setdefault(number, set()).add(digest)
        return cls(contract, frame, linking, known)

    def find(self, decision: Decision) -> int | None:
        """The number of the row that a decision is about: the one that it was made on, or the first of that content."""
        row = decision.draft.row
        if row.digest in self.digests.get(row.row_number, ()):
            return row.row_number
        return min((number for number, known in self.digests.items() if row.digest in known), default=None)

    def drop(self, number: int) -> None:
        self.frame = self.frame.filter(pl.col("row_number") != number)
        self._forget(number)
        del self.digests[number]

    def replace(self, number: int, row: pl.DataFrame, linking: pl.DataFrame | None) -> None:
        """Puts another content in the place of a row; `linking` are its linking keys, if it has a name."""
        self._forget(number)
        delivered = row.with_columns(row_number=pl.lit(number, pl.Int32)).select(self.frame.columns)
        placed = respell(delivered, self.contract)
        self.frame = pl.concat([self.frame.filter(pl.col("row_number") != number), placed]).sort("row_number")
        if self.linking is not None and linking is not None:
            keys = linking.with_columns(row_number=pl.lit(number, pl.Int32))
            self.linking = pl.concat([self.linking, keys]).sort("row_number")
        self.digests[number] = {digests(one, self.contract)["digest"].item() for one in (delivered, placed)}

    def correct(self, number: int, cells: Mapping[str, str]) -> None:
        """Puts other texts into cells of a row; its linking keys are of its name, which stays."""
        own = None if self.linking is None else self.linking.filter(pl.col("row_number") == number)
        row = self.frame.filter(pl.col("row_number") == number)
        stored = store_cells(cells, self.contract)
        self.replace(number, row.with_columns(stored.get_columns()), own)

    def _forget(self, number: int) -> None:
        """What was waived for a row, and its linking keys, went with its content."""
        self.waived.pop(number, None)
        if self.linking is not None:
            self.linking = self.linking.filter(pl.col("row_number") != number)


@dataclass(frozen=True)
class DecidedBatches:
    """Makes the batches of a data root what the decisions and the changes of rules in force ask for."""

    home: Home
    county: County
    store: Store
    run_id: str

    @cached_property
    def rules(self) -> RulesInForce:
        return RuleChanges(self.store).in_force()

    def apply(self) -> list[Decided]:
        """Brings every slot with decisions or tuned rules up to date; doing it again changes nothing."""
        by_slot: dict[Slot, list[Decision]] = {}
        for decision in Decisions(self.store).in_force():
            if decision.draft.kind in ON_BATCHES:
                by_slot.setdefault(decision.draft.row.slot, []).append(decision)
        current = {Slot.of(row): row for row in self.store.current_batches()}
        # Of a slot whose last decision or change of rules was withdrawn the delivered batch is current again.
        undone = {slot for slot, row in current.items() if row["base_batch_id"]}
        judged_anew = {slot for slot in current if self.rules.digest(slot.dataset, slot.period)}
        decided = {slot for slot in by_slot if slot in current}
        slots = sorted(undone | judged_anew | decided, key=lambda slot: tuple(vars(slot).values()))
        return [self._apply_to(slot, current[slot], by_slot.get(slot, [])) for slot in slots]

    def _apply_to(self, slot: Slot, current: Mapping[str, Any], decisions: list[Decision]) -> Decided:
        base_id = str(current["base_batch_id"] or current["batch_id"])
        rules_digest = self.rules.digest(slot.dataset, slot.period)
        if not decisions and current["batch_id"] == decided_batch_id(base_id, [], rules_digest):
            return Decided(slot, current["batch_id"], (), ())  # nothing to read: only its rules are others
        rows = _Rows.of(self.home, slot, base_id, self.rules.contract(slot.dataset, slot.period))
        height = rows.frame.height
        applied, without_row = self._decide(rows, decisions)
        batch_id = decided_batch_id(base_id, applied, rules_digest)
        if batch_id != current["batch_id"]:
            if batch_id != base_id and not self.store.knows_batch(batch_id):
                self._write(slot, base_id, batch_id, rows, height - rows.frame.height)
            self._make_current(base_id, batch_id)
        return Decided(slot, batch_id, tuple(d.decision_id for d in applied), tuple(d.decision_id for d in without_row))

    def _decide(self, rows: _Rows, decisions: Iterable[Decision]) -> tuple[list[Decision], list[Decision]]:
        """Applies decisions; those that found their row, and those that did not."""
        applied: list[Decision] = []
        without_row: list[Decision] = []
        for decision in decisions:
            number = rows.find(decision)
            if number is None:
                without_row.append(decision)
                continue
            applied.append(decision)
            content = decision.draft.content
            match decision.draft.kind:
                case "accept":
                    rows.waived[number] = content["rules"]
                case "correct":
                    rows.correct(number, content["cells"])
                case "replace":
                    rows.replace(number, *self._correction(decision))
                case "reject" | "merge":
                    rows.drop(number)
        return applied, without_row

    def _correction(self, decision: Decision) -> tuple[pl.DataFrame, pl.DataFrame | None]:
        """The row of a correction batch, with its linking keys."""
        content = decision.draft.content
        found = read_batch(self.home, decision.draft.row.slot, content["batch_id"])
        row, linking = (None if one is None else one.filter(pl.col("row_number") == content["row_number"]) for one in found)
        assert row is not None and row.height == 1  # the decision came with its batch
        return row, linking

    def _write(self, slot: Slot, base_id: str, batch_id: str, rows: _Rows, set_aside: int) -> None:
        """The files of a decided batch, and then its entry in the ledger."""
        named = pl.lit(batch_id).alias("batch_id")
        frame = rows.frame.with_columns(named)
        linking = None if rows.linking is None else rows.linking.with_columns(named)
        with duckdb.connect() as connection:
            rules, found = judge([frame], rows.contract, connection, is_sample=self.county.sample)
        verdicts = _waive(found, batch_id, rows.waived)
        frames = batch_frames(self.home, slot, batch_id, Protected(frame, linking))
        verdicts_file = verdicts_path(self.home, slot, batch_id)
        hashes = write_parquets(frames | {verdicts_file: verdicts})
        (base,) = (row for row in self.store.all_batches() if row["batch_id"] == base_id)
        account = base | {
            "batch_id": batch_id, "base_batch_id": base_id, "rows_set_aside": set_aside, "rows_data": frame.height,
            "rules_digest": self.rules.digest(slot.dataset, slot.period),
            "content_hash": hashes[batch_path(self.home, slot, batch_id)], "verdicts_hash": hashes[verdicts_file],
            "linking_hash": hashes.get(linking_path(self.home, slot, batch_id)),
        }  # fmt: skip
        with self.store.transaction() as connection:
            connection.execute(batch.insert().values(**account))
            results = rule_values(self.run_id, slot, verdicts, rules, batch_id, frame.height)
            connection.execute(rule_result.insert(), results)

    def _make_current(self, base_id: str, batch_id: str) -> None:
        """Enters the batch as current in its slot. It was received when the delivered one was, in the same file."""
        delivered = [entry for entry in self.store.deliveries() if entry["batch_id"] == base_id]
        entry = {**delivered[-1], "run_id": self.run_id, "outcome": "decided", "batch_id": batch_id}
        with self.store.transaction() as connection:
            append_delivery(connection, entry)


def decided_batch_id(base_id: str, applied: Iterable[Decision], rules_digest: str | None = None) -> str:
    """The same decisions on the same batch under the same rules always are the same batch; without decisions and under
    the shipped rules it is the delivered one."""
    made = [[decision.draft.kind, decision.draft.row.digest, dict(decision.draft.content)] for decision in applied]
    if not made and rules_digest is None:
        return base_id
    parts = [base_id, made, *([rules_digest] if rules_digest else [])]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:24]


def _waive(verdicts: pl.DataFrame, batch_id: str, waived: Mapping[int, Mapping[str, int]]) -> pl.DataFrame:
    """The verdicts, with those that were waived marked so; a rule across files, which is evaluated later, as well."""
    marks = pl.DataFrame(
        [(batch_id, number, rule, version, WAIVED) for number, rules in waived.items() for rule, version in rules.items()],
        verdicts.schema, orient="row",
    )  # fmt: skip
    # A rule that was changed since it was waived holds.
    left = verdicts.join(marks, on=["batch_id", "row_number", "rule_id", "rule_version"], how="anti")
    return pl.concat([left, marks]).sort("batch_id", "row_number", "rule_id")
