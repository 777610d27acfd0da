"""A run that is killed at any step to the disk has lost and torn nothing: the next one mends it without hand work.

`WAREHOUSE_KILLS=500` kills as often, spread over all steps.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.dbt_child.invoke import parse
from pipelines.dbt_project import keep_parsed, project_digest
from pipelines.publish import current_manifest
from pipelines.run import run
from pipelines.settings import Home
from pipelines.store import Store
from pipelines.verify import verify
from tests.support.dying import AS_OF, dead_at, steps_of
from tests.support.shared import made_once

KILLS = int(os.environ.get("WAREHOUSE_KILLS", "6"))
DATASETS = ("civil_communities", "civil_facilities", "grid_grids", "grid_disputes", "household_households")
CopyOf = Callable[[Home], Home]


def state(home: Home) -> tuple[object, ...]:
    """What a run leaves: the edition's content, the file that is current in each slot, and what became of each file."""
    manifest, store = current_manifest(home), Store.of(home)
    log, slots = store.deliveries(), store.slots()
    store.close()
    files = {entry["batch_id"]: entry["file_hash"] for entry in log}
    current = {slot: row["batch_id"] and files[row["batch_id"]] for slot, row in slots.items()}
    return manifest and manifest["content_hash"], current, sorted((entry["file_hash"], entry["outcome"]) for entry in log)


@pytest.fixture(scope="module")
def small(delivered: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The sample county with one month of a few datasets, and what dbt parsed."""

    def _prune(folder: Path) -> None:
        shutil.copytree(delivered.root, folder, symlinks=True)
        for place in Home(folder).landing.glob("*/*/*"):
            if place.name != "2026-01" or place.parent.name not in DATASETS:
                shutil.rmtree(place)
        keep_parsed(Home(folder), parse(Home(folder)), project_digest())  # which every child would do otherwise

    return Home(made_once("few-files", _prune))


def test_whenever_a_run_is_killed_the_next_one_gives_what_an_undisturbed_one_gives(
    small: Home, copy_of: CopyOf, tmp_path: Path
) -> None:
    whole = copy_of(small)
    steps, undisturbed = steps_of(whole), state(whole)
    assert undisturbed[0] and steps > 20
    shutil.rmtree(whole.root)
    # both ends, and as evenly between them as kills allow
    kills = sorted({1 + number * (steps - 1) // max(1, KILLS - 1) for number in range(KILLS)})
    seen = []
    for at, home in dead_at(copy_of(small), kills, tmp_path / "dead"):
        visible = current_manifest(home) if home.pointer.exists() else None
        assert visible is None or visible["content_hash"] == undisturbed[0], at
        run(home, as_of=AS_OF)
        assert state(home) == undisturbed, at
        assert verify(home).damages == [], at
        seen.append(at)
    assert seen == kills
