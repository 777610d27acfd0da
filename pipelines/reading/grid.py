"""What every kind of file becomes before its rows are classified: cells as text, in numbered rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import polars as pl


@dataclass(frozen=True)
class Row:
    """One row: its physical line (or sheet row) and its cells."""

    number: int
    cells: tuple[str, ...]

    @property
    def filled(self) -> list[str]:
        """The cells that are more than white space, trimmed."""
        return [cell.strip() for cell in self.cells if cell.strip()]


@dataclass(frozen=True)
class Body:
    """The rows below the header row.

    `regular` has one row per row of the header's width: row_number, c0, c1 … (empty cells null) and, from a
    workbook, Boolean n<i> where cells of c<i> are stored as numbers. `odd` are rows of another width,
    `trailing_blank` rows at the end of a sheet whose cells hold nothing.
    """

    regular: pl.DataFrame
    odd: list[Row] = field(default_factory=list)
    trailing_blank: int = 0


class Source(Protocol):
    """A table of text cells whose header row is not known yet."""

    @property
    def encoding(self) -> str: ...

    @property
    def row_count(self) -> int:
        """Physical lines or sheet rows, counted apart from parsing."""
        ...

    @property
    def continuation_count(self) -> int:
        """Physical lines that continue a quoted cell of the line before."""
        ...

    def first_rows(self, filled: int) -> list[Row]:
        """The first rows, up to and including the `filled`-th that is not blank."""
        ...

    def body(self, header: Row) -> Body:
        """The rows below the header row."""
        ...


def cell_names(width: int) -> list[str]:
    return [f"c{index}" for index in range(width)]


def empty_as_null(text: pl.Expr) -> pl.Expr:
    return pl.when(text != "").then(text)
