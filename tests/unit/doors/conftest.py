"""A signed-in county for every file of tests of the doors, and a browser of every identity."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from dash import Dash
from flask.testing import FlaskClient

from dashboards.access import Access
from dashboards.server import create_app
from pipelines.settings import Home
from pipelines.store import Store
from tests.support.doors import build_doors, signed_in


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_doors(tmp_path_factory.mktemp("doors"))


@pytest.fixture(scope="module")
def app(published: Path) -> Dash:
    return create_app(published, Access("sign-in"))


@pytest.fixture(scope="module")
def clients(app: Dash) -> dict[str, FlaskClient]:
    """A browser of every identity."""
    return signed_in(app)


@pytest.fixture
def store(published: Path) -> Iterator[Store]:
    store = Store.of(Home(published.parent))
    yield store
    store.close()
