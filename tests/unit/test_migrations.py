"""The operational store comes to the newest schema by itself, from any older one, and is left alone by older code."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from pipelines import (
    account_store,
    alert_store,
    audit_log,
    follow_up_store,
    migrations,
    objection_store,
    sessions,
)
from pipelines.migrations import FOLDER, HEAD, REVISIONS, NewerStore, revision_of
from pipelines.settings import Home
from pipelines.stewardship import decision_store, rule_change_store, tickets
from pipelines.store import NoStore, Store, delivery, metadata
from tests.support.kept import COLUMNS_ADDED_LATER

LEDGER = ("run", "delivery", "batch", "slot", "landed", "rule_result")


@pytest.fixture
def engine(store_url: str) -> Iterator[sa.Engine]:
    """Into the store beside the code under test."""
    engine = sa.create_engine(store_url)
    yield engine
    engine.dispose()


def made_before_there_were_steps(home: Home) -> None:
    """The ledger's tables with one run in them, as they were created before there were migrations."""
    home.store.parent.mkdir(parents=True)
    engine = sa.create_engine(f"sqlite:///{home.store}")
    metadata.create_all(engine, tables=[metadata.tables[name] for name in LEDGER])
    with engine.begin() as connection:
        for table, later in COLUMNS_ADDED_LATER:
            connection.execute(sa.text(f"alter table {table} drop column {later}"))
        connection.execute(metadata.tables["run"].insert().values(run_id="r1", started_at="t", as_of="2026-02-11"))
    engine.dispose()


def test_a_new_store_has_exactly_the_tables_that_the_code_declares(store_url: str, engine: sa.Engine) -> None:
    Store(store_url).close()
    for module in (account_store, alert_store, audit_log, decision_store, follow_up_store, objection_store, rule_change_store, sessions, tickets):
        assert any(table.metadata is metadata for table in vars(module).values() if isinstance(table, sa.Table))
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata) == []


def test_steps_follow_each_other_in_the_order_of_their_numbers() -> None:
    walked = [script.revision for script in ScriptDirectory(str(FOLDER)).walk_revisions()]
    assert walked[::-1] == REVISIONS


def test_a_store_made_before_there_were_steps_keeps_what_it_holds(home: Home) -> None:
    made_before_there_were_steps(home)
    store = Store.at(home.store)
    last = store.last_run()
    assert last is not None and last["run_id"] == "r1"
    assert follow_up_store.FollowUp(store).tasks() == []
    with store.engine.connect() as connection:
        assert revision_of(connection) == HEAD
    store.close()


def test_opening_again_changes_nothing(store_url: str) -> None:
    first = Store(store_url)
    first.start_run("r1", date(2026, 2, 11))
    first.close()
    again = Store(store_url)
    assert again.last_run() is not None
    again.close()


def test_many_may_open_a_new_store_at_once(store_url: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        for store in pool.map(lambda _: Store(store_url), range(8)):
            assert store.deliveries() == []
            store.close()


def test_a_store_of_a_newer_version_is_refused_and_left_as_it_is(store_url: str, engine: sa.Engine) -> None:
    Store(store_url).close()
    with engine.begin() as connection:
        connection.execute(sa.text("update alembic_version set version_num = '9999_later'"))
    for read_only in (False, True):
        with pytest.raises(NewerStore, match="9999_later") as refused:
            Store(store_url, read_only=read_only)
        assert "更新版本" in refused.value.zh
    with engine.connect() as connection:
        assert revision_of(connection) == "9999_later"


def test_a_step_that_fails_leaves_the_store_as_it_was(
    store_url: str, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def upgrade_and_fail(connection: sa.Connection) -> None:
        migrations.upgrade(connection)
        raise RuntimeError("the power goes off")

    with monkeypatch.context() as patched:
        patched.setattr("pipelines.store.upgrade", upgrade_and_fail)
        with pytest.raises(RuntimeError):
            Store(store_url)
    assert sa.inspect(engine).get_table_names() == []
    Store(store_url).close()


def test_a_store_opened_for_reading_cannot_be_written(store_url: str) -> None:
    Store(store_url).close()
    store = Store(store_url, read_only=True)
    assert store.deliveries() == []
    with pytest.raises(sa.exc.DBAPIError), store.transaction() as connection:
        connection.execute(delivery.delete())
    store.close()


def test_for_reading_nothing_is_made_and_no_schema_changed(home: Home) -> None:
    with pytest.raises(NoStore):
        Store.of(home, read_only=True)
    assert not home.store.exists()
    made_before_there_were_steps(home)
    with pytest.raises(NoStore):
        Store.of(home, read_only=True)
    with sqlite3.connect(home.store) as connection:
        tables = {name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")}
    assert tables == set(LEDGER)


def test_the_store_may_be_a_database_elsewhere(home: Home, store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAREHOUSE_STORE", store_url)
    store = Store.of(Home(home.root / "other"))
    store.start_run("r1", date(2026, 2, 11))
    store.close()
    again = Store(store_url)
    assert again.last_run() is not None
    again.close()
    assert not (home.root / "other").exists()


def test_an_open_store_is_opened_without_loading_what_makes_schemas(home: Home) -> None:
    Store.at(home.store).close()
    code = "import sys; from pathlib import Path; from pipelines.store import Store; " + (
        f"Store.at(Path({str(home.store)!r})).close(); print('alembic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
