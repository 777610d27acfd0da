"""Which delivered community is which unit, when the county's own register changes from month to month.

Belongs here: following codes, names and stated changes through the deliveries in time order.
Does not belong here: laying the result over the reference register (see `civil`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from typing import NamedTuple

from pipelines.settings import add_months

# A stated change of these kinds ends the predecessors that are no longer delivered.
_ENDING = ("merged", "split", "recoded")
# A stated change of these kinds, or of none, with one predecessor code says: the same unit, another code.
_CONTINUING = ("recoded", "renamed", None)


class Delivered(NamedTuple):
    """A community as delivered for one month. `last_period`: the delivery before this one that had the code.

    `is_change_stated`: the change fields are new or other than in that earlier delivery, so they tell of a
    change now; afterwards they only repeat it.
    """

    period: date
    code: str
    name: str
    stem: str
    street_code: str
    community_class: str | None
    city_class: str | None
    is_adjusted: bool | None
    opened_date: date | None
    closed_date: date | None
    change_kind: str | None
    predecessors: Sequence[str]
    last_period: date | None
    is_change_stated: bool


class Registered(NamedTuple):
    """A community's version in the reference register."""

    unit_key: str
    code: str
    stem: str
    valid_from: date
    valid_to: date | None

    def is_in_force(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)


class Version(NamedTuple):
    """What a delivery says of a unit, from `valid_from` until the unit's next version or end."""

    unit_key: str
    unit_code: str
    unit_name: str
    street_code: str
    community_class: str | None
    city_class: str | None
    is_adjusted: bool | None
    opened_date: date | None
    valid_from: date
    period: date


@dataclass
class _Unit:
    key: str
    code: str
    stem: str
    ends: date | None = None


@dataclass
class Timeline:
    """Units as the deliveries tell of them; `follow` them once, then read `versions` and `ends`."""

    register: Iterable[Registered]
    # stem of every (period, code) delivered as open that some change names as a predecessor
    delivered_stems: dict[tuple[date, str], str]
    # the day before which no community of a street begins
    street_starts: dict[str, date]
    versions: list[Version] = field(default_factory=list)
    _units: dict[str, _Unit] = field(default_factory=dict)
    _holders: dict[str, _Unit] = field(default_factory=dict)
    _by_code: dict[str, list[Registered]] = field(default_factory=lambda: defaultdict(list))
    _by_key: dict[str, list[Registered]] = field(default_factory=lambda: defaultdict(list))
    # code → stem of the unit that moved to another code, and the day it did
    _left: dict[str, tuple[str, date]] = field(default_factory=dict)
    _last_release: date = date.min

    def __post_init__(self) -> None:
        for version in self.register:
            self._by_code[version.code].append(version)
            self._by_key[version.unit_key].append(version)
            self._last_release = max(self._last_release, version.valid_to or version.valid_from)

    @property
    def ends(self) -> dict[str, date]:
        """The day from which a unit is no longer in force, for units that the deliveries end."""
        return {unit.key: unit.ends for unit in self._units.values() if unit.ends is not None}

    def follow(self, rows: Iterable[Delivered]) -> None:
        """Takes all deliveries, sorted by period and code."""
        for _, month in groupby(rows, key=lambda row: row.period):
            self._take(list(month))

    def _take(self, rows: list[Delivered]) -> None:
        """One month: first the units that stated changes move to another code, then all others."""
        moved: dict[str, str] = {}
        decided: list[tuple[Delivered, _Unit, date]] = []
        for row in rows:
            unit = self._continued(row)
            if unit is not None and unit.key not in moved:
                moved[unit.key] = row.code
                decided.append((row, unit, row.period))
        codes_decided = set(moved.values())
        for row, unit, _ in decided:
            self._left[unit.code] = (unit.stem, row.period)
        for row in rows:
            if row.code not in codes_decided and not self._only_says_it_left(row):
                decided.append((row, *self._identify(row, moved)))
        for row, unit, start in decided:
            self._end_displaced(row, unit, start, moved)
        for row, unit, start in decided:
            self._record(row, unit, start)
        for row, _, start in decided:
            self._end_predecessors(row, start)

    def _continued(self, row: Delivered) -> _Unit | None:
        """The unit that a stated change moves from its one predecessor code to the code of this row."""
        others = [code for code in row.predecessors if code != row.code]
        if not row.is_change_stated or row.change_kind not in _CONTINUING or len(others) != 1:
            return None
        if self._of_same_name(row) is not None:
            return None
        unit = self._holder(others[0], row.period)
        if unit is None or _is_over(unit, row.period):
            return None
        lives_on = self.delivered_stems.get((row.period, others[0])) == unit.stem
        return None if lives_on else unit

    def _only_says_it_left(self, row: Delivered) -> bool:
        """The row closes a code whose unit goes on under another one."""
        return row.closed_date is not None and self._left.get(row.code, ("", None))[0] == row.stem

    def _identify(self, row: Delivered, moved: dict[str, str]) -> tuple[_Unit, date]:
        """The unit of a row that no stated change has placed, and the day from which the row holds."""
        unit = self._of_same_name(row)
        if unit is not None and unit.key not in moved and not _is_founded_again(row, unit):
            return unit, row.period
        holder = self._holder(row.code, row.period)
        is_free = holder is None or holder.key in moved or _is_over(holder, row.period)
        if holder is None or is_free or unit is not None or _says_another_unit(row):
            return self._found(row, None if holder is not None and holder.key in moved else holder)
        return holder, row.period

    def _of_same_name(self, row: Delivered) -> _Unit | None:
        """The unit that has, or last had, this code under the same name."""
        holder = self._holders.get(row.code)
        if holder is not None and holder.stem == row.stem:
            return holder
        same = [version for version in self._by_code.get(row.code, []) if version.stem == row.stem]
        same.sort(key=lambda version: (version.is_in_force(row.period), version.valid_from), reverse=True)
        for version in same:
            elsewhere = any(
                other.code != row.code and other.is_in_force(row.period)
                for other in self._by_key[version.unit_key]
            )
            if version.unit_key not in self._units and not elsewhere:
                return self._registered(version)
        return None

    def _holder(self, code: str, day: date) -> _Unit | None:
        """The unit that has this code: by the deliveries, else by the reference register."""
        if code in self._holders:
            return self._holders[code]
        for version in self._by_code.get(code, []):
            if version.is_in_force(day) and version.unit_key not in self._units:
                return self._registered(version)
        return None

    def _registered(self, version: Registered) -> _Unit:
        return _Unit(version.unit_key, version.code, version.stem)

    def _found(self, row: Delivered, holder: _Unit | None) -> tuple[_Unit, date]:
        """A new unit. It begins when it was opened, but not while another unit was seen under its code."""
        ends = [version.valid_to or self._last_release for version in self._by_code.get(row.code, [])]
        if row.code in self._left:
            ends.append(self._left[row.code][1])
        if holder is not None and holder.ends is not None:
            ends.append(holder.ends)
        elif holder is not None and row.last_period is not None:
            ends.append(add_months(row.last_period, 1))
        floor = max(ends, default=date.min)
        opened = row.opened_date or row.period
        start = opened if opened >= floor else max(row.period, floor)
        start = max(start, self.street_starts.get(row.street_code, date.min))
        keys = [f"{row.code}@{day}" for day in (opened, start, row.period)]
        key = next((key for key in keys if key not in self._units and key not in self._by_key), keys[0])
        return _Unit(key, row.code, row.stem), start

    def _end_displaced(self, row: Delivered, unit: _Unit, start: date, moved: dict[str, str]) -> None:
        """Ends the unit whose code another one takes over."""
        holder = self._holder(row.code, row.period)
        if holder is None or holder.key == unit.key or holder.key in moved:
            return
        self._units[holder.key] = holder
        holder.ends = min(holder.ends or start, start)

    def _record(self, row: Delivered, unit: _Unit, start: date) -> None:
        if self._holders.get(unit.code) is unit and unit.code != row.code:
            del self._holders[unit.code]
        self._left.pop(row.code, None)
        unit.code, unit.stem, unit.ends = row.code, row.stem, row.closed_date
        self._units[unit.key] = self._holders[row.code] = unit
        self.versions.append(
            Version(
                unit.key, row.code, row.name, row.street_code, row.community_class, row.city_class,
                row.is_adjusted, row.opened_date, start, row.period,
            )
        )  # fmt: skip

    def _end_predecessors(self, row: Delivered, start: date) -> None:
        """Ends what a stated change says went into this unit, unless it is still delivered."""
        if not row.is_change_stated or row.change_kind not in _ENDING:
            return
        for code in row.predecessors:
            unit = self._holder(code, row.period)
            if code == row.code or unit is None or (row.period, code) in self.delivered_stems:
                continue
            self._units[unit.key] = self._holders[code] = unit
            unit.ends = min(unit.ends or start, start)


def _is_over(unit: _Unit, day: date) -> bool:
    return unit.ends is not None and unit.ends <= day


def _is_founded_again(row: Delivered, unit: _Unit) -> bool:
    """The unit was closed, and a community of the same code and name was opened afterwards."""
    return (
        unit.ends is not None
        and row.closed_date is None
        and row.opened_date is not None
        and row.opened_date >= unit.ends
    )


def _says_another_unit(row: Delivered) -> bool:
    """A stated change says that this code now belongs to another unit than before."""
    if not row.is_change_stated:
        return False
    return row.change_kind == "new" or (bool(row.predecessors) and row.code not in row.predecessors)
