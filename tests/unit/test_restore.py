"""Verifying and restoring backups: any change of one is named, and what is restored is the data root as it was."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from pipelines import migrations
from pipelines.account_store import Accounts
from pipelines.accounts import Account
from pipelines.actor import Actor
from pipelines.audit_log import entries
from pipelines.backup import Made, create
from pipelines.backup_folder import (
    Backup,
    BackupDamaged,
    find_backup,
    read_backup,
)
from pipelines.county import County, load_county, save_county
from pipelines.errors import WarehouseError
from pipelines.follow_up import Figure, Flag, Key
from pipelines.follow_up_store import FollowUp
from pipelines.keys import key_file, load_or_create_key
from pipelines.lake import batch_path
from pipelines.manifests import MANIFEST, SEAL, file_hash, write_manifest
from pipelines.migrations import HEAD, REVISIONS, NewerStore
from pipelines.restore import drill, restore, verify_backup
from pipelines.sessions import Sessions
from pipelines.settings import Home
from pipelines.store import Store
from pipelines.verify import verify, verify_kept
from tests.support.kept import COLUMNS_ADDED_LATER, damaged, files_in, flip_a_bit, keep
from tests.support.postgres import new_database
from tests.support.working import SLOT

WANG = Actor("system_user", "wang")
FLAG = Flag(
    Key("u", "k", "t"), "610629101001", "某社区", "month", "police", date(2026, 1, 1),
    Figure("e1", date(2026, 1, 1), "missed", "confirmed", Decimal(1), Decimal(2), Decimal(1)),
)  # fmt: skip


def seal(backup: Backup, change: Callable[[dict[str, object]], None]) -> None:
    """Writes another manifest, as a backup that was made so would have it."""
    content = json.loads((backup.folder / MANIFEST).read_text(encoding="utf-8"))
    change(content)
    write_manifest(backup.folder, json.dumps(content))


# --- damage -------------------------------------------------------------------------------------------------


def test_every_flipped_bit_is_flagged_in_every_kind_of_file(backup: Backup) -> None:
    chance = random.Random(7)
    names = sorted(files_in(backup.folder))
    missed = []
    for name in names + chance.choices(names, k=max(40 - len(names), 10)):
        path = backup.folder / name
        content = path.read_bytes()
        flip_a_bit(path, chance)
        expected = MANIFEST if name == SEAL else name
        missed += [] if damaged(backup.folder) == [expected] else [name]
        path.write_bytes(content)
    assert missed == []
    assert damaged(backup.folder) == []


def test_every_lost_file_is_named(backup: Backup) -> None:
    for name in sorted(files_in(backup.folder)):
        path = backup.folder / name
        content = path.read_bytes()
        path.unlink()
        assert damaged(backup.folder) == [MANIFEST if name == SEAL else name]
        path.write_bytes(content)


def test_what_does_not_belong_there_is_named(backup: Backup, tmp_path: Path) -> None:
    (backup.folder / "lake" / "extra.parquet").touch()
    (backup.folder / "link").symlink_to(tmp_path)
    assert damaged(backup.folder) == ["lake/extra.parquet", "link"]


def test_a_link_to_the_same_content_is_no_file_of_a_backup(backup: Backup, tmp_path: Path) -> None:
    (backup.folder / "county.yml").rename(tmp_path / "county.yml")
    (backup.folder / "county.yml").symlink_to(tmp_path / "county.yml")
    assert damaged(backup.folder) == ["county.yml"]


def test_a_ledger_that_was_changed_is_damage_whatever_the_manifest_says(backup: Backup) -> None:
    with closing(Store.at(backup.home.store)) as store, store.transaction() as connection:
        connection.execute(sa.text("update delivery set file_name = 'b.csv'"))

    def forge(content: dict[str, object]) -> None:
        path = backup.home.store
        content["files"]["store/operational.db"] = {"size": path.stat().st_size, "sha256": file_hash(path)}  # type: ignore[index]

    seal(backup, forge)
    assert damaged(backup.folder) == ["entry 1"]


def test_an_end_of_the_ledger_that_is_lost_is_damage(backup: Backup) -> None:
    seal(backup, lambda content: content["marks"].update(ledger_entries=2))  # type: ignore[attr-defined]
    assert damaged(backup.folder) == [backup.name]


def test_a_damaged_backup_is_not_restored(backup: Backup, tmp_path: Path) -> None:
    flip_a_bit(batch_path(backup.home, SLOT, "b1"))
    home = Home(tmp_path / "restored")
    with pytest.raises(BackupDamaged, match=r"b1\.parquet"):
        restore(backup, home)
    assert not home.root.exists()


# --- restoring ----------------------------------------------------------------------------------------------


def test_a_restored_data_root_is_what_was_backed_up(kept: Home, backup: Backup, tmp_path: Path) -> None:
    home = Home(tmp_path / "restored")
    restore(backup, home)
    assert verify(home).damages == []
    assert home.pointer.readlink() == kept.pointer.readlink()
    own = files_in(home.root)
    assert {name for name, content in own.items() if content != (kept.root / name).read_bytes()} == {"store/operational.db"}
    assert set(own) == set(backup.manifest.files)
    assert load_county(home.county_file) == load_county(kept.county_file)
    assert load_or_create_key(home.keys) == load_or_create_key(kept.keys)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (home.keys, home.store.parent, home.landing)}
    assert modes == {"keys": 0o700, "store": 0o700, "landing": 0o700}
    assert (home.landing / "grid_610629101" / "grid_grids").is_dir()
    with closing(Store.of(kept)) as before, closing(Store.of(home)) as after:
        assert (after.deliveries(), after.all_batches(), after.slots()) == (before.deliveries(), before.all_batches(), before.slots())
        assert [(one["action"], one["subject"]) for one in entries(after)] == [("restored", backup.name)]


def test_restoring_leaves_the_backup_as_it_is(backup: Backup, tmp_path: Path) -> None:
    before = files_in(backup.folder)
    restore(backup, Home(tmp_path / "restored"))
    assert drill(backup).damages == []
    assert files_in(backup.folder) == before


def test_a_restored_file_is_not_the_backups_own(backup: Backup, tmp_path: Path) -> None:
    home = Home(tmp_path / "restored")
    restore(backup, home)
    assert not any((home.root / name).samefile(backup.folder / name) for name in backup.manifest.files)


def test_who_was_signed_in_has_to_sign_in_again(kept: Home, to: Path, tmp_path: Path) -> None:
    with closing(Store.of(kept)) as store:
        accounts = Accounts(store)
        accounts.add(Account("anna", "安", "administrator"), WANG)
        accounts.set_password("anna", "correct horse battery", WANG)
        link = accounts.make_link("anna", WANG)
        token = Sessions(store).sign_in("anna", "correct horse battery", "").token
    home = Home(tmp_path / "restored")
    restore(create(kept, to).backup, home)
    with closing(Store.of(home)) as store:
        assert [one.name for one in Accounts(store).all()] == ["anna"]
        assert Sessions(store).account_of(token) is None
        with pytest.raises(WarehouseError):
            Accounts(store).use_link(link, "another password 1")


def test_nothing_is_restored_over_what_is_there(kept: Home, backup: Backup, tmp_path: Path) -> None:
    home = Home(tmp_path / "full")
    home.root.mkdir()
    (home.root / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(WarehouseError, match="not empty"):
        restore(backup, home)
    assert files_in(home.root) == {"notes.txt": b"mine"}
    empty = Home(tmp_path / "empty")
    empty.root.mkdir()
    restore(backup, empty)
    assert verify(empty).damages == []


def test_a_disk_that_is_too_small_is_told_before_anything_is_written(
    backup: Backup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1))
    home = Home(tmp_path / "restored")
    with pytest.raises(WarehouseError, match="too small"):
        restore(backup, home)
    assert not home.root.exists()


def test_a_drill_restores_verifies_and_leaves_nothing_behind(backup: Backup, tmp_path: Path) -> None:
    within = tmp_path / "drills"
    within.mkdir()
    tried = drill(backup, within)
    assert (tried.damages, list(within.iterdir())) == ([], [])
    assert tried.seconds > 0


# --- keys kept apart ----------------------------------------------------------------------------------------


@pytest.fixture
def apart(kept: Home, to: Path) -> tuple[Made, Path]:
    """A backup, and the folder with its key."""
    keys = to.parent / "keys"
    return create(kept, to, keys=keys), keys


def test_a_key_kept_apart_is_not_in_the_backup(kept: Home, apart: tuple[Made, Path], tmp_path: Path) -> None:
    made, keys = apart
    secret = json.loads(key_file(kept.keys).read_text(encoding="utf-8"))["secret"].encode()
    assert [name for name, content in files_in(made.backup.folder).items() if secret in content] == []
    assert (keys.stat().st_mode & 0o777, [path.stat().st_mode & 0o777 for path in keys.iterdir()]) == (0o700, [0o600])
    verified = verify_backup(made.backup)
    assert (verified.damages, verified.is_key_verified) == ([], False)
    assert verify_backup(made.backup, keys).is_key_verified
    home = Home(tmp_path / "restored")
    restore(made.backup, home, keys=keys)
    assert load_or_create_key(home.keys) == load_or_create_key(kept.keys)


def test_one_key_is_kept_once_for_all_backups(kept: Home, apart: tuple[Made, Path], to: Path) -> None:
    _, keys = apart
    assert damaged(create(kept, to, keys=keys).backup.folder, keys) == []
    assert len(list(keys.iterdir())) == 1


@pytest.mark.parametrize("what", ["lost", "one bit", "another", "no folder"])
def test_nothing_is_restored_without_the_right_key(apart: tuple[Made, Path], tmp_path: Path, what: str) -> None:
    made, keys = apart
    (path,) = keys.iterdir()
    if what in ("lost", "another"):
        path.unlink()
    if what == "one bit":
        flip_a_bit(path)
    if what == "another":
        load_or_create_key(keys)
    given = None if what == "no folder" else keys
    home = Home(tmp_path / "restored")
    with pytest.raises(WarehouseError, match="key is missing"):
        restore(made.backup, home, keys=given)
    assert not home.root.exists()
    if given:
        assert damaged(made.backup.folder, given) == [str(keys)]


def test_a_key_is_never_written_over(kept: Home, apart: tuple[Made, Path], to: Path) -> None:
    _, keys = apart
    (path,) = keys.iterdir()
    flip_a_bit(path)
    before = path.read_bytes()
    with pytest.raises(WarehouseError, match="another content"):
        create(kept, to, keys=keys)
    assert path.read_bytes() == before


# --- through time, and other databases ----------------------------------------------------------------------


def test_a_backup_of_newer_code_is_refused(backup: Backup, tmp_path: Path) -> None:
    seal(backup, lambda content: content.update(schema_revision="9999_later"))
    with pytest.raises(NewerStore, match="9999_later"):
        find_backup(backup.folder)
    seal(backup, lambda content: content.update(schema_revision=HEAD, format=2))
    with pytest.raises(WarehouseError, match="newer version"):
        find_backup(backup.folder)


def test_the_store_of_an_older_backup_is_brought_up_to_date(kept: Home, backup: Backup, tmp_path: Path) -> None:
    older = REVISIONS[0]
    engine = sa.create_engine(f"sqlite:///{backup.home.store}")
    with engine.begin() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(migrations.FOLDER))
        of_first_step = {"run", "delivery", "batch", "slot", "landed", "rule_result", "alembic_version"}
        later = sorted(set(sa.inspect(connection).get_table_names()) - of_first_step)
        for table in sorted(later, key=lambda name: not name.endswith(("_step", "_event"))):  # what refers to others first
            connection.execute(sa.text(f"drop table {table}"))
        for table, column in COLUMNS_ADDED_LATER:
            connection.execute(sa.text(f"alter table {table} drop column {column}"))
        command.stamp(config, older)
    engine.dispose()

    def age(content: dict[str, object]) -> None:
        path = backup.home.store
        content["schema_revision"] = older
        content["files"]["store/operational.db"] = {"size": path.stat().st_size, "sha256": file_hash(path)}  # type: ignore[index]

    seal(backup, age)
    aged, before = read_backup(backup.folder), files_in(backup.folder)
    assert verify_backup(aged).damages == []
    home = Home(tmp_path / "restored")
    restore(aged, home)
    assert verify(home).damages == []
    assert files_in(backup.folder) == before


def test_a_store_goes_from_any_database_into_any_other(
    home: Home, county: County, store_url: str, to: Path, tmp_path: Path, request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """From each of SQLite and PostgreSQL into both; numbers that the database gives go on after the last."""
    monkeypatch.setenv("WAREHOUSE_STORE", store_url)
    save_county(county, home.county_file)
    keep(home, county, key_id=load_or_create_key(home.keys).id)
    with closing(Store(store_url)) as source:
        source.start_run("r1", date(2026, 2, 11))
        FollowUp(source).open(FLAG, WANG, date(2026, 2, 11))
        deliveries, slots, last = source.deliveries(), source.slots(), source.last_run()
    made = create(home, to).backup
    monkeypatch.delenv("WAREHOUSE_STORE")
    with new_database(request.getfixturevalue("postgres")) as url:
        for place, target in ((None, Home(tmp_path / "sqlite")), (url, Home(tmp_path / "postgresql"))):
            restore(made, target, store_url=place)
            assert target.store.exists() == (place is None)
            with closing(Store(place) if place else Store.of(target)) as store:
                assert (store.deliveries(), store.slots(), store.last_run()) == (deliveries, slots, last)
                assert verify_kept(target, store).damages == []
                tasks = FollowUp(store)
                assert [task.task_id for task in tasks.tasks()] == [1]
                tasks.open(replace(FLAG, key=Key("v", "k", "t")), WANG, date(2026, 2, 11))
                assert [task.task_id for task in tasks.tasks()] == [1, 2]
        with pytest.raises(WarehouseError, match="not empty"):
            restore(made, Home(tmp_path / "again"), store_url=url)
        assert not (tmp_path / "again").exists()
