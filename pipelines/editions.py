"""The editions that are kept: which there are, which one is meant, and one of them as a DuckDB file again.

Belongs here: reading editions. Does not belong here: making them (publish), comparing them (explain).
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow.parquet as pq

from pipelines.errors import WarehouseError, Words
from pipelines.manifests import MANIFEST, read_manifest
from pipelines.parts import table_files
from pipelines.publish import (
    DATABASE,
    EditionTable,
    build_database,
    current_folder,
    drop_opened,
)
from pipelines.settings import Home


@dataclass(frozen=True)
class Edition:
    """One published edition: its folder, its manifest, and whether readers are pointed to it."""

    folder: Path
    manifest: dict[str, Any]
    is_current: bool

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def as_of(self) -> date:
        return date.fromisoformat(self.manifest["as_of_date"])

    @property
    def code_version(self) -> str:
        return str(self.manifest["code_version"])

    @property
    def has_database(self) -> bool:
        return (self.folder / DATABASE).exists()

    @property
    def figures(self) -> int:
        """Rows of the table of figures: unit × period × KPI × target."""
        return sum(pq.read_metadata(path).num_rows for path in self.files("fct_kpi"))

    def table(self, name: str) -> Path:
        """The Parquet file of a table, or a pattern of its files."""
        return table_files(self.folder, name)

    def files(self, name: str) -> list[Path]:
        """The Parquet files of a table; empty where the edition has no such table."""
        pattern = self.table(name)
        return sorted(pattern.parent.glob(pattern.name))

    @property
    def tables(self) -> list[str]:
        """The names of all its tables but the one about itself."""
        kept = [path for path in self.folder.iterdir() if path.is_dir() or path.suffix == ".parquet"]
        return sorted({path.name.removesuffix(".parquet") for path in kept} - {"edition"})


def list_editions(home: Home) -> list[Edition]:
    """Every edition that has a manifest, the oldest first; ids begin with the time of publication."""
    current = current_folder(home)
    return [
        Edition(path.parent, read_manifest(path.parent), path.parent.resolve() == current)
        for path in sorted(home.editions.glob(f"[!.]*/{MANIFEST}"))
    ]


def find_edition(home: Home, edition_id: str) -> Edition:
    """The edition with this id, or the only one whose id begins so. WarehouseError otherwise."""
    editions = list_editions(home)
    found = [edition for edition in editions if edition.id.startswith(edition_id)]
    exact = [edition for edition in found if edition.id == edition_id]
    if len(exact or found) != 1:
        known = ", ".join(edition.id for edition in editions) or "—"
        raise WarehouseError(
            Words("没有这个版本，或不止一个", "There is no such edition, or more than one"),
            where=edition_id,
            expected=Words(f"其中之一：{known}", f"one of {known}"),
            found=Words(f"{len(found)} 个", str(len(found))),
            advice=Words("用 warehouse editions list 查看", "see warehouse editions list"),
        )
    return (exact or found)[0]


def current_edition(home: Home) -> Edition:
    """The edition that readers are pointed to. WarehouseError before the first one."""
    for edition in list_editions(home):
        if edition.is_current:
            return edition
    raise WarehouseError(
        Words("还没有发布任何版本", "No edition has been published yet"),
        where=home.published.name,
        expected=Words("至少成功运行一次", "one successful run"),
        found=Words("没有已发布的版本", "nothing published"),
        advice=Words("运行 warehouse run", "run: warehouse run"),
    )


def last_two(home: Home) -> tuple[Edition, Edition]:
    """The two newest editions, the older one first. WarehouseError where there are not two."""
    editions = list_editions(home)
    if len(editions) < 2:
        raise WarehouseError(
            Words("无可比较的版本", "There is nothing to compare"),
            where=home.editions.name,
            expected=Words("至少两个版本", "at least two editions"),
            found=Words(f"{len(editions)} 个", str(len(editions))),
            advice=Words("新版本发布后再试", "try again once a further edition is published"),
        )
    return editions[-2], editions[-1]


def open_edition(home: Home, edition: Edition) -> Path:
    """A DuckDB file of the edition: its own, or one built beside the editions where that was dropped.

    The edition's folder and the pointer stay as they are. What was built is dropped once nobody asks for it any more.
    """
    if edition.has_database:
        return edition.folder / DATABASE
    opened = home.opened / f"{edition.id}.duckdb"
    if opened.exists():
        opened.touch()
    drop_opened(home)
    if not opened.exists():
        opened.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=opened.parent))
        try:
            for name in (*edition.tables, "edition"):
                for path in edition.files(name):
                    placed = draft / path.relative_to(edition.folder)
                    placed.parent.mkdir(exist_ok=True)
                    placed.symlink_to(path.resolve())
            build_database(draft, _tables_of(home, edition))
            (draft / DATABASE).replace(opened)
        finally:
            shutil.rmtree(draft)
    return opened


def _tables_of(home: Home, edition: Edition) -> list[EditionTable]:
    """The tables that the edition has, with what the current one says of tables and columns of the same name."""
    comments = _current_comments(home)
    return [
        EditionTable(
            name,
            comments.get((name, ""), ""),
            {column: comments.get((name, column), "") for column in pl.read_parquet_schema(edition.files(name)[0])},
        )
        for name in edition.tables
    ]


def _current_comments(home: Home) -> dict[tuple[str, str], str]:
    """By table and column; a table's own under the empty column."""
    if not home.pointer.exists():
        return {}
    with duckdb.connect(str(home.pointer.resolve()), read_only=True) as connection:
        found = connection.execute("""
            select table_name, '', comment from duckdb_tables() where comment is not null
            union all
            select table_name, column_name, comment from duckdb_columns() where comment is not null""").fetchall()
    return {(table, column): comment for table, column, comment in found}
