"""What is noted of a sample while it is written: its files, the planted rows, the incidents.

Belongs here: the rows of three tables of the truth (see `generate`), and settling which events came again later.
Does not belong here: writing files, the truth of KPIs.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from expectations.contract import load_contract
from pipelines.sample.deliver import WrittenFile
from pipelines.sample.sheets import STATE, SUPPLIER, Planted, Sheet
from pipelines.settings import month_name

CORRECTED_LATER = Planted("corrected_later", ("key.corrected_later",), "duplicate")
# A delivered sheet, and by supplier the file that is current in the end.
Delivered = tuple[Sheet, dict[str, WrittenFile]]


class Notes:
    """Collects the rows of the three tables."""

    def __init__(self) -> None:
        self.files: list[dict[str, Any]] = []
        self.rows: list[dict[str, Any]] = []
        self.incidents: list[dict[str, Any]] = []

    def note_file(
        self, file: WrittenFile, sheet: Sheet, incident: str | None, outcome: str, *, is_current: bool = True
    ) -> None:
        states = {"accepted": 0, "quarantined": 0, "duplicate": 0}
        if is_current:
            states["accepted"] = file.data
            for row in file.lines.keys() & sheet.planted.keys():
                state = sheet.planted[row].state
                states["accepted"] -= 1
                states[state] += 1
        self.files.append(
            {
                "supplier_id": file.supplier_id, "dataset": file.dataset, "period": file.period,
                "file_name": file.file_name, "form": file.form, "received_at": file.received_at, "size": file.size,
                "is_current": is_current, "rows_read": file.read, "rows_title": file.title, "rows_header": 1,
                "rows_note": file.note, "rows_totals": file.totals, "rows_blank": file.blank,
                **{f"rows_{state}": count for state, count in states.items()},
            }
        )  # fmt: skip
        if incident is not None:
            self.note_incident(
                file.supplier_id, file.dataset, sheet.month, file, incident, outcome, is_current=is_current
            )

    def note_incident(
        self, supplier: str, dataset: str, month: date, file: WrittenFile | None, incident: str, outcome: str, *,
        is_current: bool,
    ) -> None:  # fmt: skip
        self.incidents.append(
            {
                "supplier_id": supplier, "dataset": dataset, "period": month_name(month),
                "file_name": file.file_name if file else None, "incident": incident, "expected_outcome": outcome,
                "refusal_code": incident if outcome == "refused" else None,
                "received_at": file.received_at if file else None, "is_current": is_current,
            }
        )  # fmt: skip

    def note_rows(self, sheet: Sheet, written: dict[str, WrittenFile]) -> None:
        suppliers = sheet.rows.get_column(SUPPLIER)
        for row, planted in sorted(sheet.planted.items()):
            file = written[suppliers[row]]
            self.rows.append(
                {
                    "supplier_id": file.supplier_id, "dataset": file.dataset, "period": file.period,
                    "file_name": file.file_name, "row_number": file.lines[row], "kind": planted.kind,
                    "rule_ids": list(planted.rules), "state": planted.state,
                }
            )  # fmt: skip

    def settle_events(self, delivered: list[Delivered]) -> None:
        """An event that was delivered again for a later month counts as delivered then; in order of the months."""
        last: dict[tuple[Any, ...], int] = {}
        for number, (sheet, _) in enumerate(delivered):
            accepted = sheet.rows.filter(pl.col(STATE) == "accepted")
            last.update(dict.fromkeys(_keys(sheet, accepted), number))
        for number, (sheet, written) in enumerate(delivered):
            states = sheet.rows.get_column(STATE).to_list()
            for row, key in enumerate(_keys(sheet, sheet.rows)):
                if states[row] == "accepted" and last[key] > number:
                    # What was planted in it beside, and only warned of, is noted still.
                    known = sheet.planted.get(row)
                    rules = (*known.rules, *CORRECTED_LATER.rules) if known else CORRECTED_LATER.rules
                    sheet.planted[row] = replace(CORRECTED_LATER, rules=tuple(sorted(rules)))
                    states[row] = CORRECTED_LATER.state
            sheet.rows = sheet.rows.with_columns(pl.Series(STATE, states, dtype=pl.String))
            self.note_rows(sheet, written)
            self._count_corrected(sheet, written)

    def _count_corrected(self, sheet: Sheet, written: dict[str, WrittenFile]) -> None:
        """The accounts of the files, now that it is known which events came again."""
        for supplier, file in written.items():
            corrected = sum(
                sheet.planted[row].kind == CORRECTED_LATER.kind
                for row in file.lines.keys() & sheet.planted.keys()
            )
            for entry in self.files:
                if (entry["supplier_id"], entry["dataset"], entry["period"]) == (
                    supplier,
                    file.dataset,
                    file.period,
                ) and entry["is_current"]:
                    entry["rows_accepted"] -= corrected
                    entry["rows_duplicate"] += corrected

    def save(self, folder: Path) -> None:
        rows = pl.DataFrame(self.rows, infer_schema_length=None)
        tables = {
            "planted_rows": rows.sort("dataset", "period", "supplier_id", "row_number"),
            "planted_files": pl.DataFrame(self.incidents, infer_schema_length=None),
            "files": pl.DataFrame(self.files, infer_schema_length=None),
        }
        for name, table in tables.items():
            table.write_parquet(folder / f"{name}.parquet")


def _keys(sheet: Sheet, rows: pl.DataFrame) -> list[tuple[Any, ...]]:
    return rows.select(load_contract(sheet.dataset).key).rows()
