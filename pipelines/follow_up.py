"""Follow-up of missed targets (发现→交办→整改→反馈→销号): tasks, the steps that lead from state to state, who took them.

A task is about one unit, KPI and target. Every step is an event that is never changed, chained to the one before; what a
task is follows from its events and is kept beside them for reading. People take it as far as 已反馈; only an edition closes
it. Belongs here: tasks in the operational store. What an edition says of them stands in `follow_up_edition.py`.
"""

from __future__ import annotations

import getpass
import os
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from pipelines.errors import WarehouseError, Words
from pipelines.store import CHAIN_START, Store, chained_hash, metadata, now

State = Literal["found", "assigned", "rectifying", "answered", "closed", "withdrawn"]
Lamp = Literal["overdue", "soon", "on_time", "none"]

STATES: dict[State, Words] = {
    "found": Words("已发现", "Found"),
    "assigned": Words("已交办", "Assigned"),
    "rectifying": Words("整改中", "Being rectified"),
    "answered": Words("已反馈", "Answered"),
    "closed": Words("已销号", "Closed"),
    "withdrawn": Words("已撤销", "Withdrawn"),
}
LAMPS: dict[Lamp, Words] = {
    "overdue": Words("逾期", "Overdue"),
    "soon": Words("7日内到期", "Due within 7 days"),
    "on_time": Words("未到期", "Not due yet"),
    "none": Words("—", "—"),
}
OPEN: tuple[State, ...] = ("found", "assigned", "rectifying", "answered")
OWED: tuple[State, ...] = ("assigned", "rectifying")  # states in which the agency has something to do by the due date
# What people may do: to this state, from these.
STEPS: dict[State, tuple[State, ...]] = {
    "assigned": ("found", "assigned", "rectifying"),
    "rectifying": ("assigned", "answered"),
    "answered": ("assigned", "rectifying"),
    "withdrawn": OPEN,
}
SOON = timedelta(days=7)
LONGEST = {"assignee": 60, "instructions": 1000, "note": 1000, "document": 200}
_NAMES = {
    "assignee": Words("承办人", "assignee"),
    "instructions": Words("交办要求", "instructions"),
    "note": Words("说明", "note"),
    "document": Words("文件依据", "document"),
}
_SEPARATED_DIGITS = re.compile(r"(?<=[0-9])[ \-_.·]+(?=[0-9Xx])")
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")  # would show a text in another order than it is


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
_CHAINED = ("task_id", "number", "at", "actor_kind", "actor", "state", *_ASSIGNED, *_FIGURE)


class FollowUpError(WarehouseError):
    """A step that cannot be taken; the store is as it was."""


class NoSuchTask(FollowUpError):
    """No task has this number."""

    def __init__(self, task_id: int) -> None:
        super().__init__(
            Words("没有这个督办", "There is no such task"),
            where=f"{task_id}",
            expected=Words("督办清单中的编号", "a number of the list of tasks"),
            found=Words(f"{task_id}", f"{task_id}"),
            advice=Words("查看督办清单", "see the list of tasks"),
        )


class AlreadyOpen(FollowUpError):
    """The unit already has an open task about this target; `task_id` is its number."""

    def __init__(self, task_id: int) -> None:
        self.task_id = task_id
        super().__init__(
            Words("该单位的这个目标已在督办中", "This target of the unit is being followed up already"),
            where=f"{task_id}",
            expected=Words("同一单位、指标、目标只有一个未销号的督办", "one open task per unit, indicator and target"),
            found=Words(f"督办 {task_id} 尚未销号", f"task {task_id} is open"),
            advice=Words(f"在督办 {task_id} 中继续办理", f"go on with task {task_id}"),
        )


@dataclass(frozen=True)
class Actor:
    """Who takes a step: a user of the system on which it is taken, or a run."""

    kind: Literal["system_user", "run"]
    name: str

    @classmethod
    def of_system(cls) -> Actor:
        """The user whose process this is; by number where the system has no name for it, as in some containers."""
        try:
            return cls("system_user", getpass.getuser())
        except (KeyError, OSError):
            return cls("system_user", f"uid {os.getuid()}")


@dataclass(frozen=True)
class Figure:
    """What an edition says of a unit, KPI and target in a period. `period` is its first day."""

    edition_id: str
    period: date
    status: str
    certainty: str | None
    numerator: Decimal | None
    denominator: Decimal | None
    shortfall: Decimal | None

    @property
    def is_met(self) -> bool:
        """Met whatever the rows in doubt turn out to be."""
        return (self.status, self.certainty) == ("met", "confirmed")

    @property
    def is_missed(self) -> bool:
        """Not met, whatever the rows in doubt turn out to be."""
        return self.status in ("missed", "near") and self.certainty == "confirmed"


@dataclass(frozen=True)
class Key:
    """What a task is about: only one task about it may be open."""

    unit_key: str
    kpi_id: str
    target_id: str


@dataclass(frozen=True)
class Flag:
    """A missed or near target of a unit, as an edition has it, from which a task is made."""

    key: Key
    unit_code: str
    unit_name: str
    period_type: str
    owner_agency: str
    since: date
    figure: Figure


@dataclass(frozen=True)
class Assignment:
    """交办: what is to be done by when, and by whom in the agency."""

    due: date
    instructions: str
    assignee: str = ""


@dataclass(frozen=True)
class Step:
    """One step of a person: to which state, with what evidence; an assignment where that is the step."""

    to: State
    note: str = ""
    document: str = ""
    assignment: Assignment | None = None


@dataclass(frozen=True)
class Event:
    """A step that was taken. `figure` is what the edition said that closed or reopened the task."""

    number: int
    at: str
    actor: Actor
    state: State
    due: date | None
    assignee: str
    instructions: str
    note: str
    document: str
    figure: Figure | None


@dataclass(frozen=True)
class Task:
    """A task as its events have made it; `flag` is what was found when it was opened."""

    task_id: int
    flag: Flag
    state: State
    due: date | None
    assignee: str
    events: int

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    def lamp(self, today: date) -> Lamp:
        """How the due date stands, while the agency owes something."""
        if self.due is None or self.state not in OWED:
            return "none"
        if self.due < today:
            return "overdue"
        return "soon" if self.due <= today + SOON else "on_time"


@dataclass(frozen=True)
class Settled:
    """Tasks that an edition closed, and tasks that it opened again."""

    closed: tuple[int, ...] = ()
    reopened: tuple[int, ...] = ()


def by_urgency(tasks: list[Task], today: date) -> list[Task]:
    """Overdue first, then what is due soon, then the other open ones, closed ones last, the newest first."""
    lamps = list(LAMPS)
    return sorted(
        tasks,
        key=lambda task: (not task.is_open, lamps.index(task.lamp(today)), task.due or date.max, -task.task_id),
    )


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
                    _append(connection, task_id, actor, first.to, _checked(first, today))
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
                raise _changed_meanwhile(task)
            if task.state not in STEPS.get(step.to, ()):
                raise _not_from_here(task, step.to)
            _require_reason(task, step)
            _append(connection, task_id, actor, step.to, _checked(step, today))

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
    previous = CHAIN_START
    made: dict[str, Any] = {"events": 0}
    for entry in events:
        if (entry["previous_hash"], entry["entry_hash"]) != (previous, _entry_hash(previous, entry)):
            return False
        previous = entry["entry_hash"]
        made |= _after(entry)
    return made == {name: task[name] for name in made}


def checked_text(name: str, text: str, *, required: bool = False) -> str:
    """A text that a person wrote, trimmed. FollowUpError where it is empty but required, too long, or not for keeping."""
    kept = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n")).strip()
    longest = LONGEST[name]
    if required and not kept:
        raise _refused(name, Words("必须填写", "a text"), Words("空", "nothing"))
    if len(kept) > longest:
        raise _refused(name, Words(f"最多 {longest} 字", f"at most {longest} characters"), Words(f"{len(kept)} 字", f"{len(kept)}"))
    if _TURNING.search(kept) or any(unicodedata.category(sign) == "Cc" and sign not in "\n\t" for sign in kept):
        raise _refused(name, Words("普通文字", "plain text"), Words("控制字符", "control characters"))
    if has_identity_number(kept):
        raise _refused(
            name, Words("不含身份证件号码", "no identity numbers"),
            Words("有一串数字像身份证件号码", "digits that look like an identity number"),
        )  # fmt: skip
    return kept


def has_identity_number(text: str) -> bool:
    """Whether something in a text has the form of an identity number, also in full-width or separated digits."""
    from pipelines.protection.identity import IDENTIFIER, OLD_IDENTIFIER

    plain = unicodedata.normalize("NFKC", text)
    joined = _SEPARATED_DIGITS.sub("", plain)
    # ASCII: a Chinese character right before the number ends no word of it.
    return bool(re.search(f"{IDENTIFIER}|{OLD_IDENTIFIER}", plain, re.ASCII) or re.search(IDENTIFIER, joined, re.ASCII))


def _checked(step: Step, today: date) -> dict[str, str | None]:
    """The values of an event that a person makes. FollowUpError where a text or the due date cannot be taken."""
    values = {
        "note": checked_text("note", step.note) or None,
        "document": checked_text("document", step.document) or None,
    }
    if step.to != "assigned":
        return values
    if step.assignment is None or step.assignment.due < today:
        raise FollowUpError(
            Words("办结期限无效", "The due date cannot be taken"),
            where="due",
            expected=Words(f"{today.isoformat()} 或之后的日期", f"a day from {today.isoformat()} on"),
            found=Words("没有填写，或已过去", "none, or one that has passed"),
            advice=Words("填写以后的日期", "give a later day"),
        )
    return {
        **values,
        "due_date": step.assignment.due.isoformat(),
        "instructions": checked_text("instructions", step.assignment.instructions, required=True),
        "assignee": checked_text("assignee", step.assignment.assignee) or None,
    }


def _require_reason(task: Task, step: Step) -> None:
    """Withdrawing and sending back need a reason, an answer a note or a document."""
    if step.to == "withdrawn" or (task.state, step.to) == ("answered", "rectifying"):
        checked_text("note", step.note, required=True)
    if step.to == "answered" and not step.document.strip():
        checked_text("note", step.note, required=True)


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
    query = sa.select(follow_up_event.c.number, follow_up_event.c.entry_hash).where(follow_up_event.c.task_id == task_id)
    last = connection.execute(query.order_by(follow_up_event.c.number.desc()).limit(1)).first()
    previous = last.entry_hash if last else CHAIN_START
    entry = {name: values.get(name) for name in (*_ASSIGNED, *_FIGURE)} | {
        "task_id": task_id, "number": last.number + 1 if last else 1, "at": now(),
        "actor_kind": actor.kind, "actor": actor.name, "state": state,
    }  # fmt: skip
    connection.execute(
        follow_up_event.insert().values(**entry, previous_hash=previous, entry_hash=_entry_hash(previous, entry))
    )
    connection.execute(
        follow_up_task.update().where(follow_up_task.c.task_id == task_id).values(**_after(entry))
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


def _entry_hash(previous: str, entry: Mapping[str, Any]) -> str:
    return chained_hash(previous, [entry[name] for name in _CHAINED])


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


def _refused(name: str, expected: Words, found: Words) -> FollowUpError:
    return FollowUpError(
        Words(f"“{_NAMES[name].zh}”不能这样填写", f"The {_NAMES[name].en} cannot be taken"),
        where=name, expected=expected, found=found,
        advice=Words("修改后重新提交", "change it and submit again"),
    )  # fmt: skip


def _changed_meanwhile(task: Task) -> FollowUpError:
    return FollowUpError(
        Words("这个督办已被更新", "The task has moved on meanwhile"),
        where=f"{task.task_id}",
        expected=Words("提交时与打开时相同", "the task as it was when the form was opened"),
        found=Words(f"现为{STATES[task.state].zh}", f"it is now: {STATES[task.state].en}"),
        advice=Words("重新打开后再办理", "open it again and look"),
    )


def _not_from_here(task: Task, to: State) -> FollowUpError:
    allowed = [state for state, sources in STEPS.items() if task.state in sources]
    return FollowUpError(
        Words("督办不能这样流转", "The task cannot take this step"),
        where=f"{task.task_id}",
        expected=Words(
            "、".join(STATES[state].zh for state in allowed) or "已结束，无下一步",
            ", ".join(allowed) or "no step: it has ended",
        ),
        found=Words(f"{STATES[task.state].zh} → {STATES[to].zh}", f"{task.state} → {to}"),
        advice=Words("按流程办理；销号由下一版数据完成", "take an allowed step; only an edition closes a task"),
    )

