"""The sample's equipment and residential areas, and KPIs over facilities: true tables, errors planted in them, the truth
of their KPIs (see `premises`).

The facilities and grids themselves are composed elsewhere (see `affairs`, `places`).
"""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from pipelines.sample.care import lacks, levels
from pipelines.sample.chance import Flags, Integers, spread
from pipelines.sample.domains import premises
from pipelines.sample.kinds import DirtKind, Fits, any_row, in_turn, number_kinds, place_kinds, when
from pipelines.sample.measuring import Kpi
from pipelines.sample.planters import (
    Planter,
    Scene,
    after_the_end,
    cell,
    conflicting,
    days_after,
    repeated,
    unreadable_date,
)
from pipelines.sample.sheets import Sheet
from pipelines.sample.world import Book, World
from pipelines.settings import add_months

EQUIPMENT, AREAS = "civil_equipment", "civil_residential_areas"
MEASURES: tuple[Kpi, ...] = premises.MEASURES

# Communities that do nearly well and badly.
LEVELS = (0.09, 0.1)
# Share of areas without a group leader, a security aide, a cleaner; not rated in a quarter; without a facility.
LACKING = (0.0, 0.12, 0.4)
NOT_RATED = (0.0, 0.1, 0.5)
NOT_PROVIDED = (0.0, 0.15, 0.45)
# Item → (at least, at most) pieces in a community; `other` is kept by some only.
PIECES = {"books": (1, 40), "fitness": (1, 12), "office_computer": (2, 9), "fire_safety": (4, 40), "other": (1, 20)}
HAS_OTHER, HAS_NO_FITNESS, SAYS_NONE = 0.3, 0.14, 0.5
KEEPS_BUYING = 0.1
HOUSEHOLDS_PER_AREA, HOUSEHOLDS_PER_GROUP, MOST_AREAS = 220, 55, 9
HOUSEHOLD_SIZE = 2.6
TOWN_KINDS = {"commodity": 0.45, "old": 0.38, "urban_village": 0.17}
COMMODITY_IN_VILLAGES = 0.06
# By kind of area: how likely it is that a property company manages it.
MANAGED = {"commodity": 0.93, "old": 0.4, "urban_village": 0.12, "villager_group": 0.0}
NEW_IN_SAMPLE = 0.15
QUARTERS_BACK = 6


def books(world: World) -> dict[str, Book]:
    """The books kept of this domain, by dataset."""
    return {EQUIPMENT: _equipment(world), AREAS: _residential_areas(world)}


# --- what is true: equipment ------------------------------------------------------------------------------------


def _equipment(world: World) -> Book:
    """What each community has; a few buy more during the sample, some have no fitness gear, or do not list it."""
    codes, chance = world.places.codes, world.chance(EQUIPMENT)
    parts = []
    for item, (least, most) in PIECES.items():
        count = len(codes)
        pieces = chance.integers(least, most + 1, count)
        bought = np.where(chance.random(count) < KEEPS_BUYING, chance.integers(1, 6, count), 0)
        is_without = lacks(world.places.care, HAS_NO_FITNESS if item == "fitness" else 0.0, chance)
        is_listed = ~is_without | (chance.random(count) < SAYS_NONE)
        if item == "other":
            is_listed &= chance.random(count) < HAS_OTHER
        columns = {
            "community_code": codes, "item": [item] * count, "pieces": np.where(is_without, 0, pieces),
            "bought": np.where(is_without, 0, bought), "bought_day": world.window.draw(count, chance),
        }  # fmt: skip
        parts.append(pl.DataFrame(columns).filter(pl.Series(is_listed)))
    held = pl.concat(parts).sort("community_code", maintain_order=True)

    def book(_: date, end: date) -> pl.DataFrame:
        has_bought = pl.col("bought_day").cast(pl.Int32).cast(pl.Date) <= end
        rows = held.filter(_is_open(world, end)).with_columns(
            quantity=pl.col("pieces") + pl.when(has_bought).then("bought").otherwise(0), _place="community_code"
        )
        return rows.select("community_code", "item", "quantity", "_place")

    return book


def _is_open(world: World, end: date) -> pl.Expr:
    return pl.col("community_code").is_in(world.communities(end).get_column("code").to_list())


# --- what is true: residential areas ----------------------------------------------------------------------------


def _residential_areas(world: World) -> Book:
    """The areas of towns and the villager groups of villages. Some new ones are accepted during the sample; what
    becomes of the property companies' ratings is drawn quarter by quarter."""
    areas = _areas(world)
    known = ("accepted_date", "facility_provided")

    def book(_: date, end: date) -> pl.DataFrame:
        is_accepted = pl.col("accepted_date") <= end
        rows = areas.filter(_is_open(world, end) & (pl.col("built_date").is_null() | (pl.col("built_date") <= end)))
        rows = rows.with_columns(pl.when(is_accepted).then(pl.col(name)).alias(name) for name in known)
        rated = _last_rated(world, areas, end).select("area_no", "rated_date")
        rows = rows.join(rated, on="area_no", how="left", maintain_order="left")
        return rows.with_columns(
            has_cleaner=pl.col("cleaners") > 0,
            star_rating=pl.when(pl.col("rated_date").is_not_null()).then("_stars"),
            _place="community_code",
        )

    return book


def _areas(world: World) -> pl.DataFrame:
    """Every area of the sample, one row each, as it is in the end; _level is its community's."""
    chance = world.chance(AREAS)
    is_town = (world.places.communities["class"] != "rural").to_numpy()
    households = np.maximum(1, np.rint(np.array(world.homes) / HOUSEHOLD_SIZE)).astype(np.int64)
    per_area = np.where(is_town, HOUSEHOLDS_PER_AREA, HOUSEHOLDS_PER_GROUP)
    counts = np.clip(np.rint(households / per_area), 1, MOST_AREAS).astype(np.int64)
    of = np.repeat(np.arange(len(counts)), counts)
    kinds = np.where(
        is_town[of],
        chance.choice(list(TOWN_KINDS), len(of), p=np.array(list(TOWN_KINDS.values()))),
        np.where(chance.random(len(of)) < COMMODITY_IN_VILLAGES, "commodity", "villager_group"),
    )
    parts = [spread(int(total), chance.uniform(0.7, 1.3, count)) for total, count in zip(households, counts, strict=True)]
    level = levels(world.places.care, LEVELS, chance)[of]
    codes = np.array(world.places.codes)[of]
    frame = pl.DataFrame(
        {
            "area_no": [f"XQ{code[:9]}-{number + 1:04d}" for number, code in enumerate(codes.tolist())],
            "community_code": codes,
            "kind": kinds,
            "households": np.concatenate(parts),
            "facility_provided": ~_lacks(NOT_PROVIDED, level, chance),
            "managed_by_property": chance.random(len(of)) < np.array([MANAGED[str(kind)] for kind in kinds]),
            "has_group_leader": ~_lacks(LACKING, level, chance),
            "has_security_aide": ~_lacks(LACKING, level, chance),
            "cleaners": _cleaners(kinds == "villager_group", level, chance),
            "_stars": chance.integers(2, 6, len(of)),
            "_level": level,
        }
    )
    return frame.with_columns(**_building(world, kinds, chance))


def _lacks(shares: tuple[float, ...], level: Integers, chance: np.random.Generator) -> Flags:
    lacks: Flags = chance.random(len(level)) < np.array(shares)[level]
    return lacks


def _cleaners(is_group: Flags, level: Integers, chance: np.random.Generator) -> Integers:
    """Two or three to a villager group where all is well; to another area as many as come."""
    least = np.where(is_group, np.array([2, 1, 0])[level], 1)
    most = np.where(is_group, np.array([3, 2, 1])[level], 6)
    cleaners = chance.integers(least, most + 1)
    return np.where(~is_group & _lacks(LACKING, level, chance), 0, cleaners)


def _building(world: World, kinds: np.typing.NDArray[np.str_], chance: np.random.Generator) -> dict[str, pl.Series]:
    """When areas were built, and commodity housing accepted: mostly long ago, sometimes during the sample."""
    count, first = len(kinds), world.window.first
    accepted = np.where(
        chance.random(count) < NEW_IN_SAMPLE, world.window.draw(count, chance), first - chance.integers(30, 7_000, count)
    )
    built = accepted - chance.integers(20, 200, count)
    is_never_accepted = (kinds != "commodity") | (chance.random(count) < 0.05)
    dates = {"built_date": (built, kinds == "villager_group"), "accepted_date": (accepted, is_never_accepted)}
    return {
        name: pl.Series(days).cast(pl.Int32).cast(pl.Date).set(pl.Series(is_absent), None)
        for name, (days, is_absent) in dates.items()
    }


def _last_rated(world: World, areas: pl.DataFrame, end: date) -> pl.DataFrame:
    """The last day up to `end` on which the property company of each commodity area was rated.

    An area is rated in the same month of every quarter, so that it never waits longer than three months.
    """
    month_of_quarter = (areas["community_code"].str.tail(3).cast(pl.Int64) % 3).to_numpy()
    level, count = areas["_level"].to_numpy(), areas.height
    quarter = end.replace(month=3 * ((end.month - 1) // 3) + 1, day=1)
    rated = pl.Series("rated_date", [None], dtype=pl.Date).new_from_index(0, count)
    for start in (add_months(quarter, -3 * back) for back in range(QUARTERS_BACK, -1, -1)):
        draw = world.chance(AREAS, "rated", start)
        is_rated = ~_lacks(NOT_RATED, level, draw) & (areas["kind"] == "commodity").to_numpy()
        firsts = np.array([(add_months(start, months) - date(1970, 1, 1)).days for months in range(3)])
        days = pl.Series(firsts[month_of_quarter] + draw.integers(0, 28, count)).cast(pl.Int32).cast(pl.Date)
        rated = rated.zip_with(~(pl.Series(is_rated) & (days <= end)), days)
    frame = areas.with_columns(rated.alias("rated_date"))
    return frame.filter(pl.col("built_date").is_null() | (pl.col("rated_date") > pl.col("built_date")))


# --- what is wrong with it --------------------------------------------------------------------------------------


def _of_neighbour_county(sheet: Sheet, number: int, _: Scene) -> list[int]:
    code = sheet.row(number)["_place"]
    sheet.put(number, "community_code", f"{int(code[:6]) + 1:06d}{code[6:]}")
    return [number]


def _kind(dataset: str, name: str, rules: tuple[str, ...], planter: Planter, fits: Fits = any_row) -> DirtKind:
    return DirtKind(dataset, name, 0.0, rules, planter, fits)


def _everywhere(dataset: str, changed: str) -> list[DirtKind]:
    """What happens to both datasets: rows that stand twice, and rows of no community here."""
    unknown = ("community_code.exists", "outside_supplier_area")
    return [
        *place_kinds(dataset, any_row, every=6, apart=2),
        *in_turn(
            6,
            _kind(dataset, "of_neighbour_county", unknown, _of_neighbour_county),
            _kind(dataset, "same_key_other_content", ("key.unique",), conflicting(changed, lambda value: value + 3)),
        ),
        DirtKind(dataset, "repeated_row", 0.002, ("key.repeated",), repeated, any_row, "duplicate"),
    ]


def _equipment_dirt() -> list[DirtKind]:
    return [
        *in_turn(
            3,
            _kind(EQUIPMENT, "item_unknown", ("item.known_value",), cell("item", None, "家具")),
            _kind(EQUIPMENT, "item_missing", ("item.required",), cell("item", None)),
            *number_kinds(EQUIPMENT, "quantity", -4, "若干套"),
        ),
        *_everywhere(EQUIPMENT, "quantity"),
    ]


def _yes_no_kinds(column: str, fits: Fits = any_row) -> list[DirtKind]:
    return [
        _kind(AREAS, f"{column}_missing", (f"{column}.required",), cell(column, None), fits),
        _kind(AREAS, f"{column}_unreadable", (f"{column}.readable",), cell(column, None, "待核实"), fits),
    ]


def _area_dirt() -> list[DirtKind]:
    kind, accepted, rated = pl.col("kind"), pl.col("accepted_date"), pl.col("rated_date")
    is_group, has_cleaner = when(kind == "villager_group"), when(pl.col("cleaners") > 0)
    is_new, is_rated = when(accepted.is_not_null()), when(rated.is_not_null())
    together = "stars_with_date"
    return [
        *in_turn(
            6,
            _kind(AREAS, "number_missing", ("area_no.required",), cell("area_no", None)),
            _kind(AREAS, "kind_unknown", ("kind.known_value",), cell("kind", None, "安置房")),
            _kind(AREAS, "kind_missing", ("kind.required",), cell("kind", None)),
            *number_kinds(AREAS, "households", 60_000, "约百户"),
            _kind(AREAS, "built_date_unreadable", ("built_date.readable",), unreadable_date("built_date"), when(pl.col("built_date").is_not_null())),
            _kind(AREAS, "accepted_date_unreadable", ("accepted_date.readable",), unreadable_date("accepted_date"), is_new),
            *_yes_no_kinds("facility_provided", is_new),
            *_yes_no_kinds("managed_by_property"),
            *_yes_no_kinds("has_group_leader"),
            *_yes_no_kinds("has_security_aide"),
            *_yes_no_kinds("has_cleaner"),
            _kind(AREAS, "cleaners_out_of_range", ("cleaners.range",), cell("cleaners", 5_000), has_cleaner),
            _kind(AREAS, "cleaners_unreadable", ("cleaners.readable",), cell("cleaners", None, "两三名"), is_group),
            _kind(AREAS, "cleaners_missing", ("cleaners.required",), cell("cleaners", None), is_group),
            _kind(AREAS, "stars_unreadable", ("star_rating.readable", together), cell("star_rating", None, "四星"), is_rated),
            _kind(AREAS, "stars_out_of_range", ("star_rating.range",), cell("star_rating", 9), is_rated),
            _kind(AREAS, "stars_missing", (together,), cell("star_rating", None), is_rated),
            _kind(AREAS, "rated_date_unreadable", ("rated_date.readable", together), unreadable_date("rated_date"), is_rated),
            _kind(AREAS, "rated_after_end", ("rated_by_period_end",), after_the_end("rated_date", 9), is_rated),
            _kind(AREAS, "accepted_before_built", ("accepted_after_built",), days_after("accepted_date", "built_date", -10), is_new),
            _kind(AREAS, "accepted_after_end", ("accepted_by_period_end",), after_the_end("accepted_date", 12), is_new),
            _kind(AREAS, "cleaners_contradict", ("cleaners_match",), cell("has_cleaner", False), has_cleaner),
        ),
        *_everywhere(AREAS, "households"),
    ]  # fmt: skip


DIRT: tuple[DirtKind, ...] = (*_equipment_dirt(), *_area_dirt())
