"""A first pass over the cells of a sheet, before the parser allocates anything for them.

The parser reserves memory for the whole rectangle that the cells span, and gives every cell as text, so this
pass measures the rectangle and notes which cells are numbers, errors, formulas or merged.
"""

from __future__ import annotations

import io
import re
from array import array
from dataclasses import dataclass
from typing import IO
from xml.parsers import expat

import polars as pl

from pipelines.excel_child.finding import Finding
from pipelines.excel_child.package import Attributes, damaged, parse_xml
from pipelines.excel_child.plain_scan import plain_cells

MAX_CELLS = 20_000_000
MAX_ROWS = 1_048_576
MAX_COLUMNS = 16_384

_LETTERS = re.compile(r"[A-Z]{1,3}")
_RANGE = re.compile(r"\$?([A-Z]{1,3})\$?([0-9]{1,7})(?::\$?([A-Z]{1,3})\$?([0-9]{1,7}))?")


@dataclass(frozen=True)
class Scan:
    """What a sheet's cells are. A cell's place is row (1-based) × 16,384 + column (0-based).

    `last_row` is the last row with a cell that has content, 0 for none; `numbers` and `formulas` are places;
    `errors` maps places to texts such as #N/A; `merged` are (first row, last row).
    """

    last_row: int
    numbers: pl.Series
    formulas: pl.Series
    errors: dict[int, str]
    merged: list[tuple[int, int]]


def scan_sheet(stream: IO[bytes]) -> Scan:
    """The scan of one worksheet. Finding for a range over the limit, or cells out of order."""
    plain = plain_cells(stream.read())
    scanner = _Scanner(expat.ParserCreate())
    if plain is None:
        stream.seek(0)
        parse_xml(stream, scanner.handlers, scanner.parser)
        return scanner.result()
    parse_xml(io.BytesIO(plain.skeleton), scanner.handlers, scanner.parser)
    return _with_plain_cells(scanner.result(), plain.cells)


def _with_plain_cells(scan: Scan, cells: pl.DataFrame) -> Scan:
    if cells.is_empty():
        return scan
    rows, letters = cells["row"].cast(pl.Int64), cells["letters"]
    indexes = {text: column_index(text) for text in letters.unique().to_list()}
    columns = letters.replace_strict(indexes, return_dtype=pl.Int64)
    places = rows * MAX_COLUMNS + columns
    if not rows.is_between(1, MAX_ROWS).all() or not (places.diff().drop_nulls() > 0).all():
        raise damaged("单元格不按顺序", "cells are out of order")
    _check_area(_span(rows), _span(columns))
    return Scan(int(rows[-1]), places.filter(cells["is_number"]), scan.formulas, scan.errors, scan.merged)


def _span(values: pl.Series) -> int:
    return int(values.to_frame("value").select(pl.col("value").max() - pl.col("value").min() + 1).item())


def column_index(letters: str) -> int:
    """'A' → 0, 'AA' → 26. Finding for anything that is no column."""
    index = 0
    for letter in letters[:4]:
        index = index * 26 + ord(letter) - 64
    if not _LETTERS.fullmatch(letters) or index > MAX_COLUMNS:
        raise damaged("单元格地址有误", "a cell address is wrong")
    return index - 1


class _Scanner:
    """Handlers for the elements of a sheet, cell by cell."""

    def __init__(self, parser: expat.XMLParserType) -> None:
        self.parser = parser
        self.handlers = {
            "row": self._on_row,
            "c": self._on_cell,
            "v": self._on_content,
            "is": self._on_content,
            "f": self._on_formula,
            "mergeCell": self._on_merged,
            "dimension": self._on_dimension,
        }
        self._last_row = self._row = self._column = 0
        self._row_text = "0"
        self._type = "n"
        self._columns: dict[str, int] = {}
        self._first_row, self._first_column, self._last_column = MAX_ROWS, MAX_COLUMNS, -1
        self._numbers, self._formulas = array("q"), array("q")
        self._errors: dict[int, str] = {}
        self._merged: list[tuple[int, int]] = []

    def result(self) -> Scan:
        numbers, formulas = (pl.Series(list(each), dtype=pl.Int64) for each in (self._numbers, self._formulas))
        return Scan(self._last_row, numbers, formulas, self._errors, self._merged)

    @property
    def _place(self) -> int:
        return self._row * MAX_COLUMNS + self._column

    def _on_row(self, attributes: Attributes) -> None:
        text = attributes.get("r")
        row = self._row + 1 if text is None else int(text) if text.isascii() and text.isdigit() else 0
        if not self._row < row <= MAX_ROWS:
            raise damaged("行号不递增", "row numbers do not rise")
        self._row, self._row_text, self._column = row, str(row), -1

    def _on_cell(self, attributes: Attributes) -> None:
        if self._type == "e":
            self.parser.CharacterDataHandler = None
        self._type = attributes.get("t", "n")
        address = attributes.get("r")
        if address is None:
            column = self._column + 1
        else:
            letters = address.removesuffix(self._row_text)
            known = self._columns.get(letters)
            column = self._columns.setdefault(letters, column_index(letters)) if known is None else known
        if not self._column < column < MAX_COLUMNS or not self._row:
            raise damaged("单元格不按顺序", "cells are out of order")
        self._column = column

    def _on_content(self, _: Attributes) -> None:
        row, column = self._row, self._column
        if row != self._last_row or not self._first_column <= column <= self._last_column:
            self._last_row = row
            self._first_row = min(self._first_row, row)
            self._first_column = min(self._first_column, column)
            self._last_column = max(self._last_column, column)
            _check_area(row - self._first_row + 1, self._last_column - self._first_column + 1)
        if self._type == "n":
            self._numbers.append(self._place)
        elif self._type == "e":
            self.parser.CharacterDataHandler = self._on_error_text

    def _on_error_text(self, text: str) -> None:
        self._errors[self._place] = (self._errors.get(self._place, "") + text.strip())[:20]

    def _on_formula(self, _: Attributes) -> None:
        if self._type == "n":
            self._formulas.append(self._place)

    def _on_merged(self, attributes: Attributes) -> None:
        first, _, last, _ = _corners(attributes.get("ref", ""))
        self._merged.append((first, last))

    def _on_dimension(self, attributes: Attributes) -> None:
        first_row, first_column, last_row, last_column = _corners(attributes.get("ref", ""))
        _check_area(last_row - first_row + 1, last_column - first_column + 1)


def _check_area(rows: int, columns: int) -> None:
    if rows * columns > MAX_CELLS:
        cells = f"{rows:,} × {columns:,}"
        raise Finding("excel_too_many_cells", f"{cells} 单元格", f"{cells} cells")


def _corners(reference: str) -> tuple[int, int, int, int]:
    """(first row, first column, last row, last column) of 'B3' or 'B3:M21'; rows 1-based."""
    match = _RANGE.fullmatch(reference)
    if match is None:
        raise damaged("区域地址有误", "a range address is wrong")
    first_column, first_row, last_column, last_row = match.groups()
    return (
        int(first_row),
        column_index(first_column),
        int(last_row or first_row),
        column_index(last_column or first_column),
    )
