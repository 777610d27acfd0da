"""The suite: which expectation stands for which rule, and that texts survive the templates in between."""

from __future__ import annotations

import duckdb
import pytest
from great_expectations.expectations import (
    ExpectColumnValuesToBeBetween,
    ExpectColumnValuesToBeInSet,
    ExpectColumnValuesToBeNull,
    ExpectColumnValuesToMatchRegex,
    ExpectColumnValuesToNotBeInSet,
    ExpectColumnValuesToNotBeNull,
)

from expectations.contract import Contract, load_contracts
from expectations.engine import plan
from expectations.rules import (
    Between,
    Check,
    InSet,
    IsNull,
    MatchesPattern,
    NoRowWhere,
    NotInSet,
    NotNull,
    RuleSpec,
    failing_sql,
    file_rules,
)
from expectations.suite import ExpectNoRowWhere, build_suite, expectation_for


def rule(check: Check) -> RuleSpec:
    return RuleSpec("v.odd", 2, "warning", ("v",), "奇怪", "odd", check, failing_sql(check))


@pytest.mark.parametrize(
    ("check", "expectation"),
    [
        (NotNull("v"), ExpectColumnValuesToNotBeNull),
        (IsNull("v"), ExpectColumnValuesToBeNull),
        (InSet("v", ("a",)), ExpectColumnValuesToBeInSet),
        (NotInSet("v", ("a",)), ExpectColumnValuesToNotBeInSet),
        (MatchesPattern("v", "a"), ExpectColumnValuesToMatchRegex),
        (Between("v", 0, 1), ExpectColumnValuesToBeBetween),
        (NoRowWhere("v = 'a'"), ExpectNoRowWhere),
    ],
)
def test_each_kind_of_check_has_its_own_expectation(check: Check, expectation: type) -> None:
    assert isinstance(expectation_for(rule(check)), expectation)


def test_an_expectation_says_which_rule_it_stands_for() -> None:
    expectation = expectation_for(rule(NotNull("v")))
    assert expectation.meta == {"rule_id": "v.odd", "rule_version": 2}
    assert expectation.description == "奇怪 / odd"
    assert expectation.severity == "warning"


def test_a_range_is_built_from_its_bounds_and_a_pattern_is_anchored() -> None:
    between = expectation_for(rule(Between("v", None, 9)))
    assert (between.min_value, between.max_value) == (None, 9)
    assert expectation_for(rule(MatchesPattern("v", "a|b"))).regex == "^(?:a|b)$"


@pytest.mark.parametrize(
    "condition",
    [
        "v = ':name'",
        "v = ' :name'",
        "v = '{batch}' or v like '{%'",
        "v like '5:3%' and v::varchar <> '%s'",
        r"v ~ '^[a-z]{2}\d$'",
    ],
)
def test_a_condition_with_colons_braces_and_percent_signs_counts_the_rows_that_it_finds(condition: str) -> None:
    values = [":name", " :name", "{batch}", "{x", "5:30", "%s", "ab1", "abc"]
    with duckdb.connect() as connection:
        connection.execute("create table t (batch_id varchar, row_number integer, v varchar)")
        connection.executemany("insert into t values ('b', 1, ?)", [[value] for value in values])
        (found,) = connection.execute(f"select count(*) from t where {condition}").fetchall()[0]
        assert found > 0
        counted = plan(build_suite("things", [rule(NoRowWhere(condition))])).count_unexpected(connection, "t")
    assert counted == [found]


@pytest.mark.parametrize("contract", load_contracts().values(), ids=load_contracts())
def test_a_suite_has_one_expectation_per_rule_in_order(contract: Contract) -> None:
    rules = file_rules(contract, False)
    suite = build_suite(contract.dataset, rules)
    assert [expectation.meta["rule_id"] for expectation in suite.expectations] == [rule.id for rule in rules]
