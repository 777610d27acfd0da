"""Validating one table of delivered rows: verdicts for every row, reconciled with Great Expectations.

Belongs here: the one function that ingest calls, and what it gives back. Great Expectations is imported
inside functions only, because it takes 2–3 s.
Does not belong here: what the rules are (`rules.py`), what happens to a refused row.
"""

from __future__ import annotations

import gc
import importlib.util
import logging
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType
from typing import TYPE_CHECKING

import duckdb
import polars as pl
import pyarrow as pa

from expectations.contract import FINDINGS, Column, Contract, Severity
from expectations.rules import REPEATED_KEYS, RuleSpec, file_rules, repeated_keys_sql

if TYPE_CHECKING:
    from expectations.engine import Plan

# The name under which rules see the table; a view on a connection of our own, so any table will do.
ROWS = "validated_rows"

VERDICT_SCHEMA = pl.Schema(
    {
        "batch_id": pl.String,
        "row_number": pl.Int32,
        "rule_id": pl.String,
        "rule_version": pl.Int32,
        "severity": pl.String,
    }
)


@dataclass(frozen=True)
class RuleOutcome:
    """What one rule found in the whole table; `columns` are names of contract columns."""

    rule_id: str
    rule_version: int
    severity: Severity
    columns: tuple[str, ...]
    zh: str
    en: str
    rows_checked: int
    rows_failed: int


@dataclass(frozen=True)
class Validation:
    """The outcome of validating one table.

    `results` has one entry per rule. `verdicts` has one row per failing row and rule, with every reason,
    in the order of batch_id, row_number and the rules. `rows_by_batch` counts the rows of each batch.
    """

    results: list[RuleOutcome]
    verdicts: pl.DataFrame
    rows_by_batch: dict[str, int]


class ValidationError(Exception):
    """Validation itself failed, so nothing is known about the rows. Texts never carry a cell's value."""

    def __init__(self, zh: str, en: str) -> None:
        self.zh, self.en = zh, en
        super().__init__(en)


class ReconciliationError(ValidationError):
    """Our verdicts and Great Expectations count different numbers of failing rows for one rule."""

    def __init__(self, dataset: str, rule_id: str, verdicts: int, expected: int) -> None:
        self.dataset, self.rule_id, self.verdicts, self.expected = dataset, rule_id, verdicts, expected
        super().__init__(
            f"{dataset} 规则 {rule_id} 的校验结果不一致：判定 {verdicts} 行不合格，"
            f"Great Expectations 计 {expected} 行；请修正 expectations/rules.py 或 suite.py 后重新校验",
            f"{dataset}: two counts of rows that fail rule {rule_id} differ: {verdicts} verdicts, "
            f"{expected} by Great Expectations; correct expectations/rules.py or suite.py and validate again",
        )


class BrokenRuleError(ValidationError):
    """The SQL of a rule cannot be evaluated on the table."""

    def __init__(self, dataset: str, rule_id: str, reason: str) -> None:
        self.dataset, self.rule_id = dataset, rule_id
        super().__init__(
            f"{dataset} 规则 {rule_id} 无法执行（{reason}）；请修正契约 {dataset}.yml 中的条件",
            f"{dataset}: rule {rule_id} cannot be evaluated ({reason}); correct its condition in {dataset}.yml",
        )


class UnknownFindingError(ValidationError):
    """A `<column>_check` holds something that no rule knows, so its rows would pass unseen."""

    def __init__(self, dataset: str, column: str, rows: int) -> None:
        super().__init__(
            f"{dataset}.{column} 有 {rows} 行的检查结果为空或未在 FINDINGS 中登记；请修正脱敏步骤或登记该结果",
            f"{dataset}.{column}: {rows} rows hold no finding or one that FINDINGS does not list; "
            "correct the protecting step or list the finding",
        )


def validate(
    connection: duckdb.DuckDBPyConnection, table: str | pa.Table, contract: Contract, *, is_sample: bool
) -> Validation:
    """Hold every row of `table` to every rule of `contract` that concerns one file.

    `table` has the contract's lake schema and all new batches of one dataset and period: an Arrow table, which
    is read where it is, or SQL for a table. It is read through a cursor of `connection`, so what the SQL
    names must be committed, and no temporary table or registered frame of the caller. Threads may validate at once, each with a connection or cursor of its
    own. Raises ReconciliationError, BrokenRuleError, UnknownFindingError: all ValidationError.
    """
    rules = file_rules(contract, is_sample)
    cursor = connection.cursor()
    try:
        if isinstance(table, str):
            cursor.execute(f"create temp view {ROWS} as select * from {table}")
        else:
            cursor.register(ROWS, table)
        rows_by_batch = _count_rows(cursor, contract)
        with _broken_rules_named(cursor, contract, rules):
            cursor.execute(f"create temp table {REPEATED_KEYS} as {repeated_keys_sql(contract, ROWS)}")
            verdicts = _verdicts(cursor, rules)
        failed = dict(verdicts.group_by("rule_id").len().iter_rows())
        _reconcile(cursor, contract, rules, failed)
    finally:
        cursor.close()
    checked = sum(rows_by_batch.values())
    results = [
        RuleOutcome(
            rule.id, rule.version, rule.severity, rule.columns, rule.zh, rule.en, checked, failed.get(rule.id, 0)
        )
        for rule in rules
    ]
    return Validation(results, verdicts, rows_by_batch)


def warm_up(contracts: Iterable[Contract], *, is_sample: bool) -> None:
    """Import Great Expectations and work out the suites, so that `validate` finds both ready.

    Takes 3–4 s of one core, most of it importing; a program may do this in a thread while it reads files.
    """
    # What is imported stays for the life of the process: no collection need walk it, now or later.
    gc.disable()
    try:
        for contract in contracts:
            _plan(contract.dataset, tuple(file_rules(contract, is_sample)))
        gc.freeze()
    finally:
        gc.enable()


def _count_rows(cursor: duckdb.DuckDBPyConnection, contract: Contract) -> dict[str, int]:
    """The rows of each batch; refuses findings that no rule knows. One pass over the table."""
    checks = [column for column in contract.columns if column.privacy != "none"]
    unknown = "".join(
        f", count(*) filter (where ({column.check_name} in ({_known_findings(column)})) is not true)"
        for column in checks
    )
    counted = cursor.execute(
        f"select batch_id, count(*){unknown} from {ROWS} group by batch_id order by batch_id"
    ).fetchall()
    for place, column in enumerate(checks):
        rows = sum(row[2 + place] for row in counted)
        if rows:
            raise UnknownFindingError(contract.dataset, column.check_name, rows)
    return {row[0]: row[1] for row in counted}


def _known_findings(column: Column) -> str:
    return ", ".join(f"'{finding}'" for finding in ("valid", *FINDINGS[column.privacy]))


def _verdicts(cursor: duckdb.DuckDBPyConnection, rules: Sequence[RuleSpec]) -> pl.DataFrame:
    """Every failing row with every reason, in one pass over the table; see VERDICT_SCHEMA."""
    fails = " or ".join(f"({rule.failing_sql})" for rule in rules)
    places = ", ".join(f"case when {rule.failing_sql} then {place} end" for place, rule in enumerate(rules))
    # As rows, not as a relation, which would be planned twice; rows that fail are few.
    failing = cursor.execute(f"""
with failing as (
    select batch_id, row_number, [{places}] as places from {ROWS} where {fails}
),
reasons as (
    select batch_id, row_number, unnest(list_filter(places, lambda place: place is not null)) as place
    from failing
)
select batch_id, row_number, place::integer as place from reasons order by batch_id, row_number, place
""").fetchall()
    catalogue = pl.DataFrame(
        {
            "place": pl.Series(range(len(rules)), dtype=pl.Int32),
            "rule_id": [rule.id for rule in rules],
            "rule_version": pl.Series([rule.version for rule in rules], dtype=pl.Int32),
            "severity": [rule.severity for rule in rules],
        }
    )
    schema = {name: VERDICT_SCHEMA[name] for name in ("batch_id", "row_number")} | {"place": pl.Int32()}
    found = pl.DataFrame(failing, schema, orient="row").join(catalogue, on="place", how="left", maintain_order="left")
    return found.select(VERDICT_SCHEMA.names())


def _reconcile(
    cursor: duckdb.DuckDBPyConnection, contract: Contract, rules: Sequence[RuleSpec], failed: dict[str, int]
) -> None:
    """Let Great Expectations count the failing rows of every rule, and compare."""
    suite_plan = _plan(contract.dataset, tuple(rules))
    try:
        counts = suite_plan.count_unexpected(cursor, ROWS)
    except Exception as error:  # noqa: BLE001 - whatever it is, its text may quote a cell
        reason = type(error).__name__
        raise ValidationError(
            f"{contract.dataset} 的 Great Expectations 校验未能完成（{reason}）",
            f"{contract.dataset}: Great Expectations could not finish ({reason})",
        ) from None
    for rule, count in zip(rules, counts, strict=True):
        if count != failed.get(rule.id, 0):
            raise ReconciliationError(contract.dataset, rule.id, failed.get(rule.id, 0), count)


@contextmanager
def _broken_rules_named(
    cursor: duckdb.DuckDBPyConnection, contract: Contract, rules: Sequence[RuleSpec]
) -> Iterator[None]:
    """Turn a failing query into BrokenRuleError: DuckDB's own message may quote a cell."""
    try:
        yield
    except duckdb.Error as error:
        for rule in rules:
            try:
                cursor.execute(f"select count(*) from {ROWS} where {rule.failing_sql}").fetchall()
            except duckdb.Error as cause:
                raise BrokenRuleError(contract.dataset, rule.id, type(cause).__name__) from None
        raise ValidationError(
            f"{contract.dataset} 的校验查询失败（{type(error).__name__}）",
            f"{contract.dataset}: the validating query failed ({type(error).__name__})",
        ) from None


# --- Great Expectations, imported when first needed


@lru_cache(maxsize=64)
def _plan(dataset: str, rules: tuple[RuleSpec, ...]) -> Plan:
    """The dataset's suite, worked out once per process."""
    _defer("scipy.stats")
    # Its loggers repeat what the database says about a failing query, which may quote a cell.
    logging.getLogger("great_expectations").setLevel(logging.CRITICAL + 1)
    from expectations.engine import plan
    from expectations.suite import build_suite

    return plan(build_suite(dataset, rules))


def _defer(module: str) -> None:
    """Have `module` execute when first used, not when imported.

    Great Expectations imports scipy.stats (1 s) for three statistical expectations that no rule uses.
    """
    if module in sys.modules:
        return
    spec = importlib.util.find_spec(module)
    if spec is None or spec.loader is None:
        return
    spec.loader = importlib.util.LazyLoader(spec.loader)
    deferred: ModuleType = importlib.util.module_from_spec(spec)
    sys.modules[module] = deferred
    spec.loader.exec_module(deferred)
    parent, _, name = module.rpartition(".")
    setattr(sys.modules[parent], name, deferred)
