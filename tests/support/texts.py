"""All text that a file holds, for tests that look for what must not be in it: cells of Parquet and DuckDB, bytes otherwise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl


def everything_in(path: Path) -> str:
    """All text of a file: cells of Parquet and DuckDB, anything else as bytes in both encodings that are delivered."""
    reader = _READERS.get(path.suffix)
    if reader:
        return reader(path)
    data = path.read_bytes()
    return data.decode("utf-8", "ignore") + data.decode("gb18030", "ignore")


def _frame_text(frame: pl.DataFrame) -> str:
    texts = [frame[name].drop_nulls().unique() for name, dtype in frame.schema.items() if dtype == pl.String]
    lists = [frame[name].explode().drop_nulls() for name, dtype in frame.schema.items() if dtype == pl.List(pl.String)]
    return "\n".join(text for column in (*texts, *lists) for text in column)


def _database_text(path: Path) -> str:
    with duckdb.connect(str(path), read_only=True) as connection:
        tables = [name for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall()]
        return "\n".join(_frame_text(connection.sql(f'select * from "{table}"').pl()) for table in tables)


_READERS: dict[str, Callable[[Path], str]] = {
    ".parquet": lambda path: _frame_text(pl.read_parquet(path)),
    ".duckdb": _database_text,
}
