"""Measures: what the rows of datasets add up to in every unit, declared in `dbt/measures/<mart>.yml`.

Belongs here: the model of these files and the columns that a measure becomes.
Does not belong here: the SQL that follows (see `dbt_marts`); KPIs, which are declared in `dbt/kpis` over the columns.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, model_validator

from pipelines.settings import DBT_DIR

MEASURES_DIR = DBT_DIR / "measures"
AT_ONCE = "at_once"
KEYS = {
    "unit_key": ("varchar", "单位标识 / unit"),
    "month": ("date", "月份首日（事件为受理月） / first day of the month; of an event, the month it belongs to"),
    "known_month": ("date", "自何月截止日起可知 / month from whose cut-off on this is known"),
}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Part(_Strict):
    """A column that a measure becomes, or a part of it: the `aggregate` of `amount` over the rows for which `condition`
    holds, of events known from the day `known_on`.

    A maximum tells whether a place has such a row; a sum `unless` there is one counts a place once where it does not.
    """

    suffix: str
    condition: str
    amount: str
    known_on: str
    zh: str
    en: str
    aggregate: Literal["sum", "min", "max"] = "sum"
    unless: str | None = None


class Measure(_Strict):
    """What the rows of one dataset add up to.

    `counts` and `passes` are conditions over the columns of the staging model, three-valued: what a quarantined row
    does not say is null, and null is "it may be". `amount` and `passed_amount` are summed instead of rows; of a minimum the
    least amount is taken (of registers, and for stocks only: the least of several months is not their sum).
    `counted_on` and `passed_on` (of events) are the columns with the day from which on that is known; default: at once. A
    day that a quarantined row does not say is unknown, so that it may be at once; of an accepted row null is never.
    """

    name: str
    of: str
    # the model with the dataset's rows, where that is not its staging model
    rows: str | None = None
    kind: Literal["count", "rate", "places", "minimum"]
    counts: str = "true"
    passes: str | None = None
    amount: str | None = None
    passed_amount: str | None = None
    counted_on: str = AT_ONCE
    passed_on: str | None = None
    zh: str
    en: str

    @model_validator(mode="after")
    def _is_consistent(self) -> Measure:
        if (self.kind == "rate") != bool(self.passes or self.passed_amount):
            raise ValueError(f"{self.name}: a rate, and only that, says what passes")
        if self.passed_amount and not self.amount:
            raise ValueError(f"{self.name}: passed_amount is a part of an amount")
        if self.kind == "places" and self.amount:
            raise ValueError(f"{self.name}: places are counted, not summed")
        if self.kind == "minimum" and not self.amount:
            raise ValueError(f"{self.name}: a minimum is one of amounts")
        return self

    def type_of(self, part: Part) -> str:
        """The type of a column: bigint where rows are counted, else that of amounts."""
        return "bigint" if part.amount in ("1", "-1") else "decimal(18,2)"

    def columns(self, *, is_event: bool) -> dict[str, Part]:
        """The columns that the measure becomes."""
        return {self.name + part.suffix: part for part in self.parts(is_event=is_event)}

    def parts(self, *, is_event: bool) -> list[Part]:
        """What is summed of each row: SQL over rows that carry the flags `<name>_counts`, `_may_count` …"""
        if self.kind == "places":
            return [
                self._part("", f"{self.name}_counts", "1", AT_ONCE, "", "", aggregate="max"),
                self._part(
                    "_doubtful", f"{self.name}_may_count", "1", AT_ONCE, "仅隔离行可能有的", "only by quarantined rows", unless=self.name
                ),
            ]
        if self.kind == "minimum":
            return self._least(self.amount or "")
        if self.kind == "count":
            return self._count(is_event=is_event)
        return self._rate(is_event=is_event)

    def _count(self, *, is_event: bool) -> list[Part]:
        amount, may_count = self.amount or "1", f"{self.name}_may_count"
        parts = [
            self._part("", f"{self.name}_counts", amount, self.counted_on, "", ""),
            self._part("_doubtful", may_count, amount, self.counted_on, "隔离行中可能计入的", "quarantined, may count"),
        ]
        if is_event:
            revised = f"{self.name}_is_revised"
            parts.append(self._part("_revised", revised, amount, self.counted_on, "另有隔离行更改的", "revised by a quarantined row"))
        return parts + self._unbounded(may_count)

    def _rate(self, *, is_event: bool) -> list[Part]:
        """What passes of an event passes on a day; until then it fails, and a quarantined one may fail."""
        base, passed = self.amount or "1", self.passed_amount or self.amount or "1"
        counts, revised = f"{self.name}_counts", f"{self.name}_is_revised"
        own = f"{self.name}_is_own" if is_event else f"{self.name}_may_count"
        passes = f"coalesce({self.passes}, false)" if self.passes else "true"
        may_pass = f"coalesce({self.passes}, true)" if self.passes else "true"
        may_fail = f"not coalesce({self.passes}, false)" if self.passes else "true"
        passed_on = self.passed_on or self.counted_on
        is_later = passed_on != self.counted_on
        # counted and passed: the later of both days, and the one that is known where the other is not
        both_on = f"greatest({passed_on}, {self.counted_on})" if is_later and self.counted_on != AT_ONCE else passed_on
        said_to_fail = "隔离行中可能未达到的", "quarantined, may fail"
        if is_later:
            said_to_fail = f"{said_to_fail[0]}（达到之月起扣除）", f"{said_to_fail[1]} (taken off from the month in which it passes)"
        parts = [
            self._part("", counts, base, self.counted_on, "", ""),
            self._part("_passed", f"{counts} and {passes}", passed, passed_on, "其中达到的", "that pass"),
            self._part("_may_pass", f"{own} and {may_pass}", base, both_on, "隔离行中可能达到的", "quarantined, may pass"),
            self._part("_may_fail", own if is_later else f"{own} and {may_fail}", base, self.counted_on, *said_to_fail),
        ]
        if is_later:
            has_passed = f"{own} and {passes} and {passed_on} is not null"
            parts.append(self._part("_may_fail", has_passed, f"-{base}", both_on, *said_to_fail))
        if is_event:
            parts += [
                self._part("_revised", revised, base, AT_ONCE, "另有隔离行更改的", "revised by a quarantined row"),
                self._part("_revised_counted", revised, base, self.counted_on, "已计入而另有更改的", "counted and revised"),
                self._part("_revised_passed", f"{revised} and {passes}", passed, passed_on, "已达到而另有更改的", "passed and revised"),
            ]
        return parts + self._unbounded(own)

    def _least(self, amount: str) -> list[Part]:
        """The least amount of the rows that count and of those that may, and how many rows with an amount there are."""
        counts, may_count = f"{self.name}_counts", f"{self.name}_may_count"
        return [
            self._part("", counts, amount, AT_ONCE, "", "", aggregate="min"),
            self._part("_rows", f"{counts} and {amount} is not null", "1", AT_ONCE, "行数", "rows"),
            self._part("_doubtful", may_count, amount, AT_ONCE, "隔离行中可能计入的", "quarantined, may count", aggregate="min"),
            self._part("_doubtful_rows", f"{may_count} and {amount} is not null", "1", AT_ONCE, "可能计入的隔离行数", "quarantined rows that may count"),
            *self._unbounded(may_count),
        ]

    def _part(
        self, suffix: str, condition: str, amount: str, known_on: str, zh: str, en: str, **how: Any
    ) -> Part:  # fmt: skip
        said = (f"{self.zh}：{zh}", f"{self.en}: {en}") if zh else (self.zh, self.en)
        return Part(suffix=suffix, condition=condition, amount=amount, known_on=known_on, zh=said[0], en=said[1], **how)

    def _unbounded(self, condition: str) -> list[Part]:
        if not self.amount:
            return []
        unknown = f"{condition} and {self.amount} is null"
        return [self._part("_unbounded", unknown, "1", self.counted_on, "数量不可用的隔离行数", "quarantined rows without a usable amount")]


class Mart(_Strict):
    """One mart: measures over registers (one row per unit and month) or over events (per month known, too).

    `place` is the column that says where a row counts: a community, or a unit of any level (`unit_code`), which may lie
    in another county. A row counts there and in the units above; where the mart `has_grids`, rows that name a grid count
    in it as well.
    """

    mart: str
    title_zh: str
    title_en: str
    rows: Literal["registers", "events"]
    place: Literal["community_code", "unit_code"] = "community_code"
    has_grids: bool = False
    measures: tuple[Measure, ...]

    @model_validator(mode="after")
    def _has_no_minimum_of_events(self) -> Mart:
        if self.is_event and any(measure.kind == "minimum" for measure in self.measures):
            raise ValueError(f"{self.mart}: a minimum is taken of registers only")
        return self

    @model_validator(mode="after")
    def _counts_events_in_rates(self) -> Mart:
        """A revision in doubt may say any amount: what it could add would have no bound in the listing that counts."""
        if self.is_event and any(measure.kind == "rate" and measure.amount for measure in self.measures):
            raise ValueError(f"{self.mart}: a rate of events counts them")
        return self

    @model_validator(mode="after")
    def _has_no_minimum_of_units(self) -> Mart:
        if self.place == "unit_code" and any(measure.kind == "minimum" for measure in self.measures):
            raise ValueError(f"{self.mart}: a minimum is taken in communities only")
        return self

    @model_validator(mode="after")
    def _has_grids_in_communities(self) -> Mart:
        if self.place == "unit_code" and self.has_grids:
            raise ValueError(f"{self.mart}: grids lie in communities")
        return self

    @property
    def is_event(self) -> bool:
        return self.rows == "events"

    @property
    def keys(self) -> list[str]:
        return ["month", "known_month"] if self.is_event else ["month"]

    @cached_property
    def datasets(self) -> list[str]:
        return list(dict.fromkeys(measure.of for measure in self.measures))

    def of(self, dataset: str) -> list[Measure]:
        return [measure for measure in self.measures if measure.of == dataset]

    def columns(self) -> dict[str, tuple[str, str]]:
        """Every measured column with its type and comment, in order."""
        found: dict[str, tuple[str, str]] = {}
        for measure in self.measures:
            for name, part in measure.columns(is_event=self.is_event).items():
                found[name] = (measure.type_of(part), f"{part.zh} / {part.en}")
        return found


def load_marts(folder: Path = MEASURES_DIR) -> list[Mart]:
    """All declared marts. ValueError where a file is not valid or not named after its mart."""
    marts = []
    for path in sorted(folder.glob("*.yml")):
        mart = Mart.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        if mart.mart != path.stem:
            raise ValueError(f"{path.name}: mart is {mart.mart!r}, expected the file's name")
        marts.append(mart)
    return marts
