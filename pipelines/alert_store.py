"""Alerts in the operational store, and the outbox: what each recipient was sent of them, and what is still to be sent.

An alert is open once at the most for a cause. What is sent follows from what is kept: a line of the outbox is waiting while the
version of its alert is not the one that was sent. Belongs here: keeping both. Who is told is said in `alert_audience.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pipelines import audit_log
from pipelines.account_store import Clock, text, utc_now
from pipelines.actor import Actor
from pipelines.alerts import Alert, Cause, Kind, Settled
from pipelines.errors import WarehouseError, Words
from pipelines.store import Store, metadata

CLAIMED = timedelta(minutes=5)  # for which a sender has what it took to itself; it may die
BACK_OFF, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=6)
Row = Mapping[str, Any] | sa.RowMapping
_IS_OPEN = sa.text("resolved_at is null")

alert = sa.Table(
    "alert", metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("subject", sa.String, nullable=False),
    sa.Column("zh", sa.String, nullable=False),
    sa.Column("en", sa.String, nullable=False),
    sa.Column("since", sa.String, nullable=False),
    sa.Column("areas", sa.String, nullable=False),  # codes, separated by spaces
    sa.Column("supplier_id", sa.String, nullable=False),
    sa.Column("weight", sa.Integer, nullable=False),
    sa.Column("raised_at", sa.String, nullable=False),
    sa.Column("changed_at", sa.String, nullable=False),
    sa.Column("resolved_at", sa.String),
    sa.Column("acknowledged_at", sa.String),
    sa.Column("acknowledged_by", sa.String),
    sa.Column("agency", sa.String, nullable=False, server_default=""),
    sa.Index("alert_open_once", "kind", "subject", unique=True, sqlite_where=_IS_OPEN, postgresql_where=_IS_OPEN),
)  # fmt: skip
alert_message = sa.Table(
    "alert_message", metadata,
    sa.Column("alert", sa.Integer, sa.ForeignKey("alert.number"), primary_key=True, autoincrement=False),
    sa.Column("channel", sa.String, primary_key=True),
    sa.Column("recipient", sa.String, primary_key=True),
    sa.Column("version", sa.String, nullable=False),  # of the alert, that the recipient is to know
    sa.Column("due_at", sa.String, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),  # that failed since something was sent
    sa.Column("error", sa.String),  # the type alone: a server's answer may quote an address
    sa.Column("sent_version", sa.String),
    sa.Column("sent_at", sa.String),
)  # fmt: skip
_IS_WAITING = alert_message.c.sent_version.is_distinct_from(alert_message.c.version)


@dataclass(frozen=True)
class Box:
    """Where messages go: by mail to an account (`user:NAME`) or the mailbox of a role (`role:ROLE`), or to a webhook."""

    channel: str
    recipient: str


@dataclass(frozen=True)
class Claim:
    """What one message will tell: of these alerts, in these versions."""

    box: Box
    versions: Mapping[int, str]


class NoSuchAlert(WarehouseError):
    """No alert has this number, or none that this reader is told of."""

    def __init__(self, number: int) -> None:
        super().__init__(
            Words("没有这条告警", "There is no such alert"),
            where=f"{number}",
            expected=Words("告警清单中的编号", "a number of the list of alerts"),
            found=Words(f"{number}", f"{number}"),
            advice=Words("查看告警清单", "see the list of alerts"),
        )


class Alerts:
    """The alerts of a store. Each change is one transaction."""

    def __init__(self, store: Store, clock: Clock = utc_now) -> None:
        self._store, self._clock = store, clock

    def all(self, *, is_open: bool | None = None, last: int | None = None) -> list[Alert]:
        """Alerts, the newest first: open ones or resolved ones alone, and so many at the most."""
        query = sa.select(alert).order_by(alert.c.number.desc()).limit(last)
        if is_open is not None:
            query = query.where(alert.c.resolved_at.is_(None) if is_open else alert.c.resolved_at.is_not(None))
        return [_alert(row) for row in self._store.rows(query)]

    def get(self, number: int) -> Alert:
        """NoSuchAlert where there is none of this number."""
        found = self._store.rows(sa.select(alert).where(alert.c.number == number))
        if not found:
            raise NoSuchAlert(number)
        return _alert(found[0])

    def ended_untold(self) -> list[Alert]:
        """Alerts that ended, of which some box has not been let know."""
        query = sa.select(alert).join(alert_message, alert_message.c.alert == alert.c.number).distinct()
        query = query.where(alert.c.resolved_at.is_not(None), alert_message.c.version != alert.c.resolved_at)
        return [_alert(row) for row in self._store.rows(query.order_by(alert.c.number))]

    def settle(self, causes: Iterable[Cause], kinds: Collection[Kind]) -> Settled:
        """Raises an alert for each new cause, and ends those whose cause is gone; a second time changes nothing.

        `kinds`: those that were looked for; alerts of others stay as they are. A cause that got worse is told again, and what
        somebody acknowledged of it before counts no more; one that got better only says so.
        """
        now, settled = text(self._clock()), Settled()
        wanted = {(cause.kind, cause.subject): cause for cause in causes}
        with self._store.transaction() as connection:
            _hold(connection)
            query = sa.select(alert).where(alert.c.resolved_at.is_(None), alert.c.kind.in_(kinds)).order_by(alert.c.number)
            known = [_alert(row) for row in connection.execute(query).mappings()]
            for one in known:
                cause = wanted.pop((one.cause.kind, one.cause.subject), None)
                if cause is None:
                    _update(connection, one.number, resolved_at=now)
                    settled.resolved.append(one.number)
                elif cause != one.cause:
                    _update(connection, one.number, **_values(cause))
                if cause is not None and cause.weight > one.cause.weight:
                    _update(connection, one.number, changed_at=now, acknowledged_at=None, acknowledged_by=None)
                    settled.worse.append(one.number)
            for cause in wanted.values():
                added = connection.execute(alert.insert().values(**_values(cause), raised_at=now, changed_at=now))
                key = added.inserted_primary_key
                assert key is not None  # the database numbers alerts
                settled.raised.append(int(key[0]))
        return settled

    def acknowledge(self, number: int, actor: Actor, address: str = "") -> None:
        """Notes that somebody has taken an open alert up; whoever was first stays. NoSuchAlert where it is not open."""
        with self._store.transaction() as connection:
            query = sa.select(alert).where(alert.c.number == number, alert.c.resolved_at.is_(None)).with_for_update()
            row = connection.execute(query).mappings().first()
            if row is None:
                raise NoSuchAlert(number)
            if row["acknowledged_at"] is None:
                now = self._clock()
                _update(connection, number, acknowledged_at=text(now), acknowledged_by=actor.name)
                audit_log.record(connection, now, actor, "acknowledge", f"{number}", detail=row["kind"], address=address)


class Outbox:
    """What is to be sent, by alert and box. Sending stands in `alert_sending.py`."""

    def __init__(self, store: Store, clock: Clock = utc_now) -> None:
        self._store, self._clock = store, clock

    def plan(self, wanted: Sequence[tuple[Alert, Box, datetime]]) -> int:
        """Lets each box be told of each alert as it is now, at that moment or sooner; how many lines that adds or renews.

        What a box already knows, or waits for, stays as it is. An alert that ended is told to boxes that heard or wait to hear of it.
        """
        with self._store.transaction() as connection:
            _hold(connection)
            known = {
                (row["alert"], row["channel"], row["recipient"]): row
                for row in connection.execute(sa.select(alert_message)).mappings()
            }
            changes = 0
            for one, box, due_at in wanted:
                place = (one.number, box.channel, box.recipient)
                line = known.get(place)
                if line is None and one.is_open:
                    values = dict(zip(("alert", "channel", "recipient"), place, strict=True))
                    connection.execute(
                        alert_message.insert().values(**values, version=one.version, due_at=text(due_at), attempts=0)
                    )
                elif line is not None and line["version"] != one.version:
                    is_waiting = line["sent_version"] != line["version"]
                    renewed = line["due_at"] if is_waiting else text(due_at)
                    connection.execute(
                        alert_message.update().where(*_in(place)).values(version=one.version, due_at=renewed)
                    )
                else:
                    continue
                changes += 1
        return changes

    def claim(self) -> list[Claim]:
        """What is to be sent now, all that waits for a box in one message; nobody else gets it for some minutes."""
        now = self._clock()
        claims: dict[Box, dict[int, str]] = {}
        with self._store.transaction() as connection:
            _hold(connection)
            query = sa.select(alert_message).where(_IS_WAITING).order_by(alert_message.c.alert)
            waiting = connection.execute(query).mappings().all()
            due = {_box(row) for row in waiting if row["due_at"] <= text(now)}
            for row in waiting:
                if _box(row) in due:
                    claims.setdefault(_box(row), {})[row["alert"]] = row["version"]
            for claim in (found := [Claim(box, versions) for box, versions in claims.items()]):
                for number in claim.versions:
                    held = {"due_at": text(now + CLAIMED)}
                    connection.execute(alert_message.update().where(*_in(_place(number, claim.box))).values(**held))
        return found

    def sent(self, claim: Claim) -> None:
        """Notes that a message went out. What changed meanwhile goes on waiting."""
        now = text(self._clock())
        with self._store.transaction() as connection:
            for number, version in claim.versions.items():
                values = {"sent_version": version, "sent_at": now, "attempts": 0, "error": None, "due_at": now}
                connection.execute(alert_message.update().where(*_in(_place(number, claim.box))).values(**values))

    def failed(self, claim: Claim, error: str) -> None:
        """Notes that a message could not be sent, and lets it wait: twice as long each time."""
        now = self._clock()
        with self._store.transaction() as connection:
            for number in claim.versions:
                where = _in(_place(number, claim.box))
                attempts = connection.execute(sa.select(alert_message.c.attempts).where(*where)).scalar_one() + 1
                due_at = text(now + min(BACK_OFF * 2 ** min(attempts - 1, 20), LONGEST_WAIT))
                connection.execute(alert_message.update().where(*where).values(attempts=attempts, error=error, due_at=due_at))

    def drop(self, claim: Claim) -> None:
        """Takes away what would go to somebody who is not to be told any more, or cannot be reached."""
        with self._store.transaction() as connection:
            for number in claim.versions:
                connection.execute(alert_message.delete().where(*_in(_place(number, claim.box))))

    def last_sent(self, box: Box) -> str | None:
        """When a message last went to a box."""
        query = sa.select(sa.func.max(alert_message.c.sent_at).label("at"))
        query = query.where(alert_message.c.channel == box.channel, alert_message.c.recipient == box.recipient)
        found: str | None = self._store.rows(query)[0]["at"]
        return found

    def waiting(self) -> list[dict[str, Any]]:
        """By box, how much waits, since how many attempts, and why the last one failed."""
        columns = alert_message.c.channel, alert_message.c.recipient
        query = sa.select(
            *columns, sa.func.count().label("alerts"), sa.func.max(alert_message.c.attempts).label("attempts"),
            sa.func.max(alert_message.c.error).label("error"), sa.func.min(alert_message.c.due_at).label("due_at"),
        )  # fmt: skip
        return self._store.rows(query.where(_IS_WAITING).group_by(*columns).order_by(*columns))


def _hold(connection: Connection) -> None:
    """Until the transaction ends nobody else settles, plans or claims: two at once would do so twice."""
    if connection.dialect.name == "postgresql":  # SQLite has one writer at a time anyway
        connection.execute(sa.text("lock table alert in share row exclusive mode"))


def _alert(row: Row) -> Alert:
    cause = Cause(
        row["kind"], row["subject"], Words(row["zh"], row["en"]), row["since"], tuple(row["areas"].split()),
        row["supplier_id"], row["weight"], row["agency"],
    )  # fmt: skip
    kept = ("raised_at", "changed_at", "resolved_at", "acknowledged_at", "acknowledged_by")
    return Alert(row["number"], cause, **{name: row[name] for name in kept})


def _values(cause: Cause) -> dict[str, Any]:
    return {
        "kind": cause.kind, "subject": cause.subject, "zh": cause.said.zh, "en": cause.said.en, "since": cause.since,
        "areas": " ".join(cause.areas), "supplier_id": cause.supplier_id, "weight": cause.weight,
        "agency": cause.agency,
    }  # fmt: skip


def _update(connection: Connection, number: int, **values: Any) -> None:
    connection.execute(alert.update().where(alert.c.number == number).values(**values))


def _box(row: Row) -> Box:
    return Box(row["channel"], row["recipient"])


def _place(number: int, box: Box) -> tuple[int, str, str]:
    return number, box.channel, box.recipient


def _in(place: tuple[int, str, str]) -> list[sa.ColumnElement[bool]]:
    number, channel, recipient = place
    return [
        alert_message.c.alert == number, alert_message.c.channel == channel, alert_message.c.recipient == recipient,
    ]  # fmt: skip
