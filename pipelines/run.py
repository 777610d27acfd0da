"""One run: take in what was delivered, compute what changed, publish. The same steps serve the command line
and Dagster; each is a function of a `Session` and may be called in a process of its own.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
from filelock import FileLock
from sqlalchemy.exc import DatabaseError

from expectations.contract import load_contracts
from pipelines.actor import Actor
from pipelines.alert_causes import Look
from pipelines.alert_sending import send_after_run
from pipelines.alert_watch import check_after_run
from pipelines.build import BuildResult, build, read_built, remember_published
from pipelines.control import Control, export_control
from pipelines.county import County, load_county
from pipelines.data_docs import write_index
from pipelines.dbt_process import begin
from pipelines.disk import as_told, disk_told
from pipelines.errors import Unaccounted, WarehouseError, Words
from pipelines.first_delivery import require_deliveries
from pipelines.follow_up import Settled
from pipelines.follow_up_edition import settle
from pipelines.ingest import FileOutcome, GroupOutcome, Ingest
from pipelines.keys import Key, load_or_create_key, require_maker
from pipelines.lake import prepare_lake
from pipelines.landing import LandedFile, Landing, Misplaced, look
from pipelines.progress import Progress, silent
from pipelines.publish import Publication, current_manifest, publish
from pipelines.settings import SHANGHAI, Home
from pipelines.stewardship.decided_batches import DecidedBatches
from pipelines.stewardship.tickets import Subject, Tickets
from pipelines.store import LostLedger, Store


@dataclass(frozen=True)
class Session:
    """A county's warehouse opened for one run: who holds the lease may write."""

    home: Home
    county: County
    store: Store
    key: Key
    run_id: str
    as_of: date

    def ingest(self) -> Ingest:
        return Ingest(self.home, self.county, self.store, self.key, self.run_id)


@dataclass
class RunSummary:
    """What a run did."""

    run_id: str
    as_of: date
    files: list[FileOutcome] = field(default_factory=list)
    misplaced: list[Misplaced] = field(default_factory=list)
    computed_periods: int = 0
    publication: Publication | None = None
    settled: Settled = field(default_factory=Settled)


@contextmanager
def open_session(home: Home, *, as_of: date | None = None, run_id: str | None = None) -> Iterator[Session]:
    """The one writer of a data root; a second one waits. The clock is read here, once.

    Messages about alerts go out at the end, when others may write again.
    """
    county = load_county(home.county_file)
    started = datetime.now(UTC)
    run_id = run_id or f"{started:%Y%m%dT%H%M%S%f}-{secrets.token_hex(2)}"
    try:
        with disk_told(home), _lease(home):
            store = Store.of(home)
            try:
                yield _prepared(home, county, store, run_id, as_of or started.astimezone(SHANGHAI).date())
            finally:
                write_index(home, county, run_id)
                store.close()
    finally:
        send_after_run(home, county)


@contextmanager
def _lease(home: Home) -> Iterator[None]:
    home.root.mkdir(parents=True, exist_ok=True)
    with FileLock(home.lease):
        yield


def _prepared(home: Home, county: County, store: Store, run_id: str, as_of: date) -> Session:
    """The session; where it cannot be prepared, that is a run that failed."""
    try:
        prepare_lake(home, load_contracts())
        return Session(home, county, store, _key_of(home, store), run_id, as_of)
    except BaseException as error:
        with suppress(DatabaseError):
            store.start_run(run_id, as_of)
        _note_failure(home, store, run_id, error)
        check_after_run(Look(home, county, store, as_of))
        raise


def _note_failure(home: Home, store: Store, run_id: str, error: BaseException) -> None:
    with suppress(DatabaseError):  # a disk that is full takes no word of it either
        store.finish_run(run_id, "failed", message=_reason(as_told(home, error)))


def _reason(error: BaseException) -> Words:
    """Why a run failed; of errors that are not our own the type alone: an engine's message may quote a value."""
    if isinstance(error, WarehouseError):
        return Words(error.zh, error.en)
    return Words(type(error).__name__, type(error).__name__)


def _key_of(home: Home, store: Store) -> Key:
    """The key that made the current pseudonyms. WarehouseError where it is gone."""
    made_with = store.current_key_ids()
    if not made_with and (current_manifest(home) or {}).get("batches"):
        raise LostLedger(home.store.name)
    key = load_or_create_key(home.keys)
    require_maker(key.id, made_with)
    return key


def run(
    home: Home, *, months: set[str] | None = None, datasets: set[str] | None = None,
    as_of: date | None = None, full_refresh: bool = False, on_progress: Progress = silent,
) -> RunSummary:  # fmt: skip
    """Takes in new files (of these months and datasets), computes every period that changed, and publishes.

    Raises WarehouseError where nothing could be published; the last edition then stays, and the run is
    recorded as failed with its reason.
    """
    with open_session(home, as_of=as_of) as session, recorded(session) as summary:
        on_progress("1/4 收取 taking in")
        landing = look(home, session.county, session.store)
        summary.misplaced = landing.misplaced
        if landing.new:
            begin(home)
        for outcome in take_in(session, landing, months, datasets, on_progress):
            summary.files += outcome
        compute_and_publish(session, summary, full_refresh=full_refresh, on_progress=on_progress)
    return summary


@contextmanager
def recorded(session: Session) -> Iterator[RunSummary]:
    """Writes down how a run ended, also where it fails, and raises and ends alerts by it."""
    try:
        with _written_down(session) as summary:
            yield summary
    finally:
        check_after_run(Look(session.home, session.county, session.store, session.as_of))


@contextmanager
def _written_down(session: Session) -> Iterator[RunSummary]:
    session.store.start_run(session.run_id, session.as_of)
    summary = RunSummary(session.run_id, session.as_of)
    try:
        yield summary
    except BaseException as error:
        _note_failure(session.home, session.store, session.run_id, error)
        raise
    published = summary.publication
    if published is None:  # Dagster may be asked for some assets only
        session.store.finish_run(session.run_id, "partial")
        return
    outcome = "published" if published.is_new else "unchanged"
    session.store.finish_run(session.run_id, outcome, edition_id=published.edition_id)


def take_in(
    session: Session, landing: Landing, months: set[str] | None = None, datasets: set[str] | None = None,
    on_progress: Progress = silent, *, settled_seconds: float = 0,
) -> Iterator[list[FileOutcome]]:  # fmt: skip
    """What became of each file: new ones are taken in, group by group; those that were replaced are refused."""

    def is_wanted(file: LandedFile) -> bool:
        return (months is None or file.slot.period in months) and (
            datasets is None or file.slot.dataset in datasets
        )

    ingest = session.ingest()
    new = [file for file in landing.new if is_wanted(file)]
    groups: Iterator[GroupOutcome] = ingest.groups(new)
    taken = 0
    for group in groups:
        taken += len(group.files)
        on_progress(f"1/4 收取 taking in · {group.dataset} {group.period}", taken / len(new))
        yield group.files
    if taken != len(new):
        raise Unaccounted("landing", Words(f"{len(new)} 个新文件", f"{len(new)} new files"), Words(f"处理了 {taken} 个", f"{taken} dealt with"))
    yield [ingest.refuse_superseded(file) for file in landing.superseded if is_wanted(file)]
    repeated = [file for file in landing.repeated if is_wanted(file)]
    session.store.remember_landed([file.as_seen(session.home) for file in repeated])
    yield [FileOutcome(file.slot, file.path.name, "repeated") for file in repeated]
    if any(is_wanted(file) for file in landing.deferred):
        again = look(session.home, session.county, session.store, settled_seconds=settled_seconds)
        yield from take_in(session, again, months, datasets, on_progress, settled_seconds=settled_seconds)


def compute_and_publish(
    session: Session, summary: RunSummary, *, full_refresh: bool = False, on_progress: Progress = silent
) -> None:
    """Rules across files, dbt, audit, edition; nothing where no input changed."""
    control = prepare(
        session,
        full_refresh=full_refresh,
        on_progress=lambda step, share=None: on_progress(f"2/4 跨文件核对 rules across files · {step}", share),
    )
    if not has_changed(session.home, control, full_refresh=full_refresh):
        current = current_manifest(session.home)
        summary.publication = Publication(current["edition_id"], is_new=False) if current else None
        return
    on_progress(f"3/4 计算 computing {len(control.dirty)} 个期间 periods")
    built = compute(session, control, full_refresh=full_refresh)
    summary.computed_periods = len(control.dirty)
    on_progress("4/4 审核发布 audit and publish")
    release(session, summary, control, built)


def prepare(session: Session, *, full_refresh: bool = False, on_progress: Progress = silent) -> Control:
    """Applies the decisions on rows, evaluates the rules across files, writes the control tables, and brings the tickets
    up to date.

    NothingTakenIn where there is no row to judge.
    """
    require_deliveries(session.home, session.county, session.store)
    DecidedBatches(session.home, session.county, session.store, session.run_id).apply()
    built: dict[str, str] = {} if full_refresh else read_built(session.home).digests
    control = export_control(
        session.home, session.county, session.store, session.as_of, built, on_progress=on_progress
    )
    session.store.record_cross_file_results(session.run_id, control.evaluations)
    Tickets(session.store).reconcile(broken_rules(session.home), Actor("run", session.run_id))
    return control


def broken_rules(home: Home) -> dict[Subject, int]:
    """How many rows of whose deliveries break which rule, by the control tables."""
    results = pl.read_parquet(home.control / "rule_results.parquet").filter(severity="error")
    counted = results.group_by("supplier_id", "dataset", "rule_id").agg(pl.col("rows_failed").sum())
    return {Subject(*subject): rows for *subject, rows in counted.iter_rows() if rows}


def has_changed(home: Home, control: Control, *, full_refresh: bool = False) -> bool:
    """Whether there is anything to compute: an input that changed, or no edition yet."""
    return full_refresh or current_manifest(home) is None or read_built(home).inputs_hash != control.inputs_hash


def compute(session: Session, control: Control, *, full_refresh: bool = False) -> BuildResult:
    return build(session.home, control, full_refresh=full_refresh)


def release(session: Session, summary: RunSummary, control: Control, built: BuildResult) -> Publication:
    """Audits what was computed, makes it the current edition, and settles the tasks of follow-up by it."""
    summary.publication = publish(session.home, session.county, control, built)
    summary.settled = settle(session.home, session.store, Actor("run", session.run_id))
    remember_published(session.home, control)
    return summary.publication


def as_json(summary: RunSummary) -> dict[str, Any]:
    """A run's summary for machines."""
    return {
        "run_id": summary.run_id,
        "as_of": summary.as_of.isoformat(),
        "files": [
            {
                "supplier": file.slot.supplier_id,
                "dataset": file.slot.dataset,
                "period": file.slot.period,
                "file_name": file.file_name,
                "outcome": file.outcome,
                "rows_read": file.rows_read,
                "rows_failed": file.rows_failed,
                "reason_zh": file.refusal.zh if file.refusal else None,
                "reason_en": file.refusal.en if file.refusal else None,
            }
            for file in summary.files
        ],
        "misplaced": [
            {"where": place.where, "why_zh": place.why.zh, "why_en": place.why.en} for place in summary.misplaced
        ],
        "computed_periods": summary.computed_periods,
        "edition_id": summary.publication.edition_id if summary.publication else None,
        "follow_up": {"closed": list(summary.settled.closed), "reopened": list(summary.settled.reopened)},
        "is_new_edition": bool(summary.publication and summary.publication.is_new),
    }
