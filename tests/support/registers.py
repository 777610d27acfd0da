"""Tiny registers of divisions and of communities, and what tests ask of units that follow from them."""

from __future__ import annotations

from datetime import date

import polars as pl
from hypothesis import strategies as st

from pipelines.units import (
    build_register,
    units_in_force,
)
from pipelines.units.releases import RELEASE_SCHEMA

FIRST, SECOND, THIRD = date(2016, 7, 31), date(2021, 10, 31), date(2023, 6, 30)
ABOVE = {"61": "陕西省", "6106": "延安市", "610629": "洛川县"}
STREETS = {"610629001": "凤栖街道", "610629101": "旧县镇"}
# The streets with two communities.
KNOWN = {**STREETS, "610629001001": "南关社区居委会", "610629001002": "解放路社区居委会"}
LEVEL_BY_DIGITS = {2: 1, 4: 2, 6: 3, 9: 4, 12: 5}
CIVIL_SCHEMA = {
    "period": pl.Date,
    "code": pl.String,
    "name": pl.String,
    "street_code": pl.String,
    "class": pl.String,
    "city_class": pl.String,
    "opened_date": pl.Date,
    "closed_date": pl.Date,
    "adjusted": pl.Boolean,
    "change_kind": pl.String,
    "predecessor_codes": pl.List(pl.String),
    "moved_grids": pl.List(pl.String),
    "moved_households": pl.List(pl.String),
    "document_no": pl.String,
}
# What hypothesis makes registers of: few names and codes, so that they meet.
NAMES = st.sampled_from(["甲", "乙社区", "乙村委会", "丙居委会", "丙村", "丁社区"])
CODES = st.sampled_from([f"61062900100{n}" for n in range(1, 6)] + [f"61062910100{n}" for n in range(1, 3)])


def release(day: date, names: dict[str, str], ur_codes: dict[str, str] | None = None) -> pl.DataFrame:
    """One release: province, city, county and the given streets and communities."""
    rows = [
        (day, code, LEVEL_BY_DIGITS[len(code)], name, (ur_codes or {}).get(code))
        for code, name in {**ABOVE, **names}.items()
    ]
    return pl.DataFrame(rows, schema=RELEASE_SCHEMA, orient="row")


def register_of(*releases: dict[str, str]) -> pl.DataFrame:
    """The register of releases given as code → name of streets and communities."""
    days = (FIRST, SECOND, THIRD)
    return build_register(pl.concat(release(day, names) for day, names in zip(days, releases, strict=False)))


def civil(*rows: dict[str, object]) -> pl.DataFrame:
    """Deliveries of the register of communities; `month` is the period, the street follows from the code."""
    full = []
    for row in rows:
        usual = {"street_code": str(row["code"])[:9], "opened_date": date(2010, 1, 1), "adjusted": False}
        content = {**usual, **{name: value for name, value in row.items() if name != "month"}}
        full.append({**content, "period": date(2026, int(str(row["month"])), 1)})
    return pl.DataFrame(full, schema=CIVIL_SCHEMA)


def versions(units: pl.DataFrame, code: str) -> list[tuple[str, str, date, date | None]]:
    rows = units.filter(pl.col("unit_code") == code).sort("valid_from")
    return list(rows.select("unit_key", "unit_name", "valid_from", "valid_to").iter_rows())


def keys(units: pl.DataFrame, day: date) -> dict[str, str]:
    """code → unit_key of what is in force on a day."""
    return dict(units_in_force(units, day).select("unit_code", "unit_key").iter_rows())


def assert_nothing_overlaps(units: pl.DataFrame) -> None:
    for of in ("unit_code", "unit_key"):
        rows = units.sort(of, "valid_from").with_columns(pl.col("valid_from").shift(-1).over(of).alias("next"))
        overlapping = rows.filter(
            pl.col("next").is_not_null() & (pl.col("valid_to").is_null() | (pl.col("valid_to") > pl.col("next")))
        )
        assert overlapping.is_empty(), overlapping
    assert units.filter(pl.col("valid_to") <= pl.col("valid_from")).is_empty()
