"""Speed and memory of the real thing, on a composed county in a temporary data root.

Every measurement runs in a child process of its own, whose memory is then known; where possible two ways of
doing the same work are measured in one run and reported as a ratio, which other machines can compare.
"""

from __future__ import annotations

import atexit
import json
import multiprocessing
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import psutil

from pipelines.settings import REPO, Home

Progress = Callable[[str], None]
# The national register of 2021 is no part of the product; it is measured where a copy lies beside it.
NATIONAL_REGISTER = REPO.parent / "shared" / "reference" / "nbs_divisions_2021" / "nbs2021_all_levels.csv.gz"
COUNTY = "610629"
GROWTH_PEOPLE = 20_000


@dataclass(frozen=True)
class Measurement:
    """One figure: what, how much, in which unit."""

    name: str
    value: float
    unit: str


def run_bench(output: Path, *, months: int = 36, people: int | None = None, on_progress: Progress) -> dict[str, Any]:
    """Measures everything, writes `output` as JSON and returns the same."""
    measurements: list[Measurement] = []
    with tempfile.TemporaryDirectory(prefix="warehouse-bench-") as folder:
        home = Home(Path(folder) / "county")
        on_progress("generate")
        generated = _timed(_generate, home.root, people, 7)
        measurements += [Measurement("generate, 7 months", generated.seconds, "s")]
        held_back = _hold_back_last_month(home)
        parts: dict[str, Callable[[], list[Measurement]]] = {
            "stations": partial(_stations, home),
            "whole run": partial(_whole_run, home),
            "floor": partial(_floor, home),
            "further month": partial(_further_month, home, held_back),
        }
        for name, measure in parts.items():
            on_progress(name)
            measurements += measure()
        shutil.rmtree(home.root)
        on_progress(f"growth to month {months}")
        measurements += _growth(Home(Path(folder) / "growth"), months)
    if NATIONAL_REGISTER.exists():
        on_progress("national register")
        measurements += _national_register()
    measurements += _ratios({measurement.name: measurement.value for measurement in measurements})
    results = {
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "duckdb": duckdb.__version__},
        "is_sample": True,
        "measurements": [asdict(measurement) for measurement in measurements],
    }
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(results, indent=1), encoding="utf-8")
    return results


def _ratios(found: dict[str, float]) -> list[Measurement]:
    return [
        Measurement("whole run / floor", found["whole run"] / found["floor: text into a table"], "×"),
    ]


# --- running in a child ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Timed:
    """What a child returned, how long it took (start of the process included) and its peak memory."""

    result: Any
    seconds: float
    peak_mib: float


def _timed(function: Callable[..., Any], *arguments: Any) -> Timed:
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    started = time.perf_counter()
    process = context.Process(target=_call, args=(sender, function, arguments))
    process.start()
    peak = _watch_memory(process.pid, process.is_alive)
    process.join()
    seconds = time.perf_counter() - started
    if process.exitcode != 0:
        raise RuntimeError(f"{function.__name__} ended with exit code {process.exitcode}")
    return Timed(receiver.recv(), seconds, peak)


def _call(sender: Any, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    sender.send(function(*arguments))
    sender.close()
    # As in the command line: DuckDB's binding prints pages about its own references at every exit.
    atexit._run_exitfuncs()
    os._exit(0)


def _watch_memory(pid: int | None, is_alive: Callable[[], bool]) -> float:
    """Peak resident memory of a process and its children in MiB, looked at every 50 ms while it lives."""
    peak, process = 0, psutil.Process(pid)
    while is_alive():
        try:
            tree = [process, *process.children(recursive=True)]
            peak = max(peak, sum(one.memory_info().rss for one in tree))
        except psutil.NoSuchProcess:
            break
        time.sleep(0.05)
    return peak / 2**20


def _warehouse(home: Home, *arguments: str) -> tuple[float, float]:
    """Seconds and peak MiB of one `warehouse` command as a cold process."""
    environment = {**os.environ, "WAREHOUSE_HOME": str(home.root)}
    started = time.perf_counter()
    command = [sys.executable, "-m", "pipelines.cli", *arguments, "--json"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    peak = _watch_memory(process.pid, lambda: process.poll() is None)
    if process.wait() != 0:
        raise RuntimeError(f"warehouse {' '.join(arguments)} ended with exit code {process.returncode}")
    return time.perf_counter() - started, peak


# --- measurements ------------------------------------------------------------------------------------------


def _generate(root: Path, people: int | None, months: int, seed: int = 1) -> None:
    from pipelines.sample import generate

    generate(Home(root), COUNTY, people=people, months=months, seed=seed)


def _hold_back_last_month(home: Home) -> Path:
    """Moves the last month's files out of landing, to be delivered later."""
    last = max(path.name for path in home.landing.glob("*/*/*"))
    aside = home.root / "held-back"
    for path in sorted(home.landing.glob(f"*/*/{last}")):
        target = aside / path.relative_to(home.landing)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
    return aside


def _deliver(home: Home, aside: Path) -> None:
    shutil.copytree(aside, home.landing, dirs_exist_ok=True)


def _whole_run(home: Home) -> list[Measurement]:
    seconds, peak = _warehouse(home, "run")
    return [Measurement("whole run", seconds, "s"), Measurement("whole run: peak memory", peak, "MiB")]


def _stations(home: Home) -> list[Measurement]:
    """Rows per second of each station on one month, each station after the other."""
    return [Measurement(*row) for row in _timed(_time_stations, home.root).result]


def _time_stations(root: Path) -> list[tuple[str, float, str]]:
    from expectations.contract import load_contract
    from expectations.runner import warm_up
    from pipelines.county import load_county
    from pipelines.errors import Refusal
    from pipelines.ingest import judge, write_batch
    from pipelines.keys import load_or_create_key
    from pipelines.landing import look
    from pipelines.protection import Origin, protect
    from pipelines.reading import read_file
    from pipelines.settings import month_start
    from pipelines.store import Store

    home = Home(root)
    county, store, key = load_county(home.county_file), Store.at(home.store), load_or_create_key(home.keys)
    found = look(home, county, store).new
    first = min(file.slot.period for file in found)
    warm_up([load_contract(file.slot.dataset) for file in found], is_sample=True)
    rows, seconds = 0, dict.fromkeys(("read", "protect", "validate", "write"), 0.0)
    scratch = Home(root / "scratch")
    with duckdb.connect() as connection:
        for file in found:
            if file.slot.period != first:
                continue
            contract = load_contract(file.slot.dataset)
            try:
                delivered = _clock(seconds, "read", partial(read_file, file.path, contract))
            except Refusal:
                continue
            origin = Origin("bench", file.slot.supplier_id, month_start(first))
            protected = _clock(
                seconds, "protect", partial(protect, delivered.frame, contract, origin, key, is_sample=True)
            )
            _clock(seconds, "validate", partial(judge, [protected.batch], contract, connection, is_sample=True))
            _clock(seconds, "write", partial(write_batch, scratch, file.slot, "bench", protected))
            rows += delivered.account.data
    shutil.rmtree(scratch.root)
    return [(f"station {name}", rows / spent, "rows/s") for name, spent in seconds.items()]


def _clock(seconds: dict[str, float], name: str, work: Callable[[], Any]) -> Any:
    started = time.perf_counter()
    result = work()
    seconds[name] += time.perf_counter() - started
    return result


def _floor(home: Home) -> list[Measurement]:
    """DuckDB alone reading the same rows as text into a table: the least that any loader must do."""
    return [Measurement("floor: text into a table", _timed(_time_floor, home.root).result, "s")]


def _time_floor(root: Path) -> float:
    from expectations.contract import load_contract
    from pipelines.errors import Refusal
    from pipelines.reading import read_file

    home, spent = Home(root), 0.0
    with tempfile.TemporaryDirectory(dir=root) as folder, duckdb.connect() as connection:
        for number, path in enumerate(sorted(home.landing.glob("*/*/*/*"))):
            try:
                delivered = read_file(path, load_contract(path.parts[-3]))
            except Refusal:
                continue
            # As plain UTF-8 CSV, written before the clock starts: the engine reads no GB18030 and no .xlsx.
            plain = Path(folder) / f"{number}.csv"
            delivered.frame.write_csv(plain)
            columns = ", ".join(f"'{name}': 'varchar'" for name in delivered.frame.columns)
            started = time.perf_counter()
            connection.execute(
                f"create table t{number} as select * from read_csv('{plain}', columns={{{columns}}}, "
                "header=true, auto_detect=false, strict_mode=true, store_rejects=true)"
            )
            spent += time.perf_counter() - started
            connection.execute("drop table if exists reject_errors; drop table if exists reject_scans")
    return spent


def _further_month(home: Home, held_back: Path) -> list[Measurement]:
    """One more month: as a cold process, and inside a process that has run before."""
    warm_root = home.root.with_name("warm")
    shutil.copytree(home.root, warm_root, symlinks=True)
    _deliver(home, held_back)
    seconds, peak = _warehouse(home, "run")
    warm = _timed(_time_warm_month, warm_root, held_back.name).result
    shutil.rmtree(warm_root)
    return [
        Measurement("further month, cold process", seconds, "s"),
        Measurement("further month, cold process: peak memory", peak, "MiB"),
        Measurement("further month, running process", warm, "s"),
    ]


def _time_warm_month(root: Path, held_back: str) -> float:
    from expectations.contract import load_contracts
    from expectations.runner import warm_up
    from pipelines.run import run

    home = Home(root)
    warm_up(load_contracts().values(), is_sample=True)
    run(home, full_refresh=True)
    _deliver(home, home.root / held_back)
    started = time.perf_counter()
    run(home)
    return time.perf_counter() - started


def _growth(home: Home, months: int) -> list[Measurement]:
    """How the time of month N grows with N: months delivered one by one to one running process."""
    seconds = _timed(_time_months, home.root, months).result
    middle = {number: seconds[number - 1] for number in (2, 6, 12, 24, 36) if number <= months}
    found = [Measurement(f"growth: month {number}", value, "s") for number, value in middle.items()]
    # Three months each, because one alone is a matter of chance.
    early, late = sorted(seconds[1:4])[1], sorted(seconds[-3:])[1]
    return [*found, Measurement(f"growth: month {months} / month 2", late / early, "×")]


def _time_months(root: Path, months: int) -> list[float]:
    from pipelines.run import run

    home = Home(root)
    _generate(root, GROWTH_PEOPLE, months)
    aside = root / "aside"
    home.landing.rename(aside)
    home.landing.mkdir(mode=0o700)
    seconds = []
    for month in sorted({path.name for path in aside.glob("*/*/*")}):
        for path in sorted(aside.glob(f"*/*/{month}")):
            shutil.copytree(path, home.landing / path.relative_to(aside))
        started = time.perf_counter()
        run(home)
        seconds.append(time.perf_counter() - started)
    return seconds


def _national_register() -> list[Measurement]:
    measured = _timed(_load_national_register, NATIONAL_REGISTER)
    return [
        Measurement("national register: units", measured.result, "units"),
        Measurement("national register: load and build", measured.seconds, "s"),
        Measurement("national register: peak memory", measured.peak_mib, "MiB"),
    ]


def _load_national_register(path: Path) -> int:
    from pipelines.units import build_register, read_release_file

    return build_register(read_release_file(path)).height
