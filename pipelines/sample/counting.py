"""Counting from the sheets what each KPI is made of, and what doubtful rows may add, per unit and period.

Belongs here: numerators, denominators and their extremes, as DOMAIN.md §4 defines them.
Does not belong here: which deliveries arrived (see `truth`), status and certainty (see `judging`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

import polars as pl

from pipelines.sample.areas import Area, Span, Tally, above
from pipelines.sample.judging import Figure
from pipelines.sample.sheets import STATE, SUPPLIER, Sheet
from pipelines.settings import month_end

REGISTRATION = "temporary_resident_registration_rate"
HANDLING = "dispute_handling_rate"
MEDIATION = "dispute_mediation_success_rate"
AREA = "facility_area_per_100_households"
KPIS = (REGISTRATION, HANDLING, MEDIATION, AREA)
HUNDREDTHS = 100  # of m², in which sheets hold areas
LARGEST_AREA = 10_000_000  # hundredths of m², the contract's range
MOST_HOUSEHOLDS = 20_000


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


# --- disputes --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Versions:
    """The dispute rows that count: of each dispute the latest accepted one, and the doubtful rows beside them."""

    accepted: list[dict[str, Any]]
    # accepted disputes of which a doubtful row says something else
    revised: set[str]
    doubtful: list[dict[str, Any]]


def versions(sheets: list[pl.DataFrame]) -> Versions:
    if not sheets:
        return Versions([], set(), [])
    rows = pl.concat(sheets)
    accepted = (
        rows.filter(pl.col(STATE) == "accepted")
        .sort("delivered")
        .unique("dispute_no", keep="last", maintain_order=True)
    )
    numbers = set(accepted["dispute_no"])
    quarantined = rows.filter(pl.col(STATE) == "quarantined")
    revisions = quarantined.filter(pl.col("dispute_no").is_in(list(numbers)).fill_null(False))
    others = quarantined.filter(~pl.col("dispute_no").is_in(list(numbers)).fill_null(False))
    matters = pl.col("kind").is_null() | (pl.col("kind") == "civil")
    return Versions(
        accepted.filter(pl.col("kind") == "civil").to_dicts(),
        set(revisions.filter(matters)["dispute_no"]),
        others.filter(matters).to_dicts(),
    )


def count_disputes(area: Area, versions: Versions, span: Span, cutoff: date) -> Tally:
    """Disputes accepted in the period with their outcome as known at its cut-off, and what is doubtful of them."""
    tally = Tally()
    for row in versions.accepted:
        if not span.holds(row["accepted_date"].replace(day=1)):
            continue
        units = above(row["community_code"])
        is_handled = row["handled_date"] is not None and row["handled_date"] <= cutoff
        is_success = is_handled and row["result"] == "success"
        kind = "success" if is_success else "failure" if is_handled else "open"
        tally.add(kind, units)
        if row["dispute_no"] in versions.revised:
            tally.add(f"revised_{kind}", units)
    for row in versions.doubtful:
        accepted = row["accepted_date"]
        is_plausible = accepted is not None and accepted <= month_end(row["delivered"])
        month = accepted.replace(day=1) if is_plausible else row["delivered"]
        if span.holds(month):
            tally.add("case", area.touched(row["community_code"], row[SUPPLIER]))
    return tally


def dispute_figure(tally: Tally, code: str, kpi: str, partial: set[str]) -> Figure:
    success, failure, still_open, case, doubt_success, doubt_failure, doubt_open = (
        tally.get(what, code)
        for what in (
            "success",
            "failure",
            "open",
            "case",
            "revised_success",
            "revised_failure",
            "revised_open",
        )
    )
    handled = success + failure
    if kpi == HANDLING:
        denominator = handled + still_open
        doubt_handled = doubt_success + doubt_failure
        figure = Figure(
            handled, denominator, handled - doubt_handled, denominator + case,
            handled + doubt_open + case, denominator + case, is_partial=bool(partial),
        )  # fmt: skip
    else:
        figure = Figure(
            success, handled, success - doubt_success, handled + doubt_open + case,
            success + doubt_open + doubt_failure + case, handled + doubt_open + case, is_partial=bool(partial),
        )  # fmt: skip
    return _with_missing_cases(figure, partial)


# --- facilities ------------------------------------------------------------------------------------------------


def count_facilities(tally: Tally, area: Area, sheet: Sheet, end: date) -> None:
    """Floor area of the service facilities that are open, in hundredths of m²."""
    for row in sheet.rows.iter_rows(named=True):
        if row["kind"] not in (None, "comprehensive_service"):
            continue
        is_closed = row["closed_date"] is not None and row["closed_date"] <= end
        is_not_open_yet = row["opened_date"] is not None and row["opened_date"] > end
        if is_closed or is_not_open_yet:
            continue
        units = area.touched(row["community_code"], row[SUPPLIER])
        size = row["floor_area_m2"]
        if row[STATE] == "accepted":
            tally.add("area", units, size)
        elif row[STATE] == "quarantined" and size is not None and 0 <= size <= LARGEST_AREA:
            tally.add("doubtful_area", units, size)
        elif row[STATE] == "quarantined":
            tally.add("area_without_limit", units)


def count_grids(tally: Tally, area: Area, sheet: Sheet, _: date) -> None:
    """Households of the general grids."""
    for row in sheet.rows.iter_rows(named=True):
        if row["kind"] not in (None, "general"):
            continue
        units = area.touched(row["community_code"], row[SUPPLIER])
        households = row["households"]
        if row[STATE] == "accepted":
            tally.add("households", units, households)
        elif row[STATE] == "quarantined" and households is not None and 0 <= households <= MOST_HOUSEHOLDS:
            tally.add("doubtful_households", units, households)
        elif row[STATE] == "quarantined":
            tally.add("households_without_limit", units)


def area_figure(tally: Tally, code: str, partial: set[str]) -> Figure:
    size, households = tally.get("area", code) / HUNDREDTHS, tally.get("households", code)
    has_no_low = "denominator" in partial or tally.get("households_without_limit", code) > 0
    has_no_high = "amount" in partial or tally.get("area_without_limit", code) > 0
    return Figure(
        numerator=size,
        denominator=households,
        low_numerator=size,
        low_denominator=None if has_no_low else households + tally.get("doubtful_households", code),
        high_numerator=None if has_no_high else size + tally.get("doubtful_area", code) / HUNDREDTHS,
        high_denominator=households,
        is_partial=bool(partial),
    )
