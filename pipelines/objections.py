"""Objections to figures (异议): what an objection is, which steps lead from its opening to its end, when its answer is due.

An objection is about the figure of a unit in a period, as an edition said it, and names the delivered rows that are wrong as
far as somebody knows them. Belongs here: records, what steps are allowed, what people may write. How objections are kept
stands in `objection_store.py`, what an edition says of them in `objection_edition.py`, rows in `objection_rows.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal

from pipelines import written
from pipelines.actor import Actor
from pipelines.errors import WarehouseError, Words
from pipelines.follow_up import LAMPS, Lamp, lamp_of
from pipelines.store import Slot

State = Literal["open", "answered", "closed", "withdrawn"]
Outcome = Literal["upheld", "rejected"]

STATES: dict[State, Words] = {
    "open": Words("待答复", "Waits for an answer"),
    "answered": Words("已答复", "Answered"),
    "closed": Words("已办结", "Closed"),
    "withdrawn": Words("已撤回", "Withdrawn"),
}
OUTCOMES: dict[Outcome, Words] = {"upheld": Words("成立", "Upheld"), "rejected": Words("不成立", "Rejected")}
LIVE: tuple[State, ...] = ("open", "answered")
# To this state, from these.
STEPS: dict[State, tuple[State, ...]] = {"answered": ("open",), "closed": ("answered",), "withdrawn": ("open",)}
WORKING_DAYS = 10  # until an answer is due
LONGEST = {"claim": 1000, "rows": 2000, "answer": 1000, "note": 500}
_NAMES = {
    "claim": Words("异议内容", "claim"),
    "rows": Words("有误的行", "list of rows"),
    "answer": Words("答复", "answer"),
    "note": Words("说明", "note"),
}


class ObjectionError(WarehouseError):
    """An objection that cannot be taken, or a step of one; the store is as it was."""


class NoSuchObjection(ObjectionError):
    """No objection has this number."""

    def __init__(self, objection_id: int) -> None:
        super().__init__(
            Words("没有这个异议", "There is no such objection"),
            where=f"{objection_id}",
            expected=Words("异议清单中的编号", "a number of the list of objections"),
            found=Words(f"{objection_id}", f"{objection_id}"),
            advice=Words("查看异议清单", "see the list of objections"),
        )


class ContestedAlready(ObjectionError):
    """The figure is contested already, and nobody has answered yet; `objection_id` is the number of that objection."""

    def __init__(self, objection_id: int) -> None:
        self.objection_id = objection_id
        super().__init__(
            Words("该数据已有待答复的异议", "This figure is contested already"),
            where=f"{objection_id}",
            expected=Words("同一数据只有一个待答复的异议", "one objection that waits for an answer per figure"),
            found=Words(f"异议 {objection_id} 待答复", f"objection {objection_id} waits for an answer"),
            advice=Words(f"查看异议 {objection_id}，答复后可再提出", f"see objection {objection_id}; once it is answered there may be another"),
        )


@dataclass(frozen=True)
class Subject:
    """The figure that an objection is about. `target_id` is '' where none applies; `period` is its first day."""

    unit_key: str
    kpi_id: str
    target_id: str
    period_type: str
    period: date


@dataclass(frozen=True)
class Said:
    """What an edition says of a figure; amounts are None where there are none, or too few people to give them."""

    edition_id: str
    value: float | None
    numerator: Decimal | None
    denominator: Decimal | None
    status: str
    certainty: str | None

    @property
    def is_withheld(self) -> bool:
        """Judged, and of so few people that the edition gives the verdict alone."""
        return self.numerator is None and self.status in ("met", "near", "missed")

    def agrees_with(self, other: Said | None) -> bool:
        """Whether another edition says the same."""
        return other is not None and replace(other, edition_id=self.edition_id) == self


@dataclass(frozen=True)
class Contested:
    """A figure as an edition has it, from which an objection is made."""

    subject: Subject
    unit_code: str
    unit_name: str
    owner_agency: str
    said: Said


@dataclass(frozen=True)
class NamedRows:
    """Rows of the batch that was current in a slot, by their line in the delivered file."""

    slot: Slot
    batch_id: str
    rows: tuple[int, ...]


@dataclass(frozen=True)
class Claim:
    """What is contested, in words, and on which rows; none where nobody knows them. `due`: by when it is to be answered."""

    contested: Contested
    words: str
    due: date
    rows: tuple[NamedRows, ...] = ()


@dataclass(frozen=True)
class Step:
    """One step of a person: to which state; an answer has an outcome. `note`: the answer, or why."""

    to: State
    note: str = ""
    outcome: Outcome | None = None


@dataclass(frozen=True)
class Event:
    """A step that was taken; the first one made the objection."""

    number: int
    at: str
    actor: Actor
    state: State
    outcome: Outcome | None
    note: str


@dataclass(frozen=True)
class Objection:
    """An objection as its events have made it; `answer` is '' until there is one."""

    objection_id: int
    claim: Claim
    at: str
    by: Actor
    state: State
    outcome: Outcome | None
    answer: str
    events: int

    @property
    def subject(self) -> Subject:
        return self.claim.contested.subject

    def lamp(self, today: date) -> Lamp:
        """How the due date stands, while an answer is owed."""
        return lamp_of(self.claim.due if self.state == "open" else None, today)


def due_after(day: date, working_days: int = WORKING_DAYS) -> date:
    """The last of so many working days after a day: Monday to Friday. Holidays are decreed anew each year, and not known."""
    due = day
    while working_days:
        due += timedelta(days=1)
        working_days -= due.weekday() < 5
    return due


def by_urgency(objections: Iterable[Objection], today: date) -> list[Objection]:
    """Overdue first, then what is due soon, then the other open ones, then answered ones; the newest first."""
    lamps, states = list(LAMPS), list(STATES)
    return sorted(
        objections,
        key=lambda one: (states.index(one.state), lamps.index(one.lamp(today)), one.claim.due if one.state == "open" else date.max, -one.objection_id),
    )


def checked_text(name: str, text: str, *, required: bool = False) -> str:
    """A text that a person wrote, trimmed. ObjectionError where it is empty but required, too long, or not for keeping."""
    try:
        return written.checked(name, _NAMES[name], text, LONGEST[name], required=required)
    except written.NotForKeeping as error:
        raise ObjectionError(**error.said) from None


def checked_claim(claim: Claim, today: date) -> Claim:
    """A claim as it is kept. ObjectionError where its words or its due date cannot be taken."""
    if claim.due < today:
        raise ObjectionError(
            Words("答复期限无效", "The due date cannot be taken"),
            where="due",
            expected=Words(f"{today.isoformat()} 或之后的日期", f"a day from {today.isoformat()} on"),
            found=Words(claim.due.isoformat(), claim.due.isoformat()),
            advice=Words("填写以后的日期", "give a later day"),
        )
    return replace(claim, words=checked_text("claim", claim.words, required=True))


def checked_step(step: Step) -> Step:
    """A step as it is kept. ObjectionError where its text cannot be taken, or an answer says neither yes nor no."""
    if step.to != "answered":
        return replace(step, note=checked_text("note", step.note), outcome=None)
    if step.outcome not in OUTCOMES:
        raise ObjectionError(
            Words("没有选择异议是否成立", "It is not said whether the objection is upheld"),
            where="outcome",
            expected=Words("成立或不成立", "upheld or rejected"),
            found=Words("没有选择", "neither"),
            advice=Words("选择后重新提交", "choose one and submit again"),
        )
    return replace(step, note=checked_text("answer", step.note, required=True))


def changed_meanwhile(objection: Objection) -> ObjectionError:
    return ObjectionError(
        Words("这个异议已被更新", "The objection has moved on meanwhile"),
        where=f"{objection.objection_id}",
        expected=Words("提交时与打开时相同", "the objection as it was when the form was opened"),
        found=Words(f"现为{STATES[objection.state].zh}", f"it is now: {STATES[objection.state].en}"),
        advice=Words("重新打开后再办理", "open it again and look"),
    )


def not_from_here(objection: Objection, to: State) -> ObjectionError:
    allowed = [state for state, sources in STEPS.items() if objection.state in sources]
    return ObjectionError(
        Words("异议不能这样流转", "The objection cannot take this step"),
        where=f"{objection.objection_id}",
        expected=Words(
            "、".join(STATES[state].zh for state in allowed) or "已结束，无下一步",
            ", ".join(allowed) or "no step: it has ended",
        ),
        found=Words(f"{STATES[objection.state].zh} → {STATES[to].zh}", f"{objection.state} → {to}"),
        advice=Words("按流程办理；仍有异议时另行提出", "take an allowed step, or open another objection"),
    )
