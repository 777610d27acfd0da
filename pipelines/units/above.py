"""The city and the province of the county, where some supplier delivers for more than the county.

Belongs here: which of the two exist as units, and since when. Does not belong here: the county and what lies under it
(see `civil`), which rows count in them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import polars as pl

from pipelines.units.civil import UNITS_SCHEMA
from pipelines.units.releases import DIGITS

_LEVELS = (("province", DIGITS[1]), ("city", DIGITS[2]))


def with_units_above(units: pl.DataFrame, register: pl.DataFrame, prefixes: Iterable[str]) -> pl.DataFrame:
    """`units`, as `merge_civil_register` gives them, with the county's city and province where suppliers cover them.

    `prefixes`: the areas of all suppliers. A unit above the county exists where one of them covers it whole: of a
    province of which only one city is delivered for, nothing can be said. What the register does not hold follows
    from the county's code and is named by it. The county keeps no parent, so that it stays the first of its tree.
    """
    covered = tuple(prefixes)
    counties = units.filter(pl.col("unit_level") == "county")
    county_code = counties.get_column("unit_code").min()
    if not isinstance(county_code, str):
        return units
    above: list[pl.DataFrame] = []
    for level, digits in _LEVELS:
        if county_code[:digits].startswith(covered):
            unit = _unit(register, county_code[:digits], level, counties)
            above.append(_under(unit, above[-1] if above else None))
    if not above:
        return units
    return pl.concat([units, *above]).sort("unit_code", "valid_from", "unit_key")


def _unit(register: pl.DataFrame, code: str, level: str, counties: pl.DataFrame) -> pl.DataFrame:
    """The versions of one unit above the county: in force as early as the county is."""
    begins: date = min(counties.get_column("valid_from").to_list())
    known = register.filter((pl.col("unit_level") == level) & (pl.col("unit_code") == code)).sort("valid_from")
    if known.is_empty():
        known = pl.DataFrame(
            {"unit_key": [f"{code}@{begins}"], "unit_code": [code], "unit_name": [code], "valid_from": [begins]}
        )
    source = "register" if "parent_code" in known.columns else "civil"
    first = pl.col("valid_from") == pl.col("valid_from").min()
    stated = {name: pl.col(name) if name in known.columns else pl.lit(None) for name in UNITS_SCHEMA}
    stated |= {
        "unit_level": pl.lit(level),
        "street_code": pl.lit(None),
        "class": pl.lit(None),
        "valid_from": pl.when(first).then(pl.min_horizontal("valid_from", pl.lit(begins))).otherwise("valid_from"),
        "source": pl.lit(source),
    }
    return known.select(expression.alias(name) for name, expression in stated.items()).cast(dict(UNITS_SCHEMA))  # type: ignore[arg-type]


def _under(unit: pl.DataFrame, parent: pl.DataFrame | None) -> pl.DataFrame:
    own = {} if parent is None else parent.row(-1, named=True)
    return unit.with_columns(
        pl.lit(own.get("unit_key"), pl.String).alias("parent_unit_key"),
        pl.lit(own.get("unit_code"), pl.String).alias("parent_code"),
    )
