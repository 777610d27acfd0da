"""Making a backup, while runs and readers go on.

What cannot be computed again is kept: the operational store, batches with verdicts and linking keys, editions and accounts
of changes, the county's own settings, registers and borders, the pseudonym key. Landing never is (raw values leave it for
nothing else), nor what the next run makes again: the working warehouse, control tables, results of rules across files,
links, what dbt and Dagster keep.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from filelock import FileLock

from pipelines.actor import Actor
from pipelines.audit_log import record
from pipelines.backup_folder import (
    FORMAT,
    Backup,
    KeptFile,
    KeptKey,
    Manifest,
    Marks,
    backups_in,
    read_backup,
)
from pipelines.county import County, load_county
from pipelines.durable import link, sync
from pipelines.errors import WarehouseError, Words
from pipelines.keys import key_file, read_key, require_maker
from pipelines.lake import batch_path, linking_path, verdicts_path
from pipelines.manifests import MANIFEST, SEAL, file_hash, read_manifest, write_manifest
from pipelines.migrations import HEAD
from pipelines.progress import Progress, silent
from pipelines.publish import DATABASE, current_folder
from pipelines.settings import Home
from pipelines.store import Slot, Store
from pipelines.store_copy import copy_store
from pipelines.verify import verify_kept

_BLOCK = 1 << 20  # bytes read at a time
_NOT_THE_CONTENT = Words("文件缺失，或内容不同", "no such file, or another content")


@dataclass(frozen=True)
class Made:
    """A backup that was made: how many bytes of it were not linked to the one before, and which older ones were removed."""

    backup: Backup
    new_bytes: int
    removed: list[str]


@dataclass(frozen=True)
class _Source:
    """A file to be kept, and the SHA-256 that the ledger or its edition names, where one does."""

    path: Path
    sha256: str | None = None


def create(
    home: Home, folder: Path, *, keys: Path | None = None, keep: int | None = None, on_progress: Progress = silent
) -> Made:
    """A backup of a data root as a new folder in `folder`; one that is complete, or is not there.

    `keys`: where the pseudonym key is kept instead of in the backup; `keep`: how many complete ones stay. Raises
    WarehouseError where the data root is damaged or its key is missing, and then makes and removes nothing.
    """
    _require_outside(home, folder)
    county = load_county(home.county_file)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # One at a time in a folder: drafts that are found were left by a process that died.
    with FileLock(folder / ".lock"), closing(Store.of(home)) as store:
        _drop_drafts(folder)
        own = [backup for backup in backups_in(folder) if backup.manifest.county_code == county.county_code]
        with TemporaryDirectory(prefix=".draft-", dir=folder) as temporary:
            draft = _Draft(home, Path(temporary) / "backup", own[-1] if own else None, on_progress)
            made = _complete(draft, draft.write(county, store, keys), folder)
        with store.transaction() as connection:
            record(connection, datetime.now(UTC), Actor.of_system(), "backup_made", made.name)
        superseded = [*own, made][:-keep] if keep else []
        for backup in superseded:
            _remove(backup)
    return Made(made, draft.new_bytes, [backup.name for backup in superseded])


class _Draft:
    """A backup in the making."""

    def __init__(self, home: Home, folder: Path, before: Backup | None, on_progress: Progress) -> None:
        self.home, self.place, self.before, self.on_progress = home, Home(folder), before, on_progress
        self.files: dict[str, KeptFile] = {}
        self.new_bytes = 0
        folder.mkdir(mode=0o700)

    def write(self, county: County, store: Store, keys: Path | None) -> Manifest:
        """Copies everything and says what it was.

        Editions are looked up before the store is read: each then rests on batches that the copy of the store names. What
        either names was on disk before, and is never changed or removed; so runs go on, and nothing is waited for.
        """
        edition = current_folder(self.home)
        sources = [*_edition_sources(self.home, edition), *_county_sources(self.home)]
        with closing(Store.at(self.place.store)) as snapshot:
            copy_store(store, snapshot)
            self._keep_all([*sources, *_batch_sources(self.home, snapshot)])
            self._require_sound(snapshot)
            marks, made_with = Marks.of(snapshot, edition), snapshot.current_key_ids()
        self._note(self.place.store, file_hash(self.place.store))
        return Manifest(
            format=FORMAT, made_at=datetime.now(UTC), county_code=county.county_code, county_name=county.name_zh,
            schema_revision=HEAD, key=self._keep_key(made_with, keys), marks=marks, files=self.files,
        )  # fmt: skip

    def _keep_all(self, sources: list[_Source]) -> None:
        sizes = [source.path.stat().st_size if source.path.exists() else 0 for source in sources]
        done, total = 0, max(sum(sizes), 1)
        for source, size in zip(sources, sizes, strict=True):
            self.on_progress("备份 backing up", done / total)
            self._keep(source)
            done += size

    def _keep(self, source: _Source) -> None:
        """Links the file of the backup before where it is the same and sound, else copies the data root's own."""
        place = source.path.relative_to(self.home.root).as_posix()
        target = self.place.root / place
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            sha256 = source.sha256 or file_hash(source.path)
            earlier = self._earlier(place, sha256)
            if earlier:
                link(earlier, target)
            elif copy_file(source.path, target) != sha256:
                raise _not_as_written(place)
        except FileNotFoundError as error:
            raise _not_as_written(place) from error
        self._note(target, sha256)

    def _require_sound(self, snapshot: Store) -> None:
        """What would not pass when the backup is verified is told now, not on the day of the loss."""
        hashes = {self.place.root / place: file.sha256 for place, file in self.files.items()}
        for damage in verify_kept(self.place, snapshot, hash_of=hashes.__getitem__).damages:
            raise _not_as_written(f"{damage.what} {damage.where}", damage.words)

    def _earlier(self, place: str, sha256: str) -> Path | None:
        """The file of the backup before where it has this content, and still has: damage must not be handed down."""
        if self.before is None or place not in self.before.manifest.files:
            return None
        path = self.before.folder / place
        is_same = self.before.manifest.files[place].sha256 == sha256 and path.is_file() and file_hash(path) == sha256
        return path if is_same else None

    def _note(self, path: Path, sha256: str) -> None:
        status = path.stat()
        self.files[path.relative_to(self.place.root).as_posix()] = KeptFile(size=status.st_size, sha256=sha256)
        if status.st_nlink == 1:
            self.new_bytes += status.st_size

    def _keep_key(self, made_with: set[str], keys: Path | None) -> KeptKey | None:
        path = key_file(self.home.keys)
        key = read_key(path) if path.exists() else None
        require_maker(key.id if key else None, made_with)
        if key is None:
            return None
        content = path.read_bytes()
        sha256 = hashlib.sha256(content).hexdigest()
        if keys is None:
            kept = key_file(self.place.keys)
            write_secret(content, kept)
            self._note(kept, sha256)
        elif find_key(keys, sha256) is None:
            write_secret(content, keys / f"{key.id.replace(':', '-')}.json")
        return KeptKey(id=key.id, sha256=sha256, is_apart=keys is not None)


def copy_file(source: Path, target: Path) -> str:
    """Writes a new file; the SHA-256 of what was read. It is not waited for until it is on disk."""
    digest = hashlib.sha256()
    with source.open("rb") as read, target.open("xb") as written:
        while block := read.read(_BLOCK):
            digest.update(block)
            written.write(block)
    return digest.hexdigest()


def write_secret(content: bytes, path: Path) -> None:
    """Puts a secret at `path`, readable by its owner alone, and its folder as well where that is made here.

    WarehouseError where a file is there already: no key is ever written over.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise WarehouseError(
            Words("已有同名的密钥文件，内容不同", "There is a file of this key with another content"),
            where=str(path),
            expected=Words("与数据根目录中的密钥相同", "the key as the data root has it"),
            found=Words("内容不同：损坏或被改动", "another content: damaged or changed"),
            advice=Words("查明原因后移走该文件", "find out why, and move that file away"),
        ) from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    sync(path, path.parent)


def find_key(folder: Path, sha256: str) -> Path | None:
    """The file in a folder of keys that has this content, whatever its name."""
    return next((path for path in sorted(folder.glob("*.json")) if file_hash(path) == sha256), None)


def _complete(draft: _Draft, manifest: Manifest, folder: Path) -> Backup:
    """Once everything is on disk, the draft gets its name."""
    root = draft.place.root
    write_manifest(root, manifest.model_dump_json(indent=1))
    sync(root, *root.rglob("*"))
    final = folder / f"{manifest.made_at:%Y%m%dT%H%M%S.%fZ}_{manifest.marks.edition_id or 'none'}"
    root.rename(final)
    sync(folder)
    return read_backup(final)


def _edition_sources(home: Home, current: Path | None) -> Iterator[_Source]:
    """Editions and accounts of changes, each complete since it has its name. A DuckDB file can be built again from an
    edition's tables and goes some time: only the current edition's is kept."""
    for path in sorted([*home.editions.glob(f"[!.]*/{MANIFEST}"), *home.changes.glob(f"[!.]*/{MANIFEST}")]):
        try:
            manifest = read_manifest(path.parent)
            yield from (_Source(path.parent / name, sha256) for name, sha256 in manifest["files"].items())
            if path.parent.resolve() == current:
                yield _Source(path.parent / DATABASE, manifest["database"])
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise _not_as_written(path.relative_to(home.root).as_posix()) from error
        yield _Source(path)
        if path.with_name(SEAL).exists():
            yield _Source(path.with_name(SEAL))


def _batch_sources(home: Home, store: Store) -> Iterator[_Source]:
    for row in store.all_batches():
        slot, batch_id = Slot.of(row), row["batch_id"]
        yield _Source(batch_path(home, slot, batch_id), row["content_hash"])
        yield _Source(verdicts_path(home, slot, batch_id), row["verdicts_hash"])
        if linking_path(home, slot, batch_id).exists():
            yield _Source(linking_path(home, slot, batch_id), row["linking_hash"])


def _county_sources(home: Home) -> Iterator[_Source]:
    """What people brought: settings, a register and borders of their own."""
    brought = [home.county_file, home.shapes, *sorted(home.register.rglob("*"))]
    yield from (_Source(path) for path in brought if path.is_file())


def _drop_drafts(folder: Path) -> None:
    for abandoned in folder.glob(".draft-*"):
        shutil.rmtree(abandoned)


def _remove(backup: Backup) -> None:
    """It first loses its name: one that is half removed is none."""
    gone = backup.folder.with_name(f".draft-{backup.name}")
    backup.folder.rename(gone)
    sync(gone.parent)
    shutil.rmtree(gone)


def _require_outside(home: Home, folder: Path) -> None:
    if not folder.resolve().is_relative_to(home.root.resolve()):
        return
    raise WarehouseError(
        Words("备份不能放在数据根目录里", "A backup cannot lie in the data root"),
        where=str(folder),
        expected=Words("另一块磁盘上的文件夹", "a folder on another disk"),
        found=Words(f"{home.root} 之内", f"inside {home.root}"),
        advice=Words("用 --to 指明另一个文件夹", "name another folder by --to"),
    )


def _not_as_written(where: str, found: Words = _NOT_THE_CONTENT) -> WarehouseError:
    return WarehouseError(
        Words("数据根目录已损坏，未备份", "The data root is damaged: no backup was made"),
        where=where,
        expected=Words("台账或版本清单登记的内容", "what the ledger or its edition says"),
        found=found,
        advice=Words("运行 warehouse verify；完好的内容在较早的备份里", "run: warehouse verify; an earlier backup has what is sound"),
    )
