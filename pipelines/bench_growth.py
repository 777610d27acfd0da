"""How the time of month N grows with N: months delivered one by one to one running process, station by station."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import median

from pipelines.bench_county import generate_sample, people_of
from pipelines.bench_measure import Clock, Measurement, in_child
from pipelines.settings import Home, add_months, month_name, month_start

# The last month of the test: its months are over, and the registers of divisions know them.
LAST_MONTH = date(2026, 6, 1)
STATIONS = ("ingest", "control", "dbt", "audit", "publish")
# Three months each, because one alone is a matter of chance: the second to the fourth, and the last three.
EARLY, LATE = slice(1, 4), slice(-3, None)
SLOWEST_GROWN = 6  # nodes of dbt that are named


@dataclass(frozen=True)
class MonthSpent:
    """One month from landing to edition. `nodes`: seconds of each node of dbt; `periods`: how many were computed."""

    clock: Clock
    nodes: dict[str, float]
    periods: int


def measure_growth(home: Home, county_code: str, people: int | None, months: int) -> list[Measurement]:
    """Month N against month 2, in all and by station; and the nodes of dbt that take more time than they did."""
    in_child(generate_sample, home.root, county_code, people, month_name(add_months(LAST_MONTH, 1 - months)), months)
    spent = in_child(_time_months, home.root)
    taken: list[MonthSpent] = spent.result
    walls = [sum(month.clock.seconds.values()) for month in taken]
    cpus = [sum(month.clock.cpu_seconds.values()) for month in taken]
    found = [
        Measurement("growth: people", people_of(home, county_code, people), "people"),
        Measurement("growth: months", months, "months"),
        *(Measurement(f"growth: month {n}", walls[n - 1], "s") for n in (2, 6, 12, 24, 36) if n <= months),
        *(Measurement(f"growth: month {n}: CPU", cpus[n - 1], "CPU s") for n in (2, 6, 12, 24, 36) if n <= months),
        *_early_and_late("all stations", cpus, "CPU s"),
        Measurement(f"growth: month {months} / month 2", _ratio(walls), "×"),
        Measurement(f"growth: month {months} / month 2: CPU", _ratio(cpus), "×"),
        *_early_and_late("periods computed", [float(month.periods) for month in taken], "periods"),
        Measurement("growth: peak memory", spent.peak_mib, "MiB"),
    ]
    for station in STATIONS:
        found += _early_and_late(station, [month.clock.cpu_seconds[station] for month in taken], "CPU s")
    return found + _grown_nodes(taken)


def _early_and_late(name: str, values: list[float], unit: str) -> list[Measurement]:
    return [
        Measurement(f"growth: {name}, first months", median(values[EARLY]), unit),
        Measurement(f"growth: {name}, last months", median(values[LATE]), unit),
    ]


def _ratio(values: list[float]) -> float:
    return median(values[LATE]) / median(values[EARLY])


def _grown_nodes(taken: list[MonthSpent]) -> list[Measurement]:
    """The nodes of dbt whose time grew most."""
    names = sorted(set().union(*(month.nodes for month in taken)))
    series = {name: [month.nodes.get(name, 0.0) for month in taken] for name in names}
    growth = Counter({name: median(values[LATE]) - median(values[EARLY]) for name, values in series.items()})
    grown = [name for name, more in growth.most_common(SLOWEST_GROWN) if more > 0]
    return [measurement for name in grown for measurement in _early_and_late(f"dbt {name}", series[name], "s")]


def _time_months(root: Path) -> list[MonthSpent]:
    home, aside = Home(root), root / "aside"
    home.landing.rename(aside)
    home.landing.mkdir(mode=0o700)
    taken = []
    for month in sorted({path.name for path in aside.glob("*/*/*")}):
        for path in sorted(aside.glob(f"*/*/{month}")):
            shutil.copytree(path, home.landing / path.relative_to(aside))
        taken.append(_time_month(home, add_months(month_start(month), 1).replace(day=15)))
    return taken


def _time_month(home: Home, as_of: date) -> MonthSpent:
    """The steps of a run, one by one, on the day after the month's cut-off."""
    import duckdb

    from pipelines.audit import Audited, audit
    from pipelines.landing import look
    from pipelines.parts import parts_of
    from pipelines.publish import LastEdition, edition_tables
    from pipelines.run import compute, open_session, prepare, recorded, release, take_in

    clock = Clock()
    with open_session(home, as_of=as_of) as session, recorded(session) as summary:
        with clock.at("ingest"):
            for _ in take_in(session, look(home, session.county, session.store)):
                pass
        with clock.at("control"):
            control = prepare(session)
        with clock.at("dbt"):
            built = compute(session, control)
        names = [table.name for table in edition_tables(home)]
        with duckdb.connect(str(home.warehouse), read_only=True) as connection, clock.at("audit"):
            last = LastEdition.of(home)
            changed = last.changed(parts_of(connection, names))
            audit(Audited(home, control, built, connection, names, changed, last.has_counted))
        # Publishing audits, too: what it takes besides is the rest.
        with clock.at("publish"):
            release(session, summary, control, built)
    for spent in (clock.seconds, clock.cpu_seconds):
        spent["publish"] -= spent["audit"]
    return MonthSpent(clock, {node.name: node.seconds for node in built.nodes}, len(control.dirty))
