"""Writing that lasts: a file is whole and on disk, or it is not there, also after a power cut."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_AT_ONCE = 8  # files that are waited for together: a disk writes many of them in the time of one


def write_whole(content: bytes | memoryview, path: Path) -> None:
    """Puts `content` at `path` in one step, in place of what was there; makes the folders above it."""
    write_all({path: content})


def write_all(contents: Mapping[Path, bytes | memoryview]) -> None:
    """Puts each content at its path as `write_whole` does; on return all of them are on disk."""
    folders = {path.parent for path in contents}
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    drafts = {path: path.with_name(f".{path.name}.{os.getpid()}") for path in contents}
    for path, draft in drafts.items():
        draft.write_bytes(contents[path])
    sync(*drafts.values())
    for path, draft in drafts.items():
        draft.replace(path)
    sync(*folders)


def link(source: Path, path: Path) -> None:
    """Makes `path` the same file as `source`, which nobody changes any more; a copy where the file system has no hard links."""
    try:
        os.link(source, path)
    except OSError:
        shutil.copyfile(source, path)
        sync(path)


def sync(*paths: Path) -> None:
    """Returns once the content of these files, and these folders' lists of names, are on disk."""
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="sync") as pool:
        list(pool.map(_sync, paths))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno:
            error.filename = str(path)  # which the system does not say here
        raise
    finally:
        os.close(descriptor)
