"""A run that dies by SIGKILL at its n-th step to the disk: `python -m tests.support.dying N`, or 0 to count the steps.

A step is what makes something last or visible: waiting for the disk, a rename, a link, the commit of the operational store. It
dies before every odd step is done and after every even one; in the latter case what was done is done, and nobody heard of it.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from datetime import date
from typing import Any

from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from pipelines.run import run
from pipelines.settings import Home

AS_OF = date(2026, 11, 22)
STEPS = ("fsync", "fdatasync", "replace", "rename", "link", "symlink")


class Death:
    """Counts steps, two for each: before it is done, and after."""

    def __init__(self, at: int) -> None:
        self.at, self.count = at, 0

    def before_and_after(self, step: Callable[..., Any]) -> Callable[..., Any]:
        def deadly(*arguments: Any, **options: Any) -> Any:
            self._tick()
            result = step(*arguments, **options)
            self._tick()
            return result

        return deadly

    def _tick(self) -> None:
        self.count += 1
        if self.count == self.at:
            os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    death = Death(int(sys.argv[1]))
    for name in STEPS:
        setattr(os, name, death.before_and_after(getattr(os, name)))
    SQLiteDialect_pysqlite.do_commit = death.before_and_after(SQLiteDialect_pysqlite.do_commit)  # type: ignore[method-assign]
    run(Home.from_environment(), as_of=AS_OF)
    sys.stdout.write(f"{death.count}\n")
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
