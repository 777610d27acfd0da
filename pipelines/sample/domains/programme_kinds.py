"""Errors planted in the sample's programmes, and the truth of their KPIs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import polars as pl

from pipelines.sample.judging import Figure
from pipelines.sample.kinds import DirtKind, Fits, any_row, in_turn, when
from pipelines.sample.measuring import Amounts, Condition, Kpi, Level, Measure, Moment
from pipelines.sample.planters import (
    Planter,
    Scene,
    after_the_end,
    cell,
    conflicting,
    days_after,
    repeated,
    together,
    unreadable_date,
)
from pipelines.sample.sheets import ORDER, STATE, SUPPLIER, Sheet

PROGRAMMES = "civil_programmes"
REVIEWED = ("self_check", "county_review", "expert_evaluation", "resident_evaluation", "named")
PERCENT, HUNDREDTHS, STREET_DIGITS = 100, 100, 9
ENOUGH_AREA = 300 * HUNDREDTHS
ALL_LEVELS: tuple[Level, ...] = ("province", "city", "county", "street", "community")
FROM_COUNTY: tuple[Level, ...] = ("province", "city", "county")
# A number under which there is no street.
_NO_STREET = "998"
# No province has these digits.
_ELSEWHERE = "990102"

# --- errors planted --------------------------------------------------------------------------------------------

_IS_OWN = pl.col("_is_own")
_KIND, _STAGE, _STATUS = pl.col("kind"), pl.col("stage"), pl.col("status")
_IS_STAGED = _KIND.is_in(["governance_pilot", "model_creation", "livelihood_project"])
_IS_REVIEWED = _KIND.is_in(["governance_pilot", "model_creation"])
_IS_PLAIN = when(_IS_OWN & ~_IS_STAGED)
_IS_DONE = when(_IS_OWN & _STATUS.is_in(["completed", "accepted"]))
_IS_OPEN = when(_IS_OWN & (_STATUS == "active"))
_HAS_PLAN = when(_KIND.is_in(["livelihood_project", "task_node"]))
_IS_CREATION = when(_KIND == "model_creation")
_IS_IN_SECOND = when(_IS_REVIEWED & (pl.col("_passed") == 2) & pl.col("accepted_first_time").is_null())


def _kind(name: str, rules: tuple[str, ...], planter: Planter, fits: Fits = any_row) -> DirtKind:
    return DirtKind(PROGRAMMES, name, 0.0, rules, planter, fits)


def _unknown_unit(sheet: Sheet, number: int, _: Scene) -> list[int]:
    sheet.put(number, "unit_code", f"{sheet.row(number)['_place'][:6]}{_NO_STREET}")
    return [number]


def _malformed_unit(sheet: Sheet, number: int, _: Scene) -> list[int]:
    sheet.put(number, "unit_code", sheet.row(number)["_place"][:5])
    return [number]


def _from_the_province_too(sheet: Sheet, number: int, scene: Scene) -> list[int]:
    """The same programme stands in the list of the supplier that delivers for other counties."""
    own = sheet.row(number)[SUPPLIER]
    other = next(supplier for supplier in scene.delivered if supplier != own)
    return [number, sheet.repeat(number, **{SUPPLIER: other, ORDER: 1e12 + number})]


def _where_the_province_delivers(scene: Scene) -> pl.Expr:
    return _IS_OWN & (len(scene.delivered) > 1)


def _dates() -> list[DirtKind]:
    """Dates that cannot be read, where no other rule needs them."""
    stages = [(f"stage_{number}_date", _IS_PLAIN) for number in range(1, 6)]
    columns = [*stages, ("planned_date", _HAS_PLAN), ("completed_date", _IS_OPEN)]
    return [
        _kind(f"{column}_unreadable", (f"{column}.readable",), unreadable_date(column), fits) for column, fits in columns
    ]


def _another_name(name: Any) -> str:
    return f"{name}（更名）"


DIRT: tuple[DirtKind, ...] = (
    *in_turn(
        3,
        _kind("number_missing", ("programme_no.required",), cell("programme_no", None), _IS_OPEN),
        _kind("unit_missing", ("unit_code.required",), cell("unit_code", None), _IS_DONE),
        _kind("unit_malformed", ("unit_code.format",), _malformed_unit, when(_IS_OWN & (pl.col("unit_code").str.len_chars() > 6))),
        _kind("unit_unknown", ("unit_exists",), _unknown_unit, when(_IS_OWN & (pl.col("unit_code").str.len_chars() > 6))),
        _kind("unit_outside_area", ("unit_exists",), cell("unit_code", _ELSEWHERE), when(~_IS_OWN)),
        _kind("kind_missing", ("kind.required",), cell("kind", None)),
        _kind("kind_unknown", ("kind.known_value",), cell("kind", None, "其他工程"), when(_KIND != "livelihood_project")),
        _kind("name_missing", ("name.required",), cell("name", None)),
        _kind("tier_missing", ("tier.required",), cell("tier", None), _IS_CREATION),
        _kind("tier_unknown", ("tier.known_value",), cell("tier", None, "优秀"), _IS_CREATION),
        _kind("adjusted_unreadable", ("adjusted.readable",), cell("adjusted", None, "待核"), when(_KIND == "social_work_station")),
        _kind("stage_missing", ("stage.required",), cell("stage", None), when(_KIND == "governance_pilot")),
        _kind("stage_unknown", ("stage.known_value",), cell("stage", None, "论证"), when(_IS_STAGED)),
        *_dates(),
        _kind("planned_date_missing", ("planned_date.required",), cell("planned_date", None), _HAS_PLAN),
        _kind("first_time_unreadable", ("accepted_first_time.readable",), cell("accepted_first_time", None, "补验"), _IS_CREATION),
        _kind("area_unreadable", ("floor_area_m2.readable",), cell("floor_area_m2", None, "约三百平"), _IS_OPEN),
        _kind("area_out_of_range", ("floor_area_m2.range",), cell("floor_area_m2", -300 * HUNDREDTHS), when(pl.col("floor_area_m2").is_not_null())),
        _kind("status_missing", ("status.required",), cell("status", None), when(_KIND == "town_premises")),
        _kind("status_unknown", ("status.known_value",), cell("status", None, "搁置"), when(pl.col("accepted_first_time").is_null())),
        _kind("stages_out_of_order", ("stages_in_order",), days_after("stage_2_date", "stage_1_date", -6), when(pl.col("_passed") >= 2)),
        _kind("stage_skipped", ("no_stage_skipped",), together(cell("stage_1_date", None), cell("stage", REVIEWED[0])), _IS_IN_SECOND),
        _kind("stage_contradicts_dates", ("stage_matches_dates",), cell("stage", REVIEWED[0]), _IS_IN_SECOND),
        _kind("stage_of_another_kind", ("stage_fits_kind",), cell("stage", REVIEWED[0]), when((_KIND == "livelihood_project") & (pl.col("_passed") == 1))),
        _kind("completed_without_date", ("completed_has_date",), cell("completed_date", None), _IS_DONE),
        _kind("completed_after_the_end", ("reached_by_period_end",), after_the_end("completed_date", 9), when(~_IS_STAGED & _STATUS.is_in(["completed", "accepted"]))),
        _kind("first_time_but_not_accepted", ("first_time_means_accepted",), cell("accepted_first_time", True), when((_KIND == "model_creation") & (_STATUS == "active"))),
        _kind("premises_without_area", ("premises_have_area",), cell("floor_area_m2", None), when((_KIND == "town_premises") & _STATUS.is_in(["completed", "accepted"]))),
        _kind("same_key_other_content", ("key.unique",), conflicting("name", _another_name)),
        _kind("two_suppliers", ("key.two_suppliers",), _from_the_province_too, _where_the_province_delivers),
    ),
    DirtKind(PROGRAMMES, "repeated_row", 0.003, ("key.repeated",), repeated, any_row, "duplicate"),
)  # fmt: skip


# --- what follows for the KPIs ---------------------------------------------------------------------------------


def _of(kind: str, *conditions: Condition) -> Condition:
    """Programmes of a kind that fulfil the conditions."""

    def counts(moment: Moment) -> pl.Expr:
        found = pl.col("kind") == kind
        for condition in conditions:
            found &= condition(moment)
        return found

    return counts


def _together(*conditions: Condition) -> Condition:
    def all_hold(moment: Moment) -> pl.Expr:
        found = pl.lit(True)
        for condition in conditions:
            found &= condition(moment)
        return found

    return all_hold


def _is_listed(_: Moment) -> pl.Expr:
    return pl.col("status") != "cancelled"


def _is_under_way(_: Moment) -> pl.Expr:
    return pl.col("status").is_in(["active", "completed", "accepted"])


def _is_done(moment: Moment) -> pl.Expr:
    return pl.col("status").is_in(["completed", "accepted"]) & (pl.col("completed_date") < moment.end + timedelta(days=1))


def _is_adjusted(_: Moment) -> pl.Expr:
    return pl.col("adjusted")


def _is_due(moment: Moment) -> pl.Expr:
    return pl.col("planned_date") < moment.end + timedelta(days=1)


def _is_on_time(_: Moment) -> pl.Expr:
    return pl.col("planned_date") >= pl.col("completed_date")


def _is_named(_: Moment) -> pl.Expr:
    return pl.col("stage") == REVIEWED[-1]


def _is_accepted(_: Moment) -> pl.Expr:
    return pl.col("status") == "accepted"


def _is_inspected(_: Moment) -> pl.Expr:
    """Something is said of the first inspection; an empty cell of a refused row may have lost it."""
    is_stated = pl.col("accepted_first_time").is_not_null()
    return pl.when(is_stated | (pl.col(STATE) != "quarantined")).then(is_stated)


def _is_large_enough(_: Moment) -> pl.Expr:
    return pl.col("floor_area_m2") >= ENOUGH_AREA


def _is_of_tier(tier: str) -> Condition:
    return lambda _: pl.col("tier") == tier


def _is_of_street(_: Moment) -> pl.Expr:
    return pl.col("unit_code").str.len_chars() == STREET_DIGITS


def _rate(kpi_id: str, counts: Condition, passes: Condition, levels: tuple[Level, ...]) -> Kpi:
    measure = Measure("rows", PROGRAMMES, "rate", counts, passes=passes, place="unit_code")
    return Kpi(kpi_id, "rate", {PROGRAMMES: "cases"}, (measure,), levels=levels, scale=PERCENT)


def _number(kpi_id: str, counts: Condition, levels: tuple[Level, ...]) -> Kpi:
    measure = Measure("rows", PROGRAMMES, "count", counts, place="unit_code")
    return Kpi(kpi_id, "count", {PROGRAMMES: "cases"}, (measure,), levels=levels)


def _served(amounts: Amounts) -> Figure:
    """Towns and streets with a service, of all that there are in the unit."""
    served, streets = amounts["served"], type(amounts["served"])(amounts.streets)
    return Figure(served, streets, served, streets, min(served + amounts["served_doubtful"], streets), streets)


_LOCAL: tuple[Level, ...] = ("county", "street", "community")
_BOTH: tuple[Level, ...] = ("county", "street")

MEASURES: tuple[Kpi, ...] = (
    _rate("gap_listed_standard_rate", _of("town_premises", _is_listed), _together(_is_done, _is_large_enough), ALL_LEVELS),
    _rate("town_service_centre_coverage", _of("town_service", _is_listed), _is_done, ALL_LEVELS),
    _number("social_work_stations", _of("social_work_station", _is_done), (*FROM_COUNTY, "street")),
    _rate("social_work_stations_adjusted_share", _of("social_work_station", _is_done), _is_adjusted, FROM_COUNTY),
    Kpi(
        "social_work_service_coverage_rate",
        "rate",
        {PROGRAMMES: "numerator"},
        (Measure("served", PROGRAMMES, "places", _of("social_work_service", _is_done, _is_of_street), place="unit_code"),),
        levels=_BOTH,
        scale=PERCENT,
        figure=_served,
    ),
    _number("gap_projects_completed", _of("gap_project", _is_done), FROM_COUNTY),
    _number("smart_communities", _of("smart_community", _is_under_way), FROM_COUNTY),
    _number("smart_communities_adjusted", _of("smart_community", _is_under_way, _is_adjusted), FROM_COUNTY),
    _number("smart_pilot_communities", _of("smart_pilot", _is_under_way), ("county",)),
    _number("governance_pilots", _of("governance_pilot", _is_done), FROM_COUNTY),
    _rate("pilot_acceptance_rate", _of("governance_pilot", _is_listed), _together(_is_accepted, _is_named), ALL_LEVELS),
    _rate("model_community_share", _of("model_creation", _is_of_tier("model"), _is_listed), _is_named, _BOTH),
    _rate("featured_community_share", _of("model_creation", _is_of_tier("featured"), _is_listed), _is_named, _BOTH),
    _rate("community_standard_attainment_rate", _of("model_creation", _is_of_tier("standard"), _is_listed), _is_accepted, _LOCAL),
    _rate(
        "first_inspection_pass",
        _of("model_creation", _is_listed, _is_inspected),
        lambda _: pl.col("accepted_first_time"),
        _LOCAL,
    ),
    _rate(
        "small_livelihood_projects_rate",
        _of("livelihood_project", _is_listed, _is_due),
        _together(_is_done, lambda _: pl.col("stage") == "accept", _is_on_time),
        _LOCAL,
    ),
    _rate("task_node_on_time_rate", _of("task_node", _is_listed, _is_due), _together(_is_done, _is_on_time), ALL_LEVELS),
)
