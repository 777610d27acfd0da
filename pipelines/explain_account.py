"""The account of changed figures: what each cause did to numerator and denominator, nothing left over.

It adds up by construction: every state of the way belongs to one row, and a cause's part is the sum of the
differences between neighbouring states. Belongs here: that arithmetic, on whole tables, in decimals.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

from pipelines.sql import literal

KEY = "unit_key, period_type, period, unit_basis, kpi_id"
_JUDGED = "status, certainty, shortfall"
# Nothing known and 0 are the same amount, but not the same statement.
_SAID = f"{_JUDGED}, numerator is null, denominator is null"
# What a target is; the rest of its row says where it is written.
_TARGET_WORDS = {"text_zh", "text_en", "document", "clause", "strength"}


@dataclass(frozen=True)
class Segment:
    """One piece of the way: its cause, and the figures at its end (a Parquet file)."""

    cause: str
    figures: Path


def find_changed(connection: duckdb.DuckDBPyConnection, older: Path, newer: Path) -> None:
    """Makes the table `changed`: the figures in which two editions differ, by value or judgement, or by being there."""
    columns = f"{KEY}, target_id, numerator, denominator, {_JUDGED}"
    before, after = _read(older), _read(newer)
    connection.execute(f"""
        create or replace table changed as
        select distinct {KEY} from (
            (select {columns} from {before} except select {columns} from {after})
            union all
            (select {columns} from {after} except select {columns} from {before})
        )""")


def find_changed_targets(
    connection: duckdb.DuckDBPyConnection, older: Path, newer: Path, packs: tuple[set[str], set[str]]
) -> set[str]:
    """The targets that differ between two editions' `dim_target`, or whose pack only one of them chose."""
    columns = [column for column in _common_columns(connection, older, newer) if column not in _TARGET_WORDS]
    found = set(_differing(connection, older, newer, columns, "target_id"))
    for path in (older, newer):
        for target_id, pack in connection.execute(f"select target_id, pack from {_read(path)}").fetchall():
            if pack in packs[0] ^ packs[1]:
                found.add(target_id)
    return found


def are_different(connection: duckdb.DuckDBPyConnection, older: Path, newer: Path) -> bool:
    """Whether two tables differ in the columns that both have."""
    columns = _common_columns(connection, older, newer)
    return bool(_differing(connection, older, newer, columns, columns[0]))


def make_account(
    connection: duckdb.DuckDBPyConnection, start: Path, segments: list[Segment], targets: set[str]
) -> None:
    """Makes the tables `figures` and `causes` of the figures in `changed`, along the way from `start`.

    figures: one row per changed figure and target (null where none applies), with what the first and the last
    state say. causes: one row per changed figure and cause that moved it; `changes_judgement` where status,
    certainty or shortfall for some target is another one, or numbers are there where none were, or the other way
    round. Null, for lack of data, counts as 0 in the deltas.
    Where a judgement changed for one of `targets` in the steps that bring targets, the cause is `target`.
    """
    rows = " union all by name ".join(
        f"select {place} as place, {KEY}, target_id, numerator, denominator, {_JUDGED} from {_read(path)}"
        for place, path in enumerate([start, *(segment.figures for segment in segments)])
    )
    connection.execute(
        f"create or replace table states as select * from ({rows}) semi join changed using ({KEY})"
    )
    connection.execute("create or replace table segments (segment integer, cause varchar, brings_targets boolean)")
    if segments:
        connection.executemany(
            "insert into segments values (?, ?, ?)",
            [
                (number, segment.cause, segment.cause in ("definition", "settings"))
                for number, segment in enumerate(segments, start=1)
            ],
        )
    connection.execute("create or replace table changed_targets (target_id varchar)")
    if targets:
        connection.executemany("insert into changed_targets values (?)", [[name] for name in sorted(targets)])
    last = len(segments)
    connection.execute(f"create or replace table figures as {_FIGURES}", {"last": last})
    connection.execute(f"create or replace table causes as {_CAUSES}", {"last": last})


# A null is equal to a null here: target_id is null where no target applies.
_FIGURES = f"""
with older as (
    select * from states where place = 0
),
newer as (
    select * from states where place = $last
),
rows as (
    select {KEY}, target_id from older union select {KEY}, target_id from newer
)
select {", ".join(f"rows.{name}" for name in KEY.split(", "))}, rows.target_id,
    older.numerator as older_numerator, older.denominator as older_denominator,
    newer.numerator as newer_numerator, newer.denominator as newer_denominator,
    older.status as older_status, newer.status as newer_status,
    older.certainty as older_certainty, newer.certainty as newer_certainty,
    older.shortfall as older_shortfall, newer.shortfall as newer_shortfall
from rows
{"".join(f'''
left join {side} on rows.target_id is not distinct from {side}.target_id
    and {" and ".join(f"rows.{name} = {side}.{name}" for name in KEY.split(", "))}'''
    for side in ("older", "newer"))}
order by all"""

_CAUSES = f"""
with grid as (
    select changed.*, places.place from changed cross join (select unnest(range($last + 1)) as place) as places
),
values_by_place as (
    select {KEY}, place, max(numerator) as numerator, max(denominator) as denominator
    from states group by all
),
moved as (
    select {KEY}, place as segment,
        coalesce(numerator, 0) - lag(coalesce(numerator, 0)) over way as delta_numerator,
        coalesce(denominator, 0) - lag(coalesce(denominator, 0)) over way as delta_denominator
    from grid left join values_by_place using ({KEY}, place)
    window way as (partition by {KEY} order by place)
),
before as (
    select place + 1 as segment, {KEY}, target_id, {_SAID} from states where place < $last
),
after as (
    select place as segment, {KEY}, target_id, {_SAID} from states where place > 0
),
rejudged as (
    select distinct segment, {KEY}, target_id, brings_targets
        and coalesce(target_id in (select target_id from changed_targets), false) as is_by_target
    from ((from before except from after) union (from after except from before))
    inner join segments using (segment)
),
-- that a figure has no target any more, or had none, comes with the target that it got or lost
judged as (
    select segment, {KEY}, bool_or(is_by_target) as is_by_target,
        bool_or(not is_by_target and target_id is not null) or not bool_or(is_by_target) as is_by_step
    from rejudged group by all
),
parts as (
    select {KEY}, cause, delta_numerator, delta_denominator, coalesce(is_by_step, false) as changes_judgement
    from moved
    inner join segments using (segment)
    left join judged using (segment, {KEY})
    union all
    select {KEY}, 'target', 0, 0, true from judged where is_by_target
)
select {KEY}, cause, sum(delta_numerator)::decimal(18, 2) as delta_numerator,
    sum(delta_denominator)::decimal(18, 2) as delta_denominator, bool_or(changes_judgement) as changes_judgement
from parts group by all
having sum(delta_numerator) <> 0 or sum(delta_denominator) <> 0 or bool_or(changes_judgement)
order by all"""


def _read(path: Path) -> str:
    return f"read_parquet({literal(str(path))})"


def _common_columns(connection: duckdb.DuckDBPyConnection, older: Path, newer: Path) -> list[str]:
    known = connection.sql(f"from {_read(older)}").columns
    return [column for column in connection.sql(f"from {_read(newer)}").columns if column in known]


def _differing(
    connection: duckdb.DuckDBPyConnection, older: Path, newer: Path, columns: list[str], named: str
) -> list[str]:
    """The values of the column `named` in rows that only one of the two tables has."""
    chosen = ", ".join(columns)
    before, after = (f"select {chosen} from {_read(path)}" for path in (older, newer))
    query = f"select distinct {named} from (({before} except {after}) union ({after} except {before}))"
    return [value for (value,) in connection.execute(query).fetchall()]
