"""What a data root holds, to compare it with what it holds later: bytes of a folder, content of the edition, the ledger."""

from __future__ import annotations

import hashlib
from contextlib import closing
from pathlib import Path
from typing import Any

from pipelines.publish import current_manifest
from pipelines.settings import Home
from pipelines.store import Store


def contents(folder: Path) -> dict[str, str]:
    """Every file and link below a folder with its content's hash or its target; not what has a hidden name, such as drafts."""
    found = {path.relative_to(folder): path for path in sorted(folder.rglob("*")) if path.is_symlink() or path.is_file()}
    return {
        str(name): str(path.readlink()) if path.is_symlink() else hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in found.items()
        if not any(part.startswith(".") for part in name.parts)
    }


def content_hash(home: Home) -> str:
    """Of the current edition."""
    manifest = current_manifest(home)
    assert manifest is not None
    return str(manifest["content_hash"])


def acknowledged(home: Home) -> list[dict[str, Any]]:
    """Every delivery in the ledger."""
    with closing(Store.of(home)) as store:
        return store.deliveries()
