"""Taking a backup back: verifying it, restoring it, and the drill that proves that it can be restored.

A backup is verified before anything of it is used, and is never written to.
"""

from __future__ import annotations

import shutil
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from pipelines.actor import Actor
from pipelines.audit_log import record
from pipelines.backup import copy_file, find_key, write_secret
from pipelines.backup_folder import Backup, BackupDamaged, KeptKey, Marks, file_damages
from pipelines.county import load_county
from pipelines.durable import sync
from pipelines.errors import WarehouseError, Words
from pipelines.keys import key_file, read_key
from pipelines.landing import make_folders
from pipelines.manifests import file_hash
from pipelines.progress import Progress, silent
from pipelines.publish import current_folder, point_to
from pipelines.settings import Home
from pipelines.store import Store
from pipelines.store_copy import copy_store, require_empty_store
from pipelines.verify import Damage, verify_kept


@dataclass(frozen=True)
class Verified:
    """What is damaged in a backup, and whether its key was looked at: one that is kept apart may not be at hand."""

    backup: Backup
    damages: list[Damage]
    is_key_verified: bool


@dataclass(frozen=True)
class Drill:
    """A trial: what was not as in the backup once it was restored, and the seconds that restoring took."""

    backup: Backup
    damages: list[Damage]
    seconds: float


def verify_backup(backup: Backup, keys: Path | None = None, on_progress: Progress = silent) -> Verified:
    """Every file against the manifest; then, where all are whole, what they hold as `warehouse verify` does, and the key."""
    key = backup.manifest.key
    hash_of = cache(file_hash)  # a file is read once, whoever asks
    damages = list(file_damages(backup, hash_of, on_progress))
    if not damages:
        with TemporaryDirectory() as scratch, closing(_store_in(backup, Path(scratch))) as store:
            damages += verify_kept(backup.home, store, on_progress, hash_of=hash_of).damages
            damages += _mark_damages(backup, Marks.of(store, backup.edition))
            damages += _key_damages(key.id if key else None, store)
    is_at_hand = key is None or not key.is_apart or keys is not None
    if key and key.is_apart and keys:
        damages += [] if find_key(keys, key.sha256) else [_lost_key(keys, key)]
    return Verified(backup, damages, is_at_hand)


def restore(
    backup: Backup, home: Home, *, keys: Path | None = None, store_url: str | None = None, on_progress: Progress = silent
) -> None:
    """Makes the data root as it was when the backup was made; landing is empty.

    The operational store goes into the data root, or into the empty database at `store_url`. Raises BackupDamaged or
    WarehouseError before anything is written: where the backup is damaged or newer, the key is missing, the data root or
    the database is not empty, or the disk is too small. `county.yml` comes last: without it nothing takes the folder for a
    data root.
    """
    _require_empty(home)
    if store_url:
        require_empty_store(store_url)
    key = _require_key(backup, keys)
    damages = verify_backup(backup, keys, on_progress).damages
    if damages:
        raise BackupDamaged(backup.folder, damages)
    _require_room(home, backup)
    home.root.mkdir(parents=True, exist_ok=True)
    _restore_files(backup, home, on_progress)
    if key:
        write_secret(key.read_bytes(), key_file(home.keys))
    _restore_store(backup, home, store_url)
    if backup.edition:
        point_to(home, home.editions / backup.edition.name)
    make_folders(home, load_county(backup.home.county_file))
    copy_file(backup.home.county_file, home.county_file)
    sync(*home.root.rglob("*"), home.root, home.root.parent)


def drill(backup: Backup, folder: Path | None = None, *, keys: Path | None = None, on_progress: Progress = silent) -> Drill:
    """Restores into a folder that is removed again (inside `folder`, or where temporary files go) and verifies what is there.

    Raises as `restore` does; what differs from the backup is told as damages.
    """
    with TemporaryDirectory(prefix="drill-", dir=folder) as temporary:
        home = Home(Path(temporary) / "data")
        started = datetime.now(UTC)
        restore(backup, home, keys=keys, on_progress=on_progress)
        seconds = (datetime.now(UTC) - started).total_seconds()
        with closing(Store.at(home.store)) as store:
            damages = verify_kept(home, store, on_progress).damages
            damages += _mark_damages(backup, Marks.of(store, current_folder(home)))
            damages += _key_damages(read_key(key_file(home.keys)).id if backup.manifest.key else None, store)
    return Drill(backup, damages, seconds)


def _store_in(backup: Backup, scratch: Path) -> Store:
    """A copy of the backup's store, brought to the newest schema: the backup itself is never opened."""
    path = scratch / backup.home.store.name
    shutil.copyfile(backup.home.store, path)
    return Store.at(path)


def _restore_files(backup: Backup, home: Home, on_progress: Progress) -> None:
    """All but those that are written in a way of their own: the store, the key, county.yml."""
    own = {backup.home.store, key_file(backup.home.keys), backup.home.county_file}
    done = 0
    for place, file in backup.manifest.files.items():
        on_progress("恢复 restoring", done / max(backup.manifest.size, 1))
        done += file.size
        if backup.folder / place in own:
            continue
        target = home.root / place
        target.parent.mkdir(parents=True, exist_ok=True)
        if copy_file(backup.folder / place, target) != file.sha256:
            words = Words("恢复过程中内容改变", "the content changed while it was restored")
            raise BackupDamaged(backup.folder, [Damage("file", place, words)])


def _restore_store(backup: Backup, home: Home, store_url: str | None) -> None:
    """The store, with an entry in its audit log that it was restored."""
    with (
        TemporaryDirectory() as scratch,
        closing(_store_in(backup, Path(scratch))) as kept,
        closing(Store(store_url) if store_url else Store.at(home.store)) as store,
    ):
        copy_store(kept, store)
        with store.transaction() as connection:
            record(connection, datetime.now(UTC), Actor.of_system(), "restored", backup.name)


def _mark_damages(backup: Backup, found: Marks) -> list[Damage]:
    """What the ledger and the edition show is not what they showed when the backup was made."""
    if found == backup.manifest.marks:
        return []
    words = Words("台账末尾或版本与备份时不同", "the end of the ledger or the edition is not what it was")
    return [Damage("marks", backup.name, words)]


def _key_damages(key_id: str | None, store: Store) -> list[Damage]:
    """The batches were made with another key."""
    if store.current_key_ids() <= {key_id}:
        return []
    words = Words("化名密钥不是生成批次的密钥", "the pseudonym key is not the one that made the batches")
    return [Damage("key", key_id or "—", words)]


def _require_key(backup: Backup, keys: Path | None) -> Path | None:
    """The file of the key that belongs to the backup; None where it has none."""
    key = backup.manifest.key
    if key is None:
        return None
    if not key.is_apart:
        return key_file(backup.home.keys)
    found = find_key(keys, key.sha256) if keys else None
    if found is None:
        raise WarehouseError(
            Words("缺少化名密钥，未恢复", "The pseudonym key is missing: nothing was restored"),
            where=str(keys or "--keys"),
            expected=Words(f"密钥 {key.id} 的文件", f"the file of key {key.id}"),
            found=Words("没有，或内容不同", "none, or another content"),
            advice=Words("用 --keys 指明备份时的密钥文件夹", "name by --keys the folder that keys were kept in"),
        )
    return found


def _lost_key(keys: Path, key: KeptKey) -> Damage:
    words = Words(f"其中没有密钥 {key.id}，或内容不同", f"it does not have key {key.id}, or not as it was")
    return Damage("key", str(keys), words)


def _require_empty(home: Home) -> None:
    if not home.root.exists() or (home.root.is_dir() and not any(home.root.iterdir())):
        return
    raise WarehouseError(
        Words("目标数据根目录不是空的，未恢复", "The data root to restore into is not empty: nothing was restored"),
        where=str(home.root),
        expected=Words("不存在的或空的文件夹", "a folder that is empty or does not exist"),
        found=Words("已有文件", "something is there"),
        advice=Words("用 --into 指明另一个文件夹，或先移走其中的文件", "name another folder by --into, or move away what is there"),
    )


def _require_room(home: Home, backup: Backup) -> None:
    existing = next(path for path in (home.root, *home.root.absolute().parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if free > backup.manifest.size:
        return
    raise WarehouseError(
        Words("磁盘空间不足，未恢复", "The disk is too small: nothing was restored"),
        where=str(existing),
        expected=Words(f"{backup.manifest.size:,} 字节", f"{backup.manifest.size:,} bytes"),
        found=Words(f"可用 {free:,} 字节", f"{free:,} bytes free"),
        advice=Words("换一块磁盘，或腾出空间", "use another disk, or make room"),
    )
