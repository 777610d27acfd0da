"""Rules across files on tiny batches: who is refused for what others delivered, and when that is judged again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import polars as pl
import pytest

from expectations.contract import load_contract, load_contracts
from pipelines.county import County, Supplier
from pipelines.cross_file import KEPT_EVALUATIONS, CrossFile, Evaluation, RowStates
from pipelines.current_batches import CurrentBatch, passing_rows
from pipelines.event_months import EventMonth, event_months
from pipelines.lake import VERDICT_SCHEMA, batch_path, prepare_lake, verdicts_path, write_parquet
from pipelines.protection.protect import lake_schema
from pipelines.settings import Home, month_start
from pipelines.stewardship.rule_changes import RulesInForce
from pipelines.store import Slot
from pipelines.units import merge_civil_register
from pipelines.units.register import REGISTER_SCHEMA

# Two towns; C was closed at the end of January 2026.
A, B, C = "610629101201", "610629102201", "610629101202"
IN_A, IN_B, WHOLE = "grid_610629101", "grid_610629102", "county_household"
UNITS_SCHEMA = merge_civil_register(REGISTER_SCHEMA.to_frame(), pl.DataFrame(schema=lake_schema(load_contract("civil_communities")))).schema  # fmt: skip
RESIDENT = {"id_number_check": "valid", "name_check": "valid", "residence_type": "temporary"}


def unit(code: str, level: str, valid_to: date | None = None) -> dict[str, Any]:
    opened = date(2016, 1, 1)
    return {
        "unit_key": f"{code}@2016-01-01", "unit_code": code, "unit_name": code, "unit_level": level,
        "valid_from": opened, "valid_to": valid_to,
    }  # fmt: skip


def units(*more: dict[str, Any]) -> pl.DataFrame:
    known = [
        unit("610629", "county"), unit("610629101", "street"), unit("610629102", "street"),
        unit(A, "community"), unit(B, "community"), unit(C, "community", date(2026, 1, 31)),
    ]  # fmt: skip
    return pl.DataFrame([*known, *more], schema=UNITS_SCHEMA)


def dispute(number: str | None, community: str = A, **more: Any) -> dict[str, Any]:
    return {"dispute_no": number, "community_code": community, "accepted_date": date(2026, 1, 5), **more}


def resident(person: str | None, community: str = A, arrived: date = date(2025, 6, 1), **more: Any) -> dict[str, Any]:
    grid = more.pop("grid_code", f"{community}-001")
    return {
        **RESIDENT, "person_id": person, "community_code": community, "arrived_date": arrived, "grid_code": grid, **more,
    }  # fmt: skip


class Lake:
    """Current batches of a data root, written row by row, and their evaluation."""

    def __init__(self, home: Home, county: County) -> None:
        self.home, self.county, self.units = home, county, units()
        self.batches: dict[str, CurrentBatch] = {}
        prepare_lake(home, load_contracts())

    def add(
        self, name: str, dataset: str, supplier: str, month: str, *rows: dict[str, Any],
        failed: dict[int, str] | None = None, lacks: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        """A batch of rows 1, 2, …; `failed` gives the severity of a verdict inside the file by row number.

        `lacks`: columns that the contract did not have yet when the batch was written.
        """
        slot = Slot(supplier, dataset, month)
        placed = [
            {"batch_id": name, "row_number": number, "supplier_id": supplier, "period": month_start(month), **row}
            for number, row in enumerate(rows, 1)
        ]
        frame = pl.DataFrame(placed, schema=lake_schema(load_contract(dataset)))
        verdicts = pl.DataFrame(
            [(name, number, "kind.required", 1, severity) for number, severity in (failed or {}).items()],
            schema=VERDICT_SCHEMA,
            orient="row",
        )
        content_hash = write_parquet(frame.drop(lacks), batch_path(self.home, slot, name))
        write_parquet(verdicts, verdicts_path(self.home, slot, name))
        self.batches[name] = CurrentBatch.of(
            {
                "batch_id": name, "supplier_id": supplier, "dataset": dataset, "period": month,
                "content_hash": content_hash, "rows_read": len(rows) + 1, "rows_data": len(rows), "rows_header": 1,
                "rows_title": 0, "rows_note": 0, "rows_totals": 0, "rows_blank": 0, "rows_continuation": 0,
                "is_correction_refused": False, "base_batch_id": None,
            }
        )  # fmt: skip

    def evaluate(self, *, backwards: bool = False) -> dict[tuple[str, str], Evaluation]:
        batches = list(self.batches.values())
        with CrossFile(self.home, self.county, batches[::-1] if backwards else batches, self.units, RulesInForce()) as cross_file:
            return {(found.dataset, found.month): found for found in cross_file.evaluate()}

    def failing(self, *, backwards: bool = False) -> set[tuple[str, int, str]]:
        """(batch, row, rule) of every verdict across files."""
        return {
            (row["batch_id"], row["row_number"], row["rule_id"])
            for evaluation in self.evaluate(backwards=backwards).values()
            for row in pl.read_parquet(evaluation.verdicts_file).iter_rows(named=True)
        }

    def states(self) -> dict[str, RowStates]:
        return {name: state for found in self.evaluate().values() for name, state in found.row_states.items()}

    def news(self) -> set[tuple[str, str]]:
        """Dataset and month of what this evaluation computed anew."""
        return {place for place, found in self.evaluate().items() if found.is_new}


@pytest.fixture
def lake(home: Home, county: County) -> Iterator[Lake]:
    yield Lake(home, county)


# --- places -------------------------------------------------------------------------------------------------


def test_a_community_must_be_in_force_at_the_end_of_the_month(lake: Lake) -> None:
    codes = [A, C, "610629101999", "610629101", None]
    lake.add("d1", "grid_disputes", IN_A, "2026-01", *(dispute(f"D{code}", code) for code in codes))
    assert lake.failing() == {
        ("d1", 2, "community_code.exists"), ("d1", 3, "community_code.exists"), ("d1", 4, "community_code.exists"),
    }  # fmt: skip


def test_a_community_closed_in_february_is_known_in_january(lake: Lake) -> None:
    lake.units = units(unit("610629101203", "community", date(2026, 2, 10)))
    for month in ("2026-01", "2026-02"):
        lake.add(month, "grid_grids", IN_A, month, {"grid_code": "610629101203-001", "community_code": "610629101203"})
    assert lake.failing() == {("2026-02", 1, "community_code.exists")}


def test_a_community_outside_the_suppliers_area_is_refused_and_inside_is_not(lake: Lake) -> None:
    lake.add("a", "grid_disputes", IN_A, "2026-01", dispute("D1", A), dispute("D2", B))
    lake.add("h", "household_households", WHOLE, "2026-01", {"household_no": "h1", "community_code": B})
    assert lake.failing() == {("a", 2, "outside_supplier_area")}


# --- keys ---------------------------------------------------------------------------------------------------


def test_a_key_from_two_suppliers_is_refused_on_both_sides(lake: Lake) -> None:
    lake.add("a", "grid_disputes", IN_A, "2026-01", dispute("D1", A), dispute("D2", A), dispute(None, A))
    lake.add("b", "grid_disputes", IN_B, "2026-01", dispute("D1", B), dispute("D3", B), dispute(None, B))
    assert lake.failing() == {("a", 1, "key.two_suppliers"), ("b", 1, "key.two_suppliers")}


def test_the_same_key_of_a_register_in_two_months_is_no_fault(lake: Lake) -> None:
    for month in ("2026-01", "2026-02"):
        lake.add(month, "household_households", WHOLE, month, {"household_no": "h1", "community_code": A})
    assert lake.failing() == set()


def test_a_row_that_failed_inside_its_file_takes_no_part(lake: Lake) -> None:
    lake.add("a", "grid_disputes", IN_A, "2026-01", dispute("D1", A))
    lake.add("b", "grid_disputes", IN_B, "2026-01", dispute("D1", B), failed={1: "error"})
    assert lake.failing() == set()


def test_a_warning_inside_its_file_does_not_keep_a_row_out(lake: Lake) -> None:
    lake.add("a", "grid_disputes", IN_A, "2026-01", dispute("D1", "610629101999"), failed={1: "warning"})
    assert lake.failing() == {("a", 1, "community_code.exists")}


# --- events delivered again ---------------------------------------------------------------------------------


def test_an_event_delivered_again_for_a_later_month_counts_there(lake: Lake) -> None:
    for month in ("2026-01", "2026-02", "2026-03"):
        lake.add(month, "grid_disputes", IN_A, month, dispute("D1"), dispute(f"only {month}"))
    assert lake.failing() == {("2026-01", 1, "key.corrected_later"), ("2026-02", 1, "key.corrected_later")}


def test_a_later_version_that_failed_inside_its_file_corrects_nothing(lake: Lake) -> None:
    lake.add("january", "grid_disputes", IN_A, "2026-01", dispute("D1"))
    lake.add("february", "grid_disputes", IN_A, "2026-02", dispute("D1"), failed={1: "error"})
    assert lake.failing() == set()


def test_organizations_of_other_counties_are_taken_as_delivered_where_the_supplier_covers_them(lake: Lake) -> None:
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
def test_a_later_version_that_is_refused_across_files_corrects_nothing(lake: Lake, community: str, rule: str) -> None:
    lake.add("january", "grid_disputes", IN_A, "2026-01", dispute("D1"))
    lake.add("february", "grid_disputes", IN_A, "2026-02", dispute("D1", community))
    assert lake.failing() == {("february", 1, rule)}


def test_a_later_version_that_two_suppliers_delivered_corrects_nothing(lake: Lake) -> None:
    lake.add("january", "grid_disputes", IN_A, "2026-01", dispute("D1"))
    lake.add("a", "grid_disputes", IN_A, "2026-02", dispute("D1", A))
    lake.add("b", "grid_disputes", IN_B, "2026-02", dispute("D1", B))
    assert lake.failing() == {("a", 1, "key.two_suppliers"), ("b", 1, "key.two_suppliers")}


def test_a_version_between_two_refused_ones_still_corrects(lake: Lake) -> None:
    lake.add("january", "grid_disputes", IN_A, "2026-01", dispute("D1"))
    lake.add("february", "grid_disputes", IN_A, "2026-02", dispute("D1"))
    lake.add("march", "grid_disputes", IN_A, "2026-03", dispute("D1", "610629101999"))
    assert lake.failing() == {("january", 1, "key.corrected_later"), ("march", 1, "community_code.exists")}


def test_an_earlier_version_is_judged_again_when_the_later_one_turns_out_bad(lake: Lake) -> None:
    lake.units = units(unit("610629101203", "community"))
    lake.add("january", "grid_disputes", IN_A, "2026-01", dispute("D1"))
    lake.add("february", "grid_disputes", IN_A, "2026-02", dispute("D1", "610629101203"))
    assert lake.failing() == {("january", 1, "key.corrected_later")}
    lake.units = units()
    assert lake.failing() == {("february", 1, "community_code.exists")}


# --- people -------------------------------------------------------------------------------------------------


def test_a_person_who_arrived_in_two_communities_on_one_day_is_tied(lake: Lake) -> None:
    lake.add("a", "grid_residents", IN_A, "2026-01", resident("p1", A), resident("p2", A))
    lake.add("b", "grid_residents", IN_B, "2026-01", resident("p1", B))
    assert lake.failing() == {("a", 1, "person_in_two_places"), ("b", 1, "person_in_two_places")}


def test_of_a_person_found_in_two_communities_the_later_arrival_counts(lake: Lake) -> None:
    lake.add("a", "grid_residents", IN_A, "2026-01", resident("p1", A, date(2025, 6, 1)))
    lake.add("b", "grid_residents", IN_B, "2026-01", resident("p1", B, date(2025, 7, 1)))
    assert lake.failing() == {("a", 1, "person_moved_on")}


def test_a_person_who_left_the_one_place_is_not_tied_to_it(lake: Lake) -> None:
    lake.add("a", "grid_residents", IN_A, "2026-01", resident("p1", A, left_date=date(2026, 1, 31)))
    lake.add("b", "grid_residents", IN_B, "2026-01", resident("p1", B))
    assert lake.failing() == set()


def test_a_person_who_will_leave_next_month_still_is_tied(lake: Lake) -> None:
    lake.add("a", "grid_residents", IN_A, "2026-01", resident("p1", A, left_date=date(2026, 2, 1)))
    lake.add("b", "grid_residents", IN_B, "2026-01", resident("p1", B))
    assert lake.failing() == {("a", 1, "person_in_two_places"), ("b", 1, "person_in_two_places")}


def test_a_person_twice_in_one_community_counts_once_and_is_not_tied(lake: Lake) -> None:
    rows = [resident("p1", A), resident("p1", A, grid_code=f"{A}-002")]
    lake.add("a", "grid_residents", IN_A, "2026-01", *rows)
    assert lake.failing() == {("a", 2, "person_moved_on")}


def test_an_older_third_place_of_a_tied_person_is_only_moved_on_from(lake: Lake) -> None:
    lake.units = units(unit("610629101203", "community"))
    older = resident("p1", "610629101203", date(2020, 1, 1))
    lake.add("a", "grid_residents", IN_A, "2026-01", resident("p1", A), older)
    lake.add("b", "grid_residents", IN_B, "2026-01", resident("p1", B))
    assert lake.failing() == {
        ("a", 1, "person_in_two_places"), ("b", 1, "person_in_two_places"), ("a", 2, "person_moved_on"),
    }  # fmt: skip


def test_people_without_a_usable_number_are_never_taken_for_one(lake: Lake) -> None:
    lake.add("a", "grid_residents", IN_A, "2026-01", resident(None, A))
    lake.add("b", "grid_residents", IN_B, "2026-01", resident(None, B))
    assert lake.failing() == set()


# --- other datasets of the month ----------------------------------------------------------------------------


def test_a_person_of_a_household_that_is_not_in_the_months_register_is_refused(lake: Lake) -> None:
    lake.add("h", "household_households", WHOLE, "2026-01", {"household_no": "h1", "community_code": A})
    people = [{"person_id": "p1", "household_no": "h1"}, {"person_id": "p2", "household_no": "h9"}]
    lake.add("p", "household_persons", WHOLE, "2026-01", *people)
    assert lake.failing() == {("p", 2, "household_exists")}


def test_nobody_is_refused_for_a_register_that_nobody_delivered(lake: Lake) -> None:
    lake.add("h", "household_households", WHOLE, "2025-12", {"household_no": "h1", "community_code": A})
    lake.add("p", "household_persons", WHOLE, "2026-01", {"person_id": "p1", "household_no": "h9"})
    assert lake.failing() == set()


def test_a_grid_must_exist_where_its_supplier_delivered_grids(lake: Lake) -> None:
    lake.add("g", "grid_grids", IN_A, "2026-01", {"grid_code": f"{A}-001", "community_code": A})
    lake.add("a", "grid_residents", IN_A, "2026-01", resident("p1", A), resident("p2", A, grid_code=f"{A}-009"))
    lake.add("b", "grid_residents", IN_B, "2026-01", resident("p3", B))
    assert lake.failing() == {("a", 2, "grid_exists")}


# --- accounts -----------------------------------------------------------------------------------------------


def test_every_row_is_in_exactly_one_state_and_an_error_outweighs_a_duplicate(lake: Lake) -> None:
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


def test_each_rule_is_reported_for_each_batch_with_its_failures(lake: Lake) -> None:
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


def test_passing_rows_are_those_without_error_or_duplicate_inside_their_file(lake: Lake, home: Home) -> None:
    rows = [dispute(f"D{number}") for number in range(1, 5)]
    lake.add("a", "grid_disputes", IN_A, "2026-01", *rows, failed={1: "error", 2: "duplicate", 3: "warning"})
    found = passing_rows(home, "grid_disputes", list(lake.batches.values()))
    assert found["dispute_no"].sort().to_list() == ["D3", "D4"]
    assert passing_rows(home, "grid_disputes", []).is_empty()


def test_a_batch_of_an_earlier_contract_is_read_without_the_columns_that_it_lacks(lake: Lake, home: Home) -> None:
    lake.add("d1", "grid_disputes", IN_A, "2026-01", dispute("D1"), lacks=("injuries",))
    found = passing_rows(home, "grid_disputes", list(lake.batches.values()))
    assert found.columns == list(lake_schema(load_contract("grid_disputes")))
    assert found["injuries"].to_list() == [None]
    assert lake.failing() == set()


# --- order and memory ---------------------------------------------------------------------------------------


def test_the_order_of_batches_changes_nothing(lake: Lake) -> None:
    lake.add("a", "grid_residents", IN_A, "2026-01", resident("p1", A), resident("p2", A, date(2025, 1, 1)))
    lake.add("b", "grid_residents", IN_B, "2026-01", resident("p1", B), resident("p2", B))
    lake.add("d", "grid_disputes", IN_A, "2026-01", dispute("D1"))
    lake.add("e", "grid_disputes", IN_A, "2026-02", dispute("D1"))
    forwards = {place: found.inputs_hash for place, found in lake.evaluate().items()}
    backwards = {place: found.inputs_hash for place, found in lake.evaluate(backwards=True).items()}
    assert forwards == backwards
    assert len(lake.failing()) == 4


def test_what_was_evaluated_is_kept_until_an_input_changes(lake: Lake) -> None:
    lake.add("a", "grid_disputes", IN_A, "2026-01", dispute("D1"), dispute("D2", B))
    first = lake.evaluate()["grid_disputes", "2026-01"]
    again = lake.evaluate()["grid_disputes", "2026-01"]
    assert (first.is_new, again.is_new) == (True, False)
    assert (again.verdicts_file, again.rule_results, again.row_states) == (
        first.verdicts_file, first.rule_results, first.row_states,
    )  # fmt: skip


def test_a_batch_that_comes_or_goes_is_a_changed_input(lake: Lake) -> None:
    lake.add("a", "grid_disputes", IN_A, "2026-01", dispute("D1"))
    lake.evaluate()
    lake.add("b", "grid_disputes", IN_B, "2026-01", dispute("D1", B))
    assert lake.news() == {("grid_disputes", "2026-01")}
    del lake.batches["b"]
    assert lake.failing() == set()


def test_a_further_month_changes_only_the_months_whose_events_it_corrects(lake: Lake) -> None:
    for month in ("2026-01", "2026-02", "2026-03"):
        lake.add(month, "grid_disputes", IN_A, month, dispute("D1"), dispute(f"only {month}"))
    lake.evaluate()
    lake.add("2026-04", "grid_disputes", IN_A, "2026-04", dispute("only 2026-02"))
    assert lake.news() == {("grid_disputes", "2026-02"), ("grid_disputes", "2026-04")}
    assert lake.failing() == {
        ("2026-01", 1, "key.corrected_later"), ("2026-02", 1, "key.corrected_later"),
        ("2026-02", 2, "key.corrected_later"),
    }  # fmt: skip


def test_a_correction_that_is_taken_back_leaves_the_month_as_it_was(lake: Lake) -> None:
    lake.add("january", "grid_disputes", IN_A, "2026-01", dispute("D1"))
    before = lake.evaluate()["grid_disputes", "2026-01"]
    lake.add("february", "grid_disputes", IN_A, "2026-02", dispute("D1"))
    corrected = lake.evaluate()["grid_disputes", "2026-01"]
    del lake.batches["february"]
    after = lake.evaluate()["grid_disputes", "2026-01"]
    assert corrected.inputs_hash != before.inputs_hash == after.inputs_hash
    assert (corrected.row_states["january"].duplicate, after.row_states["january"].duplicate) == (1, 0)


def test_of_what_was_kept_of_a_month_only_the_newest_stay(lake: Lake) -> None:
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


def test_a_unit_that_changes_is_a_changed_input_of_the_months_it_is_in_force(lake: Lake) -> None:
    for month in ("2026-01", "2026-02"):
        lake.add(month, "household_households", WHOLE, month, {"household_no": "h1", "community_code": A})
    lake.evaluate()
    lake.units = units({**unit("610629101203", "community"), "valid_from": date(2026, 2, 1)})
    assert lake.news() == {("household_households", "2026-02")}


def test_another_area_of_a_supplier_is_a_changed_input(lake: Lake) -> None:
    lake.add("a", "grid_disputes", IN_A, "2026-01", dispute("D1"), dispute("D2", B))
    lake.evaluate()
    wider = [
        Supplier(id=one.id, name_zh=one.name_zh, covers=("610629",)) if one.id == IN_A else one
        for one in lake.county.suppliers
    ]
    lake.county = lake.county.model_copy(update={"suppliers": tuple(wider)})
    assert lake.news() == {("grid_disputes", "2026-01")}
    assert lake.failing() == set()


def test_a_register_that_a_rule_reads_is_an_input_and_others_are_not(lake: Lake) -> None:
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
def test_what_a_crash_left_half_written_is_evaluated_again(lake: Lake, lost: str) -> None:
    lake.add("a", "grid_disputes", IN_A, "2026-01", dispute("D1"))
    kept = lake.evaluate()["grid_disputes", "2026-01"].verdicts_file
    kept.with_suffix(lost).unlink()
    assert lake.news() == {("grid_disputes", "2026-01")}


# --- digests of cohort months -------------------------------------------------------------------------------


def events(lake: Lake) -> dict[date, EventMonth]:
    batches = [batch for batch in lake.batches.values() if batch.slot.dataset == "grid_disputes"]
    found = lake.evaluate()
    across = [found[place].verdicts_file for place in found if place[0] == "grid_disputes"]
    return event_months(lake.home, load_contract("grid_disputes"), batches, across)


def digests(lake: Lake) -> dict[date, str]:
    return {month: found.digest for month, found in events(lake).items()}


def test_a_late_event_touches_the_month_in_which_it_was_accepted_and_no_other(lake: Lake) -> None:
    january, february, march = (date(2026, month, 1) for month in (1, 2, 3))
    lake.add("1", "grid_disputes", IN_A, "2026-01", dispute("D1", accepted_date=date(2026, 1, 5)))
    lake.add("2", "grid_disputes", IN_A, "2026-02", dispute("D2", accepted_date=date(2026, 2, 5)))
    before = digests(lake)
    late = [dispute("D3", accepted_date=date(2026, 1, 20)), dispute("D4", accepted_date=date(2026, 3, 2))]
    lake.add("3", "grid_disputes", IN_A, "2026-03", *late)
    after = digests(lake)
    assert before.keys() == {january, february}
    assert after.keys() == {january, february, march}
    assert after[february] == before[february]
    assert after[january] != before[january]


def test_an_event_that_moves_to_another_month_touches_both(lake: Lake) -> None:
    lake.add("1", "grid_disputes", IN_A, "2026-01", dispute("D1", accepted_date=date(2026, 1, 5)))
    before = digests(lake)
    lake.add("2", "grid_disputes", IN_A, "2026-02", dispute("D1", accepted_date=date(2026, 2, 1)))
    after = digests(lake)
    assert after.keys() == {date(2026, 1, 1), date(2026, 2, 1)}
    assert after[date(2026, 1, 1)] != before[date(2026, 1, 1)]


def test_an_event_without_a_believable_date_belongs_to_the_delivered_month(lake: Lake) -> None:
    rows = [dispute("D1", accepted_date=None), dispute("D2", accepted_date=date(2026, 5, 1))]
    lake.add("1", "grid_disputes", IN_A, "2026-02", *rows)
    assert digests(lake).keys() == {date(2026, 2, 1)}
    assert event_months(lake.home, load_contract("grid_disputes"), [], []) == {}


def test_a_month_knows_for_which_months_its_events_were_delivered_and_which_days_they_name(lake: Lake) -> None:
    january, february = date(2026, 1, 1), date(2026, 2, 1)
    lake.add("1", "grid_disputes", IN_A, "2026-01", dispute("D1"), dispute("D2", accepted_date=date(2026, 1, 7)))
    lake.add("2", "grid_disputes", IN_A, "2026-02", dispute("D1", handled_date=date(2026, 3, 9)))
    found = events(lake)
    assert found.keys() == {january}
    assert found[january].delivered == (january, february)
    assert found[january].days == (date(2026, 1, 5), date(2026, 1, 7), date(2026, 3, 9))


def test_a_refused_event_touches_the_month_that_it_was_delivered_for_as_well(lake: Lake) -> None:
    lake.add("1", "grid_disputes", IN_A, "2026-03", dispute("D1", accepted_date=date(2026, 1, 5)))
    lake.add("2", "grid_disputes", IN_B, "2026-03", dispute("D1", accepted_date=date(2026, 1, 5)))
    assert lake.failing() != set()
    assert events(lake).keys() == {date(2026, 1, 1), date(2026, 3, 1)}
