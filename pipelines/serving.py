"""`warehouse serve`: the dashboards and Dagster as processes of this machine, on loopback, ended together.

Belongs here: starting, watching and ending them. What each serves is its own business: the dashboards are
started by name, so that nothing of them or of Dagster is imported here.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

from pipelines.errors import WarehouseError, Words
from pipelines.orchestration.instance import DEFINITIONS, write_settings
from pipelines.settings import Home

LOOPBACK = "127.0.0.1"
_SOCKET_BYTES = 100  # the longest path that a socket may have is little longer
_LOADED_WITHIN = 180.0  # seconds for the definitions on a busy machine
_ENDED_WITHIN = 20.0  # seconds between asking and making: a run gets to write down that it was stopped

Tell = Callable[[str], None]


def _write_line(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def serve_all(
    home: Home, port: int = 8050, dagster_port: int = 3000, workers: int = 2, *, dashboards_socket: Path | None = None,
    tell: Tell = _write_line,
) -> int:  # fmt: skip
    """Serves until SIGINT or SIGTERM (0), or until one of the processes ends by itself (1); then ends all.

    `dagster_port` 0 leaves Dagster out; the dashboards take a `dashboards_socket` instead of their port. Raises WarehouseError where a port is taken.
    """
    for wanted in filter(None, (None if dashboards_socket else port, dagster_port)):
        _refuse_taken(wanted)
    with _stop_signals() as is_stopped, ExitStack() as stack:
        socket_path = stack.enter_context(_code_socket(home)) if dagster_port else None
        processes = stack.enter_context(_processes(home))
        place = ("--socket", str(dashboards_socket)) if dashboards_socket else ("--port", str(port))
        processes.start("dashboards", "dashboards", *place, "--workers", str(workers))
        tell(f"看板 dashboards  {dashboards_socket or f'http://{LOOPBACK}:{port}/'}")
        if socket_path is not None:
            _start_dagster(home, dagster_port, socket_path, processes, is_stopped)
            tell(f"Dagster          http://{LOOPBACK}:{dagster_port}/")
        tell("停止 stop: Ctrl+C")
        while not is_stopped() and not processes.ended():
            time.sleep(0.5)
        for name, code in processes.ended().items():
            tell(f"✗ {name} 已退出 ended: {code}")
        return 0 if is_stopped() else 1


class _Processes:
    """Children of this process, each the leader of a group of its own."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, module: str, *arguments: str) -> None:
        """Runs a Python module in this interpreter's own environment."""
        # A group of its own: Ctrl+C in a terminal reaches this process only, which then ends all in order.
        self._running[name] = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            env=self._environment, stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip

    def ended(self) -> dict[str, int]:
        """Exit codes of those that ended."""
        codes = {name: process.poll() for name, process in self._running.items()}
        return {name: code for name, code in codes.items() if code is not None}

    def end(self) -> None:
        """Asks every group to end, and makes those that do not."""
        self._signal(signal.SIGTERM)
        deadline = time.monotonic() + _ENDED_WITHIN
        for process in self._running.values():
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                continue
        self._signal(signal.SIGKILL)
        for process in self._running.values():
            process.wait()

    def _signal(self, number: signal.Signals) -> None:
        """To the whole group: a leader may have ended before a worker of its own."""
        for process in self._running.values():
            try:
                os.killpg(process.pid, number)
            except ProcessLookupError:
                continue


@contextmanager
def _processes(home: Home) -> Iterator[_Processes]:
    environment = {**os.environ, "WAREHOUSE_HOME": str(home.root), "DAGSTER_HOME": str(home.dagster)}
    processes = _Processes(environment)
    try:
        yield processes
    finally:
        processes.end()


@contextmanager
def _code_socket(home: Home) -> Iterator[Path]:
    """Where the code server listens: closed to other users, and at the same place every time if it fits."""
    path = home.dagster / "code.sock"
    if len(os.fsencode(path)) <= _SOCKET_BYTES:
        if _answers(path):
            raise _served_already(home)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)  # of a server that was killed
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)
    else:
        with tempfile.TemporaryDirectory(prefix="warehouse-") as folder:
            yield Path(folder) / path.name


def _start_dagster(
    home: Home, port: int, socket_path: Path, processes: _Processes, is_stopped: Callable[[], bool]
) -> None:
    """One code server for both: the definitions are loaded once, and runs are its children."""
    workspace = write_settings(home, socket_path)
    processes.start(
        "dagster code", "dagster", "api", "grpc", "--module-name", DEFINITIONS, "--socket", str(socket_path),
        "--use-python-environment-entry-point", "--location-name", "warehouse", "--log-level", "warning",
    )  # fmt: skip
    deadline = time.monotonic() + _LOADED_WITHIN
    while not _answers(socket_path) and not is_stopped() and not processes.ended():
        if time.monotonic() > deadline:
            raise _not_loaded()
        time.sleep(0.2)
    processes.start(
        "dagster web", "dagster_webserver", "--workspace", str(workspace), "--host", LOOPBACK,
        "--port", str(port), "--dagster-log-level", "warning",
    )  # fmt: skip
    processes.start(
        "dagster daemon", "dagster._daemon", "run", "--workspace", str(workspace), "--log-level", "warning"
    )


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


@contextmanager
def _stop_signals() -> Iterator[Callable[[], bool]]:
    """While it lasts, SIGINT and SIGTERM are noted instead of ending the process; the result says whether."""
    seen: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        seen.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(seen)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _refuse_taken(port: int) -> None:
    with socket.socket(socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            raise WarehouseError(
                Words("端口已被占用", "The port is taken"),
                where=f"{LOOPBACK}:{port}",
                expected=Words("空闲端口", "a free port"),
                found=Words("另一程序正在使用", "another program uses it"),
                advice=Words("停止该程序，或换一个端口", "stop it, or choose another port"),
            ) from error


def _served_already(home: Home) -> WarehouseError:
    return WarehouseError(
        Words("该数据根目录已在提供服务", "The data root is being served already"),
        where=str(home.root),
        expected=Words("没有其他 warehouse serve", "no other warehouse serve"),
        found=Words("另一进程应答", "another process answers"),
        advice=Words("使用或停止那一个", "use or stop that one"),
    )


def _not_loaded() -> WarehouseError:
    return WarehouseError(
        Words("Dagster 定义未能加载", "Dagster did not load the definitions"),
        where=DEFINITIONS,
        expected=Words(f"{_LOADED_WITHIN:.0f} 秒内加载", f"loaded within {_LOADED_WITHIN:.0f} s"),
        found=Words("没有应答", "no answer"),
        advice=Words("查看上面的输出", "see the output above"),
    )


__all__ = ["serve_all"]
