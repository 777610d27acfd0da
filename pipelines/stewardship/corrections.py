"""Rows that a supplier corrects: from a filled correction sheet to decisions that put each in the place of the row it corrects.

Belongs here: which row a correction is of. The sheet that asks for corrections is `correction_sheet`, what decisions do to
batches `decided_batches`.
"""

from __future__ import annotations

import polars as pl

from expectations.contract import load_contract
from pipelines.errors import Refusal, Words
from pipelines.lake import read_batch
from pipelines.settings import Home
from pipelines.stewardship.decisions import Draft, Row
from pipelines.stewardship.row_content import digests
from pipelines.store import Slot, Store

_REASON = "报送单位报送更正 / its supplier delivered a correction"


def drafts_of(home: Home, store: Store, slot: Slot, batch_id: str, corrects: pl.DataFrame) -> list[Draft]:
    """A decision for every row of a correction batch. Refusal where a row that it names is none of the slot's.

    `corrects`: row_number of the correction, corrected_batch and corrected_row. The row may stand in a batch that was
    replaced since: the decision then acts where its content stands again, if anywhere.
    """
    contract = load_contract(slot.dataset)
    of_slot = {str(row["batch_id"]) for row in store.all_batches() if _slot_of(row) == slot}
    drafts = []
    for (corrected_batch,), rows in corrects.partition_by("corrected_batch", as_dict=True).items():
        if corrected_batch not in of_slot:
            raise _unknown(slot, rows, Words("批次不是本报送位的", "a batch that is none of this slot"))
        frame, _ = read_batch(home, slot, str(corrected_batch))
        wanted = frame.filter(pl.col("row_number").is_in(rows["corrected_row"].to_list()))
        known = dict(digests(wanted, contract).iter_rows())
        for row_number, _, corrected_row in rows.iter_rows():
            if corrected_row not in known:
                raise _unknown(slot, rows, Words("批次中没有这一行", "no such row in the batch"))
            row = Row(slot, str(corrected_batch), corrected_row, known[corrected_row])
            drafts.append(Draft("replace", row, _REASON, {"batch_id": batch_id, "row_number": row_number}))
    return drafts


def _slot_of(row: dict[str, object]) -> Slot:
    return Slot(str(row["supplier_id"]), str(row["dataset"]), str(row["period"]))


def _unknown(slot: Slot, rows: pl.DataFrame, found: Words) -> Refusal:
    return Refusal(
        "correction_unknown_row",
        Words("更正表所更正的行不存在", "The correction sheet corrects a row that is not there"),
        where=f"row {rows['row_number'][0]}",
        expected=Words(
            f"{slot.supplier_id}/{slot.dataset}/{slot.period} 报送过的批次和行号",
            f"a batch and row delivered as {slot.supplier_id}/{slot.dataset}/{slot.period}",
        ),
        found=found,
        advice=Words("使用退回的更正表，放入原来的月份文件夹", "use the sheet that was sent, in the folder of its month"),
    )
