"""Readers in other processes while editions are published: each sees one edition, whole, at every look.

`WAREHOUSE_READERS=8 WAREHOUSE_EDITIONS=150` reads and publishes for minutes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipelines.county import County
from pipelines.settings import REPO, Home
from tests.support.working import TABLES, Working

READERS = int(os.environ.get("WAREHOUSE_READERS", "2"))
EDITIONS = int(os.environ.get("WAREHOUSE_EDITIONS", "6"))
WITHIN = 120.0
# Opens the pointer anew for each look, or keeps what it opened first, until the file `stop` is there.
READER = """
import json, sys
from pathlib import Path
import duckdb

pointer, stop, keeps = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] == "keeps"
kept = duckdb.connect(str(pointer.resolve()), read_only=True) if keeps else None
seen = []
print("ready", flush=True)
while not stop.exists():
    connection = kept or duckdb.connect(str(pointer.resolve()), read_only=True)
    look = [connection.execute(query).fetchall() for query in (
        "select edition_id from edition", "select distinct numerator::int from fct_kpi",
        "select distinct name_zh from dim_kpi order by 1", "select count(*) from fct_kpi",
    )]
    if not keeps:
        connection.close()
    if not seen or seen[-1] != look:
        seen.append(look)
print(json.dumps(seen))
"""


def working(home: Home, county: County, number: int) -> Working:
    """A warehouse of which the figures and the names of KPIs both tell which edition they are of."""
    kpis = TABLES["dim_kpi"].replace("甲率", f"甲率{number}").replace("乙率", f"乙率{number}")
    tables = {**TABLES, "dim_kpi": kpis, "fct_kpi": TABLES["fct_kpi"].replace("113", str(number))}
    return replace(Working(home, county), tables=tables)


@contextmanager
def reading(home: Home, stop: Path, how: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", READER, str(home.pointer), str(stop), how],
        cwd=REPO, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(WITHIN)


def looks(process: subprocess.Popen[str]) -> list[Any]:
    out, errors = process.communicate(timeout=WITHIN)
    assert process.returncode == 0, errors[-2000:]
    found: list[Any] = json.loads(out.splitlines()[-1])
    return found


@pytest.fixture
def stop(tmp_path: Path) -> Path:
    return tmp_path / "stop"


def test_every_look_from_another_process_is_at_one_whole_edition(home: Home, county: County, stop: Path) -> None:
    numbers = {working(home, county, 100).publish().edition_id: 100}
    with ExitStack() as at_work:
        readers = [at_work.enter_context(reading(home, stop, "opens")) for _ in range(READERS)]
        for number in range(101, 101 + EDITIONS):
            numbers[working(home, county, number).publish().edition_id] = number
        stop.touch()
        seen = [looks(reader) for reader in readers]
    for one in seen:
        for edition, figures, names, count in one:
            number = numbers[edition[0][0]]
            assert figures == [[number]] and names == [[f"乙率{number}"], [f"甲率{number}"]] and count == [[6]]
        order = [numbers[edition[0][0]] for edition, *_ in one]
        assert order == sorted(order)  # never back to an older one
    assert max(len(one) for one in seen) >= 3  # they did read while editions changed


def test_a_reader_that_keeps_its_file_open_keeps_its_edition(home: Home, county: County, stop: Path) -> None:
    first = working(home, county, 100).publish().edition_id
    with reading(home, stop, "keeps") as process:
        for number in range(101, 106):
            working(home, county, number).publish()
        stop.touch()
        seen = looks(process)
    assert seen == [[[[first]], [[100]], [["乙率100"], ["甲率100"]], [[6]]]]
