"""The own rules of the datasets about programmes, staff, equipment, cases and grid work, each on rows that break it.

Every rule is held against rows of the lake's schema by the same validation as an ingest, so that verdicts and
Great Expectations agree on each of them.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import duckdb
import polars as pl
import pytest

from expectations.contract import Contract, load_contract
from expectations.rules import file_rules
from expectations.runner import validate
from pipelines.protection.protect import lake_schema

A, B = "610629101201", "610629101202"
GRID = f"{A}-001"
# The month delivered is February 2026, which has 28 days.
PERIOD = date(2026, 2, 1)
LAST_DAY, AFTER = date(2026, 2, 28), date(2026, 3, 1)

# A row that breaks no rule, of each dataset.
SOUND: dict[str, dict[str, Any]] = {
    "police_case_returns": {"community_code": A, "category": "criminal", "cases": 0, "deaths": 0, "injuries": 0},
    "police_rooms": {
        "room_no": "J1", "community_code": A, "opened_date": date(2020, 5, 1), "officers": 2, "auxiliaries": 4,
    },
    "civil_equipment": {"community_code": A, "item": "books", "quantity": 1200},
    "civil_residential_areas": {
        "area_no": "X1", "community_code": A, "kind": "commodity", "households": 800, "built_date": date(2019, 6, 1),
        "accepted_date": date(2019, 9, 1), "facility_provided": True, "managed_by_property": True,
        "has_group_leader": True, "has_security_aide": True, "has_cleaner": True, "cleaners": 3, "star_rating": 4,
        "rated_date": LAST_DAY,
    },
    "civil_staff": {
        "staff_no": "a1", "staff_no_check": "valid", "community_code": A, "post": "social_worker", "certified": True,
        "monthly_pay_yuan": 4200, "started_date": date(2021, 3, 1), "ended_date": None,
    },
    "civil_organizations": {
        "organization_no": "O1", "community_code": A, "kind": "functional", "filed_date": date(2019, 5, 1),
        "registered_date": date(2020, 5, 1), "incubated_date": date(2018, 5, 1),
    },
    "civil_programmes": {
        "programme_no": "P1", "unit_code": A, "kind": "governance_pilot", "name": "议事厅试点", "stage": "registered",
        "status": "active",
    },
    "civil_assessments": {
        "unit_code": "610629101", "unit_name": "凤栖街道", "year": 2025, "assessment_group": "streets", "team": "all",
        "kpi_code": "all", "score": 92.5, "rank": 1, "award": "excellent", "revoked": False,
    },
    "civil_activities": {
        "activity_no": "H1", "community_code": A, "kind": "volunteering", "held_date": LAST_DAY, "participants": 60,
        "stationed_unit_staff": 200, "stationed_unit_volunteers": 200,
    },
    "civil_surveys": {
        "community_code": A, "wave": "2025H2", "surveyed_date": date(2026, 1, 8), "sample": 120, "satisfied": 120,
    },
    "civil_funding": {
        "line_no": "L1", "community_code": A, "year": 2026, "payer": "county", "budgeted_yuan": 100000,
        "disbursed_yuan": 100000, "date": LAST_DAY,
    },
    "civil_village_works": {
        "community_code": A, "dry_toilets": 0, "lanes": 12, "lanes_hardened": 12, "lanes_lit": 12,
        "waste_days_cleared": 28, "waste_days_due": 28, "cultural_items_present": 5,
    },
    "grid_events": {
        "event_no": "E1", "grid_code": GRID, "community_code": A, "category": "fire_safety",
        "reported_at": datetime(2026, 2, 28, 23, 30), "micro_event": False, "status": "reported",
    },
    "grid_patrols": {
        "grid_code": GRID, "community_code": A, "kind": "general", "patrols_due": 56, "patrols_done": 56,
    },
    "grid_duty": {"community_code": A, "hours_due": 672, "hours_staffed": 672},
}  # fmt: skip

STAGES = [date(2025, month, 1) for month in (3, 5, 7, 9, 11)]
PASSED = {f"stage_{number}_date": day for number, day in enumerate(STAGES, 1)}
NAMED = {**PASSED, "stage": "named", "status": "accepted", "completed_date": STAGES[4]}
PREMISES = {"kind": "town_premises", "status": "completed", "completed_date": LAST_DAY}
REPORTED, DISPATCHED, HANDLED, VERIFIED = (datetime(2026, 2, 10, hour) for hour in (8, 9, 10, 11))
CLOSED = {
    "status": "closed", "reported_at": REPORTED, "dispatched_at": DISPATCHED, "department": "城管中队",
    "handled_at": HANDLED, "verified_at": VERIFIED, "verified_by_reporter": True,
}  # fmt: skip
MICRO = {"micro_event": True, "status": "handled", "reported_at": REPORTED, "handled_at": REPORTED}
IN_TEAM = {"team": "fire_safety", "score": None, "community_weight": 50, "total_weight": 100}

# dataset: what differs from the sound row, and the rules that this breaks
CASES: dict[str, list[tuple[dict[str, Any], set[str]]]] = {
    "police_case_returns": [
        ({"cases": 1, "deaths": 2, "injuries": None}, set()),
        ({"deaths": 1}, {"casualties_without_cases"}),
        ({"injuries": 1}, {"casualties_without_cases"}),
        ({"cases": None}, {"cases.required"}),
        ({"cases": -1}, {"cases.range"}),
        ({"category": "盗窃"}, {"category.known_value"}),
    ],
    "police_rooms": [
        ({"closed_date": date(2020, 5, 1)}, set()),
        ({"closed_date": date(2020, 4, 30)}, {"closed_after_opened"}),
    ],
    "civil_equipment": [({"quantity": -1}, {"quantity.range"}), ({"item": "桌椅"}, {"item.known_value"})],
    "civil_residential_areas": [
        ({"accepted_date": date(2019, 6, 1)}, set()),
        ({"accepted_date": date(2019, 5, 31)}, {"accepted_after_built"}),
        ({"accepted_date": AFTER}, {"accepted_by_period_end"}),
        ({"rated_date": AFTER}, {"rated_by_period_end"}),
        ({"star_rating": None, "rated_date": None}, set()),
        ({"star_rating": None}, {"stars_with_date"}),
        ({"rated_date": None}, {"stars_with_date"}),
        ({"star_rating": 6}, {"star_rating.range"}),
        ({"has_cleaner": False}, {"cleaners_match"}),
        ({"cleaners": 0}, {"cleaners_match"}),
        ({"cleaners": None}, set()),
        ({"has_cleaner": False, "cleaners": 0}, set()),
        ({"kind": "villager_group", "cleaners": None}, {"cleaners.required"}),
        ({"facility_provided": None}, {"facility_provided.required"}),
        ({"facility_provided": None, "accepted_date": None}, set()),
        ({"facility_provided": None, "kind": "old"}, set()),
    ],
    "civil_staff": [
        ({"ended_date": date(2021, 3, 1)}, set()),
        ({"ended_date": date(2021, 2, 28)}, {"ended_after_started"}),
        ({"started_date": LAST_DAY}, set()),
        ({"started_date": AFTER}, {"started_by_period_end"}),
        ({"post": "seconded", "team": "fire_safety"}, set()),
        ({"team": "fire_safety"}, {"team_of_seconded"}),
        ({"secretary_is_director": False}, set()),
        ({"secretary_is_director": True}, {"shoulder_of_secretary"}),
        ({"post": "secretary", "secretary_is_director": True}, set()),
        ({"post": "secretary"}, {"secretary_is_director.required"}),
        ({"staff_no": None, "staff_no_check": "absent"}, {"staff_no.absent"}),
    ],
    "civil_organizations": [
        ({"filed_date": None, "registered_date": None, "incubated_date": None, "ended_date": LAST_DAY}, set()),
        ({"ended_date": date(2020, 5, 1)}, set()),
        ({"ended_date": date(2020, 4, 30)}, {"ended_after_begun"}),
        ({"incubated_date": LAST_DAY}, set()),
        ({"incubated_date": AFTER}, {"begun_by_period_end"}),
        ({"filed_date": AFTER, "registered_date": None}, {"begun_by_period_end"}),
    ],
    "civil_programmes": [
        (NAMED, set()),
        ({**NAMED, "stage_2_date": STAGES[0]}, set()),
        ({**NAMED, "stage_2_date": date(2025, 2, 1)}, {"stages_in_order"}),
        ({**NAMED, "stage_3_date": date(2025, 4, 1)}, {"stages_in_order"}),
        ({**NAMED, "stage_4_date": date(2025, 6, 1)}, {"stages_in_order"}),
        ({**NAMED, "stage_5_date": date(2025, 8, 1)}, {"stages_in_order"}),
        *(({**NAMED, f"stage_{number}_date": None, "stage": "resident_evaluation"}, {"no_stage_skipped"})
          for number in (1, 2, 3, 4)),
        ({**NAMED, "stage": "self_check"}, {"stage_matches_dates"}),
        ({"stage": "named"}, {"stage_matches_dates"}),
        ({"stage": "county_review", "stage_1_date": STAGES[0], "stage_2_date": STAGES[1]}, set()),
        ({"kind": "livelihood_project", "planned_date": AFTER, "stage": "collect", "stage_1_date": STAGES[0]}, set()),
        ({"kind": "livelihood_project", "planned_date": AFTER, "stage": "self_check", "stage_1_date": STAGES[0]},
         {"stage_fits_kind"}),
        ({"stage": "collect", "stage_1_date": STAGES[0]}, {"stage_fits_kind"}),
        ({"status": "completed", "completed_date": LAST_DAY}, set()),
        ({"status": "completed"}, {"completed_has_date"}),
        ({"status": "accepted"}, {"completed_has_date"}),
        ({"status": "completed", "completed_date": AFTER}, {"reached_by_period_end"}),
        ({"stage": "self_check", "stage_1_date": AFTER}, {"reached_by_period_end"}),
        ({**NAMED, "accepted_first_time": True}, set()),
        ({"accepted_first_time": False}, set()),
        ({"accepted_first_time": True}, {"first_time_means_accepted"}),
        ({**PREMISES, "floor_area_m2": 320}, set()),
        (PREMISES, {"premises_have_area"}),
        ({"kind": "town_premises"}, set()),
        ({"kind": None}, {"kind.required"}),
        ({"kind": "task_node"}, {"planned_date.required"}),
        ({"kind": "livelihood_project"}, {"planned_date.required"}),
        ({"kind": "model_creation"}, {"tier.required"}),
        ({"kind": "model_creation", "tier": "featured"}, set()),
        *(({"unit_code": code}, set()) for code in ("61", "6106", "610629", "610629101")),
        *(({"unit_code": code}, {"unit_code.format"}) for code in ("610", "D001", f"{A}0")),
    ],
    "civil_assessments": [
        ({"year": 2026}, set()),
        ({"year": 2027}, {"year_by_period"}),
        ({"unit_code": "D001", "assessment_group": "departments"}, set()),
        ({"unit_code": "D001", "assessment_group": "separate"}, set()),
        ({"unit_code": "D001"}, {"group_fits_unit"}),
        ({"assessment_group": "departments"}, {"group_fits_unit"}),
        ({"unit_code": "D01"}, {"unit_code.format", "group_fits_unit"}),
        ({"veto_items": ["综治", "廉政"], "award": None}, set()),
        ({"veto_items": ["环保", "其他"], "award": "none"}, {"veto_items_known"}),
        ({"veto_items": ["安全生产"], "award": "none"}, set()),
        ({"veto_items": ["人口"]}, {"no_award_despite_veto"}),
        (IN_TEAM, set()),
        ({**IN_TEAM, "community_weight": 100}, set()),
        ({**IN_TEAM, "community_weight": 100.01}, {"community_weight_within_total"}),
        ({**IN_TEAM, "community_weight": None}, {"community_weight.required"}),
        ({**IN_TEAM, "total_weight": None}, {"total_weight.required"}),
        ({"score": None}, {"score.required"}),
        ({"score": 200.01}, {"score.range"}),
        ({"kpi_code": "door_plate_rate", "weight": 5}, set()),
        ({"kpi_code": "door_plate_rate"}, {"weight.required"}),
        *(({"kpi_code": text, "weight": 5}, {"kpi_code.format"}) for text in ("全部", "ALL")),
        *(({name: None}, {f"{name}.required"}) for name in ("team", "kpi_code")),
        ({"assessment_group": None}, {"group.required"}),
    ],
    "civil_activities": [
        ({"held_date": AFTER}, {"held_by_period_end"}),
        ({"stationed_unit_volunteers": 201}, {"volunteers_within_staff"}),
        ({"stationed_unit_volunteers": None}, {"volunteers_with_staff"}),
        ({"stationed_unit_staff": None}, {"volunteers_with_staff"}),
        ({"stationed_unit_staff": None, "stationed_unit_volunteers": None}, set()),
    ],
    "civil_surveys": [
        ({"satisfied": 121}, {"satisfied_within_sample"}),
        ({"surveyed_date": LAST_DAY}, set()),
        ({"surveyed_date": AFTER}, {"surveyed_by_period_end"}),
        ({"surveyed_date": date(2024, 12, 31)}, {"surveyed_in_or_after_wave"}),
        ({"surveyed_date": date(2025, 1, 1)}, set()),
        *(({"wave": wave}, set()) for wave in ("2025", "2025Q3")),
        *(({"wave": wave}, {"wave.format"}) for wave in ("2025H3", "2025年上半年", "上半年")),
    ],
    "civil_funding": [
        ({"disbursed_yuan": 100000.01}, {"disbursed_within_budget"}),
        ({"date": AFTER}, {"disbursed_by_period_end"}),
        ({"date": None}, {"date.required"}),
        ({"disbursed_yuan": 0, "date": None}, set()),
    ],
    "civil_village_works": [
        ({"lanes_hardened": 13}, {"hardened_within_lanes"}),
        ({"lanes_lit": 13}, {"lit_within_lanes"}),
        ({"waste_days_cleared": 21, "waste_days_due": 20}, {"cleared_within_due"}),
        ({"waste_days_due": 29}, {"due_within_month"}),
        ({"cultural_items_present": 6}, {"cultural_items_present.range"}),
    ],
    "grid_events": [
        (CLOSED, set()),
        ({"community_code": B}, {"grid_inside_community"}),
        ({"reported_at": datetime(2026, 3, 1)}, {"reported_by_period_end"}),
        ({**CLOSED, "dispatched_at": None, "department": None}, set()),
        ({**CLOSED, "dispatched_at": datetime(2026, 2, 10, 7)}, {"times_in_order"}),
        ({**CLOSED, "dispatched_at": datetime(2026, 2, 10, 10, 30)}, {"times_in_order"}),
        ({**CLOSED, "handled_at": datetime(2026, 2, 10, 11, 0, 1)}, {"times_in_order"}),
        ({"due_at": datetime(2026, 2, 28, 23, 30)}, set()),
        ({"due_at": datetime(2026, 2, 28, 23, 29)}, {"due_after_reported"}),
        ({"supervision_due_at": datetime(2026, 2, 1)}, {"due_after_reported"}),
        ({**CLOSED, "verified_at": None, "verified_by_reporter": None}, {"closed_is_verified"}),
        ({**CLOSED, "status": "handled"}, {"closed_is_verified"}),
        ({**CLOSED, "handled_at": None}, {"status_has_its_time"}),
        ({"status": "dispatched"}, {"status_has_its_time"}),
        ({"status": "handled"}, {"status_has_its_time"}),
        ({"status": "returned", "returned_count": 1}, set()),
        ({"failed_verifications": 3}, set()),
        ({"failed_verifications": 4}, {"supervision_opened"}),
        ({"failed_verifications": 4, "supervision_due_at": datetime(2026, 3, 9)}, set()),
        ({**CLOSED, "verified_by_reporter": None}, {"verified_by_reporter.required"}),
        ({**CLOSED, "department": None}, {"department.required"}),
        (MICRO, {"disposal.required"}),
        ({**MICRO, "disposal": "on_the_spot"}, set()),
        ({"micro_event": True}, set()),
    ],
    "grid_patrols": [
        ({"community_code": B}, {"grid_inside_community"}),
        ({"patrols_done": 57}, {"done_above_due"}),
    ],
    "grid_duty": [
        ({"hours_staffed": 672.01, "hours_due": 672}, {"staffed_within_due"}),
        ({"hours_due": 672.5}, {"due_within_month"}),
    ],
}  # fmt: skip

# `dataset rule`: rows, and the row numbers that the rule refuses. The county is 610629 of province 61, city 6106.
UNITS = ["610629", "610629101", A, B]
CROSS_CASES: dict[str, tuple[list[dict[str, Any]], set[int]]] = {
    "civil_programmes unit_exists": (
        [
            *({"unit_code": code} for code in ("61", "6106", "610629", "610629101", A, "51", "610629102", "610629101999")),
            # another county's units are not known here; only a supplier whose area reaches there may name them
            {"unit_code": "610102"}, {"unit_code": "6101"},
            *({"unit_code": code, "supplier_id": "province"} for code in ("610102001", "6101", "610629102", "510107")),
        ],
        {6, 7, 8, 9, 10, 13, 14},
    ),
    "civil_assessments unit_exists": (
        [{"unit_code": code} for code in ("D001", "61", "610629101", "610629102", "510107")], {4, 5},
    ),
    "civil_assessments one_group_per_unit": (
        [{"assessment_group": "streets"}, {"assessment_group": "separate"}, {"assessment_group": "streets", "year": 2024},
         {"unit_code": "610629102"}, {"unit_code": "610629102", "team": "environment"}],
        {1, 2},
    ),
    # the last row is of a supplier that delivered no register of grids
    **{
        f"{dataset} grid_exists": (
            [{"grid_code": GRID}, {"grid_code": f"{A}-009"}, {"grid_code": f"{A}-009", "supplier_id": "other"}], {2},
        )
        for dataset in ("grid_events", "grid_patrols")
    },
}  # fmt: skip


def batches(contract: Contract, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """The sound row with these changes, each as the only row of a batch called by its number."""
    placed = [
        {"batch_id": str(number), "row_number": 1, "supplier_id": "s", "period": PERIOD}
        | SOUND[contract.dataset]
        | changes
        for number, changes in enumerate(rows, 1)
    ]
    unknown = {name for row in placed for name in row} - set(lake_schema(contract))
    assert unknown == set()
    return pl.DataFrame(placed, schema=lake_schema(contract))


@pytest.mark.parametrize("dataset", SOUND)
def test_each_row_breaks_the_rules_it_was_written_to_break_and_no_other(dataset: str) -> None:
    contract = load_contract(dataset)
    cases = [({}, set()), *CASES[dataset]]
    frame = batches(contract, [changes for changes, _ in cases])
    with duckdb.connect() as connection:
        connection.register("frame", frame.to_arrow())
        connection.execute("create table delivered as select * from frame")
        verdicts = validate(connection, "delivered", contract, is_sample=False).verdicts
    broken: dict[int, set[str]] = {number: set() for number in range(len(cases))}
    for batch_id, rule_id in verdicts.select("batch_id", "rule_id").iter_rows():
        broken[int(batch_id) - 1].add(rule_id)
    wrong = [(changes, rules, broken[n]) for n, (changes, rules) in enumerate(cases) if broken[n] != rules]
    assert wrong == []


@pytest.mark.parametrize("dataset", SOUND)
def test_every_own_rule_and_every_condition_on_an_empty_cell_is_broken_by_some_row(dataset: str) -> None:
    contract = load_contract(dataset)
    conditional = {f"{column.name}.required" for column in contract.columns if column.nullable_when}
    shown = {rule for _, rules in CASES[dataset] for rule in rules}
    assert ({rule.id for rule in contract.rules} | conditional) - shown == set()
    assert shown <= {rule.id for rule in file_rules(contract, False)}


@pytest.mark.parametrize("place", CROSS_CASES)
def test_a_rule_across_files_refuses_these_rows_and_no_other(place: str) -> None:
    dataset, _, rule_id = place.partition(" ")
    contract = load_contract(dataset)
    rows, refused = CROSS_CASES[place]
    rule = next(rule for rule in contract.cross_rules if rule.id == rule_id)
    with duckdb.connect() as connection:
        connection.register("rows", batches(contract, rows).to_arrow())
        connection.register("units", pl.DataFrame({"unit_code": UNITS}).to_arrow())
        covers = {"supplier_id": ["s", "province"], "covered_code": ["610629", "61"]}
        connection.register("covers", pl.DataFrame(covers).to_arrow())
        connection.register("grid_grids", pl.DataFrame({"grid_code": [GRID], "supplier_id": ["s"]}).to_arrow())
        found = connection.execute(rule.failing_rows).fetchall()
    assert {int(batch_id) for batch_id, _ in found} == refused


@pytest.mark.parametrize("dataset", SOUND)
def test_every_rule_across_files_has_rows_that_show_it(dataset: str) -> None:
    for rule in load_contract(dataset).cross_rules:
        assert f"{dataset} {rule.id}" in CROSS_CASES


def test_two_assessments_of_a_unit_with_one_key_in_one_file_are_refused() -> None:
    contract = load_contract("civil_assessments")
    item = {"kpi_code": "door_plate_rate", "weight": 5}
    scores: list[dict[str, Any]] = [{"score": 92.5}, {"score": 91}, item, IN_TEAM]
    frame = batches(contract, scores).with_columns(batch_id=pl.lit("b"), row_number=pl.int_range(1, 5, dtype=pl.Int32))
    with duckdb.connect() as connection:
        connection.register("frame", frame.to_arrow())
        connection.execute("create table delivered as select * from frame")
        verdicts = validate(connection, "delivered", contract, is_sample=False).verdicts
    assert verdicts.select("row_number", "rule_id").rows() == [(1, "key.unique"), (2, "key.unique")]
