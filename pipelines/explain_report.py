"""An explanation in words: which figures changed most, by name, and what each cause did to them.

Belongs here: names, order, what is told. Does not belong here: how it looks on a terminal.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import duckdb

from pipelines.editions import Edition
from pipelines.explain import Explanation
from pipelines.explain_account import KEY
from pipelines.explain_steps import CAUSES
from pipelines.sql import literal


def figures_by_cause(explanation: Explanation) -> dict[str, int]:
    """How many figures each cause moved or judged otherwise, in the order of the causes; 0 where none."""
    counted = dict(explanation.parts.group_by("cause").len().iter_rows())
    return {cause: int(counted.get(cause, 0)) for cause in CAUSES}


def largest_changes(
    older: Edition, newer: Edition, explanation: Explanation, limit: int | None = None
) -> list[dict[str, Any]]:
    """The changed figures with their names and causes, such that the first few tell of many.

    Of each unit and KPI the newest month comes first, judgements that turned before others, and of each KPI the
    value that moved furthest; units of different KPIs cannot be compared. `causes`: by cause [delta_numerator, delta_denominator]; of a mere judgement [0, 0]. Where a figure has several
    targets, `judgements` has what each edition says for every one.
    """
    with duckdb.connect() as connection:
        for table in ("dim_kpi", "dim_unit", "dim_period"):
            _register_names(connection, table, older, newer)
        connection.register("figures", explanation.figures.to_arrow())
        connection.register("parts", explanation.parts.to_arrow())
        cursor = connection.execute(_QUERY, {"limit": limit})
        names = [column[0] for column in cursor.description or []]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    for row in rows:
        parts = {part["cause"]: part for part in row["causes"]}
        row["causes"] = {
            cause: [parts[cause]["delta_numerator"], parts[cause]["delta_denominator"]]
            for cause in CAUSES
            if cause in parts
        }
    return rows


def as_json(explanation: Explanation, changes: list[dict[str, Any]]) -> dict[str, Any]:
    """An explanation for machines; numbers as numbers, exact to the two decimals that they have."""
    return {
        "older": explanation.older,
        "newer": explanation.newer,
        "causes": {
            cause: {
                "zh": words.zh, "en": words.en, "step": explanation.causes.get(cause, "unchanged"),
                "figures": figures_by_cause(explanation)[cause],
            }
            for cause, words in CAUSES.items()
        },
        "notes": [vars(note) for note in explanation.notes],
        "changes": [_plain(change) for change in changes],
    }  # fmt: skip


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {name: _plain(part) for name, part in value.items()}
        case list():
            return [_plain(part) for part in value]
        case Decimal():
            return int(value) if value == int(value) else float(value)
        case date():
            return value.isoformat()
        case _:
            return value


def _register_names(connection: duckdb.DuckDBPyConnection, table: str, older: Edition, newer: Edition) -> None:
    """A dimension of the newer edition, and of the older one what only that has."""
    paths = [literal(str(edition.table(table))) for edition in (newer, older)]
    keys = {"dim_kpi": "kpi_id", "dim_unit": "unit_key", "dim_period": "period_type, period"}[table]
    connection.execute(f"""
        create table {table} as
        select * from read_parquet({paths[0]})
        union all by name
        select * from read_parquet({paths[1]}) anti join (select {keys} from read_parquet({paths[0]})) using ({keys})""")


_QUERY = f"""
with places as (
    select {KEY},
        max(older_numerator) as older_numerator, max(older_denominator) as older_denominator,
        max(newer_numerator) as newer_numerator, max(newer_denominator) as newer_denominator,
        bool_or(older_status is distinct from newer_status and coalesce(
            older_status in ('met', 'near', 'missed') or newer_status in ('met', 'near', 'missed'), false
        )) as has_turned,
        list(struct_pack(
            target_id := target_id, older_status := older_status, newer_status := newer_status,
            older_certainty := older_certainty, newer_certainty := newer_certainty,
            older_shortfall := older_shortfall, newer_shortfall := newer_shortfall
        ) order by target_id) as judgements
    from figures group by all
),
caused as (
    select {KEY}, list(struct_pack(
        cause := cause, delta_numerator := delta_numerator, delta_denominator := delta_denominator
    )) as causes
    from parts group by all
),
named as (
    select kpis.kpi_id, kpis.name_zh as kpi_zh, kpis.name_en as kpi_en, places.unit_key, units.unit_code,
        units.unit_name, units.unit_level, places.period_type, places.period, periods.label_zh as period_zh,
        periods.label_en as period_en, places.unit_basis, places.older_numerator, places.older_denominator,
        places.newer_numerator, places.newer_denominator, places.judgements, caused.causes, places.has_turned,
        abs(coalesce(places.newer_numerator / nullif(places.newer_denominator, 0), 0)
            - coalesce(places.older_numerator / nullif(places.older_denominator, 0), 0)) as distance
    from places
    inner join caused using ({KEY})
    inner join dim_kpi as kpis using (kpi_id)
    inner join dim_period as periods using (period_type, period)
    left join dim_unit as units
        on places.unit_key = units.unit_key and units.valid_from <= periods.end_date
        and (units.valid_to is null or units.valid_to > periods.end_date)
),
placed as (
    select *, row_number() over (
        partition by unit_key, kpi_id order by period_type = 'month' desc, period desc, period_type, unit_basis
    ) as place_in_unit
    from named
)
select * exclude (has_turned, distance, place_in_unit) from placed
order by place_in_unit, has_turned desc, row_number() over (
    partition by kpi_id, place_in_unit, has_turned order by distance desc, unit_key, period_type, period
), kpi_id, unit_key, period_type, period, unit_basis
limit coalesce($limit, 9223372036854775807)"""
