"""No table of an edition has a row or a column per person: neither who somebody is, nor the pseudonym that stands for them."""

from __future__ import annotations

import duckdb
import polars as pl
import pytest

from expectations.contract import load_contracts
from pipelines.publish import DATABASE
from pipelines.settings import Home

# What a row of each table is; a table that is not listed has to be thought about first.
GRAIN = {
    "dim_kpi": "kpi_id",
    "dim_lineage": None,  # a change of a unit: predecessor, successor and day, which may be missing
    "dim_period": "period_type, period",
    "dim_target": "target_id",
    "dim_unit": "unit_key, valid_from",
    "edition": "edition_id",
    "fct_assessment": "unit_code, year",
    "fct_delivery": "supplier_id, dataset, period",
    "fct_estimate": "unit_key, month",
    "fct_flag": "unit_key, period_type, period, kpi_id, target_id",
    "fct_kpi": "unit_key, period_type, period, unit_basis, kpi_id, target_id",
    "fct_quality": None,
    "fct_signal": None,
    "fct_trend": "unit_key, period_type, kpi_id, target_id",
    "fct_unplaced": None,
}
PERSONAL = {
    lake.name
    for contract in load_contracts().values()
    for column in contract.columns
    if column.privacy != "none"
    for lake in column.lake_columns()
}
PSEUDONYM = "[0-9a-f]{32}"


@pytest.fixture(scope="module")
def columns(published: Home) -> pl.DataFrame:
    """table, column and type of everything in the DuckDB file."""
    with duckdb.connect(str(published.pointer.resolve()), read_only=True) as connection:
        found = connection.execute("select table_name, column_name, data_type from duckdb_columns() where not internal")
        return pl.DataFrame(found.fetchall(), ["table", "column", "type"], orient="row")


def test_every_table_is_known(columns: pl.DataFrame) -> None:
    assert set(columns["table"]) == set(GRAIN)


def test_no_column_is_one_of_a_person(columns: pl.DataFrame) -> None:
    assert {"person_id", "birth_year", "household_no", "name_check"} <= PERSONAL
    assert set(columns["column"]) & PERSONAL == set()
    assert [name for name in columns["column"] if "person_id" in name or "linking" in name or (name.endswith("_key")
            and not name.endswith("unit_key"))] == []  # fmt: skip


@pytest.mark.parametrize(("table", "grain"), [(table, grain) for table, grain in GRAIN.items() if grain])
def test_a_row_is_what_the_table_says(published: Home, table: str, grain: str) -> None:
    with duckdb.connect(str(published.pointer.resolve()), read_only=True) as connection:
        rows, distinct = connection.execute(
            f"select (select count(*) from {table}), (select count(*) from (select distinct {grain} from {table}))"
        ).fetchone() or (0, 0)
    assert rows == distinct


def test_no_cell_holds_what_stands_for_a_person(published: Home, columns: pl.DataFrame) -> None:
    """Every pseudonym of the lake is 32 hexadecimal characters; no cell of the edition holds any such text."""
    texts = columns.filter(pl.col("type").str.starts_with("VARCHAR"))
    assert texts.height > 50
    # whose own hashes are of a run and its inputs
    texts = texts.filter(~((pl.col("table") == "edition") & pl.col("column").is_in(["inputs_hash", "content_hash"])))
    with duckdb.connect(str(published.pointer.resolve()), read_only=True) as connection:
        for table, column, _ in texts.rows():
            query = f"select count(*) from {table} where regexp_matches(cast({column} as varchar), '{PSEUDONYM}')"
            assert connection.execute(query).fetchone() == (0,), f"{table}.{column}"


def test_the_lake_holds_what_is_looked_for(published: Home) -> None:
    """Else the search above would prove nothing."""
    files = str(published.lake / "grid_residents" / "**" / "*.parquet")
    query = f"from read_parquet('{files}', union_by_name = true) where regexp_full_match(person_id, '{PSEUDONYM}')"
    found = duckdb.sql(f"select count(*) as found {query}").pl().item()
    assert found > 1000


def test_the_parquet_files_have_the_same_columns(published: Home, columns: pl.DataFrame) -> None:
    folder = published.pointer.resolve().parent
    assert (folder / DATABASE).exists()
    for table in GRAIN:
        files = sorted((folder / table).glob("*.parquet")) or [folder / f"{table}.parquet"]
        expected = set(columns.filter(pl.col("table") == table)["column"])
        assert [path.name for path in files if set(pl.read_parquet_schema(path)) != expected] == []
