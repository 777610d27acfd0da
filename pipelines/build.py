"""dbt in this process: computes the working warehouse, and remembers from what each period was computed.

The working warehouse has one writer at a time (see run.lease); dbt alone writes its tables.
"""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from pipelines.code_version import code_version
from pipelines.control import Control
from pipelines.dbt_project import find_parsed, forget_parsed, keep_parsed, project_digest
from pipelines.errors import WarehouseError, Words
from pipelines.settings import DBT_DIR, Home
from pipelines.sql import scalar

_STATE = "build_state"
_CODE = "code"


@dataclass(frozen=True)
class Built:
    """What the working warehouse holds: the digest of each period, and the inputs that passed the audit."""

    digests: dict[str, str] = field(default_factory=dict)
    inputs_hash: str = ""


@dataclass(frozen=True)
class BuiltNode:
    """What became of one node of the dbt project. `status`: success, pass, warn, fail or skipped, as dbt says;
    `failures`: rows that a test found."""

    unique_id: str
    status: str
    failures: int
    seconds: float

    @property
    def name(self) -> str:
        return self.unique_id.split(".")[2]


@dataclass(frozen=True)
class BuildResult:
    """What dbt did: every node, in the order in which it ran."""

    nodes: list[BuiltNode]

    @property
    def tests(self) -> list[BuiltNode]:
        return [node for node in self.nodes if node.unique_id.startswith("test.")]

    @property
    def failures(self) -> list[str]:
        """The tests that did not pass, each with the number of rows that it found."""
        return [f"{node.name}: {node.failures}" for node in self.tests if node.status not in ("pass", "warn")]


class BuildFailed(WarehouseError):
    """A model did not compile or run; the last edition stays."""

    def __init__(self, nodes: str) -> None:
        super().__init__(
            Words("计算未完成", "The computation did not finish"),
            where="dbt",
            expected=Words("所有模型成功", "every model succeeds"),
            found=Words(nodes, nodes),
            advice=Words("查看 dbt 日志；已发布的版本未变", "see the dbt log; the published edition is unchanged"),
        )


def read_built(home: Home) -> Built:
    """What the last finished build was computed from; empty where there is no working warehouse."""
    with _working(home) as connection:
        return _read_state(connection) if connection else Built()


@contextmanager
def _working(home: Home) -> Iterator[duckdb.DuckDBPyConnection | None]:
    """The working warehouse; None where there is none. One that cannot be opened is removed: all of it is computed again."""
    if not home.warehouse.exists():
        yield None
        return
    try:
        connection = duckdb.connect(str(home.warehouse))
    except duckdb.Error as error:
        if not _is_damaged(error):
            raise
        for path in (home.warehouse, home.warehouse.with_name(f"{home.warehouse.name}.wal")):
            path.unlink(missing_ok=True)
        yield None
        return
    with connection:
        yield connection


def _is_damaged(error: duckdb.Error) -> bool:
    """Whether the file or its log is the reason; not a disk that is full, nor somebody who has it open."""
    is_of_file = isinstance(error, duckdb.IOException | duckdb.SerializationException | duckdb.FatalException)
    others = ("could not set lock", "no space left", "permission denied", "read-only", "is a directory")
    return is_of_file and not any(words in str(error).lower() for words in others)


def _read_state(connection: duckdb.DuckDBPyConnection) -> Built:
    if not scalar(connection, "select count(*) from duckdb_tables() where table_name = ?", [_STATE]):
        return Built()
    state = dict(connection.execute(f"select name, digest from {_STATE}").fetchall())
    return Built(state, state.pop("inputs", ""))


def build(home: Home, control: Control, *, full_refresh: bool = False) -> BuildResult:
    """Computes the dirty periods, or everything. Raises BuildFailed where a model fails; tests are reported."""
    # The state is taken away first: a build that dies leaves no state, and the next one starts afresh.
    is_same_code = _forget(home).digests.get(_CODE) == code_version()
    result = _build(home, full_refresh=full_refresh or not is_same_code)
    if not result.failures:
        _remember(home, control)
    return result


def _build(home: Home, *, full_refresh: bool) -> BuildResult:
    options = ["--no-write-json", "--exclude-resource-type", "unit_test"]
    if full_refresh:
        options += ["--full-refresh"]
    else:
        # Views and the seed of targets follow from the code alone, and that is the same as at the last build.
        options += ["--select", "config.materialized:table", "config.materialized:incremental"]
    results = run_models(home, options)
    broken = [result for result in results if str(result.status) in ("error", "runtime error")]
    if broken:
        raise BuildFailed("; ".join(f"{result.node.name}: {_without_values(result.message)}" for result in broken))
    nodes = [
        BuiltNode(result.node.unique_id, str(result.status), int(result.failures or 0), result.execution_time)
        for result in results
    ]
    return BuildResult(nodes)


def run_models(home: Home, options: Sequence[str]) -> list[Any]:
    """dbt's own results of a build with these options. BuildFailed where it gives none."""
    manifest = parse(home)
    with _environment(home):
        try:
            outcome = _invoke(home, "build", options, manifest=manifest)
        finally:
            _release_file()  # also where it failed: what a full disk has spoilt must not be found open by the next run
    return list(outcome)


def document(home: Home, target: Path) -> None:
    """Has dbt write its documentation of the project and the published edition into a folder that holds a manifest."""
    with _environment(home):
        # dbt would introspect the lake to compile models; documentation shows them as they are written.
        options = ["--static", "--no-compile", "--target", "edition"]
        try:
            _invoke(home, "docs generate", options, target=target)
        finally:
            _release_file()


def _invoke(
    home: Home, command: str, options: Sequence[str] = (), manifest: Any = None, target: Path | None = None
) -> Any:
    """What dbt returns for a command on this data root. BuildFailed where it returns nothing."""
    from dbt.cli.main import dbtRunner

    folder = str(target or home.dbt)
    arguments = [
        "--quiet", "--no-use-colors", "--log-level", "none", "--log-level-file", "none", "--no-version-check",
        *command.split(), "--project-dir", str(DBT_DIR), "--profiles-dir", str(DBT_DIR),
        "--log-path", folder, "--target-path", folder, *options,
    ]  # fmt: skip
    outcome = dbtRunner(manifest=manifest).invoke(arguments)
    if outcome.result is None:
        raise BuildFailed(_without_values(outcome.exception))
    return outcome.result


class Parsing:
    """Parses the models in a thread: it takes seconds that most of taking files in can go on beside."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begins, if it has not begun."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._parse, name="parse", daemon=True)
            self._thread.start()

    def finish(self) -> None:
        if self._thread is not None:
            self._thread.join()

    def _parse(self) -> None:
        # Whatever is wrong with the models is told when they are built.
        with suppress(BuildFailed):
            parse(self._home)


_manifests: dict[str, Any] = {}
_parsing = threading.Lock()


def parse(home: Home) -> Any:
    """dbt's manifest of the project, a copy, since dbt changes what it is given; the data root has it as files, too.

    It depends on the project alone, so a process needs it once, for whatever data roots it serves, and finds it where the
    one before kept it. BuildFailed where the project cannot be parsed.
    """
    digest = project_digest()
    with _parsing:
        if digest not in _manifests:
            _manifests[digest] = find_parsed(home, digest) or _parse(home, digest)
            gc.freeze()  # as after importing Great Expectations: it is large, and stays
        elif not home.manifest.exists():
            _manifests[digest].write(str(home.manifest))
    return _manifests[digest].deepcopy()


def _parse(home: Home, digest: str) -> Any:
    forget_parsed(home)
    with _environment(home):
        manifest = _invoke(home, "parse")
    keep_parsed(home, manifest, digest)
    return manifest


def _without_values(message: object) -> str:
    """The first line of an engine's message without what stands in quotes: engines quote values."""
    import re

    first = str(message).strip().splitlines()[:3]
    return re.sub(r"'[^']*'", "'…'", " ".join(first))


@contextmanager
def _environment(home: Home) -> Iterator[None]:
    before = os.environ.get("WAREHOUSE_HOME")
    os.environ["WAREHOUSE_HOME"] = str(home.root)
    try:
        yield
    finally:
        if before is None:
            del os.environ["WAREHOUSE_HOME"]
        else:
            os.environ["WAREHOUSE_HOME"] = before


def _release_file() -> None:
    # dbt-duckdb keeps the file open for the life of the process; publish and readers need it closed. An error of dbt's
    # may hold its cursors, so that nothing is closed by being forgotten.
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.adapters.factory import cleanup_connections

    environment = DuckDBConnectionManager._ENV
    with suppress(duckdb.Error):  # of a database that a full disk has spoilt
        cleanup_connections()
    DuckDBConnectionManager.close_all_connections()
    if environment is not None:
        environment.close()


def _forget(home: Home) -> Built:
    """Takes the state away and returns it."""
    with _working(home) as connection:
        if connection is None:
            return Built()
        built = _read_state(connection)
        connection.execute(f"drop table if exists {_STATE}")
    return built


def remember_published(home: Home, control: Control) -> None:
    """Notes that everything these inputs give has passed the audit; until then the next run audits again."""
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute(f"delete from {_STATE} where name = 'inputs'")
        connection.execute(f"insert into {_STATE} values ('inputs', ?)", [control.inputs_hash])


def _remember(home: Home, control: Control) -> None:
    rows = [*control.digests.items(), (_CODE, code_version())]
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.register("rows", pl.DataFrame(rows, ["name", "digest"], orient="row").to_arrow())
        connection.execute(f"create or replace table {_STATE} as select name, digest from rows")
