"""Runs dbt in this process over a data root, as a test asks for it."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pipelines.build import parse
from pipelines.settings import DBT_DIR, Home


@cache
def parsed_project() -> Any:
    """dbt's manifest of the project, to be read."""
    with TemporaryDirectory() as folder:
        return parse(Home(Path(folder)))


def run_dbt(home: Home, *arguments: str, project: Path = DBT_DIR) -> Any:
    """Runs dbt in this process over a data root and closes its database; dbt's own result."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    home.root.mkdir(parents=True, exist_ok=True)
    manifest = parse(home) if project == DBT_DIR else None
    with _warehouse_home(home.root):
        try:
            return dbtRunner(manifest=manifest).invoke(
                [*_quiet(), "--no-write-json", *arguments, *_folders(home.root, project)]
            )
        finally:
            DuckDBConnectionManager.close_all_connections()


class _warehouse_home:
    """WAREHOUSE_HOME for the time of a with block."""

    def __init__(self, root: Path) -> None:
        self.root, self.before = root, os.environ.get("WAREHOUSE_HOME")

    def __enter__(self) -> None:
        os.environ["WAREHOUSE_HOME"] = str(self.root)

    def __exit__(self, *_: object) -> None:
        if self.before is None:
            os.environ.pop("WAREHOUSE_HOME")
        else:
            os.environ["WAREHOUSE_HOME"] = self.before


def _quiet() -> list[str]:
    return ["--log-level", "none", "--log-level-file", "none", "--no-version-check", "--no-use-colors"]


def _folders(root: Path, project: Path = DBT_DIR) -> list[str]:
    target = str(root / "dbt")
    return [
        "--project-dir", str(project), "--profiles-dir", str(project), "--target-path", target, "--log-path", target,
    ]  # fmt: skip
