"""Worked example for analysts, as a marimo notebook: `marimo edit docs/notebook.py`, or run it as a script.

It asks about the registration rate of temporary residents; put another `KPI` and everything below follows.
"""

import marimo

app = marimo.App(width="medium", app_title="一项指标，从连接到导出")


@app.cell
def _():
    import os
    from pathlib import Path

    import duckdb
    import marimo as mo
    import plotly.graph_objects as go
    import polars as pl

    return Path, duckdb, go, mo, os, pl


@app.cell
def _(mo):
    mo.md("""
    # 一项指标，从连接到导出 · One indicator, from connecting to exporting

    数据根目录由 `WAREHOUSE_HOME` 指定。只读打开：运行中也能读，且不占用文件。

    `WAREHOUSE_HOME` names the data root. Opened read-only: this works during a run, too, and holds up nobody.
    """)
    return


@app.cell
def _(Path, duckdb, os):
    KPI = "temporary_resident_registration_rate"
    published = Path(os.environ.get("WAREHOUSE_HOME", "data")) / "published"
    con = duckdb.connect(str((published / "warehouse.duckdb").resolve()), read_only=True)
    edition = con.sql("select edition_id, county_name, is_sample, as_of_date from edition").pl()
    edition
    return KPI, con, edition, published


@app.cell
def _(con):
    # The newest closed month; a table holds months, quarters, years and years to date.
    month = con.sql("select max(period) from dim_period where period_type = 'month' and is_closed").pl().item()
    return (month,)


@app.cell
def _(mo):
    mo.md("""
    ## 各社区完成值和可能范围 · Communities, with what rows in doubt could make of it

    `value_low`–`value_high` 是被隔离或缺报的数据可能造成的上下界；跨过目标的结论为 undetermined。

    `value_low` to `value_high` is where quarantined and missing rows could move the value; a verdict that they could turn is
    undetermined. Units are named as at the end of the period: `dim_unit` has a row per stretch of validity.
    """)
    return


@app.cell
def _(KPI, con, month):
    by_community = con.sql(
        """
        select units.unit_name, figures.numerator, figures.denominator, figures.value, figures.value_low, figures.value_high,
            figures.status, figures.certainty, figures.shortfall
        from fct_kpi as figures
        inner join dim_period as periods using (period_type, period)
        inner join dim_unit as units
            on units.unit_key = figures.unit_key and units.valid_from <= periods.end_date
            and (units.valid_to is null or units.valid_to > periods.end_date)
        where figures.kpi_id = $kpi and figures.period_type = 'month' and figures.period = $month
            and figures.unit_level = 'community' and figures.unit_basis = 'as_was'
        order by figures.value nulls last, units.unit_code
        """,
        params={"kpi": KPI, "month": month},
    ).pl()
    by_community
    return (by_community,)


@app.cell
def _(mo):
    mo.md("""
    ## 差多少 · How much is missing

    差额是精确的最少件数，不是比率之差；只列已确认的未达标。 The shortfall is the exact smallest number of actions, not a
    difference of rates. Confirmed misses only.
    """)
    return


@app.cell
def _(by_community, pl):
    shortfalls = (
        by_community.filter((pl.col("status") == "missed") & (pl.col("certainty") == "confirmed"))
        .select("unit_name", "value", "shortfall")
        .sort("shortfall", descending=True)
    )
    shortfalls
    return (shortfalls,)


@app.cell
def _(KPI, con, go):
    # The county from month to month, with its bounds. A level is summed anew from rows: never average rates.
    trend = con.sql(
        """
        select distinct period, value, value_low, value_high
        from fct_kpi
        where kpi_id = $kpi and period_type = 'month' and unit_level = 'county' and unit_basis = 'as_was'
        order by period
        """,
        params={"kpi": KPI},
    ).pl()
    figure = go.Figure(
        [
            go.Scatter(x=trend["period"], y=trend["value_high"], mode="lines", line={"width": 0}, showlegend=False),
            go.Scatter(x=trend["period"], y=trend["value_low"], mode="lines", line={"width": 0}, fill="tonexty", name="可能范围 bounds"),
            go.Scatter(x=trend["period"], y=trend["value"], mode="lines+markers", name="完成值 value"),
        ]
    )
    figure.update_layout(title=f"{KPI}（%）", xaxis={"tickformat": "%Y-%m", "dtick": "M1"})
    figure
    return (trend,)


@app.cell
def _(mo):
    mo.md("""
    ## 两个版本之间变了什么 · What changed between two editions

    各版本的 Parquet 都保留；`warehouse editions diff` 还逐项说明原因。 Every edition's Parquet is kept; `warehouse editions
    diff` also tells the cause of each change.
    """)
    return


@app.cell
def _(KPI, con, published):
    editions = sorted(path.parent.name for path in (published / "editions").glob("[!.]*/manifest.json"))
    older, newer = editions[-2:] if len(editions) > 1 else editions * 2
    figures_of = """
        select distinct unit_key, period_type, period, numerator, denominator
        from read_parquet(?) where kpi_id = ? and unit_basis = 'as_was'
    """
    changes = con.sql(
        f"""
        with older as ({figures_of}), newer as ({figures_of})
        select unit_key, period_type, period, older.numerator as numerator_before, newer.numerator, older.denominator as
            denominator_before, newer.denominator
        from older full join newer using (unit_key, period_type, period)
        where older.numerator is distinct from newer.numerator or older.denominator is distinct from newer.denominator
        order by unit_key, period_type, period
        """,
        params=[part for name in (older, newer) for part in (str(published / "editions" / name / "fct_kpi" / "*.parquet"), KPI)],
    ).pl()
    changes
    return changes, newer, older


@app.cell
def _(mo):
    mo.md("""
    ## 导出 · Export

    UTF-8 加 BOM，Excel 直接打开不乱码；文件名说明指标、期间和版次。`warehouse export` 另有 Parquet、Excel 和 GB18030。

    UTF-8 with a BOM, which Excel opens as it should; the name tells indicator, period and edition. `warehouse export` also
    writes Parquet, Excel and GB18030.
    """)
    return


@app.cell
def _(KPI, Path, by_community, edition, month, os):
    mark = "_示例数据" if edition["is_sample"].item() else ""
    written = Path(os.environ.get("EXPORT_FOLDER", ".")) / f"{KPI}_{month:%Y-%m}_{edition['edition_id'].item()}{mark}.csv"
    written.write_bytes(("\ufeff" + by_community.write_csv()).encode("utf-8"))
    return (written,)


if __name__ == "__main__":
    app.run()
