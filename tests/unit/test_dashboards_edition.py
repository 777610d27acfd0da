"""Readers always get the edition that the pointer names, or the last one that could be opened."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from dashboards.edition import EditionReader, EditionUnreadable, NoEdition
from tests.support.edition import SMALL, build_edition, switch

LATER = replace(SMALL, edition_id="2026-08-15-002", county_name="洛川县（更新）")


def test_a_switched_pointer_is_followed_in_the_same_process(tmp_path: Path) -> None:
    build_edition(tmp_path)
    reader = EditionReader(tmp_path)
    before = reader.current()
    assert before.info.edition_id == SMALL.edition_id
    build_edition(tmp_path, LATER)
    assert reader.current().info.county_name == "洛川县（更新）"
    switch(tmp_path, SMALL.edition_id)
    assert reader.current().info.edition_id == SMALL.edition_id


def test_answers_are_remembered_by_edition(tmp_path: Path) -> None:
    build_edition(tmp_path)
    reader = EditionReader(tmp_path)
    question = "select county_name from edition"
    first = reader.current()
    assert first.frame(question) is first.frame(question)
    build_edition(tmp_path, LATER)
    assert reader.current().frame(question).item() == "洛川县（更新）"
    assert first.frame(question).item() == "洛川县"


def test_many_threads_ask_one_edition_at_once(tmp_path: Path) -> None:
    build_edition(tmp_path)
    edition = EditionReader(tmp_path).current()

    def count(number: int) -> object:
        return edition.frame(f"select count(*) + {number} from fct_kpi").item() - number

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(count, range(64)))) == 1


def test_without_an_edition_the_reader_is_told_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(NoEdition) as missing:
        EditionReader(tmp_path / "published").current()
    assert "warehouse run" in missing.value.advice.en


def test_a_pointer_to_nothing_is_no_empty_warehouse(tmp_path: Path) -> None:
    (tmp_path / "warehouse.duckdb").symlink_to("editions/gone/warehouse.duckdb")
    with pytest.raises(EditionUnreadable):
        EditionReader(tmp_path).current()


def test_a_damaged_file_is_reported_as_such(tmp_path: Path) -> None:
    folder = build_edition(tmp_path)
    (folder / "warehouse.duckdb").write_bytes(b"not a database" * 500)
    with pytest.raises(EditionUnreadable) as refused:
        EditionReader(tmp_path).current()
    assert str(tmp_path) not in refused.value.en


def test_a_file_without_the_edition_row_is_unreadable(tmp_path: Path) -> None:
    import duckdb

    folder = tmp_path / "editions" / "empty"
    folder.mkdir(parents=True)
    with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
        connection.execute("create table edition (edition_id varchar)")
    switch(tmp_path, "empty")
    with pytest.raises(EditionUnreadable):
        EditionReader(tmp_path).current()


def test_the_last_good_edition_stays_visible_when_the_pointer_breaks(tmp_path: Path) -> None:
    build_edition(tmp_path)
    reader = EditionReader(tmp_path)
    assert reader.current_or_last()[1] is False
    (tmp_path / "warehouse.duckdb").unlink()
    edition, is_stale = reader.current_or_last()
    assert (edition.info.edition_id, is_stale) == (SMALL.edition_id, True)
