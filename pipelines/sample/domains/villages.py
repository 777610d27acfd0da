"""The sample's village works: true tables, errors planted in them, the truth of their KPIs."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl

from pipelines.sample.care import between, levels
from pipelines.sample.chance import Floats, Integers
from pipelines.sample.kinds import DirtKind, Fits, any_row, in_turn, number_kinds, place_kinds
from pipelines.sample.measuring import Amount, Basis, Kpi, Measure
from pipelines.sample.planters import Planter, Scene, cell, conflicting, repeated, together
from pipelines.sample.sheets import Sheet
from pipelines.sample.world import Book, World

WORKS = "civil_village_works"
PERCENT, CULTURAL_ITEMS = 100, 5
# Villages that are nearly done, and at work; in towns there is little left to do.
LEVELS = (0.09, 0.11)
TOWN_LEVELS = (0.03, 0.02)
# What is left when the sample begins (low, high), by level: dry toilets, share of lanes.
TOILETS_LEFT: tuple[tuple[int, int], ...] = ((0, 0), (1, 12), (10, 160))
LANES_LEFT: tuple[tuple[float, float], ...] = ((0.0, 0.0), (0.01, 0.08), (0.10, 0.60))
# Days without clearance in a month, by level.
DAYS_MISSED: tuple[tuple[int, int], ...] = ((0, 0), (1, 2), (2, 9))
# Villages from which nothing is reported in a month.
SILENT_SHARE = 0.004


def books(world: World) -> dict[str, Book]:
    """The books kept of this domain, by dataset."""
    return {WORKS: _village_works(world)}


# --- what is true ----------------------------------------------------------------------------------------------


def _village_works(world: World) -> Book:
    """One row of every community: what is left to do becomes less from month to month."""
    codes = world.places.codes
    chance = world.chance(WORKS)
    is_town = (world.places.communities["class"] != "rural").to_numpy()
    lanes = chance.integers(6, 60, len(codes))

    def level() -> Integers:
        """Of one kind of work, for each community."""
        places = [levels(world.places.care, shares, chance) for shares in (LEVELS, TOWN_LEVELS)]
        return np.where(is_town, places[1], places[0])

    toilets, pace = np.rint(between(TOILETS_LEFT, level(), chance)), chance.integers(1, 15, len(codes))
    hardening, lighting = between(LANES_LEFT, level(), chance), between(LANES_LEFT, level(), chance)
    items = CULTURAL_ITEMS - np.minimum(level() * chance.integers(1, 3, len(codes)), 4)
    waste = level()

    def book(month: date, end: date) -> pl.DataFrame:
        draw = world.chance(WORKS, month)
        step = 12 * (month.year - world.first_day.year) + month.month - world.first_day.month
        low, high = np.array(DAYS_MISSED).T
        missed = draw.integers(low[waste], high[waste] + 1)
        rows = pl.DataFrame(
            {
                "community_code": codes,
                "dry_toilets": np.maximum(toilets.astype(np.int64) - pace * step, 0),
                "lanes": lanes,
                "lanes_hardened": lanes - _left(lanes, hardening, step),
                "lanes_lit": lanes - _left(lanes, lighting, step),
                "waste_days_cleared": end.day - missed,
                "waste_days_due": end.day,
                "cultural_items_present": np.minimum(items + step // 3, CULTURAL_ITEMS),
                "_is_silent": draw.random(len(codes)) < SILENT_SHARE,
            }
        )
        open_now = world.communities(end).get_column("code").to_list()
        rows = rows.filter(~pl.col("_is_silent") & pl.col("community_code").is_in(open_now))
        return rows.with_columns(_place="community_code")

    return book


def _left(lanes: Integers, share: Floats, step: int) -> Integers:
    """Lanes without the work: a twentieth of the first number is done in every month."""
    left: Integers = np.floor(lanes * share * max(0.0, 1 - step / 20)).astype(np.int64)
    return left


# --- what is wrong with it -------------------------------------------------------------------------------------


def _in_short_months(scene: Scene) -> pl.Expr:
    return pl.lit(scene.end.day < 31)


def _beyond(column: str, whole: str) -> Planter:
    """More of something done than there is of it."""

    def planter(sheet: Sheet, number: int, _: Scene) -> list[int]:
        sheet.put(number, column, sheet.row(number)[whole] + 2)
        return [number]

    return planter


def _kind(name: str, rules: tuple[str, ...], planter: Planter, fits: Fits = any_row) -> DirtKind:
    return DirtKind(WORKS, name, 0.0, rules, planter, fits)


_DUE_OUT_OF_RANGE = ("waste_days_due.range", "due_within_month")
DIRT: tuple[DirtKind, ...] = (
    *in_turn(
        6,
        *number_kinds(WORKS, "dry_toilets", -1, "少量"),
        *number_kinds(WORKS, "lanes", 20_000, "三十余条"),
        *number_kinds(WORKS, "lanes_hardened", -1, "大部分"),
        *number_kinds(WORKS, "lanes_lit", -1, "大部分"),
        *number_kinds(WORKS, "waste_days_cleared", -1, "每日"),
        *number_kinds(WORKS, "waste_days_due", 0, "每日")[1:],
        # More than any month has is also more than this one has.
        _kind("waste_days_due_out_of_range", _DUE_OUT_OF_RANGE, cell("waste_days_due", 40)),
        *number_kinds(WORKS, "cultural_items_present", 6, "基本齐全"),
        _kind("hardened_above_lanes", ("hardened_within_lanes",), _beyond("lanes_hardened", "lanes")),
        _kind("lit_above_lanes", ("lit_within_lanes",), _beyond("lanes_lit", "lanes")),
        _kind("cleared_above_due", ("cleared_within_due",), together(cell("waste_days_due", 20), cell("waste_days_cleared", 22))),
    ),
    _kind("due_above_month", ("due_within_month",), cell("waste_days_due", 31), _in_short_months),
    # One such row casts doubt on every community of the county: all in one month of six.
    *(replace(kind, first=1) for kind in place_kinds(WORKS, any_row, every=6)),
    replace(_kind("same_key_other_content", ("key.unique",), conflicting("lanes", lambda lanes: lanes + 1)), every=6, first=1),
    DirtKind(WORKS, "repeated_row", 0.01, ("key.repeated",), repeated, any_row, "duplicate"),
)  # fmt: skip


# --- what follows for its KPIs ---------------------------------------------------------------------------------


def _share(kpi_id: str, of: Amount, done: str, basis: Basis = "stock") -> Kpi:
    measure = Measure("works", WORKS, "rate", amount=of, passed_amount=done)
    return Kpi(kpi_id, "rate", {WORKS: "cases"}, (measure,), scale=PERCENT, basis=basis)


MEASURES: tuple[Kpi, ...] = (
    Kpi(
        "dry_toilets_remaining",
        "count",
        {WORKS: "cases"},
        (Measure("toilets", WORKS, "count", amount="dry_toilets"), Measure("returns", WORKS, "count")),
        rows="returns",
    ),
    _share("cultural_five_ones_rate", pl.lit(CULTURAL_ITEMS), "cultural_items_present"),
    _share("daily_waste_clearance_rate", "waste_days_due", "waste_days_cleared", "flow"),
    _share("lane_hardening_rate", "lanes", "lanes_hardened"),
    _share("lane_lighting_rate", "lanes", "lanes_lit"),
)
