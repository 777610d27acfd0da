"""The errors planted in the first eight datasets: one table of kinds, each with its rate and the rules it breaks.

Every planted error is known by row, so that what validation finds can be compared with it. Rates are shares of
a month's rows; a kind is planted at least once in each month that it is planted in, if any row fits.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import polars as pl

from pipelines.sample.kinds import (
    DirtKind,
    any_row,
    date_kinds,
    in_turn,
    place_kinds,
    when,
    where_others_deliver,
)
from pipelines.sample.planters import (
    Planter,
    Scene,
    after_the_end,
    cell,
    community_of_another_street,
    conflicting,
    days_after,
    earlier,
    extra_community,
    extra_grid,
    grid_of_malformed_community,
    grid_of_neighbour,
    grid_of_unknown_community,
    grid_outside_area,
    grid_twice,
    identity_number,
    impossible_birth_date,
    in_full_width,
    in_two_grids,
    in_two_places,
    malformed_code,
    malformed_community,
    malformed_grid,
    mangled,
    moved_on,
    outside_area,
    repeated,
    revised_badly,
    together,
    two_kinds_in_two_places,
    two_suppliers,
    unknown_community,
    unknown_grid,
    unreadable_date,
    wrong_check_digit,
)
from pipelines.sample.sheets import SUPPLIER

# --- which rows fit ------------------------------------------------------------------------------------------

_HAS_CARD = pl.col("id_type") == "resident_id"
_CARD = when(_HAS_CARD)
_CARD_OF_19XX = when(_HAS_CARD & (pl.col("id_number").str.slice(6, 2) == "19"))
_CARD_WITH_X = when(_HAS_CARD & pl.col("id_number").str.ends_with("X"))
_IS_TEMPORARY = pl.col("residence_type") == "temporary"
_IS_THERE = pl.col("left_date").is_null()
_IS_ALONE = pl.col("id_number").is_not_null() & pl.col("_is_only_row") & _IS_THERE
_NOBODY = when(pl.col("_members") == 0)
_ONLY_LISTING = pl.col("_is_only_listing")
_IS_CIVIL = _ONLY_LISTING & (pl.col("kind") == "civil")
_IS_HANDLED = pl.col("handled_date").is_not_null()
_GENERAL = pl.col("kind") == "general"
_SERVICE = pl.col("kind") == "comprehensive_service"


def _with_grids(scene: Scene) -> pl.Expr:
    return ~pl.col(SUPPLIER).is_in(list(scene.suppliers_without_grids))


def _runs_on(scene: Scene) -> pl.Expr:
    return pl.col("cancelled_date").is_null() & (pl.col("valid_to") > scene.end + timedelta(days=40))


def _where_two_places(condition: pl.Expr) -> Callable[[Scene], pl.Expr]:
    """Alone in the month's lists, and there is another community to be found in."""
    return lambda scene: condition & _IS_ALONE & (len(scene.lively) > 1)


def _where_two_grids(_: Scene) -> pl.Expr:
    codes = pl.col("grid_code")
    return _IS_ALONE & (codes.str.tail(3).is_in(["001", "002"])) & (codes.n_unique().over("_place") > 1)


def _with_neighbours(_: Scene) -> pl.Expr:
    return _GENERAL & (pl.col("_place").n_unique().over(SUPPLIER) > 1)


# --- the table -----------------------------------------------------------------------------------------------


def _documents(dataset: str, rate: float) -> list[DirtKind]:
    """What is wrong with identity numbers, names and birth dates, the same in every list of people."""
    bad, repaired, rare = rate, rate, rate / 4
    kinds = [
        ("bad_check_digit", bad, _CARD, identity_number(wrong_check_digit), "id_number.bad_check_digit"),
        ("wrong_length", bad, _CARD, identity_number(lambda number: number[:16]), "id_number.wrong_length"),
        ("float_mangled", bad, _CARD, identity_number(mangled), "id_number.float_mangled"),
        ("bad_characters", rare, _CARD, identity_number(lambda number: f"{number[:10]}O{number[11:]}"), "id_number.bad_characters"),
        ("bad_birth_date", rare, _CARD, identity_number(impossible_birth_date), "id_number.bad_birth_date"),
        ("number_missing", bad, _CARD, cell("id_number", None), "id_number.absent"),
        ("name_missing", rare, any_row, cell("name", None), "name.absent"),
        ("name_with_digits", rare, any_row, cell("name", "张3"), "name.bad_characters"),
        ("birth_date_unreadable", rare, any_row, unreadable_date("birth_date"), "birth_date.unreadable"),
        ("birth_date_impossible", rare, any_row, cell("birth_date", date(1880, 5, 1)), "birth_date.out_of_range"),
        ("sex_unknown", rare, any_row, cell("sex", None, "未说明"), "sex.known_value"),
        ("sex_missing", rare, any_row, cell("sex", None), "sex.required"),
    ]  # fmt: skip
    warnings = [
        ("old_number", _CARD_OF_19XX, identity_number(lambda number: number[:6] + number[8:17]), "converted_15_digit"),
        ("lower_case_x", _CARD_WITH_X, identity_number(str.lower), "lower_case_x"),
        ("full_width_number", _CARD, identity_number(in_full_width), "full_width"),
        ("apostrophe", _CARD, identity_number(lambda number: f"'{number}"), "apostrophe"),
    ]  # fmt: skip
    return [
        *(DirtKind(dataset, kind, share, (rule,), plant, fits) for kind, share, fits, plant, rule in kinds),
        *(
            DirtKind(dataset, kind, repaired, (f"id_number.{finding}",), plant, fits, "accepted")
            for kind, fits, plant, finding in warnings
        ),
    ]


def _residents() -> list[DirtKind]:
    dataset, rare = "grid_residents", 0.00003
    outside, moved = "outside_supplier_area", "person_moved_on"
    unknown_type = cell("residence_type", None, "寄住")
    return [
        *_documents(dataset, 0.00010),
        *date_kinds(dataset, rare, "arrived_date", when(_IS_THERE)),
        DirtKind(dataset, "residence_type_unknown", rare, ("residence_type.known_value",), unknown_type, when(_IS_THERE)),
        DirtKind(dataset, "left_before_arriving", rare, ("left_after_arrived",), days_after("left_date", "arrived_date", -10), any_row),
        DirtKind(dataset, "arrived_after_end", rare, ("arrived_by_period_end",), after_the_end("arrived_date", 40), when(_IS_THERE)),
        DirtKind(dataset, "grid_malformed", rare, ("grid_code.format",), cell("grid_code", "1号网格"), any_row),
        DirtKind(dataset, "grid_unknown", 0.00008, ("grid_exists",), unknown_grid, _with_grids),
        *place_kinds(dataset, any_row, every=2),
        DirtKind(dataset, "outside_area", rare, (outside,), outside_area, where_others_deliver(_IS_ALONE)),
        DirtKind(dataset, "same_key_other_content", rare, ("key.unique",), conflicting("arrived_date", earlier), _where_two_places(pl.lit(True))),
        DirtKind(dataset, "repeated_row", 0.0001, ("key.repeated",), repeated, when(pl.col("id_number").is_not_null()), "duplicate"),
        DirtKind(dataset, "in_two_places", 0.00005, ("person_in_two_places",), in_two_places, _where_two_places(_IS_TEMPORARY & _HAS_CARD)),
        DirtKind(dataset, "two_kinds_in_two_places", rare, ("person_in_two_places",), two_kinds_in_two_places, _where_two_places(~_IS_TEMPORARY)),
        DirtKind(dataset, "moved_on", 0.0001, (moved,), moved_on, _where_two_places(_IS_TEMPORARY), "duplicate"),
        DirtKind(dataset, "in_two_grids", rare, (moved,), in_two_grids, _where_two_grids, "duplicate"),
    ]  # fmt: skip


def _registrations() -> list[DirtKind]:
    dataset, rare = "police_residence_registrations", 0.0001
    return [
        *_documents(dataset, 0.0002),
        *date_kinds(dataset, rare, "registered_date"),
        DirtKind(dataset, "valid_to_before_registered", rare, ("valid_after_registered",), days_after("valid_to", "registered_date", -1), any_row),
        DirtKind(dataset, "cancelled_before_registered", rare, ("cancelled_after_registered",), days_after("cancelled_date", "registered_date", -5), any_row),
        DirtKind(dataset, "registered_after_end", rare, ("registered_by_period_end",), after_the_end("registered_date", 20), _runs_on),
        *place_kinds(dataset, any_row, every=4),
        DirtKind(dataset, "same_key_other_content", rare, ("key.unique",), conflicting("valid_to", lambda day: day + timedelta(days=90)), any_row),
        DirtKind(dataset, "repeated_row", 0.0003, ("key.repeated",), repeated, any_row, "duplicate"),
    ]  # fmt: skip


def _persons() -> list[DirtKind]:
    dataset, rare = "household_persons", 0.00003
    return [
        *_documents(dataset, 0.0001),
        *date_kinds(dataset, rare, "registered_date"),
        DirtKind(dataset, "relation_unknown", rare, ("relation_to_head.known_value",), cell("relation_to_head", None, "干亲"), any_row),
        DirtKind(dataset, "cancelled_before_registered", rare, ("cancelled_after_registered",), days_after("cancelled_date", "registered_date", -3), any_row),
        DirtKind(dataset, "born_after_registered", rare, ("born_before_registered",), days_after("registered_date", "birth_date", -800), when(pl.col("cancelled_date").is_null() & (pl.col("birth_date").dt.year() > 1905))),
        DirtKind(dataset, "household_unknown", rare, ("household_exists",), cell("household_no", "9900000000"), any_row),
        DirtKind(dataset, "household_missing", rare, ("household_no.absent",), cell("household_no", None), any_row),
        DirtKind(dataset, "lives_here_unreadable", rare, ("lives_here.readable",), cell("lives_here", None, "待核"), any_row),
        DirtKind(dataset, "current_community_malformed", rare, ("current_community_code.format",), cell("current_community_code", "外县"), when(pl.col("current_community_code").is_null())),
        DirtKind(dataset, "same_key_other_content", rare, ("key.unique",), conflicting("registered_date", lambda day: day + timedelta(days=1)), when(_HAS_CARD & pl.col("cancelled_date").is_null())),
        DirtKind(dataset, "repeated_row", 0.0001, ("key.repeated",), repeated, any_row, "duplicate"),
    ]  # fmt: skip


def _households() -> list[DirtKind]:
    """In households without members: a household that cannot be used would refuse its members with it."""
    dataset, rare = "household_households", 0.00004
    return [
        *date_kinds(dataset, rare, "registered_date", _NOBODY),
        DirtKind(dataset, "type_unknown", rare, ("household_type.known_value",), cell("household_type", None, "寄住户"), _NOBODY),
        DirtKind(dataset, "door_plate_missing", rare, ("has_door_plate.required",), cell("has_door_plate", None), _NOBODY),
        DirtKind(dataset, "door_plate_unreadable", rare, ("has_door_plate.readable",), cell("has_door_plate", None, "待装"), _NOBODY),
        DirtKind(dataset, "number_missing", rare, ("household_no.absent",), cell("household_no", None), _NOBODY),
        DirtKind(dataset, "cancelled_before_registered", rare, ("cancelled_after_registered",), days_after("cancelled_date", "registered_date", -30), _NOBODY),
        DirtKind(dataset, "registered_after_end", rare, ("registered_by_period_end",), after_the_end("registered_date", 15), _NOBODY),
        DirtKind(dataset, "community_malformed", rare, ("community_code.format",), malformed_community, _NOBODY),
        DirtKind(dataset, "community_unknown", rare, ("community_code.exists",), unknown_community, _NOBODY),
        DirtKind(dataset, "same_key_other_content", rare, ("key.unique",), conflicting("registered_date", earlier), _NOBODY),
        DirtKind(dataset, "repeated_row", 0.0001, ("key.repeated",), repeated, any_row, "duplicate"),
    ]  # fmt: skip


def _disputes() -> list[DirtKind]:
    dataset = "grid_disputes"
    civil, handled = when(_IS_CIVIL), when(_IS_CIVIL & _IS_HANDLED)
    not_handled, pending = cell("handled_date", None), cell("result", "pending")
    mismatch = "result_matches_handling"

    def kind(
        name: str, rules: tuple[str, ...], planter: Planter, fits: Callable[[Scene], pl.Expr]
    ) -> DirtKind:
        return DirtKind(dataset, name, 0.0, rules, planter, fits)

    return [
        *in_turn(
            3,
            kind("accepted_date_unreadable", ("accepted_date.readable",), unreadable_date("accepted_date"), civil),
            kind("handled_before_accepted", ("handled_after_accepted",), days_after("handled_date", "accepted_date", -2), handled),
            kind("result_without_handling", (mismatch,), not_handled, handled),
            kind("kind_unknown", ("kind.known_value",), cell("kind", None, "邻里"), civil),
            kind("result_unknown", ("result.known_value",), together(not_handled, cell("result", None, "待定")), handled),
            kind("deaths_impossible", ("deaths.range",), cell("deaths", 999), when(_ONLY_LISTING & (pl.col("kind") == "labour"))),
            kind("handled_date_unreadable", ("handled_date.readable", mismatch), unreadable_date("handled_date"), handled),
            kind("accepted_after_end", ("accepted_by_period_end",), together(not_handled, pending, after_the_end("accepted_date", 9)), handled),
            kind("number_missing", ("dispute_no.required",), cell("dispute_no", None), civil),
            kind("same_key_other_content", ("key.unique",), conflicting("injuries", lambda count: count + 1), civil),
            kind("two_suppliers", ("key.two_suppliers",), two_suppliers, where_others_deliver(_IS_CIVIL)),
            kind("outside_area", ("outside_supplier_area",), outside_area, where_others_deliver(_IS_CIVIL)),
        ),
        *place_kinds(dataset, civil, every=6, apart=2),
        DirtKind(dataset, "revised_badly", 0.0, ("deaths.range",), revised_badly, when(pl.col("_is_settled_later") & (pl.col("kind") == "civil")), first=1),
        DirtKind(dataset, "repeated_row", 0.005, ("key.repeated",), repeated, when(_ONLY_LISTING), "duplicate"),
    ]  # fmt: skip


def _grids() -> list[DirtKind]:
    dataset, general = "grid_grids", when(_GENERAL)

    def kind(
        name: str, rules: tuple[str, ...], planter: Planter, fits: Callable[[Scene], pl.Expr] = general
    ) -> DirtKind:
        return DirtKind(dataset, name, 0.0, rules, planter, fits)

    inside = "grid_inside_community"
    return [
        *in_turn(
            3,
            # Households that nobody knows leave a figure open downwards: all in the same months.
            kind("households_unreadable", ("households.readable",), extra_grid(811, households=(None, "约120"))),
            kind("kind_unknown", ("kind.known_value",), extra_grid(814, kind=(None, "综治"))),
            kind("community_unknown", ("community_code.exists",), grid_of_unknown_community),
            kind("households_missing", ("households.required",), extra_grid(812, households=None)),
            kind("community_malformed", ("community_code.format", inside), grid_of_malformed_community),
            kind("neighbours_community", (inside,), grid_of_neighbour, _with_neighbours),
            kind("households_negative", ("households.range",), extra_grid(813, households=-12)),
            kind("grid_malformed", ("grid_code.format",), malformed_grid),
            kind("same_key_other_content", ("key.unique",), grid_twice),
            kind("outside_area", ("outside_supplier_area",), grid_outside_area, where_others_deliver(_GENERAL)),
            kind("police_grid_unreadable", ("households.readable",), extra_grid(815, kind="police", households=(None, "不详"))),
        ),
        DirtKind(dataset, "repeated_row", 0.004, ("key.repeated",), repeated, any_row, "duplicate"),
    ]  # fmt: skip


def _facilities() -> list[DirtKind]:
    dataset, service = "civil_facilities", when(_SERVICE & pl.col("closed_date").is_null())
    small = when(
        _SERVICE
        & pl.col("closed_date").is_null()
        & (pl.col("floor_area_m2") <= pl.col("floor_area_m2").quantile(0.1))
    )
    area = "floor_area_m2"

    def kind(
        name: str, rules: tuple[str, ...], planter: Planter, fits: Callable[[Scene], pl.Expr] = service
    ) -> DirtKind:
        return DirtKind(dataset, name, 0.0, rules, planter, fits)

    return [
        *in_turn(
            3,
            # An area that nobody knows leaves a figure open upwards: all in the same months.
            kind("area_unreadable", (f"{area}.readable",), cell(area, None, "约200平方米")),
            kind("kind_unknown", ("kind.known_value",), cell("kind", None, "社区用房")),
            kind("opened_date_missing", ("opened_date.required",), cell("opened_date", None)),
            kind("area_missing", (f"{area}.required",), cell(area, None)),
            kind("opened_date_unreadable", ("opened_date.readable",), unreadable_date("opened_date"), when(~_SERVICE)),
            kind("closed_before_opened", ("closed_after_opened",), days_after("closed_date", "opened_date", -40)),
            kind("area_impossible", (f"{area}.range",), cell(area, 25_000_000)),
            kind("same_key_other_content", ("key.unique",), conflicting(area, lambda hundredths: hundredths + 1500)),
        ),
        *in_turn(
            6,
            kind("community_unknown", ("community_code.exists",), unknown_community, small),
            kind("community_malformed", ("community_code.format",), malformed_community, when(~_SERVICE)),
        ),
        DirtKind(dataset, "repeated_row", 0.004, ("key.repeated",), repeated, any_row, "duplicate"),
    ]  # fmt: skip


def _communities() -> list[DirtKind]:
    """In communities still planned: the existing ones are needed by every other dataset."""
    dataset = "civil_communities"

    def kind(name: str, rules: tuple[str, ...], planter: Planter) -> DirtKind:
        return DirtKind(dataset, name, 0.0, rules, planter, any_row)

    return [
        *in_turn(
            2,
            kind("opened_date_unreadable", ("opened_date.readable",), extra_community(991, opened_date=(None, "筹建中"))),
            kind("class_unknown", ("class.known_value",), extra_community(992, **{"class": (None, "城乡结合部")})),
            kind("closed_before_opened", ("closed_after_opened",), extra_community(993, closed_date=date(1983, 12, 31))),
            kind("adjusted_unreadable", ("adjusted.readable",), extra_community(994, adjusted=(None, "待定"))),
            kind("street_of_another_code", ("code_inside_street",), community_of_another_street),
            kind("code_malformed", ("code.format",), malformed_code),
        ),
        DirtKind(dataset, "repeated_row", 0.004, ("key.repeated",), repeated, any_row, "duplicate"),
    ]  # fmt: skip


KINDS: tuple[DirtKind, ...] = (
    *_residents(), *_registrations(), *_persons(), *_households(),
    *_disputes(), *_grids(), *_facilities(), *_communities(),
)  # fmt: skip
