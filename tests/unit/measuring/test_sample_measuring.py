"""What declared measures of registers amount to, on sheets small enough to be counted by hand."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import polars as pl
import pytest

from pipelines.county import County
from pipelines.sample.areas import Area
from pipelines.sample.judging import Figure
from pipelines.sample.measuring import Amounts, Kpi, Measure, Moment
from pipelines.sample.sheets import Planted
from tests.support.measured import (
    COUNTY_CODE,
    FEBRUARY,
    JANUARY,
    MANAGED,
    MARCH,
    OTHER_STREET,
    OTHER_TOWN,
    QUARTER,
    SERVICE,
    STREET,
    A,
    B,
    C,
    amounts,
    area_row,
    bounds,
    facility,
    kpi_of,
    sheet,
    truth_row,
    units,
)


def test_a_row_counts_in_its_community_and_in_the_units_above(county: County) -> None:
    rows = sheet("civil_facilities", facility(), facility(), facility(B), facility(C), facility(kind="elderly_care"))
    for unit, count in ((A, 2), (B, 1), (STREET, 3), (COUNTY_CODE, 4)):
        assert amounts(kpi_of(SERVICE), county, rows, unit=unit) == {"open": count}


def test_an_accepted_row_counts_where_the_condition_is_true_and_not_where_a_cell_is_empty(county: County) -> None:
    closed = Measure("closed", "civil_facilities", "count", lambda at: pl.col("closed_date") <= at.end)
    rows = sheet("civil_facilities", facility(), facility(closed_date=JANUARY))
    assert amounts(kpi_of(closed), county, rows) == {"closed": 1}


def test_a_refused_row_may_count_where_the_cells_that_matter_are_in_doubt(county: County) -> None:
    rows = sheet(
        "civil_facilities",
        facility(kind=None, rules=["kind.known_value"]),
        facility(kind="no_such_kind", rules=["facility_no.required"]),
        facility(kind="elderly_care", rules=["opened_date.readable"]),
        facility(kind="elderly_care", rules=["kind.known_value"]),
        facility(opened_date=FEBRUARY, rules=["facility_no.required"]),
        facility(opened_date=FEBRUARY, closed_date=JANUARY, rules=["closed_after_opened"]),
    )
    # Doubtful are the first two, the fourth (its kind is named by a rule), and the last (its opening is).
    assert amounts(kpi_of(SERVICE), county, rows) == {"open_doubtful": 4}


def test_a_duplicate_and_a_row_with_warnings_are_what_their_state_says(county: County) -> None:
    rows = sheet("civil_facilities", facility(), facility(state="duplicate"))
    rows.planted = {0: Planted("warned", ("facility_no.required",), "accepted")}
    assert amounts(kpi_of(SERVICE), county, rows) == {"open": 1}


def test_an_amount_is_exact_and_one_that_nobody_knows_has_no_bound(county: County) -> None:
    area = Measure("area", "civil_facilities", "count", SERVICE.counts, amount="floor_area_m2")
    rows = sheet(
        "civil_facilities",
        facility(),
        facility(floor_area_m2=None),
        facility(floor_area_m2=25, rules=["facility_no.required"]),
        facility(floor_area_m2=25_000_000, rules=["floor_area_m2.range"]),
        facility(floor_area_m2=25_000_000, rules=["facility_no.required"]),
    )
    assert amounts(kpi_of(area), county, rows) == {
        "area": Fraction("100.50"), "area_doubtful": Fraction("0.25"), "area_unbounded": 2,
    }  # fmt: skip


def test_an_amount_may_be_computed_but_only_in_whole_numbers(county: County) -> None:
    both = pl.col("deaths") + pl.col("injuries")
    hurt = Measure("hurt", "police_case_returns", "count", amount=both)
    rows = sheet("police_case_returns", {"community_code": A, "deaths": 1, "injuries": 2}, {"community_code": A, "deaths": 4})
    assert amounts(kpi_of(hurt), county, rows) == {"hurt": 3}
    area = pl.col("floor_area_m2") * 2
    scaled = Measure("area", "civil_facilities", "count", amount=area, divisor=100)
    assert amounts(kpi_of(scaled), county, sheet("civil_facilities", facility())) == {"area": 201}
    with pytest.raises(ValueError, match="not a whole number"):
        amounts(kpi_of(Measure("half", "civil_facilities", "count", amount=area / 2)), county, sheet("civil_facilities", facility()))


def test_a_rate_has_what_passes_and_what_may_pass_or_fail(county: County) -> None:
    rows = sheet(
        "civil_residential_areas",
        area_row(True), area_row(True), area_row(False), area_row(None),
        area_row(True, rules=["area_no.required"]),
        area_row(False, rules=["area_no.required"]),
        area_row(True, rules=["managed_by_property.readable"]),
    )  # fmt: skip
    assert amounts(kpi_of(MANAGED), county, rows) == {
        "areas": 4, "areas_passed": 2, "areas_may_pass": 2, "areas_may_fail": 2,
    }  # fmt: skip


def test_a_rate_of_amounts_weighs_rows_and_its_unknown_amounts_have_no_bound(county: County) -> None:
    homes = Measure("homes", "civil_residential_areas", "rate", MANAGED.counts, amount="households", passes=MANAGED.passes)
    rows = sheet(
        "civil_residential_areas",
        area_row(True), area_row(False, households=50),
        area_row(False, households=7, rules=["area_no.required"]),
        area_row(True, households=None, rules=["households.readable"]),
    )  # fmt: skip
    assert amounts(kpi_of(homes), county, rows) == {
        "homes": 150, "homes_passed": 100, "homes_may_fail": 7, "homes_unbounded": 1,
    }  # fmt: skip


def test_a_part_of_an_amount_passes_and_a_refused_row_may_pass_or_fail_as_a_whole(county: County) -> None:
    spent = Measure("budget", "civil_funding", "rate", amount="budgeted_yuan", passed_amount="disbursed_yuan")
    line = {"community_code": A, "budgeted_yuan": 1_000_050, "disbursed_yuan": 900_025}
    rows = sheet("civil_funding", line, {**line, "disbursed_yuan": None}, {**line, "rules": ["line_no.required"]})
    assert amounts(kpi_of(spent), county, rows) == {
        "budget": Fraction("20001"), "budget_passed": Fraction("9000.25"),
        "budget_may_pass": Fraction("10000.50"), "budget_may_fail": Fraction("10000.50"),
    }  # fmt: skip


def test_places_are_different_communities_and_doubtful_where_only_refused_rows_name_them(county: County) -> None:
    served = Measure("served", "civil_facilities", "places", SERVICE.counts)
    rows = sheet(
        "civil_facilities",
        facility(), facility(), facility(rules=["facility_no.required"]),
        facility(B, rules=["facility_no.required"]), facility(B, rules=["facility_no.required"]),
        facility(C, kind="elderly_care", rules=["facility_no.required"]),
        facility(None, rules=["community_code.required"]), facility("610629", rules=["community_code.format"]),
    )  # fmt: skip
    kpi = kpi_of(served)
    assert amounts(kpi, county, rows) == {"served": 1, "served_doubtful": 2}
    assert amounts(kpi, county, rows, unit=B) == {"served_doubtful": 3}
    assert amounts(kpi, county, rows, unit=C) == {"served_doubtful": 2}
    assert amounts(kpi, county, rows, unit=COUNTY_CODE) == {"served": 1, "served_doubtful": 3}


def test_a_refused_row_without_a_community_counts_in_all_that_its_supplier_covers(county: County) -> None:
    kpi = kpi_of(Measure("hours", "grid_duty", "count", amount="hours_due"))
    duty = {"hours_due": 2400, "hours_staffed": 2400}
    rows = sheet(
        "grid_duty",
        {**duty, "community_code": None, "rules": ["community_code.required"]},
        # In force, but named by a rule: its place is in doubt.
        {**duty, "community_code": A, "rules": ["community_code.exists"]},
        {**duty, "community_code": C, "supplier": OTHER_TOWN, "rules": ["hours_staffed.range"]},
    )
    for unit, hours in ((A, 48), (B, 48), (STREET, 48), (C, 24), (OTHER_STREET, 24), (COUNTY_CODE, 72)):
        assert amounts(kpi, county, rows, unit=unit) == {"hours_doubtful": hours}


def test_a_community_that_is_not_in_force_yet_is_none(county: County) -> None:
    kpi, known = kpi_of(SERVICE), units(later=B)
    rows = sheet("civil_facilities", facility(), facility(B, rules=["community_code.exists"]))
    assert amounts(kpi, county, rows, unit=A, known=known) == {"open": 1, "open_doubtful": 1}
    assert amounts(kpi, county, rows, unit=B, known=known) == {}


def test_a_row_about_a_unit_above_the_community_counts_there_and_above(county: County) -> None:
    kpi = kpi_of(Measure("stations", "civil_programmes", "count", place="unit_code"))
    accepted = [{"unit_code": code} for code in (STREET, COUNTY_CODE, "61", "6106")]
    doubtful = [
        {"unit_code": STREET, "rules": ["programme_no.required"]},
        {"unit_code": "61", "rules": ["programme_no.required"]},
        {"unit_code": "610629998", "rules": ["unit_exists"]},
    ]
    rows = sheet("civil_programmes", *accepted, *doubtful)
    assert amounts(kpi, county, rows, unit=STREET) == {"stations": 1, "stations_doubtful": 2}
    assert amounts(kpi, county, rows, unit=COUNTY_CODE) == {"stations": 2, "stations_doubtful": 2}
    assert amounts(kpi, county, rows, unit=OTHER_STREET) == {"stations_doubtful": 1}


def test_different_streets_are_places_too(county: County) -> None:
    kpi = kpi_of(Measure("served", "civil_programmes", "places", place="unit_code"))
    rows = sheet("civil_programmes", {"unit_code": STREET}, {"unit_code": STREET}, {"unit_code": OTHER_STREET})
    assert amounts(kpi, county, rows, unit=COUNTY_CODE) == {"served": 2}


def test_rows_of_units_outside_the_county_count_in_the_city_and_province_that_hold_them(county: County) -> None:
    wide = county.suppliers[0].model_copy(update={"id": "province_civil", "covers": ("61",)})
    county = county.model_copy(update={"suppliers": (*county.suppliers, wide)})
    above = pl.DataFrame(
        [("61", "province"), ("6106", "city")], schema={"unit_code": pl.String, "unit_level": pl.String}, orient="row"
    ).with_columns(valid_from=date(2016, 1, 1), valid_to=pl.lit(None, pl.Date), opened_date=pl.lit(None, pl.Date))
    known = pl.concat([units(), above])
    kpi = kpi_of(Measure("stations", "civil_programmes", "count", place="unit_code"))
    codes = ("61", "6106", "610602001", "610101", "D001", COUNTY_CODE, A)
    refused = {"supplier": "province_civil", "rules": ["programme_no.required"]}
    rows = sheet(
        "civil_programmes",
        *({"unit_code": code, "supplier": "province_civil"} for code in codes),
        {"unit_code": "610602001", **refused},
        # No such street in the county; a city in which the supplier has nothing to say.
        {"unit_code": "610629998", **refused}, {"unit_code": "5101", **refused},
    )  # fmt: skip
    found = {unit: amounts(kpi, county, rows, unit=unit, known=known) for unit in ("61", "6106", COUNTY_CODE, STREET, A, C)}
    assert found == {
        "61": {"stations": 6, "stations_doubtful": 3}, "6106": {"stations": 4, "stations_doubtful": 3},
        COUNTY_CODE: {"stations": 2, "stations_doubtful": 2}, STREET: {"stations": 1, "stations_doubtful": 2},
        A: {"stations": 1, "stations_doubtful": 2}, C: {"stations_doubtful": 2},
    }  # fmt: skip
    # Without such a supplier neither is a unit.
    assert not Area(known, county.model_copy(update={"suppliers": county.suppliers[:-1]}), JANUARY).holding("61")


def test_a_minimum_is_the_least_amount_and_knows_of_how_many(county: County) -> None:
    least = Measure("area", "civil_facilities", "minimum", SERVICE.counts, amount="floor_area_m2")
    sizes = [{"floor_area_m2": 30_000}, {"floor_area_m2": 20_050}, {"floor_area_m2": None}]
    refused = {"floor_area_m2": 10_000, "rules": ["facility_no.required"]}
    rows = sheet(
        "civil_facilities", *(facility(**size) for size in sizes), facility(B), facility(**refused),
        facility(rules=["floor_area_m2.readable"]),
    )  # fmt: skip

    def as_it_is(found: Amounts) -> Figure:
        one = Fraction(1)
        return Figure(found["area"], one, found["area_doubtful"], one, found["area"], one)

    kpi = Kpi("tried", "count", {"civil_facilities": "cases"}, (least,), figure=as_it_is)
    assert amounts(kpi, county, rows) == {
        "area": Fraction("200.50"), "area_rows": 2, "area_doubtful": 100, "area_doubtful_rows": 1, "area_unbounded": 1,
    }  # fmt: skip
    assert amounts(kpi, county, rows, unit=STREET)["area"] == Fraction("100.50")
    complete = sheet("civil_facilities", *(facility(**size) for size in sizes[:2]), facility(**refused))
    assert bounds(truth_row(kpi, county, complete))[:3] == [200.5, 1, 100]


# --- periods ---------------------------------------------------------------------------------------------------


def test_a_stock_is_of_the_last_month_and_a_flow_of_all_months(county: County) -> None:
    months = (JANUARY, FEBRUARY, MARCH)
    sheets = [
        sheet("police_case_returns", {"community_code": A, "category": "vice", "cases": month.month}, month=month)
        for month in months
    ]
    cases = Measure("cases", "police_case_returns", "count", amount="cases")
    flow, stock = kpi_of(cases, basis="flow"), kpi_of(cases, basis="stock")
    assert amounts(flow, county, *sheets, span=QUARTER, months=months) == {"cases": 6}
    assert amounts(stock, county, *sheets, span=QUARTER, months=(MARCH,)) == {"cases": 3}
    assert truth_row(kpi_of(cases, basis="ytd"), county, *sheets, period=("month", FEBRUARY))["numerator"] == 3
    assert truth_row(flow, county, *sheets, period=("month", FEBRUARY))["numerator"] == 2
    assert truth_row(flow, county, *sheets, period=("ytd", MARCH))["numerator"] == 6
    assert truth_row(stock, county, *sheets, period=("quarter", JANUARY))["numerator"] == 3


def test_a_moment_knows_its_month_quarter_and_year() -> None:
    moment = Moment(date(2026, 5, 1), date(2026, 6, 10))
    assert (moment.end, moment.quarter_start, moment.year_start) == (
        date(2026, 5, 31), date(2026, 4, 1), date(2026, 1, 1),
    )  # fmt: skip


def test_an_area_knows_how_many_communities_and_streets_a_unit_has(county: County) -> None:
    area = Area(units(later=B), county, date(2026, 1, 31))
    assert [area.communities_in[code] for code in (COUNTY_CODE, STREET, A, B)] == [2, 1, 1, 0]
    assert [area.streets_in[code] for code in (COUNTY_CODE, STREET, A)] == [2, 1, 0]
