"""The commands `warehouse follow-up …`: tasks from missed targets, their steps and where they stand."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from pipelines.cli_desk import (
    Agency,
    EditionDesk,
    KpiId,
    PeriodOrLatest,
    PeriodType,
    UnitAndBelow,
    UnitCode,
    open_edition_desk,
)
from pipelines.cli_options import Json, parsed
from pipelines.settings import local_time, month_start
from pipelines.terminal import STATUS_WORDS, console, lines, mark_sample, number, print_json, quiet_table

if TYPE_CHECKING:
    from pipelines.follow_up import Event, Figure, State, Task
    from pipelines.follow_up_store import FollowUp

app = typer.Typer(no_args_is_help=True, help="督办：清单、交办、办理、查看 / follow-up of missed targets.")

LAMP_STYLES = {"overdue": "bold red", "soon": "yellow", "on_time": "green", "none": "dim"}
Due = Annotated[str | None, typer.Option(help="办结期限 YYYY-MM-DD / due date")]
Instructions = Annotated[str, typer.Option(help="交办要求 / what is to be done")]
Assignee = Annotated[str, typer.Option(help="承办科室或人员 / who is to do it, in the agency")]


def _tasks(desk: EditionDesk) -> FollowUp:
    from pipelines.follow_up_store import FollowUp

    return FollowUp(desk.store)


def _now(desk: EditionDesk, tasks: list[Task]) -> dict[int, Figure]:
    """By task, the figure of the latest judged period; none where the edition judges the target no more."""
    from pipelines.follow_up_edition import figures_now

    figures = figures_now(desk.ask, [task.flag.key for task in tasks])
    about = {task.task_id: (task.flag.key, task.flag.period_type) for task in tasks}
    return {task_id: figures[key] for task_id, key in about.items() if key in figures}


@app.command("list", epilog="例 / examples:  warehouse follow-up list  ·  warehouse follow-up list --unit 110101001 --json")
def list_(
    state: Annotated[str | None, typer.Option(help="状态，如 assigned / state")] = None,
    agency: Agency = None,
    unit: UnitAndBelow = None,
    all_: Annotated[bool, typer.Option("--all", help="含已销号、已撤销 / with those that have ended")] = False,
    as_json: Json = False,
) -> None:
    """督办清单，逾期的在前 / tasks, overdue ones first."""
    from pipelines.follow_up import LAMPS, STATES, by_urgency

    if state is not None and state not in STATES:
        raise typer.BadParameter(f"--state: {', '.join(STATES)}")
    with open_edition_desk() as desk:
        tasks = [
            task
            for task in by_urgency(_tasks(desk).tasks(), desk.today)
            if (task.is_open or all_ or state is not None)
            and state in (None, task.state)
            and agency in (None, task.flag.owner_agency)
            and task.flag.unit_code.startswith(unit or "")
        ]
        now = _now(desk, tasks)
        if as_json:
            told = [_described(task, now.get(task.task_id), desk.today) for task in tasks]
            print_json({"is_sample": desk.is_sample, "tasks": told})
            return
        mark_sample(desk.is_sample)
        table = quiet_table(
            ["单位\nunit", "指标\nKPI"],
            ["编号\nno.", "状态\nstate", "期限\ndue", "交办时\nat issue", "现在\nnow", "现状\nstatus"],
        )
        for task in tasks:
            figure, lamp = now.get(task.task_id), task.lamp(desk.today)
            table.add_row(
                task.flag.unit_name, desk.name(task.flag.key.kpi_id), str(task.task_id), STATES[task.state].zh,
                f"{task.due or ''} [{LAMP_STYLES[lamp]}]{LAMPS[lamp].zh}[/]",
                _ratio(task.flag.figure), _ratio(figure), _status(figure),
            )  # fmt: skip
        console.print(table)
        late = sum(task.lamp(desk.today) == "overdue" for task in tasks)
        lines(f"{len(tasks)} 项，其中逾期 {late} 项 / {len(tasks)} tasks, {late} overdue")


@app.command(epilog="例 / example:  warehouse follow-up show 3")
def show(task_id: int, as_json: Json = False) -> None:
    """一项督办及其全部经过 / a task and all that happened to it."""
    with open_edition_desk() as desk:
        _show(desk, task_id, as_json)


@app.command(
    "open",
    epilog="例 / example:  warehouse follow-up open 110101001001 dispute_handling_rate --due 2026-08-31 "
    "--instructions 补办未调处的纠纷",
)
def open_(
    unit: UnitCode,
    kpi: KpiId,
    target: Annotated[str | None, typer.Option(help="目标，几个目标都未达标时须指明 / target, where several are missed")] = None,
    period_type: PeriodType = "month",
    period: PeriodOrLatest = None,
    due: Due = None,
    instructions: Instructions = "",
    assignee: Assignee = "",
    as_json: Json = False,
) -> None:
    """由未达标建立督办；给出期限即交办 / a task from a missed target, assigned where a due date is given."""
    from pipelines.actor import Actor
    from pipelines.follow_up_edition import flag_of, flagged_targets

    month = None if period is None else parsed(month_start, period, "--period")
    with open_edition_desk() as desk:
        keys = [key for key in flagged_targets(desk.ask, unit, kpi, period_type, month) if target in (None, key.target_id)]
        if len(keys) != 1:
            known = ", ".join(key.target_id for key in keys) or "—"
            raise typer.BadParameter(f"--target: 未达标或接近的目标 targets missed or near: {known}")
        flag = flag_of(desk.ask, keys[0], period_type, month)
        task_id = _tasks(desk).open(flag, Actor.of_system(), desk.today, _assignment(due, instructions, assignee))
        _show(desk, task_id, as_json)


@app.command(
    epilog="例 / examples:  warehouse follow-up step 3 rectifying  ·  "
    "warehouse follow-up step 3 answered --note 已全部办结 --document 洛民函〔2026〕8号"
)
def step(
    task_id: int,
    to: Annotated[str, typer.Argument(help="assigned | rectifying | answered | withdrawn")],
    note: Annotated[str, typer.Option(help="说明；退回、撤销须填 / note, needed to send back and to withdraw")] = "",
    document: Annotated[str, typer.Option(help="文件依据 / reference of a document")] = "",
    due: Due = None,
    instructions: Instructions = "",
    assignee: Assignee = "",
    as_json: Json = False,
) -> None:
    """办理一步；销号由下一版数据完成 / one step; only an edition closes a task."""
    from pipelines.actor import Actor
    from pipelines.follow_up import STEPS, Step

    known: dict[str, State] = {name: name for name in STEPS}
    if to not in known:
        raise typer.BadParameter(f"{to}: {', '.join(known)}")
    taken = Step(known[to], note, document, _assignment(due, instructions, assignee))
    with open_edition_desk() as desk:
        _tasks(desk).step(task_id, taken, Actor.of_system(), desk.today)
        _show(desk, task_id, as_json)


def _assignment(due: str | None, instructions: str, assignee: str) -> Any:
    from pipelines.follow_up import Assignment

    return None if due is None else Assignment(parsed(date.fromisoformat, due, "--due"), instructions, assignee)


def _show(desk: EditionDesk, task_id: int, as_json: bool) -> None:
    from pipelines.follow_up import LAMPS, STATES

    task, events = _tasks(desk).task(task_id), _tasks(desk).events(task_id)
    now = _now(desk, [task]).get(task_id)
    if as_json:
        told = _described(task, now, desk.today) | {"history": [_described_event(event) for event in events]}
        print_json({"is_sample": desk.is_sample, "task": told})
        return
    mark_sample(desk.is_sample)
    flag, lamp = task.flag, task.lamp(desk.today)
    lines(
        f"[bold]{task.task_id} {STATES[task.state].zh}[/] {STATES[task.state].en}"
        + (f" · 期限 due {task.due} [{LAMP_STYLES[lamp]}]{LAMPS[lamp].zh} {LAMPS[lamp].en}[/]" if task.due else ""),
        f"{flag.unit_name} {flag.unit_code} · {desk.name(task.flag.key.kpi_id)} · {flag.key.target_id} · {flag.owner_agency} {escape(task.assignee)}",
        f"交办时 at issue {_told(flag.figure)}（自 since {flag.since:%Y-%m}） · 现在 now {_told(now)}",
    )
    for event in events:
        said = [escape(part) for part in (event.instructions, event.note, event.document) if part]
        seen = [f"{event.figure.edition_id} {_told(event.figure)}"] if event.figure else []
        lines(f"  {event.number} {local_time(event.at)} {STATES[event.state].zh} {event.actor.name}  {' · '.join(said + seen)}")


def _ratio(figure: Figure | None) -> str:
    """'26-06 188/197': the period and exact amounts; of a count the number alone."""
    if figure is None:
        return "—"
    below = "" if figure.denominator == 1 else f"/{number(figure.denominator)}"
    return f"{figure.period:%y-%m} {number(figure.numerator)}{below}"


def _status(figure: Figure | None) -> str:
    """'未达标 差 9'."""
    if figure is None:
        return "—"
    word = STATUS_WORDS["undetermined" if figure.certainty == "undetermined" else figure.status]
    return word + (f" 差 {number(figure.shortfall)}" if figure.shortfall else "")


def _told(figure: Figure | None) -> str:
    return "—" if figure is None else f"{_ratio(figure)} {_status(figure)}"


def _described(task: Task, now: Figure | None, today: date) -> dict[str, Any]:
    return {
        "task_id": task.task_id, "state": task.state, "lamp": task.lamp(today), "due": task.due,
        "assignee": task.assignee, **vars(task.flag.key), "unit_code": task.flag.unit_code,
        "unit_name": task.flag.unit_name, "period_type": task.flag.period_type,
        "owner_agency": task.flag.owner_agency, "since": task.flag.since,
        "at_issue": vars(task.flag.figure), "now": vars(now) if now else None,
    }  # fmt: skip


def _described_event(event: Event) -> dict[str, Any]:
    return vars(event) | {"actor": vars(event.actor), "figure": vars(event.figure) if event.figure else None}
