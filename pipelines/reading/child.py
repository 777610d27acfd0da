"""The parent's side of the child process that parses workbooks: starting, asking, limiting, replacing it.

A child is kept for the next workbook, since starting one takes a quarter of a second.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import subprocess
import sys
import threading
import time
from typing import Any

from pipelines.excel_child.protocol import LENGTH
from pipelines.reading.refusals import WHOLE_FILE, refuse
from pipelines.settings import REPO

WALL_LIMIT_SECONDS = 120.0
_CHUNK = 1024 * 1024


class _ChildDied(Exception):
    """The child ended before it answered."""


class _Child:
    """One child process. Not for two threads at a time."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pipelines.excel_child.worker"],
            cwd=REPO,
            env={**os.environ, "POLARS_MAX_THREADS": "1", "MALLOC_ARENA_MAX": "2", "RUST_BACKTRACE": "0"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # an aborting parser may print what it was reading
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )
        assert self.process.stdin is not None and self.process.stdout is not None
        self._requests, self._answers = self.process.stdin.fileno(), self.process.stdout.fileno()
        os.set_blocking(self._requests, False)

    def ask(self, data: bytes, deadline: float) -> tuple[dict[str, Any], memoryview]:
        """The child's answer. _ChildDied, or TimeoutError once `deadline` (monotonic seconds) has passed."""
        self._write(LENGTH.pack(len(data)), deadline)
        self._write(data, deadline)
        (size,) = LENGTH.unpack(self._read(LENGTH.size, deadline))
        answer = memoryview(self._read(size, deadline))
        (split,) = LENGTH.unpack(answer[: LENGTH.size])
        description = json.loads(bytes(answer[LENGTH.size : LENGTH.size + split]))
        return description, answer[LENGTH.size + split :]

    def _wait(self, readers: list[int], writers: list[int], deadline: float) -> None:
        if not any(select.select(readers, writers, [], max(0.0, deadline - time.monotonic()))):
            raise TimeoutError

    def _write(self, data: bytes, deadline: float) -> None:
        rest = memoryview(data)
        while rest:
            self._wait([], [self._requests], deadline)
            try:
                rest = rest[os.write(self._requests, rest[:_CHUNK]) :]
            except BlockingIOError:
                continue
            except BrokenPipeError:
                raise _ChildDied from None

    def _read(self, size: int, deadline: float) -> bytes:
        parts, missing = [], size
        while missing:
            self._wait([self._answers], [], deadline)
            part = os.read(self._answers, min(missing, _CHUNK))
            if not part:
                raise _ChildDied
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def end(self) -> None:
        """Ends the process, whatever it is doing."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


class _Children:
    """The idle children of this process; a thread takes one or starts one."""

    def __init__(self) -> None:
        self._idle: list[_Child] = []
        self._lock = threading.Lock()
        self._owner = os.getpid()

    def take(self) -> _Child | None:
        with self._lock:
            if self._owner != os.getpid():
                # after a fork the parent's children are not ours
                self._idle, self._owner = [], os.getpid()
            while self._idle:
                child = self._idle.pop()
                if child.process.poll() is None:
                    return child
                child.end()
            return None

    def give_back(self, child: _Child) -> None:
        with self._lock:
            self._idle.append(child)

    def end_all(self) -> None:
        while (child := self.take()) is not None:
            child.end()


_children = _Children()
atexit.register(_children.end_all)


def ask_child(data: bytes) -> tuple[dict[str, Any], memoryview]:
    """The description and frames of a workbook's visible sheets. Refusal for what the child found, or its death.

    A used child may be short of memory that an earlier workbook left in pieces, so its death is tried once more
    with a fresh one.
    """
    deadline = time.monotonic() + WALL_LIMIT_SECONDS
    for child in (_children.take(), None):
        try:
            return _ask(child or _Child(), data, deadline)
        except _ChildDied:
            if child is None:
                break
    raise refuse("excel_child_died", WHOLE_FILE, "读取进程已终止", "the reading process ended")


def _ask(child: _Child, data: bytes, deadline: float) -> tuple[dict[str, Any], memoryview]:
    try:
        description, payload = child.ask(data, deadline)
    except TimeoutError:
        child.end()
        seconds = f"{WALL_LIMIT_SECONDS:.0f}"
        raise refuse("excel_timeout", WHOLE_FILE, f"超过 {seconds} 秒", f"more than {seconds} seconds") from None
    except BaseException:
        child.end()
        raise
    _children.give_back(child)
    if "code" in description:
        raise refuse(description["code"], WHOLE_FILE, description["zh"], description["en"])
    return description, payload
