"""Manifests of folders that never change once they have their name: each under a seal, a line beside it by which any change
to it shows, and which `sha256sum --check` reads.

Belongs here: writing, reading and comparing them, for editions, accounts of changes and backups alike. What stands in a
manifest is for those who write it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipelines.durable import write_all

MANIFEST = "manifest.json"
SEAL = f"{MANIFEST}.sha256"

HashOf = Callable[[Path], str]


def file_hash(path: Path) -> str:
    """A file's SHA-256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_manifest(folder: Path, content: str) -> None:
    """Writes a folder's manifest and its seal; both are on disk then."""
    encoded = content.encode()
    write_all({folder / MANIFEST: encoded, folder / SEAL: _line(hashlib.sha256(encoded).hexdigest())})


def read_manifest(folder: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    return manifest


def is_sealed(folder: Path, hash_of: HashOf = file_hash) -> bool:
    """Whether a folder's manifest is there and as its seal says; OSError where there is no seal."""
    return (folder / SEAL).read_bytes() == _line(hash_of(folder / MANIFEST))


def _line(sha256: str) -> bytes:
    return f"{sha256}  {MANIFEST}\n".encode()
