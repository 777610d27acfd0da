"""What a bulletin is made of: paragraphs, tables, charts. Word and Excel are written from the same parts.

Belongs here: shapes. Does not belong here: which figures stand where (`chapters.py`), how they look (`paper.py`, `book.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

NUMERALS = "一二三四五六七八九十"
SAMPLE = "示例数据　数字由程序生成，不反映任何真实单位"


@dataclass(frozen=True)
class Amount:
    """A number as it is printed, with what follows it: 94.9 and '%'. `number` is None where there is none to print."""

    number: Decimal | None
    sign: str = ""
    is_change: bool = False

    @property
    def text(self) -> str:
        if self.number is None:
            return "–"
        return f"{self.number:{'+' if self.is_change and self.number else ''},f}{self.sign}"


Cell = str | int | Amount


def printed(cell: Cell) -> str:
    """A cell as it reads on paper."""
    if isinstance(cell, Amount):
        return cell.text
    return f"{cell:,}" if isinstance(cell, int) else cell


@dataclass(frozen=True)
class Table:
    """A table with its heads; `widths` are shares of the width there is. `name` is the sheet that it has in Excel."""

    name: str
    title: str
    heads: tuple[str, ...]
    widths: tuple[int, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""

    def without(self, *heads: str) -> Table:
        """The same table without some of its columns."""
        kept = [place for place, head in enumerate(self.heads) if head not in heads]

        def of(cells: Sequence[object]) -> tuple[object, ...]:
            return tuple(cells[place] for place in kept)

        rows = tuple(of(row) for row in self.rows)
        return Table(self.name, self.title, of(self.heads), of(self.widths), rows, self.note)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Series:
    """A part of every bar: what it counts, its colours, and a count for each category."""

    name: str
    fill: str
    ink: str
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Chart:
    """Stacked bars of counts: a bar for each category, a part of it for each series."""

    title: str
    categories: tuple[str, ...]
    series: tuple[Series, ...]
    is_upright: bool


@dataclass(frozen=True)
class Heading:
    """（一） is level 2; chapters are level 1."""

    text: str


@dataclass(frozen=True)
class Paragraph:
    """A paragraph; `lead` is set apart from the rest of it."""

    text: str
    lead: str = ""


Block = Heading | Paragraph | Table | Chart


@dataclass(frozen=True)
class Chapter:
    """一、基本情况, or an annex."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Bulletin:
    """A bulletin as it is signed, and the sheets that go with it."""

    title: tuple[str, ...]  # line by line
    office: str
    number: str
    addressees: str
    opening: str
    chapters: tuple[Chapter, ...]
    annexes: tuple[Chapter, ...]
    signed: date
    sheets: tuple[Table, ...]
    charts: tuple[Chart, ...]
    about: tuple[tuple[str, str], ...]  # edition, day of judgement, …
    is_sample: bool
    stem: str  # of the names of its files
