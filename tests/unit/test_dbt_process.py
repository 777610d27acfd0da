"""The child that runs dbt: it answers for the data root it is asked about, its death is told, and it never outlives who asks."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from pipelines.dbt_child.protocol import BuildFailed, without_values
from pipelines.dbt_process import begin, end, prepare, run_models
from pipelines.settings import REPO, Home

ASKING = """
from pathlib import Path
from pipelines.dbt_process import begin
from pipelines.settings import Home
begin(Home(Path({root!r})))
input()
"""


@pytest.fixture(autouse=True)
def ended() -> Iterator[None]:
    """No child before, none after."""
    end()
    yield
    end()


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What dbt parsed of the project: to parse it anew takes seconds."""
    home = Home(tmp_path_factory.mktemp("parsed"))
    prepare(home)
    return home.dbt


@pytest.fixture
def home(parsed: Path, tmp_path: Path) -> Home:
    """A data root that has this and nothing else."""
    home = Home(tmp_path / "data")
    shutil.copytree(parsed, home.dbt)
    return home


def child() -> psutil.Process:
    for _ in range(600):  # while a process starts, it has no command line for a moment
        for one in psutil.Process().children():
            if "pipelines.dbt_child.worker" in one.cmdline():
                return one
        time.sleep(0.05)
    pytest.fail("no child runs")


def test_the_same_child_serves_every_data_root(home: Home, tmp_path: Path) -> None:
    begin(home)
    served_by, other = child(), Home(tmp_path / "other")
    prepare(other)
    assert child() == served_by
    assert other.manifest.exists()


def test_a_node_that_fails_is_told_with_what_the_engine_says(home: Home) -> None:
    nodes = run_models(home, ["--no-write-json", "--select", "+unit_months"])
    failed = next(node for node in nodes if node.name == "calendar")
    assert failed.status == "error" and failed.seconds > 0
    assert "No files found" in failed.message and str(home.root) not in failed.message


def test_of_what_the_engine_says_no_value_is_told() -> None:
    said = "Conversion Error: Could not convert string '洛川县' to INT32\nLINE 1\nLINE 2\nLINE 3"
    assert without_values(said) == "Conversion Error: Could not convert string '…' to INT32 LINE 1 LINE 2"


def test_what_dbt_does_not_understand_is_a_build_that_failed(home: Home) -> None:
    with pytest.raises(BuildFailed, match="No such option"):
        run_models(home, ["--no-such-option"])


def test_settings_are_those_of_who_asks_at_that_moment(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(home)
    monkeypatch.setenv("WAREHOUSE_TARGET", "nowhere")
    with pytest.raises(BuildFailed, match="target"):
        run_models(home, ["--select", "unit_months"])


def test_a_child_that_dies_meanwhile_is_a_build_that_failed_and_the_next_one_has_another(home: Home) -> None:
    begin(home)
    dying = child()
    threading.Timer(0.5, dying.kill).start()
    with pytest.raises(BuildFailed, match="exit code -9"):
        run_models(home, ["--select", "unit_months"])
    prepare(home)
    assert child() != dying


def test_a_child_that_died_before_it_was_asked_is_replaced(home: Home) -> None:
    begin(home)
    dead = child()
    dead.kill()
    psutil.wait_procs([dead], timeout=10)
    prepare(home)
    assert child() != dead


def test_an_interrupt_ends_the_child_with_what_it_does(home: Home) -> None:
    begin(home)
    busy = child()
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        prepare(home)
    assert not busy.is_running()


def test_it_ends_when_who_asks_is_killed_whatever_it_is_doing(home: Home) -> None:
    asking = subprocess.Popen(
        [sys.executable, "-c", ASKING.format(root=str(home.root))],
        cwd=REPO, stdin=subprocess.PIPE,
    )  # fmt: skip
    try:
        for _ in range(600):
            if children := psutil.Process(asking.pid).children():
                break
            time.sleep(0.05)
        time.sleep(1)  # it imports dbt now
    finally:
        asking.kill()
        asking.communicate()
    gone, alive = psutil.wait_procs(children, timeout=10)
    assert gone and not alive
