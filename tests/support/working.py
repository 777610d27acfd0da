"""A tiny working warehouse as dbt leaves it, and what the run before it gave: for tests of audit and publish.

Belongs here: literal rows of every edition table, dbt's manifest of them, one batch with its account.
Does not belong here: KPI semantics; the figures mean nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import duckdb
import polars as pl

from expectations.contract import load_contract
from pipelines.build import BuildResult
from pipelines.calendar import periods_of
from pipelines.control import Control
from pipelines.county import County
from pipelines.cross_file import Evaluation, RowStates
from pipelines.current_batches import CurrentBatch
from pipelines.dbt_child.protocol import BuiltNode
from pipelines.lake import batch_path, write_parquet
from pipelines.protection.protect import lake_schema
from pipelines.publish import Publication, publish
from pipelines.settings import Home
from pipelines.store import Slot

SLOT = Slot("grid_610629101", "grid_grids", "2026-01")
TABLES = {
    "dim_unit": """
        select * from (values
            ('610629@2016-01-01', '610629', '洛川县', 'county', date '2016-01-01', null::date),
            ('610629101@2016-01-01', '610629101', '旧县镇', 'street', date '2016-01-01', null),
            ('610629101201@2016-01-01', '610629101201', '甲村', 'community', date '2016-01-01', null),
            ('610629101202@2016-01-01', '610629101202', '已撤', 'community', date '2016-01-01', date '2026-01-31')
        ) as t(unit_key, unit_code, unit_name, unit_level, valid_from, valid_to)""",
    "dim_period": """
        select * from (values ('month', date '2026-01-01', date '2026-01-31', '2026年1月'))
            as t(period_type, period, end_date, label_zh)""",
    "dim_kpi": (
        "select *, ['county', 'street', 'community'] as levels"
        " from (values ('kpi_one', '甲率'), ('kpi_two', '乙率')) as t(kpi_id, name_zh)"
    ),
    "dim_target": "select 'T1' as target_id, 'kpi_one' as kpi_id, 95.0::decimal(18, 4) as value_1",
    "fct_kpi": """
        select unit_key, 'month' as period_type, date '2026-01-01' as period, kpi_id, 'T1' as target_id, 'as_was' as unit_basis,
            113::decimal(18, 2) as numerator, 119::decimal(18, 2) as denominator, 'missed' as status
        from dim_unit cross join dim_kpi where valid_to is null""",
    "fct_flag": "select unit_key, kpi_id, 'new' as movement from fct_kpi where false",
    "fct_delivery": "select 'grid_610629101' as supplier_id, 'on_time' as delivery_status, null::varchar as refusal_zh",
    "fct_quality": "select 'kind.required' as rule_id, 3::bigint as rows_failed where false",
}


PASSED_TEST = BuiltNode("test.governance_warehouse.unique_fct_kpi", "pass", 0, 0.1)
FAILED_TEST = BuiltNode("test.governance_warehouse.unique_fct_kpi", "fail", 2, 0.1)


@dataclass
class Working:
    """The state between build and publish; a test changes one thing of it and publishes."""

    home: Home
    county: County
    tables: dict[str, str] = field(default_factory=lambda: dict(TABLES))
    comment: str = "说明 / what it's for"
    built: BuildResult = field(default_factory=lambda: BuildResult([PASSED_TEST]))
    states: RowStates = field(default_factory=lambda: RowStates(2, 1, 0))
    rows_in_file: int = 3
    rows_data: int = 3
    rows_skipped: int = 1
    as_of: date = date(2026, 2, 11)
    has_batch: bool = True

    def connect(self) -> duckdb.DuckDBPyConnection:
        """The working warehouse, built afresh."""
        self.home.warehouse.parent.mkdir(parents=True, exist_ok=True)
        self.home.warehouse.unlink(missing_ok=True)
        with duckdb.connect(str(self.home.warehouse)) as connection:
            for name, query in self.tables.items():
                connection.execute(f"create table {name} as {query}")
        return duckdb.connect(str(self.home.warehouse), read_only=True)

    def control(self) -> Control:
        row: dict[str, Any] = {
            "batch_id": "b1", "supplier_id": SLOT.supplier_id, "dataset": SLOT.dataset, "period": SLOT.period,
            "content_hash": "", "rows_read": 4, "rows_data": self.rows_data, "rows_title": 0,
            "rows_header": self.rows_skipped, "rows_note": 0, "rows_totals": 0, "rows_blank": 0,
            "rows_continuation": 0, "base_batch_id": None, "rows_set_aside": 0, "is_correction_refused": False,
        }  # fmt: skip
        path = batch_path(self.home, SLOT, "b1")
        frame = pl.DataFrame(schema=lake_schema(load_contract(SLOT.dataset)))
        write_parquet(frame.clear(self.rows_in_file), path)
        evaluation = Evaluation(SLOT.dataset, SLOT.period, "h", path, [], {"b1": self.states}, is_new=True)
        periods = periods_of([date(2026, 1, 1)])
        batches = [CurrentBatch.of(row)] if self.has_batch else []
        return Control(self.as_of, "inputs", periods, {}, periods, [evaluation], batches)

    def publish(self) -> Publication:
        """Builds what is described and publishes it, as a run does."""
        self.connect().close()
        self._write_manifest()
        return publish(self.home, self.county, self.control(), self.built)

    def _write_manifest(self) -> None:
        path = self.home.root / "dbt" / "manifest.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        columns = self._columns()
        nodes = {
            name: {"name": name, "description": self.comment, "tags": ["edition"], "columns": columns.get(name, {})}
            for name in TABLES
        }
        staging = {"name": "stg_grid_grids", "description": "", "tags": [], "columns": {}}
        path.write_text(json.dumps({"nodes": {**nodes, "staging": staging}}), encoding="utf-8")

    def _columns(self) -> dict[str, dict[str, dict[str, str]]]:
        """By table: dbt documents the columns that its contract names; here those that the table has."""
        columns: dict[str, dict[str, dict[str, str]]] = {}
        with duckdb.connect(str(self.home.warehouse), read_only=True) as connection:
            for table, column in connection.execute("select table_name, column_name from duckdb_columns()").fetchall():
                columns.setdefault(table, {})[column] = {"description": self.comment}
        return columns
