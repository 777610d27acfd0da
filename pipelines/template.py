"""The blank workbook of a dataset, for agencies that fill in by hand: what `read_file` takes when it is filled.

Everything in it comes from the contract: headers, a note below each, drop-downs, text format where a
spreadsheet program would otherwise make numbers of codes, and a second sheet that explains every column.
"""

from __future__ import annotations

import io
import re
from pathlib import Path

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.utility import xl_col_to_name
from xlsxwriter.worksheet import Worksheet

from expectations.contract import Column, ColumnType, Contract

TITLE_ROW, HEADER_ROW, NOTE_ROW, FIRST_DATA_ROW = 0, 1, 2, 3
_LAST_ROW = 1_048_575
CHOICES_SHEET = "选项"
_DICTIONARY_SHEET = "说明"
_DIGITS = re.compile(r"\[0-9\]\{(\d+)\}")
_YES_NO = ("是", "否")

_FORMATS: dict[ColumnType, tuple[str, str]] = {
    "text": ("文本", "text"),
    "code": ("文本", "text"),
    "choice": ("从下拉列表选择", "choose from the list"),
    "date": ("日期，如 2026-01-31", "date, such as 2026-01-31"),
    "timestamp": ("时间，如 2026-01-31 08:30:00", "time, such as 2026-01-31 08:30:00"),
    "integer": ("整数", "whole number"),
    "decimal": ("数字，至多两位小数", "number, at most two decimals"),
    "boolean": ("是或否", "是 (yes) or 否 (no)"),
    "list": ("文本，多个用顿号隔开", "text, several separated by 、"),
}
CELL_FORMATS: dict[ColumnType, str] = {
    "date": "yyyy-mm-dd",
    "timestamp": "yyyy-mm-dd hh:mm:ss",
    "integer": "0",
    "decimal": "0.00",
}
_DICTIONARY_HEADERS = (
    "列 / Column", "英文 / English", "填写要求 / Required", "格式 / Format",
    "可选值 / Values", "也可写作 / Also accepted as header", "补充 / Note",
)  # fmt: skip


def write_template(contract: Contract, path: Path) -> None:
    """Writes the dataset's blank .xlsx: title, header and note row, then empty rows with formats and drop-downs.

    Row 1 is the title, row 2 the header, row 3 the notes; data goes in from row 4. A hidden sheet holds the
    choices of the drop-downs, the sheet 说明 describes the columns. OSError where `path` cannot be written.
    """
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as workbook:
        formats = {
            name: workbook.add_format(settings)
            for name, settings in {
                "title": {"bold": True, "font_size": 14},
                "required": {"bold": True, "bg_color": "#FCE4D6", "border": 1, "text_wrap": True},
                "optional": {"bold": True, "bg_color": "#E2EFDA", "border": 1, "text_wrap": True},
                "note": {"italic": True, "font_color": "#595959", "text_wrap": True, "valign": "top"},
                "wrap": {"text_wrap": True, "valign": "top"},
                **{code: {"num_format": code} for code in ("@", *CELL_FORMATS.values())},
            }.items()
        }
        data = workbook.add_worksheet(contract.title_zh)
        dictionary = workbook.add_worksheet(_DICTIONARY_SHEET)
        choices = workbook.add_worksheet(CHOICES_SHEET)
        choices.hide()
        _write_data_sheet(data, choices, contract, formats)
        _write_dictionary(dictionary, contract, formats)
    path.write_bytes(buffer.getvalue())


def _write_data_sheet(sheet: Worksheet, choices: Worksheet, contract: Contract, formats: dict[str, Format]) -> None:
    sheet.write_string(TITLE_ROW, 0, f"{contract.title_zh}（{contract.title_en}）", formats["title"])
    for index, column in enumerate(contract.columns):
        sheet.set_column(index, index, 20, formats[CELL_FORMATS.get(column.type, "@")])
        header_format = formats["optional" if column.is_nullable else "required"]
        sheet.write_string(HEADER_ROW, index, column.title_zh, header_format)
        # the reader knows the row of notes by this first word
        opening = "说明：" if index == 0 else ""
        sheet.write_string(NOTE_ROW, index, opening + note_of(column), formats["note"])
        labels = labels_of(column)
        if labels:
            add_drop_down(sheet, choices, index, labels)
    sheet.set_row(NOTE_ROW, 75)
    sheet.freeze_panes(FIRST_DATA_ROW, 0)


def add_drop_down(sheet: Worksheet, choices: Worksheet, index: int, labels: tuple[str, ...]) -> None:
    """Offers labels in a column of the data rows; `choices` is a hidden sheet that holds them."""
    for row, label in enumerate(labels):
        choices.write_string(row, index, label)
    letters = xl_col_to_name(index)
    sheet.data_validation(
        FIRST_DATA_ROW,
        index,
        _LAST_ROW,
        index,
        {
            "validate": "list",
            "source": f"='{CHOICES_SHEET}'!${letters}$1:${letters}${len(labels)}",
            "error_title": "请从列表中选择",
            "error_message": "请从下拉列表中选择 / choose from the list",
        },
    )


def _write_dictionary(sheet: Worksheet, contract: Contract, formats: dict[str, Format]) -> None:
    sheet.write_string(0, 0, f"{contract.title_zh}：{contract.grain_zh} / {contract.grain_en}", formats["title"])
    for index, header in enumerate(_DICTIONARY_HEADERS):
        sheet.write_string(1, index, header, formats["optional"])
        sheet.set_column(index, index, 28, formats["wrap"])
    for row, column in enumerate(contract.columns, start=2):
        cells = (
            column.title_zh,
            column.title_en,
            " / ".join(_requirement(column)),
            " / ".join(_format(column)),
            "、".join(labels_of(column)),
            "、".join(column.aliases),
            " / ".join(filter(None, (column.note_zh, column.note_en))),
        )
        for index, cell in enumerate(cells):
            sheet.write_string(row, index, cell, formats["wrap"])


def labels_of(column: Column) -> tuple[str, ...]:
    """What a drop-down offers: the usual spelling of every choice."""
    if column.type == "boolean":
        return _YES_NO
    return tuple(spellings[0] for spellings in column.values.values())


def note_of(column: Column) -> str:
    """What is to be filled in, one line in each language."""
    lines = zip(_requirement(column), _format(column), (column.note_zh, column.note_en), strict=True)
    zh, en = ([part for part in parts if part] for parts in lines)
    return f"{'；'.join(zh)}\n{'; '.join(en)}"


def expected_of(column: Column) -> tuple[str, str]:
    """What a cell of the column has to be, in both languages."""
    labels = labels_of(column)
    return ("、".join(labels), ", ".join(labels)) if labels else _format(column)


def _requirement(column: Column) -> tuple[str, str]:
    if column.nullable_when:
        return "必填（特殊情形除外）", "required, with exceptions"
    return ("可为空", "may be empty") if column.is_nullable else ("必填", "required")


def _format(column: Column) -> tuple[str, str]:
    zh, en = _FORMATS[column.type]
    if column.pattern is not None:
        zh += "：" + _DIGITS.sub(r" \1 位数字 ", column.pattern).strip()
        en += ": " + _DIGITS.sub(r" \1 digits ", column.pattern).strip()
    if column.minimum is not None or column.maximum is not None:
        limits = " – ".join("" if limit is None else f"{limit:g}" for limit in (column.minimum, column.maximum))
        zh, en = f"{zh}（{limits}）", f"{en} ({limits})"
    return zh, en
