"""The Great Expectations suite of a dataset, derived from the same rules as the verdicts.

Belongs here: which expectation stands for which kind of rule. Each expectation is built from what the
rule demands (a set, a pattern, a range), not from the rule's SQL, so that two independent readings of a
contract are compared when `runner.py` reconciles counts.
Does not belong here: running a suite. Importing this module imports Great Expectations (2–3 s): only
functions that are about to validate may do so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import great_expectations.expectations as gxe
import sqlalchemy
from great_expectations.core.expectation_suite import ExpectationSuite
from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.core.metric_function_types import MetricPartialFunctionTypes
from great_expectations.execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation, Expectation
from great_expectations.expectations.metrics.metric_provider import metric_partial
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider

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

GX_SEVERITY: dict[Severity, str] = {"error": "critical", "warning": "warning", "duplicate": "info"}


class _RowsWhere(TableMetricProvider):  # type: ignore[misc]
    """How many rows fulfil a condition: an aggregate, so that all of a suite are counted in one query."""

    metric_name = "table.rows_where"
    value_keys = ("condition",)

    @metric_partial(  # type: ignore[untyped-decorator]
        engine=SqlAlchemyExecutionEngine,
        partial_fn_type=MetricPartialFunctionTypes.AGGREGATE_FN,
        domain_type=MetricDomainTypes.TABLE,
    )
    def _count(
        cls, metric_domain_kwargs: dict[str, Any], metric_value_kwargs: dict[str, Any], **_: Any
    ) -> tuple[sqlalchemy.ColumnElement[int], dict[str, Any], dict[str, Any]]:
        condition = sqlalchemy.literal_column(f"({metric_value_kwargs['condition']})", sqlalchemy.Boolean)
        return sqlalchemy.func.count().filter(condition), metric_domain_kwargs, {}


class ExpectNoRowWhere(BatchExpectation):  # type: ignore[misc]
    """No row of the batch fulfils a condition in SQL; one that is null is not fulfilled.

    Stands in for UnexpectedRowsExpectation, which queries the table anew for every condition, and fetches
    failing rows: none of their values may leave the table.
    """

    condition: str

    metric_dependencies: ClassVar[tuple[str, ...]] = (_RowsWhere.metric_name,)
    success_keys: ClassVar[tuple[str, ...]] = ("condition",)

    def _validate(self, metrics: dict[str, Any], **_: Any) -> dict[str, Any]:
        count = metrics[_RowsWhere.metric_name]
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
            return ExpectNoRowWhere(condition=condition, **shared)
