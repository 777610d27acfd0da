"""The commands `warehouse steward …`: the work list, rows, decisions on them, tickets, correction sheets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from pipelines.cli_options import Json, parsed
from pipelines.settings import SHANGHAI, Home
from pipelines.terminal import console, lines, mark_sample, print_json, quiet_table

if TYPE_CHECKING:
    import polars as pl

    from pipelines.county import County
    from pipelines.stewardship.decisions import Decision, Draft
    from pipelines.stewardship.row_view import RowView
    from pipelines.stewardship.tickets import Ticket
    from pipelines.stewardship.work_list import WorkList
    from pipelines.store import Store

app = typer.Typer(no_args_is_help=True, help="数据管理员：工作清单、问题行、裁定、工单、更正表 / the steward's work.")

Batch = Annotated[str, typer.Argument(help="批次 / batch, as the list shows it")]
Preview = Annotated[bool, typer.Option("--preview", help="只预演影响，不作裁定 / tell what it would change, decide nothing")]
RowNumber = Annotated[int, typer.Argument(help="行号 / row number")]
Reason = Annotated[str, typer.Option(help="理由 / reason")]
Number = Annotated[int, typer.Argument(help="编号 / number")]
SHOWN = 40  # figures of a preview
ANSWER_DAYS = 14  # what a supplier has to answer by, unless it is said otherwise


@dataclass(frozen=True)
class _Desk:
    """What every command needs: the store of a data root, its county, its open rows and what hangs on them."""

    home: Home
    county: County
    store: Store
    today: date

    @cached_property
    def rows(self) -> pl.DataFrame:
        from pipelines.stewardship.open_rows import open_rows

        return open_rows(self.home, self.store)

    def work(self, period_type: str = "month") -> WorkList:
        from pipelines.stewardship.work_list import work_list

        return work_list(self.home.pointer.resolve(), self.county, self.rows, period_type=period_type)

    def view(self, batch: str, row_number: int) -> RowView:
        from pipelines.stewardship.row_view import row_view

        return row_view(self.home, self.store, self.county, self.rows, self.batch_id(batch), row_number)

    def batch_id(self, start: str) -> str:
        """The current batch whose id begins so, if only one does."""
        found = [str(row["batch_id"]) for row in self.store.current_batches() if str(row["batch_id"]).startswith(start)]
        return found[0] if len(found) == 1 else start

    def decide(self, draft: Draft, *, is_preview: bool = False) -> None:
        """Makes the decision and says what comes next; or tells what it would change."""
        if is_preview:
            self.preview(draft)
            return
        from pipelines.actor import Actor
        from pipelines.stewardship.decision_store import Decisions

        decisions = Decisions(self.store, two_persons=self.county.steward.two_persons)
        (number,) = decisions.make([draft], Actor.of_system())
        if decisions.decision(number).is_in_force:
            lines(f"裁定 {number} 已生效，下次运行时计入 / decision {number} is in force; the next run counts it")
        else:
            lines(f"裁定 {number} 待他人复核 / decision {number} waits for somebody else's approval")


    def preview(self, draft: Draft) -> None:
        """Tells what the decision would change, and makes none."""
        from pipelines.cli_options import progress
        from pipelines.stewardship.preview import preview

        with progress() as tell:
            changed = preview(self.home, self.county, self.store, [draft], tell)
        mark_sample(self.county.sample)
        for row in changed.head(SHOWN).iter_rows(named=True):
            lines(
                f"[bold]{row['unit_code']} {row['kpi_id']}[/] {row['period_type']} {row['period']:%Y-%m}",
                f"  {_bounds(row, '')} → {_bounds(row, '_after')}",
            )
        lines(f"{changed.height} 项指标值会变 / figures would change{' …' if changed.height > SHOWN else ''}")


@contextmanager
def _desk() -> Iterator[_Desk]:
    from pipelines.county import load_county
    from pipelines.store import Store

    home = Home.from_environment()
    county = load_county(home.county_file)
    store = Store.of(home)
    try:
        yield _Desk(home, county, store, datetime.now(SHANGHAI).date())
    finally:
        store.close()


@app.command("next", epilog="例 / examples:  warehouse steward next  ·  warehouse steward next --period-type ytd --json")
def next_(
    period_type: Annotated[str, typer.Option(help="month | quarter | year | ytd")] = "month", as_json: Json = False
) -> None:
    """先处理什么：能确定最多判定的行 / what to settle first: the rows on which most verdicts hang."""
    with _desk() as desk:
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

    with _desk() as desk:
        hanging = desk.work().verdicts_by_ticket()
        tickets = [
            one
            for one in Tickets(desk.store).all()
            if (one.is_open or all_) and supplier in (None, one.subject.supplier_id) and dataset in (None, one.subject.dataset)
        ]
        tickets.sort(key=lambda one: (not one.is_open, -hanging.get(one.subject, 0), -one.rows, one.ticket_id))
        if as_json:
            told = [_told_ticket(one, hanging.get(one.subject, 0)) for one in tickets]
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
    with _desk() as desk:
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
    with _desk() as desk:
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
            lines(_decision_line(decision))


@app.command(epilog="例 / example:  warehouse steward decisions --waiting")
def decisions(
    waiting: Annotated[bool, typer.Option("--waiting", help="只列待复核的 / only those that wait for approval")] = False,
    as_json: Json = False,
) -> None:
    """裁定及其经过：谁、何时、为何 / decisions: who, when, why."""
    from pipelines.stewardship.decision_store import Decisions

    with _desk() as desk:
        found = [one for one in Decisions(desk.store).all() if not waiting or one.state == "proposed"]
        if as_json:
            print_json({"is_sample": desk.county.sample, "decisions": [_told_decision(one) for one in found]})
            return
        mark_sample(desk.county.sample)
        lines(*(_decision_line(one) for one in found), f"{len(found)} 项裁定 / decisions")


@app.command(epilog='例 / example:  warehouse steward accept 1a2b3c4d 17 --reason "查阅原始凭证属实"')
def accept(batch: Batch, row_number: RowNumber, reason: Reason, preview: Preview = False) -> None:
    """认可：虽违反规则仍计入 / let a row count although it breaks a rule."""
    from pipelines.stewardship import settling

    with _desk() as desk:
        draft = settling.accept(desk.view(batch, row_number), reason, is_sample=desk.county.sample)
        desk.decide(draft, is_preview=preview)


@app.command(epilog="例 / example:  warehouse steward reject 1a2b3c4d 17 --reason 不属于本县")
def reject(batch: Batch, row_number: RowNumber, reason: Reason, preview: Preview = False) -> None:
    """剔除：不属于这份数据 / leave a row out that does not belong."""
    from pipelines.stewardship import settling

    with _desk() as desk:
        desk.decide(settling.reject(desk.view(batch, row_number), reason), is_preview=preview)


@app.command(epilog="例 / example:  warehouse steward merge 1a2b3c4d 17 --into 16 --reason 重复填报")
def merge(
    batch: Batch, row_number: RowNumber, into: Annotated[int, typer.Option(help="保留的行号 / the row that stays")], reason: Reason,
    preview: Preview = False,
) -> None:  # fmt: skip
    """并入主键相同的另一行 / merge a row into another with the same key."""
    from pipelines.stewardship import settling

    with _desk() as desk:
        desk.decide(settling.merge(desk.view(batch, row_number), into, reason), is_preview=preview)


@app.command(epilog="例 / example:  warehouse steward correct 1a2b3c4d 17 --set accepted_date=2026-01-05 --reason 据卷宗")
def correct(
    batch: Batch, row_number: RowNumber, reason: Reason,
    set_: Annotated[list[str], typer.Option("--set", help="列=值，可多次 / column=value, repeatable")],
    preview: Preview = False,
) -> None:  # fmt: skip
    """就地更正不识别个人的单元格 / correct cells that identify nobody."""
    from pipelines.stewardship import settling

    cells = dict(parsed(_assignment, text, "--set") for text in set_)
    with _desk() as desk:
        desk.decide(settling.correct(desk.view(batch, row_number), cells, reason), is_preview=preview)


@app.command("send-back", epilog="例 / example:  warehouse steward send-back 1a2b3c4d 17 --due 2026-08-01 --reason 请核对")
def send_back(
    batch: Batch, row_number: RowNumber, reason: Reason,
    due: Annotated[str | None, typer.Option(help=f"期限 YYYY-MM-DD，缺省 {ANSWER_DAYS} 天 / due day")] = None,
) -> None:  # fmt: skip
    """退回报送单位更正 / send a row back to its supplier."""
    from pipelines.stewardship import settling

    with _desk() as desk:
        day = parsed(date.fromisoformat, due, "--due") if due else desk.today + timedelta(ANSWER_DAYS)
        desk.decide(settling.send_back(desk.view(batch, row_number), day, desk.today, reason))


@app.command(epilog="例 / example:  warehouse steward approve 7")
def approve(number: Number, note: Annotated[str, typer.Option(help="意见 / note")] = "") -> None:
    """复核通过他人的裁定 / approve somebody else's decision."""
    from pipelines.actor import Actor
    from pipelines.stewardship.decision_store import Decisions

    with _desk() as desk:
        Decisions(desk.store).approve(number, Actor.of_system(), note)


@app.command(epilog="例 / example:  warehouse steward refuse 7 --reason 证据不足")
def refuse(number: Number, reason: Reason) -> None:
    """复核不通过 / do not approve a decision."""
    from pipelines.actor import Actor
    from pipelines.stewardship.decision_store import Decisions

    with _desk() as desk:
        Decisions(desk.store).refuse(number, Actor.of_system(), reason)


@app.command(epilog="例 / example:  warehouse steward withdraw 7 --reason 误操作")
def withdraw(number: Number, reason: Reason) -> None:
    """撤回裁定，下次运行按没有它计算 / withdraw a decision; the next run computes without it."""
    from pipelines.actor import Actor
    from pipelines.stewardship.decision_store import Decisions

    with _desk() as desk:
        Decisions(desk.store).withdraw(number, Actor.of_system(), reason)


@app.command(epilog="例 / example:  warehouse steward assign 3 --to 王工 --due 2026-08-01")
def assign(
    number: Number, to: Annotated[str, typer.Option(help="承办人 / who")],
    due: Annotated[str | None, typer.Option(help="期限 YYYY-MM-DD / due day")] = None,
    note: Annotated[str, typer.Option(help="备注 / note")] = "",
) -> None:  # fmt: skip
    """指定工单的承办人和期限 / say who sees to a ticket, and until when."""
    from pipelines.actor import Actor
    from pipelines.stewardship.tickets import Tickets

    with _desk() as desk:
        day = parsed(date.fromisoformat, due, "--due") if due else None
        Tickets(desk.store).assign(number, Actor.of_system(), desk.today, assignee=to, due=day, note=note)


@app.command(epilog="例 / example:  warehouse steward sheet county_police --to 更正表")
def sheet(
    supplier: Annotated[str, typer.Argument(help="报送单位 / supplier")],
    to: Annotated[Path, typer.Option(help="写到哪个文件夹 / folder to write to")] = Path(),
    all_: Annotated[bool, typer.Option("--all", help="含未退回的行 / also rows that were not sent back")] = False,
) -> None:
    """更正表：请报送单位整行重填退回的行 / correction sheets for the rows that were sent back, a workbook a month."""
    from pipelines.stewardship.correction_sheet import by_slot, sheet_name, write_sheet
    from pipelines.stewardship.row_view import row_views

    with _desk() as desk:
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
        for slot, of_slot in by_slot(wanted).items():
            (to / sheet_name(slot)).write_bytes(write_sheet(of_slot, is_sample=desk.county.sample))
            lines(f"{sheet_name(slot)}: {len(of_slot)} 行 rows → landing/{slot.supplier_id}/{slot.dataset}/{slot.period}/")
        if not wanted:
            lines("没有退回的行 / no row was sent back")


def _bounds(row: dict[str, Any], which: str) -> str:
    low, value, high = (row[name + which] for name in ("value_low", "value", "value_high"))
    told = ["—" if one is None else f"{one:.2f}" for one in (value, low, high)]
    verdict = " ".join(filter(None, (row["status" + which], row["certainty" + which])))
    return f"{told[0]} ({told[1]} – {told[2]}) {verdict}"


@app.command(epilog="例 / example:  warehouse steward link 1a2b3c4d 17 9f8e7d6c 4 --same --reason 查证为同一人")
def link(
    batch: Batch, row_number: RowNumber,
    entry_batch: Annotated[str, typer.Argument(help="名册批次 / batch of the book")],
    entry_row: Annotated[int, typer.Argument(help="名册行号 / its row")],
    is_same: Annotated[bool, typer.Option("--same/--other", help="同一人，或不是 / the same person, or another")],
    reason: Reason,
) -> None:  # fmt: skip
    """确认或否认疑似同一人（见 warehouse links --review） / confirm or refuse an uncertain link."""
    from pipelines import steward
    from pipelines.stewardship.decided_links import draft

    with _desk() as desk:
        wanted = (desk.batch_id(batch), row_number, desk.batch_id(entry_batch), entry_row)
        names = ("batch_id", "row_number", "entry_batch_id", "entry_row_number")
        pairs = [
            pair for pair in steward.links_for_review(desk.home).iter_rows(named=True)
            if tuple(pair[name] for name in names) == wanted
        ]  # fmt: skip
        pair = pairs[0] if pairs else dict(zip(names, wanted, strict=True))
        desk.decide(draft(desk.home, desk.store, pair, reason, is_same=is_same))


def _is_sent_back(view: RowView) -> bool:
    return view.open_decision is not None and view.open_decision.draft.kind == "send_back"


def _rows_of(desk: _Desk, ticket_id: int) -> pl.DataFrame:
    import polars as pl

    from pipelines.stewardship.tickets import Tickets

    subject = Tickets(desk.store).ticket(ticket_id).subject
    return desk.rows.filter(
        pl.col("supplier_id") == subject.supplier_id, pl.col("dataset") == subject.dataset,
        pl.col("rules").list.contains(subject.rule_id),
    )  # fmt: skip


def _note_view(desk: _Desk, view: RowView) -> None:
    from datetime import UTC

    from pipelines import audit_log
    from pipelines.actor import Actor

    with desk.store.transaction() as connection:
        subject = f"{view.row.batch_id} {view.row.row_number}"
        audit_log.record(connection, datetime.now(UTC), Actor.of_system(), "row_viewed", subject)


def _assignment(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise ValueError(f"{text!r}: 列=值 / column=value")
    return name, value


def _decision_line(one: Decision) -> str:
    from pipelines.stewardship.decisions import KINDS, STATES

    row, kind, state = one.draft.row, KINDS[one.draft.kind], STATES[one.state]
    settled = f" · {one.settled_at[:10]} {escape(one.settled_by.name)} {escape(one.note)}" if one.settled_at and one.settled_by else ""
    return (
        f"{one.decision_id}. {kind.zh} {kind.en} · {state.zh} {state.en} · {row.slot.supplier_id} {row.slot.dataset} "
        f"{row.slot.period} {row.batch_id[:8]} {row.row_number} · {one.at[:10]} {escape(one.by.name)}: {escape(one.draft.reason)}{settled}"
    )


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


def _told_ticket(one: Ticket, verdicts: int) -> dict[str, Any]:
    return {
        "ticket_id": one.ticket_id, **vars(one.subject), "is_open": one.is_open, "rows": one.rows, "verdicts": verdicts,
        "opened_at": one.opened_at, "closed_at": one.closed_at, "assignee": one.assignee, "due": one.due,
    }  # fmt: skip


def _told_row(view: RowView) -> dict[str, Any]:
    return {
        **vars(view.row.slot), "batch_id": view.row.batch_id, "row_number": view.row.row_number, "file_name": view.file_name,
        "cells": {cell.column.name: cell.shown for cell in view.cells},
        "broken": [{"rule_id": one.rule.id, "zh": one.rule.zh, "en": one.rule.en} for one in view.broken],
        "decisions": [_told_decision(one) for one in view.decisions],
    }  # fmt: skip


def _told_decision(one: Decision) -> dict[str, Any]:
    row = one.draft.row
    return {
        "decision_id": one.decision_id, "kind": one.draft.kind, "state": one.state, **vars(row.slot), "batch_id": row.batch_id,
        "row_number": row.row_number, "content": dict(one.draft.content), "reason": one.draft.reason, "at": one.at,
        "by": one.by.name, "settled_at": one.settled_at, "settled_by": one.settled_by.name if one.settled_by else None,
        "note": one.note,
    }  # fmt: skip


__all__ = ["app"]
