"""Grids: the parts that grid management divides a community into, as units under it.

Belongs here: which there are, since when and until when. Does not belong here: which rows count in them (see dbt).
"""

from __future__ import annotations

import polars as pl

from pipelines.county import County
from pipelines.units.civil import UNITS_SCHEMA
from pipelines.units.names import clean_name, name_stem
from pipelines.units.releases import DIGITS

# A grid is numbered inside its community: 610629001001-003.
_COMMUNITY, _NUMBER = pl.col("grid_code").str.slice(0, DIGITS[5]), pl.col("grid_code").str.slice(DIGITS[5] + 1)
_GRID = ["community_key", "number"]


def with_grids(units: pl.DataFrame, delivered: pl.DataFrame, passing: pl.DataFrame, county: County) -> pl.DataFrame:
    """`units` of one county, with the general grids of its communities.

    `delivered`: all rows of grid_grids of all current batches, `passing`: those that pass the rules inside their file;
    columns as the contract's plus `period`. General grids alone are units: they divide a community, the specialised
    ones lie across them. One that a passing row ever named as general is one in every month; a row that is refused for
    something else still shows that its grid is there.

    A grid is its number in its community, so it goes on where that is renamed or gets another code. Where the first list of
    the community's grids has it, it is as old as what the register says of the community then, else it begins with the
    month that first lists it; it ends with the first list after the last that has it. A month without a list changes
    nothing. Class and street are those of the community.
    """
    communities = units.filter(pl.col("unit_level") == "community")
    seen = _placed(_within(delivered, county), communities)
    general = _placed(_within(passing.filter(pl.col("kind") == "general"), county), communities)
    listed = seen.group_by("community_key").agg(pl.col("period").min().alias("first_list"))
    known = (
        seen.join(general, on=_GRID, how="semi")
        .group_by(_GRID)
        .agg(pl.col("period").min().alias("first"), pl.col("period").max().alias("last"))
    )
    ended = (
        known.join(seen.select("community_key", "period").unique(), on="community_key")
        .filter(pl.col("period") > pl.col("last"))
        .group_by(_GRID)
        .agg(pl.col("period").min().alias("end"))
    )
    is_new = pl.col("first") > pl.col("first_list")
    versions = (
        communities.rename({"unit_key": "community_key"})
        .join(known.join(listed, on="community_key").join(ended, on=_GRID, how="left"), on="community_key")
        .filter(pl.col("valid_to").is_null() | (pl.col("valid_to") > pl.col("first")))
        .with_columns(
            pl.when(is_new).then(pl.max_horizontal("valid_from", "first")).otherwise("valid_from").alias("valid_from"),
            pl.when(is_new).then("first").otherwise("opened_date").alias("opened_date"),
            pl.min_horizontal("valid_to", "end").alias("valid_to"),
        )
        .filter(pl.col("valid_to").is_null() | (pl.col("valid_from") < pl.col("valid_to")))
        .with_columns(pl.format("{}-{}", "unit_code", "number").alias("grid_code"))
        .sort(*_GRID, "valid_from")
    )
    stem = name_stem(clean_name(pl.col("unit_name")), 5)
    key = pl.format("{}@{}", pl.col("grid_code").first(), pl.col("valid_from").first().dt.to_string("%Y-%m-%d"))
    stated = {
        "unit_key": key.over(_GRID),
        "unit_code": pl.col("grid_code"),
        "unit_name": pl.format("{}第{}网格", stem, pl.col("number").str.strip_chars_start("0")),
        "unit_level": pl.lit("grid"),
        "parent_unit_key": pl.col("community_key"),
        "parent_code": pl.col("unit_code"),
        "source": pl.lit("grid"),
    }
    grids = versions.select(stated.get(name, pl.col(name)).alias(name) for name in UNITS_SCHEMA)
    return pl.concat([units, grids.cast(dict(UNITS_SCHEMA))]).sort("unit_code", "valid_from", "unit_key")  # type: ignore[arg-type]


def _within(rows: pl.DataFrame, county: County) -> pl.DataFrame:
    """The rows with a grid in the area of who delivered them."""
    covers = pl.DataFrame(
        [(supplier.id, prefix) for supplier in county.suppliers for prefix in supplier.covers],
        {"supplier_id": pl.String, "prefix": pl.String}, orient="row",
    )  # fmt: skip
    return (
        rows.filter(pl.col("grid_code").is_not_null())
        .select("period", "supplier_id", "grid_code")
        .join(covers, on="supplier_id")
        .filter(pl.col("grid_code").str.starts_with(pl.col("prefix")))
        .drop("prefix")
        .unique()
    )


def _placed(rows: pl.DataFrame, communities: pl.DataFrame) -> pl.DataFrame:
    """period, community_key and number of the grids whose community was in force at the end of the month."""
    ends = pl.col("period").dt.month_end()
    return (
        rows.with_columns(_COMMUNITY.alias("unit_code"), _NUMBER.alias("number"))
        .join(communities.select("unit_code", "valid_from", "valid_to", community_key="unit_key"), on="unit_code")
        .filter((pl.col("valid_from") <= ends) & (pl.col("valid_to").is_null() | (pl.col("valid_to") > ends)))
        .select("period", *_GRID)
        .unique()
    )
