"""Whether what is kept is still what was written: batches, verdicts, ledger, editions, by their hashes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.errors import Words
from pipelines.ingest import batch_path, verdicts_path
from pipelines.publish import DATABASE, read_manifest
from pipelines.settings import Home
from pipelines.store import Slot, Store, broken_entries, fold_slots


@dataclass(frozen=True)
class Damage:
    """One thing that is not as it was written."""

    what: str
    where: str
    words: Words


@dataclass(frozen=True)
class Verification:
    """How much was looked at, and what is damaged."""

    batches: int
    ledger_entries: int
    editions: int
    damages: list[Damage]


def verify(home: Home) -> Verification:
    """Reads every batch file, the ledger and every edition again, and compares them with their hashes."""
    store = Store.at(home.store)
    try:
        log, batches = store.deliveries(), store.all_batches()
        damages = [*_ledger_damages(store, log), *_batch_damages(home, batches)]
    finally:
        store.close()
    folders = sorted(path for path in home.editions.glob("*") if path.is_dir() and not path.name.startswith("."))
    for folder in folders:
        damages += _edition_damages(folder)
    if folders and not home.pointer.exists():
        words = Words("没有指向任何版本", "points to no edition")
        damages.append(Damage("pointer", home.pointer.name, words))
    return Verification(len(batches), len(log), len(folders), damages)


def _ledger_damages(store: Store, log: list[dict[str, Any]]) -> list[Damage]:
    words = Words("台账条目被改动、删除或插入", "a ledger entry was changed, deleted or put in between")
    damages = [Damage("ledger", f"entry {number}", words) for number in broken_entries(log)]
    if store.slots() != fold_slots(log):
        words = Words("当前批次与报送记录不符", "the current batches do not follow from the log")
        damages.append(Damage("ledger", "slots", words))
    return damages


def _batch_damages(home: Home, batches: list[dict[str, Any]]) -> list[Damage]:
    damages = []
    for row in batches:
        slot = Slot(str(row["supplier_id"]), str(row["dataset"]), str(row["period"]))
        name = str(row["batch_id"])
        for path, expected in (
            (batch_path(home, slot, name), row["content_hash"]),
            (verdicts_path(home, slot, name), row["verdicts_hash"]),
        ):
            damage = _file_damage("batch", path, str(expected))
            damages += [damage] if damage else []
    return damages


def _edition_damages(folder: Path) -> list[Damage]:
    if not (folder / "manifest.json").exists():
        return [Damage("edition", folder.name, Words("缺少 manifest.json", "manifest.json is missing"))]
    try:
        manifest = read_manifest(folder)
        expected = {**manifest["files"], DATABASE: manifest["database"]}
    except (ValueError, KeyError, TypeError):
        return [Damage("edition", f"{folder.name}/manifest.json", Words("无法读取", "it cannot be read"))]
    if not (folder / DATABASE).exists():
        del expected[DATABASE]  # of older editions only the tables are kept
    found = [_file_damage("edition", folder / name, value) for name, value in expected.items()]
    return [damage for damage in found if damage]


def _file_damage(what: str, path: Path, expected: str) -> Damage | None:
    where = f"{path.parent.name}/{path.name}"
    if not path.exists():
        return Damage(what, where, Words("文件缺失", "the file is missing"))
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != expected:
            return Damage(what, where, Words("内容与登记的摘要不符", "the content does not have the recorded hash"))
    return None
