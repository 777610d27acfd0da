"""What a backup is: a folder that is laid out as a data root, with a manifest of every file in it.

Belongs here: the manifest, finding backups, and what is wrong with files of one. Making one stands in `backup`, taking it
back in `restore`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from pipelines.chain import START
from pipelines.errors import WarehouseError, Words
from pipelines.manifests import MANIFEST, SEAL, HashOf, is_sealed, read_manifest
from pipelines.migrations import require_known
from pipelines.progress import Progress, silent
from pipelines.settings import Home
from pipelines.store import Store
from pipelines.verify import Damage

FORMAT = 1


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class KeptFile(_Strict):
    """A file of a backup: its size in bytes and its SHA-256."""

    size: int
    sha256: str


class KeptKey(_Strict):
    """The pseudonym key: its id and the SHA-256 of its file, which lies in the backup or apart from it."""

    id: str
    sha256: str
    is_apart: bool


class Marks(_Strict):
    """What a data root shows of its state: equal in two of them where nothing was lost and nothing changed.

    `ledger_hash`: of the last entry, in which all before it are chained; `edition_hash`: of the content of the edition.
    """

    ledger_entries: int
    ledger_hash: str
    edition_id: str | None
    edition_hash: str | None

    @classmethod
    def of(cls, store: Store, edition: Path | None) -> Marks:
        """The marks of a store, and of the folder of the edition that readers see."""
        log = store.deliveries()
        manifest = read_manifest(edition) if edition else {"edition_id": None, "content_hash": None}
        return cls(
            ledger_entries=len(log), ledger_hash=log[-1]["entry_hash"] if log else START,
            edition_id=manifest["edition_id"], edition_hash=manifest["content_hash"],
        )  # fmt: skip


class Manifest(_Strict):
    """What a backup holds. `files` by path inside it; the store is at `schema_revision`."""

    format: int
    made_at: datetime
    county_code: str
    county_name: str
    schema_revision: str
    key: KeptKey | None
    marks: Marks
    files: dict[str, KeptFile]

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(file.size for file in self.files.values())


@dataclass(frozen=True)
class Backup:
    """A complete backup: its folder and its manifest."""

    folder: Path
    manifest: Manifest

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def home(self) -> Home:
        """Where in it everything lies, as in a data root; readers are pointed to no edition there."""
        return Home(self.folder)

    @property
    def edition(self) -> Path | None:
        """The edition that readers saw when it was made."""
        edition_id = self.manifest.marks.edition_id
        return self.home.editions / edition_id if edition_id else None


class BackupDamaged(WarehouseError):
    """A backup is not as it was written."""

    def __init__(self, folder: Path, damages: list[Damage]) -> None:
        self.damages = damages
        named = "; ".join(f"{damage.where}" for damage in damages[:10])
        super().__init__(
            Words("备份已损坏，未使用", "The backup is damaged and was not used"),
            where=folder.name,
            expected=Words("与清单一致的备份", "a backup as its manifest says"),
            found=Words(f"{len(damages)} 处损坏：{named}", f"{len(damages)} damages: {named}"),
            advice=Words("用 warehouse backup verify 查看全部；改用另一个备份", "see all by warehouse backup verify; use another backup"),
        )


def backups_in(folder: Path) -> list[Backup]:
    """The complete backups in a folder whose manifest can be read, the oldest first; names begin with the time."""
    found = []
    for path in sorted(folder.glob(f"[!.]*/{MANIFEST}")):
        try:
            found.append(read_backup(path.parent))
        except BackupDamaged:
            continue
    return found


def find_backup(folder: Path) -> Backup:
    """The backup in this folder, or the newest of those that it holds. WarehouseError where there is none."""
    if (folder / MANIFEST).exists() or (folder / SEAL).exists():
        return read_backup(folder)
    held = sorted(path.parent for path in folder.glob(f"[!.]*/{MANIFEST}"))
    if held:
        return read_backup(held[-1])
    raise WarehouseError(
        Words("没有找到备份", "There is no backup"),
        where=str(folder),
        expected=Words(f"含 {MANIFEST} 的备份文件夹，或其上级文件夹", f"the folder of a backup, with {MANIFEST}, or the one above it"),
        found=Words("没有", "none"),
        advice=Words("运行 warehouse backup create", "run: warehouse backup create"),
    )


def read_backup(folder: Path) -> Backup:
    """A backup by its manifest; its other files are not looked at.

    BackupDamaged where the manifest is not the one that was written; NewerStore or WarehouseError where newer code wrote it.
    """
    try:
        is_whole, found = is_sealed(folder), read_manifest(folder)
        if is_whole and found["format"] > FORMAT:
            raise _newer(folder, found["format"])
        manifest = Manifest.model_validate(found)
    except (OSError, ValueError, LookupError, TypeError, ValidationError):
        is_whole = False
    if not is_whole:
        words = Words("缺失、无法读取或与校验值不符", "it is missing, cannot be read, or is not what was written")
        raise BackupDamaged(folder, [Damage("manifest", MANIFEST, words)])
    require_known(manifest.schema_revision, folder.name)
    return Backup(folder, manifest)


def file_damages(backup: Backup, hash_of: HashOf, on_progress: Progress = silent) -> Iterator[Damage]:
    """Every file that is missing, changed, or does not belong there."""
    kept = backup.manifest.files
    found = set(_files_in(backup.folder)) - {MANIFEST, SEAL}
    for place in sorted(found - set(kept)):
        yield Damage("file", place, Words("清单中没有这个文件", "the manifest does not have it"))
    done = 0
    for place, file in kept.items():
        on_progress("核对备份 verifying the backup", done / max(backup.manifest.size, 1))
        done += file.size
        path = backup.folder / place
        if place not in found or path.is_symlink():
            yield Damage("file", place, Words("文件缺失，或不是普通文件", "the file is missing, or no regular file"))
        elif path.stat().st_size != file.size or hash_of(path) != file.sha256:
            yield Damage("file", place, Words("内容与清单中的摘要不符", "the content does not have the hash in the manifest"))


def _files_in(folder: Path) -> Iterator[str]:
    """Whatever is no folder, by path inside `folder`."""
    for parent, folders, names in os.walk(folder):
        links = [name for name in folders if (Path(parent) / name).is_symlink()]
        for name in [*names, *links]:
            yield (Path(parent) / name).relative_to(folder).as_posix()


def _newer(folder: Path, found: int) -> WarehouseError:
    return WarehouseError(
        Words("备份由更新版本的程序写成", "The backup was written by a newer version of the product"),
        where=folder.name,
        expected=Words(f"格式不高于 {FORMAT}", f"format {FORMAT} or before"),
        found=Words(f"{found}", f"{found}"),
        advice=Words("改用更新版本的程序", "use the newer version"),
    )
