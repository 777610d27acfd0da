"""Setting up a county: county.yml and landing folders follow from the register of units."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from expectations.contract import load_contracts
from pipelines.county import County, load_county
from pipelines.errors import WarehouseError
from pipelines.settings import Home
from pipelines.setup import new_county, set_up
from pipelines.units import load_releases
from pipelines.units.register import REGISTER_SCHEMA


def units(*rows: tuple[str, str, str, str | None, date | None]) -> pl.DataFrame:
    """A register of (code, name, level, parent code, valid to)."""
    named = [
        {"unit_code": code, "unit_name": name, "unit_level": level, "parent_code": parent, "valid_to": until}
        for code, name, level, parent, until in rows
    ]
    return pl.DataFrame(named, schema=REGISTER_SCHEMA)


REGISTER = units(
    ("610629", "洛川县", "county", "6106", None),
    ("610629001", "凤栖街道", "street", "610629", None),
    ("610629101", "旧县镇", "street", "610629", None),
    ("610629102", "已撤镇", "street", "610629", date(2020, 1, 1)),
    ("610630001", "邻县街道", "street", "610630", None),
)


def suppliers_of(county: County, dataset: str) -> list[str]:
    return [supplier for expected in county.expected if expected.dataset == dataset for supplier in expected.suppliers]


def test_each_street_in_force_delivers_its_own_grid_data() -> None:
    county = new_county("610629", REGISTER, first_period="2026-01")
    assert suppliers_of(county, "grid_residents") == ["grid_610629001", "grid_610629101"]
    assert county.supplier("grid_610629101").covers == ("610629101",)
    assert county.supplier("grid_610629101").name_zh == "旧县镇网格中心"


def test_every_dataset_is_expected_from_somebody() -> None:
    county = new_county("610629", REGISTER, first_period="2026-01")
    assert {expected.dataset for expected in county.expected} == set(load_contracts())
    assert suppliers_of(county, "household_persons") == ["county_household"]
    assert county.supplier("county_household").covers == ("610629",)


def test_a_county_that_the_register_lacks_has_one_grid_supplier_for_all_of_it() -> None:
    county = new_county("999999", REGISTER, first_period="2026-01")
    assert county.name_zh == "999999"
    assert suppliers_of(county, "grid_grids") == ["grid_999999"]
    assert county.supplier("grid_999999").covers == ("999999",)


def test_the_shipped_register_sets_up_the_sample_county(home: Home) -> None:
    county = set_up(home, "610629", first_period="2026-01")
    assert (county.name_zh, county.sample) == ("洛川县", False)
    assert load_county(home.county_file) == county
    assert county.supplier("grid_610629001").name_zh.startswith("凤栖街道")
    for supplier in suppliers_of(county, "grid_residents"):
        assert (home.landing / supplier / "grid_residents").is_dir()


def test_a_data_root_stays_the_same_folder_whatever_becomes_the_working_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    home = Home(Path("data"))
    monkeypatch.chdir("/")
    assert home.landing == tmp_path / "data" / "landing"


def test_a_data_root_holds_one_county_and_keeps_it(home: Home) -> None:
    set_up(home, "610629", first_period="2026-01")
    before = home.county_file.read_bytes()
    with pytest.raises(WarehouseError, match="610629 洛川县"):
        set_up(home, "610630")
    assert home.county_file.read_bytes() == before


HEADER = "code,level,name,ur_code\n"
ROWS = """32,1,江苏省,
3202,2,无锡市,
320282,3,宜兴市,
320282001,4,宜城街道,
320282001001,5,某社区,111
320281,3,江阴市,
320281001,4,澄江街道,
"""


def register_file(folder: Path) -> Path:
    path = folder / "2024-06-30.csv"
    path.write_text(HEADER + ROWS, encoding="utf-8")
    return path


def test_a_county_from_a_register_of_its_own_keeps_its_part_of_it(home: Home, tmp_path: Path) -> None:
    county = set_up(home, "320282", register=register_file(tmp_path), first_period="2026-01")
    assert suppliers_of(county, "grid_grids") == ["grid_320282001"]
    kept = load_releases("320282", home.reference)
    assert kept["code"].sort().to_list() == ["32", "3202", "320282", "320282001", "320282001001"]


def test_a_register_without_the_county_is_refused_and_nothing_is_set_up(home: Home, tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match="code 320299"):
        set_up(home, "320299", register=register_file(tmp_path), first_period="2026-01")
    assert not home.county_file.exists()
    assert not (home.root / "register").exists()
