"""How a domain's books become deliveries: a small domain of three datasets in place of the shipped ones."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from expectations.contract import load_contract, load_contracts
from pipelines.county import County, load_county
from pipelines.protection.casts import cast, normalise, read_timestamp
from pipelines.reading import read_file
from pipelines.sample import domains, generate
from pipelines.sample.dirt import KINDS
from pipelines.sample.kinds import DirtKind, any_row
from pipelines.sample.measuring import Kpi, Measure
from pipelines.sample.planters import cell, repeated
from pipelines.sample.sheets import Agencies
from pipelines.sample.style import TIMESTAMP_FORMATS
from pipelines.sample.world import Book, World
from pipelines.settings import Home

COUNTY, PEOPLE, MONTHS = "610629", 2_000, 3
FIRST_DATASETS = {kind.dataset for kind in KINDS}
EVENTS, PROGRAMMES, DUTY = "grid_events", "civil_programmes", "grid_duty"
TYPES: dict[str, Any] = {
    "date": pl.Date, "timestamp": pl.Datetime("us"), "integer": pl.Int64, "decimal": pl.Int64, "boolean": pl.Boolean,
    "list": pl.List(pl.String),
}  # fmt: skip


def frame(dataset: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Rows with every column of the contract, and where they are placed."""
    columns = {column.name: TYPES.get(column.type, pl.String) for column in load_contract(dataset).columns}
    full = [{**dict.fromkeys(columns), **row} for row in rows]
    return pl.DataFrame(full, schema={**columns, "_place": pl.String})


def reported_at(number: int, month: date) -> datetime:
    """In whole minutes, but for every fifth one."""
    return datetime(month.year, month.month, 3 + number % 20, 8, number % 60, 7 if number % 5 == 0 else 0)


def books(world: World) -> dict[str, Book]:
    codes = world.places.codes[: world.places.standing]

    def event(number: int, code: str, month: date, *, is_closed: bool) -> dict[str, Any]:
        reported = reported_at(number, month)
        return {
            "event_no": f"SJ{month:%y%m}-{number:04d}", "grid_code": f"{code}-001", "community_code": code,
            "category": "other", "reported_at": reported, "verified_by_reporter": True, "micro_event": False,
            "verified_at": reported + timedelta(days=1) if is_closed else None, "department": "城管",
            "disposal": "urged", "status": "closed" if is_closed else "reported", "_place": code,
        }  # fmt: skip

    def events(month: date, _: date) -> pl.DataFrame:
        """Of each community one; those with an even number are closed when they are listed again a month later."""
        rows = [event(number, code, month, is_closed=bool(number % 2)) for number, code in enumerate(codes)]
        if month > world.first_day:
            before = (month - timedelta(days=1)).replace(day=1)
            rows += [event(number, code, before, is_closed=True) for number, code in enumerate(codes) if not number % 2]
        return frame(EVENTS, rows)

    def programmes(_: date, end: date) -> pl.DataFrame:
        units = [COUNTY, *world.places.street_names, *codes[:20]]
        return frame(
            PROGRAMMES,
            [
                {
                    "programme_no": f"XM{number:04d}", "unit_code": code, "kind": "task_node", "name": "年度任务",
                    "adjusted": (True, False, None)[number % 3], "stage": "registered", "planned_date": end,
                    "status": "planned", "_place": code,
                }
                for number, code in enumerate(units)
            ],
        )  # fmt: skip

    def duty(_: date, end: date) -> pl.DataFrame:
        hours = 2400 * end.day
        rows = [{"community_code": code, "hours_due": hours, "hours_staffed": hours, "_place": code} for code in codes]
        return frame(DUTY, rows)

    return {EVENTS: events, PROGRAMMES: programmes, DUTY: duty}


DIRT = (
    DirtKind(EVENTS, "department_missing", 0.0, ("department.required",), cell("department", None), any_row, first=2),
    DirtKind(EVENTS, "repeated_row", 0.0, ("key.repeated",), repeated, any_row, "duplicate", first=2),
)
MEASURES = (
    Kpi(
        "tried_closure_rate", "rate", {EVENTS: "cases"},
        (Measure("events", EVENTS, "rate", passes=lambda _: pl.col("status") == "closed", passed_on="verified_at"),),
        levels=("street", "county"), scale=100, basis="flow",
    ),
)  # fmt: skip
TRIED = SimpleNamespace(books=books, DIRT=DIRT, MEASURES=MEASURES)


def made(folder: Path, *shipped: SimpleNamespace) -> Home:
    """A sample with these domains in place of the shipped ones."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(domains, "DOMAINS", shipped)
        patch.setattr(domains, "DIRT", tuple(kind for one in shipped for kind in one.DIRT))
        patch.setattr(domains, "MEASURES", tuple(kpi for one in shipped for kpi in one.MEASURES))
        home = Home(folder)
        generate(home, COUNTY, people=PEOPLE, months=MONTHS)
    return home


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return made(tmp_path_factory.mktemp("with_domain"), TRIED)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return made(tmp_path_factory.mktemp("without_domain"))


def truth(home: Home, table: str) -> pl.DataFrame:
    return pl.read_parquet(home.truth / f"{table}.parquet")


def landed(home: Home) -> dict[str, bytes]:
    """Every delivered file's content, by supplier, dataset, month and name."""
    return {str(path.relative_to(home.landing)): path.read_bytes() for path in home.landing.rglob("*") if path.is_file()}


def path_of(home: Home, row: dict[str, Any]) -> Path:
    return home.landing / row["supplier_id"] / row["dataset"] / row["period"] / row["file_name"]


def read(home: Home, row: dict[str, Any]) -> pl.DataFrame:
    """A delivered file as the warehouse reads it, typed."""
    contract = load_contract(row["dataset"])
    cells = read_file(path_of(home, row), contract).frame
    return cells.select(
        "row_number",
        **{column.name: cast(normalise(pl.col(column.name)), column) for column in contract.columns},
    )


def current(home: Home, dataset: str) -> list[dict[str, Any]]:
    return truth(home, "files").filter("is_current", pl.col("dataset") == dataset).to_dicts()


def test_a_dataset_is_delivered_if_there_is_a_book_of_it(home: Home, bare: Home) -> None:
    expected = {one.dataset for one in load_county(home.county_file).expected}
    assert set(truth(home, "files")["dataset"]) == (FIRST_DATASETS | {EVENTS, PROGRAMMES, DUTY}) & expected
    assert set(truth(bare, "files")["dataset"]) == FIRST_DATASETS


def test_further_datasets_change_nothing_about_the_first_ones(home: Home, bare: Home) -> None:
    wide, narrow = landed(home), landed(bare)
    assert len(narrow) > 50
    assert narrow == {name: content for name, content in wide.items() if name in narrow}
    assert all(name.split("/")[1] in (EVENTS, PROGRAMMES, DUTY) for name in wide.keys() - narrow.keys())
    for table in ("planted_rows", "planted_files", "files"):
        first = pl.col("dataset").is_in(FIRST_DATASETS)
        assert truth(home, table).filter(first).equals(truth(bare, table))
    assert truth(home, "kpi_truth").filter(pl.col("kpi_id") != MEASURES[0].kpi_id).equals(truth(bare, "kpi_truth"))


def test_timestamps_are_read_as_they_are(home: Home) -> None:
    forms: Counter[str] = Counter()
    for row in current(home, EVENTS):
        typed = read(home, row)
        for event_no, moment in typed.select("event_no", "reported_at").iter_rows():
            assert moment == reported_at(int(event_no[7:]), datetime.strptime(event_no[2:6], "%y%m").date())
        closed = typed.filter(pl.col("status") == "closed")
        assert (closed["verified_at"] == closed["reported_at"] + timedelta(days=1)).all()
        assert typed.filter(pl.col("status") == "reported")["verified_at"].null_count() == typed.height - closed.height
        texts = read_file(path_of(home, row), load_contract(EVENTS)).frame["reported_at"]
        forms.update(sign for text in texts for sign in "年/T" if sign in text)
        forms.update("to the second" for text in texts if text.count(":") == 2)
    assert forms["to the second"] > 0
    assert len(forms) > 2


@pytest.mark.parametrize("form", TIMESTAMP_FORMATS)
def test_every_form_of_a_timestamp_can_be_read(form: str) -> None:
    moment = datetime(2026, 3, 5, 7, 8)
    texts = pl.DataFrame({"text": [moment.strftime(form)]})
    assert texts.select(read_timestamp(normalise(pl.col("text")))).item() == moment


def test_a_boolean_that_nobody_knows_is_an_empty_cell(home: Home) -> None:
    for row in current(home, PROGRAMMES):
        adjusted = read(home, row).sort("programme_no")["adjusted"].to_list()
        assert adjusted[:6] == [True, False, None, True, False, None]


def test_an_event_that_is_listed_again_is_corrected_later(home: Home) -> None:
    rows = truth(home, "planted_rows").filter(pl.col("dataset") == EVENTS, pl.col("kind") == "corrected_later")
    assert set(rows["period"]) == {"2026-01", "2026-02"}
    assert set(rows["state"]) == {"duplicate"}
    assert {tuple(rules) for rules in rows["rule_ids"]} == {("key.corrected_later",)}
    files = {(row["supplier_id"], row["period"]): row for row in current(home, EVENTS)}
    for (supplier, period), file in files.items():
        corrected = rows.filter(pl.col("supplier_id") == supplier, pl.col("period") == period)
        lines = read(home, file).filter(pl.col("row_number").is_in(corrected["row_number"].to_list()))
        numbers = {int(number) for number in lines["event_no"].str.slice(7)}
        assert all(number % 2 == 0 for number in numbers)
        assert file["rows_duplicate"] == corrected.height + (
            truth(home, "planted_rows")
            .filter(pl.col("kind") == "repeated_row", pl.col("file_name") == file["file_name"])
            .height
        )
        assert file["rows_accepted"] + file["rows_quarantined"] + file["rows_duplicate"] == read(home, file).height


def test_what_goes_wrong_in_further_datasets(home: Home) -> None:
    incidents = truth(home, "planted_files").filter(~pl.col("dataset").is_in(FIRST_DATASETS))
    found = set(incidents.select("dataset", "incident").iter_rows())
    assert found == {(EVENTS, "missing"), (DUTY, "missing"), (EVENTS, "corrected")}
    for row in incidents.filter(pl.col("incident") == "missing").iter_rows(named=True):
        assert not list((home.landing / row["supplier_id"] / row["dataset"] / row["period"]).glob("*"))


def test_the_truth_counts_what_was_delivered(home: Home) -> None:
    rates = truth(home, "kpi_truth").filter(
        pl.col("kpi_id") == MEASURES[0].kpi_id, pl.col("unit_code") == COUNTY, pl.col("period_type") == "month"
    ).sort("period")  # fmt: skip
    listed = [read(home, row).with_columns(period=pl.lit(row["period"])) for row in current(home, EVENTS)]
    latest = (
        pl.concat(listed)
        .filter(pl.col("department").is_not_null())
        .sort("period", "row_number", maintain_order=True)
        .unique("event_no", keep="last")
    )
    for period, numerator, denominator in rates.select("period", "numerator", "denominator").iter_rows():
        own = latest.filter(pl.col("event_no").str.slice(2, 4) == f"{period:%y%m}")
        assert denominator == own.height
        # The day after an event is always before the cut-off.
        assert numerator == own.filter(pl.col("status") == "closed").height
    assert rates.height >= MONTHS
    # In the third month a street is silent.
    assert rates["low_denominator"].null_count() == 1
    levels = truth(home, "kpi_truth").filter(pl.col("kpi_id") == MEASURES[0].kpi_id)["unit_level"]
    assert set(levels) == {"street", "county"}


def test_a_row_belongs_to_the_supplier_that_covers_least_of_its_unit(county: County) -> None:
    wide = county.suppliers[0].model_copy(update={"id": "province_civil", "covers": ("61",)})
    expected = [one for one in county.expected if one.dataset == "civil_facilities"]
    both = expected[0].model_copy(update={"suppliers": ("province_civil", "county_civil")})
    county = county.model_copy(update={"suppliers": (*county.suppliers, wide), "expected": (both,)})
    places = ["610629101201", "610629101", "610629", "6106", "61", "610602001", "510101001001", None]
    rows = pl.DataFrame(
        {"facility_no": [str(number) for number in range(len(places))], "_place": places}
    )
    contract = load_contract("civil_facilities")
    empty = rows.with_columns(
        pl.lit(None, TYPES.get(column.type, pl.String)).alias(column.name)
        for column in contract.columns
        if column.name != "facility_no"
    )
    world: Any = SimpleNamespace(
        county=county, places=None, grids=None, population=None, facilities=None, disputes=None
    )
    agencies = Agencies(world, pl.DataFrame(), {})
    agencies.books["civil_facilities"] = lambda _month, _end: empty
    found = agencies.sheet("civil_facilities", date(2026, 1, 1)).rows
    assert dict(found.select("_place", "_supplier").iter_rows()) == {
        "610629101201": "county_civil", "610629101": "county_civil", "610629": "county_civil",
        "6106": "province_civil", "61": "province_civil", "610602001": "province_civil",
    }  # fmt: skip


def test_two_books_of_one_dataset_are_refused() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(domains, "DOMAINS", (TRIED, TRIED))
        world: Any = SimpleNamespace(places=SimpleNamespace(codes=[], standing=0))
        with pytest.raises(ValueError, match="grid_events: two domains"):
            domains.books(world)


# --- the shipped domains ---------------------------------------------------------------------------------------


def test_the_shipped_domains_leave_the_first_datasets_alone_and_name_every_kpi_once() -> None:
    assert not {kind.dataset for kind in domains.DIRT} & FIRST_DATASETS
    assert {kind.dataset for kind in domains.DIRT} <= set(load_contracts())
    ids = [kpi.kpi_id for kpi in domains.MEASURES]
    assert len(ids) == len(set(ids))
