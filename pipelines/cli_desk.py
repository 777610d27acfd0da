"""What the commands of the steward share: the open store of a data root with its work list, and the arguments that say what
is meant."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.settings import SHANGHAI, Home

if TYPE_CHECKING:
    import polars as pl

    from pipelines.county import County
    from pipelines.stewardship.row_view import RowView
    from pipelines.stewardship.work_list import WorkList
    from pipelines.store import Store

Batch = Annotated[str, typer.Argument(help="批次 / batch, as the list shows it")]
RowNumber = Annotated[int, typer.Argument(help="行号 / row number")]
Reason = Annotated[str, typer.Option(help="理由 / reason")]
Number = Annotated[int, typer.Argument(help="编号 / number")]


@dataclass(frozen=True)
class Desk:
    """What every command needs: the store of a data root, its county, its open rows and what hangs on them."""

    home: Home
    county: County
    store: Store
    today: date

    @cached_property
    def rows(self) -> pl.DataFrame:
        from pipelines.stewardship.open_rows import open_rows

        return open_rows(self.home, self.store)

    @cached_property
    def waiting(self) -> pl.DataFrame:
        """The open rows that somebody still has to decide on, or to answer for."""
        from pipelines.stewardship.decision_store import Decisions
        from pipelines.stewardship.row_states import with_states

        return with_states(self.home, self.rows, Decisions(self.store).all()).remove(state="decided")

    def work(self, period_type: str = "month") -> WorkList:
        from pipelines.stewardship.work_list import work_list

        return work_list(self.home.pointer.resolve(), self.county, self.waiting, period_type=period_type)

    def view(self, batch: str, row_number: int) -> RowView:
        from pipelines.stewardship.row_view import row_view

        return row_view(self.home, self.store, self.county, self.rows, self.batch_id(batch), row_number)

    def batch_id(self, start: str) -> str:
        """The current batch whose id begins so, if only one does."""
        found = [str(row["batch_id"]) for row in self.store.current_batches() if str(row["batch_id"]).startswith(start)]
        return found[0] if len(found) == 1 else start


@contextmanager
def open_desk() -> Iterator[Desk]:
    from pipelines.county import load_county
    from pipelines.store import Store

    home = Home.from_environment()
    county = load_county(home.county_file)
    store = Store.of(home)
    try:
        yield Desk(home, county, store, datetime.now(SHANGHAI).date())
    finally:
        store.close()
