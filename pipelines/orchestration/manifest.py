"""The dbt project's manifest, for the asset graph: parsed once for each state of the project, and kept."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from pipelines.dbt_project import project_digest
from pipelines.errors import WarehouseError, Words
from pipelines.settings import DBT_DIR, Home


def load_manifest(home: Home) -> dict[str, Any]:
    """The manifest of the dbt project as it stands.

    Parsing takes seconds and every process that loads the definitions needs the result, so it is kept beside
    Dagster's own files under a digest of the project: it is never out of date, and nothing has to be told
    that the project changed. Parsing opens no database and no connection. Raises WarehouseError where the
    project cannot be parsed.
    """
    kept = home.dagster / "dbt" / f"manifest-{project_digest()}.json"
    if not kept.exists():
        content = _parse()
        # A data root that cannot be written to only costs the next process the same seconds.
        with contextlib.suppress(OSError):
            _keep(content, kept)
        return _as_json(content)
    return _as_json(kept.read_bytes())


def _as_json(content: bytes) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads(content)
    return manifest


def _parse() -> bytes:
    from dbt.cli.main import dbtRunner

    with tempfile.TemporaryDirectory(prefix="dbt-manifest-") as folder:
        outcome = dbtRunner().invoke([
            "--quiet", "--no-use-colors", "--log-level-file", "none", "--no-version-check", "--no-partial-parse",
            "parse", "--project-dir", str(DBT_DIR), "--profiles-dir", str(DBT_DIR), "--target-path", folder,
        ])  # fmt: skip
        path = Path(folder) / "manifest.json"
        if not outcome.success or not path.exists():
            reason = str(outcome.exception).strip()
            raise WarehouseError(
                Words("dbt 项目无法解析", "The dbt project cannot be parsed"),
                where=DBT_DIR.name,
                expected=Words("dbt parse 成功", "dbt parse succeeds"),
                found=Words(reason, reason),
                advice=Words("更正所列文件", "correct the file named"),
            )
        return path.read_bytes()


def _keep(content: bytes, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_bytes(content)
    draft.replace(path)
    for older in path.parent.glob("manifest-*.json"):
        if older != path:
            older.unlink(missing_ok=True)
