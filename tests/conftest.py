"""What tests of every level share: an empty data root, a pseudonym key, a county of two towns, a PostgreSQL server, what is made once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from pipelines.county import County
from pipelines.keys import Key
from pipelines.settings import Home
from pipelines.store import Store
from tests.support.postgres import NoPostgres, new_database, postgres_server
from tests.support.shared import shared_folder

# Pages are tested without signing in, also by the servers that tests start; tests of access say otherwise themselves.
os.environ["WAREHOUSE_ACCESS"] = "none"


def pytest_configure(config: pytest.Config) -> None:
    """The first process of a session makes the folder that all share; workers are started by it, and find it."""
    if not hasattr(config, "workerinput"):
        session = ExitStack()
        session.enter_context(shared_folder())
        config.add_cleanup(session.close)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty data root, never the repository's own."""
    return Home(tmp_path / "data")


@pytest.fixture
def key() -> Key:
    return Key("hmac-sha256:test", bytes(range(32)))


@pytest.fixture
def county() -> County:
    """Two towns with a grid supplier each, and one supplier of every other agency for the whole county."""
    grids = ("grid_610629101", "grid_610629102")
    agencies = {"county_household": "610629", "county_police": "610629", "county_civil": "610629"}
    covers = {**agencies, grids[0]: "610629101", grids[1]: "610629102"}
    expected = {
        "household_households": ("county_household",),
        "household_persons": ("county_household",),
        "police_residence_registrations": ("county_police",),
        "civil_communities": ("county_civil",),
        "civil_facilities": ("county_civil",),
        "grid_grids": grids,
        "grid_residents": grids,
        "grid_disputes": grids,
    }
    return County.model_validate(
        {
            "county_code": "610629",
            "name_zh": "洛川县",
            "sample": True,
            "first_period": "2026-01",
            "packs": ["C", "D3"],
            "suppliers": [{"id": id, "name_zh": id, "covers": [code]} for id, code in covers.items()],
            "expected": [
                {"dataset": dataset, "suppliers": suppliers, "due_day": 5} for dataset, suppliers in expected.items()
            ],
        }
    )


@pytest.fixture(scope="session")
def postgres() -> Iterator[URL]:
    """A PostgreSQL server; without one the tests skip with the reason, which WAREHOUSE_REQUIRE_POSTGRES=1 makes a failure."""
    try:
        with postgres_server() as url:
            yield url
    except NoPostgres as error:
        if os.environ.get("WAREHOUSE_REQUIRE_POSTGRES") == "1":
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, home: Home) -> Iterator[str]:
    """Where an operational store may be made: a file in the data root, and a database of its own."""
    if request.param == "sqlite":
        yield f"sqlite:///{home.store}"
        return
    with new_database(request.getfixturevalue("postgres")) as url:
        yield url


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """An empty operational store, on either database."""
    with closing(Store(store_url)) as store:
        yield store
