"""Write, audit, publish: from the working warehouse to an edition, and the pointer that every reader opens.

An edition is a folder that never changes: one Parquet file per table, a manifest, and, for the newest ones, a
DuckDB file built fresh from them. The pointer is a relative symlink, replaced in one step.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb

from pipelines.audit import audit
from pipelines.build import BuildResult
from pipelines.control import Control, code_version
from pipelines.county import County
from pipelines.durable import sync
from pipelines.settings import DBT_DIR, SHANGHAI, Home
from pipelines.sql import literal, scalar

DATABASE = "warehouse.duckdb"
KEPT_DATABASES = 4  # the current one and the last three
KEPT_SECONDS = 15 * 60  # a reader may still hold a superseded file open
KEPT_OPENED_SECONDS = 24 * 3600  # a file of a past edition, since somebody last asked for it
_EDITION_COLUMNS: dict[str, tuple[str, str]] = {
    "edition_id": ("varchar", "版本编号 / id of the edition"),
    "county_code": ("varchar", "县级代码 / code of the county"),
    "county_name": ("varchar", "县名 / name of the county"),
    "is_sample": ("boolean", "是否示例数据 / whether the data are composed sample data"),
    "as_of_date": ("date", "判定日期：据此判断期间是否已截止 / the day at which periods are judged closed or not"),
    "published_at": ("timestamp", "发布时间（协调世界时） / time of publication, UTC"),
    "code_version": ("varchar", "计算程序版本 / digest of contracts, code, models and targets"),
    "inputs_hash": ("varchar", "输入摘要 / hash of everything the figures were computed from"),
    "content_hash": ("varchar", "内容摘要 / hash of the content of all tables"),
}


@dataclass(frozen=True)
class EditionTable:
    """A table of an edition, its comment and its columns' comments, as the models declare them."""

    name: str
    comment: str
    columns: dict[str, str]


@dataclass(frozen=True)
class Publication:
    """Which edition readers now see, and whether this run made it."""

    edition_id: str
    is_new: bool


def publish(home: Home, county: County, control: Control, built: BuildResult) -> Publication:
    """Audits the working warehouse and makes it the current edition, unless its content is the current one's.

    Raises GateFailed with the last edition untouched.
    """
    tables = edition_tables(home)
    names = [table.name for table in tables]
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        audit(home, control, built, connection, names)
        content_hash = _content_hash(connection, names)
        current = current_manifest(home)
        if current is not None and current["content_hash"] == content_hash:
            return Publication(current["edition_id"], is_new=False)
        published_at = datetime.now(UTC).replace(tzinfo=None)
        edition_id = f"{datetime.now(SHANGHAI):%Y%m%dT%H%M%S}-{content_hash[:8]}"
        edition = {
            "edition_id": edition_id,
            "county_code": county.county_code,
            "county_name": county.name_zh,
            "is_sample": county.sample,
            "as_of_date": control.as_of,
            "published_at": published_at,
            "code_version": code_version(),
            "inputs_hash": control.inputs_hash,
            "content_hash": content_hash,
        }
        draft = _write_tables(home, connection, names, edition)
    build_database(draft, tables)
    _write_manifest(draft, edition, county, control)
    folder = home.editions / edition_id
    draft.rename(folder)
    sync(home.editions)
    _point_to(home, folder)
    _drop_old_databases(home)
    drop_opened(home)
    return Publication(edition_id, is_new=True)


def current_folder(home: Home) -> Path | None:
    """The folder of the edition that readers see; None before the first one."""
    return home.pointer.resolve().parent if home.pointer.exists() else None


def current_manifest(home: Home) -> dict[str, Any] | None:
    folder = current_folder(home)
    return None if folder is None else read_manifest(folder)


def read_manifest(folder: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return manifest


def edition_tables(home: Home) -> list[EditionTable]:
    """The tables of an edition: every model tagged `edition`, with the comments of its YAML twin."""
    manifest = json.loads(home.manifest.read_text(encoding="utf-8"))
    return sorted(
        (
            EditionTable(
                node["name"],
                node["description"],
                {name: column["description"] for name, column in node["columns"].items()},
            )
            for node in manifest["nodes"].values()
            if "edition" in node.get("tags", ())
        ),
        key=lambda table: table.name,
    )


def build_database(folder: Path, tables: list[EditionTable]) -> None:
    """A fresh DuckDB file from an edition's Parquet files, with a comment on every table and column."""
    path = folder / DATABASE
    path.unlink(missing_ok=True)
    edition = EditionTable(
        "edition", "本版本 / this edition: one row", {name: comment for name, (_, comment) in _EDITION_COLUMNS.items()}
    )
    with duckdb.connect(str(path)) as connection:
        connection.begin()  # as one transaction: each of the hundred statements alone would wait for the disk
        for table in [*tables, edition]:
            parquet = literal(str(folder / f"{table.name}.parquet"))
            connection.execute(f"create table {table.name} as select * from read_parquet({parquet})")
            connection.execute(f"comment on table {table.name} is {literal(table.comment.strip())}")
            for column, comment in table.columns.items():
                connection.execute(f'comment on column {table.name}."{column}" is {literal(comment.strip())}')
        connection.commit()
        connection.execute("checkpoint")
    sync(path)


def _content_hash(connection: duckdb.DuckDBPyConnection, tables: list[str]) -> str:
    digest = hashlib.sha256()
    for table in tables:
        query = f"select count(*)::varchar || ' ' || coalesce(sum(hash(rows)::hugeint)::varchar, '') from {table} as rows"
        columns = connection.table(table).columns
        digest.update(f"{table} {columns} {scalar(connection, query)}\n".encode())
    return digest.hexdigest()


def _write_tables(
    home: Home, connection: duckdb.DuckDBPyConnection, names: list[str], edition: dict[str, Any]
) -> Path:
    home.editions.mkdir(parents=True, exist_ok=True)
    for abandoned in home.editions.glob(".draft-*"):
        shutil.rmtree(abandoned)
    draft = home.editions / f".draft-{edition['edition_id']}"
    draft.mkdir()
    for name in names:
        _copy(connection, f"select * from {name} order by all", draft / f"{name}.parquet")
    with duckdb.connect() as own:
        columns = ", ".join(f"?::{kind} as {name}" for name, (kind, _) in _EDITION_COLUMNS.items())
        own.execute(f"create table edition as select {columns}", [edition[name] for name in _EDITION_COLUMNS])
        _copy(own, "select * from edition", draft / "edition.parquet")
    return draft


def _copy(connection: duckdb.DuckDBPyConnection, query: str, path: Path) -> None:
    connection.execute(f"copy ({query}) to {literal(str(path))} (format parquet, compression zstd)")
    sync(path)


def _write_manifest(draft: Path, edition: dict[str, Any], county: County, control: Control) -> None:
    hashes = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(draft.glob("*.parquet"))
    }
    manifest = {
        **{name: value if isinstance(value, str | bool) else value.isoformat() for name, value in edition.items()},
        "county": county.model_dump(mode="json"),
        "batches": [batch.batch_id for batch in control.batches],
        "periods": control.digests,
        "targets_hash": hashlib.sha256((DBT_DIR / "seeds" / "targets.csv").read_bytes()).hexdigest(),
        "files": hashes,
        # A DuckDB file may be rebuilt from the Parquet files; its own hash is for `verify` only.
        "database": hashlib.sha256((draft / DATABASE).read_bytes()).hexdigest(),
    }
    path = draft / "manifest.json"
    path.write_text(json.dumps(manifest, ensure_ascii=False, indent=1), encoding="utf-8")
    sync(path)
    sync(draft)


def _point_to(home: Home, folder: Path) -> None:
    draft = home.pointer.with_name(f".{home.pointer.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    draft.symlink_to((folder / DATABASE).relative_to(home.published))
    draft.replace(home.pointer)
    sync(home.published)


def _drop_old_databases(home: Home) -> None:
    """DuckDB files of editions that nobody can still be reading; their Parquet files stay."""
    databases = sorted(home.editions.glob(f"*/{DATABASE}"), key=lambda path: path.parent.name, reverse=True)
    current = home.pointer.resolve()
    superseded = list(pairwise(databases))[KEPT_DATABASES - 1 :]
    for successor, path in superseded:
        # When an edition was superseded is when its successor was built, however old it was by then.
        if path != current and time.time() - successor.stat().st_mtime > KEPT_SECONDS:
            path.unlink()


def drop_opened(home: Home) -> None:
    """DuckDB files of past editions for which nobody asked for a day, and drafts of a process that died."""
    for path in home.opened.glob("*"):
        if time.time() - path.stat().st_mtime > KEPT_OPENED_SECONDS:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
