"""The command line in the tests' own process: what a command says, and what it answers to machines."""

from __future__ import annotations

import json
from typing import Any

from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.errors import WarehouseError


class Command:
    """`warehouse` with the words that begin every call."""

    def __init__(self, *words: str) -> None:
        self.words = words

    def run(self, *arguments: str, typed: str | None = None) -> tuple[int, str]:
        """Exit code and output; a WarehouseError is raised as it was. `typed`: what is answered to its questions."""
        result = CliRunner().invoke(app, [*self.words, *arguments], input=typed)
        if isinstance(result.exception, WarehouseError):
            raise result.exception
        return result.exit_code, result.output

    def answer(self, *arguments: str) -> Any:
        """What it says with `--json`, of a call that succeeds."""
        code, output = self.run(*arguments, "--json")
        assert code == 0, output
        return json.loads(output)
