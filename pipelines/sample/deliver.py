"""Writing a supplier's part of a sheet as the file that the agency sends.

Belongs here: writing values out in a style, CSV and workbook, the place of every row in the file.
Does not belong here: what the values are, when files arrive.
"""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import xlsxwriter

from expectations.contract import Column, Contract, load_contract
from pipelines.county import County
from pipelines.sample.chance import Integers, stream
from pipelines.sample.sheets import ORDER, SUPPLIER, Sheet
from pipelines.sample.style import DATE_FORMATS, FORBIDDEN_HEADERS, TIMESTAMP_FORMATS, Style, Styles
from pipelines.settings import Home, month_name

OTHER_FORMAT_SHARE, BLANKS_SHARE, FULL_WIDTH_SHARE = 0.06, 0.003, 0.003
_FULL_WIDTH = str.maketrans("0123456789-", "０１２３４５６７８９－")
_FIRST_DAY, _LAST_DAY = date(1850, 1, 1), date(2060, 12, 31)
# Workbooks carry the day that they were made; a fixed one keeps them byte for byte the same.
_WORKBOOK_DAY = datetime(2026, 1, 1)
_SEXES = ("male", "female")
_RELATIONS = {
    "head": ("户主", "户主"), "spouse": ("夫", "妻"), "child": ("子", "女"), "parent": ("父", "母"),
    "grandchild": ("孙子", "孙女"), "other": ("其他", "非亲属"),
}  # fmt: skip
_NOTE = "说明：编码一律按文本填写，日期以实际发生日为准"


@dataclass(frozen=True)
class WrittenFile:
    """One delivered file: where it is, how its rows divide, and on which line each row of the sheet stands."""

    supplier_id: str
    dataset: str
    period: str
    file_name: str
    form: str
    received_at: datetime
    size: int
    title: int
    note: int
    totals: int
    blank: int
    # row of the sheet → line of the file (1-based; in a workbook the row of the sheet)
    lines: dict[int, int]

    @property
    def data(self) -> int:
        return len(self.lines)

    @property
    def read(self) -> int:
        return self.data + self.title + 1 + self.note + self.totals + self.blank


@dataclass(frozen=True)
class Change:
    """How a file differs from the supplier's plain delivery of the sheet."""

    name_suffix: str = ""
    # rows of the sheet that are left out
    leave_out: frozenset[int] = frozenset()
    # a column that is left out, with its header
    without_column: str | None = None
    # column and row of the sheet → what the cell says instead
    texts: tuple[tuple[str, int, str], ...] = ()


class Deliverer:
    """Writes files into landing, with the time at which they arrived."""

    def __init__(self, home: Home, county: County, seed: int) -> None:
        self.home, self.county, self.seed = home, county, seed
        self.styles = Styles(seed)
        days = pl.date_range(_FIRST_DAY, _LAST_DAY, eager=True)
        self.calendars = {spelling: days.dt.strftime(spelling) for spelling in DATE_FORMATS}

    def write(
        self, sheet: Sheet, supplier: str, arrival: datetime, change: Change | None = None
    ) -> WrittenFile:
        """The supplier's rows of a settled sheet as one file."""
        change = change or Change()
        contract = load_contract(sheet.dataset)
        numbers = self._rows_of(sheet, supplier, change)
        style = self.styles.style(supplier, contract, len(numbers))
        name = f"{self.county.supplier(supplier).name_zh}_{contract.title_zh}_{sheet.month:%Y%m}{change.name_suffix}"
        path = self._folder(supplier, sheet) / f"{name}{style.suffix}"
        columns = _Columns(
            sheet, numbers, contract, style, self.calendars, stream(self.seed, "cells", path.name), change
        )
        table = columns.table()
        title = f"{self.county.supplier(supplier).name_zh}{sheet.month.year}年{sheet.month.month}月{contract.title_zh}报送表"
        content = _workbook(table, style, title) if style.form == "xlsx" else _text(table, style, title)
        return self._save(path, content, style, sheet, supplier, arrival, numbers)

    def repeat(self, file: WrittenFile, arrival: datetime, name_suffix: str) -> WrittenFile:
        """The same bytes again, under another name."""
        folder = self.home.landing / file.supplier_id / file.dataset / file.period
        original = folder / file.file_name
        copy = folder / f"{original.stem}{name_suffix}{original.suffix}"
        _place(copy, original.read_bytes(), arrival)
        return WrittenFile(**{**vars(file), "file_name": copy.name, "received_at": arrival})

    def _rows_of(self, sheet: Sheet, supplier: str, change: Change) -> Integers:
        rows = sheet.rows.lazy().select(SUPPLIER, ORDER).with_row_index("number")
        own = rows.filter(pl.col(SUPPLIER) == supplier).sort(ORDER, maintain_order=True).collect()
        numbers = own["number"].to_numpy().astype(np.int64)
        if change.leave_out:
            numbers = numbers[~np.isin(numbers, list(change.leave_out))]
        return numbers

    def _folder(self, supplier: str, sheet: Sheet) -> Path:
        folder = self.home.landing / supplier / sheet.dataset / month_name(sheet.month)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _save(
        self,
        path: Path,
        content: bytes,
        style: Style,
        sheet: Sheet,
        supplier: str,
        arrival: datetime,
        numbers: Integers,
    ) -> WrittenFile:
        _place(path, content, arrival)
        first = 2 + style.has_title + style.has_note
        return WrittenFile(
            supplier_id=supplier,
            dataset=sheet.dataset,
            period=month_name(sheet.month),
            file_name=path.name,
            form=style.form,
            received_at=arrival,
            size=len(content),
            title=int(style.has_title),
            note=int(style.has_note),
            totals=int(style.has_totals),
            blank=int(style.has_blank_end and style.form != "xlsx"),
            lines=dict(zip(numbers.tolist(), range(first, first + len(numbers)), strict=True)),
        )


def _place(path: Path, content: bytes, arrival: datetime) -> None:
    path.write_bytes(content)
    path.chmod(0o600)
    os.utime(path, (arrival.timestamp(), arrival.timestamp()))


@dataclass(frozen=True)
class _Table:
    """Headers, cells as text, and for workbooks the cells that are numbers or dates (null where text)."""

    headers: list[str]
    cells: list[pl.Series]
    numbers: dict[int, list[float | None]]
    dates: dict[int, list[date | None]]

    @property
    def height(self) -> int:
        return len(self.cells[0]) if self.cells else 0


class _Columns:
    """The columns of one file, written out."""

    def __init__(
        self, sheet: Sheet, numbers: Integers, contract: Contract, style: Style, calendars: dict[str, pl.Series],
        chance: np.random.Generator, change: Change,
    ) -> None:  # fmt: skip
        self.contract, self.style, self.calendars, self.chance = contract, style, calendars, chance
        self.without_column = change.without_column
        self.rows = sheet.rows[numbers]
        self.texts = self._texts_here(sheet, numbers, change)
        planted = np.fromiter(sheet.planted, dtype=np.int64, count=len(sheet.planted))
        self.is_planted = np.isin(numbers, planted)

    def table(self) -> _Table:
        headers: list[str] = []
        cells: list[pl.Series] = []
        numbers: dict[int, list[float | None]] = {}
        dates: dict[int, list[date | None]] = {}
        for name in self.style.column_names:
            if name == self.without_column:
                continue
            column = self.contract.column(name)
            if self.style.form == "xlsx" and column.type in ("integer", "decimal"):
                numbers[len(cells)] = self._numbers(column)
            if self.style.form == "xlsx" and column.type == "date" and self.style.has_date_cells:
                dates[len(cells)] = self._dates(column)
            headers.append(self.style.headers[name])
            cells.append(self._with_texts(column, self._written(column)))
        for header in self.style.extra_headers:
            place = 0 if header == "序号" and not numbers and not dates else len(cells)
            headers.insert(place, header)
            cells.insert(place, self._extra(header))
        return _Table(headers, cells, numbers, dates)

    def _texts_here(self, sheet: Sheet, numbers: Integers, change: Change) -> dict[str, dict[int, str]]:
        """Column → place in this file → text, of the texts that stand instead of values."""
        place = (
            {int(number): place for place, number in enumerate(numbers)}
            if sheet.texts or change.texts
            else {}
        )
        here = {
            column: {place[number]: text for number, text in texts.items() if number in place}
            for column, texts in sheet.texts.items()
        }
        for column, number, text in change.texts:
            here.setdefault(column, {})[place[number]] = text
        return {column: texts for column, texts in here.items() if texts}

    def _with_texts(self, column: Column, cells: pl.Series) -> pl.Series:
        texts = self.texts.get(column.name, {})
        return cells.scatter(list(texts), list(texts.values())) if texts else cells

    def _written(self, column: Column) -> pl.Series:
        values = self.rows.get_column(column.name)
        match column.type:
            case "date":
                return self._written_dates(values)
            case "timestamp":
                return self._written_timestamps(values)
            case "choice":
                return self._blanks(self._spelled(column, values))
            case "boolean":
                yes, no = self.style.truth_words
                return values.replace_strict({True: yes, False: no}, default=None, return_dtype=pl.String)
            case "integer":
                return values.cast(pl.String)
            case "decimal":
                return self._written_decimals(values)
            case "list":
                return values.list.join(self.style.list_separator)
            case "code":
                return self._full_width(self._blanks(values))
            case _:
                return values

    def _written_dates(self, values: pl.Series) -> pl.Series:
        days = values.cast(pl.Int32) - (_FIRST_DAY - date(1970, 1, 1)).days
        usual = self.calendars[self.style.usual_date_format].gather(days)
        other = np.flatnonzero(self.chance.random(len(values)) < OTHER_FORMAT_SHARE)
        return usual.scatter(other, self.calendars[self.style.other_date_format].gather(days[other]))

    def _written_timestamps(self, moments: pl.Series) -> pl.Series:
        """In the style's form, and to the second where one would get lost."""
        usual = moments.dt.strftime(self.style.timestamp_format)
        whole = moments.dt.strftime(TIMESTAMP_FORMATS[-1])
        seconds = np.flatnonzero((moments.dt.second() != 0).fill_null(False).to_numpy())
        return usual.scatter(seconds, whole[seconds])

    def _spelled(self, column: Column, values: pl.Series) -> pl.Series:
        if column.name == "relation_to_head":
            return self._relations(values)
        which = self.style.spellings[column.name]
        first = {value: spellings[max(which, 0)] for value, spellings in column.values.items()}
        spelled = values.replace_strict(first, default=None, return_dtype=pl.String)
        if which >= 0:
            return spelled
        last = {value: spellings[-1] for value, spellings in column.values.items()}
        other = np.flatnonzero(self.chance.random(len(values)) < 0.3)
        return spelled.scatter(
            other, values[other].replace_strict(last, default=None, return_dtype=pl.String)
        )

    def _relations(self, values: pl.Series) -> pl.Series:
        """Household books say 子 or 女, not child."""
        words = {
            f"{relation} {sex}": word
            for relation, pair in _RELATIONS.items()
            for sex, word in zip(_SEXES, pair, strict=True)
        }
        keys = self.rows.select(pl.lit(values) + " " + pl.col("sex").fill_null("male")).to_series()
        return keys.replace_strict(words, default=None, return_dtype=pl.String)

    def _written_decimals(self, hundredths: pl.Series) -> pl.Series:
        pattern = "{:,.2f}" if self.style.has_thousands else "{:.2f}"
        written = [None if value is None else pattern.format(value / 100) for value in hundredths]
        return pl.Series(hundredths.name, written, dtype=pl.String)

    def _blanks(self, cells: pl.Series) -> pl.Series:
        """A few cells with blanks around the text, as people leave them."""
        chosen = self._some(BLANKS_SHARE)
        return cells.scatter(
            chosen, cells[chosen].map_elements(lambda text: f" {text} ", return_dtype=pl.String)
        )

    def _full_width(self, cells: pl.Series) -> pl.Series:
        """A few codes in full-width digits, as some input methods write them."""
        chosen = self._some(FULL_WIDTH_SHARE)
        return cells.scatter(
            chosen,
            cells[chosen].map_elements(lambda text: text.translate(_FULL_WIDTH), return_dtype=pl.String),
        )

    def _some(self, share: float) -> Integers:
        return np.flatnonzero((self.chance.random(self.rows.height) < share) & ~self.is_planted)

    def _numbers(self, column: Column) -> list[float | None]:
        values = self.rows.get_column(column.name).to_list()
        scale = 100 if column.type == "decimal" else 1
        texts = self.texts.get(column.name, {})
        return [
            None if value is None or place in texts else value / scale for place, value in enumerate(values)
        ]

    def _dates(self, column: Column) -> list[date | None]:
        values = self.rows.get_column(column.name).to_list()
        texts = self.texts.get(column.name, {})
        # Spreadsheets have no days before 1900.
        return [
            None if value is None or place in texts or value.year < 1901 else value
            for place, value in enumerate(values)
        ]

    def _extra(self, header: str) -> pl.Series:
        height = self.rows.height
        if header == "序号":
            return pl.int_range(1, height + 1, eager=True).cast(pl.String)
        text = "略" if header in FORBIDDEN_HEADERS.values() else None
        return pl.Series([text], dtype=pl.String).new_from_index(0, height)


def _text(table: _Table, style: Style, title: str) -> bytes:
    """The table as CSV; title, note and totals have as many cells as the header, as spreadsheets save them."""
    width = len(table.headers)

    def line(*cells: str) -> str:
        padded = [*cells, *[""] * (width - len(cells))]
        return ",".join(f'"{cell}"' for cell in padded) if style.quotes_all else ",".join(padded)

    before = [line(title)] if style.has_title else []
    before += [line(*table.headers)] + ([line(_NOTE)] if style.has_note else [])
    after = [line("合计", str(table.height))] if style.has_totals else []
    after += [line()] if style.has_blank_end else []
    frame = pl.DataFrame([cells.alias(f"c{place}") for place, cells in enumerate(table.cells)])
    body = frame.write_csv(
        include_header=False,
        line_terminator=style.line_end,
        quote_style="always" if style.quotes_all else "necessary",
    )
    joined = (
        "".join(f"{text}{style.line_end}" for text in before)
        + body
        + "".join(f"{text}{style.line_end}" for text in after)
    )
    return joined.encode(style.form)


def _workbook(table: _Table, style: Style, title: str) -> bytes:
    """The table as a workbook of one sheet; codes are text, counts are numbers, dates text or date cells."""
    content = io.BytesIO()
    book = xlsxwriter.Workbook(content, {"in_memory": True})
    book.set_properties({"created": _WORKBOOK_DAY})
    sheet = book.add_worksheet("Sheet1")
    bold = book.add_format({"bold": True})
    day = book.add_format({"num_format": "yyyy/m/d"})
    row = 0
    if style.has_title:
        if len(table.headers) > 1:
            sheet.merge_range(0, 0, 0, len(table.headers) - 1, title, bold)
        row += 1
    for place, header in enumerate(table.headers):
        sheet.write_string(row, place, header, bold)
    row += 1
    if style.has_note:
        sheet.write_string(row, 0, _NOTE)
        row += 1
    for place, cells in enumerate(table.cells):
        _write_column(sheet, row, place, cells, table, day)
    if style.has_totals:
        sheet.write_string(row + table.height, 0, "合计")
        sheet.write_number(row + table.height, 1, table.height)
    book.close()
    return content.getvalue()


def _write_column(sheet: Any, first: int, place: int, cells: pl.Series, table: _Table, day: Any) -> None:
    numbers, dates = table.numbers.get(place), table.dates.get(place)
    for offset, text in enumerate(cells.to_list()):
        if numbers is not None and numbers[offset] is not None:
            sheet.write_number(first + offset, place, numbers[offset])
        elif dates is not None and dates[offset] is not None:
            sheet.write_datetime(first + offset, place, dates[offset], day)
        elif text is not None:
            sheet.write_string(first + offset, place, text)
