"""What lies below a folder, byte for byte, to compare it with what lies there later."""

from __future__ import annotations

import hashlib
from pathlib import Path


def contents(folder: Path) -> dict[str, str]:
    """Every file and link below a folder with its content's hash or its target; not what has a hidden name, such as drafts."""
    found = {path.relative_to(folder): path for path in sorted(folder.rglob("*")) if path.is_symlink() or path.is_file()}
    return {
        str(name): str(path.readlink()) if path.is_symlink() else hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in found.items()
        if not any(part.startswith(".") for part in name.parts)
    }
