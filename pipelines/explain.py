"""Between two editions each changed figure is explained: how much of the change comes from which cause.

The lake never changes and a manifest names its batches, so the way from the older edition to the newer one is
walked in steps of one cause each (explain_steps), their figures computed by the models (explain_replay) and the
differences summed by cause (explain_account). Belongs here: the walk, and the results that are kept.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import zip_longest
from pathlib import Path

import duckdb
import polars as pl
from pydantic import ValidationError

from pipelines.audit import GateFailed, columns_with_identifiers
from pipelines.code_version import code_version
from pipelines.control_tables import COUNTY_PACK
from pipelines.county import County, load_county
from pipelines.durable import sync
from pipelines.editions import Edition
from pipelines.errors import WarehouseError, Words
from pipelines.explain_account import Segment, are_different, find_changed, find_changed_targets, make_account
from pipelines.explain_replay import Ledger, replaying
from pipelines.explain_steps import CAUSES, Inputs, first_taken_dates, steps_between
from pipelines.manifests import MANIFEST, read_manifest, write_manifest
from pipelines.parts import parts_of
from pipelines.settings import Home
from pipelines.sql import literal

_TABLES = ("figures", "causes")
_SETTINGS_UNKNOWN = Words(
    "版本未记录当时的县级配置：按相邻或当前配置重算，配置的影响计入口径",
    "an edition does not say which county settings it had: those of the other one, or the present ones, were taken, "
    "and what settings did counts as definition",
)
_OTHER_CODE = Words(
    "两个版本之间的步骤按当前程序重算；与当时程序的差别计入口径",
    "the steps between the editions were computed by the present code; where that differs from theirs, the "
    "difference counts as definition",
)


@dataclass(frozen=True)
class Explanation:
    """Why figures differ between two editions.

    `causes`: 'changed' where its step changed inputs, 'unchanged', or 'unknown' where an edition does not say.
    `notes`: what a reader must know, in both languages.
    """

    folder: Path
    older: str
    newer: str
    causes: dict[str, str]
    notes: list[Words]

    @property
    def figures(self) -> pl.DataFrame:
        """One row per changed figure and target, with what both editions say."""
        return pl.read_parquet(self.folder / "figures.parquet")

    @property
    def parts(self) -> pl.DataFrame:
        """One row per changed figure and cause: delta_numerator, delta_denominator, changes_judgement."""
        return pl.read_parquet(self.folder / "causes.parquet")


def explain(
    home: Home, older: Edition, newer: Edition, on_progress: Callable[[str], None] = lambda _: None
) -> Explanation:
    """Explains every figure in which the editions differ; what was explained once is read again.

    Raises WarehouseError where the editions are one, a batch is gone or a model fails; GateFailed where the result
    would hold an identity number.
    """
    if older.id == newer.id:
        raise WarehouseError(
            Words("两个版本相同", "The two editions are one"),
            where=older.id,
            expected=Words("两个不同的版本", "two editions"),
            found=Words("同一个版本两次", "one of them twice"),
            advice=Words("用 warehouse editions list 查看", "see warehouse editions list"),
        )
    folder = home.changes / f"{older.id}_{newer.id}"
    if not (folder / MANIFEST).exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".draft-", dir=folder.parent) as draft:
            _Walk(home, older, newer, on_progress).write(Path(draft) / folder.name)
            if not folder.exists():  # somebody else may have asked the same meanwhile
                (Path(draft) / folder.name).rename(folder)
                sync(folder.parent)
    return read_explanation(folder)


def read_explanation(folder: Path) -> Explanation:
    manifest = read_manifest(folder)
    notes = [Words(**note) for note in manifest["notes"]]
    return Explanation(folder, manifest["older"], manifest["newer"], manifest["causes"], notes)


@dataclass
class _Walk:
    """From one edition to the other, once."""

    home: Home
    older: Edition
    newer: Edition
    on_progress: Callable[[str], None]
    ledger: Ledger = field(init=False)
    causes: dict[str, str] = field(default_factory=lambda: dict.fromkeys(CAUSES, "unchanged"), init=False)
    notes: list[Words] = field(default_factory=list, init=False)

    def write(self, folder: Path) -> None:
        """Everything that is kept of the walk, into a new folder."""
        folder.mkdir()
        figures = self.older.table("fct_kpi"), self.newer.table("fct_kpi")
        with duckdb.connect() as connection, ExitStack() as stack:
            find_changed(connection, *figures)
            counties = self._counties()
            targets = self._changed_targets(connection, counties)
            stops = self._stops(connection, counties)
            make_account(connection, figures[0], self._segments(connection, stops, stack), targets)
            found = columns_with_identifiers(connection, parts_of(connection, _TABLES))
            if found:
                raise GateFailed({"identifiers": found})
            for table in _TABLES:
                path = folder / f"{table}.parquet"
                connection.execute(f"copy {table} to {literal(str(path))} (format parquet, compression zstd)")
                sync(path)
        self._write_manifest(folder)

    def _counties(self) -> tuple[County, County]:
        """The settings of both editions; of one that does not say, those of the other, or the present ones."""
        known = [_county_of(edition) for edition in (self.older, self.newer)]
        if None in known:
            self.causes["settings"] = "unknown"
            self.notes.append(_SETTINGS_UNKNOWN)
        older, newer = known
        present = newer or older or load_county(self.home.county_file)
        return older or present, present

    def _changed_targets(self, connection: duckdb.DuckDBPyConnection, counties: tuple[County, County]) -> set[str]:
        older, newer = ({*county.packs, COUNTY_PACK} for county in counties)
        tables = self.older.table("dim_target"), self.newer.table("dim_target")
        targets = find_changed_targets(connection, *tables, (older, newer))
        if targets:
            self.causes["target"] = "changed"
        return targets

    def _stops(
        self, connection: duckdb.DuckDBPyConnection, counties: tuple[County, County]
    ) -> list[tuple[str, Inputs]]:
        """The causes along the way, each with the inputs at its end; the last one ends at the newer edition."""
        self.ledger = Ledger.of(self.home)
        older, newer = (
            Inputs(
                self.ledger.by_slot(self.home, edition.id, edition.manifest["batches"]), county, edition.as_of,
                self.ledger.delivered, frozenset(edition.manifest.get("link_decisions", ())),
                frozenset(edition.manifest.get("rule_changes", ())),
            )
            for edition, county in zip((self.older, self.newer), counties, strict=True)
        )  # fmt: skip
        are_units_changed = are_different(connection, self.older.table("dim_unit"), self.newer.table("dim_unit"))
        steps = steps_between(older, newer, first_taken_dates(self.ledger.log), are_units_changed=are_units_changed)
        stops = [(step.cause, step.inputs) for step in steps]
        if self.older.code_version != code_version():
            stops.insert(0, ("definition", older))
        if self.newer.code_version != code_version():
            self.notes += [_OTHER_CODE] if steps else []
            stops.append(("definition", newer))
        # Neighbours of one cause are one stop: nothing between them has to be computed.
        stops = [stop for stop, after in zip_longest(stops, stops[1:]) if after is None or after[0] != stop[0]]
        # From equal inputs by equal code a figure can differ only by what the product itself means by it.
        stops = stops or [("definition", newer)]
        for cause, _ in stops:
            self.causes[cause] = "changed"
        return stops

    def _segments(
        self, connection: duckdb.DuckDBPyConnection, stops: list[tuple[str, Inputs]], stack: ExitStack
    ) -> list[Segment]:
        """The figures at every stop; at the last one those that the newer edition published."""
        segments = []
        periods = connection.execute("select distinct period_type, period from changed").fetchall()
        if periods and len(stops) > 1:
            replay = stack.enter_context(replaying(self.home, self.ledger, set(periods), self.on_progress))
            for cause, inputs in stops[:-1]:
                self.on_progress(f"{CAUSES[cause].zh} {CAUSES[cause].en}")
                segments.append(Segment(cause, replay.compute(inputs)))
        return [*segments, Segment(stops[-1][0], self.newer.table("fct_kpi"))]

    def _write_manifest(self, folder: Path) -> None:
        manifest = {
            "older": self.older.id,
            "newer": self.newer.id,
            "explained_at": datetime.now(UTC).replace(tzinfo=None).isoformat(),
            "code_version": code_version(),
            "causes": self.causes,
            "notes": [vars(note) for note in self.notes],
            "files": {
                path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.glob("*.parquet"))
            },
        }
        write_manifest(folder, json.dumps(manifest, ensure_ascii=False, indent=1))


def _county_of(edition: Edition) -> County | None:
    """The settings that an edition was computed with; None where it does not say so that they are understood now."""
    try:
        return County.model_validate(edition.manifest["county"])
    except (KeyError, ValidationError):
        return None
