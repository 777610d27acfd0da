"""Departments of the county: no areas, but units that are assessed and handle events.

Belongs here: which there are, and what they are called since when. Does not belong here: what counts for them.
"""

from __future__ import annotations

import polars as pl

from pipelines.units.civil import UNITS_SCHEMA


def with_departments(units: pl.DataFrame, assessments: pl.DataFrame) -> pl.DataFrame:
    """`units` of one county, with the departments that its annual assessments name, under the county.

    `assessments`: accepted rows of civil_assessments of all current batches; D and three digits is a department's code.
    A department is in force as early as the county is; its name holds until a later delivery states another. One that
    a delivery does not name goes on, as a community does.
    """
    county = units.filter(pl.col("unit_level") == "county").sort("valid_from").head(1)
    named = (
        assessments.filter(pl.col("unit_code").str.starts_with("D") & pl.col("unit_name").is_not_null())
        .select("unit_code", "unit_name", "period")
        .sort("unit_code", "period", "unit_name")
        .unique(["unit_code", "period"], keep="first", maintain_order=True)
        .filter(pl.col("unit_name").ne_missing(pl.col("unit_name").shift(1).over("unit_code")))
        .join(county.select("valid_from", "unit_key", parent_code="unit_code"), how="cross")
    )
    is_first = pl.col("period") == pl.col("period").min().over("unit_code")
    dated = named.with_columns(
        pl.format("{}@{}", "unit_code", pl.col("valid_from").dt.to_string("%Y-%m-%d")).alias("department_key"),
        pl.when(is_first).then("valid_from").otherwise("period").alias("valid_from"),
    ).with_columns(pl.col("valid_from").shift(-1).over("unit_code").alias("valid_to"))
    stated = {
        "unit_key": pl.col("department_key"),
        "unit_level": pl.lit("department"),
        "parent_unit_key": pl.col("unit_key"),
        "source": pl.lit("civil"),
    } | {name: pl.col(name) for name in ("unit_code", "unit_name", "parent_code", "valid_from", "valid_to")}
    departments = dated.select(stated.get(name, pl.lit(None)).alias(name) for name in UNITS_SCHEMA).cast(dict(UNITS_SCHEMA))  # type: ignore[arg-type]
    return pl.concat([units, departments]).sort("unit_code", "valid_from", "unit_key")
