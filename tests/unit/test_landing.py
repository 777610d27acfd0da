"""Landing: which files are new, which lie in the wrong place, and that a name or a link leads nowhere else."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from expectations.contract import load_contract
from pipelines.county import County
from pipelines.landing import TOO_MANY_BAD_ROWS, LandedFile, Landing, look, make_folders
from pipelines.settings import Home
from pipelines.store import Slot, Store, append_delivery, batch, record_landed

SLOT = Slot("grid_610629101", "grid_grids", "2026-01")


class Site:
    """A data root into which a test delivers, and which it looks at as a run does."""

    def __init__(self, home: Home, county: County, store: Store) -> None:
        self.home, self.county, self.store = home, county, store

    def put(self, name: str, content: str = "a", *, slot: Slot = SLOT, age: float = 1000) -> Path:
        path = self.home.landing / slot.supplier_id / slot.dataset / slot.period / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        changed = time.time() - age
        os.utime(path, (changed, changed))
        return path

    def look(self, *, settled_seconds: float = 0) -> Landing:
        return look(self.home, self.county, self.store, settled_seconds=settled_seconds)

    def settle(self, file: LandedFile, outcome: str = "accepted", **changes: Any) -> None:
        """Writes into the ledger what became of a file, as ingest does."""
        batch_id = f"batch of {file.file_hash}" if outcome == "accepted" else None
        entry = {
            "run_id": "r", "supplier_id": file.slot.supplier_id, "dataset": file.slot.dataset,
            "period": file.slot.period, "file_name": file.path.name, "file_hash": file.file_hash,
            "received_at": file.received_at.isoformat(), "outcome": outcome,
            "contract_version": load_contract(file.slot.dataset).version, "refusal_code": None, "refusal_zh": None,
            "refusal_en": None, "batch_id": batch_id, **changes,
        }  # fmt: skip
        counts = {column.name: 0 for column in batch.c if column.name.startswith("rows_")}
        with self.store.transaction() as transaction:
            if batch_id:
                transaction.execute(batch.delete().where(batch.c.batch_id == batch_id))
                transaction.execute(
                    batch.insert().values(
                        batch_id=batch_id, supplier_id=file.slot.supplier_id, dataset=file.slot.dataset,
                        period=file.slot.period, content_hash="", verdicts_hash="", contract_version=1, key_id="",
                        remarks="", **counts,
                    )
                )  # fmt: skip
            append_delivery(transaction, entry)
            record_landed(transaction, file.as_seen(self.home))

    def deliver(self, name: str, content: str, **changes: Any) -> None:
        """Puts a file there and has it settled, whatever else lies there."""
        path = self.put(name, content)
        (file,) = [file for file in self.look().new if file.path == path]
        self.settle(file, **changes)


@pytest.fixture
def site(home: Home, county: County) -> Iterator[Site]:
    home.landing.mkdir(parents=True)
    store = Store.at(home.store)
    yield Site(home, county, store)
    store.close()


def names(files: list[LandedFile]) -> list[str]:
    return [file.path.name for file in files]


def counts(landing: Landing) -> tuple[int, int, int, int]:
    return len(landing.new), len(landing.repeated), len(landing.superseded), len(landing.misplaced)


def test_a_file_in_a_slots_folder_is_new_until_it_is_settled(site: Site) -> None:
    site.put("一月.csv")
    (file,) = site.look().new
    assert (file.slot, file.size) == (SLOT, 1)
    site.settle(file)
    assert counts(site.look()) == (0, 0, 0, 0)


def test_files_of_a_slot_come_oldest_first_whatever_their_names(site: Site) -> None:
    site.put("a.csv", "newer", age=10)
    site.put("b.csv", "older", age=20)
    assert names(site.look().new) == ["b.csv", "a.csv"]


def test_a_part_file_and_a_hidden_file_are_left_alone(site: Site) -> None:
    site.put("一月.csv.part")
    site.put(".一月.csv")
    assert counts(site.look()) == (0, 0, 0, 0)


def test_a_file_that_still_changes_waits_until_it_has_settled(site: Site) -> None:
    site.put("old.csv", age=61)
    site.put("fresh.csv", "b", age=5)
    assert names(site.look(settled_seconds=60).new) == ["old.csv"]
    assert len(site.look().new) == 2


def test_a_symlink_a_pipe_and_a_folder_are_misplaced_and_do_not_block(site: Site, tmp_path: Path) -> None:
    folder = site.put("good.csv").parent
    secret = tmp_path / "secret.csv"
    secret.write_text("x", encoding="utf-8")
    (folder / "link.csv").symlink_to(secret)
    (folder / "dangling.csv").symlink_to(tmp_path / "nowhere")
    os.mkfifo(folder / "pipe.csv")
    (folder / "folder.csv").mkdir()
    landing = site.look()
    assert names(landing.new) == ["good.csv"]
    assert {place.why.en for place in landing.misplaced} == {"not a regular file"}
    assert len(landing.misplaced) == 4


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_linked_folder_leads_nowhere(site: Site, tmp_path: Path, depth: int) -> None:
    elsewhere = tmp_path / "elsewhere"
    parts = (SLOT.supplier_id, SLOT.dataset, SLOT.period)
    target = elsewhere.joinpath(*parts[depth:])
    target.mkdir(parents=True)
    (target / "stolen.csv").write_text("x", encoding="utf-8")
    link = site.home.landing.joinpath(*parts[:depth])
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(elsewhere, target_is_directory=True)
    landing = site.look()
    assert landing.new == []
    assert [place.where for place in landing.misplaced] == ["/".join(parts[:depth])]


@pytest.mark.parametrize(
    ("slot", "reason"),
    [
        (Slot("grid_610629199", "grid_grids", "2026-01"), "no supplier grid_610629199 in county.yml"),
        (Slot("grid_610629101", "grid_grid", "2026-01"), "no dataset grid_grid"),
        (Slot("grid_610629101", "grid_grids", "2026-1"), "the month folder 2026-1 is not YYYY-MM"),
        (Slot("grid_610629101", "grid_grids", "２０２６-０１"), "the month folder ２０２６-０１ is not YYYY-MM"),
    ],
)
def test_a_file_in_a_folder_of_no_slot_is_misplaced_and_says_why(site: Site, slot: Slot, reason: str) -> None:
    site.put("a.csv", slot=slot)
    landing = site.look()
    assert landing.new == []
    assert [place.why.en for place in landing.misplaced] == [reason]


def test_a_file_above_the_month_folders_is_misplaced_and_one_below_is_not_read(site: Site) -> None:
    path = site.put("good.csv")
    for folder in (path.parents[1], path.parents[2], path.parents[3]):
        (folder / "stray.csv").write_text("x", encoding="utf-8")
    (path.parent / "deeper").mkdir()
    (path.parent / "deeper" / "stray.csv").write_text("x", encoding="utf-8")
    landing = site.look()
    assert names(landing.new) == ["good.csv"]
    assert len(landing.misplaced) == 4


HOSTILE_NAMES = [
    "-rf.csv", "$(id).csv", "`id`.csv", "a;b.csv", "a|b.csv", "a'b.csv", 'a"b.csv', "a\\b.csv", "a\nb.csv",
    "..csv", "...csv", "%2e%2e.csv", "~.csv", "*.csv", "[a].csv", "a\tb.csv", "\u202ecsv.exe", "con.csv", "a" * 250,
    "period=2026-02.csv", "＝1.csv", "=cmd.csv", "é.csv", "e\u0301.csv", " a.csv ", "{a}.csv",
]  # fmt: skip


def test_no_file_name_is_anything_but_a_name(site: Site) -> None:
    for number, name in enumerate(HOSTILE_NAMES):
        site.put(name, str(number))
    landing = site.look()
    visible = {name for name in HOSTILE_NAMES if not name.startswith(".")}
    assert set(names(landing.new)) == visible
    assert {file.slot for file in landing.new} == {SLOT}
    assert landing.misplaced == []


def test_a_file_name_that_is_no_utf_8_is_stored_and_shown_escaped(site: Site) -> None:
    folder = site.put("a.csv").parent
    (folder / os.fsdecode("网格.csv".encode("gb18030"))).write_text("b", encoding="utf-8")
    for file in site.look().new:
        site.settle(file, file_name=file.name)
    assert counts(site.look()) == (0, 0, 0, 0)
    assert {entry["file_name"] for entry in site.store.deliveries()} == {"a.csv", r"\xcd\xf8\xb8\xf1.csv"}


def test_a_file_that_cannot_be_read_is_misplaced_and_stops_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.put("a.csv")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(hashlib, "file_digest", refuse)
    (place,) = site.look().misplaced
    assert place.why.en == "cannot be read: Permission denied"


def test_the_same_bytes_again_under_another_name_are_repeated(site: Site) -> None:
    site.deliver("a.csv", "one")
    site.put("b.csv", "one")
    assert counts(site.look()) == (0, 1, 0, 0)


def test_the_same_bytes_twice_before_the_first_run_are_one_delivery(site: Site) -> None:
    site.put("a.csv", "one", age=20)
    site.put("copy of a.csv", "one", age=10)
    landing = site.look()
    assert names(landing.new) == ["a.csv"]
    assert names(landing.repeated) == ["copy of a.csv"]


def test_bytes_that_come_back_after_other_bytes_wait_until_these_are_settled(site: Site) -> None:
    site.put("a.csv", "one", age=30)
    site.put("b.csv", "two", age=20)
    site.put("copy of a.csv", "one", age=10)
    landing = site.look()
    assert names(landing.new) == ["a.csv", "b.csv"]
    assert landing.repeated == []
    for file in landing.new:
        site.settle(file)
    assert names(site.look().superseded) == ["copy of a.csv"]


def test_the_same_bytes_in_another_slot_are_new(site: Site) -> None:
    site.deliver("a.csv", "one")
    site.put("a.csv", "one", slot=Slot(SLOT.supplier_id, SLOT.dataset, "2026-02"))
    assert counts(site.look()) == (1, 0, 0, 0)


def test_the_bytes_of_a_replaced_file_are_superseded(site: Site) -> None:
    site.deliver("a.csv", "one")
    site.deliver("b.csv", "two")
    site.put("c.csv", "one")
    assert counts(site.look()) == (0, 0, 1, 0)


def test_reinstated_bytes_are_current_again_and_the_replaced_ones_superseded(site: Site) -> None:
    site.deliver("a.csv", "one")
    site.deliver("b.csv", "two")
    first = site.store.deliveries()[0]["batch_id"]
    site.store.reinstate(first, "r2")
    site.put("c.csv", "one")
    site.put("d.csv", "two")
    landing = site.look()
    assert names(landing.repeated) == ["c.csv"]
    assert names(landing.superseded) == ["d.csv"]


def test_a_file_changed_under_its_old_name_is_new(site: Site) -> None:
    site.deliver("a.csv", "one")
    site.put("a.csv", "two", age=10)
    assert names(site.look().new) == ["a.csv"]


def test_a_refused_file_is_not_read_again_while_the_contract_stays(site: Site) -> None:
    site.deliver("a.csv", "bad", outcome="refused")
    site.put("b.csv", "bad")
    assert counts(site.look()) == (0, 1, 0, 0)


def test_a_refused_file_is_read_again_under_a_newer_contract(site: Site) -> None:
    older = load_contract(SLOT.dataset).version - 1
    site.deliver("a.csv", "bad", outcome="refused", contract_version=older)
    assert names(site.look().new) == ["a.csv"]


@pytest.mark.parametrize(
    ("reason", "held_to", "is_tried_again"),
    [(TOO_MANY_BAD_ROWS, None, False), (TOO_MANY_BAD_ROWS, "rules withdrawn since", True), ("no_header", "rules withdrawn since", False)],
)
def test_a_file_refused_for_its_rows_is_read_again_under_other_rules(site: Site, reason: str, held_to: str | None, is_tried_again: bool) -> None:
    site.deliver("a.csv", "bad", outcome="refused", refusal_code=reason, rules_digest=held_to)
    assert names(site.look().new) == ["a.csv"] * is_tried_again


def test_an_accepted_file_is_not_read_again_under_a_newer_contract(site: Site) -> None:
    site.deliver("a.csv", "good", contract_version=load_contract(SLOT.dataset).version - 1)
    assert counts(site.look()) == (0, 0, 0, 0)


def test_a_file_that_vanishes_while_landing_is_looked_at_stops_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.put("good.csv", age=20)
    gone = site.put("gone.csv", "b")
    listed = Path.glob

    def list_then_lose(folder: Path, pattern: str) -> list[Path]:
        found = list(listed(folder, pattern))
        gone.unlink(missing_ok=True)
        return found

    monkeypatch.setattr(Path, "glob", list_then_lose)
    assert names(site.look().new) == ["good.csv"]


def test_a_hashed_file_knows_whether_it_is_still_the_same(site: Site) -> None:
    path = site.put("a.csv", "one")
    (file,) = site.look().new
    assert file.is_unchanged()
    site.put("a.csv", "onetwo", age=5)
    assert not file.is_unchanged()
    path.unlink()
    assert not file.is_unchanged()


def test_landing_folders_are_closed_to_others_and_there_for_every_supplier(home: Home, county: County) -> None:
    make_folders(home, county)
    assert home.landing.stat().st_mode & 0o777 == 0o700
    assert (home.landing / "grid_610629102" / "grid_disputes").is_dir()
    assert (home.landing / "county_civil" / "civil_communities").is_dir()
