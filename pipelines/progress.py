"""How long work tells what it is doing: whoever starts it may watch, and need not."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Is told what is being done now, and how much of it is done (0 to 1) where that is known."""

    def __call__(self, step: str, share: float | None = None, /) -> None: ...


def silent(step: str, share: float | None = None, /) -> None:
    """Nobody watches."""
