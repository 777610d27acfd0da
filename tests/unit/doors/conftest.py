"""A signed-in county for every file of tests of the doors, and a browser of every identity."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from dash import Dash
from flask.testing import FlaskClient

from dashboards.access import Access
from dashboards.server import create_app
from pipelines.accounts import ROLES
from pipelines.settings import Home
from pipelines.store import Store
from tests.support.doors import IDENTITIES, build_doors, sign_in


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_doors(tmp_path_factory.mktemp("doors"))


@pytest.fixture(scope="module")
def app(published: Path) -> Dash:
    return create_app(published, Access("sign-in"))


@pytest.fixture(scope="module")
def clients(app: Dash) -> dict[str, FlaskClient]:
    """A browser of every identity."""
    made = {name: app.server.test_client() for name in IDENTITIES}
    for role in ROLES:
        assert sign_in(made[role], role).status_code == 303
    return made


@pytest.fixture
def store(published: Path) -> Iterator[Store]:
    store = Store.of(Home(published.parent))
    yield store
    store.close()
