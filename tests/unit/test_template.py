"""Templates: what is handed out blank is what `read_file` takes when it comes back filled in."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

import fastexcel
import pytest

from expectations.contract import Column, Contract, load_contracts
from pipelines.errors import Refusal
from pipelines.reading import read_file
from pipelines.template import write_template
from tests.support.delivered_files import repacked, write

CONTRACTS = load_contracts()


@pytest.fixture(params=sorted(CONTRACTS))
def contract(request: pytest.FixtureRequest) -> Contract:
    return CONTRACTS[request.param]


@pytest.fixture
def template(contract: Contract, tmp_path: Path) -> Path:
    path = tmp_path / "template.xlsx"
    write_template(contract, path)
    return path


def sample_cell(column: Column) -> str:
    """Something that a person could fill in."""
    if column.values:
        return next(iter(column.values.values()))[0]
    return {"date": "2026-01-31", "boolean": "是", "integer": "12", "decimal": "56.30"}.get(column.type, "00123")


def filled(template: Path, rows: list[list[str]]) -> bytes:
    """The template with these rows typed in below its note row."""
    cells = [
        f'<row r="{row}">'
        + "".join(
            f'<c r="{chr(65 + index)}{row}" t="inlineStr"><is><t>{escape(cell)}</t></is></c>'
            for index, cell in enumerate(texts)
            if cell
        )
        + "</row>"
        for row, texts in enumerate(rows, start=4)
    ]
    end = "".join([*cells, "</sheetData>"]).encode()
    return repacked(
        template.read_bytes(), {"xl/worksheets/sheet1.xml": lambda xml: xml.replace(b"</sheetData>", end)}
    )


def test_a_filled_template_is_read_back_cell_by_cell(contract: Contract, template: Path, tmp_path: Path) -> None:
    row = [sample_cell(column) for column in contract.columns]
    delivered = read_file(write(tmp_path, filled(template, [row, row]), "filled.xlsx"), contract)
    assert delivered.frame.rows() == [(4, *row), (5, *row)]
    account = delivered.account
    assert (account.read, account.title, account.header, account.note, account.data) == (5, 1, 1, 1, 2)
    assert (delivered.missing_optional, delivered.extra_headers) == ([], [])
    assert delivered.ignored_sheets == ["说明", "选项"]


def test_a_blank_template_has_no_rows(contract: Contract, template: Path) -> None:
    if contract.kind == "event":
        assert read_file(template, contract).account.data == 0
        return
    with pytest.raises(Refusal) as caught:
        read_file(template, contract)
    assert caught.value.code == "no_data_rows"


def test_columns_of_codes_and_numbers_of_things_are_text(contract: Contract, template: Path) -> None:
    with zipfile.ZipFile(template) as package:
        sheet = package.read("xl/worksheets/sheet1.xml").decode()
        styles = package.read("xl/styles.xml").decode()
    formats = re.findall(r'<xf numFmtId="(\d+)"', re.search(r"<cellXfs.*</cellXfs>", styles, re.S)[0])  # type: ignore[index]
    codes = dict(re.findall(r'<numFmt numFmtId="(\d+)" formatCode="([^"]+)"', styles))
    columns: dict[int, str] = {}
    for first, last, style in re.findall(r'<col min="(\d+)" max="(\d+)"[^>]* style="(\d+)"', sheet):
        columns.update(dict.fromkeys(range(int(first) - 1, int(last)), codes.get(formats[int(style)], "")))
    for index, column in enumerate(contract.columns):
        is_text = column.type in ("text", "code", "choice", "boolean", "list")
        assert (columns[index] == "@") == is_text, column.name


def test_drop_downs_offer_the_usual_spelling_of_each_choice(contract: Contract, template: Path) -> None:
    choices = fastexcel.read_excel(template).load_sheet("选项", header_row=None, skip_rows=0, dtypes="string")
    offered = {
        column.absolute_index: choices.to_polars().to_series(position).drop_nulls().to_list()
        for position, column in enumerate(choices.available_columns())
    }
    expected = {
        index: ["是", "否"] if column.type == "boolean" else [spellings[0] for spellings in column.values.values()]
        for index, column in enumerate(contract.columns)
        if column.values or column.type == "boolean"
    }
    assert {index: texts for index, texts in offered.items() if texts} == expected
    with zipfile.ZipFile(template) as package:
        sheet = package.read("xl/worksheets/sheet1.xml").decode()
    ranges = set(re.findall(r'type="list"[^>]*sqref="([A-Z])4:\1(\d+)"', sheet))
    assert ranges == {(chr(65 + index), "1048576") for index in expected}


def test_the_second_sheet_explains_every_column(contract: Contract, template: Path) -> None:
    sheet = fastexcel.read_excel(template).load_sheet("说明", header_row=None, skip_rows=0, dtypes="string").to_polars()
    assert sheet.to_series(0).to_list()[2:] == [column.title_zh for column in contract.columns]
    assert sheet.to_series(1).to_list()[2:] == [column.title_en for column in contract.columns]
