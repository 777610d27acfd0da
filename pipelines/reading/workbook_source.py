"""Workbooks, parsed in a child process with limits: what comes back, as sources of rows.

A crafted workbook can make any parser ask for more memory than there is and abort; the child dies of that, the
parent refuses the file. Cells travel through a pipe, never over a disk.
"""

from __future__ import annotations

import io
from collections.abc import Collection
from dataclasses import dataclass

import polars as pl

from pipelines.reading.child import ask_child
from pipelines.reading.grid import Body, Row, cell_names
from pipelines.reading.refusals import WHOLE_FILE, at_row, refuse


@dataclass(frozen=True)
class SheetSource:
    """One visible sheet, from its first row on, as the child describes it in `sheet_frame`."""

    sheet: str
    frame: pl.DataFrame
    row_count: int
    merged: list[tuple[int, int]]
    encoding: str = "xlsx"
    continuation_count: int = 0

    @property
    def _width(self) -> int:
        return sum(name.startswith("c") for name in self.frame.columns)

    def first_rows(self, filled: int) -> list[Row]:
        names = cell_names(self._width)
        rows: list[Row] = []
        for number, cells in enumerate(self.frame.select(names).iter_rows(), start=1):
            rows.append(Row(number, tuple(cell or "" for cell in cells)))
            filled -= bool(rows[-1].filled)
            if not filled:
                break
        return rows

    def body(self, header: Row) -> Body:
        numbered = self.frame.with_row_index("row_number", offset=1).cast({"row_number": pl.Int32})
        return Body(numbered.slice(header.number), trailing_blank=self.row_count - self.frame.height)

    def refuse_doubtful_cells(self, data: pl.DataFrame, cells: Collection[int]) -> None:
        """Refusal where data rows have merged cells, or a formula without its value in one of `cells`."""
        numbers = data["row_number"]
        for first, last in self.merged:
            if numbers.is_between(first, last).any():
                raise refuse(
                    "excel_merged_cells", at_row(first), f"第 {first} 至 {last} 行", f"rows {first} to {last}"
                )
        flags = [f"f{index}" for index in cells if f"f{index}" in data.columns]
        if flags:
            unvalued = data.filter(pl.any_horizontal(flags))["row_number"]
            if len(unvalued):
                found = f"{len(unvalued)} 行", f"{len(unvalued)} rows"
                raise refuse("excel_formula_without_value", at_row(unvalued[0]), *found)


@dataclass(frozen=True)
class Workbook:
    """The visible sheets of a workbook, and the names of the hidden ones, which are not read."""

    sheets: list[SheetSource]
    hidden_sheets: list[str]


def open_workbook(data: bytes) -> Workbook:
    """The workbook's sheets as text. Refusal for whatever the child finds, and where it dies or hangs."""
    description, payload = ask_child(data)
    sheets, start = [], 0
    for sheet in description["sheets"]:
        end = start + sheet["bytes"]
        frame = pl.read_ipc(io.BytesIO(payload[start:end]))
        if frame.height != sheet["height"]:
            found = f"{frame.height} ≠ {sheet['height']}"
            raise refuse("rows_unaccounted", WHOLE_FILE, found, found)
        merged = [(first, last) for first, last in sheet["merged"]]
        sheets.append(SheetSource(sheet["name"], frame, sheet["rows"], merged))
        start = end
    return Workbook(sheets, description["hidden"])
