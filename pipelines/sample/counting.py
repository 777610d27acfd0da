"""Counting people from the sheets: who was found, who stands in the books, and what doubtful rows may add, per unit.

Belongs here: what no declared measure can say (see `measuring`), because a person counts once per unit and an entry
anywhere in the county counts.
Does not belong here: which deliveries arrived (see `truth`), status and certainty (see `judging`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

import polars as pl

from pipelines.sample.areas import Area, Tally, above
from pipelines.sample.doubts import known_cells
from pipelines.sample.judging import Figure
from pipelines.sample.sheets import STATE, SUPPLIER, Sheet

REGISTRATION = "temporary_resident_registration_rate"
LINKS = "actual_population_link_rate"
FOUND, POLICE, PERSONS, HOUSEHOLDS = (
    "grid_residents", "police_residence_registrations", "household_persons", "household_households",
)  # fmt: skip


@dataclass(frozen=True)
class Books:
    """Who stands in the books at the end of a month: people for certain, people of refused entries, and where each refused
    entry of nobody in particular (no usable number) is, with who delivered it."""

    certain: frozenset[int]
    perhaps: frozenset[int]
    unnamed: tuple[tuple[str | None, str], ...]

    def __or__(self, other: Books) -> Books:
        return Books(self.certain | other.certain, self.perhaps | other.perhaps, self.unnamed + other.unnamed)


def count_people(sheets: Mapping[str, Sheet], area: Area, end: date) -> dict[str, Tally]:
    """By KPI, what the month's sheets amount to in each unit; a KPI of which a sheet is missing has no tally."""
    tallies: dict[str, Tally] = {}
    if FOUND in sheets and POLICE in sheets:
        residents, registrations = with_ties(sheets[FOUND]), registered_in(sheets[POLICE], end)
        tallies[REGISTRATION] = _count(area, residents, registrations, end, only="temporary")
        if PERSONS in sheets and HOUSEHOLDS in sheets:
            books = registrations | households_of(sheets[PERSONS], sheets[HOUSEHOLDS], end)
            tallies[LINKS] = _count(area, residents, books, end, only=None)
    return tallies


def with_ties(sheet: Sheet) -> pl.DataFrame:
    """The rows without grids that are in doubt; those marked that are refused only because someone seems to live in two
    places."""
    tied = [number for number, planted in sheet.planted.items() if planted.rules == ("person_in_two_places",)]
    return _marked(sheet, "_is_tied", tied).with_columns(known_cells(sheet).get_column("grid_code"))


# --- the books -------------------------------------------------------------------------------------------------


def registered_in(sheet: Sheet, end: date) -> Books:
    """Valid temporary registrations."""
    cancelled, valid_to = pl.col("cancelled_date"), pl.col("valid_to")
    is_valid = (
        (pl.col("registered_date") <= end)
        & (valid_to.is_null() | (valid_to >= end))
        & (cancelled.is_null() | (cancelled > end))
    )
    runs_on = ~(cancelled <= end).fill_null(False) & ~(valid_to < end).fill_null(False)
    return _books(_with_number(sheet), is_valid, runs_on, "community_code")


def households_of(sheet: Sheet, households: Sheet, end: date) -> Books:
    """Registered persons; an entry is where its household is."""
    cancelled = pl.col("cancelled_date")
    is_registered = (pl.col("registered_date") <= end) & (cancelled.is_null() | (cancelled > end))
    known = known_cells(sheet).with_columns(_with_number(sheet).get_column("_has_number"))
    homes = households.rows.filter(pl.col(STATE) == "accepted").select("household_no", _home="community_code")
    placed = known.join(homes, on="household_no", how="left", maintain_order="left")
    return _books(placed, is_registered, is_registered.fill_null(True), "_home")


def _books(rows: pl.DataFrame, is_in_force: pl.Expr, may_be: pl.Expr, place: str) -> Books:
    certain = rows.filter((pl.col(STATE) == "accepted") & is_in_force)
    refused = rows.filter((pl.col(STATE) == "quarantined") & may_be)
    unnamed = refused.filter(~pl.col("_has_number")).select(place, SUPPLIER)
    return Books(
        frozenset(certain["_person"]),
        frozenset(refused.filter("_has_number")["_person"]),
        tuple(unnamed.iter_rows()),
    )


def _with_number(sheet: Sheet) -> pl.DataFrame:
    """The rows, with a mark where the number is usable: what is only repaired is."""
    spoilt = [
        number
        for number, planted in sheet.planted.items()
        if planted.state == "quarantined" and any(rule.startswith("id_number.") for rule in planted.rules)
    ]
    return _marked(sheet, "_has_number", spoilt).with_columns(~pl.col("_has_number"))


def _marked(sheet: Sheet, name: str, rows: list[int]) -> pl.DataFrame:
    marks = pl.Series(name, [False]).new_from_index(0, sheet.rows.height).scatter(rows, True)
    return sheet.rows.with_columns(marks)


# --- the people ------------------------------------------------------------------------------------------------


def _count(area: Area, residents: pl.DataFrame, books: Books, end: date, *, only: str | None) -> Tally:
    """People found, those in the books, and everything doubtful about either; all of them or `only` of one type."""
    tally = Tally()
    is_there = pl.col("left_date").is_null() | (pl.col("left_date") > end)
    is_asked = pl.lit(True) if only is None else pl.col("residence_type") == only
    found = residents.filter(
        (pl.col(STATE) == "accepted") & is_asked & (pl.col("arrived_date") <= end) & is_there
    )
    _count_found(tally, area, found.select("community_code", "grid_code", "id_type", person="_person"), books)
    doubtful = residents.filter((pl.col(STATE) == "quarantined") & is_there)
    for row in doubtful.filter(~pl.col("_is_tied") & is_asked.fill_null(True)).iter_rows(named=True):
        tally.add("case", _touched(area, row["community_code"], row["grid_code"], row[SUPPLIER]))
    _count_tied(tally, area, doubtful.filter("_is_tied"), books, only)
    for community, supplier in books.unnamed:
        tally.add("of_anyone", _touched(area, community, None, supplier))
    return tally


def _touched(area: Area, community: str | None, grid: str | None, supplier: str) -> list[str]:
    """Every unit that a doubtful row may concern, grids among them."""
    place = area.grid_place(community, grid, is_doubtful=True)
    return [*area.touched(community, supplier), *area.grids_reached(place, supplier)]


def _count_found(tally: Tally, area: Area, found: pl.DataFrame, books: Books) -> None:
    """People with a document once each; without one, each row for itself and never in the books."""
    has_person = pl.col("id_type") != "none"
    is_certain = has_person & pl.col("person").is_in(list(books.certain))
    is_perhaps = has_person & pl.col("person").is_in(list(books.perhaps - books.certain))
    by_grid = found.group_by("community_code", "grid_code").agg(
        pl.len().alias("found"), is_certain.sum().alias("listed"), is_perhaps.sum().alias("perhaps"),
        (~has_person).sum().alias("unlinked"),
    )  # fmt: skip
    for row in by_grid.iter_rows(named=True):
        grid = area.grid_place(row["community_code"], row["grid_code"], is_doubtful=False)
        units = [*above(row["community_code"]), *([grid] if grid else [])]
        for what in ("found", "listed", "perhaps", "unlinked"):
            if row[what]:
                tally.add(what, units, row[what])


def _count_tied(tally: Tally, area: Area, rows: pl.DataFrame, books: Books, only: str | None) -> None:
    """Someone in two communities at once is certain where a unit holds both, doubtful where it holds one."""
    for (person,), own in rows.group_by("_person", maintain_order=True):
        if only is not None and only not in own["residence_type"].to_list():
            continue
        stated = own.select("community_code", "grid_code", SUPPLIER).iter_rows()
        places = [set(_touched(area, *place)) for place in stated]
        certain = set.intersection(*places)
        doubtful = set.union(*places) - certain
        tally.add("found", certain)
        is_listed, may_be = person in books.certain, person in books.certain | books.perhaps
        if may_be:
            tally.add("listed" if is_listed else "perhaps", certain)
            tally.add("tied_listed", doubtful)
        if not is_listed:
            tally.add("tied_unlisted", doubtful)


def people_figure(tally: Tally, code: str, partial: set[str]) -> Figure:
    """People in the books of those found."""

    def count(what: str) -> Fraction:
        return tally.get(what, code)

    numerator, denominator, case = count("listed"), count("found"), count("case")
    may_be = numerator + count("perhaps") + count("unlinked") + count("of_anyone")
    high_numerator = min(may_be, denominator) + case + count("tied_listed")
    high_denominator = denominator + case + count("tied_listed")
    if "numerator" in partial:
        high_numerator = high_denominator
    return _with_missing_cases(
        Figure(
            numerator, denominator, numerator, denominator + case + count("tied_unlisted"),
            high_numerator, high_denominator, is_partial=bool(partial),
        ),
        partial,
    )  # fmt: skip


def _with_missing_cases(figure: Figure, partial: set[str]) -> Figure:
    """Where a supplier of cases is missing, any number of cases of any outcome may be."""
    if "cases" not in partial:
        return figure
    return Figure(
        figure.numerator, figure.denominator, figure.low_numerator, None, None, None,
        is_partial=True, may_be_complete=figure.high_numerator == figure.high_denominator,
    )  # fmt: skip
