"""Rows held to the rules inside their file, and what follows from how many fail: for taking files in, for checking one beforehand
and for batches that decisions make.

Does not belong here: what the rules are (see expectations), rules across files (see cross_file), the ledger (see ingest).
"""

from __future__ import annotations

from typing import Any

import duckdb
import polars as pl

from expectations.contract import Contract
from expectations.runner import RuleOutcome, validate
from pipelines.errors import Refusal, Words
from pipelines.lake import VERDICT_SCHEMA, WAIVED
from pipelines.landing import TOO_MANY_BAD_ROWS
from pipelines.store import Slot


def judge(
    frames: list[pl.DataFrame], contract: Contract, connection: duckdb.DuckDBPyConnection, *, is_sample: bool
) -> tuple[list[RuleOutcome], pl.DataFrame]:
    """Every rule inside a file over all `frames` of one dataset and month, as one table."""
    if not frames:
        return [], pl.DataFrame(schema=VERDICT_SCHEMA)
    # In Polars' own layout of text, which DuckDB reads as it is: nothing is copied.
    table = pl.concat(frames).to_arrow(compat_level=pl.CompatLevel.newest())
    validation = validate(connection, table, contract, is_sample=is_sample)
    verdicts = validation.verdicts.select(pl.col(name).cast(dtype) for name, dtype in VERDICT_SCHEMA.items())
    return validation.results, verdicts.sort("batch_id", "row_number", "rule_id")


def rows_failed(verdicts: pl.DataFrame) -> int:
    """How many rows have an error."""
    return verdicts.filter(pl.col("severity") == "error")["row_number"].n_unique()


def rule_values(
    run_id: str, slot: Slot, verdicts: pl.DataFrame, rules: list[RuleOutcome], batch_id: str, rows: int
) -> list[dict[str, Any]]:
    """What the rules found in a batch of `rows` rows, as the ledger has it; a waived verdict is no failure."""
    counted = verdicts.filter(pl.col("severity") != WAIVED).group_by("rule_id").len()
    failed = dict(counted.iter_rows())
    return [
        {
            "run_id": run_id, "batch_id": batch_id, "rule_id": rule.rule_id, "dataset": slot.dataset,
            "period": slot.period, "rule_version": rule.rule_version, "severity": rule.severity,
            "is_cross_file": False, "rows_checked": rows, "rows_failed": failed.get(rule.rule_id, 0),
        }
        for rule in rules
    ]  # fmt: skip


def too_many_bad_rows(file_name: str, rows: int, failed: int, contract: Contract) -> Refusal | None:
    """Why a file is refused of whose `rows` so many `failed`, if it is."""
    if failed <= contract.refuse_above_rows or failed <= contract.refuse_above_share * rows:
        return None
    limit = f"{contract.refuse_above_rows}, {contract.refuse_above_share:.0%}"
    return Refusal(
        TOO_MANY_BAD_ROWS,
        Words("不合格行过多，整份文件退回", "Too many bad rows: the whole file is refused"),
        where=file_name,
        expected=Words(f"不合格行不同时超过 {limit}", f"not more bad rows than both of {limit}"),
        found=Words(f"{rows} 行中 {failed} 行不合格", f"{failed} bad rows of {rows}"),
        advice=Words(
            "运行 warehouse check 查看每一行的原因，改正后重新报送",
            "see every row's reason with warehouse check, correct, deliver again",
        ),
    )
