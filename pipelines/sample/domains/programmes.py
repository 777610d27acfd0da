"""The sample's programmes: what is planned, under way and done, in the county and in other counties of its province.

Annual assessments, which belong to the same domain, are in `assessments`; errors planted and truth in
`programme_kinds`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import numpy as np
import polars as pl

from pipelines.sample.care import USUAL, lacks
from pipelines.sample.chance import Floats
from pipelines.sample.domains import assessments, programme_kinds
from pipelines.sample.domains.programme_kinds import PROGRAMMES, REVIEWED
from pipelines.sample.kinds import DirtKind
from pipelines.sample.measuring import Kpi
from pipelines.sample.world import Book, World

COLLECTED = ("collect", "discuss", "decide", "carry_out", "accept")
STAGES = 5
HUNDREDTHS = 100
# How programmes go: done before the sample begins, during it, or not at all.
FATES = (0.78, 0.14, 0.08)
CANCELLED_SHARE, ADJUSTED_SHARE, ON_TIME_SHARE = 0.02, 0.55, 0.88
# Communities whose premises are smaller than they should be, that do not come to the last stage, or not at once.
SMALL_SHARE, UNFINISHED_SHARE, NOT_AT_ONCE = 0.1, 0.22, 0.1
TIERS = {"model": 0.3, "featured": 0.3, "standard": 0.4}
# The documents' own dates: the draft for the province, the plan of 2012, the county-town plan's end of the year.
NODES = {
    "省规划任务": (date(2021, 3, 31), date(2021, 4, 30), date(2021, 8, 31), date(2021, 12, 31)),
    "和谐社区任务": (date(2012, 12, 31),),
    "县城社区年终任务": (date(2024, 12, 31), date(2025, 12, 31), date(2026, 12, 31)),
}
# In other counties: done before the sample begins, and in every month of it.
ELSEWHERE = {
    "gap_project": (84, 4), "social_work_station": (178, 5), "smart_community": (16, 1), "town_premises": (118, 2),
    "town_service": (690, 6),
}  # fmt: skip
PILOTS_IN_CITY = (24, 2)
OPEN_ELSEWHERE = 9  # of every kind, not done yet
CITIES, COUNTIES = 10, 12

# DIRT and MEASURES of the domain
DIRT: tuple[DirtKind, ...] = (*programme_kinds.DIRT, *assessments.DIRT)
MEASURES: tuple[Kpi, ...] = (*programme_kinds.MEASURES, *assessments.MEASURES)


def books(world: World) -> dict[str, Book]:
    """The books kept of this domain, by dataset."""
    return {PROGRAMMES: _programmes(world), assessments.ASSESSMENTS: assessments.book(world)}


@dataclass(frozen=True)
class _Course:
    """One programme from beginning to end; what lies ahead is known to nobody."""

    unit_code: str
    kind: str
    name: str
    begun: date
    done: date | None = None
    listed: date = date(2012, 1, 1)
    tier: str | None = None
    adjusted: bool | None = None
    stages: tuple[date, ...] = ()
    planned: date | None = None
    is_accepted: bool = False
    inspected: date | None = None
    first_time: bool | None = None
    area: int | None = None
    cancelled: date | None = None


@dataclass
class _Chances:
    """Draws for one kind of programme."""

    world: World
    kind: str
    draw: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self.draw = self.world.chance(PROGRAMMES, self.kind)

    def some(self, codes: list[str], share: float) -> list[str]:
        return [code for code in codes if self.draw.random() < share]

    def day(self, first: date, last: date) -> date:
        return first + timedelta(days=int(self.draw.integers(0, max((last - first).days, 1))))

    def before(self) -> date:
        return self.day(self.world.first_day - timedelta(days=1500), self.world.first_day)

    def during(self) -> date:
        return self.day(self.world.first_day, self.world.last_day)

    def done(self, shares: tuple[float, float, float] = FATES) -> date | None:
        fate = int(self.draw.choice(len(shares), p=np.array(shares)))
        return (self.before(), self.during(), None)[fate]

    def is_lacking(self, code: str, share: float) -> bool:
        """Whether the unit lacks what this share of all lack; a street lacks as much as communities usually do."""
        place = self.world.places.numbers.get(code)
        care = USUAL if place is None else self.world.places.care[place]
        return bool(lacks(np.array([care]), share, self.draw)[0])

    def is_so(self, share: float) -> bool:
        return bool(self.draw.random() < share)


def _programmes(world: World) -> Book:
    """Every programme listed by the month's end, as far as it has come by then."""
    courses = pl.DataFrame(
        [{**vars(course), **_stage_dates(course)} for course in (*_own(world), *_of_others(world))],
        infer_schema_length=None,
    ).drop("stages")
    known = courses.with_columns(pl.col("area").cast(pl.Int64), _is_own=pl.col("unit_code").str.starts_with(world.county.county_code))
    numbers = pl.format("XM{}-{}", "unit_code", pl.int_range(pl.len()).cast(pl.String).str.zfill(5))
    known = known.with_columns(programme_no=numbers)

    def book(_: date, end: date) -> pl.DataFrame:
        return _as_known(known.filter(pl.col("listed") <= end), end)

    return book


def _as_known(courses: pl.DataFrame, end: date) -> pl.DataFrame:
    """How far programmes have come by a day."""

    def by_then(column: str, value: pl.Expr | None = None) -> pl.Expr:
        return pl.when(pl.col(column) <= end).then(pl.col(column) if value is None else value)

    stages = [f"stage_{number}_date" for number in range(1, STAGES + 1)]
    courses = courses.with_columns(
        *(by_then(name).alias(name) for name in stages),
        by_then("done").alias("completed_date"),
        (pl.col("cancelled") <= end).fill_null(False).alias("is_cancelled"),
    ).with_columns(_passed=pl.sum_horizontal(pl.col(name).is_not_null().cast(pl.Int64) for name in stages))
    is_done, is_begun = pl.col("completed_date").is_not_null(), pl.col("begun") <= end
    status = (
        pl.when("is_cancelled").then(pl.lit("cancelled"))
        .when(is_done & pl.col("is_accepted")).then(pl.lit("accepted"))
        .when(is_done).then(pl.lit("completed"))
        .when(is_begun).then(pl.lit("active"))
        .otherwise(pl.lit("planned"))
    )  # fmt: skip
    is_staged = pl.col("kind").is_in(["governance_pilot", "model_creation", "livelihood_project"])
    named = dict(enumerate(REVIEWED, 1))
    collected = dict(enumerate(COLLECTED, 1))
    of_passed = (
        pl.when(pl.col("kind") == "livelihood_project")
        .then(pl.col("_passed").replace_strict(collected, default="registered", return_dtype=pl.String))
        .otherwise(pl.col("_passed").replace_strict(named, default="registered", return_dtype=pl.String))
    )
    plain = (
        pl.when(is_done).then(pl.lit("completed")).when(is_begun).then(pl.lit("in_progress")).otherwise(pl.lit("registered"))
    )
    return courses.select(
        "programme_no", "unit_code", "kind", "name", "tier", "adjusted",
        pl.when(is_staged).then(of_passed).otherwise(plain).alias("stage"),
        *stages,
        planned_date="planned",
        completed_date="completed_date",
        accepted_first_time=by_then("inspected", pl.col("first_time")),
        floor_area_m2=pl.when(is_done).then("area"),
        status=status,
        _place="unit_code",
        _is_own="_is_own",
        _passed="_passed",
    )  # fmt: skip


def _stage_dates(course: _Course) -> dict[str, date | None]:
    passed = dict(enumerate(course.stages, 1))
    return {f"stage_{number}_date": passed.get(number) for number in range(1, STAGES + 1)}


# --- in the county ---------------------------------------------------------------------------------------------


def _own(world: World) -> Iterator[_Course]:
    """Everything that the county lists of itself, its streets and its communities."""
    standing = world.places.communities.head(world.places.standing)
    codes = standing.get_column("code").to_list()
    towns = standing.filter(pl.col("class") != "urban").get_column("code").to_list()
    streets = sorted(set(standing.get_column("street_code").to_list()))
    county = world.county.county_code
    adjusted = dict(standing.select("code", "adjusted").iter_rows())
    yield from _built(world, "town_premises", "集镇社区用房", lambda chance: chance.some(towns, 0.25))
    yield from _built(world, "town_service", "集镇便民服务点", lambda chance: [*streets, *chance.some(streets, 0.3)])
    yield from _built(world, "social_work_station", "社工站", lambda chance: chance.some(streets, 0.7))
    yield from _built(world, "social_work_service", "社会工作服务", lambda chance: [*chance.some(streets, 0.9), *chance.some(streets, 0.2)])
    yield from _built(world, "gap_project", "补短板项目", lambda chance: [*chance.some(codes, 0.05), county])
    yield from _built(world, "smart_community", "智慧社区", lambda chance: chance.some(codes, 0.03), adjusted)
    yield from _built(world, "smart_pilot", "智慧社区试点", lambda chance: [codes[int(chance.draw.integers(0, len(codes)))]])
    yield from _built(world, "bonus_veto", "加分项", lambda chance: chance.some(streets, 0.3))
    yield from _reviewed(world, "governance_pilot", "治理试点", codes, 0.06)
    yield from _reviewed(world, "model_creation", "社区创建", codes, 1.0)
    yield from _livelihood(world, codes)
    yield from _nodes(world, streets, county)


def _built(
    world: World, kind: str, name: str, places: Callable[[_Chances], Iterable[str]], adjusted: dict[str, bool] | None = None
) -> Iterator[_Course]:
    """Programmes without stages: begun, and done or not."""
    chance = _Chances(world, kind)
    for number, code in enumerate(places(chance), 1):
        done = chance.done()
        if kind == "town_premises" and not chance.is_lacking(code, UNFINISHED_SHARE):
            done = chance.before()
        begun = (done or chance.before()) - timedelta(days=int(chance.draw.integers(60, 600)))
        course = _Course(code, kind, f"{name}{number}", begun, done, is_accepted=chance.is_so(0.6))
        if kind == "town_premises":
            small, large = chance.draw.integers(180, 300), chance.draw.integers(300, 620)
            area = int(small if chance.is_lacking(code, SMALL_SHARE) else large) * HUNDREDTHS + int(chance.draw.integers(0, 2)) * 50
            course = replace(course, area=area)
        is_adjusted = adjusted.get(code, False) if adjusted else chance.is_so(ADJUSTED_SHARE)
        if chance.is_so(CANCELLED_SHARE):
            course = replace(course, done=None, cancelled=chance.during())
        yield replace(course, adjusted=is_adjusted)


def _reviewed(world: World, kind: str, name: str, codes: list[str], share: float) -> Iterator[_Course]:
    """Pilots and accreditations: one stage after the other, as far as they come."""
    chance = _Chances(world, kind)
    tiers = np.array(list(TIERS.values()))
    for number, code in enumerate(chance.some(codes, share), 1):
        first = chance.day(world.first_day - timedelta(days=1300), world.first_day - timedelta(days=450))
        steps: Floats = np.cumsum(chance.draw.integers(15, 110, STAGES))
        last = int(chance.draw.integers(0, STAGES)) if chance.is_lacking(code, UNFINISHED_SHARE) else STAGES
        stages = tuple(first + timedelta(days=int(step)) for step in steps[:last])
        is_complete = last == STAGES
        course = _Course(
            code, kind, f"{name}{number}", first, stages[-1] if is_complete else None, stages=stages, is_accepted=is_complete
        )
        if kind == "model_creation":
            tier = list(TIERS)[int(chance.draw.choice(len(TIERS), p=tiers))]
            course = replace(course, tier=tier)
            if not chance.is_lacking(code, NOT_AT_ONCE):
                course = replace(course, inspected=course.done, first_time=True if is_complete else None)
            elif last >= 2:
                course = replace(course, inspected=stages[1] + timedelta(days=9), first_time=False)
        yield course


def _livelihood(world: World, codes: list[str]) -> Iterator[_Course]:
    """Small projects, one to three to a community, mostly finished by the planned day."""
    chance = _Chances(world, "livelihood_project")
    for code in codes:
        for number in range(int(chance.draw.integers(1, 4))):
            planned = chance.day(world.first_day - timedelta(days=240), world.last_day + timedelta(days=60))
            delay = -int(chance.draw.integers(0, 25)) if chance.is_so(ON_TIME_SHARE) else int(chance.draw.integers(1, 50))
            accepted = planned + timedelta(days=delay)
            steps = np.cumsum(chance.draw.integers(8, 40, STAGES - 1))
            stages = (*(accepted - timedelta(days=int(step)) for step in steps[::-1]), accepted)
            course = _Course(
                code, "livelihood_project", f"民生微实事{number + 1}", stages[0], accepted, listed=stages[0] - timedelta(days=20),
                stages=stages, planned=planned, is_accepted=True,
            )  # fmt: skip
            if chance.is_so(CANCELLED_SHARE):
                course = replace(course, stages=stages[:2], done=None, cancelled=stages[2])
            yield course


def _nodes(world: World, streets: list[str], county: str) -> Iterator[_Course]:
    """The documents' dates for the county, and a node a month for every street."""
    chance = _Chances(world, "task_node")
    of_county = [(county, name, day) for name, days in NODES.items() for day in days]
    above = [(county[:4], "市级任务", world.first_day), (county[:2], "省级任务", world.first_day)]
    of_streets = [(code, "月度任务", month + timedelta(days=24)) for code in streets for month in world.months]
    for code, name, planned in (*of_county, *above, *of_streets):
        delay = -int(chance.draw.integers(0, 9)) if chance.is_so(ON_TIME_SHARE) else int(chance.draw.integers(1, 40))
        listed = planned - timedelta(days=int(chance.draw.integers(30, 60)))
        yield _Course(code, "task_node", f"{name}{planned:%Y%m}", listed, planned + timedelta(days=delay), listed=listed, planned=planned)


# --- in other counties -----------------------------------------------------------------------------------------


def _of_others(world: World) -> Iterator[_Course]:
    """What the province lists of other counties: enough of it to pass its targets, or nearly."""
    own = world.county.county_code
    province, city = own[:2], own[:4]
    cities = [f"{province}{number:02d}" for number in range(1, CITIES + 1)]
    counties = [f"{code}{number:02d}" for code in cities for number in range(2, COUNTIES + 2) if f"{code}{number:02d}" != own]
    neighbours = [code for code in counties if code.startswith(city)] or [city]
    for kind, (before, monthly) in ELSEWHERE.items():
        yield from _elsewhere(world, kind, counties, before, monthly)
    yield from _elsewhere(world, "governance_pilot", neighbours, *PILOTS_IN_CITY)


def _elsewhere(world: World, kind: str, counties: list[str], before: int, monthly: int) -> Iterator[_Course]:
    chance = _Chances(world, f"{kind} elsewhere")
    during = [month + timedelta(days=int(chance.draw.integers(0, 27))) for month in world.months for _ in range(monthly)]
    ends = [*(chance.before() for _ in range(before)), *during, *(None for _ in range(OPEN_ELSEWHERE))]
    for number, done in enumerate(ends, 1):
        county = counties[int(chance.draw.integers(0, len(counties)))]
        code = county if kind == "gap_project" else f"{county}{int(chance.draw.integers(1, 15)):03d}"
        begun = (done or chance.before()) - timedelta(days=150)
        course = _Course(code, kind, f"外县项目{number}", begun, done, adjusted=chance.is_so(ADJUSTED_SHARE))
        if kind == "governance_pilot" and done is not None:
            stages = tuple(done - timedelta(days=30 * step) for step in range(STAGES - 1, -1, -1))
            course = replace(course, stages=stages, is_accepted=True)
        if kind == "town_premises":
            course = replace(course, area=int(chance.draw.integers(290, 600)) * HUNDREDTHS)
        yield course
