"""Promises of the whole command line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from pipelines.cli import app

RUNS_ON = {"serve"}  # has nothing to answer: it runs until somebody ends it


def commands(found: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every command with its name, those of groups too."""
    for name, command in getattr(found, "commands", {}).items():
        yield from commands(command, (*path, name))
    if not hasattr(found, "commands"):
        yield " ".join(path), found


def test_every_command_answers_machines_and_shows_how_it_is_used() -> None:
    found = dict(commands(get_command(app)))
    assert len(found) > 70
    without = {name for name, command in found.items() if not any("--json" in one.opts for one in command.params)}
    assert without == RUNS_ON
    assert [name for name, command in found.items() if not command.help] == []
    assert [name for name, command in found.items() if not command.epilog] == []
