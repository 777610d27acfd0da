"""Uncertain links that a steward decided: which row of the grid's list is, or is not, of the same person as a row in a book."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import polars as pl

from expectations.contract import load_contract
from pipelines.current_batches import CurrentBatch
from pipelines.errors import Words
from pipelines.lake import read_batch
from pipelines.linking import DECIDED_SCHEMA
from pipelines.settings import Home
from pipelines.stewardship.decision_store import Decisions
from pipelines.stewardship.decisions import ON_LINKS, DecisionError, Draft, Row
from pipelines.stewardship.row_content import digests
from pipelines.store import Slot, Store


def decided_links(home: Home, store: Store, batches: Iterable[CurrentBatch]) -> pl.DataFrame:
    """The decisions in force of which both rows stand in current batches, with equal content. One row per pair."""
    current = {batch.slot: batch.batch_id for batch in batches}

    @cache
    def rows_by_digest(slot: Slot) -> dict[str, int]:
        frame, _ = read_batch(home, slot, current[slot])
        found = digests(frame, load_contract(slot.dataset)).sort("row_number", descending=True)
        return {digest: number for number, digest in found.iter_rows()}

    said = []
    for decision in Decisions(store).in_force():
        if decision.draft.kind not in ON_LINKS:
            continue
        found, entry = decision.draft.row, _entry_of(decision.draft)
        if found.slot not in current or entry.slot not in current:
            continue
        numbers = rows_by_digest(found.slot).get(found.digest), rows_by_digest(entry.slot).get(entry.digest)
        if None not in numbers:
            is_same = decision.draft.kind == "same_person"
            said.append((found.slot.period, current[found.slot], numbers[0], current[entry.slot], numbers[1], is_same))
    return pl.DataFrame(said, DECIDED_SCHEMA, orient="row")


def draft(home: Home, store: Store, pair: dict[str, object], reason: str, *, is_same: bool) -> Draft:
    """A decision on a pair that `links_for_review` lists. DecisionError where a row is not there any more."""
    found = _row(home, store, str(pair["batch_id"]), int(str(pair["row_number"])))
    entry = _row(home, store, str(pair["entry_batch_id"]), int(str(pair["entry_row_number"])))
    content = {"entry": {**vars(entry.slot), "row_number": entry.row_number, "batch_id": entry.batch_id, "digest": entry.digest}}
    return Draft("same_person" if is_same else "other_person", found, reason, content)


def _entry_of(made: Draft) -> Row:
    entry = made.content["entry"]
    slot = Slot(entry["supplier_id"], entry["dataset"], entry["period"])
    return Row(slot, entry["batch_id"], entry["row_number"], entry["digest"])


def _row(home: Home, store: Store, batch_id: str, number: int) -> Row:
    known = [row for row in store.current_batches() if row["batch_id"] == batch_id]
    slot = Slot(known[0]["supplier_id"], known[0]["dataset"], known[0]["period"]) if known else None
    frame = read_batch(home, slot, batch_id)[0].filter(pl.col("row_number") == number) if slot else pl.DataFrame()
    if slot is None or not frame.height:
        raise DecisionError(
            Words("这一对疑似关联已不存在", "The pair is not there any more"),
            where=f"{batch_id[:24]} {number}",
            expected=Words("warehouse links --review 列出的一对", "a pair that warehouse links --review lists"),
            found=Words("所在批次已被取代", "a batch that was replaced"),
            advice=Words("重新列出后再裁定", "list them again"),
        )
    return Row(slot, batch_id, number, digests(frame, load_contract(slot.dataset))["digest"].item())
