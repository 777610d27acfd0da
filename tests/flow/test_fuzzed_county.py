"""Requests drawn at random at a county with delivered rows and tickets: nothing fails, and nobody who was delivered is told."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import pytest

from dashboards.access import Access
from dashboards.server import create_app
from pipelines.settings import Home
from pipelines.stewardship.open_rows import open_rows
from pipelines.store import Store
from tests.support.doors import add_accounts, signed_in
from tests.support.fuzzing import IDENTITY, assert_nothing_fails


def test_no_request_makes_a_county_fail_or_tell_of_its_people(
    published: Home, copy_of: Callable[[Home], Home], caplog: pytest.LogCaptureFixture
) -> None:
    home = copy_of(published)
    add_accounts(home)
    with closing(Store.of(home)) as store:
        rows = open_rows(home, store).head(20)
    forms = [f"/steward/row/{batch}/{number}" for batch, number in rows.select("batch_id", "row_number").iter_rows()]
    forms += [f"/steward/{what}/{number}" for what in ("ticket", "decisions") for number in range(1, 4)]
    known = [*rows["batch_id"], *map(str, rows["row_number"]), *rows["rules"].explode(), *rows["supplier_id"], *map(str, range(1, 9)), "2026-02"]
    delivered = "".join(path.read_bytes().decode("latin-1") for path in home.landing.rglob("*.csv"))
    people = frozenset(IDENTITY.findall(delivered))
    assert len(people) > 1000
    app = create_app(home.published, Access("sign-in"))
    assert_nothing_fails(app, signed_in(app), home.root, caplog, forms=forms, known=known, untold=people)
