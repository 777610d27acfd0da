"""The parts that an edition's tables are kept in, so that a new edition costs what changed and not all of history.

Belongs here: which parts a table has, what is in them, where they lie. Does not belong here: editions, readers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb


@dataclass(frozen=True)
class Part:
    """The rows of a table that belong to one period (by its first day), or all of them; `digest` says which these are."""

    table: str
    period: date | None
    digest: str

    @property
    def file(self) -> str:
        """Where the part lies in the folder of an edition."""
        return f"{self.table}.parquet" if self.period is None else f"{self.table}/{self.period:%Y-%m}.parquet"

    @property
    def condition(self) -> str:
        return "true" if self.period is None else f"period = date '{self.period}'"


def part_of(file: str, digest: str) -> Part:
    """The part that lies in this file of an edition."""
    table, _, period = file.removesuffix(".parquet").partition("/")
    return Part(table, date.fromisoformat(f"{period}-01") if period else None, digest)


def table_files(folder: Path, table: str) -> Path:
    """The Parquet files of an edition's table, as one path for whoever reads them: a file, or a pattern of files."""
    whole = folder / f"{table}.parquet"
    return folder / table / "*.parquet" if (folder / table).is_dir() else whole


def parts_of(connection: duckdb.DuckDBPyConnection, tables: Iterable[str]) -> list[Part]:
    """The parts of these tables, sorted: of facts by period where they have one, of other tables the whole.

    Two parts have the same digest where they have the same columns and rows, in whatever order.
    """
    found: list[Part] = []
    for table in sorted(tables):
        relation = connection.table(table)
        columns = " ".join(f"{name} {kind}" for name, kind in zip(relation.columns, relation.types, strict=True))
        is_by_period = table.startswith("fct_") and "period" in relation.columns
        rows = connection.execute(f"""
            select {"period" if is_by_period else "null::date"} as part, count(*), sum(hash(rows)::hugeint)::varchar
            from {table} as rows group by 1 order by 1""").fetchall()
        found += [Part(table, period, f"{columns} {count} {total}") for period, count, total in rows or [(None, 0, "")]]
    return found
