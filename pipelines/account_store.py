"""Accounts and one-time links in the operational store. Every change of them is an entry of the audit log.

Belongs here: keeping accounts. Signing in and sessions stand in `sessions.py`, roles and rules in `accounts.py`.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pipelines import audit_log
from pipelines.accounts import AccessError, Account, checked_account, checked_password
from pipelines.actor import Actor
from pipelines.errors import Words
from pipelines.store import Store, metadata

SETUP_LASTS, LINK_LASTS = timedelta(minutes=30), timedelta(hours=24)
SETUP = ""  # the account of a link that makes the first administrator

account = sa.Table(
    "account", metadata,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("full_name", sa.String, nullable=False),
    sa.Column("role", sa.String, nullable=False),
    sa.Column("area", sa.String, nullable=False),
    sa.Column("is_disabled", sa.Boolean, nullable=False),
    sa.Column("password_hash", sa.String),  # argon2id in its standard form; none until a password is set
    sa.Column("added_at", sa.String, nullable=False),
    sa.Column("email", sa.String, nullable=False, server_default=""),
    sa.Column("agency", sa.String, nullable=False, server_default=""),
)  # fmt: skip
access_link = sa.Table(
    "access_link", metadata,
    sa.Column("token_hash", sa.String, primary_key=True),
    sa.Column("account", sa.String, nullable=False),
    sa.Column("expires_at", sa.String, nullable=False),
)  # fmt: skip
web_session = sa.Table(
    "web_session", metadata,
    sa.Column("token_hash", sa.String, primary_key=True),
    sa.Column("account", sa.String, nullable=False),
    sa.Column("started_at", sa.String, nullable=False),
    sa.Column("seen_at", sa.String, nullable=False),
)  # fmt: skip

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


def text(moment: datetime) -> str:
    """A moment as the store keeps it; texts are in the order of time."""
    return moment.isoformat(timespec="microseconds")


def new_token() -> str:
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """What is kept of a token: 256 random bits need no slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()


class Accounts:
    """The accounts of a store. Each change is one transaction; AccessError says why one cannot be made."""

    def __init__(self, store: Store, clock: Clock = utc_now) -> None:
        self._store, self._clock = store, clock

    def all(self) -> list[Account]:
        return [account_of(row) for row in self._store.rows(sa.select(account).order_by(account.c.name))]

    def active(self, name: str) -> Account | None:
        """The account of this name that is not disabled."""
        query = sa.select(account).where(account.c.name == name, ~account.c.is_disabled)
        return next((account_of(row) for row in self._store.rows(query)), None)

    def has_administrator(self) -> bool:
        return any(one.role == "administrator" and not one.is_disabled for one in self.all())

    def add(self, new: Account, actor: Actor) -> None:
        """A new account, without a password: nobody signs in as it before a link or a command has set one."""
        with self._store.transaction() as connection:
            _insert(connection, checked_account(new), self._clock(), actor)

    def change(
        self, name: str, actor: Actor, *, role: Any = None, area: str | None = None, is_disabled: bool | None = None,
        email: str | None = None, agency: str | None = None,
    ) -> Account:  # fmt: skip
        """Another role, area, agency or mail address, or whether it is disabled, at once also for whoever is signed in; the
        account as it is now.
        """
        with self._store.transaction() as connection:
            known = found(connection, name)
            changed = checked_account(
                replace(
                    known, role=known.role if role is None else role, area=known.area if area is None else area,
                    is_disabled=known.is_disabled if is_disabled is None else is_disabled,
                    email=known.email if email is None else email, agency=known.agency if agency is None else agency,
                )
            )  # fmt: skip
            _require_administrator(connection, known, changed)
            kept = {name: getattr(changed, name) for name in ("role", "area", "is_disabled", "email", "agency")}
            connection.execute(account.update().where(account.c.name == name).values(**kept))
            if changed.is_disabled:
                end_all(connection, name)
            state = "disabled" if changed.is_disabled else "active"
            audit_log.record(connection, self._clock(), actor, "account_changed", name, detail=f"{_granted(changed)} {state}")
        return changed

    def make_link(self, name: str, actor: Actor, lasts: timedelta = LINK_LASTS) -> str:
        """The token of a link by which the owner of an account sets its password, once; earlier ones of it are void.

        `SETUP` as the name: the link makes the first administrator.
        """
        token = new_token()
        with self._store.transaction() as connection:
            if name != SETUP:
                found(connection, name)
            connection.execute(access_link.delete().where(access_link.c.account == name))
            expires_at = text(self._clock() + lasts)
            connection.execute(access_link.insert().values(token_hash=token_hash(token), account=name, expires_at=expires_at))
            audit_log.record(connection, self._clock(), actor, "link_made", name)
        return token

    def link_of(self, token: str) -> str | None:
        """The account that a link is for, `SETUP` for the first administrator's; None where it is not valid any more."""
        query = sa.select(access_link).where(access_link.c.token_hash == token_hash(token))
        return next((row["account"] for row in self._store.rows(query) if row["expires_at"] > text(self._clock())), None)

    def use_link(self, token: str, password: str, first: Account | None = None) -> Account:
        """Sets the password of the link's account and voids the link; `first` is the administrator that it makes.

        AccessError where the link is used or too old, or the password or account cannot be taken: it then stays valid.
        """
        with self._store.transaction() as connection:
            query = sa.select(access_link).where(access_link.c.token_hash == token_hash(token)).with_for_update()
            link = connection.execute(query).first()
            if link is None or link.expires_at <= text(self._clock()) or (link.account == SETUP) != (first is not None):
                raise void_link()
            name = link.account
            if first is not None:
                new = checked_account(replace(first, role="administrator", area=""))
                name = new.name
                _insert(connection, new, self._clock(), new.actor)
            owner = found(connection, name)
            if owner.is_disabled:
                raise void_link()
            self._set(connection, name, password, owner.actor)
            connection.execute(access_link.delete().where(access_link.c.token_hash == token_hash(token)))
        return owner

    def set_password(self, name: str, password: str, actor: Actor) -> None:
        """Another password; whoever is signed in as the account is signed out."""
        with self._store.transaction() as connection:
            found(connection, name)
            self._set(connection, name, password, actor)

    def _set(self, connection: Connection, name: str, password: str, actor: Actor) -> None:
        from pipelines.passwords import hashed

        kept = hashed(checked_password(name, password))
        connection.execute(account.update().where(account.c.name == name).values(password_hash=kept))
        connection.execute(access_link.delete().where(access_link.c.account == name))
        end_all(connection, name)
        audit_log.record(connection, self._clock(), actor, "password_set", name)


def found(connection: Connection, name: str) -> Account:
    """AccessError where there is no account of this name."""
    row = connection.execute(sa.select(account).where(account.c.name == name)).mappings().first()
    if row is None:
        raise AccessError(
            Words("没有这个用户", "There is no such account"),
            where="name",
            expected=Words("warehouse users list 所列的用户名", "a name that `warehouse users list` shows"),
            found=Words("其他名称", "another name"),
            advice=Words("核对用户名", "check the name"),
        )
    return account_of(row)


def account_of(row: Any) -> Account:
    return Account(row["name"], row["full_name"], row["role"], row["area"], row["is_disabled"], row["email"], row["agency"])


def end_all(connection: Connection, name: str) -> None:
    """Signs an account out everywhere."""
    connection.execute(web_session.delete().where(web_session.c.account == name))


def _insert(connection: Connection, new: Account, at: datetime, actor: Actor) -> None:
    if connection.execute(sa.select(account.c.name).where(account.c.name == new.name)).first():
        raise AccessError(
            Words("用户名已被使用", "The name is taken"),
            where="name",
            expected=Words("新的用户名", "a name that no account has"),
            found=Words("已有的用户名", "that of an account"),
            advice=Words("换一个用户名", "choose another"),
        )
    connection.execute(account.insert().values(**vars(new), password_hash=None, added_at=text(at)))
    audit_log.record(connection, at, actor, "account_added", new.name, detail=_granted(new))


def _granted(one: Account) -> str:
    """What an account is let in for, as the audit log says it."""
    return " ".join(part for part in (one.role, one.area or "*", one.agency) if part)


def _require_administrator(connection: Connection, before: Account, after: Account) -> None:
    """The last administrator stays one: without any, the next start would offer to make one."""
    if before.role != "administrator" or (after.role == "administrator" and not after.is_disabled):
        return
    query = sa.select(account.c.name).where(
        account.c.role == "administrator", ~account.c.is_disabled, account.c.name != before.name
    )
    if connection.execute(query).first() is None:
        raise AccessError(
            Words("这是最后一个管理员", "This is the last administrator"),
            where="role",
            expected=Words("至少一个可用的管理员", "one administrator at least"),
            found=Words("变更后没有", "none after the change"),
            advice=Words("先增加另一个管理员", "add another one first"),
        )


def void_link() -> AccessError:
    """What is said about a one-time link that cannot be used."""
    return AccessError(
        Words("链接无效", "The link is not valid"),
        where="link",
        expected=Words("未使用、未过期的一次性链接", "a one-time link, not used and not too old"),
        found=Words("已使用、已过期或不完整", "used, too old or incomplete"),
        advice=Words("请管理员重新生成", "ask an administrator for another one"),
    )
