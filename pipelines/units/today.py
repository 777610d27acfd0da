"""Where the rows of each month lie in today's units, wherever a unit's extent was another then.

Belongs here: following changes from a month to today, units whose extent differs, what cannot be placed. Does not belong
here: what changed (see `lineage`), placing rows (see dbt).

Every unit is followed from the end of a month to the last evaluated month. What lies in one community today is placed
there, by the whole unit or by the grids and household numbers that a change listed. What may lie in one of several is a
remainder: certain for every unit that holds all of these, in doubt for one that holds some. Nothing is shared out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

import polars as pl

from pipelines.settings import month_end
from pipelines.units.civil import units_in_force
from pipelines.units.lineage import MOVING
from pipelines.units.releases import DIGITS

# Rows that do not say where in their unit they lie, and those of a household that no change listed.
UNKNOWN, _OTHER_HOUSEHOLD = "", "household"
_TODAY, _REMAINDER = "today:", "remainder:"
PLACEMENTS_SCHEMA: dict[str, Any] = {
    "placed_month": pl.Date, "placed_code": pl.String, "placed_part": pl.String, "place_today": pl.String,
    "place_today_of_other_grids": pl.String, "place_today_of_other_households": pl.String,
}  # fmt: skip
PLACES_SCHEMA: dict[str, Any] = {
    "month": pl.Date, "place_code": pl.String, "place_level": pl.String, "extent_key": pl.String,
}  # fmt: skip
EXTENTS_SCHEMA: dict[str, Any] = {
    "month": pl.Date, "unit_basis": pl.String, "extent_key": pl.String, "unit_key": pl.String, "unit_code": pl.String,
    "unit_level": pl.String, "class": pl.String, "city_class": pl.String, "opened_date": pl.Date, "is_moved": pl.Boolean,
}  # fmt: skip
DOUBTS_SCHEMA: dict[str, Any] = {"remainder_key": pl.String, "extent_key": pl.String}
ORIGINS_SCHEMA: dict[str, Any] = {"extent_key": pl.String, "placed_code": pl.String}


class Today(NamedTuple):
    """Five small tables for the units whose extent at some month is not today's; empty where nothing ever moved.

    placements: the place of today for rows of a month and unit; of the row without a part, place_today holds for rows
    that do not say where in the unit they lie, the other two for those that name a grid or household not listed here.
    places: the extents that a place of today counts in. extents: today's units with the extent that they have now
    (as_now), units of the time whose extent was another (as_was, is_moved only), and remainders (unplaced).
    doubts: the extents that a remainder may or may not belong to. origins: the codes whose rows an extent draws on.
    """

    placements: pl.DataFrame
    places: pl.DataFrame
    extents: pl.DataFrame
    doubts: pl.DataFrame
    origins: pl.DataFrame

    @classmethod
    def of(cls, rows: _Rows) -> Today:
        return cls(
            pl.DataFrame(rows.placements, PLACEMENTS_SCHEMA, orient="row"),
            pl.DataFrame(rows.places, PLACES_SCHEMA, orient="row"),
            pl.DataFrame(rows.extents, EXTENTS_SCHEMA, orient="row"),
            pl.DataFrame(sorted(rows.doubts), DOUBTS_SCHEMA, orient="row"),
            pl.DataFrame(sorted(rows.origins), ORIGINS_SCHEMA, orient="row"),
        )

    def of_month(self, month: date) -> str:
        """What the figures of a month depend on, as text; empty where nothing moved since."""
        own = [frame.filter(frame[:, 0] == month) for frame in (self.placements, self.places, self.extents)]
        if all(frame.is_empty() for frame in own):
            return ""
        return "".join(frame.write_json() for frame in (*own, self.doubts, self.origins))


@dataclass
class _Rows:
    """The rows of the tables while they are gathered."""

    placements: list[tuple[Any, ...]] = field(default_factory=list)
    places: list[tuple[Any, ...]] = field(default_factory=list)
    extents: list[tuple[Any, ...]] = field(default_factory=list)
    doubts: set[tuple[str, str]] = field(default_factory=set)
    origins: set[tuple[str, str]] = field(default_factory=set)


class _Move(NamedTuple):
    target: str
    parts: frozenset[str]


class _Place(NamedTuple):
    """Where rows lie today: in one unit, or in one of several."""

    level: str
    candidates: frozenset[str]

    @property
    def code(self) -> str:
        if len(self.candidates) == 1:
            return _TODAY + next(iter(self.candidates))
        return _REMAINDER + hashlib.sha256("|".join(sorted(self.candidates)).encode()).hexdigest()[:16]


Then = dict[str, dict[str, Any]]


@dataclass
class _Follower:
    """Follows units through their changes to today."""

    units: pl.DataFrame
    lineage: pl.DataFrame
    today: date
    now: Then = field(init=False)
    moves: dict[str, dict[date, list[_Move]]] = field(init=False, default_factory=dict)
    ends: dict[str, date | None] = field(init=False)
    stretches: dict[str, list[tuple[date, str]]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.now = in_force(self.units, self.today)
        for key, code, start in self.units.sort("valid_from").select("unit_key", "unit_code", "valid_from").iter_rows():
            self.stretches.setdefault(key, []).append((start, code))
        last = self.units.sort("valid_from").group_by("unit_key").agg(pl.col("valid_to").last())
        self.ends = dict(last.iter_rows())
        moving = self.lineage.filter(
            pl.col("change_kind").is_in(MOVING)
            & (pl.col("from_unit_key") != pl.col("to_unit_key"))
            & (pl.col("change_date") <= self.today)
        )
        for row in moving.sort("change_date").iter_rows(named=True):
            parts = frozenset([*row["moved_grids"], *row["moved_households"]])
            of_day = self.moves.setdefault(row["from_unit_key"], {}).setdefault(row["change_date"], [])
            of_day.append(_Move(row["to_unit_key"], parts))

    def follow(self, key: str, part: str, after: date) -> frozenset[str]:
        """The units of today in which a part of a unit may lie: one where that is known, none where nobody can tell."""
        for day, moves in self.moves.get(key, {}).items():
            if day <= after:
                continue
            end = self.ends.get(key)
            stays = end is None or end > day
            part = part if self._is_told_apart(key, part, day) else UNKNOWN
            targets = _targets(key, part, moves, stays)
            gone = frozenset[str]()
            for target in targets - {key}:
                gone |= self.follow(target, part, day)
            if key not in targets:
                return gone
            if gone:
                return gone | self.follow(key, part, day)
        return frozenset([key]) if key in self.now else frozenset()

    def _is_told_apart(self, key: str, part: str, day: date) -> bool:
        """A grid is numbered inside its community: under another code no list says anything of it."""
        code = next((code for start, code in reversed(self.stretches[key]) if start < day), "")
        return not _is_grid(part) or part.startswith(code + "-")

    def parts(self, code: str) -> set[str]:
        """The parts of a community that changes ever listed: its grids, and all household numbers."""
        listed = {part for days in self.moves.values() for moves in days.values() for move in moves for part in move.parts}
        return {part for part in listed if not _is_grid(part) or part.startswith(code + "-")}


def _is_grid(part: str) -> bool:
    return len(part) > DIGITS[5] and part[: DIGITS[5]].isdigit() and part[DIGITS[5]] == "-"


def _targets(key: str, part: str, moves: Sequence[_Move], stays: bool) -> frozenset[str]:
    """Where a part may go when units take parts of `key`. Without a list everything may, and the rest stays if it can."""
    everywhere = frozenset([*(move.target for move in moves), *([key] if stays else [])])
    if part == UNKNOWN:
        return everywhere
    listed = frozenset(move.target for move in moves if part in move.parts)
    if listed:
        return listed
    # a list of grids says nothing of households, nor one of households of grids
    silent = frozenset(move.target for move in moves if not any(_is_grid(listed) == _is_grid(part) for listed in move.parts))
    if len(silent) == len(moves):
        return everywhere
    return silent | (frozenset([key]) if stays else frozenset()) or everywhere


def in_force(units: pl.DataFrame, day: date) -> Then:
    """The communities, streets and county in force on a day, by unit key."""
    own = units_in_force(units, day).filter(pl.col("unit_level").is_in(["community", "street", "county"]))
    return {row["unit_key"]: row for row in own.iter_rows(named=True)}


def _units_of(key: str, units: Then) -> list[str]:
    """A unit and those above it, up to the county."""
    found = []
    parent: str | None = key
    while parent is not None and parent in units:
        found.append(parent)
        parent = units[parent]["parent_unit_key"]
    return found


def place_today(units: pl.DataFrame, lineage: pl.DataFrame, months: Iterable[date], today: date) -> Today:
    """Where the rows of `months` lie in the units of `today`: of the units whose extent differs at some month."""
    wanted, rows = sorted(set(months)), _Rows()
    if not wanted or lineage.filter(pl.col("change_date").is_between(month_end(wanted[0]), today)).is_empty():
        return Today.of(rows)
    follower = _Follower(units, lineage, today)
    stretches = [_Stretch.of(follower, months) for months in _stretches(units, lineage, wanted)]
    touched = {key for stretch in stretches for key in stretch.moved if key in follower.now}
    used = [stretch.place(touched, rows) for stretch in stretches]
    # what counts since January may lie in a remainder after nothing new does
    remainders = {code: place for places in used for code, place in places.items() if len(place.candidates) > 1}
    for stretch, places in zip(stretches, used, strict=True):
        stretch.count(touched, places | remainders, rows)
    return Today.of(rows)


def _stretches(units: pl.DataFrame, lineage: pl.DataFrame, months: list[date]) -> Iterator[list[date]]:
    """Months between whose ends no unit changed."""
    days = {
        *units.get_column("valid_from"), *units.get_column("valid_to").drop_nulls(), *lineage.get_column("change_date"),
    }  # fmt: skip
    together: list[date] = []
    for month in months:
        if together and any(month_end(together[-1]) < day <= month_end(month) for day in days):
            yield together
            together = []
        together.append(month)
    if together:
        yield together


@dataclass
class _Stretch:
    """Months that see the same units: the places of today of each unit and its parts, and whose extent differs."""

    follower: _Follower
    months: list[date]
    then: Then
    places: dict[str, dict[str | None, tuple[_Place, ...]]]
    moved: set[str]

    @classmethod
    def of(cls, follower: _Follower, months: list[date]) -> _Stretch:
        day = min(month_end(months[-1]), follower.today)
        then = in_force(follower.units, day)
        stretch = cls(follower, months, then, {}, set())
        for key, unit in then.items():
            if unit["unit_level"] != "county":
                stretch.places[key] = stretch._places_of(key, unit, day)
        stretch.moved = stretch._find_moved()
        return stretch

    def _places_of(self, key: str, unit: dict[str, Any], day: date) -> dict[str | None, tuple[_Place, ...]]:
        """By part; of the unit as a whole (None) for rows that say no part, and for those whose part no change listed."""
        if unit["unit_level"] != "community" or key not in self.follower.moves:
            return {None: (self._place(key, UNKNOWN, day),) * 3}
        unlisted = (UNKNOWN, f"{unit['unit_code']}-", _OTHER_HOUSEHOLD)
        found: dict[str | None, tuple[_Place, ...]] = {None: tuple(self._place(key, part, day) for part in unlisted)}
        for part in sorted(self.follower.parts(unit["unit_code"])):
            found[part] = (self._place(key, part, day),) * 3
        return found

    def _place(self, key: str, part: str, day: date) -> _Place:
        """Of a unit that went nowhere nobody can tell: anywhere in its street, or in the county."""
        level = self.then[key]["unit_level"]
        candidates = self.follower.follow(key, part, day)
        if not candidates:
            now = {other for other, unit in self.follower.now.items() if unit["unit_level"] == level}
            parent = self.then[key]["parent_unit_key"]
            streets = self.follower.follow(parent, UNKNOWN, day) if parent else frozenset[str]()
            inside = {other for other in now if self.follower.now[other]["parent_unit_key"] in streets}
            candidates = frozenset(inside or now)
        return _Place(level, candidates)

    def _find_moved(self) -> set[str]:
        """Units whose extent, as communities of then, is not what it is today."""
        was: dict[str, set[str]] = {}
        certain: dict[str, set[str]] = {}
        partly: set[str] = set()
        for key, unit in self.then.items():
            if unit["unit_level"] != "community":
                continue
            for above in _units_of(key, self.then):
                was.setdefault(above, set()).add(key)
            places = [place for of_part in self.places[key].values() for place in of_part]
            everywhere = frozenset[str]().union(*(place.candidates for place in places))
            for above, is_certain in _holders(everywhere, self.follower.now).items():
                if is_certain:
                    certain.setdefault(above, set()).add(key)
                else:
                    partly.add(above)
        return {key for key in was.keys() | certain.keys() if was.get(key) != certain.get(key)} | partly

    def place(self, touched: set[str], rows: _Rows) -> dict[str, _Place]:
        """Adds the placements of the stretch; the places in use, by code."""
        used: dict[str, _Place] = {}
        for key, by_part in self.places.items():
            code = self.then[key]["unit_code"]
            everywhere = frozenset[str]().union(*(place.candidates for of_part in by_part.values() for place in of_part))
            holders = touched.intersection(_holders(everywhere, self.follower.now))
            rows.origins |= {(_TODAY + above, code) for above in holders}
            for part, of_part in by_part.items() if holders else ():
                used |= {place.code: place for place in of_part}
                # a community that may have something is there, even if nothing can be placed in it
                alone = [_Place(place.level, frozenset([one])) for place in of_part for one in place.candidates]
                used |= {place.code: place for place in alone}
                rows.placements += [(month, code, part, *(place.code for place in of_part)) for month in self.months]
        return used

    def count(self, touched: set[str], used: dict[str, _Place], rows: _Rows) -> None:
        """Adds what the places in use count in, and the extents of the stretch."""
        now = self.follower.now
        counted: list[tuple[str, str, str]] = []
        remainders = {code: place for code, place in used.items() if len(place.candidates) > 1}
        for code, place in sorted(used.items()):
            level = "remainder" if code in remainders else place.level
            holders = [(above, is_certain) for above, is_certain in _holders(place.candidates, now).items() if above in touched]
            counted += [(code, level, _TODAY + above) for above, is_certain in holders if is_certain]
            if code in remainders:
                counted.append((code, level, code))
                rows.doubts |= {(code, _TODAY + above) for above, is_certain in holders if not is_certain}
        for month in self.months:
            rows.places += [(month, *row) for row in counted]
            rows.extents += [_extent(month, "as_now", key, now[key], key in self.moved) for key in sorted(touched)]
            rows.extents += [
                _extent(month, "as_was", key, self.then.get(key) or now[key], True) for key in sorted(self.moved)
            ]
            rows.extents += [
                (month, "unplaced", code, code, None, place.level, None, None, None, True)
                for code, place in sorted(remainders.items())
            ]


def _extent(month: date, basis: str, key: str, unit: dict[str, Any], is_moved: bool) -> tuple[Any, ...]:
    extent_key = key if basis == "as_was" else _TODAY + key
    attributes = (unit[name] for name in ("unit_code", "unit_level", "class", "city_class", "opened_date"))
    return (month, basis, extent_key, key, *attributes, is_moved)


def _holders(candidates: frozenset[str], now: Then) -> dict[str, bool]:
    """Today's units that hold a candidate: whether they hold all of them."""
    counts: dict[str, int] = {}
    for candidate in candidates:
        for above in _units_of(candidate, now):
            counts[above] = counts.get(above, 0) + 1
    return {key: count == len(candidates) for key, count in sorted(counts.items())}
