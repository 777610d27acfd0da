"""The commands `warehouse objections …`: objections to figures, their answers and where they stand."""

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
from pipelines.cli_follow_up import LAMP_STYLES
from pipelines.cli_options import Json, parsed
from pipelines.settings import local_time, month_start
from pipelines.terminal import STATUS_WORDS, console, lines, mark_sample, number, print_json, quiet_table

if TYPE_CHECKING:
    from pipelines.objection_store import Objections
    from pipelines.objections import Event, Objection, Said, Step, Subject

app = typer.Typer(no_args_is_help=True, help="异议：清单、提出、答复、撤回、查看 / objections to figures.")

Note = Annotated[str, typer.Option(help="说明 / note")]


def _objections(desk: EditionDesk) -> Objections:
    from pipelines.objection_store import Objections

    return Objections(desk.store)


def _now(desk: EditionDesk, objections: list[Objection]) -> dict[Subject, Said]:
    from pipelines.objection_edition import said_now

    return said_now(desk.ask, [one.subject for one in objections])


@app.command("list", epilog="例 / examples:  warehouse objections list  ·  warehouse objections list --unit 110101001 --json")
def list_(
    state: Annotated[str | None, typer.Option(help="状态，如 open / state")] = None,
    agency: Agency = None,
    unit: UnitAndBelow = None,
    all_: Annotated[bool, typer.Option("--all", help="含已办结、已撤回 / with those that have ended")] = False,
    as_json: Json = False,
) -> None:
    """异议清单，逾期的在前 / objections, overdue ones first."""
    from pipelines.follow_up import LAMPS
    from pipelines.objections import LIVE, STATES, by_urgency

    if state is not None and state not in STATES:
        raise typer.BadParameter(f"--state: {', '.join(STATES)}")
    with open_edition_desk() as desk:
        found = [
            one
            for one in by_urgency(_objections(desk).all(), desk.today)
            if (one.state in LIVE or all_ or state is not None)
            and state in (None, one.state)
            and agency in (None, one.claim.contested.owner_agency)
            and one.claim.contested.unit_code.startswith(unit or "")
        ]
        now = _now(desk, found)
        if as_json:
            told = [_described(one, now.get(one.subject), desk.today) for one in found]
            print_json({"is_sample": desk.is_sample, "objections": told})
            return
        mark_sample(desk.is_sample)
        table = quiet_table(
            ["单位\nunit", "指标\nKPI"],
            ["编号\nno.", "状态\nstate", "期限\ndue", "期间\nperiod", "异议时\ncontested", "现在\nnow"],
        )
        for one in found:
            lamp = one.lamp(desk.today)
            table.add_row(
                one.claim.contested.unit_name, desk.name(one.subject.kpi_id), str(one.objection_id), _state(one),
                f"{one.claim.due} [{LAMP_STYLES[lamp]}]{LAMPS[lamp].zh}[/]", f"{one.subject.period:%y-%m}",
                _figure(one.claim.contested.said), _since(one, now.get(one.subject)),
            )  # fmt: skip
        console.print(table)
        late = sum(one.lamp(desk.today) == "overdue" for one in found)
        lines(f"{len(found)} 项，其中逾期 {late} 项 / {len(found)} objections, {late} overdue")


@app.command(epilog="例 / example:  warehouse objections show 3")
def show(objection_id: int, as_json: Json = False) -> None:
    """一项异议及其全部经过 / an objection and all that happened to it."""
    with open_edition_desk() as desk:
        _show(desk, objection_id, as_json)


@app.command(
    "open",
    epilog="例 / example:  warehouse objections open 110101001001 dispute_handling_rate --period 2026-06 "
    "--claim 有两件已办结 --rows 'grid_110101001 grid_disputes 2026-06 12, 15-18'",
)
def open_(
    unit: UnitCode,
    kpi: KpiId,
    claim: Annotated[str, typer.Option(help="异议内容 / what is contested, in words")],
    rows: Annotated[
        list[str] | None, typer.Option(help="有误的行：报送单位 数据集 月份 行号，可多次 / rows: supplier dataset month lines, repeatable")
    ] = None,
    target: Annotated[str | None, typer.Option(help="目标，有几个时须指明 / target, where there are several")] = None,
    period_type: PeriodType = "month",
    period: PeriodOrLatest = None,
    due: Annotated[str | None, typer.Option(help="答复期限 YYYY-MM-DD，缺省为十个工作日 / due date, default ten working days")] = None,
    as_json: Json = False,
) -> None:
    """对一项数据提出异议 / contests a figure."""
    from pipelines.actor import Actor
    from pipelines.objection_edition import contested_of, subjects_of
    from pipelines.objection_rows import named_rows, sources_of
    from pipelines.objections import Claim, due_after

    month = None if period is None else parsed(month_start, period, "--period")
    day = None if due is None else parsed(date.fromisoformat, due, "--due")
    with open_edition_desk() as desk:
        known = subjects_of(desk.ask, unit, kpi, period_type, month)
        meant = [one for one in known if target in (None, one.target_id)]
        if len(meant) != 1:
            named = ", ".join(one.target_id for one in known) or "—"
            raise typer.BadParameter(f"--target: 该数据的目标 targets of the figure: {named}")
        contested = contested_of(desk.ask, meant[0])
        wrong = named_rows("\n".join(rows or ()), sources_of(desk.ask, contested), desk.store, desk.home)
        made = Claim(contested, claim, day or due_after(desk.today), wrong)
        _show(desk, _objections(desk).open(made, Actor.of_system(), desk.today), as_json)


@app.command(
    epilog="例 / examples:  warehouse objections answer 3 upheld --note 已补登，下一版更正  ·  "
    "warehouse objections answer 3 rejected --note 该件不属本期"
)
def answer(
    objection_id: int,
    outcome: Annotated[str, typer.Argument(help="upheld | rejected")],
    note: Annotated[str, typer.Option(help="答复 / the answer")],
    as_json: Json = False,
) -> None:
    """答复异议：成立或不成立 / answers an objection: upheld or rejected."""
    from pipelines.objections import OUTCOMES, Outcome, Step

    known: dict[str, Outcome] = {name: name for name in OUTCOMES}
    if outcome not in known:
        raise typer.BadParameter(f"{outcome}: {', '.join(known)}")
    _step(objection_id, Step("answered", note, known[outcome]), as_json)


@app.command(epilog="例 / example:  warehouse objections close 3")
def close(objection_id: int, note: Note = "", as_json: Json = False) -> None:
    """办结已答复的异议 / closes an objection that was answered."""
    from pipelines.objections import Step

    _step(objection_id, Step("closed", note), as_json)


@app.command(epilog="例 / example:  warehouse objections withdraw 3 --note 已核实无误")
def withdraw(objection_id: int, note: Note = "", as_json: Json = False) -> None:
    """撤回待答复的异议 / withdraws an objection that waits for its answer."""
    from pipelines.objections import Step

    _step(objection_id, Step("withdrawn", note), as_json)


def _step(objection_id: int, step: Step, as_json: bool) -> None:
    from pipelines.actor import Actor

    with open_edition_desk() as desk:
        _objections(desk).step(objection_id, step, Actor.of_system())
        _show(desk, objection_id, as_json)


def _show(desk: EditionDesk, objection_id: int, as_json: bool) -> None:
    from pipelines.follow_up import LAMPS

    one, events = _objections(desk).objection(objection_id), _objections(desk).events(objection_id)
    now = _now(desk, [one]).get(one.subject)
    if as_json:
        told = _described(one, now, desk.today) | {"history": [_described_event(event) for event in events]}
        print_json({"is_sample": desk.is_sample, "objection": told})
        return
    mark_sample(desk.is_sample)
    contested, lamp = one.claim.contested, one.lamp(desk.today)
    lines(
        f"[bold]{one.objection_id} {_state(one)}[/] · 期限 due {one.claim.due} [{LAMP_STYLES[lamp]}]{LAMPS[lamp].zh} {LAMPS[lamp].en}[/]",
        f"{contested.unit_name} {contested.unit_code} · {desk.name(one.subject.kpi_id)} · {one.subject.target_id or '—'} · "
        f"{one.subject.period_type} {one.subject.period:%Y-%m} · {contested.owner_agency}",
        f"异议时 contested {_figure(contested.said)}（{contested.said.edition_id}） · 现在 now {_since(one, now)}",
    )
    for named in one.claim.rows:
        slot = named.slot
        lines(f"  {slot.supplier_id} {slot.dataset} {slot.period}: {', '.join(map(str, named.rows))}（{named.batch_id}）")
    for event in events:
        lines(f"  {event.number} {local_time(event.at)} {_word(event)} {escape(event.actor.name)}  {escape(event.note)}")


def _state(objection: Objection) -> str:
    from pipelines.objections import OUTCOMES, STATES

    return STATES[objection.state].zh + (f" {OUTCOMES[objection.outcome].zh}" if objection.outcome else "")


def _word(event: Event) -> str:
    from pipelines.objections import OUTCOMES, STATES

    return OUTCOMES[event.outcome].zh if event.outcome else STATES[event.state].zh


def _figure(said: Said | None) -> str:
    """'188/197 未达标': exact amounts, of a count the number alone."""
    if said is None:
        return "—"
    below = "" if said.denominator == 1 else f"/{number(said.denominator)}"
    word = STATUS_WORDS["undetermined" if said.certainty == "undetermined" else said.status]
    return f"{number(said.numerator)}{below} {word}"


def _since(objection: Objection, now: Said | None) -> str:
    """What the edition says now, where it says something else."""
    return "未变 unchanged" if objection.claim.contested.said.agrees_with(now) else _figure(now)


def _described(objection: Objection, now: Said | None, today: date) -> dict[str, Any]:
    claim = objection.claim
    contested = claim.contested
    return {
        "objection_id": objection.objection_id, "state": objection.state, "outcome": objection.outcome,
        "lamp": objection.lamp(today), "due": claim.due, **vars(contested.subject), "unit_code": contested.unit_code,
        "unit_name": contested.unit_name, "owner_agency": contested.owner_agency, "claim": claim.words,
        "rows": [{**vars(named.slot), "batch_id": named.batch_id, "rows": named.rows} for named in claim.rows],
        "by": vars(objection.by), "at": objection.at, "answer": objection.answer, "contested": vars(contested.said),
        "now": vars(now) if now else None, "is_changed": not contested.said.agrees_with(now),
    }  # fmt: skip


def _described_event(event: Event) -> dict[str, Any]:
    return vars(event) | {"actor": vars(event.actor)}
