"""The periods that figures are given for: months, quarters, years and the year to date."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

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
