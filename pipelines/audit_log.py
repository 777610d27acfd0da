"""The audit log: who signed in, was refused, took figures away, wrote or changed users; append-only and chained by hash.

Belongs here: its table, adding an entry, reading and verifying it. The gates that an edition passes are in `audit.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pipelines.actor import Actor
from pipelines.chain import START, Chain
from pipelines.errors import Words
from pipelines.store import Store, metadata

Action = Literal[
    "sign_in", "sign_in_refused", "sign_out", "refused", "download", "follow_up", "objection", "row_viewed", "decision",
    "rule_change", "acknowledge", "link_made", "account_added", "account_changed", "password_set", "backup_made", "restored",
]  # fmt: skip
ACTIONS: dict[Action, Words] = {
    "sign_in": Words("登录", "Sign-in"),
    "sign_in_refused": Words("登录被拒", "Sign-in refused"),
    "sign_out": Words("退出", "Sign-out"),
    "refused": Words("越权被拒", "Refused"),
    "download": Words("下载", "Download"),
    "follow_up": Words("督办办理", "Follow-up"),
    "objection": Words("异议办理", "Objection"),
    "row_viewed": Words("查看问题行", "Row viewed"),
    "decision": Words("裁定", "Decision"),
    "rule_change": Words("规则调整", "Rule change"),
    "acknowledge": Words("确认告警", "Alert acknowledged"),
    "link_made": Words("生成一次性链接", "One-time link"),
    "account_added": Words("新增用户", "Account added"),
    "account_changed": Words("变更用户", "Account changed"),
    "password_set": Words("设置密码", "Password set"),
    "backup_made": Words("备份", "Backup made"),
    "restored": Words("从备份恢复", "Restored from a backup"),
}
LONGEST_SUBJECT = 500

audit_event = sa.Table(
    "audit_event", metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", sa.String, nullable=False),
    sa.Column("actor_kind", sa.String, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("address", sa.String, nullable=False),  # the network address that asked; '' on the command line
    sa.Column("action", sa.String, nullable=False),
    sa.Column("subject", sa.String, nullable=False),  # the account, path or task that it is about
    sa.Column("detail", sa.String, nullable=False),
    sa.Column("previous_hash", sa.String, nullable=False),
    sa.Column("entry_hash", sa.String, nullable=False),
    sa.Index("audit_event_by_action", "action", "at"),
)  # fmt: skip
# One row: the last entry. Without it entries at the end could be taken away unseen; whoever appends holds it meanwhile.
audit_head = sa.Table(
    "audit_head", metadata,
    sa.Column("head_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("entry_hash", sa.String, nullable=False),
)  # fmt: skip
_LOG = Chain(audit_event, ("number", "at", "actor_kind", "actor", "address", "action", "subject", "detail"))


@dataclass(frozen=True)
class AuditVerification:
    """How many entries there are, which are damaged, and the last one as `NUMBER:HASH`, to be kept elsewhere."""

    entries: int
    damaged: list[int]
    is_head_lost: bool
    head: str

    @property
    def is_whole(self) -> bool:
        return not self.damaged and not self.is_head_lost


def hold(connection: Connection) -> None:
    """Until the transaction ends nobody else adds an entry."""
    connection.execute(sa.select(audit_head.c.number).with_for_update())


def record(
    connection: Connection, at: datetime, actor: Actor, action: Action, subject: str, *,
    detail: str = "", address: str = "",
) -> None:  # fmt: skip
    """Adds an entry, in the transaction of what it tells of. No texts that people wrote, no passwords, no figures."""
    hold(connection)
    added = _LOG.append(
        connection,
        {
            "at": at.isoformat(timespec="microseconds"), "actor_kind": actor.kind, "actor": actor.name,
            "address": address, "action": action, "subject": subject[:LONGEST_SUBJECT], "detail": detail[:LONGEST_SUBJECT],
        },
    )  # fmt: skip
    connection.execute(audit_head.update().values(number=added["number"], entry_hash=added["entry_hash"]))


def entries(
    store: Store, *, action: str | None = None, actor: str | None = None, last: int | None = None
) -> list[dict[str, Any]]:
    """Entries, the newest first: of an action or actor, and so many at most."""
    query = sa.select(audit_event).order_by(audit_event.c.number.desc()).limit(last)
    if action is not None:
        query = query.where(audit_event.c.action == action)
    if actor is not None:
        query = query.where(audit_event.c.actor == actor)
    return store.rows(query)


def verify_audit_log(store: Store, kept_head: str | None = None) -> AuditVerification:
    """Reads the whole log. `kept_head`: a `NUMBER:HASH` of before, which must still be in it."""
    log = store.rows(sa.select(audit_event).order_by(audit_event.c.number))
    (head,) = store.rows(sa.select(audit_head))
    return AuditVerification(
        len(log), _LOG.broken(log), not _ends_with(log, head) or not _has(log, kept_head), f"{head['number']}:{head['entry_hash']}"
    )


def _ends_with(log: Sequence[dict[str, Any]], head: dict[str, Any]) -> bool:
    last = log[-1] if log else {"number": 0, "entry_hash": START}
    return all(last[name] == head[name] for name in ("number", "entry_hash"))


def _has(log: Sequence[dict[str, Any]], kept_head: str | None) -> bool:
    return kept_head in (None, f"0:{START}") or any(f"{entry['number']}:{entry['entry_hash']}" == kept_head for entry in log)
