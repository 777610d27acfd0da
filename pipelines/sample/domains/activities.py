"""The sample's community activities: the true table, errors planted in it, the truth of their KPIs.

Part of the domain `events`.
"""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import numpy as np
import polars as pl

from pipelines.sample.care import levels
from pipelines.sample.judging import Figure
from pipelines.sample.kinds import DirtKind, any_row, in_turn, when
from pipelines.sample.ledger import DELIVERED, Ledger
from pipelines.sample.measuring import Amounts, Condition, Kpi, Measure, Moment
from pipelines.sample.planters import (
    Planter,
    after_the_end,
    cell,
    conflicting,
    malformed_community,
    repeated,
    together,
    unknown_community,
    unreadable_date,
)
from pipelines.sample.sheets import STATE, SUPPLIER
from pipelines.sample.world import Book, World
from pipelines.settings import add_months, month_end

ACTIVITIES = "civil_activities"
PERCENT = 100
# Kind → after how many months one more is due.
DUE_EVERY = {"sports_contest": 1, "show": 3, "civility_month": 6, "games": 12}
# Communities that do nearly well and badly. How likely those that do well, nearly well and badly hold what is due, and
# how large a part of the staff of their stationed units volunteers before the year is out.
LEVELS = (0.1, 0.1)
HOLDS = (1.0, 0.93, 0.55)
SERVE: tuple[tuple[float, float], ...] = ((1.0, 1.0), (0.94, 0.99), (0.3, 0.8))
ONE_MORE, OTHER, WITHOUT_STATIONED_UNITS = 0.12, 0.25, 0.2
VOLUNTEERING_SHARE = 0.45
# Whose numbers are corrected in the next month's list.
CORRECTED_SHARE = 0.04


def books(world: World) -> dict[str, Book]:
    """The book of activities."""
    held = pl.DataFrame(_held(world), infer_schema_length=None)

    def book(month: date, end: date) -> pl.DataFrame:
        before = add_months(month, -1)
        is_new = pl.col("held_date").is_between(month, end)
        is_again = pl.col("held_date").is_between(before, month_end(before)) & pl.col("_is_corrected")
        rows = held.filter(is_new | is_again)
        is_last = pl.lit(month == world.months[-1])
        return rows.with_columns(
            # Too few were written down at first.
            participants=pl.when(is_new & pl.col("_is_corrected"))
            .then(pl.col("participants") - 5)
            .otherwise("participants"),
            _is_again=is_again,
            _is_only_listing=is_new & (is_last | ~pl.col("_is_corrected")),
            _place="community_code",
        )

    return {ACTIVITIES: book}


# --- what is true ----------------------------------------------------------------------------------------------


def _held(world: World) -> list[dict[str, object]]:
    """Every activity of the sample, by community and month."""
    chance = world.chance(ACTIVITIES)
    rows: list[dict[str, object]] = []
    of_all = levels(world.places.care, LEVELS, chance).tolist()
    for place, (code, level) in enumerate(zip(world.places.codes, of_all, strict=True)):
        staff = 0 if chance.random() < WITHOUT_STATIONED_UNITS else int(chance.integers(8, 260))
        low, high = SERVE[level]
        willing = int(staff * (low + chance.random() * (high - low)))
        served, year = 0, 0
        for month in world.months:
            if place >= world.places.standing and world.places.opening is not None and month <= world.places.opening:
                continue
            if month.year != year:
                served, year = 0, month.year  # everybody serves anew each year
            rows += [_activity(code, kind, month, chance) for kind in _kinds(level, month, chance)]
            if staff and chance.random() < VOLUNTEERING_SHARE:
                served += int((willing - served) * float(chance.choice([0.6, 1.0], p=[0.25, 0.75])))
                told = {"stationed_unit_staff": staff, "stationed_unit_volunteers": served}
                rows.append({**_activity(code, "volunteering", month, chance), **told})
    for number, row in enumerate(rows):
        row["activity_no"] = f"HD{str(row['community_code'])[:9]}-{row['held_date']:%y%m}-{number + 1:05d}"
    return rows


def _kinds(level: int, month: date, chance: np.random.Generator) -> list[str]:
    """What a community holds in a month: what is due with it, now and then one more, or something else."""
    kinds = [
        kind for kind, months in DUE_EVERY.items() if month.month % months == 0 and chance.random() < HOLDS[level]
    ]
    kinds += [kind for kind in ("sports_contest", "show") if chance.random() < ONE_MORE]
    return kinds + (["other"] if chance.random() < OTHER else [])


def _activity(code: str, kind: str, month: date, chance: np.random.Generator) -> dict[str, object]:
    days = month_end(month).day
    return {
        "community_code": code,
        "kind": kind,
        "held_date": month + timedelta(days=int(chance.integers(0, days))),
        "participants": int(chance.integers(10, 300)) if chance.random() < 0.9 else None,
        "stationed_unit_staff": None,
        "stationed_unit_volunteers": None,
        "_is_corrected": chance.random() < CORRECTED_SHARE,
    }


# --- what is wrong with it -------------------------------------------------------------------------------------

_ONCE = pl.col("_is_only_listing")
_IS_DUE = _ONCE & pl.col("kind").is_in(list(DUE_EVERY))
_TOLD = _ONCE & pl.col("stationed_unit_staff").is_not_null() & (pl.col("stationed_unit_volunteers") > 0)
_STAFF, _VOLUNTEERS = "stationed_unit_staff", "stationed_unit_volunteers"


def _kind(name: str, rules: tuple[str, ...], planter: Planter, condition: pl.Expr = _IS_DUE) -> DirtKind:
    return DirtKind(ACTIVITIES, name, 0.0, rules, planter, when(condition))


def _dirt() -> list[DirtKind]:
    together_only = "volunteers_with_staff"
    return [
        *in_turn(
            3,
            _kind("number_missing", ("activity_no.required",), cell("activity_no", None)),
            _kind("kind_missing", ("kind.required",), cell("kind", None)),
            _kind("held_date_missing", ("held_date.required",), cell("held_date", None)),
            _kind("participants_unreadable", ("participants.readable",), cell("participants", None, "百余人"), _ONCE),
            _kind("volunteers_out_of_range", (f"{_VOLUNTEERS}.range",), cell(_VOLUNTEERS, -1), _TOLD),
            _kind("kind_unknown", ("kind.known_value",), cell("kind", None, "读书会")),
            _kind("held_date_unreadable", ("held_date.readable",), unreadable_date("held_date")),
            _kind("participants_out_of_range", ("participants.range",), cell("participants", -20)),
            _kind("staff_unreadable", (f"{_STAFF}.readable", together_only), cell(_STAFF, None, "若干"), _TOLD),
            _kind("more_served_than_there_are", ("volunteers_within_staff",), cell(_STAFF, 0), _TOLD),
            _kind("held_after_end", ("held_by_period_end",), after_the_end("held_date", 12)),
            _kind("staff_out_of_range", (f"{_STAFF}.range",), cell(_STAFF, 2_000_000), _TOLD),
            _kind("volunteers_unreadable", (f"{_VOLUNTEERS}.readable", together_only), cell(_VOLUNTEERS, None, "全体"), _TOLD),
            _kind("volunteers_without_staff", (together_only,), cell(_STAFF, None), _TOLD),
            _kind("report_out_of_range", ("participants.range",), cell("participants", -1), _TOLD),
            DirtKind(
                ACTIVITIES, "same_key_other_content", 0.0, ("key.unique",),
                conflicting("held_date", lambda day: day.replace(day=1 if day.day > 1 else 2)), when(_IS_DUE),
            ),
        ),
        *in_turn(
            6,
            _kind("community_missing", ("community_code.required",), cell("community_code", None), _ONCE & (pl.col("kind") == "other")),
            _kind("community_malformed", ("community_code.format",), malformed_community),
            _kind("community_unknown", ("community_code.exists",), unknown_community),
        ),
        # What may be a report of any community puts the volunteers of all in doubt until the year is out: late in it.
        DirtKind(ACTIVITIES, "nothing_known", 0.0, ("community_code.required", "kind.required"), together(cell("community_code", None), cell("kind", None)), when(_ONCE & (pl.col("kind") == "other")), every=12, first=7),
        DirtKind(ACTIVITIES, "report_of_unknown_community", 0.0, ("community_code.exists",), unknown_community, when(_TOLD), every=12, first=9),
        DirtKind(ACTIVITIES, "revised_badly", 0.0, ("participants.range",), cell("participants", -5), when(pl.col("_is_again") & pl.col("kind").is_in(list(DUE_EVERY))), first=1),
        DirtKind(ACTIVITIES, "repeated_row", 0.005, ("key.repeated",), repeated, any_row, "duplicate"),
    ]  # fmt: skip


DIRT: tuple[DirtKind, ...] = tuple(_dirt())


# --- what follows for its KPIs ---------------------------------------------------------------------------------


def _is(kind: str) -> Condition:
    return lambda _: pl.col("kind") == kind


def _is_placed(kind: str) -> Condition:
    """Of this kind and in a community, beyond doubt."""
    return lambda _: pl.col("kind").eq_missing(pl.lit(kind)) & pl.col("community_code").is_not_null()


def _is_unclear(kinds: tuple[str, ...]) -> Condition:
    """May be of one of these kinds, and nobody knows of which or where."""
    known, placed = pl.col("kind").is_not_null(), pl.col("community_code").is_not_null()
    return lambda _: (pl.col("kind").is_in(list(kinds)).fill_null(True)) & ~(known & placed)


def _held_as(*kinds: str) -> tuple[Measure, ...]:
    return (
        *(Measure(kind, ACTIVITIES, "count", _is(kind)) for kind in kinds),
        *(Measure(f"{kind}_placed", ACTIVITIES, "count", _is_placed(kind)) for kind in kinds),
        Measure("unclear", ACTIVITIES, "count", _is_unclear(kinds)),
    )


def _cadence(amounts: Amounts) -> Figure:
    """Of each kind what a community held, as far as it is due there; the same for certain, and perhaps."""
    due = {kind: Fraction(amounts.months // months) for kind, months in DUE_EVERY.items()}
    held = certain = perhaps = Fraction(0)
    for own in amounts.each():
        for kind, wanted in due.items():
            held += min(own[kind], wanted)
            certain += min(own[kind] - own[f"{kind}_revised"], wanted)
            perhaps += min(own[kind] + own[f"{kind}_placed_doubtful"], wanted)
    wanted = sum(due.values(), Fraction(0)) * amounts.communities
    return Figure(held, wanted, certain, wanted, min(perhaps + amounts["unclear_doubtful"], wanted), wanted)


def _contests(amounts: Amounts) -> Figure:
    """Communities that held one, once the year is over."""
    kind, communities = "sports_contest", Fraction(amounts.communities)
    each = amounts.each()
    held = sum(own[kind] > 0 for own in each)
    certain = sum(own[kind] > own[f"{kind}_revised"] for own in each)
    perhaps = sum(own[kind] + own[f"{kind}_placed_doubtful"] > 0 for own in each)
    most = min(perhaps + amounts["unclear_doubtful"], communities)
    is_over = Fraction(amounts.months // 12)
    wanted = communities * is_over
    return Figure(held * is_over, wanted, certain * is_over, wanted, most * is_over, wanted)


def _told(ledger: Ledger, moment: Moment) -> pl.DataFrame:
    """What each community told of its stationed units this year, one row each.

    A refused row may be what was told last, so that the most staff, the fewest who served and the fewest who did not
    are those of any of them.
    """
    told: dict[str, list[dict[str, Any]]] = {}
    rows = ledger.of_months(ACTIVITIES)
    for row in [] if rows is None else rows.iter_rows(named=True):
        held, delivered = row["held_date"], row[DELIVERED]
        is_known = held is not None and held <= month_end(delivered)
        month = held.replace(day=1) if is_known else delivered
        is_accepted = row[STATE] == "accepted"
        may_tell = row["kind"] == "volunteering" or (row["kind"] is None and not is_accepted)
        if not (moment.year_start <= month <= moment.month and may_tell):
            continue
        has_place = row["community_code"] is not None
        if has_place and not (is_accepted and row[_STAFF] is None):
            told.setdefault(row["community_code"], []).append(row)
    return pl.DataFrame([_of_community(code, own) for code, own in sorted(told.items())], schema=_TOLD_SCHEMA)


def _of_community(code: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    accepted = [row for row in rows if row[STATE] == "accepted"]
    refused = [row for row in rows if row[STATE] != "accepted"]
    latest = max(accepted, key=lambda row: (row["held_date"], row["activity_no"])) if accepted else None
    options = [*refused, *([latest] if latest else [])]
    staff = [row[_STAFF] or 0 for row in options]
    served = [row[_VOLUNTEERS] or 0 for row in options]
    idle = [
        0 if row[_STAFF] is None or row[_VOLUNTEERS] is None else max(row[_STAFF] - row[_VOLUNTEERS], 0)
        for row in options
    ]
    sums = (
        latest[_STAFF] if latest else 0,
        latest[_VOLUNTEERS] if latest else 0,
        max(staff),
        min(served) if latest else 0,
        min(idle) if latest else 0,
        sum(row[_STAFF] is None for row in options),
    )
    place = {"community_code": code, SUPPLIER: rows[0][SUPPLIER], STATE: "accepted"}
    return {**place, **dict(zip(_SUMS, sums, strict=True))}


_SUMS = ("staff", "served", "staff_most", "served_least", "idle_least", "without_number")
_TOLD_SCHEMA: dict[str, Any] = {
    "community_code": pl.String, SUPPLIER: pl.String, STATE: pl.String, **dict.fromkeys(_SUMS, pl.Int64),
}  # fmt: skip


def _is_report_from_nowhere(_: Moment) -> pl.Expr:
    """Only a refused row has no community."""
    may_be_report = (pl.col("kind") == "volunteering").fill_null(True)
    return pl.col("community_code").is_null() & may_be_report


def _volunteering(amounts: Amounts) -> Figure:
    """Served of staff. What nobody knows the number of, or the community, leaves both ends open."""
    most, unplaced = amounts["staff_most"], amounts["from_nowhere_doubtful"]
    high = most if unplaced else most - amounts["idle_least"]
    figure = Figure(amounts["served"], amounts["staff"], amounts["served_least"], most, high, most)
    if unplaced or amounts["without_number"]:
        return Figure(
            figure.numerator, figure.denominator, figure.low_numerator, None, None, None, may_be_complete=high == most
        )
    return figure


MEASURES: tuple[Kpi, ...] = (
    Kpi(
        "activity_cadence_rate", "rate", {ACTIVITIES: "cases"}, _held_as(*DUE_EVERY),
        scale=PERCENT, basis="ytd", figure=_cadence,
    ),
    Kpi(
        "yearly_contest_rate", "rate", {ACTIVITIES: "cases"}, _held_as("sports_contest"),
        scale=PERCENT, basis="ytd", figure=_contests,
    ),
    Kpi(
        "stationed_unit_volunteering_rate",
        "rate",
        {ACTIVITIES: "cases"},
        (
            Measure("from_nowhere", ACTIVITIES, "count", _is_report_from_nowhere),
            *(
                Measure(name, ACTIVITIES, "count", amount=pl.col(name), rows=_told, reads=(ACTIVITIES,), is_to_date=True)
                for name in _SUMS
            ),
        ),
        scale=PERCENT,
        basis="ytd",
        figure=_volunteering,
    ),
)  # fmt: skip
