"""A bulletin as an Excel workbook: every table whole, a sheet each, with numbers that can be calculated with.

A number is written as it is printed, 94.9 and not 94.957…, with the format that shows it so.
"""

from __future__ import annotations

import io
from datetime import datetime, time
from functools import cache

from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from dashboards.bulletin.charts import draw
from dashboards.bulletin.parts import SAMPLE, Amount, Bulletin, Cell, Table

LANDSCAPE_FROM = 9  # columns
A4 = 9
CHART_ROWS, ROW_PIXELS = 20, 20


def to_xlsx(bulletin: Bulletin) -> bytes:
    """The workbook as bytes. No cell holds a formula."""
    content = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with Workbook(content, options) as workbook:
        created = datetime.combine(bulletin.signed, time())
        workbook.set_properties({"title": "".join(bulletin.title), "author": bulletin.office, "created": created})
        _Book(workbook, bulletin).write()
    return content.getvalue()


class _Book:
    def __init__(self, workbook: Workbook, bulletin: Bulletin) -> None:
        self.workbook, self.bulletin = workbook, bulletin
        self.title = workbook.add_format({"bold": True, "font_size": 14})
        self.mark = workbook.add_format({"bold": True, "font_color": "#E60012"})
        self.head = workbook.add_format(
            {"bold": True, "border": 1, "text_wrap": True, "align": "center", "valign": "vcenter", "bg_color": "#F2F2F2"}
        )
        self.text = workbook.add_format({"border": 1, "text_wrap": True, "valign": "vcenter", "num_format": "@"})
        self.number = cache(self._number_format)

    def write(self) -> None:
        self._cover()
        for table in self.bulletin.sheets:
            self._sheet(table)

    def _cover(self) -> None:
        bulletin, sheet = self.bulletin, self.workbook.add_worksheet("说明")
        self._set_up(sheet, is_wide=False)
        sheet.set_column(0, 0, 16)
        sheet.set_column(1, 8, 12)
        sheet.write_string(0, 0, "".join(bulletin.title), self.title)
        if bulletin.is_sample:
            sheet.write_string(1, 0, SAMPLE, self.mark)
        for row, (name, text) in enumerate((("发文机关", bulletin.office), ("文号", bulletin.number), *bulletin.about), start=2):
            sheet.write_string(row, 0, name)
            sheet.write_string(row, 1, text)
        row += 2
        for chart in bulletin.charts:
            drawn = draw(self.workbook, sheet, chart, row)
            rows = max(CHART_ROWS, 0 if chart.is_upright else len(chart.categories) + 6)
            drawn.set_size({"width": 720, "height": rows * ROW_PIXELS})
            row += len(chart.categories) + 2
            sheet.insert_chart(row, 0, drawn)
            row += rows + 2

    def _sheet(self, table: Table) -> None:
        sheet = self.workbook.add_worksheet(table.name)
        self._set_up(sheet, is_wide=len(table.heads) >= LANDSCAPE_FROM)
        sheet.write_string(0, 0, table.title, self.title)
        sheet.write_string(1, 0, "　".join(filter(None, [SAMPLE if self.bulletin.is_sample else "", table.note])), self.mark)
        for column, (head, width) in enumerate(zip(table.heads, table.widths, strict=True)):
            sheet.set_column(column, column, max(8, width))
            sheet.write_string(2, column, head, self.head)
        for row, cells in enumerate(table.rows, start=3):
            for column, cell in enumerate(cells):
                self._write(sheet, row, column, cell)
        sheet.freeze_panes(3, 1)
        sheet.repeat_rows(2)
        sheet.autofilter(2, 0, 2 + len(table.rows), len(table.heads) - 1)

    def _write(self, sheet: Worksheet, row: int, column: int, cell: Cell) -> None:
        match cell:
            case Amount(number=None):
                sheet.write_string(row, column, cell.text, self.text)
            case Amount(number=number):
                sheet.write_number(row, column, number, self.number(_format_of(cell)))
            case int():
                sheet.write_number(row, column, cell, self.number("#,##0"))
            case _:
                sheet.write_string(row, column, cell, self.text)

    def _number_format(self, shown: str) -> Format:
        return self.workbook.add_format({"border": 1, "valign": "vcenter", "num_format": shown})

    def _set_up(self, sheet: Worksheet, *, is_wide: bool) -> None:
        sheet.set_paper(A4)
        sheet.fit_to_pages(1, 0)
        if is_wide:
            sheet.set_landscape()
        mark = "示例数据　" if self.bulletin.is_sample else ""
        sheet.set_footer(f"&L{mark}{self.bulletin.about[0][1]}&R&P / &N")


def _format_of(amount: Amount) -> str:
    """Excel's format under which a number reads as on paper: '#,##0.0"%"'."""
    number = amount.number
    exponent = number.as_tuple().exponent if number is not None else 0
    places = -exponent if isinstance(exponent, int) and exponent < 0 else 0
    plain = "#,##0" + (f".{'0' * places}" if places else "") + (f'"{amount.sign}"' if amount.sign else "")
    return f"+{plain};-{plain};{plain}" if amount.is_change else plain
