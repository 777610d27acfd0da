"""A data root that is broken in some way is ready after the next run, or refused by name; the start after that says the same.

What is computed is computed again: working warehouse, control tables, kept rows, evaluations, what dbt parsed. What nobody can
compute again is refused with what to do: store, key, county.yml, editions, verdicts.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import duckdb
import pytest

from pipelines import dbt_process
from pipelines.errors import WarehouseError
from pipelines.keys import key_file
from pipelines.manifests import MANIFEST
from pipelines.publish import DATABASE, current_folder
from pipelines.run import RunSummary, run
from pipelines.settings import Home
from pipelines.verify import verify
from tests.flow.conftest import AS_OF
from tests.support.contents import acknowledged, content_hash, contents
from tests.support.mounted import read_only

CopyOf = Callable[[Home], Home]
Break = Callable[[Home], AbstractContextManager[None] | None]
READY = ""  # or the place that a refusal names


def halve(*paths: Path) -> None:
    """Leaves the first half of each file, as a disk does that was full, or a copy that was broken off."""
    assert paths
    for path in paths:
        os.truncate(path, path.stat().st_size // 2)


def log_beside(path: Path) -> Path:
    """Where a database keeps what it has not yet written into its file."""
    return path.with_name(f"{path.name}.wal")


# --- the working warehouse ----------------------------------------------------------------------------------


def take_warehouse_away(home: Home) -> None:
    home.warehouse.unlink()


def leave_half_a_header(home: Home) -> None:
    os.truncate(home.warehouse, 2048)


def empty_warehouse(home: Home) -> None:
    os.truncate(home.warehouse, 0)


def put_foreign_log_beside_warehouse(home: Home) -> None:
    other = home.root / "other.duckdb"
    with duckdb.connect(str(other)) as connection:
        connection.execute("create table other as select 1 as one")
        connection.execute("checkpoint")
        connection.execute("insert into other select range from range(1000)")
        shutil.copyfile(log_beside(other), log_beside(home.warehouse))
    other.unlink()


def cut_log_beside_warehouse(home: Home) -> None:
    """As where the machine stops while it is noted that everything passed the audit."""
    other = home.root / "other.duckdb"
    shutil.copyfile(home.warehouse, other)
    with duckdb.connect(str(other)) as connection:
        connection.execute("delete from build_state where name = 'inputs'")
        whole = log_beside(other).stat().st_size
        connection.execute("insert into build_state select 'inputs', 'of another run' from range(1000)")
        shutil.copyfile(log_beside(other), log_beside(home.warehouse))
    other.unlink()
    log = log_beside(home.warehouse)
    os.truncate(log, (whole + log.stat().st_size) // 2)


# --- what is kept so that it need not be computed again -----------------------------------------------------


def halve_kept_rows(home: Home) -> None:
    halve(*home.lake.glob("*/kept.parquet"))


def halve_empty_batches(home: Home) -> None:
    halve(*home.lake.glob("*/period=0000-00/*.parquet"))


def halve_evaluations(home: Home) -> None:
    halve(*home.verdicts.glob("cross_file/**/*.parquet"))


def halve_accounts_of_evaluations(home: Home) -> None:
    halve(*home.verdicts.glob("cross_file/**/*.json"))


def halve_links(home: Home) -> None:
    halve(*home.linking.glob("links/**/*.parquet"))


def halve_control_tables(home: Home) -> None:
    halve(*home.control.glob("*.parquet"))


def halve_what_dbt_parsed(home: Home) -> None:
    dbt_process.end()  # as a process that has only just started
    halve(home.manifest, *home.dbt.glob("parsed-*"))
    home.pointer.unlink()  # so that there is something to compute


# --- what is published --------------------------------------------------------------------------------------


def point_to_nothing(home: Home) -> None:
    home.pointer.unlink()
    home.pointer.symlink_to(f"editions/20200101T000000-00000000/{DATABASE}")


def leave_half_an_edition(home: Home) -> None:
    draft = home.editions / ".draft-20260101T000000-00000000"
    shutil.copytree(home.pointer.resolve().parent, draft)
    (draft / MANIFEST).unlink()
    halve(draft / DATABASE)


def halve_manifest_of_edition(home: Home) -> None:
    halve(home.pointer.resolve().parent / MANIFEST)


# --- the lease, folders -------------------------------------------------------------------------------------


def leave_lease_of_the_dead(home: Home) -> None:
    holds = "import os, sys; from filelock import FileLock; FileLock(sys.argv[1]).acquire(); os.kill(os.getpid(), 9)"
    dead = subprocess.run([sys.executable, "-c", holds, str(home.lease)], check=False)
    assert dead.returncode == -signal.SIGKILL
    assert home.lease.exists()


def forbid_writing(home: Home) -> AbstractContextManager[None]:
    return read_only(home.root)


def put_file_in_place_of_control_folder(home: Home) -> None:
    shutil.rmtree(home.control)
    home.control.touch()


def take_verdicts_away(home: Home) -> None:
    shutil.rmtree(home.verdicts)


# --- the operational store ----------------------------------------------------------------------------------


def halve_store(home: Home) -> None:
    halve(home.store)


def overwrite_pages_of_store(home: Home) -> None:
    with home.store.open("r+b") as file:
        file.seek(3 * 4096)
        file.write(b"\xff" * 3 * 4096)


def empty_store(home: Home) -> None:
    os.truncate(home.store, 0)


def put_foreign_log_beside_store(home: Home) -> None:
    """SQLite takes it for the store's own: what the store held is then gone, and must not be taken for a new beginning."""
    other = home.root / "other.db"
    with sqlite3.connect(other) as connection:
        connection.execute("pragma journal_mode = wal")
        connection.execute("create table other (one)")
        connection.commit()
        shutil.copyfile(f"{other}-wal", f"{home.store}-wal")
    connection.close()
    other.unlink()


def write_store_by_newer_code(home: Home) -> None:
    with sqlite3.connect(home.store) as connection:
        connection.execute("update alembic_version set version_num = '9999_later'")
    connection.close()


# --- county.yml, the key ------------------------------------------------------------------------------------


def take_county_away(home: Home) -> None:
    home.county_file.unlink()


def halve_county(home: Home) -> None:
    halve(home.county_file)


def write_county_in_another_encoding(home: Home) -> None:
    home.county_file.write_bytes(home.county_file.read_text(encoding="utf-8").encode("gb18030"))


def take_key_away(home: Home) -> None:
    key_file(home.keys).unlink()


def halve_key(home: Home) -> None:
    halve(key_file(home.keys))


def open_key_to_others(home: Home) -> None:
    key_file(home.keys).chmod(0o644)


STATES = {
    "no working warehouse": (take_warehouse_away, READY),
    "half a header of the working warehouse": (leave_half_a_header, READY),
    "a working warehouse of no bytes": (empty_warehouse, READY),
    "the log of another database beside the working warehouse": (put_foreign_log_beside_warehouse, READY),
    "half a log beside the working warehouse": (cut_log_beside_warehouse, READY),
    "half of the kept rows": (halve_kept_rows, READY),
    "half of the empty batches": (halve_empty_batches, READY),
    "half of the evaluations": (halve_evaluations, READY),
    "half of the accounts of evaluations": (halve_accounts_of_evaluations, READY),
    "half of the links": (halve_links, READY),
    "half of the control tables": (halve_control_tables, READY),
    "half of what dbt parsed": (halve_what_dbt_parsed, READY),
    "a pointer to nothing": (point_to_nothing, READY),
    "half an edition": (leave_half_an_edition, READY),
    "the lease of a dead process": (leave_lease_of_the_dead, READY),
    "half a manifest of the current edition": (halve_manifest_of_edition, MANIFEST),
    "a folder that nobody may write to": (forbid_writing, "warehouse.lease"),
    "a file in place of a folder": (put_file_in_place_of_control_folder, "control"),
    "no verdicts": (take_verdicts_away, "verdicts"),
    "half a store": (halve_store, "operational.db"),
    "overwritten pages of the store": (overwrite_pages_of_store, "operational.db"),
    "a store of no bytes": (empty_store, "operational.db"),
    "the log of another database beside the store": (put_foreign_log_beside_store, "operational.db"),
    "a store of newer code": (write_store_by_newer_code, "operational.db"),
    "no county.yml": (take_county_away, "county.yml"),
    "half of county.yml": (halve_county, "county.yml"),
    "county.yml in another encoding": (write_county_in_another_encoding, "county.yml"),
    "no key": (take_key_away, "keys"),
    "half a key": (halve_key, "keys"),
    "a key that others can read": (open_key_to_others, "keys"),
}


def start(home: Home) -> RunSummary | WarehouseError:
    """What a start comes to. Any other error is none that a person can act on, and fails the test."""
    try:
        return run(home, as_of=AS_OF)
    except WarehouseError as error:
        return error


def assert_is_named(refused: WarehouseError, where: str) -> None:
    """Says what, where, expected, found and what to do, in both languages."""
    assert where in refused.where, refused.en
    for words in (refused.what, refused.expected, refused.found, refused.advice):
        assert words.zh and words.en, refused.en
    assert any("\u4e00" <= character <= "\u9fff" for character in refused.what.zh + refused.advice.zh)


@pytest.mark.parametrize(("break_it", "outcome"), STATES.values(), ids=STATES.keys())
def test_a_broken_data_root_is_ready_again_or_refused_by_name_and_so_at_the_next_start(
    published: Home, copy_of: CopyOf, break_it: Break, outcome: str
) -> None:
    home = copy_of(published)
    log = acknowledged(home)
    held = break_it(home) or nullcontext()
    before = contents(home.published)
    with held:
        first, second = start(home), start(home)
    if outcome == READY:
        assert isinstance(first, RunSummary), first
        assert isinstance(second, RunSummary), second
        assert second.publication is not None and not second.publication.is_new
        assert second.computed_periods == 0
        assert content_hash(home) == content_hash(published)
        assert acknowledged(home) == log
        assert verify(home).damages == []
    else:
        assert isinstance(first, WarehouseError), first
        assert isinstance(second, WarehouseError), second
        assert_is_named(first, outcome)
        assert (second.what, second.where) == (first.what, first.where)
        assert contents(home.published) == before
        assert current_folder(home) == home.editions / content_folder(published)


def content_folder(home: Home) -> str:
    """The name of the folder of the current edition."""
    folder = current_folder(home)
    assert folder is not None
    return folder.name


def test_at_least_twelve_broken_states_are_tried() -> None:
    assert len(STATES) >= 12
