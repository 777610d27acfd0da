"""The dbt project as dbt parsed it, kept in the data root: parsing takes seconds, and gives the same for the same files.

Belongs here: which state of the project it is, keeping what dbt made of it, and finding that again.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pipelines.durable import write_whole
from pipelines.settings import DBT_DIR, Home

_BUILT_BY_DBT = ("target", "logs", "dbt_packages")


def project_digest() -> str:
    """Equal where dbt would parse the same: the project's files, where they lie (seeds are noted with it), and dbt."""
    digest = hashlib.sha256(f"{version('dbt-core')} {version('dbt-duckdb')} {DBT_DIR}".encode())
    for path in sorted(DBT_DIR.rglob("*")):
        name = path.relative_to(DBT_DIR)
        if path.is_file() and name.parts[0] not in _BUILT_BY_DBT:
            digest.update(str(name).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def keep_parsed(home: Home, manifest: Any, digest: str) -> None:
    """Keeps what dbt parsed, beside the manifest.json that it wrote; one state of the project at a time."""
    from dbt.parser.manifest import extended_mashumaro_encoder

    write_whole(manifest.to_msgpack(extended_mashumaro_encoder), _place(home, digest))


def find_parsed(home: Home, digest: str) -> Any | None:
    """What dbt parsed of this state of the project; None where it was not kept, or cannot be read."""
    from dbt.contracts.graph.manifest import Manifest
    from dbt.parser.manifest import extended_mashumuro_decoder

    path = _place(home, digest)
    if path.exists() and home.manifest.exists():
        with suppress(Exception):  # damaged: it is parsed again, whatever is wrong with it
            return Manifest.from_msgpack(path.read_bytes(), decoder=extended_mashumuro_decoder)
    return None


def parsed_files(home: Home) -> list[Path]:
    """The files that hold what dbt parsed last: its own manifest.json, and what is kept here."""
    return [path for path in (home.manifest, *home.dbt.glob(_place(home, "*").name)) if path.exists()]


def forget_parsed(home: Home) -> None:
    """Before another state is parsed: the files of two states must never lie side by side."""
    for path in parsed_files(home):
        path.unlink()


def _place(home: Home, digest: str) -> Path:
    return home.dbt / f"parsed-{digest}.msgpack"
