"""Figures that somebody touched up: what the monitors of integrity have to find (see dbt/macros/signals/).

Belongs here: what is done to the sheets before errors are planted and files are written, and the list of it. The rows
are sound by every rule, so that nothing but a monitor tells; the truth of KPIs follows, since it is counted from the
sheets. Does not belong here: errors in rows (see `dirt`).

Everything is done to large communities, one each, in the last month, by the one before or over the last six.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np
import polars as pl

from pipelines.sample.chance import stream
from pipelines.sample.names import compose_numbers
from pipelines.sample.plan import Plan, suppliers_of
from pipelines.sample.sheets import ORDER, SUPPLIER, Agencies, Sheet
from pipelines.settings import month_end

FEWEST_MONTHS = 6
# What a monitor takes months to see is done over as many.
DRIFT_MONTHS = 6
# Invented residents: of the community's own, each month more, or at once.
DRIFT_SHARE = 0.1
DROPPED_SHARE = 0.12
JUMP = 2.0
LARGEST_BURST = 30
# Communities between 20 and 30 m² per 100 households, the closest first, are lifted to just above 30.
TARGET_M2, LOWEST_M2, LIFT_M2, MOST_LIFTED = 30.0, 20.0, 0.5, 16
# No street of the sample, and nobody from outside, has numbers of this area.
_AREA_OF_INVENTED = 950
_FIRST_INVENTED = 10_000_000
# What is done to a large community → the dataset that it shows in. Others are done where there is most to do it with.
_SHOWS_IN = {
    "corrected": "grid_residents", "sources_drift": "grid_residents", "denominator_drop": "household_persons",
    "jump": "grid_grids",
}  # fmt: skip

PLANTED_SCHEMA: dict[str, Any] = {
    "signal": pl.String, "unit_code": pl.String, "period": pl.Date, "kpi_id": pl.String, "dataset": pl.String,
    "rows": pl.Int64,
}  # fmt: skip


@dataclass
class Manipulation:
    """What is touched up in one sample. ValueError for one of fewer than six months, or too small for it.

    `planted`: one row per signal to be found, `rows` of the sheets being changed for it.
    """

    agencies: Agencies
    plan: Plan
    months: list[date]
    seed: int
    planted: list[dict[str, Any]] = field(default_factory=list)
    # what is done → the community that it is done to
    _chosen: dict[str, str] = field(default_factory=dict)
    # dataset, supplier, month → the sheet as it was delivered first
    _first: dict[tuple[str, str, date], Sheet] = field(default_factory=dict)
    # disputes that were listed as settled
    _settled: pl.DataFrame | None = None
    # households of each community in the month, as the grid lists them
    _households: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.months) < FEWEST_MONTHS:
            raise ValueError(f"a sample that is touched up has at least {FEWEST_MONTHS} months")
        sizes = self.agencies.grids.register.group_by("community_code").agg(pl.col("households").sum())
        largest = sizes.sort("households", "community_code", descending=[True, False])["community_code"].to_list()
        for name, dataset in _SHOWS_IN.items():
            self._chosen[name] = self._first_usual(largest, dataset)

    def applied(self, sheet: Sheet) -> Sheet:
        """The sheet as it is delivered in the end; nothing may be planted yet."""
        changes: dict[str, Callable[[Sheet], Sheet]] = {
            "civil_facilities": self._lift_to_target,
            "grid_disputes": self._reopen,
            "grid_events": self._verify_at_once,
            "grid_grids": self._more_households,
            "grid_residents": self._touch_residents,
            "household_persons": self._without_absent,
        }
        return changes[sheet.dataset](sheet) if sheet.dataset in changes else sheet

    def first_delivery(self, sheet: Sheet, supplier: str) -> Sheet | None:
        """What the supplier delivered before the correction by which rows went missing; None where nothing did."""
        return self._first.get((sheet.dataset, supplier, sheet.month))

    def table(self) -> pl.DataFrame:
        """One row per signal to be found."""
        return pl.DataFrame(self.planted, schema=PLANTED_SCHEMA).sort("signal", "unit_code")

    # --- what is done ------------------------------------------------------------------------------------------

    def _without_absent(self, sheet: Sheet) -> Sheet:
        """Registered persons who live elsewhere are left out, so that the rate of those at home rises."""
        code = self._chosen["denominator_drop"]
        if sheet.month != self.months[-1]:
            return sheet
        kept = sheet.rows.filter((pl.col("_place") != code) | pl.col("lives_here"))
        self._note("denominator_drop", code, sheet, sheet.rows.height - kept.height, "registered_address_residence_rate")
        return _with_rows(sheet, kept)

    def _touch_residents(self, sheet: Sheet) -> Sheet:
        number = self.months.index(sheet.month) - (len(self.months) - DRIFT_MONTHS)
        if number > 0:
            sheet = self._invent(sheet, self._chosen["sources_drift"], number)
        return self._correct_away(sheet) if sheet.month == self.months[-1] else sheet

    def _invent(self, sheet: Sheet, code: str, number: int) -> Sheet:
        """People whom nobody registered, `number` times the share, the same ones as the month before among them."""
        own = sheet.rows.filter(
            (pl.col("_place") == code) & (pl.col("id_type") == "resident_id") & (pl.col("residence_type") == "registered")
        )
        like = own.sort("_person").head(round(sheet.rows.filter(pl.col("_place") == code).height * DRIFT_SHARE))
        invented = pl.concat([like] * number).with_row_index("_number").with_columns(
            _person=_FIRST_INVENTED + pl.col("_number").cast(pl.Int64),
            name=pl.col("name").str.slice(0, 1) + pl.col("name").str.slice(1).str.reverse(),
        )
        birth_days = invented["birth_date"].cast(pl.Int32).cast(pl.Int64).to_numpy()
        is_male = (invented["sex"] == "male").to_numpy()
        area = np.full(invented.height, _AREA_OF_INVENTED)
        numbers = compose_numbers(birth_days, is_male, area)
        rows = invented.with_columns(numbers.alias("id_number")).drop("_number")
        if sheet.month == self.months[-1]:
            self._note("sources_drift", code, sheet, rows.height, "actual_population_link_rate")
        return _with_rows(sheet, sheet.rows, rows)

    def _correct_away(self, sheet: Sheet) -> Sheet:
        """A correction leaves out temporary residents who are not registered, and others until it is a tenth."""
        code = self._chosen["corrected"]
        registered = self.agencies.registrations["person"].to_list()
        own = sheet.rows.filter(pl.col("_place") == code).with_columns(
            _wanted=(pl.col("residence_type") == "temporary") & ~pl.col("_person").is_in(registered)
        )
        count = max(int(own["_wanted"].sum()), round(own.height * DROPPED_SHARE))
        gone = own.sort("_wanted", "_person", descending=[True, False]).head(count)["_person"]
        kept = sheet.rows.filter((pl.col("_place") != code) | ~pl.col("_person").is_in(gone.to_list()))
        supplier = own[SUPPLIER][0]
        self._first[sheet.dataset, supplier, sheet.month] = Sheet(sheet.dataset, sheet.month, sheet.rows)
        self._note("denominator_drop", code, sheet, count)
        return _with_rows(sheet, kept)

    def _more_households(self, sheet: Sheet) -> Sheet:
        """The households of a community jump; those of the others are noted, since areas are held against them."""
        code = self._chosen["jump"]
        if sheet.month != self.months[-1]:
            return sheet
        households = pl.col("households")
        grown = pl.when(pl.col("_place") == code).then((households * JUMP).cast(pl.Int64)).otherwise(households)
        rows = sheet.rows.with_columns(grown.alias("households"))
        general = rows.filter(pl.col("kind") == "general").group_by("_place").agg(households.sum())
        self._households = dict(general.iter_rows())
        count = rows.filter(pl.col("_place") == code).height
        self._note("jump", code, sheet, count, "facility_area_per_100_households")
        return _with_rows(sheet, rows)

    def _lift_to_target(self, sheet: Sheet) -> Sheet:
        """Buildings grow on paper until their community just meets its target."""
        if sheet.month != self.months[-1]:
            return sheet
        services = sheet.rows.with_row_index("_row").filter(
            (pl.col("kind") == "comprehensive_service") & pl.col("closed_date").is_null()
        )
        close: list[tuple[float, int, int]] = []
        for (code,), own in services.group_by("_place", maintain_order=True):
            households = self._households.get(str(code), 0)
            if own.height != 1 or households == 0 or code in self._chosen.values():
                continue
            value = own["floor_area_m2"][0] / households  # hundredths of m² per household: m² per 100 households
            if LOWEST_M2 <= value < TARGET_M2:
                close.append((value, own["_row"][0], households))
        chance = stream(self.seed, "manipulation", sheet.dataset)
        # those that miss by least come first
        lifted = {
            row: int(np.ceil((TARGET_M2 + float(chance.uniform(0, LIFT_M2))) * households))
            for _, row, households in sorted(close, reverse=True)[:MOST_LIFTED]
        }
        areas = sheet.rows["floor_area_m2"].scatter(list(lifted), list(lifted.values()))
        changed = _with_rows(sheet, sheet.rows.with_columns(areas))
        for row in lifted:
            changed.take(row)
        self._note("bunching", self.agencies.county.county_code, sheet, len(lifted), "facility_area_per_100_households")
        return changed

    def _verify_at_once(self, sheet: Sheet) -> Sheet:
        """Closed events are all verified at one moment after the month's end."""
        if sheet.month != self.months[-1]:
            return sheet
        moment = datetime.combine(month_end(sheet.month) + timedelta(days=1), time(9, 5))
        code, closed = self._most("timestamp_burst", sheet, (pl.col("status") == "closed") & (pl.col("handled_at") < moment))
        chosen = closed["_row"].head(LARGEST_BURST)
        changed = _with_rows(sheet, sheet.rows.with_columns(sheet.rows["verified_at"].scatter(chosen, moment)))
        for row in chosen:
            changed.take(row)
        self._note("timestamp_burst", code, sheet, len(chosen))
        return changed

    def _reopen(self, sheet: Sheet) -> Sheet:
        """Disputes are listed as settled in one month and as pending in the next."""
        if sheet.month == self.months[-2]:
            changed = _with_rows(sheet, sheet.rows)
            _, settled = self._most("reopened", sheet, pl.col("handled_date").is_not_null())
            for row in settled["_row"]:
                changed.take(row)
            self._settled = settled.drop("_row")
            return changed
        if sheet.month == self.months[-1] and self._settled is not None:
            pending = self._settled.with_columns(
                handled_date=pl.lit(None, pl.Date), result=pl.lit("pending"), _is_only_listing=pl.lit(False)
            )
            self._note("reopened", self._chosen["reopened"], sheet, pending.height)
            return _with_rows(sheet, sheet.rows, pending)
        return sheet

    def _most(self, name: str, sheet: Sheet, condition: pl.Expr) -> tuple[str, pl.DataFrame]:
        """The community, of those to which nothing else is done, with the most such rows; and these, numbered."""
        rows = sheet.rows.with_row_index("_row").filter(condition)
        counts = rows.group_by("_place").len().sort("len", "_place", descending=[True, False])
        places = [code for code in counts["_place"] if code not in self._chosen.values()]
        self._chosen[name] = self._first_usual(places, sheet.dataset)
        return self._chosen[name], rows.filter(pl.col("_place") == self._chosen[name])

    def _first_usual(self, codes: Iterable[str], dataset: str) -> str:
        """The first of these communities that is not taken, and whose supplier delivers as usual."""
        standing = set(self.agencies.places.codes[: self.agencies.places.standing])
        for code in codes:
            if code in standing and code not in self._chosen.values() and not self._is_disturbed(code, dataset):
                return code
        raise ValueError("too few communities whose suppliers deliver as usual; take a larger county")

    def _is_disturbed(self, code: str, dataset: str) -> bool:
        """Whether the community's delivery is missing in the last months, or anything happens to the last one."""
        county, last = self.agencies.county, self.months[-1]
        return any(
            self.plan.incident(supplier, dataset, month) == "missing"
            or (month == last and self.plan.incident(supplier, dataset, month) is not None)
            for supplier in suppliers_of(county, dataset)
            if any(map(code.startswith, county.supplier(supplier).covers))
            for month in self.months[-FEWEST_MONTHS:]
        )

    def _note(self, signal: str, code: str, sheet: Sheet, rows: int, kpi_id: str | None = None) -> None:
        if not rows:
            raise ValueError(f"nothing in {sheet.dataset} of {code} could be touched up; the sample is too small")
        dataset = None if kpi_id else sheet.dataset
        self.planted.append(
            {"signal": signal, "unit_code": code, "period": sheet.month, "kpi_id": kpi_id, "dataset": dataset, "rows": rows}
        )


def _with_rows(sheet: Sheet, rows: pl.DataFrame, added: pl.DataFrame | None = None) -> Sheet:
    """The sheet with other rows; those added stand at the end of their files, and no error is planted in them."""
    if added is None:
        return Sheet(sheet.dataset, sheet.month, rows)
    last = pl.int_range(pl.len()).cast(pl.Float64) + float(rows.height)
    together = pl.concat([rows, added.with_columns(last.alias(ORDER)).select(rows.columns)], rechunk=True)
    both = Sheet(sheet.dataset, sheet.month, together)
    for row in range(rows.height, both.rows.height):
        both.take(row)
    return both
