"""What only a steward looks at: signals and estimates."""

from __future__ import annotations

from tests.support.edition.shapes import MONTHS, Row, Unit


def signal_rows(units: list[Unit]) -> list[Row]:
    """Two in June: a community whose figure jumped, and the county's values that bunch."""
    county = next(unit for unit in units if unit.level == "county")
    community = next(unit for unit in reversed(units) if unit.level == "community")
    common = {"period_type": "month", "period": MONTHS[-1], "supplier_id": None, "dataset": None}
    return [
        common | {
            "signal": "jump", "unit_key": community.key, "unit_code": community.code, "unit_level": "community",
            "kpi_id": "temporary_resident_registration_rate", "observed": 102.0, "expected": 51.0, "score": 9.5,
            "threshold": 5.0, "explanation_zh": "暂住人口登记率的分母由上月的51变为102。请核对是否重复。",
            "explanation_en": "The denominator of Temporary residents registered went from 51 to 102. Check for repeats.",
        },
        common | {
            "signal": "bunching", "unit_key": county.key, "unit_code": county.code, "unit_level": "county",
            "kpi_id": "dispute_mediation_success_rate", "observed": 25.0, "expected": 16.28, "score": 2.9,
            "threshold": 2.326, "explanation_zh": "25个社区中25个刚好达到目标。请抽查。",
            "explanation_en": "Of 25 communities 25 lie just above the target. Check a sample.",
        },
    ]  # fmt: skip


def estimate_rows(units: list[Unit]) -> list[Row]:
    """The county 360 of 340 listed, each month; of the last street too few people are on both lists."""
    streets = [unit for unit in units if unit.level in ("county", "street")]
    rows: list[Row] = []
    for unit in streets:
        few = unit is streets[-1]
        known = {"estimate": None, "low": None, "high": None, "unseen": None} if few else {
            "estimate": 360.4, "low": 344.0, "high": 391.8, "unseen": 20.4,
        }  # fmt: skip
        rows += [
            {"unit_key": unit.key, "unit_code": unit.code, "unit_level": unit.level, "month": month, "n1": 5 if few else 300,
             "n2": 4 if few else 280, "m": 3 if few else 240, "left_out": 2, **known}
            for month in MONTHS
        ]  # fmt: skip
    return rows
