"""The batches that are current in their slots, and their rows: as they were delivered, or as far as they passed the rules
inside their file.

Does not belong here: which batch is current (see `store`), rules across files (see `cross_file`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import duckdb
import polars as pl

from expectations.contract import load_contracts
from pipelines.lake import batch_path, schema_path, verdicts_path
from pipelines.protection.protect import lake_schema
from pipelines.settings import Home
from pipelines.sql import file_list
from pipelines.store import Slot

PASSES = "passes_its_file"
SKIPPED_KINDS = {
    f"rows_{kind}" for kind in ("title", "header", "note", "totals", "blank", "continuation", "set_aside")
}


@dataclass(frozen=True)
class CurrentBatch:
    """One batch that is current in its slot, with the account of its file's rows.

    `delivered_id`: the batch as it was delivered, where decisions made this one of it; its own id otherwise.
    """

    batch_id: str
    delivered_id: str
    slot: Slot
    content_hash: str
    rows_read: int
    rows_data: int
    rows_skipped: int
    is_correction_refused: bool

    @property
    def is_decided(self) -> bool:
        """Whether decisions on rows made it of the batch that was delivered."""
        return self.batch_id != self.delivered_id

    @classmethod
    def of(cls, row: dict[str, Any]) -> CurrentBatch:
        slot = Slot.of(row)
        skipped = sum(count for name, count in row.items() if name in SKIPPED_KINDS)
        return cls(
            row["batch_id"], row["base_batch_id"] or row["batch_id"], slot, row["content_hash"], row["rows_read"], row["rows_data"], skipped,
            bool(row["is_correction_refused"]),
        )  # fmt: skip


def judged_rows(home: Home, dataset: str, batches: list[CurrentBatch]) -> pl.DataFrame:
    """All rows of these batches of one dataset, in the lake's schema, and whether each passed every rule inside its file."""
    if not batches:
        return pl.DataFrame(schema=lake_schema(load_contracts()[dataset]) | {PASSES: pl.Boolean()})
    with duckdb.connect() as connection:
        frame: pl.DataFrame = connection.sql(f"""
            select delivered.*,
                (delivered.batch_id, delivered.row_number) not in ({_failing_query(home, batches)}) as {PASSES}
            from ({delivered_query(home, batches)}) as delivered""").pl()
    return frame


def delivered_query(home: Home, batches: Iterable[CurrentBatch]) -> str:
    """A query for all rows of these batches, one at the least, of one dataset, with every column of its contract."""
    batches = list(batches)
    schema = schema_path(home, batches[0].slot.dataset)
    files = file_list([schema, *(batch_path(home, batch.slot, batch.batch_id) for batch in batches)])
    return f"select * from read_parquet({files}, hive_partitioning=false, union_by_name=true)"


def _failing_query(home: Home, batches: list[CurrentBatch]) -> str:
    verdicts = file_list(verdicts_path(home, batch.slot, batch.batch_id) for batch in batches)
    return f"""
        select (batch_id, row_number) from read_parquet({verdicts}, hive_partitioning=false)
        where severity in ('error', 'duplicate')"""


def passing_query(home: Home, batches: Iterable[CurrentBatch]) -> str:
    """A query for the rows of these batches, one at the least, that passed every rule inside their file."""
    batches = list(batches)
    return f"""
        select delivered.* from ({delivered_query(home, batches)}) as delivered
        where (delivered.batch_id, delivered.row_number) not in ({_failing_query(home, batches)})"""
