"""The child's loop: a workbook in on standard input, its visible sheets as text out on standard output.

The child ends when its input does, so it never outlives its parent; it writes no file.
"""

from __future__ import annotations

import io
import json
import os
import resource
import sys
from pathlib import Path
from typing import Any, BinaryIO

import fastexcel
import polars as pl

from pipelines.excel_child.finding import Finding
from pipelines.excel_child.package import SheetPart, damaged, open_package, open_sheet, worksheets
from pipelines.excel_child.protocol import LENGTH
from pipelines.excel_child.scan import MAX_COLUMNS, Scan, scan_sheet

MEMORY_LIMIT = 1024**3


def main() -> None:
    """Answers requests until the input ends."""
    requests = sys.stdin.buffer
    # a library that prints must not spoil the answers
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _limit_memory()
    while True:
        head = requests.read(LENGTH.size)
        if len(head) < LENGTH.size:
            return
        _send(answers, *answer(requests.read(*LENGTH.unpack(head))))


def _limit_memory() -> None:
    """At most 1 GiB more than the interpreter and its libraries take; no core file, it would hold cells."""
    statm = Path("/proc/self/statm")
    used = int(statm.read_text().split()[0]) * resource.getpagesize() if statm.exists() else MEMORY_LIMIT
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY_LIMIT, used + MEMORY_LIMIT))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _send(answers: BinaryIO, description: dict[str, Any], payload: bytes) -> None:
    text = json.dumps(description).encode()
    answers.write(LENGTH.pack(LENGTH.size + len(text) + len(payload)))
    answers.write(LENGTH.pack(len(text)))
    answers.write(text)
    answers.write(payload)
    answers.flush()


def answer(data: bytes) -> tuple[dict[str, Any], bytes]:
    """The description and frames of the visible sheets, or the finding that refuses the workbook."""
    try:
        with open_package(data) as package:
            parts = worksheets(package)
            shown = [part for part in parts if part.is_visible]
            scans = []
            for part in shown:
                with open_sheet(package, part) as stream:
                    scans.append(scan_sheet(stream))
        return _parse(data, shown, scans, [part.name for part in parts if not part.is_visible])
    except Finding as finding:
        return {"code": finding.code, "zh": finding.zh, "en": finding.en}, b""
    except MemoryError:
        return {"code": "excel_child_died", "zh": "超过 1 GiB", "en": "more than 1 GiB"}, b""


def _parse(
    data: bytes, parts: list[SheetPart], scans: list[Scan], hidden: list[str]
) -> tuple[dict[str, Any], bytes]:
    try:
        workbook = fastexcel.read_excel(data)
    except fastexcel.FastExcelError:
        raise damaged("无法解析", "it cannot be parsed") from None
    sheets, payload = [], io.BytesIO()
    for part, scan in zip(parts, scans, strict=True):
        start = payload.tell()
        frame = sheet_frame(workbook, part.name, scan)
        frame.write_ipc(payload)
        sheets.append(
            {
                "name": part.name,
                "bytes": payload.tell() - start,
                "rows": scan.last_row,
                "height": frame.height,
                "merged": scan.merged,
            }
        )
    return {"sheets": sheets, "hidden": hidden}, payload.getvalue()


def sheet_frame(workbook: fastexcel.ExcelReader, name: str, scan: Scan) -> pl.DataFrame:
    """Every row of the sheet from row 1 on: c0, c1 … (text), n<i> (is a number), f<i> (formula without value).

    Numbers have at most 15 significant digits, as spreadsheet programs show them; integral numbers no '.0';
    longer ones the E notation, for their last digits may be lost. Dates are ISO text.
    """
    try:
        sheet = workbook.load_sheet(name, header_row=None, skip_rows=0, dtypes="string")
    except fastexcel.FastExcelError:
        raise damaged("工作表无法解析", "a sheet cannot be parsed") from None
    offset = min((column.absolute_index for column in sheet.available_columns()), default=0)
    frame = pl.DataFrame(sheet) if sheet.width else pl.DataFrame()
    frame.columns = [f"c{index}" for index in range(frame.width)]
    numbers = _by_column(scan.numbers, offset)
    formulas = _by_column(scan.formulas, offset)
    columns: list[pl.Series] = []
    for index, texts in enumerate(frame):
        if index in numbers:
            flag = _flags(f"n{index}", numbers[index], frame.height)
            texts = _tidy(texts, flag)
            columns.append(flag)
        if index in formulas:
            columns.append(_flags(f"f{index}", formulas[index], frame.height) & texts.is_null())
        columns.append(texts)
    frame = pl.DataFrame(columns)
    return _with_errors(frame, scan, offset)


def _by_column(places: pl.Series, offset: int) -> dict[int, pl.Series]:
    """Cell places → column of the frame → zero-based rows."""
    frame = pl.DataFrame({"column": places % MAX_COLUMNS - offset, "row": places // MAX_COLUMNS - 1})
    return {int(key[0]): group["row"] for key, group in frame.partition_by("column", as_dict=True).items()}


def _flags(name: str, rows: pl.Series, height: int) -> pl.Series:
    flags = pl.repeat(False, height, dtype=pl.Boolean, eager=True)
    return flags.scatter(rows.filter(rows < height), True).alias(name)


def _tidy(texts: pl.Series, is_number: pl.Series) -> pl.Series:
    """Number cells as people see them; all other cells as they are."""
    longest_exact = 15
    long = texts.filter(is_number & (texts.str.len_bytes() > longest_exact)).drop_nulls().unique()
    shown = pl.Series([tidy_number(text) for text in long], dtype=pl.String)
    frame = pl.DataFrame({"text": texts, "is_number": is_number})
    return frame.select(
        pl.when("is_number").then(pl.col("text").replace(long, shown)).otherwise("text").alias(texts.name)
    ).to_series()


def tidy_number(text: str) -> str:
    """'0.30000000000000004' → '0.3', '610629199001011200' → '6.10629199001011E+17', midnight → its date."""
    try:
        number = float(text)
    except ValueError:
        return text.removesuffix(" 00:00:00")
    if abs(number) >= 1e15:
        return f"{number:.14E}"
    return f"{number:.15f}".rstrip("0").rstrip(".") if abs(number) < 1 else f"{number:.15g}"


def _with_errors(frame: pl.DataFrame, scan: Scan, offset: int) -> pl.DataFrame:
    """The sheet with error cells as their text, such as #N/A; the parser leaves them empty."""
    for index, rows in _by_column(pl.Series(list(scan.errors), dtype=pl.Int64), offset).items():
        texts = [scan.errors[(row + 1) * MAX_COLUMNS + index + offset] for row in rows]
        name = f"c{index}"
        frame = frame.with_columns(frame[name].scatter(rows, pl.Series(texts, dtype=pl.String)))
    return frame


if __name__ == "__main__":
    main()
