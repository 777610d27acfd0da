"""The sample county measured: each station, the whole run against the least that any loader must do, a further month."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import duckdb

from pipelines.bench_measure import Clock, Measurement, Spent, in_child, in_command
from pipelines.settings import Home

STATIONS = ("read", "protect", "validate", "write")


@dataclass
class SampleCounty:
    """A county of `people` (None: as at the census), delivered for some months; one more month lies aside.

    `datasets`: which are delivered, by default all.
    """

    home: Home
    county_code: str
    people: int | None
    months: int
    datasets: frozenset[str] | None = None

    @cached_property
    def generated(self) -> Spent:
        spent = in_child(generate_sample, self.home.root, self.county_code, self.people, "2026-01", self.months + 1)
        self._drop_other_datasets()
        self._hold_back_last_month()
        return spent

    @cached_property
    def whole_run(self) -> Spent:
        _ = self.generated
        return in_command(self.home, "run")

    @property
    def held_back(self) -> Path:
        return self.home.root / "held-back"

    def _drop_other_datasets(self) -> None:
        for folder in self.home.landing.glob("*/*"):
            if self.datasets is not None and folder.name not in self.datasets:
                shutil.rmtree(folder)

    def _hold_back_last_month(self) -> None:
        last = max(path.name for path in self.home.landing.glob("*/*/*"))
        for path in sorted(self.home.landing.glob(f"*/*/{last}")):
            target = self.held_back / path.relative_to(self.home.landing)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.rename(target)


def generate_sample(root: Path, county_code: str, people: int | None, first_month: str, months: int) -> None:
    from pipelines.sample import generate

    generate(Home(root), county_code, people=people, first_month=first_month, months=months, seed=1, with_truth=False)


def measure_stations(county: SampleCounty) -> list[Measurement]:
    """Rows per second of each station on the first month of all datasets, one station after the other."""
    _ = county.generated
    clock, rows = in_child(_time_stations, county.home.root).result
    return [
        Measurement("stations: rows", rows, "rows"),
        *(Measurement(f"station {name}", rows / clock.seconds[name], "rows/s") for name in STATIONS),
        *(Measurement(f"station {name}: CPU", clock.cpu_seconds[name], "CPU s") for name in STATIONS),
    ]


def measure_run(county: SampleCounty) -> list[Measurement]:
    """The whole run as a cold process, and the floor: the same rows read by DuckDB as text into tables."""
    whole = county.whole_run
    floor: Clock = in_child(_time_floor, county.home.root).result
    seconds, cpu_seconds = floor.seconds["floor"], floor.cpu_seconds["floor"]
    return [
        Measurement("people", people_of(county.home, county.county_code, county.people), "people"),
        Measurement("months", county.months, "months"),
        *whole.measurements("whole run"),
        Measurement("floor: text into a table", seconds, "s"),
        Measurement("floor: text into a table: CPU", cpu_seconds, "CPU s"),
        Measurement("whole run / floor", whole.seconds / seconds, "×"),
        Measurement("whole run / floor: CPU", whole.cpu_seconds / cpu_seconds, "×"),
    ]


def measure_month(county: SampleCounty) -> list[Measurement]:
    """One further month from landing to edition: as a cold process, and inside a process that has run before."""
    _ = county.whole_run
    warm = Home(county.home.root.with_name("warm"))
    shutil.copytree(county.home.root, warm.root, symlinks=True)
    _deliver(county.home)
    cold = in_command(county.home, "run")
    running: Clock = in_child(_time_warm_month, warm.root).result
    shutil.rmtree(warm.root)
    return [
        *cold.measurements("further month, cold process"),
        Measurement("further month, running process", running.seconds["month"], "s"),
        Measurement("further month, running process: CPU", running.cpu_seconds["month"], "CPU s"),
    ]


def people_of(home: Home, county_code: str, people: int | None) -> int:
    """How many people a sample has: those of the census where it does not say."""
    from pipelines.sample.places import county_frame

    return people or county_frame(county_code, home.reference)[1].population


def _time_stations(root: Path) -> tuple[Clock, int]:
    from expectations.contract import load_contract
    from expectations.runner import warm_up
    from pipelines.county import load_county
    from pipelines.errors import Refusal
    from pipelines.judging import judge
    from pipelines.keys import load_or_create_key
    from pipelines.lake import write_batch
    from pipelines.landing import look
    from pipelines.protection import Origin, protect
    from pipelines.reading import read_file
    from pipelines.settings import month_start
    from pipelines.store import Store

    home = Home(root)
    county, store, key = load_county(home.county_file), Store.of(home), load_or_create_key(home.keys)
    found = look(home, county, store).new
    first = min(file.slot.period for file in found)
    warm_up([load_contract(file.slot.dataset) for file in found], is_sample=True)
    scratch, clock, rows = Home(root / "scratch"), Clock(), 0
    with duckdb.connect() as connection:
        for file in found:
            if file.slot.period != first:
                continue
            contract = load_contract(file.slot.dataset)
            origin = Origin("bench", file.slot.supplier_id, month_start(first))
            try:
                with clock.at("read"):
                    delivered = read_file(file.path, contract)
            except Refusal:
                continue
            with clock.at("protect"):
                protected = protect(delivered.frame, contract, origin, key, is_sample=True)
            with clock.at("validate"):
                judge([protected.batch], contract, connection, is_sample=True)
            with clock.at("write"):
                write_batch(scratch, file.slot, "bench", protected)
            rows += delivered.account.data
    shutil.rmtree(scratch.root)
    return clock, rows


def _time_floor(root: Path) -> Clock:
    """DuckDB alone reading the same rows as text into a table: the least that any loader must do."""
    from expectations.contract import load_contract
    from pipelines.errors import Refusal
    from pipelines.reading import read_file

    home, clock = Home(root), Clock()
    with tempfile.TemporaryDirectory(dir=root) as folder, duckdb.connect() as connection:
        for number, path in enumerate(sorted(home.landing.glob("*/*/*/*"))):
            try:
                delivered = read_file(path, load_contract(path.parts[-3]))
            except Refusal:
                continue
            # As plain UTF-8 CSV, written before the clock starts: the engine reads no GB18030 and no .xlsx.
            plain = Path(folder) / f"{number}.csv"
            delivered.frame.write_csv(plain)
            with clock.at("floor"):
                _read_as_text(connection, plain, delivered.frame.columns)
            connection.execute("drop table if exists reject_errors; drop table if exists reject_scans")
    return clock


def _read_as_text(connection: duckdb.DuckDBPyConnection, path: Path, names: list[str]) -> None:
    columns = ", ".join(f"'{name}': 'varchar'" for name in names)
    connection.execute(
        f"create or replace table delivered as select * from read_csv('{path}', columns={{{columns}}}, "
        "header=true, auto_detect=false, strict_mode=true, store_rejects=true)"
    )


def _deliver(home: Home) -> None:
    shutil.copytree(home.root / "held-back", home.landing, dirs_exist_ok=True)


def _time_warm_month(root: Path) -> Clock:
    from expectations.contract import load_contracts
    from expectations.runner import warm_up
    from pipelines.run import run

    home, clock = Home(root), Clock()
    warm_up(load_contracts().values(), is_sample=True)
    run(home, full_refresh=True)
    _deliver(home)
    with clock.at("month"):
        run(home)
    return clock


__all__ = ["SampleCounty", "generate_sample", "measure_month", "measure_run", "measure_stations"]
