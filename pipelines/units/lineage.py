"""What became of a unit: renamed, re-coded, split, merged, part moved, new, closed, each with its date and document.

Belongs here: reading changes off the dated units and off what the county's own register states. Does not belong here:
which unit a delivered community is (see `identity`), where rows of earlier months lie today (see `today`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import groupby, pairwise
from typing import Any, NamedTuple

import polars as pl

from pipelines.settings import month_end
from pipelines.units.names import clean_name, name_stem

LINEAGE_SCHEMA = pl.Schema(
    {
        "change_date": pl.Date(),
        "change_kind": pl.String(),
        "unit_level": pl.String(),
        "from_unit_key": pl.String(),
        "from_code": pl.String(),
        "to_unit_key": pl.String(),
        "to_code": pl.String(),
        "document_no": pl.String(),
        "moved_grids": pl.List(pl.String()),
        "moved_households": pl.List(pl.String()),
        "source": pl.String(),
    }
)
# Changes by which rows of one unit come to lie in another.
MOVING = ("split", "merged", "recoded", "part_moved")
_LEVEL_NUMBERS = {"county": 3, "street": 4, "community": 5}
_STATED = ("period", "code", "change_kind", "predecessor_codes", "document_no", "moved_grids", "moved_households")


class Version(NamedTuple):
    """One stretch of validity of a unit."""

    key: str
    code: str
    stem: str
    level: str
    parent: str | None
    start: date
    end: date | None
    source: str


class Change(NamedTuple):
    """One change, in the columns of the lineage."""

    change_date: date
    change_kind: str
    unit_level: str
    from_unit_key: str | None
    from_code: str | None
    to_unit_key: str | None
    to_code: str | None
    document_no: str | None = None
    moved_grids: tuple[str, ...] = ()
    moved_households: tuple[str, ...] = ()
    source: str = "register"


def build_lineage(units: pl.DataFrame, civil: pl.DataFrame) -> pl.DataFrame:
    """The changes of a county's units, one row per change, unit before and unit after; sorted by date.

    `units`: from `merge_civil_register`. `civil`: the rows that it was built from. A renaming or re-coding has the same
    unit on both sides; new and closed have one side only. Between two releases of the register nobody knows what
    became of a unit that is gone: it is closed. Units that are as old as the county are not new. Streets change by
    what becomes of their communities. Of a part that moved, the grids and household numbers that were listed.
    """
    versions = _versions(units)
    changes = [*_own_changes(versions), *_street_changes(versions), *_stated_changes(versions, civil)]
    changes += _beginnings_and_ends(versions, changes)
    rows = sorted({_known(change): change for change in changes}.values(), key=_known)
    return pl.DataFrame(
        [(*row[:8], list(row.moved_grids), list(row.moved_households), row.source) for row in rows],
        LINEAGE_SCHEMA, orient="row",
    )  # fmt: skip


def _known(change: Change) -> tuple[Any, ...]:
    return (change[0], change[2], change[3] or "", change[5] or "", change[1])


def _versions(units: pl.DataFrame) -> list[Version]:
    found: list[Version] = []
    for level, number in _LEVEL_NUMBERS.items():
        own = units.filter(pl.col("unit_level") == level).select(
            "unit_key", "unit_code", name_stem(clean_name(pl.col("unit_name")), number).alias("stem"), "unit_level",
            "parent_unit_key", "valid_from", "valid_to", "source",
        )  # fmt: skip
        found += [Version(*row) for row in own.sort("unit_key", "valid_from").iter_rows()]
    return found


def _by_unit(versions: list[Version]) -> dict[str, list[Version]]:
    return {key: list(own) for key, own in groupby(versions, key=lambda version: version.key)}


def _own_changes(versions: list[Version]) -> Iterator[Change]:
    """Another code or another name of the same unit. Words for the kind of unit are no part of its name."""
    for own in _by_unit(versions).values():
        for before, after in pairwise(own):
            for kind, differs in (("recoded", before.code != after.code), ("renamed", before.stem != after.stem)):
                # a street that the register does not hold is named by its code
                if differs and not (kind == "renamed" and before.stem == before.code):
                    yield Change(
                        after.start, kind, after.level, before.key, before.code, after.key, after.code, source=after.source
                    )


def _street_changes(versions: list[Version]) -> Iterator[Change]:
    """Streets between which communities moved: split or merged where the old one is gone, else part moved."""
    units = _by_unit(versions)
    moves: dict[tuple[date, str], set[str]] = {}
    for own in units.values():
        for before, after in pairwise(own):
            if own[0].level == "community" and before.parent and after.parent and before.parent != after.parent:
                moves.setdefault((after.start, before.parent), set()).add(after.parent)
    receivers = Counter((day, street) for (day, _), streets in moves.items() for street in streets)
    for (day, street), streets in moves.items():
        last = units[street][-1]
        is_gone = last.end is not None and last.end <= day
        for target in streets:
            first = units[target][0]
            is_old = first.start < day or receivers[day, target] > 1
            kind = "part_moved" if not is_gone else "split" if len(streets) > 1 else "merged" if is_old else "recoded"
            code = _code_at(units[street], day - timedelta(days=1))
            yield Change(day, kind, "street", street, code, target, _code_at(units[target], day), source=first.source)


def _stated_changes(versions: list[Version], civil: pl.DataFrame) -> Iterator[Change]:
    """What the county's own register states: another unit's rows came to lie in this one, and which."""
    units = _by_unit([version for version in versions if version.level == "community"])
    holders: dict[str, list[Version]] = {}
    for own in units.values():
        for version in own:
            holders.setdefault(version.code, []).append(version)
    for period, code, kind, predecessors, document, grids, households in _statements(civil):
        unit = _holder(holders, code, month_end(period))
        if unit is None:
            continue
        first = units[unit.key][0]
        day = first.start if _is_founded_by(first, period, unit) else period
        for predecessor in predecessors:
            # before the unit began its predecessor had the code, even if the two dates differ
            before = _holder(holders, predecessor, min(day, period) - timedelta(days=1))
            if before is None or (before.key == unit.key and kind in ("part_moved", "split", "merged")):
                continue
            last = units[before.key][-1]
            is_gone = last.end is not None and last.end <= month_end(period)
            yield Change(
                day, _kind(kind, before.key == unit.key, is_gone, len(predecessors)), "community", before.key, before.code,
                unit.key, unit.code, document, tuple(sorted(grids)), tuple(sorted(households)), "civil",
            )  # fmt: skip


def _kind(stated: str | None, is_same: bool, is_gone: bool, predecessors: int) -> str:
    """The kind of change; one that is not stated follows from what became of the predecessor."""
    if is_same:
        return stated or "recoded"
    if stated in MOVING:
        return stated
    return "part_moved" if not is_gone else "merged" if predecessors > 1 else "recoded"


def _is_founded_by(first: Version, period: date, unit: Version) -> bool:
    return first.source == "civil" and first.code == unit.code and first.start <= month_end(period)


def _statements(civil: pl.DataFrame) -> Iterator[tuple[Any, ...]]:
    """Statements of change when they are first made; afterwards they only repeat it."""
    lists = [pl.col(name).fill_null([]) for name in ("predecessor_codes", "moved_grids", "moved_households")]
    rows = (
        civil.filter(pl.col("period").is_not_null() & pl.col("code").is_not_null())
        .select(_STATED)
        .with_columns(lists)
        .sort("period", "code", "change_kind", nulls_last=True)
        .unique(["period", "code"], keep="first", maintain_order=True)
    )
    seen: dict[str, tuple[Any, ...]] = {}
    for period, code, *stated in rows.iter_rows():
        kind, predecessors, document, grids, households = stated
        content = (kind, sorted(predecessors), sorted(grids), sorted(households))
        if (kind is not None or predecessors) and seen.get(code) != content and kind != "new":
            yield period, code, kind, sorted(predecessors), document, grids, households
        seen[code] = content


def _beginnings_and_ends(versions: list[Version], changes: list[Change]) -> Iterator[Change]:
    """Units that came from nowhere, and units that went nowhere."""
    came = {change.to_unit_key for change in changes if change.from_unit_key != change.to_unit_key}
    went = {
        change.from_unit_key
        for change in changes
        if change.change_kind in MOVING and change.change_kind != "part_moved" and change.from_unit_key != change.to_unit_key
    }
    starts = [version.start for version in versions if version.level == "county"]
    beginning = min(starts, default=date.min)
    for key, own in _by_unit(versions).items():
        first, last = own[0], own[-1]
        if key not in came and first.start > beginning:
            yield Change(first.start, "new", first.level, None, None, key, first.code, source=first.source)
        if last.end is not None and key not in went:
            yield Change(last.end, "closed", last.level, key, last.code, None, None, source=last.source)


def _holder(holders: dict[str, list[Version]], code: str, day: date) -> Version | None:
    """The unit that had a code on a day."""
    for version in holders.get(code, []):
        if version.start <= day and (version.end is None or day < version.end):
            return version
    return None


def _code_at(own: list[Version], day: date) -> str:
    return next((version.code for version in reversed(own) if version.start <= day), own[0].code)
