"""From rows of an edition to the records of `records.py`.

Belongs here: which column becomes which field. The queries stand in `facts.py`.
"""

from __future__ import annotations

from typing import Any

from dashboards.records import Bound, Delivery, Judgement, Kpi, Target, Trend
from pipelines.errors import Words

SAME = (
    "numerator", "denominator", "value", "value_low", "value_high", "status", "certainty", "shortfall",
    "chance_low", "chance_high", "failures_allowed",
)  # fmt: skip


def judgement(row: dict[str, Any], kpis: dict[str, Kpi], targets: dict[str, Target]) -> Judgement:
    return Judgement(
        **figure(row, kpis, targets), unit_key=row["unit_key"], unit_code=row["unit_code"],
        unit_level=row["unit_level"], period=row["period"], comparability=row["comparability"],
    )  # fmt: skip


def figure(row: dict[str, Any], kpis: dict[str, Kpi], targets: dict[str, Target]) -> dict[str, Any]:
    """The fields of a Figure."""
    target_id = row["target_id"]
    return {name: row[name] for name in SAME} | {
        "kpi": kpis[row["kpi_id"]],
        "target": None if target_id is None else targets[target_id],
        "low": Bound(row["low_numerator"], row["low_denominator"]),
        "high": Bound(row["high_numerator"], row["high_denominator"]),
        "is_basis_expired": bool(row["is_basis_expired"]),
        "is_withheld": bool(row["is_withheld"]),
        "reporting": row["reporting_suppliers"],
        "expected": row["expected_suppliers"],
    }


def trend(row: dict[str, Any]) -> Trend | None:
    if row["trend"] is None:
        return None
    return Trend(
        row["trend"], row["reliability"], row["judged_periods"], row["met_periods"], row["first_period"],
        row["last_period"],
    )  # fmt: skip


def delivery(row: dict[str, Any]) -> Delivery:
    return Delivery(
        supplier_id=row["supplier_id"], supplier_name=row["supplier_name"] or row["supplier_id"],
        covered_codes=tuple((row["covered_codes"] or "").split(",")),
        dataset=row["dataset"], period=row["period"], due=row["due_date"], received_at=row["received_at"],
        status=row["delivery_status"], is_correction_refused=bool(row["is_correction_refused"]),
        is_gap=bool(row["is_gap"]), communities_expected=row["communities_expected"],
        communities_delivered=row["communities_delivered"], versions=row["versions"] or 0, read=row["rows_read"] or 0, accepted=row["rows_accepted"] or 0,
        quarantined=row["rows_quarantined"] or 0, duplicate=row["rows_duplicate"] or 0,
        skipped=row["rows_skipped"] or 0, refusal=words(row, "refusal"),
    )  # fmt: skip


def words(row: dict[str, Any], stem: str) -> Words:
    zh, en = row[f"{stem}_zh"], row[f"{stem}_en"]
    return Words(str(zh or ""), str(en or zh or ""))


def halves(text: str | None) -> Words:
    """A text given as '中文 / English'."""
    zh, _, en = (text or "").partition(" / ")
    return Words(zh, en or zh)
