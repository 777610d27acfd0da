"""The lake: immutable batches of protected rows with their verdicts and linking keys, and where each of these lies.

Belongs here: paths, schemas, reading and writing whole files. Does not belong here: what is in a batch (see `ingest`), and
which one is current in its slot (see `store`).
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from expectations.contract import Contract
from pipelines.durable import write_all
from pipelines.protection import Protected
from pipelines.protection.protect import lake_schema
from pipelines.settings import Home
from pipelines.store import Slot

_END = b"PAR1"
WAIVED = "waived"  # severity of a verdict in spite of which a decision lets its row count
VERDICT_SCHEMA: dict[str, pl.DataType] = {
    "batch_id": pl.String(),
    "row_number": pl.Int32(),
    "rule_id": pl.String(),
    "rule_version": pl.Int32(),
    "severity": pl.String(),
}


def batch_path(home: Home, slot: Slot, batch_id: str) -> Path:
    return home.lake / slot.dataset / f"period={slot.period}" / f"{batch_id}.parquet"


def schema_path(home: Home, dataset: str) -> Path:
    """An empty batch with every column of the contract, which batches of earlier versions may lack."""
    return home.lake / dataset / "period=0000-00" / "_schema.parquet"


def kept_path(home: Home, dataset: str) -> Path:
    """Rows of many batches in one file (see `kept_rows`): in the lake, since cells may hold what leaves it nowhere."""
    return home.lake / dataset / "kept.parquet"


def linking_path(home: Home, slot: Slot, batch_id: str) -> Path:
    return home.linking / slot.dataset / f"period={slot.period}" / f"{batch_id}.parquet"


def verdicts_path(home: Home, slot: Slot, batch_id: str) -> Path:
    return home.verdicts / slot.dataset / f"period={slot.period}" / f"{batch_id}.parquet"


def batch_frames(home: Home, slot: Slot, batch_id: str, protected: Protected) -> dict[Path, pl.DataFrame]:
    """What is written of a batch: its rows and its linking keys, if it has any, by path."""
    frames = {batch_path(home, slot, batch_id): protected.batch}
    if protected.linking is not None:
        frames[linking_path(home, slot, batch_id)] = protected.linking
    return frames


def write_batch(home: Home, slot: Slot, batch_id: str, protected: Protected) -> str:
    """Writes a batch and its linking keys; returns the batch file's SHA-256."""
    return write_parquets(batch_frames(home, slot, batch_id, protected))[batch_path(home, slot, batch_id)]


def write_parquet(frame: pl.DataFrame, path: Path) -> str:
    """Writes a Parquet file that is either complete and on disk or not there; returns its SHA-256."""
    return write_parquets({path: frame})[path]


def write_parquets(frames: Mapping[Path, pl.DataFrame]) -> dict[Path, str]:
    """Writes each frame as `write_parquet` does, waiting for the disk once; the files' SHA-256 by path."""
    contents = {path: as_parquet(frame) for path, frame in frames.items()}
    write_all(contents)
    return {path: hashlib.sha256(content).hexdigest() for path, content in contents.items()}


def is_whole(path: Path) -> bool:
    """Whether there is a Parquet file that was not broken off: it ends as one ends."""
    try:
        with path.open("rb") as file:
            file.seek(-len(_END), os.SEEK_END)
            return file.read() == _END
    except OSError:
        return False


def as_parquet(frame: pl.DataFrame) -> memoryview:
    """The content of a Parquet file."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd", compression_level=1, statistics=True)
    return buffer.getbuffer()


def prepare_lake(home: Home, contracts: dict[str, Contract]) -> None:
    """An empty batch per dataset, so that every dataset can be read before anything was delivered."""
    for contract in contracts.values():
        path = schema_path(home, contract.dataset)
        empty = pl.DataFrame(schema=lake_schema(contract))
        if not is_whole(path) or pl.read_parquet_schema(path) != empty.schema:
            write_parquet(empty, path)


def read_batch(home: Home, slot: Slot, batch_id: str) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """The rows of a batch as they are in the lake, and its linking keys where its dataset has names."""
    keys = linking_path(home, slot, batch_id)
    return pl.read_parquet(batch_path(home, slot, batch_id)), pl.read_parquet(keys) if keys.exists() else None
