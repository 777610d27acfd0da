"""Periods: which months make a quarter, a year and a year to date, and how they are called."""

from __future__ import annotations

from datetime import date

import pytest

from pipelines.calendar import Period, periods_of
from pipelines.settings import add_months, local_time, month_end, month_name, month_start


def period(period_type: str, months: list[date]) -> Period:
    (found,) = [found for found in periods_of(months) if found.period_type == period_type]
    return found


def test_one_month_lies_in_a_month_a_quarter_a_year_and_a_year_to_date() -> None:
    found = periods_of([date(2026, 5, 1)])
    assert [(one.period_type, one.period, one.start_date, one.end_date) for one in found] == [
        ("month", date(2026, 5, 1), date(2026, 5, 1), date(2026, 5, 31)),
        ("quarter", date(2026, 4, 1), date(2026, 4, 1), date(2026, 6, 30)),
        ("year", date(2026, 1, 1), date(2026, 1, 1), date(2026, 12, 31)),
        ("ytd", date(2026, 5, 1), date(2026, 1, 1), date(2026, 5, 31)),
    ]


def test_half_a_year_gives_six_months_two_quarters_one_year_and_six_years_to_date() -> None:
    found = periods_of([date(2026, month, 1) for month in range(1, 7)])
    counts = {kind: sum(one.period_type == kind for one in found) for kind in ("month", "quarter", "year", "ytd")}
    assert counts == {"month": 6, "quarter": 2, "year": 1, "ytd": 6}


def test_periods_do_not_depend_on_the_order_of_months_and_no_months_give_none() -> None:
    months = [date(2025, 12, 1), date(2026, 1, 1), date(2026, 2, 1)]
    assert periods_of(months) == periods_of(months[::-1])
    assert periods_of([]) == []


def test_a_year_to_date_starts_anew_in_january() -> None:
    assert period("ytd", [date(2026, 1, 1)]).months() == [date(2026, 1, 1)]
    assert period("ytd", [date(2025, 12, 1)]).months() == [date(2025, month, 1) for month in range(1, 13)]


def test_a_quarter_has_three_months_and_ends_on_its_last_day() -> None:
    quarter = period("quarter", [date(2024, 2, 1)])
    assert quarter.months() == [date(2024, 1, 1), date(2024, 2, 1), date(2024, 3, 1)]
    assert quarter.end_date == date(2024, 3, 31)


@pytest.mark.parametrize(
    ("month", "zh", "en"),
    [
        (
            date(2026, 5, 1),
            ["2026年5月", "2026年第二季度", "2026年", "2026年1—5月"],
            ["2026-05", "2026 Q2", "2026", "2026 to 2026-05"],
        ),
        (
            date(2025, 12, 1),
            ["2025年12月", "2025年第四季度", "2025年", "2025年1—12月"],
            ["2025-12", "2025 Q4", "2025", "2025 to 2025-12"],
        ),
        (
            date(2026, 1, 1),
            ["2026年1月", "2026年第一季度", "2026年", "2026年1月累计"],
            ["2026-01", "2026 Q1", "2026", "2026 to 2026-01"],
        ),
    ],
)
def test_periods_are_called_by_their_usual_names(month: date, zh: list[str], en: list[str]) -> None:
    found = periods_of([month])
    assert [one.label_zh for one in found] == zh
    assert [one.label_en for one in found] == en


def test_no_two_periods_have_the_same_name() -> None:
    found = periods_of([date(2026, month, 1) for month in range(1, 13)])
    assert len({one.label_zh for one in found}) == len(found)
    assert len({one.label_en for one in found}) == len(found)


def test_a_month_is_written_with_four_and_two_digits() -> None:
    assert month_start("2026-01") == date(2026, 1, 1)
    assert month_name(date(2026, 1, 31)) == "2026-01"


@pytest.mark.parametrize(
    "text",
    ["2026-13", "2026-00", "2026-1", "202601", "2026/01", "2026-01-01", "２０２６-０１", "02026-1", "026-001", "2026-1 ",
     "0000-01", "", "去年一月"],
)  # fmt: skip
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        month_start(text)


def test_months_are_added_across_years_and_february_knows_leap_years() -> None:
    assert add_months(date(2026, 1, 31), 1) == date(2026, 2, 1)
    assert add_months(date(2026, 1, 1), -1) == date(2025, 12, 1)
    assert add_months(date(2025, 11, 30), 14) == date(2027, 1, 1)
    assert month_end(date(2024, 2, 1)) == date(2024, 2, 29)
    assert month_end(date(2026, 12, 5)) == date(2026, 12, 31)


@pytest.mark.parametrize("at", ["2025-12-31T16:00:59+00:00", "2025-12-31T16:00:59", "2026-01-01T00:00:59+08:00"])
def test_a_moment_is_told_by_the_countys_clock(at: str) -> None:
    assert local_time(at) == "2026-01-01 00:00"
