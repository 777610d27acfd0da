"""The commands of backups: what they say, their exit codes, and folders named by the environment."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipelines.county import County
from pipelines.errors import WarehouseError
from pipelines.settings import Home
from tests.support.commands import Command
from tests.support.kept import flip_a_bit, keep_everything

COMMAND = Command()
run, answer = COMMAND.run, COMMAND.answer


@pytest.fixture(autouse=True)
def data_root(home: Home, county: County, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    keep_everything(home, county)
    monkeypatch.setenv("WAREHOUSE_HOME", str(home.root))
    monkeypatch.setenv("WAREHOUSE_BACKUPS", str(tmp_path / "backups"))
    return home


def test_a_backup_goes_from_making_to_restoring(tmp_path: Path) -> None:
    made = answer("backup", "create")
    assert Path(made["folder"]).parent == tmp_path / "backups"
    assert (made["ledger_entries"], made["is_key_apart"], made["removed"]) == (1, False, [])
    assert made["new_bytes"] == made["bytes"]
    assert [one["name"] for one in answer("backup", "list")["backups"]] == [made["name"]]
    assert answer("backup", "verify")["damages"] == []
    tried = answer("backup", "drill", made["folder"])
    assert (tried["damages"], tried["ledger_hash"]) == ([], made["ledger_hash"])
    assert answer("restore", "--into", str(tmp_path / "new"))["edition_id"] == made["edition_id"]
    code, said = run("verify")
    assert (code, "完好" in said) == (0, True)


def test_people_are_told_where_the_key_lies(tmp_path: Path) -> None:
    _, said = run("backup", "create")
    assert "密钥在备份之内" in said
    assert "the pseudonym key lies in the backup" in said
    _, said = run("backup", "create", "--keys", str(tmp_path / "keys"), "--keep", "1")
    assert "key kept apart" in said
    assert "older backups removed 1" in said
    code, said = run("backup", "verify")
    assert (code, "was not verified" in said) == (0, True)
    _, said = run("backup", "list")
    assert "另存 apart" in said
    code, said = run("backup", "drill", "--keys", str(tmp_path / "keys"))
    assert (code, "restored in" in said) == (0, True)


@pytest.mark.parametrize("name", ["county.yml", "manifest.json"])
def test_a_damaged_backup_is_told_with_exit_code_1_and_not_used(tmp_path: Path, name: str) -> None:
    folder = Path(answer("backup", "create")["folder"])
    flip_a_bit(folder / name)
    code, said = run("backup", "verify", str(folder), "--json")
    assert code == 1
    assert [damage["where"] for damage in json.loads(said)["damages"]] == [name]
    assert run("backup", "verify", str(folder))[0] == 1
    for command in (["backup", "drill", str(folder)], ["restore", str(folder), "--into", str(tmp_path / "new")]):
        with pytest.raises(WarehouseError, match="damaged"):
            run(*command)
    assert not (tmp_path / "new").exists()


def test_without_a_folder_nothing_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WAREHOUSE_BACKUPS")
    code, said = run("backup", "create")
    assert code == 2
    assert "WAREHOUSE_BACKUPS" in said


def test_a_folder_without_backups_says_so(tmp_path: Path) -> None:
    (tmp_path / "backups").mkdir()
    with pytest.raises(WarehouseError, match="There is no backup"):
        run("backup", "drill")
    assert answer("backup", "list") == {"backups": []}
