"""Workbooks: cells come as the text people see, and no workbook can harm the process that asked for it."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.errors import Refusal
from pipelines.excel_child import package, scan
from pipelines.excel_child.finding import Finding
from pipelines.excel_child.worker import tidy_number
from pipelines.reading import Delivered, child, read_file
from tests.support.delivered_files import (
    CLEAN,
    COLUMNS,
    HEADERS,
    REGISTER,
    ROWS,
    SECRET_NAME,
    Cell,
    repacked,
    workbook_bytes,
    write,
)

SHEET = "xl/worksheets/sheet1.xml"
CLEAN_BOOK = workbook_bytes([HEADERS, *ROWS])


def read(tmp_path: Path, content: bytes) -> Delivered:
    return read_file(write(tmp_path, content, "file.xlsx"), REGISTER)


def refused(tmp_path: Path, content: bytes) -> Refusal:
    with pytest.raises(Refusal) as caught:
        read(tmp_path, content)
    assert SECRET_NAME not in caught.value.zh + caught.value.en
    return caught.value


def book_with(row: list[Cell], **options: object) -> bytes:
    return workbook_bytes([HEADERS, row], **options)  # type: ignore[arg-type]


def test_text_cells_equal_the_same_rows_in_a_text_file(tmp_path: Path) -> None:
    book = read(tmp_path, CLEAN_BOOK)
    text = read_file(write(tmp_path, CLEAN.encode()), REGISTER)
    assert book.frame.equals(text.frame)
    assert book.account == text.account
    assert (book.encoding, book.sheet) == ("xlsx", "Sheet1")


def test_a_table_that_begins_below_and_right_of_the_corner_keeps_its_sheet_rows(tmp_path: Path) -> None:
    rows: list[list[Cell]] = [[], [None, "标题"], [], [None, *HEADERS], *([None, *row] for row in ROWS)]
    delivered = read(tmp_path, workbook_bytes(rows))
    assert delivered.frame["row_number"].to_list() == [5, 6, 7]
    assert delivered.frame["name"].to_list() == [row[2] for row in ROWS]
    assert (delivered.account.read, delivered.account.blank, delivered.account.title) == (7, 2, 1)


def test_dates_and_numbers_come_as_people_see_them(tmp_path: Path) -> None:
    row: list[Cell] = [610629001001, "x", "王丙", 0.1 + 0.2, date(2026, 1, 5), 123]
    frame = read(tmp_path, book_with(row)).frame
    assert frame.select(COLUMNS).row(0) == ("610629001001", "x", "王丙", "0.3", "2026-01-05", "123")
    timed = read(tmp_path, book_with([1, "x", "王丙", 80.0, datetime(2026, 1, 5, 13, 4, 5), "2026-01-05 00:00:00"]))
    assert timed.frame.select(COLUMNS).row(0) == (
        "1", "x", "王丙", "80", "2026-01-05 13:04:05", "2026-01-05 00:00:00",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (610629199001011234, "6.10629199001011E+17"),
        (610629900101101, "6.10629900101101E+14"),
        (12345, "1.23450000000000E+04"),
    ],
)
def test_an_identity_number_stored_as_a_number_is_marked(number: int, text: str, tmp_path: Path) -> None:
    rows: list[list[Cell]] = [HEADERS, ["610629001001", number, "甲", 1, "2026", ""], ["1", "610629900101101", "乙", 1, "2026", ""]]
    frame = read(tmp_path, workbook_bytes(rows)).frame
    assert frame["id_number"].to_list() == [text, "610629900101101"]


def test_a_long_number_of_things_stored_as_a_number_refuses_the_file(tmp_path: Path) -> None:
    assert refused(tmp_path, book_with(["1", "x", "甲", 1, "2026", 6222021234567890123])).code == "number_mangled"
    assert read(tmp_path, book_with(["1", "x", "甲", 1, "2026", "6222021234567890123"])).frame["card_no"].to_list() == [
        "6222021234567890123"
    ]


@pytest.mark.parametrize(
    ("delivered", "shown"),
    [
        ("56.300000000000004", "56.3"),
        ("0.30000000000000004", "0.3"),
        ("123456789012345.6", "123456789012346"),
        ("610629199001011200", "6.10629199001011E+17"),
        ("-0.00000000000000001", "-0"),
        ("2026-01-05 00:00:00", "2026-01-05"),
        ("2026-01-05 00:00:01", "2026-01-05 00:00:01"),
    ],
)
def test_number_cells_have_fifteen_digits_at_most(delivered: str, shown: str) -> None:
    assert tidy_number(delivered) == shown


def test_error_cells_come_as_their_text(tmp_path: Path) -> None:
    def errors(book: xlsxwriter.Workbook) -> None:
        book.worksheets()[0].write_formula("C2", "=NA()", None, "#N/A")
        book.worksheets()[0].write_formula("D2", "=1/0", None, "#DIV/0!")

    frame = read(tmp_path, book_with(["1", "x", "甲", 1, "2026", ""], change=errors)).frame
    assert frame.select("name", "floor_area_m2").row(0) == ("#N/A", "#DIV/0!")


def test_a_formula_counts_by_its_value_and_is_refused_without_one(tmp_path: Path) -> None:
    def formula(value: object) -> Callable[[xlsxwriter.Workbook], None]:
        return lambda book: book.worksheets()[0].write_formula("D2", "=40*2", None, value)

    row: list[Cell] = ["1", "x", "甲", None, "2026", ""]
    assert read(tmp_path, book_with(row, change=formula(80))).frame["floor_area_m2"].to_list() == ["80"]
    assert refused(tmp_path, book_with(row, change=formula(""))).code == "excel_formula_without_value"


def test_merged_cells_are_refused_among_data_and_accepted_in_titles(tmp_path: Path) -> None:
    def merge_title(book: xlsxwriter.Workbook) -> None:
        book.worksheets()[0].merge_range("A1:F1", "名册")

    def merge_data(book: xlsxwriter.Workbook) -> None:
        book.worksheets()[0].merge_range("A3:A4", "610629001001")

    rows: list[list[Cell]] = [[], HEADERS, *ROWS]
    assert read(tmp_path, workbook_bytes(rows, change=merge_title)).account.title == 1
    assert refused(tmp_path, workbook_bytes(rows, change=merge_data)).code == "excel_merged_cells"


def test_rows_of_formatted_cells_without_content_are_no_rows(tmp_path: Path) -> None:
    def borders(book: xlsxwriter.Workbook) -> None:
        for row in range(4, 900):
            book.worksheets()[0].write_blank(row, 30, None, book.add_format({"border": 1}))

    assert read(tmp_path, workbook_bytes([HEADERS, *ROWS], change=borders)).account.read == 4


def test_one_visible_sheet_has_the_header_and_the_others_are_named(tmp_path: Path) -> None:
    def hide(book: xlsxwriter.Workbook) -> None:
        book.worksheets()[2].hide()

    delivered = read(tmp_path, workbook_bytes([["封面"]], [HEADERS, *ROWS], [HEADERS, *ROWS], change=hide))
    assert (delivered.sheet, delivered.ignored_sheets) == ("Sheet2", ["Sheet1", "Sheet3"])
    assert refused(tmp_path, workbook_bytes([HEADERS, *ROWS], [HEADERS, *ROWS])).code == "excel_several_sheets"
    assert refused(tmp_path, workbook_bytes([["封面"]], [])).code == "header_not_found"
    assert refused(tmp_path, workbook_bytes([HEADERS[:-2], *ROWS])).code == "header_missing"


def far_cell(address: str) -> Callable[[bytes], bytes]:
    cell = f'<row r="{address[3:]}"><c r="{address}"><v>1</v></c></row></sheetData>'.encode()
    return lambda xml: xml.replace(b"</sheetData>", cell)


def replace(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    def change(content: bytes) -> bytes:
        assert old in content
        return content.replace(old, new)

    return change


MACRO_TYPE = b"application/vnd.ms-excel.sheet.macroEnabled.main+xml"
MAIN_TYPE = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
ENTITIES = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>\n<worksheet '

HOSTILE: dict[str, tuple[bytes, str]] = {
    "text with the suffix of a workbook": (CLEAN.encode(), "excel_damaged"),
    "an old .xls or an encrypted workbook": (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(2048), "excel_encrypted"),
    "a workbook cut short": (CLEAN_BOOK[:-200], "excel_damaged"),
    "a flipped bit": (CLEAN_BOOK[:2000] + bytes([CLEAN_BOOK[2000] ^ 1]) + CLEAN_BOOK[2001:], "excel_damaged"),
    "a plain zip": (repacked(CLEAN_BOOK, {"[Content_Types].xml": replace(MAIN_TYPE, b"x")}), "excel_damaged"),
    "macros by type": (
        repacked(CLEAN_BOOK, {"[Content_Types].xml": replace(MAIN_TYPE, MACRO_TYPE)}), "excel_active_content"
    ),
    "macros by member": (repacked(CLEAN_BOOK, added={"xl/vbaProject.bin": b"x"}), "excel_active_content"),
    "external links": (
        repacked(CLEAN_BOOK, added={"xl/externalLinks/externalLink1.xml": b"<x/>"}), "excel_active_content"
    ),
    "embedded objects": (repacked(CLEAN_BOOK, added={"xl\\Embeddings\\o.bin": b"x"}), "excel_active_content"),
    "too many members": (repacked(CLEAN_BOOK, added={f"x/{n}": b"" for n in range(2_000)}), "excel_too_large"),
    "a member that unpacks a thousandfold": (
        repacked(CLEAN_BOOK, added={"xl/media/x.bin": bytes(5_000_000)}), "excel_too_large"
    ),
    "a cell in the last corner": (repacked(CLEAN_BOOK, {SHEET: far_cell("XFD1048576")}), "excel_too_many_cells"),
    "a cell in the last corner, unusually written": (
        repacked(CLEAN_BOOK, {SHEET: lambda xml: far_cell("XFD1048576")(xml).replace(b"</row>", b"</row ><!-- -->")}),
        "excel_too_many_cells",
    ),
    "a dimension to the last corner": (
        repacked(CLEAN_BOOK, {SHEET: replace(b'ref="A1:F4"', b'ref="A1:XFD1048576"')}), "excel_too_many_cells"
    ),
    "a cell beyond the last column": (repacked(CLEAN_BOOK, {SHEET: far_cell("XFE9")}), "excel_damaged"),
    "rows in reverse": (
        repacked(CLEAN_BOOK, {SHEET: replace(b"</sheetData>", b'<row r="2"><c r="A2"><v>1</v></c></row></sheetData>')}),
        "excel_damaged",
    ),
    "a cell twice": (
        repacked(CLEAN_BOOK, {SHEET: replace(b'<c r="B2"', b'<c r="A2"')}), "excel_damaged"
    ),
    "entities": (repacked(CLEAN_BOOK, {SHEET: replace(b"<worksheet ", ENTITIES)}), "excel_damaged"),
    "broken XML": (repacked(CLEAN_BOOK, {SHEET: replace(b"</sheetData>", b"</sheetDat>")}), "excel_damaged"),
    "a sheet that is not there": (
        repacked(CLEAN_BOOK, {"xl/_rels/workbook.xml.rels": replace(b"sheet1.xml", b"sheet7.xml")}), "excel_damaged"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_workbook_is_refused_by_name(name: str, tmp_path: Path) -> None:
    content, code = HOSTILE[name]
    assert refused(tmp_path, content).code == code


def test_a_workbook_over_fifty_megabytes_is_not_even_read(tmp_path: Path) -> None:
    path = write(tmp_path, b"", "file.xlsx")
    with path.open("r+b") as file:
        file.truncate(51 * 1024 * 1024)
    with pytest.raises(Refusal) as caught:
        read_file(path, REGISTER)
    assert caught.value.code == "file_too_large"


def test_the_unpacked_size_is_limited_as_declared_and_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "MAX_UNPACKED", 10_000)
    with pytest.raises(Finding) as caught:
        package.open_package(repacked(CLEAN_BOOK, added={"xl/media/x.bin": bytes(20_000)}))
    assert caught.value.code == "excel_too_large"
    monkeypatch.setattr(package, "MAX_UNPACKED", 10_000_000)
    honest = repacked(CLEAN_BOOK, added={"xl/media/x.bin": bytes(20_000)})
    lying = honest.replace(struct.pack("<L", 20_000), struct.pack("<L", 20))
    with pytest.raises(Finding) as caught:
        package.open_package(lying)
    assert caught.value.code == "excel_damaged"


def test_a_workbook_that_exhausts_the_child_is_refused_and_the_next_one_read(tmp_path: Path) -> None:
    # one text of 4 MB that 400 cells share: 1.6 GB once every cell has its own
    text = b"<si><t>" + b"".join(b"%x" % number for number in range(600_000)) + b"</t></si></sst>"
    with zipfile.ZipFile(io.BytesIO(CLEAN_BOOK)) as book:
        index = book.read("xl/sharedStrings.xml").count(b"<si>")
    cell = b'<row r="%d"><c r="A%d" t="s"><v>%d</v></c></row>'
    cells = b"".join(cell % (row, row, index) for row in range(5, 405))
    bomb = repacked(
        CLEAN_BOOK,
        {
            "xl/sharedStrings.xml": replace(b"</sst>", text),
            SHEET: replace(b"</sheetData>", cells + b"</sheetData>"),
        },
    )
    child._children.end_all()
    assert refused(tmp_path, bomb).code == "excel_child_died"
    assert read(tmp_path, CLEAN_BOOK).account.data == 3


def test_a_child_that_takes_too_long_is_ended_and_the_next_one_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "WALL_LIMIT_SECONDS", 0.0)
    assert refused(tmp_path, CLEAN_BOOK).code == "excel_timeout"
    monkeypatch.undo()
    assert read(tmp_path, CLEAN_BOOK).account.data == 3


def test_a_child_that_died_while_idle_is_replaced(tmp_path: Path) -> None:
    read(tmp_path, CLEAN_BOOK)
    idle = child._children.take()
    assert idle is not None
    idle.process.kill()
    idle.process.wait()
    child._children.give_back(idle)
    assert read(tmp_path, CLEAN_BOOK).account.data == 3


CELL = st.one_of(st.none(), st.text("甲乙1,<&\"' \n", max_size=4), st.integers(-(10**6), 10**17), st.booleans())


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(st.lists(CELL, max_size=30), max_size=8))
def test_both_ways_of_scanning_a_sheet_agree(rows: list[list[Cell]]) -> None:
    with zipfile.ZipFile(io.BytesIO(workbook_bytes(rows))) as book:
        xml = book.read(SHEET)
    fast = scan.scan_sheet(io.BytesIO(xml))
    # a comment among the cells is outside the narrow grammar
    slow = scan.scan_sheet(io.BytesIO(xml.replace(b"<sheetData>", b"<sheetData><!-- -->")))
    assert (fast.last_row, fast.merged, fast.errors) == (slow.last_row, slow.merged, slow.errors)
    assert fast.numbers.to_list() == slow.numbers.to_list()
    numbers = [
        (row + 1) * scan.MAX_COLUMNS + column
        for row, cells in enumerate(rows)
        for column, cell in enumerate(cells)
        if isinstance(cell, int) and not isinstance(cell, bool)
    ]
    assert fast.numbers.to_list() == numbers


def test_a_sheet_longer_than_one_piece_is_scanned_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.excel_child.plain_scan._PIECE", 300)
    with zipfile.ZipFile(io.BytesIO(workbook_bytes([[f"x{row}", row] for row in range(50)]))) as book:
        found = scan.scan_sheet(io.BytesIO(book.read(SHEET)))
    assert found.last_row == 50
    assert found.numbers.to_list() == [row * scan.MAX_COLUMNS + 1 for row in range(1, 51)]


def test_cells_without_addresses_and_with_a_namespace_prefix_are_placed(tmp_path: Path) -> None:
    def strip(xml: bytes) -> bytes:
        for letter in "ABCDEF":
            for row in range(1, 5):
                xml = xml.replace(f'r="{letter}{row}" '.encode(), b"")
        return xml

    assert read(tmp_path, repacked(CLEAN_BOOK, {SHEET: strip})).account.data == 3
    xml = b'<x:worksheet xmlns:x="m"><x:sheetData><x:row><x:c><x:v>1</x:v></x:c></x:row></x:sheetData></x:worksheet>'
    assert scan.scan_sheet(io.BytesIO(xml)).numbers.to_list() == [scan.MAX_COLUMNS]


def test_text_codes_survive_a_workbook_bit_for_bit(tmp_path: Path) -> None:
    codes = [f"{number:018d}" for number in range(0, 10**18, 10**18 // 2_000)]
    rows: list[list[Cell]] = [["610629001001", code, "甲", 1, date(2026, 1, 5), code] for code in codes]
    frame = read(tmp_path, workbook_bytes([HEADERS, *rows])).frame
    assert frame.select("id_number", "card_no").equals(pl.DataFrame({"id_number": codes, "card_no": codes}))
