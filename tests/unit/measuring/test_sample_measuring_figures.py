"""The figures that declared measures make, with their bounds, on sheets small enough to be counted by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from fractions import Fraction
from typing import Any

import polars as pl
import pytest

from pipelines.county import County
from pipelines.sample.areas import Span
from pipelines.sample.judging import Figure
from pipelines.sample.ledger import DELIVERED, Ledger
from pipelines.sample.measuring import Amounts, Kpi, Measure, Moment
from pipelines.sample.truth import Truth
from tests.support.measured import (
    CLOSED,
    COUNTY_CODE,
    CUTOFF,
    FEBRUARY,
    JANUARY,
    MANAGED,
    MARCH,
    OTHER_STREET,
    OTHER_TOWN,
    REPORTED,
    SERVICE,
    STREET,
    A,
    B,
    C,
    amounts,
    area_row,
    bounds,
    event,
    facility,
    kpi_of,
    of_month,
    sheet,
    truth_row,
    units,
)


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
