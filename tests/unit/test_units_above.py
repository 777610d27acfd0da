"""The county's city and province: units where a supplier delivers for the whole of them."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from expectations.contract import load_contract
from pipelines.protection.protect import lake_schema
from pipelines.units import (
    build_register,
    load_releases,
    merge_civil_register,
    units_in_force,
    with_units_above,
)

COUNTY = "610629"
FIRST_RELEASE = date(2016, 7, 31)


@pytest.fixture(scope="module")
def register() -> pl.DataFrame:
    return build_register(load_releases(COUNTY))


@pytest.fixture(scope="module")
def units(register: pl.DataFrame) -> pl.DataFrame:
    nothing = pl.DataFrame(schema=lake_schema(load_contract("civil_communities")))
    return merge_civil_register(register, nothing.with_columns(pl.col("period").cast(pl.Date)))


def added(units: pl.DataFrame, register: pl.DataFrame, *prefixes: str) -> list[tuple[str, str, str | None, str | None]]:
    above = with_units_above(units, register, prefixes).join(units, on=["unit_key", "valid_from"], how="anti")
    return above.select("unit_code", "unit_level", "parent_code", "parent_unit_key").rows()


def test_a_supplier_of_the_province_makes_city_and_province_units(units: pl.DataFrame, register: pl.DataFrame) -> None:
    assert added(units, register, COUNTY, "61") == [
        ("61", "province", None, None),
        ("6106", "city", "61", f"61@{FIRST_RELEASE}"),
    ]


def test_a_city_of_which_all_is_delivered_is_a_unit_and_its_province_is_none(
    units: pl.DataFrame, register: pl.DataFrame
) -> None:
    assert added(units, register, COUNTY, "6106") == [("6106", "city", None, None)]


@pytest.mark.parametrize("prefixes", [(COUNTY,), (COUNTY, f"{COUNTY}001"), (COUNTY, "6101"), (COUNTY, "51"), ()])
def test_without_such_a_supplier_nothing_is_above_the_county(
    units: pl.DataFrame, register: pl.DataFrame, prefixes: tuple[str, ...]
) -> None:
    assert with_units_above(units, register, prefixes).equals(units)


def test_the_county_stays_the_first_of_its_tree(units: pl.DataFrame, register: pl.DataFrame) -> None:
    above = with_units_above(units, register, ["61"])
    assert above.filter(pl.col("unit_level") == "county").get_column("parent_unit_key").to_list() == [None]
    assert above.get_column("unit_code").is_sorted()
    names = units_in_force(above, date(2026, 1, 31)).filter(pl.col("unit_level").is_in(["city", "province"]))
    assert names.get_column("unit_name").to_list() == ["陕西省", "延安市"]


def test_what_the_register_does_not_hold_is_named_by_its_code_and_as_old_as_the_county(units: pl.DataFrame) -> None:
    above = with_units_above(units, build_register(load_releases("999999")), ["61"])
    made = above.filter(pl.col("unit_level").is_in(["city", "province"]))
    assert made.select("unit_key", "unit_name", "parent_code", "valid_from", "valid_to", "source").rows() == [
        (f"61@{FIRST_RELEASE}", "61", None, FIRST_RELEASE, None, "civil"),
        (f"6106@{FIRST_RELEASE}", "6106", "61", FIRST_RELEASE, None, "civil"),
    ]


def test_a_county_without_units_has_none_above_it(units: pl.DataFrame, register: pl.DataFrame) -> None:
    assert with_units_above(units.clear(), register, ["61"]).is_empty()
