"""What every run reads of all current batches, kept together in one file: opening hundreds of small ones takes longer than
reading what is in them. A batch never changes; what the rules say of its rows may, and then their file does.

Nothing but the batches is lost with these files: what is missing or damaged is read from them again.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import polars as pl

from pipelines.code_version import code_version
from pipelines.current_batches import CurrentBatch
from pipelines.lake import kept_path, verdicts_path, write_parquet
from pipelines.settings import Home

_STATE = "batch_state"


class KeptRows:
    """The kept rows of one data root."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.code = code_version()

    def of(
        self, dataset: str, batches: list[CurrentBatch], read: Callable[[list[CurrentBatch]], pl.DataFrame]
    ) -> pl.DataFrame:
        """What `read` gives of these batches of a dataset, in their order: rows with `batch_id` and `row_number`.

        `read` gives of each batch the same whatever batches are read with it; a dataset has one such reader.
        """
        path = kept_path(self.home, dataset)
        states = pl.DataFrame(
            [(batch.batch_id, self._state(batch)) for batch in batches],
            {"batch_id": pl.String, _STATE: pl.String}, orient="row",
        )  # fmt: skip
        kept = _kept(path)
        current = states.clear() if kept is None else kept.join(states, on=["batch_id", _STATE], how="semi")
        known = set(current["batch_id"])
        missing = [batch for batch in batches if batch.batch_id not in known]
        rows = read(missing).join(states, on="batch_id") if missing or not known else current
        if missing and known:
            rows = pl.concat([current, rows])
        if missing or kept is None or len(current) < len(kept):
            write_parquet(rows, path)
        order = pl.DataFrame({"batch_id": states["batch_id"]}).with_row_index("_order")
        return rows.join(order, on="batch_id").sort("_order", "row_number").drop("_order", _STATE)

    def _state(self, batch: CurrentBatch) -> str:
        about = verdicts_path(self.home, batch.slot, batch.batch_id).stat()
        return f"{self.code} {about.st_mtime_ns} {about.st_size}"


def _kept(path: Path) -> pl.DataFrame | None:
    with suppress(OSError, pl.exceptions.PolarsError):
        return pl.read_parquet(path)
    return None
