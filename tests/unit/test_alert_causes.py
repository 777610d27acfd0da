"""What is a cause for an alert: by each kind what raises it, what ends it, and what its words never hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import pytest

from pipelines.actor import Actor
from pipelines.alert_causes import FINDERS, Look
from pipelines.alert_store import Alerts
from pipelines.alert_watch import is_running
from pipelines.alerts import KINDS, Cause, Kind
from pipelines.county import County, save_county
from pipelines.disk import DiskTrouble
from pipelines.errors import Words
from pipelines.follow_up import Assignment, Key, Step
from pipelines.follow_up_edition import asking, flag_of
from pipelines.follow_up_store import FollowUp
from pipelines.objection_edition import contested_of, subjects_of
from pipelines.objection_store import Objections
from pipelines.objections import Claim
from pipelines.objections import Step as Reply
from pipelines.run import open_session
from pipelines.settings import Home
from pipelines.store import Slot, Store, append_delivery
from tests.support.edition import SMALL, build_edition

DUE, AFTER = date(2026, 2, 5), date(2026, 2, 6)
JANUARY = "2026-01"
WANG = Actor("system_user", "wang")


@pytest.fixture
def store(store_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("WAREHOUSE_STORE", store_url)
    store = Store(store_url)
    yield store
    store.close()


@pytest.fixture
def look(home: Home, county: County, store: Store) -> Look:
    return Look(home, county, store, AFTER)


def found(kind: Kind, look: Look) -> list[Cause]:
    causes = FINDERS[kind](look)
    assert [one for one in causes if one.kind != kind] == []
    assert len({one.subject for one in causes}) == len(causes)
    return causes


def deliver(store: Store, slot: Slot, outcome: str = "accepted", code: str | None = None) -> None:
    entry = {
        "run_id": "r1", "supplier_id": slot.supplier_id, "dataset": slot.dataset, "period": slot.period,
        "file_name": "王小明.csv", "file_hash": f"{slot}", "received_at": "2026-02-03T00:00:00+00:00", "outcome": outcome,
        "contract_version": 1, "refusal_code": code, "refusal_zh": "第 3 行 王小明", "refusal_en": "row 3",
        "batch_id": None if code else f"b {slot}",
    }  # fmt: skip
    with store.transaction() as transaction:
        append_delivery(transaction, entry)


def test_every_kind_has_a_finder_and_is_told_to_somebody() -> None:
    assert set(FINDERS) == set(KINDS)
    assert all(about.roles for about in KINDS.values())


# --- deliveries ---------------------------------------------------------------------------------------------


def test_nothing_is_missing_before_its_day_is_over(look: Look) -> None:
    assert found("delivery_missing", replace(look, as_of=DUE)) == []
    assert len(found("delivery_missing", look)) == len(look.county.suppliers)


def test_what_a_supplier_owes_of_a_month_is_one_cause_that_ends_with_the_last_file(look: Look) -> None:
    def of_grid() -> list[Cause]:
        return [one for one in found("delivery_missing", look) if one.supplier_id == "grid_610629101"]

    (owed,) = of_grid()
    assert (owed.subject, owed.weight, owed.since, owed.areas) == ("grid_610629101/2026-01", 3, "2026-02-05", ("610629101",))
    assert "矛盾纠纷" in owed.said.zh and "Disputes" in owed.said.en
    deliver(look.store, Slot("grid_610629101", "grid_grids", JANUARY))
    (owed,) = of_grid()
    assert owed.weight == 2
    deliver(look.store, Slot("grid_610629101", "grid_residents", JANUARY))
    deliver(look.store, Slot("grid_610629101", "grid_disputes", JANUARY), "refused", "header_missing")
    assert of_grid() == []


def test_no_month_is_missed_after_the_last_or_before_the_first(look: Look) -> None:
    county = look.county.model_copy(update={"first_period": "2026-02", "last_period": "2026-03"})
    months = {one.subject[-7:] for one in found("delivery_missing", replace(look, county=county, as_of=date(2027, 1, 1)))}
    assert months == {"2026-02", "2026-03"}


def test_a_refused_file_is_a_cause_until_one_is_accepted_and_quotes_nothing_of_it(look: Look) -> None:
    slot = Slot("grid_610629101", "grid_disputes", JANUARY)
    deliver(look.store, slot)
    deliver(look.store, slot, "refused", "header_missing")
    (refused,) = found("delivery_refused", look)
    assert refused.subject == "grid_610629101/grid_disputes/2026-01"
    assert "header_missing" in refused.said.zh and "A required column is missing" in refused.said.en
    assert "王小明" not in refused.said.zh + refused.said.en
    deliver(look.store, slot)
    assert found("delivery_refused", look) == []


# --- runs ---------------------------------------------------------------------------------------------------


def start(store: Store, number: int) -> str:
    run_id = f"20260211T00000{number}"
    store.start_run(run_id, AFTER)
    return run_id


def fail(store: Store, number: int, why: str) -> None:
    store.finish_run(start(store, number), "failed", message=Words(why, why))


def test_failed_runs_are_one_cause_until_one_goes_through(look: Look) -> None:
    store = look.store
    fail(store, 1, "磁盘已满 /tmp")
    (first,) = found("run_failed", look)
    assert (first.subject, first.weight) == ("20260211T000001", 1) and "磁盘已满" in first.said.zh
    fail(store, 2, "磁盘已满 /tmp")
    assert found("run_failed", look) == [first]
    fail(store, 3, "审核未通过")
    (worse,) = found("run_failed", look)
    assert (worse.subject, worse.weight) == (first.subject, 2) and "审核未通过" in worse.said.en
    store.finish_run(start(store, 4), "partial")
    assert len(found("run_failed", look)) == 1
    store.finish_run(start(store, 5), "unchanged")
    assert found("run_failed", look) == []


def test_where_the_data_root_lies_is_not_told(look: Look) -> None:
    fail(look.store, 1, f"没有文件。位置：{look.home.root}/landing/x")
    (cause,) = found("run_failed", look)
    assert str(look.home.root) not in cause.said.zh and "landing/x" in cause.said.zh


def test_a_run_without_an_end_died_unless_its_process_has_the_lease(look: Look) -> None:
    start(look.store, 1)
    assert found("run_died", replace(look, is_running=True)) == []
    (died,) = found("run_died", look)
    assert died.subject == "20260211T000001"
    start(look.store, 2)
    assert found("run_died", replace(look, is_running=True)) == [died]
    look.store.finish_run("20260211T000002", "published")
    assert found("run_died", look) == found("run_failed", look) == []


def test_whether_a_run_goes_on_is_told_by_its_lease(home: Home, county: County) -> None:
    save_county(county, home.county_file)
    assert not is_running(home)
    with open_session(home):
        assert is_running(home)
    assert not is_running(home)


def test_a_run_that_cannot_begin_is_one_that_failed(home: Home, county: County, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise OSError("no space left, 王小明")

    save_county(county, home.county_file)
    monkeypatch.setattr("pipelines.run.prepare_lake", broken)
    with pytest.raises(DiskTrouble, match="OSError"), open_session(home):
        raise AssertionError("it began")
    (raised,) = [one for one in Alerts(store).all() if one.cause.kind == "run_failed"]
    assert "OSError" in raised.cause.said.zh and "王小明" not in raised.cause.said.zh
    last = store.last_run()
    assert last is not None and last["outcome"] == "failed"


# --- what editions say --------------------------------------------------------------------------------------


@pytest.fixture
def published(look: Look) -> Look:
    """With two editions, of which the newer one is current."""
    build_edition(look.home.published, replace(SMALL, edition_id="20260701T000000-older"))
    build_edition(look.home.published, replace(SMALL, edition_id="20260801T000000-newer"))
    return look


def ask(look: Look, sql: str) -> list[tuple[str, ...]]:
    with duckdb.connect(str(look.home.pointer.resolve()), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_refused_rows_are_a_cause_for_their_supplier_and_month(published: Look) -> None:
    rows = ask(
        published, "select supplier_id, strftime(period, '%Y-%m'), sum(rows_quarantined)::int from fct_delivery"
        " where rows_quarantined > 0 group by all",
    )  # fmt: skip
    suppliers = tuple(
        published.county.suppliers[0].model_copy(update={"id": name, "covers": ("610629001",)}) for name, _, _ in rows
    )
    look = replace(published, county=published.county.model_copy(update={"suppliers": suppliers}))
    assert {(one.subject, one.weight) for one in found("rows_refused", look)} == {(f"{name}/{month}", count) for name, month, count in rows}
    assert rows
    nobody = look.county.model_copy(update={"suppliers": ()})  # as where a supplier is no longer the county's
    assert found("rows_refused", replace(look, county=nobody)) == []


def test_flags_that_the_edition_before_did_not_have_are_one_cause(published: Look) -> None:
    assert found("new_flags", published) == []
    kpi, count = ask(
        published, "with standing as (select kpi_id, arg_max(status <> 'met' and certainty = 'confirmed', period) as is_flagged"
        " from fct_flag where period_type = 'month' and unit_level = 'community' group by kpi_id, unit_key, target_id)"
        " select kpi_id, count(*) from standing where is_flagged group by 1 order by 2 desc limit 1",
    )[0]  # fmt: skip
    without(published.home.editions / "20260701T000000-older" / "fct_flag.parquet", kpi)
    again = replace(published, home=moved(published.home))
    (cause,) = found("new_flags", again)
    assert (cause.subject, cause.weight) == ("20260801T000000-newer", count)
    (name,) = ask(again, f"select name_zh from dim_kpi where kpi_id = '{kpi}'")[0]
    assert f"{name} {count}" in cause.said.zh


def test_the_first_edition_has_no_new_flags(look: Look) -> None:
    assert found("new_flags", look) == found("rows_refused", look) == []
    build_edition(look.home.published)
    assert found("new_flags", look) == []


def without(flags: Path, kpi: str) -> None:
    """Takes the flags of a KPI out of an edition."""
    kept = flags.with_suffix(".kept")
    duckdb.sql(f"copy (select * from '{flags}' where kpi_id <> '{kpi}') to '{kept}' (format parquet)")
    kept.replace(flags)


def moved(home: Home) -> Home:
    """The same editions at another place, where nothing is known of them yet."""
    return Home(home.root.rename(home.root.with_name("moved")))


# --- follow-up ----------------------------------------------------------------------------------------------


def test_a_task_is_overdue_until_it_is_answered(published: Look) -> None:
    key = ask(
        published, "select unit_key, kpi_id, target_id, any_value(unit_code) from fct_flag where period_type = 'month'"
        " and status = 'missed' and certainty = 'confirmed' and period = '2026-06-01' group by all order by all",
    )[0]  # fmt: skip
    with asking(published.home) as asked:
        flag = flag_of(asked, Key(*key[:3]), "month", date(2026, 6, 1))
    tasks = FollowUp(published.store)
    task = tasks.open(flag, WANG, date(2026, 7, 1), Assignment(date(2026, 7, 31), "限期整改"))
    assert found("follow_up_overdue", replace(published, as_of=date(2026, 7, 31))) == []
    (cause,) = found("follow_up_overdue", replace(published, as_of=date(2026, 8, 1)))
    assert (cause.subject, cause.areas, cause.since) == (f"{task}", (flag.unit_code,), "2026-07-31")
    assert flag.unit_name in cause.said.zh
    tasks.step(task, Step("answered", "已办结"), WANG, date(2026, 8, 1))
    assert found("follow_up_overdue", replace(published, as_of=date(2026, 8, 2))) == []


@pytest.mark.parametrize("end", [Reply("answered", "已补登", "upheld"), Reply("withdrawn")], ids=["answered", "withdrawn"])
def test_an_objection_is_overdue_until_it_is_answered_or_withdrawn(published: Look, end: Reply) -> None:
    with asking(published.home) as asked:
        subjects = subjects_of(asked, "610629001001", "dispute_handling_rate", "month", date(2026, 6, 1))
        contested = contested_of(asked, subjects[0])
    objections = Objections(published.store)
    number = objections.open(Claim(contested, "李小明的一件未计入", date(2026, 7, 31)), WANG, date(2026, 7, 17))
    assert found("objection_overdue", replace(published, as_of=date(2026, 7, 31))) == []
    (cause,) = found("objection_overdue", replace(published, as_of=date(2026, 8, 1)))
    assert (cause.subject, cause.areas, cause.since, cause.agency) == (f"{number}", ("610629001001",), "2026-07-31", contested.owner_agency)
    assert contested.unit_name in cause.said.zh and "李小明" not in cause.said.zh + cause.said.en
    objections.step(number, end, WANG)
    assert found("objection_overdue", replace(published, as_of=date(2026, 8, 1))) == []


def test_an_overdue_objection_lies_where_its_unit_lies_now(published: Look) -> None:
    with asking(published.home) as asked:
        contested = contested_of(asked, subjects_of(asked, "610629001001", "dispute_handling_rate", "month", date(2026, 6, 1))[0])
    of_then = replace(contested, unit_code="610629001099")
    Objections(published.store).open(Claim(of_then, "少计一件", date(2026, 7, 31)), WANG, date(2026, 7, 17))
    (cause,) = found("objection_overdue", replace(published, as_of=date(2026, 8, 1)))
    assert cause.areas == (contested.unit_code,)
