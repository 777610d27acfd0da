"""Follow-up in a real browser: from a missed indicator to a task, and on from step to step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest

from pipelines.actor import Actor
from pipelines.follow_up_edition import asking, figures_now
from pipelines.follow_up_store import FollowUp
from pipelines.settings import Home
from pipelines.store import Store
from tests.support.browser import Served, Watched, serve
from tests.support.edition import build_edition

pytestmark = pytest.mark.browser

Visit = Callable[..., Watched]
UNIT = "/unit/610629001001@2016-01-01?period=2026-06"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Served]:
    """A small county whose operational store is the test's own."""
    build_edition(tmp_path / "published")
    yield from serve(tmp_path)


@pytest.fixture
def tasks(desk: Served) -> Iterator[FollowUp]:
    store = Store.of(Home(desk.published.parent))
    yield FollowUp(store)
    store.close()


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_a_missed_indicator_becomes_a_task_that_is_worked_on(
    desk: Served, visit: Visit, tasks: FollowUp, width: int, height: int
) -> None:
    watched = visit(desk, width, height)
    page = watched.open(UNIT)
    page.locator("a.button.small", has_text="交办").first.click()
    page.wait_for_url("**/follow-up/new?**")
    page.wait_for_selector("form.step-form")
    watched.picture(f"follow-up-new-{width}-zh", whole=True)
    page.fill("textarea[name=instructions]", "补齐登记\n<b>限期</b>办结")
    page.fill("input[name=assignee]", "社区科")
    page.click("form.step-form button")
    page.wait_for_url("**/follow-up/1?**")
    task = tasks.task(1)
    assert task.state == "assigned"
    assert page.locator("dl.written dd", has_text="<b>限期</b>办结").count() == 1
    page.click("[data-step=rectifying] button")
    page.wait_for_selector(".headline .t-rectifying")
    page.fill("[data-step=answered] textarea", "已补齐")
    page.click("[data-step=answered] button")
    page.wait_for_selector(".headline .t-answered")
    assert [event.state for event in tasks.events(1)] == ["found", "assigned", "rectifying", "answered"]
    watched.picture(f"follow-up-task-{width}-zh", whole=True)
    page.click(".top nav a >> text=督办")
    page.wait_for_selector("[data-task='1']")
    watched.picture(f"follow-up-list-{width}-zh", whole=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    with asking(Home(desk.published.parent)) as ask:
        now = figures_now(ask, [task.flag.key])[task.flag.key, "month"]
    assert f"{now.numerator:,.0f} / {now.denominator:,.0f}" in page.inner_text("[data-task='1']")
    page.click("[data-task='1'] td a >> nth=1")
    page.wait_for_selector(".unit-name")
    page.go_back()
    page.wait_for_selector("[data-task='1']")


def test_the_list_is_filtered_without_scripts_and_reads_in_english(
    desk: Served, visit: Visit, tasks: FollowUp
) -> None:
    watched = visit(desk)
    page = watched.open(UNIT)
    links = page.locator("a.button.small").evaluate_all("all => all.map(one => one.getAttribute('href'))")
    assert len(links) > 1
    for href in links:
        watched.open(href)
        page.fill("textarea[name=instructions]", "限期整改")
        page.click("form.step-form button")
        page.wait_for_selector(".headline .t-assigned")
    page = watched.open("/follow-up?lang=en")
    assert page.inner_text("h1") == f"Follow-up: {len(links)} open"
    agency = tasks.task(1).flag.owner_agency
    page.select_option("select[name=agency]", agency)
    page.click("form.filters button")
    page.wait_for_url("**agency=**")
    expected = sum(task.flag.owner_agency == agency for task in tasks.tasks())
    assert page.locator("[data-task]").count() == expected
    assert page.locator("html").get_attribute("lang") == "en"
    watched.picture("follow-up-list-1440-en", whole=True)


def test_a_task_that_an_edition_closed_says_which(desk: Served, visit: Visit, tasks: FollowUp) -> None:
    watched = visit(desk)
    page = watched.open(UNIT)
    page.locator("a.button.small").first.click()
    page.wait_for_selector("form.step-form")
    page.fill("textarea[name=instructions]", "限期整改")
    page.click("form.step-form button")
    page.wait_for_selector(".headline .t-assigned")
    flag = tasks.task(1).flag
    met = type(flag.figure)("20260801T000000-abcd", date(2026, 7, 1), "met", "confirmed", flag.figure.denominator, flag.figure.denominator, None)
    tasks.settle({flag.key: met}, Actor("run", "r2"))
    page.reload()
    page.wait_for_selector(".headline .t-closed")
    assert "版次 20260801T000000-abcd 显示 2026-07 已达标" in page.inner_text("[data-event='3']")
    assert page.locator("form.step-form").count() == 0
