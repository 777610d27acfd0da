"""What decisions would change: the figures of a scratch root in which they are in force, beside those of the current edition.

Exact, since the models of a run compute it; of the periods that the rows lie in. Decisions that wait for the next run as well
are left out of it. What was computed of a decision that stands in the store is kept, so that pages can show it, also after a
run has made it so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import sqlalchemy as sa

from pipelines.actor import Actor
from pipelines.county import County
from pipelines.editions import Edition, current_edition
from pipelines.explain_replay import Ledger, replaying
from pipelines.explain_steps import Inputs
from pipelines.lake import write_parquet
from pipelines.settings import Home, month_start
from pipelines.sql import literal
from pipelines.stewardship.decided_batches import DecidedBatches
from pipelines.stewardship.decision_store import DECISIONS, Decisions, decision
from pipelines.stewardship.decisions import Draft
from pipelines.store import Slot, Store

_KEY = ("unit_key", "unit_code", "unit_level", "period_type", "period", "kpi_id", "target_id")
_SAID = ("numerator", "denominator", "value", "value_low", "value_high", "status", "certainty", "shortfall")


@dataclass(frozen=True)
class DecisionPreview:
    """What a decision changes of an edition. `figures`: as `preview` gives them."""

    decision_id: int
    edition_id: str
    figures: pl.DataFrame


def preview(
    home: Home, county: County, store: Store, drafts: Iterable[Draft], on_progress: Callable[[str], None] = lambda _: None
) -> pl.DataFrame:
    """One row per figure and target that the decisions would change, as it is in the current edition and as it would be
    (columns …_after). DecisionError where one cannot be made."""
    made = list(drafts)

    def decide(scratch: Store) -> None:
        Decisions(scratch, two_persons=False).make(made, Actor("run", "preview"))

    return _changed(home, county, store, {draft.row.slot for draft in made}, decide, on_progress)


def preview_decision(
    home: Home, county: County, store: Store, decision_id: int, on_progress: Callable[[str], None] = lambda _: None
) -> DecisionPreview:
    """What a decision of the store would change of the current edition, whether it waits for approval or for a run; kept.

    NoSuchDecision where there is none of this number.
    """
    slot = Decisions(store).decision(decision_id).draft.row.slot

    def decide(scratch: Store) -> None:
        (row,) = store.rows(sa.select(decision).where(decision.c.decision_id == decision_id))
        DECISIONS.put_in_force(scratch, row)

    edition = current_edition(home)
    figures = _changed(home, county, store, {slot}, decide, on_progress)
    write_parquet(figures, _folder(home, decision_id) / f"{edition.id}.parquet")
    return DecisionPreview(decision_id, edition.id, figures)


def kept_preview(home: Home, decision_id: int) -> DecisionPreview | None:
    """What was last computed of a decision; None where nobody has asked."""
    kept = sorted(_folder(home, decision_id).glob("*.parquet"))  # editions sort by time
    return DecisionPreview(decision_id, kept[-1].stem, pl.read_parquet(kept[-1])) if kept else None


def _folder(home: Home, decision_id: int) -> Path:
    return home.steward / "previews" / f"decision-{decision_id}"


def _changed(
    home: Home, county: County, store: Store, about: set[Slot], decide: Callable[[Store], None],
    on_progress: Callable[[str], None],
) -> pl.DataFrame:  # fmt: skip
    """The figures that change of the current edition where `decide` adds decisions on rows of these slots to those that act
    in it."""
    edition, ledger = current_edition(home), Ledger.of(home)
    slots = {Slot.of(row): str(row["batch_id"]) for row in store.current_batches()}
    of_edition = (frozenset(edition.manifest.get(name, ())) for name in ("link_decisions", "rule_changes"))
    inputs = Inputs(slots, county, edition.as_of, ledger.delivered, *of_edition)
    acting = acting_in(edition, ledger)

    def add(scratch: Store) -> None:
        with scratch.transaction() as connection:
            if acting:
                connection.execute(decision.insert(), acting)
        decide(scratch)
        DecidedBatches(replay.home, county, scratch, "preview").apply()

    with replaying(home, ledger, _periods(edition, {slot.period for slot in about}), on_progress) as replay:
        for slot in about | {Slot.of(row) for row in ledger.decisions}:
            replay.own(slot)
        return changed_figures(edition.table("fct_kpi"), replay.compute(inputs, add))


def acting_in(edition: Edition, ledger: Ledger) -> list[dict[str, Any]]:
    """The decisions on batches that were in force when the edition was made, whatever became of them since."""
    numbers = set(edition.manifest.get("decisions", ()))
    return [row | {"state": "in_force"} for row in ledger.decisions if row["decision_id"] in numbers]


def _periods(edition: Edition, months: set[str]) -> set[tuple[str, date]]:
    """The periods that show what rows of these months do."""
    days = {month_start(month) for month in months}
    with duckdb.connect() as connection:
        periods = connection.execute(
            "select period_type, period, start_date, last_month from read_parquet($1)", [str(edition.table("dim_period"))]
        ).fetchall()
    return {(kind, period) for kind, period, first, last in periods if _is_of(kind, first, last, days)}


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
