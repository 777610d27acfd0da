"""The gates between the working warehouse and an edition. A gate that fails, raises or sees no rows blocks.

Each gate returns what is wrong in words, without any value of a person.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl
import pyarrow.parquet as pq

from pipelines.build import BuildResult
from pipelines.control import Control
from pipelines.errors import WarehouseError, Words
from pipelines.lake import batch_path
from pipelines.parts import Part
from pipelines.protection.identity import IDENTIFIER, OLD_IDENTIFIER, check_characters
from pipelines.settings import Home
from pipelines.sql import scalar

Counted = Callable[[str, Path], bool]  # of a batch by its id and file
_SEARCHERS = 2  # threads: most parts are too small for the engine to use more than one core
NEVER_EMPTY = ("dim_unit", "dim_period", "dim_kpi", "dim_target", "fct_kpi", "fct_delivery")


class GateFailed(WarehouseError):
    """Something must not be published. The last edition stays as it was."""

    def __init__(self, findings: dict[str, list[str]]) -> None:
        self.findings = findings
        text = "; ".join(f"{gate}: {', '.join(found[:5])}" for gate, found in findings.items())
        super().__init__(
            Words("审核未通过，未发布", "The audit failed: nothing was published"),
            where=", ".join(findings),
            expected=Words("所有审核通过", "every gate passes"),
            found=Words(text, text),
            advice=Words("更正后重新运行；已发布的版本未变", "mend it and run again; the published edition is unchanged"),
        )


@dataclass(frozen=True)
class Audited:
    """What the gates look at: the working warehouse, what it was computed from, how that went, and what is new in it.

    `changed`: the parts of its tables that the same code did not find in order for the last edition already;
    `has_counted`: whether it counted a batch's rows for that one, in a file that nothing wrote since.
    """

    home: Home
    control: Control
    built: BuildResult
    connection: duckdb.DuckDBPyConnection
    tables: list[str]
    changed: list[Part]
    has_counted: Counted


GATES: dict[str, Callable[[Audited], list[str]]] = {
    "dbt_tests": lambda seen: seen.built.failures if seen.built.tests else ["no test ran"],
    "row_accounts": lambda seen: unbalanced_batches(seen.home, seen.control, seen.has_counted),
    "tables_and_periods": lambda seen: missing_parts(seen.connection, seen.tables, seen.changed),
    "identifiers": lambda seen: columns_with_identifiers(seen.connection, seen.changed),
}


def audit(seen: Audited) -> None:
    """Runs every gate over the working warehouse. GateFailed names all gates that found something."""
    findings = {}
    for name, gate in GATES.items():
        try:
            found = gate(seen)
        except Exception as error:  # noqa: BLE001 - whatever stops a gate has to stop publication
            found = [f"the gate itself failed: {type(error).__name__}"]
        if found:
            findings[name] = found
    if findings:
        raise GateFailed(findings)


def unbalanced_batches(home: Home, control: Control, has_counted: Counted = lambda *_: False) -> list[str]:
    """Current batches whose rows do not add up: counted in the batch file, against the ledger's account.

    A batch never changes, so that one count of its rows is enough (`verify` looks into every file).
    """
    states = {name: state for evaluation in control.evaluations for name, state in evaluation.row_states.items()}
    wrong = []
    for batch in control.batches:
        path = batch_path(home, batch.slot, batch.batch_id)
        if not path.exists():
            counted = -1
        else:
            counted = batch.rows_data if has_counted(batch.batch_id, path) else _own_rows(path, batch.batch_id)
        state = states[batch.batch_id]
        accounted = state.accepted + state.quarantined + state.duplicate
        is_sound = counted == batch.rows_data == accounted and min(vars(state).values()) >= 0
        if not is_sound or batch.rows_read != batch.rows_data + batch.rows_skipped:
            slot = f"{batch.slot.supplier_id}/{batch.slot.dataset}/{batch.slot.period}"
            wrong.append(
                f"{slot}: {batch.rows_read} rows read, {batch.rows_skipped} skipped, {batch.rows_data} in the ledger, "
                f"{counted} in the batch, {accounted} judged"
            )
    return wrong


def _own_rows(path: Path, batch_id: str) -> int:
    """How many rows a batch's file has; -1 where some are of another batch."""
    metadata = pq.read_metadata(path)
    place = metadata.schema.names.index("batch_id")
    for group in range(metadata.num_row_groups):
        found = metadata.row_group(group).column(place).statistics
        if found is not None and found.has_min_max and not found.min == found.max == batch_id:
            return -1
    return int(metadata.num_rows)


def absent_tables(connection: duckdb.DuckDBPyConnection, tables: list[str]) -> list[str]:
    """Tables of an edition, or that every edition must have, which are not there or not declared."""
    present = {row[0] for row in connection.execute("select table_name from information_schema.tables").fetchall()}
    return [table for table in sorted({*tables, *NEVER_EMPTY}) if table not in present or table not in tables]


def missing_parts(connection: duckdb.DuckDBPyConnection, tables: list[str], changed: list[Part]) -> list[str]:
    """Edition tables that are absent or empty, and periods without a figure for every unit and KPI.

    Of periods with figures that are not among the changed parts only where units or KPIs changed.
    """
    missing = [f"table {table} is absent" for table in absent_tables(connection, tables)]
    if missing:
        return missing
    for table in NEVER_EMPTY:
        if not scalar(connection, f"select count(*) from {table}"):
            missing.append(f"table {table} is empty")
    are_all_asked = not {"dim_unit", "dim_kpi"}.isdisjoint(part.table for part in changed)
    periods = [part.period for part in changed if part.table == "fct_kpi"]
    incomplete = connection.execute("""
        with asked as (
            select * from dim_period
            where $all or array_contains($periods::date[], period) or period not in (select period from fct_kpi)
        ),
        wanted as (
            select periods.period_type, periods.period, kpis.kpi_id, count(distinct units.unit_key) as units
            from asked as periods
            cross join dim_kpi as kpis
            inner join dim_unit as units
                on units.valid_from <= periods.end_date
                and (units.valid_to is null or units.valid_to > periods.end_date)
                and array_contains(kpis.levels, units.unit_level)
            group by all
        ),
        given as (
            select period_type, period, kpi_id, count(distinct unit_key) as units
            from fct_kpi semi join asked using (period_type, period) where unit_basis = 'as_was' group by all
        )
        select wanted.period_type || ' ' || wanted.period::varchar || ' ' || wanted.kpi_id || ': '
            || coalesce(given.units, 0) || ' of ' || wanted.units || ' units'
        from wanted left join given using (period_type, period, kpi_id)
        where wanted.units is distinct from given.units
        order by 1""", {"all": are_all_asked, "periods": periods}).fetchall()
    return missing + [row[0] for row in incomplete]


def columns_with_identifiers(connection: duckdb.DuckDBPyConnection, parts: list[Part]) -> list[str]:
    """Columns in which something has the form of an identity number with a right check digit.

    Of every type but floating-point numbers: these cannot hold 18 digits, and the decimals of a rate look like them.
    """
    columns = {table: _columns_to_search(connection, table) for table in {part.table for part in parts}}

    def search(part: Part) -> set[str]:
        with connection.cursor() as own:
            # Whole rows first: nearly always nothing is found, and one look at a part is enough.
            if not columns[part.table] or not _may_have_identifier(own, part, columns[part.table]):
                return set()
            return {f"{part.table}.{column}" for column in columns[part.table] if _has_identifier(own, part, column)}

    with ThreadPoolExecutor(_SEARCHERS) as searchers:
        return sorted(set().union(*searchers.map(search, parts)))


def _columns_to_search(connection: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    query = "select column_name from information_schema.columns where table_name = ? and data_type <> 'DOUBLE'"
    return [column for (column,) in connection.execute(query, [table]).fetchall()]


def _may_have_identifier(connection: duckdb.DuckDBPyConnection, part: Part, columns: list[str]) -> bool:
    row = "concat_ws(' | ', " + ", ".join(f'"{column}"::varchar' for column in columns) + ")"
    matches = f"regexp_matches(replace({row}, '_', ' '), '{IDENTIFIER}|{OLD_IDENTIFIER}')"
    return bool(scalar(connection, f"select bool_or({matches}) from {part.table} where {part.condition}"))


def _has_identifier(connection: duckdb.DuckDBPyConnection, part: Part, column: str) -> bool:
    # To the pattern an underscore is a letter; here it stands between words.
    suspicious: pl.DataFrame = connection.sql(f"""
        select regexp_extract_all(text, '{IDENTIFIER}') as numbers, regexp_matches(text, '{OLD_IDENTIFIER}') as is_old
        from (select replace("{column}"::varchar, '_', ' ') as text from {part.table} where {part.condition})
        where regexp_matches(text, '{IDENTIFIER}|{OLD_IDENTIFIER}')""").pl()
    numbers = suspicious["numbers"].explode().drop_nulls()
    is_sound = check_characters(numbers) == numbers.str.slice(17).str.to_uppercase()
    return bool(suspicious["is_old"].any() or is_sound.any())
