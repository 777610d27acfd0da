"""The commands `warehouse steward …` that decide on rows and links: made, previewed, approved, withdrawn."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from pipelines.cli_desk import Batch, Desk, Number, Reason, RowNumber, open_desk
from pipelines.cli_options import Json, parsed, progress
from pipelines.terminal import lines, mark_sample, print_json

if TYPE_CHECKING:
    import polars as pl

    from pipelines.stewardship.decisions import Decision, Draft

app = typer.Typer()

Preview = Annotated[bool, typer.Option("--preview", help="只预演影响，不作裁定 / tell what it would change, decide nothing")]
SHOWN = 40  # figures of a preview
ANSWER_DAYS = 14  # what a supplier has to answer by, unless it is said otherwise


@app.command(epilog="例 / example:  warehouse steward decisions --waiting")
def decisions(
    waiting: Annotated[bool, typer.Option("--waiting", help="只列待复核的 / only those that wait for approval")] = False,
    as_json: Json = False,
) -> None:
    """裁定及其经过：谁、何时、为何 / decisions: who, when, why."""
    from pipelines.stewardship.decision_store import Decisions

    with open_desk() as desk:
        found = [one for one in Decisions(desk.store).all() if not waiting or one.state == "proposed"]
        if as_json:
            print_json({"is_sample": desk.county.sample, "decisions": [told_decision(one) for one in found]})
            return
        mark_sample(desk.county.sample)
        lines(*(decision_line(one) for one in found), f"{len(found)} 项裁定 / decisions")


@app.command(epilog='例 / example:  warehouse steward accept 1a2b3c4d 17 --reason "查阅原始凭证属实"')
def accept(batch: Batch, row_number: RowNumber, reason: Reason, preview: Preview = False, as_json: Json = False) -> None:
    """认可：虽违反规则仍计入 / let a row count although it breaks a rule."""
    from pipelines.stewardship import settling

    with open_desk() as desk:
        draft = settling.accept(desk.view(batch, row_number), reason, is_sample=desk.county.sample)
        _decide(desk, draft, is_preview=preview, as_json=as_json)


@app.command(epilog="例 / example:  warehouse steward reject 1a2b3c4d 17 --reason 不属于本县")
def reject(batch: Batch, row_number: RowNumber, reason: Reason, preview: Preview = False, as_json: Json = False) -> None:
    """剔除：不属于这份数据 / leave a row out that does not belong."""
    from pipelines.stewardship import settling

    with open_desk() as desk:
        _decide(desk, settling.reject(desk.view(batch, row_number), reason), is_preview=preview, as_json=as_json)


@app.command(epilog="例 / example:  warehouse steward merge 1a2b3c4d 17 --into 16 --reason 重复填报")
def merge(
    batch: Batch, row_number: RowNumber, into: Annotated[int, typer.Option(help="保留的行号 / the row that stays")], reason: Reason,
    preview: Preview = False, as_json: Json = False,
) -> None:  # fmt: skip
    """并入主键相同的另一行 / merge a row into another with the same key."""
    from pipelines.stewardship import settling

    with open_desk() as desk:
        _decide(desk, settling.merge(desk.view(batch, row_number), into, reason), is_preview=preview, as_json=as_json)


@app.command(epilog="例 / example:  warehouse steward correct 1a2b3c4d 17 --set accepted_date=2026-01-05 --reason 据卷宗")
def correct(
    batch: Batch, row_number: RowNumber, reason: Reason,
    set_: Annotated[list[str], typer.Option("--set", help="列=值，可多次 / column=value, repeatable")],
    preview: Preview = False, as_json: Json = False,
) -> None:  # fmt: skip
    """就地更正不识别个人的单元格 / correct cells that identify nobody."""
    from pipelines.stewardship import settling

    cells = dict(parsed(_assignment, text, "--set") for text in set_)
    with open_desk() as desk:
        _decide(desk, settling.correct(desk.view(batch, row_number), cells, reason), is_preview=preview, as_json=as_json)


@app.command("send-back", epilog="例 / example:  warehouse steward send-back 1a2b3c4d 17 --due 2026-08-01 --reason 请核对")
def send_back(
    batch: Batch, row_number: RowNumber, reason: Reason,
    due: Annotated[str | None, typer.Option(help=f"期限 YYYY-MM-DD，缺省 {ANSWER_DAYS} 天 / due day")] = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """退回报送单位更正 / send a row back to its supplier."""
    from pipelines.stewardship import settling

    with open_desk() as desk:
        day = parsed(date.fromisoformat, due, "--due") if due else desk.today + timedelta(ANSWER_DAYS)
        _decide(desk, settling.send_back(desk.view(batch, row_number), day, desk.today, reason), as_json=as_json)


@app.command(epilog="例 / example:  warehouse steward approve 7")
def approve(number: Number, note: Annotated[str, typer.Option(help="意见 / note")] = "", as_json: Json = False) -> None:
    """复核通过他人的裁定 / approve somebody else's decision."""
    from pipelines.actor import Actor
    from pipelines.stewardship.decision_store import Decisions

    with open_desk() as desk:
        Decisions(desk.store).approve(number, Actor.of_system(), note)
        _tell(desk, number, as_json=as_json)


@app.command(epilog="例 / examples:  warehouse steward preview 7  ·  warehouse steward preview 7 --json")
def preview(number: Number, as_json: Json = False) -> None:
    """预演一项裁定：哪些指标值会变，从多少到多少 / what a decision would change: figures and bounds, before and after."""
    from pipelines.stewardship.preview import preview_decision

    with open_desk() as desk:
        with progress() as tell:
            found = preview_decision(desk.home, desk.county, desk.store, number, tell)
        _tell_changed(desk, found.figures, as_json=as_json)


@app.command(epilog="例 / example:  warehouse steward refuse 7 --reason 证据不足")
def refuse(number: Number, reason: Reason, as_json: Json = False) -> None:
    """复核不通过 / do not approve a decision."""
    from pipelines.actor import Actor
    from pipelines.stewardship.decision_store import Decisions

    with open_desk() as desk:
        Decisions(desk.store).refuse(number, Actor.of_system(), reason)
        _tell(desk, number, as_json=as_json)


@app.command(epilog="例 / example:  warehouse steward withdraw 7 --reason 误操作")
def withdraw(number: Number, reason: Reason, as_json: Json = False) -> None:
    """撤回裁定，下次运行按没有它计算 / withdraw a decision; the next run computes without it."""
    from pipelines.actor import Actor
    from pipelines.stewardship.decision_store import Decisions

    with open_desk() as desk:
        Decisions(desk.store).withdraw(number, Actor.of_system(), reason)
        _tell(desk, number, as_json=as_json)


@app.command(epilog="例 / example:  warehouse steward link 1a2b3c4d 17 9f8e7d6c 4 --same --reason 查证为同一人")
def link(
    batch: Batch, row_number: RowNumber,
    entry_batch: Annotated[str, typer.Argument(help="名册批次 / batch of the book")],
    entry_row: Annotated[int, typer.Argument(help="名册行号 / its row")],
    is_same: Annotated[bool, typer.Option("--same/--other", help="同一人，或不是 / the same person, or another")],
    reason: Reason, as_json: Json = False,
) -> None:  # fmt: skip
    """确认或否认疑似同一人（见 warehouse links --review） / confirm or refuse an uncertain link."""
    from pipelines import steward
    from pipelines.stewardship.decided_links import draft

    with open_desk() as desk:
        wanted = (desk.batch_id(batch), row_number, desk.batch_id(entry_batch), entry_row)
        names = ("batch_id", "row_number", "entry_batch_id", "entry_row_number")
        pairs = [
            pair for pair in steward.links_for_review(desk.home).iter_rows(named=True)
            if tuple(pair[name] for name in names) == wanted
        ]  # fmt: skip
        pair = pairs[0] if pairs else dict(zip(names, wanted, strict=True))
        _decide(desk, draft(desk.home, desk.store, pair, reason, is_same=is_same), as_json=as_json)


def _assignment(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise ValueError(f"{text!r}: 列=值 / column=value")
    return name, value


def decision_line(one: Decision) -> str:
    from pipelines.stewardship.decisions import KINDS
    from pipelines.stewardship.proposals import STATES

    row, kind, state = one.draft.row, KINDS[one.draft.kind], STATES[one.state]
    settled = f" · {one.settled_at[:10]} {escape(one.settled_by.name)} {escape(one.note)}" if one.settled_at and one.settled_by else ""
    return (
        f"{one.decision_id}. {kind.zh} {kind.en} · {state.zh} {state.en} · {row.slot.supplier_id} {row.slot.dataset} "
        f"{row.slot.period} {row.batch_id[:8]} {row.row_number} · {one.at[:10]} {escape(one.by.name)}: {escape(one.draft.reason)}{settled}"
    )


def told_decision(one: Decision) -> dict[str, Any]:
    row = one.draft.row
    return {
        "decision_id": one.decision_id, "kind": one.draft.kind, "state": one.state, **vars(row.slot), "batch_id": row.batch_id,
        "row_number": row.row_number, "content": dict(one.draft.content), "reason": one.draft.reason, "at": one.at,
        "by": one.by.name, "settled_at": one.settled_at, "settled_by": one.settled_by.name if one.settled_by else None,
        "note": one.note,
    }  # fmt: skip


def _decide(desk: Desk, draft: Draft, *, is_preview: bool = False, as_json: bool = False) -> None:
    """Makes the decision and tells it; or tells what it would change."""
    if is_preview:
        _preview(desk, draft, as_json=as_json)
        return
    from pipelines.actor import Actor
    from pipelines.stewardship.decision_store import Decisions

    decisions = Decisions(desk.store, two_persons=desk.county.steward.two_persons)
    (number,) = decisions.make([draft], Actor.of_system())
    _tell(desk, number, as_json=as_json)


def _tell(desk: Desk, number: int, *, as_json: bool) -> None:
    """Tells a decision as it is now, and what comes next."""
    from pipelines.stewardship.decision_store import Decisions

    one = Decisions(desk.store).decision(number)
    if as_json:
        print_json({"is_sample": desk.county.sample, "decision": told_decision(one)})
        return
    lines(decision_line(one))
    match one.state:
        case "proposed":
            lines(f"待他人复核 / waits for somebody else: warehouse steward approve {number}")
        case "in_force" | "withdrawn":
            lines("下次运行时计入 / the next run counts it: warehouse run")


def _preview(desk: Desk, draft: Draft, *, as_json: bool) -> None:
    """Tells what the decision would change, and makes none."""
    from pipelines.stewardship.preview import preview

    with progress() as tell:
        changed = preview(desk.home, desk.county, desk.store, [draft], tell)
    _tell_changed(desk, changed, as_json=as_json)


def _tell_changed(desk: Desk, changed: pl.DataFrame, *, as_json: bool) -> None:
    if as_json:
        print_json({"is_sample": desk.county.sample, "figures": changed.to_dicts()})
        return
    mark_sample(desk.county.sample)
    for row in changed.head(SHOWN).iter_rows(named=True):
        lines(
            f"[bold]{row['unit_code']} {row['kpi_id']}[/] {row['period_type']} {row['period']:%Y-%m}",
            f"  {bounds(row, '')} → {bounds(row, '_after')}",
        )
    lines(f"{changed.height} 项指标值会变 / figures would change{' …' if changed.height > SHOWN else ''}")


def bounds(row: dict[str, Any], which: str) -> str:
    """A figure with its bounds and verdict; `which`: '' or '_after'."""
    low, value, high = (row[name + which] for name in ("value_low", "value", "value_high"))
    told = ["—" if one is None else f"{one:.2f}" for one in (value, low, high)]
    verdict = " ".join(filter(None, (row["status" + which], row["certainty" + which])))
    return f"{told[0]} ({told[1]} – {told[2]}) {verdict}"
