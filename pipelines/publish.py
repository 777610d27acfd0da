"""Write, audit, publish: from the working warehouse to an edition, and the pointer that every reader opens.

An edition is a folder that never changes: the parts of its tables as Parquet files, a manifest, and, for the newest
ones, a DuckDB file of all of them. Parts that are as in the last edition are that edition's files, linked. The pointer
is a relative symlink, replaced in one step.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb

from pipelines.audit import Audited, absent_tables, audit
from pipelines.build import BuildResult
from pipelines.code_version import code_version
from pipelines.control import Control
from pipelines.county import County
from pipelines.durable import link, sync
from pipelines.manifests import MANIFEST, file_hash, read_manifest, write_manifest
from pipelines.parts import Part, part_of, parts_of, table_files
from pipelines.settings import DBT_DIR, SHANGHAI, Home
from pipelines.sql import literal

DATABASE = "warehouse.duckdb"
_STAMP = "%Y%m%dT%H%M%S"  # of an edition's id, by the county's clock
STORAGE_VERSION = "v1.5.0"  # of the DuckDB file: what clients built on DuckDB 1.5 and later can open
_WRITERS = 2  # threads: most parts are too small for the engine to use more than one core
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


@dataclass(frozen=True)
class LastEdition:
    """What the current edition leaves for the next one to take over.

    `parts`: by file, the digests of its parts; `batches`: those it was computed from. None where other code made it,
    with other comments and other gates.
    """

    folder: Path
    manifest: dict[str, Any]
    parts: dict[str, str]
    batches: frozenset[str]

    @classmethod
    def of(cls, home: Home) -> LastEdition:
        folder, manifest = current_folder(home) or home.editions, current_manifest(home) or {}
        own = manifest if manifest.get("code_version") == code_version() else {}
        return cls(folder, manifest, own.get("parts", {}), frozenset(own.get("batches", ())))

    @property
    def edition_id(self) -> str:
        return str(self.manifest.get("edition_id", ""))

    @property
    def content_hash(self) -> str:
        return str(self.manifest.get("content_hash", ""))

    @property
    def has_database(self) -> bool:
        path = self.folder / DATABASE
        return bool(self.parts) and path.exists() and file_hash(path) == self.manifest["database"]

    def has_counted(self, batch_id: str, path: Path) -> bool:
        """Whether a batch's rows were counted for it, in a file that nothing wrote since."""
        return batch_id in self.batches and path.stat().st_mtime < (self.folder / MANIFEST).stat().st_mtime

    def changed(self, parts: list[Part]) -> list[Part]:
        """Those of the parts that it does not have."""
        return [part for part in parts if self.parts.get(part.file) != part.digest]

    def gone(self, parts: list[Part]) -> list[Part]:
        """Those of its own parts that are not among these."""
        kept = {part.file: part.digest for part in parts}
        return [part_of(file, digest) for file, digest in self.parts.items() if kept.get(file) != digest]

    def has_sound(self, part: Part) -> bool:
        """Whether it has this part in a file that nothing has happened to."""
        path = self.folder / part.file
        is_known = self.parts.get(part.file) == part.digest and path.exists()
        return is_known and file_hash(path) == self.manifest["files"].get(part.file)


def publish(home: Home, county: County, control: Control, built: BuildResult) -> Publication:
    """Audits the working warehouse and makes it the current edition, unless its content is the current one's.

    Raises GateFailed with the last edition untouched.
    """
    tables = edition_tables(home)
    names = [table.name for table in tables]
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        last = LastEdition.of(home)
        parts = parts_of(connection, names) if not absent_tables(connection, names) else []
        audit(Audited(home, control, built, connection, names, last.changed(parts), last.has_counted))
        content_hash = _content_hash(parts)
        if last.content_hash == content_hash:
            return Publication(last.edition_id, is_new=False)
        published_at = datetime.now(UTC).replace(tzinfo=None)
        edition_id = _new_id(home, content_hash, last.edition_id)
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
        draft = _new_draft(home, edition_id)
        _write_parts(connection, draft, parts, last)
    _write_edition(draft, edition)
    _write_database(draft, tables, parts, last)
    _write_manifest(draft, edition, parts, county, control)
    folder = home.editions / edition_id
    draft.rename(folder)
    sync(home.editions)
    point_to(home, folder)
    _drop_old_databases(home)
    drop_opened(home)
    return Publication(edition_id, is_new=True)


def current_folder(home: Home) -> Path | None:
    """The folder of the edition that readers see; None before the first one."""
    return home.pointer.resolve().parent if home.pointer.exists() else None


def current_manifest(home: Home) -> dict[str, Any] | None:
    folder = current_folder(home)
    return None if folder is None else read_manifest(folder)


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
    """A new DuckDB file from an edition's Parquet files, with a comment on every table and column."""
    path = folder / DATABASE
    path.unlink(missing_ok=True)
    edition = EditionTable(
        "edition", "本版本 / this edition: one row", {name: comment for name, (_, comment) in _EDITION_COLUMNS.items()}
    )
    with duckdb.connect() as connection:
        connection.execute(f"attach {literal(str(path))} as edition (storage_version '{STORAGE_VERSION}')")
        connection.execute("use edition")
        connection.begin()  # as one transaction: each of the hundred statements alone would wait for the disk
        for table in [*tables, edition]:
            parquet = literal(str(table_files(folder, table.name)))
            connection.execute(f"create table {table.name} as select * from read_parquet({parquet})")
            connection.execute(f"comment on table {table.name} is {literal(table.comment.strip())}")
            for column, comment in table.columns.items():
                connection.execute(f'comment on column {table.name}."{column}" is {literal(comment.strip())}')
        connection.commit()
        connection.execute("checkpoint")
    sync(path)


def _content_hash(parts: list[Part]) -> str:
    return hashlib.sha256("\n".join(f"{part.file} {part.digest}" for part in parts).encode()).hexdigest()


def _new_id(home: Home, content_hash: str, last_id: str) -> str:
    """When and what. Later than the last one's, even where the clock was set back: editions stand in the order of their ids."""
    moment = datetime.now(SHANGHAI).replace(tzinfo=None, microsecond=0)
    if last_id:
        moment = max(moment, datetime.strptime(last_id.partition("-")[0], _STAMP) + timedelta(seconds=1))
    while (home.editions / f"{moment:{_STAMP}}-{content_hash[:8]}").exists():  # of a run that died before it pointed there
        moment += timedelta(seconds=1)
    return f"{moment:{_STAMP}}-{content_hash[:8]}"


def _new_draft(home: Home, edition_id: str) -> Path:
    home.editions.mkdir(parents=True, exist_ok=True)
    for abandoned in home.editions.glob(".draft-*"):
        shutil.rmtree(abandoned)
    draft = home.editions / f".draft-{edition_id}"
    draft.mkdir()
    return draft


def _write_parts(connection: duckdb.DuckDBPyConnection, draft: Path, parts: list[Part], last: LastEdition) -> None:
    folders = {(draft / part.file).parent for part in parts}
    for folder in folders:
        folder.mkdir(exist_ok=True)
    to_write = []
    for part in parts:
        if last.has_sound(part):
            link(last.folder / part.file, draft / part.file)
        else:
            to_write.append(part)

    def write(part: Part) -> Path:
        path = draft / part.file
        with connection.cursor() as own:
            _copy(own, f"select * from {part.table} where {part.condition} order by all", path)
        return path

    with ThreadPoolExecutor(_WRITERS) as writers:
        written = list(writers.map(write, to_write))
    sync(*written, *folders)


def _write_edition(draft: Path, edition: dict[str, Any]) -> None:
    """The one row about the edition itself."""
    with duckdb.connect() as own:
        columns = ", ".join(f"?::{kind} as {name}" for name, (kind, _) in _EDITION_COLUMNS.items())
        own.execute(f"create table edition as select {columns}", [edition[name] for name in _EDITION_COLUMNS])
        _copy(own, "select * from edition", draft / "edition.parquet")
    sync(draft / "edition.parquet")


def _write_database(draft: Path, tables: list[EditionTable], parts: list[Part], last: LastEdition) -> None:
    """The DuckDB file: the last edition's with the changed parts replaced, or a new one where that does not give them."""
    if last.has_database:
        shutil.copyfile(last.folder / DATABASE, draft / DATABASE)
        with suppress(duckdb.Error):  # such as a column that was not there before
            _replace_parts(draft, last.gone(parts), last.changed(parts))
        with duckdb.connect(str(draft / DATABASE), read_only=True) as connection:
            if parts_of(connection, [table.name for table in tables]) == parts:
                return
    build_database(draft, tables)


def _replace_parts(draft: Path, gone: list[Part], changed: list[Part]) -> None:
    # one thread: for parts as small as these the engine takes longer with more
    with duckdb.connect(str(draft / DATABASE), config={"threads": 1}) as connection:
        connection.begin()
        for part in gone:
            connection.execute(f"delete from {part.table} where {part.condition}")
        for part in changed:
            parquet = literal(str(draft / part.file))
            connection.execute(f"insert into {part.table} by name select * from read_parquet({parquet})")
        connection.execute("delete from edition")
        connection.execute(f"insert into edition select * from read_parquet({literal(str(draft / 'edition.parquet'))})")
        connection.commit()
        connection.execute("checkpoint")
    sync(draft / DATABASE)


def _copy(connection: duckdb.DuckDBPyConnection, query: str, path: Path) -> None:
    connection.execute(f"copy ({query}) to {literal(str(path))} (format parquet, compression zstd)")


def _write_manifest(draft: Path, edition: dict[str, Any], parts: list[Part], county: County, control: Control) -> None:
    files = ["edition.parquet", *(part.file for part in parts)]
    manifest = {
        **{name: value if isinstance(value, str | bool) else value.isoformat() for name, value in edition.items()},
        "county": county.as_published(),
        "batches": [batch.batch_id for batch in control.batches],
        "decisions": control.decisions,
        "link_decisions": control.link_decisions,
        "rule_changes": control.rule_changes,
        "periods": control.digests,
        "targets_hash": file_hash(DBT_DIR / "seeds" / "targets.csv"),
        "files": {name: file_hash(draft / name) for name in files},
        "parts": {part.file: part.digest for part in parts},
        # A DuckDB file may be rebuilt from the Parquet files; its own hash is for `verify` only.
        "database": file_hash(draft / DATABASE),
    }
    write_manifest(draft, json.dumps(manifest, ensure_ascii=False, indent=1))


def point_to(home: Home, folder: Path) -> None:
    """Makes the edition in this folder the one that readers see."""
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
