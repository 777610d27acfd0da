"""What was made for one reader and is sent to the next as it is: compressed answers under the key of what they were made from.

Belongs here: keeping and finding. A worker keeps some in memory; a folder holds what all workers of a server made, and what was drawn ahead.
"""

from __future__ import annotations

import gzip
import os
import shutil
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path

KEPT_IN_MEMORY = 200  # answers per worker; a page takes some thirty kilobytes
KEPT_IN_FOLDER = 3_000
LEVEL = 2  # of gzip: six would halve the size again, and take as long as drawing the page


class Shelf:
    """Answers by key. Without a folder each process has its own.

    A key holds the edition and everything else that the answer was made from, and reads the same in every process.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, edition_id: str, key: tuple[object, ...], make: Callable[[], bytes]) -> bytes:
        """The compressed answer; made where it is not there yet."""
        name = blake2b(repr((edition_id, key)).encode(), digest_size=20).hexdigest()
        with self._lock:
            if name in self._kept:
                self._kept.move_to_end(name)
                return self._kept[name]
        answer = self._found(edition_id, name)
        if answer is None:
            answer = gzip.compress(make(), LEVEL, mtime=0)
            self._put(edition_id, name, answer)
        with self._lock:
            self._kept[name] = answer
            while len(self._kept) > KEPT_IN_MEMORY:
                self._kept.popitem(last=False)
        return answer

    def _found(self, edition_id: str, name: str) -> bytes | None:
        if self._folder is None:
            return None
        try:
            return (self._folder / edition_id / name).read_bytes()
        except OSError:
            return None

    def _put(self, edition_id: str, name: str, answer: bytes) -> None:
        """Into the folder of the edition, in one step. A folder that is full or gone costs speed alone."""
        if self._folder is None:
            return
        with suppress(OSError):
            place = self._folder / edition_id
            if not place.exists():
                for older in self._folder.iterdir():
                    shutil.rmtree(older, ignore_errors=True)
                place.mkdir()
            if sum(1 for _ in place.iterdir()) < KEPT_IN_FOLDER:
                draft = place / f"{name}.{os.getpid()}.{threading.get_ident()}"
                draft.write_bytes(answer)
                draft.replace(place / name)


@contextmanager
def shared_folder() -> Iterator[Path]:
    """A folder for the processes that are forked while it lasts; the one that made it removes it."""
    owner = os.getpid()
    folder = Path(tempfile.mkdtemp(prefix="pages-"))
    try:
        yield folder
    finally:
        while os.getpid() == owner and folder.exists():  # somebody may be putting a last answer there
            shutil.rmtree(folder, ignore_errors=True)
