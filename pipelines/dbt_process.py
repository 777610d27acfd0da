"""The asking side of the child process that runs dbt: starting it, asking, ending it.

Importing dbt and reading what it parsed take three seconds of one core; in a thread they would hold up Python, which taking
files in needs. The child is kept for the next build of this process.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Pipe
from pathlib import Path
from typing import Any

from pipelines.dbt_child.protocol import SETTINGS, BuildFailed, BuiltNode, Request
from pipelines.settings import REPO, Home


class _Child:
    """One child process, one request after the other."""

    def __init__(self) -> None:
        self._connection, its_own = Pipe()
        command = [sys.executable, "-m", "pipelines.dbt_child.worker", str(its_own.fileno())]
        # what it has to say comes as an answer; an engine that aborts may print what it was reading
        self.process = subprocess.Popen(
            command, cwd=REPO, pass_fds=[its_own.fileno()],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        its_own.close()
        self._unread = 0

    def send(self, request: Request) -> None:
        self._connection.send(request)
        self._unread += 1

    def answer(self) -> Any:
        """What the last request gave; what those before it gave is nobody's."""
        answer = None
        while self._unread:
            answer = self._connection.recv()
            self._unread -= 1
        return answer

    def end(self) -> None:
        """Ends the process, whatever it is doing."""
        self.process.kill()
        self.process.wait()
        self._connection.close()


class _OnlyChild:
    """The child of this process, if it has been started. Whoever uses it holds its lock."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._child: _Child | None = None
        self._owner = os.getpid()

    def get(self) -> _Child:
        """The child, started where there is none that lives."""
        if self._owner != os.getpid():  # after a fork the parent's child is not ours
            self._child, self._owner = None, os.getpid()
        if self._child is not None and self._child.process.poll() is not None:
            self.end()
        if self._child is None:
            self._child = _Child()
        return self._child

    def end(self) -> None:
        if self._child is not None and self._owner == os.getpid():
            self._child.end()
        self._child = None


_only_child = _OnlyChild()
atexit.register(_only_child.end)  # whatever a thread still waits for


def begin(home: Home) -> None:
    """Has the child import and parse, and does not wait for it: whatever is wrong with the project is told by who builds."""
    with _only_child.lock, suppress(OSError):
        _only_child.get().send(_request("prepare", home))


def prepare(home: Home) -> None:
    """As `begin`, and waits for it."""
    _ask("prepare", home)


def run_models(home: Home, options: Sequence[str]) -> list[BuiltNode]:
    """Every node of a build with these options, in the order in which it ran. BuildFailed where dbt gives none."""
    nodes: list[BuiltNode] = _ask("run_models", home, tuple(options))
    return nodes


def document(home: Home, target: Path) -> None:
    """Has dbt write its documentation of the project and the published edition into a folder that holds a manifest."""
    _ask("document", home, target)


def end() -> None:
    """Ends the child, if there is one; the next request starts another."""
    with _only_child.lock:
        _only_child.end()


def _ask(function: str, home: Home, *arguments: object) -> Any:
    """What a function of dbt_child.invoke gives; raises what it raised, and BuildFailed where the child died."""
    with _only_child.lock:
        child = _only_child.get()
        try:
            child.send(_request(function, home, *arguments))
            answer = child.answer()
        except (EOFError, OSError):
            code = child.process.wait()
            _only_child.end()
            raise BuildFailed(f"dbt process ended, exit code {code}") from None
        except BaseException:
            _only_child.end()
            raise
    if isinstance(answer, BaseException):
        raise answer
    return answer


def _request(function: str, home: Home, *arguments: object) -> Request:
    settings = {name: value for name, value in os.environ.items() if name.startswith(SETTINGS)}
    return Request(function, home.root, arguments, {**settings, "WAREHOUSE_HOME": str(home.root)})
