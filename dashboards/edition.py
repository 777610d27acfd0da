"""The current edition: opening it through its pointer, and asking it questions.

Belongs here: the pointer, the connection, the cache of answers. What the questions are stands in `facts.py`.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TypeVar, cast

import duckdb
import polars as pl

from pipelines.errors import WarehouseError, Words
from pipelines.settings import Home

POINTER = "warehouse.duckdb"
KEPT_ANSWERS = 512
KEPT_DERIVED = 24  # of ten thousand units the largest takes some twenty megabytes

Made = TypeVar("Made")

log = logging.getLogger(__name__)


class NoEdition(WarehouseError):
    """Nothing has been published yet."""


class EditionUnreadable(WarehouseError):
    """There is a pointer, but what it points at cannot be read."""


@dataclass(frozen=True)
class EditionInfo:
    """The one row of the table `edition`. `published_at` is UTC."""

    edition_id: str
    county_code: str
    county_name: str
    is_sample: bool
    as_of_date: date
    published_at: datetime
    code_version: str
    inputs_hash: str
    content_hash: str


class Edition:
    """One published edition, opened read-only. Safe to use from many threads: each has its own cursor.

    `shapes`: where the county keeps the borders of its units, if it has them.
    """

    def __init__(self, path: Path, shapes: Path) -> None:
        self.path, self.shapes = path, shapes
        self._connection = duckdb.connect(str(path), read_only=True)
        self._threads = threading.local()
        self._answers: OrderedDict[tuple[str, tuple[object, ...]], pl.DataFrame] = OrderedDict()
        self._derived: OrderedDict[tuple[object, ...], object] = OrderedDict()
        self._lock = threading.Lock()
        row = self.frame("select * from edition").row(0, named=True)
        self.info = EditionInfo(**{name: row[name] for name in EditionInfo.__dataclass_fields__})

    def frame(self, sql: str, parameters: Sequence[object] = ()) -> pl.DataFrame:
        """The answer to a query. Remembered as long as this edition is open, since an edition never changes."""
        key = (sql, tuple(parameters))
        with self._lock:
            known = self._answers.get(key)
            if known is not None:
                self._answers.move_to_end(key)
                return known
        answer: pl.DataFrame = self._cursor().sql(sql, params=list(parameters)).pl()
        with self._lock:
            self._answers[key] = answer
            while len(self._answers) > KEPT_ANSWERS:
                self._answers.popitem(last=False)
        return answer

    def derived(self, key: tuple[object, ...], make: Callable[[], Made]) -> Made:
        """What `make` works out from answers, remembered under `key` like them."""
        with self._lock:
            if key in self._derived:
                self._derived.move_to_end(key)
                return cast(Made, self._derived[key])
        made = make()
        with self._lock:
            self._derived[key] = made
            while len(self._derived) > KEPT_DERIVED:
                self._derived.popitem(last=False)
        return made

    def check(self) -> None:
        """Reads the edition's row anew. EditionUnreadable where the file no longer answers."""
        try:
            self._cursor().execute("select edition_id from edition").fetchall()
        except duckdb.Error as error:
            raise _unreadable("文件已不可读", "the file can no longer be read") from error

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        cursor: duckdb.DuckDBPyConnection | None = getattr(self._threads, "cursor", None)
        if cursor is None:
            cursor = self._threads.cursor = self._connection.cursor()
        return cursor


class EditionReader:
    """Gives the edition that the pointer names now.

    The pointer is resolved before opening: a process that reopens the same path after a switch would be given
    the old file again, while each edition has a path of its own.
    """

    def __init__(self, published: Path) -> None:
        self.pointer = published / POINTER
        self.shapes = Home(published.parent).shapes
        self._lock = threading.Lock()
        self._current: Edition | None = None
        self._refused: Path | None = None

    def current(self) -> Edition:
        """The current edition. NoEdition or EditionUnreadable say what to do."""
        try:
            path = self.pointer.resolve(strict=True)
        except OSError as error:
            if self.pointer.is_symlink():
                raise _unreadable("指向的版次文件不存在", "the edition it points at is gone") from error
            raise _no_edition() from error
        with self._lock:
            if self._current is None or self._current.path != path:
                self._current = self._open(path)
            return self._current

    def current_or_last(self) -> tuple[Edition, bool]:
        """The current edition, or the last one that this process could open; True where it is the last one."""
        try:
            return self.current(), False
        except (NoEdition, EditionUnreadable) as error:
            if self._current is None:
                raise
            log.warning("showing the last good edition: %s", error)
            return self._current, True

    def _open(self, path: Path) -> Edition:
        try:
            return Edition(path, self.shapes)
        except (duckdb.Error, pl.exceptions.PolarsError, KeyError) as error:
            if path != self._refused:  # said once, not at every request
                log.error("cannot open the edition: %s", type(error).__name__, exc_info=error)
                self._refused = path
            raise _unreadable("文件损坏或结构不符", "the file is damaged or has another shape") from error


def _no_edition() -> NoEdition:
    return NoEdition(
        Words("还没有发布任何版次", "No edition has been published yet"),
        where=f"published/{POINTER}",
        expected=Words("至少成功运行一次", "one successful run"),
        found=Words("没有已发布的版次", "nothing published"),
        advice=Words("运行 make run 或 warehouse run", "run: make run, or: warehouse run"),
    )


def _unreadable(zh: str, en: str) -> EditionUnreadable:
    return EditionUnreadable(
        Words("当前版次无法打开", "The current edition cannot be opened"),
        where=f"published/{POINTER}",
        expected=Words("可读的版次文件", "an edition that can be read"),
        found=Words(zh, en),
        advice=Words(
            "运行 warehouse verify 检查，再运行 warehouse publish",
            "run: warehouse verify, then: warehouse publish",
        ),
    )
