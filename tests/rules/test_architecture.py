"""The architecture itself: what may import what, what is declared once, and what must never come in.

A rule stands here if breaking it would work today and hurt later.
"""

from __future__ import annotations

import ast
import csv
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from expectations.contract import load_contracts
from pipelines.dbt_marts import MARTS_DIR
from pipelines.dbt_sources import SOURCES_FILE, render_sources
from pipelines.protection.protect import LINKING_SCHEMA
from pipelines.settings import DBT_DIR, REPO, Home

PRODUCT = ("expectations", "pipelines", "dashboards")
MODELS = ("dbt/models", "dbt/tests")
DATASETS = set(load_contracts())


@cache
def repository_files() -> list[Path]:
    """Every file that is tracked, or would be with the next `git add`."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=REPO, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout: which files belong to the product is not known")
    return [path for name in listed.stdout.split("\0") if name and (path := REPO / name).is_file()]


def files(*folders: str, suffix: str) -> list[Path]:
    """Files of the repository with this suffix under any of the folders."""
    roots = [REPO / folder for folder in folders]
    return [path for path in repository_files() if path.suffix == suffix and any(path.is_relative_to(root) for root in roots)]


def name(path: Path) -> str:
    return str(path.relative_to(REPO))


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imports(path: Path) -> set[str]:
    """Top-level names of everything that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def texts(path: Path) -> Iterator[str]:
    """Every text in a Python file that is not a docstring."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(parsed(path))
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


def loaded_by(module: str, *suspects: str) -> list[str]:
    """Which of the suspects are loaded once a fresh process has imported `module`."""
    code = f"import sys, {module}; print(*[name for name in {suspects!r} if name in sys.modules])"
    return subprocess.run(
        [sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, check=True
    ).stdout.split()


# --- imports ------------------------------------------------------------------------------------------------


def test_the_layers_hold_as_import_linter_checks_them() -> None:
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    checked = subprocess.run([sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_dagster_is_imported_in_its_thin_layer_only() -> None:
    outside = [
        name(path)
        for path in files(*PRODUCT, suffix=".py")
        if imports(path) & {"dagster", "dagster_dbt"} and not path.is_relative_to(REPO / "pipelines" / "orchestration")
    ]
    assert outside == []


def test_expectations_know_nothing_of_the_rest() -> None:
    ours = {name(path): imports(path) & {"pipelines", "dashboards"} for path in files("expectations", suffix=".py")}
    assert {path: found for path, found in ours.items() if found} == {}


@pytest.mark.parametrize("module", ["pipelines.run", "pipelines.publish", "expectations.runner"])
def test_a_run_starts_without_loading_what_takes_seconds(module: str) -> None:
    slow = ("great_expectations", "dagster", "dbt", "dash", "scipy", "pandas", "pypinyin")
    assert loaded_by(module, *slow) == []


def test_the_command_line_answers_help_without_loading_the_warehouse() -> None:
    assert loaded_by("pipelines.cli", "duckdb", "polars", "great_expectations", "dagster", "dbt", "dash") == []


# --- shape --------------------------------------------------------------------------------------------------


def test_no_module_is_a_place_for_everything() -> None:
    vague = {"utils", "util", "helpers", "helper", "common", "misc", "base", "tools", "lib"}
    assert [name(path) for path in files(*PRODUCT, "tests", suffix=".py") if path.stem in vague] == []


@pytest.mark.parametrize(("folders", "suffix", "most"), [(PRODUCT, ".py", 450), (MODELS, ".sql", 80)])
def test_no_file_is_longer_than_a_reader_holds_in_mind(folders: tuple[str, ...], suffix: str, most: int) -> None:
    counted = {
        name(path): path.read_text(encoding="utf-8").count("\n")
        for path in files(*folders, suffix=suffix)
        # a derived model is read in its declaration
        if MARTS_DIR not in path.parents
    }
    assert {path: lines for path, lines in counted.items() if lines > most} == {}
    assert counted != {}


def test_every_module_says_what_belongs_there() -> None:
    silent = [
        name(path)
        for path in files(*PRODUCT, "tests", suffix=".py")
        if parsed(path).body and not ast.get_docstring(parsed(path))
    ]
    assert silent == []


def test_the_dbt_folder_is_no_python_package() -> None:
    # An __init__.py there would shadow the package dbt itself.
    assert list(DBT_DIR.rglob("__init__.py")) == []


# --- declared once ------------------------------------------------------------------------------------------


def test_every_dataset_has_a_contract_and_a_staging_model_of_the_same_name() -> None:
    staged = {path.stem.removeprefix("stg_") for path in (DBT_DIR / "models" / "staging").glob("*.sql")}
    assert staged == DATASETS


def test_every_dataset_that_a_model_reads_has_a_contract() -> None:
    reads = re.compile(r"(?:source\(\s*'lake',|current_rows\(|staged\(|could_be\(|contract_of\()\s*'([a-z_]+)'")
    read = {found for path in files("dbt", suffix=".sql") for found in reads.findall(path.read_text(encoding="utf-8"))}
    assert read == DATASETS


def test_the_sources_of_dbt_are_those_that_the_contracts_give() -> None:
    # If this fails: python -c "from pipelines.dbt_sources import *; write_sources(load_contracts())"
    assert SOURCES_FILE.read_text(encoding="utf-8") == render_sources(load_contracts())


def declarations() -> dict[str, dict[str, Any]]:
    """The KPIs as dbt/kpis declares them, by id, each with what its group has in common."""
    block = re.compile(r"\{% set declarations %\}(.*?)\{% endset %\}", re.DOTALL)
    return {
        kpi["kpi_id"]: {**group["common"], **kpi}
        for path in (DBT_DIR / "kpis").glob("*.sql")
        for text in block.findall(path.read_text(encoding="utf-8"))
        for group in yaml.safe_load(text)
        for kpi in group["kpis"]
    }


def test_every_kpi_rests_on_datasets_that_have_a_contract() -> None:
    assert {kpi_id for kpi_id, kpi in declarations().items() if not set(kpi["datasets"]) <= DATASETS} == set()
    assert declarations() != {}


def test_every_kpi_stands_in_a_test_of_figures() -> None:
    tests = "".join(path.read_text(encoding="utf-8") for path in (REPO / "tests" / "flow").glob("test_kpi_*.py"))
    assert set(declarations()) - set(re.findall(r"\w+", tests)) == set()


def stated_targets() -> list[dict[str, str]]:
    with (DBT_DIR / "seeds" / "targets.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_target_is_of_a_declared_kpi() -> None:
    assert {target["kpi_id"] for target in stated_targets()} <= set(declarations())


def test_a_document_has_one_name_for_kpis_and_targets() -> None:
    macros = (DBT_DIR / "macros" / "kpis.sql").read_text(encoding="utf-8")
    listed = macros[macros.index("macro documents()") : macros.index("endmacro", macros.index("macro documents()"))]
    names = {pack: name for pack, _, name in re.findall(r"""'(\w+)': (['"])(.+)\2,""", listed)}
    assert {kpi["document"] for kpi in declarations().values()} == set(names)
    assert {(target["pack"], target["document"]) for target in stated_targets()} <= set(names.items())


def test_pages_have_words_for_every_dataset_and_no_other() -> None:
    from dashboards.words import DATASETS as WORDS

    assert set(WORDS) == DATASETS


@pytest.mark.parametrize("folder", ["marts", "edition"])
def test_tables_that_others_rest_on_have_enforced_contracts_and_are_described(folder: str) -> None:
    project = yaml.safe_load((DBT_DIR / "dbt_project.yml").read_text(encoding="utf-8"))
    assert project["models"][project["name"]][folder]["+contract"] == {"enforced": True}
    described = {model["name"]: model for model in models_of(folder)}
    assert set(described) == {path.stem for path in (DBT_DIR / "models" / folder).glob("*.sql")}
    for model in described.values():
        assert model["description"].strip()
        assert [column["name"] for column in model["columns"] if not column.get("description", "").strip()] == []


def models_of(folder: str) -> list[dict[str, Any]]:
    paths = sorted((DBT_DIR / "models" / folder).glob("*.yml"))
    return [model for path in paths for model in yaml.safe_load(path.read_text(encoding="utf-8")).get("models", [])]


# --- people -------------------------------------------------------------------------------------------------


def test_no_table_of_an_edition_has_a_column_about_a_person() -> None:
    personal = {
        stored
        for contract in load_contracts().values()
        for column in contract.columns
        if column.privacy != "none"
        for stored in (column.name, column.stored_name, column.check_name)
    } - {"name"}
    for model in models_of("edition"):
        columns = {column["name"] for column in model["columns"]}
        assert columns & (personal | (set(LINKING_SCHEMA) - {"row_number", "batch_id", "key_id"})) == set()
        assert not columns & {"row_number", "batch_id", "key_id"}


def test_no_model_reads_the_linking_zone() -> None:
    keys = re.compile(r"linking|name_key|pinyin_key|characters_key")
    paths = [*files("dbt", suffix=".sql"), *files("dbt", suffix=".yml")]
    assert [name(path) for path in paths if keys.search(path.read_text(encoding="utf-8"))] == []


def test_data_of_a_county_is_never_part_of_the_repository() -> None:
    kept = [path for path in repository_files() if path.is_relative_to(REPO / "data")]
    outside = [name(path) for path in kept if not path.is_relative_to(REPO / "data" / "reference")]
    assert set(outside) <= {"data/README.md"}
    for folder in ("landing/s/d/2026-01/a.csv", "keys/pseudonym.json", "store/operational.db", "county.yml"):
        ignored = subprocess.run(["git", "check-ignore", "-q", f"data/{folder}"], cwd=REPO, check=False)
        assert ignored.returncode == 0, folder


def test_tests_deliver_outside_the_repository(home: Home) -> None:
    assert not home.root.is_relative_to(REPO)


# --- what must never come in --------------------------------------------------------------------------------


def test_no_file_names_a_place_on_one_machine() -> None:
    place = re.compile(r"(?<![\w.~/-])/(?:work|root|home|Users|opt|mnt)/\w|[A-Z]:\\\\?Users\\")
    named = []
    for path in repository_files():
        if path.suffix in (".py", ".sql", ".yml", ".yaml", ".toml", ".md", ".sh", ".cfg", ".css", ".js", "") and (
            place.search(path.read_text(encoding="utf-8", errors="ignore")) and path != Path(__file__)
        ):
            named.append(name(path))
    assert named == []


def test_nothing_about_the_sample_county_is_written_in_code() -> None:
    # The command line's default and the benchmark name the county that the generator makes.
    allowed = {"pipelines/cli.py", "pipelines/bench.py"}
    paths = [path for path in files(*PRODUCT, suffix=".py") if not path.is_relative_to(REPO / "pipelines" / "sample")]
    named = {name(path) for path in paths for text in texts(path) if re.search(r"610629|洛川", text)}
    models = {name(path) for path in files("dbt", suffix=".sql") if "610629" in path.read_text(encoding="utf-8")}
    assert named - allowed == set()
    assert models == set()


def test_files_are_read_strictly_everywhere() -> None:
    lenient = re.compile(
        r"truncate_ragged_lines=True|ignore_errors=True|try_parse_dates=True|infer_schema=True|utf8-lossy"
        r"|errors=[\"'](?:ignore|replace|surrogateescape)[\"']|null_padding|store_rejects|chardet|charset_normalizer"
    )
    found = [
        f"{name(path)}: {line.strip()}"
        for path in files(*PRODUCT, suffix=".py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if lenient.search(line) and "rmtree(" not in line and path.stem != "bench_county"  # whose floor loads nothing
    ]
    assert found == []


def test_no_model_asks_the_clock() -> None:
    clock = re.compile(r"\b(?:now|today|current_date|current_timestamp|get_current_time)\b\s*\(?", re.IGNORECASE)
    asked = []
    for path in files("dbt", suffix=".sql"):
        code = re.sub(r"--[^\n]*|\{#.*?#\}", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        asked += [name(path)] if clock.search(code) else []
    assert asked == []


def test_nothing_is_left_to_be_done_later() -> None:
    later = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")
    paths = [path for suffix in (".py", ".sql", ".yml") for path in files(*PRODUCT, "dbt", "tests", suffix=suffix)]
    found = [name(path) for path in paths if path != Path(__file__) and later.search(path.read_text(encoding="utf-8"))]
    assert found == []


# --- tests that can fail ------------------------------------------------------------------------------------


def functions_of_tests() -> Iterator[tuple[Path, ast.FunctionDef]]:
    for path in files("tests", suffix=".py"):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.FunctionDef):
                yield path, node


def called(function: ast.FunctionDef) -> set[str]:
    """Names of everything that a function calls, methods by their own name."""
    targets = [node.func for node in ast.walk(function) if isinstance(node, ast.Call)]
    return {target.id if isinstance(target, ast.Name) else getattr(target, "attr", "") for target in targets}


def test_every_test_can_fail() -> None:
    checking = {"raises", "expect"} | {
        function.name for _, function in functions_of_tests() if any(isinstance(node, ast.Assert) for node in ast.walk(function))
    }  # fmt: skip
    idle = [
        f"{name(path)}: {function.name}"
        for path, function in functions_of_tests()
        if function.name.startswith("test_") and function.name not in checking and not called(function) & checking
    ]
    assert idle == []


def test_no_test_measures_time() -> None:
    clocks = {"perf_counter", "perf_counter_ns", "monotonic", "process_time", "timeit"}
    assert [name(path) for path, function in functions_of_tests() if called(function) & clocks] == []


def test_no_two_tests_of_a_file_have_one_name() -> None:
    # The second one would silently take the place of the first.
    for path in files("tests", suffix=".py"):
        names = [node.name for node in parsed(path).body if isinstance(node, ast.FunctionDef)]
        assert len(set(names)) == len(names), name(path)


def test_no_two_test_files_have_one_name() -> None:
    """Collected together, the second would be taken for the first."""
    names = [path.name for path in (REPO / "tests").rglob("test_*.py")]
    assert sorted({name for name in names if names.count(name) > 1}) == []
