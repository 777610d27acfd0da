"""What the command line shows on a terminal: tables, the sample mark, JSON for machines.

Belongs here: how results look. Does not belong here: options, and what is done.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from pipelines.settings import Home

# Into a file or a pipe a table keeps the width of a usual screen.
console = Console(width=None if sys.stdout.isatty() else 120)
errors = Console(stderr=True, width=None if sys.stderr.isatty() else 120)
SAMPLE_MARK = "示例数据 sample data"


def print_json(content: Any) -> None:
    sys.stdout.write(json.dumps(content, ensure_ascii=False, default=str, indent=1) + "\n")


def mark_sample(is_sample: bool) -> None:
    if is_sample:
        console.print(f"[black on yellow] {SAMPLE_MARK} [/]")


def print_findings(file_name: str, findings: list[Any]) -> None:
    if not findings:
        console.print(f"[green]✓[/] {file_name}: 没有发现问题 nothing found", highlight=False)
        return
    table = Table("行 line", "规则 rule", "栏 column", "说明", "what is wrong", title=file_name)
    for finding in findings:
        colour = "red" if finding.severity == "error" else "yellow"
        table.add_row(
            str(finding.row_number), f"[{colour}]{finding.rule_id}[/]", finding.columns, finding.zh, finding.en
        )
    console.print(table)


def print_measurements(results: dict[str, Any], output: Path) -> None:
    table = Table("部分 part", "测量 measurement", "数值 value", "单位 unit", title=f"{SAMPLE_MARK} · warehouse bench → {output}")
    for row in results["measurements"]:
        table.add_row(row["part"], row["name"], f"{row['value']:,.2f}", row["unit"])
    console.print(table)


def report_json(home: Home) -> dict[str, Any] | None:
    from pipelines.report import read_edition

    report = read_edition(home)
    return vars(report) if report else None


def print_files(summary: Any) -> None:
    refused = [file for file in summary.files if file.outcome.startswith("refused")]
    for file in refused:
        reason = file.refusal.zh if file.refusal else ""
        errors.print(f"[red]✗ 退回 refused[/] {file.file_name}: {reason}", highlight=False, soft_wrap=True)
    for place in summary.misplaced:
        errors.print(f"[yellow]? {place.where}[/]: {place.why.zh} / {place.why.en}", highlight=False, soft_wrap=True)
    counted = Counter(file.outcome for file in summary.files)
    console.print(
        f"文件 files: 接收 accepted {counted['accepted']} · 退回 refused {len(refused)} · "
        f"重复 repeated {counted['repeated']} · 重算期间 periods computed {summary.computed_periods}",
        highlight=False, soft_wrap=True,
    )  # fmt: skip


def print_report(home: Home) -> None:
    from pipelines.report import STATUSES, read_edition

    report = read_edition(home)
    if report is None:
        console.print("尚无版本 no edition yet")
        return
    edition = report.edition
    mark_sample(edition["is_sample"])
    console.print(
        f"{edition['county_name']} · 版本 edition {edition['edition_id']} · 判定日 as of {edition['as_of_date']}\n"
        f"{report.period}: {report.units} 个社区（村） communities evaluated",
        highlight=False,
    )
    counts = Table("指标 KPI", *(f"{STATUS_WORDS[name]}\n{name.replace('_', ' ')}" for name in STATUSES))
    for row in report.kpis:
        name = f"{row['name_zh']} {row['target_id'] or ''}\n[dim]{row['name_en']}[/]"
        counts.add_row(name, *(str(row[name] or 0) for name in STATUSES))
    console.print(counts)
    names = {"read": "读取", "accepted": "接收", "quarantined": "隔离", "duplicate": "重复", "skipped": "略过"}
    console.print(
        "行 rows: " + " · ".join(f"{names[name]} {name} {value:,}" for name, value in report.rows.items())
        + f"\n缺报或退回 missing or refused deliveries: {report.missing}",
        highlight=False,
    )  # fmt: skip
    worst = Table("差距最大\nworst shortfalls", "社区\nunit", "分子/分母\nof", "差距\nshort", "自\nsince", "把握\ncertainty")
    for row in report.worst:
        worst.add_row(
            row["kpi"], row["unit"], f"{number(row['numerator'])}/{number(row['denominator'])}",
            number(row["shortfall"]), f"{row['since_period']:%Y-%m}", row["certainty"] or "—",
        )  # fmt: skip
    if report.worst:
        console.print(worst)
    console.print(
        "下一步 next: warehouse serve（看板 dashboards）· warehouse status · warehouse check 文件 FILE\n"
        f"SQL: duckdb.connect('{home.pointer}', read_only=True)",
        highlight=False, soft_wrap=True,
    )  # fmt: skip


STATUS_WORDS = {
    "met": "达标", "near": "接近", "missed": "未达标", "undetermined": "无法判定", "no_data": "无数据",
    "not_applicable": "不适用", "too_early": "未到期", "no_target": "无目标",
}  # fmt: skip


def number(value: Any) -> str:
    """A count without decimals, an amount with its two."""
    if value is None:
        return "—"
    return f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"
