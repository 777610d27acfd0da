"""The periods that figures are given for: months, quarters, years and the year to date."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Literal

from pipelines.errors import WarehouseError, Words
from pipelines.settings import add_months, month_end

PeriodType = Literal["month", "quarter", "year", "ytd"]


@dataclass(frozen=True)
class Period:
    """One period. `period` identifies it within its type: its first day; year to date: of the month it runs to."""

    period_type: PeriodType
    period: date
    start_date: date
    last_month: date

    @property
    def end_date(self) -> date:
        return month_end(self.last_month)

    @property
    def label_zh(self) -> str:
        year, month = self.last_month.year, self.last_month.month
        match self.period_type:
            case "month":
                return f"{year}年{month}月"
            case "quarter":
                return f"{year}年第{'一二三四'[(month - 1) // 3]}季度"
            case "year":
                return f"{year}年"
            case "ytd":
                return f"{year}年1—{month}月" if month > 1 else f"{year}年1月累计"

    @property
    def label_en(self) -> str:
        year, month = self.last_month.year, self.last_month.month
        match self.period_type:
            case "month":
                return f"{year}-{month:02d}"
            case "quarter":
                return f"{year} Q{(month - 1) // 3 + 1}"
            case "year":
                return f"{year}"
            case "ytd":
                return f"{year} to {year}-{month:02d}"

    def months(self) -> list[date]:
        """First days of the period's months."""
        months, month = [], self.start_date
        while month <= self.last_month:
            months.append(month)
            month = add_months(month, 1)
        return months


def periods_of(months: list[date]) -> list[Period]:
    """Every period that contains one of the months, in a fixed order."""
    found: set[Period] = set()
    for month in months:
        january = month.replace(month=1)
        quarter = month.replace(month=(month.month - 1) // 3 * 3 + 1)
        found |= {
            Period("month", month, month, month),
            Period("quarter", quarter, quarter, add_months(quarter, 2)),
            Period("year", january, january, add_months(january, 11)),
            Period("ytd", month, january, month),
        }
    return sorted(found, key=lambda period: (period.period_type, period.period))


_NAMED: dict[PeriodType, re.Pattern[str]] = {
    "month": re.compile(r"(?P<year>\d{4})-(?P<month>0[1-9]|1[0-2])"),
    "quarter": re.compile(r"(?P<year>\d{4})-Q(?P<quarter>[1-4])"),
    "year": re.compile(r"(?P<year>\d{4})"),
    "ytd": re.compile(r"(?P<year>\d{4})-01[–~](?P<month>0[1-9]|1[0-2])"),
}


def period_named(text: str) -> tuple[PeriodType, date]:
    """Type and `period` of 2026-06, 2026-Q2, 2026 or 2026-01~06. WarehouseError for any other text."""
    for period_type, pattern in _NAMED.items():
        found = pattern.fullmatch(text)
        if found is not None:
            parts = found.groupdict()
            month = int(parts.get("month") or 3 * int(parts.get("quarter") or 1) - 2)
            return period_type, date(int(parts["year"]), month, 1)
    raise WarehouseError(
        Words("看不懂这个期间", "This is not the name of a period"),
        where="period",
        expected=Words("2026-06、2026-Q2、2026 或 2026-01~06", "2026-06, 2026-Q2, 2026 or 2026-01~06"),
        found=Words(text, text),
        advice=Words("按其中一种写法给出期间", "name the period in one of these ways"),
    )
