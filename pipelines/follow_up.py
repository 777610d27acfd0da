"""Follow-up of missed targets (发现→交办→整改→反馈→销号): what a task is, the steps that lead from state to state, who takes them.

A task is about one unit, KPI and target. People take it as far as 已反馈; only an edition closes it. Belongs here: records,
what steps are allowed, what people may write. How tasks are kept stands in `follow_up_store.py`, what an edition says of
them in `follow_up_edition.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal

from pipelines import written
from pipelines.actor import Actor
from pipelines.errors import WarehouseError, Words

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
    def is_withheld(self) -> bool:
        """Judged, and of so few people in a grid that the edition gives the verdict alone."""
        return self.numerator is None and self.status in ("met", "near", "missed")

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
        return lamp_of(self.due if self.state in OWED else None, today)


@dataclass(frozen=True)
class Settled:
    """Tasks that an edition closed, and tasks that it opened again."""

    closed: tuple[int, ...] = ()
    reopened: tuple[int, ...] = ()


def lamp_of(due: date | None, today: date) -> Lamp:
    """How a due date stands; none where nothing is owed."""
    if due is None:
        return "none"
    if due < today:
        return "overdue"
    return "soon" if due <= today + SOON else "on_time"


def by_urgency(tasks: list[Task], today: date) -> list[Task]:
    """Overdue first, then what is due soon, then the other open ones, closed ones last, the newest first."""
    lamps = list(LAMPS)
    return sorted(
        tasks,
        key=lambda task: (not task.is_open, lamps.index(task.lamp(today)), task.due or date.max, -task.task_id),
    )


def checked_text(name: str, text: str, *, required: bool = False) -> str:
    """A text that a person wrote, trimmed. FollowUpError where it is empty but required, too long, or not for keeping."""
    try:
        return written.checked(name, _NAMES[name], text, LONGEST[name], required=required)
    except written.NotForKeeping as error:
        raise FollowUpError(**error.said) from None


def checked(step: Step, today: date) -> dict[str, str | None]:
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


def require_reason(task: Task, step: Step) -> None:
    """Withdrawing and sending back need a reason, an answer a note or a document."""
    if step.to == "withdrawn" or (task.state, step.to) == ("answered", "rectifying"):
        checked_text("note", step.note, required=True)
    if step.to == "answered" and not step.document.strip():
        checked_text("note", step.note, required=True)


def changed_meanwhile(task: Task) -> FollowUpError:
    return FollowUpError(
        Words("这个督办已被更新", "The task has moved on meanwhile"),
        where=f"{task.task_id}",
        expected=Words("提交时与打开时相同", "the task as it was when the form was opened"),
        found=Words(f"现为{STATES[task.state].zh}", f"it is now: {STATES[task.state].en}"),
        advice=Words("重新打开后再办理", "open it again and look"),
    )


def not_from_here(task: Task, to: State) -> FollowUpError:
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
