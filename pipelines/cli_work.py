"""The commands `warehouse steward …`: the work list, rows, tickets, correction sheets."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from pipelines.cli_decisions import app as decisions_app
from pipelines.cli_decisions import decision_line, told_decision
from pipelines.cli_desk import Batch, Desk, Number, PeriodType, RowNumber, open_desk
from pipelines.cli_options import Json, parsed
from pipelines.cli_rules import app as rules_app
from pipelines.terminal import console, lines, mark_sample, print_json, quiet_table

if TYPE_CHECKING:
    import polars as pl

    from pipelines.stewardship.row_view import RowView
    from pipelines.stewardship.tickets import Ticket
    from pipelines.stewardship.work_list import WorkList

app = typer.Typer(no_args_is_help=True, help="数据管理员：工作清单、问题行、裁定、工单、更正表 / the steward's work.")
app.add_typer(decisions_app)
app.add_typer(rules_app, name="rules")

@app.command("next", epilog="例 / examples:  warehouse steward next  ·  warehouse steward next --period-type ytd --json")
def next_(period_type: PeriodType = "month", as_json: Json = False) -> None:
    """先处理什么：能确定最多判定的行 / what to settle first: the rows on which most verdicts hang."""
    with open_desk() as desk:
        work = desk.work(period_type)
        told = [_told_bundle(work, place) for place in range(len(work.bundles))]
        if as_json:
            print_json({"is_sample": desk.county.sample, "open_rows": work.rows.height, "steps": told})
            return
        mark_sample(desk.county.sample)
        for place, step in enumerate(told, start=1):
            lines(
                f"[bold]{place}. 处理这 {len(step['rows'])} 行，{step['decides']} 项判定即可确定[/] / "
                f"settle these {len(step['rows'])} rows and {step['decides']} verdicts are decided",
                f"   {'、'.join(step['kpis'][:4])}{' …' if len(step['kpis']) > 4 else ''}",
                *(f"   {row['supplier_id']} {row['dataset']} {row['period']} {row['batch_id'][:8]} {row['row_number']}"
                  for row in step["rows"][:5]),
            )  # fmt: skip
        waiting = work.verdicts.height
        lines(f"{work.rows.height} 行待处理，{waiting} 项判定因此未定 / rows to settle; so many verdicts hang on them: {waiting}")


@app.command("list", epilog="例 / examples:  warehouse steward list  ·  warehouse steward list --supplier county_police --all")
def list_(
    supplier: Annotated[str | None, typer.Option(help="报送单位 / supplier")] = None,
    dataset: Annotated[str | None, typer.Option(help="数据集 / dataset")] = None,
    all_: Annotated[bool, typer.Option("--all", help="含已消除 / with those that have closed")] = False,
    as_json: Json = False,
) -> None:
    """工单：报送单位 × 数据集 × 规则 / tickets, those on which most verdicts hang first."""
    from pipelines.stewardship.tickets import Tickets

    with open_desk() as desk:
        hanging = desk.work().verdicts_by_ticket()
        tickets = [
            one
            for one in Tickets(desk.store).all()
            if (one.is_open or all_) and supplier in (None, one.subject.supplier_id) and dataset in (None, one.subject.dataset)
        ]
        tickets.sort(key=lambda one: (not one.is_open, -hanging.get(one.subject, 0), -one.rows, one.ticket_id))
        if as_json:
            told = [_told_ticket(one) | {"verdicts": hanging.get(one.subject, 0)} for one in tickets]
            print_json({"is_sample": desk.county.sample, "tickets": told})
            return
        mark_sample(desk.county.sample)
        table = quiet_table(
            ["报送单位\nsupplier", "数据集 规则\ndataset, rule"],
            ["编号\nno.", "行\nrows", "判定\nverdicts", "自\nsince", "承办\nassignee", "期限\ndue"],
        )
        for one in tickets:
            table.add_row(
                one.subject.supplier_id, f"{one.subject.dataset} {one.subject.rule_id}", str(one.ticket_id), str(one.rows),
                str(hanging.get(one.subject, 0)), one.opened_at[:10], escape(one.assignee),
                f"[bold red]{one.due}[/]" if one.is_overdue(desk.today) else str(one.due or ""),
            )  # fmt: skip
        console.print(table)
        lines(f"{len(tickets)} 个工单 / tickets")


@app.command(epilog="例 / example:  warehouse steward rows --ticket 3")
def rows(ticket: Annotated[int, typer.Option(help="工单编号 / ticket")], as_json: Json = False) -> None:
    """一个工单的行 / the rows of a ticket: batch, line, rules."""
    with open_desk() as desk:
        found = _rows_of(desk, ticket)
        if as_json:
            print_json({"is_sample": desk.county.sample, "rows": found.to_dicts()})
            return
        mark_sample(desk.county.sample)
        table = quiet_table(["月份\nmonth", "规则\nrules", "社区\ncommunity"], ["批次\nbatch", "行\nrow"])
        for row in found.iter_rows(named=True):
            table.add_row(
                f"{row['period']:%Y-%m}", " ".join(row["rules"]), row["community_code"] or "—", row["batch_id"][:8],
                str(row["row_number"]),
            )  # fmt: skip
        console.print(table)


@app.command(epilog="例 / example:  warehouse steward row 1a2b3c4d 17")
def row(batch: Batch, row_number: RowNumber, as_json: Json = False) -> None:
    """一行：所在文件、内容（识别个人的已遮盖）、违反的规则、已作的裁定 / a row, with what identifies people masked."""
    with open_desk() as desk:
        view = desk.view(batch, row_number)
        _note_view(desk, view)
        if as_json:
            print_json({"is_sample": desk.county.sample, **_told_row(view)})
            return
        mark_sample(desk.county.sample)
        slot = view.row.slot
        lines(f"[bold]{slot.supplier_id} {slot.dataset} {slot.period}[/] {escape(view.file_name)} · 第 {row_number} 行 line")
        for cell in view.cells:
            mark = "[bold red]✗[/] " if cell.is_doubted else "  "
            finding = f" — {cell.finding.zh} / {cell.finding.en}" if cell.finding else ""
            lines(f"{mark}{cell.column.title_zh} {cell.column.name}: {escape(cell.shown) or '—'}{finding}")
        for one in view.broken:
            lines(f"[bold red]✗[/] {one.rule.id}: {one.rule.zh} / {one.rule.en}")
        for decision in view.decisions:
            lines(decision_line(decision))


@app.command(epilog="例 / example:  warehouse steward assign 3 --to 王工 --due 2026-08-01")
def assign(
    number: Number, to: Annotated[str, typer.Option(help="承办人 / who")],
    due: Annotated[str | None, typer.Option(help="期限 YYYY-MM-DD / due day")] = None,
    note: Annotated[str, typer.Option(help="备注 / note")] = "",
    as_json: Json = False,
) -> None:  # fmt: skip
    """指定工单的承办人和期限 / say who sees to a ticket, and until when."""
    from pipelines.actor import Actor
    from pipelines.stewardship.tickets import Tickets

    with open_desk() as desk:
        day = parsed(date.fromisoformat, due, "--due") if due else None
        tickets = Tickets(desk.store)
        tickets.assign(number, Actor.of_system(), desk.today, assignee=to, due=day, note=note)
        one = tickets.ticket(number)
        if as_json:
            print_json({"is_sample": desk.county.sample, "ticket": _told_ticket(one)})
            return
        lines(f"工单 ticket {number} → {escape(one.assignee)}{f' · {one.due}' if one.due else ''}")


@app.command(epilog="例 / example:  warehouse steward sheet county_police --to 更正表")
def sheet(
    supplier: Annotated[str, typer.Argument(help="报送单位 / supplier")],
    to: Annotated[Path, typer.Option(help="写到哪个文件夹 / folder to write to")] = Path(),
    all_: Annotated[bool, typer.Option("--all", help="含未退回的行 / also rows that were not sent back")] = False,
    as_json: Json = False,
) -> None:
    """更正表：请报送单位整行重填退回的行 / correction sheets for the rows that were sent back, a workbook a month."""
    from pipelines.stewardship.correction_sheet import by_slot, sheet_name, write_sheet
    from pipelines.stewardship.row_view import row_views

    with open_desk() as desk:
        own = desk.rows.filter(supplier_id=supplier)
        views = [
            view
            for (batch_id,), of_batch in own.partition_by("batch_id", as_dict=True, maintain_order=True).items()
            for view in row_views(
                desk.home, desk.store, desk.county, desk.rows, str(batch_id), of_batch["row_number"].to_list()
            )
        ]
        wanted = [view for view in views if all_ or _is_sent_back(view)]
        to.mkdir(parents=True, exist_ok=True)
        sheets = by_slot(wanted)
        for slot, of_slot in sheets.items():
            (to / sheet_name(slot)).write_bytes(write_sheet(of_slot, is_sample=desk.county.sample))
        if as_json:
            told = [{**vars(slot), "file": sheet_name(slot), "rows": len(of_slot)} for slot, of_slot in sheets.items()]
            print_json({"is_sample": desk.county.sample, "sheets": told})
            return
        for slot, of_slot in sheets.items():
            lines(f"{sheet_name(slot)}: {len(of_slot)} 行 rows → landing/{slot.supplier_id}/{slot.dataset}/{slot.period}/")
        if not wanted:
            lines("没有退回的行 / no row was sent back")


def _is_sent_back(view: RowView) -> bool:
    return view.open_decision is not None and view.open_decision.draft.kind == "send_back"


def _rows_of(desk: Desk, ticket_id: int) -> pl.DataFrame:
    import polars as pl

    from pipelines.stewardship.tickets import Tickets

    subject = Tickets(desk.store).ticket(ticket_id).subject
    return desk.rows.filter(
        pl.col("supplier_id") == subject.supplier_id, pl.col("dataset") == subject.dataset,
        pl.col("rules").list.contains(subject.rule_id),
    )  # fmt: skip


def _note_view(desk: Desk, view: RowView) -> None:
    from datetime import UTC

    from pipelines import audit_log
    from pipelines.actor import Actor

    with desk.store.transaction() as connection:
        subject = f"{view.row.batch_id} {view.row.row_number}"
        audit_log.record(connection, datetime.now(UTC), Actor.of_system(), "row_viewed", subject)


def _told_bundle(work: WorkList, place: int) -> dict[str, Any]:
    import polars as pl

    bundle = work.bundles[place]
    decided = work.verdicts.filter(pl.col("verdict_id").is_in(bundle.verdicts))
    shown = work.rows.filter(pl.col("row_id").is_in(bundle.rows))
    return {
        "decides": len(bundle.verdicts),
        "units": decided["unit_key"].n_unique(),
        "kpis": decided["kpi_id"].unique(maintain_order=True).to_list(),
        "rows": shown.with_columns(pl.col("period").dt.strftime("%Y-%m"))
        .select("supplier_id", "dataset", "period", "batch_id", "row_number", "rules").to_dicts(),
    }


def _told_ticket(one: Ticket) -> dict[str, Any]:
    return {
        "ticket_id": one.ticket_id, **vars(one.subject), "is_open": one.is_open, "rows": one.rows,
        "opened_at": one.opened_at, "closed_at": one.closed_at, "assignee": one.assignee, "due": one.due,
    }  # fmt: skip


def _told_row(view: RowView) -> dict[str, Any]:
    return {
        **vars(view.row.slot), "batch_id": view.row.batch_id, "row_number": view.row.row_number, "file_name": view.file_name,
        "cells": {cell.column.name: cell.shown for cell in view.cells},
        "broken": [{"rule_id": one.rule.id, "zh": one.rule.zh, "en": one.rule.en} for one in view.broken],
        "decisions": [told_decision(one) for one in view.decisions],
    }  # fmt: skip


__all__ = ["app"]
