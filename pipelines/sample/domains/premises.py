"""The truth of the KPIs over facilities, equipment, residential areas and grids (see `facilities`).

Rooms are named as agencies name them; a centre may also be a facility of its own kind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

import polars as pl

from pipelines.sample.judging import Figure
from pipelines.sample.measuring import (
    LEVELS,
    LEVELS_WITH_GRIDS,
    Amounts,
    Condition,
    Kpi,
    Level,
    Measure,
    Moment,
    Role,
    every_row,
)
from pipelines.settings import add_months

FACILITIES, EQUIPMENT, AREAS, GRIDS = "civil_facilities", "civil_equipment", "civil_residential_areas", "grid_grids"
PERCENT, PER_100_HOUSEHOLDS = 100, 100
CENTIMETRES = Fraction(1, 100)  # areas are delivered in hundredths of a square metre
ZONES = ("reception", "mediation", "counselling")
SPECIALISED = ("police", "safety", "traffic", "environment_water", "market", "cleaning")

# What documents ask for: the names under which facilities list it, and the kind of facility that is one.
ROOMS: dict[str, tuple[tuple[str, ...], str | None]] = {
    "hall": (("一站式服务大厅", "便民服务大厅", "服务大厅"), None),
    "mediation": (("调解室", "人民调解室", "纠纷调处室", "纠纷调处"), None),
    "library": (("图书室", "阅览室", "图书阅览室"), None),
    "activities": (("活动室", "文体活动室", "多功能活动室"), None),
    "police": (("警务室", "社区警务室"), None),
    "meeting": (("会议室", "多功能会议室"), None),
    "party_office": (("党支部", "党总支", "党支部办公室", "党组织办公室"), None),
    "reception": (("群众接待", "群众接待室", "群众接待区", "一站式服务大厅"), None),
    "counselling": (("心理咨询", "心理咨询室", "心理咨询区"), None),
    "party_centre": (("党群服务中心",), "party_service_centre"),
    "convenience": (("便民服务中心",), "convenience_service"),
    "safety_centre": (("综治中心",), "safety_platform"),
    "elderly": (("养老服务中心", "养老服务站", "居家养老服务站"), "elderly_care"),
    "culture": (("文体活动中心", "文化活动中心"), None),
    "health": (("卫生服务中心", "卫生服务站"), None),
    "volunteers": (("志愿服务中心", "志愿服务站"), None),
    "youth": (("未成年人活动中心", "青少年活动中心"), None),
    "social_work": (("社会工作服务站", "社工站"), None),
    "notices": (("宣传栏",), None),
    "affairs": (("公开栏", "居务公开栏"), None),
    "school": (("市民学校", "居民学校"), None),
    "outdoor": (("室外活动场所",), "outdoor_fitness"),
}
LISTS = {
    "rooms_complete_rate": ("hall", "mediation", "library", "activities", "police", "meeting"),
    "rooms_complete_rate_centres": (
        "party_centre", "convenience", "safety_centre", "elderly", "culture", "health", "volunteers", "youth",
    ),
    "rooms_complete_rate_a": ("party_office", "police", "mediation", "library", "health", "elderly", "volunteers"),
    "rooms_complete_rate_e": (
        "party_office", "police", "mediation", "library", "activities", "meeting",
        "health", "elderly", "volunteers", "social_work", "notices", "affairs", "school", "outdoor",
    ),
}  # fmt: skip


# --- conditions -------------------------------------------------------------------------------------------------


def _is_open(moment: Moment) -> pl.Expr:
    closed = pl.col("closed_date")
    return (pl.col("opened_date") <= moment.end) & (closed.is_null() | (closed > moment.end))


def _open_of_kind(kind: str, *further: pl.Expr) -> Condition:
    return lambda moment: pl.all_horizontal(_is_open(moment), pl.col("kind") == kind, *further)


def _has(room: str) -> pl.Expr:
    """Null where the facility's list is not known."""
    names, kind = ROOMS[room]
    listed = [pl.col("rooms").list.contains(name) for name in names]
    return pl.any_horizontal(*listed, *([] if kind is None else [pl.col("kind") == kind]))


def _open_with(room: str) -> Condition:
    return lambda moment: _is_open(moment) & _has(room)


def _of_kind(*kinds: str) -> Condition:
    return lambda _: pl.col("kind").is_in(kinds)


def _is_new(moment: Moment) -> pl.Expr:
    """Commodity housing that was accepted."""
    return (pl.col("kind") == "commodity") & (pl.col("accepted_date") <= moment.end)


def _has_all_three(_: Moment) -> pl.Expr:
    return pl.all_horizontal("has_group_leader", "has_security_aide", "has_cleaner")


def _rated_in_quarter(moment: Moment) -> pl.Expr:
    """In the three months that end with this one."""
    return pl.col("rated_date").is_between(add_months(moment.month, -2), moment.end)


def _yes(column: str) -> Condition:
    return lambda _: pl.col(column)


# --- figures ----------------------------------------------------------------------------------------------------


def _listed(kpi_id: str, dataset: str, measures: Sequence[Measure]) -> Kpi:
    """How many of several things communities have, of all that they should; each counts once in a community."""
    names = [measure.name for measure in measures]

    def figure(amounts: Amounts) -> Figure:
        places = Fraction(amounts.communities)
        found = sum((amounts[name] for name in names), Fraction(0))
        most = sum((min(amounts[name] + amounts[f"{name}_doubtful"], places) for name in names), Fraction(0))
        due = places * len(names)
        return Figure(found, due, found, due, most, due)

    return Kpi(kpi_id, "rate", {dataset: "numerator"}, tuple(measures), scale=PERCENT, figure=figure)


def _area(
    kpi_id: str, counts: Condition, *others: Measure, column: str = "floor_area_m2",
    levels: tuple[Level, ...] = LEVELS, variant: str | Callable[[Amounts], str] = "*",
) -> Kpi:  # fmt: skip
    measure = Measure("area", FACILITIES, "count", counts, amount=column)
    return Kpi(
        kpi_id, "count", {FACILITIES: "amount"}, (measure, *others), levels=levels, step=CENTIMETRES, variant=variant
    )


def _rate(kpi_id: str, measure: Measure, role: Role = "cases", levels: tuple[Level, ...] = LEVELS) -> Kpi:
    return Kpi(kpi_id, "rate", {measure.dataset: role}, (measure,), levels, PERCENT)


def _areas(kpi_id: str, counts: Condition, passes: Condition) -> Kpi:
    return _rate(kpi_id, Measure("areas", AREAS, "rate", counts, passes=passes))


def _pieces(kpi_id: str, item: str) -> Kpi:
    counts: Condition = lambda _: pl.col("item") == item  # noqa: E731
    measure = Measure("pieces", EQUIPMENT, "count", counts, amount="quantity")
    return Kpi(kpi_id, "count", {EQUIPMENT: "amount"}, (measure,))


def _how_built(amounts: Amounts) -> str:
    return "new_built" if amounts["new_built"] > amounts["area"] - amounts["new_built"] else "other"


def _zones() -> Measure:
    """Three to each platform, whatever its list says."""
    present = pl.sum_horizontal(_has(zone).fill_null(False).cast(pl.Int64) for zone in ZONES)
    due = pl.lit(len(ZONES), pl.Int64)
    return Measure(
        "zones", FACILITIES, "rate", _open_of_kind("safety_platform"), amount=due, passed_amount=present
    )


def _building_heads() -> Measure:
    """Of those in post as many as are needed; none where it is not said."""
    needed, there = pl.col("building_heads_needed"), pl.col("building_heads")
    filled = pl.when(there <= needed).then(there).when(there > needed).then(needed)
    return Measure("heads", GRIDS, "rate", _of_kind("general"), amount="building_heads_needed", passed_amount=filled)


def _not_villager_group(_: Moment) -> pl.Expr:
    return pl.col("kind") != "villager_group"


_NEW_BUILT = Measure(
    "new_built", FACILITIES, "count", _open_of_kind("comprehensive_service", pl.col("acquired_by") == "new_built"),
    amount="floor_area_m2",
)  # fmt: skip

MEASURES: tuple[Kpi, ...] = (
    Kpi(
        "facility_area_per_100_households", "ratio", {FACILITIES: "amount", GRIDS: "denominator"},
        (
            Measure("area", FACILITIES, "count", _open_of_kind("comprehensive_service"), amount="floor_area_m2"),
            Measure("households", GRIDS, "count", _of_kind("general"), amount="households"),
        ),
        scale=PER_100_HOUSEHOLDS, step=CENTIMETRES,
    ),
    _area("safety_platform_area_m2", _open_of_kind("safety_platform")),
    _rate("safety_platform_zones_rate", _zones()),
    _areas("residential_area_trio_rate", every_row, _has_all_three),
    _rate("building_head_rate", _building_heads(), levels=LEVELS_WITH_GRIDS),
    _listed(
        "specialised_grid_coverage", GRIDS,
        [Measure(f"grid_{kind}", GRIDS, "places", _of_kind(kind)) for kind in SPECIALISED],
    ),
    _area("service_building_area_m2", _open_of_kind("comprehensive_service"), _NEW_BUILT, variant=_how_built),
    Kpi(
        "elderly_care_area_per_100_households", "ratio", {FACILITIES: "amount", AREAS: "denominator"},
        (
            Measure("area", FACILITIES, "count", _open_of_kind("elderly_care"), amount="floor_area_m2"),
            Measure("households", AREAS, "count", _is_new, amount="households"),
        ),
        scale=PER_100_HOUSEHOLDS, step=CENTIMETRES,
    ),
    *(
        _listed(
            kpi_id, FACILITIES,
            [Measure(f"room_{room}", FACILITIES, "places", _open_with(room)) for room in rooms],
        )
        for kpi_id, rooms in LISTS.items()
    ),
    _rate(
        "centre_renovation_rate",
        Measure(
            "centres", FACILITIES, "rate", _open_of_kind("party_service_centre"),
            passes=lambda moment: pl.col("renovated_date") <= moment.end,
        ),
    ),
    _areas("new_area_facility_provision_rate", _is_new, _yes("facility_provided")),
    _area("outdoor_area_m2", _open_of_kind("outdoor_fitness"), column="outdoor_area_m2"),
    _area("county_service_centre_area_m2", _open_of_kind("county_service_centre"), levels=("county",)),
    _pieces("library_book_sets", "books"),
    _pieces("outdoor_fitness_sets", "fitness"),
    _areas("property_management_rate", _not_villager_group, _yes("managed_by_property")),
    _areas("property_quarterly_rating_rate", _of_kind("commodity"), _rated_in_quarter),
    Kpi(
        "village_group_cleaners", "ratio", {AREAS: "cases"},
        (
            Measure("cleaners", AREAS, "count", _of_kind("villager_group"), amount="cleaners"),
            Measure("groups", AREAS, "count", _of_kind("villager_group")),
        ),
    ),
)  # fmt: skip
