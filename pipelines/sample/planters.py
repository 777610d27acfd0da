"""How single errors are planted: each planter changes one row, or adds rows beside it.

Belongs here: what is done to cells and rows. Does not belong here: which errors there are and how many (see
`dirt`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from pipelines.sample.names import check_characters
from pipelines.sample.sheets import ORDER, SUPPLIER, Sheet

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
        prefix = next(
            prefix for prefix in self.covers[row[SUPPLIER]] if str(row["_place"]).startswith(prefix)
        )
        street = prefix if len(prefix) >= 9 else str(row["_place"])[:9]
        code = street[:9] + _NO_COMMUNITY
        if code in self.units:
            raise ValueError(f"{code} is a community; choose another number for an unknown one")
        return code

    def choose(self, options: list[Any]) -> Any:
        return options[int(self.chance.integers(0, len(options)))]


# Plants the error in one row and returns the rows that break the rules, mostly that one alone.
Planter = Callable[[Sheet, int, Scene], list[int]]


# --- cells ---------------------------------------------------------------------------------------------------


def cell(column: str, value: Any, text: str | None = None) -> Planter:
    """The cell becomes `value`, read from `text` where that is not the value written out."""

    def planter(sheet: Sheet, number: int, _: Scene) -> list[int]:
        sheet.put(number, column, value, text)
        return [number]

    return planter


def unreadable_date(column: str) -> Planter:
    def planter(sheet: Sheet, number: int, scene: Scene) -> list[int]:
        sheet.put(number, column, None, scene.choose(list(UNREADABLE_DATES)))
        return [number]

    return planter


def days_after(column: str, other: str, days: int) -> Planter:
    """The date becomes that of another column, moved by `days`."""

    def planter(sheet: Sheet, number: int, _: Scene) -> list[int]:
        sheet.put(number, column, sheet.row(number)[other] + timedelta(days=days))
        return [number]

    return planter


def after_the_end(column: str, days: int) -> Planter:
    def planter(sheet: Sheet, number: int, scene: Scene) -> list[int]:
        sheet.put(number, column, scene.end + timedelta(days=days))
        return [number]

    return planter


def together(*planters: Planter) -> Planter:
    """Several cells of one row."""

    def planter(sheet: Sheet, number: int, scene: Scene) -> list[int]:
        for part in planters:
            part(sheet, number, scene)
        return [number]

    return planter


def identity_number(change: Callable[[str], str]) -> Planter:
    """What is done to an identity number."""

    def planter(sheet: Sheet, number: int, _: Scene) -> list[int]:
        sheet.put(number, "id_number", change(sheet.row(number)["id_number"]))
        return [number]

    return planter


def in_full_width(number: str) -> str:
    return number.translate(_FULL_WIDTH)


def wrong_check_digit(number: str) -> str:
    return number[:17] + str((int(number[17].replace("X", "10")) + 1) % 10)


def impossible_birth_date(number: str) -> str:
    impossible = f"{number[:10]}13{number[12:17]}"
    return f"{impossible}{check_characters(pl.Series([impossible])).item()}"


def mangled(number: str) -> str:
    return f"{number[0]}.{number[1:6]}E+17"


def malformed_community(sheet: Sheet, number: int, _: Scene) -> list[int]:
    sheet.put(number, "community_code", sheet.row(number)["_place"][:11])
    return [number]


def unknown_community(sheet: Sheet, number: int, scene: Scene) -> list[int]:
    sheet.put(number, "community_code", scene.unknown_community(sheet.row(number)))
    return [number]


def outside_area(sheet: Sheet, number: int, scene: Scene) -> list[int]:
    sheet.put(number, "community_code", scene.choose(others(sheet.row(number), scene)))
    return [number]


def others(row: dict[str, Any], scene: Scene) -> list[str]:
    """Communities that another supplier delivers."""
    return [
        code for supplier, codes in scene.delivered.items() if supplier != row[SUPPLIER] for code in codes
    ]


# --- further rows --------------------------------------------------------------------------------------------


def repeated(sheet: Sheet, number: int, _: Scene) -> list[int]:
    return [sheet.repeat(number)]


def conflicting(column: str, change: Callable[[Any], Any]) -> Planter:
    """The same key again with another value in `column`."""

    def planter(sheet: Sheet, number: int, _: Scene) -> list[int]:
        return [number, sheet.repeat(number, **{column: change(sheet.row(number)[column])})]

    return planter


def elsewhere(sheet: Sheet, number: int, scene: Scene, **changes: Any) -> int:
    """The same person in another community's list."""
    own = sheet.row(number)["_place"]
    code = scene.choose([code for code in scene.lively if code != own])
    supplier = next(supplier for supplier, codes in scene.delivered.items() if code in codes)
    place = {"community_code": code, "grid_code": f"{code}-001", "_place": code, SUPPLIER: supplier}
    # In the other file, before or behind what belongs there.
    order = {ORDER: float(scene.choose([-1.0, 1e12])) + number}
    return sheet.repeat(number, **place, **order, **changes)


def in_two_places(sheet: Sheet, number: int, scene: Scene) -> list[int]:
    return [number, elsewhere(sheet, number, scene)]


def two_kinds_in_two_places(sheet: Sheet, number: int, scene: Scene) -> list[int]:
    return [number, elsewhere(sheet, number, scene, residence_type="temporary")]


def moved_on(sheet: Sheet, number: int, scene: Scene) -> list[int]:
    earlier = sheet.row(number)["arrived_date"] - timedelta(days=400)
    return [elsewhere(sheet, number, scene, arrived_date=earlier)]


def in_two_grids(sheet: Sheet, number: int, _: Scene) -> list[int]:
    row = sheet.row(number)
    return [
        sheet.repeat(
            number, grid_code=f"{row['_place']}-{'002' if row['grid_code'][-3:] == '001' else '001'}"
        )
    ]


def two_suppliers(sheet: Sheet, number: int, scene: Scene) -> list[int]:
    row = sheet.row(number)
    code = scene.choose(others(row, scene))
    supplier = next(supplier for supplier, codes in scene.delivered.items() if code in codes)
    twin = sheet.repeat(
        number, community_code=code, _place=code, **{SUPPLIER: supplier, ORDER: 1e12 + number}
    )
    return [number, twin]


def extra_grid(number: int, **changes: Any) -> Planter:
    """A grid that the register does not have yet, in which nobody lives, with something wrong about it."""

    def planter(sheet: Sheet, original: int, _: Scene) -> list[int]:
        row = sheet.row(original)
        texts = {name: value for name, value in changes.items() if isinstance(value, tuple)}
        fixed = {name: value for name, value in changes.items() if name not in texts}
        added = sheet.repeat(
            original, **{"grid_code": f"{row['_place']}-{number}", "households": 37, **fixed}
        )
        for name, (value, text) in texts.items():
            sheet.put(added, name, value, text)
        return [added]

    return planter


def grid_of_unknown_community(sheet: Sheet, original: int, scene: Scene) -> list[int]:
    code = scene.unknown_community(sheet.row(original))
    return [sheet.repeat(original, grid_code=f"{code}-801", community_code=code, households=25)]


def grid_of_malformed_community(sheet: Sheet, original: int, _: Scene) -> list[int]:
    code = sheet.row(original)["_place"]
    return [sheet.repeat(original, grid_code=f"{code}-802", community_code=code[:11], households=31)]


def grid_of_neighbour(sheet: Sheet, original: int, scene: Scene) -> list[int]:
    row = sheet.row(original)
    own = [code for code in scene.delivered[row[SUPPLIER]] if code != row["_place"]]
    return [
        sheet.repeat(
            original, grid_code=f"{row['_place']}-803", community_code=scene.choose(own), households=29
        )
    ]


def grid_outside_area(sheet: Sheet, original: int, scene: Scene) -> list[int]:
    code = scene.choose(others(sheet.row(original), scene))
    return [sheet.repeat(original, grid_code=f"{code}-804", community_code=code, households=33)]


def grid_twice(sheet: Sheet, original: int, _: Scene) -> list[int]:
    code = f"{sheet.row(original)['_place']}-805"
    return [sheet.repeat(original, grid_code=code, households=households) for households in (20, 24)]


def malformed_grid(sheet: Sheet, original: int, _: Scene) -> list[int]:
    return [sheet.repeat(original, grid_code=f"{sheet.row(original)['_place']}-8", households=22)]


def extra_community(number: int, **changes: Any) -> Planter:
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


def community_of_another_street(sheet: Sheet, original: int, _: Scene) -> list[int]:
    row = sheet.row(original)
    wrong = f"{int(row['street_code']) + 900:09d}"
    return [
        sheet.repeat(
            original, code=f"{row['street_code']}996", name=f"{row['name']}新区（筹）", street_code=wrong
        )
    ]


def malformed_code(sheet: Sheet, original: int, _: Scene) -> list[int]:
    row = sheet.row(original)
    return [sheet.repeat(original, code=f"{row['street_code']}99", name=f"{row['name']}新区（筹）")]


def revised_badly(sheet: Sheet, number: int, _: Scene) -> list[int]:
    """The later listing of a dispute, by which the earlier one would have been corrected, cannot be used."""
    sheet.put(number, "deaths", -1)
    return [number]


def unknown_grid(sheet: Sheet, number: int, _: Scene) -> list[int]:
    sheet.put(number, "grid_code", f"{sheet.row(number)['_place']}-{_NO_GRID}")
    return [number]


def earlier(day: date) -> date:
    return day - timedelta(days=31)
