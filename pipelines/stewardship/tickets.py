"""Tickets: what one supplier's deliveries of a dataset keep breaking of one rule, as one piece of work with an owner.

A ticket opens with the first row that breaks the rule, closes itself with the run that finds none, and opens again with the
next. Who is to see to it and until when stands with it until it closes. Every step is an entry that is never changed, chained
to the one before. Belongs here: tickets in the operational store. Their rows are `open_rows`, what is decided on these
`decisions`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pipelines import written
from pipelines.actor import Actor
from pipelines.chain import Chain
from pipelines.errors import WarehouseError, Words
from pipelines.store import Store, metadata, now

Step = Literal["opened", "closed", "reopened", "assigned", "noted"]

STEPS: dict[Step, Words] = {
    "opened": Words("新出现", "Opened"),
    "closed": Words("已消除", "Closed"),
    "reopened": Words("再次出现", "Opened again"),
    "assigned": Words("交办", "Assigned"),
    "noted": Words("备注", "Noted"),
}
_LONGEST = {"assignee": 60, "note": 500}

ticket = sa.Table(
    "ticket", metadata,
    sa.Column("ticket_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("supplier_id", sa.String, nullable=False),
    sa.Column("dataset", sa.String, nullable=False),
    sa.Column("rule_id", sa.String, nullable=False),
    # What follows from the steps:
    sa.Column("state", sa.String, nullable=False),  # open | closed
    sa.Column("rows", sa.Integer, nullable=False),
    sa.Column("opened_at", sa.String, nullable=False),  # for the last time
    sa.Column("closed_at", sa.String),
    sa.Column("assignee", sa.String),
    sa.Column("due_date", sa.String),
    sa.Column("steps", sa.Integer, nullable=False),
    sa.UniqueConstraint("supplier_id", "dataset", "rule_id"),
)  # fmt: skip
ticket_step = sa.Table(
    "ticket_step", metadata,
    sa.Column("ticket_id", sa.Integer, sa.ForeignKey("ticket.ticket_id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", sa.String, nullable=False),
    sa.Column("actor_kind", sa.String, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("step", sa.String, nullable=False),
    sa.Column("detail", sa.String, nullable=False),  # JSON: rows; or assignee, due_date, note
    sa.Column("previous_hash", sa.String, nullable=False),
    sa.Column("entry_hash", sa.String, nullable=False),
)  # fmt: skip
_STEPS = Chain(ticket_step, ("ticket_id", "number", "at", "actor_kind", "actor", "step", "detail"))


class TicketError(WarehouseError):
    """A step that a ticket cannot take; the store is as it was."""


@dataclass(frozen=True)
class Subject:
    """What a ticket is about: there is one about it, open or closed."""

    supplier_id: str
    dataset: str
    rule_id: str


@dataclass(frozen=True)
class Ticket:
    """A ticket as its steps have made it; `rows` break the rule now."""

    ticket_id: int
    subject: Subject
    is_open: bool
    rows: int
    opened_at: str
    closed_at: str | None
    assignee: str
    due: date | None
    steps: int

    def is_overdue(self, today: date) -> bool:
        return self.is_open and self.due is not None and self.due < today


@dataclass(frozen=True)
class Reconciled:
    """Tickets that a run opened, closed and opened again."""

    opened: tuple[int, ...] = ()
    closed: tuple[int, ...] = ()
    reopened: tuple[int, ...] = ()


class Tickets:
    """The tickets of a store. Each step is one transaction; TicketError says why one cannot be taken."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self) -> list[Ticket]:
        """Every ticket by number."""
        return [_ticket(row) for row in self._store.rows(sa.select(ticket).order_by(ticket.c.ticket_id))]

    def ticket(self, ticket_id: int) -> Ticket:
        """TicketError where there is none of this number."""
        found = self._store.rows(sa.select(ticket).where(ticket.c.ticket_id == ticket_id))
        if not found:
            raise _no_such(ticket_id)
        return _ticket(found[0])

    def steps(self, ticket_id: int) -> list[dict[str, Any]]:
        """What happened to a ticket, oldest first; `detail` is read."""
        query = sa.select(ticket_step).where(ticket_step.c.ticket_id == ticket_id).order_by(ticket_step.c.number)
        return [row | {"detail": json.loads(row["detail"])} for row in self._store.rows(query)]

    def assign(self, ticket_id: int, actor: Actor, today: date, *, assignee: str, due: date | None, note: str = "") -> None:
        """Says who is to see to an open ticket, and until when."""
        if due is not None and due < today:
            raise TicketError(
                Words("办结期限无效", "The due date cannot be taken"), where="due",
                expected=Words(f"{today} 或之后", f"a day from {today} on"), found=Words(f"{due}", f"{due}"),
                advice=Words("填写以后的日期", "give a later day"),
            )  # fmt: skip
        detail = {
            "assignee": _checked("assignee", Words("承办人", "assignee"), assignee, required=True),
            "due_date": due.isoformat() if due else None,
            "note": _checked("note", Words("备注", "note"), note),
        }
        self._step(ticket_id, "assigned", actor, detail)

    def note(self, ticket_id: int, actor: Actor, note: str) -> None:
        """Adds a remark."""
        self._step(ticket_id, "noted", actor, {"note": _checked("note", Words("备注", "note"), note, required=True)})

    def reconcile(self, broken: Mapping[Subject, int], actor: Actor) -> Reconciled:
        """Opens, closes and reopens tickets by how many rows break which rule now; a second time changes nothing."""
        opened, closed, reopened = [], [], []
        with self._store.transaction() as connection:
            known = {_ticket(dict(row)).subject: _ticket(dict(row)) for row in connection.execute(sa.select(ticket)).mappings()}
            for subject in sorted(broken.keys() - known.keys(), key=lambda one: tuple(vars(one).values())):
                ticket_id = _insert(connection, subject)
                _append(connection, ticket_id, actor, "opened", {"rows": broken[subject]})
                opened.append(ticket_id)
            for subject, one in known.items():
                rows = broken.get(subject, 0)
                if one.is_open and not rows:
                    _append(connection, one.ticket_id, actor, "closed", {"rows": 0})
                    closed.append(one.ticket_id)
                elif rows and not one.is_open:
                    _append(connection, one.ticket_id, actor, "reopened", {"rows": rows})
                    reopened.append(one.ticket_id)
                elif rows != one.rows:
                    connection.execute(ticket.update().where(ticket.c.ticket_id == one.ticket_id).values(rows=rows))
        return Reconciled(tuple(opened), tuple(closed), tuple(reopened))

    def _step(self, ticket_id: int, step: Step, actor: Actor, detail: Mapping[str, Any]) -> None:
        with self._store.transaction() as connection:
            query = sa.select(ticket).where(ticket.c.ticket_id == ticket_id).with_for_update()
            if connection.execute(query).first() is None:
                raise _no_such(ticket_id)
            _append(connection, ticket_id, actor, step, detail)


def broken_tickets(store: Store) -> list[int]:
    """Numbers of the tickets whose steps were changed, deleted or put in between, or that are not what these make."""
    steps: dict[int, list[dict[str, Any]]] = {}
    for entry in store.rows(sa.select(ticket_step).order_by(ticket_step.c.number)):
        steps.setdefault(entry["ticket_id"], []).append(entry)
    made = store.rows(sa.select(ticket).order_by(ticket.c.ticket_id))
    return [row["ticket_id"] for row in made if not _is_whole(row, steps.get(row["ticket_id"], []))]


def _is_whole(row: Mapping[str, Any], steps: list[dict[str, Any]]) -> bool:
    if not steps or _STEPS.broken(steps):
        return False
    folded: dict[str, Any] = {}
    for entry in steps:
        folded |= _after(entry)
    # How many rows it has now is counted anew by each run, without a step of its own.
    return all(folded[name] == row[name] for name in folded if name != "rows")


def _insert(connection: Connection, subject: Subject) -> int:
    inserted = connection.execute(ticket.insert().values(**vars(subject), state="open", rows=0, opened_at=now(), steps=0))
    key = inserted.inserted_primary_key
    assert key is not None  # the database numbers tickets
    return int(key[0])


def _append(connection: Connection, ticket_id: int, actor: Actor, step: Step, detail: Mapping[str, Any]) -> None:
    entry = {
        "ticket_id": ticket_id, "at": now(), "actor_kind": actor.kind, "actor": actor.name, "step": step,
        "detail": json.dumps(detail, ensure_ascii=False, sort_keys=True),
    }  # fmt: skip
    added = _STEPS.append(connection, entry, ticket_step.c.ticket_id == ticket_id)
    connection.execute(ticket.update().where(ticket.c.ticket_id == ticket_id).values(**_after(added)))


def _after(entry: Mapping[str, Any]) -> dict[str, Any]:
    """What a step makes of its ticket."""
    made: dict[str, Any] = {"steps": entry["number"]}
    detail = json.loads(entry["detail"])
    match entry["step"]:
        case "opened" | "reopened":
            made |= {"state": "open", "rows": detail["rows"], "opened_at": entry["at"], "closed_at": None}
            made |= {"assignee": None, "due_date": None}
        case "closed":
            made |= {"state": "closed", "rows": 0, "closed_at": entry["at"]}
        case "assigned":
            made |= {"assignee": detail["assignee"], "due_date": detail["due_date"]}
    return made


def _ticket(row: Mapping[str, Any]) -> Ticket:
    due = None if row["due_date"] is None else date.fromisoformat(row["due_date"])
    return Ticket(
        row["ticket_id"], Subject(row["supplier_id"], row["dataset"], row["rule_id"]), row["state"] == "open", row["rows"],
        row["opened_at"], row["closed_at"], row["assignee"] or "", due, row["steps"],
    )  # fmt: skip


def _checked(name: str, title: Words, text: str, *, required: bool = False) -> str:
    try:
        return written.checked(name, title, text, _LONGEST[name], required=required)
    except written.NotForKeeping as error:
        raise TicketError(**error.said) from None


def _no_such(ticket_id: int) -> TicketError:
    return TicketError(
        Words("没有这个工单", "There is no such ticket"),
        where=f"{ticket_id}",
        expected=Words("warehouse steward list 列出的编号", "a number that warehouse steward list shows"),
        found=Words(f"编号 {ticket_id}", f"number {ticket_id}"),
        advice=Words("核对编号", "look the number up"),
    )
