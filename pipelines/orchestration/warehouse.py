"""The resource `warehouse`: one Dagster run is one session of `pipelines.run`, opened once and shared by its steps.

The steps of a run share one process (see definitions), so the writer's lease is held from the first to the
last of them, exactly as by `pipelines.run.run`; what a step computed is at hand for the next one.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from functools import cached_property
from pathlib import Path

import dagster as dg
import duckdb
from sqlalchemy.exc import OperationalError

from expectations.runner import ValidationError
from pipelines.build import BuildResult
from pipelines.control import Control
from pipelines.errors import WarehouseError
from pipelines.ingest import FileOutcome
from pipelines.landing import Landing, look
from pipelines.publish import Publication, current_manifest
from pipelines.run import (
    RunSummary,
    Session,
    compute,
    has_changed,
    open_session,
    prepare,
    recorded,
    release,
    take_in,
)
from pipelines.settings import Home

# A file counts as delivered once nobody has written to it for so long.
SETTLED_SECONDS = 60

# What may go well at the next try: files, discs and locks. A refusal, a failed gate or a defect never does.
_PASSING = (OSError, OperationalError, duckdb.IOException)


class WarehouseRun:
    """What the steps of one Dagster run share. Each figure is computed once, whichever step asks first."""

    def __init__(self, session: Session, summary: RunSummary, settled_seconds: float) -> None:
        self.session = session
        self.summary = summary
        self._settled_seconds = settled_seconds
        self.failures: dict[str, BaseException] = {}

    @cached_property
    def landing(self) -> Landing:
        """What lies in landing: looked at once, so that all datasets see the same files."""
        session = self.session
        landing = look(session.home, session.county, session.store, settled_seconds=self._settled_seconds)
        self.summary.misplaced = landing.misplaced
        return landing

    @cached_property
    def control(self) -> Control:
        return prepare(self.session)

    @cached_property
    def built(self) -> BuildResult | None:
        """What dbt computed; None where no input changed since the edition that readers see."""
        if not has_changed(self.session.home, self.control):
            current = current_manifest(self.session.home)
            self.summary.publication = Publication(current["edition_id"], is_new=False) if current else None
            return None
        built = compute(self.session, self.control)
        self.summary.computed_periods = len(self.control.dirty)
        return built

    def take_in(self, dataset: str, month: str) -> list[FileOutcome]:
        """Takes in the new files of a dataset and month."""
        groups = take_in(
            self.session, self.landing, {month}, {dataset}, settled_seconds=self._settled_seconds
        )
        outcomes = [file for group in groups for file in group]
        self.summary.files += outcomes
        return outcomes

    def publish(self) -> Publication:
        """Publishes what was computed, or leaves the current edition where nothing was to be."""
        if self.built is not None:
            release(self.session, self.summary, self.control, self.built)
        assert self.summary.publication is not None  # without an edition everything is computed
        return self.summary.publication

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Around the work of a step: turns an exception into a failure that Dagster may keep and show.

        Dagster stores the text of exceptions, and an engine's text may quote a delivered value: only our own
        errors, which never do, keep theirs. The next attempt of a step makes its failure undone.
        """
        self.failures.pop(name, None)
        try:
            yield
        except BaseException as error:
            self.fail(name, error)
            self.__dict__.pop("landing", None)  # the next attempt looks again
            if isinstance(error, Exception):
                raise _as_failure(error) from None
            raise

    def fail(self, name: str, error: BaseException) -> None:
        """Notes why the run will not end well."""
        self.failures[name] = error

    @property
    def failure(self) -> BaseException | None:
        return next(iter(self.failures.values()), None)


def _as_failure(error: Exception) -> dg.Failure:
    if isinstance(error, WarehouseError | ValidationError):
        return dg.Failure(f"{error.zh}\n{error.en}", allow_retries=False)
    places = "".join(traceback.format_tb(error.__traceback__))
    return dg.Failure(
        type(error).__name__, metadata={"where": dg.MetadataValue.md(f"```\n{places}```")},
        allow_retries=isinstance(error, _PASSING),
    )  # fmt: skip


_CONFIG = {
    "root": dg.Field(
        str,
        default_value="",
        description="Data root; empty: WAREHOUSE_HOME of the process, or the repository's data/.",
    ),
    "as_of": dg.Field(
        str, default_value="", description="YYYY-MM-DD, to judge as of that day; empty: today."
    ),
    "settled_seconds": dg.Field(
        float, default_value=SETTLED_SECONDS, description="Take files that have not changed for so long."
    ),
}


@dg.resource(config_schema=_CONFIG, description="The county's warehouse, opened for one run.")
def warehouse(context: dg.InitResourceContext) -> Iterator[WarehouseRun]:
    """Opens the session, waiting for the lease, and writes down in the ledger how the run ended."""
    config = context.resource_config
    home = Home(Path(config["root"]).resolve()) if config["root"] else Home.from_environment()
    as_of = date.fromisoformat(config["as_of"]) if config["as_of"] else None
    with open_session(home, as_of=as_of, run_id=_run_id(context)) as session:
        failure: BaseException | None = None
        try:
            with recorded(session) as summary:
                run = WarehouseRun(session, summary, config["settled_seconds"])
                yield run
                failure = run.failure or _stopped(context)
                if failure is not None:
                    raise failure
        except BaseException as error:
            # Dagster has the failure from its step; here it only had to reach the ledger.
            if failure is None or error is not failure:
                raise


class StepStopped(Exception):
    """A step ended outside our own code: it was cancelled, or Dagster itself failed."""


def _stopped(context: dg.InitResourceContext) -> StepStopped | None:
    assert context.instance is not None and context.run_id is not None
    failed = context.instance.all_logs(context.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    return StepStopped() if failed else None


def _run_id(context: dg.InitResourceContext) -> str:
    """The ledger's id of a Dagster run: ids sort by time there, so the time goes first."""
    assert context.instance is not None and context.run_id is not None
    record = context.instance.get_run_record_by_id(context.run_id)
    assert record is not None
    return f"{record.create_timestamp:%Y%m%dT%H%M%S%f}-{context.run_id[:8]}"


__all__ = ["SETTLED_SECONDS", "WarehouseRun", "warehouse"]
