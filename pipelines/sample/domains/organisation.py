"""The sample's staff, organizations, surveys and funding: true tables, errors planted in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta

import numpy as np
import polars as pl

from pipelines.sample.care import lacks
from pipelines.sample.domains.organisation_kpis import (
    COMMITTEES,
    FUNDING,
    MEASURES,
    ORGANIZATIONS,
    STAFF,
    SURVEYS,
)
from pipelines.sample.kinds import (
    DirtKind,
    Fits,
    any_row,
    date_kinds,
    in_turn,
    number_kinds,
    place_kinds,
    when,
)
from pipelines.sample.planters import (
    Planter,
    Scene,
    after_the_end,
    cell,
    conflicting,
    days_after,
    earlier,
    repeated,
    unreadable_date,
)
from pipelines.sample.sheets import Sheet
from pipelines.sample.world import Book, World

HUNDREDTHS = 100
TEAMS = (
    "community_improvement", "fire_safety", "comprehensive_governance", "environment", "urban_management",
    "market_supervision", "public_service", "civil_affairs",
)  # fmt: skip
# How many of a post a community has, and how likely that is; and how many communities have none.
POSTS: dict[str, tuple[tuple[int, float], ...]] = {
    "deputy": ((1, 0.7), (2, 0.3)),
    "social_worker": ((1, 0.35), (2, 0.37), (3, 0.28)),
    "drug_social_worker": ((1, 1.0),),
    "legal_adviser": ((1, 0.95), (2, 0.05)),
    "counsellor": ((1, 1.0),),
    "office": ((1, 0.5), (2, 0.3), (3, 0.2)),
}
WITHOUT = {"social_worker": 0.06, "drug_social_worker": 0.09, "legal_adviser": 0.08, "counsellor": 0.12}
SECONDED: tuple[tuple[int, float], ...] = ((0, 0.5), (2, 0.2), (4, 0.2), (8, 0.1))
MUST_BE_CERTIFIED = ("seconded", "social_worker")
# Yuan a month around which a post is paid.
PAY = {"secretary": 4600, "director": 4300, "deputy": 3900, "social_worker": 3600, "drug_social_worker": 3500, "office": 3000}
LEAVING_SHARE, SUCCESSION_SHARE, UNSTATED_PAY = 0.03, 0.7, 0.02
TWO_HEADS, CARELESS_SHARE, UNCERTIFIED = 0.07, 0.14, 0.2
INCUBATING_SHARE, ENDING_SHARE = 0.35, 0.05
# Organizations of each kind that other counties of the province incubate in a month: enough for its target by summer.
INCUBATED_ELSEWHERE, REFORMED_ELSEWHERE, COUNTIES_ELSEWHERE = 190, 0.4, 40
PAYERS = {"province": 2, "city": 3, "county": 5}
SLOW_TO_PAY, IN_PARTS_SHARE = 0.12, 0.5


def books(world: World) -> dict[str, Book]:
    """The books kept of this domain, by dataset."""
    return {
        STAFF: _staff(world),
        ORGANIZATIONS: _organizations(world),
        SURVEYS: _surveys(world),
        FUNDING: _funding(world),
    }


# --- what is true ----------------------------------------------------------------------------------------------


def _staff(world: World) -> Book:
    """Everyone who is, or was during the sample, in post."""
    chance, care = world.chance(STAFF), world.places.care
    has_two_heads, is_careless = lacks(care, TWO_HEADS, chance), lacks(care, CARELESS_SHARE, chance)
    without = {post: lacks(care, share, chance) for post, share in WITHOUT.items()}
    rows: list[dict[str, object]] = []
    for number, (code, begun, level) in enumerate(_communities(world)):
        is_director, is_careful = not has_two_heads[number], not is_careless[number]
        there = [post for post in POSTS if post not in without or not without[post][number]]
        posts = ["secretary"] + ([] if is_director else ["director"])
        posts += [post for post in there for _ in range(_drawn(POSTS[post], chance))]
        posts += ["seconded"] * (_drawn(SECONDED, chance) if level != "rural" else 0)
        for post in posts:
            started = begun or date(2012, 1, 1) + timedelta(days=int(chance.integers(0, 4_700)))
            member: dict[str, object] = {
                "community_code": code,
                "post": post,
                "team": TEAMS[int(chance.integers(0, len(TEAMS)))] if post == "seconded" else None,
                "certified": bool((is_careful and post in MUST_BE_CERTIFIED) or chance.random() >= UNCERTIFIED),
                "monthly_pay_yuan": _pay(post, chance),
                "started_date": started,
                "ended_date": None,
                "secretary_is_director": is_director if post == "secretary" else None,
            }
            rows.append(member)
            if begun is None and chance.random() < LEAVING_SHARE:
                member["ended_date"] = leaves = _during(world, chance)
                if post == "secretary" or is_careful or chance.random() < SUCCESSION_SHARE:
                    rows.append({**member, "started_date": leaves, "ended_date": None})
    staff = _numbered(rows, "staff_no", "GZ", {"ended_date": pl.Date})

    def book(_: date, end: date) -> pl.DataFrame:
        there = staff.filter(pl.col("started_date") <= end)
        return _open(world, end, there.with_columns(_known_by("ended_date", end)))

    return book


def _organizations(world: World) -> Book:
    """Community organizations, some incubated during the sample, and the four committees."""
    chance = world.chance(ORGANIZATIONS)
    is_careless = lacks(world.places.care, CARELESS_SHARE, chance).tolist()
    rows: list[dict[str, object]] = []
    for (code, begun, _), is_lacking in zip(_communities(world), is_careless, strict=True):
        is_careful = not is_lacking
        for number in range(int(chance.integers(3, 7) if is_careful else chance.integers(0, 4))):
            filed = begun or date(2016, 1, 1) + timedelta(days=int(chance.integers(0, 3_400)))
            is_incubated = chance.random() < INCUBATING_SHARE
            is_recent = chance.random() < 0.5 and begun is None
            incubated = _during(world, chance) if is_recent else filed + timedelta(days=int(chance.integers(30, 400)))
            rows.append(
                {
                    "community_code": code,
                    "kind": ("functional", "interest_volunteer", "interest_volunteer", "other")[int(chance.integers(0, 4))],
                    "filed_date": filed if number < 3 or chance.random() < 0.8 else None,
                    "registered_date": filed if (is_careful and number == 0) or chance.random() < 0.3 else None,
                    "incubated_date": incubated if is_incubated else None,
                    "ended_date": _during(world, chance) if number > 2 and chance.random() < ENDING_SHARE else None,
                }
            )
        for kind in COMMITTEES:
            if not is_careful and chance.random() < 0.3:
                continue
            filed = begun or date(2014, 1, 1) + timedelta(days=int(chance.integers(0, 4_000)))
            ended = _during(world, chance) if not is_careful and chance.random() < ENDING_SHARE else None
            committee = {"community_code": code, "kind": kind, "filed_date": filed, "ended_date": ended}
            rows += [committee] * (2 if chance.random() < 0.02 else 1)
    dates = ("filed_date", "registered_date", "incubated_date", "ended_date")
    organizations = _numbered(rows, "organization_no", "ZZ", dict.fromkeys(dates, pl.Date))
    elsewhere = _numbered(list(_incubated_elsewhere(world)), "organization_no", "ZW", {})
    # One that is neither filed nor registered is listed from when it is incubated; one that is nothing, never.
    begins = pl.min_horizontal(dates[:3])
    adjusted = world.places.communities.filter("adjusted").get_column("code").to_list()
    own = {"adjusted": pl.lit(None, pl.Boolean), "_is_adjusted": pl.col("community_code").is_in(adjusted), "_is_own": pl.lit(True)}

    def book(_: date, end: date) -> pl.DataFrame:
        there = organizations.filter(begins <= end).with_columns(*(_known_by(name, end) for name in dates), **own)
        # What ends before it is incubated was given up.
        given_up = pl.col("ended_date") < pl.max_horizontal(dates[:3])
        there = _open(world, end, there.with_columns(ended_date=pl.when(~given_up.fill_null(False)).then("ended_date")))
        return pl.concat([there, elsewhere.filter(pl.col("filed_date") <= end)], how="diagonal")

    return book


def _incubated_elsewhere(world: World) -> Iterator[dict[str, object]]:
    """What the province lists of its other counties: organizations incubated during the sample."""
    chance = world.chance(ORGANIZATIONS, "elsewhere")
    own = world.county.county_code
    counties = [code for number in range(COUNTIES_ELSEWHERE) if (code := f"{own[:2]}{number // 10 + 1:02d}{number % 10 + 21}") != own]
    for month in world.months:
        for number in range(2 * INCUBATED_ELSEWHERE):
            code = f"{counties[int(chance.integers(0, len(counties)))]}{int(chance.integers(1, 15)):03d}{int(chance.integers(1, 20)):03d}"
            day = month + timedelta(days=int(chance.integers(0, 28)))
            yield {
                "community_code": code, "kind": ("functional", "interest_volunteer")[number % 2], "filed_date": day,
                "incubated_date": day, "adjusted": bool(chance.random() < REFORMED_ELSEWHERE), "_is_own": False, "_place": code,
            }  # fmt: skip


def _surveys(world: World) -> Book:
    """Two waves a year, and in towns one more early in the year."""
    chance = world.chance(SURVEYS)
    rows: list[dict[str, object]] = []
    for number, (code, begun, level) in enumerate(_communities(world)):
        satisfied = 0.93 if chance.random() < 0.8 else 0.78
        asked = max(20, min(200, int(world.homes[number]) // 20))
        for year in _years(world):
            waves = [("H1", date(year, 2, 15), 90), ("H2", date(year, 8, 20), 90)]
            for wave, first, days in waves + ([("Q1", date(year, 1, 5), 60)] if level != "rural" else []):
                sample = asked + int(chance.integers(0, 30))
                surveyed = first + timedelta(days=int(chance.integers(0, days)))
                if begun is None or surveyed > begun:
                    rows.append(
                        {
                            "community_code": code,
                            "wave": f"{year}{wave}",
                            "surveyed_date": surveyed,
                            "sample": sample,
                            "satisfied": int(chance.binomial(sample, satisfied)),
                        }
                    )
    surveys = pl.DataFrame(rows)

    def book(_: date, end: date) -> pl.DataFrame:
        return _open(world, end, surveys.filter(pl.col("surveyed_date") <= end))

    return book


def _funding(world: World) -> Book:
    """Three lines a year for each community; most are paid at once, some in two parts, some late in the year."""
    chance = world.chance(FUNDING)
    rows: list[dict[str, object]] = []
    is_slow = lacks(world.places.care, SLOW_TO_PAY, chance).tolist()
    for (code, begun, _), slow in zip(_communities(world), is_slow, strict=True):
        is_prompt = not slow
        for year in _years(world):
            if begun is not None and begun.year > year:
                continue
            for payer, share in PAYERS.items():
                budgeted = int(chance.integers(80, 160)) * share * 100 * HUNDREDTHS + int(chance.integers(0, 2)) * 50
                parts = chance.random() < IN_PARTS_SHARE and not is_prompt
                first = date(year, 1, 4) + timedelta(days=int(chance.integers(0, 20 if is_prompt else 150)))
                last = first + timedelta(days=int(chance.integers(40, 150))) if parts else first
                rows.append(
                    {
                        "community_code": code,
                        "year": year,
                        "payer": payer,
                        "budgeted_yuan": budgeted,
                        "_part": budgeted * int(chance.integers(4, 10)) // 10,
                        "_first": first,
                        "_last": last,
                    }
                )
    lines = _numbered(rows, "line_no", "JF", {})
    begins, ends = pl.col("_first"), pl.col("_last")

    def book(_: date, end: date) -> pl.DataFrame:
        paid = pl.when(ends <= end).then("budgeted_yuan").when(begins <= end).then("_part").otherwise(0)
        day = pl.when(ends <= end).then(ends).when(begins <= end).then(begins)
        known = lines.filter(pl.col("year") <= end.year).with_columns(disbursed_yuan=paid, date=day)
        return _open(world, end, known)

    return book


def _communities(world: World) -> list[tuple[str, date | None, str]]:
    """Code, opening during the sample if there is one, and class of every community."""
    opens = [None] * world.places.standing + [world.places.opening] * (len(world.places.codes) - world.places.standing)
    classes = world.places.communities.get_column("class").to_list()
    return list(zip(world.places.codes, opens, classes, strict=True))


def _drawn(counts: tuple[tuple[int, float], ...], chance: np.random.Generator) -> int:
    number, shares = zip(*counts, strict=True)
    return int(chance.choice(number, p=shares))


def _pay(post: str, chance: np.random.Generator) -> int | None:
    """In hundredths of a yuan; null for those whom others pay, and where nobody stated it."""
    if post not in PAY or chance.random() < UNSTATED_PAY:
        return None
    return (PAY[post] * 2 + int(chance.integers(-600, 1_800))) * HUNDREDTHS // 2


def _during(world: World, chance: np.random.Generator) -> date:
    return world.first_day + timedelta(days=int(chance.integers(0, (world.last_day - world.first_day).days + 1)))


def _years(world: World) -> range:
    return range(world.first_day.year - 1, world.last_day.year + 1)


def _numbered(rows: list[dict[str, object]], column: str, prefix: str, types: dict[str, type[pl.Date]]) -> pl.DataFrame:
    frame = pl.DataFrame(rows, infer_schema_length=None, schema_overrides=types)
    numbers = pl.int_range(1, pl.len() + 1).cast(pl.String).str.zfill(6)
    return frame.with_columns((pl.lit(prefix) + numbers).alias(column))


def _known_by(column: str, day: date) -> pl.Expr:
    return pl.when(pl.col(column) <= day).then(pl.col(column)).alias(column)


def _open(world: World, end: date, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows of communities open at the end of the month."""
    codes = world.communities(end).get_column("code").to_list()
    return rows.filter(pl.col("community_code").is_in(codes)).with_columns(_place="community_code")


# --- what is wrong with it -------------------------------------------------------------------------------------

_STAYS = when(pl.col("ended_date").is_null())
_OFFICE = when((pl.col("post") == "office") & pl.col("ended_date").is_null())
_SECONDED = when((pl.col("post") == "seconded") & pl.col("ended_date").is_null())
_SECRETARY = when((pl.col("post") == "secretary") & pl.col("ended_date").is_null())
_DEPUTY = when((pl.col("post") == "deputy") & pl.col("ended_date").is_null())
_FILED = when(pl.col("filed_date").is_not_null() & pl.col("ended_date").is_null() & pl.col("_is_own"))
_OF_OTHERS = when(~pl.col("_is_own"))
_PAID = when(pl.col("date").is_not_null())


def _kind(dataset: str, name: str, rule: str, planter: Planter, fits: Fits = any_row) -> DirtKind:
    return DirtKind(dataset, name, 0.0, (rule,), planter, fits)


def _more_than(column: str, whole: str, more: int) -> Planter:
    """A part that is larger than its whole."""

    def planter(sheet: Sheet, number: int, _: Scene) -> list[int]:
        sheet.put(number, column, sheet.row(number)[whole] + more)
        return [number]

    return planter


def _repeated(dataset: str, column: str, change: Callable[..., object], fits: Fits = any_row) -> list[DirtKind]:
    return [
        DirtKind(dataset, "repeated_row", 0.001, ("key.repeated",), repeated, any_row, "duplicate", every=2),
        DirtKind(dataset, "same_key_other_content", 0.0, ("key.unique",), conflicting(column, change), fits, every=3, first=1),
    ]  # fmt: skip


def _dirt_of_staff() -> list[DirtKind]:
    ended, shoulder = "ended_date", "secretary_is_director"
    return [
        *in_turn(
            3,
            _kind(STAFF, "number_missing", "staff_no.absent", cell("staff_no", None)),
            _kind(STAFF, "post_unknown", "post.known_value", cell("post", None, "联络员"), _OFFICE),
            _kind(STAFF, "post_missing", "post.required", cell("post", None), _OFFICE),
            _kind(STAFF, "team_unknown", "team.known_value", cell("team", None, "突击队"), _SECONDED),
            _kind(STAFF, "team_without_secondment", "team_of_seconded", cell("team", "fire_safety"), _OFFICE),
            _kind(STAFF, "certified_missing", "certified.required", cell("certified", None), _SECONDED),
            _kind(STAFF, "certified_unreadable", "certified.readable", cell("certified", None, "在考"), _SECONDED),
            *number_kinds(STAFF, "monthly_pay_yuan", 150_000 * HUNDREDTHS, "面议", _OFFICE, is_nullable=True),
            *date_kinds(STAFF, 0.0, "started_date", _STAYS),
            _kind(STAFF, "ended_unreadable", "ended_date.readable", unreadable_date(ended), _STAYS),
            _kind(STAFF, "ended_before_started", "ended_after_started", days_after(ended, "started_date", -10), _STAYS),
            _kind(STAFF, "started_after_end", "started_by_period_end", after_the_end("started_date", 20), _STAYS),
            _kind(STAFF, "shoulder_missing", f"{shoulder}.required", cell(shoulder, None), _SECRETARY),
            _kind(STAFF, "shoulder_unreadable", f"{shoulder}.readable", cell(shoulder, None, "拟兼任"), _SECRETARY),
            _kind(STAFF, "shoulder_of_deputy", "shoulder_of_secretary", cell(shoulder, True), _DEPUTY),
        ),
        *place_kinds(STAFF, _OFFICE, every=6, apart=2),
        *_repeated(STAFF, "started_date", earlier, _STAYS),
    ]  # fmt: skip


def _dirt_of_organizations() -> list[DirtKind]:
    data, ended, incubated = ORGANIZATIONS, "ended_date", "incubated_date"
    return [
        *in_turn(
            3,
            _kind(data, "number_missing", "organization_no.required", cell("organization_no", None)),
            _kind(data, "kind_unknown", "kind.known_value", cell("kind", None, "互助会"), _FILED),
            _kind(data, "kind_missing", "kind.required", cell("kind", None), _FILED),
            *(
                _kind(data, f"{name}_unreadable", f"{name}.readable", unreadable_date(name), _FILED)
                for name in ("filed_date", "registered_date", incubated, ended)
            ),
            _kind(data, "ended_before_filed", "ended_after_begun", days_after(ended, "filed_date", -3), _FILED),
            _kind(data, "incubated_after_end", "begun_by_period_end", after_the_end(incubated, 15), _FILED),
        ),
        _kind(data, "adjusted_unreadable", "adjusted.readable", cell("adjusted", None, "待核"), _OF_OTHERS),
        *place_kinds(data, _FILED, every=6, apart=2),
        *_repeated(data, "filed_date", earlier, _FILED),
    ]


def _dirt_of_surveys() -> list[DirtKind]:
    data, surveyed = SURVEYS, "surveyed_date"
    return [
        *in_turn(
            3,
            _kind(data, "wave_missing", "wave.required", cell("wave", None)),
            _kind(data, "wave_malformed", "wave.format", cell("wave", "上半年")),
            *date_kinds(data, 0.0, surveyed),
            *number_kinds(data, "sample", 2_000_000, "约百人"),
            *number_kinds(data, "satisfied", -5, "多数"),
            _kind(data, "more_satisfied_than_asked", "satisfied_within_sample", _more_than("satisfied", "sample", 3)),
            _kind(data, "surveyed_after_end", "surveyed_by_period_end", after_the_end(surveyed, 8)),
            _kind(data, "surveyed_before_wave", "surveyed_in_or_after_wave", days_after(surveyed, surveyed, -400)),
        ),
        *place_kinds(data, any_row, every=6, apart=2),
        *_repeated(data, "satisfied", lambda count: count - 1, when(pl.col("satisfied") > 0)),
    ]


def _dirt_of_funding() -> list[DirtKind]:
    data, budgeted, disbursed = FUNDING, "budgeted_yuan", "disbursed_yuan"
    return [
        *in_turn(
            3,
            _kind(data, "number_missing", "line_no.required", cell("line_no", None)),
            *number_kinds(data, "year", 1999, "本年度"),
            _kind(data, "payer_unknown", "payer.known_value", cell("payer", None, "乡镇")),
            _kind(data, "payer_missing", "payer.required", cell("payer", None)),
            *number_kinds(data, budgeted, 2_000_000_000 * HUNDREDTHS, "按标准"),
            *number_kinds(data, disbursed, -HUNDREDTHS, "部分", _PAID),
            _kind(data, "more_disbursed_than_budgeted", "disbursed_within_budget", _more_than(disbursed, budgeted, 10_000), _PAID),
            _kind(data, "date_missing", "date.required", cell("date", None), _PAID),
            _kind(data, "date_unreadable", "date.readable", unreadable_date("date"), _PAID),
            _kind(data, "disbursed_after_end", "disbursed_by_period_end", after_the_end("date", 9), _PAID),
        ),
        *place_kinds(data, any_row, every=6, apart=2),
        *_repeated(data, budgeted, lambda amount: amount + 1_000),
    ]  # fmt: skip


DIRT: tuple[DirtKind, ...] = (
    *_dirt_of_staff(),
    *_dirt_of_organizations(),
    *_dirt_of_surveys(),
    *_dirt_of_funding(),
)

__all__ = ["DIRT", "MEASURES", "books"]
