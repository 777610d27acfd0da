"""What one person proposes and a second one approves: where it stands, and why a step of it cannot be taken.

Belongs here: what decisions and changes of rules have in common. How they are kept stands in `proposal_store`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from pipelines import written
from pipelines.actor import Actor
from pipelines.errors import WarehouseError, Words

State = Literal["proposed", "in_force", "refused", "withdrawn"]

STATES: dict[State, Words] = {
    "proposed": Words("待复核", "Waits for approval"),
    "in_force": Words("生效", "In force"),
    "refused": Words("复核未通过", "Not approved"),
    "withdrawn": Words("已撤回", "Withdrawn"),
}
LONGEST_REASON = 500
_REASON = Words("理由", "reason")


class ProposalError(WarehouseError):
    """A step that cannot be taken; the store is as it was. A kind of proposals has a class of its own, with its `noun` and
    the command that `lists` it."""

    noun: ClassVar[Words]
    lists: ClassVar[str]


class NoSuchProposal(ProposalError):
    """No proposal of the kind has this number."""

    def __init__(self, number: int) -> None:
        super().__init__(
            Words(f"没有这项{self.noun.zh}", f"There is no such {self.noun.en}"),
            where=f"{number}",
            expected=Words(f"{self.lists} 列出的编号", f"a number that {self.lists} shows"),
            found=Words(f"编号 {number}", f"number {number}"),
            advice=Words("核对编号", "look the number up"),
        )


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A proposal as its steps have made it: who made it, who settled it, and whether it is in force."""

    state: State
    at: str
    by: Actor
    settled_at: str | None = None
    settled_by: Actor | None = None
    note: str = ""

    @property
    def is_in_force(self) -> bool:
        return self.state == "in_force"

    def check_step(self, number: int, to: State, actor: Actor, error: type[ProposalError]) -> None:
        """Raises `error` where the proposal of this number cannot come to a state, or not through this person."""
        noun, is_withdrawn = error.noun, to == "withdrawn"
        if self.state not in (("proposed", "in_force") if is_withdrawn else ("proposed",)):
            raise error(
                Words(f"{noun.zh}不能这样处理", f"The {noun.en} cannot take this step"),
                where=f"{number}",
                expected=Words(f"待复核的{noun.zh}；撤回也可对生效的", "one that waits for approval; or, to withdraw, one in force"),
                found=Words(f"{STATES[self.state].zh} → {STATES[to].zh}", f"{self.state} → {to}"),
                advice=Words("重新打开后再办理", "look at it again"),
            )
        if self.by == actor and not is_withdrawn:
            raise error(
                Words(f"不能复核自己的{noun.zh}", f"Nobody approves a {noun.en} of their own"),
                where=f"{number}",
                expected=Words("另一个人", "somebody else"),
                found=Words(actor.name, actor.name),
                advice=Words("请另一名数据管理员复核", "ask another steward"),
            )


def checked_reason(reason: str, error: type[ProposalError], *, required: bool = True) -> str:
    """The reason of a step. `error` where it is missing, too long or not for keeping."""
    try:
        return written.checked("reason", _REASON, reason, LONGEST_REASON, required=required)
    except written.NotForKeeping as refused:
        raise error(**refused.said) from None
