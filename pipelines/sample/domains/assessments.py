"""The sample's annual assessments: true tables, errors planted in them, the truth of their KPIs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

import numpy as np
import polars as pl

from pipelines.sample.judging import Figure
from pipelines.sample.kinds import DirtKind, Fits, any_row, in_turn, number_kinds, when
from pipelines.sample.measuring import Amounts, Condition, Kpi, Level, Measure, Moment
from pipelines.sample.planters import Planter, Scene, cell, conflicting, repeated, together
from pipelines.sample.sheets import STATE, Sheet
from pipelines.sample.world import Book, World

ASSESSMENTS = "civil_assessments"
WHOLE = "all"
HUNDREDTHS, PERCENT, HIGHEST_SCORE, STREET_DIGITS = 100, 100, 200, 9
NAMED_TEAMS = ("community_improvement", "fire_safety")
OTHER_TEAMS = (
    "comprehensive_governance", "environment", "urban_management", "market_supervision", "public_service", "civil_affairs",
)  # fmt: skip
# What is assessed, with its weight in hundredths.
ITEMS = {"safety": 2500, "service": 2000, "organisation": 1500, "culture": 1250, "environment": 1250, "satisfaction": 1500}
VETOES = ("综治", "环保", "安全生产", "廉政")
DEPARTMENTS = {
    f"D{number:03d}": name
    for number, name in enumerate(
        (
            "发展和改革局", "教育局", "公安局", "民政局", "司法局", "财政局", "人力资源和社会保障局", "自然资源局",
            "住房和城乡建设局", "交通运输局", "农业农村局", "文化和旅游局", "卫生健康局", "应急管理局", "市场监督管理局",
            "城市管理局", "消防救援大队", "生态环境局",
        ),
        start=1,
    )
}  # fmt: skip
SEPARATE_STREETS, YEARS = 3, 3
# A year's assessment is known from February of the next one on.
FIRST_MONTH = 2


@dataclass(frozen=True)
class _Assessed:
    code: str
    name: str
    group: str


def book(world: World) -> Book:
    """The assessments of the last years, as they are known in a month."""
    streets = sorted(set(world.places.communities.get_column("street_code").to_list()))
    names = world.places.street_names
    units = [
        _Assessed(code, names[code], "separate" if number < SEPARATE_STREETS else "streets")
        for number, code in enumerate(streets)
    ] + [_Assessed(code, name, "departments") for code, name in DEPARTMENTS.items()]

    def of_month(month: date, _: date) -> pl.DataFrame:
        last = month.year - (1 if month.month >= FIRST_MONTH else 2)
        rows = [row for year in range(last - YEARS + 1, last + 1) for row in _of_year(world, units, year)]
        return pl.DataFrame(rows, infer_schema_length=None, schema_overrides={"veto_items": pl.List(pl.String)})

    return of_month


def _of_year(world: World, units: list[_Assessed], year: int) -> Iterator[dict[str, object]]:
    chance = world.chance(ASSESSMENTS, year)
    scores = np.minimum(chance.normal(8_700, 450, (len(units), len(ITEMS))), 10_000).astype(np.int64) // 50 * 50
    weights = np.array(list(ITEMS.values()))
    whole = [round(float((row * weights).sum()) / float(weights.sum())) for row in scores]
    for number, unit in enumerate(units):
        group = sorted((whole[other] for other in range(len(units)) if units[other].group == unit.group), reverse=True)
        rank = group.index(whole[number]) + 1
        vetoes = [VETOES[int(chance.integers(0, len(VETOES)))]] if chance.random() < 0.04 else None
        is_department = unit.group == "departments"
        award = "excellent" if rank == 1 else "advanced" if rank == 2 else "innovation" if chance.random() < 0.06 else "none"
        base = _row(world, unit, year)
        yield base | {
            "score": whole[number], "rank": rank, "veto_items": vetoes, "award": "none" if vetoes else award,
            "city_rank": 1 + int(chance.integers(0, 4)) if is_department else None, "revoked": bool(chance.random() < 0.02),
        }  # fmt: skip
        for place, (code, weight) in enumerate(ITEMS.items()):
            yield base | {"kpi_code": code, "weight": weight, "score": int(scores[number, place])}
        for team in () if is_department else (*NAMED_TEAMS, *OTHER_TEAMS):
            least = 70 if team in NAMED_TEAMS else 50
            share = least + int(chance.integers(0, 20)) - (12 if chance.random() < 0.08 else 0)
            yield base | {"team": team, "community_weight": share * HUNDREDTHS, "total_weight": 100 * HUNDREDTHS}


def _row(world: World, unit: _Assessed, year: int) -> dict[str, object]:
    """A row of the unit as a whole, with nothing in it yet."""
    return {
        "unit_code": unit.code, "unit_name": unit.name, "year": year, "group": unit.group, "team": WHOLE, "kpi_code": WHOLE,
        "weight": None, "score": None, "rank": None, "city_rank": None, "veto_items": None, "award": None, "revoked": None,
        "community_weight": None, "total_weight": None,
        "_place": world.county.county_code if unit.group == "departments" else unit.code,
    }  # fmt: skip


# --- errors planted --------------------------------------------------------------------------------------------

_IS_WHOLE = (pl.col("team") == WHOLE) & (pl.col("kpi_code") == WHOLE)
_IS_ITEM = (pl.col("team") == WHOLE) & (pl.col("kpi_code") != WHOLE)
_OF_STREETS = pl.col("group") == "streets"
_LATEST = pl.col("year") == pl.col("year").max()
_WHOLE, _ITEM, _TEAM = when(_IS_WHOLE), when(_IS_ITEM & _OF_STREETS & _LATEST), when(pl.col("team") != WHOLE)
_NO_STREET = "998"


def _kind(name: str, rules: tuple[str, ...], planter: Planter, fits: Fits = any_row) -> DirtKind:
    return DirtKind(ASSESSMENTS, name, 0.0, rules, planter, fits)


def _cut_code(sheet: Sheet, number: int, _: Scene) -> list[int]:
    sheet.put(number, "unit_code", sheet.row(number)["_place"][:8])
    return [number]


def _unknown_code(sheet: Sheet, number: int, _: Scene) -> list[int]:
    sheet.put(number, "unit_code", f"{sheet.row(number)['_place'][:6]}{_NO_STREET}")
    return [number]


def _next_year(sheet: Sheet, number: int, scene: Scene) -> list[int]:
    sheet.put(number, "year", scene.end.year + 1)
    return [number]


def _in_two_groups(sheet: Sheet, number: int, _: Scene) -> list[int]:
    """One row puts the unit into another group: none of its rows of the year can be told right."""
    row = sheet.row(number)
    others = sheet.free((pl.col("unit_code") == row["unit_code"]) & (pl.col("year") == row["year"]))
    sheet.put(number, "group", "separate")
    return sorted({number, *(int(other) for other in others)})


DIRT: tuple[DirtKind, ...] = (
    *in_turn(
        3,
        _kind("unit_missing", ("unit_code.required",), cell("unit_code", None), _ITEM),
        _kind("unit_malformed", ("unit_code.format",), _cut_code, _ITEM),
        _kind("unit_unknown", ("unit_exists",), _unknown_code, _ITEM),
        _kind("unit_name_missing", ("unit_name.required",), cell("unit_name", None)),
        *number_kinds(ASSESSMENTS, "year", 1999, "去年", _ITEM),
        _kind("year_to_come", ("year_by_period",), _next_year, _ITEM),
        _kind("group_missing", ("group.required",), cell("group", None)),
        _kind("group_unknown", ("group.known_value",), cell("group", None, "第三组")),
        _kind("team_missing", ("team.required",), cell("team", None), _ITEM),
        _kind("team_unknown", ("team.known_value",), cell("team", None, "突击队"), _ITEM),
        _kind("item_missing", ("kpi_code.required",), cell("kpi_code", None), _ITEM),
        _kind("item_malformed", ("kpi_code.format",), cell("kpi_code", "指标一"), _ITEM),
        *number_kinds(ASSESSMENTS, "weight", -HUNDREDTHS, "若干", _ITEM),
        *number_kinds(ASSESSMENTS, "score", 20_100, "良好", _ITEM),
        *number_kinds(ASSESSMENTS, "rank", 0, "前列", _WHOLE, is_nullable=True),
        *number_kinds(ASSESSMENTS, "city_rank", 0, "前列", _WHOLE, is_nullable=True),
        _kind("award_unknown", ("award.known_value",), cell("award", None, "特等"), when(_IS_WHOLE & pl.col("veto_items").is_null())),
        _kind("revoked_unreadable", ("revoked.readable",), cell("revoked", None, "待查"), _WHOLE),
        *number_kinds(ASSESSMENTS, "community_weight", -HUNDREDTHS, "七成", _TEAM),
        *number_kinds(ASSESSMENTS, "total_weight", 100_100, "全部", _TEAM),
        _kind("group_of_departments", ("group_fits_unit",), cell("group", "departments"), _ITEM),
        _kind("veto_unknown", ("veto_items_known",), together(cell("veto_items", ["信访"]), cell("award", "none")), _WHOLE),
        _kind("award_despite_veto", ("no_award_despite_veto",), cell("veto_items", ["综治"]), when(_IS_WHOLE & (pl.col("award") != "none"))),
        _kind("community_above_total", ("community_weight_within_total",), cell("community_weight", 110 * HUNDREDTHS), _TEAM),
        _kind("same_key_other_content", ("key.unique",), conflicting("score", lambda score: score - 50), _ITEM),
        # last: what is planted in rows of the same unit and year before keeps them out of this
        _kind("in_two_groups", ("one_group_per_unit",), _in_two_groups, when(_IS_WHOLE & _OF_STREETS)),
    ),
    DirtKind(ASSESSMENTS, "repeated_row", 0.003, ("key.repeated",), repeated, any_row, "duplicate"),
)  # fmt: skip


# --- what follows for the KPIs ---------------------------------------------------------------------------------


def _is_latest(_: Moment) -> pl.Expr:
    """Of the last year that an accepted row of the month's list tells of."""
    return pl.col("year") == pl.col("year").filter(pl.col(STATE) == "accepted").max()


def _of_teams(*teams: str) -> Condition:
    return lambda moment: pl.col("team").is_in(teams) & (pl.col("kpi_code") == WHOLE) & _is_latest(moment)


def _items(moment: Moment) -> pl.Expr:
    """Items of streets and departments; a community's are none of its street's."""
    is_item = (pl.col("team") == WHOLE) & (pl.col("kpi_code") != WHOLE)
    is_assessed = (pl.col("unit_code").str.len_chars() == STREET_DIGITS) | pl.col("unit_code").str.starts_with("D")
    return is_item & is_assessed & _is_latest(moment)


def _score(amounts: Amounts) -> Figure:
    """Weight × score by weight. An item in doubt may have been scored with anything from nothing to the highest score."""
    points, weights, doubtful = amounts["points"], amounts["weights"], amounts["weights_doubtful"]
    if amounts["weights_unbounded"]:
        return Figure(points, weights, points, None, None, weights + doubtful)
    return Figure(points, weights, points, weights + doubtful, points + HIGHEST_SCORE * doubtful, weights + doubtful)


def _weight(kpi_id: str, teams: tuple[str, ...]) -> Kpi:
    weights = Measure(
        "weights", ASSESSMENTS, "rate", _of_teams(*teams), amount="total_weight", passed_amount="community_weight", place="unit_code"
    )
    return Kpi(kpi_id, "rate", {ASSESSMENTS: "cases"}, (weights,), scale=PERCENT, step=Fraction(1, HUNDREDTHS))


_ASSESSED: tuple[Level, ...] = ("street", "department")

MEASURES: tuple[Kpi, ...] = (
    _weight("seconded_team_assessment_weight", NAMED_TEAMS),
    _weight("seconded_team_assessment_weight_other", OTHER_TEAMS),
    Kpi(
        "assessment_score",
        "ratio",
        {ASSESSMENTS: "cases"},
        (
            Measure("weights", ASSESSMENTS, "count", _items, amount=pl.col("weight"), place="unit_code"),
            Measure(
                "points", ASSESSMENTS, "count", _items, amount=pl.col("weight") * pl.col("score"), place="unit_code",
                divisor=HUNDREDTHS,
            ),
        ),
        levels=_ASSESSED,
        step=Fraction(1, HUNDREDTHS),
        figure=_score,
    ),
)  # fmt: skip
