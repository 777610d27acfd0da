"""Versions of events over all months: which month an event falls in, what it is counted from, and which versions a later one
supersedes.

Belongs here: what needs every version of an event, whatever month it was delivered for.
Does not belong here: sums of events (see the models of dbt).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from expectations.contract import Contract
from pipelines.current_batches import PASSES, CurrentBatch, delivered_query
from pipelines.errors import Unaccounted, Words
from pipelines.kept_rows import KeptRows
from pipelines.lake import verdicts_path
from pipelines.settings import Home
from pipelines.sql import file_list


@dataclass(frozen=True)
class EventMonth:
    """The events that ever fell in a cohort month, each with all its versions.

    `digest`: equal where an event KPI of the month sees the same. `delivered`: the months that these versions were
    delivered for. `days`: every day that any of them names; which are known by a cut-off changes with the cut-offs.
    """

    digest: str
    delivered: tuple[date, ...]
    days: tuple[date, ...]


class EventVersions:
    """Every version of every event of a dataset: every row of its current batches."""

    def __init__(self, kept: KeptRows, contract: Contract, batches: Iterable[CurrentBatch]) -> None:
        self._kept, self._contract, self._batches = kept, contract, list(batches)

    @cached_property
    def _rows(self) -> pl.DataFrame:
        """Each version's key (of a row without one, one of its own), delivered month, cohort month, the days that it names,
        and what the rules inside its file say of it."""
        return self._kept.of(self._contract.dataset, self._batches, partial(_read, self._kept.home, self._contract))

    def by_month(self, across: Sequence[Path]) -> dict[date, EventMonth]:
        """Every cohort month of these events, with everything that an event KPI of that month depends on.

        `across`: the verdicts of rules across files. An event may be delivered again for a later month and may then even
        move to another cohort month, so each version of an event counts for every month that any of its versions falls in;
        one that a rule refused, be it for its date, for the month that it was delivered for, too.
        """
        if not self._batches:
            return {}
        with duckdb.connect() as connection:
            connection.register("versions", self._rows.to_arrow())
            connection.execute(f"""
                create temp table judged as
                with across as (
                    select batch_id, row_number, string_agg(rule_id || ' ' || severity, ',' order by rule_id) as rules
                    from ({_verdicts(across)}) group by batch_id, row_number
                )
                select versions.* exclude (rules), concat_ws(',', versions.rules, across.rules) as rules
                from versions left join across using (batch_id, row_number)""")
            _hold_once(connection, self._contract)
            found = connection.execute("""
                with fell as (
                    select key, cohort_month from judged union
                    select key, period from judged where rules like '% error%'
                ),
                reached as (
                    select fell.cohort_month, judged.* exclude (cohort_month) from judged inner join fell using (key)
                ),
                named as (select distinct cohort_month, unnest(days) as day from reached)
                select cohort_month, sum(hash(batch_id, row_number, rules)::hugeint)::varchar,
                    list_sort(list(distinct period)),
                    (select coalesce(list(day order by day), []) from named
                     where named.cohort_month = reached.cohort_month and day is not null)
                from reached group by cohort_month""").fetchall()
        return {month: EventMonth(digest, tuple(delivered), tuple(told)) for month, digest, delivered, told in found}

    def superseded(self, across: Sequence[Path]) -> pl.DataFrame:
        """The rows of all months whose key was accepted again for a later month: month (YYYY-MM), batch_id, row_number.

        `across`: the verdicts of rules across files. A version that is itself refused, such as one that two suppliers
        delivered, corrects nothing.
        """
        with duckdb.connect() as connection:
            connection.register("versions", self._rows.to_arrow())
            found: pl.DataFrame = connection.sql(f"""
                with passing as (select key, period, batch_id, row_number from versions where {PASSES}),
                accepted as (
                    select key, max(period) as last_period from passing
                    where (batch_id, row_number) not in (
                        select (batch_id, row_number) from ({_verdicts(across)}) where severity = 'error'
                    )
                    group by key
                )
                select strftime(period, '%Y-%m') as month, batch_id, row_number
                from passing inner join accepted using (key)
                where period < last_period
                order by batch_id, row_number""").pl()
        return found


def _hold_once(connection: duckdb.DuckDBPyConnection, contract: Contract) -> None:
    """Unaccounted where several versions of one event are accepted: it would count as often."""
    several = len(connection.execute("""
        select key from judged where rules not like '% error%' and rules not like '% duplicate%'
        group by key having count(*) > 1""").fetchall())
    if several:
        raise Unaccounted(
            contract.dataset, Words("每个事件接收一个版本", "one accepted version of each event"),
            Words(f"{several} 个事件有多个", f"{several} events with several"),
        )  # fmt: skip


def _verdicts(files: Sequence[Path]) -> str:
    columns = "batch_id, row_number, rule_id, severity"
    if not files:
        return f"select {columns} from (values ('', 0, '', '')) as none({columns}) where false"
    return f"select {columns} from read_parquet({file_list(files)}, hive_partitioning=false)"


def _read(home: Home, contract: Contract, batches: list[CurrentBatch]) -> pl.DataFrame:
    if not batches:
        return pl.DataFrame(schema=_VERSIONS)
    inside = [verdicts_path(home, batch.slot, batch.batch_id) for batch in batches]
    stored = [lake for column in contract.columns for lake in column.lake_columns()]
    days = ", ".join(f"{column.name}::date" for column in stored if column.duckdb_type in ("date", "timestamp"))
    with duckdb.connect() as connection:
        found: pl.DataFrame = connection.sql(f"""
            with verdicts as (
                select batch_id, row_number, string_agg(rule_id || ' ' || severity, ',' order by rule_id) as rules,
                    bool_or(severity in ('error', 'duplicate')) as is_failing
                from ({_verdicts(inside)}) group by batch_id, row_number
            )
            select batch_id, row_number, coalesce(({", ".join(contract.key)})::varchar, batch_id || row_number) as key,
                period::date as period,
                case when {contract.cohort_date} <= last_day(period)
                    then date_trunc('month', {contract.cohort_date})::date else period::date end as cohort_month,
                [{days}] as days, verdicts.rules, not coalesce(verdicts.is_failing, false) as {PASSES}
            from ({delivered_query(home, batches)}) left join verdicts using (batch_id, row_number)""").pl()
    return found.cast(_VERSIONS)  # type: ignore[arg-type]


_VERSIONS: dict[str, Any] = {
    "batch_id": pl.String, "row_number": pl.Int32, "key": pl.String, "period": pl.Date, "cohort_month": pl.Date,
    "days": pl.List(pl.Date), "rules": pl.String, PASSES: pl.Boolean,
}  # fmt: skip
