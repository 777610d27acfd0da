"""The commands `warehouse alerts …`: what somebody has to be told of, who is told, and sending it."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import typer
from rich.markup import escape

from pipelines.cli_options import Json, parsed
from pipelines.opened import opened
from pipelines.settings import local_time
from pipelines.terminal import console, errors, lines, mark_sample, print_json, quiet_table

app = typer.Typer(no_args_is_help=True, help="告警：清单、查找、发送、确认 / alerts: list, look, send, acknowledge.")

AsOf = Annotated[str | None, typer.Option(help="按这一天查找 YYYY-MM-DD，缺省为今天 / the day of the look, default today")]


@app.command("list", epilog="例 / examples:  warehouse alerts list --open  ·  warehouse alerts list --json")
def list_(
    only_open: Annotated[bool, typer.Option("--open", help="只列未结的 / open ones only")] = False,
    last: Annotated[int, typer.Option(min=1, help="已结束的最近多少条 / how many of the latest that ended")] = 20,
    as_json: Json = False,
) -> None:
    """告警与告知对象，最重的在前 / alerts and who is told of each, the worst first."""
    from pipelines.alert_store import Alerts, Outbox
    from pipelines.alert_watch import audience_of
    from pipelines.alert_webhook import as_json as alert_as_json
    from pipelines.alerts import worst_first

    with opened() as (_, county, store):
        alerts, audience, waiting = Alerts(store), audience_of(county, store), Outbox(store).waiting()
        found = worst_first(alerts.all(is_open=True))
        found += [] if only_open else alerts.all(is_open=False, last=last)
    readers = {one.number: [account.name for account in audience.readers(one.cause)] for one in found}
    if as_json:
        told = [{**alert_as_json(one), "readers": readers[one.number]} for one in found]
        print_json({"is_sample": county.sample, "alerts": told, "nobody_is": audience.vacant, "waiting": waiting})
        return
    mark_sample(county.sample)
    table = quiet_table(["告警\nalert", "告知\nwho is told"], ["编号\nno.", "自\nsince", "状态\nstate"])
    for one in found:
        state = "已结束 ended" if not one.is_open else f"已确认 {one.acknowledged_by}" if one.acknowledged_at else "[red]未结 open[/]"
        told_to = ", ".join(readers[one.number]) or "[red]无人 nobody[/]"
        said = f"{escape(one.cause.said.zh)}\n[dim]{escape(one.cause.said.en)}[/]"
        table.add_row(said, told_to, str(one.number), one.cause.since[:10], state)
    console.print(table)
    for name in audience.vacant:
        errors.print(f"[yellow]?[/] 没有 {name} 用户，由管理员代收 / nobody is {name}: administrators are told instead", highlight=False)
    for box in waiting:
        why = f" · {box['error']} × {box['attempts']}" if box["error"] else ""
        errors.print(f"[yellow]?[/] 待发 waiting: {box['channel']} {box['recipient']} {box['alerts']} · {local_time(box['due_at'])}{why}", highlight=False)


@app.command(epilog="例 / examples:  warehouse alerts check  ·  warehouse alerts check --as-of 2026-07-06")
def check(as_of: AsOf = None, as_json: Json = False) -> None:
    """查找缺报、中断、逾期等，发出或结束告警 / looks for causes, raises and ends alerts; each run does so too."""
    from datetime import datetime

    from pipelines.alert_causes import Look
    from pipelines.alert_watch import check as look_for
    from pipelines.alert_watch import is_running
    from pipelines.settings import SHANGHAI

    day = parsed(date.fromisoformat, as_of, "--as-of") if as_of else datetime.now(SHANGHAI).date()
    with opened() as (home, county, store):
        settled = look_for(Look(home, county, store, day, is_running(home)))
    if as_json:
        print_json(vars(settled))
        return
    lines(
        f"[green]✓[/] 新 raised {len(settled.raised)} · 加重 worse {len(settled.worse)} · 结束 ended {len(settled.resolved)}",
        "  发送 to send: warehouse alerts send",
    )


@app.command(epilog="例 / example:  warehouse alerts send")
def send(as_json: Json = False) -> None:
    """发送到期的邮件和网络钩子 / sends what is due by mail and webhook; runs and `warehouse serve` do so too."""
    from pipelines.alert_sending import send as send_due

    with opened() as (home, county, store):
        sent = send_due(home, county, store)
    if as_json:
        failed = [{**vars(box), "error": error} for box, error in sent.failed.items()]
        print_json({"sent": [vars(box) for box in sent.sent], "failed": failed})
    else:
        lines(f"[green]✓[/] 已发 sent {len(sent.sent)}")
        for box, error in sent.failed.items():
            errors.print(f"[red]✗[/] {box.channel} {box.recipient}: {error}", highlight=False)
    if sent.failed:
        raise typer.Exit(1)


@app.command(epilog="例 / examples:  warehouse alerts test --to zhaofx  ·  warehouse alerts test --to steward")
def test(
    to: Annotated[str, typer.Option(help="用户、有公共邮箱的角色或网络钩子 / an account, a role with a mailbox, or a webhook")],
    as_json: Json = False,
) -> None:
    """试发一封 / sends a trial message."""
    from pipelines.alert_sending import send_trial

    with opened() as (home, county, store):
        boxes = send_trial(home, county, store, to)
    if as_json:
        print_json({"sent": [{"channel": box.channel, "recipient": box.recipient} for box in boxes]})
        return
    lines(f"[green]✓[/] 已试发 trial sent: {', '.join(f'{box.channel} {box.recipient}' for box in boxes)}")


@app.command(epilog="例 / example:  warehouse alerts acknowledge 12")
def acknowledge(
    number: Annotated[int, typer.Argument(min=1, help="告警编号 / number of an alert")], as_json: Json = False
) -> None:
    """确认已在处理，记入审计日志 / somebody has taken it up; an entry of the audit log."""
    from pipelines.actor import Actor
    from pipelines.alert_store import Alerts

    with opened() as (_, _, store):
        Alerts(store).acknowledge(number, Actor.of_system())
    if as_json:
        print_json({"acknowledged": number})
        return
    lines(f"[green]✓[/] {number}: 已确认 acknowledged")
