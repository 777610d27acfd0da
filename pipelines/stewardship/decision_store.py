"""Decisions in the operational store.

Every step of a decision (made, approved, refused, withdrawn) is an entry that is never changed, chained to the one before;
what a decision is follows from its steps and is kept beside them for reading.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pipelines import audit_log
from pipelines.actor import Actor
from pipelines.chain import Chain
from pipelines.errors import Words
from pipelines.stewardship.decisions import (
    NEEDS_APPROVAL,
    STATES,
    Decision,
    DecisionError,
    Draft,
    NoSuchDecision,
    Row,
    State,
    checked_reason,
)
from pipelines.store import Slot, Store, metadata, now

decision = sa.Table(
    "decision", metadata,
    sa.Column("decision_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("supplier_id", sa.String, nullable=False),
    sa.Column("dataset", sa.String, nullable=False),
    sa.Column("period", sa.String, nullable=False),
    sa.Column("batch_id", sa.String, nullable=False),
    sa.Column("row_number", sa.Integer, nullable=False),
    sa.Column("digest", sa.String, nullable=False),  # of the row's protected content
    sa.Column("content", sa.String, nullable=False),  # JSON, see decisions.Draft
    sa.Column("reason", sa.String, nullable=False),
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
    sa.Index("decision_by_slot", "dataset", "period", "supplier_id"),
)  # fmt: skip
decision_step = sa.Table(
    "decision_step", metadata,
    sa.Column("decision_id", sa.Integer, sa.ForeignKey("decision.decision_id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", sa.String, nullable=False),
    sa.Column("actor_kind", sa.String, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("step", sa.String, nullable=False),  # the state that it leads to
    sa.Column("detail", sa.String, nullable=False),  # of the first: what was decided; of others: a note
    sa.Column("previous_hash", sa.String, nullable=False),
    sa.Column("entry_hash", sa.String, nullable=False),
)  # fmt: skip
_STEPS = Chain(decision_step, ("decision_id", "number", "at", "actor_kind", "actor", "step", "detail"))
_MADE = (
    "kind", "supplier_id", "dataset", "period", "batch_id", "row_number", "digest", "content", "reason",
)  # fmt: skip


class Decisions:
    """The decisions of a store. Each step is one transaction; DecisionError says why one cannot be taken."""

    def __init__(self, store: Store, *, two_persons: bool = True) -> None:
        self._store, self._two_persons = store, two_persons

    def all(self) -> list[Decision]:
        """Every decision by number, whatever became of it."""
        return self._found(sa.true())

    def in_force(self) -> list[Decision]:
        """Those that act on data now, in the order in which they were made."""
        return self._found(decision.c.state == "in_force")

    def of_slot(self, slot: Slot) -> list[Decision]:
        """Every decision on rows of a slot."""
        return self._found(sa.and_(*(decision.c[name] == value for name, value in vars(slot).items())))

    def decision(self, decision_id: int) -> Decision:
        """NoSuchDecision where there is none of this number."""
        found = self._found(decision.c.decision_id == decision_id)
        if not found:
            raise NoSuchDecision(decision_id)
        return found[0]

    def steps(self, decision_id: int) -> list[dict[str, Any]]:
        """What happened to a decision, oldest first."""
        query = sa.select(decision_step).where(decision_step.c.decision_id == decision_id)
        return self._store.rows(query.order_by(decision_step.c.number))

    def make(self, drafts: Iterable[Draft], actor: Actor) -> list[int]:
        """Makes decisions, all of them or none; their numbers.

        Those that a second person has to approve are proposed, the others are in force at once. DecisionError where a
        row has one in force already: that one is withdrawn first.
        """
        with self._store.transaction() as connection:
            return [self._make(connection, draft, actor) for draft in drafts]

    def make_within(self, connection: Connection, drafts: Iterable[Draft], actor: Actor) -> list[int]:
        """The same inside a transaction of the caller's, as corrections that suppliers send come with their file."""
        return [self._make(connection, draft, actor) for draft in drafts]

    def _make(self, connection: Connection, draft: Draft, actor: Actor) -> int:
        self._end_earlier(connection, draft, actor)
        is_proposed = self._two_persons and draft.kind in NEEDS_APPROVAL
        state: State = "proposed" if is_proposed else "in_force"
        made = {
            "kind": draft.kind, **vars(draft.row.slot), "batch_id": draft.row.batch_id,
            "row_number": draft.row.row_number, "digest": draft.row.digest,
            "content": json.dumps(draft.content, ensure_ascii=False, sort_keys=True),
            "reason": checked_reason(draft.reason),
        }  # fmt: skip
        inserted = connection.execute(
            decision.insert().values(
                **made, at=now(), actor_kind=actor.kind, actor=actor.name, state=state, note="", steps=0
            )
        )
        key = inserted.inserted_primary_key
        assert key is not None  # the database numbers decisions
        _append(connection, int(key[0]), actor, state, json.dumps(made, ensure_ascii=False, sort_keys=True))
        return int(key[0])

    def _end_earlier(self, connection: Connection, draft: Draft, actor: Actor) -> None:
        """A row has one open decision. Having been sent back is over as soon as something else is decided, and whatever
        was decided is over when its supplier corrects the row."""
        slot, row = draft.row.slot, draft.row
        query = sa.select(decision).where(
            *(decision.c[name] == value for name, value in vars(slot).items()),
            decision.c.digest == row.digest, decision.c.row_number == row.row_number,
            decision.c.state.in_(("proposed", "in_force")),
        )  # fmt: skip
        for known in connection.execute(query).mappings().all():
            if draft.kind == "replace" or (known["kind"] == "send_back" and draft.kind != "send_back"):
                _append(connection, known["decision_id"], actor, "withdrawn", draft.kind)
            elif known["kind"] not in ("same_person", "other_person") or known["content"] == json.dumps(
                draft.content, ensure_ascii=False, sort_keys=True
            ):
                raise _decided_already(_decision(dict(known)))

    def approve(self, decision_id: int, actor: Actor, note: str = "") -> None:
        """A second person lets a proposed decision come into force. DecisionError where it is the one who made it."""
        self._settle(decision_id, "in_force", actor, note)

    def refuse(self, decision_id: int, actor: Actor, note: str) -> None:
        """A second person does not approve."""
        self._settle(decision_id, "refused", actor, checked_reason(note))

    def withdraw(self, decision_id: int, actor: Actor, note: str) -> None:
        """Ends a decision that is proposed or in force; the next run computes without it."""
        self._settle(decision_id, "withdrawn", actor, checked_reason(note))

    def _settle(self, decision_id: int, state: State, actor: Actor, note: str) -> None:
        with self._store.transaction() as connection:
            query = sa.select(decision).where(decision.c.decision_id == decision_id).with_for_update()
            found = connection.execute(query).mappings().first()
            if found is None:
                raise NoSuchDecision(decision_id)
            known = _decision(dict(found))
            open_states = ("proposed", "in_force") if state == "withdrawn" else ("proposed",)
            if known.state not in open_states:
                raise _not_from_here(known, state)
            if state != "withdrawn" and known.by == actor:
                raise _by_the_same(known)
            _append(connection, decision_id, actor, state, note.strip())

    def _found(self, condition: sa.ColumnElement[bool]) -> list[Decision]:
        query = sa.select(decision).where(condition).order_by(decision.c.decision_id)
        return [_decision(row) for row in self._store.rows(query)]


def broken_decisions(store: Store) -> list[int]:
    """Numbers of the decisions whose steps were changed, deleted or put in between, or that are not what these make."""
    steps: dict[int, list[dict[str, Any]]] = {}
    for entry in store.rows(sa.select(decision_step).order_by(decision_step.c.number)):
        steps.setdefault(entry["decision_id"], []).append(entry)
    made = store.rows(sa.select(decision).order_by(decision.c.decision_id))
    return [row["decision_id"] for row in made if not _is_whole(row, steps.get(row["decision_id"], []))]


def _is_whole(row: Mapping[str, Any], steps: list[dict[str, Any]]) -> bool:
    if not steps or _STEPS.broken(steps):
        return False
    folded: dict[str, Any] = json.loads(steps[0]["detail"])
    folded |= {name: steps[0][name] for name in ("at", "actor_kind", "actor")}
    for entry in steps:
        folded |= _after(entry)
    return folded == {name: row[name] for name in folded}


def _append(connection: Connection, decision_id: int, actor: Actor, state: State, detail: str) -> None:
    """Adds a step, chained to the one before, and brings its decision up to date."""
    entry = {
        "decision_id": decision_id, "at": now(), "actor_kind": actor.kind, "actor": actor.name, "step": state,
        "detail": detail,
    }  # fmt: skip
    added = _STEPS.append(connection, entry, decision_step.c.decision_id == decision_id)
    if added["number"] == 1:  # a decision is as old as its first step
        connection.execute(decision.update().where(decision.c.decision_id == decision_id).values(at=added["at"]))
    connection.execute(decision.update().where(decision.c.decision_id == decision_id).values(**_after(added)))
    audit_log.record(connection, datetime.fromisoformat(added["at"]), actor, "decision", f"{decision_id}", detail=state)


def _after(entry: Mapping[str, Any]) -> dict[str, Any]:
    """What a step makes of its decision: the first makes it, a later one settles it."""
    made = {"state": entry["step"], "steps": entry["number"]}
    if entry["number"] > 1:
        made |= {
            "settled_at": entry["at"], "settled_actor_kind": entry["actor_kind"], "settled_actor": entry["actor"],
            "note": entry["detail"],
        }  # fmt: skip
    return made


def _decision(row: Mapping[str, Any]) -> Decision:
    slot = Slot(row["supplier_id"], row["dataset"], row["period"])
    draft = Draft(
        row["kind"], Row(slot, row["batch_id"], row["row_number"], row["digest"]), row["reason"],
        json.loads(row["content"]),
    )  # fmt: skip
    settled = Actor(row["settled_actor_kind"], row["settled_actor"]) if row["settled_at"] else None
    return Decision(
        row["decision_id"], draft, row["state"], row["at"], Actor(row["actor_kind"], row["actor"]),
        row["settled_at"], settled, row["note"],
    )  # fmt: skip


def _decided_already(known: Decision) -> DecisionError:
    return DecisionError(
        Words("这一行已有裁定", "The row has a decision already"),
        where=f"{known.decision_id}",
        expected=Words("一行同时只有一个未撤回的裁定", "one decision on a row at a time"),
        found=Words(f"裁定 {known.decision_id}：{STATES[known.state].zh}", f"decision {known.decision_id}: {known.state}"),
        advice=Words(f"先撤回裁定 {known.decision_id}", f"withdraw decision {known.decision_id} first"),
    )


def _not_from_here(known: Decision, state: State) -> DecisionError:
    return DecisionError(
        Words("裁定不能这样处理", "The decision cannot take this step"),
        where=f"{known.decision_id}",
        expected=Words("待复核的裁定；撤回也可对生效的裁定", "one that waits for approval; or, to withdraw, one in force"),
        found=Words(f"{STATES[known.state].zh} → {STATES[state].zh}", f"{known.state} → {state}"),
        advice=Words("重新打开后再办理", "look at it again"),
    )


def _by_the_same(known: Decision) -> DecisionError:
    return DecisionError(
        Words("不能复核自己的裁定", "Nobody approves a decision of their own"),
        where=f"{known.decision_id}",
        expected=Words("另一个人", "somebody else"),
        found=Words(known.by.name, known.by.name),
        advice=Words("请另一名数据管理员复核", "ask another steward"),
    )
