"""Signing in, and what stands for it afterwards: sessions in the operational store, of which only hashes are kept.

Belongs here: sign-in with its limit of failures, sessions with their ends. Cookies and forms are the web's.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pipelines import audit_log
from pipelines.account_store import (
    Clock,
    account,
    account_of,
    new_token,
    text,
    token_hash,
    utc_now,
    web_session,
)
from pipelines.accounts import LONGEST_PASSWORD, AccessError, Account
from pipelines.actor import NOBODY
from pipelines.audit_log import Action, audit_event
from pipelines.errors import Words
from pipelines.store import Store

IDLE, LONGEST = timedelta(minutes=30), timedelta(hours=12)
NOTED = timedelta(seconds=60)  # how exactly the last use of a session is kept
FAILURES, WITHIN = 10, timedelta(minutes=15)
_LONGEST_NAME = 100


class NotSignedIn(AccessError):
    """Name and password do not fit; it does not say which."""


class TooManyFailures(AccessError):
    """So many failures for an account or from an address that nothing more is tried for a while."""


@dataclass(frozen=True)
class SignedIn:
    """An account and the token of its new session, which the store does not know."""

    account: Account
    token: str


class Sessions:
    """The sessions of a store."""

    def __init__(self, store: Store, clock: Clock = utc_now) -> None:
        self._store, self._clock = store, clock

    def sign_in(self, name: str, password: str, address: str, before: str | None = None) -> SignedIn:
        """A new session. `before`: the token of the one that the browser had, which ends.

        NotSignedIn is an entry of the audit log, with the account's name where there is one of it; TooManyFailures, after as
        many of these, is not.
        """
        from pipelines.passwords import is_password

        typed = name.strip().lower()[:_LONGEST_NAME]
        with self._store.engine.connect() as connection:
            row = connection.execute(sa.select(account).where(account.c.name == typed)).mappings().first()
            known = row["name"] if row else ""  # what else was typed there might be a password
            # Before anything is worked out: whoever goes on trying would keep the processor busy.
            self._require_few_failures(connection, known, address)
        secret = unicodedata.normalize("NFKC", password[: 2 * LONGEST_PASSWORD])
        fits = is_password(row["password_hash"] if row else None, secret)
        with self._store.transaction() as connection:
            audit_log.hold(connection)
            # Once more, as others may have failed meanwhile: so many answers are given, however many ask at once.
            self._require_few_failures(connection, known, address)
            if row is not None and fits and not row["is_disabled"]:
                return self._started(connection, account_of(row), address, before)
            audit_log.record(connection, self._clock(), NOBODY, "sign_in_refused", known, address=address)
        raise _not_signed_in()

    def start(self, owner: Account, address: str, before: str | None = None) -> SignedIn:
        """A session of an account whose owner has just shown to be that, by a one-time link or the password."""
        with self._store.transaction() as connection:
            return self._started(connection, owner, address, before)

    def start_named(self, name: str, address: str, before: str | None = None) -> SignedIn:
        """A session of the account of this name, whose owner an identity provider has proved to be at the other end.

        NotSignedIn where there is no such account in use; that is an entry of the audit log.
        """
        with self._store.transaction() as connection:
            row = connection.execute(sa.select(account).where(account.c.name == name)).mappings().first()
            if row is not None and not row["is_disabled"]:
                return self._started(connection, account_of(row), address, before)
            known = row["name"] if row else ""
            audit_log.record(
                connection, self._clock(), NOBODY, "sign_in_refused", known, detail="identity provider", address=address
            )
        raise _no_account()

    def account_of(self, token: str) -> Account | None:
        """Whose session it is; None where it has ended, and at once where its account was disabled."""
        at, kept = self._clock(), token_hash(token)
        query = (
            sa.select(account, web_session.c.started_at, web_session.c.seen_at)
            .join(web_session, web_session.c.account == account.c.name)
            .where(web_session.c.token_hash == kept, ~account.c.is_disabled)
        )
        row = next(iter(self._store.rows(query)), None)
        if row is None or _is_over(row["started_at"], row["seen_at"], at):
            return None
        if row["seen_at"] < text(at - NOTED):
            with self._store.transaction() as connection:
                connection.execute(
                    web_session.update().where(web_session.c.token_hash == kept).values(seen_at=text(at))
                )
        return account_of(row)

    def sign_out(self, token: str, owner: Account, address: str) -> None:
        with self._store.transaction() as connection:
            connection.execute(web_session.delete().where(web_session.c.token_hash == token_hash(token)))
            audit_log.record(connection, self._clock(), owner.actor, "sign_out", owner.name, address=address)

    def note(self, owner: Account, action: Action, subject: str, *, detail: str = "", address: str = "") -> None:
        """An entry of the audit log about what a signed-in user did or was refused."""
        with self._store.transaction() as connection:
            audit_log.record(connection, self._clock(), owner.actor, action, subject, detail=detail, address=address)

    def _started(self, connection: Connection, owner: Account, address: str, before: str | None) -> SignedIn:
        at, token = self._clock(), new_token()
        ended = (web_session.c.seen_at < text(at - IDLE)) | (web_session.c.started_at < text(at - LONGEST))
        connection.execute(web_session.delete().where(ended | (web_session.c.token_hash == token_hash(before or ""))))
        connection.execute(
            web_session.insert().values(
                token_hash=token_hash(token), account=owner.name, started_at=text(at), seen_at=text(at)
            )
        )
        audit_log.record(connection, at, owner.actor, "sign_in", owner.name, address=address)
        return SignedIn(owner, token)

    def _require_few_failures(self, connection: Connection, name: str, address: str) -> None:
        """TooManyFailures where the account, or the address, has failed as often as may be."""
        columns = audit_event.c
        failures = sa.select(columns.subject, columns.address).where(
            columns.action == "sign_in_refused", columns.detail == "", columns.at > text(self._clock() - WITHIN)
        )
        recent = connection.execute(failures).all()
        of_account = sum(row.subject == name for row in recent) if name else 0
        if max(of_account, sum(row.address == address for row in recent)) >= FAILURES:
            raise _too_many()


def _is_over(started_at: str, seen_at: str, at: datetime) -> bool:
    return seen_at < text(at - IDLE) or started_at < text(at - LONGEST)


def _not_signed_in() -> NotSignedIn:
    return NotSignedIn(
        Words("用户名或密码不正确", "Name and password do not fit"),
        where="sign-in",
        expected=Words("已启用的用户及其密码", "an account in use and its password"),
        found=Words("不相符", "something else"),
        advice=Words("重新输入；忘记密码请找管理员", "try again; an administrator can give a link for a new password"),
    )


def _no_account() -> NotSignedIn:
    return NotSignedIn(
        Words("没有您的账户", "There is no account for you"),
        where="sign-in",
        expected=Words("与统一身份认证同名的可用账户", "an account in use with your name at the identity provider"),
        found=Words("没有，或已停用", "none, or a disabled one"),
        advice=Words("请系统管理员新增或启用", "ask an administrator to add or enable it"),
    )


def _too_many() -> TooManyFailures:
    minutes = WITHIN.seconds // 60
    return TooManyFailures(
        Words("失败次数过多", "Too many failures"),
        where="sign-in",
        expected=Words(f"{minutes} 分钟内至多 {FAILURES} 次", f"at most {FAILURES} within {minutes} minutes"),
        found=Words("已达上限", "as many"),
        advice=Words(f"{minutes} 分钟后再试", f"try again in {minutes} minutes"),
    )
