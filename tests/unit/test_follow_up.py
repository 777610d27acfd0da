"""Tasks of follow-up: which steps people may take, what an edition settles, and that nothing of it can be changed unseen."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from pipelines.actor import Actor
from pipelines.follow_up import (
    LONGEST,
    AlreadyOpen,
    Assignment,
    Figure,
    Flag,
    FollowUpError,
    Key,
    NoSuchTask,
    Settled,
    State,
    Step,
    by_urgency,
    checked_text,
)
from pipelines.follow_up_store import FollowUp, broken_tasks, follow_up_event, follow_up_task
from pipelines.store import Store
from pipelines.written import has_identity_number

TODAY = date(2026, 7, 15)
WANG = Actor("system_user", "wang")
RUN = Actor("run", "20260801T000000-abcd")
KEY = Key("610629001002@2021-10-31", "dispute_handling_rate", "D3-DHR")
MISSED = Figure("e1", date(2026, 6, 1), "missed", "confirmed", Decimal("188.00"), Decimal("197.00"), Decimal("9.00"))
MET = replace(MISSED, edition_id="e2", status="met", numerator=Decimal("197.00"), shortfall=None)
FLAG = Flag(KEY, "610629001002", "解放路社区居委会", "month", "civil_affairs", date(2026, 3, 1), MISSED)
ASSIGNMENT = Assignment(date(2026, 7, 31), "补办未调处的纠纷", "社区科")


@pytest.fixture
def tasks(store: Store) -> FollowUp:
    return FollowUp(store)


def walk(tasks: FollowUp, task_id: int, *states: State) -> None:
    for state in states:
        tasks.step(task_id, Step(state, "已核实", "文件 1 号", ASSIGNMENT if state == "assigned" else None), WANG, TODAY)


def test_a_task_keeps_what_was_found_and_who_assigned_it(tasks: FollowUp) -> None:
    task_id = tasks.open(FLAG, WANG, TODAY, ASSIGNMENT)
    task = tasks.task(task_id)
    assert (task.flag, task.state, task.due, task.assignee) == (FLAG, "assigned", ASSIGNMENT.due, "社区科")
    found, assigned = tasks.events(task_id)
    assert (found.number, found.state, found.actor, found.due) == (1, "found", WANG, None)
    assert (assigned.state, assigned.due, assigned.instructions) == ("assigned", ASSIGNMENT.due, "补办未调处的纠纷")


def test_a_target_of_a_unit_is_followed_up_once_at_a_time(tasks: FollowUp) -> None:
    first = tasks.open(FLAG, WANG, TODAY)
    with pytest.raises(AlreadyOpen) as refused:
        tasks.open(replace(FLAG, period_type="quarter"), WANG, TODAY, ASSIGNMENT)
    assert refused.value.task_id == first
    tasks.open(replace(FLAG, key=replace(KEY, target_id="A-DHR")), WANG, TODAY)
    walk(tasks, first, "withdrawn")
    again = tasks.open(FLAG, WANG, TODAY)
    assert again != first and len(tasks.tasks()) == 3


def test_of_many_who_open_the_same_at_once_one_does(store_url: str, store: Store) -> None:
    def open_one(_: int) -> int:
        own = Store(store_url)
        try:
            return FollowUp(own).open(FLAG, WANG, TODAY, ASSIGNMENT)
        except AlreadyOpen as known:
            return -known.task_id
        finally:
            own.close()

    with ThreadPoolExecutor(6) as pool:
        opened = list(pool.map(open_one, range(6)))
    assert len([one for one in opened if one > 0]) == 1
    assert len({abs(one) for one in opened}) == 1
    assert len(FollowUp(store).tasks()) == 1


ALLOWED = {
    ("found", "assigned"), ("found", "withdrawn"),
    ("assigned", "assigned"), ("assigned", "rectifying"), ("assigned", "answered"), ("assigned", "withdrawn"),
    ("rectifying", "assigned"), ("rectifying", "answered"), ("rectifying", "withdrawn"),
    ("answered", "rectifying"), ("answered", "withdrawn"),
}  # fmt: skip
WAYS: dict[State, tuple[State, ...]] = {
    "found": (), "assigned": ("assigned",), "rectifying": ("assigned", "rectifying"),
    "answered": ("assigned", "answered"), "withdrawn": ("withdrawn",), "closed": (),
}  # fmt: skip


@pytest.mark.parametrize("start", WAYS)
def test_people_take_the_allowed_steps_and_no_others(tasks: FollowUp, start: State) -> None:
    for to in WAYS:
        task_id = tasks.open(replace(FLAG, key=replace(KEY, target_id=f"{start}-{to}")), WANG, TODAY)
        walk(tasks, task_id, *WAYS[start])
        if start == "closed":
            tasks.settle({tasks.task(task_id).flag.key: MET}, RUN)
        before = tasks.task(task_id)
        assert before.state == start
        if (start, to) in ALLOWED:
            walk(tasks, task_id, to)
            assert tasks.task(task_id).state == to
        else:
            with pytest.raises(FollowUpError):
                walk(tasks, task_id, to)
            assert tasks.task(task_id) == before


def test_withdrawing_sending_back_and_answering_need_words(tasks: FollowUp) -> None:
    task_id = tasks.open(FLAG, WANG, TODAY, ASSIGNMENT)
    for step in (Step("withdrawn"), Step("answered"), Step("withdrawn", document="文件")):
        with pytest.raises(FollowUpError):
            tasks.step(task_id, step, WANG, TODAY)
    tasks.step(task_id, Step("answered", document="民发〔2026〕7号"), WANG, TODAY)
    with pytest.raises(FollowUpError):
        tasks.step(task_id, Step("rectifying"), WANG, TODAY)
    tasks.step(task_id, Step("rectifying", "材料不全"), WANG, TODAY)
    assert [event.state for event in tasks.events(task_id)] == ["found", "assigned", "answered", "rectifying"]


def test_what_is_due_lies_ahead(tasks: FollowUp) -> None:
    with pytest.raises(FollowUpError, match="2026-07-15"):
        tasks.open(FLAG, WANG, TODAY, replace(ASSIGNMENT, due=date(2026, 7, 14)))
    assert tasks.tasks() == []
    tasks.open(FLAG, WANG, TODAY, replace(ASSIGNMENT, due=TODAY))


def test_a_form_that_was_open_while_the_task_moved_on_is_refused(tasks: FollowUp) -> None:
    task_id = tasks.open(FLAG, WANG, TODAY, ASSIGNMENT)
    seen = tasks.task(task_id).events
    tasks.step(task_id, Step("rectifying"), WANG, TODAY, seen=seen)
    with pytest.raises(FollowUpError, match="moved on"):
        tasks.step(task_id, Step("answered", "好了"), WANG, TODAY, seen=seen)
    assert tasks.task(task_id).events == 3


def test_an_edition_that_shows_the_target_met_closes_the_task_once(tasks: FollowUp) -> None:
    task_id = tasks.open(FLAG, WANG, TODAY, ASSIGNMENT)
    assert tasks.settle({KEY: MET}, RUN).closed == (task_id,)
    assert tasks.settle({KEY: MET}, RUN) == Settled()
    last = tasks.events(task_id)[-1]
    assert (last.state, last.actor, last.figure) == ("closed", RUN, MET)
    assert tasks.task(task_id).events == 3


@pytest.mark.parametrize(
    "figure",
    [
        replace(MET, certainty="undetermined"),
        replace(MET, status="near"),
        MISSED,
        replace(MET, period=date(2026, 5, 1)),
    ],
    ids=["in doubt", "near", "missed", "an earlier period"],
)
def test_nothing_less_closes_a_task(tasks: FollowUp, figure: Figure) -> None:
    tasks.open(FLAG, WANG, TODAY, ASSIGNMENT)
    assert tasks.settle({KEY: figure}, RUN).closed == ()


def test_an_edition_that_shows_it_missed_again_reopens_the_task(tasks: FollowUp) -> None:
    task_id = tasks.open(FLAG, WANG, TODAY, ASSIGNMENT)
    again = replace(MISSED, edition_id="e3", period=date(2026, 7, 1))
    tasks.settle({KEY: MET}, RUN)
    assert tasks.settle({KEY: replace(again, certainty="undetermined")}, RUN).reopened == ()
    assert tasks.settle({KEY: again}, RUN).reopened == (task_id,)
    assert tasks.settle({KEY: again}, RUN).reopened == ()
    task = tasks.task(task_id)
    assert (task.state, task.due, task.assignee) == ("found", None, "")
    assert tasks.events(task_id)[-1].figure == again


def test_a_withdrawn_task_and_those_before_it_stay_as_they_are(tasks: FollowUp) -> None:
    first = tasks.open(FLAG, WANG, TODAY, ASSIGNMENT)
    tasks.settle({KEY: MET}, RUN)
    second = tasks.open(FLAG, WANG, TODAY)
    walk(tasks, second, "withdrawn")
    assert tasks.settle({KEY: replace(MISSED, edition_id="e3")}, RUN).reopened == ()
    assert [tasks.task(one).state for one in (first, second)] == ["closed", "withdrawn"]


def test_lamps_burn_while_the_agency_owes_something(tasks: FollowUp) -> None:
    task = tasks.task(tasks.open(FLAG, WANG, TODAY, ASSIGNMENT))
    due = ASSIGNMENT.due
    assert [task.lamp(date(2026, 7, day)) for day in (23, 24, 31)] == ["on_time", "soon", "soon"]
    assert task.lamp(date(2026, 8, 1)) == "overdue"
    assert replace(task, state="answered").lamp(date(2026, 8, 1)) == "none"
    late, soon, far = (replace(task, task_id=number, due=day) for number, day in ((1, TODAY.replace(day=1)), (2, TODAY), (3, due)))
    found, closed = replace(task, task_id=4, state="found", due=None), replace(task, task_id=5, state="closed")
    assert [one.task_id for one in by_urgency([closed, found, far, soon, late], TODAY)] == [1, 2, 3, 4, 5]


def test_a_task_that_is_not_there_is_named(tasks: FollowUp) -> None:
    with pytest.raises(NoSuchTask, match="77"):
        tasks.task(77)
    with pytest.raises(NoSuchTask):
        walk(tasks, 77, "withdrawn")


@pytest.mark.parametrize(
    "text",
    [
        "当事人610629199001011234须补登记", "６１０６２９１９９００１０１１２３Ｘ", "610629 19900101 1234",
        "610629-19900101-123x", "旧证610629900101123。",
    ],
)  # fmt: skip
def test_identity_numbers_are_refused_and_not_repeated(tasks: FollowUp, text: str) -> None:
    with pytest.raises(FollowUpError) as refused:
        tasks.open(FLAG, WANG, TODAY, replace(ASSIGNMENT, instructions=text))
    assert text not in refused.value.zh + refused.value.en
    assert tasks.tasks() == []


@pytest.mark.parametrize("text", ["2026-05-01 至 2026-06-01 共 18 件", "文号：洛民发〔2026〕123号", "电话 0911-3622345"])
def test_dates_and_document_numbers_are_not_identity_numbers(text: str) -> None:
    assert not has_identity_number(text)


@pytest.mark.parametrize(
    "text", ["", "  \n ", "长" * (LONGEST["instructions"] + 1), "a\x00b", "a\u202eb"],
    ids=["empty", "blank", "too long", "control", "turned"],
)  # fmt: skip
def test_texts_that_cannot_be_kept_are_refused(text: str) -> None:
    with pytest.raises(FollowUpError):
        checked_text("instructions", text, required=True)


def test_lines_and_markup_are_kept_as_they_were_written() -> None:
    assert checked_text("note", " 一\r\n<b>二</b> ") == "一\n<b>二</b>"


def test_events_cannot_be_changed_unseen(tasks: FollowUp, store: Store) -> None:
    first = tasks.open(FLAG, WANG, TODAY, ASSIGNMENT)
    second = tasks.open(replace(FLAG, key=replace(KEY, target_id="A-DHR")), WANG, TODAY, ASSIGNMENT)
    walk(tasks, first, "rectifying", "answered")
    tasks.settle({KEY: MET}, RUN)
    assert broken_tasks(store) == []
    with store.transaction() as connection:
        connection.execute(follow_up_event.update().where(follow_up_event.c.number == 2).values(actor="li"))
    assert broken_tasks(store) == [first, second]


@pytest.mark.parametrize("damage", ["deleted event", "deleted last event", "changed task"])
def test_a_task_that_is_not_what_its_events_made_is_found(tasks: FollowUp, store: Store, damage: str) -> None:
    task_id = tasks.open(FLAG, WANG, TODAY, ASSIGNMENT)
    walk(tasks, task_id, "rectifying")
    with store.transaction() as connection:
        if damage == "changed task":
            connection.execute(follow_up_task.update().values(due_date="2027-01-01"))
        else:
            number = 3 if damage == "deleted last event" else 2
            connection.execute(follow_up_event.delete().where(follow_up_event.c.number == number))
    assert broken_tasks(store) == [task_id]
