"""The commands of the data steward: `warehouse signals`, `estimates`, `links`. Belongs here: options and how they look."""

from __future__ import annotations

from datetime import date
from math import floor
from typing import Annotated, Any

import typer
from rich.table import Table

from pipelines.cli_options import Json, parsed
from pipelines.settings import Home, month_start
from pipelines.terminal import console, lines, mark_sample, number, print_json, quiet_table

app = typer.Typer()

Period = Annotated[str | None, typer.Option(help="月份 YYYY-MM / month")]


@app.command(epilog="例 / examples:  warehouse signals  ·  warehouse signals --period 2026-06 --json")
def signals(period: Period = None, as_json: Json = False) -> None:
    """数据可信度提示，仅供核对，不用于排名 / integrity signals, to be looked into, never for ranking."""
    from pipelines import steward
    from pipelines.county import load_county

    home = Home.from_environment()
    found = steward.signals(home, _month(period))
    sample = load_county(home.county_file).sample
    if as_json:
        print_json({"is_sample": sample, "note": vars(steward.NOT_FOR_RANKING), "signals": found.to_dicts()})
        return
    mark_sample(sample)
    lines(f"[bold]{steward.NOT_FOR_RANKING.zh}[/]", steward.NOT_FOR_RANKING.en)
    for row in found.iter_rows(named=True):
        name = steward.SIGNALS[row["signal"]]
        about = " · ".join(str(row[part]) for part in ("dataset", "supplier_id") if row[part])
        lines(
            f"\n[bold]{row['period']:%Y-%m} {row['unit_name'] or ''}[/] {row['unit_code']} · {name.zh} {name.en}"
            + (f" · {about}" if about else ""),
            f"  所见 found {number(row['observed'])} · 应有 expected {number(row['expected'])}",
            f"  {row['explanation_zh']}",
            f"  {row['explanation_en']}",
        )
    lines(f"\n{found.height} 条提示 signals")


@app.command(epilog="例 / example:  warehouse estimates --period 2026-06")
def estimates(period: Period = None, as_json: Json = False) -> None:
    """两份名单都没有的暂住人口的估计 / temporary residents on neither list, estimated."""
    from pipelines import steward
    from pipelines.county import load_county

    home = Home.from_environment()
    found = steward.estimates(home, _month(period))
    sample = load_county(home.county_file).sample
    if as_json:
        print_json({"is_sample": sample, "estimates": found.to_dicts()})
        return
    mark_sample(sample)
    table = quiet_table(
        ["单位\nunit"],
        ["登记率\nregistered", "网格\ngrid", "登记\npolice", "两者\nboth", "估计（95% 区间）\nestimate (95 %)", "未见\nunseen"],
    )
    for row in found.iter_rows(named=True):
        table.add_row(row["unit_name"] or row["unit_code"], *_estimate(row))
    months = sorted({f"{month:%Y-%m}" for month in found["month"]})
    lines(
        f"{' '.join(months) or '—'}：暂住人口双名单估计（Chapman），前提是两份名单相互独立；不参与评价",
        "two-list estimate of temporary residents; it holds where the lists are independent, and judges nobody",
    )
    console.print(table)
    lines("空白：两份名单都有的不足 7 人，或名单未到齐 / blank: fewer than 7 on both lists, or a list has not arrived whole")


@app.command(epilog="例 / examples:  warehouse links --review  ·  warehouse links --review --json")
def links(
    review: Annotated[bool, typer.Option("--review", help="逐条列出待核对的行 / list every pair that waits")] = False,
    as_json: Json = False,
) -> None:
    """待人工核对的疑似同一人：只有批次、行号、概率 / links that wait for review: batches, lines, scores, no names."""
    from pipelines import steward
    from pipelines.county import load_county

    home = Home.from_environment()
    found = steward.links_for_review(home)
    sample = load_county(home.county_file).sample
    if as_json:
        print_json({"is_sample": sample, "pairs": found.to_dicts()})
        return
    mark_sample(sample)
    counted = found.group_by("period", "supplier_id", maintain_order=True).agg(rows=_rows_that_wait())
    totals = quiet_table(["月份\nmonth", "报送单位\nsupplier"], ["待核对行\nrows waiting"])
    for month, supplier, rows in counted.iter_rows():
        totals.add_row(f"{month:%Y-%m}", supplier, str(rows))
    if found.height:
        console.print(_pairs(found) if review else totals)
    lines(
        f"{counted['rows'].sum()} 行待核对；未核对前不计为已关联（计入上下界） / "
        "rows wait; until then they are linked to nobody, and in the bounds",
        *(() if review or not found.height else ("逐条 every pair: warehouse links --review",)),
    )


def _rows_that_wait() -> Any:
    import polars as pl

    return pl.struct("batch_id", "row_number").n_unique()


def _pairs(found: Any) -> Table:
    from pipelines.steward import REVIEW_REASONS

    table = quiet_table(
        ["月份\nmonth", "报送单位 批次\nsupplier, batch", "名册 报送单位 批次\nlist, supplier, batch", "原因\nwhy"],
        ["行\nline", "名册行\nits line", "概率\nlikely"],
    )
    for row in found.iter_rows(named=True):
        reason = REVIEW_REASONS[row["reason"]]
        table.add_row(
            f"{row['period']:%Y-%m}", f"{row['supplier_id']} {row['batch_id'][:8]}",
            f"{row['list']} {row['entry_supplier_id']} {row['entry_batch_id'][:8]}", f"{reason.zh} {reason.en}",
            str(row["row_number"]), str(row["entry_row_number"]), f"{row['probability']:.2f}",
        )  # fmt: skip
    return table


def _estimate(row: dict[str, Any]) -> list[str]:
    # rounded down: a rate just below its target is not printed as the target
    rate = f"{floor(row['registered'] * 10_000 / row['found']) / 100:.2f}%" if row["found"] else ""
    counts = [number(row[name]) for name in ("n1", "n2", "m")]
    if row["estimate"] is None:
        return [rate, *counts, "", ""]
    spread = f"{row['estimate']:,.0f} ({row['low']:,.0f}–{row['high']:,.0f})"
    return [rate, *counts, spread, f"{row['unseen']:,.0f}"]


def _month(period: str | None) -> date | None:
    return None if period is None else parsed(month_start, period, "--period")
