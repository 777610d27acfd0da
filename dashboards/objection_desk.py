"""The desk at which objections are worked on: those of a data root as far as somebody may see them and change them.

Belongs here: opening the operational store for objections, and who may take which step. What pages show stands in
`pages/objections.py`, who sends a request in `visitor.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from dashboards.desk import not_allowed, opened
from dashboards.visitor import Visitor
from pipelines.accounts import Permission
from pipelines.errors import Words
from pipelines.follow_up_edition import Ask
from pipelines.objection_edition import codes_now, contested_of
from pipelines.objection_rows import named_rows, sources_of
from pipelines.objection_store import Objections
from pipelines.objections import (
    Claim,
    Contested,
    Event,
    NoSuchObjection,
    Objection,
    State,
    Step,
    Subject,
    due_after,
)
from pipelines.settings import SHANGHAI, Home
from pipelines.store import NoStore, Store

_ADVICE = Words("由提出人、责任单位或数据管理员办理", "leave it to whoever objected, the owner agency, or a steward")


@dataclass(frozen=True)
class ObjectionDesk:
    """The objections to figures of units in the area of a visitor. `ask`: the edition that they see."""

    home: Home
    visitor: Visitor
    ask: Ask

    @property
    def today(self) -> date:
        return datetime.now(SHANGHAI).date()

    def objections(self) -> list[Objection]:
        """All objections of the area; none where there is no store yet."""
        try:
            with opened(self.home, read_only=True) as store:
                found = Objections(store).all()
        except NoStore:
            return []
        codes = codes_now(self.ask, (one.subject.unit_key for one in found))
        return [one for one in found if self._covers(codes.get(one.subject.unit_key, ""))]

    def objection(self, objection_id: int) -> tuple[Objection, list[Event]]:
        """An objection and all that happened to it. NoSuchObjection where there is none of this number in the area."""
        try:
            with opened(self.home, read_only=True) as store:
                found, events = Objections(store).objection(objection_id), Objections(store).events(objection_id)
        except NoStore as error:
            raise NoSuchObjection(objection_id) from error
        if not self.covers(found.subject.unit_key):
            raise NoSuchObjection(objection_id)
        return found, events

    def about(self, subject: Subject) -> list[Objection]:
        """Every objection to a figure, by number."""
        try:
            with opened(self.home, read_only=True) as store:
                return Objections(store).about(subject)
        except NoStore:
            return []

    def contested(self, subject: Subject) -> Contested:
        """A figure that the visitor may contest. NotAllowed where it is not theirs, ObjectionError where there is none."""
        if not (self._may("contest") and self.covers(subject.unit_key)):
            raise not_allowed(_ADVICE)
        return contested_of(self.ask, subject)

    def covers(self, unit_key: str) -> bool:
        """Whether a unit lies in the visitor's area, by the code that it has now."""
        return self._covers(codes_now(self.ask, [unit_key]).get(unit_key, ""))

    def may(self, to: State, objection: Objection) -> bool:
        """Whether the visitor may take a step: the owner agency answers, or a steward for it; who objected withdraws; who
        objected or a steward closes.
        """
        account, is_own = self.visitor.account, objection.by == self.visitor.actor
        if account is None or not (account.may("contest") and self.covers(objection.subject.unit_key)):
            return False
        match to:
            case "answered":
                return account.replies_for(objection.claim.contested.owner_agency)
            case "withdrawn":
                return is_own
            case "closed":
                return is_own or account.may("reply")
            case _:
                return False

    @property
    def sees_rows(self) -> bool:
        """Whether delivered rows are the visitor's to look at."""
        return self._may("settle")

    def contest(self, subject: Subject, words: str, rows: str) -> int:
        """Opens an objection to a figure; its number. NotAllowed where the figure is not the visitor's to contest."""
        contested = self.contested(subject)
        with opened(self.home, read_only=False) as store:
            named = named_rows(rows, sources_of(self.ask, contested), store, self.home)
            claim = Claim(contested, words, due_after(self.today), named)
            return Objections(store).open(claim, self.visitor.actor, self.today)

    def step(self, objection: Objection, step: Step, seen: int) -> None:
        """Takes an objection one step further. NotAllowed where the step is not the visitor's to take."""
        if not self.may(step.to, objection):
            raise not_allowed(_ADVICE)
        with opened(self.home, read_only=False) as store:
            Objections(store).step(objection.objection_id, step, self.visitor.actor, seen=seen)

    def _covers(self, unit_code: str) -> bool:
        return self.visitor.account is not None and self.visitor.account.covers(unit_code)

    def _may(self, permission: Permission) -> bool:
        return self.visitor.account is not None and self.visitor.account.may(permission)


def live_objections(store: Store) -> Mapping[Subject, Objection]:
    """The newest objection to each figure that has not ended, of all areas."""
    return {one.subject: one for one in Objections(store).live()}
