"""Text files: each encoding and malformation is either equal to the clean file or refused by name."""

from __future__ import annotations

import codecs
import csv
import io
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.errors import Refusal
from pipelines.reading import read_file
from tests.support.delivered_files import (
    CLEAN,
    COLUMNS,
    EVENTS,
    HEADERS,
    REGISTER,
    ROWS,
    SECRET_NAME,
    lines,
    write,
)

EXPECTED = [tuple(cell or None for cell in row) for row in ROWS]

ACCEPTED = {
    "utf-8": (CLEAN.encode(), "utf-8"),
    "utf-8 with byte order mark": (CLEAN.encode("utf-8-sig"), "utf-8-sig"),
    "gb18030": (CLEAN.encode("gb18030"), "gb18030"),
    "gb18030 with CRLF": (CLEAN.replace("\n", "\r\n").encode("gb18030"), "gb18030"),
    "utf-8 with CRLF": (CLEAN.replace("\n", "\r\n").encode(), "utf-8"),
    "CRLF and LF mixed": (CLEAN.replace("\n", "\r\n", 2).encode(), "utf-8"),
    "no line end at the end": (CLEAN.rstrip("\n").encode(), "utf-8"),
    "every cell quoted": (lines(*([f'"{c}"' for c in row] for row in [HEADERS, *ROWS])).encode(), "utf-8"),
    "spaces and a line break inside headers": (
        CLEAN.replace("社区代码", " 社 区\u3000代码", 1).replace("姓名", '"姓\n名"', 1).encode(),
        "utf-8",
    ),
    "full-width and half-width headers alike": (
        CLEAN.replace("建筑面积", "建筑面积(平方米)", 1).encode("gb18030"),
        "gb18030",
    ),
}

BIG5 = "社區代碼,證件號碼,姓名,建築面積,入住日期,卡號\n610629001001,999,張三,1,2026-01-05,\n"
KOREAN = "사회코드,증명번호,이름,면적,날짜\n610629001001,999,김,1,2026-01-05\n"

REFUSED: dict[str, tuple[bytes, str]] = {
    "zero bytes": (b"", "file_empty"),
    "only a byte order mark": (codecs.BOM_UTF8, "file_empty"),
    "only blank lines": (b"\r\n \r\n\n", "file_empty"),
    "utf-16 little endian": (codecs.BOM_UTF16_LE + CLEAN.encode("utf-16-le"), "encoding_utf16"),
    "utf-16 big endian": (codecs.BOM_UTF16_BE + CLEAN.encode("utf-16-be"), "encoding_utf16"),
    "utf-16 without mark": (CLEAN.encode("utf-16-le"), "encoding_utf16"),
    "utf-16 big endian without mark": (CLEAN.encode("utf-16-be"), "encoding_utf16"),
    "utf-32": (codecs.BOM_UTF32_LE + CLEAN.encode("utf-32-le"), "encoding_utf32"),
    "utf-32 without mark": (CLEAN.encode("utf-32-be"), "encoding_utf32"),
    "NUL among the text": (CLEAN.replace("56.30", "56\0.30").encode(), "nul_bytes"),
    "NULs at the end, as after a crash": (CLEAN.encode("gb18030") + bytes(512), "nul_bytes"),
    "utf-8 mark before gb18030": (codecs.BOM_UTF8 + CLEAN.encode("gb18030"), "encoding_unknown"),
    "utf-8 cut inside a character": (CLEAN.encode()[: CLEAN.encode().rindex("七".encode()) + 1], "encoding_truncated"),
    "gb18030 cut inside a character": (
        CLEAN.encode("gb18030")[: CLEAN.encode("gb18030").rindex("日".encode("gb18030")) + 1],
        "encoding_truncated",
    ),
    "a byte of no encoding": (CLEAN.encode("gb18030").replace(b"56.30", b"56\xff30"), "encoding_unknown"),
    "a broken byte in utf-8": (CLEAN.encode().replace("王丙".encode(), b"\xe7\x8e\xff"), "encoding_unknown"),
    "big5": (BIG5.encode("big5"), "header_not_found"),
    "korean": (KOREAN.encode("cp949"), "header_not_found"),
    "CR alone": (CLEAN.replace("\n", "\r").encode(), "line_ends_cr"),
    "one CR alone": (CLEAN.replace("王丙", "王\r丙").encode("gb18030"), "line_ends_cr"),
    "tabs": (CLEAN.replace(",", "\t").encode(), "delimiter_wrong"),
    "semicolons": (CLEAN.replace(",", ";").encode("gb18030"), "delimiter_wrong"),
    "full-width commas": (CLEAN.replace(",", "，").encode(), "delimiter_wrong"),
    "a quote never closed": (CLEAN.replace("王丙", '"王丙').encode(), "quote_unclosed"),
    "two quotes never closed": (
        CLEAN.replace(SECRET_NAME, f'"{SECRET_NAME}').replace("王丙", '"王丙').encode(),
        "quote_misplaced",
    ),
    "a quote closed two rows later": (
        CLEAN.replace(SECRET_NAME, f'"{SECRET_NAME}').replace("王丙", '王丙"').encode(),
        "quote_spans_rows",
    ),
    "a quote closed in another column of the next row": (
        CLEAN.replace("56.30", '"56.30').replace("李乙·买买提", '李乙·买买提"').encode(),
        "quote_spans_rows",
    ),
    "a quote inside a cell": (CLEAN.replace("王丙", '王"丙"').encode(), "quote_misplaced"),
    "text after a closing quote": (CLEAN.replace("王丙", '"王"丙').encode(), "quote_misplaced"),
    "a space before a quote": (CLEAN.replace("王丙", ' "王丙"').encode(), "quote_misplaced"),
    "a short row": (CLEAN.replace(",A-7", "").encode(), "ragged_row"),
    "a long row": (CLEAN.replace(",A-7", ",A-7,").encode(), "ragged_row"),
    "a long row of quoted cells": (CLEAN.replace(",A-7", ',"A-7",""').encode(), "ragged_row"),
    "a comma in an unquoted cell": (CLEAN.replace("56.30", "1,056.30").encode(), "ragged_row"),
    "a row cut off at the end": (CLEAN[: CLEAN.rindex("王丙")].encode(), "ragged_row"),
    "no header": (lines(*ROWS).encode(), "header_not_found"),
    "another dataset's header": (CLEAN.replace(",".join(HEADERS), "甲,乙,丙,丁,戊,己").encode(), "header_not_found"),
    "a required column missing": (lines(*(row[:3] + row[4:] for row in [HEADERS, *ROWS])).encode(), "header_missing"),
    "a required column renamed": (CLEAN.replace("入住日期", "日期", 1).encode(), "header_missing"),
    "a header twice": (CLEAN.replace("卡号", "姓名", 1).encode(), "header_duplicate"),
    "an unknown header twice": (lines(*([*row, "x", "x"] for row in [HEADERS, *ROWS])).encode(), "header_duplicate"),
    "two headers of one column": (CLEAN.replace("卡号", "身份证号", 1).encode(), "header_ambiguous"),
    "a column without a header": (CLEAN.replace("卡号", "", 1).encode(), "header_empty"),
    "data before the header": (lines(ROWS[0], HEADERS, *ROWS[1:]).encode(), "data_before_header"),
    "a header too far down": (("标题\n" * 10 + CLEAN).encode(), "header_not_found"),
    "a header and no rows": (lines(HEADERS).encode(), "no_data_rows"),
    "a header and totals": (lines(HEADERS, ["合计", "", "", "", "", ""]).encode(), "no_data_rows"),
    "a card number in E notation": (CLEAN.replace("A-7", "6.22202E+18").encode(), "number_mangled"),
}  # fmt: skip


@pytest.mark.parametrize("name", ACCEPTED)
def test_a_file_of_the_dialect_equals_the_clean_one(name: str, tmp_path: Path) -> None:
    content, encoding = ACCEPTED[name]
    delivered = read_file(write(tmp_path, content), REGISTER)
    assert delivered.encoding == encoding
    assert delivered.frame.columns == ["row_number", *COLUMNS]
    assert delivered.frame.select(COLUMNS).rows() == EXPECTED
    assert delivered.account.is_balanced


@pytest.mark.parametrize("name", REFUSED)
def test_a_malformed_file_is_refused_by_name_and_quotes_no_cell(name: str, tmp_path: Path) -> None:
    content, code = REFUSED[name]
    with pytest.raises(Refusal) as caught:
        read_file(write(tmp_path, content), REGISTER)
    assert caught.value.code == code
    for row in ROWS:
        for secret in (row[1], row[2]):
            assert not secret or secret not in caught.value.zh + caught.value.en


def test_a_refusal_names_the_line(tmp_path: Path) -> None:
    content = "标题\n" + CLEAN.replace(",A-7", "")
    with pytest.raises(Refusal, match="row 5"):
        read_file(write(tmp_path, content.encode()), REGISTER)


def test_a_missing_column_is_named_with_what_stands_there_instead(tmp_path: Path) -> None:
    with pytest.raises(Refusal) as caught:
        read_file(write(tmp_path, CLEAN.replace("入住日期", "日期", 1).encode()), REGISTER)
    assert "缺少 入住日期" in caught.value.zh
    assert "headers not recognised: 日期" in caught.value.en


def test_an_event_file_without_rows_says_that_nothing_happened(tmp_path: Path) -> None:
    delivered = read_file(write(tmp_path, lines(HEADERS).encode()), EVENTS)
    assert delivered.frame.height == 0
    assert delivered.frame.columns == ["row_number", *COLUMNS]
    assert (delivered.account.read, delivered.account.header) == (1, 1)


@pytest.mark.parametrize(
    ("code", "character"),
    [
        (b"\xfe\x59", "\u9fb4"),
        (b"\xfe\x51", "\U00020087"),
        (b"\xa8\xbc", "\u1e3f"),
        (b"\x82\x35\x90\x37", "\u9fb4"),
        (b"\x95\x32\x90\x31", "\U00020087"),
        ("䶮".encode("gb18030"), "䶮"),
    ],
)
def test_rare_characters_of_gb18030_2022_get_their_real_code_points(
    code: bytes, character: str, tmp_path: Path
) -> None:
    content = CLEAN.encode("gb18030").replace("王丙".encode("gb18030"), b"\xcd\xf5" + code)
    assert read_file(write(tmp_path, content), REGISTER).frame["name"][2] == "王" + character


def _is_dialect(cell: str) -> bool:
    """Not: a CR alone, private use, or a cell with as many commas and lines as would make it look like two rows."""
    looks_like_rows = "\n" in cell and cell.count(",") >= len(HEADERS) - 1
    return not re.search(r"\r(?!\n)|[\ue000-\uf8ff]", cell) and not looks_like_rows


CELLS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=12).filter(_is_dialect)
SPECIAL = st.text(st.sampled_from(',"\n \t;=+-@\'　·𠂇é0'), max_size=8).filter(_is_dialect)


@settings(max_examples=150, deadline=None)
@given(
    names=st.lists(CELLS | SPECIAL, min_size=1, max_size=5),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "gb18030"]),
    line_end=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_cells_come_back_bit_for_bit(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], encoding: str, line_end: str, quoting: int
) -> None:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator=line_end, quoting=quoting)  # type: ignore[arg-type]
    writer.writerow(HEADERS)
    for name in names:
        writer.writerow(["610629001001", "9990", name, "", "2026-01-05", ""])
    content = buffer.getvalue().encode(encoding)
    delivered = read_file(write(tmp_path_factory.mktemp("csv"), content), REGISTER)
    assert delivered.frame["name"].to_list() == [name or None for name in names]
    assert delivered.account.read == content.count(b"\n")
    assert delivered.account.is_balanced


def test_codes_survive_bit_for_bit(tmp_path: Path) -> None:
    codes = [f"{number:018d}" for number in range(0, 10**18, 10**18 // 5_000)]
    rows = [["610629001001", code, "甲", "", "2026-01-05", code] for code in codes]
    frame = read_file(write(tmp_path, lines(HEADERS, *rows).encode("gb18030")), REGISTER).frame
    assert frame["id_number"].to_list() == codes
    assert frame["card_no"].to_list() == codes


def test_only_strict_options_of_readers_are_used() -> None:
    lenient = re.compile(
        r"ignore_errors\s*=\s*True|truncate_ragged_lines\s*=\s*True|strict_mode\s*=\s*false|null_padding\s*=\s*true"
        r"|errors\s*=\s*[\"'](ignore|replace|surrogateescape)"
    )
    packages = [Path(__file__).parents[2] / "pipelines" / name for name in ("reading", "excel_child")]
    files = [path for package in packages for path in package.rglob("*.py")]
    found = [path.name for path in files if lenient.search(path.read_text("utf-8"))]
    assert len(files) > 10
    assert found == []
