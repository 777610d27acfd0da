"""Rules across files, evaluated over all current batches of a month, so that arrival order changes nothing.

The rules come from the contracts (expectations.rules.cross_file_rules). What a month's evaluation gave is kept
under the hash of everything it was computed from: an unchanged month costs one look-up.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from expectations.contract import Contract, load_contracts
from expectations.rules import CrossFileRule, cross_file_rules
from pipelines.county import County
from pipelines.durable import write_whole
from pipelines.ingest import VERDICT_SCHEMA, batch_path, verdicts_path, write_parquet
from pipelines.protection.protect import lake_schema
from pipelines.settings import Home, month_end, month_start
from pipelines.sql import file_list
from pipelines.store import Slot

SKIPPED_KINDS = {f"rows_{kind}" for kind in ("title", "header", "note", "totals", "blank", "continuation")}


@dataclass(frozen=True)
class CurrentBatch:
    """One batch that is current in its slot, with the account of its file's rows."""

    batch_id: str
    slot: Slot
    content_hash: str
    rows_read: int
    rows_data: int
    rows_skipped: int
    is_correction_refused: bool

    @classmethod
    def of(cls, row: dict[str, Any]) -> CurrentBatch:
        slot = Slot(row["supplier_id"], row["dataset"], row["period"])
        skipped = sum(count for name, count in row.items() if name in SKIPPED_KINDS)
        return cls(
            row["batch_id"], slot, row["content_hash"], row["rows_read"], row["rows_data"], skipped,
            bool(row["is_correction_refused"]),
        )  # fmt: skip


@dataclass(frozen=True)
class RowStates:
    """How many data rows of a batch are accepted, quarantined and duplicate, after all rules."""

    accepted: int
    quarantined: int
    duplicate: int


@dataclass(frozen=True)
class Evaluation:
    """What the rules across files gave for one dataset and month.

    `rule_results`: one entry per rule × batch. `row_states`: by batch id. `verdicts_file` has one row per
    failing row and rule. `inputs_hash` is equal where all of these must be.
    """

    dataset: str
    month: str
    inputs_hash: str
    verdicts_file: Path
    rule_results: list[dict[str, Any]]
    row_states: dict[str, RowStates]
    is_new: bool


class CrossFile:
    """Evaluates the rules across files over the current batches of one data root."""

    def __init__(self, home: Home, county: County, batches: Iterable[CurrentBatch], units: pl.DataFrame) -> None:
        self.home, self.county, self.units = home, county, units
        self.batches: dict[tuple[str, str], list[CurrentBatch]] = {}
        self.hashes: dict[tuple[str, str], str] = {}
        self.evaluated: dict[tuple[str, str], Evaluation] = {}
        for batch in sorted(batches, key=lambda batch: batch.batch_id):
            self.batches.setdefault((batch.slot.dataset, batch.slot.period), []).append(batch)
        self.connection = duckdb.connect()
        self.connection.register("all_units", units.to_arrow())
        covers = [(supplier.id, prefix) for supplier in county.suppliers for prefix in supplier.covers]
        self.connection.execute("create table covers (supplier_id varchar, covered_code varchar)")
        self.connection.executemany("insert into covers values (?, ?)", covers)

    def close(self) -> None:
        self.connection.close()

    def __enter__(self) -> CrossFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def evaluate(self, on_progress: Callable[[str], None] = lambda _: None) -> list[Evaluation]:
        """Every dataset × month that has a current batch; what did not change comes from its file."""
        contracts = load_contracts()
        # The newest month first: an earlier version of an event asks which later ones were accepted.
        for dataset, month in sorted(self.batches, reverse=True):
            evaluation = self._kept(dataset, month)
            if evaluation is None:
                on_progress(f"{dataset} {month}")
                evaluation = self._evaluate(contracts[dataset], month)
            self.evaluated[dataset, month] = evaluation
        return [self.evaluated[place] for place in sorted(self.batches)]

    # --- one dataset and month -----------------------------------------------------------------------------

    def inputs_hash(self, dataset: str, month: str) -> str:
        """Equal where the same rules would see the same rows, units and supplier areas."""
        place = (dataset, month)
        if place not in self.hashes:
            self.hashes[place] = self._inputs_hash(dataset, month)
        return self.hashes[place]

    def _inputs_hash(self, dataset: str, month: str) -> str:
        contract = load_contracts()[dataset]
        rules = cross_file_rules(contract)
        reads = sorted({dataset, *(read for rule in rules for read in rule.reads)})
        parts: list[Any] = [dataset, month, contract.version, [(rule.id, rule.version, rule.failing_rows) for rule in rules]]
        parts += [[batch.batch_id for batch in self.batches.get((read, month), [])] for read in reads]
        parts += [self.units_hash(month), [supplier.model_dump() for supplier in self.county.suppliers]]
        if contract.kind == "event":
            # The next later month's hash holds that of the month after it, and so on to the last.
            parts += [self.inputs_hash(dataset, later) for later in self._later_months(dataset, month)[:1]]
        return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:24]

    def _later_months(self, dataset: str, month: str) -> list[str]:
        return sorted(later for name, later in self.batches if name == dataset and later > month)

    def units_hash(self, month: str) -> str:
        in_force = self._units_in_force(month).select(sorted(self.units.columns)).sort("unit_key")
        return hashlib.sha256(in_force.write_csv().encode()).hexdigest()

    def _units_in_force(self, month: str) -> pl.DataFrame:
        day = month_end(month_start(month))
        is_open = pl.col("valid_to").is_null() | (pl.col("valid_to") > day)
        return self.units.filter((pl.col("valid_from") <= day) & is_open)

    def _evaluate(self, contract: Contract, month: str) -> Evaluation:
        batches = self.batches[contract.dataset, month]
        rules = [rule for rule in cross_file_rules(contract) if self._can_run(rule, month)]
        self._show_units(month)
        self._show(contract.dataset, month, "rows")
        verdicts = [self._failing(rule, contract, month) for rule in rules]
        frame = pl.concat([pl.DataFrame(schema=VERDICT_SCHEMA), *verdicts]).sort("batch_id", "row_number", "rule_id")
        states = self._row_states(frame, batches)
        results = [
            {
                "batch_id": batch.batch_id, "rule_id": rule.id, "rule_version": rule.version,
                "severity": rule.severity, "rows_checked": batch.rows_data,
                "rows_failed": frame.filter((pl.col("batch_id") == batch.batch_id) & (pl.col("rule_id") == rule.id))
                .height,
            }
            for batch in batches
            for rule in rules
        ]  # fmt: skip
        return self._keep(contract.dataset, month, frame, results, states)

    def _can_run(self, rule: CrossFileRule, month: str) -> bool:
        """A rule that reads a dataset that nobody delivered would refuse every row for its absence."""
        return all((read, month) in self.batches for read in rule.reads)

    def _show(self, dataset: str, month: str, name: str) -> None:
        """A view of the rows of a dataset and month that passed every rule inside their file."""
        self.connection.execute(f"create or replace temp view {name} as {self._passing(dataset, [month])}")

    def _passing(self, dataset: str, months: list[str]) -> str:
        batches = [batch for month in months for batch in self.batches.get((dataset, month), [])]
        return _passing_query(self.home, batches)

    def _show_units(self, month: str) -> None:
        self.connection.register("units_in_force", self._units_in_force(month).to_arrow())
        self.connection.execute("create or replace temp view units as select * from units_in_force")

    def _failing(self, rule: CrossFileRule, contract: Contract, month: str) -> pl.DataFrame:
        for read in rule.reads:
            self._show(read, month, read)
        query = self._query(rule, contract, month)
        failing: pl.DataFrame = self.connection.sql(f"select distinct batch_id, row_number from ({query})").pl()
        return failing.select(
            "batch_id",
            pl.col("row_number").cast(pl.Int32),
            rule_id=pl.lit(rule.id),
            rule_version=pl.lit(rule.version, pl.Int32),
            severity=pl.lit(rule.severity),
        )

    def _query(self, rule: CrossFileRule, contract: Contract, month: str) -> str:
        match rule.kind:
            case "contract":
                return rule.failing_rows
            case "reference":
                return _reference_query(rule)
            case "outside_supplier_area":
                return _outside_query(rule)
            case "two_suppliers":
                return _two_suppliers_query(contract)
            case "corrected_later":
                return self._corrected_query(contract, month)

    def _corrected_query(self, contract: Contract, month: str) -> str:
        later = self._later_months(contract.dataset, month)
        if not later:
            return "select batch_id, row_number from rows where false"
        key = ", ".join(contract.key)
        refused = file_list(self.evaluated[contract.dataset, other].verdicts_file for other in later)
        # A version that is itself refused, such as one that two suppliers delivered, corrects nothing.
        return f"""
            with corrections as (
                select {key} from ({self._passing(contract.dataset, later)})
                where (batch_id, row_number) not in (
                    select (batch_id, row_number) from read_parquet({refused}, hive_partitioning=false)
                    where severity = 'error'
                )
            )
            select rows.batch_id, rows.row_number from rows
            where ({key}) in (select ({key}) from corrections)"""

    def _row_states(self, frame: pl.DataFrame, batches: list[CurrentBatch]) -> dict[str, RowStates]:
        files = file_list(verdicts_path(self.home, batch.slot, batch.batch_id) for batch in batches)
        self.connection.register("found_now", frame.to_arrow())
        counted = self.connection.execute(f"""
            with verdicts as (
                select batch_id, row_number, severity from read_parquet({files}, hive_partitioning=false)
                union all by name select batch_id, row_number, severity from found_now
            ),
            row_states as (
                select batch_id, row_number, bool_or(severity = 'error') as is_quarantined,
                    bool_or(severity = 'duplicate') as is_duplicate
                from verdicts group by batch_id, row_number
            )
            select batch_id, count(*) filter (is_quarantined),
                count(*) filter (is_duplicate and not is_quarantined)
            from row_states group by batch_id""").fetchall()
        by_batch = {batch_id: (quarantined, duplicate) for batch_id, quarantined, duplicate in counted}
        states = {}
        for batch in batches:
            quarantined, duplicate = by_batch.get(batch.batch_id, (0, 0))
            states[batch.batch_id] = RowStates(batch.rows_data - quarantined - duplicate, quarantined, duplicate)
        return states

    # --- what was evaluated before ---------------------------------------------------------------------------

    def _place(self, dataset: str, month: str) -> Path:
        folder = self.home.verdicts / "cross_file" / dataset / f"period={month}"
        return folder / f"{self.inputs_hash(dataset, month)}.parquet"

    def _keep(
        self, dataset: str, month: str, frame: pl.DataFrame,
        results: list[dict[str, Any]], states: dict[str, RowStates],
    ) -> Evaluation:  # fmt: skip
        path = self._place(dataset, month)
        kept = {
            "rule_results": results,
            "row_states": {batch_id: vars(state) for batch_id, state in states.items()},
        }
        write_whole(json.dumps(kept).encode(), path.with_suffix(".json"))
        # The Parquet file comes last: where it stands, the account beside it is complete.
        write_parquet(frame, path)
        return Evaluation(dataset, month, path.stem, path, results, states, is_new=True)

    def _kept(self, dataset: str, month: str) -> Evaluation | None:
        path = self._place(dataset, month)
        if not path.exists():
            return None
        kept = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        states = {batch_id: RowStates(**state) for batch_id, state in kept["row_states"].items()}
        return Evaluation(dataset, month, path.stem, path, kept["rule_results"], states, is_new=False)


def passing_rows(home: Home, dataset: str, batches: list[CurrentBatch]) -> pl.DataFrame:
    """The rows of these batches of one dataset that passed every rule inside their file, in the lake's schema."""
    if not batches:
        return pl.DataFrame(schema=lake_schema(load_contracts()[dataset]))
    with duckdb.connect() as connection:
        frame: pl.DataFrame = connection.sql(_passing_query(home, batches)).pl()
    return frame


def _passing_query(home: Home, batches: Iterable[CurrentBatch]) -> str:
    batches = list(batches)
    files = file_list(batch_path(home, batch.slot, batch.batch_id) for batch in batches)
    verdicts = file_list(verdicts_path(home, batch.slot, batch.batch_id) for batch in batches)
    return f"""
        select delivered.* from read_parquet({files}, hive_partitioning=false) as delivered
        where (delivered.batch_id, delivered.row_number) not in (
            select (batch_id, row_number) from read_parquet({verdicts}, hive_partitioning=false)
            where severity <> 'warning'
        )"""


def _reference_query(rule: CrossFileRule) -> str:
    (column,) = rule.columns
    if rule.references == "civil_communities.code":
        known = "select unit_code from units where unit_level = 'community'"
    else:
        dataset, _, referenced = str(rule.references).partition(".")
        known = f"select {referenced} from {dataset}"
    return f"select batch_id, row_number from rows where {column} is not null and {column} not in ({known})"


def _outside_query(rule: CrossFileRule) -> str:
    (column,) = rule.columns
    return f"""
        select rows.batch_id, rows.row_number from rows
        where rows.{column} is not null and not exists (
            select 1 from covers
            where covers.supplier_id = rows.supplier_id and starts_with(rows.{column}, covers.covered_code)
        )"""


def _two_suppliers_query(contract: Contract) -> str:
    key = ", ".join(contract.key)
    present = " and ".join(f"{part} is not null" for part in contract.key)
    return f"""
        select batch_id, row_number from rows
        where ({key}) in (
            select ({key}) from rows where {present}
            group by {key} having min(supplier_id) < max(supplier_id)
        )"""


def event_digests(
    home: Home, contract: Contract, batches: Iterable[CurrentBatch], evaluations: Iterable[Evaluation]
) -> dict[date, str]:
    """For each cohort month, a digest of everything that an event KPI of that month depends on.

    An event may be delivered again for a later month and may then even move to another cohort month, so each
    version of an event counts for every month that any of its versions falls in.
    """
    batches = list(batches)
    if not batches:
        return {}
    lake = file_list(batch_path(home, batch.slot, batch.batch_id) for batch in batches)
    inside = [verdicts_path(home, batch.slot, batch.batch_id) for batch in batches]
    across = [evaluation.verdicts_file for evaluation in evaluations]
    with duckdb.connect() as connection:
        key = ", ".join(contract.key)
        found = connection.execute(f"""
            with events as (
                select coalesce(({key})::varchar, batch_id || row_number) as key, batch_id, row_number,
                    case when {contract.cohort_date} <= last_day(period)
                        then date_trunc('month', {contract.cohort_date})::date else period end as cohort_month
                from read_parquet({lake}, hive_partitioning=false)
            ),
            verdicts as (
                select batch_id, row_number, string_agg(rule_id, ',' order by rule_id) as rules
                from read_parquet({file_list([*inside, *across])}, hive_partitioning=false) group by batch_id, row_number
            ),
            judged as (
                select events.*, coalesce(verdicts.rules, '') as rules
                from events left join verdicts using (batch_id, row_number)
            ),
            reached as (
                select distinct months.cohort_month, judged.batch_id, judged.row_number, judged.rules
                from judged inner join judged as months on judged.key = months.key
            )
            select cohort_month, sum(hash(batch_id, row_number, rules)::hugeint)::varchar from reached
            group by cohort_month""").fetchall()
    return dict(found)
