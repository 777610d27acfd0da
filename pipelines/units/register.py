"""The dated register of units: which code of one release is the same unit as which code of the next.

Belongs here: identity between consecutive releases, unit keys, validity. Does not belong here: reading
releases (see `releases`), what the county's own register of communities says (see `civil`).

A change is dated with the first release that shows it: when between two releases it happened is not known.
"""

from __future__ import annotations

from datetime import date
from itertools import pairwise

import polars as pl

from pipelines.units.names import clean_name, name_stem
from pipelines.units.releases import DIGITS, RELEASE_SCHEMA

LEVELS = {1: "province", 2: "city", 3: "county", 4: "street", 5: "community"}
REGISTER_SCHEMA = pl.Schema(
    {
        "unit_key": pl.String(),
        "unit_code": pl.String(),
        "unit_name": pl.String(),
        "unit_level": pl.String(),
        "parent_code": pl.String(),
        "parent_unit_key": pl.String(),
        "class": pl.String(),
        "valid_from": pl.Date(),
        "valid_to": pl.Date(),
        "change_kind": pl.String(),
        "matched_by": pl.String(),
        "previous_code": pl.String(),
        "previous_name": pl.String(),
        "previous_holder_key": pl.String(),
    }
)
_VERSIONED = ["code", "name", "parent_code", "parent_unit_key", "class"]


def build_register(releases: pl.DataFrame) -> pl.DataFrame:
    """The dated unit register, one row per unit × version, sorted by code and date.

    `releases`: one row per release × code, as `load_releases`; any number of releases, in any row order.
    unit_key is the first code + '@' + the first release date. valid_to is exclusive, null while in force.
    class (urban, town, rural; null unknown) follows from the urban-rural code and is carried forward.
    change_kind: first (in the first release), new, code_reused (new, under a code that another unit held:
    previous_holder_key), recoded, renamed, reclassified; previous_code and previous_name are the unit's own
    before the change. matched_by says what made it the same unit: code_and_name, name_in_parent,
    name_in_grandparent, code. A unit whose parent is not in the release has no parent_unit_key.
    ValueError where a code stands twice in one release.
    """
    rows = _prepare(releases)
    dates = rows.get_column("release_date").unique().sort().to_list()
    if not dates:
        return REGISTER_SCHEMA.to_frame()
    by_date = {day: rows.filter(pl.col("release_date") == day) for day in dates}
    states = [_found(by_date[dates[0]])]
    for following in dates[1:]:
        states.append(_continue(states[-1], by_date[following]))
    return _versions(pl.concat(states), dates)


def _prepare(releases: pl.DataFrame) -> pl.DataFrame:
    """Releases with cleaned name, stem, class, parent code and the codes' uniqueness checked."""
    rows = releases.select(list(RELEASE_SCHEMA)).with_columns(clean_name(pl.col("name")).alias("clean"))
    repeated = rows.filter(pl.len().over("code", "release_date") > 1)
    if not repeated.is_empty():
        raise ValueError(
            f"codes that stand twice in one release: {repeated.get_column('code').head(3).to_list()}"
        )
    return pl.concat(
        rows.filter(pl.col("level") == level).select(
            "release_date",
            "code",
            "level",
            "name",
            "clean",
            name_stem(pl.col("clean"), level).alias("stem"),
            (pl.col("code").str.slice(0, DIGITS[level - 1]) if level > 1 else pl.lit(None, pl.String)).alias(
                "parent_code"
            ),
            _class(pl.col("ur_code")),
        )
        for level in LEVELS
    )


def _class(ur_code: pl.Expr) -> pl.Expr:
    """The class of a community by its urban-rural code (GB: 11x urban, 12x town, 2xx rural)."""
    urban, town, rural = (ur_code.str.starts_with(digits) for digits in ("11", "12", "2"))
    kind = (
        pl.when(urban).then(pl.lit("urban")).when(town).then(pl.lit("town")).when(rural).then(pl.lit("rural"))
    )
    return kind.alias("class")


def _own_key() -> pl.Expr:
    return pl.format("{}@{}", "code", pl.col("release_date").dt.to_string("%Y-%m-%d"))


def _found(release: pl.DataFrame) -> pl.DataFrame:
    """The first release: every code is a unit of its own."""
    rows = release.with_columns(
        _own_key().alias("unit_key"),
        pl.lit(None, pl.String).alias("matched_by"),
        pl.lit(None, pl.String).alias("previous_holder_key"),
    )
    return _with_parents(rows)


def _with_parents(rows: pl.DataFrame) -> pl.DataFrame:
    """Adds the unit keys of the parent and of the parent's parent in the same release."""
    keys = rows.select(pl.col("code").alias("parent_code"), pl.col("unit_key").alias("parent_unit_key"))
    rows = rows.join(keys, on="parent_code", how="left")
    above = rows.select(
        pl.col("code").alias("parent_code"), pl.col("parent_unit_key").alias("grandparent_unit_key")
    )
    return rows.join(above, on="parent_code", how="left")


def _continue(old: pl.DataFrame, release: pl.DataFrame) -> pl.DataFrame:
    """The next release with the unit of each code, level by level, because places are compared by unit."""
    parents = pl.DataFrame(
        schema={"parent_code": pl.String, "parent_unit_key": pl.String, "grandparent_unit_key": pl.String}
    )
    done = []
    for level in LEVELS:
        new = release.filter(pl.col("level") == level).join(parents, on="parent_code", how="left")
        known = _match(old.filter(pl.col("level") == level), new)
        holders = old.select("code", pl.col("unit_key").alias("holder"))
        new = new.join(known, on="code", how="left").join(holders, on="code", how="left")
        new = new.with_columns(
            pl.coalesce("unit_key", _own_key()).alias("unit_key"),
            pl.when(pl.col("unit_key").is_null()).then("holder").alias("previous_holder_key"),
        ).drop("holder")
        parents = new.select(
            pl.col("code").alias("parent_code"),
            pl.col("unit_key").alias("parent_unit_key"),
            pl.col("parent_unit_key").alias("grandparent_unit_key"),
        )
        done.append(new.select(old.columns))
    return pl.concat([*done, _not_covered(old, release)])


def _not_covered(old: pl.DataFrame, release: pl.DataFrame) -> pl.DataFrame:
    """Units of provinces that the next release leaves out altogether: they go on as they were."""
    province = pl.col("code").str.slice(0, DIGITS[1])
    as_of = release.get_column("release_date").first()
    return old.join(
        release.select(province).unique(), left_on=province, right_on="code", how="anti"
    ).with_columns(pl.lit(as_of, pl.Date).alias("release_date"))


def _match(old: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """code (of the new release), unit_key (of the old one) and matched_by, for the units that go on.

    In this order, each over what is still unmatched on both sides: same code and stem; same name, then same
    stem, inside the same parent unit, where that is unambiguous; the same inside the grandparent, where the
    name is unique in it in both whole releases; same code inside the same parent, which is a renaming unless
    the old name or the new one lives on, or lived, under another code there.
    """
    found = [_pair(old, new, ["code", "stem"], "code_and_name")]
    left_old, left_new = _without(old, new, found[-1])
    for place, how in (
        ("parent_unit_key", "name_in_parent"),
        ("grandparent_unit_key", "name_in_grandparent"),
    ):
        for text in ("clean", "stem"):
            by = [place, text]
            is_wide = place == "grandparent_unit_key"
            candidates = _unique_in(left_old, old if is_wide else left_old, by)
            found.append(_pair(candidates, _unique_in(left_new, new if is_wide else left_new, by), by, how))
            left_old, left_new = _without(left_old, left_new, found[-1])
    place_and_stem = ["parent_unit_key", "stem"]
    gone = left_old.join(left_new, on=place_and_stem, how="anti", nulls_equal=True)
    came = left_new.join(left_old, on=place_and_stem, how="anti", nulls_equal=True)
    found.append(_pair(gone, came, ["parent_unit_key", "code"], "code"))
    return pl.concat(found)


def _pair(old: pl.DataFrame, new: pl.DataFrame, by: list[str], how: str) -> pl.DataFrame:
    codes = new.select("code", *(name for name in by if name != "code"))
    pairs = codes.join(old.select(*by, "unit_key"), on=by, how="inner", nulls_equal=True)
    return pairs.select("code", "unit_key", pl.lit(how).alias("matched_by"))


def _without(old: pl.DataFrame, new: pl.DataFrame, pairs: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    return old.join(pairs, on="unit_key", how="anti"), new.join(pairs, on="code", how="anti")


def _unique_in(rows: pl.DataFrame, whole: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    """The rows whose `by` occurs once in `whole`."""
    once = whole.group_by(by).len().filter(pl.col("len") == 1)
    return rows.join(once, on=by, how="semi", nulls_equal=True)


def _versions(states: pl.DataFrame, dates: list[date]) -> pl.DataFrame:
    """Runs of releases in which nothing about a unit changed, each with its validity and its kind of change."""
    next_release = dict(pairwise(dates))
    unit = pl.col("unit_key")
    rows = states.sort("unit_key", "release_date").with_columns(
        pl.col("class").forward_fill().over("unit_key"),
        (unit != unit.shift(1)).fill_null(True).alias("is_first"),
        pl.col("release_date").max().over("unit_key").alias("last_seen"),
    )
    changed = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift(1)) for name in _VERSIONED)
    is_same_unit = ~pl.col("is_first")
    rows = rows.filter(pl.col("is_first") | changed).with_columns(
        pl.when(is_same_unit).then(pl.col("code").shift(1)).alias("previous_code"),
        pl.when(is_same_unit).then(pl.col("name").shift(1)).alias("previous_name"),
        pl.when(~pl.col("is_first").shift(-1)).then(pl.col("release_date").shift(-1)).alias("next_version"),
    )
    change_kind = (
        pl.when(is_same_unit & (pl.col("code") != pl.col("previous_code")))
        .then(pl.lit("recoded"))
        .when(is_same_unit & (pl.col("name") != pl.col("previous_name")))
        .then(pl.lit("renamed"))
        .when(is_same_unit)
        .then(pl.lit("reclassified"))
        .when(pl.col("release_date") == dates[0])
        .then(pl.lit("first"))
        .when(pl.col("previous_holder_key").is_not_null())
        .then(pl.lit("code_reused"))
        .otherwise(pl.lit("new"))
    )
    ended = pl.col("last_seen").replace_strict(next_release, default=None, return_dtype=pl.Date)
    return rows.select(
        "unit_key",
        pl.col("code").alias("unit_code"),
        pl.col("name").alias("unit_name"),
        pl.col("level").replace_strict(LEVELS, return_dtype=pl.String).alias("unit_level"),
        "parent_code",
        "parent_unit_key",
        "class",
        pl.col("release_date").alias("valid_from"),
        pl.coalesce("next_version", ended).alias("valid_to"),
        change_kind.alias("change_kind"),
        "matched_by",
        "previous_code",
        "previous_name",
        "previous_holder_key",
    ).sort("unit_code", "valid_from")
