"""Objections to figures: what is contested and on which rows, which steps people may take, that nothing can be changed unseen."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from decimal import Decimal

import polars as pl
import pytest
import sqlalchemy as sa

from pipelines.actor import Actor
from pipelines.follow_up_edition import asking
from pipelines.lake import batch_path, write_parquet
from pipelines.objection_edition import codes_now, contested_of, said_now, subjects_of
from pipelines.objection_rows import MOST_ROWS, Source, named_rows, sources_of
from pipelines.objection_store import Objections, broken_objections, objection, objection_event
from pipelines.objections import (
    LONGEST,
    Claim,
    Contested,
    ContestedAlready,
    NamedRows,
    NoSuchObjection,
    ObjectionError,
    Said,
    State,
    Step,
    Subject,
    by_urgency,
    due_after,
)
from pipelines.settings import Home
from pipelines.store import Slot, Store, batch, slot
from tests.support.edition import build_edition

TODAY = date(2026, 7, 15)
WANG, LI = Actor("user", "wang"), Actor("user", "li")
JUNE = date(2026, 6, 1)
SUBJECT = Subject("610629001001@2016-01-01", "dispute_handling_rate", "D3-DHR", "month", JUNE)
SAID = Said("e1", 95.43147208121827, Decimal("188.00"), Decimal("197.00"), "missed", "confirmed")
CONTESTED = Contested(SUBJECT, "610629001001", "解放路社区居委会", "civil_affairs", SAID)
SLOT = Slot("grid_610629001", "grid_disputes", "2026-06")
ROWS = (NamedRows(SLOT, "b1", (12, 15, 16)),)
CLAIM = Claim(CONTESTED, "有两件已经办结\n<b>未计入</b>", date(2026, 7, 29), ROWS)
UPHELD, REJECTED = Step("answered", "已核实", "upheld"), Step("answered", "不属本期", "rejected")
CLOSED, WITHDRAWN = Step("closed"), Step("withdrawn", "看错了")


@pytest.fixture
def objections(store: Store) -> Objections:
    return Objections(store)


def another(number: int) -> Claim:
    """The same about another unit."""
    subject = replace(SUBJECT, unit_key=f"unit-{number}")
    return replace(CLAIM, contested=replace(CONTESTED, subject=subject))


def test_an_objection_keeps_what_was_said_what_is_contested_and_by_whom(objections: Objections) -> None:
    number = objections.open(CLAIM, WANG, TODAY)
    found = objections.objection(number)
    assert (found.claim, found.by, found.state, found.outcome, found.answer) == (CLAIM, WANG, "open", None, "")
    (opened,) = objections.events(number)
    assert (opened.number, opened.state, opened.actor, opened.note, opened.at) == (1, "open", WANG, CLAIM.words, found.at)


def test_a_figure_without_target_and_without_amounts_can_be_contested(objections: Objections) -> None:
    said = Said("e1", None, None, None, "no_data", None)
    bare = replace(CLAIM, contested=replace(CONTESTED, subject=replace(SUBJECT, target_id=""), said=said), rows=())
    assert objections.objection(objections.open(bare, WANG, TODAY)).claim == bare


def test_an_answer_says_whether_the_objection_is_upheld(objections: Objections) -> None:
    number = objections.open(CLAIM, WANG, TODAY)
    objections.step(number, UPHELD, LI)
    found = objections.objection(number)
    assert (found.state, found.outcome, found.answer, found.claim, found.by) == ("answered", "upheld", "已核实", CLAIM, WANG)
    objections.step(number, CLOSED, WANG)
    found = objections.objection(number)
    assert (found.state, found.outcome, found.answer) == ("closed", "upheld", "已核实")
    assert [(event.state, event.actor, event.outcome) for event in objections.events(number)] == [
        ("open", WANG, None), ("answered", LI, "upheld"), ("closed", WANG, None)
    ]  # fmt: skip


@pytest.mark.parametrize("step", [Step("answered", "好"), Step("answered", "", "upheld"), Step("answered", " \n", "rejected")])
def test_an_answer_needs_words_and_an_outcome(objections: Objections, step: Step) -> None:
    number = objections.open(CLAIM, WANG, TODAY)
    with pytest.raises(ObjectionError):
        objections.step(number, step, LI)
    assert objections.objection(number).events == 1


ALLOWED = {("open", "answered"), ("open", "withdrawn"), ("answered", "closed")}
WAYS: dict[State, tuple[Step, ...]] = {
    "open": (), "answered": (REJECTED,), "closed": (REJECTED, CLOSED), "withdrawn": (WITHDRAWN,),
}  # fmt: skip


@pytest.mark.parametrize("start", WAYS)
def test_people_take_the_allowed_steps_and_no_others(objections: Objections, start: State) -> None:
    for at, to in enumerate([UPHELD, CLOSED, WITHDRAWN, Step("open")]):
        number = objections.open(another(at), WANG, TODAY)
        for step in WAYS[start]:
            objections.step(number, step, LI)
        before = objections.objection(number)
        assert before.state == start
        if (start, to.to) in ALLOWED:
            objections.step(number, to, LI)
            assert objections.objection(number).state == to.to
        else:
            with pytest.raises(ObjectionError):
                objections.step(number, to, LI)
            assert objections.objection(number) == before


def test_a_figure_is_contested_once_at_a_time(objections: Objections) -> None:
    first = objections.open(CLAIM, WANG, TODAY)
    with pytest.raises(ContestedAlready) as refused:
        objections.open(replace(CLAIM, words="另一个理由"), LI, TODAY)
    assert refused.value.objection_id == first
    objections.open(replace(CLAIM, contested=replace(CONTESTED, subject=replace(SUBJECT, period=date(2026, 5, 1)))), LI, TODAY)
    objections.step(first, REJECTED, LI)
    again = objections.open(CLAIM, WANG, TODAY)
    assert [one.objection_id for one in objections.about(SUBJECT)] == [first, again]
    assert [one.state for one in objections.live()] == ["answered", "open", "open"]


def test_of_many_who_contest_the_same_at_once_one_does(store_url: str, store: Store) -> None:
    def open_one(_: int) -> int:
        own = Store(store_url)
        try:
            return Objections(own).open(CLAIM, WANG, TODAY)
        except ContestedAlready as known:
            return -known.objection_id
        finally:
            own.close()

    with ThreadPoolExecutor(6) as pool:
        opened = list(pool.map(open_one, range(6)))
    assert len([one for one in opened if one > 0]) == 1
    assert len({abs(one) for one in opened}) == 1
    assert broken_objections(store) == []


def test_a_form_that_was_open_while_the_objection_moved_on_is_refused(objections: Objections) -> None:
    number = objections.open(CLAIM, WANG, TODAY)
    objections.step(number, UPHELD, LI, seen=1)
    with pytest.raises(ObjectionError, match="moved on"):
        objections.step(number, CLOSED, WANG, seen=1)


def test_an_objection_that_is_not_there_is_named(objections: Objections) -> None:
    with pytest.raises(NoSuchObjection, match="77"):
        objections.objection(77)
    with pytest.raises(NoSuchObjection):
        objections.step(77, WITHDRAWN, WANG)


@pytest.mark.parametrize(
    "words",
    ["", " \n ", "长" * (LONGEST["claim"] + 1), "a\x00b", "a\u202eb", "当事人610629199001011234已登记", "610629-19900101-123x"],
    ids=["empty", "blank", "too long", "control", "turned", "identity number", "separated"],
)
def test_words_that_cannot_be_kept_are_refused_and_not_repeated(objections: Objections, words: str) -> None:
    with pytest.raises(ObjectionError) as refused:
        objections.open(replace(CLAIM, words=words), WANG, TODAY)
    assert not words.strip() or words not in refused.value.zh + refused.value.en
    assert objections.all() == []


def test_an_answer_is_due_after_ten_working_days() -> None:
    assert TODAY.weekday() == 2  # Wednesday 15 July: 16, 17; 20–24; 27, 28, 29
    assert due_after(TODAY) == date(2026, 7, 29)
    assert due_after(date(2026, 7, 18), 1) == due_after(date(2026, 7, 17), 1) == date(2026, 7, 20)


def test_what_is_due_lies_ahead_and_lamps_burn_while_an_answer_is_owed(objections: Objections) -> None:
    with pytest.raises(ObjectionError, match="2026-07-15"):
        objections.open(replace(CLAIM, due=date(2026, 7, 14)), WANG, TODAY)
    found = objections.objection(objections.open(CLAIM, WANG, TODAY))
    assert [found.lamp(date(2026, 7, day)) for day in (21, 22, 29, 30)] == ["on_time", "soon", "soon", "overdue"]
    late = date(2026, 8, 30)
    assert replace(found, state="answered").lamp(late) == "none"
    listed = [
        replace(found, objection_id=1, state="withdrawn"), replace(found, objection_id=2, state="answered"),
        replace(found, objection_id=3), replace(found, objection_id=4, claim=replace(CLAIM, due=late)),
    ]  # fmt: skip
    assert [one.objection_id for one in by_urgency(listed, date(2026, 8, 1))] == [3, 4, 2, 1]


def test_another_edition_agrees_where_it_says_the_same() -> None:
    assert SAID.agrees_with(replace(SAID, edition_id="e2"))
    for changed in (replace(SAID, numerator=Decimal("189.00")), replace(SAID, certainty="undetermined"), None):
        assert not SAID.agrees_with(changed)


@pytest.mark.parametrize("damage", ["changed claim", "changed rows", "changed answer", "changed event", "deleted event", "deleted objection"])
def test_nothing_can_be_changed_unseen(objections: Objections, store: Store, damage: str) -> None:
    number, other = (objections.open(one, WANG, TODAY) for one in (CLAIM, another(2)))
    objections.step(number, UPHELD, LI)
    assert broken_objections(store) == []
    here = {"objection": objection.c.objection_id == number, "event": objection_event.c.objection_id == number}
    changes: dict[str, list[sa.Executable]] = {
        "changed claim": [objection.update().where(here["objection"]).values(claim="没有异议")],
        "changed rows": [objection.update().where(here["objection"]).values(named_rows="[]")],
        "changed answer": [objection.update().where(here["objection"]).values(outcome="rejected")],
        "changed event": [objection_event.update().where(here["event"], objection_event.c.number == 2).values(actor="wang")],
        "deleted event": [objection_event.delete().where(here["event"], objection_event.c.number == 2)],
        "deleted objection": [objection_event.delete().where(here["event"], objection_event.c.number == 1), objection.update().where(here["objection"]).values(events=1)],
    }  # fmt: skip
    with store.transaction() as connection:
        for change in changes[damage]:
            connection.execute(change)
    assert broken_objections(store) == [number] != [other]


# --- what an edition says -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = tmp_path_factory.mktemp("objections")
    build_edition(home / "published")
    return Home(home)


def test_a_figure_is_contested_as_the_edition_has_it(served: Home) -> None:
    with asking(served) as ask:
        subjects = subjects_of(ask, "610629001001", "dispute_handling_rate", "month", JUNE)
        assert {one.period for one in subjects} == {JUNE} and len(subjects) == len({one.target_id for one in subjects})
        assert subjects == subjects_of(ask, subjects[0].unit_key, "dispute_handling_rate", "month", JUNE)
        contested = contested_of(ask, subjects[0])
        row = ask(
            "select value, numerator, denominator, status from fct_kpi where unit_key = ? and kpi_id = ? and period = ?"
            " and period_type = 'month' and unit_basis = 'as_was' and coalesce(target_id, '') = ?",
            (subjects[0].unit_key, subjects[0].kpi_id, JUNE, subjects[0].target_id),
        ).row(0)
        said = contested.said
        assert (said.value, said.numerator, said.denominator, said.status) == row
        assert contested.unit_code == "610629001001" and contested.owner_agency
        assert said_now(ask, subjects)[subjects[0]] == said
        assert said_now(ask, [replace(subjects[0], period=date(1999, 1, 1))]) == {}
        assert codes_now(ask, [subjects[0].unit_key, "gone"]) == {subjects[0].unit_key: "610629001001"}


@pytest.mark.parametrize("other", [{"unit_key": "x"}, {"kpi_id": "'; drop table x --"}, {"target_id": "x"}, {"period": date(1999, 1, 1)}])
def test_a_figure_that_is_not_there_cannot_be_contested(served: Home, other: dict[str, object]) -> None:
    with asking(served) as ask:
        (subject, *_) = subjects_of(ask, "610629001001", "dispute_handling_rate", "month", JUNE)
        with pytest.raises(ObjectionError, match="no such figure"):
            contested_of(ask, replace(subject, **other))  # type: ignore[arg-type]


# --- rows ---------------------------------------------------------------------------------------------------

SOURCES = [Source(SLOT.supplier_id, "凤栖街道网格办", SLOT.dataset)]


@pytest.fixture
def delivered(home: Home, store: Store) -> Home:
    """A batch with data rows 4 to 20 is current in the slot; one before it is not."""
    counts = {column.name: 0 for column in batch.c if column.name.startswith("rows_")}
    texts = {"content_hash": "h", "verdicts_hash": "h", "key_id": "k", "remarks": "{}", "contract_version": 1}
    with store.transaction() as connection:
        for name in ("b0", "b1"):
            connection.execute(batch.insert().values(batch_id=name, **vars(SLOT), **counts, **texts))
        connection.execute(slot.insert().values(**vars(SLOT), batch_id="b1", is_correction_refused=False))
    write_parquet(pl.DataFrame({"row_number": range(4, 21)}, {"row_number": pl.Int32}), batch_path(home, SLOT, "b1"))
    return home


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("grid_610629001 grid_disputes 2026-06 12, 15-18", (12, 15, 16, 17, 18)),
        ("  grid_610629001\tgrid_disputes  2026-06  18、12 ，12；15 至 16\n\n", (12, 15, 16, 18)),
    ],
)
def test_rows_are_named_by_file_and_line(delivered: Home, store: Store, text: str, rows: tuple[int, ...]) -> None:
    assert named_rows(text, SOURCES, store, delivered) == (NamedRows(SLOT, "b1", rows),)


def test_no_rows_need_be_named(delivered: Home, store: Store) -> None:
    assert named_rows(" \n", SOURCES, store, delivered) == ()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("grid_610629001 grid_disputes 2026-06 3", "no row 3"),
        ("grid_610629001 grid_disputes 2026-06 12\ngrid_610629001 grid_disputes 2026-06 19-22", "Line 2.*no row 21, 22"),
        ("grid_610629001 grid_disputes 2026-05 12", "no current batch"),
        ("grid_610629002 grid_disputes 2026-06 12", "another supplier"),
        ("grid_610629001 police_residence_registrations 2026-06 12", "another supplier"),
        ("grid_610629001 ../../../etc 2026-06 12", "another supplier"),
        ("grid_610629001 grid_disputes 2026-06", "Line 1"),
        ("grid_610629001 grid_disputes 2026-13 1", "Line 1"),
        ("grid_610629001 grid_disputes 2026-06 18-12", "Line 1"),
        ("grid_610629001 grid_disputes 2026-06 第十二行", "Line 1"),
        ("grid_610629001 grid_disputes 2026-06 1-999999999", str(MOST_ROWS)),
        (f"grid_610629001 grid_disputes 2026-06 {','.join(map(str, range(1, MOST_ROWS + 2)))}", str(MOST_ROWS)),
        ("王某 610629199001011234", "identity"),
        ("x" * (LONGEST["rows"] + 1), "characters"),
        ("<script>alert(1)</script>", "Line 1"),
    ],
)
def test_rows_that_cannot_be_found_are_refused_without_repeating_them(delivered: Home, store: Store, text: str, found: str) -> None:
    with pytest.raises(ObjectionError, match=found) as refused:
        named_rows(text, SOURCES, store, delivered)
    assert "王某" not in refused.value.zh and "script" not in refused.value.en and "etc" not in refused.value.en


def test_only_files_that_the_figure_is_made_from_are_asked_for(served: Home) -> None:
    with asking(served) as ask:
        (subject, *_) = subjects_of(ask, "610629001001", "dispute_handling_rate", "month", JUNE)
        contested = contested_of(ask, subject)
        assert {(one.supplier_id, one.dataset) for one in sources_of(ask, contested)} == {("grid_610629001", "grid_disputes")}
        county = sources_of(ask, replace(contested, unit_code="610629"))
        assert len({one.supplier_id for one in county}) > 1


