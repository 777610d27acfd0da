"""Month by month: links are worked out once for the same rows, and kept in the linking zone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from pipelines.cross_file import Evaluation
from pipelines.current_batches import CurrentBatch
from pipelines.lake import is_whole, write_parquet
from pipelines.linking.decide import decide
from pipelines.linking.model import score
from pipelines.linking.records import DATASETS, FOUND, LISTS, entry_rows, files_of, found_rows, gather
from pipelines.settings import Home, month_name, month_start

KEPT_MONTHS = 4  # results of one month: those before are for inputs that hardly come back
# One row per likely pair: a row of the grid's list, a row of a book, what the model says and what was decided.
LINKS_SCHEMA: dict[str, Any] = {
    "batch_id": pl.String, "row_number": pl.Int32, "list": pl.String, "entry_batch_id": pl.String,
    "entry_row_number": pl.Int32, "person_id": pl.String, "weight": pl.Float64, "probability": pl.Float64,
    "decision": pl.String, "reason": pl.String,
}  # fmt: skip
# What a person has to look at: rows, never who they are of.
REVIEW_SCHEMA: dict[str, Any] = {
    name: dtype for name, dtype in LINKS_SCHEMA.items() if name not in ("person_id", "weight", "decision")
}
# What a steward decided of such a pair: is_same.
DECIDED_SCHEMA: dict[str, Any] = {
    "month": pl.String, "batch_id": pl.String, "row_number": pl.Int32, "entry_batch_id": pl.String,
    "entry_row_number": pl.Int32, "is_same": pl.Boolean,
}  # fmt: skip
_CERTAIN = 1_000.0  # more than any evidence weighs
LINKED_ROWS_SCHEMA: dict[str, Any] = {"batch_id": pl.String, "row_number": pl.Int32, "person_id": pl.String}


@dataclass(frozen=True)
class LinkedMonth:
    """What linking gave for one month. `inputs_hash` is equal where `links_file` must be."""

    month: date
    inputs_hash: str
    links_file: Path
    is_new: bool


def link_months(
    home: Home, batches: Iterable[CurrentBatch], evaluations: Iterable[Evaluation], months: Iterable[date],
    on_progress: Callable[[str], None] = lambda _: None, decided: pl.DataFrame | None = None,
) -> list[LinkedMonth]:  # fmt: skip
    """The links of each month for which people were found and a book was delivered; those worked out before are kept.

    `decided`: the pairs that a steward decided, in DECIDED_SCHEMA.
    """
    said = pl.DataFrame(schema=DECIDED_SCHEMA) if decided is None else decided
    own = {(evaluation.dataset, evaluation.month): evaluation for evaluation in evaluations}
    by_slot: dict[tuple[str, str], list[CurrentBatch]] = {}
    for batch in sorted(batches, key=lambda batch: batch.batch_id):
        by_slot.setdefault((batch.slot.dataset, batch.slot.period), []).append(batch)

    def link(name: str) -> LinkedMonth | None:
        delivered = {dataset: own[dataset, name] for dataset in DATASETS if (dataset, name) in own}
        if FOUND not in delivered or not any(dataset in delivered for dataset in LISTS):
            return None
        of_month = {dataset: by_slot[dataset, name] for dataset in delivered}
        return _link_month(home, name, of_month, delivered, said.filter(month=name), on_progress)

    # Scoring plans many small statements, which keep one core busy each.
    with ThreadPoolExecutor(2, thread_name_prefix="links") as pool:
        return [linked for linked in pool.map(link, [month_name(month) for month in months]) if linked]


def linked_rows(linked: Iterable[LinkedMonth], months: set[date]) -> pl.DataFrame:
    """The rows without a number that are of a known person in these months, on either side of a link.

    A person who has no number in the books either is named after the row there.
    """
    rows = [pl.DataFrame(schema=LINKED_ROWS_SCHEMA)]
    for one in linked:
        if one.month not in months:
            continue
        links = pl.read_parquet(one.links_file).filter(pl.col("decision") == "linked")
        entry = pl.concat_str("entry_batch_id", pl.lit(":"), pl.col("entry_row_number").cast(pl.String))
        people = links.with_columns(person_id=pl.coalesce("person_id", entry))
        unnumbered = people.filter(links["person_id"].is_null())
        rows.append(people.select(*LINKED_ROWS_SCHEMA))
        rows.append(unnumbered.select(batch_id="entry_batch_id", row_number="entry_row_number", person_id="person_id"))
    return pl.concat(rows).unique().sort("batch_id", "row_number")


def pairs_for_review(linked: Iterable[LinkedMonth]) -> pl.DataFrame:
    """Every uncertain pair of all months: a row of the grid's list, a row of a book, how likely, and what is open."""
    pairs = [pl.DataFrame(schema=REVIEW_SCHEMA)]
    for one in linked:
        links = pl.read_parquet(one.links_file).filter(pl.col("decision") == "review")
        pairs.append(links.select(*REVIEW_SCHEMA))
    return pl.concat(pairs).sort("batch_id", "row_number", "probability", "list", "entry_batch_id", "entry_row_number")


def _link_month(
    home: Home, month: str, batches: dict[str, list[CurrentBatch]], evaluations: dict[str, Evaluation],
    decided: pl.DataFrame, on_progress: Callable[[str], None],
) -> LinkedMonth:  # fmt: skip
    rows = {dataset: own.inputs_hash for dataset, own in evaluations.items()}
    inputs_hash = _hash([_code(), month, rows, *([sorted(decided.rows())] if decided.height else [])])
    path = home.linking / "links" / f"period={month}" / f"{inputs_hash}.parquet"
    if is_whole(path):
        return LinkedMonth(month_start(month), inputs_hash, path, is_new=False)
    on_progress(f"links {month}")
    with duckdb.connect() as connection:
        files = {dataset: files_of(home, batches[dataset], own) for dataset, own in evaluations.items()}
        records = gather(connection, files)
        links = pl.DataFrame(schema=LINKS_SCHEMA)
        if records is not None:
            entries, found = entry_rows(records), found_rows(records)
            links = _links(score(records), entries, found, records.taken, decided)
    write_parquet(links, path)
    _drop_old(path)
    return LinkedMonth(month_start(month), inputs_hash, path, is_new=True)


def _links(
    scored: pl.DataFrame, entries: pl.DataFrame, found: pl.DataFrame, taken: frozenset[str], said: pl.DataFrame
) -> pl.DataFrame:
    """The likely pairs with their rows. A person may have several entries: the most alike speaks for all.

    `said`: what a steward decided of some pairs, and so of the persons. Who is another person is none any more; who is the
    same one is linked before all others, also where the grid found that person with a number as well.
    """
    pairs = (
        scored.join(entries, left_on="entry_id", right_on="unique_id")
        .rename({"batch_id": "entry_batch_id", "row_number": "entry_row_number"})
        .join(found, left_on="found_id", right_on="unique_id")
    )
    people = pairs.group_by("found_id", "person").agg(pl.col("weight", "probability").max())
    places = ["batch_id", "row_number", "entry_batch_id", "entry_row_number"]
    known = pairs.join(said.unique(places, keep="last"), on=places).select("found_id", "person", "is_same").unique()
    people = people.join(known, on=["found_id", "person"], how="left").filter(pl.col("is_same").fill_null(True))
    is_same = pl.col("is_same").fill_null(False)
    confirmed = people.filter(is_same)["person"].to_list()
    decided = decide(
        people.with_columns(
            pl.when(is_same).then(_CERTAIN).otherwise("weight").alias("weight"),
            pl.when(is_same).then(1.0).otherwise("probability").alias("probability"),
        ),
        taken - {*confirmed},
    )
    return (
        pairs.join(decided, on=["found_id", "person"])
        .select(pl.col(name).cast(dtype) for name, dtype in LINKS_SCHEMA.items())
        .sort("batch_id", "row_number", "list", "entry_batch_id", "entry_row_number")
    )


def _drop_old(kept: Path) -> None:
    newest_first = sorted(kept.parent.glob("*.parquet"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in newest_first[KEPT_MONTHS:]:
        if path != kept:
            path.unlink()


@cache
def _code() -> str:
    """A digest of this package: whatever changes in it may change the links."""
    return _hash([path.read_text(encoding="utf-8") for path in sorted(Path(__file__).parent.glob("*.py"))])


def _hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:24]
