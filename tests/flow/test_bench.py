"""The bench runs at the smallest size and reports every figure that it promises. How fast it is, no test says.

In this process, which imports everything and parses the models once. What commands do is tested elsewhere: as a cold
process they are only counted. That processes of their own are measured is tested apart.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipelines import bench_communities, bench_county, bench_growth, bench_linking, bench_readers
from pipelines.bench import PARTS, Sizes, run_bench
from pipelines.bench_measure import Clock, Spent, in_child, in_command
from pipelines.settings import Home
from tests.support.edition import build_edition

SIZES = Sizes(2_000, 1, 2_000, 2, 20, 3, 1_500, 3.0)


def spent_here(function: Callable[..., Any], *arguments: Any) -> Spent:
    clock = Clock()
    with clock.at("here"):
        result = function(*arguments)
    return Spent(result, clock.seconds["here"], clock.cpu_seconds["here"], peak_mib=1.0)


def counted(_: Home, command: str) -> Spent:
    assert command == "run"
    return Spent(None, seconds=1.0, cpu_seconds=1.0, peak_mib=1.0)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("bench")
    register = folder / "2021-10-31.csv"
    rows = [("61", "1", "陕西省"), ("6106", "2", "延安市"), ("610629", "3", "洛川县")]
    pl.DataFrame(rows, ["code", "level", "name"], orient="row").write_csv(register)
    output = folder / "bench.json"
    build_edition(folder / "small" / "published")
    read_small = partial(bench_readers.read_all, Home(folder / "small"), readers=5, think=0.5)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("WAREHOUSE_MEMORY", "1GB")  # put back afterwards
        patched.setattr(bench_county, "in_command", counted)
        patched.setattr(bench_readers, "read_all", lambda _, seconds: read_small(seconds=seconds))
        for part in (bench_communities, bench_county, bench_growth, bench_linking):
            patched.setattr(part, "in_child", spent_here)
        report = run_bench(output, SIZES, register=register)
    assert json.loads(output.read_text(encoding="utf-8")) == json.loads(json.dumps(report))
    return report


def values(report: dict[str, Any], part: str) -> dict[str, float]:
    return {row["name"]: row["value"] for row in report["measurements"] if row["part"] == part}


def test_every_part_is_measured_and_every_figure_has_a_unit(report: dict[str, Any]) -> None:
    assert {row["part"] for row in report["measurements"]} == set(PARTS)
    assert all(row["unit"] for row in report["measurements"])
    assert report["is_sample"]
    assert report["sizes"]["communities"] == SIZES.communities


@pytest.mark.parametrize(
    ("part", "names"),
    [
        ("stations", ["stations: rows", "station read", "station protect", "station validate", "station write"]),
        ("run", ["whole run", "whole run: CPU", "whole run: peak memory", "whole run / floor", "whole run / floor: CPU"]),
        ("month", ["further month, cold process: CPU", "further month, running process: CPU"]),
        ("readers", ["readers: requests", "readers: page, p95", "readers: peak memory of the server"]),
        ("growth", ["growth: month 2 / month 2", "growth: publish, first months", "growth: publish, last months"]),
        (
            "communities",
            [
                "communities: evaluation", "communities: evaluation: CPU", "communities: evaluation: peak memory",
                "communities: months alone: evaluation",
            ],
        ),
        ("linking", ["linking: people", "linking: CPU", "linking: recall"]),
        ("register", ["national register: load and build"]),
    ],
)
def test_the_promised_figures_are_there(report: dict[str, Any], part: str, names: list[str]) -> None:
    found = values(report, part)
    assert [name for name in names if not found.get(name, 0) > 0] == []


def test_figures_are_counted_for_every_unit_period_and_kpi(report: dict[str, Any]) -> None:
    found = values(report, "communities")
    # October to December: three months, a quarter, a year, three times the year to date
    assert (found["communities: months alone: periods"], found["communities: periods"]) == (3, 8)
    assert 0 < found["communities: months alone: figures"] < found["communities: figures"]
    # at the least, every community's, and every KPI has figures of one level
    assert found["communities: figures"] > SIZES.communities * 8 * 50


def test_people_are_linked_to_themselves(report: dict[str, Any]) -> None:
    assert values(report, "linking")["linking: precision"] > 0.9


def test_the_register_is_counted(report: dict[str, Any]) -> None:
    assert values(report, "register")["national register: units"] == 3


def test_a_county_may_deliver_some_datasets_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def deliver(_: Callable[..., Any], root: Path, *_arguments: Any) -> None:
        for dataset in ("grid_grids", "grid_duty"):
            for month in ("2026-01", "2026-02"):
                (root / "landing" / "supplier" / dataset / month).mkdir(parents=True)

    monkeypatch.setattr(bench_county, "in_child", deliver)
    county = bench_county.SampleCounty(Home(tmp_path), "610629", None, 1, frozenset({"grid_grids"}))
    _ = county.generated
    assert [path.relative_to(tmp_path).as_posix() for path in sorted(tmp_path.glob("*/*/*/*"))] == [
        "held-back/supplier/grid_grids/2026-02", "landing/supplier/grid_grids/2026-01",
    ]  # fmt: skip


def number_of_this_process() -> int:
    return os.getpid()


def ends_badly() -> None:
    raise SystemExit(3)


def test_work_is_measured_in_a_process_of_its_own() -> None:
    spent = in_child(number_of_this_process)
    assert spent.result != os.getpid()
    assert min(spent.seconds, spent.cpu_seconds, spent.peak_mib) > 0


def test_work_that_fails_in_its_process_stops_the_bench(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="ends_badly ended with exit code 3"):
        in_child(ends_badly)
    with pytest.raises(RuntimeError, match="warehouse run ended with exit code"):
        in_command(Home(tmp_path / "none"), "run")
