"""One delivered file, from its path to the text of its data rows: the station `read` of the pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from expectations.contract import Column, Contract
from pipelines.errors import Refusal
from pipelines.reading.csv_source import CsvSource
from pipelines.reading.files import read_bytes
from pipelines.reading.grid import Source, empty_as_null
from pipelines.reading.header import SEARCHED_ROWS, Header, find_header, header_not_found, normalise_header
from pipelines.reading.refusals import WHOLE_FILE, at_row, refuse
from pipelines.reading.rows import Classified, classify
from pipelines.reading.workbook_source import SheetSource, open_workbook

# what a number of more than fifteen digits looks like once a spreadsheet has made a number of it
_MANGLED = r"^[0-9](?:\.[0-9]+)?[Ee]\+[0-9]{2}$"


@dataclass(frozen=True)
class RowAccount:
    """Every physical line (or sheet row) of a file, each of exactly one kind.

    `read` is counted apart from parsing. `continuation` are lines that continue a quoted cell of the line before.
    """

    read: int
    data: int
    title: int
    header: int
    note: int
    totals: int
    blank: int
    continuation: int = 0

    @property
    def skipped(self) -> int:
        """Everything that is not a data row."""
        return self.title + self.header + self.note + self.totals + self.blank + self.continuation

    @property
    def is_balanced(self) -> bool:
        return self.read == self.data + self.skipped and min(vars(self).values()) >= 0


@dataclass(frozen=True)
class Delivered:
    """What one file holds, as delivered.

    `frame` has one row per data row: row_number (Int32, physical line or sheet row) and one String column per
    contract column found, named by the contract, in its order; empty cells are null. `encoding` is 'utf-8',
    'utf-8-sig', 'gb18030' or 'xlsx'. A number cell of a workbook in an identity column reads like
    6.10629199001011E+17, since its last digits may be lost. `titled_otherwise` has the file's own header of columns
    that it does not call by their title. `dropped_headers` are columns that are never taken in, `extra_headers`
    columns that the contract does not know, `missing_optional` contract columns not found; `ignored_sheets` are
    hidden ones and visible ones without the header. `corrects` is null but for a file that corrects rows: row_number,
    and the batch_id and row_number (corrected_batch, corrected_row) of the row in whose place each goes.
    """

    frame: pl.DataFrame
    account: RowAccount
    encoding: str
    sheet: str | None = None
    titled_otherwise: dict[str, str] = field(default_factory=dict)
    dropped_headers: list[str] = field(default_factory=list)
    extra_headers: list[str] = field(default_factory=list)
    missing_optional: list[str] = field(default_factory=list)
    ignored_sheets: list[str] = field(default_factory=list)
    corrects: pl.DataFrame | None = None


def read_file(path: Path, contract: Contract) -> Delivered:
    """The data rows of a delivered .csv or .xlsx file with a full row account. Refusal for anything else.

    A register without data rows is refused; an event file with a valid header and no rows says that nothing
    happened.
    """
    suffix, data = read_bytes(path)
    if suffix == ".xlsx":
        return _read_workbook(data, contract)
    source = CsvSource(data)
    rows = source.first_rows(SEARCHED_ROWS)
    header = find_header(rows, contract)
    if header is None:
        raise header_not_found(rows, contract, is_text=True)
    return _deliver(source, header, classify(source.body(header.row), header), contract)


def _read_workbook(data: bytes, contract: Contract) -> Delivered:
    workbook = open_workbook(data)
    source, header = _sheet_with_header(workbook.sheets, contract)
    rows = classify(source.body(header.row), header)
    source.refuse_doubtful_cells(rows.data, header.positions.values())
    delivered = _deliver(source, header, rows, contract)
    others = [sheet.sheet for sheet in workbook.sheets if sheet is not source]
    return replace(delivered, sheet=source.sheet, ignored_sheets=[*others, *workbook.hidden_sheets])


def _sheet_with_header(sheets: Sequence[SheetSource], contract: Contract) -> tuple[SheetSource, Header]:
    """The one visible sheet with the header. A sheet with a faulty header counts only where no other has one."""
    found: list[tuple[SheetSource, Header]] = []
    faulty: list[Refusal] = []
    for sheet in sheets:
        try:
            header = find_header(sheet.first_rows(SEARCHED_ROWS), contract)
        except Refusal as refusal:
            faulty.append(refusal)
            continue
        if header is not None:
            found.append((sheet, header))
    if len(found) > 1:
        raise refuse("excel_several_sheets", WHOLE_FILE, f"{len(found)} 个工作表", f"{len(found)} sheets")
    if found:
        return found[0]
    if faulty:
        raise faulty[0]
    raise header_not_found([], contract, is_text=False)


def _deliver(source: Source, header: Header, rows: Classified, contract: Contract) -> Delivered:
    _refuse_unnamed_data(rows.data, header)
    if header.correction is not None:
        rows = _answered(rows, header)
    if rows.data.is_empty() and (contract.kind == "register" or header.correction is not None):
        raise refuse("no_data_rows", WHOLE_FILE, "0 行数据", "0 data rows")
    frame = _named(rows.data, header, contract)
    _refuse_mangled_numbers(frame, contract)
    return Delivered(
        frame=frame,
        account=_account(source, header, rows),
        encoding=source.encoding,
        titled_otherwise=_titled_otherwise(header, contract),
        dropped_headers=header.dropped,
        extra_headers=header.extra,
        missing_optional=header.missing_optional,
        corrects=_corrects(rows.data, header),
    )


def _titled_otherwise(header: Header, contract: Contract) -> dict[str, str]:
    written = {name: normalise_header(header.row.cells[index]) for name, index in header.positions.items()}
    return {name: text for name, text in written.items() if text != normalise_header(contract.column(name).title_zh)}


def _answered(rows: Classified, header: Header) -> Classified:
    """Without the rows of a correction sheet that were left as they were sent: nothing was filled in."""
    is_filled = pl.any_horizontal(
        empty_as_null(pl.col(f"c{index}").str.strip_chars()).is_not_null() for index in header.positions.values()
    )
    data = rows.data.filter(is_filled)
    return replace(rows, data=data, blank=rows.blank + rows.data.height - data.height)


def _corrects(data: pl.DataFrame, header: Header) -> pl.DataFrame | None:
    """Which row each row goes in place of. Refusal where one does not say, or two say the same."""
    if header.correction is None:
        return None
    batch, row = (pl.col(f"c{index}").str.strip_chars() for index in header.correction)
    said = data.select("row_number", corrected_batch=batch, corrected_row=row.cast(pl.Int32, strict=False))
    is_wrong = ~pl.col("corrected_batch").str.contains("^[0-9a-f]{24}$") | pl.col("corrected_row").is_null()
    wrong = said.filter(is_wrong.fill_null(True) | pl.struct("corrected_batch", "corrected_row").is_duplicated())
    if wrong.height:
        found = f"{wrong.height} 行", f"{wrong.height} rows"
        raise refuse("correction_without_row", at_row(wrong["row_number"][0]), *found)
    return said


def _account(source: Source, header: Header, rows: Classified) -> RowAccount:
    """The account of all rows. Refusal where its kinds do not add up to the independent count."""
    titles = sum(bool(row.filled) for row in header.rows_before)
    account = RowAccount(
        read=source.row_count,
        data=rows.data.height,
        title=titles,
        header=rows.header + 1,
        note=rows.note,
        totals=rows.totals,
        blank=rows.blank + len(header.rows_before) - titles,
        continuation=source.continuation_count,
    )
    if not account.is_balanced:
        counted = account.data + account.skipped
        found = f"物理行 {account.read}，归类 {counted}", f"{account.read} physical rows, {counted} classified"
        raise refuse("rows_unaccounted", WHOLE_FILE, *found)
    return account


def _refuse_unnamed_data(data: pl.DataFrame, header: Header) -> None:
    """Columns without a header are padding where they are empty, and data without a meaning where they are not."""
    for index in header.unnamed:
        filled = data.filter(pl.col(f"c{index}").str.strip_chars() != "")["row_number"]
        if len(filled):
            where = at_row(header.row.number)
            raise refuse("header_empty", where, f"第 {index + 1} 列", f"cell {index + 1} of the header row")


def _named(data: pl.DataFrame, header: Header, contract: Contract) -> pl.DataFrame:
    """The contract's columns by name, empty cells as null."""
    return data.select(
        "row_number",
        *(_cell(data, index, contract.column(name)).alias(name) for name, index in header.positions.items()),
    )


def _cell(data: pl.DataFrame, index: int, column: Column) -> pl.Expr:
    text = empty_as_null(pl.col(f"c{index}"))
    if column.privacy != "identity_document" or f"n{index}" not in data.columns:
        return text
    # a number cell cannot hold an identity number: it has 15 digits and no leading zeros
    number = text.cast(pl.Float64, strict=False)
    stored = data.filter(pl.col(f"n{index}")).select(number.alias("number"), text.alias("text"))
    shown = {text: f"{number:.14E}" for number, text in stored.drop_nulls().unique().iter_rows()}
    return pl.when(f"n{index}").then(text.replace(shown)).otherwise(text) if shown else text


def _refuse_mangled_numbers(frame: pl.DataFrame, contract: Contract) -> None:
    """Refusal for numbers of things in E notation: different things may have become one, which no rule can see.

    Identity numbers are found row by row where they are pseudonymised, codes by their pattern.
    """
    for column in contract.columns:
        if column.name not in frame.columns or column.type != "text" or column.privacy not in ("none", "reference_number"):
            continue
        mangled = frame.filter(pl.col(column.name).str.contains(_MANGLED))["row_number"]
        if len(mangled):
            found = f"“{column.title_zh}”列 {len(mangled)} 行", f"{len(mangled)} rows in column {column.title_zh}"
            raise refuse("number_mangled", at_row(mangled[0]), *found)
