"""The desk of the data steward: open rows, what hangs on them, tickets and decisions of a data root, for one request.

Belongs here: opening the operational store for the steward, and keeping the work list while nothing that it was worked out from
has changed. What pages show stands in `pages/steward*.py`, what forms send is taken in `steward_routes.py`.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property, lru_cache
from typing import Any

import polars as pl

from dashboards.address import Address
from dashboards.background import Background
from dashboards.edition import Edition
from dashboards.visitor import Visitor
from expectations.contract import load_contract
from expectations.rules import rule_catalogue
from pipelines.county import County, load_county
from pipelines.errors import Words
from pipelines.settings import SHANGHAI, Home
from pipelines.steward import links_for_review
from pipelines.stewardship.decision_store import Decisions
from pipelines.stewardship.decisions import Decision
from pipelines.stewardship.open_rows import UNLINKED, UNLINKED_WORDS, open_rows
from pipelines.stewardship.row_states import with_states
from pipelines.stewardship.row_view import RowView, row_view, row_views
from pipelines.stewardship.tickets import Subject, Ticket, Tickets
from pipelines.stewardship.work_list import WorkList, bundles, work_list
from pipelines.store import Store

KEPT_LISTS = 8


@dataclass(frozen=True)
class Work:
    """What there is to do: the work list of the rows that wait for somebody, each with its `state`; `decided`: the rows that
    wait for the next run alone.
    """

    list: WorkList
    decided: pl.DataFrame


def rows_of(work: WorkList, subject: Subject) -> pl.DataFrame:
    """The rows that break the rule of a ticket."""
    return work.rows.filter(
        pl.col("supplier_id") == subject.supplier_id, pl.col("dataset") == subject.dataset,
        pl.col("rules").list.contains(subject.rule_id),
    )  # fmt: skip


def rows_by_subject(work: WorkList) -> dict[Subject, int]:
    """How many rows each ticket has."""
    counted = work.rows.explode("rules").group_by("supplier_id", "dataset", "rules").len()
    return {Subject(*subject): rows for *subject, rows in counted.iter_rows()}


def narrowed(work: WorkList, address: Address) -> WorkList:
    """What an address asks for: verdicts of a unit or period with the rows that they hang on, rows of a supplier, dataset or
    rule; and what settling these rows alone decides.
    """
    view = address.steward
    is_of_verdicts = bool(view.unit or address.period)
    if not (is_of_verdicts or view.supplier or view.dataset or view.rule):
        return work
    asked = pl.col("unit_code").str.starts_with(view.unit)
    verdicts = work.verdicts.filter(asked & (pl.col("period") == address.period) if address.period else asked)
    touches = work.touches.join(verdicts, on="verdict_id", how="semi")
    rows = work.rows.filter(_rows_asked(address))
    if is_of_verdicts:
        rows = rows.join(touches, on="row_id", how="semi", maintain_order="left")
    touches = touches.join(rows, on="row_id", how="semi")
    own = touches.group_by("verdict_id").agg(own=pl.len()).join(verdicts, on="verdict_id").filter(own=pl.col("hangs_on"))
    steps = bundles(touches.join(own, on="verdict_id", how="semi").sort("row_id", "verdict_id").iter_rows())
    return WorkList(rows, verdicts.join(touches, on="verdict_id", how="semi"), touches, steps)


def _rows_asked(address: Address) -> pl.Expr:
    view = address.steward
    asked = pl.lit(True)
    for name, value in (("supplier_id", view.supplier), ("dataset", view.dataset)):
        if value:
            asked &= pl.col(name) == value
    return asked & pl.col("rules").list.contains(view.rule) if view.rule else asked


class WorkBench:
    """The work lists of a data root, each worked out once for an edition, its open rows and the decisions on them."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._kept: OrderedDict[tuple[object, ...], Work] = OrderedDict()
        self._lock = threading.Lock()

    def work(self, edition: Edition, county: County, store: Store, period_type: str) -> Work:
        """The whole list. WarehouseError before the first run."""
        rows, decisions = open_rows(self.home, store), Decisions(store).all()
        stand = [(one.decision_id, one.state) for one in decisions]
        content = hashlib.sha256(rows.write_ipc(None, compression="uncompressed").getbuffer()).hexdigest()
        key = (edition.info.edition_id, period_type, content, tuple(stand))
        with self._lock:  # others wait for what the first one works out
            if key not in self._kept:
                self._kept[key] = self._worked_out(edition, county, rows, decisions, period_type)
            self._kept.move_to_end(key)
            while len(self._kept) > KEPT_LISTS:
                self._kept.popitem(last=False)
            return self._kept[key]

    def _worked_out(
        self, edition: Edition, county: County, rows: pl.DataFrame, decisions: list[Decision], period_type: str
    ) -> Work:
        known = with_states(self.home, rows, decisions)
        is_decided = pl.col("state") == "decided"
        waiting = known.filter(~is_decided)
        found = work_list(edition.path, county, waiting, period_type=period_type)
        return Work(replace(found, verdicts=found.verdicts.filter(pl.col("hangs_on") > 0)), known.filter(is_decided))


@dataclass(frozen=True)
class StewardDesk:
    """What a page of the steward is made from."""

    bench: WorkBench
    edition: Edition
    store: Store
    visitor: Visitor
    address: Address

    @property
    def home(self) -> Home:
        return self.bench.home

    @property
    def today(self) -> date:
        return datetime.now(SHANGHAI).date()

    @cached_property
    def county(self) -> County:
        return load_county(self.home.county_file)

    @cached_property
    def work(self) -> Work:
        """The whole work list, for the verdicts of the address's kind of period."""
        return self.bench.work(self.edition, self.county, self.store, self.address.period_type)

    @property
    def tickets(self) -> Tickets:
        return Tickets(self.store)

    @cached_property
    def decisions(self) -> Decisions:
        return Decisions(self.store, two_persons=self.county.steward.two_persons)

    @cached_property
    def tickets_by_subject(self) -> dict[Subject, Ticket]:
        return {one.subject: one for one in self.tickets.all()}

    @property
    def previews(self) -> Background:
        return Background(self.home, "decision_preview")

    def preview(self, decision_id: int) -> None:
        """Has computed what a decision changes. NoSuchDecision where there is none of this number."""
        self.decisions.decision(decision_id)
        self.previews.start("steward", "preview", f"{decision_id}", "--json")

    def supplier(self, supplier_id: str) -> str:
        """What a supplier is called."""
        return next((one.name_zh for one in self.county.suppliers if one.id == supplier_id), supplier_id)

    def rule(self, dataset: str, rule_id: str) -> Words:
        """What a rule says of the rows that break it."""
        return rule_words(dataset, self.county.sample).get(rule_id, Words(rule_id, rule_id))

    def row(self, batch_id: str, row_number: int) -> RowView:
        """NoSuchRow where it is not there."""
        return row_view(self.home, self.store, self.county, open_rows(self.home, self.store), batch_id, row_number)

    def pairs(self, view: RowView) -> list[dict[str, Any]]:
        """Rows of the books that may be of the same person, the likeliest first."""
        found = links_for_review(self.home).filter(batch_id=view.row.batch_id, row_number=view.row.row_number)
        return found.sort("probability", descending=True).to_dicts()

    def rows(self, wanted: pl.DataFrame) -> list[RowView]:
        """The views of open rows."""
        every = open_rows(self.home, self.store)
        return [
            view
            for (batch_id,), own in wanted.partition_by("batch_id", as_dict=True, maintain_order=True).items()
            for view in row_views(self.home, self.store, self.county, every, str(batch_id), own["row_number"].to_list())
        ]


@lru_cache
def rule_words(dataset: str, is_sample: bool) -> dict[str, Words]:
    """The rules of a dataset in words, by id; with what is said of people whom nothing links."""
    rules = rule_catalogue(load_contract(dataset), sample=is_sample)
    return {rule.id: Words(rule.zh, rule.en) for rule in rules} | {UNLINKED: UNLINKED_WORDS}


@contextmanager
def steward_desk(
    bench: WorkBench, edition: Edition, here: Visitor, address: Address, *, read_only: bool
) -> Iterator[StewardDesk]:
    """The desk for one request. NoStore where nothing was taken in yet."""
    store = Store.of(bench.home, read_only=read_only)
    try:
        yield StewardDesk(bench, edition, store, here, address)
    finally:
        store.close()
