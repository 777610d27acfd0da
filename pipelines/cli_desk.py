"""What commands that work with records of the store share: the store, opened with the county or with the edition that its
records are about, and the arguments that say what is meant."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.opened import opened
from pipelines.settings import SHANGHAI, Home

if TYPE_CHECKING:
    import polars as pl

    from pipelines.county import County
    from pipelines.follow_up_edition import Ask
    from pipelines.stewardship.row_view import RowView
    from pipelines.stewardship.work_list import WorkList
    from pipelines.store import Store

Batch = Annotated[str, typer.Argument(help="批次 / batch, as the list shows it")]
RowNumber = Annotated[int, typer.Argument(help="行号 / row number")]
Reason = Annotated[str, typer.Option(help="理由 / reason")]
Number = Annotated[int, typer.Argument(help="编号 / number")]
Agency = Annotated[str | None, typer.Option(help="责任单位，如 police / owner agency")]
UnitAndBelow = Annotated[str | None, typer.Option(help="单位代码，含其下级 / code of a unit, with those below it")]
UnitCode = Annotated[str, typer.Argument(help="单位代码 / code of the unit")]
KpiId = Annotated[str, typer.Argument(help="指标 / KPI")]
PeriodType = Annotated[str, typer.Option(help="month | quarter | year | ytd")]
PeriodOrLatest = Annotated[str | None, typer.Option(help="YYYY-MM，缺省为最近一期 / default the latest")]


@dataclass(frozen=True)
class Desk:
    """What the steward's commands need: the store of a data root, its county, its open rows and what hangs on them."""

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


@dataclass(frozen=True)
class EditionDesk:
    """What commands about figures need: the store of a data root, and what its edition says."""

    home: Home
    store: Store
    ask: Ask
    today: date
    names: dict[str, str]
    is_sample: bool

    def name(self, kpi_id: str) -> str:
        return self.names.get(kpi_id, kpi_id)


@contextmanager
def open_desk() -> Iterator[Desk]:
    with opened() as (home, county, store):
        yield Desk(home, county, store, datetime.now(SHANGHAI).date())


@contextmanager
def open_edition_desk() -> Iterator[EditionDesk]:
    """WarehouseError where nothing was published yet."""
    from pipelines.follow_up_edition import asking
    from pipelines.store import Store

    home = Home.from_environment()
    with asking(home) as ask, closing(Store.of(home)) as store:
        names = dict(ask("select kpi_id, name_zh from dim_kpi", ()).iter_rows())
        is_sample = bool(ask("select is_sample from edition", ()).item())
        yield EditionDesk(home, store, ask, datetime.now(SHANGHAI).date(), names, is_sample)
