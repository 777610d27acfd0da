"""CSV as text lines: the declared dialect (comma, double quote, CRLF or LF; RFC 4180), checked before parsing.

Polars parses, but pads short rows and takes stray quotes without a word, so widths and quoting are checked
here first, on every record.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import compress

import polars as pl

from pipelines.reading.encodings import decode
from pipelines.reading.grid import Body, Row, cell_names
from pipelines.reading.refusals import WHOLE_FILE, at_row, refuse

_CELL = r'(?:[^",\n]*|"(?:[^"]|"")*")'
_CELLS = re.compile(r',("[^"]*(?:""[^"]*)*"|[^",]*)')
_RECORD = f"^{_CELL}(?:,{_CELL})*$"


class CsvSource:
    """The records of one CSV file. Refusal where bytes, line ends or quoting are not of the dialect."""

    def __init__(self, data: bytes) -> None:
        # neither byte of a CRLF occurs inside a character of UTF-8 or GB18030
        text, self.encoding = decode(data.replace(b"\r\n", b"\n"))
        if "\r" in text:
            row = text.count("\n", 0, text.index("\r")) + 1
            raise refuse("line_ends_cr", at_row(row), "单独的 CR", "a CR without LF")
        self.row_count = data.count(b"\n") + (not data.endswith(b"\n"))
        self.continuation_count = 0
        self._has_quotes = '"' in text
        self._text, self._records = text, _lines(text)
        if not any(line.strip() for line in self._records):
            raise refuse("file_empty", WHOLE_FILE, "只有空行", "blank lines only")
        self._numbers = pl.int_range(1, len(self._records) + 1, dtype=pl.Int32, eager=True)
        if self._has_quotes:
            self._join_lines(data)

    def _join_lines(self, data: bytes) -> None:
        """Makes one record of the lines that a quoted cell runs over: those after an odd number of quotes."""
        quotes = pl.Series(self._records, dtype=pl.String).str.count_matches('"', literal=True)
        is_continued = quotes.cum_sum().shift(1, fill_value=0) % 2 == 1
        if not is_continued.any():
            return
        # line ends inside a quoted cell belong to the cell, CR and all; the CR that ends a record does not
        lines = pl.DataFrame(
            {"line": _lines(decode(data)[0]), "number": self._numbers, "record": (~is_continued).cum_sum()}
        )
        records = lines.group_by("record", maintain_order=True).agg(
            pl.col("line").str.join("\n").str.strip_suffix("\r"), pl.col("number").first(), pl.len().alias("lines")
        )
        self.continuation_count = int(is_continued.sum())
        self._numbers = records["number"]
        self._records = records["line"].to_list()
        self._line_counts = records["lines"]

    def first_rows(self, filled: int) -> list[Row]:
        rows: list[Row] = []
        for index, record in enumerate(self._records):
            if '"' in record:
                self._check_quoting([index])
            rows.append(self._row(index))
            filled -= bool(rows[-1].filled)
            if not filled:
                break
        return rows

    def _row(self, index: int) -> Row:
        """The cells of a record whose quoting was checked."""
        texts = _CELLS.findall("," + self._records[index])
        cells = (text[1:-1].replace('""', '"') if text.startswith('"') else text for text in texts)
        return Row(self._numbers[index], tuple(cells))

    def _check_quoting(self, indexes: Sequence[int]) -> None:
        records = pl.Series([self._records[index] for index in indexes], dtype=pl.String)
        wrong = (~records.str.contains(_RECORD)).arg_true()
        if wrong.is_empty():
            return
        index = indexes[wrong[0]]
        where = at_row(self._numbers[index])
        if self._records[index].count('"') % 2:
            raise refuse("quote_unclosed", where, "由此开始的双引号直到文件末尾未闭合", "a quote from here to the end")
        raise refuse("quote_misplaced", where, "单元格中间有未转义的双引号", "an unescaped quote inside a cell")

    def body(self, header: Row) -> Body:
        width = len(header.cells)
        records = pl.Series(self._records, dtype=pl.String)
        if self._has_quotes:
            is_wide = records.str.contains(f"^{_CELL}(?:,{_CELL}){{{width - 1}}}$")
        else:
            is_wide = records.str.count_matches(",", literal=True) == width - 1
        is_below = self._numbers > header.number
        if self.continuation_count:
            self._refuse_swallowed_rows(records, is_below, width)
        odd = (is_below & ~is_wide).arg_true().to_list()
        if self._has_quotes:
            self._check_quoting(odd)
        is_regular = is_below & is_wide
        if odd or self.continuation_count:
            regular = "\n".join(compress(self._records, is_regular))
        else:
            # all that follows the header, so there is nothing to put together
            regular = self._text[sum(len(line) + 1 for line in self._records[: header.number]) :]
        numbers = self._numbers.filter(is_regular).alias("row_number")
        frame = self._parse(regular, len(numbers), width).insert_column(0, numbers)
        return Body(frame, [self._row(index) for index in odd])

    def _refuse_swallowed_rows(self, records: pl.Series, is_below: pl.Series, width: int) -> None:
        """Two quotes gone astray can make one faultless cell of several rows: its lines have all their commas."""
        commas = records.str.count_matches(",", literal=True)
        swallowed = is_below & (self._line_counts > 1) & (commas >= self._line_counts * (width - 1))
        if swallowed.any():
            index = swallowed.arg_true()[0]
            found = f"一个单元格占 {self._line_counts[index]} 行", f"a cell of {self._line_counts[index]} lines"
            raise refuse("quote_spans_rows", at_row(self._numbers[index]), *found)

    def _parse(self, text: str, height: int, width: int) -> pl.DataFrame:
        schema = dict.fromkeys(cell_names(width), pl.String)
        if not height:
            return pl.DataFrame(schema=schema)
        frame = pl.read_csv(
            text.encode(),
            has_header=False,
            schema=schema,
            quote_char='"' if self._has_quotes else None,
            truncate_ragged_lines=False,
        )
        if frame.shape != (height, width):
            found = f"{frame.height} × {frame.width}"
            raise refuse("rows_unaccounted", WHOLE_FILE, found, f"{found} for {height} × {width}")
        return frame


def _lines(text: str) -> list[str]:
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return lines
