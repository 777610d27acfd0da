"""What a change of a rule would do, before it is in force: rows refused and let in, and figures that would be others.

Exact, since batches are judged and figures computed as a run does, in a scratch root where the change is in force. Of the last
three months for which its dataset was delivered: of those for which it would hold, or of all three as a trial where it is for
none of them. Compared with the current edition. Kept by change and edition, so that pages can show what a command computed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pipelines.county import County
from pipelines.durable import write_whole
from pipelines.editions import Edition, current_edition
from pipelines.explain_replay import Ledger, replaying
from pipelines.explain_steps import Inputs
from pipelines.lake import verdicts_path, write_parquets
from pipelines.settings import Home, month_start
from pipelines.stewardship.decided_batches import DecidedBatches
from pipelines.stewardship.decision_store import decision
from pipelines.stewardship.preview import acting_in, changed_figures
from pipelines.stewardship.rule_change_store import RuleChanges, put_in_force
from pipelines.stewardship.rule_changes import RuleChange, RulesInForce
from pipelines.store import Slot, Store

MONTHS = 3
_FRAMES = ("rows", "figures")
_ABOUT = "about.json"
_ROWS = {
    "dataset": pl.String(), "period": pl.String(), "supplier_id": pl.String(), "refused": pl.Int64(), "let_in": pl.Int64(),
}  # fmt: skip


@dataclass(frozen=True)
class RulePreview:
    """What a change would do in `months` ('YYYY-MM'); `is_trial`: it is for none of them.

    `rows`: dataset, period, supplier_id, refused (rows that count now and would not), let_in. `figures`: as in
    `preview.preview`, of months.
    """

    change_id: int
    edition_id: str
    months: list[str]
    is_trial: bool
    rows: pl.DataFrame
    figures: pl.DataFrame

    @property
    def refused(self) -> int:
        return int(self.rows["refused"].sum())

    @property
    def let_in(self) -> int:
        return int(self.rows["let_in"].sum())


def preview_rule(
    home: Home, county: County, store: Store, change: RuleChange, on_progress: Callable[[str], None] = lambda _: None
) -> RulePreview:
    """Computes what the change would do, and keeps it. WarehouseError where nothing is published yet."""
    edition = current_edition(home)
    slots = {Slot.of(row): str(row["batch_id"]) for row in store.current_batches()}
    delivered = sorted({slot.period for slot in slots if slot.dataset == change.draft.dataset})[-MONTHS:]
    months = [month for month in delivered if change.holds_in(month)]
    is_trial = not months
    if is_trial and delivered:
        months, change = delivered, change.for_months(delivered[0], delivered[-1])
    chosen = {("month", month_start(month)) for month in months}
    ledger = Ledger.of(home)
    rules = RuleChanges(store).in_force()
    links = frozenset(edition.manifest.get("link_decisions", ()))
    inputs = Inputs(slots, county, edition.as_of, ledger.delivered, links, frozenset(rules.numbers))

    def decide(scratch: Store) -> None:
        with scratch.transaction() as connection:
            if acting := acting_in(edition, ledger):
                connection.execute(decision.insert(), acting)
        put_in_force(scratch, change)
        DecidedBatches(replay.home, county, scratch, "preview").apply()

    with replaying(home, ledger, chosen, on_progress) as replay:
        hypothetical = RulesInForce.of([*rules.changes, change.for_months(change.draft.first_month, change.draft.last_month)])
        decided = {Slot.of(row) for row in ledger.decisions}
        for slot in slots:
            if slot in decided or hypothetical.digest(slot.dataset, slot.period):
                replay.own(slot)
        figures = changed_figures(edition.table("fct_kpi"), replay.compute(inputs, decide))
        rows = _moved(_refused(home, months), _refused(replay.home, months))
    chosen_only = figures.filter(pl.col("period_type") == "month", pl.col("period").is_in([day for _, day in chosen]))
    found = RulePreview(change.change_id, edition.id, months, is_trial, rows, chosen_only)
    _keep(home, found)
    return found


def kept_preview(home: Home, change_id: int, edition: Edition) -> RulePreview | None:
    """What was computed of a change against an edition; None where nobody has asked yet."""
    folder = _folder(home, change_id, edition.id)
    if not (folder / _ABOUT).exists():
        return None
    about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
    frames = (pl.read_parquet(folder / f"{name}.parquet") for name in _FRAMES)
    return RulePreview(change_id, edition.id, about["months"], about["is_trial"], *frames)


def _keep(home: Home, found: RulePreview) -> None:
    folder = _folder(home, found.change_id, found.edition_id)
    write_parquets({folder / f"{name}.parquet": getattr(found, name) for name in _FRAMES})
    about = {"months": found.months, "is_trial": found.is_trial}
    write_whole(json.dumps(about).encode(), folder / _ABOUT)  # the last: where it stands, the others do


def _folder(home: Home, change_id: int, edition_id: str) -> Path:
    return home.steward / f"rule_change-{change_id}-{edition_id}"


def _refused(home: Home, months: list[str]) -> pl.DataFrame:
    """dataset, period, supplier_id, row_number of every row of these months that some rule refuses, by the last control
    tables of a data root."""
    days = [month_start(month) for month in months]
    batches = pl.read_parquet(home.control / "current_batches.parquet").filter(pl.col("period").is_in(days))
    across = pl.read_parquet(home.control / "kept_results.parquet").filter(pl.col("period").is_in(days), kind="rules")
    files = [
        verdicts_path(home, Slot(supplier, dataset, f"{period:%Y-%m}"), batch_id)
        for batch_id, dataset, supplier, period in batches.select("batch_id", "dataset", "supplier_id", "period").iter_rows()
    ]
    files += [home.root / path for path in across["path"]]
    errors = [pl.read_parquet(path, columns=["batch_id", "row_number", "severity"]).filter(severity="error") for path in files]
    key = ["dataset", pl.col("period").dt.strftime("%Y-%m"), "supplier_id", "row_number"]
    return pl.concat(errors).join(batches, on="batch_id").select(key).unique() if errors else pl.DataFrame()


def _moved(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """How many rows of whom are refused anew, and let in; rows keep their numbers."""
    if before.is_empty() and after.is_empty():
        return pl.DataFrame(schema=_ROWS)
    key = ["dataset", "period", "supplier_id", "row_number"]
    moved = pl.concat(
        [
            after.join(before, on=key, how="anti").with_columns(refused=1, let_in=0),
            before.join(after, on=key, how="anti").with_columns(refused=0, let_in=1),
        ]
    )
    counted = moved.group_by(key[:3]).agg(pl.col("refused", "let_in").sum())
    return counted.select(pl.col(name).cast(dtype) for name, dtype in _ROWS.items()).sort(key[:3])
