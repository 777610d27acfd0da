"""The truth's own arithmetic, on figures and tiny sheets that can be checked by hand."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import Any

import polars as pl
import pytest

from pipelines.county import County
from pipelines.sample.counting import LINKS, REGISTRATION
from pipelines.sample.domains import events_kpis, population
from pipelines.sample.judging import Figure, Line, Terms, judge
from pipelines.sample.sheets import Planted, Sheet
from pipelines.sample.truth import Truth

# What targets demand: a share of at least 95 %, of exactly 100 %; 30 m² per 100 households.
MOST, ALL = (Line(Fraction(95), None), Terms("rate")), (Line(Fraction(100), Fraction(100)), Terms("rate"))
ENOUGH = (Line(Fraction(30), None), Terms("ratio", Fraction(1, 100)))
NONE = Fraction(0)
MONTH, END = date(2026, 1, 1), date(2026, 1, 31)
A, B, C = "610629101201", "610629101202", "610629102201"
TOWN = "grid_610629101"


def figure(
    numerator: int, denominator: int, low: tuple[int, int] | None = None, high: tuple[int, int] | None = None
) -> Figure:
    low, high = low or (numerator, denominator), high or (numerator, denominator)
    return Figure(*map(Fraction, (numerator, denominator, *low, *high)))


def judged(
    one: Figure, target: tuple[Line, Terms] = MOST, tolerance: int = 0
) -> tuple[str, str | None, Fraction | None]:
    found = judge(one, *target, Fraction(tolerance), is_too_early=False)
    return found.status, found.certainty, found.shortfall


def test_exactly_95_of_100_is_met() -> None:
    assert judged(figure(95, 100)) == ("met", "confirmed", 0)


def test_113_of_119_is_not_met_though_it_prints_as_95() -> None:
    assert judged(figure(113, 119)) == ("missed", "confirmed", 1)


def test_113_of_119_is_near_with_a_tolerance_of_one_point() -> None:
    assert judged(figure(113, 119), tolerance=1) == ("near", "confirmed", 1)


def test_188_of_197_looks_met_but_six_quarantined_rows_leave_it_open() -> None:
    one = figure(188, 197, low=(188, 203), high=(194, 203))
    assert float(one.value_low or 0) == pytest.approx(92.6, abs=0.05)
    assert float(one.value_high or 0) == pytest.approx(95.6, abs=0.05)
    assert judged(one) == ("met", "undetermined", 0)


def test_a_missed_rate_is_certain_where_even_the_best_outcome_misses() -> None:
    assert judged(figure(90, 100, low=(90, 102), high=(92, 102))) == ("missed", "confirmed", 5)


def test_all_of_them_is_met_only_by_all_of_them() -> None:
    assert judged(figure(10, 10), ALL) == ("met", "confirmed", 0)
    assert judged(figure(10, 10, low=(10, 11), high=(11, 11)), ALL) == ("met", "undetermined", 0)
    assert judged(figure(9, 10, low=(9, 11), high=(10, 11)), ALL) == ("missed", "confirmed", 1)
    assert judged(figure(9, 10, high=(10, 10)), ALL) == ("missed", "undetermined", 1)


def test_a_missing_supplier_of_cases_leaves_100_out_of_reach_only_where_a_case_is_known_to_have_failed() -> (
    None
):
    failed = Figure(
        Fraction(9), Fraction(10), Fraction(9), None, None, None, is_partial=True, may_be_complete=False
    )
    open_still = Figure(
        Fraction(9), Fraction(10), Fraction(9), None, None, None, is_partial=True, may_be_complete=True
    )
    assert (failed.value_low, failed.value_high) == (0, 100)
    assert judged(failed, ALL) == ("missed", "confirmed", 1)
    assert judged(open_still, ALL) == ("missed", "undetermined", 1)
    assert judged(failed, MOST)[1] == "undetermined"


def test_missing_square_metres_are_counted_in_hundredths() -> None:
    # 370 households need 111 m².
    one = Figure(Fraction("110.995"), Fraction(370), NONE, None, None, Fraction(370))
    assert judged(one, ENOUGH) == ("missed", "undetermined", Fraction("0.01"))


def test_nothing_to_count_is_not_applicable_and_certain_only_without_doubt() -> None:
    assert judged(figure(0, 0)) == ("not_applicable", "confirmed", None)
    assert judged(figure(0, 0, low=(0, 1), high=(1, 1))) == ("not_applicable", "undetermined", None)


def test_too_early_comes_before_no_data_and_no_data_before_the_target() -> None:
    assert judge(None, *MOST, NONE, is_too_early=True).status == "too_early"
    assert judge(None, None, MOST[1], NONE, is_too_early=False).status == "no_data"
    assert judge(figure(1, 2), None, MOST[1], NONE, is_too_early=False).status == "no_target"


# --- counting --------------------------------------------------------------------------------------------------


def units() -> pl.DataFrame:
    codes = {
        "610629": "county",
        "610629101": "street",
        "610629102": "street",
        A: "community",
        B: "community",
        C: "community",
    }
    rows = [(code, level, date(2016, 1, 1), None, None) for code, level in codes.items()]
    schema = {
        "unit_code": pl.String,
        "unit_level": pl.String,
        "valid_from": pl.Date,
        "valid_to": pl.Date,
        "opened_date": pl.Date,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def residents(*rows: tuple[int, str | None, str, str]) -> Sheet:
    """Rows of (person, community, residence type, state) who arrived in 2020."""
    cells = [
        {
            "_person": person, "community_code": community, "grid_code": None, "residence_type": kind, "_state": state,
            "id_type": "resident_id", "arrived_date": date(2020, 1, 1), "left_date": None, "_supplier": TOWN,
        }
        for person, community, kind, state in rows
    ]  # fmt: skip
    return Sheet(
        "grid_residents",
        MONTH,
        pl.DataFrame(cells, schema_overrides={"left_date": pl.Date, "community_code": pl.String, "grid_code": pl.String}),
    )


def registrations(*rows: tuple[int, str, date | None]) -> Sheet:
    """Rows of (person, state, cancelled date), all registered in community A."""
    cells = [
        {
            "_person": person, "_state": state, "cancelled_date": cancelled, "valid_to": date(2026, 12, 31),
            "registered_date": date(2025, 12, 1), "community_code": A, "_supplier": "county_police",
        }
        for person, state, cancelled in rows
    ]  # fmt: skip
    return Sheet(
        "police_residence_registrations",
        MONTH,
        pl.DataFrame(cells, schema_overrides={"cancelled_date": pl.Date}),
    )


def registration_rate(county: County, people: Sheet, police: Sheet, unit: str) -> dict[str, Any]:
    found = Truth(county, units(), date(2026, 11, 22))
    for supplier in (TOWN, "grid_610629102"):
        found.note_arrival(supplier, "grid_residents", MONTH)
    found.note_arrival("county_police", "police_residence_registrations", MONTH)
    found.note_month(MONTH, {"grid_residents": people, "police_residence_registrations": police})
    rows = found.table(MONTH).filter(
        pl.col("kpi_id") == REGISTRATION, pl.col("period_type") == "month", pl.col("period") == MONTH
    )
    (row,) = rows.filter(pl.col("unit_code") == unit).to_dicts()
    return row


def counts(row: dict[str, Any]) -> list[int | None]:
    names = (
        "numerator",
        "denominator",
        "low_numerator",
        "low_denominator",
        "high_numerator",
        "high_denominator",
    )
    return [None if row[name] is None else int(row[name]) for name in names]


def test_a_temporary_resident_counts_with_a_valid_registration_anywhere_in_the_county(county: County) -> None:
    people = residents(
        (1, A, "temporary", "accepted"), (2, A, "temporary", "accepted"), (3, A, "registered", "accepted")
    )
    police = registrations((1, "accepted", None), (2, "accepted", END), (3, "accepted", None))
    assert counts(registration_rate(county, people, police, A)) == [1, 2, 1, 2, 1, 2]


def test_a_quarantined_row_without_community_acts_on_all_of_its_suppliers_area_once(county: County) -> None:
    people = residents((1, A, "temporary", "accepted"), (2, None, "temporary", "quarantined"))
    police = registrations((1, "accepted", None))
    assert counts(registration_rate(county, people, police, A)) == [1, 1, 1, 2, 2, 2]
    assert counts(registration_rate(county, people, police, "610629101")) == [1, 1, 1, 2, 2, 2]
    assert counts(registration_rate(county, people, police, "610629")) == [1, 1, 1, 2, 2, 2]
    assert counts(registration_rate(county, people, police, B)) == [0, 0, 0, 1, 1, 1]
    assert counts(registration_rate(county, people, police, C)) == [0, 0, 0, 0, 0, 0]


def test_someone_in_two_places_is_doubtful_in_each_and_certain_above_both(county: County) -> None:
    people = residents((1, A, "temporary", "quarantined"), (1, B, "temporary", "quarantined"))
    people.planted = {
        row: Planted("in_two_places", ("person_in_two_places",), "quarantined") for row in (0, 1)
    }
    registered, unregistered = registrations((1, "accepted", None)), registrations((9, "accepted", None))
    assert counts(registration_rate(county, people, registered, A)) == [0, 0, 0, 0, 1, 1]
    assert counts(registration_rate(county, people, unregistered, A)) == [0, 0, 0, 1, 0, 0]
    assert counts(registration_rate(county, people, registered, "610629101")) == [1, 1, 1, 1, 1, 1]
    assert counts(registration_rate(county, people, unregistered, "610629")) == [0, 1, 0, 1, 0, 1]


def test_quarantined_registrations_can_register_no_more_than_were_found_unregistered(county: County) -> None:
    people = residents((1, A, "temporary", "accepted"), (2, A, "temporary", "accepted"))
    police = registrations((1, "accepted", None), (2, "quarantined", None), (3, "quarantined", None))
    assert counts(registration_rate(county, people, police, A)) == [1, 2, 1, 2, 2, 2]


def test_a_registration_known_to_be_cancelled_registers_nobody_even_if_quarantined(county: County) -> None:
    people = residents((1, A, "temporary", "accepted"))
    assert counts(registration_rate(county, people, registrations((1, "quarantined", END)), A)) == [
        0,
        1,
        0,
        1,
        0,
        1,
    ]


def test_a_quarantined_registration_registers_its_own_person_wherever_found_and_nobody_else(county: County) -> None:
    # All are registered in A: 1 was found in B, 9 nowhere.
    people = residents((1, B, "temporary", "accepted"), (2, A, "temporary", "accepted"))
    police = registrations((1, "quarantined", None), (9, "quarantined", None))
    assert counts(registration_rate(county, people, police, A)) == [0, 1, 0, 1, 0, 1]
    assert counts(registration_rate(county, people, police, B)) == [0, 1, 0, 1, 1, 1]
    assert counts(registration_rate(county, people, police, "610629")) == [0, 2, 0, 2, 1, 2]


def test_a_registration_without_a_usable_number_may_be_of_anyone_in_its_place(county: County) -> None:
    people = residents((1, B, "temporary", "accepted"), (2, A, "temporary", "accepted"))
    police = registrations((1, "quarantined", None))
    police.planted = {0: Planted("number_missing", ("id_number.absent",), "quarantined")}
    assert counts(registration_rate(county, people, police, A)) == [0, 1, 0, 1, 1, 1]
    assert counts(registration_rate(county, people, police, B)) == [0, 1, 0, 1, 0, 1]


def test_someone_in_two_places_may_be_registered_by_a_quarantined_registration(county: County) -> None:
    people = residents((1, A, "temporary", "quarantined"), (1, B, "temporary", "quarantined"))
    people.planted = {row: Planted("in_two_places", ("person_in_two_places",), "quarantined") for row in (0, 1)}
    police = registrations((1, "quarantined", None))
    assert counts(registration_rate(county, people, police, A)) == [0, 0, 0, 1, 1, 1]
    assert counts(registration_rate(county, people, police, "610629")) == [0, 1, 0, 1, 1, 1]


# --- the household register ------------------------------------------------------------------------------------


def households(*rows: tuple[str, str, bool | None, str]) -> Sheet:
    """Rows of (number, community, door plate, state)."""
    cells = [
        {
            "household_no": number, "community_code": community, "has_door_plate": plate, "_state": state,
            "registered_date": date(2001, 1, 1), "cancelled_date": None, "_supplier": "county_household",
        }
        for number, community, plate, state in rows
    ]  # fmt: skip
    frame = pl.DataFrame(cells, schema_overrides={"cancelled_date": pl.Date})
    return Sheet("household_households", MONTH, frame)


def persons(*rows: tuple[int, str | None, bool | None, str]) -> Sheet:
    """Rows of (person, household, lives there, state)."""
    cells = [
        {
            "_person": person, "household_no": household, "lives_here": lives_here, "_state": state,
            "registered_date": date(2001, 1, 1), "cancelled_date": None, "_supplier": "county_household",
        }
        for person, household, lives_here, state in rows
    ]  # fmt: skip
    frame = pl.DataFrame(cells, schema_overrides={"cancelled_date": pl.Date, "household_no": pl.String})
    return Sheet("household_persons", MONTH, frame)


def population_rate(county: County, kpi_id: str, unit: str, *sheets: Sheet) -> list[int | None]:
    found = Truth(county, units(), date(2026, 11, 22), kpis=population.MEASURES)
    for sheet in sheets:
        for supplier in {*sheet.rows["_supplier"], *([TOWN, "grid_610629102"] if sheet.dataset == "grid_residents" else [])}:
            found.note_arrival(supplier, sheet.dataset, MONTH)
    found.note_month(MONTH, {sheet.dataset: sheet for sheet in sheets})
    (row,) = found.table(MONTH).filter(
        pl.col("kpi_id") == kpi_id, pl.col("period_type") == "month", pl.col("period") == MONTH,
        pl.col("unit_code") == unit,
    ).to_dicts()  # fmt: skip
    return counts(row)


def test_people_found_stand_in_the_household_book_or_the_register_of_the_police(county: County) -> None:
    people = residents(*((person, A, "registered", "accepted") for person in (1, 2, 3, 4)), (5, B, "temporary", "accepted"))
    police = registrations((1, "accepted", None))
    book = persons((2, "h1", True, "accepted"), (3, "h1", True, "quarantined"), (6, "h2", True, "quarantined"))
    # 6 has no number: the entry may be of anyone in B, where the household is.
    book.planted = {2: Planted("number_missing", ("id_number.absent",), "quarantined")}
    homes = households(("h1", A, True, "accepted"), ("h2", B, True, "accepted"))
    assert population_rate(county, LINKS, A, people, police, book, homes) == [2, 4, 2, 4, 3, 4]
    assert population_rate(county, LINKS, B, people, police, book, homes) == [0, 1, 0, 1, 1, 1]
    assert population_rate(county, LINKS, "610629", people, police, book, homes) == [2, 5, 2, 5, 4, 5]


def test_registered_persons_count_where_their_household_is(county: County) -> None:
    book = persons((1, "h1", True, "accepted"), (2, "h1", False, "accepted"), (3, "h2", True, "accepted"))
    homes = households(("h1", A, True, "accepted"), ("h2", B, False, "quarantined"))
    # The household of 3 cannot be used: it may be anywhere.
    assert population_rate(county, "registered_address_residence_rate", A, book, homes) == [1, 2, 1, 2, 2, 3]
    assert population_rate(county, "registered_address_residence_rate", C, book, homes) == [0, 0, 0, 0, 1, 1]
    assert population_rate(county, "door_plate_rate", B, book, homes) == [0, 0, 0, 1, 0, 0]


# --- disputes --------------------------------------------------------------------------------------------------

HANDLING, MEDIATION = "dispute_handling_rate", "dispute_mediation_success_rate"
DISPUTES = {
    "dispute_no": pl.String, "community_code": pl.String, "kind": pl.String, "accepted_date": pl.Date,
    "handled_date": pl.Date, "result": pl.String, "_supplier": pl.String, "_state": pl.String,
}  # fmt: skip


def disputes(month: date, *rows: tuple[str | None, date | None, date | None, str | None, str]) -> Sheet:
    """Rows of (number, accepted, handled, result, state), all civil and in community A."""
    cells = [
        (number, A, "civil", accepted, handled, result, TOWN, state)
        for number, accepted, handled, result, state in rows
    ]
    return Sheet("grid_disputes", month, pl.DataFrame(cells, schema=DISPUTES, orient="row"))


def dispute_rate(
    county: County, kpi_id: str, period: tuple[str, date], *sheets: Sheet
) -> list[int | None]:
    county = county.model_copy(update={"last_period": "2026-03"})
    declared = [kpi for kpi in events_kpis.MEASURES if kpi.kpi_id == kpi_id]
    found = Truth(county, units(), date(2026, 11, 22), kpis=declared)
    for sheet in sheets:
        found.note_arrival(TOWN, "grid_disputes", sheet.month)
        found.note_events(sheet)
    rows = found.table(date(2026, 3, 1)).filter(
        pl.col("kpi_id") == kpi_id, pl.col("unit_code") == A,
        pl.col("period_type") == period[0], pl.col("period") == period[1],
    )  # fmt: skip
    (row,) = rows.to_dicts()
    return counts(row)


ACCEPTED, IN_TIME, TOO_LATE = date(2026, 1, 20), date(2026, 2, 10), date(2026, 2, 11)
JANUARY, FIRST_QUARTER = ("month", MONTH), ("quarter", MONTH)


def test_the_outcome_of_a_dispute_is_that_known_at_the_cut_off_of_its_period(county: County) -> None:
    january = disputes(
        MONTH,
        ("1", ACCEPTED, IN_TIME, "success", "accepted"),
        ("2", ACCEPTED, TOO_LATE, "success", "accepted"),
    )
    others = [disputes(date(2026, month, 1)) for month in (2, 3)]
    assert dispute_rate(county, HANDLING, JANUARY, january, *others) == [1, 2, 1, 2, 1, 2]
    assert dispute_rate(county, HANDLING, FIRST_QUARTER, january, *others) == [2, 2, 2, 2, 2, 2]


def test_the_latest_delivery_of_a_dispute_counts(county: County) -> None:
    january = disputes(MONTH, ("1", ACCEPTED, None, "pending", "duplicate"))
    february = disputes(date(2026, 2, 1), ("1", ACCEPTED, IN_TIME, "failure", "accepted"))
    march = disputes(date(2026, 3, 1))
    assert dispute_rate(county, HANDLING, JANUARY, january, february, march) == [1, 1, 1, 1, 1, 1]
    assert dispute_rate(county, MEDIATION, JANUARY, january, february, march) == [0, 1, 0, 1, 0, 1]


def test_a_quarantined_revision_may_have_changed_the_outcome_but_adds_no_dispute(county: County) -> None:
    january = disputes(
        MONTH, ("1", ACCEPTED, None, "pending", "accepted"), ("2", ACCEPTED, IN_TIME, "success", "accepted")
    )
    revisions = [(number, ACCEPTED, IN_TIME, "success", "quarantined") for number in ("1", "2")]
    february, march = disputes(date(2026, 2, 1), *revisions), disputes(date(2026, 3, 1))
    assert dispute_rate(county, HANDLING, JANUARY, january, february, march) == [1, 2, 0, 2, 2, 2]
    # the first was not handled, so its revision is a mediation of its own, and it succeeded
    assert dispute_rate(county, MEDIATION, JANUARY, january, february, march) == [1, 1, 0, 1, 2, 2]


def test_a_quarantined_dispute_counts_in_its_month_where_that_can_be_read_else_in_the_delivered_one(
    county: County,
) -> None:
    march = disputes(
        date(2026, 3, 1), ("1", ACCEPTED, None, None, "quarantined"), ("2", None, None, None, "quarantined"),
        ("3", date(2026, 5, 1), None, None, "quarantined"),
    )  # fmt: skip
    others = [disputes(date(2026, month, 1)) for month in (1, 2)]
    assert dispute_rate(county, HANDLING, JANUARY, *others, march) == [0, 0, 0, 1, 1, 1]
    assert dispute_rate(county, HANDLING, ("month", date(2026, 3, 1)), *others, march) == [0, 0, 0, 2, 2, 2]


def test_a_month_that_was_not_delivered_leaves_the_quarter_open(county: County) -> None:
    january, march = (
        disputes(MONTH, ("1", ACCEPTED, IN_TIME, "success", "accepted")),
        disputes(date(2026, 3, 1)),
    )
    assert dispute_rate(county, HANDLING, FIRST_QUARTER, january, march) == [1, 1, 1, None, None, None]
    assert dispute_rate(county, HANDLING, ("month", date(2026, 2, 1)), january, march) == [None] * 6
