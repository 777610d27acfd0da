"""Runs dbt in this process over a data root, as a test asks for it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from pipelines.dbt_child.invoke import parse
from pipelines.dbt_process import prepare
from pipelines.settings import DBT_DIR, Home


@cache
def parsed_project() -> Any:
    """dbt's manifest of the project, to be read."""
    with TemporaryDirectory() as folder:
        return parse(Home(Path(folder)))


@cache
def prepare_child() -> None:
    """Has the child of this process parse the project, once: otherwise it would do so in the first data root that it is given."""
    with TemporaryDirectory() as folder:
        prepare(Home(Path(folder)))


def run_dbt(home: Home, *arguments: str, project: Path = DBT_DIR) -> Any:
    """Runs dbt in this process over a data root and closes its database; dbt's own result."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    home.root.mkdir(parents=True, exist_ok=True)
    manifest = parse(home) if project == DBT_DIR else None
    target = str(home.root / "dbt")
    options = [
        "--log-level", "none", "--log-level-file", "none", "--no-version-check", "--no-use-colors", "--no-write-json", *arguments,
        "--project-dir", str(project), "--profiles-dir", str(project), "--target-path", target, "--log-path", target,
    ]  # fmt: skip
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("WAREHOUSE_HOME", str(home.root))
        try:
            return dbtRunner(manifest=manifest).invoke(options)
        finally:
            DuckDBConnectionManager.close_all_connections()
