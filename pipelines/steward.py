"""What the data steward is asked to look into: signals, estimates, links that wait. Read from what a run left.

Belongs here: queries and what the signals are called, for the command line and the pages. Nothing here names a person,
and nothing of it enters a KPI, a flag or a rank.
"""

from __future__ import annotations

from datetime import date

import duckdb
import polars as pl

from pipelines.errors import WarehouseError, Words
from pipelines.settings import Home

SIGNALS = {
    "denominator_drop": Words("分母骤减", "Denominator fell"),
    "bunching": Words("数值扎堆于目标", "Values bunch at the target"),
    "timestamp_burst": Words("同一时刻集中", "Many at one moment"),
    "reopened": Words("办结后重开", "Closed and reopened"),
    "sources_drift": Words("来源背离", "Sources drift apart"),
    "jump": Words("突变", "Jump"),
}
NOT_FOR_RANKING = Words(
    "仅供数据管理员核对，不参与任何评价与排名",
    "for the data steward to look into; in no judgement and no ranking",
)
REVIEW_REASONS = {
    "unlikely": Words("相似度不足", "not likely enough"),
    "rival": Words("另有同样相似者", "another is as likely"),
    "found": Words("网格已按证件发现此人", "found already with a number"),
}


def signals(home: Home, month: date | None = None) -> pl.DataFrame:
    """The signals of a month, or of all months in the edition: one row each, the newest first, the gravest before others."""
    return _ask(
        home,
        """
        select signals.period, signals.signal, signals.unit_code, signals.unit_key, signals.unit_level,
            units.unit_name, signals.kpi_id, signals.dataset, signals.supplier_id, signals.observed, signals.expected,
            signals.score, signals.threshold, signals.explanation_zh, signals.explanation_en
        from fct_signal as signals
        left join dim_period as periods using (period_type, period)
        left join dim_unit as units on units.unit_key = signals.unit_key
            and units.valid_from <= periods.end_date
            and (units.valid_to is null or units.valid_to > periods.end_date)
        where $1 is null or signals.period = $1
        order by signals.period desc, signals.score / signals.threshold desc, signals.signal, signals.unit_code
        """,
        month,
    )


def estimates(home: Home, month: date | None = None) -> pl.DataFrame:
    """Temporary residents on neither list, beside the registration rate: county and streets of a month, default the last."""
    return _ask(
        home,
        """
        select estimates.month, estimates.unit_level, units.unit_name, estimates.* exclude (month, unit_level),
            rates.numerator as registered, rates.denominator as found
        from fct_estimate as estimates
        inner join dim_period as periods on periods.period_type = 'month' and periods.period = estimates.month
        left join dim_unit as units on units.unit_key = estimates.unit_key
            and units.valid_from <= periods.end_date
            and (units.valid_to is null or units.valid_to > periods.end_date)
        left join (
            select distinct unit_key, period, numerator, denominator from fct_kpi
            where kpi_id = 'temporary_resident_registration_rate' and period_type = 'month' and unit_basis = 'as_was'
        ) as rates on rates.unit_key = estimates.unit_key and rates.period = estimates.month
        where estimates.month = coalesce($1, (select max(month) from fct_estimate))
        order by estimates.unit_level, estimates.unit_code
        """,
        month,
    )


def links_for_review(home: Home) -> pl.DataFrame:
    """The uncertain links of all months: supplier, month, batch and line of the found row, list and line of its likeness.

    One row per pair, of each month the likeliest first. Lines are counted as in the delivered file; to see who a row is
    of, the file itself has to be opened. WarehouseError before the first run.
    """
    path = home.control / "links_for_review.parquet"
    if not path.exists():
        raise WarehouseError(
            Words("还没有可核对的关联", "There are no links to review yet"),
            where=f"{path.parent.name}/{path.name}",
            expected=Words("至少运行一次", "at least one run"),
            found=Words("没有运行记录", "no run"),
            advice=Words("运行 warehouse run", "run: warehouse run"),
        )
    batches = pl.read_parquet(home.control / "current_batches.parquet")
    found = batches.select("batch_id", "supplier_id", "period")
    entries = batches.select(entry_batch_id="batch_id", entry_supplier_id="supplier_id")
    pairs = pl.read_parquet(path).join(found, on="batch_id").join(entries, on="entry_batch_id")
    return pairs.sort("period", "probability", "batch_id", "row_number", descending=[True, True, False, False])


def _ask(home: Home, query: str, month: date | None) -> pl.DataFrame:
    if not home.pointer.exists():
        raise WarehouseError(
            Words("还没有发布任何版本", "No edition has been published yet"),
            where=f"published/{home.pointer.name}",
            expected=Words("至少成功运行一次", "one successful run"),
            found=Words("没有已发布的版本", "nothing published"),
            advice=Words("运行 warehouse run", "run: warehouse run"),
        )
    with duckdb.connect(str(home.pointer.resolve()), read_only=True) as connection:
        found: pl.DataFrame = connection.sql(query, params=[month]).pl()
        return found

