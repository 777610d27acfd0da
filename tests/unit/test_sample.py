"""The sample generator on a small county: files as agencies send them, every planted row and file known."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from expectations.contract import load_contract, load_contracts
from expectations.rules import rule_catalogue
from pipelines.county import load_county, save_county
from pipelines.errors import WarehouseError
from pipelines.reading import Delivered, read_file
from pipelines.sample import GenerationSummary, domains, generate
from pipelines.sample.dirt import KINDS
from pipelines.sample.names import check_characters
from pipelines.sample.people import Window, compose, day_number
from pipelines.sample.places import (
    Census,
    Places,
    county_frame,
    make_grids,
    places_of,
    population_by_community,
)
from pipelines.sample.plan import WISHES
from pipelines.settings import SHANGHAI, Home, add_months, month_start
from pipelines.setup import set_up

COUNTY, PEOPLE, MONTHS = "610629", 3_000, 4
SLOT = ["supplier_id", "dataset", "period"]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, GenerationSummary]:
    home = Home(tmp_path_factory.mktemp("sample"))
    return home, generate(home, COUNTY, people=PEOPLE, months=MONTHS)


@pytest.fixture(scope="module")
def home(sample: tuple[Home, GenerationSummary]) -> Home:
    return sample[0]


@pytest.fixture(scope="module")
def delivered(home: Home) -> dict[Path, Delivered]:
    """Every current file, as the warehouse reads it."""
    return {
        path_of(home, row): read_file(path_of(home, row), load_contract(row["dataset"]))
        for row in truth(home, "files").filter("is_current").iter_rows(named=True)
    }


def truth(home: Home, table: str) -> pl.DataFrame:
    return pl.read_parquet(home.truth / f"{table}.parquet")


def path_of(home: Home, row: dict[str, str]) -> Path:
    return home.landing.joinpath(*(row[name] for name in SLOT), row["file_name"])


def planned(home: Home, incident: str) -> list[str]:
    """The datasets with which this was to happen, once each, of those that are delivered at all."""
    delivered = set(truth(home, "files")["dataset"])
    return [wish.dataset for wish in WISHES if wish.incident == incident and wish.dataset in delivered]


def digest(home: Home) -> str:
    found = hashlib.sha256()
    for path in sorted(path for path in home.root.rglob("*") if path.is_file()):
        found.update(str(path.relative_to(home.root)).encode() + path.read_bytes())
        if home.landing in path.parents:
            found.update(str(path.stat().st_mtime).encode())
    return found.hexdigest()


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    homes = [Home(tmp_path / name) for name in ("first", "second", "other")]
    for one, seed in zip(homes, (1, 1, 2), strict=True):
        generate(one, COUNTY, people=2_000, months=1, seed=seed)
    first, second, other = map(digest, homes)
    assert first == second
    assert first != other


def test_the_county_file_is_that_of_a_sample_and_expects_every_dataset(home: Home) -> None:
    county = load_county(home.county_file)
    assert county.sample
    assert (county.first_period, county.last_period) == ("2026-01", "2026-04")
    assert {expected.dataset for expected in county.expected} == set(load_contracts())
    assert county.parameters.tolerances == {"temporary_resident_registration_rate": 1}


def test_files_come_in_every_form_and_say_so_truly(home: Home, delivered: dict[Path, Delivered]) -> None:
    forms = {path_of(home, row): row["form"] for row in truth(home, "files").iter_rows(named=True)}
    assert set(forms.values()) == {"gb18030", "utf-8", "utf-8-sig", "xlsx"}
    assert {forms[path] for path, found in delivered.items() if found.sheet is not None} == {"xlsx"}
    for path, form in forms.items():
        if form != "xlsx":
            assert path.read_bytes().startswith(b"\xef\xbb\xbf") == (form == "utf-8-sig")


def test_titles_notes_totals_and_blank_rows_occur_and_are_accounted_for(
    home: Home, delivered: dict[Path, Delivered]
) -> None:
    files = truth(home, "files").filter("is_current")
    for row in files.iter_rows(named=True):
        found = delivered[path_of(home, row)].account
        assert (found.read, found.title, found.header, found.note, found.totals, found.blank) == (
            row["rows_read"], row["rows_title"], row["rows_header"], row["rows_note"], row["rows_totals"], row["rows_blank"],
        )  # fmt: skip
        assert found.data == row["rows_accepted"] + row["rows_quarantined"] + row["rows_duplicate"]
    for kind in ("rows_title", "rows_note", "rows_totals", "rows_blank"):
        assert files[kind].n_unique() == 2


@pytest.fixture(scope="module")
def unplanted(home: Home, delivered: dict[Path, Delivered]) -> pl.DataFrame:
    """Number, name and birth date of every row about a person in which nothing was planted."""
    planted = truth(home, "planted_rows").select("file_name", "period", pl.col("row_number").cast(pl.Int32))
    people = [
        found.frame.select(
            "row_number",
            "id_number",
            "name",
            "birth_date",
            file_name=pl.lit(path.name),
            period=pl.lit(path.parent.name),
        )
        for path, found in delivered.items()
        if "id_number" in found.frame.columns
    ]
    return pl.concat(people).join(planted, on=["file_name", "period", "row_number"], how="anti")


def test_every_identity_card_has_prefix_999_and_a_valid_check_character(unplanted: pl.DataFrame) -> None:
    numbers = unplanted["id_number"].drop_nulls()
    cards = numbers.filter(~numbers.str.starts_with("X99"))
    assert len(cards) > PEOPLE * MONTHS
    assert cards.str.contains("^999[0-9]{14}[0-9X]$").all()
    assert (cards.str.slice(17) == check_characters(cards)).all()


def test_a_number_belongs_to_one_person_only(unplanted: pl.DataFrame) -> None:
    names = unplanted.drop_nulls("id_number").group_by("id_number").agg(pl.col("name").n_unique())
    assert names["name"].max() == 1
    assert names.height > PEOPLE


def test_every_planted_rule_is_a_rule_of_the_contract(home: Home) -> None:
    known = {
        name: {rule.id for rule in rule_catalogue(contract, sample=True)}
        for name, contract in load_contracts().items()
    }
    rows = truth(home, "planted_rows").explode("rule_ids")
    assert all(rule in known[dataset] for dataset, rule in rows.select("dataset", "rule_ids").iter_rows())
    assert rows["rule_ids"].null_count() == 0


def test_every_kind_of_dirt_that_is_due_is_planted(home: Home) -> None:
    first = {kind.dataset for kind in KINDS}
    due = {(kind.dataset, kind.kind) for kind in KINDS if kind.first < MONTHS}
    found = set(truth(home, "planted_rows").select("dataset", "kind").iter_rows())
    assert {name for name in found if name[0] in first} == due | {("grid_disputes", "corrected_later")}
    # Kinds of the other datasets may fit rows of some months only.
    known = {(kind.dataset, kind.kind) for kind in domains.DIRT}
    others = {(dataset, kind) for dataset, kind in found if dataset not in first and kind != "corrected_later"}
    assert others <= known
    assert {dataset for dataset, _ in others} == {dataset for dataset, _ in known}


def test_a_planted_row_stands_on_the_line_that_the_truth_names(
    home: Home, delivered: dict[Path, Delivered]
) -> None:
    rows = truth(home, "planted_rows").filter(
        pl.col("kind").is_in(["float_mangled", "name_missing", "residence_type_unknown"])
    )
    assert rows.height > MONTHS
    for row in rows.iter_rows(named=True):
        (cells,) = (
            delivered[path_of(home, row)].frame.filter(pl.col("row_number") == row["row_number"]).to_dicts()
        )
        match row["kind"]:
            case "float_mangled":
                assert cells["id_number"].endswith("E+17")
            case "name_missing":
                assert cells["name"] is None
            case _:
                assert cells["residence_type"] == "寄住"


def test_no_file_has_so_many_bad_rows_that_it_would_be_refused(home: Home) -> None:
    files = truth(home, "files").filter("is_current")
    assert files.filter(
        (pl.col("rows_quarantined") > 20) & (pl.col("rows_quarantined") > 0.05 * pl.col("rows_read"))
    ).is_empty()


def test_a_file_arrives_in_the_first_days_of_the_next_month_unless_it_is_late(home: Home) -> None:
    late = truth(home, "planted_files").filter(pl.col("incident") == "late")
    late_names = set(late["file_name"])
    assert sorted(late["dataset"]) == sorted(planned(home, "late"))
    for row in truth(home, "files").filter("is_current").iter_rows(named=True):
        arrived = datetime.fromtimestamp(path_of(home, row).stat().st_mtime, UTC).astimezone(SHANGHAI)
        assert arrived == row["received_at"].astimezone(SHANGHAI)
        due = add_months(month_start(row["period"]), 1)
        assert (arrived.date() > due.replace(day=10)) == (row["file_name"] in late_names)
        assert arrived.date() <= due + timedelta(days=13)


def test_a_missing_slot_has_no_file(home: Home) -> None:
    missing = truth(home, "planted_files").filter(pl.col("expected_outcome") == "missing")
    assert sorted(missing["dataset"]) == sorted(planned(home, "missing"))
    assert {"grid_residents", "grid_disputes", "grid_grids"} <= set(missing["dataset"])
    for row in missing.iter_rows(named=True):
        assert not list(home.landing.joinpath(*(row[name] for name in SLOT)).glob("*"))


def test_refused_superseded_and_repeated_files_are_what_they_are_said_to_be(home: Home) -> None:
    rows = {
        (row["incident"], row["expected_outcome"], row["dataset"]): row
        for row in truth(home, "planted_files").iter_rows(named=True)
    }
    headers = read_text(home, rows["header_missing", "refused", "grid_grids"])
    assert not any(header in headers for header in load_contract("grid_grids").column("households").headers)
    police = "police_residence_registrations"
    assert bytes_of(home, rows["repeated", "no_op", police]) == bytes_of(
        home, rows["repeated", "accepted", police]
    )
    first, second, third = (
        rows["corrected", outcome, "grid_residents"]
        for outcome in ("superseded", "accepted", "refused_superseded")
    )
    assert bytes_of(home, first) == bytes_of(home, third)
    assert len(bytes_of(home, first)) < len(bytes_of(home, second))
    assert first["received_at"] < second["received_at"] < third["received_at"]
    bad = read_text(home, rows["too_many_bad_rows", "refused", "grid_residents"])
    assert bad.count("待核实") > 20


def bytes_of(home: Home, row: dict[str, str]) -> bytes:
    return path_of(home, row).read_bytes()


def read_text(home: Home, row: dict[str, str]) -> str:
    """The file's text, whichever form it has."""
    path = path_of(home, row)
    if path.suffix == ".xlsx":
        frame = pl.read_excel(path, has_header=False, infer_schema_length=0)
        return "\n".join(",".join(str(cell) for cell in cells) for cells in frame.iter_rows())
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("gb18030")


def test_bounds_enclose_values_and_statuses_fit(home: Home) -> None:
    kpis = truth(home, "kpi_truth")
    valued = kpis.filter(pl.col("value").is_not_null())
    assert (valued["value_low"] <= valued["value"] + 1e-9).all()
    limited = valued.filter(pl.col("value_high").is_not_null())
    assert (limited["value_high"] >= limited["value"] - 1e-9).all()
    met = kpis.filter(pl.col("status") == "met")
    assert set(met.filter(pl.col("value").is_not_null())["shortfall"]) == {0}
    # of few people in a grid the verdict alone is given
    withheld = met.filter(pl.col("value").is_null())
    assert set(withheld["unit_level"]) == {"grid"}
    assert withheld["shortfall"].null_count() == withheld.height > 0
    missed = kpis.filter(pl.col("status").is_in(["near", "missed"]))["shortfall"]
    assert (missed.drop_nulls() > 0).all()
    assert missed.null_count() < len(missed)
    assert (
        kpis.filter(pl.col("status") == "no_data")["numerator"].null_count()
        == kpis.filter(pl.col("status") == "no_data").height
    )
    assert set(kpis["status"]) == {"met", "near", "missed", "no_data", "not_applicable", "too_early", "no_target"}
    assert set(kpis["certainty"].drop_nulls()) == {"confirmed", "undetermined"}


def test_communities_and_streets_add_up_to_the_county(home: Home) -> None:
    span = ["kpi_id", "period_type", "period"]
    summed = ["dispute_handling_rate", "dispute_mediation_success_rate", "facility_area_per_100_households"]
    kpis = truth(home, "kpi_truth").filter(pl.col("kpi_id").is_in(summed))
    # Where a street delivered no grids, the county still counts its facilities.
    without_grids = kpis.filter(
        pl.col("kpi_id") == "facility_area_per_100_households", pl.col("status") == "no_data"
    )
    sums = (
        kpis.join(without_grids, on=span, how="anti")
        .group_by(*span, "unit_level")
        .agg(pl.col("numerator", "denominator").sum())
    )
    county, streets, communities = (
        sums.filter(pl.col("unit_level") == level).drop("unit_level").sort(span)
        for level in ("county", "street", "community")
    )
    assert county.height > 3 * MONTHS
    assert county.equals(streets)
    assert county.equals(communities)


def test_a_community_that_opens_during_the_sample_is_too_new_first_and_judged_later(home: Home) -> None:
    kpis = truth(home, "kpi_truth").filter(
        pl.col("period_type") == "month", pl.col("kpi_id") == "facility_area_per_100_households"
    )
    statuses = kpis.group_by("unit_code").agg(pl.col("status").sort_by("period"), pl.len())
    (new,) = statuses.filter(pl.col("len") < MONTHS).to_dicts()
    assert new["status"][0] == "too_early"
    assert set(new["status"][1:]) <= {"met", "near", "missed"}


def test_real_deliveries_are_never_overwritten(tmp_path: Path) -> None:
    home = Home(tmp_path)
    generate(home, COUNTY, people=2_000, months=1, with_truth=False)
    save_county(load_county(home.county_file).model_copy(update={"sample": False}), home.county_file)
    with pytest.raises(WarehouseError, match="an empty data root, or the sample of 610629"):
        generate(home, COUNTY, people=2_000, months=1)


def test_a_county_that_is_not_shipped_comes_with_a_register(tmp_path: Path) -> None:
    communities = [f"110101{street:03d}{number:03d},5,第{number}社区,111" for street in (1, 2) for number in range(1, 8)]
    streets = [f"110101{street:03d},4,第{street}街道," for street in (1, 2)]
    register = tmp_path / "2024-06-30.csv"
    rows = ["code,level,name,ur_code", "11,1,北京市,", "1101,2,市辖区,", "110101,3,东城区,", *streets, *communities]
    register.write_text("\n".join(rows) + "\n", encoding="utf-8")
    with pytest.raises(WarehouseError, match="bring a register by generate --register"):
        generate(Home(tmp_path / "none"), "110101", people=2_000, months=1)
    home = Home(tmp_path / "data")
    assert generate(home, "110101", people=2_000, months=1, register=register).county_name == "东城区"
    codes = truth(home, "kpi_truth").filter(pl.col("unit_level") == "community").get_column("unit_code")
    assert set(codes) == {row.partition(",")[0] for row in communities}
    # it is kept there, so that a later month needs no register
    assert generate(home, "110101", people=2_000, months=2).months == 2


def test_another_register_does_not_come_into_a_county_of_real_data(tmp_path: Path) -> None:
    home = Home(tmp_path)
    set_up(home, COUNTY)
    with pytest.raises(WarehouseError, match="not put beside other data"):
        generate(home, COUNTY, people=2_000, months=1, register=tmp_path / "any.csv")
    assert not home.register.exists()


def test_too_few_people_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="2,000 people"):
        generate(Home(tmp_path), COUNTY, people=10)


# --- the population --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def county_of_20000() -> tuple[Places, Census, pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Places, census, persons, stays at the beginning, households of 20,000 people."""
    units, census = county_frame(COUNTY)
    first = date(2026, 1, 1)
    places = places_of(units, COUNTY, first, date(2026, 1, 31), 7)
    living, temporary = population_by_community(places, census, 20_000, 7)
    grids = make_grids(places, living, census, 7)
    window = Window(day_number(first), day_number(date(2026, 1, 31)), 1)
    population = compose(places, grids, living, temporary, 0, census, window, 7)
    stays = population.stays.filter(pl.col("arrived_date") < first)
    return places, census, population.persons, stays, population.households


def test_as_many_people_live_in_the_county_as_asked_for(
    county_of_20000: tuple[Places, Census, pl.DataFrame, pl.DataFrame, pl.DataFrame],
) -> None:
    _, census, _, stays, _ = county_of_20000
    assert stays.height == 20_000
    temporary = stays.filter(pl.col("residence_type") == "temporary").height
    assert temporary / 20_000 == pytest.approx(census.temporary_share, abs=0.001)


def test_ages_sexes_and_households_are_those_of_the_census(
    county_of_20000: tuple[Places, Census, pl.DataFrame, pl.DataFrame, pl.DataFrame],
) -> None:
    _, census, persons, _, households = county_of_20000
    registered = persons.filter(
        pl.col("id_number").str.slice(3, 1) == "0", pl.col("birth_date") < date(2026, 1, 1)
    )
    age = pl.date(2026, 1, 1).dt.year() - pl.col("birth_date").dt.year()
    old = registered.select((age >= 66).mean()).item()
    assert old == pytest.approx(sum(census.age_shares[14:]), abs=0.02)
    assert registered.select((pl.col("sex") == "male").mean()).item() == pytest.approx(
        census.male_share, abs=0.02
    )
    lived_in = households.filter(pl.col("members") > 0)
    assert lived_in["members"].mean() == pytest.approx(census.household_size, abs=0.1)


def test_towns_hold_the_urban_share_of_the_people(
    county_of_20000: tuple[Places, Census, pl.DataFrame, pl.DataFrame, pl.DataFrame],
) -> None:
    places, census, _, stays, _ = county_of_20000
    classes = stays.select(pl.lit(places.communities["class"].gather(stays["community"])).alias("class"))
    assert classes.select((pl.col("class") != "rural").mean()).item() == pytest.approx(
        census.urban_share, abs=0.01
    )
