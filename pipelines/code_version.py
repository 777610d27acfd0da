"""Which state of the code computed something."""

from __future__ import annotations

import hashlib

from pipelines.settings import DBT_DIR, REPO

_DBT_FOLDERS = ("models", "macros", "kpis", "seeds")


def code_version() -> str:
    """A digest of everything that decides figures: contracts, pipeline code, models, targets."""
    digest = hashlib.sha256()
    folders = (REPO / "expectations", REPO / "pipelines", *(DBT_DIR / name for name in _DBT_FOLDERS))
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.suffix in (".py", ".yml", ".sql", ".csv"):
                digest.update(str(path.relative_to(REPO)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]
