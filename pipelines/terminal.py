"""What the command line shows on a terminal: tables, the sample mark, JSON for machines.

Belongs here: how results look. Does not belong here: options, and what is done.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from pipelines.settings import Home

if TYPE_CHECKING:
    from pipelines.check import Checked
    from pipelines.follow_up import Settled
    from pipelines.report import EditionReport
    from pipelines.verify import Damage

# Into a file or a pipe a table keeps the width of a usual screen.
console = Console(width=None if sys.stdout.isatty() else 120)
errors = Console(stderr=True, width=None if sys.stderr.isatty() else 120)
SAMPLE_MARK = "示例数据 sample data"
BILINGUAL_WIDTH = 120  # of a terminal on which a line has room for a name in both languages
MOST_SHORTFALLS = 12
MOST_REFUSED = 10


def print_json(content: Any) -> None:
    sys.stdout.write(json.dumps(content, ensure_ascii=False, default=str, indent=1) + "\n")


def mark_sample(is_sample: bool) -> None:
    if is_sample:
        console.print(f"[black on yellow] {SAMPLE_MARK} [/]")


def print_checked(file_name: str, checked: Checked) -> None:
    """Every finding of a file, what of it would not be taken in, and why it would be refused as a whole."""
    if checked.findings:
        table = Table("行 line", "规则 rule", title=file_name)
        # Words in Chinese have no blanks to break a line at.
        for head in ("栏 column", "说明", "what is wrong"):
            table.add_column(head, overflow="fold")
        for finding in checked.findings:
            rule = Text(finding.rule_id, "red" if finding.severity == "error" else "yellow", overflow="fold")
            table.add_row(str(finding.row_number), rule, finding.columns, finding.zh, finding.en)
        console.print(table)
    for remark in checked.remarks:
        lines(f"[yellow]?[/] {escape(remark.zh)} / {escape(remark.en)}")
    if checked.account is not None:
        account, failed = checked.account, checked.rows_failed
        lines(f"读取 read {account.read} · 数据行 data {account.data} · 不合格 failed {failed}")
    if checked.refusal is not None:
        lines(f"[red]✗ 整份退回 the file would be refused[/]: {escape(checked.refusal.zh)}", f"  {escape(checked.refusal.en)}")
    elif not checked.findings:
        lines(f"[green]✓[/] {escape(file_name)}: 没有发现问题 nothing found")


def checked_json(checked: Checked) -> dict[str, Any]:
    refusal = checked.refusal
    return {
        "rows": checked.account and vars(checked.account), "rows_failed": checked.rows_failed,
        "findings": [vars(finding) for finding in checked.findings],
        "remarks": [vars(remark) for remark in checked.remarks],
        "refusal": refusal and {"code": refusal.code, "zh": refusal.zh, "en": refusal.en},
    }  # fmt: skip


def print_damages(damages: list[Damage]) -> None:
    """What is not as it was written, or that all is."""
    for damage in damages:
        errors.print(
            f"[red]✗[/] {damage.what} {escape(damage.where)}: {damage.words.zh} / {damage.words.en}", highlight=False, soft_wrap=True
        )
    if not damages:
        console.print("[green]✓[/] 完好 all as written")


def damages_json(damages: list[Damage]) -> list[dict[str, str]]:
    return [{"what": damage.what, "where": damage.where, **vars(damage.words)} for damage in damages]


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
    for file in refused[:MOST_REFUSED]:
        reason = f"{file.refusal.zh}\n  {file.refusal.en}" if file.refusal else ""
        errors.print(f"[red]✗ 退回 refused[/] {escape(file.file_name)}: {escape(reason)}", highlight=False, soft_wrap=True)
    if len(refused) > MOST_REFUSED:
        errors.print(f"  … 另有 and {len(refused) - MOST_REFUSED} more: warehouse serve, warehouse run --json")
    for place in summary.misplaced:
        errors.print(f"[yellow]? {place.where}[/]: {place.why.zh} / {place.why.en}", highlight=False, soft_wrap=True)
    counted = Counter(file.outcome for file in summary.files)
    console.print(
        f"文件 files: 接收 accepted {counted['accepted']} · 退回 refused {len(refused)} · "
        f"重复 repeated {counted['repeated']} · 重算期间 periods computed {summary.computed_periods}",
        highlight=False, soft_wrap=True,
    )  # fmt: skip


def print_settled(settled: Settled) -> None:
    """The tasks of follow-up that the edition closed or opened again; nothing where there are none."""
    words = {"销号 closed": settled.closed, "重新列入 reopened": settled.reopened}
    told = [f"{name} {len(tasks)}（{', '.join(map(str, tasks))}）" for name, tasks in words.items() if tasks]
    if told:
        lines(f"督办 follow-up: {' · '.join(told)} · warehouse follow-up list")


def print_report(home: Home) -> None:
    """The short account of the current edition: what is judged, most missed first, and the gravest shortfalls."""
    from pipelines.report import read_edition

    report = read_edition(home)
    if report is None:
        console.print("尚无版本 no edition yet")
        return
    edition = report.edition
    mark_sample(edition["is_sample"])
    lines(
        f"{edition['county_name']} · 版本 edition {edition['edition_id']} · 判定日 as of {edition['as_of_date']}",
        f"{report.period}: {report.units} 个社区（村） communities evaluated",
    )
    _print_standings(report)
    _print_gravest(report)
    names = {"read": "读取", "accepted": "接收", "quarantined": "隔离", "duplicate": "重复", "skipped": "略过"}
    lines(
        "行 rows: " + " · ".join(f"{names[name]} {name} {value:,}" for name, value in report.rows.items()),
        f"缺报或退回 missing or refused deliveries: {report.missing}",
        "下一步 next: warehouse serve（看板 dashboards）· warehouse status · warehouse check 文件 FILE",
        f"SQL: duckdb.connect('{home.pointer}', read_only=True)",
    )


def _print_standings(report: EditionReport) -> None:
    """One line per KPI by which communities are judged; the others in one sentence."""
    shown = ("met", "near", "missed", "undetermined", "no_data")
    table = _kpi_table([], [f"{STATUS_WORDS[name]}\n{name.replace('_', ' ')}" for name in shown])
    for row in report.judged:
        counts = [f"{row[name]:,}" if row[name] else "·" for name in shown]
        table.add_row(*_names(row["name_zh"], row["name_en"]), *counts)
    if report.judged:
        console.print(table)
    words = {
        "no_target": ("未设目标", "without target"), "above": ("只在街道、县以上评价", "judged above communities only"),
        "not_yet": ("暂不能评价", "not to be judged yet"),
    }  # fmt: skip
    told = [(*words[why], count) for why, count in report.unjudged.items() if count]
    if told:
        lines(
            "其他指标：" + "，".join(f"{zh} {count}" for zh, _, count in told) + "（见看板或 --json）",
            "other KPIs: " + ", ".join(f"{count} {en}" for _, en, count in told) + " (see the dashboards or --json)",
        )


def _print_gravest(report: EditionReport) -> None:
    worst = report.gravest(MOST_SHORTFALLS)
    if not worst:
        return
    lines(
        f"\n差距最大：未达标社区最多的 {len(worst)} 项指标，每项列出差额最大的社区",
        f"worst shortfalls: the {len(worst)} KPIs that most communities miss, of each the community that lacks most",
    )
    table = _kpi_table(["社区\nunit"], ["未达标\nmissed by", "现值\npresent", "差额\nshort by", "自\nsince"])
    for row in worst:
        doubt = "" if row["certainty"] == "confirmed" else " ?"
        table.add_row(
            *_names(row["kpi"], row["kpi_en"]), _one_line(row["unit"]), str(row["missed"]),
            number(row["numerator"]) + (f"/{number(row['denominator'])}" if row["kind"] != "count" else ""),
            f"{number(row['shortfall'])}{doubt}", f"{row['since_period']:%Y-%m}",
        )  # fmt: skip
    console.print(table)


def _kpi_table(texts: Sequence[str], figures: Sequence[str]) -> Table:
    """A table of one line per KPI: its name, in both languages where there is room, other texts, then figures."""
    return quiet_table([*_names("指标 KPI", "KPI"), *texts], figures)


def quiet_table(texts: Sequence[str | Text], figures: Sequence[str]) -> Table:
    """A table without frame: columns of texts, which give way where it is narrow, then columns of figures."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for text in texts:
        table.add_column(text)
    for figure in figures:
        table.add_column(figure, justify="right", no_wrap=True)
    return table


def _names(zh: str, en: str) -> list[Text]:
    """A name in one cell per language: in both where the terminal is wide, else in Chinese."""
    return [_one_line(zh), _one_line(en)] if console.width >= BILINGUAL_WIDTH else [_one_line(zh)]


def _one_line(text: str) -> Text:
    return Text(text, no_wrap=True, overflow="ellipsis")


def lines(*texts: str) -> None:
    """Each text as one line, however wide the terminal is."""
    for line in texts:
        console.print(line, highlight=False, soft_wrap=True)


STATUS_WORDS = {
    "met": "达标", "near": "接近", "missed": "未达标", "undetermined": "无法判定", "no_data": "无数据",
    "not_applicable": "不适用", "too_early": "未到期", "no_target": "无目标",
}  # fmt: skip


def number(value: Any) -> str:
    """A count without decimals, an amount with its two."""
    if value is None:
        return "—"
    return f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"
