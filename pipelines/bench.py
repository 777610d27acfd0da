"""`warehouse bench`: the figures that the product promises, measured on composed data in a temporary data root.

Belongs here: which parts there are, at which sizes, and the report. Every measurement runs in a process of its own, whose
CPU and memory are then known; where possible two ways of doing the same work are measured in one run and reported as a
ratio, which other machines can compare.
"""

from __future__ import annotations

import json
import os
import platform
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from pipelines.bench_communities import measure_communities
from pipelines.bench_county import SampleCounty, measure_month, measure_run, measure_stations
from pipelines.bench_growth import measure_growth
from pipelines.bench_linking import measure_linking, measure_register
from pipelines.bench_measure import Measurement
from pipelines.bench_readers import measure_readers
from pipelines.settings import REPO, Home

COUNTY = "610629"
# The national register of 2021 is no part of the product; it is measured where a copy lies beside it.
NATIONAL_REGISTER = REPO.parent / "shared" / "reference" / "nbs_divisions_2021" / "nbs2021_all_levels.csv.gz"
PARTS = ("stations", "run", "month", "readers", "growth", "communities", "linking", "register")


@dataclass(frozen=True)
class Sizes:
    """How much is measured. People are of the sample county, None as at the census; those of `people` are delivered for
    `months` and one more."""

    people: int | None
    months: int
    growth_people: int | None
    growth_months: int
    communities: int
    community_months: int
    linking_people: int
    reader_seconds: float = 60.0


QUICK = Sizes(2_000, 2, 2_000, 6, 100, 12, 3_000)
BOUNDED = Sizes(50_000, 3, 2_000, 13, 1_000, 36, 30_000)
FULL = Sizes(None, 6, None, 36, 10_000, 36, 30_000)


def run_bench(
    output: Path, sizes: Sizes = BOUNDED, *, only: Iterable[str] = PARTS, register: Path = NATIONAL_REGISTER,
    datasets: Iterable[str] | None = None,
    on_progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:  # fmt: skip
    """Measures the parts asked for, writes `output` as JSON and returns the same.

    `datasets`: those that the sample county delivers, by default all.
    """
    delivered = None if datasets is None else frozenset(datasets)
    measured: dict[str, list[Measurement]] = {}
    with tempfile.TemporaryDirectory(prefix="warehouse-bench-") as folder:
        for name, measure in _parts(Path(folder), sizes, register, delivered).items():
            if name in only:
                on_progress(name)
                measured[name] = measure()
    results = {
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "duckdb": duckdb.__version__},
        "is_sample": True,
        "sizes": asdict(sizes),
        "datasets": None if delivered is None else sorted(delivered),
        "measurements": [
            {"part": part, **asdict(measurement)} for part, found in measured.items() for measurement in found
        ],
    }
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(results, indent=1), encoding="utf-8")
    return results


def _parts(
    folder: Path, sizes: Sizes, register: Path, datasets: frozenset[str] | None
) -> dict[str, Callable[[], list[Measurement]]]:
    """By name, in order: the first four share one county, of which the later ones need what the earlier ones made."""
    county = SampleCounty(Home(folder / "county"), COUNTY, sizes.people, sizes.months, datasets)
    growth, communities = Home(folder / "growth"), Home(folder / "communities")
    parts: dict[str, Callable[[], list[Measurement]]] = {
        "stations": partial(measure_stations, county),
        "run": partial(measure_run, county),
        "month": partial(measure_month, county),
        "readers": partial(measure_readers, county, sizes.reader_seconds),
        "growth": partial(measure_growth, growth, COUNTY, sizes.growth_people, sizes.growth_months),
        "communities": partial(measure_communities, communities, COUNTY, sizes.communities, sizes.community_months),
        "linking": partial(measure_linking, Home(folder / "linking"), sizes.linking_people),
    }
    return parts | ({"register": partial(measure_register, register)} if register.exists() else {})
