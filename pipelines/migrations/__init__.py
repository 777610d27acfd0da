"""The operational store's schema through time: numbered steps, and the way to the newest one when a store is opened.

A step is `versions/<number>_<what>.py`, its name is its revision, and once released it never changes.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pipelines.errors import WarehouseError, Words

FOLDER = Path(__file__).parent
REVISIONS = sorted(path.stem for path in (FOLDER / "versions").glob("[0-9]*.py"))
HEAD = REVISIONS[-1]
_LOCK = 20_261_122  # any number, the same in every process: who brings a PostgreSQL store up to date


class NewerStore(WarehouseError):
    """The store was written by a later version of the product."""


def revision_of(connection: Connection) -> str | None:
    """The step that a store is at. None where it is new, or older than these steps."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(sa.text("select version_num from alembic_version")).scalar_one_or_none()
    return found


def require_known(revision: str | None, where: str) -> None:
    """NewerStore where a revision is none of ours: this code cannot know what it would damage."""
    if revision is None or revision in REVISIONS:
        return
    raise NewerStore(
        Words("操作库由更新版本的程序写成", "The operational store was written by a newer version of the product"),
        where=where,
        expected=Words(f"结构版本不高于 {HEAD}", f"schema at {HEAD} or before"),
        found=Words(revision, revision),
        advice=Words("改用更新版本的程序，或从备份恢复", "use the newer version, or restore the store from a backup"),
    )


def upgrade(connection: Connection) -> None:
    """Brings a store to HEAD inside the caller's transaction; nothing where it is there already.

    Whoever comes second waits for the first: on SQLite the transaction excludes other writers, on PostgreSQL a lock does.
    """
    # Only here: a store that is up to date, which is nearly always, is opened without them.
    from alembic import command
    from alembic.config import Config

    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("select pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    command.upgrade(config, "head")
