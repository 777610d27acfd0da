"""Which rows are data: header, titles, notes, totals and blanks are found, skipped and counted."""

from __future__ import annotations

import os
from dataclasses import astuple
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expectations.contract import load_contracts
from pipelines.errors import Refusal
from pipelines.reading import REFUSAL_CODES, Delivered, RowAccount, read_file
from pipelines.reading.refusals import refuse
from tests.support.delivered_files import (
    CLEAN,
    COLUMNS,
    HEADERS,
    REGISTER,
    ROWS,
    Cell,
    lines,
    workbook_bytes,
    write,
)

PAD = [""] * (len(HEADERS) - 1)


def read(tmp_path: Path, text: str) -> Delivered:
    return read_file(write(tmp_path, text.encode("gb18030")), REGISTER)


def test_rows_carry_the_physical_line_they_stand_on(tmp_path: Path) -> None:
    text = "洛川县人员名册\n\n" + lines(HEADERS) + "填表说明：按户填写\n" + lines(ROWS[0]) + "\n" + lines(*ROWS[1:])
    delivered = read(tmp_path, text)
    assert delivered.frame["row_number"].to_list() == [5, 7, 8]
    assert delivered.frame["row_number"].dtype == pl.Int32
    assert delivered.account == RowAccount(read=8, data=3, title=1, header=1, note=1, totals=0, blank=2)


def test_a_row_after_a_cell_with_line_breaks_keeps_its_physical_line(tmp_path: Path) -> None:
    text = lines(HEADERS).replace("姓名", '"姓\n名"') + lines(ROWS[0]).replace("张甲一", '"张\r\n甲一"') + lines(ROWS[1])
    delivered = read(tmp_path, text)
    assert delivered.frame["row_number"].to_list() == [3, 5]
    assert delivered.frame["name"].to_list() == ["张\r\n甲一", "李乙·买买提"]
    assert delivered.account.continuation == 2
    assert delivered.account.is_balanced


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        (["合计", *PAD], "totals"),
        (["合计"], "totals"),
        (["", "总计", "", "136.30", "", ""], "totals"),
        (["小 计：", "", "", "3", "", ""], "totals"),
        (["", "", " \u3000", "", "", ""], "blank"),
        (["", ""], "blank"),
        ([""], "blank"),
        (HEADERS, "header"),
        (["注：数据截至月末", *PAD], "note"),
        (["备注: 无"], "note"),
        (["填表人：某某", "", "审核人：某某", "", "", ""], "note"),
        (["说明1：", "见附件"], "note"),
    ],
)
def test_a_row_among_the_data_is_skipped_by_its_first_words(row: list[str], kind: str, tmp_path: Path) -> None:
    for before in (1, 40):
        delivered = read(tmp_path, lines(HEADERS, *[ROWS[0]] * before, row, *ROWS[1:]))
        expected = {"title": 0, "header": 1, "note": 0, "totals": 0, "blank": 0}
        expected[kind] += 1
        assert delivered.account == RowAccount(read=before + 4, data=before + 2, **expected)
        assert delivered.frame["row_number"].to_list()[-2:] == [before + 3, before + 4]
        assert delivered.frame["row_number"].to_list()[:before] == list(range(2, before + 2))


@pytest.mark.parametrize(
    "row",
    [
        ["合计数", *PAD],
        ["合计组", "", "合计", "", "", ""],
        ["610629001009", *PAD],
        ["注溪村", "", "备注", "", "", ""],
    ],
)
def test_a_row_that_only_resembles_totals_or_a_note_is_data(row: list[str], tmp_path: Path) -> None:
    for before in (1, 40):
        delivered = read(tmp_path, lines(HEADERS, *[ROWS[0]] * before, row))
        assert delivered.account.data == before + 1


@pytest.mark.parametrize(
    "notes",
    [
        [["填表说明"]],
        [["填表说明", *PAD]],
        [["按身份证填写", *PAD], ["日期写作2026-01-01", *PAD]],
        [["", "18 位", *PAD[1:]]],
        [["说明必填", "18 位", "本人姓名", "平方米", "日期", "可空"]],
        [["注", "18 位", "本人姓名", "平方米", "日期", "可空"]],
        [["注：十二位", "18 位", "本人姓名", "平方米", "日期", "可空"]],
    ],
)
def test_note_rows_directly_below_the_header_are_skipped(notes: list[list[str]], tmp_path: Path) -> None:
    delivered = read(tmp_path, lines(HEADERS, *notes, *ROWS))
    assert delivered.account.note == len(notes)
    assert delivered.account.data == len(ROWS)


def test_a_one_cell_row_below_the_first_data_row_is_data(tmp_path: Path) -> None:
    delivered = read(tmp_path, lines(HEADERS, ROWS[0], ["", "", "王丙", "", "", ""]))
    assert delivered.frame["name"].to_list() == ["张甲一", "王丙"]


def test_many_one_cell_rows_below_the_header_are_not_all_notes(tmp_path: Path) -> None:
    delivered = read(tmp_path, lines(HEADERS, *([[f"61062900100{n}", *PAD] for n in range(9)])))
    assert (delivered.account.note, delivered.account.data) == (5, 4)


def test_notes_are_not_looked_for_below_a_long_gap(tmp_path: Path) -> None:
    gap = [["", *PAD]] * 30
    delivered = read(tmp_path, lines(HEADERS, *gap, *ROWS, ["合组", *PAD]))
    assert (delivered.account.note, delivered.account.blank, delivered.account.data) == (0, 30, 4)


def test_columns_come_by_header_in_any_order_with_extra_ones_reported(tmp_path: Path) -> None:
    rows = [[*row[::-1], "东街1号", "汉", "无"] for row in [HEADERS, *ROWS]]
    rows[0][-3:] = ["现住址", "民 族", "宗教信仰"]
    delivered = read(tmp_path, lines(*rows))
    assert delivered.frame.columns == ["row_number", *COLUMNS]
    assert delivered.frame["name"].to_list() == [row[2] for row in ROWS]
    assert delivered.extra_headers == ["现住址"]
    assert delivered.dropped_headers == ["民族", "宗教信仰"]


def test_an_optional_column_may_be_missing_and_is_named(tmp_path: Path) -> None:
    delivered = read(tmp_path, lines(*(row[:5] for row in [HEADERS, *ROWS])))
    assert delivered.missing_optional == ["card_no"]
    assert delivered.frame.columns == ["row_number", *COLUMNS[:5]]


def test_padding_columns_are_accepted_where_the_header_row_has_them_too(tmp_path: Path) -> None:
    delivered = read(tmp_path, lines(*([*row, "", ""] for row in [HEADERS, *ROWS])))
    assert delivered.frame.select(COLUMNS).height == 3
    with pytest.raises(Refusal) as caught:
        read(tmp_path, lines(HEADERS, *([*row, "", ""] for row in ROWS)))
    assert caught.value.code == "ragged_row"


def test_every_header_and_alias_of_every_contract_is_recognised(tmp_path: Path) -> None:
    for contract in load_contracts().values():
        for spelling in range(4):
            headers = [column.headers[min(spelling, len(column.headers) - 1)] for column in contract.columns]
            row = [f"x{index}" for index in range(len(headers))]
            path = write(tmp_path, lines([f" {header}\u3000" for header in headers], row).encode())
            frame = read_file(path, contract).frame
            assert frame.row(0) == (2, *row), contract.dataset


ROW_KINDS = {
    "data": ROWS[0],
    "totals": ["合计", *PAD],
    "short totals": ["总计", "12"],
    "blank": [],
    "padded blank": ["", *PAD],
    "header": HEADERS,
    "note": ["备注：无", *PAD],
    "multi-line": ["610629001001", '"1\n2"', "王\n丙".join('""'), "", "2026-01-05", ""],
}


@settings(max_examples=60, deadline=None)
@given(
    titles=st.lists(st.sampled_from(["洛川县名册", "洛川县名册,,,,,", "", ",,,,,"]), max_size=4),
    kinds=st.lists(st.sampled_from(sorted(ROW_KINDS)), max_size=12),
    line_end=st.sampled_from(["\n", "\r\n"]),
    is_ended=st.booleans(),
)
def test_the_account_adds_up_for_any_mixture_of_rows(
    tmp_path_factory: pytest.TempPathFactory, titles: list[str], kinds: list[str], line_end: str, is_ended: bool
) -> None:
    kinds = ["data", *kinds, "data"]
    text = "".join(title + "\n" for title in titles) + lines(HEADERS, *(ROW_KINDS[kind] for kind in kinds))
    text = text if is_ended else text.removesuffix("\n")
    delivered = read(tmp_path_factory.mktemp("rows"), text.replace("\n", line_end))
    multi = kinds.count("multi-line")
    blank_titles = sum(not title.strip(",") for title in titles)
    assert delivered.account == RowAccount(
        read=len(titles) + 1 + len(kinds) + 2 * multi,
        data=kinds.count("data") + multi,
        title=len(titles) - blank_titles,
        header=1 + kinds.count("header"),
        note=kinds.count("note"),
        totals=kinds.count("totals") + kinds.count("short totals"),
        blank=blank_titles + kinds.count("blank") + kinds.count("padded blank"),
        continuation=2 * multi,
    )
    assert delivered.account.read == sum(astuple(delivered.account)[1:])


def test_links_pipes_and_folders_are_refused_without_waiting(tmp_path: Path) -> None:
    target = write(tmp_path, CLEAN.encode(), "target.csv")
    (tmp_path / "link.csv").symlink_to(target)
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "folder.csv").mkdir()
    for name in ("link.csv", "pipe.csv", "folder.csv"):
        with pytest.raises(Refusal) as caught:
            read_file(tmp_path / name, REGISTER)
        assert caught.value.code == "not_regular_file"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("missing.csv", "file_unreadable"),
        ("old.xls", "file_type_unknown"),
        ("macros.xlsm", "file_type_unknown"),
        ("csv", "file_type_unknown"),
        ("file.csv.part", "file_type_unknown"),
    ],
)
def test_other_files_are_refused_by_name(name: str, code: str, tmp_path: Path) -> None:
    if code == "file_type_unknown":
        write(tmp_path, CLEAN.encode(), name)
    with pytest.raises(Refusal) as caught:
        read_file(tmp_path / name, REGISTER)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "name",
    ["-rf.csv", "a;b.CSV", "$(id).csv", "`id`.csv", "a\nb.csv", "..csv.csv", "\u202egnp.csv", "%2e%2e.csv", "'; --.csv",
     "<b>.csv", "a\x1b[31m.csv", "*.csv", "nul.csv", "表格.csv", " .csv"],
)  # fmt: skip
def test_the_name_of_a_file_means_nothing(name: str, tmp_path: Path) -> None:
    assert read_file(write(tmp_path, CLEAN.encode(), name), REGISTER).account.data == 3


def test_every_refusal_is_worded_in_both_languages() -> None:
    for code in REFUSAL_CODES:
        refusal = refuse(code, "第 1 行 / row 1", "实际", "found")
        assert refusal.code == code
        assert "实际" in refusal.zh and "found" in refusal.en


def test_a_workbook_and_a_text_file_of_the_same_rows_have_the_same_account(tmp_path: Path) -> None:
    rows: list[list[Cell]] = [["名册"], [], list(HEADERS), ["填表说明"], *map(list, ROWS), ["合计", None, None, 136]]
    text = "名册\n\n" + lines(HEADERS, ["填表说明"], *ROWS, ["合计", "", "", "136", "", ""])
    book = read_file(write(tmp_path, workbook_bytes(rows), "a.xlsx"), REGISTER)
    plain = read(tmp_path, text)
    assert book.account == plain.account
    assert book.frame.equals(plain.frame)
