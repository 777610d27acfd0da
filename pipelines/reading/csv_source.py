"""CSV as records of cells: the declared dialect (comma, double quote, CRLF or LF; RFC 4180), checked before parsing.

Polars parses, but pads short rows and takes stray quotes without a word, so widths and quoting are checked
here first, on every record.
"""

from __future__ import annotations

import re

import numpy as np
import polars as pl

from pipelines.reading.encodings import as_utf8
from pipelines.reading.grid import Body, Row, cell_names
from pipelines.reading.records import find_records, without_final_returns
from pipelines.reading.refusals import WHOLE_FILE, at_row, refuse

_CELLS = re.compile(r',("[^"]*(?:""[^"]*)*"|[^",]*)')


class CsvSource:
    """The records of one CSV file. Refusal where bytes, line ends or quoting are not of the dialect."""

    def __init__(self, data: bytes) -> None:
        # neither byte of a CRLF occurs inside a character of UTF-8 or GB18030
        text, self.encoding = as_utf8(data.replace(b"\r\n", b"\n") if b"\r" in data else data)
        if b"\r" in text:
            row = text.count(b"\n", 0, text.index(b"\r")) + 1
            raise refuse("line_ends_cr", at_row(row), "单独的 CR", "a CR without LF")
        self.row_count = data.count(b"\n") + (not data.endswith(b"\n"))
        self._records = find_records(_ended(text))
        self.continuation_count = int((self._records.line_counts - 1).sum())  # not what is left over: a lost line would be
        if self.continuation_count:
            # line ends inside a quoted cell belong to the cell, CR and all
            self._records = find_records(without_final_returns(_ended(as_utf8(data)[0])))
        if not any(self._records[index].strip() for index in range(len(self._records))):
            raise refuse("file_empty", WHOLE_FILE, "只有空行", "blank lines only")
        self._has_quotes = b'"' in text

    def first_rows(self, filled: int) -> list[Row]:
        rows: list[Row] = []
        for index in range(len(self._records)):
            self._check_quoting(index, index + 1)
            rows.append(self._row(index))
            filled -= bool(rows[-1].filled)
            if not filled:
                break
        return rows

    def _row(self, index: int) -> Row:
        """The cells of a record whose quoting was checked."""
        texts = _CELLS.findall("," + self._records[index])
        cells = (text[1:-1].replace('""', '"') if text.startswith('"') else text for text in texts)
        return Row(int(self._records.numbers[index]), tuple(cells))

    def _check_quoting(self, start: int, end: int) -> None:
        """Refusal for the first wrongly quoted record from `start` to before `end`."""
        if not self._has_quotes:
            return
        misquoted = self._records.misquoted
        wrong = misquoted[(misquoted >= start) & (misquoted < end)]
        if not len(wrong):
            return
        index = int(wrong[0])
        where = at_row(int(self._records.numbers[index]))
        if self._records[index].count('"') % 2:
            raise refuse("quote_unclosed", where, "由此开始的双引号直到文件末尾未闭合", "a quote from here to the end")
        raise refuse("quote_misplaced", where, "单元格中间有未转义的双引号", "an unescaped quote inside a cell")

    def body(self, header: Row) -> Body:
        records, width = self._records, len(header.cells)
        first = int(np.searchsorted(records.numbers, header.number, side="right"))
        if self.continuation_count:
            self._refuse_swallowed_rows(first, width)
        self._check_quoting(first, len(records))
        is_odd = records.widths[first:] != width
        odd = np.flatnonzero(is_odd) + first
        numbers = pl.Series("row_number", records.numbers[first:][~is_odd], dtype=pl.Int32)
        frame = self._parse(records.text_without(odd, first=first), len(numbers), width)
        return Body(frame.insert_column(0, numbers), [self._row(index) for index in odd.tolist()])

    def _refuse_swallowed_rows(self, first: int, width: int) -> None:
        """Two quotes gone astray can make one faultless cell of several rows: its lines have all their commas."""
        counts = self._records.line_counts
        for index in (first + np.flatnonzero(counts[first:] > 1)).tolist():
            if self._records[index].count(",") >= counts[index] * (width - 1):
                found = f"一个单元格占 {counts[index]} 行", f"a cell of {counts[index]} lines"
                raise refuse("quote_spans_rows", at_row(int(self._records.numbers[index])), *found)

    def _parse(self, text: bytes, height: int, width: int) -> pl.DataFrame:
        schema = dict.fromkeys(cell_names(width), pl.String)
        if not height:
            return pl.DataFrame(schema=schema)
        frame = pl.read_csv(
            text,
            has_header=False,
            schema=schema,
            quote_char='"' if self._has_quotes else None,
            null_values="",
            truncate_ragged_lines=False,
        )
        if frame.shape != (height, width):
            found = f"{frame.height} × {frame.width}"
            raise refuse("rows_unaccounted", WHOLE_FILE, found, f"{found} for {height} × {width}")
        return frame


def _ended(text: bytes) -> bytes:
    return text if text.endswith(b"\n") else text + b"\n"
