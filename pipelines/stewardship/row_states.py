"""What open rows wait for: a steward, a second person, their supplier, or the next run.

Belongs here: which decision is about which open row, and what it makes of it. What a decision is stands in `decisions`, what a
run does with it in `decided_batches`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import polars as pl

from expectations.contract import load_contract
from pipelines.errors import Words
from pipelines.lake import read_batch
from pipelines.settings import Home, month_start
from pipelines.stewardship.decisions import Decision
from pipelines.stewardship.row_content import digests
from pipelines.store import Slot

RowState = Literal["open", "proposed", "sent_back", "decided"]

ROW_STATES: dict[RowState, Words] = {
    "open": Words("待处理", "To settle"),
    "proposed": Words("待复核", "Waits for approval"),
    "sent_back": Words("已退回", "Sent back"),
    "decided": Words("已裁定，下次运行计入", "Decided: counts with the next run"),
}


def with_states(home: Home, rows: pl.DataFrame, decisions: Iterable[Decision]) -> pl.DataFrame:
    """The open rows with the `state` of each. `rows`: what `open_rows` gives."""
    by_slot: dict[Slot, list[Decision]] = {}
    for decision in decisions:
        if decision.state in ("proposed", "in_force"):
            by_slot.setdefault(decision.draft.row.slot, []).append(decision)
    states = [one for slot, of_slot in by_slot.items() for one in _states(home, rows.filter(_of(slot)), slot, of_slot)]
    marks = pl.DataFrame(states, {"batch_id": pl.String, "row_number": pl.Int32, "state": pl.String}, orient="row")
    latest = marks.unique(["batch_id", "row_number"], keep="last", maintain_order=True)
    joined = rows.join(latest, on=["batch_id", "row_number"], how="left", maintain_order="left")
    return joined.with_columns(pl.col("state").fill_null("open"))


def _of(slot: Slot) -> pl.Expr:
    is_own = (pl.col("supplier_id") == slot.supplier_id) & (pl.col("dataset") == slot.dataset)
    return is_own & (pl.col("period") == month_start(slot.period))


def _states(home: Home, rows: pl.DataFrame, slot: Slot, decisions: list[Decision]) -> list[tuple[str, int, RowState]]:
    """The states of open rows of a slot, the latest decision last."""
    if rows.is_empty():
        return []
    batch_id: str = rows["batch_id"][0]
    rules: dict[int, list[str]] = dict(rows.select("row_number", "rules").iter_rows())
    # A batch never changes: in the one that a decision was made on its row is known by number, in another by content.
    is_elsewhere = any(decision.draft.row.batch_id != batch_id for decision in decisions)
    contents = _contents(home, slot, batch_id, list(rules)) if is_elsewhere else {}
    found: list[tuple[str, int, RowState]] = []
    for decision in decisions:
        number = _number(decision, batch_id, rules, contents)
        if number is not None:
            found.append((batch_id, number, _state(decision, rules[number])))
    return found


def _contents(home: Home, slot: Slot, batch_id: str, numbers: list[int]) -> dict[int, str]:
    frame, _ = read_batch(home, slot, batch_id)
    return dict(digests(frame.filter(pl.col("row_number").is_in(numbers)), load_contract(slot.dataset)).iter_rows())


def _number(decision: Decision, batch_id: str, rules: dict[int, list[str]], contents: dict[int, str]) -> int | None:
    row = decision.draft.row
    if row.batch_id == batch_id:
        return row.row_number if row.row_number in rules else None
    if contents.get(row.row_number) == row.digest:
        return row.row_number
    return min((number for number, digest in contents.items() if digest == row.digest), default=None)


def _state(decision: Decision, rules: list[str]) -> RowState:
    """A row that was accepted is open again once it breaks a rule that it was not accepted with; one that is not of some person
    may be of another."""
    draft = decision.draft
    is_left = draft.kind == "accept" and not set(rules) <= set(draft.content["rules"])
    if is_left or draft.kind == "other_person":
        return "open"
    if decision.state == "proposed":
        return "proposed"
    return "sent_back" if draft.kind == "send_back" else "decided"
