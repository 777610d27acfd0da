"""Kept editions: listed, found by how their id begins, opened again where only their tables were kept."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta, tzinfo
from itertools import count
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from pipelines import publish as publish_module
from pipelines.cli import app
from pipelines.county import County
from pipelines.editions import find_edition, last_two, list_editions, open_edition
from pipelines.errors import WarehouseError
from pipelines.explain import explain
from pipelines.publish import drop_opened
from pipelines.settings import Home
from pipelines.verify import verify
from tests.support.working import TABLES, Working


class Clock(datetime):
    """A clock that is a minute further at every look, so that editions of one test have an order."""

    minutes: Iterator[int]

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Clock:  # type: ignore[override]
        return cls(2026, 2, 11, 8, tzinfo=tz) + timedelta(minutes=next(cls.minutes))


@pytest.fixture
def ids(home: Home, county: County, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Three editions, of the first of which the DuckDB file was dropped."""
    Clock.minutes = count()
    monkeypatch.setattr(publish_module, "datetime", Clock)
    monkeypatch.setenv("WAREHOUSE_HOME", str(home.root))
    working = Working(home, county)
    kpis = f"select *, ['county', 'street', 'community'] as levels from ({TABLES['dim_kpi']})"
    made = []
    for numerator in (113, 114, 115):
        tables = {**TABLES, "dim_kpi": kpis, "fct_kpi": TABLES["fct_kpi"].replace("113", str(numerator))}
        made.append(replace(working, tables=tables).publish().edition_id)
    (home.editions / made[0] / "warehouse.duckdb").unlink()
    return made


def test_editions_are_listed_from_the_oldest_with_what_is_kept_of_each(home: Home, ids: list[str]) -> None:
    editions = list_editions(home)
    assert [edition.id for edition in editions] == ids
    assert [edition.is_current for edition in editions] == [False, False, True]
    assert [edition.has_database for edition in editions] == [False, True, True]
    assert {(edition.as_of, edition.figures) for edition in editions} == {(date(2026, 2, 11), 6)}


def test_an_edition_says_which_settings_it_was_computed_with(home: Home, county: County, ids: list[str]) -> None:
    assert [County.model_validate(edition.manifest["county"]) for edition in list_editions(home)] == [county] * 3


def test_a_draft_and_a_folder_without_manifest_are_no_editions(home: Home, ids: list[str]) -> None:
    draft = home.editions / ".draft-1"
    draft.mkdir()
    (draft / "manifest.json").write_text("{}", "utf-8")
    (home.editions / "empty").mkdir()
    assert [edition.id for edition in list_editions(home)] == ids


def test_an_edition_is_found_by_how_its_id_begins_if_no_other_begins_so(home: Home, ids: list[str]) -> None:
    assert find_edition(home, ids[1]).id == ids[1]
    assert find_edition(home, ids[1][:15]).id == ids[1]
    for wanted in (ids[1][:8], "1999"):
        with pytest.raises(WarehouseError) as error:
            find_edition(home, wanted)
        assert ids[2] in error.value.en


def test_the_last_two_are_compared_and_one_alone_cannot_be(home: Home, ids: list[str]) -> None:
    assert [edition.id for edition in last_two(home)] == ids[1:]
    with pytest.raises(WarehouseError):
        explain(home, find_edition(home, ids[0]), find_edition(home, ids[0]))
    with pytest.raises(WarehouseError):
        last_two(Home(home.root / "other"))


def test_a_dropped_file_is_built_again_beside_the_editions_with_the_edition_untouched(home: Home, ids: list[str]) -> None:
    pointed_to, kept = home.pointer.readlink(), sorted(path.name for path in (home.editions / ids[0]).iterdir())
    opened = open_edition(home, find_edition(home, ids[0]))
    with duckdb.connect(str(opened), read_only=True) as connection:
        numerators = connection.execute("select distinct numerator from fct_kpi").fetchall()
        named = connection.execute("select edition_id from edition").fetchall()
        comment = connection.execute("select comment from duckdb_tables() where table_name = 'fct_kpi'").fetchall()
        tables = connection.execute("select count(*) from duckdb_tables()").fetchall()
    assert (numerators, named, comment) == ([(113,)], [(ids[0],)], [("说明 / what it's for",)])
    assert tables == [(len(TABLES) + 1,)]
    assert sorted(path.name for path in (home.editions / ids[0]).iterdir()) == kept
    assert home.pointer.readlink() == pointed_to
    assert [damage for damage in verify(home).damages if damage.what == "edition"] == []
    assert [path.name for path in opened.parent.iterdir()] == [f"{ids[0]}.duckdb"]


def test_opening_twice_gives_the_same_file_and_a_kept_one_is_the_editions_own(home: Home, ids: list[str]) -> None:
    first = open_edition(home, find_edition(home, ids[0]))
    built = first.stat().st_ino
    assert open_edition(home, find_edition(home, ids[0])) == first and first.stat().st_ino == built
    assert open_edition(home, find_edition(home, ids[1])) == home.editions / ids[1] / "warehouse.duckdb"


def test_an_edition_with_tables_that_are_no_more_is_opened_as_it_was(home: Home, ids: list[str]) -> None:
    with duckdb.connect() as connection:
        path = home.editions / ids[0] / "fct_former.parquet"
        connection.execute(f"copy (select 1 as former_column) to '{path}' (format parquet)")
    with duckdb.connect(str(open_edition(home, find_edition(home, ids[0]))), read_only=True) as connection:
        assert connection.execute("select former_column from fct_former").fetchall() == [(1,)]


def test_the_command_lists_editions_for_people_and_for_machines(ids: list[str]) -> None:
    listed = CliRunner().invoke(app, ["editions", "list", "--json"])
    editions = json.loads(listed.stdout)["editions"]
    assert [edition["edition_id"] for edition in editions] == ids
    assert [edition["has_database"] for edition in editions] == [False, True, True]
    shown = CliRunner().invoke(app, ["editions", "list"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0


def test_the_command_prints_nothing_but_the_path(home: Home, ids: list[str]) -> None:
    opened = CliRunner().invoke(app, ["editions", "open", ids[0][:15]])
    assert Path(opened.stdout.strip()) == home.published / "opened" / f"{ids[0]}.duckdb"
    assert Path(opened.stdout.strip()).exists()


def test_a_file_of_a_past_edition_is_dropped_once_nobody_asked_for_it_for_a_day(home: Home, ids: list[str]) -> None:
    opened = open_edition(home, find_edition(home, ids[0]))
    draft = home.opened / ".draft-of-a-dead-process"
    draft.mkdir()
    _age(draft, hours=30)
    _age(opened, hours=30)
    assert open_edition(home, find_edition(home, ids[0])) == opened  # asked for again: it stays
    assert [path.name for path in home.opened.iterdir()] == [opened.name]
    _age(opened, hours=23)
    drop_opened(home)
    assert opened.exists()
    _age(opened, hours=25)
    drop_opened(home)
    assert list(home.opened.iterdir()) == []


def _age(path: Path, *, hours: float) -> None:
    then = time.time() - hours * 3600
    os.utime(path, (then, then))
