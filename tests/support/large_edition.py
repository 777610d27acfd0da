"""A very large edition for looking at pages: `python -m tests.support.large_edition FOLDER` (10,000 communities × 50 KPIs × 36 months).

Made by queries, in a minute. Numerators, statuses, bounds and shortfalls agree with each other; since when a target is missed is
drawn by lot, so that nothing about time may be tested with it. Serve it by `WAREHOUSE_HOME=FOLDER python -m dashboards`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import duckdb

from tests.support.edition import TABLES, switch

EDITION_ID = "2026-07-15-001"
LAST = "date '2026-06-01'"
DOMAINS = ("population", "safety", "facilities", "organisation", "villages")

UNITS = """
    insert into dim_unit by name
    select
        unit_code || '@2016-01-01' as unit_key, unit_code, unit_name, unit_level, class, date '2016-01-01' as opened_date,
        date '2016-01-01' as valid_from, parent_code || '@2016-01-01' as parent_unit_key, parent_code, street_code,
        false as is_adjusted, 'composed' as source
    from (
        select '610629' as unit_code, '示例县' as unit_name, 'county' as unit_level, null as class, null as parent_code, null as street_code
        union all
        select printf('610629%03d', street), printf('第%d街道', street), 'street', null, '610629', null from range(1, {streets} + 1) as streets (street)
        union all
        select
            printf('610629%03d%03d', street, place), printf('第%d街道%d村委会', street, place), 'community',
            if(place % 3 = 0, 'urban', 'rural'), printf('610629%03d', street), printf('610629%03d', street)
        from range(1, {streets} + 1) as streets (street), range(1, {each} + 1) as places (place)
    )
"""
KPIS = """
    insert into dim_kpi by name
    select
        printf('composed_rate_%d', place) as kpi_id, printf('示例指标%d', place) as name_zh, printf('Composed indicator %d', place) as name_en,
        list_extract({domains}, 1 + ((place - 1) % 5)::bigint) as domain, 'rate' as kind, 'percent' as unit, 100 as scale, 1 as decimals,
        'police' as owner_agency, ['community', 'street', 'county'] as levels, ['grid_residents'] as datasets, '分子/分母' as formula_zh,
        'numerator/denominator' as formula_en, place as position
    from range(1, {kpis} + 1) as kpis (place)
"""
TARGETS = """
    insert into dim_target by name
    select
        'T-' || kpi_id as target_id, kpi_id, 'D3' as pack, '>=' as operator, 85 + (position % 11) as value_1, '*' as area_scope,
        '*' as class_scope, '*' as city_class_scope, '*' as level_scope, '*' as variant_scope, '示例文件 / Composed document' as document,
        printf('§%d', position) as clause, '示例' as text_zh, 'composed' as text_en
    from dim_kpi
"""
PERIODS = """
    insert into dim_period by name
    select
        'month' as period_type, month as period, month as start_date, last_day(month) as end_date, month + interval 45 day as cutoff_date,
        true as is_closed, strftime(month, '%Y年') || month(month) || '月' as label_zh, strftime(month, '%B %Y') as label_en
    from (select unnest(generate_series({last} - interval {before} month, {last}, interval 1 month))::date as month)
"""
# What one unit has of one KPI in one month; higher levels have more of everything.
FIGURES = """
    insert into fct_kpi by name
    with drawn as (
        select
            unit_key, unit_code, unit_level, period, kpi_id, target_id, value_1,
            case unit_level when 'community' then 1 when 'street' then 50 else 10000 end * (24 + hash(unit_code, kpi_id) % 230) as denominator,
            (hash(unit_code, kpi_id, 7) % 100) < 12 as is_weak, (hash(unit_code, kpi_id, period) % 1000) / 1000.0 as lot
        from dim_unit cross join dim_kpi cross join (select period from dim_period where period = ?) inner join dim_target using (kpi_id)
    ),
    counted as (
        select *, least(denominator, ceil(denominator * (value_1 - if(is_weak, 1 + lot * 20, -lot * 3)) / 100))::decimal(18, 2) as numerator,
            if(lot > 0.96, 2 + lot * 5, 0)::int as doubtful
        from drawn
    ),
    judged as (
        select *, numerator * 100 >= value_1 * denominator as is_met,
            (numerator - doubtful) * 100 >= value_1 * denominator as is_met_at_worst,
            (numerator + doubtful) * 100 >= value_1 * (denominator + doubtful) as is_met_at_best
        from counted
    )
    select
        unit_key, unit_code, unit_level, 'month' as period_type, period, 'as_was' as unit_basis, 'comparable' as comparability, kpi_id,
        target_id, numerator, denominator, 100 * numerator / denominator as value, numerator - doubtful as low_numerator,
        denominator as low_denominator, numerator + doubtful as high_numerator, denominator + doubtful as high_denominator,
        100 * (numerator - doubtful) / denominator as value_low, 100 * (numerator + doubtful) / (denominator + doubtful) as value_high,
        if(is_met, 'met', 'missed') as status, if(is_met_at_worst = is_met_at_best, 'confirmed', 'undetermined') as certainty,
        if(is_met, 0, ceil(value_1 * denominator / 100 - numerator)) as shortfall, false as is_withheld, false as is_basis_expired,
        1 as reporting_suppliers, 1 as expected_suppliers
    from judged
"""
FLAGS = """
    insert into fct_flag by name
    select
        unit_key, unit_code, unit_level, period_type, period, kpi_id, target_id, status, certainty, shortfall,
        (period - to_months((run - 1)::int))::date as since_period, run as judged_in_a_row, 'police' as owner_agency,
        list_extract(['continuing', 'worsening', 'improving', 'continuing'], 1 + (hash(unit_key, kpi_id, 5) % 4)::bigint) as movement
    from (select *, 1 + (hash(unit_key, kpi_id, 3) % 14)::int as run from fct_kpi where status = 'missed')
"""


def build(home: Path, *, streets: int = 200, each: int = 50, kpis: int = 50, months: int = 36) -> Path:
    """Publishes the edition under `home`; returns its DuckDB file. 10,000 × 50 × 36 are 18 million figures, about 1 GB."""
    published = home / "published"
    folder = published / "editions" / EDITION_ID
    folder.mkdir(parents=True)
    sizes = {"streets": streets, "each": each, "kpis": kpis, "before": months - 1, "last": LAST, "domains": list(DOMAINS)}
    database = folder / "warehouse.duckdb"
    with duckdb.connect(str(database)) as connection:
        for name, columns in TABLES.items():
            definition = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
            connection.execute(f"create table {name} ({definition})")
        connection.execute(
            "insert into edition by name select ? as edition_id, '610629' as county_code, '示例县' as county_name,"
            " true as is_sample, date '2026-07-15' as as_of_date, timestamp '2026-07-15 08:00:00' as published_at,"
            " '0' as code_version, '0' as inputs_hash, '0' as content_hash",
            [EDITION_ID],
        )
        for statement in (UNITS, KPIS, TARGETS, PERIODS):
            connection.execute(statement.format(**sizes))
        for (period,) in connection.execute("select period from dim_period order by period").fetchall():
            connection.execute(FIGURES, [period])
        connection.execute(FLAGS)
    manifest = {
        "edition_id": EDITION_ID, "published_at": "2026-07-15T08:00:00", "as_of_date": "2026-07-15", "code_version": "0",
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    switch(published, EDITION_ID)
    return database


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="a data root that does not exist yet")
    build(parser.parse_args().folder)


if __name__ == "__main__":
    main()
