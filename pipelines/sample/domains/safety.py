"""The sample's case returns, police rooms, patrols, duty: true tables, errors planted in them, the truth of their KPIs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from fractions import Fraction

import numpy as np
import polars as pl

from pipelines.sample.care import between, lacks, levels
from pipelines.sample.chance import Integers
from pipelines.sample.kinds import (
    DirtKind,
    Fits,
    any_row,
    date_kinds,
    in_turn,
    number_kinds,
    place_kinds,
    when,
    where_others_deliver,
)
from pipelines.sample.measuring import LEVELS_WITH_GRIDS, Condition, Kpi, Measure, Moment
from pipelines.sample.planters import (
    Planter,
    Scene,
    cell,
    conflicting,
    days_after,
    malformed_community,
    others,
    repeated,
    together,
    unknown_community,
)
from pipelines.sample.sheets import ORDER, SUPPLIER, Sheet
from pipelines.sample.world import Book, World

CASES, ROOMS, PATROLS, DUTY = "police_case_returns", "police_rooms", "grid_patrols", "grid_duty"
PERCENT = 100
HUNDREDTHS = 100
# Category of a return → its KPI, and cases per person and month.
CATEGORIES = {
    "criminal": ("criminal_cases", 0.00008),
    "public_order": ("public_order_cases", 0.00016),
    "safety_disaster": ("safety_disasters", 0.00001),
    "resident_offence": ("resident_offences", 0.00003),
    "vice": ("vice_cases", 0.00002),
}
# In most communities less happens than on average.
LIVELY_SHARE, CALM, LIVELY = 0.25, 0.4, 3.0
# Communities of whose police no return arrives in a month.
SILENT_SHARE = 0.006
INJURED_SHARE, KILLED_SHARE = 0.15, 0.01
# Communities that do nearly well and badly, and what part of the due those leave undone that do well, nearly well and
# badly.
LEVELS = (0.1, 0.1)
PATROLS_LEFT: tuple[tuple[float, float], ...] = ((0.0, 0.0), (0.01, 0.06), (0.10, 0.45))
HOURS_LEFT: tuple[tuple[float, float], ...] = ((0.0, 0.0), (0.002, 0.01), (0.04, 0.34))
WITHOUT_ROOM, WITH_TWO = 0.12, 0.06
PATROLS_A_DAY, FIXED_POINTS_A_MONTH = 2, 8
FIXED_POINT_SHARE, IDLE_SHARE = 0.3, 0.04


def books(world: World) -> dict[str, Book]:
    """The books kept of this domain, by dataset."""
    return {
        CASES: _case_returns(world),
        ROOMS: _police_rooms(world),
        PATROLS: _patrols(world),
        DUTY: _duty(world),
    }


# --- what is true ----------------------------------------------------------------------------------------------


def _case_returns(world: World) -> Book:
    """One return of every category for each community, but for those of which none arrives."""
    codes = world.places.codes
    chance = world.chance(CASES)
    is_lively = np.column_stack([lacks(world.places.care, LIVELY_SHARE, chance) for _ in CATEGORIES])
    mood = np.where(is_lively, LIVELY, CALM)
    rates = np.array([rate for _, rate in CATEGORIES.values()])
    expected = np.array(world.homes, dtype=np.float64)[:, None] * rates * mood

    def book(month: date, end: date) -> pl.DataFrame:
        draw = world.chance(CASES, month)
        cases: Integers = draw.poisson(expected)
        is_silent = draw.random(len(codes)) < SILENT_SHARE
        injuries: Integers = draw.binomial(cases, INJURED_SHARE)
        deaths: Integers = draw.binomial(cases, KILLED_SHARE)
        rows = pl.DataFrame(
            {
                "community_code": np.repeat(np.array(codes), len(CATEGORIES)),
                "category": list(CATEGORIES) * len(codes),
                "cases": cases.ravel(),
                "deaths": deaths.ravel(),
                "injuries": injuries.ravel(),
                "_is_silent": np.repeat(is_silent, len(CATEGORIES)),
            },
            schema_overrides={"category": pl.String},
        )
        # Nobody is hurt by vice: the cell stays empty.
        is_vice = pl.col("category") == "vice"
        hurt = [pl.when(~is_vice).then(pl.col(name)).alias(name) for name in ("deaths", "injuries")]
        return _open(world, end, rows.filter(~pl.col("_is_silent")).with_columns(hurt))

    return book


def _police_rooms(world: World) -> Book:
    """None, one or two rooms to a community; some open or close during the sample."""
    chance = world.chance(ROOMS)
    rows: list[dict[str, object]] = []
    standing = world.places.codes[: world.places.standing]
    is_without = lacks(world.places.care, WITHOUT_ROOM, chance)[: len(standing)]
    counts = np.where(is_without, 0, 1 + (chance.random(len(standing)) < WITH_TWO)).tolist()
    days = (world.last_day - world.first_day).days
    for code, count in zip(standing, counts, strict=True):
        fate = chance.random()
        during = world.first_day + timedelta(days=int(chance.integers(1, days)))
        opens = count == 0 and fate < 0.25
        for number in range(count + opens):
            opened = date(2001, 1, 1) + timedelta(days=int(chance.integers(0, 8_500)))
            rows.append(
                {
                    "room_no": f"JW{code}-{number + 1:02d}",
                    "community_code": code,
                    "opened_date": during if opens else opened,
                    "closed_date": during if count and number == 0 and fate < 0.02 else None,
                    "officers": int(chance.integers(1, 4)),
                    "auxiliaries": int(chance.integers(0, 6)),
                }
            )
    rooms = pl.DataFrame(rows, infer_schema_length=None, schema_overrides={"closed_date": pl.Date})
    closed = pl.col("closed_date")

    def book(_: date, end: date) -> pl.DataFrame:
        known = pl.when(closed <= end).then(closed).alias("closed_date")
        return _open(world, end, rooms.filter(pl.col("opened_date") <= end).with_columns(known))

    return book


def _patrols(world: World) -> Book:
    """Patrols through every general grid, and in some also to fixed points."""
    chance = world.chance(PATROLS)
    general = world.grids.register.filter(pl.col("kind") == "general").select("grid_code", "community_code")
    fixed = general.filter(pl.Series(chance.random(general.height) < FIXED_POINT_SHARE))
    rounds = pl.concat(
        [general.with_columns(kind=pl.lit("general")), fixed.with_columns(kind=pl.lit("fixed_point"))]
    ).sort("grid_code", "kind", descending=[False, True])
    level = dict(zip(world.places.codes, _levels(world, PATROLS), strict=True))
    of_rounds = np.array([level[code] for code in rounds["community_code"]], dtype=np.int64)
    is_idle = chance.random(rounds.height) < IDLE_SHARE

    def book(month: date, end: date) -> pl.DataFrame:
        due = rounds.select(
            pl.when(pl.col("kind") == "general").then(PATROLS_A_DAY * end.day).otherwise(FIXED_POINTS_A_MONTH)
        )
        # Nothing is due in a grid whose streets are dug up.
        patrols = np.where(is_idle & (month.month % 2 == 0), 0, due.to_series().to_numpy()).astype(np.int64)
        left = between(PATROLS_LEFT, of_rounds, world.chance(PATROLS, month))
        done = patrols - np.rint(patrols * left).astype(np.int64)
        return _open(world, end, rounds.with_columns(patrols_due=patrols, patrols_done=done))

    return book


def _duty(world: World) -> Book:
    """Due round the clock in every community; in hundredths of an hour."""
    codes = world.places.codes
    level = _levels(world, DUTY)

    def book(month: date, end: date) -> pl.DataFrame:
        chance = world.chance(DUTY, month)
        due = 24 * end.day * HUNDREDTHS
        # Written down in quarters of an hour.
        left = np.rint(due * between(HOURS_LEFT, level, chance) / 25).astype(np.int64) * 25
        rows = pl.DataFrame({"community_code": codes, "hours_due": due, "hours_staffed": due - left})
        return _open(world, end, rows)

    return book


def _levels(world: World, dataset: str) -> Integers:
    return levels(world.places.care, LEVELS, world.chance(dataset, "levels"))


def _open(world: World, end: date, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows of communities open at the end of the month."""
    codes = world.communities(end).get_column("code").to_list()
    return rows.filter(pl.col("community_code").is_in(codes)).with_columns(_place="community_code")


# --- what is wrong with it -------------------------------------------------------------------------------------

_NO_CASE = pl.col("cases") == 0
_IN_USE = pl.col("closed_date").is_null()


def _with_grids(condition: pl.Expr) -> Fits:
    """Where the register of grids arrived too, and someone else delivers as well."""
    return lambda scene: (
        condition & ~pl.col(SUPPLIER).is_in(list(scene.suppliers_without_grids)) & (len(scene.delivered) > 1)
    )


def _in_short_months(scene: Scene) -> pl.Expr:
    return pl.lit(scene.end.day < 31)


def _kind(dataset: str, name: str, rules: tuple[str, ...], planter: Planter, fits: Fits = any_row) -> DirtKind:
    return DirtKind(dataset, name, 0.0, rules, planter, fits)


def _from_another_supplier(sheet: Sheet, number: int, scene: Scene) -> list[int]:
    """Another supplier delivers the same key, which lies outside its area."""
    code = scene.choose(others(sheet.row(number), scene))
    supplier = next(supplier for supplier, codes in scene.delivered.items() if code in codes)
    twin = sheet.repeat(number, **{SUPPLIER: supplier, ORDER: 1e12 + number})
    sheet.mark(twin, "two_suppliers", ("key.two_suppliers", "outside_supplier_area"), "quarantined")
    return [number]


def _grid_in(place: Callable[[Sheet, int, Scene], str], *, also_code: bool = True) -> Planter:
    """A grid that no register has, of another community; also_code: the row is said to be of that community."""

    def planter(sheet: Sheet, number: int, scene: Scene) -> list[int]:
        code = place(sheet, number, scene)
        if also_code:
            sheet.put(number, "community_code", code)
        sheet.put(number, "grid_code", f"{code}-999")
        return [number]

    return planter


def _unknown(sheet: Sheet, number: int, scene: Scene) -> str:
    return scene.unknown_community(sheet.row(number))


def _of_others(sheet: Sheet, number: int, scene: Scene) -> str:
    return str(scene.choose(others(sheet.row(number), scene)))


def _own(sheet: Sheet, number: int, _: Scene) -> str:
    return str(sheet.row(number)["_place"])


def _neighbours_code(sheet: Sheet, number: int, scene: Scene) -> list[int]:
    row = sheet.row(number)
    own = [code for code in scene.delivered[row[SUPPLIER]] if code != row["_place"]]
    sheet.put(number, "community_code", scene.choose(own))
    return [number]


def _with_neighbours(_: Scene) -> pl.Expr:
    return pl.col("_place").n_unique().over(SUPPLIER) > 1


def _dirt_of_cases() -> list[DirtKind]:
    """Where there was no case wherever the row then concerns other communities, too, so that most stay certain."""
    dataset, no_case = CASES, when(_NO_CASE)
    return [
        *in_turn(
            3,
            *number_kinds(dataset, "cases", -1, "若干"),
            _kind(dataset, "category_unknown", ("category.known_value",), cell("category", None, "交通事故"), no_case),
            _kind(dataset, "category_missing", ("category.required",), cell("category", None)),
            *number_kinds(dataset, "deaths", -1, "无", no_case, is_nullable=True),
            *number_kinds(dataset, "injuries", -2, "不详", no_case, is_nullable=True),
            _kind(dataset, "casualties_without_cases", ("casualties_without_cases",), cell("injuries", 2), no_case),
            _kind(
                dataset, "same_key_other_content", ("key.unique",),
                conflicting("deaths", lambda deaths: 0 if deaths is None else None), no_case,
            ),
        ),
        *place_kinds(dataset, no_case, every=6, apart=2),
        DirtKind(dataset, "community_unknown_with_cases", 0.0, ("community_code.exists",), unknown_community, when(~_NO_CASE), every=6, first=3),
        DirtKind(dataset, "repeated_row", 0.002, ("key.repeated",), repeated, any_row, "duplicate"),
    ]  # fmt: skip


def _dirt_of_rooms() -> list[DirtKind]:
    dataset, in_use = ROOMS, when(_IN_USE)
    return [
        *in_turn(
            3,
            *date_kinds(dataset, 0.0, "opened_date", in_use),
            _kind(dataset, "closed_date_unreadable", ("closed_date.readable",), cell("closed_date", None, "拟撤并"), in_use),
            _kind(dataset, "closed_before_opened", ("closed_after_opened",), days_after("closed_date", "opened_date", -20), in_use),
            *number_kinds(dataset, "officers", 300, "2名左右", in_use),
            *number_kinds(dataset, "auxiliaries", -1, "若干", in_use),
            _kind(dataset, "number_missing", ("room_no.required",), cell("room_no", None), in_use),
            _kind(dataset, "same_key_other_content", ("key.unique",), conflicting("officers", lambda count: count + 1), in_use),
        ),
        *place_kinds(dataset, in_use, every=6, apart=2),
        DirtKind(dataset, "repeated_row", 0.005, ("key.repeated",), repeated, any_row, "duplicate"),
    ]  # fmt: skip


def _dirt_of_patrols() -> list[DirtKind]:
    dataset, inside = PATROLS, "grid_inside_community"
    some_done = when(pl.col("patrols_done") > 0)
    registered = _with_grids(pl.lit(True))
    return [
        *in_turn(
            3,
            *number_kinds(dataset, "patrols_due", 20_000, "每日两次"),
            *number_kinds(dataset, "patrols_done", -3, "按要求完成"),
            _kind(dataset, "kind_unknown", ("kind.known_value",), cell("kind", None, "夜间")),
            _kind(dataset, "kind_missing", ("kind.required",), cell("kind", None)),
            _kind(dataset, "grid_missing", ("grid_code.required",), cell("grid_code", None)),
            _kind(dataset, "grid_malformed", ("grid_code.format", inside), cell("grid_code", "1号网格")),
            _kind(dataset, "grid_unknown", ("grid_exists",), _grid_in(_own), registered),
            _kind(dataset, "neighbours_community", (inside,), _neighbours_code, _with_neighbours),
            _kind(dataset, "outside_area", ("grid_exists", "outside_supplier_area"), _grid_in(_of_others), registered),
            _kind(dataset, "two_suppliers", ("key.two_suppliers",), _from_another_supplier, registered),
            _kind(dataset, "same_key_other_content", ("key.unique",), conflicting("patrols_done", lambda count: count - 1), some_done),
        ),
        *in_turn(
            6,
            _kind(dataset, "community_missing", ("community_code.required",), cell("community_code", None)),
            _kind(dataset, "community_malformed", ("community_code.format", inside), malformed_community),
            _kind(dataset, "community_unknown", ("community_code.exists", "grid_exists"), _grid_in(_unknown), registered),
        ),
        DirtKind(dataset, "done_above_due", 0.01, ("done_above_due",), _more_than_due, any_row, "accepted"),
        DirtKind(dataset, "repeated_row", 0.005, ("key.repeated",), repeated, any_row, "duplicate"),
    ]  # fmt: skip


def _more_than_due(sheet: Sheet, number: int, _: Scene) -> list[int]:
    sheet.put(number, "patrols_done", sheet.row(number)["patrols_due"] + 3)
    return [number]


def _dirt_of_duty() -> list[DirtKind]:
    dataset = DUTY
    hours_due, hours_staffed = number_kinds(dataset, "hours_due", 0, "全天"), number_kinds(dataset, "hours_staffed", -HUNDREDTHS, "全天")
    whole_month, too_long = 744 * HUNDREDTHS, 900 * HUNDREDTHS
    return [
        *in_turn(
            3,
            # More than any month has is also more than this one has.
            _kind(dataset, "hours_due_out_of_range", ("hours_due.range", "due_within_month"), cell("hours_due", too_long)),
            *hours_due[1:],
            *hours_staffed,
            _kind(dataset, "staffed_above_due", ("staffed_within_due",), together(cell("hours_due", 300 * HUNDREDTHS), cell("hours_staffed", 310 * HUNDREDTHS))),
            _kind(dataset, "same_key_other_content", ("key.unique",), conflicting("hours_staffed", lambda hours: hours - 50)),
        ),
        _kind(dataset, "due_above_month", ("due_within_month",), cell("hours_due", whole_month), _in_short_months),
        *in_turn(
            6,
            _kind(dataset, "community_missing", ("community_code.required",), cell("community_code", None)),
            _kind(dataset, "community_malformed", ("community_code.format",), malformed_community),
            _kind(dataset, "community_unknown", ("community_code.exists",), unknown_community),
            _kind(dataset, "two_suppliers", ("key.two_suppliers",), _from_another_supplier, where_others_deliver(pl.lit(True))),
        ),
        DirtKind(dataset, "repeated_row", 0.005, ("key.repeated",), repeated, any_row, "duplicate"),
    ]  # fmt: skip


DIRT: tuple[DirtKind, ...] = (*_dirt_of_cases(), *_dirt_of_rooms(), *_dirt_of_patrols(), *_dirt_of_duty())


# --- what follows for its KPIs ---------------------------------------------------------------------------------


def _is(column: str, value: str) -> Condition:
    return lambda _: pl.col(column) == value


def _is_open(moment: Moment) -> pl.Expr:
    """Opened by the end of the month, and not closed by then; an empty day of closing says that it was not."""
    closed = pl.col("closed_date")
    return (pl.col("opened_date") <= moment.end) & (closed.is_null() | (closed > moment.end))


def _cases(category: str, kpi_id: str) -> Kpi:
    """Cases of a category; where its return is absent nobody knows of any."""
    counts = _is("category", category)
    return Kpi(
        kpi_id,
        "count",
        {CASES: "cases"},
        (
            Measure("cases", CASES, "count", counts, amount="cases"),
            Measure("returns", CASES, "count", counts),
        ),
        basis="flow",
        rows="returns",
    )


MEASURES: tuple[Kpi, ...] = (
    *(_cases(category, kpi_id) for category, (kpi_id, _) in CATEGORIES.items()),
    Kpi("police_room_count", "count", {ROOMS: "cases"}, (Measure("rooms", ROOMS, "count", _is_open),)),
    Kpi(
        "patrol_frequency_rate",
        "rate",
        {PATROLS: "cases"},
        (
            Measure(
                "patrols", PATROLS, "rate", amount="patrols_due",
                # What is done beyond the due in one grid makes up for no other.
                passed_amount=pl.min_horizontal("patrols_due", "patrols_done"),
            ),
        ),
        LEVELS_WITH_GRIDS,
        scale=PERCENT,
        basis="flow",
    ),
    Kpi(
        "duty_coverage_rate",
        "rate",
        {DUTY: "cases"},
        (
            Measure("hours", DUTY, "rate", amount="hours_due", passed_amount="hours_staffed"),
            Measure("returns", DUTY, "count"),
        ),
        scale=PERCENT,
        basis="flow",
        step=Fraction(1, HUNDREDTHS),
        rows="returns",
    ),
)  # fmt: skip
