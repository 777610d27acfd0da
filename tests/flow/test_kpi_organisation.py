"""KPIs of staff, organizations, surveys and funding, against numbers worked out by hand beside each test."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipelines.dbt_measures import Mart
from pipelines.settings import month_start
from tests.support.lake import COUNTY, COUNTY_WIDE, STREET_1, STREET_2, A, B, C, Lake, Unit

JANUARY, FEBRUARY = "2026-01", "2026-02"
CIVIL, PROVINCIAL, PROVINCE = "county_civil", "province_civil", "61"
BAD_POST = ("post.known_value", "error")
BAD_CERTIFIED = ("certified.readable", "error")
BAD_KIND = ("kind.known_value", "error")
UNKNOWN_COMMUNITY = ("community_code.exists", "error")
UNITS = (
    Unit(COUNTY, "county"),
    Unit(STREET_1, "street", COUNTY),
    Unit(STREET_2, "street", COUNTY),
    Unit(A, "community", STREET_1, "urban", is_adjusted=True),
    Unit(B, "community", STREET_1, "urban"),
    Unit(C, "community", STREET_2, "rural"),
)


def member(community: str | None, post: str | None, *verdicts: tuple[str, str], pay: str | None = None, **values: Any) -> dict[str, Any]:
    return {
        "community_code": community, "post": post, "certified": False, "started_date": date(2020, 1, 1),
        "monthly_pay_yuan": None if pay is None else Decimal(pay), "verdicts": verdicts, **values,
    }  # fmt: skip


def organization(community: str | None, kind: str | None, *verdicts: tuple[str, str], **values: Any) -> dict[str, Any]:
    return {"community_code": community, "kind": kind, "verdicts": verdicts, **values}


def survey(community: str, wave: str, day: date, sample: int, satisfied: int, *verdicts: tuple[str, str]) -> dict[str, Any]:
    return {
        "community_code": community, "wave": wave, "surveyed_date": day, "sample": sample, "satisfied": satisfied,
        "verdicts": verdicts,
    }  # fmt: skip


def line(community: str, year: int | None, budgeted: str | None, disbursed: str, *verdicts: tuple[str, str]) -> dict[str, Any]:
    return {
        "community_code": community, "year": year, "budgeted_yuan": None if budgeted is None else Decimal(budgeted),
        "disbursed_yuan": Decimal(disbursed), "verdicts": verdicts,
    }  # fmt: skip


def staff_of_january() -> list[dict[str, Any]]:
    return [
        member(A, "secretary", pay="4000.50", secretary_is_director=True),
        member(A, "social_worker", pay="3500", certified=True),
        member(A, "social_worker", pay="3200"),
        member(A, "social_worker", pay="3300", certified=True, ended_date=date(2026, 2, 1)),  # in post on the last day
        member(A, "drug_social_worker", certified=True),  # pay is not stated
        member(A, "office", pay="2800.25"),
        member(A, "office", pay="100", ended_date=date(2026, 1, 31)),  # no longer
        member(A, "legal_adviser", pay="90"),
        member(A, "legal_adviser", ended_date=date(2026, 1, 31)),
        member(A, "seconded", certified=True),
        member(A, "seconded", certified=True),
        member(A, "seconded"),
        # quarantined: when the adviser came and left, what the others can do, and what the last one is
        member(A, "legal_adviser", ("ended_after_started", "error"), ended_date=date(2019, 1, 1)),
        member(A, "seconded", BAD_CERTIFIED, certified=None),
        member(A, "social_worker", BAD_CERTIFIED, certified=None, pay="2500"),
        member(A, None, BAD_POST, certified=True, pay="5000"),
        member(A, "office", ("key.repeated", "duplicate"), pay="1"),
        member(B, "secretary", pay="3000", secretary_is_director=False),
        member(B, "office", ("monthly_pay_yuan.range", "error"), pay="200000"),
        member(B, "secretary", ("secretary_is_director.readable", "error"), pay="3100"),
    ]


def organizations_of_january() -> list[dict[str, Any]]:
    return [
        organization(A, "functional", filed_date=date(2025, 1, 1), incubated_date=date(2026, 1, 10)),
        organization(A, "functional", registered_date=date(2020, 1, 1), incubated_date=date(2025, 12, 31)),
        organization(A, "interest_volunteer", incubated_date=date(2026, 1, 31), ended_date=date(2026, 1, 31)),
        organization(A, "other", filed_date=date(2024, 1, 1)),
        organization(A, "functional", filed_date=date(2024, 1, 1), ended_date=date(2025, 6, 1)),
        organization(A, "mediation_committee", filed_date=date(2024, 1, 1)),
        organization(A, "mediation_committee"),
        organization(A, "security_committee", ended_date=date(2026, 1, 31)),
        organization(A, "health_committee", ended_date=date(2026, 2, 1)),
        organization(A, "environment_committee", ("filed_date.readable", "error")),
        organization(A, None, BAD_KIND),
        organization(B, "functional", incubated_date=date(2026, 1, 5)),
        organization(B, None, BAD_KIND),
    ]


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = Lake(tmp_path_factory.mktemp("organisation"), months=(JANUARY, FEBRUARY), units=UNITS)
    lake.deliver("civil_staff", CIVIL, JANUARY, staff_of_january())
    lake.deliver("civil_staff", CIVIL, FEBRUARY, [
        member(A, "secretary", pay="4000", secretary_is_director=True),
        member("610629001998", "secretary", UNKNOWN_COMMUNITY, pay="1000", secretary_is_director=True),
    ])  # fmt: skip
    lake.deliver("civil_organizations", CIVIL, JANUARY, organizations_of_january())
    lake.deliver("civil_surveys", CIVIL, JANUARY, [
        survey(A, "2025H2", date(2025, 12, 20), 300, 300),
        survey(A, "2026H1", date(2026, 1, 15), 200, 150),
        survey(A, "26年", date(2026, 1, 20), 100, 40, ("wave.format", "error")),
        survey(B, "2026H1", date(2026, 1, 15), 20, 10),
        survey(B, "2026Q1", date(2026, 1, 15), 50, 60, ("satisfied_within_sample", "error")),
    ])  # fmt: skip
    lake.deliver("civil_funding", CIVIL, JANUARY, [
        line(A, 2026, "1000.50", "1000.50"),
        line(A, 2026, "500", "0"),
        line(A, 2025, "900", "900"),
        line(A, None, "300", "100", ("year.required", "error")),
        line(B, 2026, "100", "100"),
        line(B, 2026, None, "7", ("budgeted_yuan.readable", "error")),
    ])  # fmt: skip
    lake.deliver("civil_equipment", CIVIL, JANUARY, [
        {"community_code": A, "item": "office_computer", "quantity": 5},
        {"community_code": A, "item": "books", "quantity": 700},
        {"community_code": A, "item": None, "quantity": 3, "verdicts": [("item.known_value", "error")]},
        {"community_code": B, "item": "office_computer", "quantity": 4},
    ])  # fmt: skip
    lake.deliver("civil_programmes", CIVIL, JANUARY, [
        {"unit_code": A, "kind": "smart_pilot", "status": "active"},
        {"unit_code": B, "kind": "smart_pilot", "status": "cancelled"},
        {"unit_code": B, "kind": "smart_pilot", "status": "active", "verdicts": [("name.required", "error")]},
        {"unit_code": STREET_1, "kind": "smart_pilot", "status": "active"},
    ])  # fmt: skip
    for month in lake.months:
        lake.deliver_empty(month)
    lake.build()
    return lake


@pytest.fixture(scope="module")
def half_delivered(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Two suppliers, of whom one delivers nothing about its street."""
    datasets = ["civil_staff", "civil_organizations", "civil_surveys", "civil_funding", "civil_equipment", "civil_programmes"]
    lake = Lake(
        tmp_path_factory.mktemp("half"), units=UNITS, suppliers={"civil_1": [STREET_1], "civil_2": [STREET_2]},
        expected={"civil_1": datasets, "civil_2": datasets},
    )  # fmt: skip
    lake.deliver("civil_staff", "civil_1", JANUARY, [
        member(A, "legal_adviser"), member(A, "secretary", pay="2800", secretary_is_director=True),
        member(A, "seconded", certified=True),
    ])  # fmt: skip
    lake.deliver("civil_organizations", "civil_1", JANUARY, [organization(A, "health_committee")])
    lake.deliver("civil_equipment", "civil_1", JANUARY, [{"community_code": A, "item": "office_computer", "quantity": 2}])
    lake.deliver("civil_programmes", "civil_2", JANUARY, [])
    lake.deliver_empty(JANUARY, but=["civil_staff", "civil_organizations", "civil_equipment", "civil_programmes"])
    lake.deliver("civil_programmes", "civil_1", JANUARY, [])
    lake.build()
    return lake


def fraction(figure: dict[str, Any], which: str = "") -> tuple[Any, Any]:
    return figure[f"{which}numerator"], figure[f"{which}denominator"]


def bounds(figure: dict[str, Any]) -> tuple[tuple[Any, Any], tuple[Any, Any], tuple[Any, Any]]:
    return fraction(figure, "low_"), fraction(figure), fraction(figure, "high_")


def verdict(figure: dict[str, Any]) -> tuple[str, str | None, Any]:
    return figure["status"], figure["certainty"], figure["shortfall"]


def by_target(lake: Lake, kpi_id: str, code: str) -> dict[str | None, dict[str, Any]]:
    """The rows of January of a KPI that several packs judge."""
    with lake.connect() as connection:
        found = connection.sql(
            "select * from fct_kpi where kpi_id = ? and unit_code = ? and period_type = 'month' and period = ?",
            params=[kpi_id, code, month_start(JANUARY)],
        ).pl()
    return {row["target_id"]: row for row in found.iter_rows(named=True)}


# --- people in post ---------------------------------------------------------------------------------------------


def test_a_legal_adviser_is_asked_for_by_three_packs(delivered: Lake) -> None:
    figures = by_target(delivered, "legal_advisers", A)
    assert set(figures) == {"D4-LGA", "C-LGA", "A-LGA"}
    for figure in figures.values():
        # the one in post; in doubt: the one whose dates contradict each other, and the one of an unknown post
        assert bounds(figure) == ((1, 1), (1, 1), (1 + 2, 1))
        assert verdict(figure) == ("met", "confirmed", 0)
    # the plans end with 2025, the street's has no end
    assert {target: row["is_basis_expired"] for target, row in figures.items()} == {"D4-LGA": False, "C-LGA": True, "A-LGA": True}
    # what every community must have is no target for a street, which is shown with its sum
    assert set(by_target(delivered, "legal_advisers", STREET_1)) == {None}
    assert by_target(delivered, "legal_advisers", STREET_1)[None]["status"] == "no_target"


def test_a_community_without_counsellor_may_have_one_of_unknown_post(delivered: Lake) -> None:
    figure = delivered.figure("psychological_counsellors", A)
    assert bounds(figure) == ((0, 1), (0, 1), (1, 1))
    assert verdict(figure) == ("missed", "undetermined", 1)
    assert verdict(delivered.figure("psychological_counsellors", B)) == ("missed", "confirmed", 1)


def test_drug_social_workers_are_counted_in_post(delivered: Lake) -> None:
    figure = delivered.figure("drug_social_workers", A)
    assert bounds(figure) == ((1, 1), (1, 1), (2, 1))
    assert verdict(figure) == ("met", "confirmed", 0)


def test_certified_social_workers_are_social_workers(delivered: Lake) -> None:
    figure = delivered.figure("certified_social_workers", A)
    # two of three; in doubt: one whose certificate cannot be read, one of unknown post with a certificate
    assert bounds(figure) == ((2, 1), (2, 1), (4, 1))
    assert verdict(figure) == ("met", "confirmed", 0)
    assert figure["is_basis_expired"]


def test_the_staff_are_those_who_work_for_the_community_itself(delivered: Lake) -> None:
    figure = delivered.figure("community_staff", A)
    # secretary, three social workers, drug social worker, office; in doubt: a social worker, one of unknown post
    assert bounds(figure) == ((6, 1), (6, 1), (8, 1))
    assert verdict(figure) == ("no_target", None, None)
    # B: its secretary; in doubt: one of the office and one more secretary
    assert bounds(delivered.figure("community_staff", STREET_1)) == ((7, 1), (7, 1), (11, 1))


def test_the_lowest_pay_may_be_lower_and_never_higher(delivered: Lake) -> None:
    figure = delivered.figure("staff_pay_floor_yuan", A)
    # least of 4000.50, 3500, 3200, 3300, 2800.25; the adviser's 90 is no pay of staff; in doubt: 2500 and 5000
    assert bounds(figure) == ((2500, 1), (Decimal("2800.25"), 1), (Decimal("2800.25"), 1))
    assert figure["value"] == 2800.25
    # 3000; in doubt 3100 and a pay out of range, which may be anything
    assert bounds(delivered.figure("staff_pay_floor_yuan", B)) == ((0, 1), (3000, 1), (3000, 1))
    # a street's is the least of its communities', not their sum
    assert bounds(delivered.figure("staff_pay_floor_yuan", STREET_1)) == (
        (0, 1), (Decimal("2800.25"), 1), (Decimal("2800.25"), 1),
    )  # fmt: skip


def test_there_is_no_lowest_pay_where_nobody_is_paid(delivered: Lake) -> None:
    january = delivered.figure("staff_pay_floor_yuan", C)
    assert bounds(january) == ((0, 0), (0, 0), (0, 0))
    assert verdict(january) == ("not_applicable", "confirmed", None)
    # someone with 1000 yuan may be in any community of the county
    february = delivered.figure("staff_pay_floor_yuan", C, FEBRUARY)
    assert bounds(february) == ((1000, 1), (0, 0), (None, 1))
    assert verdict(february) == ("not_applicable", "undetermined", None)


def test_one_shoulder_is_a_share_of_communities(delivered: Lake) -> None:
    assert bounds(delivered.figure("one_shoulder_rate", A)) == ((1, 1), (1, 1), (1, 1))
    in_doubt = delivered.figure("one_shoulder_rate", B)
    assert bounds(in_doubt) == ((0, 1), (0, 1), (1, 1))
    assert verdict(in_doubt) == ("missed", "undetermined", 1)
    # A for certain, B in doubt, C without a secretary
    county = delivered.figure("one_shoulder_rate", COUNTY)
    assert bounds(county) == ((1, 3), (1, 3), (2, 3))
    assert verdict(county) == ("missed", "confirmed", 2)
    assert verdict(delivered.figure("one_shoulder_rate", A)) == ("met", "confirmed", 0)


def test_a_secretary_without_a_place_may_be_that_of_any_community_but_of_one_only(delivered: Lake) -> None:
    assert bounds(delivered.figure("one_shoulder_rate", A, FEBRUARY)) == ((1, 1), (1, 1), (1, 1))
    assert bounds(delivered.figure("one_shoulder_rate", C, FEBRUARY)) == ((0, 1), (0, 1), (1, 1))
    assert bounds(delivered.figure("one_shoulder_rate", STREET_1, FEBRUARY)) == ((1, 2), (1, 2), (2, 2))
    assert bounds(delivered.figure("one_shoulder_rate", COUNTY, FEBRUARY)) == ((1, 3), (1, 3), (2, 3))


def test_seconded_staff_are_certified_or_in_doubt(delivered: Lake) -> None:
    figure = delivered.figure("seconded_staff_certified_rate", A)
    # low: the one whose certificate cannot be read has none; high: it has one, and so has the one of unknown post
    assert bounds(figure) == ((2, 3 + 1), (2, 3), (2 + 2, 3 + 2))
    assert verdict(figure) == ("missed", "confirmed", 1)
    assert verdict(delivered.figure("seconded_staff_certified_rate", C)) == ("not_applicable", "confirmed", None)


# --- organizations ----------------------------------------------------------------------------------------------


def test_filed_organizations_are_no_committees(delivered: Lake) -> None:
    figure = delivered.figure("filed_organizations", A)
    # the functional one of 2025 and the other one of 2024; in doubt: the one of unknown kind
    assert bounds(figure) == ((2, 1), (2, 1), (3, 1))
    assert verdict(figure) == ("missed", "undetermined", 1)


def test_registered_organizations_are_counted_while_they_last(delivered: Lake) -> None:
    figure = delivered.figure("registered_organizations", A)
    assert bounds(figure) == ((1, 1), (1, 1), (2, 1))
    assert verdict(figure) == ("met", "confirmed", 0)


def test_incubated_is_what_was_incubated_since_january(delivered: Lake) -> None:
    functional = delivered.figure("incubated_functional_organizations", A)
    interest = delivered.figure("incubated_interest_organizations", A)
    # not that of 31 December; the other ended on the day it was ready, and counts
    assert bounds(functional) == ((1, 1), (1, 1), (2, 1))
    assert bounds(interest) == ((1, 1), (1, 1), (2, 1))
    # A and B one each; in doubt: one of unknown kind in each
    assert bounds(delivered.figure("incubated_functional_organizations", COUNTY)) == ((2, 1), (2, 1), (4, 1))
    assert verdict(functional) == verdict(interest) == ("no_target", None, None)


def test_the_share_of_reformed_communities_is_shown_for_streets_and_county(delivered: Lake) -> None:
    figure = delivered.figure("incubated_functional_adjusted_share", STREET_1)
    # A was reformed, B was not; the one of unknown kind in A may pass, that in B may fail
    assert bounds(figure) == ((1, 2 + 1), (1, 2), (1 + 1, 2 + 1))
    # the share is the whole province's target
    assert verdict(figure) == ("no_target", None, None)
    interest = delivered.figure("incubated_interest_adjusted_share", COUNTY)
    assert bounds(interest) == ((1, 1 + 1), (1, 1), (1 + 1, 1 + 1))
    assert by_target(delivered, "incubated_functional_adjusted_share", A) == {}


def test_incubated_organizations_of_all_counties_add_up_in_the_province(tmp_path: Path) -> None:
    lake = Lake(
        tmp_path, units=(*UNITS, Unit(PROVINCE, "province")), months=(JANUARY,),
        suppliers={name: [COUNTY] for name in COUNTY_WIDE} | {PROVINCIAL: [PROVINCE]},
        expected=COUNTY_WIDE | {PROVINCIAL: ["civil_organizations"]},
    )  # fmt: skip
    ready = {"incubated_date": date(2026, 1, 20)}
    lake.deliver("civil_organizations", CIVIL, JANUARY, [
        organization(A, "functional", **ready), organization(B, "functional", adjusted=True, **ready),
    ])  # fmt: skip
    lake.deliver("civil_organizations", PROVINCIAL, JANUARY, [
        *(organization(f"61010200{street}001", "functional", adjusted=street < 4, **ready) for street in range(1, 10)),
        organization("610102001002", "functional", ("adjusted.readable", "error"), **ready),
        organization("610102001003", "mediation_committee"),
    ])  # fmt: skip
    lake.build()
    # 2 of the county and 9 of another one; the one refused may count too
    figure = lake.figure("incubated_functional_organizations", PROVINCE)
    assert bounds(figure) == ((11, 1), (11, 1), (12, 1))
    assert verdict(figure) == ("missed", "confirmed", 1000 - 11)
    # A, which the county's register says (of B it says no), and three elsewhere: 4 of 11; the refused one may fail or pass
    share = lake.figure("incubated_functional_adjusted_share", PROVINCE)
    assert bounds(share) == ((4, 12), (4, 11), (5, 12))
    assert verdict(share) == ("met", "confirmed", 0)
    # what lies elsewhere changes nothing in the county
    assert bounds(lake.figure("incubated_functional_organizations", COUNTY)) == ((2, 1), (2, 1), (2, 1))
    assert bounds(lake.figure("subcommittee_complete_rate", COUNTY)) == ((0, 12), (0, 12), (0, 12))


def test_a_community_has_four_committees_each_counted_once(delivered: Lake) -> None:
    figure = delivered.figure("subcommittee_complete_rate", A)
    # mediation (twice) and health; security ended on the last day; high: environment, and one of unknown kind
    assert bounds(figure) == ((2, 4), (2, 4), (4, 4))
    assert verdict(figure) == ("missed", "undetermined", 2)
    # one row of unknown kind is one committee, not four
    other = delivered.figure("subcommittee_complete_rate", B)
    assert bounds(other) == ((0, 4), (0, 4), (1, 4))
    assert verdict(other) == ("missed", "confirmed", 4)
    # 2 + three rows in doubt of 4 × 2
    assert bounds(delivered.figure("subcommittee_complete_rate", STREET_1)) == ((2, 8), (2, 8), (5, 8))


# --- satisfaction and money -------------------------------------------------------------------------------------


def test_residents_satisfied_are_those_of_this_years_surveys(delivered: Lake) -> None:
    figure = delivered.figure("resident_satisfaction_rate", A)
    # of those in doubt none may be satisfied, or all hundred
    assert bounds(figure) == ((150, 200 + 100), (150, 200), (150 + 100, 200 + 100))
    assert verdict(figure) == ("no_target", None, None)
    # nobody knows how many were asked
    open_ended = delivered.figure("resident_satisfaction_rate", B)
    assert bounds(open_ended) == ((10, None), (10, 20), (None, None))
    assert (open_ended["value_low"], open_ended["value_high"]) == (0, 100)
    assert verdict(delivered.figure("resident_satisfaction_rate", C)) == ("not_applicable", "confirmed", None)


def test_funding_of_the_year_is_what_was_budgeted(delivered: Lake) -> None:
    # 1000.50 + 500; in doubt: 300 of an unknown year
    assert bounds(delivered.figure("annual_funding_yuan", A)) == (
        (Decimal("1500.50"), 1), (Decimal("1500.50"), 1), (Decimal("1800.50"), 1),
    )  # fmt: skip
    # 1500.50 + 100, and a line of unknown amount: no upper limit
    assert bounds(delivered.figure("annual_funding_yuan", COUNTY)) == (
        (Decimal("1600.50"), 1), (Decimal("1600.50"), 1), (None, 1),
    )  # fmt: skip


def test_funding_is_disbursed_in_full(delivered: Lake) -> None:
    figures = by_target(delivered, "funding_disbursement_rate", A)
    assert set(figures) == {"A-FDR", "B-FDR"}
    for figure in figures.values():
        # low: nothing of the 300 was disbursed, high: all of it
        assert bounds(figure) == (
            (Decimal("1000.50"), Decimal("1800.50")), (Decimal("1000.50"), Decimal("1500.50")), (Decimal("1300.50"), Decimal("1800.50")),
        )  # fmt: skip
        assert verdict(figure) == ("missed", "confirmed", 500)
    in_doubt = by_target(delivered, "funding_disbursement_rate", B)["A-FDR"]
    assert bounds(in_doubt) == ((100, None), (100, 100), (None, None))
    assert verdict(in_doubt) == ("met", "undetermined", 0)


def test_computers_are_judged_in_the_pilot_community_alone(delivered: Lake) -> None:
    figure = delivered.figure("computers_per_staff", A)
    # five computers for six; low: eight people; high: three more of an unknown item
    assert bounds(figure) == ((5, 8), (5, 6), (8, 6))
    assert (figure["target_id"], *verdict(figure)) == ("B-CPS", "missed", "undetermined", 1)
    # a pilot that was cancelled, one that is in doubt, and one of the street make no target for the community
    other = delivered.figure("computers_per_staff", B)
    assert bounds(other) == ((4, 3), (4, 1), (4, 1))
    assert (other["target_id"], *verdict(other)) == (None, "no_target", None, None)


# --- what did not arrive ----------------------------------------------------------------------------------------


def test_a_missing_supplier_leaves_counts_without_upper_limit(half_delivered: Lake) -> None:
    county = half_delivered.figure("community_staff", COUNTY)
    assert bounds(county) == ((1, 1), (1, 1), (None, 1))
    assert (county["expected_suppliers"], county["reporting_suppliers"]) == (2, 1)
    assert half_delivered.figure("community_staff", C)["status"] == "no_data"


def test_a_missing_supplier_may_have_everything_that_is_asked_for(half_delivered: Lake) -> None:
    shoulder = half_delivered.figure("one_shoulder_rate", COUNTY)
    assert bounds(shoulder) == ((1, 3), (1, 3), (3, 3))
    assert verdict(shoulder) == ("missed", "undetermined", 2)
    committees = half_delivered.figure("subcommittee_complete_rate", COUNTY)
    assert bounds(committees) == ((1, 12), (1, 12), (12, 12))
    seconded = half_delivered.figure("seconded_staff_certified_rate", COUNTY)
    assert bounds(seconded) == ((1, None), (1, 1), (None, None))
    assert verdict(seconded) == ("met", "undetermined", 0)


def test_missing_staff_may_be_paid_less_and_need_computers(half_delivered: Lake) -> None:
    pay = half_delivered.figure("staff_pay_floor_yuan", COUNTY)
    assert bounds(pay) == ((2800, None), (2800, 1), (2800, 1))
    assert pay["value_low"] == 0
    computers = half_delivered.figure("computers_per_staff", COUNTY)
    assert bounds(computers) == ((2, None), (2, 1), (None, 1))


# --- how a minimum is declared ----------------------------------------------------------------------------------


def declared(rows: str, **changes: Any) -> dict[str, Any]:
    measure = {"name": "pay", "of": "civil_staff", "kind": "minimum", "amount": "monthly_pay_yuan", "zh": "报酬", "en": "pay"}
    return {"mart": "tried", "title_zh": "试", "title_en": "tried", "rows": rows, "measures": [measure | changes]}


def test_a_minimum_is_one_of_amounts_in_registers() -> None:
    parts = Mart.model_validate(declared("registers")).columns()
    assert {name: kind for name, (kind, _) in parts.items()} == {
        "pay": "decimal(18,2)", "pay_rows": "bigint", "pay_doubtful": "decimal(18,2)", "pay_doubtful_rows": "bigint",
        "pay_unbounded": "bigint",
    }  # fmt: skip
    with pytest.raises(ValueError, match="a minimum is one of amounts"):
        Mart.model_validate(declared("registers", amount=None))
    with pytest.raises(ValueError, match="a minimum is taken of registers only"):
        Mart.model_validate(declared("events"))
