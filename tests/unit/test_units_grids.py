"""Grids as units: which there are, what they are called, since when and until when."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from pipelines.county import County
from pipelines.settings import Home
from pipelines.setup import set_up
from pipelines.units import with_grids
from pipelines.units.civil import UNITS_SCHEMA

OPENED = date(2016, 7, 31)
MONTHS = [date(2026, month, 1) for month in range(1, 7)]
JANUARY, FEBRUARY, MARCH, APRIL, MAY, _ = MONTHS
A, B = "610629001001", "610629001002"
SUPPLIER, OTHER = "grid_610629001", "grid_610629100"
ROWS = {"period": pl.Date, "supplier_id": pl.String, "grid_code": pl.String, "kind": pl.String}


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> County:
    return set_up(Home(tmp_path_factory.mktemp("county")), "610629")


def community(code: str, valid_from: date = OPENED, valid_to: date | None = None, key: str = "", name: str = "南街社区居委会") -> dict[str, object]:
    return {
        "unit_key": key or f"{code}@{valid_from}", "unit_code": code, "unit_name": name, "unit_level": "community",
        "street_code": code[:9], "class": "urban", "opened_date": date(1990, 4, 9), "valid_from": valid_from,
        "valid_to": valid_to, "source": "civil",
    }  # fmt: skip


def grids(
    county: County, units: list[dict[str, object]], *listed: tuple[date, str], refused: tuple[tuple[date, str], ...] = (),
    kind: str = "general", supplier: str = SUPPLIER,
) -> list[tuple[object, ...]]:  # fmt: skip
    """(key, code, valid_from, valid_to) of the grids that follow from lists with these grids."""
    passing = pl.DataFrame([(month, supplier, code, kind) for month, code in listed], ROWS, orient="row")
    failing = pl.DataFrame([(month, supplier, code, None) for month, code in refused], ROWS, orient="row")
    communities = pl.DataFrame(units, schema=UNITS_SCHEMA)
    found = with_grids(communities, pl.concat([passing, failing]), passing, county)
    assert found.schema == UNITS_SCHEMA
    assert found.filter(pl.col("unit_level") != "grid").equals(communities.sort("unit_code", "valid_from"))
    return found.filter(pl.col("unit_level") == "grid").select("unit_key", "unit_code", "valid_from", "valid_to").rows()


def test_a_grid_of_the_first_list_is_as_old_as_its_community(county: County) -> None:
    found = grids(county, [community(A), community(B)], (FEBRUARY, f"{A}-001"), (FEBRUARY, f"{A}-002"), (MARCH, f"{B}-001"))
    assert found == [
        (f"{A}-001@2016-07-31", f"{A}-001", OPENED, None),
        (f"{A}-002@2016-07-31", f"{A}-002", OPENED, None),
        (f"{B}-001@2016-07-31", f"{B}-001", OPENED, None),
    ]


def test_nothing_is_said_of_grids_before_the_community_was_what_it_was_at_the_first_list(county: County) -> None:
    renamed = [community(A, valid_to=JANUARY, key="a", name="南街"), community(A, JANUARY, key="a")]
    assert grids(county, renamed, (FEBRUARY, f"{A}-001")) == [(f"{A}-001@2026-01-01", f"{A}-001", JANUARY, None)]


def test_a_grid_is_named_after_its_community_and_has_its_class(county: County) -> None:
    rows = pl.DataFrame([(JANUARY, SUPPLIER, f"{A}-012", "general")], ROWS, orient="row")
    units = with_grids(pl.DataFrame([community(A)], schema=UNITS_SCHEMA), rows, rows, county)
    grid = units.filter(pl.col("unit_level") == "grid").row(0, named=True)
    assert (grid["unit_name"], grid["class"], grid["street_code"]) == ("南街第12网格", "urban", "610629001")
    assert (grid["parent_unit_key"], grid["parent_code"], grid["opened_date"]) == (f"{A}@2016-07-31", A, date(1990, 4, 9))


def test_a_grid_that_a_later_list_adds_begins_with_its_month_and_ends_with_the_first_that_lacks_it(county: County) -> None:
    stays = [(month, f"{A}-001") for month in MONTHS]
    added = [(month, f"{A}-002") for month in (MARCH, APRIL)]
    assert grids(county, [community(A)], *stays, *added)[1:] == [(f"{A}-002@2026-03-01", f"{A}-002", MARCH, MAY)]


def test_a_month_without_a_list_and_a_row_refused_for_something_else_change_nothing(county: County) -> None:
    both = [(month, f"{A}-00{number}") for month in (JANUARY, FEBRUARY, APRIL) for number in (1, 2)]
    assert [row[3] for row in grids(county, [community(A)], *both)] == [None, None]
    # in May the second is in the list, though its row is refused
    with_refused = grids(county, [community(A)], *both, (MAY, f"{A}-001"), refused=((MAY, f"{A}-002"),))
    assert [row[3] for row in with_refused] == [None, None]
    # a list that lacked it once is no end where a later one has it again
    again = [(month, f"{A}-001") for month in MONTHS] + [(JANUARY, f"{A}-002"), (MARCH, f"{A}-002")]
    assert grids(county, [community(A)], *again)[1] == (f"{A}-002@2016-07-31", f"{A}-002", OPENED, APRIL)


def test_a_grid_goes_on_where_its_community_gets_another_code(county: County) -> None:
    recoded = [community(A, valid_to=APRIL, key="a"), community("610629001009", APRIL, key="a")]
    listed = [(MARCH, f"{A}-001"), (APRIL, "610629001009-001")]
    assert grids(county, recoded, *listed) == [
        (f"{A}-001@2016-07-31", f"{A}-001", OPENED, APRIL),
        (f"{A}-001@2016-07-31", "610629001009-001", APRIL, None),
    ]


def test_specialised_grids_and_those_of_others_are_no_units(county: County) -> None:
    assert grids(county, [community(A)], (JANUARY, f"{A}-901"), kind="police") == []
    assert grids(county, [community(A)], (JANUARY, f"{A}-001"), supplier=OTHER) == []
    assert grids(county, [community(A)], (JANUARY, f"{B}-001")) == []
    assert grids(county, [community(A)], refused=((JANUARY, f"{A}-001"),)) == []
    assert grids(county, [community(A)]) == []
