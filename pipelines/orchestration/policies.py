"""What holds for every asset: its months, when it is tried again, what may run beside it, when it is stale."""

from __future__ import annotations

from datetime import timedelta

import dagster as dg

from pipelines.settings import SHANGHAI

TIMEZONE = SHANGHAI.key

# Partition keys are the months of landing folders. Before 2016 no division register says which units there
# were; the current month is one of them, for deliveries that come early.
MONTHS = dg.MonthlyPartitionsDefinition(start_date="2016-01", fmt="%Y-%m", timezone=TIMEZONE, end_offset=1)

# For files, discs and locks only: a step says itself where another try is of no use (see warehouse.step).
RETRIES = dg.RetryPolicy(max_retries=2, delay=20, backoff=dg.Backoff.EXPONENTIAL)

# One writer: DuckDB and the ledger's lease know no other way.
POOL = "warehouse"

# Every closed month makes a run, so nothing is older than a month and the days from one cut-off to the next.
FRESHNESS = dg.FreshnessPolicy.time_window(fail_window=timedelta(days=40), warn_window=timedelta(days=33))
