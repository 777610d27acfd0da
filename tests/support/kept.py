"""A tiny data root as runs leave it: one batch with verdicts and linking keys, its ledger entry, one edition.

Belongs here: what tests of verifying, backing up and restoring start from. The rows mean nothing.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.backup_folder import BackupDamaged, read_backup
from pipelines.county import County, save_county
from pipelines.keys import load_or_create_key
from pipelines.lake import VERDICT_SCHEMA, batch_path, linking_path, verdicts_path, write_parquet
from pipelines.manifests import write_manifest
from pipelines.publish import current_folder
from pipelines.restore import verify_backup
from pipelines.settings import Home
from pipelines.store import Slot, Store, append_delivery, batch
from tests.support.working import SLOT, Working

# Of tables that the first step of migrations made: the columns that later ones added, with their tables.
COLUMNS_ADDED_LATER = (
    ("batch", "base_batch_id"), ("batch", "rows_set_aside"), ("batch", "rules_digest"), ("batch", "linking_hash"),
    ("run", "message_en"), ("delivery", "rules_digest"),
)  # fmt: skip
RAW = "landed-and-never-to-be-seen"


def keep_a_batch(home: Home, store: Store, batch_id: str, *, key_id: str = "k", slot: Slot = SLOT) -> None:
    """A batch with its files, current in its slot."""
    content_hash = write_parquet(pl.DataFrame({"batch_id": [batch_id] * 9}), batch_path(home, slot, batch_id))
    verdicts_hash = write_parquet(pl.DataFrame(schema=VERDICT_SCHEMA), verdicts_path(home, slot, batch_id))
    linking_hash = write_parquet(pl.DataFrame({"name_key": [batch_id] * 9}), linking_path(home, slot, batch_id))
    counts = {column.name: 0 for column in batch.c if column.name.startswith("rows_")}
    with store.transaction() as transaction:
        transaction.execute(
            batch.insert().values(
                **vars(slot), **counts, batch_id=batch_id, content_hash=content_hash, verdicts_hash=verdicts_hash,
                linking_hash=linking_hash, contract_version=1, key_id=key_id, remarks="{}",
            )
        )  # fmt: skip
        append_delivery(transaction, delivered(batch_id, slot))


def delivered(batch_id: str, slot: Slot = SLOT) -> dict[str, Any]:
    """The ledger's entry for a file that was accepted."""
    return {
        **vars(slot), "run_id": "r1", "file_name": "a.csv", "file_hash": "f", "received_at": "", "outcome": "accepted",
        "contract_version": 1, "refusal_code": None, "refusal_zh": None, "refusal_en": None, "batch_id": batch_id,
    }  # fmt: skip


def keep(home: Home, county: County, *, key_id: str = "k") -> None:
    """The tiny data root, with its operational store where it belongs."""
    Working(home, county).publish()
    store = Store.of(home)
    keep_a_batch(home, store, "b1", key_id=key_id)
    store.close()


def keep_everything(home: Home, county: County) -> None:
    """The tiny data root with something of all that one may hold; what no backup holds says RAW."""
    save_county(county, home.county_file)
    keep(home, county, key_id=load_or_create_key(home.keys).id)
    for path, content in {
        home.landing / "grid_610629101" / "grid_grids" / "2026-01" / "a.csv": RAW,
        home.control / "units.parquet": RAW,
        home.dagster / "history.db": RAW,
        home.truth / "files.parquet": RAW,
        home.verdicts / "cross_file" / "grid_grids" / "period=2026-01" / "h.json": RAW,
        home.linking / "links" / "period=2026-01" / "h.parquet": RAW,
        home.published / "docs" / "dbt.html": RAW,
        home.editions / ".draft-x" / "dim_unit.parquet": RAW,
        home.register / "divisions" / "2023-06-30.csv": "code,name\n",
        home.shapes: '{"type": "FeatureCollection", "features": []}',
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    folder = home.changes / "a_b"
    folder.mkdir(parents=True)
    content_hash = write_parquet(pl.DataFrame({"kpi_id": ["k"] * 9}), folder / "figures.parquet")
    write_manifest(folder, json.dumps({"files": {"figures.parquet": content_hash}}))


def flip_a_bit(path: Path, chance: random.Random | None = None) -> None:
    """Changes one bit somewhere in the file."""
    content, chance = bytearray(path.read_bytes()), chance or random.Random(path.name)
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


def files_in(folder: Path) -> dict[str, bytes]:
    """The content of every regular file, by path."""
    found = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def edition(home: Home) -> Path:
    """The folder of the edition that readers see."""
    folder = current_folder(home)
    assert folder is not None
    return folder


def damaged(folder: Path, keys: Path | None = None) -> list[str]:
    """Where a backup is damaged."""
    try:
        return [damage.where for damage in verify_backup(read_backup(folder), keys).damages]
    except BackupDamaged as error:
        return [damage.where for damage in error.damages]
