"""Linking measured on composed people of whom it is known who is who, and the national register of units."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from pipelines.bench_measure import Clock, Measurement, in_child
from pipelines.settings import Home

UNNUMBERED_SHARE = 0.03  # of the people: those found without a number
KEY_BYTES = bytes(range(32))


def measure_linking(home: Home, people: int) -> list[Measurement]:
    """Precision: links that are right, of all. Recall: people rightly linked, of those who are in the books."""
    spent = in_child(_link, home.root, people)
    clock, unnumbered, precision, recall = spent.result
    return [
        Measurement("linking: people", people, "people"),
        Measurement("linking: found without a number", unnumbered, "people"),
        Measurement("linking: precision", precision, "share"),
        Measurement("linking: recall", recall, "share"),
        Measurement("linking", clock.seconds["link"], "s"),
        Measurement("linking: CPU", clock.cpu_seconds["link"], "CPU s"),
        Measurement("linking: peak memory", spent.peak_mib, "MiB"),
    ]


def measure_register(path: Path) -> list[Measurement]:
    """A national register of divisions, read and made into the dated register."""
    spent = in_child(_load_register, path)
    return [
        Measurement("national register: units", spent.result, "units"),
        *spent.measurements("national register: load and build"),
    ]


def _link(root: Path, people: int) -> tuple[Clock, int, float, float]:
    from pipelines.keys import Key
    from pipelines.linking import link_months
    from pipelines.sample.people_lists import MONTH, compose_lists

    key = Key("hmac-sha256:bench", KEY_BYTES)
    lists = compose_lists(Home(root), key, people=people, unnumbered=round(people * UNNUMBERED_SHARE))
    clock = Clock()
    with clock.at("link"):
        (linked,) = link_months(lists.home, lists.batches, lists.evaluations, [MONTH])
    entries = lists.entries.rename({"row_number": "entry_row_number", "person": "entry_person"})
    links = (
        pl.read_parquet(linked.links_file)
        .filter(pl.col("decision") == "linked")
        .join(lists.unnumbered, on="row_number")
        .join(entries, on=["list", "entry_row_number"])
        .with_columns(is_right=pl.col("person") == pl.col("entry_person"))
    )
    in_books = lists.unnumbered.filter("is_in_books")
    found = in_books.join(links.filter("is_right"), on="row_number", how="semi")
    precision = links.filter("is_right").height / max(links.height, 1)
    return clock, lists.unnumbered.height, precision, found.height / max(in_books.height, 1)


def _load_register(path: Path) -> int:
    from pipelines.units import build_register, read_release_file

    return build_register(read_release_file(path)).height
