"""The engine of an operational store: SQLite set to be safe, or any database that SQLAlchemy knows by its URL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine


def open_engine(url: URL, *, read_only: bool) -> Engine:
    """An engine on which writers wait for each other, and a reader sees one state; of SQLite it makes the folder, too."""
    if url.get_backend_name() != "sqlite":
        return sa.create_engine(url, execution_options={"postgresql_readonly": True} if read_only else {})
    if url.database in (None, "", ":memory:"):
        engine = sa.create_engine(url)
    else:
        path = Path(str(url.database)).resolve()
        if read_only:
            url = url.set(database=path.as_uri(), query={"mode": "ro", "uri": "true"})
        else:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # hashes of passwords and sessions lie there
        engine = sa.create_engine(url)
    sa.event.listen(engine, "connect", _set_for_reading if read_only else _set_for_writing)
    sa.event.listen(engine, "begin", _begin)
    return engine


def sqlite_url(path: Path) -> str:
    """The URL of an SQLite store in this file."""
    return URL.create("sqlite", database=str(path)).render_as_string()


def may_exist(url: URL) -> bool:
    """Whether there is a file, where a store is one."""
    return url.get_backend_name() != "sqlite" or Path(str(url.database)).exists()


def _set_for_reading(connection: Any, _record: Any) -> None:
    # The driver's own way begins no transaction before reading or before a change of the schema; `_begin` does.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("pragma busy_timeout = 30000")
    cursor.close()


def _set_for_writing(connection: Any, record: Any) -> None:
    _set_for_reading(connection, record)
    cursor = connection.cursor()
    cursor.execute("pragma journal_mode = wal")
    cursor.execute("pragma synchronous = full")
    cursor.execute("pragma foreign_keys = on")
    cursor.close()


def _begin(connection: Connection) -> None:
    """Writers wait for each other at their beginning; a reader sees one state of the store."""
    is_writing = connection.get_execution_options().get("is_writing", False)
    connection.exec_driver_sql("begin immediate" if is_writing else "begin")
