"""Rules tuned as data: what a tuned contract demands, for which months, who may tune what, and what a store keeps of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa

from expectations.contract import load_contract, load_contracts
from expectations.rules import Between, InSet, cross_file_rules, file_rules, rule_catalogue
from expectations.tuning import Tuning, tunable_parts, tuned
from pipelines import audit_log
from pipelines.actor import Actor
from pipelines.county import County, save_county
from pipelines.lake import write_parquet
from pipelines.protection import respell
from pipelines.protection.protect import lake_schema
from pipelines.settings import Home
from pipelines.stewardship.rule_change_store import (
    RULE_CHANGES,
    RuleChanges,
    broken_rule_changes,
    rule_change,
)
from pipelines.stewardship.rule_changes import (
    NoSuchRuleChange,
    RuleChange,
    RuleChangeError,
    RuleDraft,
    RulesInForce,
    checked_draft,
    spellings_of,
    told,
)
from pipelines.stewardship.rule_standing import standings
from pipelines.store import Store
from pipelines.verify import verify
from tests.support.commands import Command

DISPUTES = load_contract("grid_disputes")
LI, WANG = Actor("user", "li"), Actor("user", "wang")
RANGE = RuleDraft("grid_disputes", "deaths.range", {"maximum": 50}, "2026-02", None, "按年度核定")


def check_of(dataset: str, tuning: Tuning) -> Any:
    rules = {rule.id: rule for rule in file_rules(tuned(load_contract(dataset), [tuning]), True)}
    return rules[tuning.rule_id]


def in_force(number: int, draft: RuleDraft) -> RuleChange:
    return RuleChange(number, draft, state="in_force", at="2026-02-01T00:00:00+00:00", by=LI)


# --- tuned contracts


def test_a_tuned_range_demands_other_bounds_and_has_a_version_of_its_own() -> None:
    rule = check_of("grid_disputes", Tuning(3, "deaths.range", maximum=50))
    assert rule.check == Between("deaths", 0, 50) and rule.version == 3001
    assert "50" in rule.zh and "> 50" in rule.failing_sql
    others = {rule.id: rule for rule in file_rules(DISPUTES, True) if rule.id != "deaths.range"}
    assert {rule.id: rule for rule in file_rules(tuned(DISPUTES, [Tuning(3, "deaths.range", maximum=50)]), True) if rule.id in others} == others


def test_spellings_and_values_come_and_go() -> None:
    rule = check_of("grid_disputes", Tuning(1, "kind.known_value", spellings={"邻里": "civil", "信访": "petition"}, removed=("land",)))
    assert isinstance(rule.check, InSet)
    shipped = DISPUTES.column("kind").values
    assert set(rule.check.values) == {*shipped, "petition"} - {"land"}


def test_a_batch_is_read_anew_by_spellings_that_were_added_and_else_is_the_same() -> None:
    frame = pl.DataFrame({"kind": ["邻里", "civil", "未知"]}, schema_overrides={"kind": pl.String})
    batch = frame.match_to_schema(lake_schema(DISPUTES), missing_columns="insert")
    contract = tuned(DISPUTES, [Tuning(1, "kind.known_value", spellings={"邻里": "civil"})])
    assert respell(batch, contract)["kind"].to_list() == ["civil", "civil", "未知"]
    assert respell(batch, DISPUTES) is batch
    assert respell(batch, tuned(DISPUTES, [Tuning(1, "deaths.range", maximum=5)])) is batch


def test_severity_is_tuned_inside_files_and_across_them() -> None:
    contract = load_contract("grid_disputes")
    rule = next(rule for rule in contract.rules if rule.severity == "error")
    milder = {one.id: one for one in file_rules(tuned(contract, [Tuning(2, rule.id, severity="warning")]), True)}[rule.id]
    assert (milder.severity, milder.version) == ("warning", rule.version + 2000)
    across = next(
        (contract, rule) for contract in load_contracts().values() for rule in cross_file_rules(contract) if tunable_parts(rule)
    )
    other = "warning" if across[1].severity == "error" else "error"
    tuned_across = tuned(across[0], [Tuning(1, across[1].id, severity=other)])
    assert {one.id: one.severity for one in cross_file_rules(tuned_across)}[across[1].id] == other


def test_a_rule_that_places_reads_or_tells_rows_apart_stays_an_error() -> None:
    for contract in load_contracts().values():
        for rule in rule_catalogue(contract, sample=False):
            if rule.id.endswith((".readable", ".required", ".format", ".exists", ".known_value")) or rule.id.startswith(("key.", "outside_")):
                assert "severity" not in tunable_parts(rule), (contract.dataset, rule.id)
            if rule.severity == "duplicate":
                assert tunable_parts(rule) == set()


# --- which months


def test_a_change_holds_from_its_month_on_and_until_its_last() -> None:
    rules = RulesInForce.of([in_force(1, replace(RANGE, last_month="2026-03"))])
    assert [rules.digest("grid_disputes", f"2026-0{month}") is None for month in (1, 2, 3, 4)] == [True, False, False, True]
    assert rules.contract("grid_disputes", "2026-01") is DISPUTES
    assert rules.contract("grid_disputes", "2026-02").column("deaths").maximum == 50
    assert rules.contract("grid_events", "2026-02") is load_contract("grid_events")


def test_of_several_changes_of_a_rule_the_one_proposed_last_holds_and_others_stay() -> None:
    later = replace(RANGE, content={"maximum": 20}, first_month="2026-03")
    rules = RulesInForce.of([in_force(2, later), in_force(1, RANGE), replace(in_force(3, RANGE), state="proposed")])
    assert [rules.contract("grid_disputes", f"2026-0{month}").column("deaths").maximum for month in (2, 3)] == [50, 20]
    assert rules.digest("grid_disputes", "2026-02") != rules.digest("grid_disputes", "2026-03")
    assert rules.numbers == [1, 2]


def test_a_change_across_files_asks_for_no_other_batches() -> None:
    dataset, rule = next(
        (contract.dataset, rule) for contract in load_contracts().values() for rule in cross_file_rules(contract) if tunable_parts(rule)
    )
    other = "warning" if rule.severity == "error" else "error"
    rules = RulesInForce.of([in_force(1, RuleDraft(dataset, rule.id, {"severity": other}, "2026-01", None, "x"))])
    assert rules.digest(dataset, "2026-01") is None
    assert rules.contract(dataset, "2026-01").tuned


# --- what may be proposed


@pytest.mark.parametrize(
    ("draft", "where"),
    [
        (replace(RANGE, dataset="nothing"), "dataset"),
        (replace(RANGE, rule_id="nothing"), "rule"),
        (replace(RANGE, rule_id="kind.required"), "rule"),
        (replace(RANGE, content={}), "change"),
        (replace(RANGE, content={"spellings": {"邻里": "civil"}}), "values"),
        (replace(RANGE, content={"maximum": "many"}), "maximum"),
        (replace(RANGE, content={"maximum": float("nan")}), "maximum"),
        (replace(RANGE, content={"minimum": 60, "maximum": 50}), "minimum, maximum"),
        (replace(RANGE, content={"maximum": 100}), "minimum, maximum"),
        (replace(RANGE, content={"severity": "error"}), "severity"),
        (replace(RANGE, content={"severity": "duplicate"}), "severity"),
        (replace(RANGE, first_month="2026-2x"), "from, to"),
        (replace(RANGE, last_month="2026-01"), "from, to"),
        (replace(RANGE, reason=" "), "reason"),
        (replace(RANGE, rule_id="kind.known_value", content={"removed": ("nothing",)}), "removed"),
        (replace(RANGE, rule_id="kind.known_value", content={"removed": tuple(DISPUTES.column("kind").values)}), "spellings, removed"),
        (replace(RANGE, rule_id="kind.known_value", content={"spellings": {"land": "civil"}}), "spellings"),
        (replace(RANGE, rule_id="kind.known_value", content={"spellings": {"邻里": "邻里"}}), "spellings"),
        (replace(RANGE, rule_id="kind.known_value", content={"severity": "warning"}), "severity"),
    ],
)
def test_what_cannot_be_tuned_so_is_refused_with_its_place(draft: RuleDraft, where: str) -> None:
    with pytest.raises(RuleChangeError) as refused:
        checked_draft(draft)
    assert refused.value.where == where


def test_an_identity_number_is_no_spelling() -> None:
    with pytest.raises(RuleChangeError) as refused:
        checked_draft(replace(RANGE, rule_id="kind.known_value", content={"spellings": {"99900119900101123X": "civil"}}))
    assert "999001" not in refused.value.en


def test_numbers_of_forms_are_read_and_empty_parts_left_out() -> None:
    checked = checked_draft(replace(RANGE, content={"minimum": "", "maximum": " 50 ", "spellings": {}, "removed": [], "severity": ""}))
    assert checked.content == {"maximum": 50.0}
    assert spellings_of(["邻里=civil", "a=b=civil"]) == {"邻里": "civil", "a=b": "civil"}
    with pytest.raises(RuleChangeError):
        spellings_of(["邻里"])
    assert told(checked).zh == "上限 50" and told(checked).en == "maximum 50"


# --- the store


def test_a_change_waits_for_a_second_person_and_ends_when_it_is_withdrawn(store: Store) -> None:
    changes = RuleChanges(store)
    number = changes.propose(RANGE, LI)
    assert changes.in_force().changes == ()
    with pytest.raises(RuleChangeError, match="somebody else"):
        changes.approve(number, LI)
    changes.approve(number, WANG, "已核对")
    assert changes.in_force().numbers == [number]
    settled = changes.change(number)
    assert (settled.state, settled.by, settled.settled_by, settled.note) == ("in_force", LI, WANG, "已核对")
    with pytest.raises(RuleChangeError, match="waits for approval"):
        changes.refuse(number, WANG, "晚了")
    changes.withdraw(number, LI, "恢复")
    assert changes.in_force().changes == ()
    assert [step["step"] for step in changes.steps(number)] == ["proposed", "in_force", "withdrawn"]
    assert [entry["detail"] for entry in audit_log.entries(store, action="rule_change")] == ["withdrawn", "in_force", "proposed"]
    assert audit_log.verify_audit_log(store).is_whole and broken_rule_changes(store) == []
    with pytest.raises(NoSuchRuleChange):
        changes.withdraw(99, LI, "x")


def test_one_person_decides_where_a_county_says_so_and_one_change_of_a_rule_waits_at_a_time(store: Store) -> None:
    assert RuleChanges(store, two_persons=False).propose(RANGE, LI) in RuleChanges(store).in_force().numbers
    waiting = RuleChanges(store).propose(replace(RANGE, content={"maximum": 20}), LI)
    with pytest.raises(RuleChangeError, match=f"change {waiting}"):
        RuleChanges(store).propose(replace(RANGE, content={"maximum": 30}), WANG)
    with pytest.raises(RuleChangeError):
        RuleChanges(store).refuse(waiting, WANG, "")
    RuleChanges(store).refuse(waiting, WANG, "依据不足")
    RuleChanges(store).propose(replace(RANGE, content={"maximum": 30}), WANG)


@pytest.mark.parametrize("tampering", ["content", "state", "step", "deleted"])
def test_a_change_that_was_tampered_with_is_told(home: Home, tampering: str) -> None:
    store = Store.of(home)
    number = RuleChanges(store).propose(RANGE, LI)
    RuleChanges(store).approve(number, WANG)
    statement: sa.sql.expression.Executable = {
        "content": rule_change.update().values(content='{"maximum": 99}'),
        "state": rule_change.update().values(state="withdrawn"),
        "step": RULE_CHANGES.steps.update().where(RULE_CHANGES.steps.c.number == 2).values(actor="li"),
        "deleted": RULE_CHANGES.steps.delete().where(RULE_CHANGES.steps.c.number == 2),
    }[tampering]
    with store.transaction() as connection:
        connection.execute(statement)
    assert broken_rule_changes(store) == [number]
    store.close()
    assert [damage.where for damage in verify(home).damages if damage.what == "rule_change"] == [f"change {number}"]


# --- rules that never or always fail


def test_rules_that_never_or_always_fail_over_three_months_are_pointed_out(home: Home) -> None:
    assert standings(home).is_empty()
    failed = {"never": (0, 0, 0), "always": (5, 5, 5), "once": (0, 1, 0), "unused": (0, 0, 0)}
    rows = [
        ("d", rule, date(2026, month + 1, 1), 0 if rule == "unused" and month else 5, count)
        for rule, counts in failed.items()
        for month, count in enumerate(counts)
    ]
    frame = pl.DataFrame(rows, ["dataset", "rule_id", "period", "rows_checked", "rows_failed"], orient="row")
    write_parquet(frame, home.control / "rule_results.parquet")
    found = {row["rule_id"]: row["standing"] for row in standings(home).iter_rows(named=True)}
    assert found == {"never": "never", "always": "always", "once": None, "unused": None}


# --- the command line

RULES = Command("steward", "rules")


def test_a_change_goes_through_the_command_line(tmp_path: Path, county: County, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path)
    save_county(county, home.county_file)
    monkeypatch.setenv("WAREHOUSE_HOME", str(tmp_path))
    options = ("--maximum", "50", "--from", "2026-02", "--reason", "核定")
    proposed = RULES.answer("propose", "grid_disputes", "deaths.range", *options)["change"]
    assert (proposed["state"], proposed["content"], proposed["what"]["zh"]) == ("proposed", {"maximum": 50.0}, "上限 50")
    with pytest.raises(RuleChangeError, match="somebody else"):
        RULES.answer("approve", "1")
    assert RULES.answer("withdraw", "1", "--note", "重提")["change"]["state"] == "withdrawn"
    save_county(county.model_copy(update={"steward": county.steward.model_copy(update={"two_persons": False})}), home.county_file)
    spelling = ("--spelling", "邻里=civil", "--from", "2026-02", "--to", "2026-06", "--reason", "地方写法")
    assert RULES.answer("propose", "grid_disputes", "kind.known_value", *spelling)["change"]["state"] == "in_force"
    listed = RULES.answer("list", "--dataset", "grid_disputes")
    assert [one["state"] for one in listed["changes"]] == ["withdrawn", "in_force"]
    assert {"rule_id", "tunable", "severity", "zh", "en"} == set(listed["rules"][0])
    assert RULES.answer("idle")["rules"] == []
    text = RULES.run("list")[1]
    assert "示例数据" in text and "上限 50" in text and "“邻里” means civil" in text
