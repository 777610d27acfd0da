"""What a disk or a database on it does not do: read, write, keep. Told as an error that a person can act on.

Belongs here: which errors of the system and of the engines are of that kind, and their words.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
from sqlalchemy.exc import DatabaseError, OperationalError

from pipelines.errors import WarehouseError, Words
from pipelines.settings import Home

# DuckDB tells of a file that cannot be written as the failure of what it did, such as ending a transaction.
_OF_FILES = re.compile(r"could not (write|read|open|sync|truncate)|no space left", re.IGNORECASE)
_FULL = re.compile(r"no space left|disk is full|disk i/o error|disk quota|file too large", re.IGNORECASE)
_ROOM = 16 * 1024 * 1024  # with less of it free, a failed write is put down to that


class DiskTrouble(WarehouseError):
    """A file of the data root cannot be read or written, or a database in it."""


@contextmanager
def disk_told(home: Home) -> Iterator[None]:
    """Raises DiskTrouble in place of an error of the disk or of a database on it."""
    try:
        yield
    except (OSError, duckdb.Error, DatabaseError) as error:
        told = as_told(home, error)
        if told is error:
            raise
        raise told from error


def as_told(home: Home, error: BaseException) -> BaseException:
    """DiskTrouble for an error of the disk or of a database on it; any other error as it is."""
    if not _is_of_disk(error):
        return error
    said, free = _said(error), _free(home.root)
    if free is not None and free < _ROOM and _is_of_writing(error):
        what = Words("磁盘空间不足，未完成", "There is no space left on the disk")
        advice = Words("腾出空间后重新运行；已收取的和已发布的都未变", "free space and run again; what was taken in and published is unchanged")
    else:
        what = Words("数据根目录中的文件无法读写", "A file of the data root cannot be read or written")
        advice = Words(
            "检查磁盘、权限和该文件，必要时从备份恢复，再重新运行；已发布的版本未变",
            "look at the disk, permissions and the file, restore it from a backup where it is damaged, then run again; "
            "the published edition is unchanged",
        )
    left = "" if free is None else f"; {free / 1e6:,.0f} MB"
    return DiskTrouble(
        what,
        where=_where(home, error),
        expected=Words("可以读写", "a file that can be read and written"),
        found=Words(f"{said}{left and left + ' 可用'}", f"{said}{left and left + ' free'}"),
        advice=advice,
    )


def _is_of_disk(error: BaseException) -> bool:
    if isinstance(error, duckdb.Error) and not isinstance(error, duckdb.IOException):
        return _OF_FILES.search(str(error)) is not None
    if isinstance(error, DatabaseError):  # not its subclasses for what was asked wrongly
        return type(error) in (DatabaseError, OperationalError)
    return isinstance(error, (OSError, duckdb.IOException)) and not isinstance(error, (ConnectionError, TimeoutError))


def _said(error: BaseException) -> str:
    """What the system or engine says, without what stands in quotes: engines quote values."""
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    cause = getattr(error, "orig", None) or error
    return re.sub(r"'[^']*'|\"[^\"]*\"", "…", str(cause).strip().splitlines()[0])


def _where(home: Home, error: BaseException) -> str:
    if isinstance(error, OSError) and isinstance(error.filename, str | os.PathLike):
        path = Path(error.filename)
        return str(path.relative_to(home.root)) if path.is_relative_to(home.root) else path.name
    if isinstance(error, DatabaseError):
        return home.store.name
    if isinstance(error, duckdb.Error):
        return home.warehouse.name
    return home.root.name


def _is_of_writing(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return _FULL.search(str(error)) is not None


def _free(folder: Path) -> int | None:
    try:
        state = os.statvfs(folder)
    except OSError:
        return None
    return state.f_bavail * state.f_frsize
