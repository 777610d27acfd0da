"""Editions that came before: which are kept, and what changed from one to the next by which cause.

Belongs here: what the data page tells of other editions. The account itself is made by `pipelines.explain`, on demand of
the steward (`warehouse editions diff`), because walking from one edition to another computes figures anew.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from pipelines.editions import Edition, list_editions
from pipelines.explain import Explanation, read_explanation
from pipelines.explain_account import KEY, find_changed
from pipelines.explain_report import largest_changes
from pipelines.explain_steps import CAUSES
from pipelines.manifests import MANIFEST
from pipelines.settings import Home

SHOWN_CHANGES = 20
TAKEN_CHANGES = 10_000  # in a file made while a reader waits; all of them stand in the account itself
FIGURE = KEY.split(", ")
ACCOUNT = MANIFEST  # written last: an account is there once it is
KEPT_EDITIONS = 24  # as many as the page lists


@dataclass(frozen=True)
class Past:
    """An edition that is kept. `published` is UTC; `figures` counts unit × period × KPI × target."""

    edition_id: str
    published: datetime
    as_of: date
    code_version: str
    figures: int
    is_current: bool


@dataclass(frozen=True)
class Account:
    """What changed between two neighbouring editions; without an explanation only how many figures did.

    `by_causes`: how many figures changed by which causes together; every changed figure is counted once.
    """

    older: str
    newer: str
    changed: int
    by_causes: dict[tuple[str, ...], int]
    notes: list[Any]
    largest: list[dict[str, Any]]
    is_explained: bool


def home_of(edition_file: Path) -> Home:
    """The data root of `<root>/published/editions/<id>/warehouse.duckdb`."""
    return Home(edition_file.parents[3])


def past_editions(home: Home, newest_id: str) -> list[Past]:
    """Editions up to the one that is shown, the newest first."""
    return [_past(edition, newest_id) for edition in reversed(_up_to(home, newest_id))][:KEPT_EDITIONS]


def last_change(home: Home, newest_id: str) -> Account | None:
    """From the edition before to the one that is shown; None where there is none before."""
    pair = _last_two(home, newest_id)
    if pair is None:
        return None
    older, newer = pair
    explanation = _explanation(home, older, newer)
    if explanation is not None:
        return _explained(older, newer, explanation)
    with duckdb.connect() as connection:
        find_changed(connection, older.table("fct_kpi"), newer.table("fct_kpi"))
        row = connection.execute("select count(*) from changed").fetchone()
    return Account(older.id, newer.id, int(row[0]) if row else 0, {}, [], [], is_explained=False)


def account_stamp(home: Home, newest_id: str) -> tuple[object, ...]:
    """Which account `last_change` tells, and when it was made; changes when the steward has one made."""
    pair = _last_two(home, newest_id)
    if pair is None:
        return ()
    manifest = _account(home, *pair) / ACCOUNT
    return (pair[0].id, manifest.stat().st_mtime_ns if manifest.exists() else None)


def taken_changes(home: Home, newest_id: str) -> list[dict[str, Any]]:
    """The figures that changed most since the edition before, with their causes; none where nobody explained them."""
    pair = _last_two(home, newest_id)
    explanation = _explanation(home, *pair) if pair else None
    return largest_changes(*pair, explanation, TAKEN_CHANGES) if pair and explanation else []


def _explanation(home: Home, older: Edition, newer: Edition) -> Explanation | None:
    """The account of the way between two editions, if the steward had it made."""
    folder = _account(home, older, newer)
    return read_explanation(folder) if (folder / ACCOUNT).exists() else None


def _account(home: Home, older: Edition, newer: Edition) -> Path:
    return home.changes / f"{older.id}_{newer.id}"


def _explained(older: Edition, newer: Edition, explanation: Explanation) -> Account:
    changed = explanation.figures.select(FIGURE).unique().height
    return Account(
        older.id, newer.id, changed, _by_causes(explanation), list(explanation.notes),
        largest_changes(older, newer, explanation, SHOWN_CHANGES), is_explained=True,
    )  # fmt: skip


def _by_causes(explanation: Explanation) -> dict[tuple[str, ...], int]:
    order = list(CAUSES)
    causes = explanation.parts.group_by(FIGURE).agg(pl.col("cause").unique())["cause"].to_list()
    counted = Counter(tuple(sorted(found, key=order.index)) for found in causes)
    return dict(counted.most_common())


def _last_two(home: Home, newest_id: str) -> tuple[Edition, Edition] | None:
    """The edition that is shown and the one before it, the older one first."""
    editions = _up_to(home, newest_id)
    return (editions[-2], editions[-1]) if len(editions) > 1 else None


def _up_to(home: Home, newest_id: str) -> list[Edition]:
    return [edition for edition in list_editions(home) if edition.id <= newest_id]


def _past(edition: Edition, newest_id: str) -> Past:
    published = datetime.fromisoformat(str(edition.manifest["published_at"]))
    return Past(
        edition.id, published.replace(tzinfo=None), edition.as_of, edition.code_version, edition.figures,
        edition.id == newest_id,
    )  # fmt: skip
