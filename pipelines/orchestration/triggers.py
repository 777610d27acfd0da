"""What starts runs: the job of one month, a schedule for closed months, one for late files, a sensor on landing. And what looks
for alerts between runs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime

import dagster as dg

from pipelines.alert_causes import Look
from pipelines.alert_sending import send
from pipelines.alert_watch import check, is_running
from pipelines.county import County
from pipelines.errors import WarehouseError
from pipelines.landing import LandedFile, look
from pipelines.opened import opened
from pipelines.orchestration.policies import MONTHS, TIMEZONE
from pipelines.orchestration.warehouse import SETTLED_SECONDS
from pipelines.settings import SHANGHAI, Home, add_months, month_name
from pipelines.store import Store

Requests = Iterator[dg.RunRequest | dg.SkipReason]

# Everything, for one month: takes in its deliveries, judges every period that changed, publishes.
month_job = dg.define_asset_job(
    "month", selection=dg.AssetSelection.all(), partitions_def=MONTHS,
    description="收取一个月的报送，计算，审核，发布 / take in a month, compute, audit, publish",
)  # fmt: skip


def files_to_take(home: Home, county: County, store: Store) -> dict[str, list[LandedFile]]:
    """Settled files in landing that a run has to deal with, by month."""
    landing = look(home, county, store, settled_seconds=SETTLED_SECONDS)
    # Copies of what is current need no run; noted here, they are not hashed again at every tick.
    store.remember_landed([file.as_seen(home) for file in landing.repeated])
    months: dict[str, list[LandedFile]] = {}
    for file in [*landing.new, *landing.superseded]:
        months.setdefault(file.slot.period, []).append(file)
    return dict(sorted(months.items()))


def closed_month_to_judge(county: County, store: Store, now: datetime) -> str | None:
    """The month that closed last, unless a run has gone through since it did.

    Told from the ledger, not from the day of the month: a county sets its own cut-off day, and a machine
    that was off on the day after it makes up for it later.
    """
    today = now.astimezone(SHANGHAI).date()
    month = add_months(today, -1)
    if not county.is_closed(month, today):
        month = add_months(month, -1)
    last = store.last_run()
    cutoff = county.cutoff_date(month).isoformat()
    if last is not None and last["outcome"] in ("published", "unchanged") and last["as_of"] > cutoff:
        return None
    return month_name(month)


@dg.schedule(
    job=month_job, cron_schedule="0 6 * * *", execution_timezone=TIMEZONE,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="截止日后计算当月 / judges each month once its cut-off day is over",
)  # fmt: skip
def closed_month(context: dg.ScheduleEvaluationContext) -> Requests:
    try:
        with opened() as (_, county, store):
            month = closed_month_to_judge(county, store, context.scheduled_execution_time)
    except WarehouseError as error:
        yield dg.SkipReason(error.en)
        return
    if month is None:
        yield dg.SkipReason("the last closed month has been judged since it closed")
    else:
        yield dg.RunRequest(partition_key=month)


@dg.schedule(
    job=month_job, cron_schedule="30 6 * * *", execution_timezone=TIMEZONE,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="每日收取迟报，重试失败 / takes in late files every day, and those whose run failed",
)  # fmt: skip
def late_files() -> Requests:
    yield from _requests(with_run_keys=False)


@dg.sensor(
    job=month_job, minimum_interval_seconds=60, default_status=dg.DefaultSensorStatus.RUNNING,
    description="新文件放稳后收取 / takes in new files once they have settled",
)  # fmt: skip
def landed_files() -> Requests:
    # With run keys: the same files start one run, not one at each tick until it is through.
    yield from _requests(with_run_keys=True)


@dg.sensor(
    minimum_interval_seconds=60, default_status=dg.DefaultSensorStatus.RUNNING,
    description="查找并发送告警：运行中断、缺报、逾期等 / looks for alerts, such as a run that died, and sends what is due",
)  # fmt: skip
def alerts() -> dg.SkipReason:
    """Starts nothing: what a day or a dead process makes a cause for an alert is found between runs."""
    try:
        with opened() as (home, county, store):
            today = datetime.now(SHANGHAI).date()
            settled = check(Look(home, county, store, today, is_running(home)))
            sent = send(home, county, store)
    except WarehouseError as error:
        return dg.SkipReason(error.en)
    counts = f"{len(settled.raised)} raised, {len(settled.resolved)} ended"
    return dg.SkipReason(f"{counts}; {len(sent.sent)} messages sent, {len(sent.failed)} not taken")


def _requests(*, with_run_keys: bool) -> Requests:
    """One run for each month that has files waiting."""
    try:
        with opened() as warehouse:
            months = files_to_take(*warehouse)
    except WarehouseError as error:
        yield dg.SkipReason(error.en)
        return
    known = {month: files for month, files in months.items() if MONTHS.has_partition_key(month)}
    for month, files in known.items():
        yield dg.RunRequest(partition_key=month, run_key=run_key(month, files) if with_run_keys else None)
    if not known:
        outside = f"; outside the months of this warehouse: {', '.join(months)}" if months else ""
        yield dg.SkipReason(f"no settled file is waiting{outside}")


def run_key(month: str, files: Iterable[LandedFile]) -> str:
    """Equal where the same bytes wait in the same slots."""
    content = sorted((file.slot.supplier_id, file.slot.dataset, file.file_hash) for file in files)
    return f"{month}-{hashlib.sha256(repr(content).encode()).hexdigest()[:24]}"


__all__ = ["alerts", "closed_month", "landed_files", "late_files", "month_job"]
