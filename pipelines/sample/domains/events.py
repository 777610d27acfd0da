"""The sample's grid events: the true table, errors planted in it, the truth of the KPIs over events and disputes.

Community activities belong to this domain too (see `activities`).
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np
import polars as pl

from pipelines.sample.affairs import KNOWN_AFTER_DAYS
from pipelines.sample.care import levels
from pipelines.sample.chance import Flags, Integers
from pipelines.sample.domains import activities, events_kpis
from pipelines.sample.kinds import DirtKind, Fits, in_turn, number_kinds, when, where_others_deliver
from pipelines.sample.measuring import Kpi
from pipelines.sample.planters import (
    Planter,
    Scene,
    cell,
    conflicting,
    malformed_community,
    others,
    repeated,
    together,
)
from pipelines.sample.sheets import ORDER, SUPPLIER, Sheet
from pipelines.sample.world import Book, World
from pipelines.settings import add_months, month_end

EVENTS = "grid_events"
EVENTS_PER_PERSON, FEWEST_EVENTS = 0.025, 0.3
# Category → its share, days until it is due, department.
CATEGORIES = {
    "public_safety": (0.14, 2, "应急管理局"),
    "fire_safety": (0.10, 3, "消防救援大队"),
    "city_appearance": (0.30, 3, "城市管理局"),
    "public_facilities": (0.14, 7, "住房和城乡建设局"),
    "illegal_building": (0.04, 15, "自然资源局"),
    "market_order": (0.09, 5, "市场监督管理局"),
    "disputes": (0.06, 15, "司法局"),
    "livelihood": (0.09, 7, "民政局"),
    "other": (0.04, 10, "镇综合办"),
}
# Communities that do nearly well and badly. What part of the events of those that do well, nearly well and badly is closed
# late, or never, and what part of those closed was verified by somebody else than who reported them.
LEVELS = (0.1, 0.1)
LATE, NEVER, BY_OTHERS = (0.02, 0.08, 0.28), (0.004, 0.01, 0.06), (0.0, 0.02, 0.2)
WITHOUT_DUE_TIME, RETURNED, NOT_DISPATCHED = 0.03, 0.04, 0.01
# Failed verifications 0, 1, 2, 3, 4, 5
FAILURES = (0.90, 0.06, 0.02, 0.01, 0.007, 0.003)
MICRO_SHARE = 0.35
DISPOSALS = {"on_the_spot": 0.70, "urged": 0.22, "transferred": 0.08}
DAY_MINUTES = 24 * 60
_TIMES = ("dispatched_at", "handled_at", "verified_at", "_failed_at")


def books(world: World) -> dict[str, Book]:
    """The books kept of this domain, by dataset."""
    return {EVENTS: _events(world), **activities.books(world)}


# --- what is true ----------------------------------------------------------------------------------------------


def _events(world: World) -> Book:
    """Events reported in the month, and those reported before of which more is known now."""
    months = [add_months(world.months[0], -1), *world.months]
    events = pl.concat([_reported_in(world, month) for month in months])

    def book(month: date, end: date) -> pl.DataFrame:
        known, known_before = _known_by(end), _known_by(month - timedelta(days=1))
        is_new = pl.col("reported_at").dt.date().is_between(month, end)
        has_changed = pl.any_horizontal(
            (pl.col(name) > known_before) & (pl.col(name) <= known) for name in _TIMES
        )
        is_again = ~is_new & (pl.col("reported_at").dt.date() < month) & has_changed.fill_null(False)
        listed_first = (
            pl.col("reported_at").dt.month_end().dt.truncate("1d") + timedelta(days=KNOWN_AFTER_DAYS + 1)
        )
        is_settled = ~pl.any_horizontal(pl.col(name) >= listed_first for name in _TIMES).fill_null(False)
        return _as_known(
            events.filter(is_new | is_again).with_columns(_is_only_listing=is_new & is_settled, _is_again=is_again), known
        )

    return book


def _known_by(end: date) -> datetime:
    """The last moment of which a month's list tells."""
    return datetime.combine(end + timedelta(days=KNOWN_AFTER_DAYS), time(23, 59))


def _as_known(rows: pl.DataFrame, known: datetime) -> pl.DataFrame:
    """The rows without what was not known yet, and the status that follows."""
    rows = rows.with_columns(
        pl.when(pl.col(name) <= known).then(pl.col(name)).alias(name) for name in _TIMES
    )
    is_closed, is_handled = pl.col("verified_at").is_not_null(), pl.col("handled_at").is_not_null()
    is_dispatched, has_failed = pl.col("dispatched_at").is_not_null(), pl.col("_failed_at").is_not_null()
    return rows.with_columns(
        verified_by_reporter=pl.when(is_closed).then("verified_by_reporter"),
        failed_verifications=pl.when(has_failed).then("failed_verifications").otherwise(0),
        supervision_due_at=pl.when(has_failed).then("supervision_due_at"),
        department=pl.when(is_dispatched).then("department"),
        disposal=pl.when(is_handled).then("disposal"),
        status=pl.when(is_closed)
        .then(pl.lit("closed"))
        .when(is_handled)
        .then(pl.lit("handled"))
        .when(is_dispatched)
        .then(pl.lit("dispatched"))
        .when(pl.col("returned_count") > 0)
        .then(pl.lit("returned"))
        .otherwise(pl.lit("reported")),
        _place="community_code",
    )


def _reported_in(world: World, month: date) -> pl.DataFrame:
    """The events of a month with all that ever becomes of them."""
    chance = world.chance(EVENTS, month)
    community = _where(world, month, chance)
    count = len(community)
    level = levels(world.places.care, LEVELS, world.chance(EVENTS, "levels"))[community]
    category = chance.choice(len(CATEGORIES), count, p=np.array([share for share, _, _ in CATEGORIES.values()]))
    times = _times(month, category, level, chance)
    failures: Integers = chance.choice(len(FAILURES), count, p=np.array(FAILURES))
    is_micro = chance.random(count) < MICRO_SHARE
    disposal = chance.choice(list(DISPOSALS), count, p=np.array(list(DISPOSALS.values())))
    codes = world.places.communities["code"].gather(community)
    return pl.DataFrame(
        {
            "community_code": codes,
            "grid_code": _grids(world, community, chance),
            "category": pl.Series(list(CATEGORIES)).gather(category),
            "department": pl.Series([department for _, _, department in CATEGORIES.values()]).gather(category),
            **times,
            "verified_by_reporter": chance.random(count) >= np.array(BY_OTHERS)[level],
            "failed_verifications": failures,
            "returned_count": (chance.random(count) < RETURNED).astype(np.int64),
            "micro_event": is_micro,
            "disposal": disposal,
        },
        schema_overrides={"disposal": pl.String, "department": pl.String},
    ).with_columns(
        event_no=pl.lit("SJ") + pl.col("community_code").str.slice(0, 9) + pl.lit(f"-{month:%y%m}-") + _serial(),
        # What fails verification more than three times is put under supervision.
        supervision_due_at=pl.when(pl.col("failed_verifications") > 3).then(
            pl.col("handled_at") + timedelta(days=12)
        ),
        _failed_at=pl.when(pl.col("failed_verifications") > 0).then("handled_at"),
        disposal=pl.when("micro_event").then("disposal"),
    )


def _where(world: World, month: date, chance: np.random.Generator) -> Integers:
    """The community of every event, as a place in `places`; none in one that was not open for the whole month."""
    expected = np.maximum(np.array(world.homes, dtype=np.float64) * EVENTS_PER_PERSON, FEWEST_EVENTS)
    counts = chance.poisson(expected)
    if world.places.opening is not None and month <= world.places.opening:
        counts[world.places.standing :] = 0
    return np.repeat(np.arange(len(counts)), counts)


def _grids(world: World, community: Integers, chance: np.random.Generator) -> pl.Series:
    number = np.floor(chance.random(len(community)) * world.grids.counts[community]).astype(np.int64)
    return world.grids.codes(world.places, community, number)


def _serial() -> pl.Expr:
    return pl.int_range(1, pl.len() + 1).cast(pl.String).str.zfill(5)


def _times(month: date, category: Integers, level: Integers, chance: np.random.Generator) -> dict[str, pl.Series]:
    """When an event was reported, dispatched, due, handled and verified; null for what never happens."""
    count = len(category)

    def between(low: int, high: int) -> Integers:
        return chance.integers(low, high, count)

    reported = between(0, month_end(month).day) * DAY_MINUTES + between(7 * 60, 22 * 60)
    dispatched = reported + between(3, 240)
    allowed = np.array([days for _, days, _ in CATEGORIES.values()])[category] * DAY_MINUTES
    due = reported + allowed
    quick = dispatched + np.floor(chance.random(count) ** 2 * 0.5 * allowed).astype(np.int64) + 5
    late = due + between(60, 30 * DAY_MINUTES)
    draw = chance.random(count)
    never, slow = np.array(NEVER)[level], np.array(LATE)[level]
    is_late, is_done = draw < never + slow, draw >= never
    handled = np.where(is_late, late, quick)
    verified = handled + np.floor(chance.random(count) * 0.3 * allowed).astype(np.int64) + 10
    # Some are handled for good though nobody verifies it.
    is_dispatched = is_done | (chance.random(count) >= NOT_DISPATCHED / 2)
    is_handled = is_done | (is_dispatched & (chance.random(count) < 0.5))
    has_due = chance.random(count) >= WITHOUT_DUE_TIME
    return {
        "reported_at": _moments(month, reported),
        "dispatched_at": _moments(month, dispatched, is_dispatched),
        "due_at": _moments(month, due, has_due),
        "handled_at": _moments(month, handled, is_handled),
        "verified_at": _moments(month, verified, is_done),
    }


def _moments(month: date, minutes: Integers, are_there: Flags | None = None) -> pl.Series:
    """So many minutes after the month began; null where nothing happened."""
    since_epoch = (month - date(1970, 1, 1)).days * DAY_MINUTES + minutes
    moments = pl.Series(since_epoch * 60_000_000).cast(pl.Datetime("us"))
    return moments if are_there is None else pl.select(pl.when(pl.Series(are_there)).then(moments)).to_series()


# --- what is wrong with it -------------------------------------------------------------------------------------

_ONCE = pl.col("_is_only_listing")
_CLOSED = _ONCE & (pl.col("status") == "closed") & (pl.col("failed_verifications") <= 3)
_OPEN = _ONCE & (pl.col("status") != "closed")
_MICRO = _CLOSED & pl.col("micro_event")
_ELSEWHERE = "另案处理"


def _with_grids(condition: pl.Expr) -> Fits:
    """Where the register of grids arrived too, and someone else delivers as well."""
    return lambda scene: (
        condition & ~pl.col(SUPPLIER).is_in(list(scene.suppliers_without_grids)) & (len(scene.delivered) > 1)
    )


def _kind(name: str, rules: tuple[str, ...], planter: Planter, condition: pl.Expr = _CLOSED) -> DirtKind:
    return DirtKind(EVENTS, name, 0.0, rules, planter, when(condition))


def _moved(column: str, other: str, **change: int) -> Planter:
    """The moment becomes that of another column, moved."""

    def planter(sheet: Sheet, number: int, _: Scene) -> list[int]:
        sheet.put(number, column, sheet.row(number)[other] + timedelta(**change))
        return [number]

    return planter


def _reported_after_end(sheet: Sheet, number: int, scene: Scene) -> list[int]:
    """Reported in the month to come, so that nothing can have become of it yet."""
    nothing: dict[str, Any] = dict.fromkeys(
        ("dispatched_at", "handled_at", "verified_at", "verified_by_reporter", "due_at", "disposal", "department")
    )
    reported = datetime.combine(scene.end + timedelta(days=6), time(9, 30))
    for column, value in {**nothing, "status": "reported", "reported_at": reported}.items():
        sheet.put(number, column, value)
    return [number]


def _in_grid_of(sheet: Sheet, number: int, code: str) -> list[int]:
    """In a grid that no register has, of another community."""
    sheet.put(number, "community_code", code)
    sheet.put(number, "grid_code", f"{code}-999")
    return [number]


def _in_unknown_community(sheet: Sheet, number: int, scene: Scene) -> list[int]:
    return _in_grid_of(sheet, number, scene.unknown_community(sheet.row(number)))


def _outside_area(sheet: Sheet, number: int, scene: Scene) -> list[int]:
    return _in_grid_of(sheet, number, scene.choose(others(sheet.row(number), scene)))


def _unknown_grid(sheet: Sheet, number: int, _: Scene) -> list[int]:
    return _in_grid_of(sheet, number, sheet.row(number)["_place"])


def _neighbours_code(sheet: Sheet, number: int, scene: Scene) -> list[int]:
    row = sheet.row(number)
    own = [code for code in scene.delivered[row[SUPPLIER]] if code != row["_place"]]
    sheet.put(number, "community_code", scene.choose(own))
    return [number]


def _two_suppliers(sheet: Sheet, number: int, scene: Scene) -> list[int]:
    """Another street reports the same event from a grid of its own."""
    code = scene.choose(others(sheet.row(number), scene))
    supplier = next(supplier for supplier, codes in scene.delivered.items() if code in codes)
    place = {"community_code": code, "_place": code, "grid_code": f"{code}-001"}
    return [number, sheet.repeat(number, **place, **{SUPPLIER: supplier, ORDER: 1e12 + number})]


def _dirt() -> list[DirtKind]:
    closed_is_verified, has_its_time, inside = "closed_is_verified", "status_has_its_time", "grid_inside_community"
    # Numbers are given in rows that break nothing else: a negative one is no reason for supervision.
    failed, returned = (
        [
            DirtKind(EVENTS, kind.kind, 0.0, kind.rules, kind.plant, when(_CLOSED))
            for kind in number_kinds(EVENTS, column, -1, "多次", is_nullable=True)
        ]
        for column in ("failed_verifications", "returned_count")
    )
    with_neighbours = pl.col("_place").n_unique().over(SUPPLIER) > 1
    unregistered = _with_grids(_CLOSED)
    return [
        *in_turn(
            3,
            _kind("number_missing", ("event_no.required",), cell("event_no", None)),
            _kind("category_missing", ("category.required",), cell("category", None), _ONCE),
            _kind("category_unknown", ("category.known_value",), cell("category", None, "其它来源"), _ONCE),
            _kind("reported_at_missing", ("reported_at.required",), cell("reported_at", None), _OPEN),
            _kind("reported_at_unreadable", ("reported_at.readable",), cell("reported_at", None, "上周"), _CLOSED),
            _kind("dispatched_at_unreadable", ("dispatched_at.readable",), cell("dispatched_at", None, "当日")),
            _kind("handled_at_unreadable", ("handled_at.readable", has_its_time), cell("handled_at", None, "已办")),
            _kind("due_at_unreadable", ("due_at.readable",), cell("due_at", None, "三个工作日"), _ONCE),
            _kind("verified_at_unreadable", ("verified_at.readable", closed_is_verified), cell("verified_at", None, "已核查")),
            _kind("verifier_missing", ("verified_by_reporter.required",), cell("verified_by_reporter", None)),
            _kind("verifier_unreadable", ("verified_by_reporter.readable",), cell("verified_by_reporter", None, "待核")),
            *failed,
            *returned,
            _kind("supervision_unreadable", ("supervision_due_at.readable",), cell("supervision_due_at", None, "一周内")),
            _kind("department_missing", ("department.required",), cell("department", None)),
            _kind("micro_event_missing", ("micro_event.required",), cell("micro_event", None), _ONCE & ~pl.col("micro_event")),
            _kind("micro_event_unreadable", ("micro_event.readable",), cell("micro_event", None, "待定"), _MICRO),
            _kind("disposal_missing", ("disposal.required",), cell("disposal", None), _MICRO),
            _kind("disposal_unknown", ("disposal.known_value",), cell("disposal", None, _ELSEWHERE), _MICRO),
            _kind("status_missing", ("status.required",), cell("status", None)),
            _kind("status_unknown", ("status.known_value",), cell("status", None, "挂账"), _OPEN),
            _kind("reported_after_end", ("reported_by_period_end",), _reported_after_end),
            _kind("verified_before_handled", ("times_in_order",), _moved("verified_at", "handled_at", days=-1)),
            _kind("due_before_reported", ("due_after_reported",), _moved("due_at", "reported_at", days=-1), _ONCE),
            _kind("verified_but_not_closed", (closed_is_verified,), cell("status", "handled")),
            _kind("closed_but_not_handled", (has_its_time,), cell("handled_at", None)),
            _kind("neighbours_community", (inside,), _neighbours_code, _CLOSED & with_neighbours),
            _kind("same_key_other_content", ("key.unique",), conflicting("returned_count", lambda count: count + 1)),
            DirtKind(EVENTS, "grid_unknown", 0.0, ("grid_exists",), _unknown_grid, unregistered),
            DirtKind(EVENTS, "two_suppliers", 0.0, ("key.two_suppliers",), _two_suppliers, where_others_deliver(_CLOSED)),
        ),
        *in_turn(
            6,
            _kind("grid_missing", ("grid_code.required",), cell("grid_code", None)),
            _kind("community_missing", ("community_code.required",), cell("community_code", None)),
            _kind("community_malformed", ("community_code.format", inside), malformed_community),
            DirtKind(EVENTS, "community_unknown", 0.0, ("community_code.exists", "grid_exists"), _in_unknown_community, unregistered),
            _kind("grid_malformed", ("grid_code.format", inside), cell("grid_code", "1号网格")),
            DirtKind(EVENTS, "outside_area", 0.0, ("grid_exists", "outside_supplier_area"), _outside_area, unregistered),
        ),
        DirtKind(EVENTS, "revised_badly", 0.0, ("failed_verifications.range",), cell("failed_verifications", -1), when(pl.col("_is_again")), first=1),
        DirtKind(
            EVENTS, "without_supervision", 0.001, ("supervision_opened",),
            together(cell("failed_verifications", 5), cell("supervision_due_at", None)), when(_ONCE), "accepted",
        ),
        DirtKind(EVENTS, "repeated_row", 0.002, ("key.repeated",), repeated, when(_ONCE), "duplicate"),
    ]  # fmt: skip


DIRT: tuple[DirtKind, ...] = (*_dirt(), *activities.DIRT)
MEASURES: tuple[Kpi, ...] = (*events_kpis.MEASURES, *activities.MEASURES)
