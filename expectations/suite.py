"""The Great Expectations suite of a dataset, derived from the same rules as the verdicts.

Belongs here: which expectation stands for which kind of rule. Each expectation is built from what the
rule demands (a set, a pattern, a range), not from the rule's SQL, so that two independent readings of a
contract are compared when `runner.py` reconciles counts.
Does not belong here: running a suite. Importing this module imports Great Expectations (2–3 s): only
functions that are about to validate may do so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, ClassVar

import great_expectations.expectations as gxe
from great_expectations.core.expectation_suite import ExpectationSuite
from great_expectations.expectations.expectation import Expectation

from expectations.contract import Severity
from expectations.rules import (
    Between,
    InSet,
    IsNull,
    MatchesPattern,
    NoRowWhere,
    NotInSet,
    NotNull,
    RuleSpec,
)

ROW_COUNT = "unexpected_rows_query.row_count"
GX_SEVERITY: dict[Severity, str] = {"error": "critical", "warning": "warning", "duplicate": "info"}

# What SQLAlchemy would read as a named parameter inside a text, and how it is told not to.
_PARAMETER = re.compile(r"(?<![:\w\\]):(?=\w)")


class ExpectNoRowWhere(gxe.UnexpectedRowsExpectation):  # type: ignore[misc]
    """No row of the batch fulfils a condition. Counts the rows in the database and fetches none.

    The stock expectation also fetches up to 200 failing rows; none of their values may leave the table.
    """

    metric_dependencies: ClassVar[tuple[str, ...]] = (ROW_COUNT,)

    def _validate(self, metrics: dict[str, Any], **_: Any) -> dict[str, Any]:
        count = metrics[ROW_COUNT]
        return {"success": count == 0, "result": {"observed_value": count}}


def build_suite(name: str, rules: Sequence[RuleSpec]) -> ExpectationSuite:
    """The suite called `name` with one expectation per rule, in the order of the rules.

    Each expectation carries `rule_id` and `rule_version` in its meta and both texts in its description.
    """
    return ExpectationSuite(name=name, expectations=[expectation_for(rule) for rule in rules])


def expectation_for(rule: RuleSpec) -> Expectation:
    """The expectation that demands of a batch what `rule.check` demands."""
    shared: dict[str, Any] = {
        "meta": {"rule_id": rule.id, "rule_version": rule.version},
        "description": f"{rule.zh} / {rule.en}",
        "severity": GX_SEVERITY[rule.severity],
    }
    match rule.check:
        case NotNull(column):
            return gxe.ExpectColumnValuesToNotBeNull(column=column, **shared)
        case IsNull(column):
            return gxe.ExpectColumnValuesToBeNull(column=column, **shared)
        case InSet(column, values):
            return gxe.ExpectColumnValuesToBeInSet(column=column, value_set=list(values), **shared)
        case NotInSet(column, values):
            return gxe.ExpectColumnValuesToNotBeInSet(column=column, value_set=list(values), **shared)
        case MatchesPattern(column, pattern):
            # the engine's `~` is a partial match
            return gxe.ExpectColumnValuesToMatchRegex(column=column, regex=f"^(?:{pattern})$", **shared)
        case Between(column, minimum, maximum):
            return gxe.ExpectColumnValuesToBeBetween(
                column=column, min_value=minimum, max_value=maximum, **shared
            )
        case NoRowWhere(condition):
            return ExpectNoRowWhere(unexpected_rows_query=_failing_rows(condition), **shared)


def _failing_rows(condition: str) -> str:
    """The query of failing rows as Great Expectations wants it: a template that SQLAlchemy reads as text."""
    text = _PARAMETER.sub(r"\\:", condition).replace("{", "{{").replace("}", "}}")
    return f"select batch_id, row_number from {{batch}} where {text}"
