"""Two counts of one thing, taken apart and held against each other while files are taken in.

Belongs here: whether every row was judged, and whether verdicts lie on the disk as they were given. Does not belong here: the
account of a file's lines (see `reading.deliveries`), the gates of publication (see `audit`).
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from expectations.runner import RuleOutcome
from pipelines.errors import Unaccounted, Words
from pipelines.lake import write_parquets
from pipelines.store import Slot


def hold_judged(slot: Slot, frames: list[pl.DataFrame], rules: list[RuleOutcome]) -> None:
    """Unaccounted where not every row was looked at."""
    rows, judged = sum(frame.height for frame in frames), rules[0].rows_checked if rules else 0
    if rows != judged:
        raise _unlike(slot, Words(f"校验 {rows} 行", f"{rows} rows judged"), Words(f"{judged} 行", f"{judged}"))


def write_verdicts(slot: Slot, frames: dict[Path, pl.DataFrame]) -> dict[Path, str]:
    """Writes verdicts, the files' SHA-256 by path. Unaccounted where they are read as others: every count rests on them."""
    hashes = write_parquets(frames)
    if frames and not pl.read_parquet(list(frames), hive_partitioning=False).equals(pl.concat(frames.values())):
        written = sum(frame.height for frame in frames.values())
        raise _unlike(slot, Words(f"写入的 {written} 个判定", f"the {written} verdicts written"), Words("读回的不同", "others when read"))
    return hashes


def _unlike(slot: Slot, expected: Words, found: Words) -> Unaccounted:
    return Unaccounted(f"{slot.dataset}/{slot.period}", expected, found)
