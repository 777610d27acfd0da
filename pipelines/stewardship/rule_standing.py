"""How rules stand over months: those that no row ever breaks, and those that every row breaks, are pointed out.

A rule that never fails may guard against nothing, one that always fails says more of itself than of the rows. By the results
of the last run over all current batches; a rule is judged once it had rows to check in three months.
"""

from __future__ import annotations

import polars as pl

from pipelines.errors import Words
from pipelines.settings import Home

LEAST_MONTHS = 3
NEVER, ALWAYS = "never", "always"
STANDINGS = {
    NEVER: Words("从未有行违反", "no row ever broke it"),
    ALWAYS: Words("所有行都违反", "every row breaks it"),
}
_SCHEMA = {
    "dataset": pl.String(), "rule_id": pl.String(), "months": pl.Int64(), "rows_checked": pl.Int64(), "rows_failed": pl.Int64(),
    "standing": pl.String(),
}  # fmt: skip


def standings(home: Home) -> pl.DataFrame:
    """One row per dataset and rule that had rows to check: months, rows_checked, rows_failed, and standing ('never',
    'always', or null). Empty before the first run."""
    path = home.control / "rule_results.parquet"
    if not path.exists():
        return pl.DataFrame(schema=_SCHEMA)
    monthly = (
        pl.read_parquet(path)
        .group_by("dataset", "rule_id", "period")
        .agg(pl.col("rows_checked", "rows_failed").sum())
        .filter(pl.col("rows_checked") > 0)
    )
    has_enough = pl.col("months") >= LEAST_MONTHS
    found = monthly.group_by("dataset", "rule_id").agg(
        months=pl.len(), rows_checked=pl.col("rows_checked").sum(), rows_failed=pl.col("rows_failed").sum()
    )
    standing = (
        pl.when(has_enough & (pl.col("rows_failed") == 0)).then(pl.lit(NEVER))
        .when(has_enough & (pl.col("rows_failed") == pl.col("rows_checked"))).then(pl.lit(ALWAYS))
    )  # fmt: skip
    judged = found.with_columns(standing=standing)
    return judged.select(pl.col(name).cast(dtype) for name, dtype in _SCHEMA.items()).sort("dataset", "rule_id")
