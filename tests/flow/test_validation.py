"""Validation end to end on DuckDB: literal tables, the exact verdicts, and counts reconciled with Great Expectations."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import duckdb
import pytest

from expectations import runner
from expectations.contract import Contract, load_contracts
from expectations.rules import NoRowWhere, file_rules
from expectations.runner import (
    VERDICT_SCHEMA,
    BrokenRuleError,
    ReconciliationError,
    UnknownFindingError,
    ValidationError,
    validate,
)

SECRET = "610629199001011234"

COLUMNS: list[dict[str, Any]] = [
    {"name": "no", "title_zh": "编号", "title_en": "Number", "type": "text"},
    {"name": "community_code", "title_zh": "社区代码", "title_en": "Community", "type": "code", "pattern": "[0-9]{12}"},
    {"name": "kind", "title_zh": "类型", "title_en": "Kind", "type": "choice", "values": {"old": ["旧"], "none": ["无"]}},
    {"name": "id_number", "title_zh": "证件号码", "title_en": "Identity number", "type": "text",
     "privacy": "identity_document", "stored_as": "person_id", "nullable_when": "kind = 'none'"},
    {"name": "area_m2", "title_zh": "面积", "title_en": "Area", "type": "decimal", "minimum": 0, "maximum": 100},
    {"name": "opened_date", "title_zh": "启用", "title_en": "Opened", "type": "date"},
    {"name": "closed_date", "title_zh": "停用", "title_en": "Closed", "type": "date", "is_nullable": True},
    {"name": "rooms", "title_zh": "功能室", "title_en": "Rooms", "type": "list", "is_nullable": True},
    {"name": "note", "title_zh": "备注", "title_en": "Note", "type": "text", "nullable_when": "kind = 'old'"},
]
RULES = [{"id": "closed_after_opened", "fails_when": "closed_date < opened_date", "severity": "warning", "version": 2,
          "columns": ["opened_date", "closed_date"], "zh": "停用早于启用", "en": "closed before it was opened"}]
CONTRACT = Contract.model_validate(
    {"dataset": "things", "version": 1, "title_zh": "物", "title_en": "Things", "agency": "grid_management",
     "kind": "register", "grain_zh": "一行", "grain_en": "one row", "key": ["no"], "columns": COLUMNS, "rules": RULES}
)

# A row that fails nothing; the rows below say only what is different about them.
SOUND: dict[str, Any] = {
    "batch_id": "b1", "supplier_id": "s1", "period": "2026-01-01", "contract_version": 1, "key_id": "k1",
    "community_code": "610629001001", "kind": "old", "person_id": "p", "id_number_check": "valid",
    "area_m2": 30, "opened_date": "2020-01-01",
}


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def fill(connection: duckdb.DuckDBPyConnection, rows: list[dict[str, Any]], contract: Contract = CONTRACT) -> None:
    """Table `delivered` with these rows, numbered from 1 unless they say otherwise."""
    columns = ", ".join(f"{column.name} {column.duckdb_type}" for column in contract.lake_columns())
    connection.execute(f"create or replace table delivered ({columns})")
    for number, row in enumerate(rows, start=1):
        cells = {"row_number": number, "no": f"n{number}", **SOUND, **row}
        names = ", ".join(cells)
        connection.execute(f"insert into delivered ({names}) values ({', '.join('?' * len(cells))})", list(cells.values()))


def reasons(connection: duckdb.DuckDBPyConnection, rows: list[dict[str, Any]]) -> dict[int, list[str]]:
    """The rules that each row fails, by row number."""
    fill(connection, rows)
    found: dict[int, list[str]] = {}
    for _, number, rule_id, _, _ in validate(connection, "delivered", CONTRACT, is_sample=False).verdicts.iter_rows():
        found.setdefault(number, []).append(rule_id)
    return found


def test_each_kind_of_rule_finds_its_failing_cell_and_a_sound_row_fails_nothing(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    assert reasons(connection, [
        {},
        {"no": None},
        {"community_code": None},
        {"community_code": "61062900100"},
        {"community_code": "610629001001\n"},
        {"kind": "旧的"},
        {"id_number_check": "absent", "person_id": None},
        {"id_number_check": "bad_check_digit", "person_id": None},
        {"id_number_check": "lower_case_x"},
        {"area_m2": 100.01},
        {"area_m2": None},
        {"area_m2": None, "area_m2_text": "三十"},
        {"opened_date": None, "opened_date_text": "2020-13-01"},
        {"closed_date": "2019-12-31"},
        {"closed_date_text": "以后"},
        {"kind": "none", "note": None},
        {"kind": None, "note": None},
    ]) == {
        2: ["no.required"],
        3: ["community_code.required"],
        4: ["community_code.format"],
        5: ["community_code.format"],
        6: ["kind.known_value", "note.required"],
        7: ["id_number.absent"],
        8: ["id_number.bad_check_digit"],
        9: ["id_number.lower_case_x"],
        10: ["area_m2.range"],
        11: ["area_m2.required"],
        12: ["area_m2.readable"],
        13: ["opened_date.readable"],
        14: ["closed_after_opened"],
        15: ["closed_date.readable"],
        16: ["note.required"],
        17: ["kind.required", "note.required"],
    }


def test_edges_of_ranges_allowed_nulls_and_an_allowed_absence_are_no_failure(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    assert reasons(connection, [
        {"area_m2": 0},
        {"area_m2": 100},
        {"closed_date": "2020-01-01"},
        {"kind": "none", "note": "x", "id_number_check": "absent", "person_id": None},
        {"rooms": ["图书室"]},
    ]) == {}


def test_a_row_keeps_every_reason_with_version_and_severity(connection: duckdb.DuckDBPyConnection) -> None:
    fill(connection, [{}, {"area_m2": -1, "community_code": "x", "closed_date": "2019-01-01"}])
    verdicts = validate(connection, "delivered", CONTRACT, is_sample=False).verdicts
    assert verdicts.schema == VERDICT_SCHEMA
    assert verdicts.rows() == [
        ("b1", 2, "community_code.format", 1, "error"),
        ("b1", 2, "area_m2.range", 1, "error"),
        ("b1", 2, "closed_after_opened", 2, "warning"),
    ]


def test_one_key_with_different_content_fails_on_every_row_that_has_it(connection: duckdb.DuckDBPyConnection) -> None:
    assert reasons(connection, [
        {"no": "a", "area_m2": 1}, {"no": "b"}, {"no": "a", "area_m2": 2},
        {"no": "c", "closed_date": None}, {"no": "c", "closed_date": "2025-01-01"},
        {"no": "d", "rooms": ["x"]}, {"no": "d", "rooms": ["x", None]},
    ]) == {1: ["key.unique"], 3: ["key.unique"], 4: ["key.unique"], 5: ["key.unique"],
           6: ["key.unique"], 7: ["key.unique"]}


def test_of_equal_rows_the_first_line_stays_and_the_others_are_duplicates(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    rows = [{"no": "a", "row_number": 9}, {"no": "a", "row_number": 4}, {"no": "a", "row_number": 6}, {"no": "b"}]
    assert reasons(connection, rows) == {6: ["key.repeated"], 9: ["key.repeated"]}


def test_an_equal_row_beside_a_conflicting_one_has_both_reasons(connection: duckdb.DuckDBPyConnection) -> None:
    assert reasons(connection, [{"no": "a"}, {"no": "a"}, {"no": "a", "area_m2": 1}]) == {
        1: ["key.unique"],
        2: ["key.unique", "key.repeated"],
        3: ["key.unique"],
    }


def test_rows_without_a_key_and_equal_keys_of_two_files_break_no_rule_on_keys(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    assert reasons(connection, [
        {"no": None}, {"no": None}, {"no": "a"}, {"no": "a", "batch_id": "b2", "area_m2": 1},
    ]) == {1: ["no.required"], 2: ["no.required"]}


def test_results_count_rows_per_rule_and_per_batch(connection: duckdb.DuckDBPyConnection) -> None:
    fill(connection, [{"area_m2": -1}, {"area_m2": -2, "batch_id": "b2"}, {"batch_id": "b2"}])
    validation = validate(connection, "delivered", CONTRACT, is_sample=False)
    outcome = next(result for result in validation.results if result.rule_id == "area_m2.range")
    assert (outcome.rows_checked, outcome.rows_failed, outcome.columns) == (3, 2, ("area_m2",))
    assert (outcome.zh, outcome.en) == ("面积超出范围，应为 0 至 100", "Area: outside the range, 0 to 100")
    assert validation.rows_by_batch == {"b1": 1, "b2": 2}
    assert [result.rule_id for result in validation.results] == [rule.id for rule in file_rules(CONTRACT, False)]


def test_an_unallotted_prefix_fails_outside_a_sample_county_only(connection: duckdb.DuckDBPyConnection) -> None:
    fill(connection, [{"id_number_check": "unallotted_prefix"}])
    assert validate(connection, "delivered", CONTRACT, is_sample=False).verdicts.height == 1
    assert validate(connection, "delivered", CONTRACT, is_sample=True).verdicts.height == 0


def test_the_callers_connection_is_left_as_it_was(connection: duckdb.DuckDBPyConnection) -> None:
    fill(connection, [{}])
    connection.execute("begin")
    connection.execute("create table unfinished (a integer)")
    validate(connection, "delivered", CONTRACT, is_sample=False)
    connection.execute("rollback")
    assert connection.execute("select table_name from duckdb_tables()").fetchall() == [("delivered",)]
    assert connection.execute("select view_name from duckdb_views() where not internal").fetchall() == []


def test_a_table_of_an_attached_database_can_be_validated(connection: duckdb.DuckDBPyConnection) -> None:
    fill(connection, [{"area_m2": -1}])
    connection.execute("attach ':memory:' as other")
    connection.execute("create table other.main.delivered as from delivered")
    connection.execute("drop table delivered")
    assert validate(connection, "other.main.delivered", CONTRACT, is_sample=False).verdicts.height == 1


# --- what must not pass unseen


@pytest.mark.parametrize("rule_id", ["no.required", "kind.known_value", "key.repeated", "closed_after_opened"])
def test_a_condition_that_disagrees_with_great_expectations_is_an_error_with_both_counts(
    connection: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch, rule_id: str
) -> None:
    def tampered(contract: Contract, sample: bool) -> list[Any]:
        return [
            dataclasses.replace(rule, failing_sql="row_number = 2") if rule.id == rule_id else rule
            for rule in file_rules(contract, sample)
        ]

    monkeypatch.setattr(runner, "file_rules", tampered)
    fill(connection, [{}, {"person_id": SECRET}])
    with pytest.raises(ReconciliationError) as caught:
        validate(connection, "delivered", CONTRACT, is_sample=False)
    assert (caught.value.rule_id, caught.value.verdicts, caught.value.expected) == (rule_id, 1, 0)
    assert "判定 1 行不合格，Great Expectations 计 0 行" in caught.value.zh
    assert SECRET not in caught.value.zh + caught.value.en


def test_a_rule_that_cannot_be_evaluated_is_named_without_the_cell_that_broke_it(
    connection: duckdb.DuckDBPyConnection, caplog: pytest.LogCaptureFixture
) -> None:
    broken = {**RULES[0], "id": "broken", "fails_when": "note::integer > 3"}
    contract = CONTRACT.model_copy(update={"rules": (type(CONTRACT.rules[0]).model_validate(broken),)})
    fill(connection, [{"note": SECRET + "X"}])
    with pytest.raises(BrokenRuleError) as caught:
        validate(connection, "delivered", contract, is_sample=False)
    assert caught.value.rule_id == "broken"
    assert caught.value.__cause__ is None
    assert SECRET not in str(caught.value) + caught.value.zh + caplog.text


def test_when_great_expectations_breaks_its_message_goes_nowhere(
    connection: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    rules = file_rules(CONTRACT, False)
    odd = dataclasses.replace(rules[0], check=NoRowWhere("note::integer > 3"), failing_sql="false")
    monkeypatch.setattr(runner, "file_rules", lambda contract, sample: [odd])
    fill(connection, [{"note": SECRET + "X"}])
    with pytest.raises(ValidationError, match="Great Expectations could not finish") as caught:
        validate(connection, "delivered", CONTRACT, is_sample=False)
    assert SECRET not in str(caught.value) + caught.value.zh + caplog.text


@pytest.mark.parametrize("finding", ["no_such_finding", None])
def test_a_finding_that_no_rule_knows_is_an_error(
    connection: duckdb.DuckDBPyConnection, finding: str | None
) -> None:
    fill(connection, [{}, {"id_number_check": finding}])
    with pytest.raises(UnknownFindingError, match=r"things\.id_number_check: 1 rows"):
        validate(connection, "delivered", CONTRACT, is_sample=False)


# --- Great Expectations


def test_results_of_great_expectations_carry_counts_and_no_values(connection: duckdb.DuckDBPyConnection) -> None:
    fill(connection, [{"note": SECRET, "kind": SECRET, "community_code": SECRET, "opened_date_text": SECRET,
                       "closed_date": "2019-01-01", "no": SECRET}] * 3)
    assert validate(connection, "delivered", CONTRACT, is_sample=False).verdicts.height > 10
    suite_plan = runner._plan("things", tuple(file_rules(CONTRACT, False)))
    connection.execute(f"create view {runner.REPEATED_KEYS} as select 'b' as batch_id, 1 as row_number, "
                       "false as is_conflicting, false as is_repeat where false")
    results = suite_plan.run(connection, "delivered")
    assert sum(not result["success"] for result in results) >= 4
    assert SECRET not in json.dumps(results, default=str)


@pytest.mark.parametrize("contract", [CONTRACT, *load_contracts().values()], ids=lambda contract: contract.dataset)
def test_a_plan_gives_what_the_validator_of_great_expectations_gives(
    connection: duckdb.DuckDBPyConnection, contract: Contract
) -> None:
    from great_expectations.core.batch import Batch
    from great_expectations.validator.validator import Validator

    from expectations.engine import BATCH_ID, RESULT_FORMAT, DuckDBExecutionEngine
    from expectations.suite import build_suite

    columns = contract.lake_columns()
    odd = ", ".join(f"{_odd_cell(column.duckdb_type)} as {column.name}" for column in columns)
    connection.execute(f"create table delivered as select {odd} from range(7) as t(i)")
    connection.execute("create table repeated_keys as select batch_id, row_number, row_number = 2 as is_conflicting, "
                       "row_number < 2 as is_repeat from delivered")
    rules = tuple(file_rules(contract, False))
    ours = runner._plan(contract.dataset, rules).run(connection, "delivered")

    engine = DuckDBExecutionEngine(connection, "delivered")
    data = engine.batch_manager.batch_data_cache[BATCH_ID]
    validator = Validator(execution_engine=engine, batches=[Batch(data=data)])
    official = validator.graph_validate(
        configurations=build_suite(contract.dataset, rules).expectation_configurations,
        runtime_configuration=dict(RESULT_FORMAT),
    )
    assert any(not result["success"] for result in ours)
    for rule, plain, theirs in zip(rules, ours, official, strict=True):
        values = theirs.result.pop("partial_unexpected_list", [])
        assert (rule.id, values) == (rule.id, [])
        assert (rule.id, theirs.success, theirs.result) == (rule.id, plain["success"], plain["result"])


def _odd_cell(duckdb_type: str) -> str:
    """SQL for a cell that is null, usual or odd by turns."""
    cells = {
        "varchar": "['610629001001', 'old', null, 'absent', 'valid', 'x', '6106290010011'][i + 1]",
        "varchar[]": "case when i > 2 then ['a'] end",
        "date": "case when i <> 3 then date '2026-01-01' + (i * 13 % 7)::integer end",
        "boolean": "case when i <> 4 then i > 2 end",
        "integer": "i",
        "timestamp": "timestamp '2026-01-05 10:00:00' + to_minutes(i::bigint)",
    }
    return f"({cells.get(duckdb_type, '(i * 71 - 100) * 1000')})::{duckdb_type}"


@pytest.mark.parametrize("contract", load_contracts().values(), ids=load_contracts())
@pytest.mark.parametrize("rows", [0, 1])
def test_every_contract_runs_on_an_empty_table_and_on_one_empty_row(
    connection: duckdb.DuckDBPyConnection, contract: Contract, rows: int
) -> None:
    absent = "'absent'"
    cells = ", ".join(
        f"({absent if column.name.endswith('_check') else 'null'})::{column.duckdb_type} as {column.name}"
        for column in contract.lake_columns()
    )
    connection.execute(
        "create table delivered as select * replace ('b' as batch_id, 2 as row_number) "
        f"from (select {cells} from range({rows}))"
    )
    validation = validate(connection, "delivered", contract, is_sample=True)
    failed = {result.rule_id for result in validation.results if result.rows_failed}
    required = {rule.id for rule in file_rules(contract, True) if rule.id.endswith((".required", ".absent"))}
    # needed only where another cell says so, and here none says anything
    conditional = {f"{column.name}.required" for column in contract.columns if column.nullable_when}
    assert failed - conditional == (required - conditional if rows else set())


def test_several_tables_may_be_validated_at_once(connection: duckdb.DuckDBPyConnection) -> None:
    expected = {}
    for failing in range(6):
        fill(connection, [{"area_m2": -1}] * failing + [{}] * 4)
        connection.execute(f"create table delivered_{failing} as from delivered")
        expected[failing] = {"area_m2.range": failing} if failing else {}

    def failures(table: int) -> dict[str, int]:
        validation = validate(connection.cursor(), f"delivered_{table}", CONTRACT, is_sample=False)
        return {result.rule_id: result.rows_failed for result in validation.results if result.rows_failed}

    with ThreadPoolExecutor(3) as threads:
        assert dict(zip(expected, threads.map(failures, expected), strict=True)) == expected


def test_importing_the_runner_does_not_import_great_expectations() -> None:
    code = "import sys, expectations.runner; sys.exit('great_expectations' in sys.modules or 'scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_deferred_scipy_still_works_for_whoever_uses_it() -> None:
    code = "from expectations import runner; runner._defer('scipy.stats'); from scipy import stats; print(stats.norm.cdf(0))"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout.strip() == b"0.5"
