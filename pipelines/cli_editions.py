"""The commands `warehouse editions …`: what is kept, why figures changed, an edition as a DuckDB file again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from pipelines.cli_options import Json, progress
from pipelines.settings import Home, local_time
from pipelines.terminal import STATUS_WORDS, console, mark_sample, number, print_json

if TYPE_CHECKING:
    from pipelines.editions import Edition
    from pipelines.explain import Explanation

app = typer.Typer(no_args_is_help=True, help="版本：列表、比较、打开 / editions: list, compare, open.")


@app.command("list", epilog="例 / example:  warehouse editions list --json")
def list_(as_json: Json = False) -> None:
    """所有保留的版本 / every edition that is kept."""
    from pipelines.editions import list_editions

    editions = list_editions(Home.from_environment())
    if as_json:
        print_json({"editions": [_described(edition) for edition in editions]})
        return
    mark_sample(any(edition.manifest["is_sample"] for edition in editions))
    table = Table(
        "版本\nedition", "发布\npublished", "判定日\nas of", "程序\ncode", "指标值\nfigures",
        "DuckDB 文件\nDuckDB file", "当前\ncurrent",
    )  # fmt: skip
    for edition in editions:
        table.add_row(
            edition.id, local_time(edition.manifest["published_at"]), f"{edition.as_of}", edition.code_version,
            f"{edition.figures:,}", "✓" if edition.has_database else "—", "✓" if edition.is_current else "",
        )  # fmt: skip
    console.print(table)


@app.command(epilog="例 / examples:  warehouse editions diff  ·  warehouse editions diff 20260711 20260811 --limit 50")
def diff(
    older: Annotated[str | None, typer.Argument(help="较早版本，缺省为倒数第二个 / older edition, default last but one")] = None,
    newer: Annotated[str | None, typer.Argument(help="较新版本，缺省为最后一个 / newer edition, default the last")] = None,
    limit: Annotated[int, typer.Option(min=1, help="显示几个变化最大的指标值 / how many of the largest changes to show")] = 20,
    as_json: Json = False,
) -> None:
    """两个版本之间每个变化及其原因 / every change between two editions, and its causes."""
    from pipelines.editions import find_edition, last_two
    from pipelines.explain import explain
    from pipelines.explain_report import as_json as explanation_as_json
    from pipelines.explain_report import largest_changes

    home = Home.from_environment()
    if older is None:
        first, second = last_two(home)
    else:
        first = find_edition(home, older)
        second = find_edition(home, newer) if newer else last_two(home)[1]
    with progress() as on_progress:
        explanation = explain(home, first, second, on_progress)
    if as_json:
        print_json(explanation_as_json(explanation, largest_changes(first, second, explanation)))
        return
    mark_sample(bool(second.manifest["is_sample"]))
    _print_explanation(explanation, largest_changes(first, second, explanation, limit))


@app.command("open", epilog='例 / example:  duckdb -readonly "$(warehouse editions open 20260711)"')
def open_(
    edition: Annotated[str, typer.Argument(help="版本编号或其开头 / id of the edition, or how it begins")], as_json: Json = False
) -> None:
    """输出该版本 DuckDB 文件的路径，已删除的重新生成 / the path of its DuckDB file, built again where it was dropped."""
    from pipelines.editions import find_edition, open_edition

    home = Home.from_environment()
    with progress() as on_progress:
        on_progress("生成 DuckDB 文件 building the DuckDB file")
        found = find_edition(home, edition)
        path = open_edition(home, found)
    if as_json:
        print_json({"edition_id": found.id, "path": str(path)})
    else:
        typer.echo(path)


def _described(edition: Edition) -> dict[str, Any]:
    named = ("published_at", "as_of_date", "code_version", "content_hash", "is_sample")
    return {
        "edition_id": edition.id,
        **{name: edition.manifest[name] for name in named},
        "is_current": edition.is_current,
        "has_database": edition.has_database,
        "figures": edition.figures,
    }


def _print_explanation(explanation: Explanation, changes: list[dict[str, Any]]) -> None:
    from pipelines.explain_report import figures_by_cause
    from pipelines.explain_steps import CAUSES

    changed = explanation.figures.select("unit_key", "period_type", "period", "unit_basis", "kpi_id").unique().height
    by_cause = " · ".join(
        f"{CAUSES[cause].zh} {CAUSES[cause].en} {count:,}"
        for cause, count in figures_by_cause(explanation).items()
        if count
    )
    console.print(
        f"{explanation.older} → {explanation.newer}\n变化的指标值 changed figures {changed:,}"
        + (f"：{by_cause}" if by_cause else ""),
        highlight=False, soft_wrap=True,
    )  # fmt: skip
    for note in explanation.notes:
        console.print(f"[yellow]?[/] {note.zh}\n  {note.en}", highlight=False, soft_wrap=True)
    if not changes:
        return
    table = Table("指标\nKPI", "单位\nunit", "期间\nperiod", "变化\nchange", "原因（分子/分母）\ncauses, numerator/denominator")
    for change in changes:
        table.add_row(
            f"{change['kpi_zh']}\n[dim]{change['kpi_en']}[/]", change["unit_name"] or change["unit_key"],
            f"{change['period_zh']}\n[dim]{change['period_en']}[/]", _movement(change),
            "\n".join(
                f"{CAUSES[cause].zh} {CAUSES[cause].en} {_part(numerator, denominator)}"
                for cause, (numerator, denominator) in change["causes"].items()
            ),
        )  # fmt: skip
    console.print(table)
    console.print(f"全部 all: {explanation.folder}", highlight=False, soft_wrap=True)


def _movement(change: dict[str, Any]) -> str:
    """12/20 → 14/21, and below it every judgement that is another one."""
    older, newer = (
        f"{number(change[f'{side}_numerator'])}/{number(change[f'{side}_denominator'])}" for side in ("older", "newer")
    )
    return "\n".join([f"{older} → {newer}", *_rejudged(change["judgements"])])


def _rejudged(judgements: list[dict[str, Any]]) -> list[str]:
    """By target what the status was and is; a figure that got its first target, or lost its last, had or has none."""
    without: dict[str, Any] = next((judged for judged in judgements if judged["target_id"] is None), {})
    lines = []
    for judged in [judged for judged in judgements if judged["target_id"]] or judgements:
        older, newer = (judged[side] or without.get(side) for side in ("older_status", "newer_status"))
        if older != newer:
            lines.append(f"{judged['target_id'] or ''} {_status(older)} → {_status(newer)}".strip())
    return lines


def _status(status: str | None) -> str:
    return "—" if status is None else f"{STATUS_WORDS[status]} {status.replace('_', ' ')}"


def _part(numerator: Any, denominator: Any) -> str:
    if numerator or denominator:
        return f"{_signed(numerator)}/{_signed(denominator)}"
    return "仅判定 judgement only"


def _signed(value: Any) -> str:
    return f"+{number(value)}" if value > 0 else number(value)
