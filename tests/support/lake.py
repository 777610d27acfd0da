"""Builds a tiny data root as dbt finds it: batches in the lake, verdicts on their rows, control tables.

Belongs here: writing what a test states row by row, and running dbt over it. The rows are literal; nothing is
derived from them except what `pipelines.control` would derive (periods, accounts, slots).
Does not belong here: rules and KPI semantics; a test says itself which row failed which rule.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import polars as pl

from expectations.contract import load_contract, load_contracts
from expectations.rules import rule_catalogue
from pipelines.calendar import Period, periods_of
from pipelines.control_tables import COUNTY_PACK, PROGRAMME_STARTS_SCHEMA, TARGET_SCHEMA, today_tables
from pipelines.linking.months import LINKED_ROWS_SCHEMA
from pipelines.settings import Home, add_months, month_end, month_start
from pipelines.units import place_today
from pipelines.units.civil import UNITS_SCHEMA
from pipelines.units.lineage import LINEAGE_SCHEMA
from tests.support.dbt_runs import run_dbt
from tests.support.event_months import months_of_events
from tests.support.shared import made_once

COUNTY = "610629"
STREET_1, STREET_2 = "610629001", "610629100"
# Two communities in the first street, one in the second.
A, B, C = "610629001001", "610629001002", "610629100001"
COUNTY_WIDE = {
    f"county_{agency}": [name for name in load_contracts() if name.startswith(f"{agency}_") and name != "civil_communities"]
    for agency in ("household", "police", "civil")
}
GRID_DATASETS = [name for name in load_contracts() if name.startswith("grid_")]
ALL_PACKS = ("A", "B", "C", "D1", "D2", "D3", "D4", "D5", "D6", "D7", "E")
# A build with unchanged code leaves out views and seeds.
TABLES_ONLY = ["--select", "config.materialized:table", "config.materialized:incremental"]

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Unit:
    """A unit as the control table `units` has it."""

    code: str
    level: str
    parent: str | None = None
    community_class: str | None = None
    opened: date = date(2016, 1, 1)
    valid_to: date | None = None
    city_class: str | None = None
    is_adjusted: bool = False

    @property
    def key(self) -> str:
        return f"{self.code}@{self.opened:%Y-%m-%d}"


DEFAULT_UNITS = (
    Unit(COUNTY, "county"),
    Unit(STREET_1, "street", COUNTY),
    Unit(STREET_2, "street", COUNTY),
    Unit(A, "community", STREET_1, "urban"),
    Unit(B, "community", STREET_1, "urban"),
    Unit(C, "community", STREET_2, "rural"),
)


@dataclass(frozen=True)
class Batch:
    """One delivered file: its place and its rows. A row's key `verdicts` holds (rule_id, severity) pairs."""

    batch_id: str
    dataset: str
    supplier_id: str
    month: str
    rows: Sequence[Row]

    @property
    def path(self) -> str:
        return f"{self.dataset}/period={self.month}/{self.batch_id}.parquet"


@dataclass
class Lake:
    """A data root in the making. `deliver` what is needed, then `build`."""

    root: Path
    months: tuple[str, ...] = ("2026-01",)
    as_of: date = date(2027, 1, 15)
    units: Sequence[Unit] = DEFAULT_UNITS
    packs: Sequence[str] = ALL_PACKS
    tolerances: Mapping[str, Decimal] = field(default_factory=dict)
    programme_starts: Mapping[str, date] = field(default_factory=dict)
    is_ranking_public: bool = True
    # in the columns of the seed of targets
    county_targets: Sequence[tuple[Any, ...]] = ()
    # in the columns of the lineage; the units say when they begin and end
    changes: Sequence[Row] = ()
    batches: dict[tuple[str, str, str], Batch] = field(default_factory=dict)
    received: dict[tuple[str, str, str], list[tuple[datetime, str]]] = field(default_factory=dict)
    refused: dict[tuple[str, str, str], datetime] = field(default_factory=dict)
    # (batch_id, row_number, person_id) of rows without a number that were linked to a person
    links: list[tuple[str, int, str]] = field(default_factory=list)
    # by batch_id, how many rows may be of a known person and wait for somebody to look
    for_review: dict[str, int] = field(default_factory=dict)
    suppliers: dict[str, list[str]] = field(default_factory=dict)
    expected: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.suppliers:
            self.suppliers = {name: [COUNTY] for name in COUNTY_WIDE} | {
                f"grid_{street}": [street] for street in (STREET_1, STREET_2)
            }
        if not self.expected:
            self.expected = COUNTY_WIDE | {f"grid_{street}": GRID_DATASETS for street in (STREET_1, STREET_2)}

    def deliver(self, dataset: str, supplier_id: str, month: str, rows: Sequence[Row]) -> Batch:
        """Makes `rows` the current batch of a slot; a second delivery supersedes the first."""
        place = (dataset, supplier_id, month)
        version = len(self.received.setdefault(place, [])) + 1
        batch = Batch(f"{supplier_id}-{dataset}-{month}-{version}", dataset, supplier_id, month, rows)
        self.batches[place] = batch
        self.received[place].append((datetime(2026, 1, 3, 9, version), batch.batch_id))
        return batch

    def deliver_empty(self, month: str, *, but: Iterable[str] = ()) -> None:
        """An empty file in every expected slot of the month that has none yet, except for datasets in `but`."""
        for supplier_id, datasets in self.expected.items():
            for dataset in datasets:
                if dataset not in but and (dataset, supplier_id, month) not in self.batches:
                    self.deliver(dataset, supplier_id, month, [])

    @property
    def home(self) -> Home:
        return Home(self.root)

    @property
    def periods(self) -> list[Period]:
        return periods_of([month_start(month) for month in self.months])

    # --- writing --------------------------------------------------------------------------------------------

    def write(self, dirty_months: Iterable[str] | None = None) -> None:
        """Writes lake and control. Dirty are the periods with one of `dirty_months` or with events of them; None: all are."""
        with duckdb.connect() as connection:
            for dataset in load_contracts():
                self._write_batch(connection, Batch("_schema", dataset, "", "0000-00", []))
            for batch in self.batches.values():
                self._write_batch(connection, batch)
        dirty = {month_start(month) for month in (self.months if dirty_months is None else dirty_months)}
        tables = self._ledger_tables() | self._calendar_tables(dirty) | self._county_tables()
        self.home.control.mkdir(parents=True, exist_ok=True)
        for name, (rows, schema) in tables.items():
            frame = pl.DataFrame(rows, schema, orient="row")
            frame.write_parquet(self.home.control / f"{name}.parquet")
        for name, frame in self._lineage_tables(pl.DataFrame(*tables["units"], orient="row")).items():
            frame.write_parquet(self.home.control / f"{name}.parquet")

    def _lineage_tables(self, units: pl.DataFrame) -> dict[str, pl.DataFrame]:
        lineage = pl.DataFrame([{**_CHANGE, **change} for change in self.changes], dict(LINEAGE_SCHEMA))
        months = {period.last_month for period in self.periods} | {month_start(b.month) for b in self.batches.values()}
        today = month_end(month_start(max(self.months)))
        return {"lineage": lineage} | today_tables(place_today(units.cast(dict(UNITS_SCHEMA)), lineage, months, today))

    def _write_batch(self, connection: duckdb.DuckDBPyConnection, batch: Batch) -> None:
        path = self.home.lake / batch.path
        if path.exists() and batch.batch_id == "_schema":
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        columns = load_contract(batch.dataset).lake_columns()
        declared = ", ".join(f'"{column.name}" {column.duckdb_type}' for column in columns)
        connection.execute(f"create or replace table batch ({declared})")
        for number, row in enumerate(batch.rows, start=2):
            values = {
                "batch_id": batch.batch_id, "row_number": number, "supplier_id": batch.supplier_id,
                "period": month_start(batch.month), "contract_version": 1, "key_id": "test",
                **{name: value for name, value in row.items() if name != "verdicts"},
            }  # fmt: skip
            names = ", ".join(f'"{name}"' for name in values)
            marks = ", ".join("?" for _ in values)
            connection.execute(f"insert into batch ({names}) values ({marks})", list(values.values()))
        connection.execute(f"copy batch to '{path}' (format parquet)")

    def _ledger_tables(self) -> dict[str, Any]:
        batches = sorted(self.batches.values(), key=lambda batch: batch.batch_id)
        current = {batch.batch_id for batch in batches}
        deliveries = [*self._taken(current), *self._refused()]
        return {
            "current_batches": (
                [(b.batch_id, b.dataset, b.supplier_id, month_start(b.month)) for b in batches],
                {"batch_id": pl.String, "dataset": pl.String, "supplier_id": pl.String, "period": pl.Date},
            ),
            "batch_accounts": ([(*_account(batch), self.for_review.get(batch.batch_id, 0)) for batch in batches], _ACCOUNTS),
            "verdicts": ([row for batch in batches for row in _verdicts(batch)], _VERDICTS),
            "rule_results": ([row for batch in batches for row in _rule_results(batch)], _RULE_RESULTS),
            "deliveries": (deliveries, _DELIVERIES),
            "links": (self.links, LINKED_ROWS_SCHEMA),
        }

    def _taken(self, current: set[str]) -> list[tuple[Any, ...]]:
        return [
            (
                supplier_id, dataset, month_start(month), number, received_at, received_at.date(), "accepted", None, None, None,
                batch_id, batch_id in current, None, None,
            )
            for (dataset, supplier_id, month), versions in self.received.items()
            for number, (received_at, batch_id) in enumerate(versions, start=1)
        ]  # fmt: skip

    def _refused(self) -> list[tuple[Any, ...]]:
        return [
            (
                supplier_id, dataset, month_start(month), 100, received_at, received_at.date(), "refused", "no_header", "拒收", "refused",
                None, False, None, None,
            )
            for (dataset, supplier_id, month), received_at in self.refused.items()
        ]  # fmt: skip

    def _calendar_tables(self, dirty: set[date]) -> dict[str, Any]:
        known_before = max((_cutoff(month) for month in map(month_start, self.months) if month not in dirty), default=None)
        summed, deliveries = months_of_events(self.batches.values(), dirty, known_before)
        periods = [
            (
                period.period_type, period.period, period.start_date, period.end_date, period.last_month,
                _cutoff(period.last_month), self.as_of > _cutoff(period.last_month),
                bool((dirty | summed) & set(period.months())), period.label_zh, period.label_en,
            )
            for period in self.periods
        ]  # fmt: skip
        months = [
            (month, month_end(month), _cutoff(month), month in dirty, month in summed)
            for month in map(month_start, self.months)
        ]
        return {
            "periods": (periods, _PERIODS), "months": (months, _MONTHS),
            "event_deliveries": ([(month,) for month in sorted(deliveries)], {"month": pl.Date}),
        }  # fmt: skip

    def _county_tables(self) -> dict[str, Any]:
        keys = {unit.code: unit.key for unit in self.units}
        units = [
            (
                unit.key, unit.code, f"名称 {unit.code}", unit.level, keys.get(unit.parent or ""), unit.parent,
                unit.code[:9] if unit.level != "county" else None, unit.community_class, unit.city_class, unit.is_adjusted, unit.opened,
                unit.opened, unit.valid_to, "test",
            )
            for unit in self.units
        ]  # fmt: skip
        expected = [
            (dataset, supplier_id, month_start(month), due, self.as_of > due)
            for month in self.months
            for due in [add_months(month_start(month), 1).replace(day=5)]
            for supplier_id, datasets in self.expected.items()
            for dataset in datasets
        ]
        covers = [(name, f"名称 {name}", code) for name, codes in self.suppliers.items() for code in codes]
        return {
            "units": (units, _UNITS),
            "expected": (expected, _EXPECTED),
            "suppliers": (covers, {"supplier_id": pl.String, "name_zh": pl.String, "covered_code": pl.String}),
            "county": ([(COUNTY, "洛川县", True, self.as_of, [*self.packs, COUNTY_PACK], self.is_ranking_public)], _COUNTY),
            "county_targets": (self.county_targets, TARGET_SCHEMA),
            "programme_starts": (list(self.programme_starts.items()), PROGRAMME_STARTS_SCHEMA),
            "tolerances": (
                list(self.tolerances.items()), {"kpi_id": pl.String, "tolerance": pl.Decimal(18, 4)},
            ),
        }  # fmt: skip

    # --- computing ------------------------------------------------------------------------------------------

    def build(self, dirty_months: Iterable[str] | None = None) -> None:
        """Writes everything and runs dbt with its tests: all of it, or only what dirty months ask for.

        AssertionError names the nodes that failed.
        """
        self.write(dirty_months)
        if not self.home.warehouse.exists():
            shutil.copyfile(made_once("views.duckdb", _build_views), self.home.warehouse)
        how = ["--full-refresh"] if dirty_months is None else []
        outcome = run_dbt(self.home, "build", "--exclude-resource-type", "unit_test", *TABLES_ONLY, *how)
        assert outcome.exception is None, outcome.exception
        failed = {r.node.name: r.message for r in outcome.result if str(r.status) not in ("success", "pass")}
        assert not failed, failed

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The answer of the working warehouse to a query."""
        with self.connect() as connection:
            return connection.execute(query).fetchall()

    def connect(self) -> duckdb.DuckDBPyConnection:
        """The working warehouse, read-only, with lake and control found where its views expect them."""
        connection = duckdb.connect(str(self.home.warehouse), read_only=True)
        connection.execute(f"set file_search_path = '{self.root}'")
        return connection

    def figure(
        self, kpi_id: str, code: str, period: str = "2026-01", period_type: str = "month", basis: str = "as_was"
    ) -> dict[str, Any]:
        """The one row of fct_kpi for a KPI, unit code and period; amounts as Decimal."""
        with self.connect() as connection:
            found: pl.DataFrame = connection.sql(
                "select * from fct_kpi where kpi_id = ? and unit_code = ? and period = ? and period_type = ? and unit_basis = ?",
                params=[kpi_id, code, month_start(period), period_type, basis],
            ).pl()
        assert found.height == 1, f"{found.height} rows for {kpi_id} {code} {period_type} {period}"
        return found.row(0, named=True)


def _build_views(warehouse: Path) -> None:
    """A warehouse of a lake without deliveries. Its views and its seed follow from the code alone, so every lake has the same."""
    with TemporaryDirectory() as folder:
        lake = Lake(Path(folder))
        lake.write()
        outcome = run_dbt(lake.home, "build", "--exclude-resource-type", "unit_test", "--exclude-resource-type", "test")
        assert outcome.exception is None, outcome.exception
        shutil.copyfile(lake.home.warehouse, warehouse)


def _cutoff(month: date) -> date:
    return add_months(month, 1).replace(day=10)


def _states(batch: Batch) -> list[str]:
    severities = [{severity for _, severity in row.get("verdicts", ())} for row in batch.rows]
    return [
        "quarantined" if "error" in found else "duplicate" if "duplicate" in found else "accepted"
        for found in severities
    ]


def _account(batch: Batch) -> tuple[Any, ...]:
    states = _states(batch)
    counts = [states.count(state) for state in ("accepted", "quarantined", "duplicate")]
    # one header row is skipped
    return (batch.batch_id, batch.dataset, batch.supplier_id, month_start(batch.month), len(states) + 1, 1, *counts)


def _verdicts(batch: Batch) -> list[tuple[Any, ...]]:
    return [
        (batch.batch_id, number, rule_id, 1, severity, batch.dataset, month_start(batch.month), _columns(batch.dataset, rule_id), False)
        for number, row in enumerate(batch.rows, start=2)
        for rule_id, severity in row.get("verdicts", ())
    ]


@cache
def _columns(dataset: str, rule_id: str) -> str:
    """The columns that a rule of the dataset names; none for a rule that a test made up."""
    rules = {rule.id: rule.columns for rule in rule_catalogue(load_contract(dataset), sample=True)}
    return ",".join(rules.get(rule_id, ()))


def _rule_results(batch: Batch) -> list[tuple[Any, ...]]:
    failed: dict[tuple[str, str], int] = {}
    for row in batch.rows:
        for rule in row.get("verdicts", ()):
            failed[rule] = failed.get(rule, 0) + 1
    return [
        (
            batch.dataset, month_start(batch.month), batch.supplier_id, batch.batch_id, rule_id, 1, severity,
            len(batch.rows), count, "规则", "rule",
        )
        for (rule_id, severity), count in failed.items()
    ]  # fmt: skip


_CHANGE: Row = {"unit_level": "community", "moved_grids": [], "moved_households": [], "source": "civil"}
_ACCOUNTS: dict[str, Any] = {
    "batch_id": pl.String, "dataset": pl.String, "supplier_id": pl.String, "period": pl.Date,
    "rows_read": pl.Int64, "rows_skipped": pl.Int64, "rows_accepted": pl.Int64, "rows_quarantined": pl.Int64,
    "rows_duplicate": pl.Int64, "rows_for_review": pl.Int64,
}  # fmt: skip
_VERDICTS: dict[str, Any] = {
    "batch_id": pl.String, "row_number": pl.Int32, "rule_id": pl.String, "rule_version": pl.Int32,
    "severity": pl.String, "dataset": pl.String, "period": pl.Date, "columns": pl.String, "is_cross_file": pl.Boolean,
}  # fmt: skip
_RULE_RESULTS: dict[str, Any] = {
    "dataset": pl.String, "period": pl.Date, "supplier_id": pl.String, "batch_id": pl.String, "rule_id": pl.String,
    "rule_version": pl.Int32, "severity": pl.String, "rows_checked": pl.Int64, "rows_failed": pl.Int64,
    "zh": pl.String, "en": pl.String,
}  # fmt: skip
_DELIVERIES: dict[str, Any] = {
    "supplier_id": pl.String, "dataset": pl.String, "period": pl.Date, "delivery_number": pl.Int32,
    "received_at": pl.Datetime("us"), "received_date": pl.Date, "outcome": pl.String, "refusal_code": pl.String, "refusal_zh": pl.String,
    "refusal_en": pl.String, "batch_id": pl.String, "is_current": pl.Boolean, "rows_read": pl.Int64,
    "rows_skipped": pl.Int64,
}  # fmt: skip
_PERIODS: dict[str, Any] = {
    "period_type": pl.String, "period": pl.Date, "start_date": pl.Date, "end_date": pl.Date, "last_month": pl.Date,
    "cutoff_date": pl.Date, "is_closed": pl.Boolean, "is_dirty": pl.Boolean, "label_zh": pl.String,
    "label_en": pl.String,
}  # fmt: skip
_MONTHS: dict[str, Any] = {
    "month": pl.Date, "month_end": pl.Date, "cutoff_date": pl.Date, "is_dirty": pl.Boolean, "has_other_events": pl.Boolean,
}  # fmt: skip
_UNITS: dict[str, Any] = {
    "unit_key": pl.String, "unit_code": pl.String, "unit_name": pl.String, "unit_level": pl.String,
    "parent_unit_key": pl.String, "parent_code": pl.String, "street_code": pl.String, "class": pl.String,
    "city_class": pl.String, "is_adjusted": pl.Boolean, "opened_date": pl.Date, "valid_from": pl.Date,
    "valid_to": pl.Date, "source": pl.String,
}  # fmt: skip
_EXPECTED: dict[str, Any] = {
    "dataset": pl.String, "supplier_id": pl.String, "period": pl.Date, "due_date": pl.Date, "is_due": pl.Boolean,
}  # fmt: skip
_COUNTY: dict[str, Any] = {
    "county_code": pl.String, "name_zh": pl.String, "is_sample": pl.Boolean, "as_of_date": pl.Date,
    "packs": pl.List(pl.String), "is_ranking_public": pl.Boolean,
}  # fmt: skip

