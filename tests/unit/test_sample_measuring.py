"""What declared measures amount to, and the figures they make, on sheets small enough to be counted by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from fractions import Fraction
from typing import Any

import polars as pl
import pytest

from expectations.contract import load_contract
from pipelines.county import County, Expected
from pipelines.sample.areas import Area, Span, Unit
from pipelines.sample.evaluating import Evaluation
from pipelines.sample.judging import Figure
from pipelines.sample.ledger import DELIVERED, Ledger
from pipelines.sample.measuring import Amounts, Kpi, Measure, Moment
from pipelines.sample.sheets import Planted, Sheet
from pipelines.sample.truth import Truth

JANUARY, FEBRUARY, MARCH = (date(2026, month, 1) for month in (1, 2, 3))
# The fixture's county closes a month on the 10th of the next.
CUTOFF, LATER = datetime(2026, 2, 10, 23, 0), datetime(2026, 2, 11, 0, 30)
COUNTY_CODE, STREET, OTHER_STREET = "610629", "610629101", "610629102"
A, B, C = f"{STREET}201", f"{STREET}202", f"{OTHER_STREET}201"
TOWN, OTHER_TOWN, CIVIL = f"grid_{STREET}", f"grid_{OTHER_STREET}", "county_civil"
TYPES: dict[str, Any] = {
    "date": pl.Date, "timestamp": pl.Datetime("us"), "integer": pl.Int64, "decimal": pl.Int64, "boolean": pl.Boolean,
    "list": pl.List(pl.String),
}  # fmt: skip


@pytest.fixture
def county(county: County) -> County:
    """The usual county, in which further datasets are expected, up to March 2026."""
    more = [
        Expected(dataset=dataset, suppliers=suppliers, due_day=5)
        for dataset, suppliers in {
            "civil_residential_areas": (CIVIL,), "civil_funding": (CIVIL,), "civil_programmes": (CIVIL,),
            "police_case_returns": ("county_police",), "grid_events": (TOWN, OTHER_TOWN), "grid_duty": (TOWN, OTHER_TOWN),
        }.items()
    ]  # fmt: skip
    return county.model_copy(update={"expected": (*county.expected, *more), "last_period": "2026-03"})


def units(*, later: str | None = None) -> pl.DataFrame:
    """The county, two streets, communities A and B in the one and C in the other; `later` is there from March on."""
    levels = {6: "county", 9: "street", 12: "community"}
    rows = [
        (code, levels[len(code)], MARCH if code == later else date(2016, 1, 1), None, None)
        for code in (COUNTY_CODE, STREET, OTHER_STREET, A, B, C)
    ]
    schema = {
        "unit_code": pl.String, "unit_level": pl.String, "valid_from": pl.Date, "valid_to": pl.Date,
        "opened_date": pl.Date,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


def sheet(dataset: str, *rows: dict[str, Any], month: date = JANUARY) -> Sheet:
    """A settled sheet. Beside columns a row has `rules`, by which it is quarantined, or `state`, and `supplier`."""
    columns = {column.name: TYPES.get(column.type, pl.String) for column in load_contract(dataset).columns}
    default = CIVIL if dataset.startswith("civil") else TOWN
    cells = [
        {
            **dict.fromkeys(columns),
            **{name: value for name, value in row.items() if name in columns},
            "_supplier": row.get("supplier", default),
            "_state": row.get("state", "quarantined" if "rules" in row else "accepted"),
        }
        for row in rows
    ]
    schema = {**columns, "_supplier": pl.String, "_state": pl.String}
    made = Sheet(dataset, month, pl.DataFrame(cells, schema=schema))
    made.planted = {
        number: Planted("planted", tuple(row["rules"]), "quarantined")
        for number, row in enumerate(rows)
        if "rules" in row
    }
    return made


def of_month(month: date = JANUARY) -> Span:
    return Span("month", month, month, month)


QUARTER = Span("quarter", JANUARY, JANUARY, MARCH)


def amounts(
    kpi: Kpi, county: County, *sheets: Sheet, unit: str = A, span: Span | None = None,
    months: tuple[date, ...] = (JANUARY,), known: pl.DataFrame | None = None,
) -> dict[str, int | Fraction]:  # fmt: skip
    """The parts of the KPI's measures that are not 0, by name."""
    evaluation = Evaluation([kpi], county, units() if known is None else known)
    for one in sheets:
        evaluation.note(one)
    found = evaluation.amounts(kpi, Unit(unit, "community", None), span or of_month(), months)
    return {name: amount for name, amount in found.values.items() if amount}


def kpi_of(measure: Measure, **changes: Any) -> Kpi:
    kind = "rate" if measure.kind == "rate" else "count"
    return Kpi("tried", kind, {measure.dataset: "cases"}, (measure,), **changes)  # type: ignore[arg-type]


# --- registers: count, amount, rate, places --------------------------------------------------------------------

SERVICE = Measure(
    "open", "civil_facilities", "count",
    lambda at: (pl.col("kind") == "comprehensive_service") & (pl.col("opened_date") <= at.end),
)  # fmt: skip
OLD = date(2010, 1, 1)


def facility(code: str | None = A, kind: str | None = "comprehensive_service", **more: Any) -> dict[str, Any]:
    return {"community_code": code, "kind": kind, "opened_date": OLD, "floor_area_m2": 10_050, **more}


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


MANAGED = Measure(
    "areas", "civil_residential_areas", "rate", lambda _: pl.col("kind") == "commodity",
    passes=lambda _: pl.col("managed_by_property"),
)  # fmt: skip


def area_row(managed: bool | None, **more: Any) -> dict[str, Any]:
    return {"community_code": A, "kind": "commodity", "households": 100, "managed_by_property": managed, **more}


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


# --- events ----------------------------------------------------------------------------------------------------

CLOSED = Measure(
    "events", "grid_events", "rate", passes=lambda _: pl.col("status") == "closed", passed_on="verified_at"
)


def event(number: str | None, reported: datetime | None, verified: datetime | None = None, **more: Any) -> dict[str, Any]:
    """One in community A, closed where it has been verified."""
    return {
        "event_no": number, "community_code": A, "reported_at": reported, "verified_at": verified,
        "status": "closed" if verified else "handled", **more,
    }  # fmt: skip


REPORTED = datetime(2026, 1, 20, 8, 15)


def of_events(kpi: Kpi, county: County, *sheets: Sheet, span: Span | None = None, unit: str = A) -> dict[str, Any]:
    return amounts(kpi, county, *sheets, span=span, unit=unit)


def test_an_event_has_passed_in_a_period_if_that_was_known_by_its_cut_off(county: County) -> None:
    kpi = kpi_of(CLOSED, basis="flow")
    rows = sheet(
        "grid_events", event("1", REPORTED, CUTOFF), event("2", REPORTED, LATER), event("3", REPORTED),
        event("4", datetime(2025, 12, 31, 23, 59), REPORTED),
    )  # fmt: skip
    assert of_events(kpi, county, rows) == {"events": 3, "events_passed": 1}
    # Nothing of February is delivered, but what is known of January by the quarter's cut-off counts.
    assert of_events(kpi, county, rows, span=QUARTER) == {"events": 3, "events_passed": 2}
    assert of_events(kpi, county, rows, span=of_month(FEBRUARY)) == {}


def test_an_event_counts_from_the_day_on_which_it_begins_to(county: County) -> None:
    due = datetime(2026, 2, 20)
    judged = Measure(
        "judged", "grid_events", "rate", passes=lambda _: pl.col("verified_at") <= pl.col("due_at"),
        counted_on=pl.min_horizontal("verified_at", "due_at"),
    )  # fmt: skip
    rows = sheet(
        "grid_events", event("1", REPORTED, CUTOFF, due_at=due), event("2", REPORTED, due_at=due), event("3", REPORTED)
    )
    kpi = kpi_of(judged, basis="flow")
    assert of_events(kpi, county, rows) == {"judged": 1, "judged_passed": 1}
    assert of_events(kpi, county, rows, span=QUARTER) == {"judged": 2, "judged_passed": 1}


def test_of_several_listings_the_latest_accepted_one_counts(county: County) -> None:
    january = sheet("grid_events", event("1", REPORTED), event("2", REPORTED, CUTOFF))
    february = sheet(
        "grid_events", event("1", REPORTED, CUTOFF), event("2", REPORTED, community_code=B), month=FEBRUARY
    )
    kpi = kpi_of(CLOSED, basis="flow")
    for sheets in ((january, february), (february, january)):
        assert of_events(kpi, county, *sheets) == {"events": 1, "events_passed": 1}
        assert of_events(kpi, county, *sheets, unit=B) == {"events": 1}


def test_a_refused_event_belongs_to_its_month_where_that_is_known_else_to_the_delivered_one(county: County) -> None:
    refused = ["department.required"]
    rows = sheet(
        "grid_events",
        event("1", REPORTED, rules=refused),
        event("2", None, rules=["reported_at.readable"]),
        event("3", datetime(2026, 3, 1), rules=["reported_by_period_end"]),
        event("4", datetime(2026, 4, 1), rules=refused),
        month=FEBRUARY,
    )
    kpi = kpi_of(CLOSED, basis="flow")
    assert of_events(kpi, county, rows) == {"events_may_fail": 1}
    assert of_events(kpi, county, rows, span=of_month(FEBRUARY)) == {"events_may_fail": 3}
    assert of_events(kpi, county, rows, span=of_month(MARCH)) == {}


def test_a_refused_listing_of_an_event_that_counts_is_a_revision_and_no_case_of_its_own(county: County) -> None:
    counted_once_closed = Measure("events", "grid_events", "rate", passes=CLOSED.passes, counted_on="verified_at")
    january = sheet("grid_events", event("1", REPORTED, CUTOFF), event("2", REPORTED), event("3", REPORTED))
    february = sheet(
        "grid_events",
        event("1", REPORTED, rules=["department.required"]),
        event("2", REPORTED, rules=["department.required"]),
        event("4", REPORTED, rules=["department.required"]),
        event("3", REPORTED, rules=["key.unique"]),  # whose number is in doubt
        month=FEBRUARY,
    )
    assert of_events(kpi_of(CLOSED, basis="flow"), county, january, february) == {
        "events": 3, "events_passed": 1, "events_may_fail": 2,
        "events_revised": 2, "events_revised_counted": 2, "events_revised_passed": 1,
    }  # fmt: skip
    assert of_events(kpi_of(counted_once_closed, basis="flow"), county, january, february) == {
        "events": 1, "events_passed": 1, "events_may_fail": 2,
        "events_revised": 2, "events_revised_counted": 1, "events_revised_passed": 1,
    }  # fmt: skip


def test_a_refused_event_may_fail_until_it_passed_and_counts_from_the_day_that_it_says(county: County) -> None:
    refused = {"rules": ["department.required"]}
    rows = sheet(
        "grid_events", event("1", REPORTED, CUTOFF, **refused), event("2", REPORTED, LATER, **refused),
        event("3", REPORTED, **refused, status=None),
    )  # fmt: skip
    kpi = kpi_of(CLOSED, basis="flow")
    assert of_events(kpi, county, rows) == {"events_may_pass": 2, "events_may_fail": 2}
    assert of_events(kpi, county, rows, span=QUARTER) == {"events_may_pass": 3, "events_may_fail": 1}
    # Where nobody knows the day it may be any; what counts when it has passed never fails.
    once_closed = kpi_of(Measure("events", "grid_events", "rate", passes=CLOSED.passes, counted_on="verified_at"), basis="flow")
    assert of_events(once_closed, county, rows) == {"events_may_pass": 2, "events_may_fail": 1}
    assert of_events(once_closed, county, rows, span=QUARTER) == {"events_may_pass": 3, "events_may_fail": 1}
    closings = kpi_of(Measure("closed", "grid_events", "count", counted_on="verified_at"), basis="flow")
    assert of_events(closings, county, rows) == {"closed_doubtful": 2}
    assert of_events(closings, county, rows, span=QUARTER) == {"closed_doubtful": 3}


def test_a_revision_that_names_another_place_or_month_is_a_case_of_its_own_there(county: County) -> None:
    refused = {"rules": ["department.required"]}
    january = sheet("grid_events", event("1", REPORTED), event("2", REPORTED), event("3", REPORTED))
    february = sheet(
        "grid_events",
        event("1", REPORTED, **refused, community_code=B),
        event("2", datetime(2026, 2, 3), **refused),
        event("3", REPORTED, **refused),
        month=FEBRUARY,
    )
    kpi = kpi_of(CLOSED, basis="flow")
    doubted = {"events": 3, "events_revised": 3, "events_revised_counted": 3}
    assert of_events(kpi, county, january, february) == doubted
    assert of_events(kpi, county, january, february, unit=B) == {"events_may_fail": 1}
    assert of_events(kpi, county, january, february, span=of_month(FEBRUARY)) == {"events_may_fail": 1}
    # A unit and a period that hold both count both: wider than need be.
    assert of_events(kpi, county, january, february, span=QUARTER, unit=STREET) == {**doubted, "events_may_fail": 2}


def test_what_is_refused_before_a_later_listing_is_accepted_is_settled(county: County) -> None:
    january = sheet("grid_events", event("1", REPORTED, community_code=B, rules=["department.required"]))
    february = sheet("grid_events", event("1", REPORTED, CUTOFF), month=FEBRUARY)
    kpi = kpi_of(CLOSED, basis="flow")
    assert of_events(kpi, county, january, february) == {"events": 1, "events_passed": 1}
    assert of_events(kpi, county, january, february, unit=B) == {}
    assert of_events(kpi, county, january, unit=B) == {"events_may_fail": 1}


def test_a_listing_is_in_doubt_too_where_its_revision_does_not_count(county: County) -> None:
    small = Measure("small", "grid_events", "count", lambda _: pl.col("micro_event"))
    january = sheet("grid_events", event("1", REPORTED, micro_event=True))
    february = sheet("grid_events", event("1", REPORTED, micro_event=False, rules=["department.required"]), month=FEBRUARY)
    assert of_events(kpi_of(small, basis="flow"), county, january, february) == {"small": 1, "small_revised": 1}


def test_a_refused_listing_of_an_event_that_does_not_count_is_a_case_of_its_own(county: County) -> None:
    small = Measure("small", "grid_events", "count", lambda _: pl.col("micro_event"))
    january = sheet("grid_events", event("1", REPORTED, micro_event=False))
    february = sheet("grid_events", event("1", REPORTED, rules=["micro_event.readable"]), month=FEBRUARY)
    assert of_events(kpi_of(small, basis="flow"), county, january, february) == {"small_doubtful": 1}


def test_a_count_of_events_has_what_is_revised_and_the_revision_beside_it(county: County) -> None:
    failures = Measure(
        "failures", "grid_events", "count", lambda _: pl.col("failed_verifications") > 3,
        amount="failed_verifications", counted_on="handled_at",
    )  # fmt: skip
    january = sheet(
        "grid_events",
        event("1", REPORTED, failed_verifications=5, handled_at=CUTOFF),
        event("2", REPORTED, failed_verifications=7, handled_at=LATER),
        event("3", REPORTED, failed_verifications=2, handled_at=CUTOFF),
    )
    february = sheet(
        "grid_events",
        event("1", REPORTED, failed_verifications=6, rules=["department.required"]),
        event("2", REPORTED, rules=["failed_verifications.readable"]),
        event("4", REPORTED, failed_verifications=2, rules=["department.required"]),
        month=FEBRUARY,
    )
    kpi = kpi_of(failures, basis="flow")
    assert of_events(kpi, county, january, february) == {
        "failures": 5, "failures_revised": 5, "failures_doubtful": 6, "failures_unbounded": 1,
    }  # fmt: skip
    assert of_events(kpi, county, january, february, span=QUARTER) == {
        "failures": 12, "failures_revised": 12, "failures_doubtful": 6, "failures_unbounded": 1,
    }  # fmt: skip


def test_places_of_events_count_once_a_month(county: County) -> None:
    kpi = kpi_of(Measure("active", "grid_events", "places"), basis="flow")
    january = sheet("grid_events", event("1", REPORTED), event("2", REPORTED), event("3", REPORTED, community_code=B))
    february = sheet(
        "grid_events", event("4", datetime(2026, 2, 3)), event("5", datetime(2026, 2, 3), community_code=B, rules=["department.required"]),
        event("3", REPORTED, community_code=B, rules=["department.required"]), month=FEBRUARY,
    )  # fmt: skip
    assert of_events(kpi, county, january, february) == {"active": 1}
    assert of_events(kpi, county, january, february, span=QUARTER) == {"active": 2}
    assert of_events(kpi, county, january, february, span=QUARTER, unit=STREET) == {
        "active": 3, "active_doubtful": 1, "active_revised": 1,
    }  # fmt: skip


# --- figures ---------------------------------------------------------------------------------------------------


def truth_row(
    kpi: Kpi, county: County, *sheets: Sheet, unit: str = A, period: tuple[str, date] = ("month", JANUARY),
    silent: tuple[tuple[str, str, date], ...] = (),
) -> dict[str, Any]:  # fmt: skip
    """The KPI's row of the truth, where all deliveries of the sheets' months arrived but those of `silent` slots."""
    found = Truth(county, units(), date(2026, 11, 22), kpis=[kpi], stated=[])
    for one in sheets:
        for supplier in (TOWN, OTHER_TOWN, CIVIL, "county_police"):
            if (supplier, one.dataset, one.month) not in silent:
                found.note_arrival(supplier, one.dataset, one.month)
    for month in {one.month for one in sheets}:
        registers = [one for one in sheets if one.month == month and load_contract(one.dataset).kind == "register"]
        found.note_month(month, {one.dataset: one for one in registers})
    for one in sheets:
        if load_contract(one.dataset).kind == "event":
            found.note_events(one)
    rows = found.table(MARCH).filter(
        pl.col("kpi_id") == kpi.kpi_id, pl.col("unit_code") == unit, pl.col("period_type") == period[0],
        pl.col("period") == period[1],
    )  # fmt: skip
    (row,) = rows.to_dicts()
    return row


def bounds(row: dict[str, Any]) -> list[Any]:
    """Numerator and denominator: of the figure, at the lowest, at the highest; then the values."""
    names = ("numerator", "denominator", "low_numerator", "low_denominator", "high_numerator", "high_denominator")
    return [row[name] if row[name] is None else float(row[name]) for name in names]


def values(row: dict[str, Any]) -> list[Any]:
    return [row["value"], row["value_low"], row["value_high"]]


def test_a_rates_bounds_are_its_extremes(county: County) -> None:
    rows = sheet(
        "civil_residential_areas",
        *[area_row(True)] * 3, area_row(False), area_row(None, rules=["managed_by_property.readable"]),
        area_row(False, rules=["area_no.required"]),
    )  # fmt: skip
    row = truth_row(kpi_of(MANAGED, scale=100), county, rows)
    assert bounds(row) == [3, 4, 3, 6, 4, 5]
    assert values(row) == [75, 50, 80]
    assert row["status"] == "no_target"


def test_a_rate_with_a_revision_and_an_open_event(county: County) -> None:
    counted_once_closed = Measure("events", "grid_events", "rate", passes=CLOSED.passes, counted_on="verified_at")
    january = sheet("grid_events", event("1", REPORTED, CUTOFF), event("2", REPORTED))
    february = sheet(
        "grid_events",
        event("1", REPORTED, CUTOFF, rules=["department.required"]),
        event("2", REPORTED, CUTOFF, rules=["department.required"]),
        month=FEBRUARY,
    )
    kpi = kpi_of(counted_once_closed, basis="flow", scale=100)
    assert bounds(truth_row(kpi, county, january, february)) == [1, 1, 0, 2, 2, 2]


def test_an_unknown_amount_opens_a_rate_to_both_sides(county: County) -> None:
    homes = Measure("homes", "civil_residential_areas", "rate", MANAGED.counts, amount="households", passes=MANAGED.passes)
    rows = sheet("civil_residential_areas", area_row(True), area_row(True, rules=["households.readable"]))
    row = truth_row(kpi_of(homes, scale=100), county, rows)
    assert bounds(row) == [100, 100, 100, None, None, None]
    assert values(row) == [100, 0, 100]


def test_a_count_may_be_fewer_by_what_is_revised_and_more_by_what_is_doubtful(county: County) -> None:
    rows = sheet("civil_facilities", facility(), facility(rules=["facility_no.required"]))
    row = truth_row(kpi_of(SERVICE), county, rows)
    assert bounds(row) == [1, 1, 1, 1, 2, 1]
    assert values(row) == [1, 1, 2]
    reported = Measure("events", "grid_events", "count")
    january = sheet("grid_events", event("1", REPORTED), event("1", REPORTED, rules=["department.required"]))
    assert bounds(truth_row(kpi_of(reported, basis="flow"), county, january)) == [1, 1, 0, 1, 2, 1]


def test_a_count_with_an_unknown_amount_has_no_upper_limit(county: County) -> None:
    area = Measure("area", "civil_facilities", "count", SERVICE.counts, amount="floor_area_m2")
    rows = sheet("civil_facilities", facility(), facility(rules=["floor_area_m2.range"]))
    row = truth_row(kpi_of(area), county, rows)
    assert bounds(row) == [100.5, 1, 100.5, 1, None, 1]
    assert values(row) == [100.5, 100.5, None]


RATIO = Kpi(
    "tried", "ratio", {"civil_facilities": "amount", "grid_grids": "denominator"},
    (
        Measure("area", "civil_facilities", "count", SERVICE.counts, amount="floor_area_m2"),
        Measure("homes", "grid_grids", "count", amount="households"),
    ),
    scale=100,
)  # fmt: skip


def test_a_ratio_is_lowest_over_the_most_and_highest_over_what_is_certain(county: County) -> None:
    facilities = sheet("civil_facilities", facility(), facility(rules=["facility_no.required"]))
    grid = {"community_code": A, "households": 300}
    grids = sheet("grid_grids", grid, {**grid, "households": 35, "rules": ["kind.known_value"]})
    row = truth_row(RATIO, county, facilities, grids)
    assert bounds(row) == [100.5, 300, 100.5, 335, 201, 300]
    assert values(row) == [33.5, 30, 67]
    unknown = sheet("grid_grids", grid, {**grid, "rules": ["households.readable"]})
    assert bounds(truth_row(RATIO, county, facilities, unknown)) == [100.5, 300, 100.5, None, 201, 300]


# --- deliveries that did not arrive ----------------------------------------------------------------------------

EVENTS_HERE = sheet("grid_events", event("1", REPORTED, CUTOFF), event("2", REPORTED, CUTOFF))
LOST = ((OTHER_TOWN, "grid_events", JANUARY),)


def test_missing_cases_open_a_rate_and_leave_a_count_without_limit(county: County) -> None:
    rate = kpi_of(CLOSED, basis="flow", scale=100)
    row = truth_row(rate, county, EVENTS_HERE, unit=COUNTY_CODE, silent=LOST)
    assert bounds(row) == [2, 2, 2, None, None, None]
    assert (row["reporting_suppliers"], row["expected_suppliers"]) == (1, 2)
    assert bounds(truth_row(rate, county, EVENTS_HERE, unit=A, silent=LOST)) == [2, 2, 2, 2, 2, 2]
    count = kpi_of(Measure("events", "grid_events", "count"), basis="flow")
    assert bounds(truth_row(count, county, EVENTS_HERE, unit=COUNTY_CODE, silent=LOST)) == [2, 1, 2, 1, None, 1]


def test_a_dataset_that_is_wholly_absent_is_no_data(county: County) -> None:
    row = truth_row(kpi_of(CLOSED, basis="flow"), county, EVENTS_HERE, unit=C, silent=LOST)
    assert (row["status"], row["numerator"], row["value"]) == ("no_data", None, None)


def test_a_missing_numerator_may_be_all_of_the_denominator_and_a_missing_denominator_any_number(county: County) -> None:
    hours = Measure("hours", "grid_duty", "rate", amount="hours_due", passed_amount="hours_staffed")
    duty = sheet("grid_duty", {"community_code": A, "hours_due": 1000, "hours_staffed": 400})
    lost = ((OTHER_TOWN, "grid_duty", JANUARY),)
    expected = {
        "numerator": [4, 10, 4, 10, 10, 10],
        "denominator": [4, 10, 4, None, 4, 10],
        "amount": [4, 10, 4, 10, None, 10],
    }
    for role, found in expected.items():
        kpi = Kpi("tried", "rate", {"grid_duty": role}, (hours,), scale=100)  # type: ignore[dict-item]
        assert bounds(truth_row(kpi, county, duty, unit=COUNTY_CODE, silent=lost)) == found


CASES = Kpi(
    "tried", "count", {"police_case_returns": "cases"},
    (
        Measure("cases", "police_case_returns", "count", lambda _: pl.col("category") == "criminal", amount="cases"),
        Measure("returns", "police_case_returns", "count", lambda _: pl.col("category") == "criminal"),
    ),
    basis="flow", rows="returns",
)  # fmt: skip


def case_return(code: str, cases: int, **more: Any) -> dict[str, Any]:
    return {"community_code": code, "category": "criminal", "cases": cases, "supplier": "county_police", **more}


def test_a_return_that_is_absent_is_no_data_and_not_0(county: County) -> None:
    returns = sheet("police_case_returns", case_return(A, 0), case_return(C, 1, category="vice"))
    assert bounds(truth_row(CASES, county, returns)) == [0, 1, 0, 1, 0, 1]
    for unit in (B, C):
        assert truth_row(CASES, county, returns, unit=unit)["status"] == "no_data"
    # One of two communities of the street, two of three of the county are silent.
    for unit in (STREET, COUNTY_CODE):
        assert bounds(truth_row(CASES, county, returns, unit=unit)) == [0, 1, 0, 1, None, 1]


def test_over_a_quarter_a_return_is_expected_every_month(county: County) -> None:
    sheets = [sheet("police_case_returns", case_return(A, 1), month=month) for month in (JANUARY, FEBRUARY, MARCH)]
    quarter = ("quarter", JANUARY)
    assert bounds(truth_row(CASES, county, *sheets, period=quarter)) == [3, 1, 3, 1, 3, 1]
    silent = sheet("police_case_returns", month=MARCH)
    assert bounds(truth_row(CASES, county, *sheets[:2], silent, period=quarter)) == [2, 1, 2, 1, None, 1]


# --- figures of one's own, levels, variants --------------------------------------------------------------------


def test_a_figure_of_its_own_is_a_function_of_what_was_counted(county: County) -> None:
    kinds = ("comprehensive_service", "elderly_care")

    def served(amounts: Amounts) -> Figure:
        have = sum((amounts[kind] for kind in kinds), Fraction(0))
        most = sum(
            (min(amounts[kind] + amounts[f"{kind}_doubtful"], Fraction(amounts.communities)) for kind in kinds),
            Fraction(0),
        )
        due = Fraction(len(kinds) * amounts.communities)
        return Figure(have, due, have, due, most, due)

    measures = tuple(
        Measure(kind, "civil_facilities", "places", lambda _, kind=kind: pl.col("kind") == kind) for kind in kinds  # type: ignore[misc]
    )
    kpi = Kpi("tried", "rate", {"civil_facilities": "numerator"}, measures, scale=100, figure=served)
    rows = sheet(
        "civil_facilities", facility(), facility(), facility(B), facility(B, "elderly_care"),
        facility(None, "elderly_care", rules=["community_code.required"]),
    )  # fmt: skip
    assert bounds(truth_row(kpi, county, rows)) == [1, 2, 1, 2, 2, 2]
    assert bounds(truth_row(kpi, county, rows, unit=COUNTY_CODE)) == [3, 6, 3, 6, 4, 6]
    absent = Kpi("tried", "rate", {"civil_facilities": "numerator"}, measures, figure=lambda _: None)
    assert truth_row(absent, county, rows)["status"] == "no_data"


def test_a_figure_may_be_summed_over_communities_of_which_each_has_its_own_limit(county: County) -> None:
    def at_most_two(found: Amounts) -> Figure:
        held = sum((min(one["events"], Fraction(2)) for one in found.each()), Fraction(0))
        due = Fraction(2 * found.communities)
        return Figure(held, due, held, due, held, due)

    kpi = Kpi("tried", "rate", {"grid_events": "cases"}, (Measure("events", "grid_events", "count"),), figure=at_most_two, basis="flow", scale=100)
    rows = sheet("grid_events", *[event(str(number), REPORTED) for number in range(5)], event("9", REPORTED, community_code=B))
    assert bounds(truth_row(kpi, county, rows))[:2] == [2, 2]
    assert bounds(truth_row(kpi, county, rows, unit=STREET))[:2] == [3, 4]
    assert bounds(truth_row(kpi, county, rows, unit=COUNTY_CODE))[:2] == [3, 6]


def test_a_measure_may_make_rows_of_its_own_from_several_sheets(county: County) -> None:
    def largest_grids(ledger: Ledger, at: Moment) -> pl.DataFrame:
        """Facilities with the households of their community's grids beside them."""
        grids = ledger.of_month("grid_grids", at.month)
        assert grids is not None
        homes = grids.filter(pl.col("_state") == "accepted").group_by("community_code").agg(pl.col("households").sum())
        facilities = ledger.of_month("civil_facilities", at.month)
        assert facilities is not None
        return facilities.join(homes, on="community_code", how="left", maintain_order="left")

    reads = ("civil_facilities", "grid_grids")
    large = Measure(
        "large", "civil_facilities", "count", lambda _: pl.col("households") > 200, rows=largest_grids, reads=reads
    )
    facilities = sheet("civil_facilities", facility(), facility(B), facility(rules=["facility_no.required"]), facility(state="duplicate"))
    grids = sheet("grid_grids", *[{"community_code": code, "households": 150} for code in (A, A, B)])
    for sheets in ((facilities, grids), (grids, facilities)):
        assert amounts(kpi_of(large), county, *sheets, unit=STREET) == {"large": 1, "large_doubtful": 1}


def test_events_may_be_counted_as_they_stand_at_a_months_end(county: County) -> None:
    def so_far(ledger: Ledger, at: Moment) -> pl.DataFrame:
        rows = ledger.of_months("grid_events")
        assert rows is not None
        seen = rows.filter(pl.col(DELIVERED) <= at.month).sort(DELIVERED, maintain_order=True)
        return seen.unique("event_no", keep="last", maintain_order=True)

    open_now = Measure(
        "open", "grid_events", "count", lambda _: pl.col("status") != "closed", rows=so_far, reads=("grid_events",)
    )
    january = sheet("grid_events", event("1", REPORTED), event("2", REPORTED))
    february = sheet("grid_events", event("2", REPORTED, CUTOFF), event("3", datetime(2026, 2, 2)), event("4", datetime(2026, 2, 2)), month=FEBRUARY)
    kpi = kpi_of(open_now)
    assert amounts(kpi, county, january, february) == {"open": 2}
    assert amounts(kpi, county, january, february, span=of_month(FEBRUARY), months=(FEBRUARY,)) == {"open": 3}
    # Each month tells of the year up to it: its figure is the last month's, not the sum.
    to_date = kpi_of(replace(open_now, is_to_date=True), basis="ytd")
    year = Span("ytd", FEBRUARY, JANUARY, FEBRUARY)
    assert amounts(to_date, county, january, february, span=year, months=(JANUARY, FEBRUARY)) == {"open": 3}
    summed = kpi_of(open_now, basis="ytd")
    assert amounts(summed, county, january, february, span=year, months=(JANUARY, FEBRUARY)) == {"open": 5}


def test_a_ledger_keeps_what_some_measure_reads() -> None:
    ledger = Ledger(["grid_grids"])
    ledger.note("grid_duty", JANUARY, sheet("grid_duty", {"community_code": A}).rows)
    assert not ledger.reads("grid_duty")
    assert ledger.of_month("grid_grids", JANUARY) is None
    assert ledger.of_months("grid_grids") is None
    with pytest.raises(KeyError, match="grid_duty is not among the `reads`"):
        ledger.of_months("grid_duty")


def test_a_kpi_has_rows_for_its_levels_only(county: County) -> None:
    kpi = kpi_of(SERVICE, levels=("street",))
    found = Truth(county, units(), date(2026, 11, 22), kpis=[kpi], stated=[]).table(JANUARY)
    assert set(found.filter(pl.col("kpi_id") == "tried")["unit_code"]) == {STREET, OTHER_STREET}


# --- declarations that make no sense ---------------------------------------------------------------------------


def test_a_declaration_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="says what passes"):
        Measure("m", "grid_duty", "rate")
    with pytest.raises(ValueError, match="says what passes"):
        Measure("m", "grid_duty", "count", passes=MANAGED.passes)
    with pytest.raises(ValueError, match="part of an amount"):
        Measure("m", "grid_duty", "rate", passed_amount="hours_staffed")
    with pytest.raises(ValueError, match="not summed"):
        Measure("m", "grid_duty", "places", amount="hours_due")
    with pytest.raises(ValueError, match="one of amounts"):
        Measure("m", "grid_duty", "minimum")
    needs = {"civil_facilities": "cases"}
    least = Measure("m", "civil_facilities", "minimum", amount="floor_area_m2")
    with pytest.raises(ValueError, match="not their sum"):
        Kpi("k", "count", needs, (least,), basis="flow")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="not made of"):
        Kpi("k", "count", needs, (least,))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="stands twice"):
        Kpi("k", "count", needs, (SERVICE, SERVICE))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="none of its measures"):
        Kpi("k", "count", needs, (SERVICE,), rows="other")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="needs does not name"):
        Kpi("k", "count", {}, (SERVICE,))
    with pytest.raises(ValueError, match="not made of"):
        Kpi("k", "rate", needs, (SERVICE,))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="not made of"):
        Kpi("k", "ratio", needs, (SERVICE,))  # type: ignore[arg-type]
