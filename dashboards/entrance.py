"""The entrance: knows who sends a request by its cookie, and whether a form is its own; opens the store once in a worker.

Belongs here: sessions as cookies, the checks of requests that change something. Which request needs what stands in `doors.py`.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
import threading
from datetime import timedelta
from functools import partial
from typing import NamedTuple

from flask import Request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response as Answer

from dashboards.access import PROXY_HEADER, Access
from dashboards.alert_desk import AlertDesk
from dashboards.identity_provider import Client, IdentityProvider, Journey
from dashboards.visitor import ANYONE_HERE, Visitor
from pipelines.account_store import SETUP, SETUP_LASTS, Accounts, Clock, utc_now
from pipelines.actor import Actor
from pipelines.errors import WarehouseError, Words
from pipelines.network import is_loopback
from pipelines.sessions import LONGEST, Sessions
from pipelines.settings import Home
from pipelines.store import Store

log = logging.getLogger(__name__)

JOURNEY_LASTS = timedelta(minutes=10)
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip")


class NotFromHere(WarehouseError):
    """A request to change something that did not come from a form made for whoever sends it."""


class StoreSilent(WarehouseError):
    """The operational store does not answer: nobody can be let in."""


class _Opened(NamedTuple):
    store: Store
    accounts: Accounts
    sessions: Sessions


class Entrance:
    """One for a server. Nothing is opened before the first request that needs it, so that workers share no connection."""

    def __init__(self, home: Home, access: Access, client: Client | None = None, clock: Clock = utc_now) -> None:
        self.home, self.access = home, access
        self.alerts = AlertDesk(home)
        self.provider = IdentityProvider(client) if client and access.has_sign_in else None
        self._clock = clock
        self._token = secrets.token_urlsafe(32)  # of forms where there are no sessions; the same in all workers
        self._lock = threading.Lock()
        self._opened: _Opened | None = None
        name = f"warehouse_{hashlib.sha256(str(home.root).encode()).hexdigest()[:8]}"  # ports of a host share cookies
        self.cookie = f"__Host-{name}" if access.public_url else name

    @property
    def store(self) -> Store:
        return self._open().store

    @property
    def accounts(self) -> Accounts:
        return self._open().accounts

    @property
    def sessions(self) -> Sessions:
        return self._open().sessions

    def visitor(self, asked: Request) -> Visitor:
        """Who sends a request."""
        address = self._address(asked)
        if self.access.is_open:
            return Visitor(ANYONE_HERE, Actor.of_system(), address, "", self._token, partial(self.alerts.count, ANYONE_HERE))
        if self.access.has_sign_in:
            secret = session = asked.cookies.get(self.cookie, "")
            account = self.sessions.account_of(session) if session else None
        else:
            secret, session = self._token, ""
            account = self.accounts.active(asked.headers.get(PROXY_HEADER, ""))
        if account is None:
            return Visitor(address=address)
        form_token = hmac.new(secret.encode(), f"form of {account.name}".encode(), hashlib.sha256).hexdigest()
        return Visitor(account, account.actor, address, session, form_token, partial(self.alerts.count, account))

    def require_own(self, asked: Request, sender: Visitor, *, has_token: bool) -> None:
        """NotFromHere unless a request was sent by a form of these pages, made for its sender.

        A page elsewhere cannot know the token, and a browser tells where a form was sent from. Forms that are for whoever has
        not signed in have no token. Where nobody has to sign in, the sender must be at this machine.
        """
        is_from_own_page = asked.headers.get("Origin") == self.origin(asked)
        is_from_own_site = asked.headers.get("Sec-Fetch-Site", "same-origin") == "same-origin"
        is_own_form = hmac.compare_digest(asked.form.get("token", "").encode(), sender.form_token.encode())
        is_at_home = not self.access.is_open or (
            is_loopback(asked.remote_addr or "") and not any(name in asked.headers for name in FORWARDED)
        )
        if not (is_from_own_page and is_from_own_site and (is_own_form or not has_token) and is_at_home):
            raise _not_from_here()

    def origin(self, asked: Request) -> str:
        """Scheme and host under which the browser knows these pages."""
        return self.access.public_url or asked.host_url.rstrip("/")

    def keep(self, answer: Answer, token: str) -> Answer:
        """The answer, with the session of its receiver as a cookie that scripts and other sites cannot use."""
        return self._with_cookie(answer, self.cookie, token, LONGEST)

    def forget(self, answer: Answer) -> Answer:
        return self._with_cookie(answer, self.cookie, "", timedelta(0))

    def keep_journey(self, answer: Answer, journey: Journey) -> Answer:
        """The answer, with what the browser has to keep until it comes back from the identity provider."""
        return self._with_cookie(answer, f"{self.cookie}_journey", journey.packed(), JOURNEY_LASTS)

    def end_journey(self, answer: Answer) -> Answer:
        return self._with_cookie(answer, f"{self.cookie}_journey", "", timedelta(0))

    def journey(self, asked: Request) -> Journey:
        """What a browser that comes back from the identity provider kept. AccessError where it kept nothing."""
        return Journey.unpacked(asked.cookies.get(f"{self.cookie}_journey", ""))

    def _with_cookie(self, answer: Answer, name: str, value: str, lasts: timedelta) -> Answer:
        is_secure = bool(self.access.public_url)
        answer.set_cookie(name, value, max_age=lasts, path="/", secure=is_secure, httponly=True, samesite="Lax")
        return answer

    def setup_path(self) -> str | None:
        """The path at which the first administrator is made; None where there is one. Earlier ones are void."""
        if self.accounts.has_administrator():
            return None
        return f"/welcome/{self.accounts.make_link(SETUP, Actor.of_system(), SETUP_LASTS)}"

    def check(self) -> None:
        """StoreSilent where accounts are needed and cannot be read."""
        if self.access.is_open:
            return
        try:
            self.accounts.has_administrator()
        except (SQLAlchemyError, WarehouseError, OSError) as error:
            log.error("the operational store does not answer: %s", type(error).__name__)
            raise _silent() from error

    def close(self) -> None:
        """Lets go of the store; the next request opens it again."""
        with self._lock:
            if self._opened is not None:
                self._opened.store.close()
            self._opened = None

    def _open(self) -> _Opened:
        with self._lock:
            if self._opened is None:
                store = Store.of(self.home)
                self._opened = _Opened(store, Accounts(store, self._clock), Sessions(store, self._clock))
            return self._opened

    def _address(self, asked: Request) -> str:
        """The network address of the sender: what the proxy in front saw, where there is one."""
        forwarded = asked.headers.get("X-Forwarded-For", "") if self.access.public_url else ""
        return (forwarded.rpartition(",")[2].strip() or asked.remote_addr or "")[:60]


def _silent() -> StoreSilent:
    return StoreSilent(
        Words("操作库没有应答", "The operational store does not answer"),
        where="store",
        expected=Words("可以读取的用户表", "accounts that can be read"),
        found=Words("无法打开或读取", "it cannot be opened or read"),
        advice=Words("检查数据库或磁盘，再看 warehouse status", "look at the database or the disk, then: warehouse status"),
    )


def _not_from_here() -> NotFromHere:
    return NotFromHere(
        Words("没有办理", "Nothing was changed"),
        where="POST",
        expected=Words("在这些页面上打开的表单", "a form of these pages, as it was opened here"),
        found=Words("来自别处，或打开后已重新登录、服务已重启", "it came from elsewhere, or there was another sign-in or start since"),
        advice=Words("重新打开页面再提交", "open the page again and submit it"),
    )
