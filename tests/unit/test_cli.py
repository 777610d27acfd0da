"""The command line itself: options that make no sense are told before anything starts, and every command has an example."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import typer
from typer.testing import CliRunner

from pipelines.cli import app


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data root."""
    monkeypatch.setenv("WAREHOUSE_HOME", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.mark.parametrize(
    "arguments",
    [
        "init --county 61062", "init --county ６１０６２９", "init --county 610629 --first-period 2026-13",
        "init --county 610629 --register nowhere.csv", "generate --people 10", "generate --first-month January",
        "generate --months 0", "template grid_people", "run --period 2026-1", "run --as-of tomorrow", "run --dataset grid",
        "serve --port 65536", "bench --only everything", "bench --quick --full",
    ],
)  # fmt: skip
def test_an_option_that_makes_no_sense_is_told_before_anything_starts(arguments: str, root: Path) -> None:
    result = CliRunner().invoke(app, arguments.split())
    assert result.exit_code == 2, result.output
    assert "Invalid value" in result.output
    assert not root.exists()


def test_every_command_has_help_with_an_example() -> None:
    without = [name for name, command in commands(typer.main.get_command(app)) if not (command.help and command.epilog)]
    assert without == []


def commands(group: click.Command, name: str = "warehouse") -> Iterator[tuple[str, click.Command]]:
    for part, command in getattr(group, "commands", {}).items():
        found = list(commands(command, f"{name} {part}"))
        yield from found or [(f"{name} {part}", command)]


def test_machines_are_told_what_was_set_up_and_written(root: Path, tmp_path: Path) -> None:
    made = json.loads(CliRunner().invoke(app, ["init", "--county", "610629", "--json"]).stdout)
    assert (made["county"], made["county_file"]) == ("610629", str(root / "county.yml"))
    assert "grid_610629001" in made["suppliers"]
    path = tmp_path / "blank.xlsx"
    written = json.loads(CliRunner().invoke(app, ["template", "grid_grids", "--output", str(path), "--json"]).stdout)
    assert written == {"dataset": "grid_grids", "file": str(path)} and path.exists()


@pytest.mark.parametrize(("option", "found"), [("", "not said who delivers it"), ("--supplier nobody", "nobody: 无此报送单位")])
def test_a_file_whose_supplier_is_not_known_is_not_checked_and_all_are_named(tmp_path: Path, option: str, found: str) -> None:
    file = tmp_path / "grids.csv"
    file.write_text("网格编码\n", encoding="utf-8")
    CliRunner().invoke(app, ["init", "--county", "610629"])
    arguments = ["check", str(file), "--dataset", "grid_grids", "--period", "2026-01", *option.split()]
    result = CliRunner().invoke(app, arguments)
    said = "".join(result.output.replace("│", "").split())
    assert result.exit_code == 2
    assert "".join(found.split()) in said and "grid_610629101" in said
