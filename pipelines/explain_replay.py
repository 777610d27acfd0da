"""Figures computed again from other inputs, by the models of a run, without touching anything of the data root.

A replay works in a scratch data root inside the real one (the working warehouse knows pseudonyms; a system's common
folder for temporary files is no place for it): batches and verdicts are links, everything written is its own.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import sqlalchemy as sa

from expectations.contract import load_contracts
from pipelines.calendar import Period
from pipelines.control import export_control
from pipelines.dbt_child.protocol import BuildFailed
from pipelines.dbt_process import run_models
from pipelines.dbt_project import parsed_files
from pipelines.errors import WarehouseError, Words
from pipelines.explain_steps import Inputs
from pipelines.lake import batch_path, prepare_lake, write_parquet
from pipelines.settings import Home
from pipelines.sql import literal
from pipelines.stewardship.decision_store import decision
from pipelines.stewardship.rule_change_store import rule_change
from pipelines.store import Slot, Store, batch, delivery, slot

_FOLDER = ".replay-"
_ACROSS = "cross_file"


@dataclass(frozen=True)
class Ledger:
    """What the store knows of batches, deliveries, decisions and changes of rules, read once."""

    batches: dict[str, dict[str, Any]]
    log: list[dict[str, Any]]
    decisions: list[dict[str, Any]] = field(default_factory=list)
    rule_changes: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, home: Home) -> Ledger:
        store = Store.of(home)
        try:
            batches = {str(row["batch_id"]): row for row in store.all_batches()}
            return cls(batches, store.deliveries(), store.rows(sa.select(decision)), store.rows(sa.select(rule_change)))
        finally:
            store.close()

    @property
    def delivered(self) -> dict[str, str]:
        """The batches that were delivered, by the batches that decisions made of them."""
        return {name: str(row["base_batch_id"]) for name, row in self.batches.items() if row["base_batch_id"]}

    def by_slot(self, home: Home, edition_id: str, batch_ids: list[str]) -> dict[Slot, str]:
        """The batches of an edition by slot. WarehouseError where one is no longer kept."""
        slots = {}
        for batch_id in batch_ids:
            row = self.batches.get(batch_id)
            place = None if row is None else Slot.of(row)
            if place is None or not batch_path(home, place, batch_id).exists():
                raise WarehouseError(
                    Words("该版本所用的批次已不存在", "A batch that the edition was computed from is no longer kept"),
                    where=edition_id,
                    expected=Words(f"批次 {batch_id}", f"batch {batch_id}"),
                    found=Words("台账或数据湖中没有", "not in the ledger, or not in the lake"),
                    advice=Words("运行 warehouse verify；从备份恢复", "run warehouse verify; restore it from a backup"),
                )
            slots[place] = batch_id
        return slots


@dataclass
class Replay:
    """A scratch data root in which the figures of some periods are computed from any inputs."""

    home: Home
    ledger: Ledger
    periods: set[tuple[str, date]]
    on_progress: Callable[[str], None] = lambda _: None
    states: int = field(default=0, init=False)

    def compute(self, inputs: Inputs, decide: Callable[[Store], None] = lambda _: None) -> Path:
        """A Parquet file with `fct_kpi` of the chosen periods as these inputs give it.

        `decide` may change the ledger that they are computed from; what it writes of slots is to be made its own before.
        """
        store = self._store(inputs)
        try:
            decide(store)
            control = export_control(self.home, inputs.county, store, inputs.as_of, {}, self.on_progress)
        finally:
            store.close()
        self._choose(control.periods)
        _run_models(self.home, is_first=self.states == 0)
        self.states += 1
        path = self.home.root / f"figures-{self.states}.parquet"
        with duckdb.connect(str(self.home.warehouse), read_only=True) as connection:
            connection.execute(f"copy fct_kpi to {literal(str(path))} (format parquet)")
        return path

    def _store(self, inputs: Inputs) -> Store:
        """A ledger in which these batches are the current ones, and these decisions and changes of rules in force."""
        self.home.store.unlink(missing_ok=True)
        store = Store.at(self.home.store)
        slots = [{**vars(place), "batch_id": name} for place, name in inputs.batches.items()]
        known = {*inputs.batches.values(), *(inputs.delivered.get(name, name) for name in inputs.batches.values())}
        with store.transaction() as connection:
            for table, rows in (
                (batch, [self.ledger.batches[name] for name in sorted(known)]),
                (delivery, self.ledger.log),
                (slot, slots),
                (decision, _in_force(self.ledger.decisions, "decision_id", inputs.link_decisions)),
                (rule_change, _in_force(self.ledger.rule_changes, "change_id", inputs.rule_changes)),
            ):
                if rows:
                    connection.execute(table.insert(), rows)
        return store

    def own(self, place: Slot) -> None:
        """Makes the folders of a slot the replay's own, so that batches can be added to it here and nowhere else."""
        for zone in (self.home.lake, self.home.verdicts, self.home.linking):
            for folder in (zone, zone / place.dataset, zone / place.dataset / f"period={place.period}"):
                if folder.is_symlink():
                    shared = folder.resolve()
                    folder.unlink()
                    folder.mkdir()
                    for path in shared.iterdir():
                        (folder / path.name).symlink_to(path)

    def _choose(self, periods: list[Period]) -> None:
        """Marks in the control tables what the models are to compute: the periods, and the months they rest on."""
        chosen = [period for period in periods if (period.period_type, period.period) in self.periods]
        # Figures that are year to date rest on every month since January.
        spans = [(period.start_date.replace(month=1), period.last_month) for period in chosen]
        path = self.home.control / "months.parquet"
        months = pl.read_parquet(path)
        is_dirty = [any(first <= month <= last for first, last in spans) for month in months["month"]]
        chosen_months = pl.Series(is_dirty, dtype=pl.Boolean)
        write_parquet(months.with_columns(is_dirty=chosen_months, has_other_events=chosen_months), path)
        path = self.home.control / "periods.parquet"
        marked = pl.read_parquet(path)
        places = zip(marked["period_type"], marked["period"], strict=True)
        is_dirty = [place in self.periods for place in places]
        write_parquet(marked.with_columns(pl.Series("is_dirty", is_dirty, pl.Boolean)), path)


def _in_force(rows: list[dict[str, Any]], key: str, numbers: Collection[int]) -> list[dict[str, Any]]:
    """Those of these numbers, as they were while they were in force."""
    return [row | {"state": "in_force"} for row in rows if row[key] in numbers]


@contextmanager
def replaying(
    home: Home, ledger: Ledger, periods: set[tuple[str, date]], on_progress: Callable[[str], None]
) -> Iterator[Replay]:
    """A replay of these periods; its scratch data root is gone afterwards."""
    for abandoned in home.root.glob(f"{_FOLDER}*"):
        if not _is_running(abandoned):
            shutil.rmtree(abandoned)
    root = Path(tempfile.mkdtemp(prefix=f"{_FOLDER}{os.getpid()}-", dir=home.root))
    try:
        scratch = Home(root)
        _link(home, scratch)
        yield Replay(scratch, ledger, periods, on_progress)
    finally:
        shutil.rmtree(root)


def _is_running(folder: Path) -> bool:
    """Whether the process that a scratch folder is named after still runs."""
    try:
        os.kill(int(folder.name.removeprefix(_FOLDER).partition("-")[0]), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True


def _link(home: Home, scratch: Home) -> None:
    """Batches, verdicts, linking keys and registers as they are; never written to through these links."""
    for name in ("linking", "register", "keys"):
        if (home.root / name).exists():
            (scratch.root / name).symlink_to(home.root / name)
    for folder in home.lake.glob("*/period=*"):
        place = scratch.lake / folder.parent.name
        place.mkdir(parents=True, exist_ok=True)
        # The present contracts may know other columns, or further datasets, than the last run did.
        if folder.name != "period=0000-00":
            (place / folder.name).symlink_to(folder)
    prepare_lake(scratch, load_contracts())
    for folder in home.verdicts.glob("*"):
        if folder.name != _ACROSS:
            scratch.verdicts.mkdir(exist_ok=True)
            (scratch.verdicts / folder.name).symlink_to(folder)
    _share_evaluations(home.verdicts / _ACROSS, scratch.verdicts / _ACROSS)
    scratch.dbt.mkdir()
    for path in parsed_files(home):
        shutil.copy(path, scratch.dbt / path.name)


def _share_evaluations(kept: Path, shared: Path) -> None:
    """What rules across files gave so far, under further names: a run may drop its own meanwhile."""
    for path in kept.glob("*/*/*.parquet"):
        place = shared / path.relative_to(kept)
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            # The Parquet file comes last, as where it is written: where it stands, the account is complete.
            os.link(path.with_suffix(".json"), place.with_suffix(".json"))
            os.link(path, place)
        except OSError:
            continue  # evaluated again instead


def _run_models(home: Home, *, is_first: bool) -> None:
    """The figures and what they rest on, without tests: those are for what is published."""
    selected = ["+fct_kpi"]
    if not is_first:  # views and seeds are there already
        selected = [f"+fct_kpi,config.materialized:{kind}" for kind in ("table", "incremental")]
    options = ["--no-write-json", "--select", *selected]
    for kind in ("test", "unit_test"):
        options += ["--exclude-resource-type", kind]
    broken = [node.name for node in run_models(home, options) if node.status != "success"]
    if broken:
        raise BuildFailed(", ".join(broken))
