"""Proposals in the operational store.

Every step of a proposal (made, approved, refused, withdrawn) is an entry that is never changed, chained to the one before, and
an entry of the audit log; what a proposal is follows from its steps and is kept beside them for reading. Belongs here: tables,
steps and their proof. What is proposed, and what it takes to propose it, stands with each kind.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pipelines import audit_log
from pipelines.actor import Actor
from pipelines.audit_log import Action
from pipelines.chain import Chain
from pipelines.stewardship.proposals import NoSuchProposal, Proposal, ProposalError, State, checked_reason
from pipelines.store import Store, metadata, now

Kind = TypeVar("Kind", bound=Proposal)


@dataclass(frozen=True)
class ProposalLog:
    """The two tables of a kind of proposals: `table`, with where each stands, and `<its name>_step`, whose first entry says
    what was proposed.

    `about`: the columns that tell the audit log what a proposal is about, beside its number.
    """

    action: Action
    table: sa.Table
    about: tuple[str, ...] = ()

    @cached_property
    def key(self) -> sa.Column[int]:
        (column,) = self.table.primary_key.columns
        return column

    @cached_property
    def steps(self) -> sa.Table:
        return metadata.tables[f"{self.table.name}_step"]

    @cached_property
    def chain(self) -> Chain:
        return Chain(self.steps, (self.key.name, "number", "at", "actor_kind", "actor", "step", "detail"))

    def make(self, connection: Connection, what: Mapping[str, Any], state: State, actor: Actor) -> int:
        """Makes a proposal of what its own columns hold, in this state; its number."""
        begun = {"at": now(), "actor_kind": actor.kind, "actor": actor.name, "state": state, "note": "", "steps": 0}
        inserted = connection.execute(self.table.insert().values(**what, **begun)).inserted_primary_key
        assert inserted is not None  # the database numbers proposals
        number = int(inserted[0])
        self.append(connection, number, actor, state, as_json(what))
        return number

    def append(self, connection: Connection, number: int, actor: Actor, state: State, detail: str) -> None:
        """Adds a step, chained to the one before, and brings its proposal up to date."""
        own = self.key == number
        entry = {
            self.key.name: number, "at": now(), "actor_kind": actor.kind, "actor": actor.name, "step": state, "detail": detail,
        }  # fmt: skip
        added = self.chain.append(connection, entry, self._of(number))
        if added["number"] == 1:  # a proposal is as old as its first step
            connection.execute(self.table.update().where(own).values(at=added["at"]))
        connection.execute(self.table.update().where(own).values(**_after(added)))
        subject = connection.execute(sa.select(self.key, *(self.table.c[name] for name in self.about)).where(own)).one()
        at = datetime.fromisoformat(added["at"])
        audit_log.record(connection, at, actor, self.action, " ".join(map(str, subject)), detail=state)

    def history(self, store: Store, number: int) -> list[dict[str, Any]]:
        """The steps of a proposal, oldest first."""
        return store.rows(sa.select(self.steps).where(self._of(number)).order_by(self.steps.c.number))

    def broken(self, store: Store) -> list[int]:
        """Numbers of the proposals whose steps were changed, deleted or put in between, or that are not what these make."""
        name, steps = self.key.name, dict[int, list[dict[str, Any]]]()
        for entry in store.rows(sa.select(self.steps).order_by(self.steps.c.number)):
            steps.setdefault(entry[name], []).append(entry)
        made = store.rows(sa.select(self.table).order_by(self.key))
        return [row[name] for row in made if not self._is_whole(row, steps.get(row[name], []))]

    def put_in_force(self, scratch: Store, row: Mapping[str, Any]) -> None:
        """Enters a proposal into the store of a scratch root as one that is in force, whatever it is in its own."""
        with scratch.transaction() as connection:
            connection.execute(self.table.delete().where(self.key == row[self.key.name]))
            connection.execute(self.table.insert().values(**{**row, "state": "in_force"}))

    def _of(self, number: int) -> sa.ColumnElement[bool]:
        return self.steps.c[self.key.name] == number

    def _is_whole(self, row: Mapping[str, Any], steps: list[dict[str, Any]]) -> bool:
        if not steps or self.chain.broken(steps):
            return False
        folded: dict[str, Any] = json.loads(steps[0]["detail"])
        folded |= {name: steps[0][name] for name in ("at", "actor_kind", "actor")}
        for entry in steps:
            folded |= _after(entry)
        return folded == {name: row[name] for name in folded}


def proposal_log(action: Action, key: str, *own: sa.schema.SchemaItem, about: tuple[str, ...] = ()) -> ProposalLog:
    """Declares the tables of a kind: its number, `own` columns (what is proposed) and indexes, and where it stands."""
    table = sa.Table(
        action, metadata,
        sa.Column(key, sa.Integer, primary_key=True, autoincrement=True),
        *own,
        sa.Column("at", sa.String, nullable=False),
        sa.Column("actor_kind", sa.String, nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        # What follows from the steps:
        sa.Column("state", sa.String, nullable=False),
        sa.Column("settled_at", sa.String),
        sa.Column("settled_actor_kind", sa.String),
        sa.Column("settled_actor", sa.String),
        sa.Column("note", sa.String, nullable=False),
        sa.Column("steps", sa.Integer, nullable=False),
    )  # fmt: skip
    sa.Table(
        f"{action}_step", metadata,
        sa.Column(key, sa.Integer, sa.ForeignKey(table.c[key]), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.String, nullable=False),
        sa.Column("actor_kind", sa.String, nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("step", sa.String, nullable=False),  # the state that it leads to
        sa.Column("detail", sa.String, nullable=False),  # of the first: what was proposed; of others: a note
        sa.Column("previous_hash", sa.String, nullable=False),
        sa.Column("entry_hash", sa.String, nullable=False),
    )  # fmt: skip
    return ProposalLog(action, table, about)


class Proposals(ABC, Generic[Kind]):
    """The proposals of a kind in a store. Each step is one transaction; the kind's error says why one cannot be taken."""

    log: ClassVar[ProposalLog]
    error: ClassVar[type[ProposalError]]
    missing: ClassVar[type[NoSuchProposal]]

    def __init__(self, store: Store, *, two_persons: bool = True) -> None:
        self._store, self._two_persons = store, two_persons

    @staticmethod
    @abstractmethod
    def _read(row: Mapping[str, Any]) -> Kind:
        """A row of the kind's table."""

    def all(self) -> list[Kind]:
        """Every proposal by number, whatever became of it."""
        return self._found(sa.true())

    def steps(self, number: int) -> list[dict[str, Any]]:
        """What happened to a proposal, oldest first."""
        return self.log.history(self._store, number)

    def approve(self, number: int, actor: Actor, note: str = "") -> None:
        """A second person lets a proposal come into force; the next run computes with it."""
        self._settle(number, "in_force", actor, checked_reason(note, self.error, required=False))

    def refuse(self, number: int, actor: Actor, note: str) -> None:
        """A second person does not approve."""
        self._settle(number, "refused", actor, checked_reason(note, self.error))

    def withdraw(self, number: int, actor: Actor, note: str) -> None:
        """Ends what is proposed or in force; the next run computes without it."""
        self._settle(number, "withdrawn", actor, checked_reason(note, self.error))

    def _one(self, number: int) -> Kind:
        found = self._found(self.log.key == number)
        if not found:
            raise self.missing(number)
        return found[0]

    def _found(self, condition: sa.ColumnElement[bool]) -> list[Kind]:
        query = sa.select(self.log.table).where(condition).order_by(self.log.key)
        return [self._read(row) for row in self._store.rows(query)]

    def _settle(self, number: int, state: State, actor: Actor, note: str) -> None:
        with self._store.transaction() as connection:
            query = sa.select(self.log.table).where(self.log.key == number).with_for_update()
            found = connection.execute(query).mappings().first()
            if found is None:
                raise self.missing(number)
            self._read(dict(found)).check_step(number, state, actor, self.error)
            self.log.append(connection, number, actor, state, note)


def standing(row: Mapping[str, Any]) -> dict[str, Any]:
    """Where a proposal stands, as the fields of `Proposal`."""
    return {
        "state": row["state"], "at": row["at"], "by": Actor(row["actor_kind"], row["actor"]), "settled_at": row["settled_at"],
        "settled_by": Actor(row["settled_actor_kind"], row["settled_actor"]) if row["settled_at"] else None, "note": row["note"],
    }  # fmt: skip


def as_json(content: Mapping[str, Any]) -> str:
    """What is proposed, as it is kept and hashed."""
    return json.dumps(content, ensure_ascii=False, sort_keys=True)


def _after(entry: Mapping[str, Any]) -> dict[str, Any]:
    """What a step makes of its proposal: the first makes it, a later one settles it."""
    made = {"state": entry["step"], "steps": entry["number"]}
    if entry["number"] > 1:
        made |= {
            "settled_at": entry["at"], "settled_actor_kind": entry["actor_kind"], "settled_actor": entry["actor"],
            "note": entry["detail"],
        }  # fmt: skip
    return made
