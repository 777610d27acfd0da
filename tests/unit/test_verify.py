"""Verify: every kind of damage to what is kept is found and named, and a sound data root has none."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa

from pipelines.actor import Actor
from pipelines.county import County
from pipelines.follow_up import Figure, Flag, Key
from pipelines.follow_up_store import FollowUp, follow_up_event
from pipelines.lake import batch_path, linking_path, verdicts_path, write_parquet
from pipelines.manifests import SEAL, write_manifest
from pipelines.objection_store import Objections, objection
from pipelines.objections import Claim, Contested, Said, Subject
from pipelines.publish import current_folder
from pipelines.settings import Home
from pipelines.store import Store, delivery, slot
from pipelines.verify import verify
from tests.support.kept import flip_a_bit, keep
from tests.support.working import SLOT


@pytest.fixture
def kept(home: Home, county: County) -> Home:
    """A data root with one batch, one ledger entry and one edition."""
    keep(home, county)
    return home


def edition(home: Home) -> Path:
    folder = current_folder(home)
    assert folder is not None
    return folder


def change_ledger(home: Home, statement: sa.Executable) -> None:
    store = Store.at(home.store)
    with store.transaction() as transaction:
        transaction.execute(statement)
    store.close()


def damaged(home: Home) -> list[str]:
    return [damage.what for damage in verify(home).damages]


def test_a_sound_data_root_has_no_damage_and_says_how_much_was_looked_at(kept: Home) -> None:
    found = verify(kept)
    assert (found.batches, found.ledger_entries, found.editions, found.damages) == (1, 1, 1, [])


def test_an_empty_data_root_has_no_damage(home: Home) -> None:
    assert verify(home).damages == []


@pytest.mark.parametrize(
    "file",
    [
        lambda home: batch_path(home, SLOT, "b1"),
        lambda home: verdicts_path(home, SLOT, "b1"),
        lambda home: linking_path(home, SLOT, "b1"),
        lambda home: edition(home) / "fct_kpi/2026-01.parquet",
        lambda home: edition(home) / "edition.parquet",
        lambda home: edition(home) / "warehouse.duckdb",
    ],
    ids=["batch", "verdicts", "linking keys", "table", "edition row", "database"],
)
@pytest.mark.parametrize("how", [flip_a_bit, Path.unlink], ids=["one bit", "lost"])
def test_a_damaged_or_lost_file_is_found(kept: Home, file: Callable[[Home], Path], how: Callable[[Path], None]) -> None:
    path = file(kept)
    how(path)
    found = verify(kept).damages
    if path.name == "warehouse.duckdb" and how is Path.unlink:
        assert [damage.what for damage in found] == ["pointer"]  # it can be built again, but is not there
    else:
        parent = kept.editions if path.is_relative_to(kept.editions) else path.parent.parent
        assert [damage.where for damage in found] == [str(path.relative_to(parent))]


@pytest.mark.parametrize("content", [None, b"", b"{}", b"[]", b"\xff\xfe", b'{"files": 3, "database": ""}'])
def test_a_lost_or_unreadable_manifest_is_found(kept: Home, content: bytes | None) -> None:
    path = edition(kept) / "manifest.json"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    assert damaged(kept) == ["edition"]


def test_a_manifest_that_says_something_else_is_found(kept: Home) -> None:
    path = edition(kept) / "manifest.json"
    said = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(said | {"as_of_date": "2020-01-01"}), encoding="utf-8")
    assert damaged(kept) == ["edition"]
    path.with_name(SEAL).unlink()
    path.write_text(json.dumps(said), encoding="utf-8")
    assert damaged(kept) == []  # as earlier versions wrote it


def test_a_seal_that_was_taken_away_is_found_beside_an_edition_that_was_sealed_before(kept: Home) -> None:
    first = edition(kept)
    second = shutil.copytree(first, first.with_name(f"{int(first.name[:4]) + 1}{first.name[4:]}"))
    assert damaged(kept) == []
    (second / SEAL).unlink()
    assert [(damage.where, damage.words.en) for damage in verify(kept).damages] == [(second.name, f"{SEAL} is missing")]
    (first / SEAL).unlink()
    assert damaged(kept) == []  # as earlier versions left them


def test_every_bit_that_flips_is_found(kept: Home) -> None:
    """A few of them; WAREHOUSE_FLIPS says how many."""
    chance = random.Random(2026)
    files = [batch_path(kept, SLOT, "b1"), verdicts_path(kept, SLOT, "b1"), linking_path(kept, SLOT, "b1")]
    files += [path for path in edition(kept).rglob("*") if path.is_file()]
    for _ in range(int(os.environ.get("WAREHOUSE_FLIPS", "60"))):
        path = chance.choice(files)
        content = path.read_bytes()
        flip_a_bit(path, chance)
        assert damaged(kept) != [], path.name
        path.write_bytes(content)
    assert damaged(kept) == []


@pytest.fixture
def compared(kept: Home) -> Home:
    """The data root with an account of what changed between two editions."""
    folder = kept.changes / "a_b"
    folder.mkdir(parents=True)
    content_hash = write_parquet(pl.DataFrame({"kpi_id": ["k"] * 9}), folder / "figures.parquet")
    write_manifest(folder, json.dumps({"files": {"figures.parquet": content_hash}}))
    return kept


def test_a_sound_account_of_changes_is_counted(compared: Home) -> None:
    found = verify(compared)
    assert (found.changes, found.damages) == (1, [])


@pytest.mark.parametrize("how", [flip_a_bit, Path.unlink], ids=["one bit", "lost"])
@pytest.mark.parametrize("name", ["figures.parquet", "manifest.json"])
def test_a_damaged_account_of_changes_is_found(compared: Home, name: str, how: Callable[[Path], None]) -> None:
    path = compared.changes / "a_b" / name
    if name == "manifest.json" and how is flip_a_bit:
        path.write_bytes(b"[]")
    else:
        how(path)
    assert damaged(compared) == ["changes"]


def test_a_draft_of_an_account_is_no_damage(compared: Home) -> None:
    (compared.changes / ".draft-x").mkdir()
    assert damaged(compared) == []


def test_an_edited_ledger_entry_is_found(kept: Home) -> None:
    change_ledger(kept, delivery.update().values(file_name="b.csv"))
    assert damaged(kept) == ["ledger"]


def test_a_slot_that_was_pointed_elsewhere_is_found(kept: Home) -> None:
    change_ledger(kept, slot.update().values(batch_id="b2"))
    assert [damage.where for damage in verify(kept).damages] == ["slots"]


def test_a_pointer_to_nothing_is_found(kept: Home) -> None:
    kept.pointer.unlink()
    kept.pointer.symlink_to("editions/gone/warehouse.duckdb")
    assert damaged(kept) == ["pointer"]


def test_a_changed_event_of_a_task_is_found(kept: Home) -> None:
    figure = Figure("e1", date(2026, 1, 1), "missed", "confirmed", Decimal(1), Decimal(2), Decimal(1))
    flag = Flag(Key("u", "k", "t"), "610629101001", "某社区", "month", "police", date(2026, 1, 1), figure)
    store = Store.at(kept.store)
    FollowUp(store).open(flag, Actor("system_user", "wang"), date(2026, 2, 11))
    store.close()
    assert damaged(kept) == []
    change_ledger(kept, sa.update(follow_up_event).values(actor="li"))
    assert [(damage.what, damage.where) for damage in verify(kept).damages] == [("follow_up", "task 1")]


def test_a_changed_objection_is_found(kept: Home) -> None:
    said = Said("e1", 50.0, Decimal(1), Decimal(2), "missed", "confirmed")
    contested = Contested(Subject("u", "k", "", "month", date(2026, 1, 1)), "610629101001", "某社区", "police", said)
    store = Store.at(kept.store)
    Objections(store).open(Claim(contested, "少计一件", date(2026, 2, 25)), Actor("system_user", "wang"), date(2026, 2, 11))
    store.close()
    assert damaged(kept) == []
    change_ledger(kept, sa.update(objection).values(claim="没有异议"))
    assert [(damage.what, damage.where) for damage in verify(kept).damages] == [("objection", "objection 1")]
