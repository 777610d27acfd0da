"""The errors planted in the deliveries: one table of kinds, each with its rate and the rules that it breaks.

Every planted error is known by row, so that what validation finds can be compared with it. Rates are shares of
a month's rows; a kind is planted at least once in each month that it is planted in, if any row fits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from pipelines.sample.names import check_characters
from pipelines.sample.sheets import ORDER, SUPPLIER, Sheet, State

UNREADABLE_DATES = ("不详", "2025-02-30", "2025年", "去年", "20251")
_FULL_WIDTH = str.maketrans("0123456789X", "０１２３４５６７８９Ｘ")
# A street number and a community number that no register uses.
_NO_COMMUNITY, _NO_GRID = "998", "999"


@dataclass(frozen=True)
class Scene:
    """What a planter knows beside the sheet: the month, who covers what, what others fail to deliver."""

    end: date
    units: frozenset[str]
    covers: dict[str, tuple[str, ...]]
    # community codes by the supplier that delivers the sheet's dataset for them this month
    delivered: dict[str, tuple[str, ...]]
    suppliers_without_grids: tuple[str, ...]
    # communities in which at least three temporary residents are found this month
    lively: tuple[str, ...]
    chance: np.random.Generator

    def unknown_community(self, row: dict[str, Any]) -> str:
        """A code inside the supplier's area under which there is no community."""
        prefix = next(prefix for prefix in self.covers[row[SUPPLIER]] if str(row["_place"]).startswith(prefix))
        street = prefix if len(prefix) >= 9 else str(row["_place"])[:9]
        code = street[:9] + _NO_COMMUNITY
        if code in self.units:
            raise ValueError(f"{code} is a community; choose another number for an unknown one")
        return code

    def choose(self, options: list[Any]) -> Any:
        return options[int(self.chance.integers(0, len(options)))]


# Plants the error in one row and returns the rows that break the rules, mostly that one alone.
Planter = Callable[[Sheet, int, Scene], list[int]]


@dataclass(frozen=True)
class DirtKind:
    """One kind of error. It is planted every `every` months, beginning with month number `first`."""

    dataset: str
    kind: str
    rate: float
    rules: tuple[str, ...]
    plant: Planter
    fits: Callable[[Scene], pl.Expr]
    state: State = "quarantined"
    every: int = 1
    first: int = 0


def plant(sheet: Sheet, scene: Scene, month_number: int) -> None:
    """Plant all kinds that are due in a sheet, and settle it."""
    for kind in KINDS:
        if kind.dataset != sheet.dataset or (month_number - kind.first) % kind.every or month_number < kind.first:
            continue
        free = sheet.free(kind.fits(scene))
        count = min(len(free), max(1, round(kind.rate * sheet.rows.height)))
        for number in scene.chance.choice(free, count, replace=False).tolist():
            for broken in kind.plant(sheet, number, scene):
                sheet.mark(broken, kind.kind, kind.rules, kind.state)
            sheet.take(number)
    sheet.settle()


# --- cells ---------------------------------------------------------------------------------------------------


def _cell(column: str, value: Any, text: str | None = None) -> Planter:
    """The cell becomes `value`, read from `text` where that is not the value written out."""

    def planter(sheet: Sheet, number: int, _: Scene) -> list[int]:
        sheet.put(number, column, value, text)
        return [number]

    return planter


def _unreadable_date(column: str) -> Planter:
    def planter(sheet: Sheet, number: int, scene: Scene) -> list[int]:
        sheet.put(number, column, None, scene.choose(list(UNREADABLE_DATES)))
        return [number]

    return planter


def _days_after(column: str, other: str, days: int) -> Planter:
    """The date becomes that of another column, moved by `days`."""

    def planter(sheet: Sheet, number: int, _: Scene) -> list[int]:
        sheet.put(number, column, sheet.row(number)[other] + timedelta(days=days))
        return [number]

    return planter


def _after_the_end(column: str, days: int) -> Planter:
    def planter(sheet: Sheet, number: int, scene: Scene) -> list[int]:
        sheet.put(number, column, scene.end + timedelta(days=days))
        return [number]

    return planter


def _together(*planters: Planter) -> Planter:
    """Several cells of one row."""

    def planter(sheet: Sheet, number: int, scene: Scene) -> list[int]:
        for part in planters:
            part(sheet, number, scene)
        return [number]

    return planter


def _number(change: Callable[[str], str]) -> Planter:
    """What is done to an identity number."""

    def planter(sheet: Sheet, number: int, _: Scene) -> list[int]:
        sheet.put(number, "id_number", change(sheet.row(number)["id_number"]))
        return [number]

    return planter


def _wrong_check_digit(number: str) -> str:
    return number[:17] + str((int(number[17].replace("X", "10")) + 1) % 10)


def _impossible_birth_date(number: str) -> str:
    impossible = f"{number[:10]}13{number[12:17]}"
    return f"{impossible}{check_characters(pl.Series([impossible])).item()}"


def _mangled(number: str) -> str:
    return f"{number[0]}.{number[1:6]}E+17"


def _malformed_community(sheet: Sheet, number: int, _: Scene) -> list[int]:
    sheet.put(number, "community_code", sheet.row(number)["_place"][:11])
    return [number]


def _unknown_community(sheet: Sheet, number: int, scene: Scene) -> list[int]:
    sheet.put(number, "community_code", scene.unknown_community(sheet.row(number)))
    return [number]


def _outside_area(sheet: Sheet, number: int, scene: Scene) -> list[int]:
    sheet.put(number, "community_code", scene.choose(_others(sheet.row(number), scene)))
    return [number]


def _others(row: dict[str, Any], scene: Scene) -> list[str]:
    """Communities that another supplier delivers."""
    return [code for supplier, codes in scene.delivered.items() if supplier != row[SUPPLIER] for code in codes]


# --- further rows --------------------------------------------------------------------------------------------


def _repeated(sheet: Sheet, number: int, _: Scene) -> list[int]:
    return [sheet.repeat(number)]


def _conflicting(column: str, change: Callable[[Any], Any]) -> Planter:
    """The same key again with another value in `column`."""

    def planter(sheet: Sheet, number: int, _: Scene) -> list[int]:
        return [number, sheet.repeat(number, **{column: change(sheet.row(number)[column])})]

    return planter


def _elsewhere(sheet: Sheet, number: int, scene: Scene, **changes: Any) -> int:
    """The same person in another community's list."""
    own = sheet.row(number)["_place"]
    code = scene.choose([code for code in scene.lively if code != own])
    supplier = next(supplier for supplier, codes in scene.delivered.items() if code in codes)
    place = {"community_code": code, "grid_code": f"{code}-001", "_place": code, SUPPLIER: supplier}
    # In the other file, before or behind what belongs there.
    order = {ORDER: float(scene.choose([-1.0, 1e12])) + number}
    return sheet.repeat(number, **place, **order, **changes)


def _in_two_places(sheet: Sheet, number: int, scene: Scene) -> list[int]:
    return [number, _elsewhere(sheet, number, scene)]


def _two_kinds_in_two_places(sheet: Sheet, number: int, scene: Scene) -> list[int]:
    return [number, _elsewhere(sheet, number, scene, residence_type="temporary")]


def _moved_on(sheet: Sheet, number: int, scene: Scene) -> list[int]:
    earlier = sheet.row(number)["arrived_date"] - timedelta(days=400)
    return [_elsewhere(sheet, number, scene, arrived_date=earlier)]


def _in_two_grids(sheet: Sheet, number: int, _: Scene) -> list[int]:
    row = sheet.row(number)
    return [sheet.repeat(number, grid_code=f"{row['_place']}-{'002' if row['grid_code'][-3:] == '001' else '001'}")]


def _two_suppliers(sheet: Sheet, number: int, scene: Scene) -> list[int]:
    row = sheet.row(number)
    code = scene.choose(_others(row, scene))
    supplier = next(supplier for supplier, codes in scene.delivered.items() if code in codes)
    twin = sheet.repeat(number, community_code=code, _place=code, **{SUPPLIER: supplier, ORDER: 1e12 + number})
    return [number, twin]


def _extra_grid(number: int, **changes: Any) -> Planter:
    """A grid that the register does not have yet, in which nobody lives, with something wrong about it."""

    def planter(sheet: Sheet, original: int, _: Scene) -> list[int]:
        row = sheet.row(original)
        texts = {name: value for name, value in changes.items() if isinstance(value, tuple)}
        fixed = {name: value for name, value in changes.items() if name not in texts}
        added = sheet.repeat(original, **{"grid_code": f"{row['_place']}-{number}", "households": 37, **fixed})
        for name, (value, text) in texts.items():
            sheet.put(added, name, value, text)
        return [added]

    return planter


def _grid_of_unknown_community(sheet: Sheet, original: int, scene: Scene) -> list[int]:
    code = scene.unknown_community(sheet.row(original))
    return [sheet.repeat(original, grid_code=f"{code}-801", community_code=code, households=25)]


def _grid_of_malformed_community(sheet: Sheet, original: int, _: Scene) -> list[int]:
    code = sheet.row(original)["_place"]
    return [sheet.repeat(original, grid_code=f"{code}-802", community_code=code[:11], households=31)]


def _grid_of_neighbour(sheet: Sheet, original: int, scene: Scene) -> list[int]:
    row = sheet.row(original)
    own = [code for code in scene.delivered[row[SUPPLIER]] if code != row["_place"]]
    return [sheet.repeat(original, grid_code=f"{row['_place']}-803", community_code=scene.choose(own), households=29)]


def _grid_outside_area(sheet: Sheet, original: int, scene: Scene) -> list[int]:
    code = scene.choose(_others(sheet.row(original), scene))
    return [sheet.repeat(original, grid_code=f"{code}-804", community_code=code, households=33)]


def _grid_twice(sheet: Sheet, original: int, _: Scene) -> list[int]:
    code = f"{sheet.row(original)['_place']}-805"
    return [sheet.repeat(original, grid_code=code, households=households) for households in (20, 24)]


def _malformed_grid(sheet: Sheet, original: int, _: Scene) -> list[int]:
    return [sheet.repeat(original, grid_code=f"{sheet.row(original)['_place']}-8", households=22)]


def _extra_community(number: int, **changes: Any) -> Planter:
    """A planned community that the division register does not have, with something wrong about it."""

    def planter(sheet: Sheet, original: int, _: Scene) -> list[int]:
        row = sheet.row(original)
        code = f"{row['street_code']}{number}"
        texts = {name: value for name, value in changes.items() if isinstance(value, tuple)}
        fixed = {name: value for name, value in changes.items() if name not in texts}
        added = sheet.repeat(original, **{"code": code, "name": f"{row['name']}新区（筹）", **fixed})
        for name, (value, text) in texts.items():
            sheet.put(added, name, value, text)
        return [added]

    return planter


def _community_of_another_street(sheet: Sheet, original: int, _: Scene) -> list[int]:
    row = sheet.row(original)
    wrong = f"{int(row['street_code']) + 900:09d}"
    return [sheet.repeat(original, code=f"{row['street_code']}996", name=f"{row['name']}新区（筹）", street_code=wrong)]


def _malformed_code(sheet: Sheet, original: int, _: Scene) -> list[int]:
    row = sheet.row(original)
    return [sheet.repeat(original, code=f"{row['street_code']}99", name=f"{row['name']}新区（筹）")]


def _revised_badly(sheet: Sheet, number: int, _: Scene) -> list[int]:
    """The later listing of a dispute, by which the earlier one would have been corrected, cannot be used."""
    sheet.put(number, "deaths", -1)
    return [number]


# --- which rows fit ------------------------------------------------------------------------------------------


def _any(_: Scene) -> pl.Expr:
    return pl.lit(True)


def _when(condition: pl.Expr) -> Callable[[Scene], pl.Expr]:
    return lambda _: condition


_HAS_CARD = pl.col("id_type") == "resident_id"
_CARD = _when(_HAS_CARD)
_CARD_OF_19XX = _when(_HAS_CARD & (pl.col("id_number").str.slice(6, 2) == "19"))
_CARD_WITH_X = _when(_HAS_CARD & pl.col("id_number").str.ends_with("X"))
_IS_TEMPORARY = pl.col("residence_type") == "temporary"
_IS_THERE = pl.col("left_date").is_null()
_IS_ALONE = pl.col("id_number").is_not_null() & pl.col("_is_only_row") & _IS_THERE
_NOBODY = _when(pl.col("_members") == 0)
_ONLY_LISTING = pl.col("_is_only_listing")
_IS_CIVIL = _ONLY_LISTING & (pl.col("kind") == "civil")
_IS_HANDLED = pl.col("handled_date").is_not_null()
_GENERAL = pl.col("kind") == "general"
_SERVICE = pl.col("kind") == "comprehensive_service"


def _with_grids(scene: Scene) -> pl.Expr:
    return ~pl.col(SUPPLIER).is_in(list(scene.suppliers_without_grids))


def _runs_on(scene: Scene) -> pl.Expr:
    return pl.col("cancelled_date").is_null() & (pl.col("valid_to") > scene.end + timedelta(days=40))


def _where_others_deliver(condition: pl.Expr) -> Callable[[Scene], pl.Expr]:
    return lambda scene: condition & (len(scene.delivered) > 1)


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
        ("bad_check_digit", bad, _CARD, _number(_wrong_check_digit), "id_number.bad_check_digit"),
        ("wrong_length", bad, _CARD, _number(lambda number: number[:16]), "id_number.wrong_length"),
        ("float_mangled", bad, _CARD, _number(_mangled), "id_number.float_mangled"),
        ("bad_characters", rare, _CARD, _number(lambda number: f"{number[:10]}O{number[11:]}"), "id_number.bad_characters"),
        ("bad_birth_date", rare, _CARD, _number(_impossible_birth_date), "id_number.bad_birth_date"),
        ("number_missing", bad, _CARD, _cell("id_number", None), "id_number.absent"),
        ("name_missing", rare, _any, _cell("name", None), "name.absent"),
        ("name_with_digits", rare, _any, _cell("name", "张3"), "name.bad_characters"),
        ("birth_date_unreadable", rare, _any, _unreadable_date("birth_date"), "birth_date.unreadable"),
        ("birth_date_impossible", rare, _any, _cell("birth_date", date(1880, 5, 1)), "birth_date.out_of_range"),
        ("sex_unknown", rare, _any, _cell("sex", None, "未说明"), "sex.known_value"),
        ("sex_missing", rare, _any, _cell("sex", None), "sex.required"),
    ]
    warnings = [
        ("old_number", _CARD_OF_19XX, _number(lambda number: number[:6] + number[8:17]), "converted_15_digit"),
        ("lower_case_x", _CARD_WITH_X, _number(str.lower), "lower_case_x"),
        ("full_width_number", _CARD, _number(lambda number: number.translate(_FULL_WIDTH)), "full_width"),
        ("apostrophe", _CARD, _number(lambda number: f"'{number}"), "apostrophe"),
    ]
    return [
        *(DirtKind(dataset, kind, share, (rule,), plant, fits) for kind, share, fits, plant, rule in kinds),
        *(
            DirtKind(dataset, kind, repaired, (f"id_number.{finding}",), plant, fits, "accepted")
            for kind, fits, plant, finding in warnings
        ),
    ]


def _date_kinds(dataset: str, rate: float, column: str, fits: Callable[[Scene], pl.Expr] = _any) -> list[DirtKind]:
    """A date that is missing or cannot be read."""
    return [
        DirtKind(dataset, f"{column}_unreadable", rate, (f"{column}.readable",), _unreadable_date(column), fits),
        DirtKind(dataset, f"{column}_missing", rate, (f"{column}.required",), _cell(column, None), fits),
    ]


def _places(dataset: str, fits: Callable[[Scene], pl.Expr], *, every: int, apart: int = 1) -> list[DirtKind]:
    """Rows that belong to no community: each counts against its supplier's whole area, so they are few."""
    kinds = [
        DirtKind(dataset, "community_missing", 0.0, ("community_code.required",), _cell("community_code", None), fits),
        DirtKind(dataset, "community_malformed", 0.0, ("community_code.format",), _malformed_community, fits),
        DirtKind(dataset, "community_unknown", 0.0, ("community_code.exists",), _unknown_community, fits),
    ]
    return [replace(kind, every=every, first=number * apart) for number, kind in enumerate(kinds)]


def _every(months: int, *kinds: DirtKind) -> list[DirtKind]:
    """Kinds planted in turn, each every so many months."""
    return [replace(kind, every=months, first=number % months) for number, kind in enumerate(kinds)]


def _residents() -> list[DirtKind]:
    dataset, rare = "grid_residents", 0.00003
    outside, moved = "outside_supplier_area", "person_moved_on"
    unknown_type = _cell("residence_type", None, "寄住")
    return [
        *_documents(dataset, 0.00010),
        *_date_kinds(dataset, rare, "arrived_date", _when(_IS_THERE)),
        DirtKind(dataset, "residence_type_unknown", rare, ("residence_type.known_value",), unknown_type, _when(_IS_THERE)),
        DirtKind(dataset, "left_before_arriving", rare, ("left_after_arrived",), _days_after("left_date", "arrived_date", -10), _any),
        DirtKind(dataset, "arrived_after_end", rare, ("arrived_by_period_end",), _after_the_end("arrived_date", 40), _when(_IS_THERE)),
        DirtKind(dataset, "grid_malformed", rare, ("grid_code.format",), _cell("grid_code", "1号网格"), _any),
        DirtKind(dataset, "grid_unknown", 0.00008, ("grid_exists",), _unknown_grid, _with_grids),
        *_places(dataset, _any, every=2),
        DirtKind(dataset, "outside_area", rare, (outside,), _outside_area, _where_others_deliver(_IS_ALONE)),
        DirtKind(dataset, "same_key_other_content", rare, ("key.unique",), _conflicting("arrived_date", _earlier), _where_two_places(pl.lit(True))),
        DirtKind(dataset, "repeated_row", 0.0001, ("key.repeated",), _repeated, _when(pl.col("id_number").is_not_null()), "duplicate"),
        DirtKind(dataset, "in_two_places", 0.00005, ("person_in_two_places",), _in_two_places, _where_two_places(_IS_TEMPORARY & _HAS_CARD)),
        DirtKind(dataset, "two_kinds_in_two_places", rare, ("person_in_two_places",), _two_kinds_in_two_places, _where_two_places(~_IS_TEMPORARY)),
        DirtKind(dataset, "moved_on", 0.0001, (moved,), _moved_on, _where_two_places(_IS_TEMPORARY), "duplicate"),
        DirtKind(dataset, "in_two_grids", rare, (moved,), _in_two_grids, _where_two_grids, "duplicate"),
    ]  # fmt: skip


def _unknown_grid(sheet: Sheet, number: int, _: Scene) -> list[int]:
    sheet.put(number, "grid_code", f"{sheet.row(number)['_place']}-{_NO_GRID}")
    return [number]


def _earlier(day: date) -> date:
    return day - timedelta(days=31)


def _registrations() -> list[DirtKind]:
    dataset, rare = "police_residence_registrations", 0.0001
    return [
        *_documents(dataset, 0.0002),
        *_date_kinds(dataset, rare, "registered_date"),
        DirtKind(dataset, "valid_to_before_registered", rare, ("valid_after_registered",), _days_after("valid_to", "registered_date", -1), _any),
        DirtKind(dataset, "cancelled_before_registered", rare, ("cancelled_after_registered",), _days_after("cancelled_date", "registered_date", -5), _any),
        DirtKind(dataset, "registered_after_end", rare, ("registered_by_period_end",), _after_the_end("registered_date", 20), _runs_on),
        *_places(dataset, _any, every=4),
        DirtKind(dataset, "same_key_other_content", rare, ("key.unique",), _conflicting("valid_to", lambda day: day + timedelta(days=90)), _any),
        DirtKind(dataset, "repeated_row", 0.0003, ("key.repeated",), _repeated, _any, "duplicate"),
    ]  # fmt: skip


def _persons() -> list[DirtKind]:
    dataset, rare = "household_persons", 0.00003
    return [
        *_documents(dataset, 0.0001),
        *_date_kinds(dataset, rare, "registered_date"),
        DirtKind(dataset, "relation_unknown", rare, ("relation_to_head.known_value",), _cell("relation_to_head", None, "干亲"), _any),
        DirtKind(dataset, "cancelled_before_registered", rare, ("cancelled_after_registered",), _days_after("cancelled_date", "registered_date", -3), _any),
        DirtKind(dataset, "born_after_registered", rare, ("born_before_registered",), _days_after("registered_date", "birth_date", -800), _when(pl.col("cancelled_date").is_null() & (pl.col("birth_date").dt.year() > 1905))),
        DirtKind(dataset, "household_unknown", rare, ("household_exists",), _cell("household_no", "9900000000"), _any),
        DirtKind(dataset, "household_missing", rare, ("household_no.absent",), _cell("household_no", None), _any),
        DirtKind(dataset, "lives_here_unreadable", rare, ("lives_here.readable",), _cell("lives_here", None, "待核"), _any),
        DirtKind(dataset, "current_community_malformed", rare, ("current_community_code.format",), _cell("current_community_code", "外县"), _when(pl.col("current_community_code").is_null())),
        DirtKind(dataset, "same_key_other_content", rare, ("key.unique",), _conflicting("registered_date", lambda day: day + timedelta(days=1)), _when(_HAS_CARD & pl.col("cancelled_date").is_null())),
        DirtKind(dataset, "repeated_row", 0.0001, ("key.repeated",), _repeated, _any, "duplicate"),
    ]  # fmt: skip


def _households() -> list[DirtKind]:
    """In households without members: a household that cannot be used would refuse its members with it."""
    dataset, rare = "household_households", 0.00004
    return [
        *_date_kinds(dataset, rare, "registered_date", _NOBODY),
        DirtKind(dataset, "type_unknown", rare, ("household_type.known_value",), _cell("household_type", None, "寄住户"), _NOBODY),
        DirtKind(dataset, "door_plate_missing", rare, ("has_door_plate.required",), _cell("has_door_plate", None), _NOBODY),
        DirtKind(dataset, "door_plate_unreadable", rare, ("has_door_plate.readable",), _cell("has_door_plate", None, "待装"), _NOBODY),
        DirtKind(dataset, "number_missing", rare, ("household_no.absent",), _cell("household_no", None), _NOBODY),
        DirtKind(dataset, "cancelled_before_registered", rare, ("cancelled_after_registered",), _days_after("cancelled_date", "registered_date", -30), _NOBODY),
        DirtKind(dataset, "registered_after_end", rare, ("registered_by_period_end",), _after_the_end("registered_date", 15), _NOBODY),
        DirtKind(dataset, "community_malformed", rare, ("community_code.format",), _malformed_community, _NOBODY),
        DirtKind(dataset, "community_unknown", rare, ("community_code.exists",), _unknown_community, _NOBODY),
        DirtKind(dataset, "same_key_other_content", rare, ("key.unique",), _conflicting("registered_date", _earlier), _NOBODY),
        DirtKind(dataset, "repeated_row", 0.0001, ("key.repeated",), _repeated, _any, "duplicate"),
    ]  # fmt: skip


def _disputes() -> list[DirtKind]:
    dataset = "grid_disputes"
    civil, handled = _when(_IS_CIVIL), _when(_IS_CIVIL & _IS_HANDLED)
    not_handled, pending = _cell("handled_date", None), _cell("result", "pending")
    mismatch = "result_matches_handling"

    def kind(name: str, rules: tuple[str, ...], planter: Planter, fits: Callable[[Scene], pl.Expr]) -> DirtKind:
        return DirtKind(dataset, name, 0.0, rules, planter, fits)

    return [
        *_every(
            3,
            kind("accepted_date_unreadable", ("accepted_date.readable",), _unreadable_date("accepted_date"), civil),
            kind("handled_before_accepted", ("handled_after_accepted",), _days_after("handled_date", "accepted_date", -2), handled),
            kind("result_without_handling", (mismatch,), not_handled, handled),
            kind("kind_unknown", ("kind.known_value",), _cell("kind", None, "邻里"), civil),
            kind("result_unknown", ("result.known_value",), _together(not_handled, _cell("result", None, "待定")), handled),
            kind("deaths_impossible", ("deaths.range",), _cell("deaths", 999), _when(_ONLY_LISTING & (pl.col("kind") == "labour"))),
            kind("handled_date_unreadable", ("handled_date.readable", mismatch), _unreadable_date("handled_date"), handled),
            kind("accepted_after_end", ("accepted_by_period_end",), _together(not_handled, pending, _after_the_end("accepted_date", 9)), handled),
            kind("number_missing", ("dispute_no.required",), _cell("dispute_no", None), civil),
            kind("same_key_other_content", ("key.unique",), _conflicting("injuries", lambda count: count + 1), civil),
            kind("two_suppliers", ("key.two_suppliers",), _two_suppliers, _where_others_deliver(_IS_CIVIL)),
            kind("outside_area", ("outside_supplier_area",), _outside_area, _where_others_deliver(_IS_CIVIL)),
        ),
        *_places(dataset, civil, every=6, apart=2),
        DirtKind(dataset, "revised_badly", 0.0, ("deaths.range",), _revised_badly, _when(pl.col("_is_settled_later") & (pl.col("kind") == "civil")), first=1),
        DirtKind(dataset, "repeated_row", 0.005, ("key.repeated",), _repeated, _when(_ONLY_LISTING), "duplicate"),
    ]  # fmt: skip


def _grids() -> list[DirtKind]:
    dataset, general = "grid_grids", _when(_GENERAL)

    def kind(name: str, rules: tuple[str, ...], planter: Planter, fits: Callable[[Scene], pl.Expr] = general) -> DirtKind:
        return DirtKind(dataset, name, 0.0, rules, planter, fits)

    inside = "grid_inside_community"
    return [
        *_every(
            3,
            # Households that nobody knows leave a figure open downwards: all in the same months.
            kind("households_unreadable", ("households.readable",), _extra_grid(811, households=(None, "约120"))),
            kind("kind_unknown", ("kind.known_value",), _extra_grid(814, kind=(None, "综治"))),
            kind("community_unknown", ("community_code.exists",), _grid_of_unknown_community),
            kind("households_missing", ("households.required",), _extra_grid(812, households=None)),
            kind("community_malformed", ("community_code.format", inside), _grid_of_malformed_community),
            kind("neighbours_community", (inside,), _grid_of_neighbour, _with_neighbours),
            kind("households_negative", ("households.range",), _extra_grid(813, households=-12)),
            kind("grid_malformed", ("grid_code.format",), _malformed_grid),
            kind("same_key_other_content", ("key.unique",), _grid_twice),
            kind("outside_area", ("outside_supplier_area",), _grid_outside_area, _where_others_deliver(_GENERAL)),
            kind("police_grid_unreadable", ("households.readable",), _extra_grid(815, kind="police", households=(None, "不详"))),
        ),
        DirtKind(dataset, "repeated_row", 0.004, ("key.repeated",), _repeated, _any, "duplicate"),
    ]


def _facilities() -> list[DirtKind]:
    dataset, service = "civil_facilities", _when(_SERVICE & pl.col("closed_date").is_null())
    small = _when(_SERVICE & pl.col("closed_date").is_null() & (pl.col("floor_area_m2") <= pl.col("floor_area_m2").quantile(0.1)))
    area = "floor_area_m2"

    def kind(name: str, rules: tuple[str, ...], planter: Planter, fits: Callable[[Scene], pl.Expr] = service) -> DirtKind:
        return DirtKind(dataset, name, 0.0, rules, planter, fits)

    return [
        *_every(
            3,
            # An area that nobody knows leaves a figure open upwards: all in the same months.
            kind("area_unreadable", (f"{area}.readable",), _cell(area, None, "约200平方米")),
            kind("kind_unknown", ("kind.known_value",), _cell("kind", None, "社区用房")),
            kind("opened_date_missing", ("opened_date.required",), _cell("opened_date", None)),
            kind("area_missing", (f"{area}.required",), _cell(area, None)),
            kind("opened_date_unreadable", ("opened_date.readable",), _unreadable_date("opened_date"), _when(~_SERVICE)),
            kind("closed_before_opened", ("closed_after_opened",), _days_after("closed_date", "opened_date", -40)),
            kind("area_impossible", (f"{area}.range",), _cell(area, 25_000_000)),
            kind("same_key_other_content", ("key.unique",), _conflicting(area, lambda hundredths: hundredths + 1500)),
        ),
        *_every(
            6,
            kind("community_unknown", ("community_code.exists",), _unknown_community, small),
            kind("community_malformed", ("community_code.format",), _malformed_community, _when(~_SERVICE)),
        ),
        DirtKind(dataset, "repeated_row", 0.004, ("key.repeated",), _repeated, _any, "duplicate"),
    ]


def _communities() -> list[DirtKind]:
    """In communities still planned: the existing ones are needed by every other dataset."""
    dataset = "civil_communities"

    def kind(name: str, rules: tuple[str, ...], planter: Planter) -> DirtKind:
        return DirtKind(dataset, name, 0.0, rules, planter, _any)

    return [
        *_every(
            2,
            kind("opened_date_unreadable", ("opened_date.readable",), _extra_community(991, opened_date=(None, "筹建中"))),
            kind("class_unknown", ("class.known_value",), _extra_community(992, **{"class": (None, "城乡结合部")})),
            kind("closed_before_opened", ("closed_after_opened",), _extra_community(993, closed_date=date(1983, 12, 31))),
            kind("adjusted_unreadable", ("adjusted.readable",), _extra_community(994, adjusted=(None, "待定"))),
            kind("street_of_another_code", ("code_inside_street",), _community_of_another_street),
            kind("code_malformed", ("code.format",), _malformed_code),
        ),
        DirtKind(dataset, "repeated_row", 0.004, ("key.repeated",), _repeated, _any, "duplicate"),
    ]


KINDS: tuple[DirtKind, ...] = (
    *_residents(), *_registrations(), *_persons(), *_households(),
    *_disputes(), *_grids(), *_facilities(), *_communities(),
)  # fmt: skip
