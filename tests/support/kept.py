"""A tiny data root as runs leave it: one batch with verdicts and linking keys, its ledger entry, one edition.

Belongs here: what tests of verifying, backing up and restoring start from. The rows mean nothing.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from pipelines.county import County
from pipelines.ingest import VERDICT_SCHEMA, batch_path, linking_path, verdicts_path, write_parquet
from pipelines.settings import Home
from pipelines.store import Slot, Store, append_delivery, batch
from tests.support.working import SLOT, Working


def keep_a_batch(home: Home, store: Store, batch_id: str, *, key_id: str = "k", slot: Slot = SLOT) -> None:
    """A batch with its files, current in its slot."""
    content_hash = write_parquet(pl.DataFrame({"batch_id": [batch_id] * 9}), batch_path(home, slot, batch_id))
    verdicts_hash = write_parquet(pl.DataFrame(schema=VERDICT_SCHEMA), verdicts_path(home, slot, batch_id))
    write_parquet(pl.DataFrame({"name_key": [batch_id] * 9}), linking_path(home, slot, batch_id))
    counts = {column.name: 0 for column in batch.c if column.name.startswith("rows_")}
    with store.transaction() as transaction:
        transaction.execute(
            batch.insert().values(
                **vars(slot), **counts, batch_id=batch_id, content_hash=content_hash, verdicts_hash=verdicts_hash,
                contract_version=1, key_id=key_id, remarks="{}",
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
