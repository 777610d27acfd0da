"""The control tables one by one: frames of a fixed schema, written by `control` and read by dbt as sources.

Belongs here: what each table holds. Does not belong here: when it is written, and what changed.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from expectations.contract import load_contracts
from expectations.rules import rule_catalogue
from pipelines.calendar import Period, periods_of
from pipelines.county import County
from pipelines.cross_file import Evaluation
from pipelines.current_batches import CurrentBatch
from pipelines.event_months import EventMonth
from pipelines.lake import verdicts_path
from pipelines.linking import LinkedMonth
from pipelines.settings import SHANGHAI, Home, add_months, month_end, month_start
from pipelines.sql import file_list
from pipelines.stewardship.rule_changes import RulesInForce
from pipelines.store import Slot, Store
from pipelines.units import Today, place_today

VERDICTS_SCHEMA: dict[str, Any] = {
    "batch_id": pl.String, "row_number": pl.Int32, "rule_id": pl.String, "rule_version": pl.Int32,
    "severity": pl.String, "dataset": pl.String, "period": pl.Date, "columns": pl.String,
    "is_cross_file": pl.Boolean,
}  # fmt: skip

PROGRAMME_STARTS_SCHEMA: dict[str, Any] = {"pack": pl.String, "start_date": pl.Date}
# Registers of which models read all months, as they do of events.
READ_WHOLE = ("civil_assessments",)
# The pack of targets that a county sets itself; always chosen.
COUNTY_PACK = "county"
TARGET_SCHEMA: dict[str, Any] = {
    "target_id": pl.String, "pack": pl.String, "kpi_id": pl.String, "operator": pl.String,
    "value_1": pl.Decimal(18, 4), "value_2": pl.Decimal(18, 4), "binding": pl.String, "unit": pl.String,
    "area_scope": pl.String, "class_scope": pl.String, "city_class_scope": pl.String, "level_scope": pl.String,
    "variant_scope": pl.String, "phase": pl.Int32, "due_months": pl.Int32, "effective_from": pl.Date, "effective_to": pl.Date,
    "plan_end": pl.Date, "document": pl.String, "clause": pl.String, "strength": pl.String, "text_zh": pl.String,
    "text_en": pl.String,
}  # fmt: skip


def current_batches(batches: list[CurrentBatch]) -> pl.DataFrame:
    rows = [
        (batch.batch_id, batch.slot.dataset, batch.slot.supplier_id, month_start(batch.slot.period))
        for batch in batches
    ]
    schema = {"batch_id": pl.String, "dataset": pl.String, "supplier_id": pl.String, "period": pl.Date}
    return pl.DataFrame(rows, schema, orient="row")


def batch_accounts(
    batches: list[CurrentBatch], evaluations: list[Evaluation], for_review: pl.DataFrame
) -> pl.DataFrame:
    """`for_review`: the uncertain links, of which the rows that wait are counted."""
    waiting = dict(for_review.group_by("batch_id").agg(pl.col("row_number").n_unique()).iter_rows())
    states = {name: state for evaluation in evaluations for name, state in evaluation.row_states.items()}
    rows = [
        (
            batch.batch_id, batch.slot.dataset, batch.slot.supplier_id, month_start(batch.slot.period),
            batch.rows_read, batch.rows_read - batch.rows_data, states[batch.batch_id].accepted,
            states[batch.batch_id].quarantined, states[batch.batch_id].duplicate, waiting.get(batch.batch_id, 0),
        )
        for batch in batches
    ]  # fmt: skip
    counts = (
        "rows_read", "rows_skipped", "rows_accepted", "rows_quarantined", "rows_duplicate", "rows_for_review",
    )  # fmt: skip
    schema: dict[str, Any] = {
        "batch_id": pl.String, "dataset": pl.String, "supplier_id": pl.String, "period": pl.Date,
    }  # fmt: skip
    return pl.DataFrame(rows, schema | dict.fromkeys(counts, pl.Int64), orient="row")


def verdicts(
    home: Home, batches: list[CurrentBatch], evaluations: list[Evaluation], dirty_months: set[date]
) -> pl.DataFrame:
    """Every verdict on rows that will be read: of the months to compute, and of datasets that are read whole."""
    contracts = load_contracts()
    across = {(evaluation.dataset, evaluation.month): evaluation.verdicts_file for evaluation in evaluations}
    files: list[tuple[Path, str, str, bool]] = []
    for batch in batches:
        dataset, month = batch.slot.dataset, batch.slot.period
        is_whole = contracts[dataset].kind == "event" or dataset in READ_WHOLE
        if not is_whole and month_start(month) not in dirty_months:
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
            left join rules using (dataset, rule_id)
            order by batch_id, row_number, rule_id""").pl()
    return found.cast(dict(VERDICTS_SCHEMA))  # type: ignore[arg-type]


def kept_results(home: Home, evaluations: list[Evaluation], linked: list[LinkedMonth]) -> pl.DataFrame:
    """Where the present results of rules across files and of linking lie: for who reads rows outside of a run."""
    across = [("rules", one.dataset, month_start(one.month), one.verdicts_file) for one in evaluations]
    links = [("links", None, one.month, one.links_file) for one in linked]
    rows = [(kind, dataset, month, str(path.relative_to(home.root))) for kind, dataset, month, path in (*across, *links)]
    schema = {"kind": pl.String, "dataset": pl.String, "period": pl.Date, "path": pl.String}
    return pl.DataFrame(rows, schema, orient="row")


def periods(periods: list[Period], dirty: list[Period], county: County, as_of: date) -> pl.DataFrame:
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


def months(months: list[date], dirty: set[date], with_other_events: set[date], county: County) -> pl.DataFrame:
    """`dirty`: months whose registers are computed again; `with_other_events`: those whose events are summed
    again."""
    rows = [
        (month, month_end(month), county.cutoff_date(month), month in dirty, month in with_other_events)
        for month in months
    ]
    schema = {
        "month": pl.Date, "month_end": pl.Date, "cutoff_date": pl.Date, "is_dirty": pl.Boolean,
        "has_other_events": pl.Boolean,
    }  # fmt: skip
    return pl.DataFrame(rows, schema, orient="row")


def event_deliveries(events: list[dict[str, EventMonth]]) -> pl.DataFrame:
    """The months for which any version of these events was delivered."""
    delivered = {month for of_month in events for one in of_month.values() for month in one.delivered}
    return pl.DataFrame({"month": sorted(delivered)}, {"month": pl.Date})


def today(units: pl.DataFrame, lineage: pl.DataFrame, months: list[date], batches: list[CurrentBatch]) -> Today:
    """Where rows of each month lie in the units of the last evaluated one: of every month that anything is placed in."""
    last = max(months, default=None)
    placed = {*months, *(period.last_month for period in periods_of(months))}
    placed |= {month_start(batch.slot.period) for batch in batches}
    return place_today(units, lineage, placed if last else (), month_end(last) if last else date.min)


def today_tables(today: Today) -> dict[str, pl.DataFrame]:
    return {
        "placements": today.placements, "today_places": today.places, "extents": today.extents,
        "doubtful_extents": today.doubts, "extent_origins": today.origins,
    }  # fmt: skip


def suppliers(county: County) -> pl.DataFrame:
    rows = [(supplier.id, supplier.name_zh, code) for supplier in county.suppliers for code in supplier.covers]
    schema = {"supplier_id": pl.String, "name_zh": pl.String, "covered_code": pl.String}
    return pl.DataFrame(rows, schema, orient="row")


def expected(county: County, months: list[date], batches: list[CurrentBatch], as_of: date) -> pl.DataFrame:
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


def deliveries(store: Store, batches: list[CurrentBatch]) -> pl.DataFrame:
    """The delivery log: one row per file that was taken or refused, numbered within its slot.

    `received_at` is UTC; `received_date` is the day in China, against which a due date holds.
    """
    current = {batch.slot: batch for batch in batches}
    numbers: dict[Slot, int] = {}
    rows = []
    for entry in store.deliveries():
        if entry["outcome"] in ("correction", "decided"):
            continue  # no file of its own in the slot: what became of the one that was delivered
        slot = Slot(entry["supplier_id"], entry["dataset"], entry["period"])
        numbers[slot] = numbers.get(slot, 0) + 1
        batch = current.get(slot)
        is_current = batch is not None and entry["batch_id"] == batch.delivered_id
        received_at = datetime.fromisoformat(entry["received_at"]).astimezone(UTC)
        rows.append(
            (
                slot.supplier_id, slot.dataset, month_start(slot.period), numbers[slot],
                received_at.replace(tzinfo=None), received_at.astimezone(SHANGHAI).date(),
                entry["outcome"], entry["refusal_code"], entry["refusal_zh"], entry["refusal_en"],
                entry["batch_id"], is_current,
                batch.rows_read if batch and is_current else None,
                batch.rows_read - batch.rows_data if batch and is_current else None,
            )
        )  # fmt: skip
    schema: dict[str, Any] = {
        "supplier_id": pl.String, "dataset": pl.String, "period": pl.Date, "delivery_number": pl.Int32,
        "received_at": pl.Datetime("us"), "received_date": pl.Date, "outcome": pl.String, "refusal_code": pl.String,
        "refusal_zh": pl.String, "refusal_en": pl.String, "batch_id": pl.String, "is_current": pl.Boolean,
        "rows_read": pl.Int64, "rows_skipped": pl.Int64,
    }  # fmt: skip
    return pl.DataFrame(rows, schema, orient="row")


def rule_results(
    store: Store, county: County, batches: list[CurrentBatch], evaluations: list[Evaluation], rules: RulesInForce
) -> pl.DataFrame:
    """How often each rule failed in each current batch, inside files and across them, with its words as it held then."""
    found_schema: dict[str, Any] = {
        "batch_id": pl.String, "rule_id": pl.String, "rule_version": pl.Int32, "severity": pl.String,
        "rows_checked": pl.Int64, "rows_failed": pl.Int64,
    }  # fmt: skip
    inside = pl.DataFrame(store.latest_rule_counts(found_schema), found_schema, orient="row")
    across = [
        tuple(row[name] for name in found_schema) for evaluation in evaluations for row in evaluation.rule_results
    ]
    slots = sorted({(batch.slot.dataset, batch.slot.period) for batch in batches})
    contracts = [rules.contract(*slot) for slot in slots]
    # Months that are held to the same rules share one contract.
    catalogues = {
        key: rule_catalogue(contract, sample=county.sample)
        for key, contract in {id(contract): contract for contract in contracts}.items()
    }
    words = [
        (dataset, month_start(month), rule.id, rule.zh, rule.en)
        for (dataset, month), contract in zip(slots, contracts, strict=True)
        for rule in catalogues[id(contract)]
    ]
    place = {"dataset": pl.String, "period": pl.Date, "rule_id": pl.String}
    texts = pl.DataFrame(words, place | {"zh": pl.String, "en": pl.String}, orient="row")
    found = pl.concat([inside, pl.DataFrame(across, found_schema, orient="row")])
    # Results of batches that are not current, and of rules that are no more, find nothing to join.
    return (
        found.join(current_batches(batches), on="batch_id")
        .join(texts, on=list(place))
        .select("dataset", "period", "supplier_id", *found_schema, "zh", "en")
        .sort("batch_id", "rule_id")
    )


def county(county: County, as_of: date) -> pl.DataFrame:
    row = (
        county.county_code, county.name_zh, county.sample, as_of, [*county.packs, COUNTY_PACK],
        county.parameters.is_ranking_public,
    )  # fmt: skip
    schema: dict[str, Any] = {
        "county_code": pl.String, "name_zh": pl.String, "is_sample": pl.Boolean, "as_of_date": pl.Date,
        "packs": pl.List(pl.String), "is_ranking_public": pl.Boolean,
    }  # fmt: skip
    return pl.DataFrame([row], schema, orient="row")


def tolerances(county: County) -> pl.DataFrame:
    rows = list(county.parameters.tolerances.items())
    return pl.DataFrame(rows, {"kpi_id": pl.String, "tolerance": pl.Decimal(18, 4)}, orient="row")


def programme_starts(county: County) -> pl.DataFrame:
    rows = list(county.parameters.programme_starts.items())
    return pl.DataFrame(rows, PROGRAMME_STARTS_SCHEMA, orient="row")


def county_targets(county: County) -> pl.DataFrame:
    """The targets that the county sets, in the columns of the seed of targets."""
    rows = [
        (
            f"{COUNTY_PACK}-{number}", COUNTY_PACK, target.kpi_id, target.operator, target.value_1, target.value_2, None,
            None, target.area_scope, target.class_scope, "*", target.level_scope, "*", None, None,
            target.effective_from, target.effective_to, None, target.document, target.clause, "stated", target.text_zh, target.text_en,
        )
        for number, target in enumerate(county.parameters.targets, start=1)
    ]  # fmt: skip
    return pl.DataFrame(rows, TARGET_SCHEMA, orient="row")
