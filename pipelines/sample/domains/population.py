"""The truth of the KPIs over the household register: its books and their errors are among the first eight datasets.

Those over people that the grid found are counted by code of their own (see `counting`).
"""

from __future__ import annotations

from typing import Any

import polars as pl

from pipelines.sample.kinds import DirtKind
from pipelines.sample.ledger import Ledger
from pipelines.sample.measuring import Kpi, Measure, Moment
from pipelines.sample.sheets import STATE, SUPPLIER
from pipelines.sample.world import Book, World

PERSONS, HOUSEHOLDS = "household_persons", "household_households"
PERCENT = 100
DIRT: tuple[DirtKind, ...] = ()


def books(_: World) -> dict[str, Book]:
    """None beside the first eight."""
    return {}


def _is_registered(moment: Moment) -> pl.Expr:
    cancelled = pl.col("cancelled_date")
    return (pl.col("registered_date") <= moment.end) & (cancelled.is_null() | (cancelled > moment.end))


_AT_HOME: dict[str, Any] = {
    "community_code": pl.String, SUPPLIER: pl.String, STATE: pl.String, "registered_date": pl.Date,
    "cancelled_date": pl.Date, "lives_here": pl.Boolean,
}  # fmt: skip


def _at_home(ledger: Ledger, moment: Moment) -> pl.DataFrame:
    """Registered persons in the community of their household; one whose household cannot be used is refused with it."""
    persons, households = ledger.of_month(PERSONS, moment.month), ledger.of_month(HOUSEHOLDS, moment.month)
    if persons is None or households is None:
        return pl.DataFrame(schema=_AT_HOME)
    homes = households.filter(pl.col(STATE) == "accepted").select("household_no", "community_code")
    placed = persons.join(homes, on="household_no", how="left", maintain_order="left")
    is_homeless = pl.col("community_code").is_null()
    states = pl.when(is_homeless).then(pl.lit("quarantined")).otherwise(pl.col(STATE))
    return placed.with_columns(states.alias(STATE)).select(*_AT_HOME)


MEASURES: tuple[Kpi, ...] = (
    Kpi(
        "registered_address_residence_rate",
        "rate",
        {PERSONS: "cases", HOUSEHOLDS: "cases"},
        (
            Measure(
                "persons", PERSONS, "rate", _is_registered, passes=lambda _: pl.col("lives_here"),
                rows=_at_home, reads=(PERSONS, HOUSEHOLDS),
            ),
        ),
        scale=PERCENT,
    ),
    Kpi(
        "door_plate_rate",
        "rate",
        {HOUSEHOLDS: "cases"},
        (Measure("households", HOUSEHOLDS, "rate", _is_registered, passes=lambda _: pl.col("has_door_plate")),),
        scale=PERCENT,
    ),
)  # fmt: skip
