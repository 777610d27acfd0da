"""The settled sheets of a county as they can be relied on: what measures over more than one sheet read.

Belongs here: keeping rows by dataset and delivered month. Does not belong here: what they amount to (see `evaluating`).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import polars as pl

from pipelines.sample.sheets import STATE

DELIVERED = "_delivered"


class Ledger:
    """Rows by dataset: every column of the contract, null where a cell is in doubt, `_supplier`, `_state` (accepted or
    quarantined; duplicates are left out), `_delivered` (the first day of the month), and the book's helper columns."""

    def __init__(self, datasets: Iterable[str]) -> None:
        self._rows: dict[str, dict[date, pl.DataFrame]] = {dataset: {} for dataset in datasets}

    def reads(self, dataset: str) -> bool:
        return dataset in self._rows

    def note(self, dataset: str, month: date, rows: pl.DataFrame) -> None:
        """The rows of one delivered month, if any measure reads them here."""
        if self.reads(dataset):
            kept = rows.filter(pl.col(STATE) != "duplicate").with_columns(pl.lit(month).alias(DELIVERED))
            self._rows[dataset][month] = kept

    def of_month(self, dataset: str, month: date) -> pl.DataFrame | None:
        """What was delivered of a dataset for a month; None where nothing was."""
        return self._known(dataset).get(month)

    def of_months(self, dataset: str) -> pl.DataFrame | None:
        """What was delivered of a dataset for all months, in their order."""
        months = sorted(self._known(dataset).items())
        return pl.concat([rows for _, rows in months], how="vertical_relaxed") if months else None

    def _known(self, dataset: str) -> dict[date, pl.DataFrame]:
        if dataset not in self._rows:
            raise KeyError(f"{dataset} is not among the `reads` of any measure")
        return self._rows[dataset]
