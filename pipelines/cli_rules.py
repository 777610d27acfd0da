"""The commands `warehouse steward rules …`: rules tuned as data, what a change would do, rules that never or always fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from pipelines.cli_decisions import bounds
from pipelines.cli_desk import Desk, Number, open_desk
from pipelines.cli_options import Json, progress
from pipelines.terminal import console, lines, mark_sample, number, print_json, quiet_table

if TYPE_CHECKING:
    from pipelines.stewardship.rule_change_store import RuleChanges
    from pipelines.stewardship.rule_changes import RuleChange

app = typer.Typer(no_args_is_help=True, help="规则：调整、预演、复核、撤回 / rules tuned as data.")

Note = Annotated[str, typer.Option(help="说明 / note")]
Dataset = Annotated[str | None, typer.Option(help="数据集 / dataset")]
SHOWN = 40  # figures of a preview


def _changes(desk: Desk) -> RuleChanges:
    from pipelines.stewardship.rule_change_store import RuleChanges

    return RuleChanges(desk.store, two_persons=desk.county.steward.two_persons)


@app.command("list", epilog="例 / examples:  warehouse steward rules list  ·  warehouse steward rules list --dataset grid_disputes")
def list_(dataset: Dataset = None, as_json: Json = False) -> None:
    """规则调整；给出数据集则连同可调整的规则 / changes; with a dataset its rules that may be tuned, too."""
    with open_desk() as desk:
        changes = [change for change in _changes(desk).all() if dataset in (None, change.draft.dataset)]
        rules = _tunable(dataset) if dataset else []
        if as_json:
            print_json({"is_sample": desk.county.sample, "changes": [_described(one) for one in changes], "rules": rules})
            return
        mark_sample(desk.county.sample)
        for rule in rules:
            lines(f"[bold]{rule['rule_id']}[/] {rule['severity']} · {', '.join(rule['tunable'])}", f"  {rule['zh']} / {rule['en']}")
        for change in changes:
            _tell(change)
        lines(f"{len(changes)} 项调整 / changes")


@app.command(
    epilog="例 / examples:  warehouse steward rules propose grid_disputes deaths.range --maximum 50 --from 2026-07 --reason …  ·  "
    "warehouse steward rules propose grid_events category.known_value --spelling 其它来源=other_source --from 2026-07 --reason …"
)
def propose(
    dataset: str,
    rule: str,
    from_: Annotated[str, typer.Option("--from", help="自哪个月起 YYYY-MM / first month")],
    reason: Annotated[str, typer.Option(help="理由 / reason")],
    to: Annotated[str | None, typer.Option(help="到哪个月止 YYYY-MM，缺省一直有效 / last month, default open")] = None,
    minimum: Annotated[float | None, typer.Option(help="下限 / lowest value")] = None,
    maximum: Annotated[float | None, typer.Option(help="上限 / highest value")] = None,
    spelling: Annotated[list[str] | None, typer.Option(help="增加写法 写法=取值 / a spelling, as TEXT=value")] = None,
    remove: Annotated[list[str] | None, typer.Option(help="不再允许的取值 / a value that is allowed no more")] = None,
    severity: Annotated[str | None, typer.Option(help="error | warning")] = None,
    as_json: Json = False,
) -> None:
    """提出一项调整；县里要求两人时待他人复核 / propose a change; where a county asks for two persons it waits for the other."""
    from pipelines.actor import Actor
    from pipelines.stewardship.rule_changes import RuleDraft, spellings_of

    content = {
        "minimum": minimum, "maximum": maximum, "spellings": spellings_of(spelling or []), "removed": remove or [],
        "severity": severity,
    }  # fmt: skip
    with open_desk() as desk:
        change_id = _changes(desk).propose(RuleDraft(dataset, rule, content, from_, to, reason), Actor.of_system())
        _show(desk, change_id, as_json)


@app.command(epilog="例 / example:  warehouse steward rules preview 3")
def preview(change_id: Number, as_json: Json = False) -> None:
    """预演：最近三期会退出、放入的行和会变的指标 / what it would do to the last three months: rows and figures."""
    from pipelines.stewardship.rule_preview import preview_rule

    with open_desk() as desk, progress() as tell:
        found = preview_rule(desk.home, desk.county, desk.store, _changes(desk).change(change_id), tell)
        is_sample = desk.county.sample
    if as_json:
        print_json(
            {
                "is_sample": is_sample, "change_id": change_id, "edition_id": found.edition_id, "months": found.months,
                "is_trial": found.is_trial, "rows": found.rows.to_dicts(), "figures": found.figures.to_dicts(),
            }
        )  # fmt: skip
        return
    mark_sample(is_sample)
    trial = "（这几期尚不适用，仅为试算 / a trial: it is for none of these）" if found.is_trial else ""
    lines(f"[bold]{' '.join(found.months) or '—'}[/]{trial} · 对照 against {found.edition_id}")
    table = quiet_table(["数据集\ndataset", "月份\nmonth", "报送单位\nsupplier"], ["退出的行\nrefused", "放入的行\nlet in"])
    for row in found.rows.iter_rows(named=True):
        table.add_row(row["dataset"], row["period"], row["supplier_id"], number(row["refused"]), number(row["let_in"]))
    if found.rows.height:
        console.print(table)
    for row in found.figures.head(SHOWN).iter_rows(named=True):
        lines(f"[bold]{row['unit_code']} {row['kpi_id']}[/] {row['period']:%Y-%m}  {bounds(row, '')} → {bounds(row, '_after')}")
    lines(
        f"退出 {found.refused} 行，放入 {found.let_in} 行，{found.figures.height} 项指标值会变 / "
        f"{found.refused} rows refused, {found.let_in} let in, {found.figures.height} figures would change"
    )


@app.command(epilog="例 / example:  warehouse steward rules approve 3")
def approve(change_id: Number, note: Note = "", as_json: Json = False) -> None:
    """复核通过他人提出的调整 / let somebody else's change come into force."""
    from pipelines.actor import Actor

    with open_desk() as desk:
        _changes(desk).approve(change_id, Actor.of_system(), note)
        _show(desk, change_id, as_json)


@app.command(epilog="例 / example:  warehouse steward rules refuse 3 --note 依据不足")
def refuse(change_id: Number, note: Note = "", as_json: Json = False) -> None:
    """复核不通过 / do not approve somebody else's change."""
    from pipelines.actor import Actor

    with open_desk() as desk:
        _changes(desk).refuse(change_id, Actor.of_system(), note)
        _show(desk, change_id, as_json)


@app.command(epilog="例 / example:  warehouse steward rules withdraw 3 --note 已恢复原口径")
def withdraw(change_id: Number, note: Note = "", as_json: Json = False) -> None:
    """撤回；下次运行恢复原样 / withdraw: the next run computes without it."""
    from pipelines.actor import Actor

    with open_desk() as desk:
        _changes(desk).withdraw(change_id, Actor.of_system(), note)
        _show(desk, change_id, as_json)


@app.command(epilog="例 / example:  warehouse steward rules idle --dataset grid_disputes")
def idle(dataset: Dataset = None, as_json: Json = False) -> None:
    """从未有行违反、或所有行都违反的规则（至少三期） / rules that never fail, or always, over three months at least."""
    from pipelines.stewardship.rule_standing import ALWAYS, NEVER, STANDINGS, standings

    with open_desk() as desk:
        found = standings(desk.home).drop_nulls("standing")
        if dataset is not None:
            found = found.filter(dataset=dataset)
        if as_json:
            print_json({"is_sample": desk.county.sample, "rules": found.to_dicts()})
            return
        mark_sample(desk.county.sample)
        for standing in (ALWAYS, NEVER):
            rows = found.filter(standing=standing)
            words = STANDINGS[standing]
            lines(f"[bold]{words.zh}[/] {words.en}：{rows.height}")
            for row in rows.iter_rows(named=True):
                lines(f"  {row['dataset']} {row['rule_id']} · {row['months']} 期 months · {number(row['rows_checked'])} 行 rows")


def _show(desk: Desk, change_id: int, as_json: bool) -> None:
    change = _changes(desk).change(change_id)
    if as_json:
        print_json({"is_sample": desk.county.sample, "change": _described(change)})
        return
    mark_sample(desk.county.sample)
    _tell(change)


def _tell(change: RuleChange) -> None:
    from pipelines.stewardship.proposals import STATES
    from pipelines.stewardship.rule_changes import told

    draft, state, what = change.draft, STATES[change.state], told(change.draft)
    settled = f" · {change.settled_by.name} {change.settled_at:.10}" if change.settled_by and change.settled_at else ""
    lines(
        f"[bold]{change.change_id} {state.zh}[/] {state.en} · {draft.dataset} {draft.rule_id} · "
        f"{draft.first_month} 起 on{f' {draft.last_month} 止 until' if draft.last_month else ''}",
        f"  {escape(what.zh)} / {escape(what.en)}",
        f"  {change.by.name} {change.at:.10}：{escape(draft.reason)}{settled}{f'：{escape(change.note)}' if change.note else ''}",
    )


def _tunable(dataset: str) -> list[dict[str, Any]]:
    from expectations.contract import load_contract
    from expectations.rules import rule_catalogue
    from expectations.tuning import tunable_parts

    try:
        contract = load_contract(dataset)
    except KeyError as error:
        raise typer.BadParameter(str(error.args[0])) from error
    return [
        {"rule_id": rule.id, "severity": rule.severity, "tunable": sorted(parts), "zh": rule.zh, "en": rule.en}
        for rule in rule_catalogue(contract, sample=False)
        if (parts := tunable_parts(rule))
    ]


def _described(change: RuleChange) -> dict[str, Any]:
    from pipelines.stewardship.rule_changes import told

    return {
        "change_id": change.change_id, **vars(change.draft), "state": change.state, "what": vars(told(change.draft)),
        "at": change.at, "by": change.by.name, "settled_at": change.settled_at,
        "settled_by": change.settled_by.name if change.settled_by else None, "note": change.note,
    }  # fmt: skip

