"""Changes of rules in the operational store.

Every step of a change (proposed, in force, refused, withdrawn) is an entry that is never changed, chained to the one before,
and an entry of the audit log; what a change is follows from its steps and is kept beside them for reading.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pipelines.actor import Actor
from pipelines.audit_log import record
from pipelines.chain import Chain
from pipelines.errors import Words
from pipelines.settings import Home
from pipelines.stewardship.decisions import STATES, State
from pipelines.stewardship.rule_changes import (
    NoSuchRuleChange,
    RuleChange,
    RuleChangeError,
    RuleDraft,
    RulesInForce,
    checked_draft,
    checked_text,
)
from pipelines.store import NoStore, Store, metadata, now

rule_change = sa.Table(
    "rule_change", metadata,
    sa.Column("change_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("dataset", sa.String, nullable=False),
    sa.Column("rule_id", sa.String, nullable=False),
    sa.Column("content", sa.String, nullable=False),  # JSON, see rule_changes.RuleDraft
    sa.Column("first_month", sa.String, nullable=False),
    sa.Column("last_month", sa.String),
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
)  # fmt: skip
rule_change_step = sa.Table(
    "rule_change_step", metadata,
    sa.Column("change_id", sa.Integer, sa.ForeignKey("rule_change.change_id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", sa.String, nullable=False),
    sa.Column("actor_kind", sa.String, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("step", sa.String, nullable=False),  # the state that it leads to
    sa.Column("detail", sa.String, nullable=False),  # of the first: what was proposed; of others: a note
    sa.Column("previous_hash", sa.String, nullable=False),
    sa.Column("entry_hash", sa.String, nullable=False),
)  # fmt: skip
_STEPS = Chain(rule_change_step, ("change_id", "number", "at", "actor_kind", "actor", "step", "detail"))


class RuleChanges:
    """The changes of a store. Each step is one transaction; RuleChangeError says why one cannot be taken."""

    def __init__(self, store: Store, *, two_persons: bool = True) -> None:
        self._store, self._two_persons = store, two_persons

    def all(self) -> list[RuleChange]:
        """Every change by number, whatever became of it."""
        return [_change(row) for row in self._store.rows(sa.select(rule_change).order_by(rule_change.c.change_id))]

    def change(self, change_id: int) -> RuleChange:
        """NoSuchRuleChange where there is none of this number."""
        found = self._store.rows(sa.select(rule_change).where(rule_change.c.change_id == change_id))
        if not found:
            raise NoSuchRuleChange(change_id)
        return _change(found[0])

    def in_force(self) -> RulesInForce:
        """The contracts as the changes in force leave them."""
        return RulesInForce.of(self.all())

    def steps(self, change_id: int) -> list[dict[str, Any]]:
        """What happened to a change, oldest first."""
        query = sa.select(rule_change_step).where(rule_change_step.c.change_id == change_id)
        return self._store.rows(query.order_by(rule_change_step.c.number))

    def propose(self, draft: RuleDraft, actor: Actor) -> int:
        """Proposes a change; its number. Where one person may decide it is in force at once.

        RuleChangeError where another change of the rule waits for approval: changes come into force in their order.
        """
        checked = checked_draft(draft)
        state: State = "proposed" if self._two_persons else "in_force"
        with self._store.transaction() as connection:
            _require_none_waiting(connection, checked)
            made = vars(checked) | {"content": json.dumps(checked.content, ensure_ascii=False, sort_keys=True)}
            inserted = connection.execute(
                rule_change.insert().values(
                    **made, at=now(), actor_kind=actor.kind, actor=actor.name, state=state, note="", steps=0
                )
            )
            key = inserted.inserted_primary_key
            assert key is not None  # the database numbers changes
            _append(connection, int(key[0]), actor, state, json.dumps(made, ensure_ascii=False, sort_keys=True))
        return int(key[0])

    def approve(self, change_id: int, actor: Actor, note: str = "") -> None:
        """A second person lets a change come into force; the next run computes with it."""
        self._settle(change_id, "in_force", actor, note.strip() and checked_text("note", note))

    def refuse(self, change_id: int, actor: Actor, note: str) -> None:
        """A second person does not approve."""
        self._settle(change_id, "refused", actor, checked_text("note", note))

    def withdraw(self, change_id: int, actor: Actor, note: str) -> None:
        """Ends a change that is proposed or in force; the next run computes without it."""
        self._settle(change_id, "withdrawn", actor, checked_text("note", note))

    def _settle(self, change_id: int, state: State, actor: Actor, note: str) -> None:
        with self._store.transaction() as connection:
            query = sa.select(rule_change).where(rule_change.c.change_id == change_id).with_for_update()
            found = connection.execute(query).mappings().first()
            if found is None:
                raise NoSuchRuleChange(change_id)
            known = _change(dict(found))
            open_states = ("proposed", "in_force") if state == "withdrawn" else ("proposed",)
            if known.state not in open_states:
                raise _not_from_here(known, state)
            if state != "withdrawn" and known.by == actor:
                raise _by_the_same(known)
            _append(connection, change_id, actor, state, note)


def put_in_force(scratch: Store, change: RuleChange) -> None:
    """Enters a change into the store of a scratch root as one that is in force, whatever it is in its own."""
    draft = vars(change.draft) | {"content": json.dumps(change.draft.content, ensure_ascii=False, sort_keys=True)}
    with scratch.transaction() as connection:
        connection.execute(rule_change.delete().where(rule_change.c.change_id == change.change_id))
        connection.execute(
            rule_change.insert().values(
                **draft, change_id=change.change_id, at=change.at, actor_kind=change.by.kind, actor=change.by.name,
                state="in_force", note="", steps=0,
            )
        )  # fmt: skip


def rules_in_force(home: Home) -> RulesInForce:
    """The contracts as the changes in force in a data root leave them; as shipped where there is no store yet."""
    try:
        store = Store.of(home, read_only=True)
    except NoStore:
        return RulesInForce()
    try:
        return RuleChanges(store).in_force()
    finally:
        store.close()


def broken_rule_changes(store: Store) -> list[int]:
    """Numbers of the changes whose steps were changed, deleted or put in between, or that are not what these make."""
    steps: dict[int, list[dict[str, Any]]] = {}
    for entry in store.rows(sa.select(rule_change_step).order_by(rule_change_step.c.number)):
        steps.setdefault(entry["change_id"], []).append(entry)
    made = store.rows(sa.select(rule_change).order_by(rule_change.c.change_id))
    return [row["change_id"] for row in made if not _is_whole(row, steps.get(row["change_id"], []))]


def _is_whole(row: Mapping[str, Any], steps: list[dict[str, Any]]) -> bool:
    if not steps or _STEPS.broken(steps):
        return False
    folded: dict[str, Any] = json.loads(steps[0]["detail"])
    folded |= {name: steps[0][name] for name in ("at", "actor_kind", "actor")}
    for entry in steps:
        folded |= _after(entry)
    return folded == {name: row[name] for name in folded}


def _append(connection: Connection, change_id: int, actor: Actor, state: State, detail: str) -> None:
    """Adds a step, chained to the one before, and brings its change up to date."""
    entry = {
        "change_id": change_id, "at": now(), "actor_kind": actor.kind, "actor": actor.name, "step": state, "detail": detail,
    }  # fmt: skip
    added = _STEPS.append(connection, entry, rule_change_step.c.change_id == change_id)
    own = rule_change.c.change_id == change_id
    if added["number"] == 1:  # a change is as old as its first step
        connection.execute(rule_change.update().where(own).values(at=added["at"]))
    connection.execute(rule_change.update().where(own).values(**_after(added)))
    about = connection.execute(sa.select(rule_change.c.dataset, rule_change.c.rule_id).where(own)).one()
    record(connection, datetime.now(UTC), actor, "rule_change", f"{change_id} {about.dataset} {about.rule_id}", detail=state)


def _after(entry: Mapping[str, Any]) -> dict[str, Any]:
    """What a step makes of its change: the first makes it, a later one settles it."""
    made = {"state": entry["step"], "steps": entry["number"]}
    if entry["number"] > 1:
        made |= {
            "settled_at": entry["at"], "settled_actor_kind": entry["actor_kind"], "settled_actor": entry["actor"],
            "note": entry["detail"],
        }  # fmt: skip
    return made


def _change(row: Mapping[str, Any]) -> RuleChange:
    draft = RuleDraft(
        row["dataset"], row["rule_id"], json.loads(row["content"]), row["first_month"], row["last_month"], row["reason"]
    )
    settled = Actor(row["settled_actor_kind"], row["settled_actor"]) if row["settled_at"] else None
    return RuleChange(
        row["change_id"], draft, row["state"], row["at"], Actor(row["actor_kind"], row["actor"]), row["settled_at"], settled,
        row["note"],
    )  # fmt: skip


def _require_none_waiting(connection: Connection, draft: RuleDraft) -> None:
    query = sa.select(rule_change.c.change_id).where(
        rule_change.c.dataset == draft.dataset, rule_change.c.rule_id == draft.rule_id, rule_change.c.state == "proposed"
    )
    waiting = connection.execute(query).scalar()
    if waiting is not None:
        raise RuleChangeError(
            Words("这条规则已有待复核的调整", "A change of the rule waits for approval already"),
            where=f"{draft.dataset} {draft.rule_id}",
            expected=Words("一条规则同时只有一项待复核", "one change of a rule at a time"),
            found=Words(f"第 {waiting} 项待复核", f"change {waiting}"),
            advice=Words(f"先复核或撤回第 {waiting} 项", f"settle change {waiting} first"),
        )


def _not_from_here(known: RuleChange, state: State) -> RuleChangeError:
    return RuleChangeError(
        Words("规则调整不能这样处理", "The change cannot take this step"),
        where=f"{known.change_id}",
        expected=Words("待复核的调整；撤回也可对生效的", "one that waits for approval; or, to withdraw, one in force"),
        found=Words(f"{STATES[known.state].zh} → {STATES[state].zh}", f"{known.state} → {state}"),
        advice=Words("重新打开后再办理", "look at it again"),
    )


def _by_the_same(known: RuleChange) -> RuleChangeError:
    return RuleChangeError(
        Words("不能复核自己的调整", "Nobody approves a change of their own"),
        where=f"{known.change_id}",
        expected=Words("另一个人", "somebody else"),
        found=Words(known.by.name, known.by.name),
        advice=Words("请另一名数据管理员复核", "ask another steward"),
    )
