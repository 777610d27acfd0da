"""The commands that write documents: files where they were asked for, and clear refusals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.errors import WarehouseError
from tests.support.edition import build_edition


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data root with the small edition, and an empty folder beside it to write into."""
    edition = build_edition(tmp_path / "home" / "published")
    manifest = json.loads((edition / "manifest.json").read_text("utf-8"))
    (edition / "manifest.json").write_text(json.dumps(manifest | {"county_name": "洛川县", "is_sample": True}), "utf-8")
    monkeypatch.setenv("WAREHOUSE_HOME", str(tmp_path / "home"))
    return tmp_path / "out"


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments))
    if isinstance(result.exception, WarehouseError):
        raise result.exception
    return result.exit_code, result.output


def test_a_bulletin_is_written_in_the_formats_asked_for(folder: Path) -> None:
    code, output = run("bulletin", "--period", "2026-06", "--unit", "610629", "--format", "docx", "--format", "xlsx",
                       "--out", str(folder), "--json")  # fmt: skip
    assert code == 0
    stem = "洛川县_社区治理指标通报_2026-06_2026-07-15-001_示例数据"
    assert sorted(path.name for path in folder.iterdir()) == [f"{stem}.docx", f"{stem}.xlsx"]
    assert json.loads(output)["files"] == [str(folder / f"{stem}.{kind}") for kind in ("docx", "xlsx")]


def test_an_export_is_written_where_it_is_asked_for(folder: Path) -> None:
    assert run("export", "dim_unit", "--format", "parquet", "--out", str(folder))[0] == 0
    assert [path.name for path in folder.iterdir()] == ["洛川县_dim_unit_全部期间_全部单位_2026-07-15-001_示例数据.parquet"]


@pytest.mark.parametrize("arguments", [("bulletin", "--date", "tomorrow"), ("export", "dim_unit", "--format", "doc")])
def test_an_option_that_cannot_be_read_is_refused(folder: Path, arguments: tuple[str, ...]) -> None:
    assert run(*arguments, "--out", str(folder))[0] == 2
    assert not folder.exists()


def test_a_period_that_the_edition_lacks_is_told(folder: Path) -> None:
    with pytest.raises(WarehouseError, match="2031-01"):
        run("bulletin", "--period", "2031-01", "--out", str(folder))
    assert not folder.exists()
