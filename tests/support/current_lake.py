"""Current batches of a data root, written row by row, and what rules across files find in them."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl

from expectations.contract import load_contract, load_contracts
from pipelines.county import County
from pipelines.cross_file import CrossFile, Evaluation, RowStates
from pipelines.current_batches import CurrentBatch
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


class CurrentLake:
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
