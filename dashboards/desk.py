"""The desk at which follow-up is worked on: the tasks of a data root, read by every page, written only from this machine.

Belongs here: opening the operational store, and who may write. What the pages show stands in `pages/follow_up.py`.
"""

from __future__ import annotations

import hmac
import ipaddress
import logging
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime

from flask import Request

from pipelines.errors import WarehouseError, Words
from pipelines.follow_up import Event, Key, NoSuchTask, Task
from pipelines.follow_up_store import FollowUp
from pipelines.settings import SHANGHAI, Home
from pipelines.store import NoStore, Store

FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip")

MOMENT = 1.0  # seconds for which pages take the tasks as they were read last

log = logging.getLogger(__name__)


class Desk:
    """The tasks, and the token that forms of this server carry.

    `is_writable`: whether the server answers on loopback only. Until there is sign-in, nobody else may write.
    """

    def __init__(self, home: Home, *, is_writable: bool) -> None:
        self.home = home
        self.is_writable = is_writable
        self._known: Mapping[Key, Task] = {}
        self._known_until = 0.0
        self._lock = threading.Lock()
        self.token = secrets.token_urlsafe(32)  # made before the workers start, so that they share it

    @property
    def today(self) -> date:
        return datetime.now(SHANGHAI).date()

    def tasks(self) -> list[Task]:
        """All tasks; none where there is no store yet."""
        try:
            with self._opened(read_only=True) as follow_up:
                return follow_up.tasks()
        except NoStore:
            return []

    def open_by_key(self) -> Mapping[Key, Task]:
        """The open tasks by what they are about, as of a moment ago; none where the store cannot be read: pages show without."""
        with self._lock:
            if time.monotonic() > self._known_until:
                try:
                    self._known = {task.flag.key: task for task in self.tasks() if task.is_open}
                except WarehouseError as error:
                    log.warning("pages show no tasks of follow-up: %s", error.en)
                    self._known = {}
                self._known_until = time.monotonic() + MOMENT
            return self._known

    def task(self, task_id: int) -> tuple[Task, list[Event]]:
        """A task and all that happened to it. NoSuchTask where there is none of this number."""
        try:
            with self._opened(read_only=True) as follow_up:
                return follow_up.task(task_id), follow_up.events(task_id)
        except NoStore as error:
            raise NoSuchTask(task_id) from error

    def about(self, key: Key) -> Task | None:
        """The newest task about a unit, KPI and target."""
        try:
            with self._opened(read_only=True) as follow_up:
                return follow_up.about(key)
        except NoStore:
            return None

    @contextmanager
    def writing(self) -> Iterator[FollowUp]:
        """The tasks, to be changed; only for a request that `require_own` let pass."""
        with self._opened(read_only=False) as follow_up:
            yield follow_up

    def require_own(self, asked: Request) -> None:
        """NotFromHere unless the request was sent by a form of this server, from this machine.

        A page elsewhere cannot know the token, and a browser tells where a form was sent from.
        """
        is_from_here = _is_loopback(asked.remote_addr) and not any(name in asked.headers for name in FORWARDED)
        is_from_own_page = asked.headers.get("Origin") == asked.host_url.rstrip("/")
        is_own_form = hmac.compare_digest(asked.form.get("token", "").encode(), self.token.encode())
        if not (self.is_writable and is_from_here and is_from_own_page and is_own_form):
            raise _not_from_here()

    @contextmanager
    def _opened(self, *, read_only: bool) -> Iterator[FollowUp]:
        store = Store.of(self.home, read_only=read_only)
        try:
            yield FollowUp(store)
        finally:
            store.close()


class NotFromHere(WarehouseError):
    """A request to change something that did not come from a form of this server on this machine."""


def _is_loopback(address: str | None) -> bool:
    try:
        return ipaddress.ip_address(address or "").is_loopback
    except ValueError:
        return False


def _not_from_here() -> NotFromHere:
    return NotFromHere(
        Words("没有办理", "Nothing was changed"),
        where="POST",
        expected=Words("在本机打开的督办页面中提交", "a form of these pages, opened and sent on this machine"),
        found=Words("来自别处，或页面打开后服务已重启", "it came from elsewhere, or the server was restarted since"),
        advice=Words("在本机重新打开页面再提交", "open the page again on this machine and submit it"),
    )
