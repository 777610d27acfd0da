"""Changes of rules in the operational store, as proposals that are about one rule of a dataset (`proposal_store`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pipelines.actor import Actor
from pipelines.errors import Words
from pipelines.settings import Home
from pipelines.stewardship.proposal_store import Proposals, as_json, proposal_log, standing
from pipelines.stewardship.proposals import State
from pipelines.stewardship.rule_changes import (
    NoSuchRuleChange,
    RuleChange,
    RuleChangeError,
    RuleDraft,
    RulesInForce,
    checked_draft,
)
from pipelines.store import NoStore, Store

RULE_CHANGES = proposal_log(
    "rule_change", "change_id",
    sa.Column("dataset", sa.String, nullable=False),
    sa.Column("rule_id", sa.String, nullable=False),
    sa.Column("content", sa.String, nullable=False),  # JSON, see rule_changes.RuleDraft
    sa.Column("first_month", sa.String, nullable=False),
    sa.Column("last_month", sa.String),
    sa.Column("reason", sa.String, nullable=False),
    about=("dataset", "rule_id"),
)  # fmt: skip
rule_change = RULE_CHANGES.table


class RuleChanges(Proposals[RuleChange]):
    """The changes of a store. Each step is one transaction; RuleChangeError says why one cannot be taken."""

    log, error, missing = RULE_CHANGES, RuleChangeError, NoSuchRuleChange

    def change(self, change_id: int) -> RuleChange:
        """NoSuchRuleChange where there is none of this number."""
        return self._one(change_id)

    def in_force(self) -> RulesInForce:
        """The contracts as the changes in force leave them."""
        return RulesInForce.of(self.all())

    def propose(self, draft: RuleDraft, actor: Actor) -> int:
        """Proposes a change; its number. Where one person may decide it is in force at once.

        RuleChangeError where another change of the rule waits for approval: changes come into force in their order.
        """
        checked = checked_draft(draft)
        state: State = "proposed" if self._two_persons else "in_force"
        with self._store.transaction() as connection:
            _require_none_waiting(connection, checked)
            return self.log.make(connection, _columns(checked), state, actor)

    @staticmethod
    def _read(row: Mapping[str, Any]) -> RuleChange:
        draft = RuleDraft(
            row["dataset"], row["rule_id"], json.loads(row["content"]), row["first_month"], row["last_month"], row["reason"]
        )
        return RuleChange(row["change_id"], draft, **standing(row))


def put_in_force(scratch: Store, change: RuleChange) -> None:
    """Enters a change into the store of a scratch root as one that is in force, whatever it is in its own."""
    made = {"at": change.at, "actor_kind": change.by.kind, "actor": change.by.name, "note": "", "steps": 0}
    RULE_CHANGES.put_in_force(scratch, {"change_id": change.change_id, **_columns(change.draft), **made})


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
    return RULE_CHANGES.broken(store)


def _columns(draft: RuleDraft) -> dict[str, Any]:
    return {**vars(draft), "content": as_json(draft.content)}


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
