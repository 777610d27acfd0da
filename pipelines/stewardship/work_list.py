"""What to settle first: open rows ranked by the verdicts that hang on them, not by how many they are.

A verdict that is undetermined rests on the open rows of the datasets that its KPI is computed from, which lie in its unit (or
could, where a row says no place that can be relied on) and in its period. Settling all of these decides it, whatever comes of
each. A bundle is a set of rows with the verdicts that settling them decides. A verdict for which a supplier has not delivered
hangs on more than rows, and is counted nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from pipelines.county import County
from pipelines.stewardship.tickets import Subject

_CANDIDATES = 200  # of the sets of rows that most verdicts hang on, so many are looked at
_STEPS = 20


@dataclass(frozen=True)
class Bundle:
    """Rows that decide verdicts once all of them are settled. `rows` are places in the frame of open rows."""

    rows: tuple[int, ...]
    verdicts: tuple[int, ...]


@dataclass(frozen=True)
class WorkList:
    """Open rows and what hangs on them.

    `rows`: the open rows, with `row_id`. `verdicts`: undetermined verdicts, with `verdict_id` and the number of rows that each
    hangs on. `touches`: row_id, verdict_id. `bundles`: the most worthwhile first.
    """

    rows: pl.DataFrame
    verdicts: pl.DataFrame
    touches: pl.DataFrame
    bundles: list[Bundle]

    def verdicts_by_ticket(self) -> dict[Subject, int]:
        """How many verdicts hang on rows of each ticket, among others."""
        broken = self.rows.select("row_id", "supplier_id", "dataset", "rules").explode("rules")
        counted = (
            broken.join(self.touches, on="row_id")
            .group_by("supplier_id", "dataset", "rules").agg(pl.col("verdict_id").n_unique())
        )  # fmt: skip
        return {Subject(*subject): count for *subject, count in counted.iter_rows()}

    def verdicts_of(self, row_ids: Iterable[int]) -> pl.DataFrame:
        """The verdicts that hang on some of these rows, those that hang on fewest rows first."""
        touched = self.touches.filter(pl.col("row_id").is_in(list(row_ids)))["verdict_id"].unique()
        return self.verdicts.filter(pl.col("verdict_id").is_in(touched.implode())).sort("hangs_on", "verdict_id")


def work_list(edition: Path, county: County, rows: pl.DataFrame, *, period_type: str = "month") -> WorkList:
    """The work list by an edition's database. `rows`: what `open_rows` gives."""
    numbered = rows.with_row_index("row_id")
    with duckdb.connect(str(edition), read_only=True) as connection:
        connection.register("open_rows", numbered.to_arrow())
        covers = [(supplier.id, code) for supplier in county.suppliers for code in supplier.covers]
        connection.register("covers", pl.DataFrame(covers, ["supplier_id", "covered_code"], orient="row").to_arrow())
        verdicts: pl.DataFrame = connection.sql(_VERDICTS, params=[period_type]).pl()
        connection.register("verdicts", verdicts.to_arrow())
        touches: pl.DataFrame = connection.sql(_TOUCHES).pl()
    counted = touches.group_by("verdict_id").agg(hangs_on=pl.len())
    verdicts = verdicts.join(counted, on="verdict_id", how="left").with_columns(pl.col("hangs_on").fill_null(0))
    return WorkList(numbered, verdicts, touches, bundles(touches.iter_rows()))


_VERDICTS = """
select row_number() over (order by period desc, position, unit_code, target_id)::integer as verdict_id,
    unit_key, unit_code, unit_level, kpi_id, target_id, period_type, period, status,
    value, value_low, value_high, numerator, denominator, owner_agency, start_date, last_month, basis, datasets
from fct_kpi
inner join dim_kpi using (kpi_id)
inner join dim_period using (period_type, period)
where certainty = 'undetermined' and unit_basis = 'as_was' and period_type = $1
    and reporting_suppliers = expected_suppliers
"""
# Figures to date look back to January; registers say how things stand at a month's end, but rows of any month of the
# period are taken: more rows than a verdict hangs on settle it as well.
_TOUCHES = """
with places as (
    select verdict_id, unnest(datasets) as dataset, unit_code, unit_level, last_month,
        case when basis = 'ytd' or period_type = 'ytd' then date_trunc('year', last_month)::date
            else least(start_date, date_trunc('month', last_month)::date) end as first_month
    from verdicts
)
select distinct row_id, verdict_id
from places
inner join open_rows
    on places.dataset = open_rows.dataset and open_rows.month between first_month and last_month
where case
    when community_code is null then exists (
        select 1 from covers where covers.supplier_id = open_rows.supplier_id
        and (starts_with(places.unit_code, covered_code) or starts_with(covered_code, places.unit_code))
    )
    when unit_level = 'grid' then community_code = left(unit_code, 12)
    else starts_with(community_code, unit_code)
end
"""


def bundles(touches: Iterable[tuple[int, int]]) -> list[Bundle]:
    """What to settle, step by step, from pairs of row and verdict: each time the rows that decide most verdicts per row.

    Each verdict hangs on one set of rows, and is decided with the step after which all of these are settled.
    """
    of_verdict: dict[int, int] = {}
    for row, verdict in touches:
        of_verdict[verdict] = of_verdict.get(verdict, 0) | (1 << row)
    sets: dict[int, list[int]] = {}
    for verdict, rows in of_verdict.items():
        sets.setdefault(rows, []).append(verdict)
    candidates = sorted(sets, key=lambda rows: (-len(sets[rows]), rows.bit_count(), rows))[:_CANDIDATES]
    settled = 0
    steps: list[Bundle] = []
    while candidates and len(steps) < _STEPS:
        gains = {rows: _decided(sets, settled | rows) for rows in candidates}
        best = max(candidates, key=lambda rows: (len(gains[rows]) / (rows & ~settled).bit_count(), -rows.bit_count(), -rows))
        steps.append(Bundle(_places(best & ~settled), tuple(sorted(gains[best]))))
        settled |= best
        sets = {rows: verdicts for rows, verdicts in sets.items() if rows & ~settled}
        candidates = [rows for rows in candidates if rows & ~settled]
    return steps


def _decided(sets: Mapping[int, list[int]], settled: int) -> list[int]:
    return [verdict for rows, verdicts in sets.items() if not rows & ~settled for verdict in verdicts]


def _places(bits: int) -> tuple[int, ...]:
    places = []
    while bits:
        lowest = bits & -bits
        places.append(lowest.bit_length() - 1)
        bits ^= lowest
    return tuple(places)
