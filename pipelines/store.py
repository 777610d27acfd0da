"""The operational store: the ledger of deliveries, slots and batches, and rule results by run.

SQLite by default, PostgreSQL by URL. Deliveries are an append-only log, each entry chained to the one before by its
hash; what is current in a slot follows from the log and is kept beside it for reading. A store is brought to the newest
schema when it is opened (`migrations`). Does not belong here: files, frames, rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Protocol, Self

import sqlalchemy as sa
from sqlalchemy.engine import Connection, make_url

from pipelines.chain import Chain
from pipelines.errors import WarehouseError, Words
from pipelines.migrations import HEAD, require_known, revision_of, upgrade
from pipelines.settings import Home
from pipelines.store_engine import may_exist, open_engine, sqlite_url

metadata = sa.MetaData()

run = sa.Table(
    "run", metadata,
    sa.Column("run_id", sa.String, primary_key=True),
    sa.Column("started_at", sa.String, nullable=False),
    sa.Column("finished_at", sa.String),
    sa.Column("as_of", sa.String, nullable=False),
    sa.Column("outcome", sa.String),  # published | unchanged | failed | partial (Dagster: some assets only)
    sa.Column("edition_id", sa.String),
    sa.Column("message", sa.String),
    sa.Column("message_en", sa.String),
)  # fmt: skip
delivery = sa.Table(
    "delivery", metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("run_id", sa.String, nullable=False),
    sa.Column("supplier_id", sa.String, nullable=False),
    sa.Column("dataset", sa.String, nullable=False),
    sa.Column("period", sa.String, nullable=False),
    sa.Column("file_name", sa.String, nullable=False),
    sa.Column("file_hash", sa.String, nullable=False),
    sa.Column("received_at", sa.String, nullable=False),
    # accepted | refused | refused_superseded | reinstated | correction (of rows) | decided (by decisions on rows)
    sa.Column("outcome", sa.String, nullable=False),
    sa.Column("contract_version", sa.Integer, nullable=False),
    sa.Column("refusal_code", sa.String),
    sa.Column("refusal_zh", sa.String),
    sa.Column("refusal_en", sa.String),
    sa.Column("batch_id", sa.String),
    # The tuned rules that its file was held to; null: those of the contract as it is shipped. Outside the chain, whose older
    # entries have hashes without it: it decides only whether a refused file is tried again.
    sa.Column("rules_digest", sa.String),
    sa.Column("previous_hash", sa.String, nullable=False),
    sa.Column("entry_hash", sa.String, nullable=False),
)  # fmt: skip
batch = sa.Table(
    "batch", metadata,
    sa.Column("batch_id", sa.String, primary_key=True),
    sa.Column("supplier_id", sa.String, nullable=False),
    sa.Column("dataset", sa.String, nullable=False),
    sa.Column("period", sa.String, nullable=False),
    sa.Column("content_hash", sa.String, nullable=False),
    sa.Column("verdicts_hash", sa.String, nullable=False),
    # Of its linking keys; null where it has none, or an earlier version wrote them.
    sa.Column("linking_hash", sa.String),
    sa.Column("contract_version", sa.Integer, nullable=False),
    sa.Column("key_id", sa.String, nullable=False),
    # The account of every physical row of the file: rows_read is their sum.
    sa.Column("rows_read", sa.Integer, nullable=False),
    sa.Column("rows_data", sa.Integer, nullable=False),
    sa.Column("rows_title", sa.Integer, nullable=False),
    sa.Column("rows_header", sa.Integer, nullable=False),
    sa.Column("rows_note", sa.Integer, nullable=False),
    sa.Column("rows_totals", sa.Integer, nullable=False),
    sa.Column("rows_blank", sa.Integer, nullable=False),
    sa.Column("rows_continuation", sa.Integer, nullable=False),  # lines that continue a quoted cell
    sa.Column("remarks", sa.String, nullable=False),  # JSON: encoding, sheet, extra and dropped headers
    # Of a batch that decisions made of a delivered one: that one, and how many of its rows were set aside.
    sa.Column("base_batch_id", sa.String),
    sa.Column("rows_set_aside", sa.Integer, nullable=False, default=0),
    # The tuned rules that it was judged with; null: those of the contract as it is shipped.
    sa.Column("rules_digest", sa.String),
)  # fmt: skip
slot = sa.Table(
    "slot", metadata,
    sa.Column("supplier_id", sa.String, primary_key=True),
    sa.Column("dataset", sa.String, primary_key=True),
    sa.Column("period", sa.String, primary_key=True),
    sa.Column("batch_id", sa.String),
    sa.Column("is_correction_refused", sa.Boolean, nullable=False, default=False),
)  # fmt: skip
landed = sa.Table(
    "landed", metadata,
    sa.Column("path", sa.String, primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("changed_ns", sa.BigInteger, nullable=False),
    sa.Column("file_hash", sa.String, nullable=False),
)  # fmt: skip
rule_result = sa.Table(
    "rule_result", metadata,
    sa.Column("run_id", sa.String, primary_key=True),
    sa.Column("batch_id", sa.String, primary_key=True),
    sa.Column("rule_id", sa.String, primary_key=True),
    sa.Column("dataset", sa.String, nullable=False),
    sa.Column("period", sa.String, nullable=False),
    sa.Column("rule_version", sa.Integer, nullable=False),
    sa.Column("severity", sa.String, nullable=False),
    sa.Column("is_cross_file", sa.Boolean, nullable=False),
    sa.Column("rows_checked", sa.Integer, nullable=False),
    sa.Column("rows_failed", sa.Integer, nullable=False),
)  # fmt: skip

_CHAINED = (
    "run_id", "supplier_id", "dataset", "period", "file_name", "file_hash", "received_at", "outcome",
    "contract_version", "refusal_code", "refusal_zh", "refusal_en", "batch_id",
)  # fmt: skip
_LEDGER = Chain(delivery, _CHAINED)


@dataclass(frozen=True)
class Slot:
    """Where a delivery belongs: supplier × dataset × month ('YYYY-MM')."""

    supplier_id: str
    dataset: str
    period: str

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """The slot that a row of the store is about."""
        return cls(row["supplier_id"], row["dataset"], row["period"])


class CrossFileResults(Protocol):
    """What the rules across files gave for one dataset and month."""

    @property
    def dataset(self) -> str: ...
    @property
    def month(self) -> str: ...
    @property
    def is_new(self) -> bool: ...
    @property
    def rule_results(self) -> list[dict[str, Any]]: ...


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


class NoStore(WarehouseError):
    """There is nothing to read yet: no store, or one that this version has not written to."""


class LostLedger(WarehouseError):
    """The store knows of no batch, though the current edition was computed from some."""

    def __init__(self, place: str) -> None:
        super().__init__(
            Words("操作库不含已发布版本所用的批次", "The operational store has none of the batches of the current edition"),
            where=place,
            expected=Words("登记过这些批次的操作库", "the store in which they were entered"),
            found=Words("空的或另一个操作库", "an empty store, or another one"),
            advice=Words("从备份恢复操作库", "restore the store from a backup"),
        )


class Store:
    """What is kept behind one data root. Every method that changes something is one transaction.

    `read_only`: opens nothing for writing and changes no schema. NoStore where there is nothing of this version to
    read; NewerStore where another version wrote it.
    """

    def __init__(self, url: str, *, read_only: bool = False) -> None:
        self.url = make_url(url)
        self.engine = open_engine(self.url, read_only=read_only)
        try:
            self._prepare(read_only=read_only)
        except BaseException:
            self.close()
            raise

    @classmethod
    def at(cls, path: Path) -> Store:
        """The SQLite store in this file."""
        return cls(sqlite_url(path))

    @classmethod
    def of(cls, home: Home, *, read_only: bool = False) -> Store:
        """The store of a data root: the file in it, or the database that WAREHOUSE_STORE names."""
        return cls(home.store_url or sqlite_url(home.store), read_only=read_only)

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction; nothing in it is visible before it ends well. What it reads nobody changes meanwhile on SQLite."""
        with self.engine.execution_options(is_writing=True).begin() as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Everything that is read from it is one state of the store, whatever others write meanwhile."""
        with self.engine.connect() as connection:
            if self.url.get_backend_name() != "sqlite":  # where any transaction sees one state
                connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection

    def _prepare(self, *, read_only: bool) -> None:
        """Brings the schema to the newest step; for reading only, requires that it is there."""
        place = Path(self.url.database or "memory").name
        if read_only and not may_exist(self.url):
            raise _no_store(place)
        with self.engine.connect() as connection:
            revision = revision_of(connection)
        require_known(revision, place)
        if revision == HEAD:
            return
        if read_only:
            raise _no_store(place)
        with self.transaction() as connection:
            upgrade(connection)

    # --- reading -------------------------------------------------------------------------------------------

    def rows(self, query: sa.Select[Any]) -> list[dict[str, Any]]:
        with self.engine.connect() as connection:
            found = connection.execute(query)
            names = tuple(found.keys())  # once; a mapping would look them up in each row
            return [dict(zip(names, row, strict=True)) for row in found]

    def current_batches(self) -> list[dict[str, Any]]:
        """Every batch that is current in its slot, with its row account, in a fixed order."""
        query = (
            sa.select(batch, slot.c.is_correction_refused)
            .join(slot, slot.c.batch_id == batch.c.batch_id)
            .order_by(batch.c.dataset, batch.c.period, batch.c.supplier_id)
        )
        return self.rows(query)

    def deliveries(self) -> list[dict[str, Any]]:
        return self.rows(sa.select(delivery).order_by(delivery.c.number))

    def all_batches(self) -> list[dict[str, Any]]:
        """Every batch that the ledger knows, current or superseded."""
        return self.rows(sa.select(batch).order_by(batch.c.batch_id))

    def current_key_ids(self) -> set[str]:
        """The keys that made the pseudonyms of the current batches: one, or none before the first batch."""
        return {str(row["key_id"]) for row in self.current_batches()}

    def knows_batch(self, batch_id: str) -> bool:
        return bool(self.rows(sa.select(batch.c.batch_id).where(batch.c.batch_id == batch_id)))

    def slots(self) -> dict[Slot, dict[str, Any]]:
        """What is current in each slot."""
        return {
            Slot.of(row): {
                "batch_id": row["batch_id"],
                "is_correction_refused": row["is_correction_refused"],
            }
            for row in self.rows(sa.select(slot))
        }

    def runs(self) -> list[dict[str, Any]]:
        """How every run went, oldest first."""
        return self.rows(sa.select(run).order_by(run.c.run_id))

    def last_run(self) -> dict[str, Any] | None:
        """How the newest run went; None before the first."""
        found = self.rows(sa.select(run).order_by(run.c.run_id.desc()).limit(1))
        return found[0] if found else None

    def runs_since_success(self) -> list[dict[str, Any]]:
        """The runs after the last one that went through, oldest first."""
        went_through = sa.select(sa.func.coalesce(sa.func.max(run.c.run_id), "")).where(run.c.outcome.in_(("published", "unchanged")))
        return self.rows(sa.select(run).where(run.c.run_id > went_through.scalar_subquery()).order_by(run.c.run_id))

    def refused_slots(self) -> list[dict[str, Any]]:
        """The newest refused delivery of each slot in which nothing was accepted since."""
        newest = sa.select(sa.func.max(delivery.c.number)).where(delivery.c.outcome == "refused")
        newest = newest.group_by(delivery.c.supplier_id, delivery.c.dataset, delivery.c.period)
        query = sa.select(delivery).join(
            slot,
            sa.and_(*(slot.c[name] == delivery.c[name] for name in ("supplier_id", "dataset", "period"))),
        )
        return self.rows(query.where(slot.c.is_correction_refused, delivery.c.number.in_(newest)).order_by(delivery.c.number))

    def seen_files(self) -> list[dict[str, Any]]:
        """Landed files that were taken or refused, with the size and time they had then."""
        return self.rows(sa.select(landed))

    def latest_rule_results(self, dataset: str | None = None, period: str | None = None) -> list[dict[str, Any]]:
        """The newest result of each rule inside files, by batch; run ids sort by time.

        Of all batches, or of those of one dataset or month.
        """
        return self.rows(_latest_rule_results(rule_result.c.values(), dataset, period))

    def latest_rule_counts(self, columns: Iterable[str]) -> list[tuple[Any, ...]]:
        """These columns of the newest results of all batches: there are tens of thousands, so as tuples."""
        with self.engine.connect() as connection:
            found = connection.execute(_latest_rule_results([rule_result.c[name] for name in columns]))
            return [*map(tuple, found)]

    # --- writing -------------------------------------------------------------------------------------------

    def start_run(self, run_id: str, as_of: date) -> None:
        with self.transaction() as connection:
            connection.execute(run.insert().values(run_id=run_id, started_at=now(), as_of=as_of.isoformat()))

    def finish_run(self, run_id: str, outcome: str, *, edition_id: str | None = None, message: Words | None = None) -> None:
        """Writes down how a run ended; `message`: why it failed."""
        told = message or Words("", "")
        with self.transaction() as connection:
            connection.execute(
                run.update().where(run.c.run_id == run_id)
                .values(finished_at=now(), outcome=outcome, edition_id=edition_id, message=told.zh, message_en=told.en)
            )  # fmt: skip

    def record_cross_file_results(self, run_id: str, evaluations: Iterable[CrossFileResults]) -> None:
        """Keeps what the rules across files gave in this run, for the months that were evaluated anew."""
        values = [
            {
                "run_id": run_id, "dataset": evaluation.dataset, "period": evaluation.month,
                "is_cross_file": True, **result,
            }
            for evaluation in evaluations
            if evaluation.is_new
            for result in evaluation.rule_results
        ]  # fmt: skip
        if not values:
            return
        with self.transaction() as connection:
            connection.execute(
                rule_result.delete().where(rule_result.c.run_id == run_id, rule_result.c.is_cross_file)
            )
            connection.execute(rule_result.insert(), values)

    def reinstate(self, batch_id: str, run_id: str) -> Slot:
        """Makes a superseded batch current in its slot again. KeyError where no delivery ever had it."""
        entries = [entry for entry in self.deliveries() if entry["batch_id"] == batch_id]
        if not entries:
            raise KeyError(batch_id)
        entry = {name: entries[-1][name] for name in _CHAINED}
        with self.transaction() as connection:
            append_delivery(connection, {**entry, "run_id": run_id, "outcome": "reinstated"})
        return Slot(entry["supplier_id"], entry["dataset"], entry["period"])

    def remember_landed(self, seen: list[dict[str, Any]]) -> None:
        """Notes files that need nothing done, so that they are not hashed again."""
        with self.transaction() as connection:
            for file in seen:
                record_landed(connection, file)


def _latest_rule_results(
    columns: Iterable[sa.Column[Any]], dataset: str | None = None, period: str | None = None
) -> sa.Select[Any]:
    newest = (
        sa.select(rule_result.c.batch_id, sa.func.max(rule_result.c.run_id).label("run_id"))
        .where(~rule_result.c.is_cross_file)
        .group_by(rule_result.c.batch_id)
    )
    if dataset is not None:
        newest = newest.where(rule_result.c.dataset == dataset)
    if period is not None:
        newest = newest.where(rule_result.c.period == period)
    chosen = newest.subquery()
    query = sa.select(*columns).join(
        chosen,
        (rule_result.c.batch_id == chosen.c.batch_id) & (rule_result.c.run_id == chosen.c.run_id),
    )
    return query.where(~rule_result.c.is_cross_file)


def record_landed(connection: Connection, seen: dict[str, Any]) -> None:
    """Notes that a landed file, as it is now, has been dealt with."""
    connection.execute(landed.delete().where(landed.c.path == seen["path"]))
    connection.execute(landed.insert(), seen)


def append_delivery(connection: Connection, entry: dict[str, Any]) -> None:
    """Adds one entry to the log, chained to the last one, and brings its slot up to date."""
    _LEDGER.append(connection, entry)
    place = Slot(entry["supplier_id"], entry["dataset"], entry["period"])
    known = connection.execute(sa.select(slot.c.batch_id).where(*_in_slot(slot, place))).first()
    if known is None:
        connection.execute(slot.insert(), {**vars(place), "is_correction_refused": False})
    change = _slot_after(entry)
    if change:
        connection.execute(slot.update().where(*_in_slot(slot, place)).values(**change))


def fold_slots(log: list[dict[str, Any]]) -> dict[Slot, dict[str, Any]]:
    """What the slots must hold according to the log; the independent account that `verify` compares with."""
    slots: dict[Slot, dict[str, Any]] = {}
    for entry in log:
        place = Slot(entry["supplier_id"], entry["dataset"], entry["period"])
        state = slots.setdefault(place, {"batch_id": None, "is_correction_refused": False})
        state.update(_slot_after(entry))
    return slots


def broken_entries(log: list[dict[str, Any]]) -> list[int]:
    """Numbers of the log entries whose chain does not hold: edited, deleted before, or put in between."""
    return _LEDGER.broken(log)


def _slot_after(entry: dict[str, Any]) -> dict[str, Any]:
    """What an entry changes in its slot: a refused correction leaves its predecessor current, and marked."""
    match entry["outcome"]:
        case "accepted" | "reinstated":
            return {"batch_id": entry["batch_id"], "is_correction_refused": False}
        case "decided":
            return {"batch_id": entry["batch_id"]}
        case "refused":
            return {"is_correction_refused": True}
        case _:
            return {}


def _in_slot(table: sa.Table, place: Slot) -> list[sa.ColumnElement[bool]]:
    return [
        table.c.supplier_id == place.supplier_id,
        table.c.dataset == place.dataset,
        table.c.period == place.period,
    ]


def _no_store(place: str) -> NoStore:
    return NoStore(
        Words("操作库尚未建立或尚未升级", "There is no operational store yet, or it has not been brought up to date"),
        where=place,
        expected=Words(f"结构版本 {HEAD}", f"schema at {HEAD}"),
        found=Words("没有，或版本较旧", "none, or an older one"),
        advice=Words("运行 warehouse run 或 warehouse status", "run: warehouse run, or: warehouse status"),
    )
