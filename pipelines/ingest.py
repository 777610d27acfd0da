"""From delivered files to batches in the lake and entries in the ledger.

All new files of one dataset and month are read, protected and validated together; then each becomes current
in its slot, or is refused whole, all by one transaction. A batch is kept as the shipped contract reads and judges it;
whether its file is refused is for the rules that hold for its month, with tuned ones (see decided_batches). Rules across
files are not run here (see cross_file).
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
from sqlalchemy.engine import Connection

from expectations.contract import Contract, load_contract
from expectations.runner import RuleOutcome, warm_up
from pipelines.accounted import hold_judged, write_verdicts
from pipelines.actor import Actor
from pipelines.county import County
from pipelines.data_docs import batches_of, write_validation
from pipelines.errors import Refusal, Words
from pipelines.judging import judge, rows_failed, rule_values, too_many_bad_rows
from pipelines.keys import Key
from pipelines.lake import batch_frames, batch_path, linking_path, verdicts_path, write_parquets
from pipelines.landing import LandedFile
from pipelines.protection import Origin, Protected, protect_all, respell
from pipelines.reading import Delivered, RowAccount, read_file
from pipelines.settings import Home, month_start
from pipelines.stewardship.corrections import drafts_of
from pipelines.stewardship.decision_store import Decisions
from pipelines.stewardship.decisions import Draft
from pipelines.stewardship.rule_change_store import RuleChanges
from pipelines.stewardship.rule_changes import RulesInForce
from pipelines.store import Slot, Store, append_delivery, batch, record_landed, rule_result

_READERS = 2  # threads: each waits for the disk, for Excel files to be read in a process of their own, and for Polars
_READ_AHEAD = 6  # groups of files: as many as can be read while Great Expectations is imported


@dataclass(frozen=True)
class Kept:
    """A protected file whose batch is complete on disk; it is nothing until the ledger names it."""

    batch: pl.DataFrame
    account: RowAccount
    remarks: dict[str, Any]
    content_hash: str
    linking_hash: str | None  # null where nobody is named
    corrects: pl.DataFrame | None = None  # of a correction sheet: which rows its rows go in place of


@dataclass(frozen=True)
class Prepared:
    """One delivered file on its way: kept, or refused."""

    file: LandedFile
    batch_id: str
    kept: Kept | None = None
    refusal: Refusal | None = None


@dataclass(frozen=True)
class Judged:
    """A file with the verdicts on its own rows: those that are kept, of the contract as it is shipped, and `held`, of the
    rules that hold for its month; and why it is refused, if it is.

    `corrections`: what a correction sheet decides on rows that were delivered before.
    """

    item: Prepared
    verdicts: pl.DataFrame
    held: pl.DataFrame
    refusal: Refusal | None
    corrections: list[Draft]

    @property
    def failed(self) -> int:
        """How many rows have an error."""
        return rows_failed(self.held)


@dataclass(frozen=True)
class FileOutcome:
    """What became of one delivered file."""

    slot: Slot
    file_name: str
    outcome: str
    rows_read: int = 0
    rows_data: int = 0
    rows_failed: int = 0
    refusal: Refusal | None = None


@dataclass(frozen=True)
class GroupOutcome:
    """What became of the new files of one dataset and month."""

    dataset: str
    period: str
    files: list[FileOutcome]
    rules: list[RuleOutcome]


@dataclass(frozen=True)
class Ingest:
    """What every step of taking files in needs: where, whose, with which key, in which run."""

    home: Home
    county: County
    store: Store
    key: Key
    run_id: str

    @cached_property
    def rules(self) -> RulesInForce:
        return RuleChanges(self.store).in_force()

    def groups(self, files: list[LandedFile]) -> Iterator[GroupOutcome]:
        """Takes in all `files`, dataset × month by dataset × month; two groups are read while another is judged.

        The largest group takes 300 MiB while it is read, and 40 MiB while it waits to be judged.
        """
        with ThreadPoolExecutor(_READERS, thread_name_prefix="read") as reader, duckdb.connect() as connection:
            started = (reader.submit(self.prepare, group) for group in _grouped(files))
            ahead = deque(islice(started, _READ_AHEAD))
            # Importing Great Expectations takes seconds: meanwhile the first files are read.
            months = sorted({(file.slot.dataset, file.slot.period) for file in files})
            contracts = [load_contract(dataset) for dataset in sorted({dataset for dataset, _ in months})]
            contracts += [self.rules.contract(*place) for place in months if self.rules.digest(*place)]
            warm_up(contracts, is_sample=self.county.sample)
            while ahead:
                prepared = ahead.popleft().result()
                ahead.extend(islice(started, 1))
                yield self.take_in(prepared, connection)

    def prepare(self, group: list[LandedFile]) -> list[Prepared]:
        """Read, protect and keep the files of one dataset and month; a refusal is a result, not an exception."""
        contract = load_contract(group[0].slot.dataset)
        read = [_read(file, contract) for file in group]
        origins = [
            Origin(batch_id_of(file, contract, self.key), file.slot.supplier_id, month_start(file.slot.period))
            for file in group
        ]
        usable = [
            (delivered.frame, origin)
            for delivered, origin in zip(read, origins, strict=True)
            if isinstance(delivered, Delivered)
        ]
        found = protect_all(usable, contract, self.key, is_sample=self.county.sample)
        protected = {origin.batch_id: one for (_, origin), one in zip(usable, found, strict=True)}
        hashes = self._write_batches(group, origins, protected)

        def kept(file: LandedFile, batch_id: str, delivered: Delivered) -> Kept:
            content_hash = hashes[batch_path(self.home, file.slot, batch_id)]
            linking_hash = hashes.get(linking_path(self.home, file.slot, batch_id))
            remarks = _remarks(delivered)
            return Kept(protected[batch_id].batch, delivered.account, remarks, content_hash, linking_hash, delivered.corrects)

        return [
            Prepared(file, origin.batch_id, refusal=delivered)
            if isinstance(delivered, Refusal)
            else Prepared(file, origin.batch_id, kept(file, origin.batch_id, delivered))
            for file, origin, delivered in zip(group, origins, read, strict=True)
        ]

    def _write_batches(
        self, group: list[LandedFile], origins: list[Origin], protected: dict[str, Protected]
    ) -> dict[Path, str]:
        """Writes the batches of a group with their linking keys, all at once; the files' SHA-256 by path."""
        slots = {origin.batch_id: file.slot for file, origin in zip(group, origins, strict=True)}
        frames: dict[Path, pl.DataFrame] = {}
        for batch_id, one in protected.items():
            frames |= batch_frames(self.home, slots[batch_id], batch_id, one)
        return write_parquets(frames)

    def take_in(self, prepared: list[Prepared], connection: duckdb.DuckDBPyConnection) -> GroupOutcome:
        """Judge the rows of a group inside their files, and write the ledger."""
        slot = prepared[0].file.slot
        contract = load_contract(slot.dataset)
        frames = [item.kept.batch for item in prepared if item.kept is not None]
        rules, verdicts = judge(frames, contract, connection, is_sample=self.county.sample)
        hold_judged(slot, frames, rules)
        tuned, held_to, held = self.rules.contract(slot.dataset, slot.period), rules, verdicts
        if self.rules.digest(slot.dataset, slot.period):
            respelled = [respell(frame, tuned) for frame in frames]
            held_to, held = judge(respelled, tuned, connection, is_sample=self.county.sample)
        judged = [self._judged(item, contract, verdicts, held) for item in prepared]
        hashes = write_verdicts(slot, {self._verdicts_path(one.item): one.verdicts for one in judged if one.refusal is None})
        # All files are complete on disk before the ledger names them: a crash in between leaves nothing current.
        with self.store.transaction() as transaction:
            outcomes = [self._settle(transaction, one, contract, rules, hashes) for one in judged]
        if rules:
            batches = batches_of(judged, self.county)
            write_validation(self.home, self.county, self.run_id, tuned, slot.period, batches)
        return GroupOutcome(slot.dataset, slot.period, outcomes, held_to)

    def _judged(self, item: Prepared, contract: Contract, verdicts: pl.DataFrame, held: pl.DataFrame) -> Judged:
        kept, own = (found.filter(pl.col("batch_id") == item.batch_id) for found in (verdicts, held))
        if item.kept is None or item.kept.corrects is None:
            rows = item.kept.account.data if item.kept else 0
            refused = item.refusal or too_many_bad_rows(item.file.name, rows, rows_failed(own), contract)
            return Judged(item, kept, own, refused, [])
        try:
            corrections = drafts_of(self.home, self.store, item.file.slot, item.batch_id, item.kept.corrects)
        except Refusal as refusal:
            return Judged(item, kept, own, refusal, [])
        return Judged(item, kept, own, None, corrections)

    def _verdicts_path(self, item: Prepared) -> Path:
        return verdicts_path(self.home, item.file.slot, item.batch_id)

    def _settle(
        self, transaction: Connection, judged: Judged, contract: Contract,
        rules: list[RuleOutcome], hashes: dict[Path, str],
    ) -> FileOutcome:  # fmt: skip
        item, failed, refusal = judged.item, judged.failed, judged.refusal
        slot, name, kept = item.file.slot, item.file.name, item.kept
        if refusal is not None or kept is None:
            self._drop_batch(item)
            self._record_refusal(transaction, item, contract, refusal)
            return FileOutcome(slot, name, "refused", kept.account.read if kept else 0, 0, failed, refusal)
        self._record_batch(transaction, item, kept, contract, hashes[self._verdicts_path(item)])
        self._record_results(transaction, item, kept, judged.verdicts, rules)
        outcome = "correction" if judged.corrections else "accepted"
        Decisions(self.store).make_within(transaction, judged.corrections, Actor("run", self.run_id))
        append_delivery(transaction, self._entry(item, contract, outcome=outcome, batch_id=item.batch_id))
        record_landed(transaction, item.file.as_seen(self.home))
        return FileOutcome(slot, name, outcome, kept.account.read, kept.account.data, failed)

    def _drop_batch(self, item: Prepared) -> None:
        """Removes what a refused file left in the lake, unless the same bytes were taken before."""
        if item.kept is not None and not self.store.knows_batch(item.batch_id):
            batch_path(self.home, item.file.slot, item.batch_id).unlink(missing_ok=True)
            linking_path(self.home, item.file.slot, item.batch_id).unlink(missing_ok=True)

    def _record_refusal(
        self, transaction: Connection, item: Prepared, contract: Contract, refusal: Refusal | None
    ) -> None:
        if refusal is not None and refusal.code == "changed_while_read":
            return  # still being written: nothing has been delivered yet
        append_delivery(transaction, self._entry(item, contract, outcome="refused", refusal=refusal))
        record_landed(transaction, item.file.as_seen(self.home))

    def refuse_superseded(self, file: LandedFile) -> FileOutcome:
        """Bytes that a later file already replaced: refused, unless reinstated by command."""
        contract = load_contract(file.slot.dataset)
        refusal = Refusal(
            "superseded",
            Words("该文件内容已被后来的文件取代", "This content was replaced by a later file"),
            where=f"{file.slot.supplier_id}/{file.slot.dataset}/{file.slot.period}/{file.name}",
            expected=Words("新的内容", "new content"),
            found=Words("与已被取代的文件逐字节相同", "the same bytes as a replaced file"),
            advice=Words("如确需恢复，运行 warehouse reinstate", "to go back to it on purpose: warehouse reinstate"),
        )
        item = Prepared(file, batch_id_of(file, contract, self.key))
        with self.store.transaction() as transaction:
            entry = self._entry(item, contract, outcome="refused_superseded", refusal=refusal)
            append_delivery(transaction, entry)
            record_landed(transaction, file.as_seen(self.home))
        return FileOutcome(file.slot, file.name, "refused_superseded", refusal=refusal)

    def _entry(
        self, item: Prepared, contract: Contract, *, outcome: str,
        batch_id: str | None = None, refusal: Refusal | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        file = item.file
        return {
            "run_id": self.run_id,
            "supplier_id": file.slot.supplier_id,
            "dataset": file.slot.dataset,
            "period": file.slot.period,
            "file_name": file.name,
            "file_hash": file.file_hash,
            "received_at": file.received_at.isoformat(timespec="microseconds"),
            "outcome": outcome,
            "contract_version": contract.version,
            "refusal_code": refusal.code if refusal else None,
            "refusal_zh": refusal.zh if refusal else None,
            "refusal_en": refusal.en if refusal else None,
            "batch_id": batch_id,
            "rules_digest": self.rules.digest(file.slot.dataset, file.slot.period),
        }

    def _record_batch(
        self, transaction: Connection, item: Prepared, kept: Kept, contract: Contract, verdicts_hash: str
    ) -> None:
        account, slot = kept.account, item.file.slot
        # The same bytes under the same contract and key are the same batch: written again, never twice.
        transaction.execute(batch.delete().where(batch.c.batch_id == item.batch_id))
        transaction.execute(
            batch.insert(),
            {
                "batch_id": item.batch_id,
                "supplier_id": slot.supplier_id,
                "dataset": slot.dataset,
                "period": slot.period,
                "content_hash": kept.content_hash,
                "verdicts_hash": verdicts_hash,
                "linking_hash": kept.linking_hash,
                "contract_version": contract.version,
                "key_id": self.key.id,
                "rows_read": account.read,
                "rows_data": account.data,
                "rows_title": account.title,
                "rows_header": account.header,
                "rows_note": account.note,
                "rows_totals": account.totals,
                "rows_blank": account.blank,
                "rows_continuation": account.continuation,
                "remarks": json.dumps(kept.remarks, ensure_ascii=False),
            },
        )

    def _record_results(
        self, transaction: Connection, item: Prepared, kept: Kept, own: pl.DataFrame, rules: list[RuleOutcome]
    ) -> None:
        values = rule_values(self.run_id, item.file.slot, own, rules, item.batch_id, kept.batch.height)
        transaction.execute(
            rule_result.delete()
            .where(rule_result.c.run_id == self.run_id)
            .where(rule_result.c.batch_id == item.batch_id)
        )
        if values:
            transaction.execute(rule_result.insert(), values)


def batch_id_of(file: LandedFile, contract: Contract, key: Key) -> str:
    """The same bytes in the same slot under the same contract and key always are the same batch."""
    slot = file.slot
    parts = (slot.supplier_id, slot.dataset, slot.period, file.file_hash, str(contract.version), key.id)
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:24]


def _grouped(files: list[LandedFile]) -> list[list[LandedFile]]:
    """Files by dataset and month, in the order in which they are taken in: months, and the largest first in each."""
    groups: dict[tuple[str, str], list[LandedFile]] = {}
    for file in files:
        groups.setdefault((file.slot.period, file.slot.dataset), []).append(file)
    sizes = {place: sum(file.size for file in group) for place, group in groups.items()}
    return [groups[place] for place in sorted(groups, key=lambda place: (place[0], -sizes[place], place[1]))]


def _read(file: LandedFile, contract: Contract) -> Delivered | Refusal:
    try:
        delivered: Delivered | Refusal = read_file(file.path, contract)
    except Refusal as refusal:
        delivered = refusal
    # Half a file, or none any more, says nothing about what will be delivered.
    return delivered if file.is_unchanged() else _changed_while_read(file)


def _remarks(delivered: Delivered) -> dict[str, Any]:
    return {
        "encoding": delivered.encoding,
        "sheet": delivered.sheet,
        "extra_headers": delivered.extra_headers,
        "dropped_headers": delivered.dropped_headers,
        "missing_optional": delivered.missing_optional,
    }


def _changed_while_read(file: LandedFile) -> Refusal:
    return Refusal(
        "changed_while_read",
        Words("文件在读取时被改动", "The file changed while it was read"),
        where=file.name,
        expected=Words("写完后再放入，或先用 .part 后缀", "a finished file, or the suffix .part until it is"),
        found=Words("大小或时间已变", "another size or time"),
        advice=Words("下次运行会再读", "the next run reads it again"),
    )


__all__ = ["FileOutcome", "GroupOutcome", "Ingest", "Prepared"]
