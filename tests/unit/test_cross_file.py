"""Rules across files on tiny batches: who is refused for what others delivered, and when that is judged again."""

from __future__ import annotations

from datetime import date

import pytest

from expectations.contract import load_contract
from pipelines.county import County, Supplier
from pipelines.cross_file import KEPT_EVALUATIONS, RowStates
from pipelines.current_batches import PASSES, judged_rows
from pipelines.protection.protect import lake_schema
from pipelines.settings import Home
from tests.support.current_lake import IN_A, IN_B, WHOLE, A, B, C, CurrentLake, dispute, resident, unit, units


@pytest.fixture
def lake(home: Home, county: County) -> CurrentLake:
    return CurrentLake(home, county)


# --- places -------------------------------------------------------------------------------------------------


def test_a_community_must_be_in_force_at_the_end_of_the_month(lake: CurrentLake) -> None:
    codes = [A, C, "610629101999", "610629101", None]
    lake.add("d1", "grid_disputes", IN_A, "2026-01", *(dispute(f"D{code}", code) for code in codes))
    assert lake.failing() == {
        ("d1", 2, "community_code.exists"), ("d1", 3, "community_code.exists"), ("d1", 4, "community_code.exists"),
    }  # fmt: skip


def test_a_community_closed_in_february_is_known_in_january(lake: CurrentLake) -> None:
    lake.units = units(unit("610629101203", "community", date(2026, 2, 10)))
    for month in ("2026-01", "2026-02"):
        lake.add(month, "grid_grids", IN_A, month, {"grid_code": "610629101203-001", "community_code": "610629101203"})
    assert lake.failing() == {("2026-02", 1, "community_code.exists")}


def test_a_community_outside_the_suppliers_area_is_refused_and_inside_is_not(lake: CurrentLake) -> None:
    lake.add("a", "grid_disputes", IN_A, "2026-01", dispute("D1", A), dispute("D2", B))
    lake.add("h", "household_households", WHOLE, "2026-01", {"household_no": "h1", "community_code": B})
    assert lake.failing() == {("a", 2, "outside_supplier_area")}


# --- keys ---------------------------------------------------------------------------------------------------


def test_a_key_from_two_suppliers_is_refused_on_both_sides(lake: CurrentLake) -> None:
    lake.add("a", "grid_disputes", IN_A, "2026-01", dispute("D1", A), dispute("D2", A), dispute(None, A))
    lake.add("b", "grid_disputes", IN_B, "2026-01", dispute("D1", B), dispute("D3", B), dispute(None, B))
    assert lake.failing() == {("a", 1, "key.two_suppliers"), ("b", 1, "key.two_suppliers")}


def test_the_same_key_of_a_register_in_two_months_is_no_fault(lake: CurrentLake) -> None:
    for month in ("2026-01", "2026-02"):
        lake.add(month, "household_households", WHOLE, month, {"household_no": "h1", "community_code": A})
    assert lake.failing() == set()


def test_a_row_that_failed_inside_its_file_takes_no_part(lake: CurrentLake) -> None:
    lake.add("a", "grid_disputes", IN_A, "2026-01", dispute("D1", A))
    lake.add("b", "grid_disputes", IN_B, "2026-01", dispute("D1", B), failed={1: "error"})
    assert lake.failing() == set()


def test_a_warning_inside_its_file_does_not_keep_a_row_out(lake: CurrentLake) -> None:
    lake.add("a", "grid_disputes", IN_A, "2026-01", dispute("D1", "610629101999"), failed={1: "warning"})
    assert lake.failing() == {("a", 1, "community_code.exists")}


# --- events delivered again ---------------------------------------------------------------------------------


def test_an_event_delivered_again_for_a_later_month_counts_there(lake: CurrentLake) -> None:
    for month in ("2026-01", "2026-02", "2026-03"):
        lake.add(month, "grid_disputes", IN_A, month, dispute("D1"), dispute(f"only {month}"))
    assert lake.failing() == {("2026-01", 1, "key.corrected_later"), ("2026-02", 1, "key.corrected_later")}


def test_a_later_version_that_failed_inside_its_file_corrects_nothing(lake: CurrentLake) -> None:
    lake.add("january", "grid_disputes", IN_A, "2026-01", dispute("D1"))
    lake.add("february", "grid_disputes", IN_A, "2026-02", dispute("D1"), failed={1: "error"})
    assert lake.failing() == set()


def test_organizations_of_other_counties_are_taken_as_delivered_where_the_supplier_covers_them(lake: CurrentLake) -> None:
    province = Supplier(id="province_civil", name_zh="省民政厅", covers=("61",))
    lake.county = lake.county.model_copy(update={"suppliers": (*lake.county.suppliers, province)})
    codes = ["610102001001", A, "610629101999", "510104001001"]
    rows = [{"organization_no": str(number), "community_code": code} for number, code in enumerate(codes)]
    lake.add("wide", "civil_organizations", province.id, "2026-01", *rows)
    assert lake.failing() == {("wide", 3, "community_code.exists"), ("wide", 4, "outside_supplier_area")}
    # elsewhere the same code is a wrong one
    lake.add("own", "grid_disputes", IN_A, "2026-02", dispute("D1", codes[0]))
    assert {found for found in lake.failing() if found[0] == "own"} == {
        ("own", 1, "community_code.exists"), ("own", 1, "outside_supplier_area"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("community", "rule"), [("610629101999", "community_code.exists"), (B, "outside_supplier_area")]
)
def test_a_later_version_that_is_refused_across_files_corrects_nothing(lake: CurrentLake, community: str, rule: str) -> None:
    lake.add("january", "grid_disputes", IN_A, "2026-01", dispute("D1"))
    lake.add("february", "grid_disputes", IN_A, "2026-02", dispute("D1", community))
    assert lake.failing() == {("february", 1, rule)}


def test_a_later_version_that_two_suppliers_delivered_corrects_nothing(lake: CurrentLake) -> None:
    lake.add("january", "grid_disputes", IN_A, "2026-01", dispute("D1"))
    lake.add("a", "grid_disputes", IN_A, "2026-02", dispute("D1", A))
    lake.add("b", "grid_disputes", IN_B, "2026-02", dispute("D1", B))
    assert lake.failing() == {("a", 1, "key.two_suppliers"), ("b", 1, "key.two_suppliers")}


def test_a_version_between_two_refused_ones_still_corrects(lake: CurrentLake) -> None:
    lake.add("january", "grid_disputes", IN_A, "2026-01", dispute("D1"))
    lake.add("february", "grid_disputes", IN_A, "2026-02", dispute("D1"))
    lake.add("march", "grid_disputes", IN_A, "2026-03", dispute("D1", "610629101999"))
    assert lake.failing() == {("january", 1, "key.corrected_later"), ("march", 1, "community_code.exists")}


def test_an_earlier_version_is_judged_again_when_the_later_one_turns_out_bad(lake: CurrentLake) -> None:
    lake.units = units(unit("610629101203", "community"))
    lake.add("january", "grid_disputes", IN_A, "2026-01", dispute("D1"))
    lake.add("february", "grid_disputes", IN_A, "2026-02", dispute("D1", "610629101203"))
    assert lake.failing() == {("january", 1, "key.corrected_later")}
    lake.units = units()
    assert lake.failing() == {("february", 1, "community_code.exists")}


# --- people -------------------------------------------------------------------------------------------------


def test_a_person_who_arrived_in_two_communities_on_one_day_is_tied(lake: CurrentLake) -> None:
    lake.add("a", "grid_residents", IN_A, "2026-01", resident("p1", A), resident("p2", A))
    lake.add("b", "grid_residents", IN_B, "2026-01", resident("p1", B))
    assert lake.failing() == {("a", 1, "person_in_two_places"), ("b", 1, "person_in_two_places")}


def test_of_a_person_found_in_two_communities_the_later_arrival_counts(lake: CurrentLake) -> None:
    lake.add("a", "grid_residents", IN_A, "2026-01", resident("p1", A, date(2025, 6, 1)))
    lake.add("b", "grid_residents", IN_B, "2026-01", resident("p1", B, date(2025, 7, 1)))
    assert lake.failing() == {("a", 1, "person_moved_on")}


def test_a_person_who_left_the_one_place_is_not_tied_to_it(lake: CurrentLake) -> None:
    lake.add("a", "grid_residents", IN_A, "2026-01", resident("p1", A, left_date=date(2026, 1, 31)))
    lake.add("b", "grid_residents", IN_B, "2026-01", resident("p1", B))
    assert lake.failing() == set()


def test_a_person_who_will_leave_next_month_still_is_tied(lake: CurrentLake) -> None:
    lake.add("a", "grid_residents", IN_A, "2026-01", resident("p1", A, left_date=date(2026, 2, 1)))
    lake.add("b", "grid_residents", IN_B, "2026-01", resident("p1", B))
    assert lake.failing() == {("a", 1, "person_in_two_places"), ("b", 1, "person_in_two_places")}


def test_a_person_twice_in_one_community_counts_once_and_is_not_tied(lake: CurrentLake) -> None:
    rows = [resident("p1", A), resident("p1", A, grid_code=f"{A}-002")]
    lake.add("a", "grid_residents", IN_A, "2026-01", *rows)
    assert lake.failing() == {("a", 2, "person_moved_on")}


def test_an_older_third_place_of_a_tied_person_is_only_moved_on_from(lake: CurrentLake) -> None:
    lake.units = units(unit("610629101203", "community"))
    older = resident("p1", "610629101203", date(2020, 1, 1))
    lake.add("a", "grid_residents", IN_A, "2026-01", resident("p1", A), older)
    lake.add("b", "grid_residents", IN_B, "2026-01", resident("p1", B))
    assert lake.failing() == {
        ("a", 1, "person_in_two_places"), ("b", 1, "person_in_two_places"), ("a", 2, "person_moved_on"),
    }  # fmt: skip


def test_people_without_a_usable_number_are_never_taken_for_one(lake: CurrentLake) -> None:
    lake.add("a", "grid_residents", IN_A, "2026-01", resident(None, A))
    lake.add("b", "grid_residents", IN_B, "2026-01", resident(None, B))
    assert lake.failing() == set()


# --- other datasets of the month ----------------------------------------------------------------------------


def test_a_person_of_a_household_that_is_not_in_the_months_register_is_refused(lake: CurrentLake) -> None:
    lake.add("h", "household_households", WHOLE, "2026-01", {"household_no": "h1", "community_code": A})
    people = [{"person_id": "p1", "household_no": "h1"}, {"person_id": "p2", "household_no": "h9"}]
    lake.add("p", "household_persons", WHOLE, "2026-01", *people)
    assert lake.failing() == {("p", 2, "household_exists")}


def test_nobody_is_refused_for_a_register_that_nobody_delivered(lake: CurrentLake) -> None:
    lake.add("h", "household_households", WHOLE, "2025-12", {"household_no": "h1", "community_code": A})
    lake.add("p", "household_persons", WHOLE, "2026-01", {"person_id": "p1", "household_no": "h9"})
    assert lake.failing() == set()


def test_a_grid_must_exist_where_its_supplier_delivered_grids(lake: CurrentLake) -> None:
    lake.add("g", "grid_grids", IN_A, "2026-01", {"grid_code": f"{A}-001", "community_code": A})
    lake.add("a", "grid_residents", IN_A, "2026-01", resident("p1", A), resident("p2", A, grid_code=f"{A}-009"))
    lake.add("b", "grid_residents", IN_B, "2026-01", resident("p3", B))
    assert lake.failing() == {("a", 2, "grid_exists")}


# --- accounts -----------------------------------------------------------------------------------------------


def test_every_row_is_in_exactly_one_state_and_an_error_outweighs_a_duplicate(lake: CurrentLake) -> None:
    bad, good = dispute("D1", "610629101999"), dispute("D3")
    rows = [bad, dispute("D2"), good, dispute("D4"), dispute("D5"), dispute("D6")]
    lake.add("january", "grid_disputes", IN_A, "2026-01", *rows, failed={4: "error", 5: "duplicate", 6: "warning"})
    lake.add("february", "grid_disputes", IN_A, "2026-02", dispute("D1"), dispute("D2"))
    assert lake.failing() == {
        ("january", 1, "community_code.exists"), ("january", 1, "key.corrected_later"),
        ("january", 2, "key.corrected_later"),
    }  # fmt: skip
    states = lake.states()
    assert states["january"] == RowStates(accepted=2, quarantined=2, duplicate=2)
    assert states["february"] == RowStates(accepted=2, quarantined=0, duplicate=0)
    for name, state in states.items():
        assert state.accepted + state.quarantined + state.duplicate == lake.batches[name].rows_data


def test_each_rule_is_reported_for_each_batch_with_its_failures(lake: CurrentLake) -> None:
    lake.add("a", "grid_disputes", IN_A, "2026-01", dispute("D1"), dispute("D2", B))
    lake.add("b", "grid_disputes", IN_B, "2026-01", dispute("D3", B))
    results = lake.evaluate()["grid_disputes", "2026-01"].rule_results
    assert {(one["batch_id"], one["rows_failed"]) for one in results if one["rule_id"] == "outside_supplier_area"} == {
        ("a", 1), ("b", 0),
    }  # fmt: skip
    assert {(one["batch_id"], one["rule_id"]) for one in results} == {
        (batch, rule)
        for batch in ("a", "b")
        for rule in ("community_code.exists", "outside_supplier_area", "key.two_suppliers", "key.corrected_later")
    }


def test_rows_that_pass_are_those_without_error_or_duplicate_inside_their_file(lake: CurrentLake, home: Home) -> None:
    rows = [dispute(f"D{number}") for number in range(1, 5)]
    lake.add("a", "grid_disputes", IN_A, "2026-01", *rows, failed={1: "error", 2: "duplicate", 3: "warning"})
    found = judged_rows(home, "grid_disputes", list(lake.batches.values()))
    assert found.filter(PASSES)["dispute_no"].sort().to_list() == ["D3", "D4"]
    none = judged_rows(home, "grid_disputes", [])
    assert none.is_empty()
    assert none.schema == found.schema


def test_a_batch_of_an_earlier_contract_is_read_without_the_columns_that_it_lacks(lake: CurrentLake, home: Home) -> None:
    lake.add("d1", "grid_disputes", IN_A, "2026-01", dispute("D1"), lacks=("injuries",))
    found = judged_rows(home, "grid_disputes", list(lake.batches.values()))
    assert found.columns == [*lake_schema(load_contract("grid_disputes")), PASSES]
    assert found["injuries"].to_list() == [None]
    assert lake.failing() == set()


# --- order and memory ---------------------------------------------------------------------------------------


def test_the_order_of_batches_changes_nothing(lake: CurrentLake) -> None:
    lake.add("a", "grid_residents", IN_A, "2026-01", resident("p1", A), resident("p2", A, date(2025, 1, 1)))
    lake.add("b", "grid_residents", IN_B, "2026-01", resident("p1", B), resident("p2", B))
    lake.add("d", "grid_disputes", IN_A, "2026-01", dispute("D1"))
    lake.add("e", "grid_disputes", IN_A, "2026-02", dispute("D1"))
    forwards = {place: found.inputs_hash for place, found in lake.evaluate().items()}
    backwards = {place: found.inputs_hash for place, found in lake.evaluate(backwards=True).items()}
    assert forwards == backwards
    assert len(lake.failing()) == 4


def test_what_was_evaluated_is_kept_until_an_input_changes(lake: CurrentLake) -> None:
    lake.add("a", "grid_disputes", IN_A, "2026-01", dispute("D1"), dispute("D2", B))
    first = lake.evaluate()["grid_disputes", "2026-01"]
    again = lake.evaluate()["grid_disputes", "2026-01"]
    assert (first.is_new, again.is_new) == (True, False)
    assert (again.verdicts_file, again.rule_results, again.row_states) == (
        first.verdicts_file, first.rule_results, first.row_states,
    )  # fmt: skip


def test_a_batch_that_comes_or_goes_is_a_changed_input(lake: CurrentLake) -> None:
    lake.add("a", "grid_disputes", IN_A, "2026-01", dispute("D1"))
    lake.evaluate()
    lake.add("b", "grid_disputes", IN_B, "2026-01", dispute("D1", B))
    assert lake.news() == {("grid_disputes", "2026-01")}
    del lake.batches["b"]
    assert lake.failing() == set()


def test_a_further_month_changes_only_the_months_whose_events_it_corrects(lake: CurrentLake) -> None:
    for month in ("2026-01", "2026-02", "2026-03"):
        lake.add(month, "grid_disputes", IN_A, month, dispute("D1"), dispute(f"only {month}"))
    lake.evaluate()
    lake.add("2026-04", "grid_disputes", IN_A, "2026-04", dispute("only 2026-02"))
    assert lake.news() == {("grid_disputes", "2026-02"), ("grid_disputes", "2026-04")}
    assert lake.failing() == {
        ("2026-01", 1, "key.corrected_later"), ("2026-02", 1, "key.corrected_later"),
        ("2026-02", 2, "key.corrected_later"),
    }  # fmt: skip


def test_a_correction_that_is_taken_back_leaves_the_month_as_it_was(lake: CurrentLake) -> None:
    lake.add("january", "grid_disputes", IN_A, "2026-01", dispute("D1"))
    before = lake.evaluate()["grid_disputes", "2026-01"]
    lake.add("february", "grid_disputes", IN_A, "2026-02", dispute("D1"))
    corrected = lake.evaluate()["grid_disputes", "2026-01"]
    del lake.batches["february"]
    after = lake.evaluate()["grid_disputes", "2026-01"]
    assert corrected.inputs_hash != before.inputs_hash == after.inputs_hash
    assert (corrected.row_states["january"].duplicate, after.row_states["january"].duplicate) == (1, 0)


def test_of_what_was_kept_of_a_month_only_the_newest_stay(lake: CurrentLake) -> None:
    lake.add("january", "grid_disputes", IN_A, "2026-01", dispute("D0"), *(dispute(f"D{n}") for n in range(1, 9)))
    for number in range(1, 9):
        lake.add("february", "grid_disputes", IN_A, "2026-02", dispute(f"D{number}"))
        january = lake.evaluate()["grid_disputes", "2026-01"].verdicts_file
    # The newest, and what the month gives uncorrected, which each of them starts from.
    kept = {path.stem for path in january.parent.glob("*.parquet")}
    assert len(kept) == KEPT_EVALUATIONS + 1
    assert january.stem in kept
    assert {path.stem for path in january.parent.glob("*.json")} == kept
    assert lake.news() == set()


def test_a_unit_that_changes_is_a_changed_input_of_the_months_it_is_in_force(lake: CurrentLake) -> None:
    for month in ("2026-01", "2026-02"):
        lake.add(month, "household_households", WHOLE, month, {"household_no": "h1", "community_code": A})
    lake.evaluate()
    lake.units = units({**unit("610629101203", "community"), "valid_from": date(2026, 2, 1)})
    assert lake.news() == {("household_households", "2026-02")}


def test_another_area_of_a_supplier_is_a_changed_input(lake: CurrentLake) -> None:
    lake.add("a", "grid_disputes", IN_A, "2026-01", dispute("D1"), dispute("D2", B))
    lake.evaluate()
    wider = [
        Supplier(id=one.id, name_zh=one.name_zh, covers=("610629",)) if one.id == IN_A else one
        for one in lake.county.suppliers
    ]
    lake.county = lake.county.model_copy(update={"suppliers": tuple(wider)})
    assert lake.news() == {("grid_disputes", "2026-01")}
    assert lake.failing() == set()


def test_a_register_that_a_rule_reads_is_an_input_and_others_are_not(lake: CurrentLake) -> None:
    lake.add("h", "household_households", WHOLE, "2026-01", {"household_no": "h1", "community_code": A})
    lake.add("p", "household_persons", WHOLE, "2026-01", {"person_id": "p1", "household_no": "h1"})
    lake.evaluate()
    lake.add("d", "grid_disputes", IN_A, "2026-01", dispute("D1"))
    assert lake.news() == {("grid_disputes", "2026-01")}
    del lake.batches["h"]
    lake.add("h2", "household_households", WHOLE, "2026-01", {"household_no": "h2", "community_code": A})
    assert lake.news() == {("household_households", "2026-01"), ("household_persons", "2026-01")}
    assert lake.failing() == {("p", 1, "household_exists")}


@pytest.mark.parametrize("lost", [".parquet", ".json"])
def test_what_a_crash_left_half_written_is_evaluated_again(lake: CurrentLake, lost: str) -> None:
    lake.add("a", "grid_disputes", IN_A, "2026-01", dispute("D1"))
    kept = lake.evaluate()["grid_disputes", "2026-01"].verdicts_file
    kept.with_suffix(lost).unlink()
    assert lake.news() == {("grid_disputes", "2026-01")}
