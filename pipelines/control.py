"""The control tables: what dbt must know of the ledger, the rules, the units and the calendar, as small Parquet.

Written at the start of a run. A digest per month and period says what each figure was computed from, so that
only periods whose inputs changed are computed again, and nothing at all where none did.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from expectations.contract import load_contracts
from expectations.rules import rule_catalogue
from pipelines.calendar import Period, periods_of
from pipelines.county import County
from pipelines.cross_file import CrossFile, CurrentBatch, Evaluation, event_digests, passing_rows
from pipelines.ingest import verdicts_path, write_parquet
from pipelines.settings import DBT_DIR, REPO, SHANGHAI, Home, add_months, month_end, month_start
from pipelines.sql import file_list
from pipelines.store import Slot, Store
from pipelines.units import build_register, load_releases, merge_civil_register


@dataclass(frozen=True)
class Control:
    """What a run is about to compute: the digest of each period, which of them changed, and of everything."""

    as_of: date
    inputs_hash: str
    periods: list[Period]
    digests: dict[str, str]
    dirty: list[Period]
    evaluations: list[Evaluation]
    batches: list[CurrentBatch]


def export_control(
    home: Home, county: County, store: Store, as_of: date, built: dict[str, str],
    on_progress: Callable[[str], None] = lambda _: None,
) -> Control:  # fmt: skip
    """Evaluates the rules across files and writes `control/`. `built` are the digests of the last build."""
    batches = [CurrentBatch.of(row) for row in store.current_batches()]
    units = county_units(home, county, batches)
    with CrossFile(home, county, batches, units) as cross_file:
        evaluations = cross_file.evaluate(on_progress)
        months = county.evaluated_months(_last_delivered(batches), as_of)
        month_digests = _month_digests(home, county, months, batches, evaluations, cross_file)
    periods = periods_of(months)
    digests = {_name(period): _period_digest(period, month_digests, county, as_of) for period in periods}
    dirty = [period for period in periods if built.get(_name(period)) != digests[_name(period)]]
    dirty_months = {month for period in dirty if period.period_type == "month" for month in [period.period]}
    tables = {
        "current_batches": _current_batches(batches),
        "batch_accounts": _batch_accounts(batches, evaluations),
        "verdicts": _verdicts(home, batches, evaluations, dirty_months),
        "units": units,
        "periods": _periods(periods, dirty, county, as_of),
        "months": _months(months, dirty_months, county),
        "suppliers": _suppliers(county),
        "expected": _expected(county, months, batches, as_of),
        "deliveries": _deliveries(store, batches),
        "rule_results": _rule_results(store, county, batches, evaluations),
        "county": _county(county, as_of),
        "tolerances": _tolerances(county),
    }
    for name, frame in tables.items():
        write_parquet(frame, home.control / f"{name}.parquet")
    inputs_hash = _inputs_hash(digests, tables)
    return Control(as_of, inputs_hash, periods, digests, dirty, evaluations, batches)


def county_units(home: Home, county: County, batches: list[CurrentBatch]) -> pl.DataFrame:
    """The dated units of the county: the national register's releases, and what civil affairs delivered since."""
    register = build_register(load_releases(county.county_code, home.reference))
    communities = [batch for batch in batches if batch.slot.dataset == "civil_communities"]
    return merge_civil_register(register, passing_rows(home, "civil_communities", communities))


def code_version() -> str:
    """A digest of everything that decides figures: contracts, pipeline code, models, targets."""
    digest = hashlib.sha256()
    folders = (REPO / "expectations", REPO / "pipelines", *(DBT_DIR / name for name in _DBT_FOLDERS))
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.suffix in (".py", ".yml", ".sql", ".csv"):
                digest.update(str(path.relative_to(REPO)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


_DBT_FOLDERS = ("models", "macros", "kpis", "seeds")


VERDICTS_SCHEMA: dict[str, Any] = {
    "batch_id": pl.String, "row_number": pl.Int32, "rule_id": pl.String, "rule_version": pl.Int32,
    "severity": pl.String, "dataset": pl.String, "period": pl.Date, "columns": pl.String,
    "is_cross_file": pl.Boolean,
}  # fmt: skip


# --- digests ------------------------------------------------------------------------------------------------


def _month_digests(
    home: Home, county: County, months: list[date], batches: list[CurrentBatch],
    evaluations: list[Evaluation], cross_file: CrossFile,
) -> dict[date, str]:  # fmt: skip
    """For each month, a digest of everything its figures are computed from."""
    settings = county.model_dump(mode="json", exclude={"first_period", "last_period", "retention_days"})
    common = [code_version(), settings]
    parts: dict[date, list[Any]] = {month: [*common, cross_file.units_hash(f"{month:%Y-%m}")] for month in months}
    for contract in load_contracts().values():
        own = [evaluation for evaluation in evaluations if evaluation.dataset == contract.dataset]
        arrived: dict[date, list[str]] = {}
        for batch in batches:
            if batch.slot.dataset == contract.dataset:
                arrived.setdefault(month_start(batch.slot.period), []).append(batch.slot.supplier_id)
        if contract.kind == "event":
            of_dataset = [batch for batch in batches if batch.slot.dataset == contract.dataset]
            events = event_digests(home, contract, of_dataset, own)
            seen = {month: [events.get(month, ""), sorted(arrived.get(month, []))] for month in months}
        else:
            hashes = {month_start(evaluation.month): evaluation.inputs_hash for evaluation in own}
            seen = {month: [hashes.get(month, "")] for month in months}
        for month in months:
            parts[month].append([contract.dataset, *seen[month]])
    return {month: _hash(content) for month, content in parts.items()}


def _period_digest(period: Period, months: dict[date, str], county: County, as_of: date) -> str:
    of_months = [months[month] for month in period.months() if month in months]
    return _hash([of_months, county.is_closed(period.last_month, as_of)])


def _inputs_hash(digests: dict[str, str], tables: dict[str, pl.DataFrame]) -> str:
    """Equal where an edition would be equal: the digests, and the tables that are shown as they are."""
    shown = ("units", "expected", "deliveries", "rule_results", "batch_accounts", "suppliers")
    return _hash([digests, [hashlib.sha256(tables[name].write_json().encode()).hexdigest() for name in shown]])


def _hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def _name(period: Period) -> str:
    return f"{period.period_type} {period.period.isoformat()}"


def _last_delivered(batches: list[CurrentBatch]) -> date | None:
    return max((month_start(batch.slot.period) for batch in batches), default=None)


# --- tables -------------------------------------------------------------------------------------------------


def _current_batches(batches: list[CurrentBatch]) -> pl.DataFrame:
    rows = [
        (batch.batch_id, batch.slot.dataset, batch.slot.supplier_id, month_start(batch.slot.period))
        for batch in batches
    ]
    schema = {"batch_id": pl.String, "dataset": pl.String, "supplier_id": pl.String, "period": pl.Date}
    return pl.DataFrame(rows, schema, orient="row")


def _batch_accounts(batches: list[CurrentBatch], evaluations: list[Evaluation]) -> pl.DataFrame:
    states = {name: state for evaluation in evaluations for name, state in evaluation.row_states.items()}
    rows = [
        (
            batch.batch_id, batch.slot.dataset, batch.slot.supplier_id, month_start(batch.slot.period),
            batch.rows_read, batch.rows_read - batch.rows_data, states[batch.batch_id].accepted,
            states[batch.batch_id].quarantined, states[batch.batch_id].duplicate,
        )
        for batch in batches
    ]  # fmt: skip
    counts = ("rows_read", "rows_skipped", "rows_accepted", "rows_quarantined", "rows_duplicate")
    schema: dict[str, Any] = {
        "batch_id": pl.String, "dataset": pl.String, "supplier_id": pl.String, "period": pl.Date,
    }  # fmt: skip
    return pl.DataFrame(rows, schema | dict.fromkeys(counts, pl.Int64), orient="row")


def _verdicts(
    home: Home, batches: list[CurrentBatch], evaluations: list[Evaluation], dirty_months: set[date]
) -> pl.DataFrame:
    """Every verdict on rows that will be read: registers of the months to compute, and all events."""
    contracts = load_contracts()
    across = {(evaluation.dataset, evaluation.month): evaluation.verdicts_file for evaluation in evaluations}
    files: list[tuple[Path, str, str, bool]] = []
    for batch in batches:
        dataset, month = batch.slot.dataset, batch.slot.period
        if contracts[dataset].kind == "register" and month_start(month) not in dirty_months:
            continue
        files.append((verdicts_path(home, batch.slot, batch.batch_id), dataset, month, False))
        if (dataset, month) in across:
            files.append((across.pop((dataset, month)), dataset, month, True))
    if not files:
        return pl.DataFrame(schema=VERDICTS_SCHEMA)
    places = pl.DataFrame(
        [(str(path), dataset, month_start(month), is_cross_file) for path, dataset, month, is_cross_file in files],
        ["filename", "dataset", "period", "is_cross_file"], orient="row",
    )  # fmt: skip
    named = [
        (contract.dataset, rule.id, ",".join(rule.columns))
        for contract in contracts.values()
        for rule in rule_catalogue(contract, sample=False)
    ]
    rules = pl.DataFrame(named, ["dataset", "rule_id", "columns"], orient="row")
    with duckdb.connect() as connection:
        connection.register("places", places)
        connection.register("rules", rules)
        found: pl.DataFrame = connection.sql(f"""
            select {", ".join(VERDICTS_SCHEMA)}
            from read_parquet({file_list(path for path, *_ in files)}, filename=true, hive_partitioning=false)
            inner join places using (filename)
            inner join rules using (dataset, rule_id)
            order by batch_id, row_number, rule_id""").pl()
    return found.cast(dict(VERDICTS_SCHEMA))  # type: ignore[arg-type]


def _periods(periods: list[Period], dirty: list[Period], county: County, as_of: date) -> pl.DataFrame:
    rows = [
        (
            period.period_type, period.period, period.start_date, period.end_date, period.last_month,
            county.cutoff_date(period.last_month), county.is_closed(period.last_month, as_of),
            period in dirty, period.label_zh, period.label_en,
        )
        for period in periods
    ]  # fmt: skip
    schema = {
        "period_type": pl.String, "period": pl.Date, "start_date": pl.Date, "end_date": pl.Date,
        "last_month": pl.Date, "cutoff_date": pl.Date, "is_closed": pl.Boolean, "is_dirty": pl.Boolean,
        "label_zh": pl.String, "label_en": pl.String,
    }  # fmt: skip
    return pl.DataFrame(rows, schema, orient="row")


def _months(months: list[date], dirty_months: set[date], county: County) -> pl.DataFrame:
    rows = [(month, month_end(month), county.cutoff_date(month), month in dirty_months) for month in months]
    schema = {"month": pl.Date, "month_end": pl.Date, "cutoff_date": pl.Date, "is_dirty": pl.Boolean}
    return pl.DataFrame(rows, schema, orient="row")


def _suppliers(county: County) -> pl.DataFrame:
    rows = [(supplier.id, supplier.name_zh, code) for supplier in county.suppliers for code in supplier.covers]
    schema = {"supplier_id": pl.String, "name_zh": pl.String, "covered_code": pl.String}
    return pl.DataFrame(rows, schema, orient="row")


def _expected(county: County, months: list[date], batches: list[CurrentBatch], as_of: date) -> pl.DataFrame:
    """Every slot that is expected, and those that arrived without being declared (no due date)."""
    due = {
        (expected.dataset, supplier, month): add_months(month, 1).replace(day=expected.due_day)
        for expected in county.expected
        for supplier in expected.suppliers
        for month in months
    }
    rows: list[tuple[str, str, date, date | None, bool]] = [
        (*place, due_date, as_of > due_date) for place, due_date in due.items()
    ]
    for batch in batches:
        month = month_start(batch.slot.period)
        if month in months and (batch.slot.dataset, batch.slot.supplier_id, month) not in due:
            rows.append((batch.slot.dataset, batch.slot.supplier_id, month, None, False))
    schema = {
        "dataset": pl.String, "supplier_id": pl.String, "period": pl.Date, "due_date": pl.Date,
        "is_due": pl.Boolean,
    }  # fmt: skip
    return pl.DataFrame(sorted(rows, key=lambda row: row[:3]), schema, orient="row")


def _deliveries(store: Store, batches: list[CurrentBatch]) -> pl.DataFrame:
    """The delivery log: one row per file that was taken or refused, numbered within its slot."""
    current = {batch.slot: batch for batch in batches}
    numbers: dict[Slot, int] = {}
    rows = []
    for entry in store.deliveries():
        slot = Slot(entry["supplier_id"], entry["dataset"], entry["period"])
        numbers[slot] = numbers.get(slot, 0) + 1
        batch = current.get(slot)
        is_current = batch is not None and entry["batch_id"] == batch.batch_id
        received_at = datetime.fromisoformat(entry["received_at"]).astimezone(SHANGHAI).replace(tzinfo=None)
        rows.append(
            (
                slot.supplier_id, slot.dataset, month_start(slot.period), numbers[slot], received_at,
                entry["outcome"], entry["refusal_code"], entry["refusal_zh"], entry["refusal_en"],
                entry["batch_id"], is_current,
                batch.rows_read if batch and is_current else None,
                batch.rows_read - batch.rows_data if batch and is_current else None,
            )
        )  # fmt: skip
    schema = {
        "supplier_id": pl.String, "dataset": pl.String, "period": pl.Date, "delivery_number": pl.Int32,
        "received_at": pl.Datetime("us"), "outcome": pl.String, "refusal_code": pl.String,
        "refusal_zh": pl.String, "refusal_en": pl.String, "batch_id": pl.String, "is_current": pl.Boolean,
        "rows_read": pl.Int64, "rows_skipped": pl.Int64,
    }  # fmt: skip
    return pl.DataFrame(rows, schema, orient="row")


def _rule_results(
    store: Store, county: County, batches: list[CurrentBatch], evaluations: list[Evaluation]
) -> pl.DataFrame:
    """How often each rule failed in each current batch, inside files and across them, with its words."""
    slots = {batch.batch_id: batch.slot for batch in batches}
    across = [{**row, "is_cross_file": True} for evaluation in evaluations for row in evaluation.rule_results]
    words = {
        (contract.dataset, rule.id): (rule.zh, rule.en)
        for contract in load_contracts().values()
        for rule in rule_catalogue(contract, sample=county.sample)
    }
    rows = []
    for row in [*store.latest_rule_results(), *across]:
        slot = slots.get(row["batch_id"])
        said = words.get((slot.dataset, row["rule_id"])) if slot else None
        if slot is None or said is None:
            continue
        rows.append(
            (
                slot.dataset, month_start(slot.period), slot.supplier_id, row["batch_id"], row["rule_id"],
                row["rule_version"], row["severity"], row["rows_checked"], row["rows_failed"], *said,
            )
        )  # fmt: skip
    schema = {
        "dataset": pl.String, "period": pl.Date, "supplier_id": pl.String, "batch_id": pl.String,
        "rule_id": pl.String, "rule_version": pl.Int32, "severity": pl.String, "rows_checked": pl.Int64,
        "rows_failed": pl.Int64, "zh": pl.String, "en": pl.String,
    }  # fmt: skip
    return pl.DataFrame(rows, schema, orient="row").sort("batch_id", "rule_id")


def _county(county: County, as_of: date) -> pl.DataFrame:
    row = (county.county_code, county.name_zh, county.sample, as_of, list(county.packs))
    schema: dict[str, Any] = {
        "county_code": pl.String, "name_zh": pl.String, "is_sample": pl.Boolean, "as_of_date": pl.Date,
        "packs": pl.List(pl.String),
    }  # fmt: skip
    return pl.DataFrame([row], schema, orient="row")


def _tolerances(county: County) -> pl.DataFrame:
    rows = list(county.parameters.tolerances.items())
    return pl.DataFrame(rows, {"kpi_id": pl.String, "tolerance": pl.Decimal(18, 4)}, orient="row")


__all__ = ["Control", "code_version", "county_units", "export_control"]
