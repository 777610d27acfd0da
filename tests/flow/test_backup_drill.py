"""The drill: a county is run, backed up, run on, lost and restored, and goes on from there as it did the first time."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from pipelines.backup import create
from pipelines.backup_folder import Backup
from pipelines.editions import current_edition
from pipelines.publish import current_folder
from pipelines.restore import drill, restore, verify_backup
from pipelines.run import run
from pipelines.settings import Home
from pipelines.verify import verify
from tests.flow.conftest import AS_OF, copied
from tests.support.contents import content_hash
from tests.support.kept import files_in
from tests.support.texts import everything_in

LAST = "2026-03"
CORRECTED = ("civil_staff", "grid_disputes", "grid_residents")
IDENTITY_NUMBER = re.compile(r"(?<![0-9])[1-9][0-9]{16}[0-9X](?![0-9])")


@dataclass(frozen=True)
class Lost:
    """A county as it was when it was lost: a backup, and what files that came afterwards made of it."""

    home: Home
    backup: Backup
    backed_up: dict[str, bytes]
    content_hash: str


@pytest.fixture(scope="module")
def lost(published: Home, tmp_path_factory: pytest.TempPathFactory) -> Lost:
    folder = tmp_path_factory.mktemp("lost")
    home = copied(published, folder)
    edition = files_in(current_edition(home).folder)
    backup = create(home, folder / "backups").backup
    correct(home)
    assert run(home, as_of=AS_OF).files != []
    return Lost(home, backup, edition, content_hash(home))


def correct(home: Home) -> None:
    """Suppliers send the last month once more, without its last row: people with numbers, cases, residents."""
    files = pl.read_parquet(home.truth / "files.parquet").filter(
        pl.col("is_current"), pl.col("form") != "xlsx", pl.col("rows_note") + pl.col("rows_totals") == 0, period=LAST
    )
    for dataset in CORRECTED:
        sent = files.filter(dataset=dataset).row(0, named=True)
        path = home.landing / sent["supplier_id"] / dataset / LAST / sent["file_name"]
        *kept, _ = path.read_bytes().splitlines(keepends=True)
        path.with_stem("corrected").write_bytes(b"".join(kept))


def deliver_again(lost: Home, home: Home) -> None:
    """Every file, with the time at which it came."""
    shutil.copytree(lost.landing, home.landing, dirs_exist_ok=True)


def test_a_lost_county_goes_on_from_its_backup_as_it_did_before(lost: Lost, tmp_path: Path) -> None:
    home = Home(tmp_path / "restored")
    restore(lost.backup, home)
    assert verify(home).damages == []
    folder = current_folder(home)
    assert folder is not None
    assert files_in(folder) == lost.backed_up
    again = run(home, as_of=AS_OF)
    assert again.publication is not None
    assert (again.publication.is_new, again.files) == (False, [])
    assert content_hash(home) != lost.content_hash
    deliver_again(lost.home, home)
    later = run(home, as_of=AS_OF)
    assert sorted((file.slot.dataset, file.slot.period) for file in later.files) == [(dataset, LAST) for dataset in CORRECTED]
    assert content_hash(home) == lost.content_hash
    assert verify(home).damages == []


def test_the_drill_finds_nothing_wrong_and_the_next_backup_takes_what_is_new(lost: Lost, copy_of: Callable[[Home], Home]) -> None:
    assert drill(lost.backup).damages == []
    later = create(lost.home, lost.backup.folder.parent)
    assert verify_backup(later.backup).damages == []
    assert later.backup.manifest.marks.ledger_entries > lost.backup.manifest.marks.ledger_entries
    assert later.new_bytes < later.backup.manifest.size


def test_no_identity_number_and_no_file_of_landing_is_in_a_backup(lost: Lost, delivered: Home) -> None:
    landed = [path for path in delivered.landing.rglob("*.csv") if path.is_file()]
    numbers = {number for path in landed for number in IDENTITY_NUMBER.findall(everything_in(path))}
    assert len(numbers) > 1000
    contents = {path.read_bytes() for path in landed}
    backed_up = [path for path in lost.backup.folder.rglob("*") if path.is_file()]
    assert len(backed_up) > 200
    for path in backed_up:
        assert path.read_bytes() not in contents, path.name
        assert numbers.isdisjoint(IDENTITY_NUMBER.findall(everything_in(path))), path.name
