"""Decisions on delivered rows: what a steward may decide, what a decision is, and what it needs to be in force.

A decision is about a row's protected content in its slot, not about a place in a file: it carries over to a new delivery
where that content is equal, and is of no effect where it is not. Belongs here: records and what may be decided. What
proposals have in common stands in `proposals`, how decisions are kept in `decision_store`, what they do to batches in
`decided_batches`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from expectations.contract import Contract
from expectations.rules import RuleText, rule_catalogue
from pipelines import written
from pipelines.errors import Words
from pipelines.stewardship.proposals import NoSuchProposal, Proposal, ProposalError
from pipelines.store import Slot

Kind = Literal["accept", "correct", "reject", "merge", "replace", "send_back", "same_person", "other_person"]

KINDS: dict[Kind, Words] = {
    "send_back": Words("退回更正", "Sent back"),
    "correct": Words("就地更正", "Corrected in place"),
    "accept": Words("认可", "Accepted with a reason"),
    "reject": Words("剔除", "Rejected as not belonging"),
    "merge": Words("并入另一行", "Merged into another row"),
    "replace": Words("报送单位更正", "Corrected by its supplier"),
    "same_person": Words("确认为同一人", "Confirmed as the same person"),
    "other_person": Words("否认为同一人", "Refused as another person"),
}
# Kinds that a second person approves where a county asks for it: they make rows count that rules refuse.
NEEDS_APPROVAL: frozenset[Kind] = frozenset({"accept"})
# Kinds that change what is counted of a batch; the others act on links, or wait for the supplier.
ON_BATCHES: frozenset[Kind] = frozenset({"accept", "correct", "reject", "merge", "replace"})
ON_LINKS: frozenset[Kind] = frozenset({"same_person", "other_person"})


class DecisionError(ProposalError):
    """A decision that cannot be taken; the store is as it was."""

    noun = Words("裁定", "decision")
    lists = "warehouse steward decisions"


class NoSuchDecision(NoSuchProposal, DecisionError):
    """No decision has this number."""


@dataclass(frozen=True)
class Row:
    """A data row of a batch, and the digest of its protected content."""

    slot: Slot
    batch_id: str
    row_number: int
    digest: str


@dataclass(frozen=True)
class Draft:
    """A decision about to be made. `content` by kind:

    accept        rules: {rule id: version} that the row may break
    correct       cells: {column: text as a supplier would write it}
    merge         into: row number and digest of the row that stays
    replace       batch_id, row_number of the correction
    send_back     due: the day until which the supplier is asked to answer, YYYY-MM-DD
    same_person, other_person   entry: slot, row number and digest of the row in the book
    """

    kind: Kind
    row: Row
    reason: str
    content: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Decision(Proposal):
    """A decision as its steps have made it: who made it, who approved or withdrew it, and whether it is in force."""

    decision_id: int
    draft: Draft


def rules_to_accept(contract: Contract, broken: Mapping[str, int], *, is_sample: bool) -> dict[str, int]:
    """The broken rules, id → version, that a steward may accept a row with. DecisionError where one is none of these.

    A row that cannot be read, placed or told from others would be counted as something that it does not say.
    """
    catalogue = {rule.id: rule for rule in rule_catalogue(contract, sample=is_sample)}
    unacceptable = [rule for rule_id in broken if not (rule := catalogue[rule_id]).is_acceptable]
    if unacceptable:
        raise DecisionError(
            Words("这样的行不能认可", "Such a row cannot be accepted"),
            where=", ".join(rule.id for rule in unacceptable),
            expected=Words("只违反可认可的规则", "rules that a row may be accepted with"),
            found=_named(unacceptable),
            advice=Words("更正、退回或剔除", "correct it, send it back, or reject it"),
        )
    if not broken:
        raise DecisionError(
            Words("这一行没有待认可的问题", "There is nothing to accept in this row"),
            where=contract.dataset,
            expected=Words("至少违反一条规则", "a row that breaks a rule"),
            found=Words("没有未处理的问题", "none that is open"),
            advice=Words("刷新工作清单", "look at the work list again"),
        )
    return dict(broken)


def cells_to_correct(contract: Contract, cells: Mapping[str, str]) -> dict[str, str]:
    """The cells of a correction in place, column → text. DecisionError where one identifies a person or is unknown."""
    columns = {column.name: column for column in contract.columns}
    for name, text in cells.items():
        column = columns.get(name)
        if column is None:
            known = ", ".join(column.name for column in contract.columns if column.privacy == "none")
            raise _cannot_correct(name, Words(known, known), Words("没有这一列", "no such column"))
        if column.privacy != "none":
            raise _cannot_correct(
                name, Words("非识别性的列", "a column that identifies nobody"),
                Words(f"“{column.title_zh}”识别个人，只能由报送单位更正", f"{column.title_en} identifies people: its supplier corrects it"),
            )  # fmt: skip
        if written.has_identity_number(text):
            raise _cannot_correct(name, Words("不含身份证件号码", "no identity numbers"), Words("像证件号码", "what looks like one"))
    if not cells:
        raise _cannot_correct(contract.dataset, Words("至少一个单元格", "one cell at the least"), Words("没有", "none"))
    return dict(cells)


def _cannot_correct(where: str, expected: Words, found: Words) -> DecisionError:
    return DecisionError(
        Words("不能这样更正", "It cannot be corrected so"), where=where, expected=expected, found=found,
        advice=Words("改正，或退回报送单位", "change it, or send the row back to its supplier"),
    )  # fmt: skip


def _named(rules: list[RuleText]) -> Words:
    return Words("；".join(rule.zh for rule in rules), "; ".join(rule.en for rule in rules))
