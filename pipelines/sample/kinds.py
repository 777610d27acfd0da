"""What a kind of error is, and planting the kinds that are due in a month.

Belongs here: how often a kind is planted, in which rows. Does not belong here: what is done to a row (see `planters`),
the kinds themselves (see `dirt` and `domains`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import polars as pl

from pipelines.sample.planters import (
    Planter,
    Scene,
    cell,
    malformed_community,
    unknown_community,
    unreadable_date,
)
from pipelines.sample.sheets import Sheet, State

Fits = Callable[[Scene], pl.Expr]


@dataclass(frozen=True)
class DirtKind:
    """One kind of error. It is planted every `every` months, beginning with month number `first`.

    `rate` is a share of the month's rows, at least one row. `rules` are all that the row then breaks; `fits` chooses
    the rows, `plant` changes one. `state` is what becomes of it (accepted where all rules are warnings).
    """

    dataset: str
    kind: str
    rate: float
    rules: tuple[str, ...]
    plant: Planter
    fits: Fits
    state: State = "quarantined"
    every: int = 1
    first: int = 0


def plant(sheet: Sheet, scene: Scene, month_number: int, kinds: Iterable[DirtKind]) -> None:
    """Plant all kinds that are due in a sheet, and settle it."""
    for kind in kinds:
        if (
            kind.dataset != sheet.dataset
            or (month_number - kind.first) % kind.every
            or month_number < kind.first
        ):
            continue
        free = sheet.free(kind.fits(scene))
        count = min(len(free), max(1, round(kind.rate * sheet.rows.height)))
        for number in scene.chance.choice(free, count, replace=False).tolist():
            for broken in kind.plant(sheet, number, scene):
                sheet.mark(broken, kind.kind, kind.rules, kind.state)
            sheet.take(number)
    sheet.settle()


# --- which rows fit ------------------------------------------------------------------------------------------


def any_row(_: Scene) -> pl.Expr:
    return pl.lit(True)


def when(condition: pl.Expr) -> Fits:
    return lambda _: condition


def where_others_deliver(condition: pl.Expr) -> Fits:
    return lambda scene: condition & (len(scene.delivered) > 1)


# --- kinds that many datasets have -----------------------------------------------------------------------------


def date_kinds(dataset: str, rate: float, column: str, fits: Fits = any_row) -> list[DirtKind]:
    """A date that is missing or cannot be read."""
    return [
        DirtKind(
            dataset, f"{column}_unreadable", rate, (f"{column}.readable",), unreadable_date(column), fits
        ),
        DirtKind(dataset, f"{column}_missing", rate, (f"{column}.required",), cell(column, None), fits),
    ]


def number_kinds(
    dataset: str, column: str, outside: int, text: str, fits: Fits = any_row, *, is_nullable: bool = False
) -> list[DirtKind]:
    """A number that is outside its range, cannot be read, or is missing where it must not be; one row of each."""
    changes: list[tuple[str, str, Planter]] = [
        ("out_of_range", "range", cell(column, outside)),
        ("unreadable", "readable", cell(column, None, text)),
    ]
    if not is_nullable:
        changes.append(("missing", "required", cell(column, None)))
    return [
        DirtKind(dataset, f"{column}_{kind}", 0.0, (f"{column}.{rule}",), planter, fits)
        for kind, rule, planter in changes
    ]


def place_kinds(dataset: str, fits: Fits, *, every: int, apart: int = 1) -> list[DirtKind]:
    """Rows that belong to no community: each counts against its supplier's whole area, so they are few."""
    kinds = [
        DirtKind(
            dataset,
            "community_missing",
            0.0,
            ("community_code.required",),
            cell("community_code", None),
            fits,
        ),
        DirtKind(dataset, "community_malformed", 0.0, ("community_code.format",), malformed_community, fits),
        DirtKind(dataset, "community_unknown", 0.0, ("community_code.exists",), unknown_community, fits),
    ]
    return [replace(kind, every=every, first=number * apart) for number, kind in enumerate(kinds)]


def in_turn(months: int, *kinds: DirtKind) -> list[DirtKind]:
    """Kinds planted in turn, each every so many months."""
    return [replace(kind, every=months, first=number % months) for number, kind in enumerate(kinds)]
