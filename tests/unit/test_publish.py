"""Publish: a new edition where content is new and sound, and otherwise not one byte changed for readers."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta, tzinfo
from itertools import count, repeat
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines import publish as publish_module
from pipelines.audit import GateFailed
from pipelines.build import BuildResult
from pipelines.county import County
from pipelines.manifests import MANIFEST, SEAL
from pipelines.parts import Part, parts_of, table_files
from pipelines.publish import build_database, current_folder, current_manifest, edition_tables
from pipelines.settings import Home
from tests.support.working import FAILED_TEST, TABLES, Working

# The figures of a period are one part of their table; tables without rows are one part, too.
FILES = {"edition.parquet", "fct_kpi/2026-01.parquet", *(f"{table}.parquet" for table in TABLES if table != "fct_kpi")}


class Clock(datetime):
    """A clock that is a minute further at every look, so that editions of one test have an order."""

    minutes: Iterator[int]

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Clock:  # type: ignore[override]
        return cls(2026, 2, 11, 8, tzinfo=tz) + timedelta(minutes=next(cls.minutes))


@pytest.fixture
def working(home: Home, county: County, monkeypatch: pytest.MonkeyPatch) -> Working:
    Clock.minutes = count()
    monkeypatch.setattr(publish_module, "datetime", Clock)
    return Working(home, county)


def with_numerator(working: Working, numerator: int) -> Working:
    tables = {**TABLES, "fct_kpi": TABLES["fct_kpi"].replace("113", str(numerator))}
    return replace(working, tables=tables)


def snapshot(folder: Path) -> dict[str, str]:
    """Every file and link under a folder with its content's hash or its target."""
    return {
        str(path.relative_to(folder)): str(path.readlink())
        if path.is_symlink()
        else hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def read(home: Home, query: str) -> Any:
    """What a reader of the published file sees: the first column of the first row."""
    with duckdb.connect(str(home.pointer), read_only=True) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def test_the_first_edition_can_be_opened_by_anybody(working: Working, home: Home) -> None:
    publication = working.publish()
    assert publication.is_new
    assert read(home, "select numerator from fct_kpi limit 1") == 113
    assert read(home, "select edition_id from edition") == publication.edition_id
    with duckdb.connect(str(home.pointer), read_only=True) as connection:
        names = {row[0] for row in connection.execute("select table_name from duckdb_tables()").fetchall()}
    assert names == {*TABLES, "edition"}


def test_the_edition_says_whose_it_is_and_from_what_it_was_made(working: Working, home: Home) -> None:
    working.publish()
    with duckdb.connect(str(home.pointer), read_only=True) as connection:
        row = connection.execute(
            "select county_code, county_name, is_sample, as_of_date, inputs_hash from edition"
        ).fetchone()
    assert row == ("610629", "洛川县", True, date(2026, 2, 11), "inputs")


def test_every_table_and_column_has_a_comment(working: Working, home: Home) -> None:
    working.publish()
    assert read(home, "select comment from duckdb_tables() where table_name = 'fct_kpi'") == "说明 / what it's for"
    assert read(home, "select count(*) from duckdb_tables() where comment is null") == 0
    assert read(home, "select count(*) from duckdb_columns() where comment is null and not internal") == 0


def test_the_pointer_is_a_relative_link_so_that_the_folder_can_be_moved(working: Working, home: Home) -> None:
    publication = working.publish()
    assert home.pointer.is_symlink()
    assert str(home.pointer.readlink()) == f"editions/{publication.edition_id}/warehouse.duckdb"
    moved = home.root.with_name("moved")
    home.root.rename(moved)
    assert read(Home(moved), "select count(*) from fct_kpi") == 6


def test_the_manifest_has_the_hash_of_every_file(working: Working, home: Home) -> None:
    working.publish()
    folder, manifest = current_folder(home), current_manifest(home)
    assert folder is not None and manifest is not None
    assert set(manifest["files"]) == FILES
    for name, recorded in {**manifest["files"], "warehouse.duckdb": manifest["database"]}.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == recorded
    assert manifest["batches"] == ["b1"]
    assert manifest["is_sample"] is True


def test_nothing_but_editions_and_the_pointer_is_left_behind(working: Working, home: Home) -> None:
    publication = working.publish()
    assert sorted(path.name for path in home.published.iterdir()) == ["editions", "warehouse.duckdb"]
    assert [path.name for path in home.editions.iterdir()] == [publication.edition_id]


def test_before_the_first_edition_there_is_none(home: Home) -> None:
    assert current_folder(home) is None
    assert current_manifest(home) is None


def test_content_that_did_not_change_makes_no_edition(working: Working, home: Home) -> None:
    first = working.publish()
    before = snapshot(home.published)
    again = replace(working, as_of=date(2026, 3, 1)).publish()
    assert (again.edition_id, again.is_new) == (first.edition_id, False)
    assert snapshot(home.published) == before


@pytest.mark.parametrize("minutes", [repeat(0), count(9, -1)], ids=["stands", "runs backwards"])
def test_editions_stand_in_the_order_of_their_ids_though_the_clock(
    minutes: Iterator[int], working: Working, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Clock, "minutes", minutes)
    ids = [with_numerator(working, numerator).publish().edition_id for numerator in (113, 114, 113)]
    assert sorted(set(ids)) == ids and current_folder(home) == home.editions / ids[2]
    assert read(home, "select edition_id from edition") == ids[2]


def test_the_order_of_rows_is_not_content(working: Working) -> None:
    first = working.publish()
    turned = {name: f"select * from ({query}) order by all desc" for name, query in TABLES.items()}
    assert replace(working, tables=turned).publish() == as_known(first)


def as_known(publication: publish_module.Publication) -> publish_module.Publication:
    return replace(publication, is_new=False)


@pytest.mark.parametrize(
    "change",
    [
        {"fct_kpi": TABLES["fct_kpi"].replace("113", "114")},
        {"fct_quality": TABLES["fct_quality"].replace("where false", "")},
        {"fct_delivery": TABLES["fct_delivery"].replace("null::varchar", "''")},
        {"dim_kpi": TABLES["dim_kpi"].replace("name_zh", "name")},
    ],
    ids=["a value", "a row", "null to empty", "a column's name"],
)
def test_content_that_changed_makes_an_edition_and_keeps_the_old_one(
    working: Working, home: Home, change: dict[str, str]
) -> None:
    first = working.publish()
    before = snapshot(home.editions / first.edition_id)
    second = replace(working, tables={**TABLES, **change}).publish()
    assert second.is_new
    assert second.edition_id != first.edition_id
    assert read(home, "select edition_id from edition") == second.edition_id
    assert snapshot(home.editions / first.edition_id) == before


BREAKERS = {
    "dbt_tests": {"built": BuildResult([FAILED_TEST])},
    "row_accounts": {"rows_in_file": 2},
    "tables_and_periods": {"tables": {name: query for name, query in TABLES.items() if name != "fct_flag"}},
    "identifiers": {
        "tables": {**TABLES, "fct_quality": "select '999000199003070011' as rule_id, 1::bigint as rows_failed"}
    },
}


@pytest.mark.parametrize("gate", BREAKERS)
def test_a_failed_gate_leaves_every_published_byte_as_it_was(working: Working, home: Home, gate: str) -> None:
    working.publish()
    before = snapshot(home.published)
    with pytest.raises(GateFailed) as failed:
        replace(with_numerator(working, 114), **BREAKERS[gate]).publish()
    assert list(failed.value.findings) == [gate]
    assert snapshot(home.published) == before


@pytest.mark.parametrize("gate", BREAKERS)
def test_a_failed_gate_before_the_first_edition_publishes_nothing(working: Working, home: Home, gate: str) -> None:
    with pytest.raises(GateFailed):
        replace(working, **BREAKERS[gate]).publish()
    assert not home.published.exists() or snapshot(home.published) == {}


def test_a_crash_before_the_pointer_leaves_readers_with_the_old_edition(
    working: Working, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = working.publish()

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    for step in ("_write_database", "_write_manifest", "point_to"):
        with monkeypatch.context() as patched:
            patched.setattr(publish_module, step, crash)
            with pytest.raises(KeyboardInterrupt):
                with_numerator(working, 114).publish()
        assert read(home, "select edition_id from edition") == first.edition_id
    second = with_numerator(working, 114).publish()
    assert second.is_new
    assert read(home, "select numerator from fct_kpi limit 1") == 114
    assert list(home.editions.glob(".draft-*")) == []


def test_a_reader_keeps_its_edition_while_the_next_one_is_published(working: Working, home: Home) -> None:
    first = working.publish()
    with duckdb.connect(str(home.pointer), read_only=True) as reader:
        with_numerator(working, 114).publish()
        assert reader.execute("select edition_id from edition").fetchall() == [(first.edition_id,)]
        assert reader.execute("select distinct numerator from fct_kpi").fetchall() == [(113,)]


def test_a_pointer_to_nothing_is_mended_by_publishing(working: Working, home: Home) -> None:
    working.publish()
    home.pointer.unlink()
    home.pointer.symlink_to("editions/gone/warehouse.duckdb")
    assert working.publish().is_new
    assert read(home, "select count(*) from fct_kpi") == 6


def test_an_edition_can_be_opened_again_from_its_parquet_files(working: Working, home: Home) -> None:
    working.publish()
    folder = current_folder(home)
    assert folder is not None
    tables = edition_tables(home)
    (folder / "warehouse.duckdb").unlink()
    build_database(folder, tables)
    assert read(home, "select count(*) from fct_kpi") == 6
    assert read(home, "select comment from duckdb_tables() where table_name = 'edition'").startswith("本版本")


def test_only_tables_tagged_edition_are_published(working: Working, home: Home) -> None:
    working.publish()
    assert [table.name for table in edition_tables(home)] == sorted(TABLES)


# --- what does not change is not written again ------------------------------------------------------------------


FEBRUARY = TABLES["fct_kpi"].replace("2026-01-01", "2026-02-01")
BOTH_MONTHS = {
    **TABLES,
    "dim_period": TABLES["dim_period"].replace(
        "('month', date '2026-01-01'", "('month', date '2026-02-01', date '2026-02-28', '2026年2月'), ('month', date '2026-01-01'"
    ),
    "fct_kpi": f"{TABLES['fct_kpi']} union all {FEBRUARY}",
}


def files_of(home: Home) -> dict[str, int]:
    """The files of the current edition's tables, by what they are on the disk."""
    folder = current_folder(home)
    assert folder is not None
    return {str(path.relative_to(folder)): path.stat().st_ino for path in folder.rglob("*.parquet")}


def test_a_new_month_leaves_the_files_of_the_months_before_as_they_are(working: Working, home: Home) -> None:
    working.publish()
    before = files_of(home)
    replace(working, tables=BOTH_MONTHS).publish()
    after = files_of(home)
    assert {name for name in after if after[name] != before.get(name)} == {
        "dim_period.parquet", "edition.parquet", "fct_kpi/2026-02.parquet",
    }  # fmt: skip


@pytest.mark.parametrize("is_by_parts", [True, False], ids=["by parts", "afresh"])
def test_the_database_is_the_same_whether_made_from_the_last_one_or_afresh(
    working: Working, home: Home, is_by_parts: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace(working, tables=BOTH_MONTHS).publish()
    later = {**BOTH_MONTHS, "fct_kpi": f"{TABLES['fct_kpi'].replace('113', '114')} union all {FEBRUARY}"}
    if not is_by_parts:
        monkeypatch.setattr(publish_module, "code_version", lambda: "other")
    else:
        monkeypatch.setattr(publish_module, "build_database", lambda *_: pytest.fail("built afresh"))
    replace(working, tables=later).publish()
    with duckdb.connect(str(home.pointer), read_only=True) as connection:
        found = connection.execute("select period, numerator, count(*) from fct_kpi group by all order by all").fetchall()
        comments = connection.execute("select count(*) from duckdb_columns() where comment is null and not internal").fetchall()
        assert parts_of(connection, TABLES) == in_files(current_folder(home))
    assert found == [(date(2026, 1, 1), 114, 6), (date(2026, 2, 1), 113, 6)]
    assert comments == [(0,)]


def in_files(folder: Path | None) -> list[Part]:
    """The parts of an edition as its Parquet files have them."""
    assert folder is not None
    with duckdb.connect() as connection:
        for table in TABLES:
            connection.execute(f"create table {table} as select * from '{table_files(folder, table)}'")
        return parts_of(connection, TABLES)


def test_a_month_that_is_no_more_is_taken_out(working: Working, home: Home) -> None:
    replace(working, tables=BOTH_MONTHS).publish()
    working.publish()
    assert "fct_kpi/2026-02.parquet" not in files_of(home)
    assert read(home, "select count(*) from fct_kpi where period = date '2026-02-01'") == 0


def test_a_damaged_file_is_written_anew_and_not_taken_over(working: Working, home: Home) -> None:
    working.publish()
    folder = current_folder(home)
    assert folder is not None
    for name in ("fct_kpi/2026-01.parquet", "warehouse.duckdb"):
        path = folder / name
        path.write_bytes(path.read_bytes()[:-9])
    replace(working, tables=BOTH_MONTHS).publish()
    assert parts_of(duckdb.connect(str(home.pointer), read_only=True), TABLES) == in_files(current_folder(home))


def test_an_identity_number_is_found_in_a_new_month(working: Working) -> None:
    working.publish()
    planted = FEBRUARY.replace("'missed' as status", "'999000199003070011' as status")
    with pytest.raises(GateFailed) as failed:
        replace(working, tables={**BOTH_MONTHS, "fct_kpi": f"{TABLES['fct_kpi']} union all {planted}"}).publish()
    assert failed.value.findings == {"identifiers": ["fct_kpi.status"]}


# --- what is kept -------------------------------------------------------------------------------------------


def age(home: Home, edition_id: str, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(home.editions / edition_id / "warehouse.duckdb", (then, then))


def databases(home: Home) -> list[str]:
    return sorted(path.parent.name for path in home.editions.glob("*/warehouse.duckdb"))


def test_the_current_database_and_the_last_three_stay_and_of_older_ones_the_tables(
    working: Working, home: Home
) -> None:
    editions = []
    for numerator in range(100, 105):
        editions.append(with_numerator(working, numerator).publish().edition_id)
        age(home, editions[-1], 3600)
    assert databases(home) == editions[-4:]
    folder = home.editions / editions[0]
    kept = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert kept == {MANIFEST, SEAL, *FILES}
    assert json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["edition_id"] == editions[0]


def test_a_database_superseded_minutes_ago_stays_however_old_it_is(working: Working, home: Home) -> None:
    first = working.publish().edition_id
    age(home, first, 90 * 24 * 3600)
    for numerator in range(100, 104):
        with_numerator(working, numerator).publish()
    assert first in databases(home)
    assert len(databases(home)) == 5
