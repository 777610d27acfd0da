"""From a missed target to its closing: assigned by a person, closed by the edition that shows it met, opened again by one that does not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from pipelines.actor import Actor
from pipelines.follow_up import Assignment, Flag, Step
from pipelines.follow_up_edition import Ask, asking, figures_now, flag_of, flagged_targets
from pipelines.follow_up_store import FollowUp
from pipelines.publish import current_manifest
from pipelines.run import RunSummary, as_json, run
from pipelines.settings import Home
from pipelines.store import Store
from pipelines.verify import verify
from tests.flow.conftest import AS_OF

KPI = "service_building_area_m2"
TODAY = date(2026, 4, 20)
WANG = Actor("system_user", "wang")
HEADER = "设施编号,社区代码,设施类型,建筑面积,室外面积,取得方式,启用日期,停用日期,功能室,亲民化改造日期\n"


def missed_flag(home: Home) -> Flag:
    """Of a community that has missed the area of its building, for sure, in the latest month."""
    with asking(home) as ask:
        [key] = flagged_targets(ask, missed_community(ask), KPI, "month", None)
        return flag_of(ask, key)


def missed_community(ask: Ask) -> str:
    """The code of that community."""
    found = ask(
        "select unit_code from fct_flag where kpi_id = ? and period_type = 'month' and unit_level = 'community'"
        " and status = 'missed' and certainty = 'confirmed' and period = (select max(period) from fct_flag"
        " where period_type = 'month' and kpi_id = ?) order by unit_code limit 1",
        (KPI, KPI),
    )
    return str(found.item())


def deliver(home: Home, unit_code: str, area: int) -> RunSummary:
    """Civil affairs correct their list of March: the community has one building of this size. Then a run."""
    folder = home.landing / "county_civil" / "civil_facilities" / "2026-03"
    text = f"{HEADER}F1,{unit_code},综合服务,{area},,新建,2020-01-01,,,\n"
    (folder / f"corrected_{area}.csv").write_text(text, encoding="utf-8")
    return run(home, as_of=AS_OF)


def test_a_task_is_closed_by_the_edition_that_shows_the_target_met_and_opened_again_by_one_that_does_not(
    published: Home, copy_of: Callable[[Home], Home]
) -> None:
    home = copy_of(published)
    flag = missed_flag(home)
    unit_code, key = flag.unit_code, flag.key
    store = Store.of(home)
    tasks = FollowUp(store)
    task_id = tasks.open(flag, WANG, TODAY, Assignment(date(2026, 4, 30), "补建社区用房"))
    tasks.step(task_id, Step("answered", "已购置用房"), WANG, TODAY)

    nothing_new = run(home, as_of=AS_OF)
    assert nothing_new.publication is not None and not nothing_new.publication.is_new
    assert tasks.task(task_id).state == "answered"
    assert as_json(nothing_new)["follow_up"] == {"closed": [], "reopened": []}

    corrected = deliver(home, unit_code, 5000)
    assert corrected.publication is not None and corrected.publication.is_new
    assert as_json(corrected)["follow_up"] == {"closed": [task_id], "reopened": []}
    closed = tasks.task(task_id)
    last = tasks.events(task_id)[-1]
    assert closed.state == last.state == "closed"
    assert last.actor == Actor("run", corrected.run_id)
    assert last.figure is not None
    assert last.figure.edition_id == corrected.publication.edition_id != flag.figure.edition_id
    assert (last.figure.numerator, last.figure.status) == (5000, "met")
    with asking(home) as ask:
        assert figures_now(ask, [key])[key, "month"] == last.figure

    smaller = deliver(home, unit_code, 120)
    assert smaller.publication is not None
    assert as_json(smaller)["follow_up"] == {"closed": [], "reopened": [task_id]}
    reopened = tasks.task(task_id)
    assert (reopened.state, reopened.due) == ("found", None)
    last = tasks.events(task_id)[-1]
    assert last.figure is not None
    assert (last.figure.edition_id, last.figure.numerator) == (smaller.publication.edition_id, 120)
    assert [event.state for event in tasks.events(task_id)] == ["found", "assigned", "answered", "closed", "found"]
    store.close()
    assert verify(home).damages == []


def test_a_run_that_died_right_after_publishing_settles_at_the_next_one(
    published: Home, copy_of: Callable[[Home], Home], monkeypatch: pytest.MonkeyPatch
) -> None:
    home = copy_of(published)
    flag = missed_flag(home)
    store = Store.of(home)
    tasks = FollowUp(store)
    task_id = tasks.open(flag, WANG, TODAY)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("pipelines.run.settle", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        deliver(home, flag.unit_code, 5000)
    manifest = current_manifest(home)
    assert manifest is not None and manifest["edition_id"] != flag.figure.edition_id
    assert tasks.task(task_id).state == "found"
    again = run(home, as_of=AS_OF)
    assert again.publication is not None and not again.publication.is_new
    assert tasks.task(task_id).state == "closed"
    store.close()
