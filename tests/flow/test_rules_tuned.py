"""Tuned rules over a small county: rows come in and go out from the change's month on, as previewed, and stand as before once
it is withdrawn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from expectations.contract import load_contracts
from expectations.rules import cross_file_rules
from expectations.tuning import tunable_parts
from pipelines.actor import Actor
from pipelines.county import load_county
from pipelines.editions import Edition, current_edition
from pipelines.explain import explain
from pipelines.run import run
from pipelines.settings import Home
from pipelines.stewardship.preview import changed_figures
from pipelines.stewardship.rule_change_store import RuleChanges
from pipelines.stewardship.rule_changes import RuleDraft
from pipelines.stewardship.rule_preview import RulePreview, kept_preview, preview_rule
from pipelines.store import Slot, Store
from pipelines.verify import verify
from tests.flow.conftest import AS_OF, copied

LI, WANG = Actor("user", "li"), Actor("user", "wang")
SLOTS = [Slot("county_civil", "civil_facilities", f"2026-0{month}") for month in (1, 2, 3)]
TOO_LARGE = 150_000  # square metres; the contract takes 100,000 at the most
HEADER = "设施编号,社区代码,设施类型,建筑面积,室外面积,取得方式,启用日期,停用日期,功能室,亲民化改造日期\n"
WIDER = RuleDraft("civil_facilities", "floor_area_m2.range", {"maximum": 200_000}, "2026-02", None, "集镇综合体")
TIGHTER = RuleDraft("civil_facilities", "floor_area_m2.range", {"maximum": 50}, "2026-03", None, "只计小型用房")


def communities(home: Home) -> list[str]:
    with_place = pl.read_parquet(home.control / "units.parquet").filter(pl.col("unit_level") == "community", pl.col("valid_to").is_null())
    return sorted(with_place["unit_code"])[:2]


@pytest.fixture(scope="module")
def listed(published: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A county whose civil affairs list, every month, one building that is too large for the contract, and one that is not.
    Not to be changed."""
    home = copied(published, tmp_path_factory.mktemp("listed"))
    large, small = communities(home)
    text = f"{HEADER}F1,{large},综合服务,{TOO_LARGE},,新建,2020-01-01,,,\nF2,{small},综合服务,100,,新建,2020-01-01,,,\n"
    for slot in SLOTS:
        (home.landing / slot.supplier_id / slot.dataset / slot.period / "two.csv").write_text(text, encoding="utf-8")
    run(home, as_of=AS_OF)
    return home


@pytest.fixture
def home(listed: Home, copy_of: Callable[[Home], Home]) -> Home:
    return copy_of(listed)


def quarantined(home: Home) -> list[int]:
    """How many rows of the list are refused, by month."""
    accounts = pl.read_parquet(home.control / "batch_accounts.parquet").filter(dataset="civil_facilities").sort("period")
    return accounts["rows_quarantined"].to_list()


def area(edition: Edition, unit_code: str) -> list[float]:
    """The area per month that the community's figure has for sure."""
    figures = pl.read_parquet(edition.table("fct_kpi")).filter(
        kpi_id="service_building_area_m2", unit_code=unit_code, period_type="month", unit_basis="as_was"
    )
    return [float(value) for value in figures.unique("period").sort("period")["numerator"]]


def approve(home: Home, draft: RuleDraft) -> tuple[int, RulePreview]:
    """Proposes, previews and approves a change; its number, and what the preview said."""
    store = Store.of(home)
    try:
        changes = RuleChanges(store)
        number = changes.propose(draft, LI)
        found = preview_rule(home, load_county(home.county_file), store, changes.change(number))
        changes.approve(number, WANG)
    finally:
        store.close()
    return number, found


def withdraw(home: Home, number: int) -> None:
    store = Store.of(home)
    RuleChanges(store).withdraw(number, LI, "恢复原口径")
    store.close()


def published_again(home: Home) -> Edition:
    run(home, as_of=AS_OF)
    return current_edition(home)


def of_months(figures: pl.DataFrame, months: list[str]) -> pl.DataFrame:
    return figures.filter(pl.col("period_type") == "month", pl.col("period").dt.strftime("%Y-%m").is_in(months))


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*.parquet"))}


def test_a_wider_range_lets_rows_in_from_its_month_on_as_previewed_and_is_undone_by_withdrawing(home: Home) -> None:
    before = current_edition(home)
    large, _ = communities(home)
    assert quarantined(home) == [1, 1, 1]
    accounts = (home.control / "batch_accounts.parquet").read_bytes()
    delivered = files_of(home.lake / "civil_facilities")

    number, previewed = approve(home, WIDER)
    assert files_of(home.lake / "civil_facilities") == delivered  # a preview leaves nothing in the lake
    assert previewed.months == ["2026-02", "2026-03"] and not previewed.is_trial
    assert previewed.rows.rows() == [
        ("civil_facilities", month, "county_civil", 0, 1) for month in ("2026-02", "2026-03")
    ]  # fmt: skip
    kept = kept_preview(home, number, before)
    assert kept is not None and kept.figures.equals(previewed.figures)

    after = published_again(home)
    assert quarantined(home) == [1, 0, 0]
    assert area(after, large)[1:] == [TOO_LARGE, TOO_LARGE] and area(after, large)[0] != TOO_LARGE
    happened = of_months(changed_figures(before.table("fct_kpi"), after.table("fct_kpi")), previewed.months)
    assert happened.height and happened.equals(previewed.figures)
    for name, content in delivered.items():
        assert files_of(home.lake / "civil_facilities")[name] == content
    assert published_again(home).id == after.id  # doing it again changes nothing
    explained = explain(home, before, after)
    assert explained.causes["steward_decision"] == "changed"
    assert {cause for cause, value in explained.causes.items() if value == "changed"} == {"steward_decision"}
    assert set(explained.parts["cause"]) == {"steward_decision"}

    withdraw(home, number)
    again = published_again(home)
    assert (home.control / "batch_accounts.parquet").read_bytes() == accounts
    assert changed_figures(before.table("fct_kpi"), again.table("fct_kpi")).is_empty()
    assert verify(home).damages == []


def test_a_tighter_range_refuses_rows_as_previewed(home: Home) -> None:
    before = current_edition(home)
    _, previewed = approve(home, TIGHTER)
    assert previewed.rows.rows() == [("civil_facilities", "2026-03", "county_civil", 1, 0)]
    tighter = published_again(home)
    assert quarantined(home) == [1, 1, 2]
    assert of_months(changed_figures(before.table("fct_kpi"), tighter.table("fct_kpi")), ["2026-03"]).equals(previewed.figures)


def test_a_milder_severity_lets_rows_count_in_its_months_alone(home: Home) -> None:
    _, small = communities(home)
    text = f"{HEADER}F2,{small},综合服务,100,,新建,2020-01-01,2019-01-01,,\n"
    for slot in SLOTS:
        (home.landing / slot.supplier_id / slot.dataset / slot.period / "closed.csv").write_text(text, encoding="utf-8")
    run(home, as_of=AS_OF)
    assert quarantined(home) == [1, 1, 1]
    milder = RuleDraft("civil_facilities", "closed_after_opened", {"severity": "warning"}, "2026-01", "2026-01", "当月有误")
    _, previewed = approve(home, milder)
    assert previewed.rows.rows() == [("civil_facilities", "2026-01", "county_civil", 0, 1)]
    published_again(home)
    assert quarantined(home) == [0, 1, 1]
    results = pl.read_parquet(home.control / "rule_results.parquet").filter(rule_id="closed_after_opened").sort("period")
    own = results.filter(dataset="civil_facilities")
    assert own["severity"].to_list() == ["warning", "error", "error"] and own["rows_failed"].to_list() == [1, 1, 1]


def test_a_change_for_later_months_is_tried_on_the_last_three(home: Home) -> None:
    store = Store.of(home)
    changes = RuleChanges(store)
    number = changes.propose(RuleDraft("civil_facilities", "floor_area_m2.range", {"maximum": 200_000}, "2027-01", None, "明年起"), LI)
    found = preview_rule(home, load_county(home.county_file), store, changes.change(number))
    store.close()
    assert found.is_trial and found.months == ["2026-01", "2026-02", "2026-03"]
    assert (found.let_in, found.refused) == (3, 0)


def test_new_files_are_held_to_the_rules_of_their_month_and_refused_ones_are_tried_again(home: Home) -> None:
    large, _ = communities(home)
    rows = "".join(f"L{number},{large},综合服务,{TOO_LARGE},,新建,2020-01-01,,,\n" for number in range(30))
    file = home.landing / "county_civil" / "civil_facilities" / "2026-03" / "many.csv"
    file.write_text(HEADER + rows, encoding="utf-8")
    (refused,) = run(home, as_of=AS_OF).files
    assert refused.refusal is not None and refused.refusal.code == "too_many_bad_rows"
    assert run(home, as_of=AS_OF).files == []
    number, _ = approve(home, WIDER)
    (taken,) = run(home, as_of=AS_OF).files
    assert (taken.outcome, taken.rows_failed) == ("accepted", 0)
    assert quarantined(home) == [1, 0, 0]
    withdraw(home, number)
    run(home, as_of=AS_OF)
    assert quarantined(home) == [1, 1, 30]  # what was taken in stays, judged as shipped


def test_a_rule_across_files_that_only_warns_is_explained_as_well(home: Home) -> None:
    results = pl.read_parquet(home.control / "rule_results.parquet").filter(severity="error", rule_version=1)
    tunable = {
        (contract.dataset, rule.id)
        for contract in load_contracts().values()
        for rule in cross_file_rules(contract)
        if "severity" in tunable_parts(rule) and rule.severity == "error"
    }
    failing = [
        place for place in results.filter(pl.col("rows_failed") > 0).select("dataset", "rule_id").unique().sort("dataset").iter_rows()
        if place in tunable
    ]  # fmt: skip
    if not failing:
        pytest.skip("no row of the sample breaks a rule across files that may be tuned")
    dataset, rule = failing[0]
    before = current_edition(home)
    _, previewed = approve(home, RuleDraft(dataset, rule, {"severity": "warning"}, "2026-01", None, "核实后放宽"))
    assert previewed.let_in and not previewed.refused
    after = published_again(home)
    happened = of_months(changed_figures(before.table("fct_kpi"), after.table("fct_kpi")), previewed.months)
    assert happened.equals(previewed.figures)
    explained = explain(home, before, after)
    assert {cause for cause, value in explained.causes.items() if value == "changed"} == {"steward_decision"}
