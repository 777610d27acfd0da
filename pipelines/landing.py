"""What lies in landing: which files belong to which slot, and which of them are new.

`landing/<supplier>/<dataset>/<YYYY-MM>/<any name>`. File names are never used for anything but their suffix
and for telling people which file is meant.
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from expectations.contract import load_contracts
from pipelines.county import County
from pipelines.errors import Words
from pipelines.settings import Home, month_start
from pipelines.stewardship.rule_change_store import RuleChanges
from pipelines.stewardship.rule_changes import RulesInForce
from pipelines.store import Slot, Store

UNFINISHED_SUFFIX = ".part"
TOO_MANY_BAD_ROWS = "too_many_bad_rows"  # refused for its rows: other rules may take it


@dataclass(frozen=True)
class LandedFile:
    """One regular file in a slot's folder, as it was when it was looked at."""

    path: Path
    slot: Slot
    size: int
    changed_ns: int
    file_hash: str

    @property
    def name(self) -> str:
        """The file's name, for people."""
        return as_text(Path(self.path.name))

    @property
    def received_at(self) -> datetime:
        return datetime.fromtimestamp(self.changed_ns / 1e9, UTC)

    def is_unchanged(self) -> bool:
        """Whether the file is still the one that was hashed."""
        try:
            status = self.path.lstat()
        except FileNotFoundError:
            return False
        return (status.st_size, status.st_mtime_ns) == (self.size, self.changed_ns)

    def as_seen(self, home: Home) -> dict[str, Any]:
        return {
            "path": as_text(self.path.relative_to(home.landing)),
            "size": self.size,
            "changed_ns": self.changed_ns,
            "file_hash": self.file_hash,
        }


@dataclass(frozen=True)
class Misplaced:
    """Something in landing that belongs to no slot, and why."""

    where: str
    why: Words


@dataclass(frozen=True)
class Landing:
    """What a look at landing found: new files, oldest first, and what is misplaced.

    `deferred` files repeat the bytes of a new file of their slot: what they are is known once that is taken in.
    """

    new: list[LandedFile]
    repeated: list[LandedFile]
    superseded: list[LandedFile]
    deferred: list[LandedFile]
    misplaced: list[Misplaced]


def make_folders(home: Home, county: County) -> None:
    """The landing folders of a county, for its suppliers' datasets; closed to other users."""
    home.landing.mkdir(parents=True, exist_ok=True)
    home.landing.chmod(0o700)
    for expected in county.expected:
        for supplier in expected.suppliers:
            (home.landing / supplier / expected.dataset).mkdir(parents=True, exist_ok=True)


def look(home: Home, county: County, store: Store, *, settled_seconds: float = 0) -> Landing:
    """Sort everything in landing into new, repeated (same bytes as the current file), superseded and misplaced.

    A file counts once it is not `.part` and has not changed for `settled_seconds`. A file that was taken or
    refused before and still lies there is none of these.
    """
    found = Landing([], [], [], [], [])
    looked_at = time.time_ns()
    settled_before = looked_at - int(settled_seconds * 1e9)
    memory = _Memory.of(store)
    for path, status in _entries(home.landing):
        if path.name.startswith(".") or path.suffix == UNFINISHED_SUFFIX:
            continue
        why = _why_misplaced(path, status, home, county)
        if why is None and (not settled_seconds or not settled_before < status.st_mtime_ns <= looked_at):
            why = _sort_in(found, path, status, home, memory)
        if why is not None:
            found.misplaced.append(Misplaced(as_text(path.relative_to(home.landing)), why))
    for path in _strays(home.landing):
        words = Words("不在 报送单位/数据集/月份 文件夹内", "not inside a supplier/dataset/month folder")
        found.misplaced.append(Misplaced(as_text(path.relative_to(home.landing)), words))
    return found


def as_text(path: Path) -> str:
    """A path that can be stored and shown: bytes that are no UTF-8, as GBK names have them, are escaped."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


@dataclass(frozen=True)
class _Memory:
    """What the ledger knows, read once: files seen, log entries by slot and content, current batches.

    `new` are the hashes of the files that this look found new, by slot, oldest first.
    """

    seen: dict[str, dict[str, Any]]
    entries: dict[tuple[Slot, str], list[dict[str, Any]]]
    current: dict[Slot, str]
    rules: RulesInForce
    new: dict[Slot, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, store: Store) -> _Memory:
        entries: dict[tuple[Slot, str], list[dict[str, Any]]] = {}
        for entry in store.deliveries():
            slot = Slot(entry["supplier_id"], entry["dataset"], entry["period"])
            entries.setdefault((slot, entry["file_hash"]), []).append(entry)
        current = {
            Slot.of(row): str(row["batch_id"])
            for row in store.current_batches()
        }
        seen = {row["path"]: row for row in store.seen_files()}
        return cls(seen, entries, current, RuleChanges(store).in_force())

    def is_judged_otherwise(self, slot: Slot, refused: dict[str, Any]) -> bool:
        """Whether what refused a file has changed since: its contract, or the rules that hold for its month."""
        if refused["contract_version"] != load_contracts()[slot.dataset].version:
            return True
        held_to: str | None = refused["rules_digest"]
        return refused["refusal_code"] == TOO_MANY_BAD_ROWS and held_to != self.rules.digest(slot.dataset, slot.period)


def _sort_in(found: Landing, path: Path, status: os.stat_result, home: Home, memory: _Memory) -> Words | None:
    """Puts a file where it belongs; returns why it belongs nowhere, if so."""
    seen = memory.seen.get(as_text(path.relative_to(home.landing)))
    is_seen = seen is not None and (seen["size"], seen["changed_ns"]) == (status.st_size, status.st_mtime_ns)
    supplier, dataset, period = path.relative_to(home.landing).parts[:3]
    slot = Slot(supplier, dataset, period)
    try:
        file_hash = str(seen["file_hash"]) if seen is not None and is_seen else _hash(path)
    except FileNotFoundError:
        return None  # taken away while we looked
    except OSError as error:
        return Words(f"无法读取：{error.strerror}", f"cannot be read: {error.strerror}")
    file = LandedFile(path, slot, status.st_size, status.st_mtime_ns, file_hash)
    entries = memory.entries.get((slot, file_hash), [])
    taken = {entry["batch_id"] for entry in entries} - {None}
    is_refused_before = bool(entries) and not taken
    is_correction = any(entry["outcome"] == "correction" for entry in entries)
    new_in_slot = memory.new.setdefault(slot, [])
    if file_hash in new_in_slot:
        # A copy of a file that is still to be taken in; what it is depends on what came in between.
        (found.repeated if new_in_slot[-1] == file_hash else found.deferred).append(file)
    elif not entries or (is_refused_before and memory.is_judged_otherwise(slot, entries[-1])):
        new_in_slot.append(file_hash)
        found.new.append(file)
    elif is_seen:
        return None
    elif taken and not is_correction and memory.current.get(slot) not in taken:
        found.superseded.append(file)
    else:
        found.repeated.append(file)
    return None


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _why_misplaced(path: Path, status: os.stat_result, home: Home, county: County) -> Words | None:
    supplier, dataset, period = path.relative_to(home.landing).parts[:3]
    if not stat.S_ISREG(status.st_mode):
        return Words("不是普通文件", "not a regular file")
    if supplier not in {known.id for known in county.suppliers}:
        return Words(f"county.yml 中没有报送单位 {supplier}", f"no supplier {supplier} in county.yml")
    if dataset not in load_contracts():
        return Words(f"没有数据集 {dataset}", f"no dataset {dataset}")
    try:
        month_start(period)
    except ValueError:
        return Words(f"月份文件夹 {period} 不是 YYYY-MM", f"the month folder {period} is not YYYY-MM")
    return None


def _entries(landing: Path) -> list[tuple[Path, os.stat_result]]:
    """What lies in month folders, oldest first; not what links lead to, nor what was taken away meanwhile."""
    found = []
    for path in landing.glob("*/*/*/*"):
        if not _is_below_link(path, landing):
            with suppress(FileNotFoundError):
                found.append((path, path.lstat()))
    return sorted(found, key=lambda entry: (entry[1].st_mtime_ns, str(entry[0])))


def _strays(landing: Path) -> list[Path]:
    """What lies above month folders and is no folder; a link to a folder is none."""
    return sorted(
        path
        for depth in ("*", "*/*", "*/*/*")
        for path in landing.glob(depth)
        if (path.is_symlink() or not path.is_dir())
        and not path.name.startswith(".")
        and not _is_below_link(path, landing)
    )


def _is_below_link(path: Path, landing: Path) -> bool:
    return any((landing / folder).is_symlink() for folder in path.relative_to(landing).parents if folder.name)
