"""Whether what is kept is still what was written: batches, verdicts, ledger, audit log, editions, changes, by their hashes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipelines.audit_log import verify_audit_log
from pipelines.errors import Words
from pipelines.follow_up_store import broken_tasks
from pipelines.lake import batch_path, linking_path, verdicts_path
from pipelines.manifests import MANIFEST, SEAL, DamagedManifest, HashOf, file_hash, is_sealed, read_manifest
from pipelines.objection_store import broken_objections
from pipelines.progress import Progress, silent
from pipelines.publish import DATABASE
from pipelines.settings import Home
from pipelines.stewardship.decision_store import broken_decisions
from pipelines.stewardship.rule_change_store import broken_rule_changes
from pipelines.stewardship.tickets import broken_tickets
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
    changes: int
    damages: list[Damage]


_OTHER = Words("内容与登记的摘要不符", "the content does not have the recorded hash")


def verify(home: Home, on_progress: Progress = silent) -> Verification:
    """Compares everything that a data root keeps with its hashes, and looks whether readers are pointed to an edition."""
    store = Store.of(home)
    try:
        found = verify_kept(home, store, on_progress)
    finally:
        store.close()
    if not found.editions or home.pointer.exists():
        return found
    words = Words("没有指向任何版本", "points to no edition")
    return replace(found, damages=[*found.damages, Damage("pointer", home.pointer.name, words)])


def verify_kept(home: Home, store: Store, on_progress: Progress = silent, *, hash_of: HashOf = file_hash) -> Verification:
    """Reads every batch file, the ledger, the events of follow-up and of objections, the audit log, every edition and every
    account of changes, and compares them with their hashes. `hash_of` gives the SHA-256 of a file."""
    log, batches = store.deliveries(), store.all_batches()
    damages = [
        *_ledger_damages(store, log), *_task_damages(store), *_steward_damages(store),
        *_objection_damages(store), *_audit_damages(store), *_batch_damages(home, batches, hash_of, on_progress),
    ]  # fmt: skip
    editions, changes = _folders(home.editions), _folders(home.changes)
    kept = [("edition", folder) for folder in editions] + [("changes", folder) for folder in changes]
    first_sealed = next((folder.name for folder in editions if (folder / SEAL).exists()), None)
    for done, (what, folder) in enumerate(kept):
        on_progress("版本 editions", done / len(kept))
        damages += _folder_damages(what, folder, hash_of, first_sealed)
    return Verification(len(batches), len(log), len(editions), len(changes), damages)


def _folders(parent: Path) -> list[Path]:
    return sorted(path for path in parent.glob("[!.]*") if path.is_dir())


def _ledger_damages(store: Store, log: list[dict[str, Any]]) -> list[Damage]:
    words = Words("台账条目被改动、删除或插入", "a ledger entry was changed, deleted or put in between")
    damages = [Damage("ledger", f"entry {number}", words) for number in broken_entries(log)]
    if store.slots() != fold_slots(log):
        words = Words("当前批次与报送记录不符", "the current batches do not follow from the log")
        damages.append(Damage("ledger", "slots", words))
    return damages


def _task_damages(store: Store) -> list[Damage]:
    words = Words("督办记录被改动、删除或插入", "an event of the task was changed, deleted or put in between")
    return [Damage("follow_up", f"task {number}", words) for number in broken_tasks(store)]


def _steward_damages(store: Store) -> list[Damage]:
    words = Words("裁定记录被改动、删除或插入", "a step of the decision was changed, deleted or put in between")
    damages = [Damage("decision", f"decision {number}", words) for number in broken_decisions(store)]
    words = Words("规则调整记录被改动、删除或插入", "a step of the rule change was changed, deleted or put in between")
    damages += [Damage("rule_change", f"change {number}", words) for number in broken_rule_changes(store)]
    words = Words("工单记录被改动、删除或插入", "a step of the ticket was changed, deleted or put in between")
    return damages + [Damage("ticket", f"ticket {number}", words) for number in broken_tickets(store)]


def _objection_damages(store: Store) -> list[Damage]:
    words = Words("异议记录被改动、删除或插入", "an event of the objection was changed, deleted or put in between")
    return [Damage("objection", f"objection {number}", words) for number in broken_objections(store)]


def _audit_damages(store: Store) -> list[Damage]:
    found = verify_audit_log(store)
    words = Words("审计条目被改动、删除或插入", "an entry of the audit log was changed, deleted or put in between")
    damages = [Damage("audit", f"entry {number}", words) for number in found.damaged]
    if found.is_head_lost:
        damages.append(Damage("audit", "end", Words("末尾条目缺失", "entries at its end are missing")))
    return damages


def _batch_damages(
    home: Home, batches: list[dict[str, Any]], hash_of: HashOf, on_progress: Progress
) -> list[Damage]:
    damages = []
    for done, row in enumerate(batches):
        on_progress("批次 batches", done / len(batches))
        slot = Slot(str(row["supplier_id"]), str(row["dataset"]), str(row["period"]))
        name = str(row["batch_id"])
        for path, expected in (
            (batch_path(home, slot, name), row["content_hash"]),
            (verdicts_path(home, slot, name), row["verdicts_hash"]),
            (linking_path(home, slot, name), row["linking_hash"]),
        ):
            damage = _file_damage("batch", path.parent, path.name, expected, hash_of) if expected else None
            damages += [damage] if damage else []
    return damages


def _folder_damages(what: str, folder: Path, hash_of: HashOf, first_sealed: str | None) -> list[Damage]:
    """Of a folder whose manifest lists its files: an edition, or what changed between two. Earlier versions sealed none: none
    before the edition `first_sealed` need have a seal."""
    if not (folder / MANIFEST).exists():
        return [Damage(what, folder.name, Words(f"缺少 {MANIFEST}", f"{MANIFEST} is missing"))]
    newest = folder.name.rpartition("_")[2]  # edition, or older_newer
    if not (folder / SEAL).exists():
        if first_sealed is not None and newest >= first_sealed:
            return [Damage(what, folder.name, Words(f"缺少 {SEAL}", f"{SEAL} is missing"))]
    elif not is_sealed(folder, hash_of):
        return [Damage(what, f"{folder.name}/{MANIFEST}", _OTHER)]
    try:
        manifest = read_manifest(folder)
        expected = dict(manifest["files"])
        if what == "edition":
            expected[DATABASE] = manifest["database"]
    except (DamagedManifest, KeyError, TypeError):
        return [Damage(what, f"{folder.name}/{MANIFEST}", Words("无法读取", "it cannot be read"))]
    if not (folder / DATABASE).exists():
        expected.pop(DATABASE, None)  # of older editions only the tables are kept
    found = [_file_damage(what, folder, name, value, hash_of) for name, value in expected.items()]
    return [damage for damage in found if damage]


def _file_damage(what: str, folder: Path, name: str, expected: str, hash_of: HashOf) -> Damage | None:
    path, where = folder / name, f"{folder.name}/{name}"
    if not path.exists():
        return Damage(what, where, Words("文件缺失", "the file is missing"))
    if hash_of(path) != expected:
        return Damage(what, where, _OTHER)
    return None
