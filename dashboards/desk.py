"""The desk at which follow-up is worked on: the tasks of a data root as far as somebody may see them and change them.

Belongs here: opening the operational store for follow-up, and who may take which step. What pages show stands in
`pages/follow_up.py`, who sends a request in `visitor.py`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Generic, TypeVar

from dashboards.visitor import Visitor
from pipelines.accounts import Permission
from pipelines.errors import WarehouseError, Words
from pipelines.follow_up import Event, Key, NoSuchTask, State, Task
from pipelines.follow_up_store import FollowUp
from pipelines.settings import SHANGHAI, Home
from pipelines.store import NoStore, Store


class NotAllowed(WarehouseError):
    """A step that the visitor may not take."""

MOMENT = 1.0  # seconds for which pages take what was read last

Known = TypeVar("Known")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Desk:
    """The tasks in the area of a visitor."""

    home: Home
    visitor: Visitor

    @property
    def today(self) -> date:
        return datetime.now(SHANGHAI).date()

    def tasks(self) -> list[Task]:
        """All tasks of the area; none where there is no store yet."""
        try:
            with opened(self.home, read_only=True) as store:
                return [task for task in FollowUp(store).tasks() if self.covers(task.flag.unit_code)]
        except NoStore:
            return []

    def task(self, task_id: int) -> tuple[Task, list[Event]]:
        """A task and all that happened to it. NoSuchTask where there is none of this number in the area."""
        try:
            with opened(self.home, read_only=True) as store:
                task, events = FollowUp(store).task(task_id), FollowUp(store).events(task_id)
        except NoStore as error:
            raise NoSuchTask(task_id) from error
        if not self.covers(task.flag.unit_code):
            raise NoSuchTask(task_id)
        return task, events

    def about(self, key: Key) -> Task | None:
        """The newest task about a unit, KPI and target."""
        try:
            with opened(self.home, read_only=True) as store:
                return FollowUp(store).about(key)
        except NoStore:
            return None

    def covers(self, unit_code: str) -> bool:
        """Whether a unit lies in the visitor's area."""
        return self.visitor.account is not None and self.visitor.account.covers(unit_code)

    def may(self, to: State, task: Task | None = None) -> bool:
        """Whether the visitor may take a step: agencies take tasks up and answer, whoever assigned sends back and withdraws."""
        is_sent_back = task is not None and (task.state, to) == ("answered", "rectifying")
        needed: Permission = "answer" if to in ("rectifying", "answered") and not is_sent_back else "assign"
        return self.visitor.account is not None and self.visitor.account.may(needed)

    @contextmanager
    def writing(self, to: State, unit_code: str, task: Task | None = None) -> Iterator[FollowUp]:
        """The tasks, to be changed by a step about a unit. NotAllowed where it is not the visitor's to take."""
        if not (self.may(to, task) and self.covers(unit_code)):
            raise not_allowed(Words("由交办人或责任单位办理", "leave it to whoever assigns, or to the agency"))
        with opened(self.home, read_only=False) as store:
            yield FollowUp(store)


class Lately(Generic[Known]):
    """What is read from the store for pages that are the same for everybody: as of a moment ago."""

    def __init__(self, home: Home, read: Callable[[Store], Known], nothing: Known) -> None:
        self._home, self._read_from, self._nothing = home, read, nothing
        self._known = nothing
        self._known_until = 0.0
        self._lock = threading.Lock()

    def now(self) -> Known:
        """As of a moment ago; nothing where the store cannot be read: pages show without."""
        with self._lock:
            if time.monotonic() > self._known_until:
                self._known = self._read()
                self._known_until = time.monotonic() + MOMENT
            return self._known

    def _read(self) -> Known:
        try:
            with opened(self._home, read_only=True) as store:
                return self._read_from(store)
        except NoStore:
            return self._nothing
        except WarehouseError as error:
            log.warning("pages show nothing of the operational store: %s", error.en)
            return self._nothing


def open_tasks(store: Store) -> Mapping[Key, Task]:
    """The open tasks of all areas by what they are about."""
    return {task.flag.key: task for task in FollowUp(store).tasks() if task.is_open}


@contextmanager
def opened(home: Home, *, read_only: bool) -> Iterator[Store]:
    """The operational store of a data root, closed at the end."""
    store = Store.of(home, read_only=read_only)
    try:
        yield store
    finally:
        store.close()


def not_allowed(advice: Words) -> NotAllowed:
    return NotAllowed(
        Words("没有办理", "Nothing was changed"),
        where="POST",
        expected=Words("可以办理这一步的账户", "an account that may take this step"),
        found=Words("角色或所属区域不含此项", "a role or area that does not have it"),
        advice=advice,
    )
