"""A small sample county, generated and run once for every flow test."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from pipelines.run import run
from pipelines.sample import generate
from pipelines.settings import Home
from tests.support.planted import Leaky, make_leaky
from tests.support.shared import made_once

AS_OF = date(2026, 11, 22)
MONTHS = 3


def deliver_sample(home: Home) -> None:
    """Landing, county.yml and truth of a county of 3,000 people."""
    generate(home, "610629", people=3_000, months=MONTHS, seed=7, as_of=AS_OF)


@pytest.fixture(scope="session")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Landing, county.yml and truth of a county of 3,000 people; nothing is taken in yet. Not to be changed."""
    made = made_once("delivered", lambda folder: deliver_sample(Home(folder)))
    return copied(Home(made), tmp_path_factory.mktemp("delivered"))


@pytest.fixture(scope="session")
def published(delivered: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The same county after one run over everything. Not to be changed."""

    def _publish(folder: Path) -> None:
        shutil.copytree(delivered.root, folder, symlinks=True)
        run(Home(folder), as_of=AS_OF)

    return copied(Home(made_once("published", _publish)), tmp_path_factory.mktemp("published"))


@pytest.fixture(scope="session")
def leaky(published: Home, tmp_path_factory: pytest.TempPathFactory) -> Leaky:
    """The county after a run over deliveries into which people were planted."""

    def _plant(folder: Path) -> None:
        made = make_leaky(copied(published, folder), AS_OF)
        (folder / "leaky.pickle").write_bytes(pickle.dumps(made))

    made = made_once("leaky", _plant)
    found: Leaky = pickle.loads((made / "leaky.pickle").read_bytes())
    return replace(found, home=copied(Home(made / "data"), tmp_path_factory.mktemp("leaky")))


@pytest.fixture
def copy_of(tmp_path: Path) -> Callable[[Home], Home]:
    """A copy of a data root that a test may change."""
    return lambda home: copied(home, tmp_path)


def copied(home: Home, folder: Path) -> Home:
    """The data root once more, in this folder."""
    copy = Home(folder / "data")
    shutil.copytree(home.root, copy.root, symlinks=True)
    return copy
