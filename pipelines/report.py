"""What a run tells on the terminal, read from the published edition like any reader would."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb

from pipelines.settings import Home
from pipelines.sql import scalar

STATUSES = ("met", "near", "missed", "undetermined", "no_data", "not_applicable", "too_early", "no_target")


@dataclass(frozen=True)
class EditionReport:
    """The short account of an edition: one month, all communities."""

    edition: dict[str, Any]
    period: str
    units: int
    # one row per KPI and target, as the catalogue places them: position, kpi_id, its names, target_id, a count per status
    kpis: list[dict[str, Any]]
    rows: dict[str, int]
    worst: list[dict[str, Any]]
    missing: int


def read_edition(home: Home) -> EditionReport | None:
    """The account of the current edition; None before the first one."""
    if not home.pointer.exists():
        return None
    with duckdb.connect(str(home.pointer.resolve()), read_only=True) as connection:
        edition = _dicts(connection, "select * from edition")[0]
        month = _latest_month(connection)
        counts = _dicts(connection, _STATUS_QUERY, [month])
        return EditionReport(
            edition,
            f"{month:%Y-%m}" if month else "",
            sum(int(row["units"]) for row in _dicts(connection, _UNITS_QUERY, [month])),
            counts,
            {name: int(value or 0) for name, value in _dicts(connection, _ROWS_QUERY)[0].items()},
            _dicts(connection, _WORST_QUERY, [month]),
            int(_dicts(connection, _MISSING_QUERY)[0]["missing"]),
        )


_UNITS_QUERY = """
select count(distinct unit_key) as units from fct_kpi
where period_type = 'month' and period = ? and unit_level = 'community' and unit_basis = 'as_was'
"""
# An undetermined figure has a judged status too, but what it says may be overturned: it is counted apart.
_STATUS_QUERY = """
with judged as (
    select kpis.position, kpis.name_zh, kpis.name_en, figures.kpi_id, figures.target_id,
        case when figures.status in ('met', 'near', 'missed') and figures.certainty = 'undetermined'
            then 'undetermined' else figures.status end as status
    from fct_kpi as figures
    inner join dim_kpi as kpis on kpis.kpi_id = figures.kpi_id
    where figures.period_type = 'month' and figures.period = ? and figures.unit_level = 'community'
        and figures.unit_basis = 'as_was'
)
pivot judged on status in
    ('met', 'near', 'missed', 'undetermined', 'no_data', 'not_applicable', 'too_early', 'no_target')
using count(*) group by position, kpi_id, name_zh, name_en, target_id
order by position, target_id
"""
_ROWS_QUERY = """
select sum(rows_read) as read, sum(rows_accepted) as accepted, sum(rows_quarantined) as quarantined,
    sum(rows_duplicate) as duplicate, sum(rows_skipped) as skipped
from fct_delivery
"""
_WORST_QUERY = """
with worst as (
    select flags.kpi_id, flags.unit_key, flags.shortfall, flags.since_period, flags.judged_in_a_row, flags.certainty,
        row_number() over (partition by flags.kpi_id order by flags.shortfall desc nulls last, flags.unit_code)
            as place
    from fct_flag as flags
    where flags.period_type = 'month' and flags.period = ? and flags.unit_level = 'community'
        and flags.status in ('missed', 'near')
)
select kpis.name_zh as kpi, units.unit_name as unit, figures.numerator, figures.denominator, figures.value,
    worst.shortfall, worst.since_period, worst.judged_in_a_row, worst.certainty
from worst
inner join dim_kpi as kpis on kpis.kpi_id = worst.kpi_id
inner join dim_period as periods on periods.period_type = 'month' and periods.period = $1
inner join dim_unit as units on units.unit_key = worst.unit_key
    and units.valid_from <= periods.end_date and (units.valid_to is null or units.valid_to > periods.end_date)
inner join fct_kpi as figures on figures.unit_key = worst.unit_key and figures.kpi_id = worst.kpi_id
    and figures.period_type = 'month' and figures.period = $1 and figures.unit_basis = 'as_was'
where worst.place <= 3
order by kpis.position, worst.place
""".replace("period = ?", "period = $1")
_MISSING_QUERY = "select count(*) as missing from fct_delivery where delivery_status in ('missing', 'refused')"


def _latest_month(connection: duckdb.DuckDBPyConnection) -> Any:
    """The newest month in which any figure was judged."""
    newest = "select max(period) from fct_kpi where period_type = 'month'"
    return scalar(connection, f"{newest} and status in ('met', 'near', 'missed')") or scalar(connection, newest)


def _dicts(
    connection: duckdb.DuckDBPyConnection, query: str, parameters: list[Any] | None = None
) -> list[dict[str, Any]]:
    cursor = connection.execute(query, parameters or [])
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
