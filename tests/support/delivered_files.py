"""A tiny contract and the files that fit it, for the tests of reading."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import xlsxwriter

from expectations.contract import Contract

REGISTER = Contract.model_validate(
    {
        "dataset": "people",
        "version": 1,
        "title_zh": "人员名册",
        "title_en": "Register of people",
        "agency": "police",
        "kind": "register",
        "grain_zh": "每人一行",
        "grain_en": "one row per person",
        "key": ["person_id"],
        "columns": [
            {"name": "community_code", "title_zh": "社区代码", "title_en": "Community code", "type": "code",
             "pattern": "[0-9]{12}", "aliases": ["所属社区代码"]},
            {"name": "id_number", "title_zh": "证件号码", "title_en": "Identity number", "type": "text",
             "privacy": "identity_document", "stored_as": "person_id", "aliases": ["身份证号", "公民身份号码"]},
            {"name": "name", "title_zh": "姓名", "title_en": "Name", "type": "text", "privacy": "name"},
            {"name": "floor_area_m2", "title_zh": "建筑面积", "title_en": "Floor area", "type": "decimal",
             "is_nullable": True, "aliases": ["建筑面积（平方米）"]},
            {"name": "arrived_date", "title_zh": "入住日期", "title_en": "Arrived on", "type": "date"},
            {"name": "card_no", "title_zh": "卡号", "title_en": "Card number", "type": "text", "is_nullable": True,
             "privacy": "reference_number", "is_header_required": False},
        ],
    }
)  # fmt: skip
EVENTS = REGISTER.model_copy(update={"kind": "event", "cohort_date": "arrived_date"})

HEADERS = ["社区代码", "证件号码", "姓名", "建筑面积", "入住日期", "卡号"]
# one name stands for every cell that must never show in a message
SECRET_NAME = "张甲一"
ROWS = [
    ["610629001001", "99906219900101001X", SECRET_NAME, "56.30", "2026-01-05", "00123"],
    ["610629001002", "999062198502300028", "李乙·买买提", "", "2026/1/6", ""],
    ["610629001003", "", "王丙", "80", "二〇二六年一月七日", "A-7"],
]
COLUMNS = ["community_code", "id_number", "name", "floor_area_m2", "arrived_date", "card_no"]


def lines(*rows: Sequence[str], end: str = "\n") -> str:
    return "".join(",".join(row) + end for row in rows)


CLEAN = lines(HEADERS, *ROWS)


def write(folder: Path, content: bytes, name: str = "file.csv") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


Cell = str | int | float | date | bool | None


def workbook_bytes(
    *sheets: Sequence[Sequence[Cell]], change: Callable[[xlsxwriter.Workbook], None] | None = None
) -> bytes:
    """A workbook with these rows on its sheets: text as text, numbers as numbers, dates as date cells."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True, "default_date_format": "yyyy-mm-dd"}) as book:
        for rows in sheets:
            sheet = book.add_worksheet()
            for row, cells in enumerate(rows):
                for column, cell in enumerate(cells):
                    if isinstance(cell, str):
                        sheet.write_string(row, column, cell)
                    elif isinstance(cell, date):
                        sheet.write_datetime(row, column, cell)
                    elif cell is not None:
                        sheet.write(row, column, cell)
        if change is not None:
            change(book)
    return buffer.getvalue()


def repacked(
    workbook: bytes, changed: dict[str, Callable[[bytes], bytes]] | None = None, added: dict[str, bytes] | None = None
) -> bytes:
    """The workbook with some members of its package changed or added."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(workbook)) as old,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            new.writestr(name, (changed or {}).get(name, bytes)(old.read(name)))
        for name, content in (added or {}).items():
            new.writestr(name, content)
    return buffer.getvalue()
