"""dbt in this process: parsing the project, running models and tests, writing documentation.

The data root is also what WAREHOUSE_HOME says, which dbt reads. The working warehouse has one writer at a time (see run);
dbt alone writes its tables.
"""

from __future__ import annotations

import gc
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb

from pipelines.dbt_child.protocol import BuildFailed, BuiltNode, without_values
from pipelines.dbt_project import find_parsed, forget_parsed, keep_parsed, project_digest
from pipelines.settings import DBT_DIR, Home


def run_models(home: Home, options: Sequence[str]) -> list[BuiltNode]:
    """Every node of a build with these options, in the order in which it ran. BuildFailed where dbt gives none."""
    manifest = parse(home)
    try:
        outcome = _invoke(home, "build", options, manifest=manifest)
    finally:
        _release_file()  # also where it failed: what a full disk has spoilt must not be found open by the next run
    return [
        BuiltNode(
            result.node.unique_id, _status(result), int(result.failures or 0), result.execution_time,
            without_values(result.message or ""),
        )
        for result in outcome
    ]  # fmt: skip


def _status(result: Any) -> str:
    status = str(result.status)
    return "error" if status == "runtime error" else status


def document(home: Home, target: Path) -> None:
    """Has dbt write its documentation of the project and the published edition into a folder that holds a manifest."""
    # dbt would introspect the lake to compile models; documentation shows them as they are written.
    options = ["--static", "--no-compile", "--target", "edition"]
    try:
        _invoke(home, "docs generate", options, target=target)
    finally:
        _release_file()


def _invoke(
    home: Home, command: str, options: Sequence[str] = (), manifest: Any = None, target: Path | None = None
) -> Any:
    """What dbt returns for a command on this data root. BuildFailed where it returns nothing."""
    from dbt.cli.main import dbtRunner

    folder = str(target or home.dbt)
    arguments = [
        "--quiet", "--no-use-colors", "--log-level", "none", "--log-level-file", "none", "--no-version-check",
        *command.split(), "--project-dir", str(DBT_DIR), "--profiles-dir", str(DBT_DIR),
        "--log-path", folder, "--target-path", folder, *options,
    ]  # fmt: skip
    outcome = dbtRunner(manifest=manifest).invoke(arguments)
    if outcome.result is None:
        raise BuildFailed(without_values(outcome.exception))
    return outcome.result


_manifests: dict[str, Any] = {}


def prepare(home: Home) -> None:
    """What takes seconds and needs no row: the project parsed, and what the first command of a process sets up in dbt."""
    is_first = not _manifests
    manifest = parse(home)
    if is_first:
        _invoke(home, "ls", ["--resource-type", "seed"], manifest=manifest)


def parse(home: Home) -> Any:
    """dbt's manifest of the project, a copy, since dbt changes what it is given; the data root has it as files, too.

    It depends on the project alone, so a process needs it once, for whatever data roots it serves, and finds it where the
    one before kept it. BuildFailed where the project cannot be parsed.
    """
    digest = project_digest()
    if digest not in _manifests:
        _manifests[digest] = find_parsed(home, digest) or _parse(home, digest)
        gc.freeze()  # it is large, and stays: no collection need walk it
    elif not home.manifest.exists():
        _manifests[digest].write(str(home.manifest))
    return _manifests[digest].deepcopy()


def _parse(home: Home, digest: str) -> Any:
    forget_parsed(home)
    manifest = _invoke(home, "parse")
    keep_parsed(home, manifest, digest)
    return manifest


def _release_file() -> None:
    # dbt-duckdb keeps the file open for the life of the process; publish and readers need it closed. An error of dbt's
    # may hold its cursors, so that nothing is closed by being forgotten.
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.adapters.factory import cleanup_connections

    environment = DuckDBConnectionManager._ENV
    with suppress(duckdb.Error):  # of a database that a full disk has spoilt
        cleanup_connections()
    DuckDBConnectionManager.close_all_connections()
    if environment is not None:
        environment.close()
