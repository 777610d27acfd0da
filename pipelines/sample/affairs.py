"""What agencies deal with in a sample county, as it really is: residence registrations, facilities, disputes.

Communities differ: most meet their targets, some nearly, some do not, so that the results are worth looking at.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

from pipelines.sample.chance import Flags, Floats, Integers, stream
from pipelines.sample.people import NEVER, Window, as_dates, day_number
from pipelines.sample.places import Grids, Places
from pipelines.settings import add_months, month_end, month_start

# Shares of communities that do well, nearly well and badly, and how large a part of those found by the grid
# never registers in each.
REGISTRATION_LEVELS = (0.72, 0.14, 0.14)
UNREGISTERED: tuple[tuple[float, float], ...] = ((0.0, 0.025), (0.050, 0.053), (0.08, 0.2))
RENEWED: tuple[float, ...] = (0.995, 0.99, 0.95)
REGISTRATION_DAYS = 365
FACILITY_TARGET_M2 = 0.3  # per household
FACILITY_LEVELS = (0.78, 0.10, 0.12)
FACILITY_FACTORS: tuple[tuple[float, float], ...] = ((1.03, 2.2), (0.94, 0.998), (0.35, 0.92))
DISPUTES_PER_PERSON, FEWEST_DISPUTES = 0.0012, 0.35
CAREFUL_COMMUNITIES = 0.78
# An agency's list of disputes is drawn up on this day after the end of the month.
KNOWN_AFTER_DAYS = 2


def levels(count: int, shares: tuple[float, ...], chance: np.random.Generator) -> Integers:
    """0 good, 1 near, 2 bad for each community."""
    return chance.choice(len(shares), count, p=np.array(shares))


def register_temporary_residents(
    places: Places, stays: pl.DataFrame, window: Window, seed: int
) -> pl.DataFrame:
    """Every residence registration of the sample, one row each.

    Columns: registration_no, person, community, registered_date, valid_to, cancelled_date. A registration runs
    for a year and is then renewed as a new one, or lapses; it is cancelled when its holder leaves.
    """
    chance = stream(seed, "registrations")
    level = levels(len(places.codes), REGISTRATION_LEVELS, chance)
    low, high = np.array(UNREGISTERED).T
    share = low[level] + chance.random(len(level)) * (high - low)[level]
    rows = stays.filter(pl.col("residence_type") == "temporary")
    community = rows["community"].to_numpy()
    arrived = _days(rows["arrived_date"])
    left = _days(rows["left_date"])
    never = _never_registered(community, arrived < window.first, share, chance)
    rows = rows.select("person", "community")
    recent = arrived > window.first - REGISTRATION_DAYS
    delay = np.minimum(np.floor(chance.exponential(1.5, len(arrived))), 25).astype(np.int64)
    first = np.where(recent, arrived + delay, window.first - 1 - chance.integers(0, 360, len(arrived)))
    runs = ~never & (first < left)
    parts = [_registered(rows, runs, first, left, chance)]
    for start in (first + number * REGISTRATION_DAYS for number in range(1, window.years + 2)):
        renews = chance.random(len(first)) < np.array(RENEWED)[level[community]]
        runs = runs & renews & (start <= window.last) & (start <= left)
        parts.append(_registered(rows, runs, start, left, chance))
    registered = pl.concat(parts).sort("registered_date", "person")
    numbers = pl.int_range(1, pl.len() + 1).cast(pl.String).str.zfill(7)
    prefix = pl.lit("ZZ") + pl.col("registered_date").dt.year().cast(pl.String)
    return registered.with_columns(registration_no=prefix + numbers)


def _registered(
    rows: pl.DataFrame, has_one: Flags, start: Integers, left: Integers, chance: np.random.Generator
) -> pl.DataFrame:
    """The registrations that begin on the days `start`; they end early where their holder leaves."""
    end = start + REGISTRATION_DAYS - 1
    cancelled = np.maximum(left + chance.integers(0, 11, len(left)), start)
    frame = rows.with_columns(
        as_dates(start).alias("registered_date"),
        as_dates(end).alias("valid_to"),
        as_dates(np.where(left <= end, cancelled, NEVER)).alias("cancelled_date"),
    )
    return frame.filter(pl.Series(has_one))


def _never_registered(
    community: Integers, is_initial: Flags, share: Floats, chance: np.random.Generator
) -> Flags:
    """Who never registers: of those there from the beginning exactly the community's share, later by chance."""
    draw = chance.random(len(community))
    never: Flags = ~is_initial & (draw < share[community])
    initial = np.flatnonzero(is_initial)
    order = initial[np.lexsort((draw[initial], community[initial]))]
    totals = np.bincount(community[initial], minlength=len(share))
    rank = np.arange(len(order)) - np.repeat(np.cumsum(totals) - totals, totals)
    quota = np.rint(share * totals).astype(np.int64)
    never[order[rank < quota[community[order]]]] = True
    return never


def _days(dates: pl.Series) -> Integers:
    return dates.cast(pl.Int32).cast(pl.Int64).fill_null(NEVER).to_numpy()


def build_facilities(places: Places, grids: Grids, window: Window, seed: int) -> pl.DataFrame:
    """Every facility of the sample, one row each, in the columns of civil_facilities; area in hundredths of m²."""
    chance = stream(seed, "facilities")
    level = levels(len(places.codes), FACILITY_LEVELS, chance)
    low, high = np.array(FACILITY_FACTORS).T
    factor = low[level] + chance.random(len(level)) * (high - low)[level]
    general = grids.register.filter(pl.col("kind") == "general")
    homes = dict(general.group_by("community_code").agg(pl.col("households").sum()).iter_rows())
    rows: list[dict[str, object]] = []
    for number, code in enumerate(places.codes):
        needed = homes[code] * FACILITY_TARGET_M2 * float(factor[number])
        parts = [0.7, 0.3] if needed > 300 and chance.random() < 0.4 else [1.0]
        for share in parts:
            rows.append(_facility(code, len(rows), "comprehensive_service", needed * share, chance))
        if number >= places.standing:
            rows[-1]["opened_date"], rows[-1]["renovated_date"] = places.opening, None
            continue
        if level[number] == 2 and chance.random() < 0.3:
            # Some that fall short open another building during the sample.
            late = _facility(code, len(rows), "comprehensive_service", needed * 1.2, chance)
            rows.append({**late, "opened_date": _day(window.draw(1, chance)[0]), "acquired_by": "new_built"})
        if level[number] == 0 and chance.random() < 0.02:
            rows[-1]["closed_date"] = _day(window.draw(1, chance)[0])
        others = (
            "elderly_care",
            "party_service_centre",
            "outdoor_fitness",
            "safety_platform",
            "convenience_service",
        )
        rows += [
            _facility(code, len(rows) + place, kind, float(chance.uniform(40, 400)), chance)
            for place, kind in enumerate(kind for kind in others if chance.random() < 0.2)
        ]
    return pl.DataFrame(
        rows, infer_schema_length=None, schema_overrides={"closed_date": pl.Date, "renovated_date": pl.Date}
    )


def _facility(
    code: str, number: int, kind: str, area_m2: float, chance: np.random.Generator
) -> dict[str, object]:
    opened = date(2002, 1, 1) + timedelta(days=int(chance.integers(0, 8_000)))
    rooms = [
        room
        for room in ("一站式服务大厅", "调解室", "图书室", "活动室", "警务室", "会议室")
        if chance.random() < 0.5
    ]
    acquired = ("new_built", "rebuilt_or_extended", "allocated", "purchased", "leased", "co_built", None)
    return {
        "facility_no": f"SS{code[:9]}-{number + 1:04d}",
        "community_code": code,
        "kind": kind,
        "floor_area_m2": max(1, round(area_m2 * 100)),
        "outdoor_area_m2": int(chance.integers(0, 2000)) * 50 if chance.random() < 0.4 else None,
        "acquired_by": acquired[int(chance.integers(0, len(acquired)))],
        "opened_date": opened,
        "closed_date": None,
        "rooms": rooms or None,
        "renovated_date": _day(day_number(opened) + 900) if chance.random() < 0.3 else None,
    }


def hear_disputes(places: Places, living: Integers, first_month: str, months: int, seed: int) -> pl.DataFrame:
    """Every dispute of the sample, one row each, with its outcome in the end.

    Columns of grid_disputes, `community` (place in `places`), and handled_date and result as they will be once
    known. Some were accepted in the month before the first.
    """
    chance = stream(seed, "disputes")
    is_careful = chance.random(len(places.codes)) < CAREFUL_COMMUNITIES
    expected = np.maximum(living * DISPUTES_PER_PERSON, FEWEST_DISPUTES)
    rows: list[dict[str, object]] = []
    for step in range(-1, months):
        month = add_months(month_start(first_month), step)
        counts = chance.poisson(expected)
        for community, count in enumerate(counts.tolist()):
            if community >= places.standing and places.opening is not None and month <= places.opening:
                continue  # not open yet for the whole month
            for _ in range(count):
                rows.append(
                    _dispute(places.codes[community], community, month, bool(is_careful[community]), chance)
                )
        _number(rows, month)
    return pl.DataFrame(rows, infer_schema_length=None)


def _number(rows: list[dict[str, object]], month: date) -> None:
    fresh = [row for row in rows if "dispute_no" not in row]
    for number, row in enumerate(fresh):
        row["dispute_no"] = f"JF{str(row['community_code'])[:9]}-{month:%y%m}-{number + 1:04d}"


def _dispute(
    code: str, community: int, month: date, is_careful: bool, chance: np.random.Generator
) -> dict[str, object]:
    last = month_end(month)
    accepted = month + timedelta(days=int(chance.integers(0, last.day)))
    kinds = ("civil", "labour", "land", "administrative", "other")
    kind = kinds[int(chance.choice(5, p=[0.7, 0.1, 0.1, 0.04, 0.06]))]
    draw = chance.random()
    slow, never = (0.012, 0.003) if is_careful else (0.14, 0.03)
    if draw < never:
        handled = None
    elif draw < never + slow:
        handled = accepted + timedelta(days=int(chance.integers(12, 90)))
    else:
        # Dealt with before the month's list is drawn up.
        handled = min(
            accepted + timedelta(days=int(chance.integers(0, 12))), last + timedelta(days=KNOWN_AFTER_DAYS)
        )
    success = chance.random() < (0.992 if is_careful else 0.94)
    return {
        "community": community,
        "community_code": code,
        "kind": kind,
        "channel": ("people", "administrative", "judicial")[int(chance.choice(3, p=[0.8, 0.15, 0.05]))],
        "accepted_date": accepted,
        "due_date": accepted + timedelta(days=30),
        "handled_date": handled,
        "result": None if handled is None else "success" if success else "failure",
        "deaths": 0,
        "injuries": int(chance.random() < 0.01),
    }


def _day(number: int) -> date:
    return date(1970, 1, 1) + timedelta(days=int(number))
