"""The commands `warehouse users …` and `warehouse audit …`: who gets in, and what they did."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from pipelines.cli_options import Json
from pipelines.settings import Home
from pipelines.terminal import console, errors, lines, print_json, quiet_table

if TYPE_CHECKING:
    from pipelines.account_store import Accounts
    from pipelines.accounts import Account, Role
    from pipelines.actor import Actor
    from pipelines.store import Store

app = typer.Typer(no_args_is_help=True, help="用户：清单、新增、变更、停用、密码 / users of the pages.")
audit_app = typer.Typer(no_args_is_help=True, help="审计日志：核对、查看 / the audit log.")

Name = Annotated[str, typer.Argument(help="用户名 / name")]
RoleOption = Annotated[str, typer.Option(help="leader | analyst | steward | supplier | administrator")]
AgencyOption = Annotated[
    str, typer.Option(help="所代表的部门，答复对其数据的异议，如 police / agency, whose figures the user answers objections to")
]
EmailOption = Annotated[str, typer.Option(help="邮件地址，用于告警 / mail address, for alerts")]
AreaOption = Annotated[str, typer.Option(help="所属区域的单位代码，含其下级；缺省为全部 / code of a unit, with those below; default all")]
Stdin = Annotated[
    bool, typer.Option("--password-stdin", help="从标准输入读取密码，不生成链接 / read the password from standard input")
]


@contextmanager
def _store() -> Iterator[Store]:
    from pipelines.store import Store

    store = Store.of(Home.from_environment())
    try:
        yield store
    finally:
        store.close()


@contextmanager
def _accounts() -> Iterator[Accounts]:
    from pipelines.account_store import Accounts

    with _store() as store:
        yield Accounts(store)


@app.command("list", epilog="例 / example:  warehouse users list --json")
def list_(as_json: Json = False) -> None:
    """全部用户 / all users."""
    from expectations.contract import AGENCY_WORDS
    from pipelines.accounts import ROLES

    words: dict[str, str] = {name: f"{zh} {name}" for name, (zh, _) in AGENCY_WORDS.items()}
    with _accounts() as accounts:
        known = accounts.all()
    if as_json:
        print_json({"users": [vars(one) for one in known]})
        return
    table = quiet_table(["用户名\nname", "姓名\nfull name", "角色\nrole"], ["区域\narea", "部门\nagency", "邮件\nemail", "状态\nstate"])
    for one in known:
        state = "[red]停用 disabled[/]" if one.is_disabled else "可用 active"
        table.add_row(
            one.name, escape(one.full_name), f"{ROLES[one.role].zh} {one.role}", one.area or "全部 all", words.get(one.agency, ""),
            one.email, state,
        )  # fmt: skip
    console.print(table)


@app.command(epilog="例 / examples:  warehouse users add zhaofx --full-name 分析员 --role analyst  ·  … --role supplier --area 110101 --agency police")
def add(
    name: Name,
    full_name: Annotated[str, typer.Option(help="姓名 / full name")],
    role: RoleOption,
    area: AreaOption = "",
    agency: AgencyOption = "",
    email: EmailOption = "",
    password_stdin: Stdin = False,
    as_json: Json = False,
) -> None:
    """新增用户，给出设置密码的一次性链接 / a new user, and a one-time link to set the password."""
    from pipelines.accounts import Account, checked_account, checked_password

    new = checked_account(Account(name, full_name, _role(role), area, email=email, agency=agency))
    password = checked_password(name, _read_password()) if password_stdin else None
    with _accounts() as accounts:
        accounts.add(new, _actor())
        _set_password(accounts, name, password, as_json=as_json)


@app.command(epilog="例 / example:  warehouse users password zhaofx")
def password(name: Name, password_stdin: Stdin = False, as_json: Json = False) -> None:
    """设置新密码的一次性链接；或直接设置 / a one-time link for a new password, or the password itself."""
    with _accounts() as accounts:
        _set_password(accounts, name, _read_password() if password_stdin else None, as_json=as_json)


@app.command(epilog="例 / examples:  warehouse users roles zhaofx --role steward  ·  warehouse users roles zhaofx --area 110101 --agency police")
def roles(
    name: Name,
    role: Annotated[str | None, typer.Option(help="leader | analyst | steward | supplier | administrator")] = None,
    area: Annotated[str | None, typer.Option(help="单位代码；空为全部 / code of a unit; '' for all")] = None,
    agency: Annotated[str | None, typer.Option(help="部门，如 police；空为没有 / agency; '' for none")] = None,
    as_json: Json = False,
) -> None:
    """变更角色、区域或部门，立即生效 / another role, area or agency, at once."""
    with _accounts() as accounts:
        changed = accounts.change(name, _actor(), role=None if role is None else _role(role), area=area, agency=agency)
        _tell(changed, as_json=as_json)


@app.command(epilog="例 / examples:  warehouse users email zhaofx zhaofx@example.org  ·  warehouse users email zhaofx ''")
def email(
    name: Name,
    address: Annotated[str, typer.Argument(help="邮件地址；空为没有 / mail address; '' for none")],
    as_json: Json = False,
) -> None:
    """告警发往的邮件地址 / where alerts are mailed to."""
    with _accounts() as accounts:
        _tell(accounts.change(name, _actor(), email=address), as_json=as_json)


@app.command(epilog="例 / examples:  warehouse users disable zhaofx  ·  warehouse users disable zhaofx --undo")
def disable(
    name: Name,
    undo: Annotated[bool, typer.Option("--undo", help="重新启用 / enable again")] = False,
    as_json: Json = False,
) -> None:
    """停用，已登录的立即退出 / disables a user and ends the user's sessions."""
    with _accounts() as accounts:
        _tell(accounts.change(name, _actor(), is_disabled=not undo), as_json=as_json)


@audit_app.command(epilog="例 / examples:  warehouse audit verify  ·  warehouse audit verify --head 812:3f9c…")
def verify(
    head: Annotated[
        str | None, typer.Option(help="以前另行保存的末条“编号:摘要” / a last entry NUMBER:HASH that was kept elsewhere")
    ] = None,
    as_json: Json = False,
) -> None:
    """核对审计日志是否被改动、删除、调换 / whether entries were changed, deleted or moved."""
    from pipelines.audit_log import verify_audit_log

    with _store() as store:
        found = verify_audit_log(store, head)
    if as_json:
        print_json({**vars(found), "is_whole": found.is_whole})
    elif found.is_whole:
        lines(f"[green]✓[/] {found.entries} 条，完好 entries, all as written", f"  末条 last: {found.head}")
    else:
        for number in found.damaged:
            errors.print(f"[red]✗[/] 第 {number} 条与摘要不符 / entry {number} does not have its hash", highlight=False)
        if found.is_head_lost:
            errors.print("[red]✗[/] 末尾缺失，或与保存的末条不符 / the end is missing, or is not what was kept", highlight=False)
    if not found.is_whole:
        raise typer.Exit(1)


@audit_app.command(epilog="例 / examples:  warehouse audit show --last 20  ·  warehouse audit show --action sign_in_refused --json")
def show(
    action: Annotated[str | None, typer.Option(help="操作，如 download / action")] = None,
    user: Annotated[str | None, typer.Option(help="用户名 / name of a user")] = None,
    last: Annotated[int, typer.Option(min=1, help="最近多少条 / how many of the latest")] = 50,
    as_json: Json = False,
) -> None:
    """最近的审计条目，新的在前 / the latest entries, newest first."""
    from pipelines.audit_log import ACTIONS, entries

    if action is not None and action not in ACTIONS:
        raise typer.BadParameter(f"--action: {', '.join(ACTIONS)}")
    with _store() as store:
        found = entries(store, action=action, actor=user, last=last)
    if as_json:
        print_json({"entries": found})
        return
    table = quiet_table(["时间\nat", "操作人\nwho", "操作\naction", "对象\nabout"], ["编号\nno.", "来源\nfrom"])
    words = {str(name): known.zh for name, known in ACTIONS.items()}
    for entry in found:
        about = " · ".join(part for part in (entry["subject"], entry["detail"]) if part)
        table.add_row(
            f"{entry['at'][:19]}Z", escape(entry["actor"]) or "—", words.get(entry["action"], entry["action"]),
            escape(about), str(entry["number"]), entry["address"],
        )  # fmt: skip
    console.print(table)


def _role(text: str) -> Role:
    from pipelines.accounts import ROLES

    known: dict[str, Role] = {name: name for name in ROLES}
    if text not in known:
        raise typer.BadParameter(f"--role: {', '.join(known)}")
    return known[text]


def _actor() -> Actor:
    from pipelines.actor import Actor

    return Actor.of_system()


def _read_password() -> str:
    return sys.stdin.readline().rstrip("\r\n")


def _set_password(accounts: Accounts, name: str, password: str | None, *, as_json: bool) -> None:
    """Sets it, or tells the link by which the user does."""
    from pipelines.account_store import LINK_LASTS

    if password is not None:
        accounts.set_password(name, password, _actor())
        if as_json:
            print_json({"user": name, "link": None})
        else:
            lines(f"[green]✓[/] {name}: 密码已设置 the password is set")
        return
    link = f"/welcome/{accounts.make_link(name, _actor())}"
    hours = round(LINK_LASTS.total_seconds() / 3600)
    if as_json:
        print_json({"user": name, "link": link, "hours": hours})
        return
    lines(
        f"[green]✓[/] {name}: 请本人打开看板地址后接下面的路径设置密码（{hours} 小时内有效，只能用一次）",
        f"  the user opens this path at the address of the pages to set the password, once, within {hours} hours",
        f"  {link}",
    )


def _tell(account: Account, *, as_json: bool) -> None:
    if as_json:
        print_json({"user": vars(account)})
        return
    state = "停用 disabled" if account.is_disabled else "可用 active"
    agency = account.agency or "无部门 no agency"
    lines(f"[green]✓[/] {account.name}: {account.role} · {account.area or '全部 all'} · {agency} · {account.email or '无邮件 no mail'} · {state}")
