"""Clocks that lie: what the process, its libraries and its time zone take for the time of day, for as long as a with block lasts.

Belongs here: taking the place of the clock wherever the product asks it. Files are stamped by the kernel, whose clock is the true
one: a test sets their times itself. Does not belong here: clocks that a class is given (see `clock`).
"""

from __future__ import annotations

import importlib
import pkgutil
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

import pytest

import pipelines

ASKS = re.compile(r"\bdatetime\.now\(|\btime\.time(?:_ns)?\(")
# What does not go beside a run: Dagster's layer, which begins with one, and the bench.
APART = ("pipelines.orchestration", "pipelines.bench")


@dataclass(frozen=True)
class Lying:
    """A clock that shows `start` (ISO, with its offset) at the first look and `step` seconds more at each further one."""

    start: str
    step: float = 0.25
    zone: str = "Asia/Shanghai"

    @property
    def first(self) -> float:
        return datetime.fromisoformat(self.start).timestamp()


class _AnyDatetime(type):
    def __instancecheck__(cls, other: object) -> bool:
        return isinstance(other, datetime)


def modules_that_ask() -> list[str]:
    """The modules of the product that ask the clock themselves."""
    folder = Path(pipelines.__path__[0])
    named = [module.name for module in pkgutil.walk_packages([str(folder)], "pipelines.") if not module.name.startswith(APART)]
    paths = {name: folder.parent / Path(*name.split(".")) for name in named}
    files = {name: path / "__init__.py" if path.is_dir() else path.with_suffix(".py") for name, path in paths.items()}
    return [name for name, path in files.items() if ASKS.search(path.read_text(encoding="utf-8"))]


@contextmanager
def shown(clock: Lying) -> Iterator[Callable[[], int]]:
    """Everybody in this process looks at this clock; what it gives says how often somebody has."""
    looks = 0

    def _seconds() -> float:
        nonlocal looks
        looks += 1
        return clock.first + clock.step * (looks - 1)

    class Shown(datetime, metaclass=_AnyDatetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return datetime.fromtimestamp(_seconds(), tz)

    with pytest.MonkeyPatch.context() as patch:
        for name in modules_that_ask():
            module = importlib.import_module(name)
            for known, value in list(vars(module).items()):
                if value is datetime:
                    patch.setattr(module, known, Shown)
        patch.setattr(time, "time", _seconds)
        patch.setattr(time, "time_ns", lambda: int(_seconds() * 1e9))
        patch.setenv("TZ", clock.zone)
        time.tzset()
        try:
            yield lambda: looks
        finally:
            patch.undo()
            time.tzset()


__all__ = ["Lying", "modules_that_ask", "shown"]
