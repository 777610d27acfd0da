"""What several unit tests start from: the small edition, a tiny data root with a backup of it, an empty database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from flask.testing import FlaskClient

from dashboards.facts import Facts
from dashboards.server import Site, create_app
from pipelines.backup import create
from pipelines.backup_folder import Backup
from pipelines.county import County
from pipelines.settings import Home
from tests.support.edition import build_edition
from tests.support.kept import keep_everything


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """The small edition as it is served, in a data root of the test's own."""
    build_edition(tmp_path / "published")
    return tmp_path / "published"


@pytest.fixture(scope="session")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same for tests that only look. Not to be changed."""
    folder = tmp_path_factory.mktemp("shown") / "published"
    build_edition(folder)
    return folder


@pytest.fixture(scope="session")
def site(shown: Path) -> Site:
    """The pages of the edition that is only looked at."""
    return Site(shown)


@pytest.fixture
def facts(site: Site) -> Facts:
    """What these pages are drawn from."""
    return Facts(site.reader.current())


@pytest.fixture(scope="session")
def viewer(shown: Path) -> FlaskClient:
    """Somebody who only looks at them."""
    made: FlaskClient = create_app(shown).server.test_client()
    return made


@pytest.fixture
def client(published: Path) -> FlaskClient:
    """Somebody who looks at the test's own edition and works with it."""
    made: FlaskClient = create_app(published).server.test_client()
    return made


@pytest.fixture
def kept(home: Home, county: County) -> Home:
    """A tiny data root with something of all that one may hold."""
    keep_everything(home, county)
    return home


@pytest.fixture
def to(tmp_path: Path) -> Path:
    """Where its backups go."""
    return tmp_path / "backups"


@pytest.fixture
def backup(kept: Home, to: Path) -> Backup:
    return create(kept, to).backup


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty database in memory."""
    with duckdb.connect() as opened:
        yield opened
