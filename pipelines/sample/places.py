"""The places of a sample county: its units in force, how many people live in each, its grids.

Belongs here: what comes from the division register and the census. Does not belong here: people, files.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from pipelines.errors import WarehouseError, Words
from pipelines.sample.care import USUAL, drawn_care, lacks
from pipelines.sample.chance import Floats, Integers, spread, stream
from pipelines.settings import REFERENCE
from pipelines.units.register import build_register
from pipelines.units.releases import load_releases

HOUSEHOLDS_PER_GRID = 300
# How much likelier a resident of a town is to be registered elsewhere than one of a village.
TEMPORARY_IN_TOWNS = 3.0
NEW_COMMUNITY_SHARE = 0.0015
SHORT_OF_SPECIAL_GRIDS = 0.16
SPECIAL_GRIDS = ("police", "safety", "traffic", "environment_water", "market", "cleaning")


@dataclass(frozen=True)
class Census:
    """The figures of one county that the sample is calibrated on; shares are 0–1."""

    population: int
    household_size: float
    one_person_share: float
    men_per_100_women: float
    urban_share: float
    elsewhere_in_county: float
    elsewhere_in_province: float
    other_province: float
    # ages 0, 1–4, 5–9 … 80–84, 85 and over
    age_shares: tuple[float, ...]

    @property
    def temporary_share(self) -> float:
        return self.elsewhere_in_county + self.elsewhere_in_province + self.other_province

    @property
    def male_share(self) -> float:
        return self.men_per_100_women / (100 + self.men_per_100_women)


# The column of the census table behind each figure (data/reference/README.md).
_CENSUS_COLUMNS = {
    "household_size": "household_size",
    "one_person_share": "one_person_households_share",
    "men_per_100_women": "males_per_100_females",
    "urban_share": "urban_share",
    "elsewhere_in_county": "registered_elsewhere_in_county_share",
    "elsewhere_in_province": "registered_elsewhere_in_province_share",
    "other_province": "registered_outside_province_share",
}
_AGE_COLUMNS = (
    "age_0_share", "age_1_4_share",
    *(f"age_{first}_{first + 4}_share" for first in range(5, 85, 5)), "age_85_and_over_share",
)  # fmt: skip
AGE_EDGES: Integers = np.array([0, 1, *range(5, 90, 5), 100], dtype=np.int64)


@dataclass(frozen=True)
class Places:
    """A county's units in force through the whole sample.

    `communities`: one row per community (code, name, street_code, class, opened_date, adjusted, …, and _care: how it is
    run), by code; the last one opens on `opening`, during the sample, if that is not null.
    """

    county_code: str
    county_name: str
    street_names: dict[str, str]
    communities: pl.DataFrame
    opening: date | None = None

    @property
    def standing(self) -> int:
        """How many communities there are from the beginning; the one after them opens during the sample."""
        return self.communities.height - (self.opening is not None)

    @property
    def codes(self) -> list[str]:
        return self.communities.get_column("code").to_list()

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The place of each community in `codes`."""
        return {code: number for number, code in enumerate(self.codes)}

    @property
    def care(self) -> Integers:
        """How each community is run (see `care`)."""
        return self.communities.get_column("_care").to_numpy()

    @property
    def street_numbers(self) -> Integers:
        """For each community the number (0, 1, …) of its street."""
        numbers = {code: number for number, code in enumerate(self.street_names)}
        return np.array([numbers[code] for code in self.communities["street_code"]], dtype=np.int64)


def county_frame(county_code: str, reference: Path = REFERENCE) -> tuple[pl.DataFrame, Census]:
    """The dated unit register of a county, and its census figures.

    A county whose census figures are not among the reference data gets the mean of those that are, and a
    thousand people to a community. WarehouseError where the register does not hold the county.
    """
    units = build_register(load_releases(county_code, reference))
    communities = units.filter((pl.col("unit_level") == "community") & pl.col("valid_to").is_null())
    if communities.is_empty():
        raise WarehouseError(
            Words("不能为该县生成示例数据", "No sample can be made for this county"),
            where=county_code,
            expected=Words(
                "参考数据的区划中有该县及其社区", "the county and its communities in the reference register"
            ),
            found=Words("没有社区", "no communities"),
            advice=Words(
                "另选一县，或用 generate --register 带入区划",
                "choose another county, or bring a register by generate --register",
            ),
        )
    table = pl.read_csv(REFERENCE / "census_2020.csv", schema_overrides={"county_code": pl.String})
    row = table.filter(pl.col("county_code") == county_code)
    figures = (row if row.height else table).mean().to_dicts()[0]
    return units, Census(
        population=int(figures["population"]) if row.height else 1000 * communities.height,
        age_shares=tuple(float(figures[column]) for column in _AGE_COLUMNS),
        **{field: float(figures[column]) for field, column in _CENSUS_COLUMNS.items()},
    )


def places_of(units: pl.DataFrame, county_code: str, first_day: date, last_day: date, seed: int) -> Places:
    """The places of a county from its dated register, of which only units in force from first to last day count.

    ValueError where the register has no community of this county.
    """
    in_force = (
        pl.col("valid_from") <= first_day,
        pl.col("valid_to").is_null() | (pl.col("valid_to") > last_day),
    )
    here = units.filter(*in_force, pl.col("unit_code").str.starts_with(county_code)).sort("unit_code")
    communities = here.filter(pl.col("unit_level") == "community")
    if communities.is_empty():
        raise ValueError(f"the division register has no communities of county {county_code}")
    names = dict(zip(here["unit_code"], here["unit_name"], strict=True))
    streets = communities.get_column("unit_code").str.slice(0, 9).unique().sort().to_list()
    return Places(
        county_code,
        names.get(county_code, county_code),
        {code: names.get(code, code) for code in streets},
        _as_registered_by_civil_affairs(communities, seed),
    )


def with_new_community(places: Places, opening: date, taken: set[str]) -> Places:
    """The places with one more community, which opens on a day of the sample in the street with the most towns.

    `taken` are all codes that the register ever used. Unchanged where the street has no code left.
    """
    towns = places.communities.with_columns(is_town=pl.col("class") != "rural")
    towns = towns.group_by("street_code").agg(pl.col("is_town").sum(), pl.len())
    street = towns.sort("is_town", "len", "street_code", descending=True).item(0, "street_code")
    free = [f"{street}{number:03d}" for number in range(1, 200) if f"{street}{number:03d}" not in taken]
    if not free:
        return places
    last = [code for code in places.codes if code.startswith(street)][-1]
    row = places.communities.filter(pl.col("code") == last).with_columns(
        code=pl.lit(free[0]),
        name=pl.lit("新苑社区居委会"),
        opened_date=pl.lit(opening),
        adjusted=pl.lit(False),
        change_kind=pl.lit("new"),
        document_no=pl.lit(f"民发〔{opening.year}〕8号"),
        _care=pl.lit(USUAL, pl.Int64),
        **{"class": pl.lit("town")},
    )
    return replace(places, communities=pl.concat([places.communities, row]), opening=opening)


def _as_registered_by_civil_affairs(communities: pl.DataFrame, seed: int) -> pl.DataFrame:
    """What the civil affairs agency adds to the division register: dates, reform, documents."""
    chance = stream(seed, "communities")
    count = communities.height
    opened = [date(1984, 1, 1) + timedelta(days=int(days)) for days in chance.integers(0, 12_000, count)]
    adjusted = chance.random(count) < 0.08
    numbers = chance.integers(1, 200, count)
    return communities.select(
        code="unit_code",
        name="unit_name",
        street_code=pl.col("unit_code").str.slice(0, 9),
        **{"class": pl.coalesce("class", _class_by_name())},
    ).with_columns(
        city_class=pl.lit("other"),
        opened_date=pl.Series(opened, dtype=pl.Date),
        closed_date=pl.lit(None, pl.Date),
        adjusted=pl.Series(adjusted),
        change_kind=pl.Series(
            ["merged" if is_adjusted else None for is_adjusted in adjusted], dtype=pl.String
        ),
        predecessor_codes=pl.lit(None, pl.List(pl.String)),
        document_no=pl.Series(
            [
                f"民发〔2020〕{number}号" if is_adjusted else None
                for is_adjusted, number in zip(adjusted, numbers, strict=True)
            ],
            dtype=pl.String,
        ),
        _care=pl.Series(drawn_care(count, stream(seed, "care"))),
    )


def _class_by_name() -> pl.Expr:
    """The class of a community that the register leaves open: a residents' committee is one of a town."""
    return (
        pl.when(pl.col("unit_name").str.contains("社区|居委会|居民委员会"))
        .then(pl.lit("town"))
        .otherwise(pl.lit("rural"))
    )


def population_by_community(
    places: Places, census: Census, people: int, seed: int
) -> tuple[Integers, Integers]:
    """How many people live in each community, and how many of them are registered elsewhere.

    Towns hold the census's urban share of the people, and more of those registered elsewhere; inside a class
    sizes vary as communities do (lognormal). Nobody lives yet in a community that opens later.
    """
    chance = stream(seed, "population")
    is_town = (places.communities["class"] != "rural").to_numpy()[: places.standing]
    weights: Floats = chance.lognormal(0.0, 0.45, len(is_town))
    if is_town.any() and not is_town.all():
        weights[is_town] *= census.urban_share / weights[is_town].sum()
        weights[~is_town] *= (1 - census.urban_share) / weights[~is_town].sum()
    living = spread(people, weights)
    inclination = (
        living * np.where(is_town, TEMPORARY_IN_TOWNS, 1.0) * chance.lognormal(0.0, 0.25, len(living))
    )
    temporary = spread(round(people * census.temporary_share), np.maximum(inclination, 1e-9))
    later = np.zeros(len(places.codes) - places.standing, dtype=np.int64)
    return np.concatenate([living, later]), np.concatenate([np.minimum(temporary, living), later])


def people_of_new_community(places: Places, people: int) -> int:
    """How many move into the community that opens during the sample."""
    return 0 if places.opening is None else max(30, round(people * NEW_COMMUNITY_SHARE))


@dataclass(frozen=True)
class Grids:
    """The grids of every community: general ones, in which people live, and special ones beside them.

    `register`: one row per grid (grid_code, community_code, kind, households, …). General grids of community
    i have the numbers 1 … counts[i].
    """

    register: pl.DataFrame
    counts: Integers

    def codes(self, places: Places, community: Integers, number: Integers) -> pl.Series:
        """The code of grid `number` (0, 1, …) of each community (its place in `places`)."""
        frame = pl.DataFrame({"code": places.communities["code"].gather(community), "number": number + 1})
        return frame.select(pl.col("code") + "-" + pl.col("number").cast(pl.String).str.zfill(3)).to_series()


def make_grids(places: Places, living: Integers, census: Census, seed: int) -> Grids:
    """About 300 households to a general grid, at least one grid and one household in every community."""
    chance = stream(seed, "grids")
    households = np.maximum(1, np.rint(living / census.household_size)).astype(np.int64)
    counts = np.maximum(1, np.rint(households / HOUSEHOLDS_PER_GRID)).astype(np.int64)
    # Even in a small sample one community has two, so that someone can be found in both.
    counts[households.argmax()] = max(2, counts[households.argmax()])
    is_short = lacks(places.care, SHORT_OF_SPECIAL_GRIDS, chance)
    rows = []
    for code, total, count, short in zip(places.codes, households.tolist(), counts.tolist(), is_short.tolist(), strict=True):
        parts = spread(total, chance.uniform(0.8, 1.2, count))
        kinds = ["general"] * count + [kind for kind in SPECIAL_GRIDS if not short or chance.random() < 0.6]
        for number, kind in enumerate(kinds):
            size = int(parts[number]) if kind == "general" else total
            rows.append(_grid_row(code, number if kind == "general" else 900 + number, kind, size, chance))
    return Grids(pl.DataFrame(rows, infer_schema_length=None), counts)


def _grid_row(
    code: str, number: int, kind: str, households: int, chance: np.random.Generator
) -> dict[str, object]:
    needed = households // 60
    return {
        "grid_code": f"{code}-{number + 1:03d}",
        "community_code": code,
        "kind": kind,
        "households": households,
        "grid_worker_no": f"W{chance.integers(0, 10**6):06d}",
        "building_heads_needed": needed,
        "building_heads": max(0, needed - int(chance.integers(0, 2))),
        "premises_kind": ("rural", "commodity_housing", "rental", "other")[int(chance.integers(0, 4))],
    }
