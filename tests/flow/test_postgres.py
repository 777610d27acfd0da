"""With its operational store in PostgreSQL a county gives what it gives with SQLite, whoever of its suppliers comes first."""

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


def test_supplier_after_supplier_with_the_ledger_in_postgresql_gives_the_edition_of_one_run(
    delivered: Home, published: Home, copy_of: Callable[[Home], Home], postgres: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = copy_of(delivered)
    waiting = home.landing.rename(home.root / "waiting")
    home.landing.mkdir()
    with new_database(postgres) as url:
        monkeypatch.setenv("WAREHOUSE_STORE", url)
        for suppliers in ("grid_*", "*"):
            for folder in list(waiting.glob(suppliers)):
                folder.rename(home.landing / folder.name)
            taken = run(home, as_of=AS_OF)
            assert taken.files != [] and taken.publication is not None and taken.publication.is_new
        again = run(home, as_of=AS_OF)
        assert verify(home).damages == []
    assert (again.publication is not None and again.publication.is_new, again.files) == (False, [])
    assert not home.store.exists()
    manifest, expected = current_manifest(home), current_manifest(published)
    assert manifest is not None and expected is not None
    assert manifest["content_hash"] == expected["content_hash"]
