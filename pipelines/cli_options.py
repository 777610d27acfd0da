"""Options and the progress line that commands of several modules share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.progress import Progress as Bar
from rich.progress import ProgressColumn, SpinnerColumn, Task, TextColumn, TimeElapsedColumn
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from pipelines.progress import Progress, silent
from pipelines.terminal import errors

BAR_WIDTH = 24
Json = Annotated[bool, typer.Option("--json", help="机器可读输出 / output for machines")]


@contextmanager
def progress() -> Iterator[Progress]:
    """A line that says what is being done, how much of it is done, and for how long; only where somebody watches.

    It goes beside the results, so that these can be piped.
    """
    if not errors.is_terminal:
        yield silent
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), _Share(), TimeElapsedColumn())
    with Bar(*columns, console=errors, transient=True) as bar:
        task = bar.add_task("…", total=None, share=None)

        def tell(step: str, share: float | None = None, /) -> None:
            bar.update(task, description=escape(step), share=share)

        yield tell


class _Share(ProgressColumn):
    """The share that is done as a bar with its percentage; nothing where it is not known."""

    def render(self, task: Task) -> Any:
        share = task.fields["share"]
        if share is None:
            return Text("")
        bar = Table.grid(padding=(0, 1))
        bar.add_row(ProgressBar(total=1.0, completed=share, width=BAR_WIDTH), f"{share:.0%}")
        return bar


def parsed(parse: Any, text: str, option: str) -> Any:
    """What `parse` makes of an option's text; a ValueError is told as a wrong option."""
    try:
        return parse(text)
    except ValueError as error:
        raise typer.BadParameter(f"{option}: {error}") from error
