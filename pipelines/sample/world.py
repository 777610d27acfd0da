"""What the books of a sample county are drawn up from, and what a book is.

Belongs here: the shape of both. Does not belong here: any dataset (see `sheets` and `domains`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from pipelines.county import County
from pipelines.sample.chance import Integers, stream
from pipelines.sample.people import Population, Window
from pipelines.sample.places import Grids, Places
from pipelines.settings import month_end

# A dataset as an agency keeps it: what it would say without errors for (first day of the month, last day of it).
# Columns of the frame:
# - every column of the contract with its true value: code, text and choice as String (the stored value of a choice),
#   integer as Int64, decimal in hundredths as Int64, date as pl.Date, timestamp as pl.Datetime("us") without zone, in
#   whole minutes or seconds of Shanghai time, boolean as Boolean, list as List(String) (null, never empty). A column
#   that is_nullable may hold nulls;
# - `_place`: a code that decides who delivers the row, by the prefix that a supplier covers; mostly the community's,
#   the county's where the row concerns a unit above it;
# - helper columns, named `_…`, by which errors are planted.
# The same month gives the same frame: draw from streams of your own (`World.chance`), once for the whole sample.
# A book of a register gives the whole snapshot of the month's end. A book of events gives the events that belong to the
# month as they are known when the list is drawn up (`KNOWN_AFTER_DAYS` after the end), and may give again, as they are
# now known, events of earlier months: the later listing counts.
Book = Callable[[date, date], pl.DataFrame]


@dataclass(frozen=True)
class World:
    """A composed county, before any agency writes anything down."""

    county: County
    places: Places
    grids: Grids
    population: Population
    # people per community, in the order of `places.codes`; those of a community that opens later as of then
    homes: Integers
    # every facility and dispute of the sample, in the columns of civil_facilities and grid_disputes
    facilities: pl.DataFrame
    disputes: pl.DataFrame
    # first days of the months to deliver
    months: tuple[date, ...]
    window: Window
    seed: int

    @property
    def first_day(self) -> date:
        return self.months[0]

    @property
    def last_day(self) -> date:
        return month_end(self.months[-1])

    def chance(self, *labels: object) -> np.random.Generator:
        """A stream of random numbers of one's own; labels begin with the dataset's name."""
        return stream(self.seed, *labels)

    def communities(self, day: date) -> pl.DataFrame:
        """The communities open on a day, as civil affairs registers them (code, street_code, class, adjusted, …)."""
        return self.places.communities.filter(pl.col("opened_date") <= day)
