"""What decisions would change, before they are made: the figures of a scratch root in which they are in force.

Exact, since the models of a run compute it; of the periods that the rows lie in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from pipelines.actor import Actor
from pipelines.county import County
from pipelines.editions import current_edition
from pipelines.explain_replay import Ledger, replaying
from pipelines.explain_steps import Inputs
from pipelines.settings import Home, month_start
from pipelines.sql import literal
from pipelines.stewardship.decided_batches import DecidedBatches
from pipelines.stewardship.decision_store import Decisions, decision
from pipelines.stewardship.decisions import Draft
from pipelines.store import Slot, Store

_KEY = ("unit_key", "unit_code", "unit_level", "period_type", "period", "kpi_id", "target_id")
_SAID = ("numerator", "denominator", "value", "value_low", "value_high", "status", "certainty", "shortfall")


def preview(
    home: Home, county: County, store: Store, drafts: Iterable[Draft], on_progress: Callable[[str], None] = lambda _: None
) -> pl.DataFrame:
    """One row per figure and target that the decisions would change, as it is in the current edition and as it would be
    (columns …_after). DecisionError where one cannot be made."""
    made = list(drafts)
    edition = current_edition(home)
    months = {month_start(draft.row.slot.period) for draft in made}
    with duckdb.connect() as connection:
        periods = connection.execute(
            "select period_type, period, start_date, last_month from read_parquet($1)", [str(edition.table("dim_period"))]
        ).fetchall()
    chosen = {(kind, period) for kind, period, first, last in periods if _is_of(kind, first, last, months)}
    slots = {Slot(row["supplier_id"], row["dataset"], row["period"]): str(row["batch_id"]) for row in store.current_batches()}
    ledger = Ledger.of(home)
    of_edition = (frozenset(edition.manifest.get(name, ())) for name in ("link_decisions", "rule_changes"))
    inputs = Inputs(slots, county, edition.as_of, ledger.delivered, *of_edition)

    def decide(scratch: Store) -> None:
        kept = [row for row in ledger.decisions if row["decision_id"] not in inputs.link_decisions]
        with scratch.transaction() as connection:
            if kept:
                connection.execute(decision.insert(), kept)
        Decisions(scratch, two_persons=False).make(made, Actor("run", "preview"))
        DecidedBatches(replay.home, county, scratch, "preview").apply()

    with replaying(home, ledger, chosen, on_progress) as replay:
        decided = {Slot(row["supplier_id"], row["dataset"], row["period"]) for row in ledger.decisions}
        for slot in decided | {draft.row.slot for draft in made}:
            replay.own(slot)
        return changed_figures(edition.table("fct_kpi"), replay.compute(inputs, decide))


def _is_of(kind: str, first: date, last: date, months: set[date]) -> bool:
    """Whether a period shows what rows of these months do; of those to date the one that ends with the month."""
    return any(last == month if kind == "ytd" else first <= month <= last for month in months)


def changed_figures(before: Path, after: Path) -> pl.DataFrame:
    """Figures that differ, by key; what is not there is null."""
    differs = " or ".join(f"older.{name} is distinct from newer.{name}" for name in _SAID)
    same = " and ".join(f"older.{name} is not distinct from newer.{name}" for name in _KEY)
    columns = ", ".join(
        [*(f"newer.{name}" for name in _KEY), *(f"older.{name}, newer.{name} as {name}_after" for name in _SAID)]
    )
    with duckdb.connect() as connection:
        found: pl.DataFrame = connection.sql(f"""
            with older as (select * from read_parquet({literal(str(before))}) where unit_basis = 'as_was'),
            newer as (select * from read_parquet({literal(str(after))}) where unit_basis = 'as_was')
            select {columns} from newer left join older on {same}
            where {differs}
            order by newer.period desc, newer.period_type, newer.unit_level, newer.unit_code, newer.kpi_id, newer.target_id
            """).pl()
    return found
