"""The rows of one operational store into another, whatever database each is in.

Does not belong here: what is kept in a store, and when it is copied.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection

from pipelines.errors import WarehouseError, Words
from pipelines.store import Store

# Whoever was signed in, or held a link, on the machine that is gone has to prove again who they are.
MOMENTARY = {"web_session", "access_link"}
_AT_ONCE = 10_000  # rows


def copy_store(source: Store, target: Store) -> None:
    """Makes `target` hold the rows of `source`, all of one moment, but for sessions and one-time links.

    Both are at the newest step of the schema, as an opened store is. Writers of `source` go on meanwhile.
    """
    with source.snapshot() as read, target.transaction() as write:
        tables = _tables(write)
        for table in reversed(tables):
            write.execute(table.delete())  # what the steps of the schema put there
        for table in tables:
            _copy_rows(table, read, write)
            _continue_numbers(table, write)


def require_empty_store(url: str) -> None:
    """WarehouseError where the database holds any table."""
    engine = sa.create_engine(url)
    try:
        tables = sa.inspect(engine).get_table_names()
    finally:
        engine.dispose()
    if tables:
        raise WarehouseError(
            Words("目标操作库不是空的，未恢复", "The operational store to restore into is not empty: nothing was restored"),
            where="WAREHOUSE_STORE",
            expected=Words("空数据库", "an empty database"),
            found=Words(f"{len(tables)} 张表", f"{len(tables)} tables"),
            advice=Words("新建一个数据库，用 WAREHOUSE_STORE 指明", "make a new database and name it by WAREHOUSE_STORE"),
        )


def _tables(connection: Connection) -> list[sa.Table]:
    """Every table with rows to copy, those that others refer to first."""
    known = sa.MetaData()
    known.reflect(connection)
    return [table for table in known.sorted_tables if table.name not in {*MOMENTARY, "alembic_version"}]


def _copy_rows(table: sa.Table, read: Connection, write: Connection) -> None:
    for rows in read.execute(sa.select(table), execution_options={"yield_per": _AT_ONCE}).mappings().partitions():
        write.execute(table.insert(), [dict(row) for row in rows])


def _continue_numbers(table: sa.Table, connection: Connection) -> None:
    """PostgreSQL numbers rows by a sequence, which knows nothing of rows that brought their numbers along."""
    if connection.dialect.name != "postgresql":
        return
    for column in table.primary_key:
        if isinstance(column.type, sa.Integer):
            sequence = sa.cast(sa.func.pg_get_serial_sequence(table.name, column.name), postgresql.REGCLASS)
            connection.execute(sa.select(sa.func.setval(sequence, sa.select(sa.func.max(column)).scalar_subquery())))
