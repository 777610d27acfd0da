"""Ten thousand communities: a composed register, marts filled directly, and every KPI of every period evaluated.

Nothing is delivered: what is measured is the way from the marts to figures, flags, trends and signals.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import get_args

import duckdb
import polars as pl

from pipelines.bench_measure import Clock, Measurement, Spent, in_child
from pipelines.calendar import PeriodType
from pipelines.settings import Home, add_months, month_name

LAST_MONTH = date(2026, 12, 1)
AS_OF = date(2027, 2, 1)
MEMORY = "5GB"  # of the engine; the process takes some more
COMMUNITIES_PER_STREET = 100
_CLASSES = ("111", "121", "220")  # urban, town, rural, as the register codes them
# Measures that say what rows in doubt could change: few are not 0.
_OF_DOUBT = re.compile(
    r"_(may_pass|may_fail|doubtful|unbounded|unlinked|unclear|unplaced|possible|revised\w*|perhaps_\w+|possibly_\w+)$|^tied_"
)
_MARTS = ("path:seeds", "path:models/staging", "path:models/intermediate", "path:models/marts")
_FIGURES = ("path:models/kpis", "dim_kpi", "dim_target", "fct_kpi")
_ALL = ("path:models/kpis", "path:models/edition", "path:models/signals")
_NO_TESTS = (
    "--no-write-json", "--full-refresh", "--exclude-resource-type", "unit_test", "--exclude-resource-type", "test",
)  # fmt: skip
SLOWEST = 6  # nodes of dbt that are named


def measure_communities(home: Home, county_code: str, communities: int, months: int) -> list[Measurement]:
    """Seconds, CPU and memory to evaluate all KPIs of `communities` over `months`, all of which changed: the figures of
    the months alone, and of all periods with what is told of them (flags, trends, signals)."""
    in_child(_compose, home.root, county_code, communities, months)
    of_months = in_child(_evaluate, home.root, ("month",), _FIGURES)
    of_all = in_child(_evaluate, home.root, get_args(PeriodType), _ALL)
    slowest = sorted(of_all.result.nodes, key=of_all.result.nodes.__getitem__, reverse=True)[:SLOWEST]
    return [
        Measurement("communities", communities, "communities"),
        Measurement("communities: months", months, "months"),
        *_told("communities: months alone", of_months),
        *_told("communities", of_all),
        *(Measurement(f"communities: dbt {name}", of_all.result.nodes[name], "s") for name in slowest),
    ]


@dataclass(frozen=True)
class Evaluated:
    """What an evaluation took, in all and seconds of each model, and how many figures of how many periods it gave."""

    clock: Clock
    nodes: dict[str, float]
    figures: int
    periods: int


def _told(what: str, spent: Spent) -> list[Measurement]:
    evaluated: Evaluated = spent.result
    seconds, cpu_seconds = evaluated.clock.seconds["evaluate"], evaluated.clock.cpu_seconds["evaluate"]
    return [
        Measurement(f"{what}: periods", evaluated.periods, "periods"),
        Measurement(f"{what}: figures", evaluated.figures, "figures"),
        Measurement(f"{what}: evaluation", seconds, "s"),
        Measurement(f"{what}: evaluation: CPU", cpu_seconds, "CPU s"),
        Measurement(f"{what}: evaluation: peak memory", spent.peak_mib, "MiB"),
        Measurement(f"{what}: figures per second", evaluated.figures / seconds, "figures/s"),
        Measurement(f"{what}: CPU per million figures", cpu_seconds / evaluated.figures * 1e6, "CPU s"),
    ]


def _compose(root: Path, county_code: str, communities: int, months: int) -> None:
    from expectations.contract import load_contracts
    from pipelines.control import export_control
    from pipelines.county import save_county
    from pipelines.lake import prepare_lake
    from pipelines.setup import new_county
    from pipelines.store import Store
    from pipelines.units import build_register, load_releases

    home = Home(root)
    _write_register(home, county_code, communities)
    county = new_county(
        county_code, build_register(load_releases(county_code, home.reference)), sample=True,
        first_period=month_name(add_months(LAST_MONTH, 1 - months)), last_period=month_name(LAST_MONTH),
    )  # fmt: skip
    save_county(county, home.county_file)
    prepare_lake(home, load_contracts())
    export_control(home, county, Store.of(home), AS_OF, built={})
    _say_all_arrived(home)
    _run(home, [*_NO_TESTS, "--select", *_MARTS])
    with duckdb.connect(str(home.warehouse)) as connection:
        for mart in _marts(connection):
            _fill(connection, mart, home)


def _write_register(home: Home, county_code: str, communities: int) -> None:
    """A release of the county's divisions with streets of a hundred communities, in the data root."""
    above = [(county_code[:2], "1", "省"), (county_code[:4], "2", "市"), (county_code, "3", "县")]
    rows: list[tuple[str, str, str, str | None]] = [(*unit, None) for unit in above]
    for number in range(communities):
        street, place = divmod(number, COMMUNITIES_PER_STREET)
        code = f"{county_code}{street + 1:03}"
        if place == 0:
            rows.append((code, "4", f"街道{street + 1}", None))
        rows.append((f"{code}{place + 1:03}", "5", f"社区{number + 1}", _CLASSES[number % len(_CLASSES)]))
    path = home.register / "divisions" / "2016-07-31.csv"
    path.parent.mkdir(parents=True)
    pl.DataFrame(rows, ["code", "level", "name", "ur_code"], orient="row").write_csv(path)


def _say_all_arrived(home: Home) -> None:
    """One batch in every slot that is expected, so that figures are judged and not found to be without data."""
    from pipelines.lake import write_parquet

    slots = pl.read_parquet(home.control / "expected.parquet")
    batch_id = pl.concat_str("dataset", "supplier_id", pl.col("period").cast(pl.String), separator=" ")
    batches = slots.select(batch_id.alias("batch_id"), "dataset", "supplier_id", "period")
    write_parquet(batches, home.control / "current_batches.parquet")


def _marts(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The marts that KPIs are declared over: those by unit and month."""
    query = """
        select table_name from duckdb_columns() where table_name like 'mart_%' and column_name in ('unit_key', 'month')
        group by table_name having count(*) = 2 order by table_name"""
    return [mart for (mart,) in connection.execute(query).fetchall()]


def _fill(connection: duckdb.DuckDBPyConnection, mart: str, home: Home) -> None:
    """Composed measures for every unit and evaluated month; of events a second row, known one month later."""
    query = "select column_name from duckdb_columns() where table_name = ?"
    columns = [column for (column,) in connection.execute(query, [mart]).fetchall()]
    keys = {"unit_key": "unit_key", "month": "month", "known_month": "cast(month + to_months(later) as date)"}
    values = ", ".join(f"{keys.get(column) or _composed(column)} as {column}" for column in columns)
    later = "unnest([0, 1])" if "known_month" in columns else "0"
    connection.execute(f"delete from {mart}")
    connection.execute(f"""
        insert into {mart} by name select {values} from (
            select unit_key, month, 10 + hash(unit_key, month) % 90 as base, {later} as later from unit_months
            where month in (select month from read_parquet('{home.control}/months.parquet'))
        )""")


def _composed(measure: str) -> str:
    chance = f"hash(unit_key, month, '{measure}')"
    if _OF_DOUBT.search(measure):
        return f"case when {chance} % 50 = 0 then 1 else 0 end"
    if measure.endswith("_rows"):
        return "1"
    return f"base - {chance} % 10" if measure.endswith("_passed") else "base"


def _evaluate(root: Path, period_types: Sequence[str], models: Sequence[str]) -> Evaluated:
    """Evaluates these models afresh for all periods of these types."""
    from pipelines.dbt_process import prepare
    from pipelines.lake import write_parquet
    from pipelines.sql import scalar

    home, clock = Home(root), Clock()
    periods = pl.read_parquet(home.control / "periods.parquet")
    chosen = pl.col("period_type").is_in(list(period_types))
    write_parquet(periods.with_columns(is_dirty=chosen), home.control / "periods.parquet")
    os.environ["WAREHOUSE_MEMORY"] = MEMORY
    prepare(home)  # as a run does while it takes files in
    with clock.at("evaluate"):
        nodes = _run(home, [*_NO_TESTS, "--select", *models])
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        figures = scalar(connection, "select count(*) from fct_kpi")
    return Evaluated(clock, nodes, figures, periods.filter(chosen).height)


def _run(home: Home, options: list[str]) -> dict[str, float]:
    """Seconds of each node. RuntimeError where one did not succeed."""
    from pipelines.dbt_process import run_models

    nodes = run_models(home, options)
    failed = [f"{node.name} ({node.message})" for node in nodes if node.status != "success"]
    if failed:
        raise RuntimeError(f"not computed: {'; '.join(failed)}")
    return {node.name: node.seconds for node in nodes}
