"""Great Expectations on DuckDB: an execution engine that reads through a connection it is lent.

Belongs here: what Great Expectations lacks to read DuckDB, and running a suite without paying again and
again for what does not change. Great Expectations has no DuckDB source, and its SQL engine reads results
after the connection went back to the pool.
Does not belong here: rules, verdicts. Importing this module imports Great Expectations (2–3 s).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Any

import duckdb
import sqlalchemy
from duckdb_sqlalchemy import ConnectionWrapper
from great_expectations.core.expectation_suite import ExpectationSuite
from great_expectations.execution_engine import SqlAlchemyExecutionEngine
from great_expectations.execution_engine.execution_engine import MetricComputationConfiguration
from great_expectations.execution_engine.sqlalchemy_batch_data import SqlAlchemyBatchData
from great_expectations.expectations.expectation import Expectation
from great_expectations.validator.metric_configuration import MetricConfiguration, MetricConfigurationID
from great_expectations.validator.validation_graph import MetricEdge, ValidationGraph
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine.result import IteratorResult, SimpleResultMetaData
from sqlalchemy.pool import NullPool

BATCH_ID = "validated"

# Counts and no values: what is asked of the database, and what a result may hold. With `catch_exceptions`
# a broken query would come back as a failed expectation, its text (which may quote a cell) inside.
COUNTS_ONLY = {"result_format": {"result_format": "BOOLEAN_ONLY"}, "catch_exceptions": False}
RESULT_FORMAT = {
    "result_format": {"result_format": "BASIC", "partial_unexpected_count": 0},
    "catch_exceptions": False,
}

_lent: ContextVar[duckdb.DuckDBPyConnection] = ContextVar("_lent")


class _LentConnection(ConnectionWrapper):  # type: ignore[misc]
    """A DuckDB connection as SQLAlchemy wants it, which stays as it is when SQLAlchemy is done with it."""

    def rollback(self) -> None:
        """Nothing: every statement commits by itself."""

    def close(self) -> None:
        self.closed = True


class _Batch(SqlAlchemyBatchData):  # type: ignore[misc]
    """The table under validation, as one object per name: SQLAlchemy recognises a statement by it."""

    def _generate_selectable_from_schema_name_and_table_name(
        self, *, table_name: str, **_: Any
    ) -> sqlalchemy.Table:
        return _table(table_name)


@cache
def _table(name: str) -> sqlalchemy.Table:
    return sqlalchemy.Table(name, sqlalchemy.MetaData())


@cache
def _sqlalchemy_engine() -> sqlalchemy.Engine:
    """One for the process, so that a statement is compiled once; connections come from `_lent`."""
    return sqlalchemy.create_engine(
        "duckdb://",
        creator=lambda: _LentConnection(_lent.get()),
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
    )


class _Columns:
    """What Great Expectations asks of a SQLAlchemy inspector, answered by one `describe`.

    Reflection by way of the PostgreSQL catalogue takes ten times as long.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self.dialect = _sqlalchemy_engine().dialect

    def get_columns(self, *, table_name: str, **_: Any) -> list[dict[str, Any]]:
        described = self._connection.execute(f'describe "{table_name}"').fetchall()
        return [{"name": name, "type": kind, "nullable": True} for name, kind, *_ in described]

    def get_pk_constraint(self, **_: Any) -> dict[str, Any]:
        return {"constrained_columns": [], "name": None}


class DuckDBExecutionEngine(SqlAlchemyExecutionEngine):  # type: ignore[misc]
    """Computes metrics on one table or view of a DuckDB connection, which it neither opens nor closes.

    One engine serves one validation: it caches what it has read.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, table: str) -> None:
        super().__init__(engine=_sqlalchemy_engine(), create_temp_table=False)
        self.dialect_module = postgresql  # its `~` is DuckDB's
        self._duckdb = connection
        self.load_batch_data(BATCH_ID, _Batch(execution_engine=self, table_name=table))

    @contextmanager
    def get_connection(self) -> Iterator[sqlalchemy.Connection]:
        token = _lent.set(self._duckdb)
        try:
            with self.engine.connect() as connection:
                yield connection
        finally:
            _lent.reset(token)

    def execute_query(self, query: Any) -> IteratorResult[Any]:
        """The result of `query`, read to its end before the connection goes back."""
        with self.get_connection() as connection:
            result = connection.execute(query)
            return IteratorResult(SimpleResultMetaData(list(result.keys())), iter(result.fetchall()))

    def resolve_metric_bundle(
        self, metric_fn_bundle: Iterable[MetricComputationConfiguration]
    ) -> dict[MetricConfigurationID, Any]:
        """Every count of the suite in one query over the table.

        The stock method does the same for several domains; it also renders each query a second time for
        the debug log, and logs the database's message, which may quote a cell, when one fails.
        """
        # metrics come as a set: sorted, the query is the same each time and compiled once
        bundle = sorted(metric_fn_bundle, key=lambda metric: str(metric.metric_configuration.id))
        if not bundle:
            return {}
        counts = [metric.metric_fn.label(f"count_{place}") for place, metric in enumerate(bundle)]
        table = self.get_domain_records({"batch_id": BATCH_ID})
        row = self.execute_query(sqlalchemy.select(*counts).select_from(table)).one()
        return {metric.metric_configuration.id: count for metric, count in zip(bundle, row, strict=True)}

    def get_inspector(self) -> _Columns:
        return _Columns(self._duckdb)

    def close(self) -> None:
        """Nothing: the SQLAlchemy engine is the process's, the connection is the caller's."""


@dataclass(frozen=True)
class Plan:
    """A suite worked out: which metrics each expectation rests on, and how metrics rest on each other.

    Great Expectations derives this anew for every validation, 5 ms an expectation, although it follows
    from the suite alone. Running a plan takes its own steps after that one: resolve the graph of metrics,
    let every expectation judge. A plan holds no data and may be run by several threads at once.
    """

    steps: tuple[tuple[Expectation, dict[str, MetricConfiguration]], ...]
    edges: tuple[MetricEdge, ...]

    def run(self, connection: duckdb.DuckDBPyConnection, table: str) -> list[dict[str, Any]]:
        """One result per expectation, in the suite's order: `success`, and counts in `result`; no values."""
        engine = DuckDBExecutionEngine(connection, table)
        graph = ValidationGraph(engine, list(self.edges))
        metrics, _ = graph.resolve(runtime_configuration=COUNTS_ONLY, show_progress_bars=False)
        return [
            expectation._validate(
                metrics={name: metrics[metric.id] for name, metric in needed.items()},
                runtime_configuration=dict(RESULT_FORMAT),
                execution_engine=engine,
            )
            for expectation, needed in self.steps
        ]

    def count_unexpected(self, connection: duckdb.DuckDBPyConnection, table: str) -> list[int]:
        """How many rows of the table each expectation finds failing, in the suite's order."""
        return [_unexpected_count(result) for result in self.run(connection, table)]


def plan(suite: ExpectationSuite) -> Plan:
    """The plan of `suite`, for tables in DuckDB. Reads no data."""
    engine = _engine_without_data()
    graph = ValidationGraph(engine)
    steps = []
    for expectation in suite.expectations:
        needed = expectation.get_validation_dependencies(
            execution_engine=engine, runtime_configuration=COUNTS_ONLY
        ).metric_configurations
        for metric in needed.values():
            graph.build_metric_dependency_graph(metric, runtime_configuration=COUNTS_ONLY)
        steps.append((expectation, needed))
    return Plan(tuple(steps), tuple(graph.edges))


@cache
def _engine_without_data() -> DuckDBExecutionEngine:
    """What plans are made for: opening a database takes as long as planning several rules."""
    return DuckDBExecutionEngine(duckdb.connect(), BATCH_ID)


def _unexpected_count(result: dict[str, Any]) -> int:
    counts = result["result"]
    count = counts["unexpected_count"] if "unexpected_count" in counts else counts["observed_value"]
    return int(count or 0)  # the sum over a table without rows is null
