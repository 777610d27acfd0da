"""Rules across files, evaluated over all current batches of a month, so that arrival order changes nothing.

The rules come from the contracts (expectations.rules.cross_file_rules). What a month's evaluation gave is kept
under the hash of everything it was computed from: an unchanged month costs one look-up. Only which events are
corrected by a later month is asked of all months in every run, by one query over their keys.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from expectations.contract import Contract, load_contracts
from expectations.rules import CrossFileRule, cross_file_rules
from pipelines.county import County
from pipelines.current_batches import CurrentBatch, passing_query
from pipelines.durable import write_all
from pipelines.errors import Unaccounted, Words
from pipelines.event_months import EventVersions
from pipelines.kept_rows import KeptRows
from pipelines.lake import VERDICT_SCHEMA, WAIVED, as_parquet, is_whole, verdicts_path
from pipelines.settings import Home, month_end, month_start
from pipelines.sql import file_list, literal
from pipelines.stewardship.rule_changes import RulesInForce

KEPT_EVALUATIONS = 4  # of one dataset and month: those before are for inputs that hardly come back


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

    def __init__(
        self, home: Home, county: County, batches: Iterable[CurrentBatch], units: pl.DataFrame, tuned: RulesInForce
    ) -> None:
        self.home, self.county, self.units = home, county, units
        self.suppliers = [supplier.model_dump() for supplier in county.suppliers]
        self.tuned = tuned
        self.units_hashes: dict[str, str] = {}
        self.batches: dict[tuple[str, str], list[CurrentBatch]] = {}
        for batch in sorted(batches, key=lambda batch: batch.batch_id):
            self.batches.setdefault((batch.slot.dataset, batch.slot.period), []).append(batch)
        self.kept = KeptRows(home)
        self._events: dict[str, EventVersions] = {}
        self.to_write: dict[Path, bytes | memoryview] = {}
        self.connection = duckdb.connect()
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
        places = sorted(self.batches)
        # Each is small: two at a time keep both cores busy where one query would not.
        with ThreadPoolExecutor(2, thread_name_prefix="rules") as pool:
            found = pool.map(lambda place: self._evaluate_month(place[0], place[1], on_progress), places)
            own = dict(zip(places, found, strict=True))
        self._write_kept()
        evaluated = own | self._corrected(own)
        self._write_kept()
        for place, evaluation in evaluated.items():
            if evaluation.is_new:
                self._drop_old(keep={own[place].verdicts_file, evaluation.verdicts_file})
        return list(evaluated.values())

    # --- one dataset and month -----------------------------------------------------------------------------

    def _evaluate_month(self, dataset: str, month: str, on_progress: Callable[[str], None]) -> Evaluation:
        """What the month's own rows and units give, whatever later months correct."""
        inputs_hash = self.inputs_hash(dataset, month)
        kept = self._kept(dataset, month, inputs_hash)
        if kept is not None:
            return kept
        on_progress(f"{dataset} {month}")
        return self._keep(dataset, month, inputs_hash, self._failing(dataset, month))

    def inputs_hash(self, dataset: str, month: str) -> str:
        """Equal where the same rules would see the same rows of the month, units and supplier areas."""
        rules = self.rules(dataset, month)
        reads = sorted({dataset, *(read for rule in rules for read in rule.reads)})
        parts: list[Any] = [dataset, month, load_contracts()[dataset].version]
        parts += [[(rule.id, rule.version, rule.failing_rows) for rule in rules]]
        parts += [[batch.batch_id for batch in self.batches.get((read, month), [])] for read in reads]
        return _hash([*parts, self.units_hash(month), self.suppliers])

    def rules(self, dataset: str, month: str) -> list[CrossFileRule]:
        """The rules across files that rows of a month are held to."""
        return cross_file_rules(self.tuned.contract(dataset, month))

    def units_hash(self, month: str) -> str:
        if month not in self.units_hashes:
            # That a unit ends later changes nothing of the month.
            columns = sorted(set(self.units.columns) - {"valid_to"})
            in_force = self._units_in_force(month).select(columns).sort("unit_key")
            self.units_hashes[month] = hashlib.sha256(in_force.write_csv().encode()).hexdigest()
        return self.units_hashes[month]

    def _units_in_force(self, month: str) -> pl.DataFrame:
        day = month_end(month_start(month))
        is_open = pl.col("valid_to").is_null() | (pl.col("valid_to") > day)
        return self.units.filter((pl.col("valid_from") <= day) & is_open)

    def _rules_of(self, dataset: str, month: str) -> list[CrossFileRule]:
        """A rule that reads a dataset that nobody delivered would refuse every row for its absence."""
        return [
            rule for rule in self.rules(dataset, month) if all((read, month) in self.batches for read in rule.reads)
        ]

    def _failing(self, dataset: str, month: str) -> pl.DataFrame:
        """The verdicts of every rule on the rows of a month: one query, for which each row is read once."""
        rules = [rule for rule in self._rules_of(dataset, month) if self._can_fail(rule, dataset, month)]
        verdicts = [pl.DataFrame(schema=VERDICT_SCHEMA)]
        if rules:
            with self.connection.cursor() as cursor:
                cursor.register("units", self._units_in_force(month).to_arrow())
                found = cursor.sql(self._query(rules, dataset, month)).pl()
            verdicts += [_as_verdicts(found.filter(rule_id=rule.id), rule) for rule in rules]
        return self._without_waived(pl.concat(verdicts), self.batches[dataset, month])

    def _without_waived(self, verdicts: pl.DataFrame, batches: list[CurrentBatch]) -> pl.DataFrame:
        """Without the verdicts that decisions waived: those stand so among the verdicts of the batch that they made."""
        for batch in batches:
            if batch.is_decided:
                waived = pl.read_parquet(verdicts_path(self.home, batch.slot, batch.batch_id)).filter(severity=WAIVED)
                verdicts = verdicts.join(waived, on=["batch_id", "row_number", "rule_id", "rule_version"], how="anti")
        return verdicts

    def _can_fail(self, rule: CrossFileRule, dataset: str, month: str) -> bool:
        """Whether some row of the month may fail the rule, as far as the batches alone tell."""
        match rule.kind:
            case "two_suppliers":
                return len({batch.slot.supplier_id for batch in self.batches[dataset, month]}) > 1
            case "corrected_later":
                return False  # asked of all months at once
            case _:
                return True

    def _query(self, rules: list[CrossFileRule], dataset: str, month: str) -> str:
        """What rules read are the rows of a dataset and month that passed every rule inside their file."""
        contract = load_contracts()[dataset]
        sources = {read: self.batches[read, month] for rule in rules for read in rule.reads}
        sources["rows"] = self.batches[dataset, month]
        tables = ", ".join(
            f"{name} as materialized ({passing_query(self.home, batches)})" for name, batches in sources.items()
        )
        failing = " union all ".join(
            f"select distinct batch_id, row_number, {literal(rule.id)} as rule_id from ({_rule_query(rule, contract)})"
            for rule in rules
        )
        return f"with {tables} {failing}"

    # --- events that a later month corrects ------------------------------------------------------------------

    def _corrected(self, own: dict[tuple[str, str], Evaluation]) -> dict[tuple[str, str], Evaluation]:
        """The evaluations of months in which some event is corrected later, with that as one more verdict."""
        found: dict[tuple[str, str], Evaluation] = {}
        for dataset, contract in load_contracts().items():
            of_dataset = [evaluation for evaluation in own.values() if evaluation.dataset == dataset]
            for rule in cross_file_rules(contract):
                if rule.kind == "corrected_later" and len(of_dataset) > 1:
                    across = [one.verdicts_file for one in of_dataset]
                    rows = self.events(dataset).superseded(across).partition_by("month", as_dict=True)
                    found |= {
                        (dataset, month): self._add_corrected(own[dataset, month], rule, of_month)
                        for (month,), of_month in rows.items()
                    }
        return found

    def events(self, dataset: str) -> EventVersions:
        """The versions of events of a dataset, read once."""
        if dataset not in self._events:
            batches = [batch for (own, _), of_month in self.batches.items() if own == dataset for batch in of_month]
            self._events[dataset] = EventVersions(self.kept, load_contracts()[dataset], batches)
        return self._events[dataset]

    def _add_corrected(self, own: Evaluation, rule: CrossFileRule, rows: pl.DataFrame) -> Evaluation:
        inputs_hash = _hash([own.inputs_hash, rows.select("batch_id", "row_number").write_csv()])
        kept = self._kept(own.dataset, own.month, inputs_hash)
        if kept is not None:
            return kept
        verdicts = pl.concat([pl.read_parquet(own.verdicts_file), _as_verdicts(rows, rule)])
        return self._keep(own.dataset, own.month, inputs_hash, verdicts)

    # --- the account of an evaluation ------------------------------------------------------------------------

    def _rule_results(self, dataset: str, month: str, frame: pl.DataFrame) -> list[dict[str, Any]]:
        counted = frame.group_by("batch_id", "rule_id").len().iter_rows()
        failed = {(batch_id, rule_id): rows for batch_id, rule_id, rows in counted}
        return [
            {
                "batch_id": batch.batch_id, "rule_id": rule.id, "rule_version": rule.version,
                "severity": rule.severity, "rows_checked": batch.rows_data,
                "rows_failed": failed.get((batch.batch_id, rule.id), 0),
            }
            for batch in self.batches[dataset, month]
            for rule in self._rules_of(dataset, month)
        ]  # fmt: skip

    def _row_states(self, frame: pl.DataFrame, batches: list[CurrentBatch]) -> dict[str, RowStates]:
        files = file_list(verdicts_path(self.home, batch.slot, batch.batch_id) for batch in batches)
        query = f"""
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
            from row_states group by batch_id"""
        with self.connection.cursor() as cursor:
            cursor.register("found_now", frame.to_arrow())
            counted = cursor.execute(query).fetchall()
        by_batch = {batch_id: (quarantined, duplicate) for batch_id, quarantined, duplicate in counted}
        states = {}
        for batch in batches:
            quarantined, duplicate = by_batch.get(batch.batch_id, (0, 0))
            states[batch.batch_id] = RowStates(batch.rows_data - quarantined - duplicate, quarantined, duplicate)
        return states

    # --- what was evaluated before ---------------------------------------------------------------------------

    def _place(self, dataset: str, month: str, inputs_hash: str) -> Path:
        return self.home.verdicts / "cross_file" / dataset / f"period={month}" / f"{inputs_hash}.parquet"

    def _keep(self, dataset: str, month: str, inputs_hash: str, verdicts: pl.DataFrame) -> Evaluation:
        frame = verdicts.sort("batch_id", "row_number", "rule_id")
        if twice := frame.select("batch_id", "row_number", "rule_id").is_duplicated().sum():
            raise Unaccounted(
                f"{dataset}/{month}", Words("每行每条规则一个判定", "one verdict per row and rule"),
                Words(f"{twice} 个判定重复", f"{twice} verdicts more than once"),
            )  # fmt: skip
        results = self._rule_results(dataset, month, frame)
        states = self._row_states(frame, self.batches[dataset, month])
        path = self._place(dataset, month, inputs_hash)
        kept = {
            "rule_results": results,
            "row_states": {batch_id: vars(state) for batch_id, state in states.items()},
        }
        self.to_write[path] = as_parquet(frame)
        self.to_write[path.with_suffix(".json")] = json.dumps(kept).encode()
        return Evaluation(dataset, month, inputs_hash, path, results, states, is_new=True)

    def _write_kept(self) -> None:
        """What was evaluated since, all at once: a disk takes as long for one file as for many."""
        write_all(self.to_write)
        self.to_write.clear()

    def _kept(self, dataset: str, month: str, inputs_hash: str) -> Evaluation | None:
        path = self._place(dataset, month, inputs_hash)
        account = path.with_suffix(".json")
        if not is_whole(path) or not account.exists():
            return None
        try:
            kept = json.loads(account.read_text(encoding="utf-8"))
        except ValueError:
            return None  # damaged: it is evaluated again
        states = {batch_id: RowStates(**state) for batch_id, state in kept["row_states"].items()}
        return Evaluation(dataset, month, inputs_hash, path, kept["rule_results"], states, is_new=False)

    def _drop_old(self, keep: set[Path]) -> None:
        """Removes what was kept of a month for inputs of long ago; never the files in `keep`, which are its own."""
        (folder,) = {path.parent for path in keep}
        newest_first = sorted(folder.glob("*.parquet"), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in newest_first[KEPT_EVALUATIONS:]:
            if path not in keep:
                path.unlink()
                path.with_suffix(".json").unlink(missing_ok=True)


def _hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:24]


def _as_verdicts(rows: pl.DataFrame, rule: CrossFileRule) -> pl.DataFrame:
    """These rows as failing the rule."""
    return rows.select(
        "batch_id",
        pl.col("row_number").cast(pl.Int32),
        rule_id=pl.lit(rule.id),
        rule_version=pl.lit(rule.version, pl.Int32),
        severity=pl.lit(rule.severity),
    )


def _rule_query(rule: CrossFileRule, contract: Contract) -> str:
    """The query that finds the rows of one month that fail the rule."""
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
            raise ValueError(f"{rule.id} is asked of all months at once")


def _reference_query(rule: CrossFileRule) -> str:
    (column,) = rule.columns
    if rule.references == "civil_communities.code":
        known = "select unit_code from units where unit_level = 'community'"
        if rule.is_anywhere:
            known += f" union select {column} from rows where left({column}, 6) not in (select left(unit_code, 6) from units)"
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
