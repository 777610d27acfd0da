"""Checking a file as if it were delivered: everything that would be found, nothing taken in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import polars as pl

from expectations.contract import Column, Contract, load_contracts
from expectations.rules import cross_file_rules, rule_catalogue
from pipelines.control import known_units
from pipelines.county import County
from pipelines.cross_file import CrossFile
from pipelines.current_batches import CurrentBatch
from pipelines.errors import Refusal, Words
from pipelines.explain_replay import Ledger, replaying
from pipelines.judging import judge, rows_failed, too_many_bad_rows
from pipelines.keys import Key
from pipelines.lake import VERDICT_SCHEMA, batch_path, verdicts_path, write_parquets
from pipelines.protection import Origin, protect
from pipelines.reading import Delivered, RowAccount, read_file
from pipelines.settings import Home, month_start
from pipelines.stewardship.corrections import drafts_of
from pipelines.stewardship.rule_change_store import RuleChanges
from pipelines.stewardship.rule_changes import RulesInForce
from pipelines.store import Slot, Store

_CHECKED = "checked"  # what stands for the batch that the file would become


@dataclass(frozen=True)
class Finding:
    """One row that breaks one rule: where, and which rule, in words; never the value.

    `columns` by their titles, and by the headers of the file where those are others: who corrects it looks for them.
    """

    row_number: int
    rule_id: str
    severity: str
    columns: str
    zh: str
    en: str


@dataclass(frozen=True)
class Checked:
    """What a delivery of this file would give.

    `account` is null where the file cannot be read; `remarks`: what would be taken in otherwise than it was sent, or not at
    all; `refusal`: why the whole file would be refused.
    """

    account: RowAccount | None
    findings: list[Finding] = field(default_factory=list)
    remarks: list[Words] = field(default_factory=list)
    refusal: Refusal | None = None

    @property
    def rows_failed(self) -> int:
        return len({finding.row_number for finding in self.findings if finding.severity == "error"})

    @property
    def is_sound(self) -> bool:
        """Whether every row would be accepted."""
        return self.refusal is None and self.rows_failed == 0


def check_file(home: Home, county: County, store: Store, path: Path, slot: Slot, key: Key) -> Checked:
    """Reads, protects and judges one file by the rules of its month, inside the file and across files: beside everything
    that was taken in before, as if it took the place of what its slot has now."""
    rules = RuleChanges(store).in_force()
    contract = rules.contract(slot.dataset, slot.period)
    try:
        delivered = read_file(path, contract)
    except Refusal as unreadable:
        return Checked(None, refusal=unreadable)
    origin = Origin(_CHECKED, slot.supplier_id, month_start(slot.period))
    batch = protect(delivered.frame, contract, origin, key, is_sample=county.sample).batch
    with duckdb.connect() as connection:
        _, verdicts = judge([batch], contract, connection, is_sample=county.sample)
    if delivered.corrects is None:
        refusal = too_many_bad_rows(path.name, batch.height, rows_failed(verdicts), contract)
        across = _across_files(home, county, store, slot, rules, batch, verdicts)
    else:  # its rows go in the place of others, one by one
        refusal, across = _unknown_row(home, store, slot, delivered.corrects), verdicts.clear()
    found = pl.concat([verdicts, across]).sort("row_number", "rule_id")
    findings = _findings(found, contract, delivered.titled_otherwise, is_sample=county.sample)
    return Checked(delivered.account, findings, list(_remarks(delivered, contract)), refusal)


def _findings(
    verdicts: pl.DataFrame, contract: Contract, otherwise: dict[str, str], *, is_sample: bool
) -> list[Finding]:
    known = {rule.id: rule for rule in rule_catalogue(contract, is_sample)}
    findings = []
    for row_number, rule_id in verdicts.select("row_number", "rule_id").iter_rows():
        rule = known[rule_id]
        columns = "、".join(_titled(contract.column(name), otherwise) for name in rule.columns)
        findings.append(Finding(row_number, rule_id, rule.severity, columns, rule.zh, rule.en))
    return findings


def _titled(column: Column, otherwise: dict[str, str]) -> str:
    header = otherwise.get(column.name)
    return f"{column.title_zh}（表头“{header}”）" if header else column.title_zh


def _remarks(delivered: Delivered, contract: Contract) -> Iterator[Words]:
    for header in delivered.dropped_headers:
        yield Words(f"“{header}”栏不得入库，已丢弃", f"column {header!r} is never taken in: dropped")
    for header in delivered.extra_headers:
        yield Words(f"不认识“{header}”栏，不读取", f"column {header!r} is not known: not read")
    for name in delivered.missing_optional:
        column = contract.column(name)
        yield Words(f"没有“{column.title_zh}”栏，按空处理", f"column {column.title_zh!r} is not there: taken as empty")
    for sheet in delivered.ignored_sheets:
        yield Words(f"工作表“{sheet}”不读取", f"sheet {sheet!r} is not read")


def _unknown_row(home: Home, store: Store, slot: Slot, corrects: pl.DataFrame) -> Refusal | None:
    """Why a correction sheet would be refused: a row that it corrects is none of its slot."""
    try:
        drafts_of(home, store, slot, _CHECKED, corrects)
    except Refusal as unknown:
        return unknown
    return None


def _across_files(
    home: Home, county: County, store: Store, slot: Slot, rules: RulesInForce, batch: pl.DataFrame, verdicts: pl.DataFrame
) -> pl.DataFrame:
    """The verdicts of the rules across files on the rows of a batch that no ledger knows."""
    checked = CurrentBatch(_CHECKED, _CHECKED, slot, _CHECKED, batch.height, batch.height, 0, False)
    current = [CurrentBatch.of(row) for row in store.current_batches()]
    batches = [one for one in current if one.slot != slot] + [checked]
    with replaying(home, Ledger.of(home), set(), lambda _: None) as replay:
        replay.own(slot)
        scratch = replay.home
        write_parquets({batch_path(scratch, slot, _CHECKED): batch, verdicts_path(scratch, slot, _CHECKED): verdicts})
        *_, units = known_units(scratch, county, batches)
        with CrossFile(scratch, county, _seen_by(slot, batches, rules), units, rules) as cross_file:
            of_dataset = {one.month: one for one in cross_file.evaluate() if one.dataset == slot.dataset}
        found = pl.read_parquet(of_dataset[slot.period].verdicts_file)
    return found.filter(pl.col("batch_id") == _CHECKED).select(*VERDICT_SCHEMA)


def _seen_by(slot: Slot, batches: list[CurrentBatch], rules: RulesInForce) -> list[CurrentBatch]:
    """The batches that rules across files ask about rows of a slot: its dataset in all months, what they read in its own."""
    asked = cross_file_rules(rules.contract(slot.dataset, slot.period))
    read = {dataset for rule in asked for dataset in rule.reads}
    return [
        one for one in batches
        if one.slot.dataset == slot.dataset or (one.slot.period == slot.period and one.slot.dataset in read)
    ]  # fmt: skip


def place_of(path: Path) -> Slot | None:
    """The slot of a file that already lies in a landing folder, by the folders' names."""
    period, dataset, supplier_id = ([parent.name for parent in path.resolve().parents] + [""] * 3)[:3]
    return Slot(supplier_id, dataset, period) if dataset in load_contracts() else None
