"""Small pieces of DuckDB SQL that several stations need: literals, lists of files, one value of a query."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import duckdb


def literal(text: str) -> str:
    """The text as a SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def file_list(paths: Iterable[Path]) -> str:
    """The paths as a DuckDB list, for read_parquet."""
    return "[" + ", ".join(literal(str(path)) for path in paths) + "]"


def scalar(connection: duckdb.DuckDBPyConnection, query: str, parameters: Sequence[Any] = ()) -> Any:
    """The first column of the first row; None where the query has no row.

    Reads to the end: a half-read result keeps the connection busy.
    """
    rows = connection.execute(query, list(parameters)).fetchall()
    return rows[0][0] if rows else None
