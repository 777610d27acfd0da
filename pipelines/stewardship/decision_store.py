"""Decisions in the operational store, as proposals that are about one delivered row (`proposal_store`)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pipelines.actor import Actor
from pipelines.errors import Words
from pipelines.stewardship.decisions import (
    NEEDS_APPROVAL,
    Decision,
    DecisionError,
    Draft,
    NoSuchDecision,
    Row,
)
from pipelines.stewardship.proposal_store import Proposals, as_json, proposal_log, standing
from pipelines.stewardship.proposals import STATES, State, checked_reason
from pipelines.store import Slot, Store

DECISIONS = proposal_log(
    "decision", "decision_id",
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("supplier_id", sa.String, nullable=False),
    sa.Column("dataset", sa.String, nullable=False),
    sa.Column("period", sa.String, nullable=False),
    sa.Column("batch_id", sa.String, nullable=False),
    sa.Column("row_number", sa.Integer, nullable=False),
    sa.Column("digest", sa.String, nullable=False),  # of the row's protected content
    sa.Column("content", sa.String, nullable=False),  # JSON, see decisions.Draft
    sa.Column("reason", sa.String, nullable=False),
    sa.Index("decision_by_slot", "dataset", "period", "supplier_id"),
)  # fmt: skip
decision = DECISIONS.table


class Decisions(Proposals[Decision]):
    """The decisions of a store. Each step is one transaction; DecisionError says why one cannot be taken."""

    log, error, missing = DECISIONS, DecisionError, NoSuchDecision

    def in_force(self) -> list[Decision]:
        """Those that act on data now, in the order in which they were made."""
        return self._found(decision.c.state == "in_force")

    def of_slot(self, slot: Slot) -> list[Decision]:
        """Every decision on rows of a slot."""
        return self._found(_in_slot(slot))

    def decision(self, decision_id: int) -> Decision:
        """NoSuchDecision where there is none of this number."""
        return self._one(decision_id)

    def make(self, drafts: Iterable[Draft], actor: Actor) -> list[int]:
        """Makes decisions, all of them or none; their numbers.

        Those that a second person has to approve are proposed, the others are in force at once. DecisionError where a
        row has one in force already: that one is withdrawn first.
        """
        with self._store.transaction() as connection:
            return self.make_within(connection, drafts, actor)

    def make_within(self, connection: Connection, drafts: Iterable[Draft], actor: Actor) -> list[int]:
        """The same inside a transaction of the caller's, as corrections that suppliers send come with their file."""
        return [self._make(connection, draft, actor) for draft in drafts]

    def _make(self, connection: Connection, draft: Draft, actor: Actor) -> int:
        self._end_earlier(connection, draft, actor)
        is_proposed = self._two_persons and draft.kind in NEEDS_APPROVAL
        state: State = "proposed" if is_proposed else "in_force"
        made = {
            "kind": draft.kind, **vars(draft.row.slot), "batch_id": draft.row.batch_id,
            "row_number": draft.row.row_number, "digest": draft.row.digest, "content": as_json(draft.content),
            "reason": checked_reason(draft.reason, DecisionError),
        }  # fmt: skip
        return self.log.make(connection, made, state, actor)

    def _end_earlier(self, connection: Connection, draft: Draft, actor: Actor) -> None:
        """A row has one open decision. Having been sent back is over as soon as something else is decided, and whatever
        was decided is over when its supplier corrects the row."""
        query = sa.select(decision).where(
            _in_slot(draft.row.slot),
            decision.c.digest == draft.row.digest, decision.c.row_number == draft.row.row_number,
            decision.c.state.in_(("proposed", "in_force")),
        )  # fmt: skip
        for known in connection.execute(query).mappings().all():
            if draft.kind == "replace" or (known["kind"] == "send_back" and draft.kind != "send_back"):
                self.log.append(connection, known["decision_id"], actor, "withdrawn", draft.kind)
            elif known["kind"] not in ("same_person", "other_person") or known["content"] == as_json(draft.content):
                raise _decided_already(self._read(dict(known)))

    @staticmethod
    def _read(row: Mapping[str, Any]) -> Decision:
        slot = Slot.of(row)
        about = Row(slot, row["batch_id"], row["row_number"], row["digest"])
        draft = Draft(row["kind"], about, row["reason"], json.loads(row["content"]))
        return Decision(row["decision_id"], draft, **standing(row))


def broken_decisions(store: Store) -> list[int]:
    """Numbers of the decisions whose steps were changed, deleted or put in between, or that are not what these make."""
    return DECISIONS.broken(store)


def _in_slot(slot: Slot) -> sa.ColumnElement[bool]:
    return sa.and_(*(decision.c[name] == value for name, value in vars(slot).items()))


def _decided_already(known: Decision) -> DecisionError:
    return DecisionError(
        Words("这一行已有裁定", "The row has a decision already"),
        where=f"{known.decision_id}",
        expected=Words("一行同时只有一个未撤回的裁定", "one decision on a row at a time"),
        found=Words(f"裁定 {known.decision_id}：{STATES[known.state].zh}", f"decision {known.decision_id}: {known.state}"),
        advice=Words(f"先撤回裁定 {known.decision_id}", f"withdraw decision {known.decision_id} first"),
    )
