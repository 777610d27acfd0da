"""What an edition says of tasks of follow-up: the flags they come from, where they stand now, and which it settles.

Belongs here: queries over an edition. The tasks themselves stand in `follow_up.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

import duckdb
import polars as pl

from pipelines.actor import Actor
from pipelines.errors import Words
from pipelines.follow_up import OPEN, Figure, Flag, FollowUpError, Key, Settled
from pipelines.follow_up_store import FollowUp
from pipelines.settings import Home
from pipelines.store import Store

# The answer to a query with its parameters: of a connection here, of the pages' own reader there.
Ask = Callable[[str, Sequence[object]], pl.DataFrame]
_FIGURE = "period, status, certainty, numerator, denominator, shortfall"


@contextmanager
def asking(home: Home) -> Iterator[Ask]:
    """Asks the edition that readers see. FollowUpError where nothing was published yet."""
    if not home.pointer.exists():
        raise FollowUpError(
            Words("还没有发布任何版本", "No edition has been published yet"),
            where="published",
            expected=Words("至少成功运行一次", "one successful run"),
            found=Words("没有已发布的版本", "nothing published"),
            advice=Words("运行 warehouse run", "run: warehouse run"),
        )
    with duckdb.connect(str(home.pointer.resolve()), read_only=True) as connection:
        yield lambda sql, parameters: connection.sql(sql, params=list(parameters)).pl()


def figures_now(ask: Ask, keys: Iterable[Key]) -> dict[tuple[Key, str], Figure]:
    """By what is asked about and type of period, the figure of the latest judged period."""
    wanted = set(keys)
    if not wanted:
        return {}
    frame = ask(
        "select edition_id, unit_key, kpi_id, target_id, period_type,"
        f" {_FIGURE} from fct_kpi cross join edition"
        " where unit_basis = 'as_was' and status in ('met', 'near', 'missed')"
        " and list_contains(?, unit_key) and list_contains(?, target_id)"
        " qualify row_number() over (partition by unit_key, kpi_id, target_id, period_type order by period desc) = 1",
        (tuple(sorted({key.unit_key for key in wanted})), tuple(sorted({key.target_id for key in wanted}))),
    )
    found = {
        (Key(row["unit_key"], row["kpi_id"], row["target_id"]), row["period_type"]): _figure(row)
        for row in frame.iter_rows(named=True)
    }
    return {about: figure for about, figure in found.items() if about[0] in wanted}


def flag_of(ask: Ask, key: Key, period_type: str = "month", period: date | None = None) -> Flag:
    """The flag of a period, by default of the latest judged one.

    FollowUpError where the target was not missed or near then, or is met by now: there is nothing to follow up.
    """
    latest = figures_now(ask, [key]).get((key, period_type))
    frame = ask(
        "select edition_id, flags.unit_code, unit_name, flags.owner_agency, since_period,"
        " period, flags.status, flags.certainty, numerator, denominator, flags.shortfall"
        " from fct_flag as flags inner join fct_kpi as figures using (unit_key, period_type, period, kpi_id, target_id)"
        " inner join dim_period using (period_type, period)"
        " inner join dim_unit as units using (unit_key) cross join edition"
        " where unit_basis = 'as_was' and flags.status in ('missed', 'near') and unit_key = ? and kpi_id = ?"
        " and target_id = ? and period_type = ? and period = ?"
        " and units.valid_from <= end_date and (units.valid_to is null or units.valid_to > end_date)",
        (*vars(key).values(), period_type, period or (latest.period if latest else date.min)),
    )
    if frame.is_empty():
        raise _nothing_to_follow(key, Words("该期没有未达标或接近的记录", "neither missed nor near in that period"))
    if latest is not None and latest.is_met:
        raise _nothing_to_follow(key, Words(f"{latest.period:%Y-%m} 已达标", f"met in {latest.period:%Y-%m}"))
    row = frame.row(0, named=True)
    return Flag(
        key, row["unit_code"], row["unit_name"], period_type, row["owner_agency"], row["since_period"], _figure(row)
    )


def flagged_targets(ask: Ask, unit: str, kpi_id: str, period_type: str, period: date | None) -> list[Key]:
    """The targets of a KPI that a unit (by key or code) misses or nearly misses, in a period or the latest judged one."""
    frame = ask(
        "select distinct unit_key, kpi_id, target_id from fct_flag"
        " where status in ('missed', 'near') and (unit_key = ? or unit_code = ?) and kpi_id = ? and period_type = ?"
        " and period = coalesce(?::date, (select max(period) from fct_flag where (unit_key = ? or unit_code = ?)"
        " and kpi_id = ? and period_type = ?)) order by all",
        (unit, unit, kpi_id, period_type, period, unit, unit, kpi_id, period_type),
    )
    return [Key(*row) for row in frame.iter_rows()]


def settle(home: Home, store: Store, actor: Actor) -> Settled:
    """Closes the tasks whose target the current edition shows met, and reopens those it shows missed again."""
    follow_up = FollowUp(store)
    tasks = [task for task in follow_up.tasks() if task.state in (*OPEN, "closed")]
    if not tasks:
        return Settled()
    with asking(home) as ask:
        now = figures_now(ask, [task.flag.key for task in tasks])
    about = {task.flag.key: task.flag.period_type for task in tasks}  # of the newest task: they come by number
    figures = {key: now[key, kind] for key, kind in about.items() if (key, kind) in now}
    return follow_up.settle(figures, actor)


def _figure(row: dict[str, Any]) -> Figure:
    return Figure(**{name: row[name] for name in Figure.__dataclass_fields__})


def _nothing_to_follow(key: Key, found: Words) -> FollowUpError:
    return FollowUpError(
        Words("没有可交办的未达标", "There is nothing to follow up"),
        where=f"{key.unit_key} {key.kpi_id} {key.target_id}",
        expected=Words("当前版本中未达标或接近的目标", "a target that the current edition shows missed or near"),
        found=found,
        advice=Words("查看未达标清单", "see the list of missed targets"),
    )
