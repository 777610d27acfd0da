"""Departments as units: who is one, and what it is called since when."""

from __future__ import annotations

from datetime import date

import polars as pl

from pipelines.units import with_departments
from pipelines.units.civil import UNITS_SCHEMA

OPENED = date(2016, 7, 31)
COUNTY = {
    "unit_key": "610629@2016-07-31", "unit_code": "610629", "unit_name": "洛川县", "unit_level": "county",
    "valid_from": OPENED, "source": "register",
}  # fmt: skip


def departments(*named: tuple[str | None, str | None, date]) -> list[tuple[object, ...]]:
    units = pl.DataFrame([COUNTY], schema=UNITS_SCHEMA)
    delivered = pl.DataFrame(named, {"unit_code": pl.String, "unit_name": pl.String, "period": pl.Date}, orient="row")
    found = with_departments(units, delivered)
    assert found.schema == UNITS_SCHEMA
    assert found.filter(pl.col("unit_level") == "county").equals(units)
    return found.filter(pl.col("unit_level") == "department").select(
        "unit_key", "unit_code", "unit_name", "parent_unit_key", "parent_code", "valid_from", "valid_to"
    ).rows()  # fmt: skip


def test_what_assessments_name_with_a_d_is_a_department_of_the_county() -> None:
    january = date(2026, 1, 1)
    named = departments(("D002", "民政局", january), ("610629101", "凤栖街道", january), (None, "教育局", january), ("D003", None, january))
    assert named == [("D002@2016-07-31", "D002", "民政局", "610629@2016-07-31", "610629", OPENED, None)]
    assert departments() == []


def test_a_name_holds_until_a_later_delivery_states_another_and_silence_changes_nothing() -> None:
    months = [date(2026, month, 1) for month in range(1, 5)]
    named = departments(
        ("D001", "城管局", months[0]), ("D001", "城管局", months[0]), ("D001", "城管局", months[1]),
        ("D001", "城市管理局", months[3]), ("D002", "民政局", months[2]),
    )  # fmt: skip
    assert [(key, name, begins, ends) for key, _, name, _, _, begins, ends in named] == [
        ("D001@2016-07-31", "城管局", OPENED, months[3]),
        ("D001@2016-07-31", "城市管理局", months[3], None),
        ("D002@2016-07-31", "民政局", OPENED, None),
    ]
