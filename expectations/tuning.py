"""Contracts with some of their rules tuned: other bounds, other allowed values, another severity; nothing else.

Belongs here: what a tuning makes of a contract. Who may tune what, since when and why is said by `pipelines.stewardship`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from expectations.contract import Column, Contract
from expectations.rules import RuleText, rule_catalogue

Part = Literal["bounds", "values", "severity"]
TunedSeverity = Literal["error", "warning"]
# Versions of tuned rules start here, above those of contracts.
_VERSIONS = 1000


@dataclass(frozen=True)
class Tuning:
    """What is other about one rule; what is None or empty stays as the contract says.

    `number` tells it from every other tuning. minimum, maximum: of the range of a number. spellings: delivered text → value,
    which may be a new one; removed: values that are allowed no more.
    """

    number: int
    rule_id: str
    minimum: float | None = None
    maximum: float | None = None
    spellings: Mapping[str, str] = field(default_factory=dict)
    removed: tuple[str, ...] = ()
    severity: TunedSeverity | None = None

    @property
    def parts(self) -> set[Part]:
        """What it changes."""
        changed: dict[Part, bool] = {
            "bounds": self.minimum is not None or self.maximum is not None,
            "values": bool(self.spellings or self.removed),
            "severity": self.severity is not None,
        }
        return {part for part, is_changed in changed.items() if is_changed}


def tunable_parts(rule: RuleText) -> set[Part]:
    """What may be tuned of a rule.

    A rule without which a row could not be read, placed or told from others stays an error; a warning may become one.
    """
    parts: set[Part] = set()
    if rule.severity == "warning" or (rule.severity == "error" and rule.is_acceptable):
        parts.add("severity")
    if rule.id.endswith(".range"):
        parts.add("bounds")
    if rule.id.endswith(".known_value"):
        parts.add("values")
    return parts


def tuned(contract: Contract, tunings: Iterable[Tuning]) -> Contract:
    """The contract with these tunings, one for a rule at the most; itself where there are none.

    KeyError where it has no such rule, ValueError where the columns would contradict themselves (pydantic's).
    """
    tunings = list(tunings)
    if not tunings:
        return contract
    rules = {rule.id: rule for rule in rule_catalogue(contract, sample=False)}
    columns = {column.name: column for column in contract.columns}
    versions: dict[str, Any] = {}
    for one in tunings:
        rule = rules[one.rule_id]
        version = rule.version + _VERSIONS * one.number
        versions[rule.id] = {"version": version, "severity": one.severity or rule.severity}
        if one.parts & {"bounds", "values"}:
            (name,) = rule.columns
            columns[name] = _tuned_column(columns[name], one)
    return Contract.model_validate(dict(contract) | {"columns": tuple(columns.values()), "tuned": versions})


def respelled_columns(contract: Contract) -> list[Column]:
    """The choices of a tuned contract whose spellings may be others than those a batch was taken in with."""
    return [column for column in contract.columns if f"{column.name}.known_value" in contract.tuned]


def _tuned_column(column: Column, tuning: Tuning) -> Column:
    values = {value: spellings for value, spellings in column.values.items() if value not in tuning.removed}
    for spelling, value in tuning.spellings.items():
        values[value] = (*values.get(value, ()), spelling)
    bounds = {name: bound for name in ("minimum", "maximum") if (bound := getattr(tuning, name)) is not None}
    return Column.model_validate(dict(column) | {"values": values} | bounds)
