"""Which months of events a delivery tells more of, worked out row by row, apart from the product's own way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from expectations.contract import Contract, load_contract
from pipelines.settings import month_end, month_start


class Delivered(Protocol):
    """One delivered file, as `tests.support.lake.Batch`."""

    @property
    def dataset(self) -> str: ...
    @property
    def month(self) -> str: ...
    @property
    def rows(self) -> Sequence[Mapping[str, Any]]: ...


@dataclass(frozen=True)
class _Version:
    """`months`: those that it falls in. `days`: those that it names."""

    delivered: date
    months: frozenset[date]
    days: frozenset[date]


def months_of_events(
    batches: Iterable[Delivered], dirty: set[date], known_before: date | None
) -> tuple[set[date], set[date]]:
    """Months of events to sum again, and the months that any version of these events was delivered for.

    An event is summed again, with every month that a version of it falls in, where one was delivered for a dirty month or
    names a day after `known_before`, the last cut-off of the months that are not dirty.
    """
    summed, versions = set(dirty), list(_versions(batches).values())
    for event in versions:
        if any(one.delivered in dirty or _is_news(one, known_before) for one in event):
            summed |= _months(event)
    return summed, dirty | {one.delivered for event in versions if summed & _months(event) for one in event}


def _versions(batches: Iterable[Delivered]) -> dict[tuple[Any, ...], list[_Version]]:
    """All versions by event. A row without a key is an event of its own."""
    found: dict[tuple[Any, ...], list[_Version]] = {}
    for batch in batches:
        contract = load_contract(batch.dataset)
        if contract.cohort_date is not None:
            for row in batch.rows:
                key = tuple(row.get(name, id(row)) for name in contract.key)
                found.setdefault((batch.dataset, *key), []).append(_version(row, contract, month_start(batch.month)))
    return found


def _version(row: Mapping[str, Any], contract: Contract, delivered: date) -> _Version:
    days = {name: _day(value) for name, value in row.items() if isinstance(value, date)}
    cohort = days.get(contract.cohort_date or "", date.max)
    fell = cohort.replace(day=1) if cohort <= month_end(delivered) else delivered
    is_refused = any(severity == "error" for _, severity in row.get("verdicts", ()))
    return _Version(delivered, frozenset({fell, delivered} if is_refused else {fell}), frozenset(days.values()))


def _day(moment: date) -> date:
    return moment.date() if isinstance(moment, datetime) else moment


def _is_news(version: _Version, known_before: date | None) -> bool:
    return known_before is not None and any(day > known_before for day in version.days)


def _months(event: list[_Version]) -> set[date]:
    return {month for version in event for month in version.months}
