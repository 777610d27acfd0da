"""The correction sheet: a workbook that asks a supplier for whole rows again, and that landing takes back.

One workbook per slot, since that is where it comes back to: the first columns say which row is meant and what is wrong with
it, and are locked; the dataset's own columns are empty, since nobody but the supplier has the values. What is filled in goes
in place of the row (see `corrections`); rows left empty stay as they are.
"""

from __future__ import annotations

import io
from collections.abc import Iterable

import xlsxwriter

from expectations.contract import load_contract
from pipelines.errors import Words
from pipelines.reading.header import CORRECTED_BATCH, CORRECTED_ROW
from pipelines.stewardship.row_view import RowView
from pipelines.store import Slot
from pipelines.template import (
    CELL_FORMATS,
    CHOICES_SHEET,
    FIRST_DATA_ROW,
    HEADER_ROW,
    NOTE_ROW,
    TITLE_ROW,
    add_drop_down,
    labels_of,
    note_of,
)

_ASKED = (CORRECTED_BATCH, CORRECTED_ROW, "原文件", "问题列", "问题及要求")
_NOTE = Words(
    "说明：逐行填写右侧各列，整行重填；前五列不要改动。填好后放回原来的月份文件夹。",
    "fill in every column to the right, the whole row anew; leave the first five as they are, and put the file into the folder of its month",
)


def sheet_name(slot: Slot) -> str:
    """What the workbook of a slot is called."""
    return f"更正表_{slot.supplier_id}_{slot.dataset}_{slot.period}.xlsx"


def by_slot(views: Iterable[RowView]) -> dict[Slot, list[RowView]]:
    """The rows of each slot, for a sheet each."""
    slots: dict[Slot, list[RowView]] = {}
    for view in views:
        slots.setdefault(view.row.slot, []).append(view)
    return slots


def write_sheet(views: list[RowView], *, is_sample: bool) -> bytes:
    """The workbook for rows of one slot."""
    contract = load_contract(views[0].row.slot.dataset)
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}) as book:
        head = book.add_format({"bold": True, "bg_color": "#FCE4D6", "border": 1, "text_wrap": True})
        asked = book.add_format({"text_wrap": True, "valign": "top", "bg_color": "#F2F2F2", "num_format": "@"})
        note = book.add_format({"italic": True, "font_color": "#595959", "text_wrap": True, "valign": "top"})
        sheet, choices = book.add_worksheet(contract.title_zh), book.add_worksheet(CHOICES_SHEET)
        choices.hide()
        mark = "（示例数据）" if is_sample else ""
        sheet.write_string(TITLE_ROW, 0, f"{contract.title_zh}更正表{mark} {views[0].row.slot.period}")
        sheet.write_string(NOTE_ROW, 0, f"{_NOTE.zh} / {_NOTE.en}", note)
        for index, title in enumerate(_ASKED):
            sheet.write_string(HEADER_ROW, index, title, head)
            sheet.set_column(index, index, 28 if index > 1 else 14)
        for index, column in enumerate(contract.columns, start=len(_ASKED)):
            cells = book.add_format({"num_format": CELL_FORMATS.get(column.type, "@"), "locked": False})
            sheet.set_column(index, index, 20, cells)
            sheet.write_string(HEADER_ROW, index, column.title_zh, head)
            sheet.write_string(NOTE_ROW, index, note_of(column), note)
            if labels := labels_of(column):
                add_drop_down(sheet, choices, index, labels)
        for number, view in enumerate(views, start=FIRST_DATA_ROW):
            for index, text in enumerate(_asked(view)):
                sheet.write_string(number, index, text, asked)
        sheet.set_row(NOTE_ROW, 75)
        sheet.freeze_panes(FIRST_DATA_ROW, 2)
        sheet.protect("", {"format_columns": True, "format_rows": True})
    return buffer.getvalue()


def _asked(view: RowView) -> tuple[str, ...]:
    doubted = [cell.column.title_zh for cell in view.cells if cell.is_doubted]
    words = [f"{one.rule.zh} / {one.rule.en}" for one in view.broken]
    return view.row.batch_id, str(view.row.row_number), view.file_name, "、".join(doubted), "\n".join(words)
