"""What dbt parsed is found again by the same state of the project, and by no other."""

from __future__ import annotations

from pathlib import Path

import pytest
from dbt.contracts.graph.manifest import Manifest

from pipelines import dbt_project
from pipelines.dbt_project import find_parsed, forget_parsed, keep_parsed, project_digest
from pipelines.settings import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.dbt.mkdir()
    home.manifest.write_text("{}")
    return home


def test_a_parsed_project_is_found_by_its_own_state_only(home: Home) -> None:
    parsed = Manifest()
    parsed.metadata.project_name = "governance_warehouse"
    keep_parsed(home, parsed, "one")
    found = find_parsed(home, "one")
    assert found is not None
    assert found.metadata.project_name == "governance_warehouse"
    assert find_parsed(home, "two") is None


def test_it_is_parsed_again_where_the_kept_file_is_damaged_or_has_no_manifest_beside_it(home: Home) -> None:
    keep_parsed(home, Manifest(), "one")
    (kept,) = home.dbt.glob("parsed-*")
    content = kept.read_bytes()
    kept.write_bytes(content[:-20])
    assert find_parsed(home, "one") is None
    kept.write_bytes(content)
    home.manifest.unlink()
    assert find_parsed(home, "one") is None


def test_nothing_of_the_last_state_is_left_once_it_is_forgotten(home: Home) -> None:
    keep_parsed(home, Manifest(), "one")
    forget_parsed(home)
    assert not list(home.dbt.iterdir())


@pytest.mark.parametrize("place", ["models/new.sql", "tests/new.sql", "dbt_project.yml"])
def test_every_file_of_the_project_decides_its_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setattr(dbt_project, "DBT_DIR", tmp_path)
    before = project_digest()
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).write_text("select 1")
    assert project_digest() != before


def test_what_dbt_itself_writes_does_not_decide_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dbt_project, "DBT_DIR", tmp_path)
    before = project_digest()
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "manifest.json").write_text("{}")
    assert project_digest() == before
