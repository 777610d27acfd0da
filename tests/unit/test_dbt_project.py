"""The dbt project itself: what derives from the contracts, what every model must have, and the unit tests of dbt."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest

from expectations.contract import load_contracts
from pipelines.dbt_marts import derived_files
from pipelines.dbt_sources import SOURCES_FILE, render_sources
from pipelines.settings import DBT_DIR, Home
from tests.support.dbt_runs import parsed_project, run_dbt
from tests.support.lake import STREET_1, A, B, Lake

MODELS = sorted((DBT_DIR / "models").rglob("*.sql"))
MAXIMUM_LINES = 80
# a derived model lists every column that it sums
MAXIMUM_DERIVED_LINES = 250
MAXIMUM_NODES = 80


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Two months in which one target is met, one missed and a row is quarantined."""
    lake = Lake(tmp_path_factory.mktemp("built"), months=("2026-01", "2026-02"))
    for month in lake.months:
        lake.deliver("grid_grids", f"grid_{STREET_1}", month, [
            {"community_code": A, "kind": "general", "households": 100},
            {"community_code": B, "kind": "general", "households": 100, "verdicts": [("grid_code.format", "error")]},
        ])  # fmt: skip
        lake.deliver_empty(month)
    lake.build()
    return lake


def models_of(folder: str) -> dict[str, Any]:
    return {node.name: node for node in parsed_project().nodes.values() if node.fqn[1:2] == [folder]}


def test_the_sources_of_the_lake_are_derived_from_the_contracts() -> None:
    assert SOURCES_FILE.read_text(encoding="utf-8") == render_sources(load_contracts()), (
        "run pipelines.dbt_sources.write_sources(load_contracts())"
    )


def test_coverage_is_counted_for_the_datasets_whose_contract_asks_for_every_community() -> None:
    sql = (DBT_DIR / "models" / "marts" / "mart_coverage.sql").read_text(encoding="utf-8")
    listed = re.findall(r"'(\w+)'", sql[sql.index("{% set datasets") : sql.index("%}", sql.index("{% set datasets"))])
    assert listed == sorted(name for name, contract in load_contracts().items() if contract.every_community)


def test_the_derived_marts_follow_from_the_declared_measures() -> None:
    wanted = derived_files(load_contracts())
    stale = [path.name for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    assert stale == [], "run pipelines.dbt_marts.write_derived()"


def test_every_dataset_has_a_staging_model_and_every_staging_model_a_dataset() -> None:
    staged = {path.stem.removeprefix("stg_") for path in (DBT_DIR / "models" / "staging").glob("*.sql")}
    assert staged == set(load_contracts())


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_a_model_can_be_read_at_one_sitting_and_gives_the_same_every_day(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    is_derived = path in derived_files(load_contracts())
    assert len(text.splitlines()) <= (MAXIMUM_DERIVED_LINES if is_derived else MAXIMUM_LINES)
    assert not re.search(r"\b(now\(|current_date|current_timestamp|today\(|random\()", text)


def test_every_table_and_column_of_an_edition_is_described_in_chinese_and_english() -> None:
    editions = models_of("edition")
    assert set(editions) == {
        "dim_kpi", "dim_lineage", "dim_period", "dim_target", "dim_unit", "fct_assessment", "fct_delivery", "fct_estimate",
        "fct_flag", "fct_kpi", "fct_quality", "fct_trend", "fct_unplaced",
    }  # fmt: skip
    described = [(name, node.description) for name, node in editions.items()] + [
        (f"{name}.{column.name}", column.description)
        for name, node in editions.items()
        for column in node.columns.values()
    ]
    unclear = [
        name for name, text in described if not re.search(r"[\u4e00-\u9fff]", text) or not re.search(r"[A-Za-z]{3}", text)
    ]
    assert unclear == []


def test_tables_have_enforced_contracts_and_hold_no_column_about_a_person() -> None:
    personal = {
        lake.name
        for contract in load_contracts().values()
        for column in contract.columns
        if column.privacy != "none"
        for lake in column.lake_columns()
    }
    tables = models_of("marts") | models_of("edition")
    assert [name for name, node in tables.items() if not node.config.contract.enforced] == []
    assert {name: set(node.columns) & personal for name, node in tables.items()} == {name: set() for name in tables}
    views = [node for folder in ("staging", "intermediate", "kpis") for node in models_of(folder).values()]
    # small, and every mart or figure is joined with them; people are looked up once for all that reads them
    places = {"place_paths", "placed_units", "unit_suppliers"}
    stored = places | {"judged_units", "kpi_presence", "kpi_remainders", "people_found"}
    assert {node.name for node in views if node.config.materialized != "view"} == stored


def test_the_project_stays_small() -> None:
    nodes = [node for node in parsed_project().nodes.values() if node.resource_type in ("model", "seed")]
    assert len(nodes) <= MAXIMUM_NODES


def test_the_unit_tests_of_the_models_pass(built: Lake) -> None:
    outcome = run_dbt(built.home, "test", "--select", "test_type:unit")
    assert outcome.exception is None
    assert len(outcome.result) >= 7
    assert {test.node.name: test.message for test in outcome.result if str(test.status) != "pass"} == {}


NEW_KPI = """
  - kpi_id: dwellings_lived_in
    name_zh: 有人居住的住房
    name_en: Dwellings lived in
    kind: count
    unit: sets
    owner_agency: grid_management
    numerator: households
    denominator: 1
    high_numerator: households + households_doubtful
    datasets: {grid_grids: cases}
    formula_zh: 期末综合网格户数之和
    formula_en: households of the general grids at period end
    document: D3
    clause: §1
"""
END_OF_DECLARATIONS = "    {% endset %}"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the dbt project that a test may change."""
    copy = tmp_path / "dbt"
    shutil.copytree(DBT_DIR, copy, ignore=shutil.ignore_patterns("target", "logs"))
    return copy


def declare(project: Path, more: str) -> None:
    """Adds text to the end of the last group of KPIs about facilities."""
    declarations = project / "kpis" / "facilities.sql"
    text = declarations.read_text(encoding="utf-8")
    assert text.count(END_OF_DECLARATIONS) == 1
    declarations.write_text(text.replace(END_OF_DECLARATIONS, more + END_OF_DECLARATIONS), encoding="utf-8")


def test_a_kpi_over_existing_marts_is_one_declaration(built: Lake, project: Path, tmp_path: Path) -> None:
    home = Lake(tmp_path / "home").home
    shutil.copytree(built.root, home.root)
    declare(project, NEW_KPI)
    outcome = run_dbt(
        home, "build", "--full-refresh", "--exclude-resource-type", "unit_test", project=project
    )
    assert {node.node.name: node.message for node in outcome.result if str(node.status) not in ("success", "pass")} == {}
    county = Lake(home.root).figure("dwellings_lived_in", "610629")
    assert (county["numerator"], county["high_numerator"], county["value"]) == (100, 200, 100.0)
    assert (county["status"], county["expected_suppliers"]) == ("no_target", 2)
    catalogue = Lake(home.root).rows(
        "select name_zh, owner_agency, domain, scale, decimals, levels, datasets, source_document, position"
        " from dim_kpi where kpi_id = 'dwellings_lived_in'"
    )
    before = Lake(home.root).rows("select position from dim_kpi where kpi_id = 'facility_area_per_100_households'")
    assert catalogue == [(
        "有人居住的住房", "grid_management", "facilities", 1, 0, ["community", "street", "county"], ["grid_grids"],
        "社区平安建设方案 / community safety plan", before[0][0] + 1,
    )]  # fmt: skip


def test_kpis_are_read_in_the_order_in_which_they_are_declared(built: Lake) -> None:
    catalogue = built.rows("select position, kpi_id from dim_kpi order by position")
    assert [position for position, _ in catalogue] == list(range(1, len(catalogue) + 1))
    declared = re.findall(r"- kpi_id: (\w+)", (DBT_DIR / "kpis" / "population.sql").read_text(encoding="utf-8"))
    assert [kpi_id for _, kpi_id in catalogue[: len(declared)]] == declared


# What is wrong with a declaration → what dbt says of it.
FAULTS = {
    NEW_KPI.replace("clause: §1", "klause: §1").replace("unit: sets", "unit: heaps").replace("D3", "D33").replace("denominator", "per"): (
        "KPI dwellings_lived_in lacks clause; lacks denominator; has an unknown key klause; has an unknown unit heaps; "
        "has an unknown document D33"
    ),
    NEW_KPI + "    measure: households\n": "KPI dwellings_lived_in has both a measure and a numerator",
    "- kpi_id: dwellings_lived_in\n": "kpis/facilities.sql: expected a list of groups in YAML, each with common and kpis",
    "  kpis: [\n": "kpis/facilities.sql: expected a list of groups in YAML, each with common and kpis, found none",
}


@pytest.mark.parametrize(("fault", "said"), FAULTS.items(), ids=range(len(FAULTS)))
def test_a_declaration_that_is_not_understood_is_an_error_that_names_it(
    project: Path, tmp_path: Path, fault: str, said: str
) -> None:
    declare(project, fault)
    assert said in " ".join(str(run_dbt(Home(tmp_path / "home"), "parse", project=project).exception).split())


# What is changed behind dbt's back → the tests that must see it.
DAMAGES = {
    "update fct_kpi set unit_basis = unit_basis where false": set(),
    "insert into fct_kpi select * from fct_kpi limit 1": {"rows_stand_once"},
    "insert into mart_facilities select * from mart_facilities limit 1": {"rows_stand_once"},
    "update fct_kpi set status = 'green' where status = 'missed'": {"values_are_known", "bounds_hold"},
    "update fct_kpi set numerator = denominator + 1 where kpi_id = 'dispute_handling_rate'": {"bounds_hold"},
    "update fct_kpi set high_numerator = -1 where status = 'missed'": {"bounds_hold"},
    "update fct_kpi set target_id = 'C-OLD' where status = 'missed'": {"judgements_resolve"},
    "update fct_kpi set status = 'missed', certainty = 'confirmed', target_id = null where status = 'not_applicable'": {
        "judgements_resolve",
    },
    "update fct_kpi set unit_key = 'nobody' where unit_level = 'county'": {"judgements_resolve"},
    "update dim_target set effective_from = date '2026-02-01'": {"judgements_resolve"},
    "update dim_target set unit = 'persons'": {"targets_are_valid"},
    "update dim_target set kpi_id = 'happiness'": {"targets_are_valid", "judgements_resolve"},
    "delete from fct_kpi where unit_level = 'street'": {"nothing_is_left_out"},
    "delete from mart_population where month = date '2026-01-01'": {"nothing_is_left_out"},
    "update fct_flag set since_period = date '2025-12-01'": {"nothing_is_left_out"},
    "update fct_delivery set rows_accepted = rows_accepted + 1 where dataset = 'grid_grids'": {"row_accounts_balance"},
    "update fct_delivery set rows_read = rows_read + 1 where dataset = 'grid_disputes'": {"row_accounts_balance"},
    """update fct_delivery set rows_accepted = rows_accepted + 1, rows_quarantined = rows_quarantined - 1
       where rows_quarantined > 0""": {"row_accounts_balance"},
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_tests_of_a_build_see_what_is_wrong(built: Lake, tmp_path: Path, damage: str) -> None:
    damaged = Lake(tmp_path / "home")
    shutil.copytree(built.root, damaged.root)
    with duckdb.connect(str(damaged.home.warehouse)) as connection:
        connection.execute(damage)
    outcome = run_dbt(damaged.home, "test", "--select", "test_type:singular")
    assert outcome.exception is None
    seen = {test.node.name for test in outcome.result if str(test.status) == "fail"}
    assert {test.node.name: test.message for test in outcome.result if str(test.status) == "error"} == {}
    assert DAMAGES[damage] <= seen
    assert bool(DAMAGES[damage]) == bool(seen)
