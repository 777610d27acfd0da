"""One delivered row as a steward may see it: where it stands, what it says with what identifies people masked, which rules
it breaks, what was decided on it.

The full value of an identifying cell is nowhere in the lake; its supplier finds it by file and line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import polars as pl

from expectations.contract import FINDINGS, Column, Contract
from expectations.rules import RuleText, file_rules, rule_catalogue
from pipelines.county import County
from pipelines.errors import WarehouseError, Words
from pipelines.lake import batch_path, read_batch
from pipelines.protection.identity import IDENTIFIER, MASK
from pipelines.settings import Home
from pipelines.stewardship.decision_store import Decisions
from pipelines.stewardship.decisions import Decision, Row
from pipelines.stewardship.row_content import digests
from pipelines.stewardship.rule_change_store import RuleChanges
from pipelines.store import Slot, Store

MASKED = "******"


@dataclass(frozen=True)
class Cell:
    """One cell. `shown`: its text as people write it, masked where it identifies; '' where it is empty.

    `is_doubted`: a broken rule is about it. `finding`: what was found out about an identifying value before it was masked.
    """

    column: Column
    shown: str
    is_doubted: bool
    finding: Words | None

    @property
    def is_identifying(self) -> bool:
        return self.column.privacy != "none"


@dataclass(frozen=True)
class BrokenRule:
    """A rule that the row breaks; `is_across`: it is told from other files as well."""

    rule: RuleText
    is_across: bool


@dataclass(frozen=True)
class RowView:
    """A row with everything that is known of it. `contract`: with the rules that hold for its month; `rows_of_key`: other
    rows of its batch with the same key."""

    row: Row
    delivered_id: str
    file_name: str
    cells: list[Cell]
    broken: list[BrokenRule]
    decisions: list[Decision]
    rows_of_key: list[int]
    contract: Contract

    @property
    def open_decision(self) -> Decision | None:
        """The decision on the row, as it is now, that is proposed or in force."""
        own = [one for one in self.decisions if one.draft.row.digest == self.row.digest]
        return next((one for one in reversed(own) if one.state in ("proposed", "in_force")), None)


class NoSuchRow(WarehouseError):
    """No batch of this id, or no such row in it."""

    def __init__(self, batch_id: str, row_number: int) -> None:
        super().__init__(
            Words("没有这一行", "There is no such row"),
            where=f"{batch_id[:24]} {row_number}",
            expected=Words("工作清单所列的批次和行号", "a batch and row that the work list shows"),
            found=Words("台账中没有，或批次中没有这一行", "none in the ledger, or none in the batch"),
            advice=Words("从工作清单打开", "open it from the work list"),
        )


def row_view(home: Home, store: Store, county: County, rows: pl.DataFrame, batch_id: str, row_number: int) -> RowView:
    """The row of a batch. `rows`: what `open_rows` gives. NoSuchRow where it is not there."""
    return row_views(home, store, county, rows, batch_id, [row_number])[0]


def row_views(
    home: Home, store: Store, county: County, rows: pl.DataFrame, batch_id: str, row_numbers: list[int]
) -> list[RowView]:
    """Several rows of one batch, in this order. NoSuchRow where one is not there."""
    known = next((row for row in store.all_batches() if row["batch_id"] == batch_id), None)
    slot = None if known is None else Slot(known["supplier_id"], known["dataset"], known["period"])
    if known is None or slot is None or not batch_path(home, slot, batch_id).exists():
        raise NoSuchRow(batch_id, row_numbers[0])
    contract = RuleChanges(store).in_force().contract(slot.dataset, slot.period)
    frame, _ = read_batch(home, slot, batch_id)
    own = {row["row_number"]: row for row in frame.filter(pl.col("row_number").is_in(row_numbers)).iter_rows(named=True)}
    lost = [number for number in row_numbers if number not in own]
    if lost:
        raise NoSuchRow(batch_id, lost[0])
    contents = dict(digests(frame.filter(pl.col("row_number").is_in(row_numbers)), contract).iter_rows())
    broken = dict(rows.filter(pl.col("batch_id") == batch_id).select("row_number", "rules").iter_rows())
    delivered_id = str(known["base_batch_id"] or batch_id)
    entries = [entry for entry in store.deliveries() if entry["batch_id"] == delivered_id]
    decisions = Decisions(store).of_slot(slot)
    is_sample = county.sample
    catalogue = {rule.id: rule for rule in rule_catalogue(contract, sample=is_sample)}
    inside = {rule.id for rule in file_rules(contract, is_sample)}
    views = []
    for number in row_numbers:
        rules = [catalogue[name] for name in broken.get(number, []) if name in catalogue]
        views.append(
            RowView(
                Row(slot, batch_id, number, contents[number]), delivered_id, entries[-1]["file_name"] if entries else "",
                _cells(own[number], contract, {column for rule in rules for column in rule.columns}),
                [BrokenRule(rule, rule.id not in inside) for rule in rules],
                [one for one in decisions if number == one.draft.row.row_number or contents[number] == one.draft.row.digest],
                _rows_of_key(frame, contract, own[number]), contract,
            )
        )  # fmt: skip
    return views


def _cells(values: dict[str, Any], contract: Contract, doubted: set[str]) -> list[Cell]:
    return [
        Cell(column, _shown(values, column), column.name in doubted, _finding(values, column))
        for column in contract.columns
    ]


def _shown(values: dict[str, Any], column: Column) -> str:
    if column.privacy == "birth_date":
        year = values.get(column.stored_name)
        return MASKED if year is None and values.get(column.check_name) != "absent" else "" if year is None else f"{year}"
    if column.privacy != "none":
        return "" if values.get(column.check_name) == "absent" else MASKED
    value = values.get(column.stored_name)
    if value is None:
        return _without_numbers(str(values.get(column.text_name) or "")) if column.keeps_text else ""
    if column.type == "choice":
        return _without_numbers(str(column.values.get(value, (value,))[0]))
    if column.type == "boolean":
        return "是" if value else "否"
    if column.type == "list":
        return _without_numbers("、".join(str(one) for one in value))
    return _without_numbers(str(value))


def _without_numbers(text: str) -> str:
    """Whoever types a person's number into another column does not make it one to be shown."""
    return re.sub(IDENTIFIER, MASK, text)


def _finding(values: dict[str, Any], column: Column) -> Words | None:
    if column.privacy == "none":
        return None
    known = FINDINGS[column.privacy].get(str(values.get(column.check_name)))
    return None if known is None else Words(known[1], known[2])


def _rows_of_key(frame: pl.DataFrame, contract: Contract, values: dict[str, Any]) -> list[int]:
    """The other rows of the batch with the key of this one; none where a part of it is missing."""
    if any(values[part] is None for part in contract.key):
        return []
    same = frame.filter(*(pl.col(part) == values[part] for part in contract.key))
    return [number for number in same["row_number"].to_list() if number != values["row_number"]]
