"""Writing that lasts: a file is whole and on disk, or it is not there, also after a power cut."""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(content: bytes | memoryview, path: Path) -> None:
    """Puts `content` at `path` in one step, in place of what was there; makes the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Returns once a file's content, or a folder's list of names, is on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
