"""Making backups: complete or not there, with all that cannot be computed again and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from pipelines import backup as backup_module
from pipelines.audit_log import entries
from pipelines.backup import create
from pipelines.backup_folder import (
    Backup,
    backups_in,
    find_backup,
)
from pipelines.county import County, save_county
from pipelines.errors import WarehouseError
from pipelines.keys import key_file, load_or_create_key
from pipelines.lake import batch_path, linking_path, verdicts_path
from pipelines.manifests import MANIFEST, SEAL
from pipelines.restore import restore, verify_backup
from pipelines.settings import REPO, Home
from pipelines.store import Slot, Store, delivery
from pipelines.verify import verify
from tests.support.kept import RAW, damaged, edition, files_in, flip_a_bit, keep_a_batch
from tests.support.working import SLOT, Working

# --- what a backup holds ------------------------------------------------------------------------------------


def test_a_backup_holds_what_cannot_be_computed_again_and_nothing_else(kept: Home, backup: Backup) -> None:
    own = edition(kept)
    expected = {
        MANIFEST, SEAL, "county.yml", "keys/pseudonym.json", "store/operational.db", "reference/units.geojson",
        "register/divisions/2023-06-30.csv", "published/changes/a_b/manifest.json", f"published/changes/a_b/{SEAL}",
        "published/changes/a_b/figures.parquet",
        *(path.relative_to(kept.root).as_posix() for path in own.rglob("*") if path.is_file()),
        *(
            path(kept, SLOT, "b1").relative_to(kept.root).as_posix()
            for path in (batch_path, verdicts_path, linking_path)
        ),
    }  # fmt: skip
    assert set(files_in(backup.folder)) == expected
    assert set(backup.manifest.files) == expected - {MANIFEST, SEAL}


def test_nothing_of_landing_is_in_a_backup(kept: Home, to: Path) -> None:
    create(kept, to, keys=to.parent / "keys")
    assert [name for name, content in files_in(to).items() if RAW.encode() in content] == []


def test_a_sound_backup_has_no_damage_and_is_found_by_its_folder_or_the_one_above(backup: Backup, to: Path) -> None:
    verified = verify_backup(backup)
    assert (verified.damages, verified.is_key_verified) == ([], True)
    assert find_backup(to) == find_backup(backup.folder) == backup
    assert backups_in(to) == [backup]


def test_a_backup_is_named_by_time_and_edition_and_closed_to_others(kept: Home, backup: Backup) -> None:
    assert backup.name.endswith(f"Z_{edition(kept).name}")
    assert backup.folder.stat().st_mode & 0o777 == 0o700
    assert key_file(backup.home.keys).stat().st_mode & 0o777 == 0o600


def test_the_standard_tool_knows_the_manifest(backup: Backup) -> None:
    done = subprocess.run(["sha256sum", "--check", SEAL], cwd=backup.folder, capture_output=True, check=False)
    assert done.returncode == 0


def test_a_county_without_deliveries_can_be_backed_up(home: Home, county: County, to: Path) -> None:
    save_county(county, home.county_file)
    made = create(home, to).backup
    assert (made.name[-5:], made.manifest.key) == ("_none", None)
    restore(made, Home(to.parent / "other"))
    assert verify(Home(to.parent / "other")).damages == []


def test_where_no_county_is_set_up_there_is_nothing_to_back_up(home: Home, to: Path) -> None:
    with pytest.raises(WarehouseError, match="warehouse init"):
        create(home, to)
    assert not to.exists()


def test_a_backup_does_not_lie_in_the_data_root(kept: Home) -> None:
    with pytest.raises(WarehouseError, match="inside"):
        create(kept, kept.root / "backups")


def test_making_a_backup_is_an_entry_of_the_audit_log(kept: Home, backup: Backup) -> None:
    with closing(Store.of(kept)) as store:
        assert [(one["action"], one["subject"]) for one in entries(store)] == [("backup_made", backup.name)]


def test_what_runs_write_meanwhile_is_in_the_next_backup(
    kept: Home, county: County, to: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A delivery and an edition between the copy of the store and that of the files."""
    copy_store, before = backup_module.copy_store, edition(kept)
    other = Slot(SLOT.supplier_id, SLOT.dataset, "2026-02")

    def copy_and_go_on(source: Store, target: Store) -> None:
        copy_store(source, target)
        keep_a_batch(kept, source, "b2", key_id=load_or_create_key(kept.keys).id, slot=other)
        batch_file = batch_path(kept, SLOT, "b1")
        content = batch_file.read_bytes()
        tables = {**Working(kept, county).tables, "fct_quality": "select 'x' as rule_id, 1::bigint as rows_failed"}
        assert Working(kept, county, tables=tables).publish().is_new
        batch_file.write_bytes(content)  # the tiny run has a batch of this name, too

    with monkeypatch.context() as patched:
        patched.setattr(backup_module, "copy_store", copy_and_go_on)
        first = create(kept, to).backup
    assert verify_backup(first).damages == []
    assert (first.manifest.marks.ledger_entries, first.manifest.marks.edition_id) == (1, before.name)
    assert not batch_path(first.home, other, "b2").exists()
    second = create(kept, to).backup
    assert (verify_backup(second).damages, second.manifest.marks.ledger_entries) == ([], 2)
    assert second.manifest.marks.edition_id == edition(kept).name != before.name


# --- one after the other ------------------------------------------------------------------------------------


def test_what_the_backup_before_has_is_linked(kept: Home, to: Path) -> None:
    first, second = create(kept, to), create(kept, to)
    linked = {
        name for name in second.backup.manifest.files
        if (first.backup.folder / name).samefile(second.backup.folder / name)
    }  # fmt: skip
    assert set(second.backup.manifest.files) - linked == {"store/operational.db", "keys/pseudonym.json"}
    assert first.new_bytes == first.backup.manifest.size
    assert second.new_bytes < first.new_bytes


def test_where_files_cannot_be_linked_they_are_copied(kept: Home, to: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = create(kept, to).backup

    def refuse(*_: object) -> None:
        raise OSError("no hard links here")

    monkeypatch.setattr(os, "link", refuse)
    second = create(kept, to).backup
    assert verify_backup(second).damages == []
    assert not any((first.folder / name).samefile(second.folder / name) for name in second.manifest.files)


def test_damage_is_not_handed_down_to_the_next_backup(kept: Home, to: Path) -> None:
    first = create(kept, to).backup
    place = batch_path(first.home, SLOT, "b1")
    flip_a_bit(place)
    second = create(kept, to).backup
    assert damaged(first.folder) == [place.relative_to(first.folder).as_posix()]
    assert damaged(second.folder) == []


def test_only_so_many_backups_of_the_county_stay(kept: Home, county: County, to: Path, tmp_path: Path) -> None:
    neighbour = Home(tmp_path / "neighbour")
    save_county(county.model_copy(update={"county_code": "610630"}), neighbour.county_file)
    other = create(neighbour, to).backup
    made = [create(kept, to, keep=2) for _ in range(4)]
    assert [one.removed for one in made] == [[], [], [made[0].backup.name], [made[1].backup.name]]
    assert backups_in(to) == [other, made[2].backup, made[3].backup]
    assert all(damaged(one.folder) == [] for one in backups_in(to))


# --- a backup that cannot be made ---------------------------------------------------------------------------


def expect_none(kept: Home, to: Path, match: str) -> None:
    """No backup can be made, the one before stays, and nothing else is left."""
    before = backups_in(to)
    with pytest.raises(WarehouseError, match=match):
        create(kept, to, keep=1)
    assert backups_in(to) == before
    assert {path.name for path in to.iterdir()} == {".lock", *(backup.name for backup in before)}


def test_a_damaged_or_lost_file_of_the_data_root_is_not_taken_for_a_backup(kept: Home, to: Path) -> None:
    path = batch_path(kept, SLOT, "b1")
    flip_a_bit(path)
    expect_none(kept, to, r"b1\.parquet")
    path.unlink()
    expect_none(kept, to, r"b1\.parquet")


def test_of_a_ledger_that_was_changed_no_backup_is_made(kept: Home, to: Path) -> None:
    create(kept, to)
    with closing(Store.of(kept)) as store, store.transaction() as connection:
        connection.execute(delivery.update().values(file_name="b.csv"))
    expect_none(kept, to, "entry 1")


def test_where_the_backup_before_has_a_sound_one_a_damaged_file_does_no_harm(kept: Home, to: Path) -> None:
    create(kept, to)
    flip_a_bit(batch_path(kept, SLOT, "b1"))
    assert damaged(create(kept, to).backup.folder) == []


def test_an_edition_that_cannot_be_read_is_no_backup(kept: Home, to: Path) -> None:
    (edition(kept) / MANIFEST).write_text("{", encoding="utf-8")
    expect_none(kept, to, MANIFEST)


@pytest.mark.parametrize("is_lost", [True, False])
def test_without_the_key_that_made_the_batches_there_is_no_backup(kept: Home, to: Path, is_lost: bool) -> None:
    key_file(kept.keys).unlink()
    if not is_lost:
        load_or_create_key(kept.keys)
    expect_none(kept, to, "not the one that made the batches")


KILLED = """
import os, signal, sys
from pathlib import Path
from pipelines import backup
from pipelines.settings import Home

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

step = sys.argv[1]
if step == "halfway":
    copy, calls = backup.copy_file, []
    def copy_and_die(source, target):
        calls.append(source)
        return die() if len(calls) > 5 else copy(source, target)
    backup.copy_file = copy_and_die
else:
    setattr(backup, step, die)
backup.create(Home(Path(sys.argv[2])), Path(sys.argv[3]))
"""


@pytest.mark.parametrize("step", ["halfway", "write_manifest", "sync"])
def test_a_backup_that_dies_while_it_is_written_is_not_there(kept: Home, to: Path, step: str) -> None:
    first = create(kept, to).backup
    done = subprocess.run([sys.executable, "-c", KILLED, step, kept.root, to.parent / "other"], cwd=REPO, check=False)
    assert done.returncode == -signal.SIGKILL
    assert backups_in(to.parent / "other") == []
    (to.parent / "other").rename(to / ".draft-died")
    second = create(kept, to).backup
    assert (backups_in(to), damaged(second.folder)) == ([first, second], [])
    assert [path.name for path in to.glob(".draft-*")] == []


