"""The tasks of follow-up in the operational store.

Every step is an event that is never changed, chained to the one before; what a task is follows from its events and is
kept beside them for reading.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from pipelines.actor import Actor
from pipelines.chain import Chain
from pipelines.follow_up import (
    STEPS,
    AlreadyOpen,
    Assignment,
    Event,
    Figure,
    Flag,
    Key,
    NoSuchTask,
    Settled,
    State,
    Step,
    Task,
    changed_meanwhile,
    checked,
    not_from_here,
    require_reason,
)
from pipelines.store import Store, metadata, now

_FIGURE = ("edition_id", "period", "status", "certainty", "numerator", "denominator", "shortfall")
_ASSIGNED = ("due_date", "assignee", "instructions", "note", "document")
_IS_OPEN = sa.text("state not in ('closed', 'withdrawn')")


def _figure_columns() -> list[sa.Column[str]]:
    """What an edition said, as text: amounts and days are kept as they are written."""
    return [sa.Column(name, sa.String) for name in _FIGURE]


follow_up_task = sa.Table(
    "follow_up_task", metadata,
    sa.Column("task_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("unit_key", sa.String, nullable=False),
    sa.Column("unit_code", sa.String, nullable=False),
    sa.Column("unit_name", sa.String, nullable=False),
    sa.Column("period_type", sa.String, nullable=False),
    sa.Column("kpi_id", sa.String, nullable=False),
    sa.Column("target_id", sa.String, nullable=False),
    sa.Column("owner_agency", sa.String, nullable=False),
    sa.Column("since_period", sa.String, nullable=False),
    *_figure_columns(),  # when the task was opened
    # What follows from the events:
    sa.Column("state", sa.String, nullable=False),
    sa.Column("due_date", sa.String),
    sa.Column("assignee", sa.String),
    sa.Column("events", sa.Integer, nullable=False),
    sa.Index(
        "follow_up_task_open_once", "unit_key", "kpi_id", "target_id",
        unique=True, sqlite_where=_IS_OPEN, postgresql_where=_IS_OPEN,
    ),
)  # fmt: skip
follow_up_event = sa.Table(
    "follow_up_event", metadata,
    sa.Column("task_id", sa.Integer, sa.ForeignKey("follow_up_task.task_id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("at", sa.String, nullable=False),
    sa.Column("actor_kind", sa.String, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    *(sa.Column(name, sa.String) for name in _ASSIGNED),
    *_figure_columns(),
    sa.Column("previous_hash", sa.String, nullable=False),
    sa.Column("entry_hash", sa.String, nullable=False),
)
_EVENTS = Chain(follow_up_event, ("task_id", "number", "at", "actor_kind", "actor", "state", *_ASSIGNED, *_FIGURE))


class FollowUp:
    """The tasks of a store. Each step is one transaction; FollowUpError says why one cannot be taken."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def tasks(self) -> list[Task]:
        """All tasks by number."""
        query = sa.select(follow_up_task).order_by(follow_up_task.c.task_id)
        return [_task(row) for row in self._store.rows(query)]

    def task(self, task_id: int) -> Task:
        """NoSuchTask where there is none of this number."""
        found = self._store.rows(sa.select(follow_up_task).where(follow_up_task.c.task_id == task_id))
        if not found:
            raise NoSuchTask(task_id)
        return _task(found[0])

    def about(self, key: Key) -> Task | None:
        """The newest task about a unit, KPI and target."""
        query = sa.select(follow_up_task).where(*_is_about(key)).order_by(follow_up_task.c.task_id.desc()).limit(1)
        return next((_task(row) for row in self._store.rows(query)), None)

    def events(self, task_id: int) -> list[Event]:
        """What happened to a task, oldest first."""
        query = sa.select(follow_up_event).where(follow_up_event.c.task_id == task_id)
        return [_event(row) for row in self._store.rows(query.order_by(follow_up_event.c.number))]

    def open(self, flag: Flag, actor: Actor, today: date, assignment: Assignment | None = None) -> int:
        """A new task from a flag, assigned at once where an assignment is given; its number.

        AlreadyOpen where the unit has an open one about this target.
        """
        first = Step("assigned", assignment=assignment)
        try:
            with self._store.transaction() as connection:
                task_id = _insert(connection, flag)
                _append(connection, task_id, actor, "found", {})
                if assignment is not None:
                    _append(connection, task_id, actor, first.to, checked(first, today))
        except IntegrityError as error:  # of the index over open tasks
            known = self.about(flag.key)
            if known is None:
                raise
            raise AlreadyOpen(known.task_id) from error
        return task_id

    def step(self, task_id: int, step: Step, actor: Actor, today: date, *, seen: int | None = None) -> None:
        """Takes a task one step further. `seen`: how many events the actor knew of; refused where there are more."""
        with self._store.transaction() as connection:
            task = _locked(connection, task_id)
            if seen is not None and seen != task.events:
                raise changed_meanwhile(task)
            if task.state not in STEPS.get(step.to, ()):
                raise not_from_here(task, step.to)
            require_reason(task, step)
            _append(connection, task_id, actor, step.to, checked(step, today))

    def settle(self, figures: Mapping[Key, Figure], actor: Actor) -> Settled:
        """Closes what an edition shows met, and reopens what it shows missed again; a second time changes nothing.

        `figures`: by what tasks are about, what the edition says of the latest judged period. Undetermined ones
        change nothing. Of several tasks about the same thing only the newest is looked at.
        """
        closed, reopened = [], []
        with self._store.transaction() as connection:
            query = sa.select(follow_up_task).order_by(follow_up_task.c.task_id).with_for_update()
            newest = {task.flag.key: task for task in [_task(dict(row)) for row in connection.execute(query).mappings()]}
            for key, task in newest.items():
                figure = figures.get(key)
                if figure is None or figure.period < task.flag.figure.period:
                    continue
                if task.is_open and figure.is_met:
                    _append(connection, task.task_id, actor, "closed", _figure_values(figure))
                    closed.append(task.task_id)
                elif task.state == "closed" and figure.is_missed:
                    _append(connection, task.task_id, actor, "found", _figure_values(figure))
                    reopened.append(task.task_id)
        return Settled(tuple(closed), tuple(reopened))


def broken_tasks(store: Store) -> list[int]:
    """Numbers of the tasks whose events were changed, deleted or put in between, or that are not what their events make."""
    events: dict[int, list[dict[str, Any]]] = {}
    for entry in store.rows(sa.select(follow_up_event).order_by(follow_up_event.c.number)):
        events.setdefault(entry["task_id"], []).append(entry)
    tasks = store.rows(sa.select(follow_up_task).order_by(follow_up_task.c.task_id))
    return [task["task_id"] for task in tasks if not _is_whole(task, events.get(task["task_id"], []))]


def _is_whole(task: dict[str, Any], events: list[dict[str, Any]]) -> bool:
    """Whether the chain of a task's events holds, and folding them gives the task."""
    made: dict[str, Any] = {"events": 0}
    for entry in events:
        made |= _after(entry)
    return not _EVENTS.broken(events) and made == {name: task[name] for name in made}


def _insert(connection: Connection, flag: Flag) -> int:
    inserted = connection.execute(
        follow_up_task.insert().values(
            **vars(flag.key), unit_code=flag.unit_code, unit_name=flag.unit_name, period_type=flag.period_type,
            owner_agency=flag.owner_agency, since_period=flag.since.isoformat(), **_figure_values(flag.figure),
            state="found", events=0,
        )
    )  # fmt: skip
    key = inserted.inserted_primary_key
    assert key is not None  # the database numbers tasks
    return int(key[0])


def _append(
    connection: Connection, task_id: int, actor: Actor, state: State, values: Mapping[str, str | None]
) -> None:
    """Adds an event, chained to the one before, and brings its task up to date."""
    entry = {name: values.get(name) for name in (*_ASSIGNED, *_FIGURE)} | {
        "task_id": task_id, "at": now(), "actor_kind": actor.kind, "actor": actor.name, "state": state,
    }  # fmt: skip
    added = _EVENTS.append(connection, entry, follow_up_event.c.task_id == task_id)
    connection.execute(
        follow_up_task.update().where(follow_up_task.c.task_id == task_id).values(**_after(added))
    )


def _after(entry: Mapping[str, Any]) -> dict[str, Any]:
    """What an event makes of its task: a due date and an assignee stand until the task is found again."""
    made = {"state": entry["state"], "events": entry["number"]}
    if entry["state"] in ("assigned", "found"):
        made |= {"due_date": entry["due_date"], "assignee": entry["assignee"]}
    return made


def _locked(connection: Connection, task_id: int) -> Task:
    """The task, which nobody else changes until the transaction ends."""
    query = sa.select(follow_up_task).where(follow_up_task.c.task_id == task_id).with_for_update()
    found = connection.execute(query).mappings().first()
    if found is None:
        raise NoSuchTask(task_id)
    return _task(dict(found))


def _is_about(key: Key) -> list[sa.ColumnElement[bool]]:
    return [follow_up_task.c[name] == value for name, value in vars(key).items()]


def _figure_values(figure: Figure) -> dict[str, str | None]:
    values = {name: getattr(figure, name) for name in _FIGURE}
    return {name: None if value is None else str(value) for name, value in values.items()}


def _figure(row: Mapping[str, Any]) -> Figure:
    amounts = {
        name: None if row[name] is None else Decimal(row[name]) for name in ("numerator", "denominator", "shortfall")
    }
    return Figure(row["edition_id"], date.fromisoformat(row["period"]), row["status"], row["certainty"], **amounts)


def _task(row: Mapping[str, Any]) -> Task:
    flag = Flag(
        Key(row["unit_key"], row["kpi_id"], row["target_id"]), row["unit_code"], row["unit_name"],
        row["period_type"], row["owner_agency"], date.fromisoformat(row["since_period"]), _figure(row),
    )  # fmt: skip
    return Task(row["task_id"], flag, row["state"], _day(row["due_date"]), row["assignee"] or "", row["events"])


def _event(row: Mapping[str, Any]) -> Event:
    return Event(
        row["number"], row["at"], Actor(row["actor_kind"], row["actor"]), row["state"], _day(row["due_date"]),
        row["assignee"] or "", row["instructions"] or "", row["note"] or "", row["document"] or "",
        None if row["edition_id"] is None else _figure(row),
    )  # fmt: skip


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
