"""The objections to figures in the operational store.

Every step is an event that is never changed, chained to the one before; the first holds all that was contested. What an
objection is follows from its events and is kept beside them for reading.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from pipelines.actor import Actor
from pipelines.chain import Chain
from pipelines.objections import (
    LIVE,
    STEPS,
    Claim,
    Contested,
    ContestedAlready,
    Event,
    NamedRows,
    NoSuchObjection,
    Objection,
    Said,
    State,
    Step,
    Subject,
    changed_meanwhile,
    checked_claim,
    checked_step,
    not_from_here,
)
from pipelines.store import Slot, Store, metadata, now

_SUBJECT = ("unit_key", "kpi_id", "target_id", "period_type", "period")
_UNIT = ("unit_code", "unit_name", "owner_agency")
_SAID = ("edition_id", "value", "numerator", "denominator", "status", "certainty")
_IS_OPEN = sa.text("state = 'open'")

objection = sa.Table(
    "objection", metadata,
    sa.Column("objection_id", sa.Integer, primary_key=True, autoincrement=True),
    *(sa.Column(name, sa.String, nullable=False) for name in (*_SUBJECT, *_UNIT)),
    # What the edition said, as text: amounts are kept as they are written.
    *(sa.Column(name, sa.String, nullable=name not in ("edition_id", "status")) for name in _SAID),
    sa.Column("claim", sa.String, nullable=False),
    sa.Column("named_rows", sa.String, nullable=False),  # JSON: supplier_id, dataset, period, batch_id, rows
    sa.Column("due_date", sa.String, nullable=False),
    sa.Column("at", sa.String, nullable=False),
    sa.Column("actor_kind", sa.String, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("outcome", sa.String),
    sa.Column("answer", sa.String, nullable=False),
    sa.Column("events", sa.Integer, nullable=False),
    sa.Index("objection_open_once", *_SUBJECT, unique=True, sqlite_where=_IS_OPEN, postgresql_where=_IS_OPEN),
)  # fmt: skip
objection_event = sa.Table(
    "objection_event", metadata,
    sa.Column("objection_id", sa.Integer, sa.ForeignKey("objection.objection_id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", sa.String, nullable=False),
    sa.Column("actor_kind", sa.String, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("detail", sa.String, nullable=False),  # JSON: of the first what was contested; of others outcome and note
    sa.Column("previous_hash", sa.String, nullable=False),
    sa.Column("entry_hash", sa.String, nullable=False),
)  # fmt: skip
_EVENTS = Chain(objection_event, ("objection_id", "number", "at", "actor_kind", "actor", "state", "detail"))


class Objections:
    """The objections of a store. Each step is one transaction; ObjectionError says why one cannot be taken."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self) -> list[Objection]:
        """Every objection by number."""
        return self._found(sa.true())

    def live(self) -> list[Objection]:
        """Those that have not ended, by number."""
        return self._found(objection.c.state.in_(LIVE))

    def about(self, subject: Subject) -> list[Objection]:
        """Every objection to a figure, by number."""
        values = _texts(vars(subject))
        return self._found(sa.and_(*(objection.c[name] == values[name] for name in _SUBJECT)))

    def objection(self, objection_id: int) -> Objection:
        """NoSuchObjection where there is none of this number."""
        found = self._found(objection.c.objection_id == objection_id)
        if not found:
            raise NoSuchObjection(objection_id)
        return found[0]

    def events(self, objection_id: int) -> list[Event]:
        """What happened to an objection, oldest first."""
        query = sa.select(objection_event).where(objection_event.c.objection_id == objection_id)
        return [_event(row) for row in self._store.rows(query.order_by(objection_event.c.number))]

    def open(self, claim: Claim, actor: Actor, today: date) -> int:
        """A new objection; its number. ContestedAlready where one to this figure waits for its answer."""
        made = _made(checked_claim(claim, today))
        try:
            with self._store.transaction() as connection:
                return _insert(connection, made, actor)
        except IntegrityError as error:  # of the index over open ones
            known = [one for one in self.about(claim.contested.subject) if one.state == "open"]
            if not known:
                raise
            raise ContestedAlready(known[0].objection_id) from error

    def step(self, objection_id: int, step: Step, actor: Actor, *, seen: int | None = None) -> None:
        """Takes an objection one step further. `seen`: how many events the actor knew of; refused where there are more."""
        with self._store.transaction() as connection:
            query = sa.select(objection).where(objection.c.objection_id == objection_id).with_for_update()
            row = connection.execute(query).mappings().first()
            if row is None:
                raise NoSuchObjection(objection_id)
            known = _objection(dict(row))
            if seen is not None and seen != known.events:
                raise changed_meanwhile(known)
            if known.state not in STEPS.get(step.to, ()):
                raise not_from_here(known, step.to)
            kept = checked_step(step)
            _append(connection, objection_id, actor, kept.to, {"outcome": kept.outcome, "note": kept.note})

    def _found(self, condition: sa.ColumnElement[bool]) -> list[Objection]:
        query = sa.select(objection).where(condition).order_by(objection.c.objection_id)
        return [_objection(row) for row in self._store.rows(query)]


def broken_objections(store: Store) -> list[int]:
    """Numbers of the objections whose events were changed, deleted or put in between, or that are not what these make."""
    events: dict[int, list[dict[str, Any]]] = {}
    for entry in store.rows(sa.select(objection_event).order_by(objection_event.c.number)):
        events.setdefault(entry["objection_id"], []).append(entry)
    made = {row["objection_id"]: row for row in store.rows(sa.select(objection))}
    return [one for one in sorted(made.keys() | events.keys()) if not _is_whole(one, made.get(one), events.get(one, []))]


def _is_whole(objection_id: int, row: Mapping[str, Any] | None, events: list[dict[str, Any]]) -> bool:
    """Whether the chain of an objection's events holds, and folding them gives the objection, column by column."""
    folded: dict[str, Any] = {"objection_id": objection_id}
    for entry in events:
        folded |= _after(entry)
    return not _EVENTS.broken(events) and folded == row


def _insert(connection: Connection, made: Mapping[str, Any], actor: Actor) -> int:
    placed = {**made, "at": "", "actor_kind": actor.kind, "actor": actor.name, "state": "open", "answer": "", "events": 0}
    key = connection.execute(objection.insert().values(**placed)).inserted_primary_key
    assert key is not None  # the database numbers objections
    _append(connection, int(key[0]), actor, "open", made)
    return int(key[0])


def _append(connection: Connection, objection_id: int, actor: Actor, state: State, detail: Mapping[str, Any]) -> None:
    """Adds an event, chained to the one before, and brings its objection up to date."""
    entry = {
        "objection_id": objection_id, "at": now(), "actor_kind": actor.kind, "actor": actor.name, "state": state,
        "detail": json.dumps(detail, ensure_ascii=False, sort_keys=True),
    }  # fmt: skip
    added = _EVENTS.append(connection, entry, objection_event.c.objection_id == objection_id)
    connection.execute(objection.update().where(objection.c.objection_id == objection_id).values(**_after(added)))


def _after(entry: Mapping[str, Any]) -> dict[str, Any]:
    """What an event makes of its objection: the first makes it, an answer settles it."""
    detail = json.loads(entry["detail"])
    made: dict[str, Any] = {"state": entry["state"], "events": entry["number"]}
    if entry["state"] == "open":
        made |= {**detail, "at": entry["at"], "actor_kind": entry["actor_kind"], "actor": entry["actor"]}
        made |= {"outcome": None, "answer": ""}
    elif entry["state"] == "answered":
        made |= {"outcome": detail["outcome"], "answer": detail["note"]}
    return made


def _made(claim: Claim) -> dict[str, str | None]:
    """The columns that opening an objection fills."""
    contested = claim.contested
    unit = {name: getattr(contested, name) for name in _UNIT}
    rows = [{**vars(one.slot), "batch_id": one.batch_id, "rows": one.rows} for one in claim.rows]
    return _texts({**vars(contested.subject), **unit, **vars(contested.said)}) | {
        "claim": claim.words, "due_date": claim.due.isoformat(),
        "named_rows": json.dumps(rows, ensure_ascii=False, sort_keys=True),
    }  # fmt: skip


def _texts(values: Mapping[str, Any]) -> dict[str, str | None]:
    return {name: None if value is None else str(value) for name, value in values.items()}


def _objection(row: Mapping[str, Any]) -> Objection:
    period = date.fromisoformat(row["period"])
    subject = Subject(row["unit_key"], row["kpi_id"], row["target_id"], row["period_type"], period)
    said = Said(
        row["edition_id"], None if row["value"] is None else float(row["value"]), _amount(row["numerator"]),
        _amount(row["denominator"]), row["status"], row["certainty"],
    )  # fmt: skip
    contested = Contested(subject, row["unit_code"], row["unit_name"], row["owner_agency"], said)
    rows = tuple(
        NamedRows(Slot(one["supplier_id"], one["dataset"], one["period"]), one["batch_id"], tuple(one["rows"]))
        for one in json.loads(row["named_rows"])
    )
    return Objection(
        row["objection_id"], Claim(contested, row["claim"], date.fromisoformat(row["due_date"]), rows), row["at"],
        Actor(row["actor_kind"], row["actor"]), row["state"], row["outcome"], row["answer"], row["events"],
    )  # fmt: skip


def _event(row: Mapping[str, Any]) -> Event:
    detail = json.loads(row["detail"])
    note = detail["claim"] if row["state"] == "open" else detail["note"]
    actor = Actor(row["actor_kind"], row["actor"])
    return Event(row["number"], row["at"], actor, row["state"], detail.get("outcome"), note)


def _amount(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
