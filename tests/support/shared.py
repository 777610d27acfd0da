"""What is dear to make and never changed afterwards is made once for all processes of a test session.

Belongs here: where it is kept, and that two processes do not make it twice. Who makes what says so where it is used.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

_FOLDER = "WAREHOUSE_TEST_SHARED"


@contextmanager
def shared_folder() -> Iterator[None]:
    """For as long as the session lasts, its processes know where to look for what one of them has made."""
    with tempfile.TemporaryDirectory(prefix="warehouse-tests-") as folder:
        os.environ[_FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[_FOLDER]


def made_once(name: str, make: Callable[[Path], None]) -> Path:
    """The file or folder that `make` writes to the path it is given; the first process that asks makes it, others wait.

    Not to be changed: whoever wants to, takes a copy.
    """
    made = Path(os.environ[_FOLDER]) / name
    with FileLock(made.with_name(f"{name}.lock")):
        if not made.exists():
            draft = made.with_name(f"draft-{name}")
            make(draft)
            draft.rename(made)
    return made
