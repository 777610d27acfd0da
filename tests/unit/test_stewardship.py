"""Decisions, tickets and the work list: what may be decided by whom, what a store keeps of it, what is ranked first."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import polars as pl
import pytest
import sqlalchemy as sa

from expectations.contract import load_contract, load_contracts
from expectations.rules import rule_catalogue
from pipelines import audit_log
from pipelines.actor import Actor
from pipelines.protection.protect import lake_schema
from pipelines.stewardship.decision_store import DECISIONS, Decisions, broken_decisions, decision
from pipelines.stewardship.decisions import (
    DecisionError,
    Draft,
    NoSuchDecision,
    Row,
    cells_to_correct,
    rules_to_accept,
)
from pipelines.stewardship.row_content import digests
from pipelines.stewardship.tickets import (
    Reconciled,
    Subject,
    TicketError,
    Tickets,
    broken_tickets,
    ticket_step,
)
from pipelines.stewardship.work_list import bundles
from pipelines.store import Slot, Store

SLOT = Slot("grid_610629101", "grid_disputes", "2026-01")
ROW = Row(SLOT, "a" * 24, 8, "d1")
LI, WANG = Actor("user", "li"), Actor("user", "wang")
RUN = Actor("run", "20260801T000000-abcd")
ACCEPT = Draft("accept", ROW, "查阅原始凭证属实", {"rules": {"deaths.range": 1}})
REJECT = Draft("reject", ROW, "不属于本镇")
SEND_BACK = Draft("send_back", ROW, "请核对", {"due": "2026-08-01"})
TODAY = date(2026, 7, 15)
RULE = Subject("grid_610629101", "grid_disputes", "deaths.range")
OTHER = Subject("grid_610629101", "grid_disputes", "key.unique")


# --- decisions


def test_what_lets_refused_rows_count_waits_for_a_second_person(store: Store) -> None:
    decisions = Decisions(store)
    (number,) = decisions.make([ACCEPT], LI)
    assert decisions.in_force() == []
    with pytest.raises(DecisionError, match="somebody else"):
        decisions.approve(number, LI)
    with pytest.raises(DecisionError, match="no identity numbers"):
        decisions.approve(number, WANG, "见 99900119900101123X")
    decisions.approve(number, WANG, "已核对")
    approved = decisions.decision(number)
    assert (approved.state, approved.by, approved.settled_by, approved.note) == ("in_force", LI, WANG, "已核对")


def test_one_person_decides_where_a_county_says_so(store: Store) -> None:
    decisions = Decisions(store, two_persons=False)
    decisions.make([ACCEPT], LI)
    assert [one.draft for one in decisions.in_force()] == [ACCEPT]


def test_what_only_leaves_rows_out_is_in_force_at_once(store: Store) -> None:
    Decisions(store).make([REJECT], LI)
    assert [one.draft.kind for one in Decisions(store).in_force()] == ["reject"]


def test_a_second_person_may_refuse_with_a_reason(store: Store) -> None:
    decisions = Decisions(store)
    (number,) = decisions.make([ACCEPT], LI)
    with pytest.raises(DecisionError):
        decisions.refuse(number, WANG, " ")
    decisions.refuse(number, WANG, "证据不足")
    assert decisions.decision(number).state == "refused"
    with pytest.raises(DecisionError, match="waits for approval"):
        decisions.approve(number, WANG)


def test_a_row_has_one_open_decision_until_it_is_withdrawn(store: Store) -> None:
    decisions = Decisions(store)
    (number,) = decisions.make([REJECT], LI)
    with pytest.raises(DecisionError, match=f"decision {number}"):
        decisions.make([replace(ACCEPT, reason="另有依据")], WANG)
    decisions.withdraw(number, LI, "误操作")
    (again,) = decisions.make([REJECT], LI)
    assert [one.decision_id for one in decisions.in_force()] == [again]


def test_a_row_that_was_sent_back_may_still_be_decided_on(store: Store) -> None:
    decisions = Decisions(store)
    (sent,) = decisions.make([SEND_BACK], LI)
    decisions.make([REJECT], LI)
    assert decisions.decision(sent).state == "withdrawn"


def test_what_its_supplier_corrects_takes_the_place_of_what_was_decided(store: Store) -> None:
    decisions = Decisions(store)
    (number,) = decisions.make([REJECT], LI)
    decisions.make([Draft("replace", ROW, "报送单位更正", {"batch_id": "b" * 24, "row_number": 4})], RUN)
    assert [(one.draft.kind, one.state) for one in decisions.all()] == [("reject", "withdrawn"), ("replace", "in_force")]
    assert decisions.decision(number).settled_by == RUN


def test_of_several_decisions_all_are_made_or_none(store: Store) -> None:
    decisions = Decisions(store)
    with pytest.raises(DecisionError):
        decisions.make([Draft("reject", replace(ROW, row_number=9, digest="d9"), "重复"), replace(REJECT, reason="")], LI)
    assert decisions.all() == []


@pytest.mark.parametrize("reason", ["", "  ", "证件 61062919900101123X", "x" * 501, "反\u202e转"])
def test_a_reason_is_required_and_holds_no_identity_number(store: Store, reason: str) -> None:
    with pytest.raises(DecisionError):
        Decisions(store).make([replace(REJECT, reason=reason)], LI)


def test_there_is_no_decision_of_another_number(store: Store) -> None:
    with pytest.raises(NoSuchDecision):
        Decisions(store).withdraw(1, LI, "误操作")


def test_every_step_is_in_the_audit_log_without_what_people_wrote(store: Store) -> None:
    decisions = Decisions(store)
    (number,) = decisions.make([ACCEPT], LI)
    decisions.approve(number, WANG, "已核对")
    entries = audit_log.entries(store, action="decision")
    assert [(entry["actor"], entry["subject"], entry["detail"]) for entry in entries] == [
        ("wang", f"{number}", "in_force"), ("li", f"{number}", "proposed"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        sa.update(DECISIONS.steps).values(detail="另一个理由").where(DECISIONS.steps.c.number == 2),
        sa.delete(DECISIONS.steps).where(DECISIONS.steps.c.number == 2),
        sa.update(decision).values(state="in_force"),
        sa.update(decision).values(digest="d7"),
        sa.update(DECISIONS.steps).values(actor="zhao").where(DECISIONS.steps.c.number == 1),
    ],
)
def test_a_decision_that_was_changed_afterwards_is_found(store: Store, change: sa.Update | sa.Delete) -> None:
    decisions = Decisions(store)
    (number,) = decisions.make([REJECT], LI)
    decisions.withdraw(number, LI, "误操作")
    assert broken_decisions(store) == []
    with store.transaction() as connection:
        connection.execute(change)
    assert broken_decisions(store) == [number]


# --- what may be decided


def test_rows_are_accepted_only_where_they_can_be_read_placed_and_told_apart() -> None:
    contract = load_contract("grid_disputes")
    broken = {"result_matches_handling": 1, "handled_after_accepted": 1}
    assert rules_to_accept(contract, broken, is_sample=True) == broken
    for rule in ("community_code.format", "accepted_date.readable", "key.unique", "key.two_suppliers", "kind.known_value", "deaths.range"):
        with pytest.raises(DecisionError):
            rules_to_accept(contract, {**broken, rule: 1}, is_sample=True)
    with pytest.raises(DecisionError, match="nothing to accept"):
        rules_to_accept(contract, {}, is_sample=True)


def test_no_rule_on_numbers_keys_or_places_can_be_overruled() -> None:
    for contract in load_contracts().values():
        for rule in rule_catalogue(contract, sample=False):
            kind = rule.id.rpartition(".")[2]
            if kind in ("required", "readable", "format", "known_value", "exists", "unique", "two_suppliers", "range"):
                assert not rule.is_acceptable, (contract.dataset, rule.id)
            if "_within_" in rule.id:  # a part that is more than its whole
                assert not rule.is_acceptable, (contract.dataset, rule.id)


def test_a_cell_that_identifies_is_corrected_by_its_supplier_only() -> None:
    contract = load_contract("grid_residents")
    assert cells_to_correct(contract, {"arrived_date": "2026-01-05"}) == {"arrived_date": "2026-01-05"}
    for cells in ({"id_number": "1"}, {"name": "某"}, {"birth_date": "1990-01-01"}, {"no_such": "1"}, {}):
        with pytest.raises(DecisionError):
            cells_to_correct(contract, cells)


# --- content


def rows(*values: tuple[str, int | None]) -> pl.DataFrame:
    """Disputes with a number and deaths."""
    schema = lake_schema(load_contract("grid_disputes"))
    frame = pl.DataFrame({"dispute_no": [v[0] for v in values], "deaths": [v[1] for v in values]})
    frame = frame.with_columns(row_number=pl.int_range(1, pl.len() + 1), batch_id=pl.lit("b"))
    known = set(frame.columns)
    return frame.with_columns(pl.lit(None).alias(name) for name in schema if name not in known).select(
        pl.col(name).cast(dtype) for name, dtype in schema.items()
    )


def test_equal_content_has_one_digest_wherever_it_stands() -> None:
    contract = load_contract("grid_disputes")
    frame = rows(("J1", 0), ("J2", 0), ("J1", 0), ("J1", None))
    found = dict(digests(frame, contract).iter_rows())
    assert found[1] == found[3]
    assert len(set(found.values())) == 3
    elsewhere = frame.with_columns(batch_id=pl.lit("c"), period=pl.lit(date(2026, 2, 1)), row_number=pl.col("row_number") + 7)
    assert dict(digests(elsewhere, contract).iter_rows())[8] == found[1]


def test_what_moves_from_one_cell_to_the_next_is_other_content() -> None:
    contract = load_contract("grid_disputes")
    frame = rows(("J1", 0)).with_columns(community_code=pl.lit("1"), kind=pl.lit("23"))
    moved = frame.with_columns(community_code=pl.lit("12"), kind=pl.lit("3"))
    assert digests(frame, contract)["digest"].item() != digests(moved, contract)["digest"].item()


# --- tickets


def test_a_ticket_closes_itself_and_opens_again(store: Store) -> None:
    tickets = Tickets(store)
    assert tickets.reconcile({RULE: 3, OTHER: 2}, RUN) == Reconciled(opened=(1, 2))
    assert tickets.reconcile({RULE: 3, OTHER: 2}, RUN) == Reconciled()
    tickets.assign(1, LI, TODAY, assignee="王工", due=date(2026, 7, 20))
    assert tickets.reconcile({OTHER: 1}, RUN) == Reconciled(closed=(1,))
    closed = tickets.ticket(1)
    assert (closed.is_open, closed.rows, closed.is_overdue(date(2026, 8, 1))) == (False, 0, False)
    assert tickets.ticket(2).rows == 1
    assert tickets.reconcile({RULE: 1, OTHER: 1}, RUN) == Reconciled(reopened=(1,))
    again = tickets.ticket(1)
    assert (again.is_open, again.rows, again.assignee, again.due) == (True, 1, "", None)
    assert [step["step"] for step in tickets.steps(1)] == ["opened", "assigned", "closed", "reopened"]


def test_a_ticket_is_overdue_after_its_day(store: Store) -> None:
    tickets = Tickets(store)
    tickets.reconcile({RULE: 3}, RUN)
    tickets.assign(1, LI, TODAY, assignee="王工", due=TODAY)
    assert not tickets.ticket(1).is_overdue(TODAY)
    assert tickets.ticket(1).is_overdue(date(2026, 7, 16))
    with pytest.raises(TicketError):
        tickets.assign(1, LI, TODAY, assignee="王工", due=date(2026, 7, 14))
    with pytest.raises(TicketError):
        tickets.note(1, LI, "61062919900101123X")
    with pytest.raises(TicketError, match="no such ticket"):
        tickets.note(7, LI, "已致电")


def test_a_ticket_that_was_changed_afterwards_is_found(store: Store) -> None:
    tickets = Tickets(store)
    tickets.reconcile({RULE: 3}, RUN)
    tickets.note(1, LI, "已致电")
    assert broken_tickets(store) == []
    with store.transaction() as connection:
        connection.execute(sa.update(ticket_step).values(detail='{"note": "没有"}').where(ticket_step.c.number == 2))
    assert broken_tickets(store) == [1]


# --- the work list


def test_the_rows_that_decide_most_verdicts_per_row_come_first() -> None:
    # Row 0 decides verdicts 1 and 2; rows 1 and 2 together verdict 3; row 2 with row 0 verdict 4.
    touches = [(0, 1), (0, 2), (1, 3), (2, 3), (0, 4), (2, 4)]
    steps = bundles(touches)
    assert [(step.rows, step.verdicts) for step in steps] == [((0,), (1, 2)), ((2,), (4,)), ((1,), (3,))]


def test_every_verdict_is_decided_by_one_step_and_no_row_is_asked_for_twice() -> None:
    touches = [(row, verdict) for verdict in range(40) for row in {verdict % 7, verdict % 5, verdict % 3}]
    steps = bundles(touches)
    decided = [verdict for step in steps for verdict in step.verdicts]
    assert sorted(decided) == list(range(40))
    asked = [row for step in steps for row in step.rows]
    assert len(asked) == len(set(asked))
    settled: set[int] = set()
    for step in steps:
        settled |= {*step.rows}
        for verdict in step.verdicts:
            assert {row for row, other in touches if other == verdict} <= settled
