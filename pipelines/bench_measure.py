"""How `warehouse bench` measures: one figure, and work in a process of its own, whose CPU and memory are then known.

Does not belong here: what is measured.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psutil

from pipelines.settings import Home

_LOOKS_PER_SECOND = 20


@dataclass(frozen=True)
class Measurement:
    """One figure: what, how much, in which unit (s of wall time, CPU s, MiB, rows/s, ×, …)."""

    name: str
    value: float
    unit: str


@dataclass(frozen=True)
class Spent:
    """What some work gave and took: wall time and CPU in seconds (of a process: its start included), peak memory in MiB."""

    result: Any
    seconds: float
    cpu_seconds: float
    peak_mib: float

    def measurements(self, name: str) -> list[Measurement]:
        return [
            Measurement(name, self.seconds, "s"),
            Measurement(f"{name}: CPU", self.cpu_seconds, "CPU s"),
            Measurement(f"{name}: peak memory", self.peak_mib, "MiB"),
        ]


def in_child(function: Callable[..., Any], *arguments: Any) -> Spent:
    """Calls a function in a fresh process. RuntimeError where that fails; its own message is on standard error."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_call, args=(sender, function, arguments))

    def start() -> int:
        process.start()
        sender.close()
        return int(process.pid or 0)

    def result() -> Any:
        try:
            found = receiver.recv()
        except EOFError:
            found = None
        process.join()
        if process.exitcode != 0:
            raise RuntimeError(f"{function.__name__} ended with exit code {process.exitcode}")
        return found

    # A result may be larger than the pipe: it is read as soon as it comes, and only then has the child ended.
    return _spent(start, lambda: receiver.poll() or not process.is_alive(), result)


def in_command(home: Home, *arguments: str) -> Spent:
    """Runs one `warehouse` command as a cold process."""
    command = [sys.executable, "-m", "pipelines.cli", *arguments, "--json"]
    environment = {**os.environ, "WAREHOUSE_HOME": str(home.root)}
    processes: list[subprocess.Popen[bytes]] = []

    def start() -> int:
        processes.append(subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL))
        return processes[0].pid

    def result() -> None:
        if processes[0].wait() != 0:
            raise RuntimeError(f"warehouse {' '.join(arguments)} ended with exit code {processes[0].returncode}")

    return _spent(start, lambda: processes[0].poll() is not None, result)


def _spent(start: Callable[[], int], has_ended: Callable[[], bool], result: Callable[[], Any]) -> Spent:
    cpu, started = _cpu_of_children(), time.perf_counter()
    peak = _watch_memory(start(), has_ended)
    found = result()
    return Spent(found, time.perf_counter() - started, _cpu_of_children() - cpu, peak)


def _cpu_of_children() -> float:
    """CPU seconds of all processes that were started here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _watch_memory(pid: int, has_ended: Callable[[], bool]) -> float:
    """Peak resident memory of a process and its children in MiB, looked at while it lives."""
    peak = 0
    while not has_ended():
        try:
            process = psutil.Process(pid)
            tree = [process, *process.children(recursive=True)]
            peak = max(peak, sum(one.memory_info().rss for one in tree))
        except psutil.NoSuchProcess:
            break
        time.sleep(1 / _LOOKS_PER_SECOND)
    return peak / 2**20


def _call(sender: Any, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    sender.send(function(*arguments))
    sender.close()
    # As in the command line: DuckDB's binding prints pages about its own references at every exit.
    atexit._run_exitfuncs()
    os._exit(0)


@dataclass
class Clock:
    """Wall time and CPU of this process and its children by station, summed where a station comes again."""

    seconds: dict[str, float] = field(default_factory=dict)
    cpu_seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def at(self, station: str) -> Iterator[None]:
        wall, cpu = time.perf_counter(), _cpu_of_family()
        yield
        self.seconds[station] = self.seconds.get(station, 0) + time.perf_counter() - wall
        self.cpu_seconds[station] = self.cpu_seconds.get(station, 0) + _cpu_of_family() - cpu


def _cpu_of_family() -> float:
    """CPU seconds of this process and of its children, those that have ended and those that live."""
    living = [child.cpu_times() for child in psutil.Process().children(recursive=True)]
    return time.process_time() + _cpu_of_children() + sum(used.user + used.system for used in living)
