"""A whole run with its operational store in PostgreSQL gives what it gives with SQLite."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy.engine import URL

from pipelines.publish import current_manifest
from pipelines.run import run
from pipelines.settings import Home
from pipelines.verify import verify
from tests.flow.conftest import AS_OF
from tests.support.postgres import new_database


def test_a_run_with_its_ledger_in_postgresql_publishes_the_same(
    delivered: Home, published: Home, copy_of: Callable[[Home], Home], postgres: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = copy_of(delivered)
    with new_database(postgres) as url:
        monkeypatch.setenv("WAREHOUSE_STORE", url)
        first, again = run(home, as_of=AS_OF), run(home, as_of=AS_OF)
        assert verify(home).damages == []
    assert first.publication is not None and first.publication.is_new
    assert (again.publication is not None and again.publication.is_new, again.files) == (False, [])
    assert not home.store.exists()
    manifest, expected = current_manifest(home), current_manifest(published)
    assert manifest is not None and expected is not None
    assert manifest["content_hash"] == expected["content_hash"]
