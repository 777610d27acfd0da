"""Builds a small published edition (DuckDB file, manifest, Parquet, pointer) for tests of what reads editions.

The tables have the columns of a real edition. Statuses, bounds and shortfalls follow from the numbers
given here by a small evaluator, so that a fixture cannot contradict itself.
Does not belong here: the KPI semantics of the warehouse (dbt and the generator's truth hold those).
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import yaml

from pipelines.settings import REPO
from tests.support.edition.deliveries import delivery_rows, quality_rows
from tests.support.edition.dimensions import (
    all_periods,
    all_units,
    edition_row,
    kpi_row,
    lineage_rows,
    period_row,
    target_row,
    unit_row,
)
from tests.support.edition.figures import figure_rows, unplaced_rows
from tests.support.edition.history import flag_rows, trend_rows
from tests.support.edition.kpis import KPIS
from tests.support.edition.shapes import Cell, Kpi, Row, Shape, Unit
from tests.support.edition.small import SMALL, county_shape
from tests.support.edition.steward import estimate_rows, signal_rows

MODELS = [REPO / "dbt" / "models" / folder for folder in ("edition", "signals")]

EDITION = {
    "edition_id": "varchar", "county_code": "varchar", "county_name": "varchar", "is_sample": "boolean",
    "as_of_date": "date", "published_at": "timestamp", "code_version": "varchar", "inputs_hash": "varchar",
    "content_hash": "varchar",
}  # fmt: skip


def _declared() -> dict[str, dict[str, str]]:
    """table → column → type, as the models of the edition declare them."""
    models = [
        model
        for folder in MODELS
        for path in sorted(folder.glob("*.yml"))
        for model in yaml.safe_load(path.read_text("utf-8")).get("models", [])
    ]
    return {
        model["name"]: {column["name"]: column["data_type"] for column in model["columns"]}
        for model in models
        if "columns" in model  # what other models build on has none declared
    }

TABLES = {"edition": EDITION, **_declared()}


def build_edition(published: Path, shape: Shape = SMALL) -> Path:
    """Publishes one edition under `published` and points `warehouse.duckdb` at it. Returns the edition's folder."""
    folder = published / "editions" / shape.edition_id
    folder.mkdir(parents=True, exist_ok=True)
    tables = _tables(shape)
    database = folder / "warehouse.duckdb"
    with duckdb.connect(str(database)) as connection:
        for name, columns in TABLES.items():
            definition = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
            connection.execute(f"create table {name} ({definition})")
            rows = [{column: row[column] for column in columns} for row in tables.get(name, [])]
            if rows:
                connection.register("filled", pl.DataFrame(rows, infer_schema_length=None))
                connection.execute(f"insert into {name} select * from filled")
            connection.execute(f"copy {name} to '{folder / name}.parquet' (format parquet)")
    manifest = {
        **{name: str(value) if isinstance(value, date) else value for name, value in edition_row(shape).items()},
        "tables": {name: len(rows) for name, rows in tables.items()},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1), "utf-8")
    switch(published, shape.edition_id)
    return folder


def switch(published: Path, edition_id: str) -> None:
    """Points `warehouse.duckdb` at this edition, atomically, by a relative symlink."""
    pointer, fresh = published / "warehouse.duckdb", published / ".warehouse.duckdb.new"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(Path("editions") / edition_id / "warehouse.duckdb")
    fresh.replace(pointer)


def _tables(shape: Shape) -> dict[str, list[Row]]:
    units, periods = all_units(shape), all_periods()
    facts = figure_rows(shape, units, periods)
    return {
        "edition": [edition_row(shape)],
        "dim_unit": [unit_row(unit, units) for unit in units],
        "dim_period": [period_row(period) for period in periods],
        "dim_kpi": [kpi_row(kpi) for kpi in KPIS],
        "dim_target": [target_row(kpi, goal) for kpi in KPIS for goal in kpi.goals],
        "fct_kpi": facts,
        "fct_flag": flag_rows(facts),
        "fct_trend": trend_rows(facts),
        "fct_delivery": delivery_rows(shape),
        "fct_quality": quality_rows(shape),
        "fct_signal": signal_rows(units),
        "fct_estimate": estimate_rows(units),
        "dim_lineage": lineage_rows(units) if shape.is_moved else [],
        "fct_unplaced": unplaced_rows(units) if shape.is_moved else [],
    }


__all__ = ["SMALL", "TABLES", "Cell", "Kpi", "Shape", "Unit", "build_edition", "county_shape", "switch"]
