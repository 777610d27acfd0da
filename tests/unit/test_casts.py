"""Casts: which spellings of a cell are read, and that everything else stays text for a rule to refuse."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from expectations.contract import Column
from pipelines.protection.casts import (
    cast,
    map_choice,
    normalise,
    read_boolean,
    read_date,
    read_list,
    read_number,
    read_timestamp,
)

read_integer = partial(read_number, decimals=0)
read_decimal = partial(read_number, decimals=2)


def value_of(reader: Callable[[pl.Expr], pl.Expr], text: str | None) -> Any:
    """What one delivered cell becomes: normalised first, as every cell is."""
    frame = pl.DataFrame({"text": [text]}, schema={"text": pl.String})
    return frame.select(reader(normalise(pl.col("text")))).item()


@pytest.mark.parametrize(
    "text", ["2026-01-05", "2026/1/5", "2026.1.5", "2026年1月5日", "20260105", "２０２６－０１－０５", " 2026-1-5 "]
)
def test_a_date_is_read_in_each_of_its_spellings(text: str) -> None:
    assert value_of(read_date, text) == date(2026, 1, 5)


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-30",  # no such day
        "2025-02-29",  # no leap year
        "20261301",
        "2026-1",
        "2026年1月",
        "26-1-5",
        "5/1/2026",
        "2026-01-05 08:00",
        "2026-01/05",
        "+2026-1-5",
        "2026- 1-5",
        "46027",  # a spreadsheet's day number
        "1849-12-31",
        "2101-01-01",
        "待定",
        "",
    ],
)
def test_what_is_no_date_of_a_known_spelling_is_not_guessed(text: str) -> None:
    assert value_of(read_date, text) is None


@given(st.dates(min_value=date(1850, 1, 1), max_value=date(2100, 12, 31)))
def test_every_day_survives_every_spelling(day: date) -> None:
    spellings = [
        f"{day:%Y-%m-%d}", f"{day.year}/{day.month}/{day.day}", f"{day.year}.{day.month}.{day.day}",
        f"{day.year}年{day.month}月{day.day}日", f"{day:%Y%m%d}",
    ]  # fmt: skip
    assert pl.DataFrame({"text": spellings}).select(read_date(pl.col("text"))).to_series().to_list() == [day] * 5


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-05 08:30:15", datetime(2026, 1, 5, 8, 30, 15)),
        ("2026/1/5 8:30", datetime(2026, 1, 5, 8, 30)),
        ("2026-01-05T08:30:15", datetime(2026, 1, 5, 8, 30, 15)),
        ("2026年1月5日 08:30", datetime(2026, 1, 5, 8, 30)),
        ("2026-01-05", datetime(2026, 1, 5)),
        ("2026-01-05 24:30", None),
        ("0026-01-05 08:30", None),
        ("08:30", None),
    ],
)
def test_a_timestamp_is_read_with_or_without_its_time_of_day(text: str, expected: datetime | None) -> None:
    assert value_of(read_timestamp, text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12", Decimal("12.00")),
        ("12.5", Decimal("12.50")),
        ("12.50", Decimal("12.50")),
        ("12.5000", Decimal("12.50")),
        ("-0.01", Decimal("-0.01")),
        ("1,234.50", Decimal("1234.50")),
        ("１２．５", Decimal("12.50")),
        ("9999999999999999.99", Decimal("9999999999999999.99")),
        ("12.505", None),  # never rounded
        ("0.001", None),
        ("1,23", None),
        ("12,34.5", None),
        ("1e3", None),
        ("12.", None),
        (".5", None),
        ("99999999999999999", None),
        ("12㎡", None),
        ("-", None),
    ],
)
def test_a_decimal_is_read_exactly_or_not_at_all(text: str, expected: Decimal | None) -> None:
    assert value_of(read_decimal, text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("007", 7),
        ("-3", -3),
        ("1,234,567", 1_234_567),
        ("３", 3),
        ("3.0", None),
        ("3.5", None),
        ("三", None),
        ("12345678901234567", None),
    ],
)
def test_a_whole_number_has_no_decimal_places(text: str, expected: int | None) -> None:
    assert value_of(read_integer, text) == expected


@given(st.decimals(min_value=-(10**15), max_value=10**15, places=2))
def test_every_amount_in_cents_survives(amount: Decimal) -> None:
    assert value_of(read_decimal, str(amount)) == amount


@pytest.mark.parametrize(
    ("text", "expected"),
    [("是", True), ("有", True), ("1", True), ("√", True), ("Ｙ", True), ("否", False), ("无", False), ("0", False),
     ("×", False), ("true", True), ("不详", None), ("2", None), ("是否", None)],
)  # fmt: skip
def test_yes_and_no_are_known_words(text: str, expected: bool | None) -> None:
    assert value_of(read_boolean, text) is expected


def test_a_list_is_split_on_every_separator_in_use() -> None:
    assert value_of(read_list, "610629101201、610629101202；610629101203，610629101204, 610629101205;").to_list() == [
        f"61062910120{number}" for number in range(1, 6)
    ]


def test_an_empty_list_cell_is_null_and_not_a_list_of_nothing() -> None:
    assert value_of(read_list, " ") is None


def test_outer_blanks_and_wide_forms_go_and_an_empty_cell_is_null() -> None:
    cells = pl.DataFrame({"text": ["　６１０６２９１０１２０１ ", "   ", "", None, "（一）组"]})
    assert cells.select(normalise(pl.col("text"))).to_series().to_list() == ["610629101201", None, None, None, "(一)组"]


KIND = Column(
    name="kind", title_zh="类型", title_en="Kind", type="choice", values={"civil": ("民事", "民事纠纷"), "other": ("其他",)}
)


def test_known_spellings_of_a_choice_become_its_value_and_unknown_ones_stay() -> None:
    cells = pl.DataFrame({"text": ["民事", "民事纠纷", "其他", "离婚", None]})
    assert cells.select(map_choice(pl.col("text"), KIND)).to_series().to_list() == [
        "civil", "civil", "other", "离婚", None,
    ]  # fmt: skip


def test_a_code_is_kept_as_it_was_delivered() -> None:
    code = Column(name="code", title_zh="代码", title_en="Code", type="code", pattern="[0-9]{3}")
    assert value_of(partial(cast, column=code), "007") == "007"
    assert value_of(partial(cast, column=code), "7") == "7"
