"""Deliveries and the rules that their rows failed."""

from __future__ import annotations

from datetime import date, datetime

from tests.support.edition.dimensions import code_of
from tests.support.edition.shapes import COUNTY, MONTHS, Row, Shape, next_month


def _suppliers(shape: Shape) -> list[tuple[str, str, tuple[str, ...]]]:
    grids = [
        (
            f"grid_{code_of(shape.streets, street)}",
            f"{street}网格办",
            ("grid_residents", "grid_grids", "grid_disputes"),
        )
        for street in shape.streets
    ]
    return [
        ("county_police", "县公安局", ("police_residence_registrations",)),
        ("county_civil", "县民政局", ("civil_facilities",)),
        *grids,
    ]


def delivery_rows(shape: Shape) -> list[Row]:
    rows: list[Row] = []
    for supplier_id, name, datasets in _suppliers(shape):
        for dataset in datasets:
            for month in MONTHS:
                missing = dataset == "grid_grids" and supplier_id.endswith("02") and month == MONTHS[-1]
                late = dataset == "grid_disputes" and month.month == 4
                refused = dataset == "civil_facilities" and month.month == 2
                day = next_month(month).replace(day=8 if late else 3)
                status = "missing" if missing else "refused" if refused else "late" if late else "on_time"
                counts = (0, 0, 0, 0, 0) if missing or refused else (412, 400, 6, 3, 3)
                rows.append({
                    "supplier_id": supplier_id, "supplier_name": name,
                    "covered_codes": supplier_id.removeprefix("grid_") if supplier_id.startswith("grid_") else COUNTY,
                    "dataset": dataset, "period": month,
                    "due_date": next_month(month).replace(day=5),
                    "received_at": None if missing else datetime(day.year, day.month, day.day, 2, 0),
                    "delivery_status": status, "is_correction_refused": dataset == "grid_residents" and month.month == 6,
                    "is_gap": refused, "communities_expected": 4 if dataset == "grid_grids" else None,
                    "communities_delivered": _delivered(dataset, month, missing=missing),
                    "versions": 0 if missing else 1,
                    "rows_for_review": 3 if (supplier_id, dataset) == (f"grid_{COUNTY}001", "grid_residents") else 0,
                    **dict(zip(("rows_read", "rows_accepted", "rows_quarantined", "rows_duplicate", "rows_skipped"),
                               counts, strict=True)),
                    "refusal_zh": "没有可识别的表头" if refused else None,
                    "refusal_en": "no header row was found" if refused else None,
                })  # fmt: skip
    return rows


def _delivered(dataset: str, month: date, *, missing: bool) -> int | None:
    """Communities in the file: of the four of each street one is not there in March."""
    if dataset != "grid_grids" or missing:
        return None
    return 3 if month.month == 3 else 4


def quality_rows(shape: Shape) -> list[Row]:
    rules = (
        (
            "grid_residents",
            "id_number.bad_check_digit",
            "error",
            "证件号码校验位错误",
            "the check digit is wrong",
            4,
        ),
        (
            "grid_residents",
            "community_code.exists",
            "error",
            "社区代码不在名册中",
            "the community is not in the register",
            2,
        ),
        (
            "grid_residents",
            "id_number.lower_case_x",
            "warning",
            "校验位小写 x 已改为大写",
            "a lower-case x was read as X",
            3,
        ),
        (
            "grid_disputes",
            "handled_after_accepted",
            "error",
            "办结早于受理",
            "handled before it was accepted",
            1,
        ),
        ("grid_disputes", "key.repeated", "duplicate", "重复行", "the row stands twice", 3),
    )
    return [
        {
            "dataset": dataset, "period": month, "supplier_id": supplier_id, "rule_id": rule, "rule_version": 1,
            "severity": severity, "description_zh": zh, "description_en": en, "rows_checked": 409, "rows_failed": failed,
        }
        for supplier_id, _, datasets in _suppliers(shape)
        for dataset, rule, severity, zh, en, failed in rules
        if dataset in datasets
        for month in MONTHS
    ]  # fmt: skip
