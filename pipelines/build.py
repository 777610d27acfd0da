"""What dbt builds: computes the working warehouse, and remembers from what each period was computed.

The working warehouse has one writer at a time (see run.lease); dbt alone writes its tables.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import duckdb
import polars as pl

from pipelines.code_version import code_version
from pipelines.control import Control
from pipelines.dbt_child.protocol import BuildFailed, BuiltNode
from pipelines.dbt_process import run_models
from pipelines.settings import Home
from pipelines.sql import scalar

_STATE = "build_state"
_CODE = "code"


@dataclass(frozen=True)
class Built:
    """What the working warehouse holds: the digest of each period, and the inputs that passed the audit."""

    digests: dict[str, str] = field(default_factory=dict)
    inputs_hash: str = ""


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
    nodes = run_models(home, options)
    broken = [node for node in nodes if node.status == "error"]
    if broken:
        raise BuildFailed("; ".join(f"{node.name}: {node.message}" for node in broken))
    return BuildResult(nodes)


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
