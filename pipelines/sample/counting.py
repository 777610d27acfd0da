"""Counting people from the sheets: who was found, who is registered, and what doubtful rows may add, per unit.

Belongs here: what no declared measure can say (see `measuring`), because a person counts once per unit and a
registration anywhere in the county counts.
Does not belong here: which deliveries arrived (see `truth`), status and certainty (see `judging`).
"""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import polars as pl

from pipelines.sample.areas import Area, Tally, above
from pipelines.sample.judging import Figure
from pipelines.sample.sheets import STATE, SUPPLIER, Sheet

REGISTRATION = "temporary_resident_registration_rate"


# --- temporary residents ---------------------------------------------------------------------------------------


def count_registration(
    tally: Tally, area: Area, residents: pl.DataFrame, police: pl.DataFrame, end: date
) -> None:
    """Found, registered, and everything doubtful about either, per unit."""
    valid = police.filter(
        (pl.col(STATE) == "accepted")
        & (pl.col("registered_date") <= end)
        & (pl.col("valid_to").is_null() | (pl.col("valid_to") >= end))
        & (pl.col("cancelled_date").is_null() | (pl.col("cancelled_date") > end))
    )
    registered = set(valid.get_column("_person").to_list())
    is_there = pl.col("left_date").is_null() | (pl.col("left_date") > end)
    planted = residents.filter(pl.col(STATE) != "accepted")
    found = residents.filter(
        (pl.col(STATE) == "accepted")
        & (pl.col("residence_type") == "temporary")
        & (pl.col("arrived_date") <= end)
        & is_there
    ).select("community_code", "id_type", person="_person")
    _count_found(tally, found, registered)

    doubtful = planted.filter((pl.col(STATE) == "quarantined") & is_there)
    is_case = ~pl.col("_is_tied") & pl.col("residence_type").ne_missing("registered")
    for row in doubtful.filter(is_case).iter_rows(named=True):
        tally.add("case", area.touched(row["community_code"], row[SUPPLIER]))
    _count_tied(tally, doubtful.filter(pl.col("_is_tied")), registered)
    runs_on = ~(pl.col("cancelled_date") <= end).fill_null(False) & ~(pl.col("valid_to") < end).fill_null(
        False
    )
    for row in police.filter((pl.col(STATE) == "quarantined") & runs_on).iter_rows(named=True):
        tally.add("registrable", area.touched(row["community_code"], row[SUPPLIER]))


def with_ties(sheet: Sheet) -> pl.DataFrame:
    """The rows, with those marked that are refused only because someone seems to live in two places."""
    tied = [number for number, planted in sheet.planted.items() if planted.rules == ("person_in_two_places",)]
    marks = pl.Series("_is_tied", [False]).new_from_index(0, sheet.rows.height).scatter(tied, True)
    return sheet.rows.with_columns(marks)


def _count_found(tally: Tally, found: pl.DataFrame, registered: set[int]) -> None:
    """People with a document once each; without one, each row for itself and never registered."""
    has_person = pl.col("id_type") != "none"
    counted = found.with_columns(
        is_registered=has_person & pl.col("person").is_in(list(registered)), is_unlinked=~has_person
    )
    by_community = counted.group_by("community_code").agg(
        pl.len(), pl.col("is_registered").sum(), pl.col("is_unlinked").sum()
    )
    for code, people, with_registration, unlinked in by_community.iter_rows():
        for what, amount in (("found", people), ("registered", with_registration), ("unlinked", unlinked)):
            if amount:
                tally.add(what, above(code), amount)


def _count_tied(tally: Tally, rows: pl.DataFrame, registered: set[int]) -> None:
    """Someone in two communities at once is certain where a unit holds both, doubtful where it holds one."""
    for (person,), own in rows.group_by("_person", maintain_order=True):
        if "temporary" not in own["residence_type"].to_list():
            continue
        places = [set(above(code)) for code in own["community_code"]]
        certain = set.intersection(*places)
        tally.add("found", certain)
        if person in registered:
            tally.add("registered", certain)
        what = "tied_registered" if person in registered else "tied_unregistered"
        tally.add(what, set.union(*places) - certain)


def registration_figure(tally: Tally, code: str, partial: set[str]) -> Figure:
    def count(what: str) -> Fraction:
        return tally.get(what, code)

    numerator, denominator, case = count("registered"), count("found"), count("case")
    high_numerator = (
        min(numerator + count("unlinked") + count("registrable"), denominator)
        + case
        + count("tied_registered")
    )
    high_denominator = denominator + case + count("tied_registered")
    if "numerator" in partial:
        high_numerator = high_denominator
    return _with_missing_cases(
        Figure(
            numerator, denominator, numerator, denominator + case + count("tied_unregistered"),
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
