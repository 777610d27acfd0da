"""The gates: each lets a sound warehouse pass and stops one with a single thing wrong."""

from __future__ import annotations

from dataclasses import replace

import duckdb
import pytest

from pipelines.audit import (
    GATES,
    Audited,
    GateFailed,
    absent_tables,
    audit,
    columns_with_identifiers,
    missing_parts,
    unbalanced_batches,
)
from pipelines.build import BuildResult
from pipelines.county import County
from pipelines.cross_file import RowStates
from pipelines.lake import batch_path
from pipelines.parts import parts_of
from pipelines.settings import Home
from tests.support.working import FAILED_TEST, SLOT, TABLES, Working

VALID = "999000199003070011"  # 363 mod 11 = 0: check character 1


@pytest.fixture
def working(home: Home, county: County) -> Working:
    return Working(home, county)


def seen(working: Working, connection: duckdb.DuckDBPyConnection) -> Audited:
    """All of the working warehouse, as before a first edition."""
    parts = [] if absent_tables(connection, list(TABLES)) else parts_of(connection, TABLES)
    return Audited(working.home, working.control(), working.built, connection, list(TABLES), parts, lambda *_: False)


def failing_gates(working: Working) -> dict[str, list[str]]:
    with working.connect() as connection:
        try:
            audit(seen(working, connection))
        except GateFailed as failed:
            return failed.findings
    return {}


def test_a_sound_warehouse_passes_every_gate(working: Working) -> None:
    assert failing_gates(working) == {}


def test_the_gates_are_those_that_the_design_names() -> None:
    assert set(GATES) == {"dbt_tests", "row_accounts", "tables_and_periods", "identifiers"}


def test_a_failed_dbt_test_stops_publication(working: Working) -> None:
    working.built = BuildResult([FAILED_TEST])
    assert failing_gates(working) == {"dbt_tests": ["unique_fct_kpi: 2"]}


def test_every_gate_that_found_something_is_named_at_once(working: Working) -> None:
    working.built = BuildResult([FAILED_TEST])
    working.tables["fct_delivery"] = TABLES["fct_delivery"].replace("null::varchar", f"'{VALID}'")
    working.tables["fct_kpi"] += " and unit_level <> 'street'"
    working.rows_in_file = 2
    assert set(failing_gates(working)) == {"dbt_tests", "row_accounts", "tables_and_periods", "identifiers"}


def test_a_gate_that_itself_breaks_has_failed(working: Working) -> None:
    working.tables["fct_kpi"] = TABLES["fct_kpi"].replace("period_type", "kind")
    assert failing_gates(working) == {"tables_and_periods": ["the gate itself failed: BinderException"]}


def test_a_damaged_batch_file_fails_its_gate_and_nothing_else(working: Working) -> None:
    with working.connect() as connection, pytest.raises(GateFailed) as failed:
        looked_at = seen(working, connection)
        batch_path(working.home, SLOT, "b1").write_bytes(b"PAR1 and then nothing")
        audit(looked_at)
    assert list(failed.value.findings) == ["row_accounts"]


def test_the_error_says_in_both_languages_which_gate_failed_and_that_nothing_changed() -> None:
    error = GateFailed({"row_accounts": ["slot: 2 rows"]})
    assert "row_accounts" in error.zh and "未发布" in error.zh
    assert "row_accounts" in error.en and "unchanged" in error.en


# --- rows ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"rows_in_file": 2},  # a row of the batch was lost
        {"rows_in_file": 4},  # or is there twice
        {"rows_data": 4},  # the ledger says otherwise
        {"states": RowStates(2, 0, 0)},  # a row was judged neither good nor bad
        {"states": RowStates(2, 1, 1)},
        {"states": RowStates(4, 0, -1)},  # the sum is right, the parts are not
        {"rows_skipped": 0},  # a line of the file is unaccounted for
        {"rows_skipped": 2},
    ],
)
def test_rows_that_do_not_add_up_stop_publication(working: Working, change: dict[str, object]) -> None:
    broken = replace(working, **change)  # type: ignore[arg-type]
    (found,) = unbalanced_batches(broken.home, broken.control())
    assert found.startswith("grid_610629101/grid_grids/2026-01: ")


def test_a_batch_that_is_gone_from_the_lake_stops_publication(working: Working) -> None:
    control = working.control()
    batch_path(working.home, SLOT, "b1").unlink()
    assert len(unbalanced_batches(working.home, control)) == 1
    assert len(unbalanced_batches(working.home, control, lambda *_: True)) == 1


def test_a_batch_counted_for_the_last_edition_is_still_held_to_its_account(working: Working) -> None:
    assert unbalanced_batches(working.home, working.control(), lambda *_: True) == []
    broken = replace(working, states=RowStates(2, 0, 0))
    assert len(unbalanced_batches(broken.home, broken.control(), lambda *_: True)) == 1


def test_a_batch_that_nobody_judged_stops_publication(working: Working) -> None:
    with working.connect() as connection, pytest.raises(GateFailed) as failed:
        audit(replace(seen(working, connection), control=replace(working.control(), evaluations=[])))
    assert list(failed.value.findings) == ["row_accounts"]


# --- tables and periods -------------------------------------------------------------------------------------


def missing(working: Working) -> list[str]:
    with working.connect() as connection:
        found = seen(working, connection)
        return missing_parts(connection, found.tables, found.changed)


def test_a_table_that_was_not_built_stops_publication(working: Working) -> None:
    del working.tables["fct_quality"]
    assert missing(working) == ["table fct_quality is absent"]


def test_an_edition_without_a_table_that_every_edition_has_is_stopped(working: Working) -> None:
    with working.connect() as connection:
        assert "table fct_kpi is absent" in missing_parts(connection, ["dim_unit", "dim_period"], [])
        assert missing_parts(connection, [], []) != []


@pytest.mark.parametrize("table", ["dim_unit", "dim_period", "dim_kpi", "dim_target", "fct_kpi", "fct_delivery"])
def test_an_empty_table_that_is_never_empty_stops_publication(working: Working, table: str) -> None:
    working.tables[table] = f"select * from ({TABLES[table]}) where false"
    assert f"table {table} is empty" in missing(working)


def test_a_period_without_a_figure_for_one_unit_stops_publication(working: Working) -> None:
    working.tables["fct_kpi"] += " and not (unit_level = 'community' and kpi_id = 'kpi_two')"
    assert missing(working) == ["month 2026-01-01 kpi_two: 2 of 3 units"]


def test_a_period_without_any_figure_stops_publication(working: Working) -> None:
    working.tables["dim_period"] += " union all select 'month', date '2026-02-01', date '2026-02-28', '2026年2月'"
    assert missing(working) == ["month 2026-02-01 kpi_one: 0 of 3 units", "month 2026-02-01 kpi_two: 0 of 3 units"]


def test_a_unit_that_had_ended_needs_no_figure(working: Working) -> None:
    working.tables["fct_kpi"] = TABLES["fct_kpi"].replace("where valid_to is null", "")
    assert missing(working) == ["month 2026-01-01 kpi_one: 4 of 3 units", "month 2026-01-01 kpi_two: 4 of 3 units"]


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ([], []),  # the same figures of the same units and KPIs were complete in the last edition
        (["fct_delivery", "dim_period"], []),
        (["fct_kpi"], ["month 2026-01-01 kpi_two: 2 of 3 units"]),
        (["dim_unit"], ["month 2026-01-01 kpi_two: 2 of 3 units"]),
        (["dim_kpi"], ["month 2026-01-01 kpi_two: 2 of 3 units"]),
    ],
)
def test_periods_are_looked_at_where_something_about_them_is_new(
    working: Working, changed: list[str], found: list[str]
) -> None:
    working.tables["fct_kpi"] += " and not (unit_level = 'community' and kpi_id = 'kpi_two')"
    with working.connect() as connection:
        assert missing_parts(connection, list(TABLES), parts_of(connection, changed)) == found


def test_a_period_whose_figures_are_all_gone_is_found_though_nothing_of_it_is_new(working: Working) -> None:
    working.tables["dim_period"] += " union all select 'month', date '2026-02-01', date '2026-02-28', '2026年2月'"
    with working.connect() as connection:
        assert len(missing_parts(connection, list(TABLES), [])) == 2


# --- identifiers --------------------------------------------------------------------------------------------


def found(*values: str) -> list[str]:
    """What the gate finds in a table whose one column holds these SQL expressions."""
    with duckdb.connect() as connection:
        rows = " union all ".join(f"select {value} as planted" for value in values)
        connection.execute(f"create table t as {rows}")
        return columns_with_identifiers(connection, parts_of(connection, ["t"]))


@pytest.mark.parametrize(
    "text",
    [
        VALID,
        "99900019900307002X",
        "99900019900307002x",
        f"证号{VALID}，已核",
        f"person_{VALID}",
        f"{VALID}_1",
        f"a,{VALID}",
        f"990000199003070011,{VALID}",  # the first one has a wrong check character
        "810000199408230021",
        "999000900307001",  # the old form of 15 digits
    ],
)
def test_an_identity_number_anywhere_in_a_text_is_found(text: str) -> None:
    assert found("'nothing here'", f"'{text}'") == ["t.planted"]


@pytest.mark.parametrize(
    "value",
    [
        f"['a', '{VALID}']",
        f"{{'number': '{VALID}'}}",
        f"'{{\"number\": \"{VALID}\"}}'::json",
        f"{VALID}::bigint",
        f"{VALID}::hugeint",
    ],
)
def test_an_identity_number_is_found_in_a_column_of_any_type(value: str) -> None:
    assert found(value) == ["t.planted"]


@pytest.mark.parametrize(
    "text",
    [
        "999000199003070012",  # wrong check character
        "999000199013070011",  # no such month
        "610629101201",  # a community
        "610629101201-001",  # a grid
        "610629101201@2016-07-31",
        "20260203T101500-0a1b2c3d",  # an edition
        f"{VALID}1",  # nineteen digits
        f"a{VALID}",  # part of a word, such as a digest
        "b" + "1" * 31,
        "",
    ],
)
def test_what_only_resembles_an_identity_number_is_not_found(text: str) -> None:
    assert found(f"'{text}'", "null") == []


def test_a_planted_number_stops_publication_and_is_not_repeated_in_the_error(working: Working) -> None:
    working.tables["fct_delivery"] = TABLES["fct_delivery"].replace("null::varchar", f"'第3行 {VALID}'")
    with working.connect() as connection, pytest.raises(GateFailed) as failed:
        audit(seen(working, connection))
    assert failed.value.findings == {"identifiers": ["fct_delivery.refusal_zh"]}
    assert VALID not in failed.value.zh + failed.value.en
