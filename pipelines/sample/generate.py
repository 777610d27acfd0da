"""One sample: a county that is composed, what its agencies deliver over some months, and what is true of it.

Belongs here: the order of the steps, and the tables of what was planted. Each step has its own module.

The truth is four Parquet tables under the data root's `truth/`:
- kpi_truth: one row per unit, period, KPI and target, in the columns of fct_kpi;
- planted_rows: one row per row of a current file that breaks a rule: file, row_number (line of the file), kind,
  rule_ids (all that it breaks, across files too), state (accepted where all are warnings, quarantined, duplicate);
- planted_files: one row per delivery with an incident: expected_outcome is accepted, superseded, no_op (the same
  bytes as the current file), refused (refusal_code says why), refused_superseded or missing (no file);
- files: one row per file with its form, arrival, and the account of its rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from expectations.contract import load_contracts
from pipelines.county import County, load_county, save_county
from pipelines.errors import WarehouseError, Words
from pipelines.sample.affairs import build_facilities, hear_disputes, register_temporary_residents
from pipelines.sample.chance import stream
from pipelines.sample.deliver import Change, Deliverer, WrittenFile
from pipelines.sample.dirt import plant
from pipelines.sample.people import Window, compose, day_number
from pipelines.sample.places import (
    Census,
    Places,
    county_frame,
    make_grids,
    people_of_new_community,
    places_of,
    population_by_community,
    with_new_community,
)
from pipelines.sample.plan import Plan, make_plan, suppliers_of
from pipelines.sample.planters import Scene
from pipelines.sample.sheets import STATE, SUPPLIER, Agencies, Planted, Sheet
from pipelines.sample.truth import Truth
from pipelines.settings import Home, add_months, month_end, month_name, month_start
from pipelines.setup import new_county

AS_OF = date(2026, 11, 22)
FEWEST_PEOPLE = 2_000
# Below this number of months no community opens: it would be too new in most of them.
FEWEST_MONTHS_TO_OPEN = 4
TOLERANCES = {"temporary_resident_registration_rate": 1}
# A file with more than 20 and more than 5 % bad rows is refused whole (contract).
BAD_ROWS, BAD_SHARE = 30, 0.08
LEFT_OUT_SHARE = 0.03
CORRECTED, REPEATED, REVISED, AGAIN = "_更正", "_副本", "_修订", "_再报"
CORRECTED_LATER = Planted("corrected_later", ("key.corrected_later",), "duplicate")
_DATASETS = ("grid_grids", "grid_residents")  # first, in this order: what others are planted by


@dataclass
class GenerationSummary:
    """What was written. `statuses`: rows of the truth by KPI and status."""

    county_code: str
    county_name: str
    people: int
    first_month: str
    months: int
    files: int = 0
    rows: int = 0
    size_bytes: int = 0
    planted_rows: int = 0
    planted_files: int = 0
    statuses: dict[str, dict[str, int]] = field(default_factory=dict)

    def __str__(self) -> str:
        return (
            f"{self.county_name} {self.county_code} · {self.first_month} +{self.months} · {self.people:,} 人/people · "
            f"{self.files} 个文件/files · {self.rows:,} 行/rows · {self.size_bytes / 1e6:,.0f} MB · "
            f"植入/planted {self.planted_rows:,} 行/rows, {self.planted_files} 个文件/files"
        )


def sample_county(county_code: str, units: pl.DataFrame, first_month: str, months: int) -> County:
    """The `county.yml` of a sample: suppliers as most counties have them, ended with the last month generated."""
    last = month_name(add_months(month_start(first_month), months - 1))
    return new_county(
        county_code,
        units,
        first_period=first_month,
        last_period=last,
        sample=True,
        tolerances=dict(TOLERANCES),
    )


def generate(
    home: Home, county_code: str, *, people: int | None = None, first_month: str = "2026-01", months: int = 6,
    seed: int = 20260101, as_of: date = AS_OF, on_progress: Callable[[str], None] | None = None,
) -> GenerationSummary:  # fmt: skip
    """Writes `county.yml` if there is none, the deliveries of `months` months into landing, and their truth.

    `people` live in the county when the sample begins, by default as many as at the census. The truth is that
    of an edition as of `as_of`. The same arguments give the same files, byte for byte. Files of an earlier
    sample in the same slots are removed. WarehouseError where the data root is not a sample county's, or
    the reference data do not know the county; ValueError for fewer than 2,000 people or no month.
    """
    if months < 1 or (people is not None and people < FEWEST_PEOPLE):
        raise ValueError(f"a sample has at least one month and {FEWEST_PEOPLE:,} people")
    units, census = county_frame(county_code, home.reference)
    county = _own_county(home, county_code, units, first_month, months)
    size = people or census.population
    sample = _Sample(
        home, county, units, census, size, first_month, months, seed, as_of, on_progress or (lambda _: None)
    )
    return sample.write()


def _own_county(home: Home, county_code: str, units: pl.DataFrame, first_month: str, months: int) -> County:
    """The data root's county, made if there is none, and moved on to the last month of the sample."""
    wanted = sample_county(county_code, units, first_month, months)
    if not home.county_file.exists():
        save_county(wanted, home.county_file)
        return wanted
    county = load_county(home.county_file)
    if not county.sample or county.county_code != county_code:
        raise WarehouseError(
            Words("不能在此写入示例数据", "Sample data cannot be written here"),
            where=home.county_file.name,
            expected=Words(
                f"{county_code} 的示例县（sample: true）", f"the sample county {county_code} (sample: true)"
            ),
            found=Words(
                f"{county.county_code}，sample: {county.sample}",
                f"{county.county_code}, sample: {county.sample}",
            ),
            advice=Words("换一个 WAREHOUSE_HOME", "use another WAREHOUSE_HOME"),
        )
    if (
        county.last_period is not None
        and wanted.last_period is not None
        and county.last_period < wanted.last_period
    ):
        county = county.model_copy(update={"last_period": wanted.last_period})
        save_county(county, home.county_file)
    return county


@dataclass
class _Sample:
    """One sample while it is being written."""

    home: Home
    county: County
    units: pl.DataFrame
    census: Census
    people: int
    first_month: str
    months: int
    seed: int
    as_of: date
    on_progress: Callable[[str], None]
    files: list[dict[str, Any]] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    incidents: list[dict[str, Any]] = field(default_factory=list)
    disputes: list[tuple[Sheet, dict[str, WrittenFile]]] = field(default_factory=list)

    def write(self) -> GenerationSummary:
        self.on_progress("人口 / people")
        self.places = self._places()
        agencies = self._agencies()
        self.plan: Plan = make_plan(self.county, self.first_month, self.months, self.seed)
        self.truth = Truth(self.county, self._units(), self.as_of)
        self.deliverer = Deliverer(self.home, self.county, self.seed)
        self.home.landing.mkdir(parents=True, exist_ok=True)
        self.home.landing.chmod(0o700)
        for number, month in enumerate(self._months()):
            self._deliver_month(agencies, number, month)
        self._settle_disputes()
        self.on_progress("标准答案 / truth")
        return self._save()

    def _months(self) -> list[date]:
        first = month_start(self.first_month)
        return [add_months(first, number) for number in range(self.months)]

    def _places(self) -> Places:
        first, last = self._months()[0], month_end(self._months()[-1])
        places = places_of(self.units, self.county.county_code, first, last, self.seed)
        if self.months < FEWEST_MONTHS_TO_OPEN:
            return places
        opening = add_months(first, self.months // 2).replace(day=12)
        return with_new_community(places, opening, set(self.units["unit_code"]))

    def _agencies(self) -> Agencies:
        months = self._months()
        window = Window(day_number(months[0]), day_number(month_end(months[-1])), self.months)
        living, temporary = population_by_community(self.places, self.census, self.people, self.seed)
        new = people_of_new_community(self.places, self.people)
        homes = living.copy()
        homes[self.places.standing :] = new
        grids = make_grids(self.places, homes, self.census, self.seed)
        population = compose(self.places, grids, living, temporary, new, self.census, window, self.seed)
        registrations = register_temporary_residents(self.places, population.stays, window, self.seed)
        facilities = build_facilities(self.places, grids, window, self.seed)
        disputes = hear_disputes(self.places, homes, self.first_month, self.months, self.seed)
        return Agencies(self.county, self.places, grids, population, registrations, facilities, disputes)

    def _units(self) -> pl.DataFrame:
        """The units as the warehouse will know them: the register, and what civil affairs adds to it."""
        known = self.units.select("unit_code", "unit_level", "valid_from", "valid_to")
        civil = self.places.communities.select(unit_code="code", opened_date="opened_date")
        new = civil.tail(civil.height - self.places.standing).select(
            "unit_code",
            unit_level=pl.lit("community"),
            valid_from="opened_date",
            valid_to=pl.lit(None, pl.Date),
        )
        return pl.concat([known, new]).join(civil, on="unit_code", how="left", maintain_order="left")

    # --- one month ---------------------------------------------------------------------------------------------

    def _deliver_month(self, agencies: Agencies, number: int, month: date) -> None:
        sheets: dict[str, Sheet] = {}
        lively: tuple[str, ...] = ()
        for dataset in sorted(load_contracts(), key=lambda name: (name not in _DATASETS, name)):
            if not suppliers_of(self.county, dataset):
                continue
            self.on_progress(f"{month_name(month)} {dataset}")
            missing = self.plan.missing(dataset, month)
            sheet = agencies.sheet(dataset, month).without(missing)
            if dataset == "grid_residents":
                lively = _lively(sheet)
            plant(sheet, self._scene(sheet, lively), number)
            written = self._deliver(sheet)
            for supplier in missing:
                self._clear_slot(supplier, sheet)
                self._note_incident(supplier, dataset, month, None, "missing", "missing", is_current=False)
            if dataset == "grid_disputes":
                self.disputes.append((sheet, written))
            else:
                self._note_rows(sheet, written)
                sheets[dataset] = sheet
        self.truth.note_month(month, sheets)

    def _scene(self, sheet: Sheet, lively: tuple[str, ...]) -> Scene:
        delivered = sheet.rows.group_by(SUPPLIER).agg(pl.col("_place").unique().sort()).sort(SUPPLIER)
        return Scene(
            end=month_end(sheet.month),
            units=frozenset([*self.units["unit_code"], *self.places.codes]),
            covers={supplier.id: supplier.covers for supplier in self.county.suppliers},
            delivered={supplier: tuple(codes) for supplier, codes in delivered.iter_rows()},
            suppliers_without_grids=tuple(self.plan.missing("grid_grids", sheet.month)),
            lively=lively,
            chance=stream(self.seed, "dirt", sheet.dataset, sheet.month),
        )

    def _deliver(self, sheet: Sheet) -> dict[str, WrittenFile]:
        """Write every supplier's files; returns by supplier the one that is current in the end."""
        current = {}
        for supplier in sorted(sheet.rows.get_column(SUPPLIER).unique()):
            self._clear_slot(supplier, sheet)
            self.truth.note_arrival(supplier, sheet.dataset, sheet.month)
            current[supplier] = self._deliver_slot(sheet, supplier)
        return current

    def _clear_slot(self, supplier: str, sheet: Sheet) -> None:
        folder = self.home.landing / supplier / sheet.dataset / month_name(sheet.month)
        for path in folder.glob("*") if folder.exists() else []:
            path.unlink()

    def _deliver_slot(self, sheet: Sheet, supplier: str) -> WrittenFile:
        arrival = self.plan.arrival(supplier, sheet.dataset, sheet.month)
        incident = self.plan.incident(supplier, sheet.dataset, sheet.month)
        if incident == "corrected":
            return self._deliver_corrected(sheet, supplier)
        file = self.deliverer.write(sheet, supplier, arrival)
        if incident == "late":
            self._note_file(file, sheet, "late", "accepted")
            return file
        self._note_file(file, sheet, incident, "accepted")
        second = self.plan.second_arrival(sheet.month)
        if incident == "repeated":
            copy = self.deliverer.repeat(file, second, REPEATED)
            self._note_file(copy, sheet, incident, "no_op", is_current=False)
        if incident == "header_missing":
            change = Change(REVISED, without_column="households")
            refused = self.deliverer.write(sheet, supplier, second, change)
            self._note_file(refused, sheet, incident, "refused", is_current=False)
        if incident == "too_many_bad_rows":
            self._deliver_bad_rows(sheet, supplier, file)
        return file

    def _deliver_corrected(self, sheet: Sheet, supplier: str) -> WrittenFile:
        """First an incomplete file, then the correction, then the first one again."""
        clean = self._clean_rows(sheet, supplier)
        left_out = clean[-max(1, round(len(clean) * LEFT_OUT_SHARE)) :]
        arrival = self.plan.arrival(supplier, sheet.dataset, sheet.month)
        first = self.deliverer.write(sheet, supplier, arrival, Change(leave_out=frozenset(left_out)))
        second = self.deliverer.write(
            sheet, supplier, self.plan.second_arrival(sheet.month), Change(CORRECTED)
        )
        third = self.deliverer.repeat(first, self.plan.third_arrival(sheet.month), AGAIN)
        self._note_file(first, sheet, "corrected", "superseded", is_current=False)
        self._note_file(second, sheet, "corrected", "accepted")
        self._note_file(third, sheet, "corrected", "refused_superseded", is_current=False)
        return second

    def _deliver_bad_rows(self, sheet: Sheet, supplier: str, file: WrittenFile) -> None:
        clean = self._clean_rows(sheet, supplier)
        count = max(BAD_ROWS, math.ceil(file.data * BAD_SHARE))
        if count > len(clean):
            return
        texts = tuple(("arrived_date", row, "待核实") for row in clean[:count])
        change = Change(REVISED, texts=texts)
        refused = self.deliverer.write(sheet, supplier, self.plan.second_arrival(sheet.month), change)
        self._note_file(refused, sheet, "too_many_bad_rows", "refused", is_current=False)

    def _clean_rows(self, sheet: Sheet, supplier: str) -> list[int]:
        own = np.flatnonzero((sheet.rows.get_column(SUPPLIER) == supplier).to_numpy())
        return [int(row) for row in own if row not in sheet.planted]

    # --- what is noted of it -----------------------------------------------------------------------------------

    def _note_file(
        self, file: WrittenFile, sheet: Sheet, incident: str | None, outcome: str, *, is_current: bool = True
    ) -> None:
        states = {"accepted": 0, "quarantined": 0, "duplicate": 0}
        if is_current:
            states["accepted"] = file.data
            for row in file.lines.keys() & sheet.planted.keys():
                state = sheet.planted[row].state
                states["accepted"] -= 1
                states[state] += 1
        self.files.append(
            {
                "supplier_id": file.supplier_id, "dataset": file.dataset, "period": file.period,
                "file_name": file.file_name, "form": file.form, "received_at": file.received_at, "size": file.size,
                "is_current": is_current, "rows_read": file.read, "rows_title": file.title, "rows_header": 1,
                "rows_note": file.note, "rows_totals": file.totals, "rows_blank": file.blank,
                **{f"rows_{state}": count for state, count in states.items()},
            }
        )  # fmt: skip
        if incident is not None:
            self._note_incident(
                file.supplier_id, file.dataset, sheet.month, file, incident, outcome, is_current=is_current
            )

    def _note_incident(
        self, supplier: str, dataset: str, month: date, file: WrittenFile | None, incident: str, outcome: str, *,
        is_current: bool,
    ) -> None:  # fmt: skip
        self.incidents.append(
            {
                "supplier_id": supplier, "dataset": dataset, "period": month_name(month),
                "file_name": file.file_name if file else None, "incident": incident, "expected_outcome": outcome,
                "refusal_code": incident if outcome == "refused" else None,
                "received_at": file.received_at if file else None, "is_current": is_current,
            }
        )  # fmt: skip

    def _note_rows(self, sheet: Sheet, written: dict[str, WrittenFile]) -> None:
        suppliers = sheet.rows.get_column(SUPPLIER)
        for row, planted in sorted(sheet.planted.items()):
            file = written[suppliers[row]]
            self.rows.append(
                {
                    "supplier_id": file.supplier_id, "dataset": file.dataset, "period": file.period,
                    "file_name": file.file_name, "row_number": file.lines[row], "kind": planted.kind,
                    "rule_ids": list(planted.rules), "state": planted.state,
                }
            )  # fmt: skip

    def _settle_disputes(self) -> None:
        """A dispute that was delivered again for a later month counts as delivered then."""
        last: dict[str, int] = {}
        for number, (sheet, _) in enumerate(self.disputes):
            accepted = sheet.rows.filter(pl.col(STATE) == "accepted")
            last.update(dict.fromkeys(accepted.get_column("dispute_no"), number))
        for number, (sheet, written) in enumerate(self.disputes):
            states = sheet.rows.get_column(STATE).to_list()
            for row, key in enumerate(sheet.rows.get_column("dispute_no")):
                if states[row] == "accepted" and last[key] > number:
                    sheet.planted[row], states[row] = CORRECTED_LATER, "duplicate"
            sheet.rows = sheet.rows.with_columns(pl.Series(STATE, states, dtype=pl.String))
            self._note_rows(sheet, written)
            self._count_corrected(sheet, written)
            self.truth.note_disputes(sheet)

    def _count_corrected(self, sheet: Sheet, written: dict[str, WrittenFile]) -> None:
        """The accounts of the files, now that it is known which disputes came again."""
        for supplier, file in written.items():
            corrected = sum(
                sheet.planted[row] is CORRECTED_LATER for row in file.lines.keys() & sheet.planted.keys()
            )
            for entry in self.files:
                if (entry["supplier_id"], entry["dataset"], entry["period"]) == (
                    supplier,
                    file.dataset,
                    file.period,
                ) and entry["is_current"]:
                    entry["rows_accepted"] -= corrected
                    entry["rows_duplicate"] += corrected

    def _save(self) -> GenerationSummary:
        kpis = self.truth.table(self._months()[-1])
        self.home.truth.mkdir(parents=True, exist_ok=True)
        rows = pl.DataFrame(self.rows, infer_schema_length=None).sort(
            "dataset", "period", "supplier_id", "row_number"
        )
        tables = {
            "kpi_truth": kpis,
            "planted_rows": rows,
            "planted_files": pl.DataFrame(self.incidents, infer_schema_length=None),
            "files": pl.DataFrame(self.files, infer_schema_length=None),
        }
        for name, table in tables.items():
            table.write_parquet(self.home.truth / f"{name}.parquet")
        counts = kpis.group_by("kpi_id", "status").len().sort("kpi_id", "status")
        statuses: dict[str, dict[str, int]] = {}
        for kpi, status, count in counts.iter_rows():
            statuses.setdefault(kpi, {})[status] = count
        return GenerationSummary(
            county_code=self.county.county_code, county_name=self.county.name_zh, people=self.people,
            first_month=self.first_month, months=self.months, files=len(self.files),
            rows=sum(entry["rows_read"] for entry in self.files), size_bytes=sum(entry["size"] for entry in self.files),
            planted_rows=rows.height, planted_files=len(self.incidents), statuses=statuses,
        )  # fmt: skip


def _lively(sheet: Sheet) -> tuple[str, ...]:
    """Communities with at least three temporary residents this month."""
    there = sheet.rows.filter((pl.col("residence_type") == "temporary") & pl.col("left_date").is_null())
    counts = there.group_by("community_code").len().filter(pl.col("len") >= 3)
    return tuple(counts.get_column("community_code").sort())
