"""Programmes and assessments, from communities up to the province, against numbers worked out by hand beside each test."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.support.lake import (
    COUNTY,
    COUNTY_WIDE,
    DEFAULT_UNITS,
    GRID_DATASETS,
    STREET_1,
    STREET_2,
    A,
    B,
    C,
    Lake,
    Unit,
)

CITY, PROVINCE = "6106", "61"
STREET_3 = "610629101"
OTHER_CITY, OTHER_COUNTY = "6101", "610602"
CIVIL, PROVINCIAL = "county_civil", "province_civil"
# Both rules take away what they name: status and date, or the unit.
NO_DATE = ("completed_has_date", "error")
UNKNOWN_UNIT = ("unit_exists", "error")
FIRST_TIME = ("first_time_means_accepted", "error")
OVERWEIGHT = ("community_weight_within_total", "error")
BAD_SCORE = ("score.range", "error")
ABOVE = (CITY, PROVINCE)


def programme(number: str, unit: str | None, kind: str, *verdicts: tuple[str, str], **values: Any) -> dict[str, Any]:
    return {
        "programme_no": number, "unit_code": unit, "kind": kind, "name": number, "stage": "completed", "status": "completed",
        "completed_date": date(2026, 1, 10), "verdicts": verdicts, **values,
    }  # fmt: skip


def creation(number: str, unit: str, tier: str, *verdicts: tuple[str, str], **values: Any) -> dict[str, Any]:
    return programme(number, unit, "model_creation", *verdicts, **{"tier": tier, "stage": "named", "status": "accepted"} | values)


def livelihood(number: str, unit: str | None, planned: date, done: date | None, *verdicts: tuple[str, str], **values: Any) -> Any:
    fields = {"planned_date": planned, "completed_date": done, "stage": "accept", "status": "accepted"} | values
    return programme(number, unit, "livelihood_project", *verdicts, **fields)


def assessment(unit: str, group: str, *verdicts: tuple[str, str], **values: Any) -> dict[str, Any]:
    return {
        "unit_code": unit, "unit_name": f"名称 {unit}", "year": 2025, "assessment_group": group, "team": "all", "kpi_code": "all",
        "revoked": False, "verdicts": verdicts, **values,
    }  # fmt: skip


def item(unit: str, code: str, weight: str, score: str | None, *verdicts: tuple[str, str], **values: Any) -> dict[str, Any]:
    amounts = {"weight": Decimal(weight), "score": None if score is None else Decimal(score)}
    return assessment(unit, "streets", *verdicts, **{"kpi_code": code} | amounts | values)


def team(unit: str, name: str, own: str | None, total: str | None, *verdicts: tuple[str, str], **values: Any) -> dict[str, Any]:
    weights = {"community_weight": own and Decimal(own), "total_weight": total and Decimal(total)}
    return assessment(unit, "streets", *verdicts, **{"team": name} | weights | values)


def fraction(figure: dict[str, Any], which: str = "") -> tuple[Any, Any]:
    return figure[f"{which}numerator"], figure[f"{which}denominator"]


def judgement(figure: dict[str, Any]) -> tuple[str, str | None, Any]:
    return figure["status"], figure["certainty"], figure["shortfall"]


def a_province(root: Path, **settings: Any) -> Lake:
    """A county in a province for which someone delivers programmes of every county."""
    return Lake(
        root,
        units=(*DEFAULT_UNITS, Unit(STREET_3, "street", COUNTY), Unit(CITY, "city", PROVINCE), Unit(PROVINCE, "province")),
        suppliers={name: [COUNTY] for name in COUNTY_WIDE}
        | {f"grid_{street}": [street] for street in (STREET_1, STREET_2)}
        | {PROVINCIAL: [PROVINCE]},
        expected=COUNTY_WIDE
        | {f"grid_{street}": GRID_DATASETS for street in (STREET_1, STREET_2)}
        | {PROVINCIAL: ["civil_programmes"]},
        **settings,
    )


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = a_province(tmp_path_factory.mktemp("programmes"))
    lake.deliver("civil_programmes", CIVIL, "2026-01", [*premises(), *stations(), *counts(), *creations(), *with_dates()])
    lake.deliver("civil_programmes", PROVINCIAL, "2026-01", elsewhere())
    lake.deliver("civil_assessments", CIVIL, "2026-01", [*scores(), *teams(), *departments()])
    lake.deliver_empty("2026-01")
    lake.build()
    return lake


def premises() -> list[dict[str, Any]]:
    return [
        programme("p1", A, "town_premises", floor_area_m2=Decimal("300")),
        programme("p2", A, "town_premises", floor_area_m2=Decimal("299.99")),
        programme("p3", A, "town_premises", floor_area_m2=Decimal("800"), status="active", completed_date=None),
        programme("p4", A, "town_premises", status="cancelled", completed_date=None),
        programme("p5", B, "town_premises", NO_DATE, floor_area_m2=Decimal("400"), completed_date=None),
        programme("p6", B, "town_premises", NO_DATE, floor_area_m2=Decimal("200"), completed_date=None),
        programme("s1", STREET_1, "town_service"),
        programme("s2", STREET_1, "town_service", status="planned", completed_date=None),
        programme("s3", STREET_2, "town_service"),
    ]


def stations() -> list[dict[str, Any]]:
    return [
        programme("w1", STREET_1, "social_work_station", adjusted=True),
        programme("w2", STREET_2, "social_work_station"),
        programme("w3", STREET_2, "social_work_station", NO_DATE, adjusted=True, completed_date=None),
        programme("v1", STREET_1, "social_work_service"),
        programme("v2", STREET_1, "social_work_service"),
        programme("v3", A, "social_work_service"),  # a community is no town
        programme("v4", STREET_2, "social_work_service", NO_DATE, completed_date=None),
        programme("v5", STREET_2, "social_work_service", NO_DATE, completed_date=None),
    ]


def counts() -> list[dict[str, Any]]:
    return [
        programme("g1", A, "gap_project"),
        programme("g2", STREET_1, "gap_project", status="accepted"),
        programme("g3", COUNTY, "gap_project", status="active", completed_date=None),
        programme("g4", CITY, "gap_project"),
        programme("c1", A, "smart_community", status="active", completed_date=None, adjusted=True),
        programme("c2", B, "smart_community"),
        programme("c3", C, "smart_community", status="planned", completed_date=None, adjusted=True),
        programme("c4", None, "smart_community", UNKNOWN_UNIT),
        programme("t1", A, "smart_pilot", status="active", completed_date=None),
        programme("n1", A, "governance_pilot", status="accepted", stage="named"),
        programme("n2", A, "governance_pilot", stage="resident_evaluation"),
        programme("n3", B, "governance_pilot", NO_DATE, completed_date=None, stage="named"),
        programme("n4", B, "governance_pilot", NO_DATE, completed_date=None, stage="self_check"),
    ]


def creations() -> list[dict[str, Any]]:
    waiting = {"stage": "county_review", "status": "active", "completed_date": None}
    return [
        creation("m1", A, "model", accepted_first_time=True),
        creation("m2", B, "model", **waiting, accepted_first_time=False),
        creation("m3", C, "model", **waiting),
        creation("m4", C, "featured", **waiting),
        creation("m5", A, "standard"),
        creation("m6", B, "standard", **waiting),
        creation("m7", B, "standard", FIRST_TIME, **waiting, accepted_first_time=True),
    ]


def with_dates() -> list[dict[str, Any]]:
    return [
        livelihood("l1", A, date(2026, 1, 10), date(2026, 1, 10)),
        livelihood("l2", A, date(2026, 1, 10), date(2026, 1, 11)),
        livelihood("l3", A, date(2026, 1, 31), None, stage="carry_out", status="active"),
        livelihood("l4", A, date(2026, 2, 1), None, stage="decide", status="active"),
        livelihood("l5", A, date(2025, 12, 1), None, stage="collect", status="cancelled"),
        livelihood("l6", B, date(2026, 1, 5), date(2026, 1, 4), ("unit_code.format", "error")),
        programme("k1", COUNTY, "task_node", planned_date=date(2026, 1, 10)),
        programme("k2", COUNTY, "task_node", planned_date=date(2026, 1, 9)),
        programme("k3", STREET_1, "task_node", planned_date=date(2026, 1, 31)),
    ]


def elsewhere() -> list[dict[str, Any]]:
    """What the province delivers of other counties; one row says neither where nor whether it was completed."""
    return [
        programme("e1", f"{OTHER_CITY}02001", "town_premises", floor_area_m2=Decimal("500")),
        programme("e2", OTHER_COUNTY, "town_premises", floor_area_m2=Decimal("100")),
        programme("e3", f"{OTHER_COUNTY}001", "social_work_station", adjusted=True),
        *(programme(f"e4-{number}", f"{OTHER_CITY}02", "gap_project") for number in range(97)),
        programme("e5", None, "gap_project", UNKNOWN_UNIT),
        *(programme(f"e6-{number}", f"{OTHER_CITY}02", "smart_community", adjusted=number < 9) for number in range(18)),
        *(programme(f"e7-{number}", OTHER_COUNTY, "governance_pilot") for number in range(40)),
    ]


def scores() -> list[dict[str, Any]]:
    streets: list[dict[str, Any]] = [
        assessment(STREET_1, "streets", score=Decimal("90"), rank=2, award="none"),
        item(STREET_1, "order", "60", "90"),
        item(STREET_1, "trust", "40", "95.5"),
        item(STREET_1, "late", "10", None, BAD_SCORE),
        item(STREET_1, "order", "50", "10", year=2024),
        assessment(STREET_2, "streets", score=Decimal("99"), rank=1, award="none", veto_items=["环保"]),
        item(STREET_2, "order", "60", "99"),
        assessment(STREET_3, "streets", score=Decimal("92.2"), rank=1, award="excellent"),
        assessment(STREET_2, "streets", score=Decimal("70"), year=2024),
        assessment(STREET_1, "streets", score=Decimal("60"), year=2024),
    ]
    separate = [
        assessment(A, "separate", score=Decimal("99"), award="excellent", revoked=True),
        assessment(B, "separate", score=Decimal("80"), award="none"),
        assessment(C, "separate", score=Decimal("79.99"), award="innovation"),
    ]
    return streets + separate


def departments() -> list[dict[str, Any]]:
    ranked = [("D001", "90", 1, "none"), ("D002", "88", 1, "none"), ("D003", "86", 2, "innovation"), ("D004", "85", 1, "none"),
              ("D005", "84", 1, "none")]  # fmt: skip
    return [
        assessment(code, "departments", score=Decimal(score), city_rank=city, award=award) for code, score, city, award in ranked
    ]


def teams() -> list[dict[str, Any]]:
    return [
        team(STREET_1, "community_improvement", "70", "100"),
        team(STREET_1, "fire_safety", "69.5", "100"),
        team(STREET_1, "fire_safety", "0", "100", year=2024),
        team(STREET_1, "fire_safety", None, "100", kpi_code="order", weight=Decimal("10")),
        team(STREET_1, "environment", "50", "100"),
        team(STREET_2, "environment", "60", "100"),
        team(STREET_2, "civil_affairs", None, None, OVERWEIGHT),
    ]


def test_listed_premises_count_where_they_are_and_in_every_unit_above(delivered: Lake) -> None:
    here = delivered.figure("gap_listed_standard_rate", A)
    # p1 has 300 m², p2 a hundredth less, p3 is not completed; p4 was cancelled
    assert fraction(here) == (1, 3)
    assert judgement(here) == ("missed", "confirmed", 2)
    in_doubt = delivered.figure("gap_listed_standard_rate", B)
    # p5 and p6 may be cancelled, or not completed; p6 is too small either way
    assert (fraction(in_doubt), fraction(in_doubt, "low_"), fraction(in_doubt, "high_")) == ((0, 0), (0, 2), (1, 1))
    assert judgement(in_doubt) == ("not_applicable", "undetermined", None)
    county = delivered.figure("gap_listed_standard_rate", COUNTY)
    assert (fraction(county), fraction(county, "low_"), fraction(county, "high_")) == ((1, 3), (1, 5), (2, 4))
    city = delivered.figure("gap_listed_standard_rate", CITY)
    # e2 of another county of the city is too small
    assert (fraction(city), fraction(city, "low_"), fraction(city, "high_")) == ((1, 4), (1, 6), (2, 5))
    # e1, too, in another city of the province
    assert fraction(delivered.figure("gap_listed_standard_rate", PROVINCE)) == (2, 5)


def test_former_town_seats_are_served_where_a_service_point_is_in_use(delivered: Lake) -> None:
    assert fraction(delivered.figure("town_service_centre_coverage", STREET_1)) == (1, 2)
    assert judgement(delivered.figure("town_service_centre_coverage", STREET_2)) == ("met", "confirmed", 0)
    assert fraction(delivered.figure("town_service_centre_coverage", COUNTY)) == (2, 3)


def test_social_work_stations_are_judged_for_the_province_as_a_whole(delivered: Lake) -> None:
    county = delivered.figure("social_work_stations", COUNTY)
    # w1 and w2; w3 may be one
    assert (fraction(county), fraction(county, "high_"), county["status"]) == ((2, 1), (3, 1), "no_target")
    province = delivered.figure("social_work_stations", PROVINCE)
    # and e3
    assert (fraction(province), fraction(province, "high_")) == ((3, 1), (4, 1))
    assert judgement(province) == ("missed", "confirmed", 200 - 3)
    share = delivered.figure("social_work_stations_adjusted_share", PROVINCE)
    # w1 and e3 of three; w3 can only add to them
    assert (fraction(share), fraction(share, "low_"), fraction(share, "high_")) == ((2, 3), (2, 3), (3, 4))
    assert judgement(share) == ("met", "confirmed", 0)


def test_a_town_is_served_once_however_many_services_it_has(delivered: Lake) -> None:
    county = delivered.figure("social_work_service_coverage_rate", COUNTY)
    # STREET_1 of three; STREET_2 may be, by two rows, STREET_3 is not
    assert (fraction(county), fraction(county, "low_"), fraction(county, "high_")) == ((1, 3), (1, 3), (2, 3))
    assert judgement(county) == ("missed", "confirmed", 2)
    assert fraction(delivered.figure("social_work_service_coverage_rate", STREET_1)) == (1, 1)
    assert judgement(delivered.figure("social_work_service_coverage_rate", STREET_2)) == ("missed", "undetermined", 1)


def test_projects_of_other_counties_count_in_their_city_and_province_only(delivered: Lake) -> None:
    county = delivered.figure("gap_projects_completed", COUNTY)
    # g1 and g2; e5 may be anywhere in the province, g4 is the city's own
    assert (fraction(county), fraction(county, "high_")) == ((2, 1), (3, 1))
    assert fraction(delivered.figure("gap_projects_completed", CITY)) == (3, 1)
    province = delivered.figure("gap_projects_completed", PROVINCE)
    # 3 of the city and 97; with e5 101
    assert (fraction(province), fraction(province, "high_")) == ((100, 1), (101, 1))
    assert judgement(province) == ("met", "confirmed", 0)


def test_smart_communities_are_those_supported(delivered: Lake) -> None:
    county = delivered.figure("smart_communities", COUNTY)
    # c1 and c2; c3 is only planned, c4 is somewhere in the county
    assert (fraction(county), fraction(county, "high_")) == ((2, 1), (3, 1))
    # 18 elsewhere
    assert judgement(delivered.figure("smart_communities", PROVINCE)) == ("met", "confirmed", 0)
    adjusted = delivered.figure("smart_communities_adjusted", PROVINCE)
    # c1 and nine elsewhere; nobody knows of c4
    assert (fraction(adjusted), fraction(adjusted, "high_")) == ((10, 1), (11, 1))
    assert judgement(adjusted) == ("met", "confirmed", 0)
    assert judgement(delivered.figure("smart_pilot_communities", COUNTY)) == ("met", "confirmed", 0)


def test_steps_bind_from_the_days_that_follow_from_the_start_that_the_county_sets(delivered: Lake, tmp_path: Path) -> None:
    # n1 and n2, 40 of another county of the city; n3 and n4 may be completed. Nobody said when the programme began.
    pilots = (
        "select target_id, numerator, high_numerator, status, certainty, shortfall from fct_kpi"
        f" where kpi_id = 'governance_pilots' and unit_code = '{CITY}' and period_type = 'month'"
    )
    assert delivered.rows(pilots) == [(None, 42, 44, "no_target", None, None)]
    assert delivered.rows("select due_months, effective_from from dim_target where pack = 'D1' order by due_months") == [
        (12, None), (36, None),
    ]  # fmt: skip

    lake = a_province(tmp_path, programme_starts={"D1": date(2025, 2, 1)}, months=("2026-01", "2026-02"))
    for month in lake.months:
        lake.deliver("civil_programmes", CIVIL, month, [programme("n1", A, "governance_pilot")])
        lake.deliver("civil_programmes", PROVINCIAL, month, [])
    lake.build()
    # stage one takes twelve months, so it ends with January 2026, and its step binds on the 31st
    assert lake.rows(f"{pilots} order by period") == [("D1-GVP-1", 1, 1, "missed", "confirmed", 34)] * 2
    assert lake.rows("select target_id, effective_from, effective_to from dim_target where pack = 'D1' order by 1") == [
        ("D1-GVP-1", date(2026, 1, 31), date(2028, 1, 30)), ("D1-GVP-2", date(2028, 1, 31), None),
    ]  # fmt: skip
    # the document's own date stands where the county sets no start
    assert lake.rows("select effective_from from dim_target where target_id = 'C-GLS'") == [(date(2023, 12, 31),)]


def test_a_pilot_is_accepted_after_its_last_stage(delivered: Lake) -> None:
    county = delivered.figure("pilot_acceptance_rate", COUNTY)
    # n1 of two; n3 and n4 may be pilots, n3 accepted, n4 has not passed its stages
    assert (fraction(county), fraction(county, "low_"), fraction(county, "high_")) == ((1, 2), (1, 4), (2, 3))
    assert county["status"] == "no_target"


def test_each_tier_is_held_against_the_communities_that_aim_at_it(delivered: Lake) -> None:
    models = delivered.figure("model_community_share", COUNTY)
    # m1 of three: one third is enough
    assert fraction(models) == (1, 3)
    assert judgement(models) == ("met", "confirmed", 0)
    assert judgement(delivered.figure("featured_community_share", COUNTY)) == ("missed", "confirmed", 1)
    standard = delivered.figure("community_standard_attainment_rate", COUNTY)
    # m5 of m5 and m6; of m7 the status is in doubt
    assert (fraction(standard), fraction(standard, "low_"), fraction(standard, "high_")) == ((1, 2), (1, 3), (2, 3))
    assert judgement(delivered.figure("community_standard_attainment_rate", A)) == ("met", "confirmed", 0)
    assert delivered.rows("select count(*) from fct_kpi where kpi_id = 'model_community_share' and unit_level = 'community'") == [(0,)]


def test_the_first_inspection_counts_where_there_was_one(delivered: Lake) -> None:
    # m1 passed at once, m2 did not; m7 may have been inspected, and may have passed
    county = delivered.figure("first_inspection_pass", COUNTY)
    assert (fraction(county), fraction(county, "low_"), fraction(county, "high_")) == ((1, 2), (1, 3), (2, 3))
    assert judgement(county) == ("missed", "confirmed", 1)
    assert judgement(delivered.figure("first_inspection_pass", A)) == ("met", "confirmed", 0)
    assert judgement(delivered.figure("first_inspection_pass", C)) == ("not_applicable", "confirmed", None)


def test_livelihood_projects_are_due_by_their_planned_date(delivered: Lake) -> None:
    here = delivered.figure("small_livelihood_projects_rate", A)
    # l1 on time, l2 a day late, l3 unfinished; l4 is not due, l5 was cancelled. l6, somewhere in the county, was on time
    assert (fraction(here), fraction(here, "low_"), fraction(here, "high_")) == ((1, 3), (1, 3), (2, 4))
    elsewhere = delivered.figure("small_livelihood_projects_rate", STREET_2)
    assert (fraction(elsewhere), fraction(elsewhere, "high_")) == ((0, 0), (1, 1))
    assert judgement(elsewhere) == ("not_applicable", "undetermined", None)


def test_task_nodes_of_every_level_are_done_on_time(delivered: Lake) -> None:
    # k1 on its day, k2 a day late, k3 early
    county = delivered.figure("task_node_on_time_rate", COUNTY)
    assert fraction(county) == (2, 3)
    assert judgement(county) == ("missed", "confirmed", 1)
    assert judgement(delivered.figure("task_node_on_time_rate", STREET_1)) == ("met", "confirmed", 0)


def test_the_weight_of_communities_in_assessing_seconded_teams(delivered: Lake) -> None:
    named = delivered.figure("seconded_team_assessment_weight", STREET_1)
    # 70 and 69.5 of 200, without the year before and without single items; 70 % of 200 are 140
    assert fraction(named) == (Decimal("139.5"), 200)
    assert judgement(named) == ("missed", "confirmed", Decimal("0.5"))
    assert judgement(delivered.figure("seconded_team_assessment_weight_other", STREET_1)) == ("met", "confirmed", 0)
    others = delivered.figure("seconded_team_assessment_weight_other", STREET_2)
    # the weights of another team are not usable: they may be any
    assert (fraction(others), fraction(others, "low_"), fraction(others, "high_")) == ((60, 100), (60, None), (None, None))
    assert (others["value_low"], others["value_high"]) == (0, 100)
    assert judgement(others) == ("met", "undetermined", 0)


def test_a_score_is_weighted_by_its_items(delivered: Lake) -> None:
    figure = delivered.figure("assessment_score", STREET_1)
    # (60 × 90 + 40 × 95.5) / 100, weights in hundredths; an item of weight 10 has no usable score: 0 to 200
    assert fraction(figure) == (922_000, 10_000)
    assert fraction(figure, "low_") == (922_000, 11_000)
    assert fraction(figure, "high_") == (922_000 + 200 * 1_000, 11_000)
    assert (figure["value"], figure["value_high"], figure["status"]) == (92.2, 102.0, "no_target")
    assert delivered.figure("assessment_score", STREET_3)["status"] == "not_applicable"


def test_a_department_is_scored_as_streets_are_and_its_rank_may_be_kept_back(tmp_path: Path) -> None:
    lake = Lake(
        tmp_path, units=(*DEFAULT_UNITS, Unit("D001", "department", COUNTY), Unit("D002", "department", COUNTY)),
        is_ranking_public=False,
    )  # fmt: skip
    lake.deliver("civil_assessments", CIVIL, "2026-01", [
        *(assessment("D001", "departments", kpi_code=item, weight=weight, score=score)
          for item, weight, score in (("safety", 60, 90), ("service", 40, Decimal("80.5")))),
        assessment("D001", "departments", score=86, rank=1, city_rank=1),
        assessment("D002", "departments", score=99, rank=1, city_rank=1, veto_items=["综治"]),
        # an item that may be anyone's
        assessment(None, "departments", ("unit_code.required", "error"), kpi_code="safety", weight=10, score=50),
        *(assessment("D001", "departments", year=2024, score=score) for score in (70,)),
    ])  # fmt: skip
    lake.deliver_empty("2026-01", but=("civil_assessments",))
    lake.build()
    figure = lake.figure("assessment_score", "D001")
    # (60 × 90 + 40 × 80.5) / 100, weights in hundredths; the item in doubt weighs 10
    assert fraction(figure) == (862_000, 10_000)
    assert (fraction(figure, "low_"), fraction(figure, "high_")) == ((862_000, 11_000), (862_000 + 200 * 1_000, 11_000))
    assert lake.figure("assessment_score", "D002")["status"] == "not_applicable"
    # what is no department's is a street's, perhaps
    assert fraction(lake.figure("assessment_score", STREET_1), "high_") == (200 * 1_000, 1_000)
    # the award follows from the rank, which nobody is told
    assert lake.rows(
        "select unit_key, score, group_rank, stated_rank, city_rank, previous_rank, rank_change, exclusion, veto_items, award"
        " from fct_assessment where year = 2025 order by 1"
    ) == [
        ("D001@2016-01-01", 86.2, None, None, None, None, None, None, None, "excellent"),
        ("D002@2016-01-01", 99.0, None, None, None, None, None, "veto", ["综治"], "none"),
    ]  # fmt: skip


def test_ranks_and_awards_stand_in_the_table_of_assessments(delivered: Lake) -> None:
    found = delivered.rows(
        "select unit_code, score, group_rank, units_ranked, exclusion, award, previous_rank, rank_change, doubtful_rows"
        " from fct_assessment where year = 2025 order by assessment_group, unit_code"
    )
    assert found == [
        # first in the city: excellent by rank 1 and 2, advanced by 3 and 4
        ("D001", 90.0, 1, 5, None, "excellent", None, None, 0),
        ("D002", 88.0, 2, 5, None, "excellent", None, None, 0),
        ("D003", 86.0, 3, 5, None, "innovation", None, None, 0),
        ("D004", 85.0, 4, 5, None, "advanced", None, None, 0),
        ("D005", 84.0, 5, 5, None, "none", None, None, 0),
        # what was won by falsification is revoked, and the next one is first
        (A, 99.0, None, 2, "revoked", "none", None, None, 0),
        (B, 80.0, 1, 2, None, "excellent", None, None, 0),
        (C, 79.99, 2, 2, None, "advanced", None, None, 0),
        # the score of the items; a tie with the score that another street states; last in the year before
        (STREET_1, 92.2, 1, 2, None, "excellent", 2, 1, 1),
        (STREET_2, 99.0, None, 2, "veto", "none", 1, None, 0),
        (STREET_3, 92.2, 1, 2, None, "excellent", None, None, 0),
    ]
    assert delivered.rows("select unit_key from fct_assessment where unit_code in ('D001', '610629001') order by 1") == [
        ("610629001@2016-01-01",), ("610629001@2016-01-01",), (None,),
    ]  # fmt: skip


def test_other_sums_take_no_notice_of_units_above_the_county(delivered: Lake) -> None:
    above = delivered.rows(
        f"select distinct kpi_id from fct_kpi where unit_code in {ABOVE} and kpi_id in (select kpi_id from dim_kpi"
        " where not array_contains(levels, 'province') and not array_contains(levels, 'city'))"
    )
    assert above == []
    assert delivered.rows("select unit_code, parent_unit_key from dim_unit where unit_level in ('city', 'county') order by 1") == [
        (CITY, f"{PROVINCE}@2016-01-01"), (COUNTY, None),
    ]  # fmt: skip


def test_a_missing_delivery_of_the_province_leaves_its_figures_open(tmp_path: Path) -> None:
    lake = a_province(tmp_path)
    lake.deliver("civil_programmes", CIVIL, "2026-01", [*premises(), *stations(), *counts()])
    lake.deliver_empty("2026-01", but=["civil_programmes"])
    lake.build()
    province = lake.figure("gap_projects_completed", PROVINCE)
    assert (fraction(province), province["high_numerator"], province["value_high"]) == ((3, 1), None, None)
    assert judgement(province) == ("missed", "undetermined", 97)
    assert (province["reporting_suppliers"], province["expected_suppliers"]) == (1, 2)
    covered = lake.figure("social_work_service_coverage_rate", COUNTY)
    # any town may be served by what is missing
    assert fraction(covered, "high_") == (3, 3)
