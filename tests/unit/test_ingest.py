"""Ingest: from a delivered file to a batch, its verdicts and an entry in the ledger, or to a refusal."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from expectations.contract import load_contract, load_contracts
from pipelines import ingest as ingest_module
from pipelines.county import County
from pipelines.ingest import FileOutcome, Ingest, batch_id_of
from pipelines.keys import Key
from pipelines.lake import batch_path, linking_path, prepare_lake, verdicts_path, write_parquet
from pipelines.landing import LandedFile, look
from pipelines.settings import Home
from pipelines.store import Slot, Store, broken_entries, rule_result

A = "610629101201"
GRIDS = Slot("grid_610629101", "grid_grids", "2026-01")
RESIDENTS = Slot("grid_610629101", "grid_residents", "2026-01")


def grid(number: int, households: str = "30", kind: str = "综合") -> dict[str, str]:
    return {"网格编码": f"{A}-{number:03}", "社区代码": A, "网格类型": kind, "户数": households}


def resident(**changes: str) -> dict[str, str]:
    return {
        "证件类型": "居民身份证", "证件号码": "999000199003070011", "姓名": "王小明", "性别": "男",
        "出生日期": "1990-03-07", "社区代码": A, "网格编码": f"{A}-001", "人口类型": "流动", "入住日期": "2025-06-01",
        "离开日期": "", **changes,
    }  # fmt: skip


def csv(dataset: str, *rows: dict[str, str]) -> str:
    """A file with every header of the contract; cells that a row does not name are empty."""
    headers = [column.title_zh for column in load_contract(dataset).columns]
    lines = [headers, *([row.get(header, "") for header in headers] for row in rows)]
    return "".join(",".join(line) + "\n" for line in lines)


class Site:
    """A data root into which a test delivers, and which takes in what lies there as a run does."""

    def __init__(self, home: Home, county: County, store: Store, key: Key) -> None:
        self.home, self.county, self.store, self.key, self.runs = home, county, store, key, 0

    def put(self, slot: Slot, name: str, text: str, *, age: float = 100) -> Path:
        path = self.home.landing / slot.supplier_id / slot.dataset / slot.period / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        changed = path.stat().st_mtime - age
        os.utime(path, (changed, changed))
        return path

    def ingest(self) -> Ingest:
        self.runs += 1
        return Ingest(self.home, self.county, self.store, self.key, f"20260101T00000{self.runs}-test")

    def new(self) -> list[LandedFile]:
        return look(self.home, self.county, self.store).new

    def run(self) -> list[FileOutcome]:
        return [file for group in self.ingest().groups(self.new()) for file in group.files]

    def batch(self, slot: Slot) -> pl.DataFrame:
        """The current batch of a slot, read from the lake."""
        return pl.read_parquet(batch_path(self.home, slot, self.current(slot)))

    def verdicts(self, slot: Slot) -> set[tuple[int, str]]:
        frame = pl.read_parquet(verdicts_path(self.home, slot, self.current(slot)))
        return set(frame.select("row_number", "rule_id").iter_rows())

    def current(self, slot: Slot) -> str:
        return str(self.store.slots()[slot]["batch_id"])

    def account(self, slot: Slot) -> dict[str, Any]:
        (row,) = [row for row in self.store.current_batches() if row["batch_id"] == self.current(slot)]
        return row


@pytest.fixture
def site(home: Home, county: County, key: Key) -> Iterator[Site]:
    home.landing.mkdir(parents=True)
    store = Store.at(home.store)
    yield Site(home, county, store, key)
    store.close()


def outcomes(files: list[FileOutcome]) -> list[tuple[str, str]]:
    return [(file.file_name, file.outcome) for file in files]


def test_a_good_file_becomes_a_batch_with_verdicts_and_is_current(site: Site) -> None:
    site.put(GRIDS, "一月.csv", csv("grid_grids", grid(1), grid(2, households="三十"), grid(3, kind="别的")))
    (file,) = site.run()
    assert (file.outcome, file.rows_read, file.rows_data, file.rows_failed) == ("accepted", 4, 3, 2)
    batch = site.batch(GRIDS)
    assert batch.select("row_number", "households", "households_text", "kind").rows() == [
        (2, 30, None, "general"), (3, None, "三十", "general"), (4, 30, None, "别的"),
    ]  # fmt: skip
    assert batch.select("supplier_id", "period").unique().rows() == [(GRIDS.supplier_id, date(2026, 1, 1))]
    assert site.verdicts(GRIDS) == {(3, "households.readable"), (4, "kind.known_value")}


def test_the_ledger_holds_the_account_of_every_line(site: Site) -> None:
    text = csv("grid_grids", grid(1), grid(2, households='"3\n0"'))
    title, totals = "洛川县网格名册,,,,,,,\n", "合计,,,60,,,,\n"
    site.put(GRIDS, "a.csv", title + text + "\n" + totals)
    site.run()
    account = site.account(GRIDS)
    parts = {name.removeprefix("rows_"): count for name, count in account.items() if name.startswith("rows_")}
    assert parts.pop("read") == sum(parts.values()) == 7
    assert parts == {"data": 2, "title": 1, "header": 1, "note": 0, "totals": 1, "blank": 1, "continuation": 1, "set_aside": 0}


def test_the_ledger_holds_the_hashes_of_what_was_written(site: Site) -> None:
    site.put(GRIDS, "a.csv", csv("grid_grids", grid(1)))
    site.run()
    account, name = site.account(GRIDS), site.current(GRIDS)
    for path, recorded in (
        (batch_path(site.home, GRIDS, name), account["content_hash"]),
        (verdicts_path(site.home, GRIDS, name), account["verdicts_hash"]),
    ):
        assert hashlib.sha256(path.read_bytes()).hexdigest() == recorded
        assert [other.name for other in path.parent.iterdir()] == [path.name]


def test_a_refused_correction_leaves_the_good_file_current_and_says_why(site: Site) -> None:
    site.put(GRIDS, "a.csv", csv("grid_grids", grid(1)))
    site.run()
    before = site.current(GRIDS)
    site.put(GRIDS, "b.csv", "不,是,表头\n1,2,3\n")
    (file,) = site.run()
    assert file.outcome == "refused"
    assert site.current(GRIDS) == before
    assert site.account(GRIDS)["is_correction_refused"]
    entry = site.store.deliveries()[-1]
    assert (entry["file_name"], entry["outcome"], entry["batch_id"]) == ("b.csv", "refused", None)
    assert entry["refusal_code"] and entry["refusal_zh"] and entry["refusal_en"]


def test_of_two_new_files_of_a_slot_the_later_one_is_current(site: Site) -> None:
    site.put(GRIDS, "z.csv", csv("grid_grids", grid(1)), age=20)
    site.put(GRIDS, "a.csv", csv("grid_grids", grid(1), grid(2)), age=10)
    assert outcomes(site.run()) == [("z.csv", "accepted"), ("a.csv", "accepted")]
    assert site.batch(GRIDS).height == 2


def test_a_file_and_its_copy_are_one_batch_without_duplicates(site: Site) -> None:
    text = csv("grid_grids", grid(1), grid(2))
    site.put(GRIDS, "a.csv", text, age=20)
    site.put(GRIDS, "copy of a.csv", text, age=10)
    assert outcomes(site.run()) == [("a.csv", "accepted")]
    assert site.verdicts(GRIDS) == set()


def test_suppliers_of_one_month_are_judged_together_and_kept_apart(site: Site) -> None:
    other = Slot("grid_610629102", "grid_grids", "2026-01")
    same_key = csv("grid_grids", grid(1), grid(1, households="31"), grid(2))
    site.put(GRIDS, "a.csv", same_key)
    site.put(other, "b.csv", csv("grid_grids", grid(1), grid(2), grid(2)))
    assert {file.outcome for file in site.run()} == {"accepted"}
    assert site.verdicts(GRIDS) == {(2, "key.unique"), (3, "key.unique")}
    assert site.verdicts(other) == {(4, "key.repeated")}


def test_months_are_taken_in_one_after_the_other_and_the_largest_dataset_first(site: Site) -> None:
    february = replace(GRIDS, period="2026-02")
    site.put(february, "a.csv", csv("grid_grids", grid(1)))
    site.put(RESIDENTS, "a.csv", csv("grid_residents", resident()))
    site.put(GRIDS, "a.csv", csv("grid_grids", grid(1)))
    groups = [(group.period, group.dataset) for group in site.ingest().groups(site.new())]
    assert groups == [("2026-01", "grid_residents"), ("2026-01", "grid_grids"), ("2026-02", "grid_grids")]
    assert list(site.ingest().groups([])) == []


@pytest.mark.parametrize(
    ("rows", "bad", "outcome"),
    [
        (30, 20, "accepted"),  # most rows, but not more than 20
        (500, 21, "accepted"),  # more than 20, but not more than 5 %
        (420, 21, "accepted"),  # exactly 5 %
        (419, 21, "refused"),
    ],
)
def test_too_many_bad_rows_refuse_the_file(site: Site, rows: int, bad: int, outcome: str) -> None:
    cells = [grid(number, households="多" if number <= bad else "30") for number in range(1, rows + 1)]
    site.put(GRIDS, "a.csv", csv("grid_grids", *cells))
    (file,) = site.run()
    assert (file.outcome, file.rows_failed) == (outcome, bad)
    assert (file.refusal.code if file.refusal else None) == ("too_many_bad_rows" if outcome == "refused" else None)
    assert batch_path(site.home, GRIDS, str(site.store.slots()[GRIDS]["batch_id"])).exists() == (outcome == "accepted")


def test_one_refused_file_does_not_keep_the_others_out(site: Site) -> None:
    other = Slot("grid_610629102", "grid_grids", "2026-01")
    site.put(GRIDS, "a.csv", "")
    site.put(other, "b.csv", csv("grid_grids", grid(1)))
    assert sorted(outcomes(site.run())) == [("a.csv", "refused"), ("b.csv", "accepted")]


def test_an_event_file_without_events_is_accepted(site: Site) -> None:
    slot = Slot("grid_610629101", "grid_disputes", "2026-01")
    site.put(slot, "a.csv", csv("grid_disputes"))
    (file,) = site.run()
    assert (file.outcome, file.rows_data) == ("accepted", 0)
    assert site.batch(slot).is_empty()


def test_what_failed_is_kept_by_run_rule_and_batch(site: Site) -> None:
    site.put(GRIDS, "a.csv", csv("grid_grids", grid(1), grid(2, households="-1")))
    site.run()
    results = {row["rule_id"]: row for row in site.store.latest_rule_results()}
    assert (results["households.range"]["rows_checked"], results["households.range"]["rows_failed"]) == (2, 1)
    assert results["kind.known_value"]["rows_failed"] == 0
    assert {row["run_id"] for row in results.values()} == {"20260101T000001-test"}


def test_bytes_of_a_replaced_file_are_refused_and_written_down(site: Site) -> None:
    first, second = csv("grid_grids", grid(1)), csv("grid_grids", grid(2))
    for name, text in (("a.csv", first), ("b.csv", second)):
        site.put(GRIDS, name, text)
        site.run()
    current = site.current(GRIDS)
    site.put(GRIDS, "c.csv", first)
    landing = look(site.home, site.county, site.store)
    (outcome,) = [site.ingest().refuse_superseded(file) for file in landing.superseded]
    assert outcome.outcome == "refused_superseded"
    assert site.current(GRIDS) == current
    assert site.store.deliveries()[-1]["refusal_code"] == "superseded"
    assert look(site.home, site.county, site.store).superseded == []
    assert broken_entries(site.store.deliveries()) == []


# --- files that move ----------------------------------------------------------------------------------------


def test_a_file_that_changes_after_it_was_looked_at_is_not_delivered_yet(site: Site) -> None:
    site.put(GRIDS, "a.csv", csv("grid_grids", grid(1)))
    seen = site.new()
    site.put(GRIDS, "a.csv", csv("grid_grids", grid(1), grid(2)), age=10)
    (file,) = [file for group in site.ingest().groups(seen) for file in group.files]
    assert (file.outcome, file.refusal.code if file.refusal else None) == ("refused", "changed_while_read")
    assert site.store.deliveries() == []
    assert outcomes(site.run()) == [("a.csv", "accepted")]
    assert site.batch(GRIDS).height == 2


@pytest.mark.parametrize("half", ["", "网格编码,社区代", None])
def test_a_file_that_is_cut_short_or_taken_away_meanwhile_is_not_refused_for_it(site: Site, half: str | None) -> None:
    path = site.put(GRIDS, "a.csv", csv("grid_grids", grid(1)))
    seen = site.new()
    if half is None:
        path.unlink()
    else:
        path.write_text(half, encoding="utf-8")
    (file,) = [file for group in site.ingest().groups(seen) for file in group.files]
    assert file.refusal is not None
    assert file.refusal.code == "changed_while_read"
    assert site.store.deliveries() == []


def test_a_crash_before_the_ledger_leaves_nothing_current_and_the_next_run_mends_it(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.put(GRIDS, "a.csv", csv("grid_grids", grid(1)))

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(ingest_module, "append_delivery", crash)
        with pytest.raises(KeyboardInterrupt):
            site.run()
    assert site.store.slots() == {}
    assert site.store.all_batches() == []
    assert site.store.rows(rule_result.select()) == []
    assert outcomes(site.run()) == [("a.csv", "accepted")]


# --- identity of batches ------------------------------------------------------------------------------------


def test_a_batch_is_known_by_its_bytes_slot_contract_and_key(site: Site) -> None:
    site.put(GRIDS, "a.csv", csv("grid_grids", grid(1)))
    (file,) = site.new()
    contract, key = load_contract("grid_grids"), site.key
    same = replace(file, path=file.path.with_name("b.csv"), changed_ns=1)
    others = [
        batch_id_of(replace(file, file_hash="0" * 64), contract, key),
        batch_id_of(replace(file, slot=replace(GRIDS, period="2026-02")), contract, key),
        batch_id_of(file, contract.model_copy(update={"version": 99}), key),
        batch_id_of(file, contract, Key("hmac-sha256:other", key.secret)),
    ]
    assert batch_id_of(same, contract, key) == batch_id_of(file, contract, key)
    assert len({batch_id_of(file, contract, key), *others}) == 5


def test_the_same_bytes_taken_in_twice_are_written_once_and_alike(site: Site) -> None:
    site.put(GRIDS, "a.csv", csv("grid_grids", grid(1), grid(2, households="x")))
    seen = site.new()
    assert len(list(site.ingest().groups(seen))) == 1
    first = site.account(GRIDS)
    assert len(list(site.ingest().groups(seen))) == 1
    assert site.account(GRIDS) == first
    assert len(site.store.all_batches()) == 1


def test_every_dataset_can_be_read_before_anything_was_delivered(home: Home) -> None:
    prepare_lake(home, load_contracts())
    with duckdb.connect() as connection:
        for contract in load_contracts().values():
            pattern = home.lake / contract.dataset / "*" / "*.parquet"
            query = f"select * from read_parquet('{pattern}', hive_partitioning=false)"
            described = connection.execute(f"describe {query}").fetchall()
            found = [(name, kind.lower()) for name, kind, *_ in described]
            assert found == [(lake.name, lake.duckdb_type) for lake in contract.lake_columns()]
            assert connection.execute(query).fetchall() == []


def test_a_written_parquet_file_has_the_hash_that_was_returned_and_leaves_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.parquet"
    returned = write_parquet(pl.DataFrame({"a": [1]}), path)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == returned
    assert [other.name for other in path.parent.iterdir()] == ["a.parquet"]


# --- nobody can be read outside landing ---------------------------------------------------------------------

PLANTED = [
    resident(),
    resident(证件号码="999000199003070012", 姓名="赵钱孙"),  # wrong check digit
    resident(证件号码="99900019900307002x", 姓名="周吴郑"),
    resident(证件号码="999000900307001", 姓名="冯陈9", 出生日期="1990年13月7日"),
    resident(证件类型="护照", 证件号码="E12-45678", 姓名="买买提·吐尔逊"),
]


def contents(folder: Path) -> str:
    """Everything under a folder as text: Parquet files by their values, others by their bytes."""
    texts = []
    for path in (path for path in folder.rglob("*") if path.is_file()):
        if path.suffix == ".parquet":
            texts += [str(value) for row in pl.read_parquet(path).iter_rows() for value in row]
        else:
            texts += [path.read_bytes().decode("utf-8", "replace"), path.read_bytes().decode("gb18030", "replace")]
    return "\n".join(texts)


@pytest.mark.parametrize("last_line", ["", "王小明,999000199003070011\n"])
def test_a_delivered_person_is_found_in_landing_alone(site: Site, last_line: str) -> None:
    # With the last line, which has too few cells, the file as a whole is refused.
    site.put(RESIDENTS, "a.csv", csv("grid_residents", *PLANTED) + last_line)
    (file,) = site.run()
    assert file.outcome == ("refused" if last_line else "accepted")
    elsewhere = "\n".join(contents(path) for path in site.home.root.iterdir() if path != site.home.landing)
    secrets = [row[title] for row in PLANTED for title in ("证件号码", "姓名", "出生日期")]
    assert [secret for secret in [*secrets, "999000199003070029"[:17]] if secret in elsewhere] == []
    if file.refusal is not None:
        assert [secret for secret in secrets if secret in file.refusal.zh + file.refusal.en] == []


def test_names_become_linking_keys_in_a_zone_of_their_own(site: Site) -> None:
    site.put(RESIDENTS, "a.csv", csv("grid_residents", *PLANTED))
    site.run()
    linking = pl.read_parquet(linking_path(site.home, RESIDENTS, site.current(RESIDENTS)))
    assert linking["row_number"].to_list() == [2, 3, 4, 6]
    assert not linking_path(site.home, RESIDENTS, site.current(RESIDENTS)).is_relative_to(site.home.lake)
    assert not {"name_key", "pinyin_key", "characters_key"} & set(site.batch(RESIDENTS).columns)
