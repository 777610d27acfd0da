"""Options and the progress line that commands of several modules share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from pipelines.terminal import console

Json = Annotated[bool, typer.Option("--json", help="机器可读输出 / output for machines")]


@contextmanager
def progress(as_json: bool) -> Iterator[Any]:
    """A status line that says what is being done; silent for machines."""
    if as_json or not console.is_terminal:
        yield lambda _: None
        return
    with console.status("…") as status:
        yield lambda step: status.update(f"{step} …")


def parsed(parse: Any, text: str, option: str) -> Any:
    """What `parse` makes of an option's text; a ValueError is told as a wrong option."""
    try:
        return parse(text)
    except ValueError as error:
        raise typer.BadParameter(f"{option}: {error}") from error
