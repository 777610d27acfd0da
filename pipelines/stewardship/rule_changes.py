"""Rules that a steward tunes: what a change says, for which months it holds, and the contracts as changes in force leave them.

A change says in full what is other about one rule; of several in force for a month the one proposed last holds. Belongs here:
records, and what may be changed. How changes are kept stands in `rule_change_store`, what they do to batches in
`decided_batches`, what one would do in `rule_preview`.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from pydantic import ValidationError

from expectations.contract import Contract, load_contracts
from expectations.rules import RuleText, file_rules, rule_catalogue
from expectations.tuning import Tuning, tunable_parts, tuned
from pipelines import written
from pipelines.errors import Words
from pipelines.settings import month_start
from pipelines.stewardship.proposals import NoSuchProposal, Proposal, ProposalError, checked_reason

LONGEST_SPELLING = 50
SEVERITIES = {
    "error": Words("不合格的行退出计算", "rows that break it do not count"),
    "warning": Words("只提示，行照常计入", "told, but rows count"),
}
_VALUE = re.compile(r"[a-z][a-z0-9_]{0,49}")


class RuleChangeError(ProposalError):
    """A change of a rule that cannot be taken; the store is as it was."""

    noun = Words("规则调整", "change of a rule")
    lists = "warehouse steward rules list"


class NoSuchRuleChange(NoSuchProposal, RuleChangeError):
    """No change of a rule has this number."""


@dataclass(frozen=True)
class RuleDraft:
    """A change about to be proposed. `content`: minimum, maximum, spellings, removed, severity as in `Tuning`, those that
    it changes. Months are 'YYYY-MM'; without `last_month` it holds from `first_month` on."""

    dataset: str
    rule_id: str
    content: Mapping[str, Any]
    first_month: str
    last_month: str | None
    reason: str


@dataclass(frozen=True)
class RuleChange(Proposal):
    """A change as its steps have made it: who proposed it, who settled it, and whether it is in force."""

    change_id: int
    draft: RuleDraft

    @property
    def tuning(self) -> Tuning:
        return _tuning(self.change_id, self.draft)

    def holds_in(self, month: str) -> bool:
        """Whether it is for a month, if it is in force."""
        return self.draft.first_month <= month and (self.draft.last_month is None or month <= self.draft.last_month)

    def for_months(self, first: str, last: str | None) -> RuleChange:
        """The same change in force for these months, as a preview asks for it."""
        return replace(self, state="in_force", draft=replace(self.draft, first_month=first, last_month=last))


@dataclass(frozen=True)
class RulesInForce:
    """The contracts by month: as they are shipped, and as the changes in force leave them."""

    changes: tuple[RuleChange, ...] = ()
    _known: dict[tuple[str, tuple[int, ...]], Contract] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, changes: Iterable[RuleChange]) -> RulesInForce:
        """From all changes, whatever became of them."""
        return cls(tuple(change for change in changes if change.is_in_force))

    @property
    def numbers(self) -> list[int]:
        """The changes in force, by number."""
        return sorted(change.change_id for change in self.changes)

    def changes_of(self, dataset: str, month: str) -> list[RuleChange]:
        """What holds for a month: of each rule the change that was proposed last."""
        holding = {
            change.draft.rule_id: change
            for change in sorted(self.changes, key=lambda change: change.change_id)
            if change.draft.dataset == dataset and change.holds_in(month)
        }
        return list(holding.values())

    def contract(self, dataset: str, month: str) -> Contract:
        """What deliveries of a month are held to; the shipped contract itself where nothing is tuned."""
        changes = self.changes_of(dataset, month)
        known = dataset, tuple(change.change_id for change in changes)
        if known not in self._known:
            self._known[known] = tuned(load_contracts()[dataset], [change.tuning for change in changes])
        return self._known[known]

    def digest(self, dataset: str, month: str) -> str | None:
        """Equal where rules inside files are tuned alike; None where they are as shipped."""
        inside = self._rules_inside_files.get(dataset, frozenset())
        parts = [
            [change.change_id, dict(change.draft.content)]
            for change in self.changes_of(dataset, month)
            if change.draft.rule_id in inside
        ]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:24] if parts else None

    @cached_property
    def _rules_inside_files(self) -> dict[str, frozenset[str]]:
        contracts, datasets = load_contracts(), {change.draft.dataset for change in self.changes}
        return {dataset: frozenset(rule.id for rule in file_rules(contracts[dataset], False)) for dataset in datasets}


def checked_draft(draft: RuleDraft) -> RuleDraft:
    """The change as it is kept. RuleChangeError where the rule is not there, may not be tuned so, or would not change."""
    contract = load_contracts().get(draft.dataset)
    if contract is None:
        raise _refused("dataset", _listed(load_contracts()), Words(draft.dataset, draft.dataset))
    rules = {rule.id: rule for rule in rule_catalogue(contract, sample=False)}
    rule = rules.get(draft.rule_id)
    tunable = [rule.id for rule in rules.values() if tunable_parts(rule)]
    if rule is None or not tunable_parts(rule):
        found = Words("没有这条规则", "no such rule") if rule is None else Words("不可调整的规则", "a rule that may not be tuned")
        raise _refused("rule", _listed(tunable), found)
    content = _checked_content(draft, rule, contract)
    _check_months(draft)
    return replace(draft, content=content, reason=checked_reason(draft.reason, RuleChangeError))


def _tuning(number: int, draft: RuleDraft) -> Tuning:
    content: dict[str, Any] = {name: tuple(value) if name == "removed" else value for name, value in draft.content.items()}
    return Tuning(number, draft.rule_id, **content)


def _checked_content(draft: RuleDraft, rule: RuleText, contract: Contract) -> dict[str, Any]:
    content = {name: value for name, value in draft.content.items() if value not in (None, "", (), [], {})}
    content |= {name: _checked_number(name, content[name]) for name in ("minimum", "maximum") if name in content}
    tuning = _tuning(0, replace(draft, content=content))
    if not tuning.parts:
        raise _refused("change", Words("至少调整一项", "something to change"), Words("没有", "nothing"))
    not_allowed = tuning.parts - tunable_parts(rule)
    if not_allowed:
        raise _refused(", ".join(sorted(not_allowed)), _listed(sorted(tunable_parts(rule))), _listed(sorted(not_allowed)))
    if tuning.severity not in (None, "error", "warning"):
        raise _refused("severity", Words("error 或 warning", "error or warning"), Words("其他值", "another value"))
    if tuning.severity == rule.severity:
        raise _refused("severity", Words("另一等级", "another severity"), Words(f"已是 {rule.severity}", f"{rule.severity} already"))
    if tuning.parts & {"bounds", "values"}:
        _check_column(tuning, rule, contract)
    return content


def _check_column(tuning: Tuning, rule: RuleText, contract: Contract) -> None:
    """That bounds leave something between them, and that spellings and values are known, new and unambiguous."""
    column = contract.column(rule.columns[0])
    low = column.minimum if tuning.minimum is None else tuning.minimum
    high = column.maximum if tuning.maximum is None else tuning.maximum
    if low is not None and high is not None and low > high:
        raise _refused("minimum, maximum", Words("下限不高于上限", "a minimum not above the maximum"), Words(f"{low:g} > {high:g}", f"{low:g} > {high:g}"))
    if "bounds" in tuning.parts and (low, high) == (column.minimum, column.maximum):
        raise _refused("minimum, maximum", Words("另一范围", "another range"), Words("与原规则相同", "the same as shipped"))
    for value in tuning.removed:
        if value not in column.values:
            raise _refused("removed", _listed(column.values), Words("其他值", "another value"))
    known = {*column.values, *(spelling for spellings in column.values.values() for spelling in spellings)}
    for spelling, value in tuning.spellings.items():
        if not 0 < len(spelling) <= LONGEST_SPELLING or spelling in known or written.has_identity_number(spelling):
            raise _refused(
                "spellings", Words(f"新的写法，最多 {LONGEST_SPELLING} 字", f"a new spelling of at most {LONGEST_SPELLING} characters"),
                Words("空、过长、已有，或像证件号码", "none, too long, known already, or like an identity number"),
            )  # fmt: skip
        if not _VALUE.fullmatch(value) or value in tuning.removed:
            raise _refused("spellings", Words("已有取值，或小写英文新值", "a known value, or a new one in lower-case ASCII"), Words("其他值", "another value"))
    try:
        tuned(contract, [tuning])
    except ValidationError:
        raise _refused("spellings, removed", Words("仍有取值且写法不重复", "values left, and no spelling twice"), Words("不是这样", "not so")) from None


def _checked_number(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number) or abs(number) >= 1e15:
        raise _refused(name, Words("数字", "a number"), Words("不是数字", "no number"))
    return number


def _check_months(draft: RuleDraft) -> None:
    try:
        first = month_start(draft.first_month)
        last = None if draft.last_month is None else month_start(draft.last_month)
    except ValueError:
        raise _refused("from, to", Words("月份 YYYY-MM", "months as YYYY-MM"), Words("其他写法", "something else")) from None
    if last is not None and last < first:
        raise _refused("from, to", Words("截止月不早于起始月", "an end not before the start"), Words(f"{last:%Y-%m}", f"{last:%Y-%m}"))


def _listed(names: Collection[str]) -> Words:
    return Words("、".join(names) or "—", ", ".join(names) or "—")


def _refused(where: str, expected: Words, found: Words) -> RuleChangeError:
    return RuleChangeError(
        Words("规则不能这样调整", "The rule cannot be changed so"), where=where, expected=expected, found=found,
        advice=Words("修改后重新提交", "change it and propose it again"),
    )  # fmt: skip


def told(draft: RuleDraft) -> Words:
    """What a change changes, in words."""
    tuning = _tuning(0, draft)
    zh, en = [], []
    for name, word in (("minimum", "下限"), ("maximum", "上限")):
        if (bound := getattr(tuning, name)) is not None:
            zh.append(f"{word} {bound:.15g}")
            en.append(f"{name} {bound:.15g}")
    for spelling, value in tuning.spellings.items():
        zh.append(f"“{spelling}”记为 {value}")
        en.append(f"“{spelling}” means {value}")
    if tuning.removed:
        zh.append(f"不再允许 {'、'.join(tuning.removed)}")
        en.append(f"no longer {', '.join(tuning.removed)}")
    if tuning.severity is not None:
        zh.append(SEVERITIES[tuning.severity].zh)
        en.append(SEVERITIES[tuning.severity].en)
    return Words("；".join(zh), "; ".join(en))


def spellings_of(texts: Iterable[str]) -> dict[str, str]:
    """Spellings from lines as 'TEXT=value'. RuleChangeError where one is no such line."""
    pairs = [text.rpartition("=") for text in texts]
    if not all(sign for _, sign, _ in pairs):
        raise _refused("spellings", Words("写法=取值", "TEXT=value"), Words("没有等号", "no equals sign"))
    return {written.checked("spellings", Words("写法", "spelling"), spelling, LONGEST_SPELLING): value.strip() for spelling, _, value in pairs}
