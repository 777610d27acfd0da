"""What agencies deal with in a sample county, as it really is: residence registrations, facilities, disputes.

Communities differ: most meet their targets, some nearly, some do not, so that the results are worth looking at.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

from pipelines.sample.care import between, lacks, levels
from pipelines.sample.chance import Flags, Floats, Integers, stream
from pipelines.sample.people import NEVER, Window, as_dates, day_number
from pipelines.sample.places import Grids, Places
from pipelines.settings import add_months, month_end, month_start

# Shares of communities that do nearly well and badly, and how large a part of those found by the grid never registers
# in communities that do well, nearly well and badly.
REGISTRATION_LEVELS = (0.12, 0.13)
UNREGISTERED: tuple[tuple[float, float], ...] = ((0.0, 0.025), (0.050, 0.053), (0.08, 0.2))
RENEWED: tuple[float, ...] = (0.995, 0.99, 0.95)
REGISTRATION_DAYS = 365
FACILITY_TARGET_M2 = 0.3  # per household
FACILITY_LEVELS = (0.07, 0.10)
FACILITY_FACTORS: tuple[tuple[float, float], ...] = ((1.03, 2.2), (0.94, 0.998), (0.35, 0.92))
DISPUTES_PER_PERSON, FEWEST_DISPUTES = 0.0012, 1.2
SERVICE_BUILDING_M2, OF_NEW_BUILDINGS_M2 = (305.0, 640.0), (610.0, 900.0)
ELDERLY_CARE_M2 = 0.27  # per household
# How many communities are short of what documents ask for beside the buildings themselves.
SHORT_OF = {"rooms": 0.12, "centres": 0.16, "renovation": 0.2, "safety_platform": 0.16, "elderly_care": 0.15}
ROOMS = ("一站式服务大厅", "调解室", "图书室", "活动室", "警务室", "会议室")
CENTRES = ("文体活动中心", "卫生服务站", "志愿服务站", "未成年人活动中心", "党群服务中心", "便民服务中心")
PLATFORM_ROOMS = ("群众接待室", "调解室", "心理咨询室")
# Communities that are slow with disputes, and how many of these they handle late, or never, or settle.
SLOW_WITH_DISPUTES = 0.2
LATE, NEVER_HANDLED, SETTLED = (0.004, 0.14), (0.0, 0.03), (0.995, 0.94)
# The channels that disputes go through one after the other; those who are slow know the first one alone, mostly.
CHANNELS = ("people", "administrative", "judicial", "people", "people")
# An agency's list of disputes is drawn up on this day after the end of the month.
KNOWN_AFTER_DAYS = 2
HUNDREDTHS = 100


def register_temporary_residents(
    places: Places, stays: pl.DataFrame, window: Window, seed: int
) -> pl.DataFrame:
    """Every residence registration of the sample, one row each.

    Columns: registration_no, person, community, registered_date, valid_to, cancelled_date. A registration runs
    for a year and is then renewed as a new one, or lapses; it is cancelled when its holder leaves.
    """
    chance = stream(seed, "registrations")
    level = levels(places.care, REGISTRATION_LEVELS, chance)
    share = between(UNREGISTERED, level, chance)
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
    level = levels(places.care, FACILITY_LEVELS, chance)
    factor = between(FACILITY_FACTORS, level, chance)
    lacking = {what: lacks(places.care, share, chance) for what, share in SHORT_OF.items()}
    general = grids.register.filter(pl.col("kind") == "general")
    homes = dict(general.group_by("community_code").agg(pl.col("households").sum()).iter_rows())
    rows: list[dict[str, object]] = []
    for number, code in enumerate(places.codes):
        short = {what for what, who in lacking.items() if who[number]}
        floor = homes[code] * FACILITY_TARGET_M2
        own = _service_buildings(code, floor * float(factor[number]), short, chance, is_enough=level[number] == 0)
        own += _other_facilities(code, homes[code], short, chance)
        if number >= places.standing:
            own = [facility | {"opened_date": places.opening, "renovated_date": None} for facility in own]
        elif level[number] == 2 and chance.random() < 0.3:
            # Some that fall short open another building during the sample.
            late = _facility(code, "comprehensive_service", floor * 1.2, chance)
            own.append({**late, "opened_date": _day(window.draw(1, chance)[0]), "acquired_by": "new_built"})
        elif short and chance.random() < 0.06:
            own[0]["closed_date"] = _day(window.draw(1, chance)[0])
        rows += own
    for number, row in enumerate(rows, start=1):
        row["facility_no"] = f"SS{str(row['community_code'])[:9]}-{number:04d}"
    return pl.DataFrame(
        rows, infer_schema_length=None, schema_overrides={"closed_date": pl.Date, "renovated_date": pl.Date}
    )


def _service_buildings(
    code: str, area_m2: float, short: set[str], chance: np.random.Generator, *, is_enough: bool
) -> list[dict[str, object]]:  # fmt: skip
    """One building or two, with the rooms and centres in the first. Enough is also what buildings must have at least."""
    shares = [0.7, 0.3] if area_m2 > 300 and chance.random() < 0.4 else [1.0]
    buildings = [_facility(code, "comprehensive_service", 0.0, chance) for _ in shares]
    if is_enough:
        is_new = any(building["acquired_by"] == "new_built" for building in buildings)
        area_m2 = max(area_m2, float(chance.uniform(*(OF_NEW_BUILDINGS_M2 if is_new else SERVICE_BUILDING_M2))))
    for building, share in zip(buildings, shares, strict=True):
        building["floor_area_m2"] = max(1, round(area_m2 * share * HUNDREDTHS))
    buildings[0]["rooms"] = [*_present(ROOMS, "rooms" in short, chance), *_present(CENTRES, "centres" in short, chance)] or None
    return buildings


def _other_facilities(code: str, homes: int, short: set[str], chance: np.random.Generator) -> list[dict[str, object]]:
    """A safety platform and care of the elderly, where they are not lacking or too small; of other kinds some have one."""
    others = [
        _facility(code, kind, float(chance.uniform(40, 400)), chance)
        for kind in ("party_service_centre", "outdoor_fitness", "convenience_service")
        if chance.random() < 0.2
    ]
    for facility in others:
        if facility["kind"] == "party_service_centre" and "renovation" in short:
            facility["renovated_date"] = None
    if "safety_platform" not in short or chance.random() < 0.5:
        area = chance.uniform(*((60, 290) if "safety_platform" in short else (305, 495)))
        platform = _facility(code, "safety_platform", float(area), chance)
        others.append(platform | {"rooms": _present(PLATFORM_ROOMS, "safety_platform" in short, chance) or None})
    if "elderly_care" not in short or chance.random() < 0.5:
        per_home = ELDERLY_CARE_M2 * (0.3 if "elderly_care" in short else 1.0)
        others.append(_facility(code, "elderly_care", homes * per_home * float(chance.uniform(1.0, 1.6)), chance))
    return others


def _present(names: tuple[str, ...], is_short: bool, chance: np.random.Generator) -> list[str]:
    return [name for name in names if not is_short or chance.random() < 0.6]


def _facility(code: str, kind: str, area_m2: float, chance: np.random.Generator) -> dict[str, object]:
    opened = date(2002, 1, 1) + timedelta(days=int(chance.integers(0, 7_000)))
    acquired = ("new_built", "rebuilt_or_extended", "allocated", "purchased", "leased", "co_built", None)
    return {
        "community_code": code,
        "kind": kind,
        "floor_area_m2": max(1, round(area_m2 * HUNDREDTHS)),
        "outdoor_area_m2": int(chance.integers(0, 2000)) * 50 if chance.random() < 0.4 else None,
        "acquired_by": acquired[int(chance.integers(0, len(acquired)))],
        "opened_date": opened,
        "closed_date": None,
        "rooms": None,
        "renovated_date": _day(day_number(opened) + 900),
    }


def hear_disputes(places: Places, living: Integers, first_month: str, months: int, seed: int) -> pl.DataFrame:
    """Every dispute of the sample, one row each, with its outcome in the end.

    Columns of grid_disputes, `community` (place in `places`), and handled_date and result as they will be once
    known. Some were accepted in the month before the first.
    """
    chance = stream(seed, "disputes")
    is_slow = lacks(places.care, SLOW_WITH_DISPUTES, chance)
    heard = [0] * len(places.codes)
    expected = np.maximum(living * DISPUTES_PER_PERSON, FEWEST_DISPUTES)
    rows: list[dict[str, object]] = []
    for step in range(-1, months):
        month = add_months(month_start(first_month), step)
        counts = chance.poisson(expected)
        for community, count in enumerate(counts.tolist()):
            if community >= places.standing and places.opening is not None and month <= places.opening:
                continue  # not open yet for the whole month
            for _ in range(count):
                dispute = _dispute(places.codes[community], community, month, heard[community], bool(is_slow[community]), chance)
                rows.append(dispute)
                heard[community] += 1
        _number(rows, month)
    return pl.DataFrame(rows, infer_schema_length=None)


def _number(rows: list[dict[str, object]], month: date) -> None:
    fresh = [row for row in rows if "dispute_no" not in row]
    for number, row in enumerate(fresh):
        row["dispute_no"] = f"JF{str(row['community_code'])[:9]}-{month:%y%m}-{number + 1:04d}"


def _dispute(
    code: str, community: int, month: date, place: int, is_slow: bool, chance: np.random.Generator
) -> dict[str, object]:
    """One dispute; `place`: how many the community heard before."""
    last = month_end(month)
    accepted = month + timedelta(days=int(chance.integers(0, last.day)))
    kinds = ("civil", "labour", "land", "administrative", "other")
    kind = kinds[int(chance.choice(5, p=[0.7, 0.1, 0.1, 0.04, 0.06]))]
    draw = chance.random()
    slow, never = LATE[is_slow], NEVER_HANDLED[is_slow]
    if draw < never:
        handled = None
    elif draw < never + slow:
        handled = accepted + timedelta(days=int(chance.integers(12, 90)))
    else:
        # Dealt with before the month's list is drawn up.
        handled = min(
            accepted + timedelta(days=int(chance.integers(0, 12))), last + timedelta(days=KNOWN_AFTER_DAYS)
        )
    success = chance.random() < SETTLED[is_slow]
    return {
        "community": community,
        "community_code": code,
        "kind": kind,
        "channel": CHANNELS[0] if is_slow and chance.random() < 0.85 else CHANNELS[place % len(CHANNELS)],
        "accepted_date": accepted,
        "due_date": accepted + timedelta(days=30),
        "handled_date": handled,
        "result": None if handled is None else "success" if success else "failure",
        "deaths": 0,
        "injuries": int(chance.random() < 0.01),
    }


def _day(number: int) -> date:
    return date(1970, 1, 1) + timedelta(days=int(number))
