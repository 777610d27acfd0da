"""Computing a month at a time gives what computing everything gives; runs of missed targets; deliveries."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.support.dbt_runs import run_dbt
from tests.support.lake import STREET_1, STREET_2, TABLES_ONLY, A, B, Lake

GRID_1 = f"grid_{STREET_1}"
MONTHS = ("2026-01", "2026-02", "2026-03", "2026-04", "2026-05", "2026-06")
# Square metres of the one facility of A by month, for 100 households; none: its register did not arrive.
# The target is 30.
AREAS = {"2026-01": "20", "2026-02": "15", "2026-03": "18", "2026-04": None, "2026-05": "30", "2026-06": "29"}
# Of one dispute of February it is told only in June that it was settled at once; nothing else of February is told again.
DISPUTE = {"dispute_no": "told late", "community_code": B, "kind": "civil", "accepted_date": date(2026, 2, 20)}
TOLD_LATE = {
    "2026-02": [DISPUTE | {"result": "pending"}],
    "2026-06": [DISPUTE | {"result": "success", "handled_date": date(2026, 2, 25)}],
}
TABLES = (
    "dim_unit", "dim_period", "dim_kpi", "dim_target", "fct_kpi", "fct_flag", "fct_trend", "fct_estimate", "fct_assessment",
    "fct_delivery", "fct_quality", "fct_signal", "mart_disputes", "mart_departments", "mart_events",
)  # fmt: skip


def deliver(lake: Lake, month: str) -> None:
    area = AREAS[month]
    if area is not None:
        lake.deliver("civil_facilities", "county_civil", month, [
            {
                "community_code": A, "kind": "comprehensive_service", "opened_date": date(2020, 1, 1),
                "floor_area_m2": Decimal(area),
            },
        ])  # fmt: skip
    lake.deliver("grid_grids", GRID_1, month, [{"community_code": A, "kind": "general", "households": 100}])
    accepted = date.fromisoformat(f"{month}-20")
    lake.deliver("grid_disputes", GRID_1, month, [
        {
            "dispute_no": f"{community}{month}", "community_code": community, "kind": "civil",
            "accepted_date": accepted, "result": "pending", "verdicts": verdicts,
        }
        for community, verdicts in ((A, ()), (B, [("handled_after_accepted", "error")]))
    ] + TOLD_LATE.get(month, []))  # fmt: skip
    lake.deliver("grid_residents", GRID_1, month, [
        {
            "person_id": person, "community_code": B, "residence_type": "temporary", "arrived_date": accepted,
        }
        for person in ("p1", "p2")
    ])  # fmt: skip
    lake.deliver("police_residence_registrations", "county_police", month, [
        {"person_id": "p1", "community_code": B, "registered_date": accepted},
    ])  # fmt: skip
    lake.deliver_empty(month, but=["civil_facilities"])


@pytest.fixture(scope="module")
def monthly(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Computed in steps: two months, then one at a time, with a correction of February in between."""
    lake = Lake(tmp_path_factory.mktemp("monthly"))
    for count, month in enumerate(MONTHS, start=1):
        lake.months = MONTHS[:count]
        deliver(lake, month)
        if count == 2:
            lake.build()
        elif month == "2026-05":
            lake.deliver("grid_residents", GRID_1, "2026-02", [])
            lake.build(["2026-02", month])
        elif count > 2:
            lake.build([month])
    return lake


def contents(lake: Lake) -> dict[str, list[tuple[Any, ...]]]:
    return {table: lake.rows(f"select * from {table} order by all") for table in TABLES}


def flags(lake: Lake, code: str, kpi_id: str, period_type: str = "month") -> list[tuple[Any, ...]]:
    return lake.rows(
        "select strftime(period, '%m'), status, strftime(since_period, '%m'), judged_in_a_row, movement"
        f" from fct_flag where unit_code = '{code}' and kpi_id = '{kpi_id}' and period_type = '{period_type}'"
        " order by period"
    )


def test_month_by_month_gives_what_a_full_refresh_gives(monthly: Lake, tmp_path: Path) -> None:
    at_once = Lake(tmp_path, months=MONTHS, batches=monthly.batches, received=monthly.received)
    at_once.build()
    assert contents(monthly) == contents(at_once)


def test_a_few_units_at_a_time_give_what_all_at_once_give(monthly: Lake, tmp_path: Path) -> None:
    """As a county too large for memory is computed; then its last month again, in the same way."""
    lake = Lake(tmp_path, months=MONTHS, batches=monthly.batches, received=monthly.received)
    few = ("--vars", "{figures_at_a_time: 7, flags_at_a_time: 2}", "--exclude-resource-type", "unit_test")
    for dirty, how in ((None, ["--full-refresh"]), (["2026-06"], TABLES_ONLY)):
        lake.write(dirty)
        outcome = run_dbt(lake.home, "build", *how, *few)
        assert {str(node.status) for node in outcome.result} == {"success", "pass"}
        for numbered in ("judged_units", "unit_numbers"):
            assert lake.rows(f"select count(distinct slice_no) > 2 from {numbered}") == [(True,)]
        assert contents(lake) == contents(monthly)


def test_a_corrected_month_is_computed_again_and_no_other(monthly: Lake) -> None:
    found = monthly.rows(
        "select strftime(period, '%m'), denominator from fct_kpi where kpi_id = 'temporary_resident_registration_rate'"
        f" and unit_code = '{B}' and period_type = 'month' order by period"
    )
    assert found == [("01", 2), ("02", 0), ("03", 2), ("04", 2), ("05", 2), ("06", 2)]


def test_an_event_of_an_earlier_month_changes_the_figure_of_its_month(monthly: Lake) -> None:
    found = monthly.rows(
        "select strftime(period, '%m'), numerator from fct_kpi where kpi_id = 'dispute_handling_rate'"
        f" and unit_code = '{B}' and period_type = 'month' order by period"
    )
    assert found == [("01", 0), ("02", 1), ("03", 0), ("04", 0), ("05", 0), ("06", 0)]


def test_runs_of_missed_targets_skip_months_without_data_and_end_when_the_target_is_met(monthly: Lake) -> None:
    assert flags(monthly, A, "facility_area_per_100_households") == [
        ("01", "missed", "01", 1, "new"),
        ("02", "missed", "01", 2, "worsening"),
        ("03", "missed", "01", 3, "improving"),
        # nothing arrived in April; met in May
        ("05", "met", "01", 3, "recovered"),
        ("06", "missed", "06", 1, "new"),
    ]


def test_a_miss_that_stays_as_it_was_continues(monthly: Lake) -> None:
    months = ["01", "02", "03", "04", "05", "06"]
    assert flags(monthly, A, "dispute_handling_rate") == [
        (month, "missed", "01", number, "continuing" if number > 1 else "new")
        for number, month in enumerate(months, start=1)
    ]
    # half of the temporary residents are registered; in February, as corrected, there are none
    assert [row[0] for row in flags(monthly, B, "temporary_resident_registration_rate")] == [
        "01", "03", "04", "05", "06",
    ]  # fmt: skip


def test_flags_name_owner_and_clause(monthly: Lake) -> None:
    assert monthly.rows(
        "select distinct owner_agency, clause, kpi_id from fct_flag"
        " where kpi_id in ('facility_area_per_100_households', 'temporary_resident_registration_rate') order by all"
    ) == [
        ("civil_affairs", "2.4", "facility_area_per_100_households"),
        ("police", "§4", "temporary_resident_registration_rate"),
    ]


def test_what_is_no_longer_evaluated_disappears(monthly: Lake, tmp_path: Path) -> None:
    shorter = Lake(tmp_path, months=MONTHS[:3], batches=monthly.batches, received=monthly.received)
    shorter.build()
    shorter.months = MONTHS[:2]
    shorter.build([])
    counted = "select count(*) from {table} where {column} > date '2026-02-01'"
    left = {
        table: shorter.rows(counted.format(table=table, column=column))[0][0]
        for table, column in (
            ("fct_kpi", "period"), ("fct_flag", "period"), ("dim_period", "period"), ("fct_delivery", "period"),
            ("mart_population", "month"), ("mart_facilities", "month"),
        )
    }  # fmt: skip
    assert set(left.values()) == {0}


def test_every_unit_period_and_kpi_has_a_row(monthly: Lake) -> None:
    # a county, 2 streets, 3 communities; 6 months, 2 quarters, 1 year, 6 times the year to date
    units = {"county": 1, "street": 2, "community": 3}
    levels = [level for (kpi_levels,) in monthly.rows("select levels from dim_kpi") for level in kpi_levels]
    figures = sum(units.get(level, 0) for level in levels) * (6 + 2 + 1 + 6)
    distinct = "select count(*) from (select distinct unit_key, period_type, period, kpi_id from fct_kpi)"
    assert monthly.rows(distinct) == [(figures,)]


def test_a_delivery_is_judged_by_its_first_file_and_marked_where_a_correction_was_refused(tmp_path: Path) -> None:
    lake = Lake(tmp_path, as_of=date(2026, 2, 6))
    lake.expected = {"county_civil": ["civil_facilities"], GRID_1: ["grid_grids"], f"grid_{STREET_2}": ["grid_grids"]}
    lake.deliver("civil_facilities", "county_civil", "2026-01", [{"verdicts": [("kind.known_value", "error")]}, {}])
    lake.received["civil_facilities", "county_civil", "2026-01"] = [
        (datetime(2026, 2, 5, 23, 59), "first"),
        (datetime(2026, 2, 8, 9), "county_civil-civil_facilities-2026-01-1"),
    ]
    lake.refused["civil_facilities", "county_civil", "2026-01"] = datetime(2026, 2, 9, 9)
    lake.refused["grid_grids", GRID_1, "2026-01"] = datetime(2026, 2, 4, 9)
    lake.build()
    found = lake.rows(
        "select dataset, supplier_id, delivery_status, is_correction_refused, versions, received_at, rows_read,"
        " rows_accepted, rows_quarantined, rows_duplicate, rows_skipped, refusal_zh, refusal_en from fct_delivery"
        " order by dataset, delivery_status desc"
    )
    assert found == [
        (
            "civil_facilities", "county_civil", "on_time", True, 2, datetime(2026, 2, 8, 9), 3, 1, 1, 0, 1,
            "拒收", "refused",
        ),
        ("grid_grids", GRID_1, "refused", False, 0, datetime(2026, 2, 4, 9), 0, 0, 0, 0, 0, "拒收", "refused"),
        ("grid_grids", f"grid_{STREET_2}", "missing", False, 0, None, 0, 0, 0, 0, 0, None, None),
    ]  # fmt: skip


def test_each_row_of_the_lake_has_one_state(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.deliver("grid_residents", GRID_1, "2026-01", [
        {"person_id": "a"},
        {"person_id": "b", "verdicts": [("name.absent", "error"), ("key.repeated", "duplicate")]},
        {"person_id": "c", "verdicts": [("key.repeated", "duplicate"), ("id_number.lower_case_x", "warning")]},
        {"person_id": "d", "verdicts": [("id_number.lower_case_x", "warning")]},
        {"person_id": "e", "verdicts": [("person_in_two_places", "error")]},
        {"person_id": "f", "verdicts": [("person_in_two_places", "error"), ("community_code.exists", "error")]},
    ])  # fmt: skip
    lake.deliver("grid_residents", GRID_1, "2026-01", list(lake.batches["grid_residents", GRID_1, "2026-01"].rows))
    lake.build()
    assert lake.rows(
        "select person_id, row_state, is_in_two_places, is_tied from stg_grid_residents order by person_id"
    ) == [
        ("a", "accepted", False, False),
        ("b", "quarantined", False, False),
        ("c", "duplicate", False, False),
        ("d", "accepted", False, False),
        ("e", "quarantined", True, True),
        ("f", "quarantined", True, False),
    ]
