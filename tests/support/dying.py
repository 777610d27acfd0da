"""A run that stands still at steps to the disk, and what a death there would leave: `python -m tests.support.dying N …` stops at
the N-th step and at each one named after it, and says at its end how many there were.

A step is what makes something last or visible: waiting for the disk, a rename, a link, the commit of the operational store. It
is counted before it is done and after; in the latter case what was done is done, and nobody heard of it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from pipelines.run import run
from pipelines.settings import REPO, Home

AS_OF = date(2026, 11, 22)
STEPS = ("fsync", "fdatasync", "replace", "rename", "link", "symlink")


def steps_of(home: Home) -> int:
    """Runs to the end in a process of its own; how many steps it had."""
    done = subprocess.run(_command(), env=_environment(home), cwd=REPO, check=True, stdout=subprocess.PIPE, text=True)
    return int(done.stdout.split()[-1])


def dead_at(home: Home, steps: list[int], folder: Path) -> Iterator[tuple[int, Home]]:
    """Of one run the data root as SIGKILL would leave it at each of these steps, which rise.

    What the kernel has of the files while no thread goes on is what it has after a death: so each but the last is a copy in
    `folder`, gone when the next one is asked for. At the last step the run is really killed, and it is the root itself.
    """
    process = subprocess.Popen(_command(*steps), env=_environment(home), cwd=REPO, stdout=subprocess.DEVNULL)
    try:
        for at in steps:
            _, status = os.waitpid(process.pid, os.WUNTRACED)
            if not os.WIFSTOPPED(status):
                raise AssertionError(f"the run did not come to step {at}")
            if at == steps[-1]:
                break
            shutil.copytree(home.root, folder, symlinks=True)
            yield at, Home(folder)
            shutil.rmtree(folder)
            process.send_signal(signal.SIGCONT)
    finally:
        process.kill()
        process.wait()
    yield at, home


def _command(*steps: int) -> list[str]:
    return [sys.executable, "-m", "tests.support.dying", *map(str, steps)]


def _environment(home: Home) -> dict[str, str]:
    return {**os.environ, "WAREHOUSE_HOME": str(home.root), "PYTHONPATH": str(REPO)}


class Steps:
    """Counts steps, two for each: before it is done, and after. All threads stand still at some of them."""

    def __init__(self, stops: set[int]) -> None:
        self.stops, self.count = stops, 0
        self._one_at_a_time = Lock()  # else a step of another thread would be missed while this one stops all

    def before_and_after(self, step: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **options: Any) -> Any:
            self._tick()
            result = step(*arguments, **options)
            self._tick()
            return result

        return counted

    def _tick(self) -> None:
        with self._one_at_a_time:
            self.count += 1
            if self.count in self.stops:
                signal.raise_signal(signal.SIGSTOP)


def main() -> None:
    steps = Steps({int(step) for step in sys.argv[1:]})
    for name in STEPS:
        setattr(os, name, steps.before_and_after(getattr(os, name)))
    SQLiteDialect_pysqlite.do_commit = steps.before_and_after(SQLiteDialect_pysqlite.do_commit)  # type: ignore[method-assign]
    run(Home.from_environment(), as_of=AS_OF)
    sys.stdout.write(f"{steps.count}\n")
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
