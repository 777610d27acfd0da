"""The county's own register of communities laid over the reference register: the `units` control table.

Belongs here: from when which attributes hold, streets and county above the communities, units in force.
Does not belong here: which delivered community is which unit (see `identity`), the reference register.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import polars as pl

from pipelines.units.identity import Delivered, Registered, Timeline, Version
from pipelines.units.names import clean_name, name_stem
from pipelines.units.releases import DIGITS

UNITS_SCHEMA = pl.Schema(
    {
        "unit_key": pl.String(),
        "unit_code": pl.String(),
        "unit_name": pl.String(),
        "unit_level": pl.String(),
        "parent_unit_key": pl.String(),
        "parent_code": pl.String(),
        "street_code": pl.String(),
        "class": pl.String(),
        "city_class": pl.String(),
        "is_adjusted": pl.Boolean(),
        "opened_date": pl.Date(),
        "valid_from": pl.Date(),
        "valid_to": pl.Date(),
        "source": pl.String(),
    }
)
_VERSION_SCHEMA = pl.Schema(
    {
        "unit_key": pl.String(),
        "unit_code": pl.String(),
        "unit_name": pl.String(),
        "street_code": pl.String(),
        "class": pl.String(),
        "city_class": pl.String(),
        "is_adjusted": pl.Boolean(),
        "opened_date": pl.Date(),
        "valid_from": pl.Date(),
        "period": pl.Date(),
    }
)
_CONTENT = [
    "name", "street_code", "class", "city_class", "adjusted", "opened_date", "closed_date", "change_kind", "predecessors",
]  # fmt: skip
_LEVEL_NUMBERS = {"county": 3, "street": 4}


def merge_civil_register(register: pl.DataFrame, civil: pl.DataFrame) -> pl.DataFrame:
    """The units of a county through time, one row per unit × version, sorted by code and date.

    `register`: from `build_register`, empty for a county that the reference does not hold. `civil`: accepted
    rows of civil_communities of all current batches, columns as its contract plus `period`. The result does
    not depend on the order of rows.

    Attributes hold from the first day of the month whose delivery first shows them until a later delivery
    shows others; a month without delivery changes nothing, nor does a community missing from one. A known
    code with an equal name is the same unit. Under another name it is the same unit renamed, unless the row
    states a change (change_kind, predecessor_codes) that says otherwise. An unknown code is a new unit, keyed
    and in force from its opened_date (not before its street, nor while its code was another unit's).
    closed_date is the first day on which a unit is no longer in force. Streets and the county that the
    register does not hold follow from the codes and are named by them. A county has no parent here.
    source: register or civil.
    """
    rows = _delivered(civil)
    above = {level: _parents(register, rows, level) for level in ("county", "street")}
    starts = above["street"].group_by("unit_code").agg(pl.col("valid_from").min())
    timeline = Timeline(_registered(register, rows), _stems_of_predecessors(rows), dict(starts.iter_rows()))
    timeline.follow(Delivered(*row) for row in _changed(rows).iter_rows())
    communities = _communities(register, timeline.versions, timeline.ends)
    streets = _under(above["street"], above["county"])
    return (
        pl.concat([above["county"].select(list(UNITS_SCHEMA)), streets, _under(communities, streets)])
        .cast(UNITS_SCHEMA)
        .sort("unit_code", "valid_from", "unit_key")
    )


def units_in_force(units: pl.DataFrame, day: date) -> pl.DataFrame:
    """The units and versions in force on a day: at most one row per code."""
    return units.filter(
        (pl.col("valid_from") <= day) & (pl.col("valid_to").is_null() | (pl.col("valid_to") > day))
    )


def covered(units: pl.DataFrame, prefixes: Iterable[str]) -> pl.DataFrame:
    """The units that lie in the subtrees of these code prefixes."""
    return units.filter(
        pl.any_horizontal(pl.lit(False), *(pl.col("unit_code").str.starts_with(p) for p in prefixes))
    )


def _delivered(civil: pl.DataFrame) -> pl.DataFrame:
    """Deliveries in time order, one row per period × code, with the fields that `Delivered` names."""
    predecessors = pl.col("predecessor_codes").fill_null([]).list.sort().list.join("、")
    return (
        civil.filter(pl.col("period").is_not_null() & pl.col("code").is_not_null())
        .select(
            "period",
            "code",
            pl.coalesce("name", "code").alias("name"),
            pl.coalesce("street_code", pl.col("code").str.slice(0, DIGITS[4])).alias("street_code"),
            "class",
            "city_class",
            "adjusted",
            "opened_date",
            "closed_date",
            "change_kind",
            predecessors.alias("predecessors"),
        )
        .sort("period", "code", *_CONTENT)
        .unique(["period", "code"], keep="first", maintain_order=True)
        .with_columns(name_stem(clean_name(pl.col("name")), 5).alias("stem"))
    )


def _changed(rows: pl.DataFrame) -> pl.DataFrame:
    """The deliveries that differ from the code's delivery before, or follow a month that missed it."""
    before = {name: pl.col(name).shift(1).over("code") for name in ("period", *_CONTENT)}
    is_stated = (pl.col("change_kind").is_not_null() | (pl.col("predecessors") != "")) & (
        before["period"].is_null()
        | pl.col("change_kind").ne_missing(before["change_kind"])
        | pl.col("predecessors").ne_missing(before["predecessors"])
    )
    differs = pl.any_horizontal(pl.col(name).ne_missing(before[name]) for name in _CONTENT)
    has_gap = pl.col("period").dt.offset_by("-1mo").ne_missing(before["period"])
    return (
        rows.sort("code", "period")
        .with_columns(is_stated.alias("is_change_stated"), before["period"].alias("last_period"))
        .filter(differs | has_gap)
        .sort("period", "code")
        .select(
            "period", "code", "name", "stem", "street_code", "class", "city_class", "adjusted", "opened_date",
            "closed_date", "change_kind",
            pl.when(pl.col("predecessors") == "").then([]).otherwise(pl.col("predecessors").str.split("、")),
            "last_period", "is_change_stated",
        )
    )  # fmt: skip


def _predecessor_codes(rows: pl.DataFrame) -> pl.Series:
    return rows.get_column("predecessors").unique().str.split("、").explode().unique()


def _stems_of_predecessors(rows: pl.DataFrame) -> dict[tuple[date, str], str]:
    """Stem by (period, code) of the rows delivered as open whose code some row names as a predecessor."""
    is_open = pl.col("closed_date").is_null() | (pl.col("closed_date") > pl.col("period").dt.month_end())
    named = rows.filter(is_open & pl.col("code").is_in(_predecessor_codes(rows).implode()))
    return {(period, code): stem for period, code, stem in named.select("period", "code", "stem").iter_rows()}


def _registered(register: pl.DataFrame, rows: pl.DataFrame) -> list[Registered]:
    """All register versions of the units that ever had a delivered code or one named as a predecessor."""
    codes = pl.concat([rows.get_column("code"), _predecessor_codes(rows)]).unique()
    communities = register.filter(pl.col("unit_level") == "community")
    keys = communities.filter(pl.col("unit_code").is_in(codes.implode())).get_column("unit_key").unique()
    versions = communities.filter(pl.col("unit_key").is_in(keys.implode())).select(
        "unit_key", "unit_code", name_stem(clean_name(pl.col("unit_name")), 5), "valid_from", "valid_to"
    )
    return [Registered(*row) for row in versions.sort("unit_code", "valid_from").iter_rows()]


def _parents(register: pl.DataFrame, rows: pl.DataFrame, level: str) -> pl.DataFrame:
    """Streets, or the county, with what the register lacks derived from the delivered codes.

    A parent is in force as early as its communities are delivered; one that the register does not hold, or
    holds no longer, begins with them.
    """
    number = _LEVEL_NUMBERS[level]
    first_seen = rows.group_by(pl.col("street_code").str.slice(0, DIGITS[number]).alias("unit_code")).agg(
        pl.col("period").min().alias("first_period"), pl.col("opened_date").min().alias("first_opened")
    )
    known = _as_units(register.filter(pl.col("unit_level") == level)).sort("unit_code", "valid_from")
    begins = pl.col("valid_from")
    known = known.join(first_seen, on="unit_code", how="left").with_columns(
        pl.when(pl.all_horizontal(begins == begins.min().over(name) for name in ("unit_code", "unit_key")))
        .then(pl.min_horizontal("valid_from", "first_period"))
        .otherwise("valid_from")
        .alias("valid_from")
    )
    last = known.group_by("unit_code").agg(
        pl.col("valid_to").max().alias("ended"), pl.col("valid_to").is_null().any().alias("is_open")
    )
    missing = first_seen.join(last, on="unit_code", how="left").filter(~pl.col("is_open").fill_null(False))
    start = pl.max_horizontal("first_period", "ended")
    derived = missing.select(
        pl.format("{}@{}", "unit_code", start.dt.to_string("%Y-%m-%d")).alias("unit_key"),
        "unit_code",
        pl.col("unit_code").alias("unit_name"),
        pl.lit(level).alias("unit_level"),
        pl.when(pl.col("ended").is_null())
        .then(pl.min_horizontal(start, "first_opened"))
        .otherwise(start)
        .alias("valid_from"),
        pl.lit("civil").alias("source"),
    )
    units = pl.concat([known.select(list(UNITS_SCHEMA)), derived], how="diagonal")
    if level == "county":
        return units.with_columns(
            pl.lit(None, pl.String).alias(name) for name in ("parent_unit_key", "parent_code")
        )
    return units.with_columns(
        pl.col("unit_code").alias("street_code"),
        pl.col("unit_code").str.slice(0, DIGITS[3]).alias("parent_code"),
    )


def _as_units(register: pl.DataFrame) -> pl.DataFrame:
    """Register rows as units whose civil attributes are unknown."""
    missing = {name: kind for name, kind in UNITS_SCHEMA.items() if name not in register.columns}
    return register.with_columns(
        *(pl.lit(None, kind).alias(name) for name, kind in missing.items() if name != "source"),
        pl.lit("register").alias("source"),
    ).select(list(UNITS_SCHEMA))


def _communities(register: pl.DataFrame, versions: list[Version], ends: dict[str, date]) -> pl.DataFrame:
    """Communities of both sources: the deliveries take over from the register where they begin."""
    civil = pl.DataFrame(versions, schema=_VERSION_SCHEMA, orient="row").sort(
        "unit_key", "valid_from", "period"
    )
    classes = (
        register.sort("valid_from")
        .group_by("unit_key", maintain_order=True)
        .agg(pl.col("class").drop_nulls().last().alias("known_class"))
    )
    civil = civil.unique(["unit_key", "valid_from"], keep="last", maintain_order=True)
    civil = civil.join(classes, on="unit_key", how="left", maintain_order="left").with_columns(
        pl.coalesce("class", "known_class").alias("class"),
        pl.lit("community").alias("unit_level"),
        pl.lit("civil").alias("source"),
        pl.lit(None, pl.Date).alias("valid_to"),
        pl.col("street_code").alias("parent_code"),
        pl.lit(None, pl.String).alias("parent_unit_key"),
    )
    content = [name for name in UNITS_SCHEMA if name not in ("valid_from", "valid_to")]
    repeats = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift(1)) for name in content)
    civil = civil.filter(~repeats).select(list(UNITS_SCHEMA))
    known = _as_units(register.filter(pl.col("unit_level") == "community")).with_columns(
        pl.col("parent_code").alias("street_code")
    )
    first_of_unit = civil.group_by("unit_key").agg(pl.col("valid_from").min().alias("unit_start"))
    first_of_code = civil.group_by("unit_code").agg(pl.col("valid_from").min().alias("code_start"))
    known = (
        known.join(first_of_unit, on="unit_key", how="left")
        .join(first_of_code, on="unit_code", how="left")
        .filter(pl.col("valid_from") < pl.min_horizontal("unit_start", "code_start").fill_null(date.max))
        .with_columns(pl.min_horizontal("valid_to", "unit_start"))
    )
    return _clip(pl.concat([known.select(list(UNITS_SCHEMA)), civil]), ends)


def _clip(units: pl.DataFrame, ends: dict[str, date]) -> pl.DataFrame:
    """Ends each version where its unit's next begins, its code is another's, or its unit ends."""
    ended = pl.col("unit_key").replace_strict(ends, default=None, return_dtype=pl.Date)
    units = units.sort("unit_key", "valid_from").with_columns(
        pl.min_horizontal("valid_to", pl.col("valid_from").shift(-1).over("unit_key"), ended)
    )
    units = units.filter(pl.col("valid_to").is_null() | (pl.col("valid_from") < pl.col("valid_to")))
    units = units.sort("unit_code", "valid_from", "unit_key").with_columns(
        pl.min_horizontal("valid_to", pl.col("valid_from").shift(-1).over("unit_code"))
    )
    return units.filter(pl.col("valid_to").is_null() | (pl.col("valid_from") < pl.col("valid_to")))


def _under(units: pl.DataFrame, parents: pl.DataFrame) -> pl.DataFrame:
    """Fills parent_unit_key: the parent in force when a version begins, else the nearest one of that code."""
    holders = parents.select(
        pl.col("unit_code").alias("parent_code"),
        pl.col("unit_key").alias("parent"),
        pl.col("valid_from").alias("begins"),
    ).sort("begins")
    rows = units.drop("parent_unit_key").sort("valid_from")
    before = rows.join_asof(
        holders, left_on="valid_from", right_on="begins", by="parent_code", check_sortedness=False
    )
    after = holders.unique("parent_code", keep="first", maintain_order=True).select(
        "parent_code", pl.col("parent").alias("first_parent")
    )
    return (
        before.join(after, on="parent_code", how="left")
        .with_columns(pl.coalesce("parent", "first_parent").alias("parent_unit_key"))
        .select(list(UNITS_SCHEMA))
    )
