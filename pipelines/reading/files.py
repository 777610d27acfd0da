"""Opening what lies in landing: regular files only, read once, whole, within a size limit."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from pipelines.reading.refusals import WHOLE_FILE, refuse

_MEGABYTE = 1024 * 1024
SIZE_LIMITS = {".csv": 512 * _MEGABYTE, ".xlsx": 50 * _MEGABYTE}


def read_bytes(path: Path) -> tuple[str, bytes]:
    """The suffix (lower case) and the bytes of a regular file. Refusal for anything else; never blocks.

    Nothing but the suffix of the name is used.
    """
    suffix = path.suffix.lower()
    if suffix not in SIZE_LIMITS:
        raise refuse("file_type_unknown", WHOLE_FILE, "其他扩展名", "another suffix")
    try:
        # looked at before opening: opening a device or pipe can have effects or wait for ever
        if not stat.S_ISREG(os.lstat(path).st_mode):
            raise refuse("not_regular_file", WHOLE_FILE, "链接、管道或文件夹等", "a link, pipe, folder or device")
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        reason = error.strerror or "error"
        raise refuse("file_unreadable", WHOLE_FILE, reason, reason) from None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise refuse("not_regular_file", WHOLE_FILE, "链接、管道或文件夹等", "a link, pipe, folder or device")
        if status.st_size == 0:
            raise refuse("file_empty", WHOLE_FILE, "0 字节", "0 bytes")
        if status.st_size > SIZE_LIMITS[suffix]:
            size = f"{status.st_size / _MEGABYTE:,.0f} MB"
            raise refuse("file_too_large", WHOLE_FILE, size, size)
        try:
            data = file.read(status.st_size + 1)
        except OSError as error:
            reason = error.strerror or "error"
            raise refuse("file_unreadable", WHOLE_FILE, reason, reason) from None
    if len(data) != status.st_size:
        raise refuse("file_changed", WHOLE_FILE, "长度变化", "its length changed")
    return suffix, data
