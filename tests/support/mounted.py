"""File systems of a test's own: a small one that can be full, and one that nobody may write to.

Belongs here: mounting, and taking away again in any case. Where that is not permitted, such as in a container, a test skips
with the reason.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Path]:
    """A file system of `size` bytes in memory, at a new folder; it is gone afterwards with all that is on it."""
    folder.mkdir()
    _mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder))
    try:
        yield folder
    finally:
        _unmount(folder)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Nobody may write below the folder, not even root, for whom permissions do not hold."""
    _mount("--bind", str(folder), str(folder))
    try:
        _mount("-o", "remount,bind,ro", str(folder))
        yield
    finally:
        _unmount(folder)


def _mount(*arguments: str) -> None:
    done = subprocess.run(["mount", *arguments], check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"file systems cannot be mounted here: {done.stderr.strip()}")


def _unmount(folder: Path) -> None:
    # Lazily: a file that a failed run left open must not keep it there.
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
