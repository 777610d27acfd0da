"""One sample: a county that is composed, what its agencies deliver over some months, and what is true of it.

Belongs here: the order of the steps, and the tables of what was planted. Each step has its own module.

The truth is four Parquet tables under the data root's `truth/`, and a fifth where figures are touched up:
- kpi_truth: one row per unit, period, KPI and target, in the columns of fct_kpi;
- planted_rows: one row per row of a current file that breaks a rule: file, row_number (line of the file), kind,
  rule_ids (all that it breaks, across files too), state (accepted where all are warnings, quarantined, duplicate);
- planted_files: one row per delivery with an incident: expected_outcome is accepted, superseded, no_op (the same
  bytes as the current file), refused (refusal_code says why), refused_superseded or missing (no file);
- files: one row per file with its form, arrival, and the account of its rows;
- planted_signals: one row per signal that a monitor has to find (see `manipulation`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl

from expectations.contract import load_contract, load_contracts
from pipelines.county import County, Parameters, Supplier, load_county, save_county
from pipelines.errors import WarehouseError, Words
from pipelines.progress import Progress, silent
from pipelines.sample import domains
from pipelines.sample.affairs import build_facilities, hear_disputes, register_temporary_residents
from pipelines.sample.chance import stream
from pipelines.sample.deliver import Change, Deliverer, WrittenFile
from pipelines.sample.dirt import KINDS
from pipelines.sample.domains.assessments import DEPARTMENTS
from pipelines.sample.kinds import plant
from pipelines.sample.manipulation import Manipulation
from pipelines.sample.notes import Delivered, Notes
from pipelines.sample.people import Window, compose, day_number
from pipelines.sample.places import (
    Census,
    Grids,
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
from pipelines.sample.sheets import SUPPLIER, Agencies, Sheet
from pipelines.sample.truth import Truth
from pipelines.sample.world import World
from pipelines.settings import Home, add_months, month_end, month_name, month_start
from pipelines.setup import bring_register, new_county

AS_OF = date(2026, 11, 22)
FEWEST_PEOPLE = 2_000
# Below this number of months no community opens: it would be too new in most of them.
FEWEST_MONTHS_TO_OPEN = 4
# What the province delivers of its other counties.
PROVINCE_DIGITS = 2
OF_PROVINCE = ("civil_programmes", "civil_organizations")
PARAMETERS = Parameters(
    # long enough ago that the steps due within a year or two have come, and those within three years have not
    programme_starts={"D1": date(2025, 1, 1), "D6": date(2024, 1, 1)},
    tolerances={"temporary_resident_registration_rate": Decimal(1)},
)
# A file with more than 20 and more than 5 % bad rows is refused whole (contract).
BAD_ROWS, BAD_SHARE = 30, 0.08
LEFT_OUT_SHARE = 0.03
CORRECTED, REPEATED, REVISED, AGAIN = "_更正", "_副本", "_修订", "_再报"
_DATASETS = ("grid_grids", "grid_residents")  # first, in this order: what others are planted by


@dataclass
class GenerationSummary:
    """What was written. `statuses`: rows of the truth by KPI and status, where it was written."""

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
    """The `county.yml` of a sample: suppliers as most counties have them, ended with the last month generated.

    Beside them the province delivers programmes and organizations of its other counties, by which targets of a whole province are judged.
    """
    last = month_name(add_months(month_start(first_month), months - 1))
    county = new_county(
        county_code,
        units,
        first_period=first_month,
        last_period=last,
        sample=True,
        parameters=PARAMETERS,
    )
    province = county_code[:PROVINCE_DIGITS]
    names = units.filter(pl.col("unit_code") == province).get_column("unit_name").to_list()
    supplier = Supplier(id="province_civil", name_zh=f"{names[-1] if names else province}民政厅", covers=(province,))
    expected = tuple(
        one.model_copy(update={"suppliers": (*one.suppliers, supplier.id)}) if one.dataset in OF_PROVINCE else one
        for one in county.expected
    )
    return county.model_copy(update={"suppliers": (*county.suppliers, supplier), "expected": expected})


def generate(
    home: Home, county_code: str, *, people: int | None = None, first_month: str = "2026-01", months: int = 6,
    seed: int = 20260101, as_of: date = AS_OF, on_progress: Progress = silent,
    manipulated: bool = False, with_truth: bool = True, register: Path | None = None,
) -> GenerationSummary:  # fmt: skip
    """Writes `county.yml` if there is none, the deliveries of `months` months into landing, and their truth.

    `people` live in the county when the sample begins, by default as many as at the census. The truth is that
    of an edition as of `as_of`. `manipulated`: figures of some communities are touched up (see `manipulation`; at
    least six months). Without `with_truth` what was planted is written, but not the figures that follow, which take most
    of the time. `register`: a division register that has the county, where none is shipped. The same arguments give the
    same files, byte for byte. Files of an earlier sample in the same slots are removed. WarehouseError where the data root
    is not a sample county's, or the reference data do not know the county; ValueError for fewer than 2,000 people or no
    month.
    """
    if months < 1 or (people is not None and people < FEWEST_PEOPLE):
        raise ValueError(f"a sample has at least one month and {FEWEST_PEOPLE:,} people")
    known = _sample_of(home, county_code)
    if register is not None:
        bring_register(home, county_code, register)
    units, census = county_frame(county_code, home.reference)
    county = _moved_on(known, sample_county(county_code, units, first_month, months))
    if county != known:
        save_county(county, home.county_file)
    size = people or census.population
    sample = _Sample(
        home, county, units, census, size, first_month, months, seed, as_of, on_progress, manipulated, with_truth
    )
    return sample.write()


def _sample_of(home: Home, county_code: str) -> County | None:
    """The sample county of the data root, if there is one. WarehouseError where other data are kept there."""
    if not home.county_file.exists():
        return None
    county = load_county(home.county_file)
    if county.sample and county.county_code == county_code:
        return county
    raise WarehouseError(
        Words("示例数据不与其他数据混放", "Sample data are not put beside other data"),
        where=f"{home.county_file}",
        expected=Words(f"空的数据根目录，或 {county_code} 的示例县", f"an empty data root, or the sample of {county_code}"),
        found=Words(
            f"{county.county_code} {county.name_zh}，{'示例数据' if county.sample else '正式数据（warehouse init 所建）'}",
            f"{county.county_code}, {'sample data' if county.sample else 'official data, as warehouse init sets up'}",
        ),
        advice=Words(
            f"换一个数据根目录，如 WAREHOUSE_HOME=sample warehouse generate --county {county_code}",
            f"use another data root, such as WAREHOUSE_HOME=sample warehouse generate --county {county_code}",
        ),
    )


def _moved_on(known: County | None, wanted: County) -> County:
    """The data root's county as it is, but for the last month, which is the sample's where that is later."""
    if known is None:
        return wanted
    ends = [county.last_period for county in (known, wanted)]
    return known.model_copy(update={"last_period": max(end for end in ends if end)}) if all(ends) else known


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
    on_progress: Progress
    is_manipulated: bool = False
    has_truth: bool = True
    manipulation: Manipulation | None = None
    notes: Notes = field(default_factory=Notes)
    # deliveries of event datasets, of which later ones may say more
    events: dict[str, list[Delivered]] = field(default_factory=dict)

    def write(self) -> GenerationSummary:
        self.on_progress("人口 / people")
        self.places = self._places()
        agencies = self._agencies()
        self.plan: Plan = make_plan(self.county, self.first_month, self.months, self.seed)
        if self.is_manipulated:
            self.manipulation = Manipulation(agencies, self.plan, self._months(), self.seed)
        self.truth = Truth(self.county, self._units(agencies.grids), self.as_of, kpis=domains.MEASURES)
        self.deliverer = Deliverer(self.home, self.county, self.seed)
        self.home.landing.mkdir(parents=True, exist_ok=True)
        self.home.landing.chmod(0o700)
        for number, month in enumerate(self._months()):
            self.on_progress(f"{month_name(month)} 报送文件 deliveries", number / self.months)
            self._deliver_month(agencies, number, month)
        for delivered in self.events.values():
            self.notes.settle_events(delivered)
            for sheet, _ in delivered:
                self.truth.note_events(sheet)
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
        world = World(
            self.county, self.places, grids, population, homes, facilities, disputes, tuple(months), window, self.seed
        )
        return Agencies(world, registrations, domains.books(world))

    def _units(self, grids: Grids) -> pl.DataFrame:
        """The units as the warehouse will know them: the register, and what civil affairs and grid management add."""
        known = self.units.select("unit_code", "unit_level", "valid_from", "valid_to", known_class="class")
        civil = self.places.communities.select("opened_date", "class", "city_class", unit_code="code")
        new = civil.tail(civil.height - self.places.standing).select(
            "unit_code",
            unit_level=pl.lit("community"),
            valid_from="opened_date",
            valid_to=pl.lit(None, pl.Date),
            known_class="class",
        )
        county = known.filter(pl.col("unit_code") == self.county.county_code)
        departments = pl.DataFrame(
            [
                {**row, "unit_code": code, "unit_level": "department", "unit_name": name}
                for row in county.sort("valid_from").head(1).iter_rows(named=True)
                for code, name in DEPARTMENTS.items()
            ]
        )
        units = pl.concat([known, new, departments], how="diagonal_relaxed").join(civil, on="unit_code", how="left", maintain_order="left")
        units = units.with_columns(pl.coalesce("class", "known_class").alias("class"))
        general = grids.register.filter(pl.col("kind") == "general").select("grid_code", unit_code="community_code")
        divided = units.filter(pl.col("valid_to").is_null()).join(general, on="unit_code", maintain_order="left")
        parts = divided.with_columns(unit_code="grid_code", unit_level=pl.lit("grid")).select(units.columns)
        return pl.concat([units, parts])

    # --- one month ---------------------------------------------------------------------------------------------

    def _deliver_month(self, agencies: Agencies, number: int, month: date) -> None:
        sheets: dict[str, Sheet] = {}
        lively: tuple[str, ...] = ()
        for dataset in sorted(load_contracts(), key=lambda name: (name not in _DATASETS, name)):
            if not suppliers_of(self.county, dataset) or dataset not in agencies.books:
                continue
            missing = self.plan.missing(dataset, month)
            sheet = agencies.sheet(dataset, month).without(missing)
            if self.manipulation:
                sheet = self.manipulation.applied(sheet)
            if dataset == "grid_residents":
                lively = _lively(sheet)
            plant(sheet, self._scene(sheet, lively), number, (*KINDS, *domains.DIRT))
            written = self._deliver(sheet)
            for supplier in missing:
                self._clear_slot(supplier, sheet)
                self.notes.note_incident(supplier, dataset, month, None, "missing", "missing", is_current=False)
            if load_contract(dataset).kind == "event":
                self.events.setdefault(dataset, []).append((sheet, written))
            else:
                self.notes.note_rows(sheet, written)
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
        if self.manipulation and (first := self.manipulation.first_delivery(sheet, supplier)):
            return self._deliver_replaced(first, sheet, supplier)
        file = self.deliverer.write(sheet, supplier, arrival)
        if incident == "late":
            self.notes.note_file(file, sheet, "late", "accepted")
            return file
        self.notes.note_file(file, sheet, incident, "accepted")
        second = self.plan.second_arrival(sheet.month)
        if incident == "repeated":
            copy = self.deliverer.repeat(file, second, REPEATED)
            self.notes.note_file(copy, sheet, incident, "no_op", is_current=False)
        if incident == "header_missing":
            change = Change(REVISED, without_column="households")
            refused = self.deliverer.write(sheet, supplier, second, change)
            self.notes.note_file(refused, sheet, incident, "refused", is_current=False)
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
        self.notes.note_file(first, sheet, "corrected", "superseded", is_current=False)
        self.notes.note_file(second, sheet, "corrected", "accepted")
        self.notes.note_file(third, sheet, "corrected", "refused_superseded", is_current=False)
        return second

    def _deliver_replaced(self, first: Sheet, sheet: Sheet, supplier: str) -> WrittenFile:
        """First what is true, then a correction that leaves rows of it out."""
        before = self.deliverer.write(first, supplier, self.plan.arrival(supplier, sheet.dataset, sheet.month))
        after = self.deliverer.write(sheet, supplier, self.plan.second_arrival(sheet.month), Change(CORRECTED))
        self.notes.note_file(before, first, "manipulated", "superseded", is_current=False)
        self.notes.note_file(after, sheet, "manipulated", "accepted")
        return after

    def _deliver_bad_rows(self, sheet: Sheet, supplier: str, file: WrittenFile) -> None:
        clean = self._clean_rows(sheet, supplier)
        count = max(BAD_ROWS, math.ceil(file.data * BAD_SHARE))
        if count > len(clean):
            return
        texts = tuple(("arrived_date", row, "待核实") for row in clean[:count])
        change = Change(REVISED, texts=texts)
        refused = self.deliverer.write(sheet, supplier, self.plan.second_arrival(sheet.month), change)
        self.notes.note_file(refused, sheet, "too_many_bad_rows", "refused", is_current=False)

    def _clean_rows(self, sheet: Sheet, supplier: str) -> list[int]:
        own = np.flatnonzero((sheet.rows.get_column(SUPPLIER) == supplier).to_numpy())
        return [int(row) for row in own if row not in sheet.planted]

    def _save(self) -> GenerationSummary:
        self.home.truth.mkdir(parents=True, exist_ok=True)
        self.notes.save(self.home.truth)
        if self.manipulation:
            self.manipulation.table().write_parquet(self.home.truth / "planted_signals.parquet")
        statuses = self._save_figures() if self.has_truth else {}
        return GenerationSummary(
            county_code=self.county.county_code, county_name=self.county.name_zh, people=self.people,
            first_month=self.first_month, months=self.months, files=len(self.notes.files),
            rows=sum(entry["rows_read"] for entry in self.notes.files), size_bytes=sum(entry["size"] for entry in self.notes.files),
            planted_rows=len(self.notes.rows), planted_files=len(self.notes.incidents), statuses=statuses,
        )  # fmt: skip

    def _save_figures(self) -> dict[str, dict[str, int]]:
        """Every figure that the deliveries give, written; how many of each KPI have which status."""
        self.on_progress("标准答案 / truth")
        kpis = self.truth.table(self._months()[-1])
        kpis.write_parquet(self.home.truth / "kpi_truth.parquet")
        statuses: dict[str, dict[str, int]] = {}
        for kpi, status, count in kpis.group_by("kpi_id", "status").len().sort("kpi_id", "status").iter_rows():
            statuses.setdefault(kpi, {})[status] = count
        return statuses


def _lively(sheet: Sheet) -> tuple[str, ...]:
    """Communities with at least three temporary residents this month."""
    there = sheet.rows.filter((pl.col("residence_type") == "temporary") & pl.col("left_date").is_null())
    counts = there.group_by("community_code").len().filter(pl.col("len") >= 3)
    return tuple(counts.get_column("community_code").sort())
