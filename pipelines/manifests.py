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
from pipelines.errors import WarehouseError, Words

MANIFEST = "manifest.json"
SEAL = f"{MANIFEST}.sha256"

HashOf = Callable[[Path], str]


class DamagedManifest(WarehouseError):
    """The manifest of an edition, an account of changes or a backup is not there, or cannot be read."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            Words("清单缺失或已损坏", "A manifest is missing or damaged"),
            where=f"{folder.name}/{MANIFEST}",
            expected=Words("完整的清单", "a whole manifest"),
            found=Words("没有，或无法读取", "none, or it cannot be read"),
            advice=Words(
                "从备份恢复该文件夹，或将其移走后重新运行", "restore the folder from a backup, or move it away and run again"
            ),
        )


def file_hash(path: Path) -> str:
    """A file's SHA-256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_manifest(folder: Path, content: str) -> None:
    """Writes a folder's manifest and its seal; both are on disk then."""
    encoded = content.encode()
    write_all({folder / MANIFEST: encoded, folder / SEAL: _line(hashlib.sha256(encoded).hexdigest())})


def read_manifest(folder: Path) -> dict[str, Any]:
    """A folder's manifest. DamagedManifest where there is none, or it cannot be read."""
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (ValueError, FileNotFoundError) as error:
        raise DamagedManifest(folder) from error
    return manifest


def is_sealed(folder: Path, hash_of: HashOf = file_hash) -> bool:
    """Whether a folder's manifest is there and as its seal says; OSError where there is no seal."""
    return (folder / SEAL).read_bytes() == _line(hash_of(folder / MANIFEST))


def _line(sha256: str) -> bytes:
    return f"{sha256}  {MANIFEST}\n".encode()
